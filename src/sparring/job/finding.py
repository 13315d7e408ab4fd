"""A run that can be asked what in a picture is not as in those that it was trained on."""

import functools

from torch import nn

from sparring.job import finder as finders
from sparring.job.coded import CodedRun
from sparring.job.evidence import Evidence, Pixels, chosen_evidence
from sparring.job.finder import Detected, Finder
from sparring.job.reopen import own_data
from sparring.losses.detection import DETECTOR
from sparring.metrics.kept import silent
from sparring.models.detect.base import Detector


class FindingRun(CodedRun):
    """What a run of a detector, or of an autoencoder of pictures, is asked for."""

    @functools.cached_property
    def detector(self) -> Detector:
        """The detector, in evaluation mode and fp32.

        Raises:
            UsageError: the run was trained for something else.
        """
        self._refuse_other_task("anomaly", has="detector")
        module = self._player(DETECTOR)
        assert isinstance(module, Detector)
        return module

    def detect(self, pictures: Pixels, *, by: str | None = None) -> Detected:
        """How far pictures are from normal ones, as a whole and point by point.

        Args:
            pictures: uint8 [N, H, W, C] of the run's size.
            by: of a run with --task anomaly "memory" (the default), "blemishes" or "either"; of an autoencoder "error".

        Raises:
            UsageError: the run finds no anomalies, or pictures of another shape or type.
            DataError: what is to be remembered was not kept, and the run's data are gone.
        """
        found = self.finder(by)
        self._refuse_other(pictures)
        return found.look(pictures)

    def finder(self, by: str | None = None) -> Finder:
        """What `detect` finds by, with the scores of held-out normal pictures; raises as it does."""
        evidence = chosen_evidence(self.recipe.task, by, self.path.name)
        _ = self.picture_spec  # rows and volumes have no maps to be drawn
        if evidence not in self._finders:
            self._finders[evidence] = self._kept_or_fitted(evidence)
        return self._finders[evidence]

    @functools.cached_property
    def _finders(self) -> dict[Evidence, Finder]:
        return {}

    def _kept_or_fitted(self, by: Evidence) -> Finder:
        module: nn.Module = self.detector if self.recipe.task == "anomaly" else self.autoencoder
        place = finders.place_of(self.path, by, self.checkpoint.images)
        weights = finders.digest_of(module)
        tensors = finders.read_fitted(place, weights)
        if tensors is None:
            data, _ = own_data(self._folder, self.recipe, self.spec, silent)
            tensors = finders.fitted(by, module, self.recipe, data.parts, self._precision)
            finders.keep_fitted(place, tensors, weights)
        return finders.finder_of(by, module, self.recipe, tensors, self._precision)

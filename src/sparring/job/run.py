"""A finished or unfinished run, opened to sample from it and to be asked for classes."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from sparring.engine import sampling
from sparring.engine.allocator import reused_memory
from sparring.engine.deal import Stored, to_device, to_unit
from sparring.errors import UsageError, did_you_mean
from sparring.job.finding import FindingRun
from sparring.job.options import check_number
from sparring.job.records import read_shares
from sparring.metrics.crops import ten_crops
from sparring.recipe import Task

Labels = npt.NDArray[np.int64]
Pixels = npt.NDArray[np.uint8]
BATCH = 64
TRANSLATED = 8
"""Pictures in one pass where they are made from others: few are asked for at a time, and each takes long."""
CLASSIFIED = 250
MOST_SHOWN = 2_000
"""Pictures among which the hardest are looked for."""
MOST = 1_000_000
MOST_STEPS = 1_000


class Run(FindingRun):
    """One run folder.

    Args:
        path: a run folder, or `runs/latest`.
        device: where samples are computed; None: the fastest device there is.
        checkpoint: `best`, by what the run was judged by, or `last`.
        precision: what samples are computed in, see `OpenedRun`.
    """

    def sample(self, count: int = 64, *, label: str | None = None, seed: int = 0, truncation: float = 1.0) -> Stored:
        """Pictures uint8 [N, H, W, C], or rows float32 [N, F]; number n depends on the seed and n alone, not on how
        many are asked for.

        A generator that translates is given sources that it never saw, see `pairs`.

        Args:
            label: a class; None: drawn with the shares of the training labels, where there are classes.
            truncation: in (0, 1]: less is more typical and less varied.

        Raises:
            UsageError: an unknown class, a class where there are none, a number out of range.
        """
        z_NZ = self.noise(count, seed=seed, truncation=truncation)
        return self.pictures(z_NZ, self.condition(count, label, seed=seed))

    def provenance(self, *, seed: int = 0, truncation: float = 1.0) -> dict[str, str | int | float]:
        """What a picture of `sample` says of where it came from."""
        kimg = self.checkpoint.images / 1000
        computed = {} if self.precision.name == "fp32" else {"precision": self.precision.name}
        return {"run": self.path.name, "kimg": kimg, "seed": seed, "truncation": truncation, **computed}

    def noise(self, count: int, *, seed: int = 0, truncation: float = 1.0) -> torch.Tensor:
        """The z [N, Z] that `sample` starts from."""
        if not 1 <= count <= MOST:
            raise UsageError(f"{count} samples asked for: expected 1 to {MOST:,}; another --seed gives others.")
        if not 0 < truncation <= 1:
            raise UsageError(f"--truncation {truncation:g}: expected above 0 and at most 1.")
        check_number("seed", seed)
        module = self.generator
        if truncation != 1 and not module.z_dim:
            raise UsageError(
                f"--truncation {truncation:g}: {self.path.name} makes pictures without noise. Leave it out."
            )
        return sampling.truncate(sampling.noise(count, module.z_dim, seed=seed, kind=module.noise), truncation)

    def labels(self, count: int, label: str | None = None, *, seed: int = 0) -> Labels | None:
        """Labels int64 [N] of `count` samples, or None where the generator takes none."""
        if not self.generator.conditional:
            if label is not None:
                why = "its generator takes none" if self.spec.classes else "it was trained without classes"
                raise UsageError(f"class '{label}': {self.path.name} can't be asked for one, {why}. Leave it out.")
            return None
        if label is None:
            return sampling.drawn_labels(count, self._shares, seed=seed)
        if label not in self.spec.classes:
            raise UsageError(f"unknown class '{label}'. {did_you_mean(label, self.spec.classes)}")
        return np.full(count, self.spec.classes.index(label), dtype=np.int64)

    def condition(self, count: int, label: str | None = None, *, seed: int = 0) -> sampling.Condition | None:
        """What `count` samples are made of beside noise: `labels`, sources uint8 [N, H, W, C'], or None."""
        labels = self.labels(count, label, seed=seed)
        return self.pairs(count, seed=seed)[0] if self.generator.source_channels else labels

    def pairs(self, count: int, *, seed: int = 0) -> tuple[Pixels, Pixels]:
        """Sources and targets uint8 [N, H, W, C] that it was not trained on; pair n depends on the seed and n alone.

        They are of the test part, or of the validation part where there is none; after the last comes the first again.

        Raises:
            DataError, UsageError: the run's data are gone, other ones now, or no pairs.
        """
        part = self._unseen
        if part.source is None:
            raise UsageError(f"{self.path.name} was trained on pictures that are no pairs.")
        order = np.random.Generator(np.random.Philox(key=seed)).permutation(len(part))
        rows = order[np.arange(count) % len(order)]
        return part.source[rows], part.x[rows]

    @property
    def source_channels(self) -> int:
        """Channels of the pictures that it translates, or rebuilds.

        Raises:
            UsageError: it does neither.
        """
        if self.recipe.task == "rebuild":
            return self.picture_spec.channels
        if not self.generator.source_channels:
            raise UsageError(
                f"{self.path.name} makes pictures from noise and translates none. Train on pairs with --recipe "
                "pix2pix, or to rebuild pictures with --task rebuild."
            )
        return self.generator.source_channels

    def translate(self, pictures: Pixels) -> Pixels:
        """What the generator makes of sources uint8 [N, H, W, C'] of the size it was trained at: uint8 [N, H, W, C]; of
        an autoencoder what it rebuilds.

        Raises:
            UsageError: it does not translate, or pictures of another shape or type.
        """
        if self.recipe.task == "rebuild":
            return self.rebuild(pictures)
        expected = (self.picture_spec.height, self.picture_spec.width, self.source_channels)
        if pictures.dtype != np.uint8 or pictures.shape[1:] != expected or not len(pictures):
            raise UsageError(
                f"pictures are {pictures.dtype} {list(pictures.shape)}; {self.path.name} translates uint8 "
                f"{['N', *expected]}.".replace("'", "")
            )
        return self.pictures(self.noise(len(pictures)), pictures)

    def pictures(self, z_NZ: torch.Tensor, condition: sampling.Condition | None) -> Pixels:
        """Pictures uint8 [N, H, W, C] of given noise [N, Z] and labels [N], or sources [N, H, W, C'].

        A picture's bytes do not depend on how many are asked for: every pass is over a full batch, the last filled up.
        """
        count, batch = len(z_NZ), TRANSLATED if self.generator.source_channels else BATCH
        missing = -count % batch
        z_NZ = torch.cat([z_NZ, z_NZ[:1].expand(missing, -1)])
        if condition is not None:
            condition = np.concatenate([condition, np.repeat(condition[:1], missing, axis=0)])
        with reused_memory():
            pieces = [
                sampling.generate(self.generator, z_NZ[at : at + batch], _cut(condition, at, batch), self._precision)
                for at in range(0, len(z_NZ), batch)
            ]
        return np.concatenate(pieces)[:count]

    def classify(self, pictures: Stored, *, ten_crop: bool = False) -> npt.NDArray[np.float64]:
        """P(y | x) of pictures uint8 [N, H, W, C] of the run's size: float64 [N, K], by the classifier, by the
        discriminator's class head, or by Bayes' rule of a variational autoencoder that is told the class.

        With `semi-supervised` heads it is the probability given that the picture is no fake. A classifier of rows is
        asked about float32 [N, F].

        Args:
            ten_crop: average over ten views of each picture, see `metrics.crops`.

        Raises:
            UsageError: the discriminator names no classes, the pictures are of another size, or views of rows.
        """
        if not self.names_classes:
            raise UsageError(
                f"{self.path.name} can't tell classes: {_nameless(self.recipe.task)}. Train with labels and --task "
                "classify, --recipe cvae or ssgan, or --set discriminator.heads=auxiliary."
            )
        if self.recipe.task == "rebuild":
            if ten_crop:
                raise UsageError(f"--ten-crop is for classifiers; {self.path.name} goes by Bayes' rule.")
            return self.posterior(pictures)
        self._refuse_other(pictures)
        if ten_crop and not self.is_flat:
            raise UsageError(f"--ten-crop is for flat pictures, {self.path.name} was trained on {self.spec.form}.")
        starts = range(0, len(pictures), CLASSIFIED)
        pieces = [self._classified(pictures[at : at + CLASSIFIED], ten_crop) for at in starts]
        return np.concatenate(pieces) if pieces else np.empty((0, len(self.spec.classes)))

    def hardest(self, count: int) -> Pixels:
        """Pictures uint8 [N, H, W, C] that it was not trained on, those first to whose class it gives least; fewer
        than asked for where there are no more.

        Raises:
            UsageError: it names no classes, or its data are no flat pictures. DataError: as `unseen_labelled`.
        """
        if not self.is_flat:
            raise UsageError(f"{self.path.name} was trained on {self.spec.form}: there are no pictures to be shown.")
        pictures, labels = self.unseen_labelled(MOST_SHOWN)
        given = self.classify(pictures)[np.arange(len(labels)), labels]
        return pictures[np.argsort(given, kind="stable")[:count]]

    @torch.no_grad()
    def _classified(self, pictures: Stored, ten_crop: bool) -> npt.NDArray[np.float64]:
        x_BCHW = to_unit(to_device(torch.tensor(pictures), self._precision.device))
        views = ten_crops(x_BCHW) if ten_crop else x_BCHW[None]
        likely = torch.stack([self._logits(view_BCHW).double().softmax(1) for view_BCHW in views]).mean(0)
        found: npt.NDArray[np.float64] = likely.cpu().numpy()
        return found

    def _logits(self, x_BCHW: torch.Tensor) -> torch.Tensor:
        if self.recipe.task == "classify":
            logit_BK: torch.Tensor = self.classifier(x_BCHW)
            return logit_BK
        return self.discriminator.class_logits(self.discriminator.features(x_BCHW))

    def named(self, pictures: npt.NDArray[np.uint8], *, seed: int = 0) -> Labels:
        """Classes int64 [N] drawn from `classify`: with pictures of `sample` they are draws of P(x, y).

        Raises:
            UsageError: as `classify`.
        """
        return sampling.drawn_by_row(self.classify(pictures), seed=seed)

    def interpolate(
        self, steps: int, *, rows: int = 8, label: str | None = None, seed: int = 0, truncation: float = 1.0
    ) -> Stored:
        """`rows` walks along great circles between two samples of `steps` pictures: uint8 [rows * steps, H, W, C]."""
        if not 2 <= steps <= MOST_STEPS:
            raise UsageError(f"--interpolate {steps}: expected 2 to {MOST_STEPS:,}.")
        if not self.generator.z_dim:
            raise UsageError(f"--interpolate: {self.path.name} makes pictures without noise to walk through.")
        ends = self.noise(2 * rows, seed=seed, truncation=truncation)
        z_NZ = torch.cat([sampling.slerp(ends[2 * row], ends[2 * row + 1], steps) for row in range(rows)])
        labels = self.labels(rows, label, seed=seed)
        return self.pictures(z_NZ, None if labels is None else labels.repeat(steps))

    @property
    def _shares(self) -> Sequence[float]:
        return read_shares(self._folder)


def _nameless(task: Task) -> str:
    return "its autoencoder is told none" if task == "rebuild" else "its discriminator names none"


def evidence(log_joint_NK: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """log p(x) of log P(x, y), nats, float64 [N]."""
    found: npt.NDArray[np.float64] = torch.from_numpy(log_joint_NK).logsumexp(1).numpy()
    return found


def _cut(condition: sampling.Condition | None, at: int, batch: int) -> sampling.Condition | None:
    return None if condition is None else condition[at : at + batch]

"""The judge: a small classifier fitted once to a labelled data set, whose features measures compare pictures in.

It knows the classes, so it can also say which of them samples show. How it is fitted and kept: `judge_training`.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sparring.engine.threads import threads_for
from sparring.errors import MachineError
from sparring.metrics.base import Features, Floats, Labels, Pictures
from sparring.metrics.intervals import wilson
from sparring.metrics.judge_network import JudgeNetwork, native_side
from sparring.metrics.shapes import in_blocks, on_device, to_side, with_channels

FORMAT = 1
BLOCK = 250
ENOUGH_SKILL = 0.5


@dataclass(frozen=True, kw_only=True)
class JudgeRecord:
    """What a judge was fitted to, and how well it does.

    Args:
        channels, height, width: of the pictures it was fitted to.
        classes: number of classes.
        trained: labelled training pictures.
        held: labelled pictures held out, that `accuracy` was measured on.
        accuracy: share of the held-out pictures that it classifies right; 0 where there are none.
        skill: see `skill`.
        images: pictures seen while fitting, repetitions counted.
        seconds: what fitting took.
    """

    channels: int
    height: int
    width: int
    classes: int
    trained: int
    held: int
    accuracy: float
    skill: float
    images: int
    seconds: float
    seed: int
    precision: str
    format: int = FORMAT


class Judge:
    """An extractor, see `base.Extractor`: 64 features after the last ReLU, and probabilities of the classes.

    Args:
        network: fitted; it is taken over and changed into its fast form.
        record: what it was fitted to.
        weights: sha256 of the file of its weights, hexadecimal.
    """

    name = "judge"

    def __init__(self, network: JudgeNetwork, record: JudgeRecord, weights: str, device: torch.device) -> None:
        self.record = record
        self._network = network.to(device).fused()
        self._device = device
        self._side = native_side(record.height, record.width)
        rule = {"format": record.format, "side": self._side, "channels": record.channels, "resize": "area"}
        self.sha256 = hashlib.sha256((weights + json.dumps(rule, sort_keys=True)).encode()).hexdigest()

    @property
    def accuracy(self) -> float:
        """Share of held-out pictures classified right."""
        return self.record.accuracy

    @property
    def seconds(self) -> float:
        """What fitting took, on the machine that did it."""
        return self.record.seconds

    @property
    def trustworthy(self) -> bool:
        """Whether measures should rest on it: it avoids at least half of the errors of guessing.

        Below that, what it calls a class says more about its own errors than about samples, and `conv` is the better
        space. Counted from chance, the same demand is fair for 2 classes and for 100, balanced or not.
        """
        return self.record.skill >= ENOUGH_SKILL

    @torch.inference_mode()
    def __call__(self, pictures: Pictures) -> Features:
        """Features float64 [N, 64] and probabilities float64 [N, K] of pictures of any size and 1, 3 or 4 channels."""
        with threads_for(math.prod(self._side)):
            both = in_blocks(self._ask, with_channels(pictures, self.record.channels), BLOCK)
        count = both.shape[1] - self.record.classes
        return Features(vectors=both[:, :count], probabilities=both[:, count:])

    def classify(self, pictures: Pictures) -> Labels:
        """The likeliest class of each picture, int64 [N]."""
        probabilities = self(pictures).probabilities
        assert probabilities is not None
        likeliest: Labels = probabilities.argmax(1)
        return likeliest

    def _ask(self, pictures: Pictures) -> Floats:
        h_BF = self._network.features(to_side(on_device(pictures, self._device), self._side))
        likely_BK = self._network.head(h_BF).double().softmax(1)
        answer: Floats = torch.cat([h_BF.double(), likely_BK], 1).cpu().numpy()
        return answer


def network_for(channels: int, height: int, width: int, classes: int) -> JudgeNetwork:
    """The judge's network for pictures of this size, freshly initialised."""
    return JudgeNetwork(channels, *native_side(height, width), classes)


def restored(tensors: Mapping[str, Tensor], record: Mapping[str, Any], weights: str, device: torch.device) -> Judge:
    """A judge from what was kept.

    Raises:
        MachineError: the tensors are not those of the network that the record describes.
    """
    try:
        known = JudgeRecord(**record)
        with torch.random.fork_rng(devices=[]):
            network = network_for(known.channels, known.height, known.width, known.classes)
        network.load_state_dict(dict(tensors), strict=True)
    except (TypeError, ValueError, RuntimeError) as error:
        raise MachineError(f"the kept judge does not fit its record ({error}). Remove the cache's folder.") from None
    return Judge(network, known, weights, device)


def noted(record: JudgeRecord) -> dict[str, Any]:
    """The record for JSON."""
    return asdict(record)


def skill(right: int, labels: Labels) -> float:
    """Share of the errors of always saying the commonest class that `right` right answers avoid, 0 to 1, at the lower
    end of the 95 % interval: ten pictures held out prove little. 0 without any.

    Args:
        labels: of the pictures that were asked for.
    """
    if not len(labels):
        return 0.0
    chance = float(np.unique(labels, return_counts=True)[1].max() / len(labels))
    low, _ = wilson(right, len(labels))
    return max(0.0, (low - chance) / (1 - chance)) if chance < 1 else 0.0

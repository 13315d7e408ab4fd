"""The loss of points, by hand."""

import math

import pytest
import torch

from sparring.losses.base import Moment
from sparring.losses.detection import CrossEntropyAndOverlap, FindBlemishes
from sparring.models.detect.base import Detector


def test_of_logits_that_say_nothing() -> None:
    changed = torch.zeros(2, 1, 4, 5)
    changed[1, 0, 0, :3] = 1
    found = CrossEntropyAndOverlap(overlap=0.5)(torch.zeros(2, 1, 4, 5), changed)
    # p = 1/2 everywhere: 20 points sum to 10.
    expected = [math.log(2) + 0.5 * (1 - 1 / 11), math.log(2) + 0.5 * (1 - (2 * 1.5 + 1) / (10 + 3 + 1))]
    assert found.tolist() == pytest.approx(expected)


def test_of_what_is_right_and_wrong() -> None:
    changed = torch.zeros(1, 1, 6, 6)
    changed[..., :2, :] = 1
    logit = 40 * (2 * changed - 1)
    loss = CrossEntropyAndOverlap()
    assert loss(logit, changed).item() == pytest.approx(0, abs=1e-6)
    assert loss(-logit, changed).item() == pytest.approx(40 + 0.3 * (1 - 1 / 37), rel=1e-5)


class Brightness(Detector):
    """As many logits as the picture has points: their values."""

    def layers(self, x_BCHW: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (x_BCHW,)

    def places(self, layers: tuple[torch.Tensor, ...], size: tuple[int, int]) -> torch.Tensor:
        return layers[0]


def test_a_turn_tells_what_it_gives_to_blemished_points_and_to_others() -> None:
    changed = torch.zeros(2, 1, 3, 3)
    changed[0, 0, 1] = 1
    x = torch.where(changed > 0, 2.0, -1.0)
    turn = FindBlemishes(Brightness(), CrossEntropyAndOverlap()).turn(
        "detector", {"x": x, "changed": changed}, Moment(round=0, update=0, last=True, count=0)
    )
    assert turn.terms["loss"].shape == (2,)
    assert turn.scalars["found"].item() == pytest.approx(1 / (1 + math.exp(-2)))
    assert turn.scalars["alarm"].item() == pytest.approx(1 / (1 + math.exp(1)))

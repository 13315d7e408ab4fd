"""Changes to what a classifier learns from: each by hand, and the same for the same seed and place."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from sparring.engine.deal import Order, Pictures, generator
from sparring.engine.distortions.base import Distorted, Views, cut_out, erased, mirrored, shifted
from sparring.engine.distortions.standard import Standard, drawn_boxes, drawn_share, mixed
from sparring.engine.distortions.strong import BRIGHTNESS, CONTRAST, MOVE, STRETCH, Strong, relit, warps
from sparring.losses.base import Batch

CPU = torch.device("cpu")


def pictures(count: int = 4, side: int = 6) -> Tensor:
    return torch.arange(count * 2 * side * side, dtype=torch.float32).view(count, 2, side, side)


def test_a_mirrored_picture_has_left_and_right_exchanged() -> None:
    x_BCHW = pictures(2)
    found = mirrored(x_BCHW, torch.tensor([True, False]))
    assert torch.equal(found[0], torch.from_numpy(x_BCHW[0].numpy()[:, :, ::-1].copy()))
    assert torch.equal(found[1], x_BCHW[1])


def test_a_shift_is_numpys_pad_and_cut() -> None:
    x_BCHW = pictures(3)
    moves = [(2, -1), (0, 3), (-3, 0)]
    found = shifted(x_BCHW, *torch.tensor(moves).T)
    for picture, (down, right), moved in zip(x_BCHW.numpy(), moves, found.numpy(), strict=True):
        padded = np.pad(picture, ((0, 0), (3, 3), (3, 3)), mode="edge")
        np.testing.assert_array_equal(moved, padded[:, 3 + down : 9 + down, 3 + right : 9 + right])


def test_an_erased_square_is_grey_and_the_rest_stays() -> None:
    x_BCHW = pictures(2) + 1
    found = erased(x_BCHW, 2, torch.tensor([3, 0]), torch.tensor([3, 5]))
    of_each = erased(x_BCHW, torch.tensor([2, 0]), torch.tensor([3, 0]), torch.tensor([3, 5]))
    assert torch.equal(of_each, torch.stack([found[0], x_BCHW[1]]))
    gone = found == 0
    assert gone[0, 0].nonzero().tolist() == [[2, 2], [2, 3], [3, 2], [3, 3]]
    assert gone[1, 0].nonzero().tolist() == [[0, 4], [0, 5]], "cut off at the border"
    assert torch.equal(found[~gone], x_BCHW[~gone])


def test_a_whole_box_leaves_a_picture_and_a_quarter_shows_a_quarter() -> None:
    x_BCHW = torch.linspace(-1, 1, 8).expand(2, 1, 8, 8)
    boxes = torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.0, 0.5, 1.0, 0.5]])
    whole, right = cut_out(x_BCHW, boxes)
    torch.testing.assert_close(whole, x_BCHW[0], atol=1e-5, rtol=0)
    assert right[0, 0].min() > x_BCHW[0, 0, 0, 3], "only what lies right of the middle"
    assert right[0, 0, -1] == pytest.approx(x_BCHW[0, 0, 0, -1].item(), abs=0.1)


def test_boxes_have_the_areas_and_ratios_that_were_asked_for() -> None:
    top, left, height, width = drawn_boxes(2_000, 0.25, generator(0)).unbind(1)
    area = height * width
    assert area.min() > 0.2
    assert area.max() <= 1
    inside = (height < 1) & (width < 1)
    ratio = (height / width)[inside]
    assert ratio.min() >= 3 / 4 - 1e-5
    assert ratio.max() <= 4 / 3 + 1e-5
    assert bool(((top + height <= 1 + 1e-6) & (left + width <= 1 + 1e-6) & (top >= 0) & (left >= 0)).all())


def test_shares_of_mixtures_are_those_of_the_beta_distribution_folded_at_a_half() -> None:
    draw = generator(1)
    shares = np.array([drawn_share(1.0, draw) for _ in range(2_000)])
    assert shares.min() >= 0.5
    assert shares.mean() == pytest.approx(0.75, abs=0.01), "alpha of 1 is uniform"
    assert np.mean([drawn_share(0.1, draw) for _ in range(500)]) > 0.9, "a small alpha mixes little"


def test_a_mixture_is_of_two_pictures_and_says_of_which_labels() -> None:
    batch = {"x": pictures(4), "y": torch.tensor([0, 1, 2, 3])}
    found = mixed(batch, 0.7, generator(3))
    others = found["other"].tolist()
    assert sorted(others) == [0, 1, 2, 3]
    torch.testing.assert_close(found["x"], 0.7 * batch["x"] + 0.3 * batch["x"][others])
    torch.testing.assert_close(found["share"], torch.full((4,), 0.7))


def test_what_a_picture_becomes_depends_on_seed_update_and_place_alone() -> None:
    x = np.random.default_rng(0).integers(0, 256, (32, 8, 8, 3), np.uint8)
    every = Standard(shift=2, flip=True, crop=0.5, cutout=3, mixup=0.2)

    def dealt(counter: int, seed: int = 5) -> Batch:
        source = Pictures(x, np.arange(32), order=Order(32, batch=8, seed=0, stream="x"), device=CPU)
        return Distorted(source, every, seed=seed)(counter)

    for name, value in dealt(3).items():
        assert torch.equal(value, dealt(3)[name])
    assert not torch.equal(dealt(3)["x"], dealt(4)["x"])
    assert not torch.equal(dealt(3)["x"], dealt(3, seed=6)["x"])
    assert dealt(0)["x"].abs().max() <= 1 + 1e-6


def test_nothing_asked_for_changes_nothing() -> None:
    batch = {"x": pictures(), "y": torch.arange(4)}
    assert torch.equal(Standard()(batch, generator(0))["x"], batch["x"])


def test_no_strength_changes_nothing_and_full_strength_stays_in_range() -> None:
    x_BCHW = torch.rand(16, 3, 12, 12, generator=generator(4)) * 2 - 1
    batch = {"x": x_BCHW}
    torch.testing.assert_close(Strong(strength=0.0)(batch, generator(0))["x"], x_BCHW, atol=1e-5, rtol=0)
    found = Strong(flip=True)(batch, generator(0))["x"]
    assert found.shape == x_BCHW.shape
    assert found.abs().max() <= 1
    assert ((found - x_BCHW).flatten(1).norm(dim=1) > 1).all()
    assert torch.equal(found, Strong(flip=True)(batch, generator(0))["x"])


def test_a_turn_keeps_lengths_as_they_are_seen_and_a_stretch_multiplies_areas() -> None:
    height, width = 20, 10
    points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.5]])
    scale = torch.tensor([width / 2, height / 2])
    turned = warps(torch.tensor([[1.0], [0.0], [0.0], [0.0], [0.0], [0.0]]), height / width)[0]
    seen, before = (points @ turned[:, :2].T + turned[:, 2]) * scale, points * scale
    torch.testing.assert_close(torch.cdist(seen, seen), torch.cdist(before, before))
    cosine = (seen[1] @ before[1]) / (seen[1].norm() * before[1].norm())
    assert math.degrees(math.acos(cosine)) == pytest.approx(30, abs=1e-3)
    stretched = warps(torch.tensor([[0.3], [1.0], [1.0], [-0.5], [0.0], [0.0]]), height / width)[0]
    assert torch.linalg.det(stretched[:, :2]).item() == pytest.approx(math.exp(STRETCH * (1 - 0.5)), rel=1e-5)
    moved = warps(torch.tensor([[0.0], [0.0], [0.0], [0.0], [1.0], [-0.5]]), 2.0)[0]
    torch.testing.assert_close(moved[:, 2], torch.tensor([2 * MOVE, -MOVE]))


def test_contrast_is_about_the_mean_and_brightness_is_added() -> None:
    x_BCHW = torch.rand(2, 1, 4, 4, generator=generator(5)) * 0.2
    found = relit(x_BCHW, torch.tensor([0.5, 0.0]), torch.tensor([0.0, 1.0]))
    mean = x_BCHW[0].mean()
    torch.testing.assert_close(found[0], (x_BCHW[0] - mean) * math.exp(CONTRAST * 0.5) + mean)
    torch.testing.assert_close(found[1], x_BCHW[1] + BRIGHTNESS)


def test_two_views_are_of_the_same_pictures_and_the_same_again() -> None:
    x = np.random.default_rng(0).integers(0, 256, (8, 6, 6, 1), np.uint8)

    def views(weak: Standard | None) -> Batch:
        source = Pictures(x, None, order=Order(8, batch=4, seed=0, stream="x"), device=CPU)
        return Views(source, weak, Strong(strength=0.0), seed=3)(1)

    plain, changed = views(None), views(Standard(flip=True))
    torch.testing.assert_close(plain["x_weak"], plain["x_strong"], atol=1e-5, rtol=0)
    flipped = [torch.equal(a, b.flip(2)) for a, b in zip(changed["x_weak"], plain["x_weak"], strict=True)]
    kept = [torch.equal(a, b) for a, b in zip(changed["x_weak"], plain["x_weak"], strict=True)]
    assert all(a != b for a, b in zip(flipped, kept, strict=True))
    assert torch.equal(changed["x_weak"], views(Standard(flip=True))["x_weak"])

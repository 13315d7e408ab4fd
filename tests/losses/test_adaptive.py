"""Adaptive augmentation: its probability by hand, and each change against numpy or a law of its own."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from sparring.losses import adaptive
from sparring.losses.adaptive import Adaptive


def always(augmentation: Adaptive) -> Adaptive:
    augmentation.load_state({"p": torch.ones(()), "gaps": torch.zeros(2)})
    return augmentation


def told(augmentation: Adaptive, train: float, held: float, fake: float, *, times: int = 1, batch: int = 10) -> float:
    """p after so many looks at logits with these means."""
    spread_B = torch.linspace(-1, 1, batch)
    for _ in range(times):
        augmentation.adapt(train + spread_B, held + spread_B, fake + spread_B)
    return augmentation.scalars()["augment_p"].item()


def pictures(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1


def test_p_rises_by_the_share_of_the_reals_seen_and_falls_again() -> None:
    """Each look stands for 4 batches of 10: 40 of 10,000 reals is 0.004."""
    augmentation = Adaptive(kimg=10.0)
    assert augmentation.every == 4
    assert told(augmentation, 2.0, -1.0, -2.0, times=7) == pytest.approx(7 * 0.004)
    # r_v fades from 3/4 towards 0; with a memory of 3/4 its gap is still above half of 4 at first:
    # 3 (3/4)^n (1 - (3/4)^7) > 2 (1 - (3/4)^(n + 7)) while n is 1.
    assert told(augmentation, 2.0, 2.0, -2.0) == pytest.approx(8 * 0.004)
    assert told(augmentation, 2.0, 2.0, -2.0) == pytest.approx(7 * 0.004)
    assert told(augmentation, 2.0, 2.0, -2.0, times=50) == 0.0


def test_p_goes_from_0_to_1_in_the_thousands_of_reals_that_are_set() -> None:
    augmentation = Adaptive(kimg=2.0, every=2)
    assert told(augmentation, 1.0, 0.0, 0.0, times=99, batch=10) == pytest.approx(0.99)
    assert told(augmentation, 1.0, 0.0, 0.0, times=30) == 1.0


@pytest.mark.parametrize(
    ("held", "rises"), [(2.0, False), (1.0, False), (0.1, False), (-0.1, True), (-2.0, True), (-3.0, True)]
)
def test_the_target_lies_where_held_out_reals_are_half_way_to_the_fakes(held: float, rises: bool) -> None:
    """Training reals at 2, fakes at -2: r_v is 1/2 at 0. Neither an offset nor a factor on the logits matters."""
    for offset, factor in ((0.0, 1.0), (100.0, 1.0), (0.0, 1e-3)):
        augmentation = Adaptive(kimg=1.0)
        augmentation.load_state({"p": torch.tensor(0.5), "gaps": torch.zeros(2)})
        train, middle, fake = (offset + factor * value for value in (2.0, held, -2.0))
        assert (told(augmentation, train, middle, fake) > 0.5) is rises


@pytest.mark.parametrize(("train", "held", "fake"), [(0.0, 0.0, 0.0), (0.0, -1.0, 1.0), (0.0, 1.0, 1.0)])
def test_a_discriminator_that_is_fooled_has_learned_nothing_by_heart(train: float, held: float, fake: float) -> None:
    """The denominator of r_v is 0 or below it."""
    augmentation = Adaptive(kimg=1.0)
    augmentation.load_state({"p": torch.tensor(0.5), "gaps": torch.zeros(2)})
    assert told(augmentation, train, held, fake) == pytest.approx(0.46)


def test_logits_that_are_not_finite_leave_no_trace_in_the_averages() -> None:
    augmentation = Adaptive()
    told(augmentation, 1.0, 0.0, -1.0)
    before = augmentation.state()["gaps"]
    told(augmentation, math.nan, 0.0, -1.0)
    told(augmentation, 1.0, math.inf, -1.0)
    assert torch.equal(augmentation.state()["gaps"], before)
    assert torch.isfinite(augmentation.state()["p"])


def test_p_and_averages_are_taken_up() -> None:
    first, again = Adaptive(kimg=1.0), Adaptive(kimg=1.0)
    told(first, 2.0, -1.0, -2.0, times=5)
    again.load_state({name: value.clone() for name, value in first.state().items()})
    for look in (2.0, 2.0, -1.0, 2.0):
        assert told(first, 2.0, look, -2.0) == told(again, 2.0, look, -2.0)


def test_at_0_pictures_are_left_alone_and_at_1_nearly_all_change() -> None:
    x_BCHW = pictures(64, 3, 8, 8)
    assert torch.equal(Adaptive(noise=True)(x_BCHW), x_BCHW)
    changed = (always(Adaptive())(x_BCHW) != x_BCHW).flatten(1).any(1)
    assert changed.double().mean() > 0.95


def test_each_picture_gets_a_change_with_probability_p() -> None:
    augmentation = Adaptive(blit=False, color=False)
    augmentation.load_state({"p": torch.tensor(0.3), "gaps": torch.zeros(2)})
    torch.manual_seed(0)
    x_BCHW = torch.ones(4000, 1, 4, 4)
    cut = (augmentation(x_BCHW) == 0).flatten(1).any(1).double().mean().item()
    assert cut == pytest.approx(0.3, abs=4 * math.sqrt(0.3 * 0.7 / 4000))


@pytest.mark.parametrize("shape", [(5, 5), (4, 6)])
def test_turns_are_those_of_numpy_equally_often(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    x_CHW = pictures(2, *shape)
    turned = adaptive.turned(x_CHW.expand(400, 2, *shape)).numpy()
    quarters = (0, 1, 2, 3) if shape[0] == shape[1] else (0, 2)
    counts = [sum(np.array_equal(one, np.rot90(x_CHW.numpy(), k, (1, 2))) for one in turned) for k in quarters]
    assert sum(counts) == 400
    assert min(counts) > 0.7 * 400 / len(counts)


def test_shifts_are_windows_of_the_picture_reflected_as_numpy_reflects() -> None:
    torch.manual_seed(0)
    x_CHW = pictures(2, 16, 9)
    framed = np.pad(x_CHW.numpy(), ((0, 0), (2, 2), (1, 1)), mode="reflect")
    windows = {framed[:, down : down + 16, right : right + 9].tobytes() for down in range(5) for right in range(3)}
    moved = {one.contiguous().numpy().tobytes() for one in adaptive.moved(x_CHW.expand(300, 2, 16, 9))}
    assert moved == windows


def test_brightness_contrast_and_noise_have_the_papers_spread() -> None:
    torch.manual_seed(0)
    ones_BCHW = torch.ones(20_000, 1, 1, 1, dtype=torch.float64)
    assert (adaptive.brightened(ones_BCHW) - 1).std().item() == pytest.approx(0.2, rel=0.03)
    assert adaptive.contrasted(ones_BCHW).log2().std().item() == pytest.approx(0.5, rel=0.03)
    noise_BCHW = adaptive.noisy(torch.zeros(20_000, 1, 4, 4, dtype=torch.float64))
    assert noise_BCHW.square().mean().sqrt().item() == pytest.approx(0.1, rel=0.03)
    sizes_B = noise_BCHW.flatten(1).std(1)
    assert sizes_B.max() > 5 * sizes_B.median(), "each picture has a size of its own"


def test_saturation_and_luma_keep_what_they_do_not_change() -> None:
    torch.manual_seed(0)
    x_BCHW = pictures(1, 3, 4, 4).expand(20_000, 3, 4, 4)
    saturated = adaptive.saturated(x_BCHW)
    torch.testing.assert_close(saturated.mean(1), x_BCHW.mean(1))
    factor_B = (saturated[:, 0] - saturated[:, 1])[:, 0, 0] / (x_BCHW[:, 0] - x_BCHW[:, 1])[:, 0, 0]
    assert factor_B.log2().std().item() == pytest.approx(1.0, rel=0.03)
    flipped = adaptive.luma_flipped(x_BCHW)
    torch.testing.assert_close(flipped[:, 0] - flipped[:, 1], x_BCHW[:, 0] - x_BCHW[:, 1])
    torch.testing.assert_close(flipped.mean(1).abs(), x_BCHW.mean(1).abs())
    assert (flipped.mean((1, 2, 3)) == x_BCHW.mean((1, 2, 3))).double().mean().item() == pytest.approx(0.5, abs=0.02)


def test_hues_turn_around_the_greys() -> None:
    """By Rodrigues' formula the turn is exp(angle K), K the cross product with (1, 1, 1) / sqrt(3)."""
    torch.manual_seed(0)
    turned_BC = adaptive.hue_turned(pictures(1, 3, 1, 1).expand(200, 3, 1, 1)).flatten(1)
    x_C = pictures(1, 3, 1, 1).flatten()
    across = torch.tensor([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], dtype=torch.float64) / math.sqrt(3)
    circle_NC = torch.stack([torch.linalg.matrix_exp(angle * across) @ x_C for angle in torch.arange(0, 6.3, 0.001)])
    assert torch.cdist(turned_BC, circle_NC).amin(1).max() < 1e-3
    assert torch.cdist(circle_NC, turned_BC).amin(1).max() < 0.2, "any angle"


@pytest.mark.parametrize("change", [adaptive.luma_flipped, adaptive.hue_turned, adaptive.saturated])
def test_grey_pictures_have_no_colour_to_change(change: adaptive.Change) -> None:
    x_BCHW = pictures(4, 1, 3, 3)
    assert torch.equal(change(x_BCHW), x_BCHW)


@pytest.mark.parametrize("change", [*adaptive.BLIT, *adaptive.COLOR, adaptive.noisy], ids=lambda c: c.__name__)
def test_gradients_are_those_of_finite_differences_twice(change: adaptive.Change) -> None:
    def drawn_alike(x_BCHW: Tensor) -> Tensor:
        torch.manual_seed(3)
        return change(x_BCHW)

    x_BCHW = pictures(3, 3, 3, 3).requires_grad_()
    assert torch.autograd.gradcheck(drawn_alike, (x_BCHW,))
    assert torch.autograd.gradgradcheck(lambda x: drawn_alike(x).square(), (x_BCHW,))

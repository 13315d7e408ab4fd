"""Shifts: every move within reach comes, the border's points come in, gradients go back to where points came from."""

import numpy as np
import torch
from torch import Tensor

from sparring.losses.shift import Shift, picked

HEIGHT, WIDTH = 5, 7


def pictures(examples: int) -> Tensor:
    """Each point of a picture has a value of its own, so that a shift can be read off."""
    point_HW = torch.arange(HEIGHT * WIDTH, dtype=torch.float64).view(HEIGHT, WIDTH)
    return torch.stack([point_HW, -point_HW]).expand(examples, -1, -1, -1)


def by_hand(x_CHW: Tensor, down: int, across: int) -> np.ndarray:
    """numpy's padding by the border's points, and a cut."""
    padded = np.pad(x_CHW.numpy(), ((0, 0), (2, 2), (2, 2)), mode="edge")
    return padded[:, 2 - down : 2 - down + HEIGHT, 2 - across : 2 - across + WIDTH]


def test_every_picture_is_one_of_the_shifts_within_reach_and_all_of_them_come_equally_often() -> None:
    torch.manual_seed(0)
    x_BCHW = pictures(5_000)
    counts = np.zeros((5, 5), dtype=int)
    places = {
        by_hand(x_BCHW[0], *move).tobytes(): move for move in ((d, a) for d in range(-2, 3) for a in range(-2, 3))
    }
    assert len(places) == 25
    for moved in Shift(reach=2)(x_BCHW):
        down, across = places[moved.contiguous().numpy().tobytes()]
        counts[down + 2, across + 2] += 1
    # 200 each; the square root of 200 is 14.
    assert counts.min() > 140
    assert counts.max() < 260


def test_gradients_of_first_and_second_order_reach_the_points() -> None:
    torch.manual_seed(0)
    x_BCHW = torch.randn(3, 2, 4, 5, dtype=torch.float64, requires_grad=True)
    rows_BH, columns_BW = torch.randint(0, 4, (3, 4)), torch.randint(0, 5, (3, 5))

    def cubed(x: Tensor) -> Tensor:
        return picked(x, rows_BH, columns_BW) ** 3

    assert torch.autograd.gradcheck(cubed, x_BCHW)
    assert torch.autograd.gradgradcheck(cubed, x_BCHW)


def test_pictures_stay_channels_last() -> None:
    x_BCHW = torch.randn(2, 3, 8, 8).contiguous(memory_format=torch.channels_last)
    assert Shift()(x_BCHW).is_contiguous(memory_format=torch.channels_last)

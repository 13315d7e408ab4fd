"""What is put on normal pictures, and the map of where."""

import pytest
import torch
from torch import Tensor

from sparring.engine.blemishes.base import blemishes
from sparring.engine.blemishes.mixed import Mixed, spots
from sparring.engine.distortions.base import Distortion


def pictures(count: int = 16, *, channels: int = 3, height: int = 24, width: int = 24) -> Tensor:
    draw = torch.Generator().manual_seed(0)
    return torch.rand(count, channels, height, width, generator=draw) * 2 - 1


def put_on(blemish: Distortion, x_BCHW: Tensor, seed: int = 0) -> tuple[Tensor, Tensor]:
    found = blemish({"x": x_BCHW}, torch.Generator().manual_seed(seed))
    return found["x"], found["changed"]


@pytest.mark.parametrize("name", list(blemishes))
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 24, 24), (4, 12, 40)])
def test_pictures_stay_pictures_and_the_draw_decides(name: str, shape: tuple[int, int, int]) -> None:
    channels, height, width = shape
    x_BCHW = pictures(channels=channels, height=height, width=width)
    blemish = blemishes.build(name)
    spoilt, changed = put_on(blemish, x_BCHW)
    assert spoilt.shape == x_BCHW.shape
    assert changed.shape == (16, 1, height, width)
    assert set(changed.unique().tolist()) == {0.0, 1.0}
    assert spoilt.abs().max() <= 1
    assert all(torch.equal(a, b) for a, b in zip(put_on(blemish, x_BCHW), (spoilt, changed), strict=True))
    assert not torch.equal(put_on(blemish, x_BCHW, seed=1)[0], spoilt)


def test_what_is_said_to_be_changed_was_and_nothing_far_from_it() -> None:
    x_BCHW = pictures(64)
    blemish = Mixed()
    spoilt, changed = put_on(blemish, x_BCHW)
    moved = (spoilt - x_BCHW).abs().amax(1, keepdim=True)
    assert (moved[changed > 0] > blemish.visible).all()
    untouched = changed.flatten(1).amax(1) == 0
    assert 0.15 < untouched.float().mean() < 0.5, "a quarter is left as it was"


def test_without_a_share_nothing_happens() -> None:
    x_BCHW = pictures()
    spoilt, changed = put_on(Mixed(share=0.0), x_BCHW)
    assert torch.equal(spoilt, x_BCHW)
    assert not changed.any()


def test_pieces_are_of_other_pictures() -> None:
    """Each picture has one value of its own: what is put on it is that of another one, where it is not lit anew."""
    levels = torch.linspace(-0.9, 0.9, 8)
    x_BCHW = levels[:, None, None, None].expand(8, 1, 16, 16)
    found = {}
    for seed in range(20):
        spoilt, changed = put_on(Mixed(share=1.0, pieces=1.0, colours=0.0, opacity=1.0, visible=0.01), x_BCHW, seed)
        for number in range(8):
            middle = spoilt[number][changed[number] > 0]
            if len(middle):
                value = middle[(middle - levels[number]).abs().argmax()]
                found[seed, number] = float((levels - value).abs().min())
    assert sum(far < 0.02 for far in found.values()) > 0.2 * len(found)


def test_spots_go_from_scratches_to_a_good_part_of_the_picture() -> None:
    cover = spots(400, 32, 32, torch.Generator().manual_seed(0))
    assert cover.min() >= 0 and cover.max() <= 1
    area = (cover > 0.3).float().mean((1, 2, 3))
    assert area.quantile(0.1) < 0.01
    assert 0.05 < area.max() < 0.4

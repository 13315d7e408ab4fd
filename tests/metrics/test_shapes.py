"""Resizing against clean-fid, and channels against Pillow."""

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from sparring.metrics.shapes import blocks, by_pillow, in_blocks, on_device, to_side, with_channels

Pictures = npt.NDArray[np.uint8]

# Of clean-fid 0.1.35: make_resizer("PIL", False, "bicubic", (width, height)) on `ramp()[0]`, every third of it.
CLEAN_SMALL = [87.25605773925781, 64.22039031982422, 170.1488494873047, 147.11317443847656, 102.07144165039062]
CLEAN_SMALL += [78.87076568603516, 190.2572021484375, 162.19332885742188, 116.88682556152344, 96.44369506835938]
CLEAN_SMALL += [116.61897277832031, 172.58389282226562]
CLEAN_LARGE = [22.091337203979492, 14.681150436401367, 213.87843322753906, 203.46469116210938, 33.68633270263672]
CLEAN_LARGE += [26.276147842407227, 225.4734344482422, 215.0596923828125, 48.58599853515625, 41.175811767578125]
CLEAN_LARGE += [255.0, 229.95936584472656, 60.320377349853516, 52.91019058227539, 0.0, 241.69374084472656]


def ramp() -> Pictures:
    return (np.arange(5 * 7 * 3).reshape(1, 5, 7, 3) * 37 % 256).astype(np.uint8)


def random_pictures(*shape: int) -> Pictures:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize(
    ("height", "width", "expected", "mean"),
    [(3, 4, CLEAN_SMALL, 125.59109157986111), (299, 299, CLEAN_LARGE, 124.60603986511693)],
)
def test_resizing_gives_what_clean_fid_gave(height: int, width: int, expected: list[float], mean: float) -> None:
    made = by_pillow(ramp(), height, width)[0]
    assert made.dtype == np.float32
    thirds = made[:: max(1, height // 3), :: max(1, width // 3), 1]
    np.testing.assert_allclose(thirds.ravel(), expected, rtol=1e-6, atol=1e-5)
    assert made.astype(np.float64).mean() == pytest.approx(mean, rel=1e-7)


@pytest.mark.parametrize("side", [8, 28, 32, 299, 400])
def test_resizing_is_clean_fids_to_the_bit(side: int) -> None:
    resize = pytest.importorskip("cleanfid.resize").make_resizer("PIL", False, "bicubic", (299, 299))
    pictures = random_pictures(3, side, side, 3)
    np.testing.assert_array_equal(by_pillow(pictures, 299, 299), np.stack([resize(p) for p in pictures]))


def test_resizing_does_not_alias() -> None:
    """Stripes of one point become grey; a filter that does not widen keeps stripes."""
    stripes = np.zeros((1, 64, 64, 1), np.uint8)
    stripes[:, :, ::2] = 255
    assert np.abs(by_pillow(stripes, 16, 16)[:, 2:-2, 2:-2] - 127.5).max() < 1


@pytest.mark.parametrize(("given", "wanted"), [(1, 3), (1, 4), (3, 1), (3, 4), (4, 3), (4, 1), (3, 3)])
def test_channels_change_as_pillow_changes_them(given: int, wanted: int) -> None:
    pictures = random_pictures(40, 9, 7, given)
    modes = {1: "L", 3: "RGB", 4: "RGBA"}
    for made, picture in zip(with_channels(pictures, wanted), pictures, strict=True):
        image = Image.fromarray(picture[..., 0] if given == 1 else picture)
        if given == 4:
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        expected = np.asarray(image.convert(modes[wanted])).reshape(9, 7, wanted).astype(int)
        assert np.abs(made.astype(int) - expected).max() <= (1 if given == 4 else 0)


def test_areas_on_the_way_down_and_lines_on_the_way_up() -> None:
    x_BCHW = on_device(random_pictures(2, 8, 8, 1), torch.device("cpu"))
    small = to_side(x_BCHW, (4, 4))
    torch.testing.assert_close(small[0, 0, 1, 2], x_BCHW[0, 0, 2:4, 4:6].mean())
    assert to_side(x_BCHW, (8, 8)) is x_BCHW
    assert to_side(x_BCHW, (16, 4)).shape == (2, 1, 16, 4)


def test_read_only_pictures_are_taken() -> None:
    pictures = random_pictures(2, 8, 8, 3)
    pictures.flags.writeable = False
    x_BCHW = on_device(pictures, torch.device("cpu"))
    assert (x_BCHW.min(), x_BCHW.max()) >= (-1, -1)
    assert x_BCHW.shape == (2, 3, 8, 8)


@pytest.mark.parametrize("count", [0, 1, 4, 5, 9])
def test_blocks_cover_everything_once(count: int) -> None:
    pictures = random_pictures(count, 2, 2, 1)
    sizes: list[int] = []

    def total(block: Pictures) -> npt.NDArray[np.float64]:
        sizes.append(len(block))
        return block.sum((1, 2, 3), dtype=np.float64)[:, None]

    np.testing.assert_array_equal(in_blocks(total, pictures, 4)[:, 0], pictures.sum((1, 2, 3)))
    assert max(sizes) <= 4
    assert sum(part.stop - part.start for part in blocks(count, 4)) == count

"""Grids that can be seen, and pictures that say where they came from."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sparring import pictures
from sparring.errors import DataError, MachineError

_NOTE = {"run": "digits-gan-001", "seed": 3, "truncation": 0.1 + 0.2, "class": "Größe 花"}


def _random(number: int, height: int, width: int, channels: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (number, height, width, channels), dtype=np.uint8)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
@pytest.mark.parametrize("scale", [1, 3])
def test_every_picture_is_where_it_belongs(channels: int, mode: str, scale: int) -> None:
    given = _random(7, 5, 9, channels)
    sheet = pictures.grid(given, columns=3, scale=scale, gap=2)
    assert sheet.mode == mode
    step_y, step_x = 5 * scale + 2, 9 * scale + 2
    assert sheet.size == (3 * step_x - 2, 3 * step_y - 2)
    points = np.asarray(sheet).reshape(sheet.height, sheet.width, channels)
    covered = np.zeros(points.shape[:2], bool)
    for index, picture in enumerate(given):
        top, left = index // 3 * step_y, index % 3 * step_x
        area = slice(top, top + 5 * scale), slice(left, left + 9 * scale)
        enlarged = picture.repeat(scale, axis=0).repeat(scale, axis=1)
        assert np.array_equal(points[area], enlarged)
        covered[area] = True
    assert (points[~covered] == 255).all()


@pytest.mark.parametrize(("side", "columns", "scale"), [(8, 10, 6), (28, 8, 2), (64, 8, 1), (8, 100, 2), (8, 900, 1)])
def test_small_pictures_are_enlarged_until_they_can_be_seen(side: int, columns: int, scale: int) -> None:
    sheet = pictures.grid(np.zeros((columns, side, side, 1), np.uint8), columns=columns, gap=0)
    assert sheet.size == (columns * side * scale, side * scale)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_captions_stand_left_of_their_rows(channels: int) -> None:
    given = _random(6, 16, 16, channels)
    plain = pictures.grid(given, columns=3)
    sheet = pictures.grid(given, columns=3, captions=["rose", "a name much longer than there is room for " * 3])
    left = sheet.width - plain.width
    assert 20 < left < 200
    right = sheet.crop((left, 0, *sheet.size))
    assert np.array_equal(np.asarray(right), np.asarray(plain))
    margin = np.asarray(sheet.convert("L"))[:, :left]
    first, second = margin[:48] < 128, margin[50:] < 128
    assert 0 < first.sum() < second.sum()


def test_captions_know_more_than_latin_letters() -> None:
    def ink(text: str) -> bytes:
        return pictures.grid(_random(1, 16, 16, 1), columns=1, captions=[text]).tobytes()

    assert len({ink(text) for text in ("роза", "мака", "ρόδο", "rosé")}) == 4


@pytest.mark.parametrize(
    "given",
    [
        np.zeros((2, 8, 8), np.uint8),
        np.zeros((2, 8, 8, 2), np.uint8),
        np.zeros((0, 8, 8, 1), np.uint8),
        np.zeros((2, 8, 8, 1), np.float32),
    ],
)
def test_what_is_no_stack_of_pictures_is_refused(given: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"uint8 \[N, H, W, C\]"):
        pictures.grid(given, columns=2)
    with pytest.raises(ValueError, match=r"uint8 \[N, H, W, C\]"):
        pictures.save_numbered(given, tmp_path / "out", lambda _: {})
    assert not (tmp_path / "out").exists()


def test_captions_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="1 captions were given for 2 rows"):
        pictures.grid(_random(4, 8, 8, 1), columns=2, captions=["one"])


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_provenance_travels_inside_the_picture(tmp_path: Path, channels: int) -> None:
    given = _random(1, 16, 16, channels)[0]
    image = Image.fromarray(given[..., 0] if channels == 1 else given)
    pictures.save_png(image, tmp_path / "one.png", _NOTE)
    assert pictures.read_provenance(tmp_path / "one.png") == _NOTE
    with Image.open(tmp_path / "one.png") as read:
        assert np.array_equal(np.asarray(read).reshape(given.shape), given)
    pictures.save_png(image, tmp_path / "two.png", _NOTE, durable=False)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.png", "two.png"]


def test_pictures_of_others_have_no_provenance(tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "plain.png")
    (tmp_path / "text.png").write_text("no picture")
    Image.new("L", (4, 4)).save(tmp_path / "photo.jpg")
    for name, words in [("plain.png", "does not say"), ("text.png", "not a PNG"), ("photo.jpg", "not a PNG")]:
        with pytest.raises(DataError, match=words):
            pictures.read_provenance(tmp_path / name)


def test_numbered_pictures_sort_and_know_their_place(tmp_path: Path) -> None:
    given = _random(12, 8, 8, 3)
    paths = pictures.save_numbered(given, tmp_path / "made" / "here", lambda index: {"index": index})
    assert [path.name for path in paths] == [f"{index:04d}.png" for index in range(12)]
    for index, path in enumerate(paths):
        assert pictures.read_provenance(path) == {"index": index}
        with Image.open(path) as image:
            assert np.array_equal(np.asarray(image), given[index])


def test_a_place_that_can_not_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineError, match="file"):
        pictures.save_numbered(_random(1, 8, 8, 1), tmp_path / "file" / "below", lambda _: {})

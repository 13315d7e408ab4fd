"""Robustness: what each change does to pictures, and that a classifier's weakness shows in its row."""

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from sparring.errors import DataError
from sparring.metrics import robust
from sparring.metrics.intervals import wilson
from sparring.metrics.robust import Robustness, robustness

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Pictures = npt.NDArray[np.uint8]


class Watcher:
    """Takes every picture for class 0, and keeps what it was shown."""

    def __init__(self) -> None:
        self.seen: list[Pictures] = []

    def __call__(self, pictures: Pictures) -> Floats:
        self.seen.append(pictures)
        return np.tile([1.0, 0.0], (len(pictures), 1))


def scene(count: int, height: int, width: int, channels: int) -> Pictures:
    return np.random.default_rng(0).integers(20, 120, (count, height, width, channels)).astype(np.uint8)


def shown(pictures: Pictures, seed: int = 0) -> dict[tuple[str, float], Pictures]:
    """The changed pictures by kind and strength."""
    watcher = Watcher()
    table = robustness(watcher, pictures, np.zeros(len(pictures), np.int64), seed=seed)
    changed = [row for at, row in enumerate(table.rows) if at % 5]
    assert len(watcher.seen) == 1 + len(changed)
    return {(row.kind, row.strength): seen for row, seen in zip(changed, watcher.seen[1:], strict=True)}


def test_there_are_five_changes_of_five_strengths() -> None:
    table = robustness(Watcher(), scene(6, 32, 32, 1), np.zeros(6, np.int64))
    strengths = {}
    for row in table.rows:
        strengths.setdefault((row.kind, row.unit), []).append(row.strength)
    assert strengths == {
        ("shift", "pixels"): [0, 1, 2, 4, 8],
        ("rotation", "degrees"): [0, 5, 10, 20, 30],
        ("light", "times or divided by"): [1, 1.25, 1.5, 2, 3],
        ("blur", "sigma, pixels"): [0, 0.5, 1, 1.5, 2],
        ("occlusion", "share covered"): [0, 49 / 1024, 100 / 1024, 196 / 1024, 400 / 1024],
    }


@pytest.mark.parametrize(("height", "width", "channels"), [(8, 8, 1), (12, 20, 3), (16, 9, 4)])
def test_pictures_keep_their_shape_and_the_originals_stay(height: int, width: int, channels: int) -> None:
    pictures = scene(5, height, width, channels)
    before = pictures.copy()
    for changed in shown(pictures).values():
        assert changed.dtype == np.uint8 and changed.shape == pictures.shape
        assert (changed != pictures).any()
    np.testing.assert_array_equal(pictures, before)


def test_a_shift_moves_by_its_pixels_and_continues_the_border() -> None:
    pictures = scene(40, 12, 16, 3)
    directions = set()
    for (kind, strength), changed in shown(pictures).items():
        if kind != "shift":
            continue
        by = int(strength)
        for old, new in zip(pictures, changed, strict=True):
            padded = np.pad(old, [(by, by), (by, by), (0, 0)], mode="edge")
            candidates = {
                (y, x): padded[by - y * by :, by - x * by :][:12, :16] for y, x in ((0, 1), (0, -1), (1, 0), (-1, 0))
            }
            fits = [direction for direction, wanted in candidates.items() if (wanted == new).all()]
            assert fits
            directions.add(fits[0])
    assert len(directions) == 4


def test_a_rotation_is_pillows_around_the_middle_to_either_side() -> None:
    pictures = scene(20, 16, 16, 1)
    changed = shown(pictures)[("rotation", 20.0)]
    signs = []
    for old, new in zip(pictures, changed, strict=True):
        frame = Image.fromarray(np.pad(old[..., 0], 16, mode="edge"))
        turned = [np.asarray(frame.rotate(sign * 20, Image.Resampling.BILINEAR))[16:32, 16:32] for sign in (1, -1)]
        fits = [sign for sign, wanted in zip((1, -1), turned, strict=True) if (wanted == new[..., 0]).all()]
        assert len(fits) == 1
        signs += fits
    assert set(signs) == {1, -1}


def test_light_multiplies_or_divides_and_stops_at_white() -> None:
    pictures = scene(20, 8, 8, 3)
    changed = shown(pictures)[("light", 3.0)].astype(float)
    up, down = np.minimum(pictures * 3.0, 255), pictures / 3.0
    lighter = np.abs(changed - up).max((1, 2, 3)) <= 1
    darker = np.abs(changed - down).max((1, 2, 3)) <= 1
    assert (lighter ^ darker).all() and lighter.any() and darker.any()


def test_light_leaves_alpha_alone() -> None:
    pictures = scene(4, 8, 8, 4)
    np.testing.assert_array_equal(shown(pictures)[("light", 2.0)][..., 3], pictures[..., 3])


def test_blur_keeps_the_mean_and_takes_detail() -> None:
    pictures = scene(10, 24, 24, 1)
    changed = shown(pictures)
    spreads = [changed[("blur", sigma)].std() for sigma in (0.5, 1.0, 1.5, 2.0)]
    assert spreads == sorted(spreads, reverse=True) and spreads[-1] < pictures.std() / 3
    assert changed[("blur", 2.0)].mean() == pytest.approx(pictures.mean(), abs=1.5)


def test_occlusion_covers_its_share_with_the_mean_colour() -> None:
    pictures = scene(30, 20, 20, 3)
    colour = pictures.reshape(-1, 3).mean(0).round()
    corners = set()
    for (kind, strength), changed in shown(pictures).items():
        if kind != "occlusion":
            continue
        for old, new in zip(pictures, changed, strict=True):
            covered = (new == colour).all(-1) & (old != new).any(-1)
            assert (new[~covered] == old[~covered]).all()
            assert covered.mean() == pytest.approx(strength, abs=0.01)
            rows, columns = covered.any(1).nonzero()[0], covered.any(0).nonzero()[0]
            corners.add((rows[0], columns[0]))
    assert len(corners) > 30


def test_the_seed_decides_and_blocks_do_not() -> None:
    pictures = scene(30, 8, 8, 1)
    one, again, other = shown(pictures), shown(pictures), shown(pictures, seed=1)
    for at, changed in one.items():
        np.testing.assert_array_equal(changed, again[at])
    assert any((changed != other[at]).any() for at, changed in one.items())
    some = shown(pictures[:10])
    np.testing.assert_array_equal(some[("shift", 2.0)], one[("shift", 2.0)][:10])


def digits() -> tuple[Pictures, Labels]:
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    pictures: Pictures = (images[order].reshape(-1, 8, 8, 1) * 15.9).astype(np.uint8)
    return pictures, labels[order].astype(np.int64)


def by_kind(table: Robustness) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for row in table.rows:
        found.setdefault(row.kind, []).append(row.accuracy)
    return found


def test_a_linear_classifier_of_digits_fears_shifts() -> None:
    pictures, labels = digits()
    flat = pictures.reshape(len(pictures), -1) / 255
    model = LogisticRegression(max_iter=300).fit(flat[:1000], labels[:1000])
    table = robustness(
        lambda x: model.predict_proba(x.reshape(len(x), -1) / 255), pictures[1000:1400], labels[1000:1400]
    )
    found = by_kind(table)
    plain = model.score(flat[1000:1400], labels[1000:1400])
    assert plain > 0.9
    for kind, accuracies in found.items():
        assert accuracies[0] == plain, kind
        assert accuracies[-1] < plain - 0.05, kind
    assert found["shift"][2] < 0.5 < found["rotation"][2]
    assert (table.rows[0].low, table.rows[0].high) == wilson(round(plain * 400), 400)


def test_what_looks_at_the_mean_fears_light_alone() -> None:
    """Dark against light pictures: shifts and turns of plain ones change nothing."""
    labels = np.arange(60) % 2
    pictures = np.repeat(np.where(labels, 140, 100), 64).reshape(60, 8, 8, 1).astype(np.uint8)

    def predict(x: Pictures) -> Floats:
        light = x.mean((1, 2, 3)) > 120
        return np.stack([~light, light], 1).astype(float)

    found = by_kind(robustness(predict, pictures, labels))
    assert found["light"][-1] < 0.7
    for kind in ("shift", "rotation", "blur"):
        assert found[kind] == [1.0] * 5


def test_many_pictures_come_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = scene(11, 8, 8, 1)
    whole = shown(pictures)
    monkeypatch.setattr(robust, "BLOCK", 5)
    watcher = Watcher()
    table = robustness(watcher, pictures, np.zeros(11, np.int64))
    assert [len(seen) for seen in watcher.seen] == [5, 5, 1] * 21
    assert all(row.accuracy == 1 for row in table.rows) and table.count == 11
    np.testing.assert_array_equal(np.concatenate(watcher.seen[3:6]), whole[("shift", 1.0)])


@pytest.mark.parametrize(
    ("pictures", "labels", "message"),
    [
        (np.zeros((2, 8, 8, 1)), np.zeros(2, int), r"pictures are float64 \[2, 8, 8, 1\]; expected uint8"),
        (np.zeros((2, 8, 8, 2), np.uint8), np.zeros(2, int), "C of 1, 3 or 4"),
        (np.zeros((0, 8, 8, 1), np.uint8), np.zeros(0, int), r"\[0, 8, 8, 1\]"),
        (np.zeros((2, 8, 8, 1), np.uint8), np.zeros(3, int), r"labels are int64 \[3\] from 0; .*, \[2\]"),
        (np.zeros((2, 8, 8, 1), np.uint8), np.array([0, -1]), r"labels are int64 \[2\] from -1"),
        (
            np.zeros((2, 8, 8, 1), np.uint8),
            np.array([0, 2]),
            r"predict gave \[2, 2\] for 2 pictures with labels up to 2",
        ),
    ],
)
def test_what_does_not_fit_is_refused(pictures: Pictures, labels: Labels, message: str) -> None:
    with pytest.raises(DataError, match=message):
        robustness(Watcher(), pictures, labels)

"""Points of a plane: their statistics against the formulas, their parts, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import make_moons, make_swiss_roll

from sparring.data import TableSpec, describe, inspect_data, open_data
from sparring.data.points import SETS, Modes, mixture, moons, spirals, swiss_roll
from sparring.errors import UsageError

PLACES = {
    "ring": [(np.cos(k * np.pi / 4), np.sin(k * np.pi / 4)) for k in range(8)],
    "grid": [(x / 2, y / 2) for x in range(-2, 3) for y in range(-2, 3)],
}


@pytest.mark.parametrize(("name", "sd"), [("ring", 0.02 / 2), ("grid", 0.05 / 4)])
def test_a_mixture_has_its_papers_modes_equally_often(name: str, sd: float) -> None:
    points, modes = SETS[name].make().astype(np.float64), SETS[name].modes
    centres = np.array(PLACES[name])
    nearest = np.linalg.norm(points[:, None] - centres, axis=2).argmin(1)
    counts = np.bincount(nearest, minlength=len(centres))
    even = len(points) / len(centres)
    assert np.abs(counts - even).max() < 4 * np.sqrt(even), "four standard deviations of chance"
    gaps = points - centres[nearest]
    assert gaps.std() == pytest.approx(sd, rel=0.02)
    assert np.abs(gaps.mean(0)).max() < 4 * sd / np.sqrt(len(points))
    assert modes is not None and modes.sd == sd
    assert {tuple(place) for place in modes.centres.round(5).tolist()} == {
        tuple(place) for place in np.float32(centres).round(5).tolist()
    }


def test_the_swiss_roll_is_scikit_learns_from_its_side() -> None:
    roll, t = make_swiss_roll(20_000, noise=0.25, random_state=0)
    reference, ours = roll[:, [0, 2]] / 14, swiss_roll(count=20_000)
    for moment in (np.mean, np.std):
        assert moment(ours, axis=0) == pytest.approx(moment(reference, axis=0), abs=0.02)
    radius = np.linalg.norm(ours, axis=1) * 14
    assert np.quantile(radius, [0.1, 0.5, 0.9]) == pytest.approx(np.quantile(t, [0.1, 0.5, 0.9]), abs=0.15)


def test_moons_are_scikit_learns() -> None:
    reference, labels = make_moons(20_000, noise=0.2, random_state=0)
    ours = moons(count=20_000)
    for label in (0, 1):
        for moment in (np.mean, np.std):
            expected = moment(reference[labels == label], axis=0)
            assert moment(ours[label::2], axis=0) == pytest.approx(expected, abs=0.02)
    corner = np.array([0.0, 1.0])
    shares = [(np.linalg.norm(points - corner, axis=1) < 0.5).mean() for points in (reference, ours)]
    assert shares[0] == pytest.approx(shares[1], abs=0.01)


def test_one_spiral_is_the_other_turned_by_half() -> None:
    clean = spirals(count=4_000, noise=0.0).astype(np.float64)
    radius, angle = np.linalg.norm(clean, axis=1), np.arctan2(clean[:, 1], clean[:, 0])
    for label in (0, 1):
        turned = angle[label::2] - 6 * np.pi * radius[label::2] - np.pi * label
        assert np.abs(np.angle(np.exp(1j * turned))).max() < 1e-4, "three turns until radius 1"
    assert radius.min() >= 0.1 and radius.max() <= 1
    assert (spirals(count=4_000) - clean).std() == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize("name", ["moons", "spirals"])
def test_points_with_classes(name: str) -> None:
    data = open_data(name)
    assert isinstance(data.spec, TableSpec) and data.spec.columns == ("x", "y") and len(data.spec.classes) == 2
    x, y = SETS[name].make(), np.arange(2_000) % 2
    of = {row.tobytes(): label for row, label in zip(x, y, strict=True)}
    for part in data.parts.values():
        assert part.y is not None
        assert [of[row.tobytes()] for row in part.x] == part.y.tolist()


@pytest.mark.parametrize("name", ["ring", "grid", "swiss-roll"])
def test_it_opens_by_name_with_a_validation_part_and_the_same_each_time(name: str) -> None:
    data = open_data(name)
    train, held = data.parts["train"].x, data.parts["validation"].x
    assert data.spec == TableSpec(columns=("x", "y")) and not data.labels
    assert train.dtype == np.float32 and len(train) + len(held) == 10_000
    assert 0.08 < len(held) / 10_000 < 0.12
    assert not {row.tobytes() for row in held} & {row.tobytes() for row in train}
    assert np.abs(train).max() < 1.2
    again = open_data(name, seed=5)
    assert np.array_equal(again.parts["train"].x, train) and again.report == data.report


def test_a_report_says_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = describe(inspect_data("ring"))
    assert lines[0].startswith("10,000 rows in ring, read as: 10,000 points of 8 Gaussians")
    assert lines[-1] == "columns: x, y"
    assert not any("pixel" in line or "channels" in line for line in lines)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("given", [{"size": 16}, {"channels": 1}, {"fit": "pad"}, {"labels": 10}])
def test_what_is_for_pictures_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=f"--{next(iter(given))} .*(rows of numbers|no labels)"):
        open_data("ring", **given)  # type: ignore[arg-type]


def test_a_path_of_that_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ring").mkdir()
    with pytest.raises(Exception, match="there is nothing in it"):
        inspect_data("ring")


def test_a_name_that_is_nearly_right() -> None:
    with pytest.raises(UsageError, match="swiss-roll"):
        open_data("swissroll")


def test_size_and_seed_of_a_mixture() -> None:
    modes = Modes(centres=np.zeros((1, 2), np.float32), sd=1.0)
    assert mixture(modes, count=7, seed=1).shape == (7, 2)
    assert not np.array_equal(mixture(modes, count=7, seed=1), mixture(modes, count=7, seed=2))

"""Points of a plane: their statistics against the formulas, their parts, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import make_swiss_roll

from sparring.data import TableSpec, describe, inspect_data, open_data
from sparring.data.points import SETS, Modes, mixture, swiss_roll
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


@pytest.mark.parametrize("name", list(SETS))
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
    with pytest.raises(UsageError, match=f"--{next(iter(given))} .*points of a plane"):
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

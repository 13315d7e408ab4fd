"""Which reference curves belong to a run."""

import json
from pathlib import Path
from typing import Any

import pytest

from report import synthetic
from sparring.report import reference as module
from sparring.report.curves import shown_band
from sparring.report.groups import panels
from sparring.report.reference import Reference, find_reference

RECIPE = {"name": "gan"}
DATA = {"name": "digits", "spec": {"channels": 1, "height": 8, "width": 8, "classes": ["0"]}}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    other = {**synthetic.reference(), "data": "faces"}
    (tmp_path / "a.json").write_text(json.dumps(other))
    (tmp_path / "b.json").write_text(json.dumps(synthetic.reference()))
    (tmp_path / "notes.txt").write_text("no JSON")
    return tmp_path


def test_a_run_alike_has_one(place: Path) -> None:
    found = find_reference(RECIPE, DATA, place)
    assert found == Reference(
        name="gan on digits",
        runs=5,
        command="sparring train digits --seed 0",
        bands={"fd_judge": [(1, 50, 80), (2, 30, 60), (4, 20, 40), (8, 9, 18), (16, 3, 6), (32, 2, 4)]},
    )


@pytest.mark.parametrize(
    ("recipe", "data"),
    [
        ({"name": "dcgan"}, DATA),
        (RECIPE, {**DATA, "name": "mnist"}),
        (RECIPE, {**DATA, "spec": {"channels": 1, "height": 16, "width": 16}}),
        (None, DATA),
        (RECIPE, None),
        (RECIPE, {"name": ["digits"]}),
        ("gan", "digits"),
    ],
)
def test_another_run_has_none(place: Path, recipe: Any, data: Any) -> None:
    assert find_reference(recipe, data, place) is None


def test_a_package_without_curves_has_none(tmp_path: Path) -> None:
    assert find_reference(RECIPE, DATA, tmp_path / "none") is None


def test_a_moment_that_was_not_measured_is_left_out(tmp_path: Path) -> None:
    value = synthetic.reference()
    value["columns"]["fd_judge"]["low"][0] = None
    (tmp_path / "a.json").write_text(json.dumps(value))
    found = find_reference(RECIPE, DATA, tmp_path)
    assert found is not None and found.bands["fd_judge"][0] == (2, 30, 60)


def test_the_band_ends_where_the_run_ends() -> None:
    (panel,) = (panel for panel in panels(synthetic.rows()) if panel.title == "fd_judge")
    assert [kimg for kimg, _, _ in shown_band(panel, [(1, 0, 1), (20, 0, 1), (20.5, 0, 1)])] == [1, 20]


def test_every_bundled_file_can_be_read() -> None:
    place = module.bundled()
    paths = [path for path in place.iterdir() if path.name.endswith(".json")] if place.is_dir() else []
    for path in paths:
        value = json.loads(path.read_text(encoding="utf-8"))
        found = find_reference({"name": value["recipe"]}, {"name": value["data"], "spec": value["spec"]})
        assert found is not None and found.runs >= 2
        for band in found.bands.values():
            assert [point[0] for point in band] == sorted({point[0] for point in band})
            assert all(low <= high for _, low, high in band)

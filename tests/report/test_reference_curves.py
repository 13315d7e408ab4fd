"""The files of reference curves, as the benchmark makes them from runs."""

import json
from pathlib import Path

import pytest
from benchmarks.reference_curves import curves

from report import synthetic
from sparring.report.reference import find_reference
from sparring.runfolder import RunFolder


def _run(place: Path, seed: int, distances: list[float | None]) -> RunFolder:
    folder = RunFolder.create(place / str(seed), name="unused")
    folder.unlock()
    folder.start_table({"kimg": "", "loss": "", "fd_judge": "", "fd_judge_floor": ""})
    for kimg, distance in enumerate(distances, start=1):
        floor = None if distance is None else 1.0
        folder.append_row({"kimg": float(kimg), "loss": 0.5, "fd_judge": distance, "fd_judge_floor": floor})
    folder.write_json("recipe.json", {"name": "gan", "kimg": 4, "seed": seed, "reasons": {"kimg": f"seed {seed}"}})
    spec = {"channels": 1, "height": 8, "width": 8, "depth": None, "classes": ["0"]}
    folder.write_json("data.json", {"name": "digits", "parts": {"train": {"hash": "ab"}}, "spec": spec})
    folder.write_text("command.txt", f"sparring train /somewhere/digits.npz --kimg 4 --seed {seed} --out runs/{seed}\n")
    return folder


def test_a_band_is_the_least_and_the_most_where_all_runs_were_measured(tmp_path: Path) -> None:
    found = curves(
        [
            _run(tmp_path, 0, [50.0, None, 9.0, 4.0]),
            _run(tmp_path, 1, [40.0, 12.0, 11.0, float("nan")]),
            _run(tmp_path, 2, [60.0, 20.0, 10.123456]),
        ]
    )
    assert found["kimg"] == [1.0, 3.0]
    assert found["columns"] == {"fd_judge": {"low": [40.0, 9.0], "high": [60.0, 11.0]}}
    assert (found["recipe"], found["data"], found["runs"]) == ("gan", "digits", 3)
    assert found["command"] == "sparring train digits.npz --kimg 4 --seed 0|1|2"


def test_what_is_made_is_found_again(tmp_path: Path) -> None:
    runs = [_run(tmp_path / "runs", seed, [50.0, float("nan"), 9.0]) for seed in (0, 1)]
    (tmp_path / "curves").mkdir()
    (tmp_path / "curves" / "a.json").write_text(json.dumps(curves(runs)))
    recipe, data = runs[0].read_json("recipe.json"), runs[0].read_json("data.json")
    found = find_reference(recipe, data, tmp_path / "curves")
    assert found is not None and found.bands == {"fd_judge": [(1.0, 50.0, 50.0), (3.0, 9.0, 9.0)]}
    assert find_reference({"name": "other"}, data, tmp_path / "curves") is None
    assert synthetic.reference().keys() == curves(runs).keys()


@pytest.mark.parametrize("change", [{"kimg": 8}, {"name": "dcgan"}])
def test_runs_that_differ_in_more_than_their_seed_are_refused(tmp_path: Path, change: dict[str, object]) -> None:
    runs = [_run(tmp_path, seed, [1.0]) for seed in (0, 1)]
    runs[1].write_json("recipe.json", {**runs[1].read_json("recipe.json"), **change})
    with pytest.raises(SystemExit, match="nothing but --seed"):
        curves(runs)
    with pytest.raises(SystemExit, match="two runs or more"):
        curves(runs[:1])

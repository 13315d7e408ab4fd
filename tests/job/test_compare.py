"""Runs beside each other: the same noise, the same axes, and only what can be compared."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sparring
from job.helpers import TINY
from sparring.job.compare import _flat, compare
from sparring.runfolder import RunFolder


@pytest.fixture
def twin(run_folder: Path, place: Path) -> Path:
    return shutil.copytree(run_folder, place / "twin")


def sheet(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path / "compare.png"))


def test_two_copies_of_a_run_show_the_same_pictures_in_the_same_places(
    run_folder: Path, twin: Path, tmp_path: Path
) -> None:
    found = compare([run_folder, twin], out=tmp_path / "a")
    picture = sheet(tmp_path / "a")
    height = (picture.shape[0] + 2) // 2
    captions = picture.shape[1] - 10 * (picture.shape[1] // 11)  # at least; the right half holds pictures alone
    right = picture[:, max(captions, picture.shape[1] // 2) :]
    assert np.array_equal(right[: height - 2], right[height:])
    assert right[: height - 2].std() > 20
    assert found.differences == {}
    assert all(values[0] == values[1] for values in found.measures.values())


def test_another_seed_shows_other_pictures(run_folder: Path, twin: Path, tmp_path: Path) -> None:
    for seed in (0, 1):
        compare([run_folder, twin], out=tmp_path / str(seed), seed=seed)
    assert not np.array_equal(sheet(tmp_path / "0"), sheet(tmp_path / "1"))


def test_last_best_and_floor_come_from_the_tables(run_folder: Path, twin: Path, tmp_path: Path) -> None:
    rows = {
        "one": [(1.0, 9.0, 0.5, 1.4), (2.0, 4.0, 0.7, 1.1), (3.0, 6.0, 0.6, 0.7)],
        "two": [(1.0, 8.0, None, 1.0)],
    }
    for (_, values), place in zip(rows.items(), (run_folder, twin), strict=True):
        _table(place, values)
    found = compare([run_folder, twin], out=tmp_path / "a")
    distance, recall, spread = (found.measures[name] for name in ("fd_judge", "recall", "diversity"))
    assert [(one.last, one.best, one.best_kimg, one.floor) for one in distance] == [
        (6.0, 4.0, 2.0, 1.5),
        (8.0, 8.0, 1.0, 1.5),
    ]
    assert (recall[0].last, recall[0].best, recall[0].best_kimg) == (0.6, 0.7, 2.0)
    assert recall[1].last is None and recall[1].best is None
    assert (spread[0].best, spread[0].best_kimg) == (1.1, 2.0)  # 1 is its floor
    assert dict(found.better) == {"fd_judge": "lower", "recall": "higher", "diversity": "floor"}
    page = (tmp_path / "a" / "compare.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 3 and "best where its floor is" in page


def _table(place: Path, rows: list[tuple[float, float, float | None, float]]) -> None:
    for name in ("metrics.csv", "METRICS.md"):
        (place / name).unlink()
    folder = RunFolder.open(place)
    columns = ("fd_judge", "fd_judge_floor", "recall", "diversity", "diversity_floor")
    folder.start_table({"kimg": "", **{name: f"{name}, N 10" for name in columns}})
    for kimg, distance, recall, spread in rows:
        folder.append_row(
            {
                "kimg": kimg,
                "fd_judge": distance,
                "fd_judge_floor": 1.5,
                "recall": recall,
                "diversity": spread,
                "diversity_floor": 1.0,
            }
        )


def test_a_measure_that_was_taken_otherwise_is_said_to_be(run_folder: Path, twin: Path, tmp_path: Path) -> None:
    text = (twin / "METRICS.md").read_text()
    assert "| `coverage` |" in text
    (twin / "METRICS.md").write_text(text.replace("| `coverage` | ", "| `coverage` | with N of 7, "))
    found = compare([run_folder, twin], out=tmp_path / "a")
    assert len(found.notes) == 1 and found.notes[0].startswith("coverage was not measured alike")
    assert "with N of 7" in (tmp_path / "a" / "compare.html").read_text(encoding="utf-8")


def test_runs_of_different_data_share_pictures_and_recipes_but_no_measure(run_folder: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "colour.npz", images=rng.integers(0, 256, (80, 12, 12, 3), np.uint8))
    colour = sparring.train(
        tmp_path / "colour.npz", kimg=0.03, batch=8, settings=TINY[7::2], precision="fp32", out=tmp_path / "run"
    )
    found = compare([run_folder, colour.path], out=tmp_path / "a")
    assert found.measures == {}
    assert "digits at 1x8x8" in found.notes[0] and "3x12x12" in found.notes[0] and "not comparable" in found.notes[0]
    assert found.differences["data.size"] == [8, 12]
    assert sheet(tmp_path / "a").ndim == 3
    page = (tmp_path / "a" / "compare.html").read_text(encoding="utf-8")
    assert "not comparable" in page and "No measures to compare." in page


def test_the_page_loads_nothing(run_folder: Path, twin: Path, tmp_path: Path) -> None:
    compare([run_folder, twin], out=tmp_path / "a")
    page = (tmp_path / "a" / "compare.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page and "http" not in page.replace("http-equiv", "") and "<script" not in page


def test_nothing_in_the_runs_is_changed(run_folder: Path, twin: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in place_files(run_folder, twin)}
    compare([run_folder, twin], out=tmp_path / "a")
    assert {path: path.read_bytes() for path in place_files(run_folder, twin)} == before


def place_files(*folders: Path) -> list[Path]:
    return [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]


def test_penalties_go_by_their_names_and_reasons_are_no_differences() -> None:
    recipe = {"a": {"b": 1}, "reasons": {"b": "because"}, "penalties": [{"name": "r1", "settings": {"gamma": 2}}]}
    assert dict(_flat(recipe)) == {"a.b": 1, "penalties.r1.name": True, "penalties.r1.settings.gamma": 2}


def test_runs_of_one_name_are_told_apart(run_folder: Path, tmp_path: Path) -> None:
    places = [shutil.copytree(run_folder, tmp_path / above / "same") for above in ("x", "y")]
    assert compare(places, out=tmp_path / "a").runs == ["x/same", "y/same"]

"""`sparring sample`: what lies in the files, and what is refused."""

import itertools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cli.conftest import Command
from job.helpers import TINY, digest, make_pictures
from sparring.pictures import read_provenance


@pytest.fixture(scope="module")
def colour_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of colour pictures without classes."""
    import sparring

    root = tmp_path_factory.mktemp("colour")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARRING_CACHE", str(root / "cache"))
        photos = make_pictures(root / "photos", 40)
        settings = TINY[7::2]
        return sparring.train(photos, kimg=0.03, batch=8, settings=settings, precision="fp32", out=root / "run").path


def pictures(folder: Path) -> dict[str, bytes]:
    return {path.name: Image.open(path).tobytes() for path in folder.glob("[0-9]*.png")}


def test_grid_and_numbered_pictures_say_where_they_came_from(sparring: Command, run_folder: Path) -> None:
    ended = sparring("sample", run_folder, "-n", "10", "--seed", "7", "--class", "3", "--truncation", "0.7")
    assert ended.code == 0 and not ended.err
    grid = Path(ended.out.strip())
    assert grid.name == "grid.png" and grid.is_absolute() and (run_folder / "samples") in grid.parents
    assert sorted(pictures(grid.parent)) == [f"{number:04}.png" for number in range(10)]
    said = read_provenance(grid.parent / "0004.png")
    assert said == {"run": "copy", "kimg": 0.64, "seed": 7, "truncation": 0.7, "class": "3", "number": 4}
    assert read_provenance(grid)["count"] == 10
    with Image.open(grid.parent / "0004.png") as picture:
        assert picture.size == (8, 8) and picture.mode == "L"


@pytest.mark.parametrize("words", [(), ("--class", "3")])
def test_a_picture_does_not_depend_on_how_many_are_asked_for(
    sparring: Command, run_folder: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    for count in (8, 300):
        assert sparring("sample", run_folder, "-n", count, "--out", tmp_path / str(count), *words).code == 0
    few, many = pictures(tmp_path / "8"), pictures(tmp_path / "300")
    assert len(many) == 300
    assert few == {name: many[name] for name in few}
    assert len(set(many.values())) > 250


def test_bf16_gives_the_same_pictures_but_for_a_few_levels(sparring: Command, run_folder: Path) -> None:
    folders = []
    for words in ((), ("--precision", "bf16")):
        ended = sparring("sample", run_folder, "-n", "64", "--class", "3", *words)
        assert ended.code == 0
        folders.append(Path(ended.out.strip()).parent)
    exact, rounded = folders
    assert exact != rounded, "pictures of two kinds are not mixed in one folder"
    assert read_provenance(rounded / "0004.png")["precision"] == "bf16"
    one, other = (np.stack([np.asarray(Image.open(path)) for path in sorted(f.glob("0*.png"))]) for f in folders)
    apart = np.abs(one.astype(int) - other)
    assert 0 < apart.max() <= 12 and apart.mean() < 1
    refused = sparring("sample", run_folder, "--precision", "bf61")
    assert refused.code == 2 and "Known: auto, bf16, fp32" in refused.err


def test_npz_of_grey_pictures_with_classes(sparring: Command, run_folder: Path, tmp_path: Path) -> None:
    ended = sparring("sample", run_folder, "-n", "300", "--npz", tmp_path / "deep" / "made")
    assert ended.code == 0 and ended.lines == [str(tmp_path / "deep" / "made.npz")]
    with np.load(tmp_path / "deep" / "made.npz") as arrays:
        assert arrays["images"].shape == (300, 8, 8) and arrays["images"].dtype == np.uint8
        assert arrays["labels"].shape == (300,) and arrays["labels"].dtype == np.int64
        assert arrays["classes"].tolist() == [str(digit) for digit in range(10)]
        shares = np.bincount(arrays["labels"], minlength=10) / 300
        assert shares.min() > 0.04 and shares.max() < 0.17  # the digits are even: 10 % each
    sparring("sample", run_folder, "-n", "20", "--out", tmp_path / "png")
    with np.load(tmp_path / "deep" / "made.npz") as arrays:
        for number, (name, data) in enumerate(sorted(pictures(tmp_path / "png").items())):
            assert arrays["images"][number].tobytes() == data, name
            assert read_provenance(tmp_path / "png" / name)["class"] == str(arrays["labels"][number])


def test_npz_of_colour_pictures_without_classes(sparring: Command, colour_run: Path, tmp_path: Path) -> None:
    assert sparring("sample", colour_run, "-n", "5", "--npz", tmp_path / "made.npz").code == 0
    with np.load(tmp_path / "made.npz") as arrays:
        assert arrays["images"].shape == (5, 12, 12, 3) and set(arrays) == {"images"}


def test_truncation_draws_pictures_together(sparring: Command, colour_run: Path, tmp_path: Path) -> None:
    spreads = []
    for truncation in ("1", "0.3"):
        sparring("sample", colour_run, "-n", "64", "--truncation", truncation, "--npz", tmp_path / "made.npz")
        with np.load(tmp_path / "made.npz") as arrays:
            spreads.append(arrays["images"].astype(float).std(axis=0).mean())
    assert spreads[1] < 0.6 * spreads[0]


def test_interpolation_walks_from_one_sample_to_another(sparring: Command, run_folder: Path, tmp_path: Path) -> None:
    words = ("sample", run_folder, "--class", "5", "--seed", "2", "--truncation", "0.7")
    assert sparring(*words, "--interpolate", "8", "-n", "24", "--out", tmp_path / "walk").code == 0
    assert sparring(*words, "-n", "6", "--out", tmp_path / "ends").code == 0
    walk, ends = pictures(tmp_path / "walk"), pictures(tmp_path / "ends")
    assert len(walk) == 24
    for row in range(3):
        assert walk[f"{8 * row:04}.png"] == ends[f"{2 * row:04}.png"]
        assert walk[f"{8 * row + 7:04}.png"] == ends[f"{2 * row + 1:04}.png"]
    steps = [np.frombuffer(walk[f"{number:04}.png"], np.uint8).astype(float) for number in range(8)]
    jumps = [np.abs(after - before).mean() for before, after in itertools.pairwise(steps)]
    assert max(jumps) < 0.6 * np.abs(steps[0] - steps[-1]).mean()


def test_json_lists_what_was_written(sparring: Command, run_folder: Path, tmp_path: Path) -> None:
    found = json.loads(sparring("sample", run_folder, "-n", "3", "--out", tmp_path / "a", "--json").out)
    assert found["run"] == str(run_folder) and found["images"] == 640
    assert all(Path(path).is_file() for path in found["written"]) and len(found["written"]) == 4


def test_folders_never_mix_pictures_of_two_kinds(sparring: Command, run_folder: Path) -> None:
    kinds = [(), ("--seed", "1"), ("--class", "1"), ("--truncation", "0.5"), ("--interpolate", "4")]
    grids = [sparring("sample", run_folder, "-n", "8", *words).out.strip() for words in kinds]
    assert len({Path(grid).parent for grid in grids}) == len(kinds)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--class", "11"), 2, "unknown class '11'"),
        (("--class", ""), 2, "unknown class"),
        (("-n", "0"), 2, "1 to"),
        (("-n", "-3"), 2, "1 to"),
        (("-n", "99999999999"), 2, "1 to"),
        (("--seed", "-1"), 2, "--seed -1"),
        (("--seed", "99999999999999999999"), 2, "--seed"),
        (("--truncation", "0"), 2, "--truncation 0"),
        (("--truncation", "nan"), 2, "--truncation nan"),
        (("--truncation", "1.5"), 2, "--truncation 1.5"),
        (("--interpolate", "1"), 2, "--interpolate 1"),
        (("--interpolate", "0"), 2, "--interpolate 0"),
        (("--interpolate", "-2"), 2, "--interpolate -2"),
        (("--interpolate", "99999"), 2, "--interpolate 99999"),
        (("--npz", "a.npz", "--out", "b"), 2, "--npz"),
        (("--npz", "."), 2, "a folder"),
        (("--npz", "file/a.npz"), 6, "file"),
        (("--out", "file"), 2, "--out"),
        (("--out", "file/b"), 6, "file"),
        (("--checkpoint", "newest"), 2, "last"),
        (("--device", "cuda:9"), 2, "--device cuda:9"),
    ],
)
def test_what_can_not_be_is_refused(
    sparring: Command, run_folder: Path, place: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    (place / "file").write_text("")
    before = digest(place)
    ended = sparring("sample", run_folder, *words)
    assert ended.code == code, ended.err
    assert said in ended.err and "Traceback" not in ended.err
    assert digest(place) == before


def test_a_class_where_there_are_none(sparring: Command, colour_run: Path) -> None:
    ended = sparring("sample", colour_run, "--class", "rose")
    assert ended.code == 2 and "without classes" in ended.err


def test_a_users_own_picture_is_not_written_over(sparring: Command, run_folder: Path, place: Path) -> None:
    own = make_pictures(place / "own", 1)
    before = digest(own)
    ended = sparring("sample", run_folder, "--out", own)
    assert ended.code == 2 and "0000.png" in ended.err
    assert digest(own) == before
    (own / "0000.png").rename(own / "holiday.png")
    assert sparring("sample", run_folder, "-n", "2", "--out", own).code == 0
    assert sparring("sample", run_folder, "-n", "3", "--out", own).code == 0


def test_a_damaged_checkpoint_is_passed_over(sparring: Command, run_folder: Path, tmp_path: Path) -> None:
    newest = max(path for path in (run_folder / "checkpoints").iterdir() if path.name.isdecimal())
    weights = newest / "generator_ema.safetensors"
    weights.write_bytes(weights.read_bytes()[:-7])
    ended = sparring("sample", run_folder, "-n", "2", "--out", tmp_path / "a", "--json")
    assert json.loads(ended.out)["images"] == 0
    assert "generator_ema.safetensors" in ended.err and "passed over" in ended.err
    for place in (run_folder / "checkpoints").iterdir():
        if place.is_dir():
            shutil.rmtree(place)
    ended = sparring("sample", run_folder)
    assert ended.code == 2 and "no checkpoint" in ended.err

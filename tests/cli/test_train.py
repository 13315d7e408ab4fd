"""`sparring train`, as a user meets it: what is printed, what is refused, and with which exit code."""

import json
import re
from pathlib import Path

import pytest

from cli.conftest import Command
from job.helpers import TINY, digest, make_classes, make_pictures

SHORT = (*TINY, "--kimg", "0.064")


def test_first_and_last_line_are_the_run_folder(sparring: Command, place: Path) -> None:
    ended = sparring("train", "digits", *SHORT)
    run = place / "runs" / "digits-gan-001"
    assert ended.code == 0 and not ended.err
    assert ended.lines[0] == ended.lines[-1] == str(run)
    assert (place / "runs" / "latest").read_text() == "digits-gan-001\n"
    assert (run / "command.txt").read_text().startswith("sparring train digits --batch 16 --kimg 0.064 ")
    assert {"recipe.json", "environment.json", "data.json", "metrics.csv", "METRICS.md", "report.html"} <= {
        path.name for path in run.iterdir()
    }
    assert {"real.png", "init.png", "kimg-000000.064.png"} == {path.name for path in (run / "samples").iterdir()}


def test_without_a_terminal_there_is_one_plain_line_a_log_point(sparring: Command) -> None:
    ended = sparring("train", "digits", *SHORT)
    points = [line for line in ended.lines if " kimg  " in line]
    assert [point.split("/")[0] for point in points] == ["0.016", "0.032", "0.048", "0.064"]
    assert all(re.search(r"images/s .* left  D right \d+ %  loss D \S+ G \S+", point) for point in points)
    assert "\x1b" not in ended.out and "\r" not in ended.out
    assert len(ended.lines) < len(points) + 14


def test_json_is_all_there_is_on_standard_output(sparring: Command, place: Path) -> None:
    ended = sparring("train", "digits", *SHORT, "--json")
    found = json.loads(ended.out)
    assert found["run"] == str(place / "runs" / "digits-gan-001")
    assert Path(found["report"]).is_file()
    assert found["last"]["kimg"] == 0.064


def test_dry_run_tells_the_plan_and_writes_nothing(
    sparring: Command, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "TMPDIR"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    photos = make_classes(place / "photos", cat=20, dog=20)
    before = digest(tmp_path)
    ended = sparring("train", photos, "--dry-run", "--minutes", "1", "--out", "mine", *TINY)
    assert ended.code == 0, ended.err
    for told in ("40 pictures", "recipe: gan, conditional on 2 classes, 3x12x12", "generator ", "images/s", "memory "):
        assert told in ended.out
    assert digest(tmp_path) == before


def test_dry_run_as_json_holds_the_recipe_that_would_be_run(sparring: Command, place: Path) -> None:
    plan = json.loads(sparring("train", "digits", "--dry-run", "--json", *SHORT).out)
    assert sparring("train", "digits", *SHORT).code == 0
    assert plan["recipe"] == json.loads((place / "runs/digits-gan-001/recipe.json").read_text())
    assert plan["seconds"] > 0 and plan["memory_bytes"] > 0 and plan["parameters"]["generator"] > 0


# -- options that can't be ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        *[("--kimg", value) for value in ("nan", "inf", "-1", "0", "1e+300", "ten")],
        *[("--minutes", value) for value in ("nan", "inf", "-1", "0", "1e+300")],
        *[("--batch", value) for value in ("0", "1", "-8", "1.5", "99999999999")],
        *[("--seed", value) for value in ("-1", "1e3", "99999999999999999999")],
        *[("--size", value) for value in ("0", "7", "-1", "257", "nan")],
        *[("--channels", value) for value in ("0", "2", "5")],
        *[("--labels", value) for value in ("0", "-5", "9", "99999")],
        *[("--set", value) for value in ("width", "generator.lr=nan", "generator.lr=0", "generator.lr=fast")],
        *[("--set", value) for value in ("generator.width=0", "generator.width=-3", "generator.width=1.5")],
        *[("--set", value) for value in ("generator.accumulate=3", "discriminator.betas=0.5", "r1.gamma=inf")],
        *[("--set", value) for value in ("discriminator.betas=0.5,1", "r1.every=0", "generator.fall=up")],
        ("--fit", "stretch"),
        ("--device", "cuda:17"),
    ],
    ids=" ".join,
)
def test_a_value_that_can_not_be_names_its_option(sparring: Command, place: Path, words: tuple[str, ...]) -> None:
    ended = sparring("train", "digits", *words)
    option, value = words
    assert ended.code == 2, ended.err
    assert option in ended.err
    assert value.partition("=")[0] in ended.err.replace(",", "")
    assert "Traceback" not in ended.err
    assert not list(place.iterdir())


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("digits", "--kimg", "1", "--minutes", "1"), ("--kimg", "--minutes")),
        (("digits", "--labels", "50", "--unconditional"), ("--labels", "--unconditional")),
        (("digits", "--resume", "runs/latest"), ("data", "resume")),
        (("--resume", "a", "--like", "b"), ("resume", "like")),
        ((), ("sparring train digits", "--resume", "--like")),
    ],
)
def test_options_that_do_not_go_together(
    sparring: Command, place: Path, words: tuple[str, ...], named: tuple[str, ...]
) -> None:
    ended = sparring("train", *words)
    assert ended.code == 2
    assert all(name in ended.err for name in named)
    assert not list(place.iterdir())


def test_networks_larger_than_the_memory_are_refused_before_any_is_taken(sparring: Command, place: Path) -> None:
    ended = sparring("train", "digits", "--set", "generator.width=90000000", "--dry-run")
    assert ended.code == 6
    assert "GB" in ended.err and "width" in ended.err


def test_options_that_would_change_a_resumed_run_are_refused(sparring: Command, run_folder: Path) -> None:
    for words in (("--seed", "1"), ("--batch", "8"), ("--recipe", "dcgan"), ("--set", "r1.gamma=1"), ("--dry-run",)):
        ended = sparring("train", "--resume", run_folder, *words)
        assert ended.code == 2 and words[0] in ended.err, words


# -- data that can't be ------------------------------------------------------------------------------------------------


def test_no_such_path(sparring: Command) -> None:
    ended = sparring("train", "photos/")
    assert ended.code == 5 and "photos/: no such file or folder" in ended.err


def test_an_empty_folder(sparring: Command, place: Path) -> None:
    (place / "photos").mkdir()
    ended = sparring("train", "photos")
    assert ended.code == 5 and "nothing in it" in ended.err


def test_a_folder_of_other_files(sparring: Command, place: Path) -> None:
    (place / "photos").mkdir()
    (place / "photos" / "letter.txt").write_text("Dear")
    ended = sparring("train", "photos")
    assert ended.code == 5 and "letter.txt" in ended.err


def test_one_picture(sparring: Command, place: Path) -> None:
    make_pictures(place / "photos", 1)
    for source in ("photos", "photos/0000.png"):
        ended = sparring("train", source)
        assert ended.code == 5 and "one picture" in ended.err, source


def test_two_pictures_leave_less_than_a_batch(sparring: Command, place: Path) -> None:
    make_pictures(place / "photos", 2)
    ended = sparring("train", "photos")
    assert ended.code == 5 and "batch" in ended.err


def test_fewer_pictures_than_a_batch(sparring: Command, place: Path) -> None:
    make_pictures(place / "photos", 30)
    ended = sparring("train", "photos", "--batch", "64")
    assert ended.code == 5 and "--batch 64" in ended.err and "or less" in ended.err
    assert not (place / "runs").exists()


def test_three_pictures_train(sparring: Command, place: Path) -> None:
    make_pictures(place / "photos", 3)
    ended = sparring("train", "photos", "--kimg", "0.02", *TINY[2:])
    assert ended.code == 0, ended.err


def test_pictures_smaller_than_8_pixels(sparring: Command, place: Path) -> None:
    make_pictures(place / "photos", 20, side=6)
    ended = sparring("train", "photos")
    assert ended.code == 5 and "8" in ended.err


def test_labels_where_there_are_none(sparring: Command, place: Path) -> None:
    make_pictures(place / "photos", 20)
    for words in ((), ("--dry-run",)):
        ended = sparring("train", "photos", "--labels", "10", *words)
        assert ended.code == 5 and "--labels 10" in ended.err


def test_a_class_with_one_picture_is_a_warning(sparring: Command, place: Path) -> None:
    make_classes(place / "photos", cat=30, dog=1)
    ended = sparring("train", "photos", *SHORT)
    assert ended.code == 0
    assert "note: class 'dog' has" in ended.err


def test_a_file_that_can_not_be_read_is_skipped_named_and_counted(sparring: Command, place: Path) -> None:
    photos = make_pictures(place / "photos", 30)
    (photos / "broken.png").write_bytes((photos / "0001.png").read_bytes()[:90])
    before = digest(photos)
    ended = sparring("train", "photos", *SHORT)
    assert ended.code == 0
    assert "1 skipped (broken.png" in ended.err
    assert digest(photos) == before


# -- folders and machines that refuse ----------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [(), ("--dry-run",)])
def test_a_run_folder_that_exists(sparring: Command, run_folder: Path, words: tuple[str, ...]) -> None:
    before = digest(run_folder)
    ended = sparring("train", "digits", "--out", run_folder, *SHORT, *words)
    assert ended.code == 2 and "--resume" in ended.err
    assert digest(run_folder) == before


@pytest.mark.parametrize("words", [("train", "--resume"), ("train", "--like"), ("sample",)])
def test_a_run_of_a_newer_version(sparring: Command, run_folder: Path, words: tuple[str, ...]) -> None:
    mark = run_folder / "run.json"
    mark.write_text(mark.read_text().replace('"format": 1', '"format": 99'))
    ended = sparring(*words, run_folder)
    assert ended.code == 2 and "newer version" in ended.err


@pytest.mark.parametrize("words", [("train", "--resume"), ("train", "--like"), ("sample",)])
@pytest.mark.parametrize("name", ["recipe.json", "data.json", "environment.json"])
@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"format": 99}', "\xff"])
def test_records_that_were_edited(
    sparring: Command, run_folder: Path, words: tuple[str, ...], name: str, text: str
) -> None:
    (run_folder / name).write_text(text, encoding="latin-1")
    ended = sparring(*words, run_folder, *(("--kimg", "0.8") if "--resume" in words else ()))
    read = {"train --resume": True, "train --like": name != "environment.json", "sample": name != "environment.json"}
    assert ended.code == (2 if read[" ".join(words)] else 0), ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("words", [("train", "--resume"), ("train", "--like"), ("sample",)])
def test_what_is_no_run(sparring: Command, place: Path, words: tuple[str, ...]) -> None:
    make_pictures(place / "photos", 2)
    for path in ("photos", "nowhere", "photos/0000.png"):
        ended = sparring(*words, path)
        assert ended.code == 2 and path in ended.err, path


def test_a_cache_that_can_not_be_written(sparring: Command, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_pictures(place / "photos", 20)
    (place / "file").write_text("")
    monkeypatch.setenv("SPARRING_CACHE", str(place / "file" / "cache"))
    ended = sparring("train", "photos", *SHORT)
    assert ended.code == 6 and "SPARRING_CACHE" in ended.err
    assert not (place / "runs").exists()


def test_a_run_folder_that_can_not_be_made(sparring: Command, place: Path) -> None:
    (place / "file").write_text("")
    ended = sparring("train", "digits", "--out", "file/run", *SHORT)
    assert ended.code in (2, 6) and "file" in ended.err and "Traceback" not in ended.err
    assert sparring("train", "digits", "--out", "file", *SHORT).code == 2


def test_a_gpu_that_is_not_there(sparring: Command, place: Path) -> None:
    ended = sparring("train", "digits", "--device", "cuda:7")
    assert ended.code == 2 and "--device cuda:7" in ended.err
    assert not list(place.iterdir())

"""Making and finding runs, small files, and going back to a checkpoint."""

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sparring.runfolder
from sparring.errors import MachineError, UsageError
from sparring.runfolder import RunFolder, list_runs, replace_file, sample_images, sample_name
from sparring.runfolder.names import fit_name

from .helpers import Fault, save, saved_names, tree, watched


def test_runs_are_numbered_and_the_newest_is_the_latest(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    (root / "digits-gan-007").mkdir(parents=True)
    for number in (8, 9):
        run = RunFolder.create(None, name="digits-gan", root=root)
        run.unlock()
        assert run.path == root / f"digits-gan-{number:03d}"
        assert (root / "latest").read_text() == f"{run.path.name}\n"
        assert RunFolder.open(root / "latest").path == run.path
    assert RunFolder.create(None, name="digits", root=root).path.name == "digits-001"
    assert [path.name for path in list_runs(root)] == ["digits-001", "digits-gan-008", "digits-gan-009"]


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".", "photos of mine", "x" * 300, "花 gan"])
def test_any_name_makes_one_folder_inside_root(tmp_path: Path, name: str) -> None:
    run = RunFolder.create(None, name=name, root=tmp_path / "runs")
    run.unlock()
    assert run.path.parent == tmp_path / "runs"
    assert run.path.name == f"{fit_name(name)}-001"


def test_a_given_folder_must_be_absent_or_empty(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    RunFolder.create(tmp_path / "empty", name="x").unlock()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("mine")
    with pytest.raises(UsageError, match=r"full: not empty; --out"):
        RunFolder.create(tmp_path / "full", name="x")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["thesis.tex"]
    with pytest.raises(UsageError, match="a file"):
        RunFolder.create(tmp_path / "full" / "thesis.tex", name="x")
    with pytest.raises(UsageError, match=r"holds a run already.*--resume") as refusal:
        RunFolder.create(tmp_path / "empty", name="x")
    assert refusal.value.exit_code == 2


@pytest.mark.parametrize("content", [b"a thesis\nof two lines\n", b"", b"../elsewhere\n", b"x" * 2000])
def test_a_file_of_the_users_called_latest_is_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "latest").write_bytes(content)
    RunFolder.create(tmp_path / "run", name="x").unlock()
    assert (tmp_path / "latest").read_bytes() == content
    with pytest.raises(UsageError, match="names no run"):
        RunFolder.open(tmp_path / "latest")


def test_creating_at_a_disk_that_refuses_leaves_a_second_try_free(tmp_path: Path) -> None:
    tried = 0
    for at in range(60):
        fault = Fault(at, errno.ENOSPC)
        try:
            with watched(fault):
                RunFolder.create(tmp_path / f"run{at}", name="x").unlock()
        except MachineError as error:
            assert "the disk is full" in str(error) or fault.hit == "close"
            tried += 1
            if not (tmp_path / f"run{at}" / "run.json").exists():
                RunFolder.create(tmp_path / f"run{at}", name="x").unlock()
        assert RunFolder.open(tmp_path / f"run{at}").rows() == []
    assert tried > 15


def test_opening_what_is_no_run_says_which_there_are(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    RunFolder.create(None, name="digits-gan", root=root).unlock()
    with pytest.raises(UsageError, match=r"no such run.*Did you mean 'digits-gan-001'"):
        RunFolder.open(root / "digit-gan-001")
    with pytest.raises(UsageError, match=r"not a run folder.*Inside it.*digits-gan-001"):
        RunFolder.open(root)
    (root / "latest").write_text("removed-001\n")
    with pytest.raises(UsageError, match=r"removed-001: no such run"):
        RunFolder.open(root / "latest")
    with pytest.raises(UsageError, match="sparring train"):
        RunFolder.open(tmp_path / "nothing" / "here")


@pytest.mark.parametrize(
    ("mark", "message"),
    [('{"format": 2}', "newer version of sparring"), ('{"format": "1"}', "names no format"), ("{", "not JSON")],
)
def test_a_run_of_another_format_is_refused(folder: RunFolder, mark: str, message: str) -> None:
    (folder.path / "run.json").write_text(mark)
    with pytest.raises(UsageError, match=message):
        RunFolder.open(folder.path)


def test_json_and_text_come_back(folder: RunFolder) -> None:
    value = {"é": [1, 0.1 + 0.2, None, {"x": True}], "big": 2**80}
    folder.write_json("recipe.json", value)
    assert folder.read_json("recipe.json") == value
    folder.write_text("command.txt", "sparring train 花/\r\n")
    assert folder.read_text("command.txt") == "sparring train 花/\r\n"
    with pytest.raises(UsageError, match=r"data\.json: missing"):
        folder.read_json("data.json")
    (folder.path / "recipe.json").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="not UTF-8"):
        folder.read_json("recipe.json")


@given(st.integers(min_value=0, max_value=10**12), st.integers(min_value=0, max_value=10**9 - 2))
def test_sample_names_are_exact_and_sort_as_the_counts_do(wide: int, images: int) -> None:
    assert sample_images(sample_name(wide)) == wide
    assert (sample_name(images) < sample_name(images + 1)) and sample_images(sample_name(images)) == images


def _grow(run: RunFolder, steps: range) -> None:
    for step in steps:
        run.append_row({"kimg": step / 7, "loss": 1 / (step + 1)})
        run.append_event(kimg=step / 7, kind="note", severity="info", values={"x": 1 / 3}, text="é")
        replace_file(run.samples / sample_name(step * 1000), bytes([step]))


def _grown(folder: RunFolder) -> None:
    folder.start_table({"kimg": "thousands of reals", "loss": "a loss"})
    replace_file(folder.samples / "real.png", b"real")
    replace_file(folder.samples / "init.png", b"init")
    (folder.samples / "mine.png").write_bytes(b"mine")
    _grow(folder, range(1, 5))


def _records(folder: RunFolder) -> dict[str, bytes]:
    return {name: data for name, data in tree(folder.path).items() if not name.startswith("checkpoints")}


def test_cutting_back_restores_every_byte(folder: RunFolder) -> None:
    _grown(folder)
    save(folder, 4000)
    expected = _records(folder)
    checkpoint = folder.load_checkpoint()
    _grow(folder, range(5, 9))
    with (folder.path / "metrics.csv").open("ab") as file:
        file.write(b"9.0,0.3")
    (folder.samples / ".kimg-000009.000.png.0123abcd.sparring-tmp").write_bytes(b"torn")
    for _ in range(2):
        folder.cut_back(checkpoint)
        assert _records(folder) == expected
    _grow(folder, range(5, 6))
    assert [row["kimg"] for row in folder.rows()] == [step / 7 for step in range(1, 6)]


def test_a_failure_anywhere_in_cutting_back_is_mended_by_a_second_try(folder: RunFolder) -> None:
    _grown(folder)
    save(folder, 4000, best=True)
    expected = _records(folder)
    hits = 0
    for at in range(80):
        _grow(folder, range(5, 9))
        save(folder, 8000)
        fault = Fault(at, errno.EIO)
        try:
            with watched(fault):
                folder.cut_back(folder.load_checkpoint("best"))
        except MachineError:
            hits += 1
            folder.cut_back(folder.load_checkpoint("best"))
        assert _records(folder) == expected
        assert folder.load_checkpoint().images == 4000
        if not fault.hit:
            break
    assert hits > 10
    assert at < 79


def test_checkpoints_newer_than_the_one_gone_back_to_are_set_aside(folder: RunFolder) -> None:
    _grown(folder)
    save(folder, 1000, best=True)
    save(folder, 2000)
    save(folder, 3000)
    folder.cut_back(folder.load_checkpoint("best"))
    assert saved_names(folder) == ["000000001000", "best.json", "set-aside-000000002000", "set-aside-000000003000"]
    assert folder.load_checkpoint().images == 1000


def test_a_table_changed_by_hand_is_said_and_nothing_is_cut(folder: RunFolder) -> None:
    _grown(folder)
    save(folder, 4000)
    checkpoint = folder.load_checkpoint()
    (folder.path / "metrics.csv").write_text("kimg,loss\n1,2\n")
    before = tree(folder.path)
    with pytest.raises(UsageError, match=r"metrics\.csv: changed since the checkpoint"):
        folder.cut_back(checkpoint)
    assert tree(folder.path) == before
    (folder.path / "metrics.csv").unlink()
    folder.cut_back(checkpoint)
    assert folder.rows() == []


def test_importing_the_package_is_light() -> None:
    code = (
        "import sys, sparring.runfolder; "
        "print([name for name in ('torch', 'numpy', 'PIL', 'safetensors') if name in sys.modules])"
    )
    source = Path(sparring.runfolder.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=source)
    assert json.loads(done.stdout) == []

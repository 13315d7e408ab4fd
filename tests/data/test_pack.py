"""The packed store: the right pixels, made once, and safe against crashes, kills, two processes and full disks."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from made_pictures import Maker, noise, tree_state
from PIL import Image

import sparring
from sparring.data import open_data, worker
from sparring.data import pool as pool_module
from sparring.data.cache import Cache, default_cache
from sparring.data.collection import FilePlace
from sparring.data.pool import Output, Pool, make_jobs
from sparring.errors import DataError, MachineError

SOURCE = str(Path(sparring.__file__).parents[1]) if sparring.__file__ else str(Path(worker.__file__).parents[2])


def content(data: object) -> dict[str, list[bytes]]:
    return {name: [row.tobytes() for row in part.x] for name, part in data.parts.items()}


def script(text: str, *arguments: object, **options: object) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": SOURCE}
    command = [sys.executable, "-c", textwrap.dedent(text), *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment, **options)


@pytest.mark.parametrize("cores", [1, 2])
def test_pixels_and_labels_are_those_of_the_files(
    class_folders: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    monkeypatch.setattr("sparring.data.sources.usable_cores", lambda: cores)
    files = sorted(class_folders.rglob("*.png"))
    expected = {np.asarray(Image.open(file)).tobytes(): file.parent.name for file in files}
    data = open_data(str(class_folders), cache=cache)
    assert {name: part.x.dtype for name, part in data.parts.items()} == {"train": np.uint8, "validation": np.uint8}
    found = {}
    for part in data.parts.values():
        assert isinstance(part.x, np.memmap) and part.x.shape[1:] == (16, 16, 3) and not part.x.flags.writeable
        found |= {row.tobytes(): data.spec.classes[label] for row, label in zip(part.x, part.y, strict=True)}
    assert found == expected
    assert sum(len(part) for part in data.parts.values()) == len(files)


def test_unreadable_files_leave_no_gap(class_folders: Path, cache: Path) -> None:
    for name, data in (("cat/00.png", b""), ("dog/05.png", b"<html>"), ("owl/11.png", b"\x89PNG\r\n\x1a\n")):
        (class_folders / name).write_bytes(data)
    expected = set()
    for file in class_folders.rglob("*.png"):
        if file.stat().st_size > 100:
            expected.add(np.asarray(Image.open(file)).tobytes())
    data = open_data(str(class_folders), cache=cache)
    rows = [row for part in content(data).values() for row in part]
    assert len(rows) == 33 and set(rows) == expected
    reasons = {skipped.name: skipped.reason for skipped in data.report.skipped}
    assert set(reasons) == {"cat/00.png", "dog/05.png", "owl/11.png"}
    assert "empty" in reasons["cat/00.png"] and "HTML" in reasons["dog/05.png"]


def test_rows_are_in_the_order_of_names_in_given_parts(tmp_path: Path, make: Maker, cache: Path) -> None:
    for part in ("train", "valid", "test"):
        for index in range(5):
            make(tmp_path / "set" / part / f"{index}.png", 10 * len(part) + index)
    data = open_data(str(tmp_path / "set"), cache=cache)
    for name, folder in (("train", "train"), ("validation", "valid"), ("test", "test")):
        files = sorted((tmp_path / "set" / folder).iterdir())
        assert content(data)[name] == [np.asarray(Image.open(file)).tobytes() for file in files]


def test_the_second_call_decodes_nothing(class_folders: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = open_data(str(class_folders), cache=cache)
    monkeypatch.setattr(Pool, "__enter__", lambda _: pytest.fail("a process was started"))
    again = open_data(str(class_folders), cache=cache)
    assert content(again) == content(first) and again.report == first.report
    other = open_data(str(class_folders), cache=cache, size=16, channels=3, conditional=False)
    assert content(other) == content(first), "the same pixels are not packed again for other labels"
    assert len(list((cache / "packs").iterdir())) == 1


def test_a_changed_file_is_seen_even_with_its_old_size_and_time(class_folders: Path, cache: Path) -> None:
    file = class_folders / "cat" / "fixed-size.bmp"
    pixels = noise(500, 16, 16, 3)
    Image.fromarray(pixels).save(file)
    before = file.stat()
    open_data(str(class_folders), cache=cache)
    Image.fromarray(255 - pixels).save(file)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    rows = [row for part in content(open_data(str(class_folders), cache=cache)).values() for row in part]
    assert (255 - pixels).tobytes() in rows and pixels.tobytes() not in rows


def test_other_settings_make_another_pack(class_folders: Path, cache: Path) -> None:
    shapes = set()
    for options in ({}, {"size": 8}, {"channels": 1}, {"fit": "pad", "size": 8}, {"channels": 4}):
        data = open_data(str(class_folders), cache=cache, **options)
        shapes.add((data.parts["train"].x.shape[1:], data.report.fit))
    assert shapes == {((16, 16, 3), "crop"), ((8, 8, 3), "crop"), ((16, 16, 1), "crop"), ((8, 8, 3), "pad"),
                      ((16, 16, 4), "crop")}  # fmt: skip
    assert len(list((cache / "packs").iterdir())) == 5


def test_a_wrong_guess_is_corrected(tmp_path: Path, make: Maker, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sparring.data.sources._LOOK", 1)
    for index in range(8):
        make(tmp_path / "set" / f"{index}.png", index, size=(16, 16), mode="L" if index < 7 else "RGB")
    data = open_data(str(tmp_path / "set"), cache=cache)
    assert data.spec.channels == 3 and "colour" in data.report.channels_why
    monkeypatch.setattr(Pool, "__enter__", lambda _: pytest.fail("a process was started"))
    assert open_data(str(tmp_path / "set"), cache=cache).spec.channels == 3


@pytest.mark.parametrize("damage", ["truncate", "manifest", "missing"])
def test_a_damaged_pack_is_made_again(class_folders: Path, cache: Path, damage: str) -> None:
    first = content(open_data(str(class_folders), cache=cache))
    (folder,) = (cache / "packs").iterdir()
    if damage == "truncate":
        os.truncate(folder / "train.u8", 100)
    elif damage == "manifest":
        (folder / "manifest.json").write_text('{"format": 1, "sha')
    else:
        (folder / "validation.u8").unlink()
    assert content(open_data(str(class_folders), cache=cache)) == first


def test_the_users_folder_is_never_touched(class_folders: Path, cache: Path) -> None:
    (class_folders / "cat" / "broken.png").write_bytes(b"broken")
    before = tree_state(class_folders)
    open_data(str(class_folders), cache=cache)
    open_data(str(class_folders), cache=cache, size=8)
    assert tree_state(class_folders) == before


RUN = """
    import sys
    from pathlib import Path
    from sparring.data import open_data
    data = open_data(sys.argv[1], cache=Path(sys.argv[2]), on_progress=lambda *step: print(*step, flush=True))
    print(data.report.parts["train"].hash)
"""


def test_a_script_without_a_main_guard_runs_once(class_folders: Path, cache: Path) -> None:
    text, errors = script(RUN, class_folders, cache).communicate(timeout=60)
    hashes = [line for line in text.splitlines() if len(line) == 32]
    assert len(hashes) == 1, errors


def test_two_processes_make_one_pack(class_folders: Path, cache: Path) -> None:
    running = [script(RUN, class_folders, cache) for _ in range(2)]
    texts = [process.communicate(timeout=60)[0].splitlines() for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert texts[0][-1] == texts[1][-1]
    assert len(list((cache / "packs").iterdir())) == 1
    assert sum(any(line.startswith("packing") for line in text) for text in texts) == 1, "only one of them packed"


SLOW = """
    import sys, time
    from pathlib import Path
    from sparring.data import open_data
    def slow(text, done, total):
        print(text, flush=True)
        if text == "packing":
            time.sleep(60)
    open_data(sys.argv[1], cache=Path(sys.argv[2]), on_progress=slow)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_kill_in_the_middle_leaves_nothing_behind(class_folders: Path, cache: Path) -> None:
    killed = script(SLOW, class_folders, cache)
    assert killed.stdout is not None
    assert any(line.startswith("packing") for line in iter(killed.stdout.readline, ""))
    children = Path(f"/proc/{killed.pid}/task/{killed.pid}/children").read_text().split()
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=10)
    assert children, "decoding happens in processes of its own"
    assert not any((cache / "packs").iterdir())
    (leftover,) = (cache / "work").iterdir()
    os.utime(leftover, (1, 1))
    data = open_data(str(class_folders), cache=cache)
    assert sum(len(part) for part in data.parts.values()) == 36
    assert not leftover.exists()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and any(_is_alive(pid) for pid in children):
        time.sleep(0.05)
    assert not any(_is_alive(pid) for pid in children)


def _is_alive(pid: str) -> bool:
    try:
        return "sparring.data.worker" in Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return False


def test_a_fresh_workspace_of_another_process_is_left_alone(cache: Path) -> None:
    store = Cache(cache)
    with store.workspace() as first:
        os.utime(first, (1, 1))
        with Cache(cache).workspace() as second:
            assert first.exists() and second != first
    assert not first.exists() and not second.exists()


def break_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: str) -> None:
    """Let the decoder do something terrible over pictures that hold the word TERRIBLE."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        textwrap.dedent(f"""
            import os, sys, time
            import sparring.data.decode as decode
            def read(data, original=decode.read_picture):
                if b"TERRIBLE" in data:
                    {action}
                return original(data)
            decode.read_picture = read
        """)
    )
    monkeypatch.syspath_prepend(str(folder))


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("os.kill(os.getpid(), 11)", "signal 11"),
        ("os._exit(3)", "exit code 3"),
        ("time.sleep(60)", "took more than"),
        ("raise MemoryError", "memory"),
    ],
)
def test_the_picture_that_ends_the_decoder_is_named_and_skipped(
    class_folders: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: str, words: str
) -> None:
    break_workers(tmp_path, monkeypatch, action)
    monkeypatch.setattr(pool_module, "_SECONDS_A_JOB", 1.0)
    monkeypatch.setattr(pool_module, "_SECONDS_A_PICTURE", 0.1)
    monkeypatch.setattr("sparring.data.sources.usable_cores", lambda: 2)
    guilty = class_folders / "dog" / "07.png"
    guilty.write_bytes(guilty.read_bytes() + b"TERRIBLE")
    data = open_data(str(class_folders), cache=cache, size=16, channels=3)
    assert sum(len(part) for part in data.parts.values()) == 35
    (skipped,) = data.report.skipped
    assert skipped.name == "dog/07.png" and words in skipped.reason


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_endless_crashes_end_with_an_error(
    class_folders: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_workers(tmp_path, monkeypatch, "os._exit(3)")
    monkeypatch.setattr(pool_module, "_MOST_CRASHES", 2)
    for file in class_folders.rglob("*.png"):
        file.write_bytes(file.read_bytes() + b"TERRIBLE")
    with pytest.raises(MachineError, match="exit code 3"):
        open_data(str(class_folders), cache=cache, size=16, channels=3)


def test_a_worker_killed_from_outside_costs_nothing(class_folders: Path, cache: Path) -> None:
    places = [FilePlace(str(file)) for file in sorted(class_folders.rglob("*.png"))]
    found = 0
    with Pool(1) as pool:
        for answer in pool.run(list(make_jobs(places, output=None, workers=4))):
            if not found:
                pool._workers[0]._process.kill()
            found += int(answer.facts["ok"].sum())
            assert not answer.errors
        process = pool._workers[0]._process
    assert found == len(places)
    assert process.poll() is not None, "no process is left"


def test_workers_that_cannot_start(class_folders: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(class_folders / "no-such-python"))
    with pytest.raises(MachineError, match="no-such-python"):
        open_data(str(class_folders), cache=cache)


def test_workers_that_end_before_they_are_ready(
    class_folders: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text("import os; os.write(2, b'no numpy here'); os._exit(1)")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    with pytest.raises(MachineError, match="no numpy here"):
        open_data(str(class_folders), cache=cache)


def test_the_worker_imports_nothing_heavy() -> None:
    text = "import sys, sparring.data.worker; print([m for m in ('torch', 'sklearn', 'scipy') if m in sys.modules])"
    assert script(text).communicate(timeout=30)[0].strip() == "[]"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux only")
def test_a_disk_that_fills_up_while_decoding(class_folders: Path) -> None:
    places = [FilePlace(str(file)) for file in sorted(class_folders.rglob("*.png"))]
    output = Output(path="/dev/full", size=16, channels=3, fit="crop")
    with Pool(1) as pool, pytest.raises(MachineError, match=r"No space left.*SPARRING_CACHE"):
        list(pool.run(list(make_jobs(places, output=output, workers=1))))


@pytest.mark.skipif(os.name != "posix", reason="resource limits")
def test_a_disk_that_refuses_at_the_start(class_folders: Path, cache: Path) -> None:
    limited = """
        import resource, sys
        from pathlib import Path
        from sparring.data import open_data
        from sparring.errors import MachineError
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        try:
            open_data(sys.argv[1], cache=Path(sys.argv[2]))
        except MachineError as error:
            print(error)
    """
    text, errors = script(limited, class_folders, cache).communicate(timeout=60)
    assert "SPARRING_CACHE" in text and str(cache) in text, errors
    assert not any((cache / "packs").iterdir()) and not any((cache / "work").iterdir())


def test_too_little_room_is_told_before_decoding(
    class_folders: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 1000, 1000))
    with pytest.raises(MachineError, match=r"needs .* MB.*SPARRING_CACHE"):
        open_data(str(class_folders), cache=cache)


def test_a_cache_that_cannot_be_written(class_folders: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MachineError, match="SPARRING_CACHE") as caught:
        open_data(str(class_folders), cache=tmp_path / "file" / "cache")
    assert str(tmp_path / "file") in str(caught.value) and caught.value.exit_code == 6


def test_mostly_unreadable_is_an_error_and_nothing_is_kept(class_folders: Path, cache: Path) -> None:
    for file in [*(class_folders / "cat").iterdir(), *(class_folders / "dog").iterdir()]:
        file.write_bytes(b"broken")
    with pytest.raises(DataError, match=r"24 of 36 pictures can't be used") as caught:
        open_data(str(class_folders), cache=cache)
    assert "cat/00.png" in str(caught.value)
    assert not any((cache / "packs").iterdir())


def test_places_of_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert default_cache() == tmp_path / "default-cache"
    monkeypatch.delenv("SPARRING_CACHE")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_cache() == tmp_path / "xdg" / "sparring"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache() == Path.home() / ".cache" / "sparring"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert default_cache() == Path.home() / "Library" / "Caches" / "sparring"


def test_a_bug_in_the_worker_is_raised_with_its_traceback(class_folders: Path) -> None:
    reply = json.dumps({"bug": "Traceback ...\nKeyError: 'size'"}).encode()
    job = next(make_jobs([FilePlace(str(class_folders / "cat" / "00.png"))], output=None, workers=1))
    with pytest.raises(RuntimeError, match="KeyError: 'size'"):
        pool_module._Worker._parse(job, reply)

"""A store that is read through and through does not make the process grow."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from sparring.data.mapped import Pages, mapping_of

READER = """
    import json, re, sys
    from pathlib import Path
    import numpy as np, torch
    from sparring.engine.deal import Order, Pictures

    count, side = map(int, sys.argv[2:4])
    x = np.memmap(sys.argv[1], np.uint8, mode="r", shape=(count, 1, side, side, 3))[:, 0]
    order = Order(count, batch=64, seed=0, stream="reals")
    deal = Pictures(x, None, order=order, device=torch.device("cpu"))

    def resident():
        status = Path("/proc/self/status").read_text()
        return int(re.search(r"RssFile:\\s+(\\d+)", status)[1]) / 1024

    deal(0)
    before, most, total = resident(), 0.0, 0
    for counter in range(1, count // 64):
        total += int(deal(counter)["x"].add(1).mul(127.5).round().sum())
        most = max(most, resident()) if counter % 16 == 0 else most
    rest = deal._order(0)
    total += int(x[rest].astype(np.int64).sum())
    print(json.dumps({"before": before, "most": most, "total": total}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the resident set")
def test_the_resident_set_does_not_grow_with_what_is_read(tmp_path: Path) -> None:
    """512 MiB are dealt, all of them; a twelfth of the pictures hold something, so that each was really read."""
    count, side = 43_712, 64
    store = tmp_path / "train.u8"
    with store.open("wb") as file:
        file.truncate(count * side * side * 3)
    written = np.memmap(store, np.uint8, mode="r+", shape=(count, side * side * 3))
    written[::12, 0] = 200
    del written
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(READER), str(store), str(count), str(side)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["total"] == 200 * len(range(0, count, 12))
    assert found["most"] - found["before"] < 256


def test_pages_are_let_go_after_so_many_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.arange(256, dtype=np.uint8).repeat(4096).tofile(tmp_path / "x.u8")
    stored = np.memmap(tmp_path / "x.u8", np.uint8, mode="r", shape=(256, 1, 4096))[:, 0]
    pages, gone = Pages(every=10_000), []
    monkeypatch.setattr(pages, "let_go", lambda: gone.append(1))
    for _ in range(3):
        pages.note(stored, 4096)
    assert gone == [1]
    Pages(every=1).note(stored, 4096)
    assert np.array_equal(stored[:, 0], np.arange(256)), "they are there when they are read again"


def test_what_is_no_file_has_no_pages(tmp_path: Path) -> None:
    held = np.zeros((4, 4), np.uint8)
    assert mapping_of(held) is None and mapping_of(held[1:]) is None
    Pages(every=1).note(held, 16)
    np.save(tmp_path / "x.npy", held)
    assert mapping_of(np.load(tmp_path / "x.npy", mmap_mode="r")[1:]) is not None

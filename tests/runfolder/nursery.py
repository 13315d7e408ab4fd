"""Run by test_kill.py in a process of its own: for each line read, a child that trains until it is killed.

Children are forked from a process that has imported torch once. A child resumes, checks that everything is as the last
checkpoint left it, and goes on: a row, an event, a picture, a checkpoint. To the file `diary` it writes
`begun`, `saving` before each save, and the count after it; what it finds wrong it writes to `wrong`.
"""

import os
import sys
import time
import traceback
from pathlib import Path

import torch

from sparring.runfolder import RunFolder, replace_file, sample_name


def tensors_of(images: int) -> dict[str, dict[str, torch.Tensor]]:
    values = torch.arange(60_000, dtype=torch.float32) + images
    return {"generator": {"weight": values}, "optimizer": {"weight": values * 2}}


def slow_down_the_disk() -> None:
    """Let every forced write take as long as on a plain disk, so that most kills fall inside a save."""
    real = os.fsync

    def fsync(handle: int) -> None:
        time.sleep(0.002)
        real(handle)

    os.fsync = fsync


def check(run: RunFolder, images: int) -> None:
    rows = [row["kimg"] for row in run.rows()]
    assert rows == [step + 0.1 for step in range(1, images + 1)], rows
    assert [event["kimg"] for event in run.events()] == rows
    assert sorted(path.name for path in run.samples.iterdir()) == [sample_name(step) for step in range(1, images + 1)]


def train(path: Path) -> None:
    diary = os.open(path.parent / "diary", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(diary, b"begun\n")
    run = RunFolder.open(path)
    run.lock()
    images = 0
    if run.saved_at():
        checkpoint = run.load_checkpoint()
        assert not checkpoint.notes, checkpoint.notes
        images = checkpoint.images
        assert checkpoint.state == {"step": images}
        for stem, named in tensors_of(images).items():
            assert torch.equal(checkpoint.tensors[stem]["weight"], named["weight"]), stem
        run.cut_back(checkpoint)
        check(run, images)
    else:
        for name in ("metrics.csv", "events.jsonl"):
            (path / name).unlink(missing_ok=True)
        for picture in run.samples.iterdir():
            picture.unlink()
    run.start_table({"kimg": "thousands of reals"})
    go_on(run, images, diary)


def go_on(run: RunFolder, images: int, diary: int) -> None:
    while True:
        images += 1
        run.append_row({"kimg": images + 0.1})
        run.append_event(kimg=images + 0.1, kind="step", severity="info", values={}, text="")
        replace_file(run.samples / sample_name(images), b"picture", durable=False)
        os.write(diary, b"saving\n")
        run.save_checkpoint(images=images, tensors=tensors_of(images), state={"step": images}, best=images % 5 == 0)
        os.write(diary, f"{images}\n".encode())


def main() -> None:
    torch.set_num_threads(1)
    slow_down_the_disk()
    path = Path(sys.argv[1])
    print("ready", flush=True)
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                train(path)
            except BaseException:
                (path.parent / "wrong").write_text(traceback.format_exc())
            os._exit(1)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()

"""One of two processes that do the jobs of `test_ranks.py` together; only the first may write into a run."""

import os
from pathlib import Path

import pytest

from sparring.cli.main import main
from sparring.job import train as job
from sparring.job.options import TrainOptions
from sparring.runfolder import RunFolder

SETTINGS = ("generator.width=4", "discriminator.width=4")
HALF, ALL = 0.16, 0.32


def options(out: Path, **more: object) -> TrainOptions:
    return TrainOptions(
        **{  # type: ignore[arg-type]
            "data": "digits",
            "recipe": "lsgan",
            "kimg": HALF,
            "batch": 16,
            "settings": SETTINGS,
            "precision": "fp64",
            "device": "cpu",
            "out": out,
            **more,
        }
    )


def refused(*words: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["train", "digits", *words])
    assert ended.value.code == 2, ended.value.code


def forbid_writing() -> None:
    def forbidden(*given: object, **named: object) -> None:
        raise AssertionError("rank 0 alone writes")

    for name in ("write_text", "append_row", "append_event", "save_checkpoint", "cut_back", "lock"):
        setattr(RunFolder, name, forbidden)


if __name__ == "__main__":
    place = Path.cwd()
    if os.environ["RANK"] != "0":
        forbid_writing()
    refused("--batch", "15")
    refused("--nonsense")
    refused("--sweep", "gamma")
    assert job.start(options(place / "two")) == place / "two"
    assert job.resume(place / "one", kimg=ALL) == place / "one"
    measured = job.start(options(place / "timed", kimg=None, minutes=0.02))
    assert RunFolder.open(measured).rows()

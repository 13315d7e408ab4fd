"""One of two processes that do the jobs of `test_ranks.py` together; only the first may write into a run."""

import os
from pathlib import Path

import pytest

from sparring.cli.main import main
from sparring.job import train as job
from sparring.job.options import TrainOptions
from sparring.runfolder import RunFolder

SETTINGS = ("generator.width=4", "discriminator.width=4")
SHARDED = (*SETTINGS, "generator.sharded=true")
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


def refused(*words: str, code: int = 2) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["train", *words])
    assert ended.value.code == code, ended.value.code


def forbid_writing() -> None:
    def forbidden(*given: object, **named: object) -> None:
        raise AssertionError("rank 0 alone writes")

    for name in ("write_text", "append_row", "append_event", "save_checkpoint", "cut_back", "lock"):
        setattr(RunFolder, name, forbidden)


if __name__ == "__main__":
    place = Path.cwd()
    first = os.environ["RANK"] == "0"
    if not first:
        forbid_writing()
    refused("digits", "--batch", "15")
    refused("digits", "--nonsense")
    refused("digits", "--sweep", "gamma")
    refused("digits" if first else "gone/", code=5)
    assert job.start(options(place / "two")) == place / "two"
    assert job.resume(place / "one", kimg=ALL) == place / "one"
    assert job.start(options(place / "shards", settings=SHARDED)) == place / "shards"
    assert job.resume(place / "one shard", kimg=ALL) == place / "one shard"
    begun = options(place / "begun", settings=SHARDED, begin_with=place / "one")
    assert job.start(begun) == place / "begun"
    measured = job.start(options(place / "timed", kimg=None, minutes=0.02, settings=SHARDED))
    assert RunFolder.open(measured).rows()

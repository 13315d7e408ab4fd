"""What the tests of the run folder share: known contents, and a way to record or fail calls to the system."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from sparring.runfolder import Checkpoint, RunFolder

CALLS = ("open", "write", "fsync", "close", "mkdir", "rename", "replace", "unlink", "rmdir", "listdir", "scandir")


def tensors_of(images: int) -> dict[str, dict[str, torch.Tensor]]:
    """Contents that follow from the count alone, so that a mix of two checkpoints is noticed."""
    values = torch.arange(96, dtype=torch.float32) + images
    return {
        "generator": {"net.weight": values.reshape(2, 3, 4, 4), "net.steps": torch.tensor(images)},
        "optimizer": {"exp_avg": values / 3, "rng": (values.to(torch.int64) % 251).to(torch.uint8)},
    }


def state_of(images: int) -> dict[str, Any]:
    return {"round": images, "loss": images / 7, "best": None}


def save(folder: RunFolder, images: int, *, best: bool = False) -> Path:
    return folder.save_checkpoint(images=images, tensors=tensors_of(images), state=state_of(images), best=best)


def assert_intact(checkpoint: Checkpoint) -> None:
    expected = tensors_of(checkpoint.images)
    assert checkpoint.state == state_of(checkpoint.images)
    assert checkpoint.tensors.keys() == expected.keys()
    for stem, named in expected.items():
        assert checkpoint.tensors[stem].keys() == named.keys()
        for name, tensor in named.items():
            assert torch.equal(checkpoint.tensors[stem][name], tensor)
            assert checkpoint.tensors[stem][name].dtype == tensor.dtype


def saved_names(folder: RunFolder) -> list[str]:
    return sorted(entry.name for entry in folder.checkpoints.iterdir())


def tree(path: Path) -> dict[str, bytes]:
    """Every file below a folder but the lock, with its bytes."""
    files = (entry for entry in path.rglob("*") if entry.is_file() and entry.name != ".lock")
    return {str(entry.relative_to(path)): entry.read_bytes() for entry in files}


@contextmanager
def watched(watch: Callable[[str, Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]) -> Iterator[None]:
    """Send every call of `CALLS` through `watch(name, real, args, kwargs)`."""
    with pytest.MonkeyPatch.context() as patch:
        for name in CALLS:
            real = getattr(os, name)
            patch.setattr(os, name, _through(watch, name, real))
        yield


def _through(watch: Callable[..., Any], name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        return watch(name, real, args, kwargs)

    return call


class Fault:
    """Fails the call of one index, or all calls from it on that write; knows whether it came to that."""

    def __init__(self, at: int, code: int, *, stays: bool = False) -> None:
        self.at, self.code, self.stays = at, code, stays
        self.count = 0
        self.hit = ""

    def __call__(self, name: str, real: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        index, self.count = self.count, self.count + 1
        if index == self.at or (self.stays and index > self.at and name in ("write", "fsync")):
            self.hit = self.hit or name
            if name == "close":
                real(*args, **kwargs)
            if name == "write":
                real(args[0], bytes(args[1])[: len(args[1]) // 2])
            raise OSError(self.code, os.strerror(self.code))
        return real(*args, **kwargs)


def codes() -> list[int]:
    return [errno.ENOSPC, errno.EIO]

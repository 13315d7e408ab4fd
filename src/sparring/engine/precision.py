"""Which device computes, and in which precision its forward passes run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import torch

from sparring.errors import UsageError
from sparring.nn import ranks

PrecisionName = Literal["bf16", "fp32", "fp64"]


@dataclass(frozen=True)
class Precision:
    """Weights are kept in `weights`; with `bf16` the passes run under autocast.

    fp64 is for checks of the mathematics, not for training.
    """

    name: PrecisionName
    device: torch.device

    @property
    def weights(self) -> torch.dtype:
        """Type of weights, noise and pictures as they enter a module."""
        return torch.float64 if self.name == "fp64" else torch.float32

    @contextmanager
    def autocast(self) -> Iterator[None]:
        """Context of every forward pass."""
        if self.name != "bf16":
            yield
            return
        with torch.autocast(self.device.type, torch.bfloat16):
            yield


def choose_device(asked: str | None) -> torch.device:
    """The device asked for, or the fastest that is there: CUDA, then Apple's MPS, then the CPU.

    Raises:
        UsageError: the device asked for is not there, or its name is unknown.
    """
    if ranks.world().ranks > 1:
        return _own_device(asked)
    if asked is None or asked == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(asked)
    except RuntimeError:
        raise UsageError(f"--device {asked}: no such kind of device. Known: auto, cpu, cuda, cuda:1, mps.") from None
    there = {
        "cpu": 1,
        "cuda": torch.cuda.device_count(),
        "mps": int(torch.backends.mps.is_available()),
    }.get(device.type, 0)
    if (device.index or 0) >= there:
        raise UsageError(
            f"--device {asked}: this machine has {there} {device.type} device(s) that torch {torch.__version__} can "
            "use. Leave --device out to train on what is there."
        )
    return device


def _own_device(asked: str | None) -> torch.device:
    """That of one of several processes, each of which takes a GPU of its own, see `distributed.joined`."""
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if asked == "cpu" or (asked in (None, "auto") and not gpus):
        return torch.device("cpu")
    if asked not in (None, "auto", "cuda"):
        raise UsageError(f"--device {asked}: of several processes each takes a device of its own. Known: cpu, cuda.")
    local = int(os.environ.get("LOCAL_RANK", ranks.world().rank))
    if local >= gpus:
        raise UsageError(
            f"--device {asked or 'auto'}: process {local} of this machine has no GPU of its own, there are {gpus}. "
            "Start as many processes as GPUs, or give --device cpu."
        )
    return torch.device("cuda")


def choose_precision(asked: str | None, device: torch.device) -> Precision:
    """The precision asked for, or bf16 where the device multiplies it faster than fp32, else fp32.

    Raises:
        UsageError: an unknown name, or one that the device can't compute in.
    """
    if asked is None or asked == "auto":
        return Precision("bf16" if _fast_bf16(device) else "fp32", device)
    if asked == "fp64" and device.type == "mps":
        raise UsageError("--precision fp64: Apple's MPS has no fp64. Give --device cpu as well.")
    for name in get_args(PrecisionName):
        if asked == name:
            return Precision(name, device)
    raise UsageError(f"--precision {asked}: unknown. Known: auto, {', '.join(get_args(PrecisionName))}.")


def wait(device: torch.device) -> None:
    """Until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _fast_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        flags = _cpu_flags()
        return "avx512_bf16" in flags or "amx_bf16" in flags
    return False


def _cpu_flags() -> frozenset[str]:
    """Instruction sets of the processor as Linux names them; empty elsewhere, where fp32 is the safe choice."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return frozenset()
    for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("flags"):
            return frozenset(line.split(":", 1)[1].split())
    return frozenset()

"""Weights that others trained: proved by their sha256, read without running anything in them, kept as safetensors.

Nothing is fetched: the user gives the file. It is converted once; afterwards it is read only to be proved.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from sparring.data.cache import Cache, default_cache
from sparring.errors import DataError, UsageError
from sparring.metrics.kept import found_or_made

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Published:
    """A file as its authors publish it.

    Args:
        name: what an extractor with these weights is called.
        sha256: of the file, hexadecimal.
        url: where it can be had.
    """

    name: str
    sha256: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Proved:
    """Weights that are what they were said to be.

    Args:
        name: the published name, or the general one with the first 8 digits of `sha256`.
        sha256: of the file that was given.
    """

    name: str
    sha256: str
    tensors: Tensors


def open_weights(
    kind: str,
    path: Path | None,
    published: Sequence[Published],
    convert: Callable[[Tensors], Tensors],
    *,
    sha256: str | None = None,
    cache: Path | None = None,
) -> Proved:
    """Read a file of weights that is one of the published ones, or the one whose sha256 the user gives.

    Args:
        kind: what is loaded, as the user asked for it ("inception").
        path: .pth, .pt or .safetensors; None explains which file to get.
        convert: from the names in the file to those of the network; called once, its result is kept in the cache.

    Raises:
        UsageError: no file, or neither published nor vouched for.
        DataError: the file holds something else than named tensors.
        MachineError: the cache can't be used.
    """
    if path is None:
        raise UsageError(f"--extractor {kind} needs a file of weights: give --weights FILE. {_known(published)}")
    digest = _digest(path)
    name = _name(kind, path, digest, published, sha256)
    kept = found_or_made(
        Cache(cache or default_cache()),
        "weights",
        f"{kind}-{digest}",
        lambda: (_converted(path, convert), {"file": path.name, "sha256": digest}),
        waiting="waiting for another process that converts the same weights",
    )
    return Proved(name=name, sha256=digest, tensors=kept.tensors)


def file_digest(path: Path) -> str:
    """sha256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(path: Path) -> str:
    try:
        return file_digest(path)
    except OSError as error:
        raise UsageError(f"--weights {path}: can't be read ({error.strerror}). Give the file itself.") from None


def _name(kind: str, path: Path, digest: str, published: Sequence[Published], sha256: str | None) -> str:
    if sha256 is not None and sha256.lower() != digest:
        raise UsageError(f"--weights {path}: its sha256 is {digest}, not {sha256}. Get the file again.")
    for file in published:
        if file.sha256 == digest:
            return file.name
    if sha256 is None:
        raise UsageError(
            f"--weights {path}: its sha256 is {digest}, which is no published one. {_known(published)} If these "
            f"weights are your own, give --sha256 {digest} as well: measures are then named after them."
        )
    return f"{kind}-{digest[:8]}"


def _known(published: Sequence[Published]) -> str:
    files = " or ".join(f"{file.url} (sha256 {file.sha256})" for file in published)
    return f"Known: {files}."


def _converted(path: Path, convert: Callable[[Tensors], Tensors]) -> Tensors:
    """Tensors in plain order, none sharing memory with another: the format demands it."""
    return {name: value.detach().clone().contiguous() for name, value in convert(_tensors(path)).items()}


def _tensors(path: Path) -> Tensors:
    found = _read(path)
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise DataError(
            f"{path}: expected tensors by name (a state dict), got {type(found).__name__}. A whole module that was "
            "saved can't be read without running its code: save its state_dict() instead."
        )
    return {str(name): value for name, value in found.items()}


def _read(path: Path) -> Any:
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged file makes its reader stumble over
        first = str(error).split("\n", 1)[0]
        raise DataError(f"{path}: no weights that can be read without running code ({first}). Get it again.") from None

"""Saving and loading checkpoints: a folder each, there whole or not at all.

    checkpoints/000000120064/  generator.safetensors  ema.safetensors  ...  state.json  manifest.json
    checkpoints/best.json      which of them was best, for people and scripts; the manifests are what counts

A save writes into a hidden folder, forces every file and then the manifest to the disk, and renames. Whatever instant
the process or the machine dies at, one complete checkpoint is there, once there was one.
"""

import contextlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sparring.errors import MachineError, UsageError
from sparring.runfolder import manifest as manifests
from sparring.runfolder import retention
from sparring.runfolder.atomic import machine_errors, sync_folder, token, write_new
from sparring.runfolder.manifest import DamagedError, Manifest, Mark

if TYPE_CHECKING:
    from torch import Tensor

_STEM = re.compile(r"[a-z0-9_][a-z0-9_.-]*")
_SPARE = 1.2
_INTACT = "The earlier checkpoints are intact."


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A checkpoint as it was saved, read whole and proved against its manifest.

    Args:
        images: count of reals seen.
        best: whether it was the best one when it was saved.
        tensors: by file stem ("generator"), then by name; on the CPU.
        state: what `save_checkpoint` was given, as JSON gives it back (tuples are lists).
        path: its folder.
        offsets: size in bytes of each table at that moment, by file name.
        notes: a sentence for each newer checkpoint that was damaged and passed over.
    """

    images: int
    best: bool
    tensors: dict[str, dict[str, "Tensor"]]
    state: dict[str, Any]
    path: Path
    offsets: dict[str, int]
    notes: tuple[str, ...] = ()


def save(
    folder: Path,
    *,
    images: int,
    tensors: Mapping[str, Mapping[str, "Tensor"]],
    state: Mapping[str, Any],
    best: bool,
    offsets: Mapping[str, int],
) -> Path:
    """Save a checkpoint and let go of those that need not be kept; see `RunFolder.save_checkpoint`."""
    text = _state_bytes(state)
    _check_stems(tensors)
    with machine_errors(folder, also=_INTACT):
        if not folder.is_dir():
            folder.mkdir(parents=True)
        sync_folder(folder.parent)
        retention.tidy(folder)
        _check_room(folder, tensors, len(text))
        target = folder / retention.folder_name(images)
        best = best or retention.was_best(target)
        temporary = folder / f".saving-{target.name}-{token()}"
        try:
            marks = _write_files(temporary, tensors, text)
            manifest = Manifest(images=images, best=best, offsets=dict(offsets), files=marks)
            write_new(temporary / manifests.NAME, manifests.encode(manifest))
            sync_folder(temporary)
            retention.publish(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                shutil.rmtree(temporary)
            raise
        retention.retain(folder)
    return target


def load(folder: Path, which: Literal["last", "best"]) -> Checkpoint:
    """Load the last or the best checkpoint; see `RunFolder.load_checkpoint`."""
    notes: list[str] = []
    with machine_errors(folder):
        for place in retention.by_preference(folder, which):
            try:
                return _read(place, tuple(notes))
            except DamagedError as damage:
                # A trainer may have let go of it while this process was reading: that is no damage.
                if place.exists():
                    notes.append(f"checkpoint {place.name} is damaged and was passed over: {damage}")
    if notes:
        raise MachineError(
            f"{folder}: no checkpoint is whole. {'; '.join(notes)}. Copy one back from a backup, or start again with "
            f"`sparring train --like {folder.parent}`."
        )
    raise UsageError(
        f"{folder.parent}: holds no checkpoint: it was stopped before the first one was saved. Start again with "
        f"`sparring train --like {folder.parent}`."
    )


def _read(place: Path, notes: tuple[str, ...]) -> Checkpoint:
    manifest = manifests.read(place)
    if retention.images_of(place) != manifest.images:
        raise DamagedError(f"{manifests.NAME}: belongs to the checkpoint of {manifest.images} images")
    if "state.json" not in manifest.files:
        raise DamagedError(f"{manifests.NAME}: does not list state.json")
    tensors = {}
    state: dict[str, Any] = {}
    for name, mark in manifest.files.items():
        data = _proved(place, name, mark)
        if name == "state.json":
            state = json.loads(data)
        else:
            tensors[name.removesuffix(".safetensors")] = _tensors_from(data)
    return Checkpoint(
        images=manifest.images,
        best=manifest.best,
        tensors=tensors,
        state=state,
        path=place,
        offsets=dict(manifest.offsets),
        notes=notes,
    )


def _proved(place: Path, name: str, mark: Mark) -> bytes:
    path = place / name
    try:
        # Asked before reading: a file that has grown must not fill the memory.
        size = path.stat().st_size
        data = path.read_bytes() if size == mark.size else b""
    except FileNotFoundError:
        raise DamagedError(f"{name}: missing") from None
    if size != mark.size:
        raise DamagedError(f"{name}: {size:,} bytes, {mark.size:,} were written")
    manifests.prove(name, data, mark)
    return data


def _write_files(folder: Path, tensors: Mapping[str, Mapping[str, "Tensor"]], state: bytes) -> dict[str, Mark]:
    folder.mkdir()
    marks = {}
    for name, data in _files(tensors, state):
        write_new(folder / name, data)
        marks[name] = manifests.mark(data)
    return marks


def _files(tensors: Mapping[str, Mapping[str, "Tensor"]], state: bytes) -> Iterator[tuple[str, bytes]]:
    # One at a time: no more than one file's bytes are held beside the tensors.
    for stem, named in tensors.items():
        yield f"{stem}.safetensors", _tensors_to(named)
    yield "state.json", state


def _tensors_to(named: Mapping[str, "Tensor"]) -> bytes:
    import safetensors.torch

    return safetensors.torch.save(_standing_alone(named))


def _tensors_from(data: bytes) -> dict[str, "Tensor"]:
    import safetensors.torch

    return safetensors.torch.load(data)


def _standing_alone(named: Mapping[str, "Tensor"]) -> dict[str, "Tensor"]:
    """On the CPU, in plain order (not channels-last), none sharing memory with another: the format demands it."""
    alone = {}
    seen: set[int] = set()
    for name, tensor in named.items():
        plain = tensor.detach().cpu().contiguous()
        if plain.untyped_storage().data_ptr() in seen:
            plain = plain.clone()
        seen.add(plain.untyped_storage().data_ptr())
        alone[name] = plain
    return alone


def _check_room(folder: Path, tensors: Mapping[str, Mapping[str, "Tensor"]], state_size: int) -> None:
    size = state_size + sum(tensor.nbytes for named in tensors.values() for tensor in named.values())
    free = shutil.disk_usage(folder).free
    if free < _SPARE * size:
        raise MachineError(
            f"{folder}: the disk is nearly full: the next checkpoint takes {size / 1e6:,.1f} MB, and "
            f"{free / 1e6:,.1f} MB are free. {_INTACT} Free some space, then go on with "
            f"`sparring train --resume {folder.parent}`."
        )


def _check_stems(tensors: Mapping[str, Mapping[str, "Tensor"]]) -> None:
    for stem in tensors:
        if not _STEM.fullmatch(stem):
            raise ValueError(f"'{stem}' can't name a file of a checkpoint: small letters, digits, `_`, `-` and `.` can")


def _state_bytes(state: Mapping[str, Any]) -> bytes:
    _check_keys(state, "state")
    return (json.dumps(state, indent=1) + "\n").encode()


def _check_keys(value: Any, where: str) -> None:
    """JSON turns every key into a string without a word: what came back would not be what was saved."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"{where}: the key {key!r} is no string; JSON would change it")
            _check_keys(item, f"{where}.{key}")
    elif isinstance(value, list | tuple):
        for item in value:
            _check_keys(item, where)

"""Which checkpoints are there, which stay, and how one takes another's place.

Names inside checkpoints/ that a kill can leave behind, each read or cleaned at the next save:

    .saving-<images>-<token>     a save that did not end
    .replaced-<images>-<token>   complete; its successor of the same count was about to take its name
    .removing-<images>-<token>   one that was being let go

`set-aside-<images>` is left alone for good: a damaged checkpoint, or one newer than that which a run went back to.
Only what a sound manifest lists is ever deleted; a checkpoint that holds a file of somebody else stays.
"""

import contextlib
import json
import os
import re
import shutil
from pathlib import Path
from typing import Literal

from sparring.errors import UsageError
from sparring.runfolder import manifest as manifests
from sparring.runfolder.atomic import replace_file, sync_folder, token
from sparring.runfolder.manifest import DamagedError, Manifest

KEPT = 2
BEST = "best.json"
_NUMBERED = re.compile(r"(\.replaced-)?(?P<images>\d{12,})(?(1)-[0-9a-f]{8})")
_LEFTOVER = re.compile(r"\.(saving|removing)-\d{12,}-[0-9a-f]{8}")


def folder_name(images: int) -> str:
    """Name of the checkpoint of `images` reals: digits that sort as the numbers do."""
    return f"{images:012d}"


def images_of(place: Path) -> int | None:
    """The count in a checkpoint's name; None where the name is none of a checkpoint."""
    match = _NUMBERED.fullmatch(place.name)
    return int(match["images"]) if match else None


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in a folder, newest first, whole or not; one waiting to be replaced comes after its successor."""
    try:
        entries = list(folder.iterdir())
    except FileNotFoundError:
        return []
    places = [entry for entry in entries if _NUMBERED.fullmatch(entry.name)]
    return sorted(places, key=lambda place: (-(images_of(place) or 0), place.name.startswith("."), place.name))


def complete(folder: Path) -> list[Path]:
    """The checkpoints whose manifest is sound and whose files all have their size, newest first."""
    return [place for place in checkpoints(folder) if _sound(place) is not None]


def by_preference(folder: Path, which: Literal["last", "best"]) -> list[Path]:
    """All checkpoints in the order in which they are to be tried."""
    places = checkpoints(folder)
    if which == "best":
        best = _best(places)
        places.sort(key=lambda place: place != best)
    return places


def was_best(place: Path) -> bool:
    """Whether a sound checkpoint is there that is marked as best."""
    manifest = _sound(place)
    return manifest is not None and manifest.best


def tidy(folder: Path) -> None:
    """Finish or undo what a killed save left; only for the process that holds the run's lock."""
    for place in checkpoints(folder):
        if place.name.startswith(".replaced-"):
            _settle_replaced(place, folder / folder_name(images_of(place) or 0))
    for entry in list(folder.iterdir()):
        if _LEFTOVER.fullmatch(entry.name):
            shutil.rmtree(entry)


def publish(temporary: Path, target: Path) -> None:
    """Give a complete, synced folder its name; a checkpoint that has it makes room without being lost on the way."""
    replaced = None
    if os.path.lexists(target):
        replaced = _make_room(target)
    temporary.rename(target)
    sync_folder(target.parent)
    if replaced is not None:
        shutil.rmtree(replaced)


def retain(folder: Path) -> None:
    """Let go of all but the last two complete checkpoints and the best one, and write best.json."""
    whole = complete(folder)
    best = _best(whole)
    _point_to_best(folder, best)
    for place in whole[KEPT:]:
        if place != best and _only_ours(place):
            _remove(place)


def set_aside_newer(folder: Path, place: Path) -> None:
    """Rename every checkpoint newer than `place`, so that `place` is the last one."""
    images = images_of(place)
    assert images is not None, f"{place} has no checkpoint's name"
    for other in checkpoints(folder):
        if (images_of(other) or 0) > images:
            _set_aside(other)
    _point_to_best(folder, _best(checkpoints(folder)))
    sync_folder(folder)


def _best(places: list[Path]) -> Path | None:
    # Better ones come later: of all that were best when they were saved, the newest is best.
    return next((place for place in places if was_best(place)), None)


def _sound(place: Path) -> Manifest | None:
    """The manifest of a checkpoint whose files all have their size; None where something is amiss."""
    try:
        manifest = manifests.read(place)
        sizes = {name: (place / name).stat().st_size for name in manifest.files}
    except (DamagedError, UsageError, FileNotFoundError, NotADirectoryError):
        return None
    fits = all(sizes[name] == mark.size for name, mark in manifest.files.items())
    return manifest if fits and manifest.images == images_of(place) else None


def _only_ours(place: Path) -> bool:
    manifest = _sound(place)
    return manifest is not None and {entry.name for entry in place.iterdir()} <= {manifests.NAME, *manifest.files}


def _make_room(target: Path) -> Path | None:
    if not _only_ours(target):
        _set_aside(target)
        return None
    replaced = target.with_name(f".replaced-{target.name}-{token()}")
    target.rename(replaced)
    return replaced


def _settle_replaced(place: Path, target: Path) -> None:
    if not os.path.lexists(target):
        place.rename(target)
        return
    if _sound(target) is not None:
        # The successor's name must be on the disk before the last copy of the other goes.
        sync_folder(target.parent)
        shutil.rmtree(place)


def _remove(place: Path) -> None:
    doomed = place.with_name(f".removing-{folder_name(images_of(place) or 0)}-{token()}")
    place.rename(doomed)
    shutil.rmtree(doomed)


def _set_aside(place: Path) -> None:
    name = f"set-aside-{folder_name(images_of(place) or 0)}"
    for number in range(1, 10_000):
        free = place.with_name(name if number == 1 else f"{name}-{number}")
        if not os.path.lexists(free):
            place.rename(free)
            return


def _point_to_best(folder: Path, best: Path | None) -> None:
    path = folder / BEST
    if best is None:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        return
    pointer = {"images": images_of(best), "folder": best.name}
    data = (json.dumps(pointer) + "\n").encode()
    if not path.exists() or path.read_bytes() != data:
        replace_file(path, data)

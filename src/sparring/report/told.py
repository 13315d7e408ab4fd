"""What differs by a run's task in what people are told: what its pictures show, and what it is asked next."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sparring.runfolder import RunFolder


@dataclass(frozen=True, kw_only=True)
class Told:
    """Of one task.

    Args:
        pictures: what the pictures are, for those who can't see them.
        caption: of the pictures.
        then: the verb that comes next, with `{run}` for the folder.
        meaning: of that verb.
    """

    pictures: str
    caption: str
    then: str
    meaning: str


_TOLD: Mapping[str, Told] = {
    "generate": Told(
        pictures="Generated pictures",
        caption="Generated",
        then="sparring sample {run} -n 64",
        meaning="make pictures with it",
    ),
    "classify": Told(
        pictures="The held-out pictures that were hardest",
        caption="Hardest held-out pictures of each class",
        then="sparring predict {run} pictures/",
        meaning="ask it for classes",
    ),
    "rebuild": Told(
        pictures="Held-out pictures and what was rebuilt of them",
        caption="Held-out, and rebuilt",
        then="sparring sample {run} --from pictures/",
        meaning="rebuild others; a variational one makes samples without --from",
    ),
    "anomaly": Told(
        pictures="Held-out pictures with blemishes put on them, and where it sees them",
        caption="Held-out with made blemishes, where they are, and where it sees them",
        then="sparring detect {run} pictures/",
        meaning="find what is not as these pictures are",
    ),
}


_CLASSIFIED_ROWS = Told(
    pictures="What it says of each place of the plane",
    caption="What it says of each place, with held-out rows; crosses are mistakes",
    then="sparring predict {run} new.csv",
    meaning="ask it for classes",
)


def told_of(folder: RunFolder) -> Told:
    """Of a run; one whose recipe names no task generates."""
    task = str(_record(folder, "recipe.json").get("task", "generate"))
    if task == "classify" and columns_of(folder):
        return _CLASSIFIED_ROWS
    return _TOLD.get(task, _TOLD["generate"])


def columns_of(folder: RunFolder) -> int:
    """How many columns the run's rows have; 0: they are no rows."""
    spec = _record(folder, "data.json").get("spec", {})
    return len(spec.get("columns", ()))


def _record(folder: RunFolder, name: str) -> Mapping[str, Any]:
    found = folder.read_json(name) if (folder.path / name).exists() else {}
    return found if isinstance(found, Mapping) else {}

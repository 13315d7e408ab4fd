"""What differs by a run's task in what people are told: what its pictures show, and what it is asked next."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


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
}


def told_of(recipe: Any) -> Told:
    """Of a run whose recipe.json holds `recipe`; one that names no task generates."""
    task = recipe.get("task", "generate") if isinstance(recipe, Mapping) else "generate"
    return _TOLD.get(str(task), _TOLD["generate"])

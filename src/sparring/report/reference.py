"""What the bundled recipes reach on well-known data: bands of low and high over several seeds, kept as JSON files.

They are made by `python -m benchmarks.reference_curves`. A run is compared with one where recipe, data and shape of
the pictures are alike.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

Band = Sequence[tuple[float, float, float]]
"""(kimg, low, high) with rising kimg."""
SHAPE = ("channels", "height", "width")


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Bands by column, how many runs they come from, and the command that a run began with."""

    name: str
    runs: int
    command: str
    bands: Mapping[str, Band]


def bundled() -> Traversable:
    """The folder of reference curves that comes with the package."""
    return files("sparring") / "recipes" / "reference"


def find_reference(recipe: Any, data: Any, place: Traversable | None = None) -> Reference | None:
    """The reference of a run like this one; None where there is none.

    Args:
        recipe, data: the run's recipe.json and data.json; whatever they lack makes them like no other.
        place: where the files are.
    """
    shape = _shape(_entry(data, "spec"))
    wanted = (_entry(recipe, "name"), _entry(data, "name"))
    place = bundled() if place is None else place
    if shape is None or not all(isinstance(name, str) for name in wanted) or not place.is_dir():
        return None
    for path in sorted(place.iterdir(), key=lambda entry: entry.name):
        if path.name.endswith(".json"):
            found = json.loads(path.read_text(encoding="utf-8"))
            if (found["recipe"], found["data"]) == wanted and _shape(found["spec"]) == shape:
                return _reference(found)
    return None


def _reference(found: Mapping[str, Any]) -> Reference:
    bands = {
        name: [
            (float(kimg), float(low), float(high))
            for kimg, low, high in zip(found["kimg"], sides["low"], sides["high"], strict=True)
            if low is not None and high is not None and math.isfinite(low) and math.isfinite(high)
        ]
        for name, sides in found["columns"].items()
    }
    name = f"{found['recipe']} on {found['data']}"
    return Reference(name=name, runs=int(found["runs"]), command=str(found["command"]), bands=bands)


def _entry(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None


def _shape(spec: Any) -> tuple[Any, ...] | None:
    return tuple(spec.get(side) for side in SHAPE) if isinstance(spec, Mapping) else None

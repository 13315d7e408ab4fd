"""The data that a run was trained on, opened again to measure with them or to translate the unseen ones."""

from pathlib import Path

from sparring.data import Data, open_data
from sparring.data.spec import OpenedSpec
from sparring.errors import DataError, UsageError
from sparring.job.records import read_hashes
from sparring.metrics.kept import Progress
from sparring.recipe import Recipe
from sparring.runfolder import RunFolder


def own_data(folder: RunFolder, recipe: Recipe, spec: OpenedSpec, on_progress: Progress) -> tuple[Data, list[str]]:
    """The run's own data, and what has changed in them since it began.

    Raises:
        DataError: they are gone.
        UsageError: they are other ones now.
    """
    choice, source, name = recipe.data, Path(recipe.data.source), folder.path.name
    if source.is_absolute() and not source.exists():
        raise DataError(f"{source}: gone; {name} was trained on it. Put the pictures back where they were.")
    if not source.is_absolute() and source.exists():
        raise UsageError(
            f"{source.absolute()} is in the way: {name} was trained on the data set called '{source}', and "
            "this path would be read instead. Evaluate from another folder."
        )
    data = open_data(
        choice.source,
        size=choice.size,
        fit=choice.fit,
        channels=choice.channels,
        conditional=choice.conditional,
        labels=choice.labels,
        seed=recipe.seed,
        on_progress=on_progress,
    )
    if data.spec != spec:
        raise UsageError(
            f"{source}: the pictures or classes are other ones than {name} was trained on (now {data.spec}, "
            f"then {spec}). Put them back as they were."
        )
    changed = [part for part, digest in read_hashes(folder).items() if _hash(data, part) != digest]
    return data, [f"the {part} part is no longer what it was when the run began" for part in changed]


def unseen(data: Data) -> str:
    """The part that nothing of a run was chosen by: "test", or "validation" where there is none."""
    return "test" if "test" in data.parts else "validation"


def _hash(data: Data, part: str) -> str:
    return next((report.hash for name, report in data.report.parts.items() if name == part), "")

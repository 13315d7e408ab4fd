"""The data that a run was trained on, opened again to measure with them or to translate the unseen ones."""

from pathlib import Path

from sparring.data import Data, open_data
from sparring.data.folds import folded
from sparring.data.shards import names_shards
from sparring.data.spec import OpenedSpec
from sparring.errors import DataError, UsageError
from sparring.job.records import read_hashes
from sparring.metrics.kept import Progress
from sparring.recipe import DataChoice, Recipe
from sparring.runfolder import RunFolder


def open_choice(choice: DataChoice, seed: int, on_progress: Progress | None) -> Data:
    """The data that a recipe chose.

    Raises:
        as `open_data`.
    """
    data = open_data(
        choice.source,
        size=choice.size,
        fit=choice.fit,
        channels=choice.channels,
        conditional=choice.conditional,
        labels=choice.labels,
        pairs=choice.pairs,
        stream=choice.stream,
        seed=seed,
        on_progress=on_progress,
    )
    return data if choice.fold is None or choice.folds is None else folded(data, choice.fold, choice.folds)


def open_again(folder: RunFolder, recipe: Recipe, on_progress: Progress | None, *, doing: str) -> Data:
    """The data of a run that is there, from where they were.

    Args:
        doing: what is to be done from another folder where a path is in the way, as a message begins.

    Raises:
        DataError: they are gone.
        UsageError: something else would be read.
    """
    source, name = Path(recipe.data.source), folder.path.name
    if source.is_absolute() and not source.exists() and not names_shards(str(source)):
        raise DataError(f"{source}: gone; {name} was trained on it. Put the pictures back where they were.")
    if not source.is_absolute() and source.exists():
        raise UsageError(
            f"{source.absolute()} is in the way: {name} was trained on the data set called '{source}', and "
            f"this path would be read instead. {doing} from another folder."
        )
    return open_choice(recipe.data, recipe.seed, on_progress)


def own_data(folder: RunFolder, recipe: Recipe, spec: OpenedSpec, on_progress: Progress) -> tuple[Data, list[str]]:
    """The run's own data, and what has changed in them since it began.

    Raises:
        DataError: they are gone.
        UsageError: they are other ones now.
    """
    data = open_again(folder, recipe, on_progress, doing="Evaluate")
    if data.spec != spec:
        raise UsageError(
            f"{recipe.data.source}: the pictures or classes are other ones than {folder.path.name} was trained on "
            f"(now {data.spec}, then {spec}). Put them back as they were."
        )
    changed = [part for part, digest in read_hashes(folder).items() if _hash(data, part) != digest]
    return data, [f"the {part} part is no longer what it was when the run began" for part in changed]


def unseen(data: Data) -> str:
    """The part that nothing of a run was chosen by: "test", or "validation" where there is none."""
    return "test" if "test" in data.parts else "validation"


def _hash(data: Data, part: str) -> str:
    return next((report.hash for name, report in data.report.parts.items() if name == part), "")

"""Which pictures a run is measured against: those it never saw, and others of their kind in the place of samples."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sparring.data import Data, TableSpec, open_data
from sparring.errors import DataError, UsageError
from sparring.job.dealing import class_shares
from sparring.job.evaluate_measures import Pool
from sparring.job.reopen import own_data, unseen
from sparring.job.run import Run
from sparring.metrics.base import Labels
from sparring.metrics.kept import Progress
from sparring.runfolder import RunFolder

LEAST = 10


@dataclass(frozen=True, kw_only=True)
class Against:
    """What samples are compared with.

    Args:
        name, part: the data, and which of their parts: "test", "validation", or "all".
        reals: compared with samples.
        stand: other reals, to stand in the place of samples.
        known: the run's own data; their training part is what may have been copied.
        held: pictures of the run's own data that it was not trained on.
        notes: what to take with care.
    """

    name: str
    part: str
    reals: Pool
    stand: Pool
    known: Data
    held: Pool
    notes: Sequence[str] = ()

    @property
    def shares(self) -> list[float] | None:
        """Of the classes among the training labels; None without classes."""
        labels = self.known.labels.get("train")
        if labels is None or not (labels >= 0).any():
            return None
        return [float(share) for share in class_shares(labels, len(self.known.classes))]


def open_against(run: Run, against: str | None, *, count: int, on_progress: Progress) -> Against:
    """The run's own test part, or its validation part where there is none; or other data.

    Args:
        against: a source for `open_data`, brought to the size of the run's pictures. Its test part is taken; where it
            has none, a half of all its pictures, the other half standing for samples.
        count: pictures that are asked for.

    Raises:
        DataError: the run's data are gone, or fewer than 10 pictures are there to be compared with.
        UsageError: the run's data are other ones now, or `against` is no source.
    """
    known, notes = own_data(RunFolder.open(run.path), run.recipe, run.spec, on_progress)
    part = unseen(known)
    held = _pool(known, part)
    own = Against(
        name=known.name, part=part, reals=held, stand=_pool(known, "train"), known=known, held=held, notes=notes
    )
    found = own if against is None else _other(run, own, against, count, on_progress)
    if len(found.reals.pictures) < LEAST:
        raise DataError(
            f"{found.name}: {len(found.reals.pictures)} pictures in the part {found.part} to compare samples with, "
            f"expected {LEAST} or more. Give others with --against."
        )
    return found


def _other(run: Run, own: Against, against: str, count: int, on_progress: Progress) -> Against:
    choice = run.recipe.data
    if isinstance(run.spec, TableSpec):
        data = open_data(against, on_progress=on_progress)
        if not isinstance(data.spec, TableSpec) or data.spec.columns != run.spec.columns:
            raise UsageError(
                f"--against {against}: {run.path.name} makes {run.spec.form}; give data of the same columns."
            )
    else:
        data = open_data(
            against,
            size=run.spec.height,
            fit=choice.fit,
            channels=run.spec.channels,
            pairs=choice.pairs,
            on_progress=on_progress,
        )
    if data.report.parts["train"].hash == own.known.report.parts["train"].hash:
        return own
    notes = [*own.notes, f"the samples are of a run on {own.known.name}; the reals are of {data.name}"]
    if data.classes != own.known.classes:
        data = Data(name=data.name, spec=data.spec, parts=data.parts, report=data.report)
    if "test" in data.parts:
        reals, stand, part = _pool(data, "test"), _pool(data, "train"), "test"
    else:
        reals, stand = _halves(data, count)
        part = "all"
    return Against(name=data.name, part=part, reals=reals, stand=stand, known=own.known, held=own.held, notes=notes)


def _pool(data: Data, part: str) -> Pool:
    return Pool(data.parts[part].x, data.labels.get(part))


def _halves(data: Data, count: int) -> tuple[Pool, Pool]:
    """Two halves of all pictures, drawn at random and no larger than needed."""
    parts = list(data.parts)
    sizes = [len(data.parts[name]) for name in parts]
    order = np.random.Generator(np.random.Philox(key=0)).permutation(sum(sizes))
    half = min(2 * count, len(order) // 2)
    starts = np.cumsum([0, *sizes])
    return _gathered(data, parts, starts, order[:half]), _gathered(data, parts, starts, order[half : 2 * half])


def _gathered(data: Data, parts: Sequence[str], starts: Labels, rows: Labels) -> Pool:
    chosen = [
        Pool(data.parts[name].x, data.labels.get(name)).taken(np.sort(rows[(rows >= low) & (rows < high)]) - low)
        for name, low, high in zip(parts, starts[:-1], starts[1:], strict=True)
    ]
    labels = [pool.labels for pool in chosen if pool.labels is not None]
    return Pool(np.concatenate([pool.pictures for pool in chosen]), np.concatenate(labels) if labels else None)

"""A folder of pictures through a run that finds anomalies: a score and a heat map of each, and which are above a
threshold."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sparring.data.collection import Skipped
from sparring.data.defects import MASKS, TEST, has_defects
from sparring.errors import DataError
from sparring.job.defects import tested
from sparring.job.finder import Detected, Finder
from sparring.job.new_pictures import list_pictures, read_new, refuse_none
from sparring.job.run import Pixels, Run
from sparring.job.translate import names_of_made, refuse_foreign
from sparring.metrics.base import Floats
from sparring.metrics.false_alarms import Cut, cut_between, cut_for, shares_as_high
from sparring.metrics.intervals import Measure, records
from sparring.pictures import grid, heated, save_png
from sparring.runfolder import machine_errors

FALSE_ALARMS = 0.01
BLOCK = 250
LEAST_SHOWN = 256
"""Points of a side that pictures are enlarged to, where whole numbers allow it."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One picture.

    Args:
        file: its path below what was asked for.
        score: higher where less is as in normal pictures.
        above: whether that is above the threshold.
        as_high: share of held-out normal pictures with a score as high, itself counted: near 0 is odd.
        kind: what is known to be wrong with it, where its folder says so.
        picture: the file with the picture beside its heat map.
    """

    file: str
    score: float
    above: bool
    as_high: float
    kind: str | None = None
    picture: str | None = None


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What was found in a folder.

    Args:
        by: the evidence.
        cut: the threshold.
        rows: in the order of the pictures' names.
        measures: where the folder says which pictures are faulty, how well they are told from the others.
        skipped: files that are no pictures or can't be read, with the reasons.
    """

    run: str
    by: str
    cut: Cut
    rows: Sequence[Finding]
    measures: Sequence[Measure] = ()
    skipped: Sequence[Skipped] = ()

    @property
    def notes(self) -> list[str]:
        """What is to be taken with care."""
        return [] if self.cut.caution is None else [self.cut.caution]

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists, numbers and strings."""
        return {
            "run": self.run,
            "by": self.by,
            "threshold": asdict(self.cut),
            "pictures": [asdict(row) for row in self.rows],
            "measures": records(self.measures),
            "notes": self.notes,
            "skipped": [{"file": lost.name, "reason": lost.reason} for lost in self.skipped],
        }


def detect(
    run: Run,
    source: Path,
    *,
    out: Path | None = None,
    by: str | None = None,
    false_alarms: float = FALSE_ALARMS,
    defects: Path | None = None,
) -> Findings:
    """Find what in pictures is not as in those that the run was trained on.

    Args:
        source: a folder, with whatever folders are in it, or one picture. Of a folder laid out as MVTec AD is, see
            `data.defects`, the test pictures.
        out: where heat maps are written, each under its picture's name; None: none are.
        by: the evidence; None: the run's default.
        false_alarms: share of normal pictures that may lie above the threshold.
        defects: pictures that are known to be faulty: the threshold is chosen by these and by held-out normal ones.

    Raises:
        UsageError: the run finds no anomalies, or a file in `out` is not from sparring.
        DataError: nothing is there, or nothing that can be read.
        MachineError: the disk refused.
    """
    finder = run.finder(by)
    cut = cut_for(finder.held_scores, false_alarms) if defects is None else _cut_by(run, finder, defects)
    if source.is_dir() and has_defects(source):
        return _of_tested(run, source, finder, cut, out)
    listing = list_pictures(source)
    names = names_of_made(listing.entries)
    if out is not None:
        refuse_foreign([out / name for name in names.values()])
    skipped, rows = list(listing.skipped), []
    for start in range(0, len(listing.entries), BLOCK):
        entries = listing.entries[start : start + BLOCK]
        read = list(read_new(run, entries, channels=run.picture_spec.channels, skipped=skipped))
        if read:
            pictures = np.stack([picture for _, picture in read])
            files = [entry.name for entry, _ in read]
            rows += _findings(finder, cut, files, pictures, finder.look(pictures), run, out, names)
    if not rows:
        raise refuse_none(source, skipped)
    return Findings(run=run.path.name, by=finder.by, cut=cut, rows=rows, skipped=skipped)


def _of_tested(run: Run, root: Path, finder: Finder, cut: Cut, out: Path | None) -> Findings:
    found = tested(run, root, by=finder.by)
    entries = [picture.entry for picture in found.shown]
    names = names_of_made(entries)
    if out is not None:
        refuse_foreign([out / name for name in names.values()])
    files = [entry.name for entry in entries]
    rows = _findings(finder, cut, files, found.pictures, found.found, run, out, names, kinds=found.kinds)
    return Findings(
        run=run.path.name,
        by=finder.by,
        cut=cut,
        rows=rows,
        measures=found.rows(),
        skipped=found.skipped,
    )


def _cut_by(run: Run, finder: Finder, defects: Path) -> Cut:
    """The threshold by pictures that are known to be faulty."""
    if defects.is_dir() and has_defects(defects):
        raise DataError(
            f"--defects {defects}: has good pictures too. Give a folder of faulty ones alone, as {defects / TEST}/..."
        )
    listing = list_pictures(defects, option="--defects ")
    entries = [entry for entry in listing.entries if MASKS not in entry.name.split("/")]
    skipped: list[Skipped] = []
    read = list(read_new(run, entries, channels=run.picture_spec.channels, skipped=skipped))
    if not read:
        raise refuse_none(defects, skipped, option="--defects ")
    return cut_between(finder.held_scores, _scores(finder, [picture for _, picture in read]))


def _scores(finder: Finder, pictures: Sequence[Pixels]) -> Floats:
    blocks = [np.stack(pictures[at : at + BLOCK]) for at in range(0, len(pictures), BLOCK)]
    return np.concatenate([finder.look(block).scores for block in blocks])


def _findings(
    finder: Finder,
    cut: Cut,
    files: Sequence[str],
    pictures: Pixels,
    found: Detected,
    run: Run,
    out: Path | None,
    names: dict[str, str],
    kinds: Sequence[str | None] | None = None,
) -> list[Finding]:
    as_high = shares_as_high(finder.held_scores, found.scores)
    beside = side_by_side(pictures, finder.heated(found.maps))
    rows = []
    for number, file in enumerate(files):
        row = Finding(
            file=file,
            score=float(found.scores[number]),
            above=bool(found.scores[number] > cut.value),
            as_high=float(as_high[number]),
            kind=None if kinds is None else kinds[number],
            picture=None if out is None else names[file],
        )
        rows.append(row)
        if out is not None:
            _save(beside[number], out / names[file], run, row, cut)
    return rows


def side_by_side(pictures: Pixels, heat: Floats) -> Pixels:
    """Each picture beside itself under its heat map, enlarged by whole numbers, uint8 [N, H, 2 W, 3]."""
    plain = pictures.repeat(3, 3) if pictures.shape[3] == 1 else pictures[..., :3]
    both = np.concatenate([plain, heated(pictures, heat)], 2)
    scale = max(1, LEAST_SHOWN // both.shape[1])
    return both.repeat(scale, 1).repeat(scale, 2)


def _save(picture: Pixels, path: Path, run: Run, row: Finding, cut: Cut) -> None:
    with machine_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    facts: dict[str, str | int | float] = {
        "run": run.path.name,
        "kimg": run.checkpoint.images / 1000,
        "score": row.score,
        "threshold": cut.value,
        "above": row.above,
    }
    save_png(grid(picture[None], columns=1, scale=1), path, facts, durable=False)

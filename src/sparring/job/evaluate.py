"""Everything that can be measured of a trained generator, each number beside what real pictures would get."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from sparring.data import Part
from sparring.engine.precision import choose_device
from sparring.errors import UsageError
from sparring.job.evaluate_classes import class_rows
from sparring.job.evaluate_data import LEAST, Against, open_against
from sparring.job.evaluate_measures import Measuring, Pool
from sparring.job.evaluate_players import player_rows
from sparring.job.evaluation import RECORD, Evaluation, Evaluations, Row
from sparring.job.run import MOST, Run
from sparring.metrics.base import Extractor, Floats, Labels, Pictures
from sparring.metrics.corrupt import stands
from sparring.metrics.extractors import open_extractor
from sparring.metrics.foreign import ForeignExtractor
from sparring.metrics.fourier import RandomFourier
from sparring.metrics.judge import Judge
from sparring.metrics.judge_training import train_judge
from sparring.metrics.kept import Progress, silent
from sparring.metrics.onnx import OnnxExtractor
from sparring.metrics.robust import Robustness, robustness
from sparring.metrics.spread import over_seeds
from sparring.metrics.synthetic import Labelled, Predict, classification_scores
from sparring.metrics.translation import mean_difference
from sparring.runfolder import RunFolder

COUNT = 10_000
SEEDS = 3
MOST_SEEDS = 100
KNOWN = 5_000
"""Training reals that copies are looked for among, at least."""
MOST_CHANGED = 2_000
"""Reals that --robust changes, at most."""
MOST_TAUGHT = 20_000
"""Pictures that --cas trains a classifier on, at most."""
FEW = 2_048
"""Below, the covariance of Inception's 2,048 features has no full rank, and FID is an extrapolation."""
Which = Literal["best", "last", "both"]
_SPOILT = {"floor": "real", "blurred": "blurred", "class_dropped": "one_class_dropped", "duplicated": "duplicated"}


def evaluate(
    path: str | Path,
    *,
    against: str | None = None,
    extractor: str | None = None,
    weights: str | Path | None = None,
    sha256: str | None = None,
    count: int = COUNT,
    seeds: int = SEEDS,
    checkpoint: Which = "best",
    cas: bool = False,
    robust: bool = False,
    device: str | None = None,
    on_progress: Progress = silent,
) -> Evaluations:
    """Measure a run and write evaluation.json into its folder.

    Args:
        against: other data to compare with; None: the run's own test part, or its validation part where it has none.
        extractor: judge, conv, inception, dinov2 or FILE.onnx; None: the judge where it can be trusted, else conv.
        weights, sha256: of inception and dinov2.
        count: samples for each seed; as many as there are reals, where these are fewer.
        seeds: how many sets of samples; the numbers from 0 on.
        checkpoint: the best one, the last one, or both.
        cas: also train classifiers on samples and on reals, and test each on the other.
        robust: also how the extractor's classes stand up to shifted, turned, lit, blurred and covered reals.

    Raises:
        UsageError, DataError, MachineError: what was asked can't be, the data are gone, or the disk refused.
    """
    _check(count, seeds)
    place = choose_device(device)
    runs = _opened(path, checkpoint, device)
    run = next(iter(runs.values()))
    found = open_against(run, against, count=count, on_progress=on_progress)
    space = open_extractor(
        extractor,
        found.known,
        weights=None if weights is None else Path(weights).expanduser(),
        sha256=sha256,
        device=place,
        on_progress=on_progress,
    )
    steadiness = _robustness(space, found) if robust else None
    on_progress("measuring reals", 0, None)
    judging = _Judging(space, found, count=count, conditional=run.generator.conditional, device=place, cas=cas)
    evaluations = [
        replace(judging(which, run, range(seeds), on_progress), robustness=steadiness) for which, run in runs.items()
    ]
    folder = RunFolder.open(path)
    folder.write_json(RECORD, Evaluations(evaluations=evaluations).to_json())
    return Evaluations(evaluations=evaluations, written=folder.path / RECORD)


def _check(count: int, seeds: int) -> None:
    if not LEAST <= count <= MOST:
        raise UsageError(f"-n {count}: expected {LEAST} to {MOST:,} samples.")
    if not 1 <= seeds <= MOST_SEEDS:
        raise UsageError(f"--seeds {seeds}: expected 1 to {MOST_SEEDS}.")


def _opened(path: str | Path, checkpoint: Which, device: str | None) -> dict[str, Run]:
    if checkpoint != "both":
        return {checkpoint: Run(path, device=device, checkpoint=checkpoint)}
    best, last = Run(path, device=device, checkpoint="best"), Run(path, device=device, checkpoint="last")
    return {"best": best} if best.checkpoint.images == last.checkpoint.images else {"best": best, "last": last}


class _Judging:
    """Measures checkpoints of one run; what reals have in the place of samples is measured once."""

    def __init__(
        self,
        space: Extractor,
        found: Against,
        *,
        count: int,
        conditional: bool,
        device: torch.device,
        cas: bool,
    ) -> None:
        self._found, self._device, self._cas = found, device, cas
        reals = found.reals.drawn(count, seed=0)
        self._count = len(reals.pictures)
        self._measuring = Measuring(
            space,
            reals,
            train=Pool(found.known.parts["train"].x, None).drawn(max(KNOWN, self._count), seed=0),
            held=reals if found.held is found.reals else found.held.drawn(count, seed=0),
            # Only a judge's answers are about the data's own classes.
            shares=found.shares if isinstance(space, Judge) else None,
            names=found.known.classes,
            conditional=conditional,
        )
        # Twice as many, for one class is to be dropped.
        others = found.stand.drawn(2 * self._count, seed=1)
        kinds = stands(others.pictures, others.labels, count=self._count, seed=0)
        self._floor_count = len(kinds["real"].pictures)
        self._floors = {
            kind: self._measuring.compared(space(stand.pictures), stand.labels) for kind, stand in kinds.items()
        }
        self._floors["real"] |= self._measuring.copying_floor()

    def __call__(self, which: str, run: Run, seeds: Sequence[int], on_progress: Progress) -> Evaluation:
        """Measure one checkpoint."""
        rows = self._rows(run, seeds, on_progress)
        if self._cas:
            on_progress("training classifiers on samples and on reals", 0, None)
            rows += _cas_rows(run, self._found, self._device)
        space, found = self._measuring.extractor, self._found
        return Evaluation(
            run=run.path.name,
            checkpoint=which,
            kimg=run.checkpoint.images / 1000,
            against=found.name,
            part=found.part,
            n_real=self._count,
            n_fake=self._count,
            n_floor=self._floor_count,
            extractor=space.name,
            sha256=space.sha256,
            resizer=resizer_of(space),
            ema=any(name.endswith("_ema") for name in run.checkpoint.tensors),
            truncation=1.0,
            seeds=list(seeds),
            rows=[*rows, *player_rows(run, found.known.parts, device=self._device), *class_rows(run, found)],
            notes=[*run.checkpoint.notes, *found.notes, *self._cautions()],
        )

    def _rows(self, run: Run, seeds: Sequence[int], on_progress: Progress) -> list[Row]:
        taken: list[dict[str, float]] = []
        classes: Mapping[str, Mapping[str, float]] = {}
        for number, seed in enumerate(seeds):
            on_progress("measuring samples", number, len(seeds))
            pictures, labels = _made(run, self._count, seed)
            made = self._measuring.extractor(pictures)
            taken.append({**self._measuring.compared(made, labels), **self._measuring.copying(made)})
            if run.generator.source_channels:
                taken[-1]["l1"] = mean_difference(pictures, run.pairs(self._count, seed=seed)[1])
            classes = classes or self._measuring.of_each_class(made, labels)
        return [self._row(name, [values[name] for values in taken], classes.get(name, {})) for name in taken[0]]

    def _row(self, name: str, values: Sequence[float], classes: Mapping[str, float]) -> Row:
        better, note = self._measuring.told(name)
        mean, sd = over_seeds(values)
        beside = {column: self._floors.get(kind, {}).get(name) for column, kind in _SPOILT.items()}
        return Row(
            measure=name,
            value=mean,
            sd=sd if len(values) > 1 else None,
            floor=beside["floor"],
            blurred=beside["blurred"],
            class_dropped=beside["class_dropped"],
            duplicated=beside["duplicated"],
            better=better,
            note=note,
            classes=classes,
        )

    def _cautions(self) -> list[str]:
        """What of these numbers is to be taken with care."""
        found, space = self._found, self._measuring.extractor
        told = []
        if found.part == "validation":
            told.append("the data have no test part; `best` was chosen by these same validation pictures")
        if self._floor_count < self._count:
            told.append(f"the floors are of {self._floor_count:,} reals, which makes distances larger than of more")
        if space.name == "inception" and self._count < FEW:
            told.append(f"FID of {self._count:,} pictures is far too high (2,048 features); KID can be trusted")
        if isinstance(space, Judge) and not space.trustworthy:
            told.append(f"the judge is right for {100 * space.accuracy:.0f} % of held-out reals: too little to trust")
        return told


def resizer_of(space: Extractor) -> str:
    """How an extractor brings pictures to its size, in words."""
    if isinstance(space, ForeignExtractor | OnnxExtractor):
        return "Pillow's bicubic on floats (clean-fid's rule)"
    if isinstance(space, RandomFourier):
        return "nothing: rows are taken as they are"
    return "means of areas on the way down, bilinear on the way up"


def _made(run: Run, count: int, seed: int) -> tuple[Pictures, Labels | None]:
    condition = run.condition(count, seed=seed)
    labels = None if run.generator.source_channels else run.labels(count, seed=seed)
    return run.pictures(run.noise(count, seed=seed), condition), labels


def _robustness(space: Extractor, found: Against) -> Robustness:
    """Of the classes that the extractor sees in the run's own unseen reals: how far measures of classes can be trusted.

    Raises:
        UsageError: it knows no classes, or not those of the data.
    """
    held, classes = found.held.drawn(MOST_CHANGED, seed=0), len(found.known.classes)
    likely = space(held.pictures[:1]).probabilities
    if held.labels is None or likely is None or likely.shape[1] != classes:
        raise UsageError(
            f"--robust: {space.name} tells no {classes} classes, as {found.known.name} has. Give an extractor that "
            "does, as judge, or an ONNX file with a second output [B, K]."
        )

    def predict(pictures: Pictures) -> Floats:
        seen = space(pictures).probabilities
        assert seen is not None
        return seen

    rows = np.flatnonzero(held.labels >= 0)
    return robustness(predict, held.pictures[rows], held.labels[rows])


def _cas_rows(run: Run, found: Against, device: torch.device) -> list[Row]:
    train = found.known.parts["train"]
    truth = found.known.labels.get("train")
    if not run.generator.conditional or truth is None or found.held.labels is None:
        raise UsageError(f"--cas: {run.path.name} was trained without classes, so no classifier can learn from it.")
    count = min(MOST_TAUGHT, int((truth >= 0).sum()))
    pictures, labels = _made(run, count, 0)
    assert labels is not None

    def fit(x: Pictures, y: Labels) -> Predict:
        part = Part(x=x, y=y)
        return train_judge(part, part, len(run.spec.classes), device=device).classify

    held = found.held.drawn(COUNT, seed=0)
    assert held.labels is not None
    scores = classification_scores(
        fit, Labelled(pictures, labels), Labelled(train.x, truth), Labelled(held.pictures, held.labels)
    )
    return [
        Row(
            measure=one.name,
            value=one.value,
            floor=scores.floor.value,
            better="higher",
            note=f"accuracy, {one.note}, {scores.trained:,} pictures learned from, {one.count:,} tested",
        )
        for one in (scores.on_samples, scores.on_reals)
    ]

"""`sparring augment --prove`: do a run's pictures of a class help a classifier of the class, beyond what is free?

For each seed five classifiers are trained from scratch, with as many updates: on the run's training pictures as they
are; with the recipe's plain changes (shifts, mirror images), which is the control; with made pictures added; with
plain changes and the class's own pictures repeated as often; with plain changes and made pictures. The question is
asked of the last one's F1 of the class: recall alone can be bought with precision. To help, it has to be above all
three ways that do without made pictures: a control that harms is none, and more of a class alone already makes a
classifier name it more often. As all of this has to be shown, no correction for several comparisons is needed (an
intersection-union test, Berger 1982).
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sparring.data import Data, Part
from sparring.engine.precision import choose_precision
from sparring.errors import DataError, UsageError
from sparring.job.augment import PLACE, Wish, check_wish
from sparring.job.augment_arms import ARMS, MADE, Arm, answers, recipe_of, repeated, with_more
from sparring.job.augment_verdict import Proof, judged
from sparring.job.options import TrainOptions
from sparring.job.plan import facts_of, make_plan
from sparring.job.reopen import own_data
from sparring.job.run import Run
from sparring.metrics.base import Labels
from sparring.metrics.benefit import LEAST_SEEDS
from sparring.metrics.kept import Progress, silent
from sparring.recipe import Recipe
from sparring.recipes.base import usual_changes
from sparring.runfolder import RunFolder, machine_errors, replace_file
from sparring.runfolder.names import fit_name

ANSWERS, PROOF = "answers.json", "proof.json"
CLASSIFIER_RECIPE = "quick"
MOST_SEEDS = 100


@dataclass(frozen=True, kw_only=True)
class Trial:
    """How it is tried.

    Args:
        recipe: of the classifiers.
        kimg: thousands of pictures that each is trained on, repetitions counted; None: what the recipe takes.
        settings: of the recipe, as `--set` takes them.
        seeds: classifiers of each kind; each has made pictures of its own.
        margin: the least gain that would matter, as a share.
    """

    recipe: str = CLASSIFIER_RECIPE
    kimg: float | None = None
    settings: tuple[str, ...] = ()
    seeds: int = 5
    margin: float = 0.02


def prove(run: Run, wish: Wish, trial: Trial, *, out: Path | None = None, on_progress: Progress = silent) -> Proof:
    """Train the classifiers, compare them on real pictures, and write proof.json.

    What was trained is kept at once: the same question asked again goes on where it was stopped, with more seeds too.

    Args:
        out: the folder, absent, empty, or of the same question; None: in the run's own.

    Raises:
        UsageError: as `check_wish`; a setting that can't be; another question is in the folder.
        DataError: the data are gone, or no test picture is of the class.
        MachineError: the disk refused.
    """
    _check(trial)
    check_wish(run, wish)
    data, notes = own_data(RunFolder.open(run.path), run.recipe, run.spec, on_progress)
    spec = run.picture_spec
    names = _tested_parts(run, data)
    pictures, labels = _examples(data, names)
    number = spec.classes.index(wish.label)
    if number not in labels:
        raise DataError(
            f"{data.name}: no real picture of '{wish.label}' is left to test on, in the part(s) {' and '.join(names)}. "
            "Hold some out."
        )
    recipe = _recipe(run, data, trial)
    desk = _Desk(run, wish, trial, recipe, _question(run, wish, recipe, data, names), out)
    said = desk.trained(data, number, pictures, on_progress)
    proof = judged(
        said,
        labels,
        spec.classes,
        label=wish.label,
        margin=trial.margin,
        conditions=[*_conditions(run, wish, trial, recipe, data), *(f"note: {note}" for note in notes)],
        parts=names,
        written=desk.folder / PROOF,
    )
    with machine_errors(desk.folder):
        replace_file(proof.written, (json.dumps(proof.to_json(), indent=2) + "\n").encode())
    return proof


# -- what it is tried on -----------------------------------------------------------------------------------------------


def _check(trial: Trial) -> None:
    if not LEAST_SEEDS <= trial.seeds <= MOST_SEEDS:
        raise UsageError(
            f"--seeds {trial.seeds}: expected {LEAST_SEEDS} to {MOST_SEEDS}; of one nobody knows what is chance."
        )
    if not 0 < trial.margin < 1:
        raise UsageError(f"--margin {trial.margin:g}: expected a share above 0 and below 1, as 0.02 for two points.")


def _tested_parts(run: Run, data: Data) -> list[str]:
    """The parts that nothing of the run was trained on, or chosen by.

    Raises:
        UsageError: there is none.
    """
    recipe = run.recipe
    why = {
        f"its checkpoint `{run.which}` was chosen by it": run.which == "best",
        "it ended when that part said so": recipe.until_converged,
        "its augmentation was adapted to it": recipe.augment is not None and recipe.augment.name == "adaptive",
    }
    reasons = [reason for reason, true in why.items() if true]
    names = [name for name in ("validation", "test") if name in data.parts and not (name == "validation" and reasons)]
    if not names:
        more = " Leave --checkpoint out." if run.which == "best" else ""
        raise UsageError(
            f"{run.path.name}: its data have no part `test`, and the part `validation` is no judge: {reasons[0]}."
            f"{more} Pictures in folders train/ and test/ are kept apart as they are."
        )
    return names


def _examples(data: Data, names: Sequence[str]) -> tuple[npt.NDArray[np.uint8], Labels]:
    parts = [data.parts[name] for name in names]
    x = np.concatenate([np.asarray(part.x[part.labelled]) for part in parts])
    return x, np.concatenate([part.y[part.labelled] for part in parts if part.y is not None])


def _recipe(run: Run, data: Data, trial: Trial) -> Recipe:
    train = data.parts["train"]
    options = TrainOptions(
        data=run.recipe.data.source,
        task="classify",
        recipe=trial.recipe,
        kimg=trial.kimg,
        settings=trial.settings,
        device=str(run.precision.device),
    )
    plan = make_plan(options, data.spec, examples=len(train), labelled=len(train.labelled))
    if plan.recipe.augment is not None:
        return plan.recipe
    device = run.precision.device.type
    facts = facts_of(data.spec, examples=len(train), labelled=len(train.labelled), device=device)
    return replace(plan.recipe, augment=usual_changes(facts))


def _question(run: Run, wish: Wish, recipe: Recipe, data: Data, names: Sequence[str]) -> dict[str, Any]:
    """All that an answer depends on beside its arm and its seed."""
    return {
        "run": run.path.name,
        "checkpoint": run.which,
        "images": run.checkpoint.images,
        "wish": asdict(wish),
        "recipe": json.loads(json.dumps(recipe.to_json())),
        "parts": {name: part.hash for name, part in data.report.parts.items() if name in ("train", *names)},
    }


def _conditions(run: Run, wish: Wish, trial: Trial, recipe: Recipe, data: Data) -> list[str]:
    train, images = data.parts["train"], recipe.kimg * 1000
    assert train.y is not None and recipe.augment is not None
    own = int((train.y == run.picture_spec.classes.index(wish.label)).sum())
    changes = ", ".join(f"{name} {value:g}" for name, value in recipe.augment.settings.items() if value)
    return [
        f"made: {wish.count:,} of '{wish.label}' by {run.path.name} at {run.checkpoint.images / 1000:g} kimg, beside "
        f"{own:,} real ones of {len(train.labelled):,} in training",
        f"classifiers: {trial.seeds} seeds of each kind, recipe {recipe.name}, {recipe.kimg:g} kimg each "
        f"({images / len(train.labelled):.3g} epochs of the real ones); changes: {changes}",
    ]


# -- training, and what is kept of it ----------------------------------------------------------------------------------


class _Desk:
    """Trains what is not there yet."""

    def __init__(
        self, run: Run, wish: Wish, trial: Trial, recipe: Recipe, question: Mapping[str, Any], out: Path | None
    ) -> None:
        self._run, self._wish, self._trial, self._recipe = run, wish, trial, recipe
        self._question = dict(question)
        name = fit_name(f"{wish.label}-{wish.count}-{recipe.name}")
        mark = hashlib.blake2b(json.dumps(self._question, sort_keys=True).encode(), digest_size=4).hexdigest()
        self.folder = (out or run.path / PLACE / f"{name}-{mark}").absolute()
        self._said = self._kept()

    def trained(
        self, data: Data, number: int, pictures: npt.NDArray[np.uint8], on_progress: Progress
    ) -> dict[str, Labels]:
        """Predicted classes int64 [S, N], by the arm's name."""
        seeds = range(self._trial.seeds)
        missing = [(arm, seed) for seed in seeds for arm in ARMS if f"{arm.name}/{seed}" not in self._said]
        for place, (arm, seed) in enumerate(missing):

            def tell(share: float, done: int = place) -> None:
                text = f"training {len(missing)} classifiers"
                on_progress(text, round(1000 * (done + share)), 1000 * len(missing))

            parts = {**data.parts, "train": self._part(arm, data.parts["train"], number, seed)}
            recipe = recipe_of(self._recipe, arm, seed)
            precision = choose_precision(recipe.precision, self._run.precision.device)
            said = answers(recipe, self._run.picture_spec, parts, pictures, precision, tell=tell)
            self._said[f"{arm.name}/{seed}"] = said.tolist()
            self._keep()
        return {arm.name: np.array([self._said[f"{arm.name}/{seed}"] for seed in seeds]) for arm in ARMS}

    def _part(self, arm: Arm, real: Part, number: int, seed: int) -> Part:
        if arm.added == MADE:
            return with_more(real, self._wish.made(self._run, further=seed), number)
        return with_more(real, repeated(real, number, self._wish.count, seed=seed), number) if arm.added else real

    def _kept(self) -> dict[str, list[int]]:
        path = self.folder / ANSWERS
        if self.folder.exists() and not self.folder.is_dir():
            raise UsageError(f"--out {self.folder}: a file. Give a folder.")
        if not path.exists():
            if self.folder.is_dir() and any(self.folder.iterdir()):
                raise UsageError(f"--out {self.folder}: not empty. Give a folder that is absent or empty.")
            return {}
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            same, said = found["question"] == self._question, dict(found["answers"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{path}: can't be read ({error}). Take it away, or give another --out.") from error
        if not same:
            raise UsageError(f"--out {self.folder}: holds the answers to another question. Give another folder.")
        return said

    def _keep(self) -> None:
        with machine_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            record = {"question": self._question, "answers": self._said}
            replace_file(self.folder / ANSWERS, (json.dumps(record) + "\n").encode())

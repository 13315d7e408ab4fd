"""Hints: what a rule says of a run, the index of rules, and all that hold for given records.

A rule is a function of the records with its thresholds as keyword-only settings. It needs two signals that persist, and
answers with a value, its range, the evidence and one action, or with None.

    @rules("copying", paper="arXiv:2004.05675")
    def copying(records: Records, *, share: Annotated[float, "...", Range(0.0)] = 0.05) -> Hint | None: ...
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sparring.diagnose.records import FLOOR, Records
from sparring.errors import CollapsedError, DivergedError
from sparring.registry import Registry

Severity = Literal["info", "warning", "error"]
Failure = Literal[
    "balance",
    "batch",
    "capacity",
    "collapse",
    "converged",
    "copying",
    "data",
    "diverged",
    "early",
    "labels",
    "measure",
    "overfitting",
    "progress",
    "still",
    "unstable",
]
"""The kind of failure that a hint names; several rules may name the same."""

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error")

RANGES: Mapping[str, str] = {
    "discriminator_accuracy": "0.5 fooled, 1 perfect",
    "discriminator_real": "D(x), 0.5 can't tell, 1 sure",
    "discriminator_fake": "D(G(z)), 0 sure, 0.5 can't tell",
    "signal": "0 teaches nothing",
    "overfit": "0 none, 1 knows its training pictures by heart",
    "precision": "0 to 1, higher is better",
    "recall": "0 to 1, higher is better",
    "coverage": "0 to 1, higher is better",
    "diversity": "0 all alike, 1 as varied as the reals",
    "duplicates": "0 to 1, lower is better",
    "copies": "0 to 1, lower is better",
    "quality": "share of samples at a mode, higher is better",
    "class_kl": "nats, 0 is best",
    "class_least": "0 a class is missing, 1 all shares right",
    "class_agreement": "0 to 1, higher is better",
    "train_accuracy": "0 to 1, higher is better",
    "validation_accuracy": "0 to 1, higher is better",
    "validation_objective": "lower is better",
    "validation_kl": "nats, 0 says nothing of x",
    "validation_active": "dimensions of z that say something",
    "validation_perplexity": "1 a single vector, the codebook's size all evenly",
    "validation_f1": "mean of the classes, 0 to 1, higher is better",
}


@dataclass(frozen=True, kw_only=True)
class Hint:
    """One sentence on a run, with what it rests on.

    Args:
        failure: the kind of failure.
        severity: "info" (nothing need be done), "warning", or "error" (going on is a waste).
        kimg: since when it holds, in thousands of examples.
        text: what is wrong, with values and ranges.
        advice: one action.
        values: the evidence, by name.
        rule: name of the rule; filled in by `diagnose`.
    """

    failure: Failure
    severity: Severity
    kimg: float
    text: str
    advice: str
    values: Mapping[str, Any] = field(default_factory=dict)
    rule: str = ""

    @property
    def sentence(self) -> str:
        """Text and advice."""
        return f"{self.text} {self.advice}"

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, texts and numbers."""
        return dataclasses.asdict(self)


rules: Registry[Hint | None] = Registry("rule", package="sparring.diagnose.rules")


def diagnose(records: Records, *, settings: Mapping[str, Mapping[str, Any]] | None = None) -> list[Hint]:
    """What holds for these records now, the gravest first; a pure function of them.

    Args:
        settings: thresholds that differ from the defaults, by rule and name.

    Raises:
        UsageError: an unknown rule or threshold in `settings`.
    """
    changed = dict(settings or {})
    for name in changed:
        _ = rules[name]
    found = []
    for name in rules:
        hint = rules.build(name, records, settings=changed.get(name))
        if hint is not None:
            found.append(dataclasses.replace(hint, rule=name))
    return sorted(found, key=lambda hint: (-SEVERITIES.index(hint.severity), hint.rule))


def converged(records: Records) -> bool:
    """Whether nothing is to be gained any more: what `--until-converged` ends a run by."""
    return rules.build("converged", records) is not None


def exit_code(hints: list[Hint]) -> int:
    """0 where nothing is an error; 4 where numbers stopped being finite, 3 where the generator lost its variety."""
    grave = {hint.failure for hint in hints if hint.severity == "error"}
    if "diverged" in grave:
        return DivergedError.exit_code
    return CollapsedError.exit_code if "collapse" in grave else 0


# -- what rules write their sentences with -----------------------------------------------------------------------------


def evidence(records: Records, *names: str) -> dict[str, float]:
    """The newest value of each column that there is, each followed by its floor."""
    found: dict[str, float] = {}
    for name in names:
        for column in (name, name + FLOOR):
            series = records.series(column)
            if len(series):
                found[column] = series.last
    return found


def spoken(values: Mapping[str, float]) -> str:
    """Values as a sentence names them, with their floors and ranges.

    >>> spoken({"coverage": 0.3, "coverage_floor": 0.97})
    'coverage 0.3 (training reals 0.97; 0 to 1, higher is better)'
    """
    return ", ".join(_spoken(name, values) for name in values if not name.endswith(FLOOR))


_WHOSE: Mapping[str, str] = {"validation_mse": "PCA"}


def _spoken(name: str, values: Mapping[str, float]) -> str:
    floor = values.get(name + FLOOR)
    whose = _WHOSE.get(name, "always the commonest class" if name.startswith("validation_") else "training reals")
    notes = [] if floor is None else [f"{whose} {floor:.3g}"]
    notes += [RANGES[name]] if name in RANGES else []
    return f"{name} {values[name]:.3g}" + (f" ({'; '.join(notes)})" if notes else "")

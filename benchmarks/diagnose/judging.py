"""Shows the rules the runs and counts: found in time with the right kind, missed, false alarms; each as k of n."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.diagnose.cases import Case
from benchmarks.diagnose.making import Outcome, read
from sparring.diagnose import Records, Telling, history
from sparring.diagnose.hints import rules
from sparring.errors import DivergedError
from sparring.metrics.intervals import wilson
from sparring.runfolder import RunFolder

IN_TIME = 0.2
TIMES = 3.0
LEAST_COPIED = 0.03
STOP = "stopped by itself"
"""The name under which a run counts that ended with `DivergedError`: no rule said so, the engine did."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """A warning or an error on a run: the rule, its kind, and when."""

    rule: str
    failure: str
    kimg: float


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One run with what was told of it.

    Args:
        harmed: whether the sabotage did what it was to do; False for a sound run.
        told: warnings and errors, oldest first.
        budget: thousands of pictures that it was to see.
    """

    case: Case
    outcome: Outcome
    harmed: bool
    told: Sequence[Told]
    budget: float

    @property
    def in_time(self) -> list[Told]:
        """What names the failure, within the first fifth of the budget."""
        right = [told for told in self.told if told.failure in self.case.way.failures]
        return [told for told in right if told.kimg <= IN_TIME * self.budget]

    def to_json(self) -> dict[str, Any]:
        """For the record."""
        return {
            "run": self.case.folder,
            "harmed": self.harmed,
            "distance": self.outcome.distance,
            "told": [f"{told.rule} at {told.kimg:g} of {self.budget:g} kimg" for told in self.told],
            "found": bool(self.in_time),
        }


def judged(wanted: Sequence[Case], root: Path) -> list[Judged]:
    """Every run with its harm and its hints.

    Harm is a distance of over three times the median of the sound runs on the same data; for copies over three times
    the run's own floor; for labels less than half of the sound runs' agreement; and a run that diverged is harmed.
    """
    outcomes = {case: read(case, root) for case in wanted}
    usual = {source: _usual(outcomes, source) for source in {case.source for case in wanted}}
    found = []
    for case, outcome in outcomes.items():
        records = Records.read(RunFolder.open(root / case.folder / "run"))
        found.append(
            Judged(
                case=case,
                outcome=outcome,
                harmed=not case.is_sound and _harmed(case, outcome, usual[case.source]),
                told=_told(history(records), outcome),
                budget=float(records.recipe["kimg"]),
            )
        )
    return found


@dataclass(frozen=True)
class _Usual:
    distance: float
    agreement: float


def _usual(outcomes: Mapping[Case, Outcome], source: str) -> _Usual:
    sound = [outcome for case, outcome in outcomes.items() if case.is_sound and case.source == source]
    return _Usual(
        median(outcome.distance for outcome in sound if outcome.distance is not None),
        median(outcome.agreement for outcome in sound if outcome.agreement is not None),
    )


def _harmed(case: Case, outcome: Outcome, usual: _Usual) -> bool:
    if outcome.distance is None:
        return True
    if case.way.harm == "copies":
        return outcome.copies is not None and outcome.copies > TIMES * max(outcome.copies_floor or 0, LEAST_COPIED / 3)
    if case.way.harm == "agreement" and outcome.agreement is not None:
        return outcome.agreement < usual.agreement / 2
    return outcome.distance > TIMES * usual.distance


def _told(tellings: Sequence[Telling], outcome: Outcome) -> list[Told]:
    told = [
        Told(rule=telling.hint.rule, failure=telling.hint.failure, kimg=telling.kimg)
        for telling in tellings
        if telling.what != "over" and telling.hint.severity != "info"
    ]
    if outcome.stopped == DivergedError.__name__:
        told.append(Told(rule=STOP, failure="diverged", kimg=outcome.kimg))
    return told


@dataclass(frozen=True, kw_only=True)
class Share:
    """k of n with Wilson's interval of 95 %."""

    k: int
    n: int

    def __str__(self) -> str:
        if not self.n:
            return "0 of 0"
        low, high = wilson(self.k, self.n)
        return f"{self.k} of {self.n} ({100 * low:.0f} to {100 * high:.0f} %)"

    def to_json(self) -> dict[str, Any]:
        """For the record."""
        low, high = wilson(self.k, self.n) if self.n else (None, None)
        return {"k": self.k, "n": self.n, "low": low, "high": high}


def figures(runs: Sequence[Judged]) -> dict[str, Any]:
    """Shares over all runs, by rule and by sabotage, and the runs themselves."""
    sound = [run for run in runs if run.case.is_sound]
    spoilt = [run for run in runs if not run.case.is_sound]
    harmed = [run for run in spoilt if run.harmed]
    names = sorted({run.case.name for run in spoilt})
    return {
        "sound": len(sound),
        "sabotaged": len(spoilt),
        "harmed": Share(k=len(harmed), n=len(spoilt)).to_json(),
        "found": _found(harmed).to_json(),
        "false_alarms": _alarmed(sound).to_json(),
        "rules": {rule: _of_rule(rule, sound, harmed) for rule in [*rules, STOP]},
        "sabotages": {name: _of_sabotage([run for run in harmed if run.case.name == name]) for name in names},
        "runs": [run.to_json() for run in runs],
    }


def _found(runs: Sequence[Judged]) -> Share:
    return Share(k=sum(bool(run.in_time) for run in runs), n=len(runs))


def _alarmed(sound: Sequence[Judged]) -> Share:
    return Share(k=sum(bool(run.told) for run in sound), n=len(sound))


def _of_rule(rule: str, sound: Sequence[Judged], harmed: Sequence[Judged]) -> dict[str, Any]:
    """Of the runs whose sabotage its kind of failure names: found by it, and missed by it and by every other rule."""
    kinds = {told.failure for run in [*sound, *harmed] for told in run.told if told.rule == rule}
    meant = [run for run in harmed if kinds & set(run.case.way.failures)]
    found = [run for run in meant if any(told.rule == rule for told in run.in_time)]
    others = [run for run in harmed if run not in meant and any(told.rule == rule for told in run.told)]
    return {
        "found": Share(k=len(found), n=len(meant)).to_json(),
        "missed": sum(not run.in_time for run in meant),
        "on_other_sabotages": len(others),
        "false_alarms": Share(
            k=sum(any(told.rule == rule for told in run.told) for run in sound), n=len(sound)
        ).to_json(),
    }


def _of_sabotage(harmed: Sequence[Judged]) -> dict[str, Any]:
    first = sorted({run.in_time[0].rule for run in harmed if run.in_time})
    return {"found": _found(harmed).to_json(), "first_told_by": first}


def table(found: Mapping[str, Any]) -> str:
    """The figures as text."""
    lines = [
        f"sound runs: {found['sound']}; sabotaged: {found['sabotaged']}, of which did harm: {_say(found['harmed'])}",
        f"found in time, with the right kind: {_say(found['found'])}",
        f"sound runs with a false alarm: {_say(found['false_alarms'])}",
        "",
        f"{'rule':<24}{'found':<26}{'missed':>7}{'elsewhere':>10}  false alarms",
    ]
    for rule, of in found["rules"].items():
        if of["found"]["k"] or of["on_other_sabotages"] or of["false_alarms"]["k"]:
            counts = f"{of['missed']:>7}{of['on_other_sabotages']:>10}"
            lines.append(f"{rule:<24}{_say(of['found']):<26}{counts}  {_say(of['false_alarms'])}")
    lines += ["", f"{'sabotage':<24}{'found':<26}first told by"]
    for name, of in found["sabotages"].items():
        lines.append(f"{name:<24}{_say(of['found']):<26}{', '.join(of['first_told_by'])}")
    return "\n".join(lines)


def _say(share: Mapping[str, Any]) -> str:
    return str(Share(k=share["k"], n=share["n"]))

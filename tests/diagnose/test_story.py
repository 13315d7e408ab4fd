"""Told once, again when worse, and when it is over; live as afterwards, stopped or not."""

from typing import Any

import pytest

from diagnose.helpers import DATA, RECIPE, gan, learner
from sparring.diagnose import Records, converged, diagnose, exit_code, history
from sparring.diagnose.story import is_look
from sparring.diagnose.watch import Watch

Change = dict[str, Any]


def copied(kimg: float) -> Change:
    """A tenth of the samples from 4 kimg, four tenths from 8, none from 16."""
    return {"copies": 0.01 if kimg < 4 or kimg >= 16 else 0.1 if kimg < 8 else 0.4}


def between(records: Records) -> list[dict[str, Any]]:
    """The rows with one that holds no measure of samples after each."""
    bare = ("kimg", "discriminator_accuracy", "discriminator_skipped", "generator_skipped")
    rows: list[dict[str, Any]] = []
    for row in records.rows:
        rows += [dict(row), {**{name: row[name] for name in bare}, "kimg": row["kimg"] + 0.1}]
    return rows


def test_a_hint_is_told_once_and_again_when_worse_and_when_over() -> None:
    told = [(t.hint.rule, t.what, t.kimg, t.hint.severity) for t in history(gan(copied)) if t.hint.rule == "copying"]
    assert told == [
        ("copying", "new", 6.0, "warning"),
        ("copying", "worse", 12.0, "error"),
        ("copying", "over", 32.0, "error"),
    ]


def test_wavering_at_a_threshold_is_told_once() -> None:
    records = gan(lambda kimg: {"copies": 0.4 if kimg in (2.0, 3.0, 6.0, 8.0, 16.0, 24.0, 32.0, 48.0) else 0.01})
    assert [t.what for t in history(records) if t.hint.rule == "copying"] == ["new"]


def test_the_end_of_what_was_only_a_remark_is_not_told() -> None:
    records = gan(lambda kimg: {"diversity": 0.1 if kimg <= 2 else 0.9})
    assert [(t.hint.rule, t.what) for t in history(records)] == [("too-early", "new")]


def test_live_and_afterwards_the_same_is_told() -> None:
    records = gan(copied)
    watch = Watch(RECIPE, DATA)
    live = [(event.values["rule"], event.values["what"]) for row in between(records) for event in watch.look(row)]
    afterwards = [(t.hint.rule, t.what) for t in history(records)]
    assert live == afterwards and ("copying", "over") in live


@pytest.mark.parametrize("stop", range(0, 25))
def test_a_resumed_run_tells_what_an_unbroken_one_tells(stop: int) -> None:
    rows = between(gan(copied))
    whole, before, after = (Watch(RECIPE, DATA) for _ in range(3))
    unbroken = [event for row in rows for event in whole.look(row)]
    told = [event for row in rows[:stop] for event in before.look(row)]
    # As the table gives rows back: every column, None where a cell is empty.
    columns = {name for row in rows for name in row}
    after.replay([{name: row.get(name) for name in columns} for row in rows[:stop]])
    assert told + [event for row in rows[stop:] for event in after.look(row)] == unbroken
    assert after.converged == whole.converged


def test_rows_between_milestones_say_nothing() -> None:
    watch = Watch(RECIPE, DATA)
    assert not watch.look({"kimg": 1.0, "generator_skipped": 5.0})
    assert not watch.look({"kimg": 2.0, "generator_skipped": 5.0, "fd_judge": None, "fd_judge_floor": None})
    assert is_look(gan().rows[0]) and is_look(learner().rows[0])


def test_an_event_holds_the_rule_its_evidence_and_the_action() -> None:
    watch = Watch(RECIPE, DATA)
    events = [event for row in gan(copied).rows for event in watch.look(row)]
    first = next(event for event in events if event.values["rule"] == "copying")
    assert (first.kind, first.severity) == ("hint", "warning")
    assert first.values["since"] == 4.0 and first.values["evidence"]["copies"] == 0.1
    assert first.text.endswith(first.values["advice"])
    last = [event for event in events if event.values["rule"] == "copying"][-1]
    assert last.severity == "info" and "no longer holds" in last.text


def test_converged_is_what_ends_a_run() -> None:
    flat = gan(lambda kimg: {"fd_judge": 1.3} if kimg >= 8 else {})
    watch = Watch(RECIPE, DATA)
    seen = []
    for row in flat.rows:
        watch.look(row)
        seen.append(watch.converged)
    assert converged(flat) and not seen[0] and seen[-1]
    assert not converged(gan(lambda kimg: {"fd_judge": 40 / kimg}))


def test_exit_codes() -> None:
    collapsed = gan(lambda kimg: {"diversity": 0.05, "recall": 0.01} if kimg > 4 else {})
    broken = gan(lambda kimg: {"diversity": 0.05, "recall": 0.01, "generator_adversarial": float("nan")})
    warned = gan(lambda kimg: {"copies": 0.1})
    assert [exit_code(diagnose(records)) for records in (gan(), warned, collapsed, broken)] == [0, 0, 3, 4]


def test_the_gravest_comes_first() -> None:
    graves = [h.severity for h in diagnose(gan(lambda kimg: {"diversity": 0.05, "recall": 0.01, "copies": 0.1}))]
    assert graves[0] == "error" and graves == sorted(graves, key=["error", "warning", "info"].index)

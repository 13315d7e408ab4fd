"""Hints while a game is played: the adviser that the recorder asks at each milestone."""

from collections.abc import Mapping, Sequence
from typing import Any

from sparring.diagnose.hints import Hint, converged
from sparring.diagnose.records import Records, Row
from sparring.diagnose.story import Story, Telling, is_look
from sparring.engine.record import Event


class Watch:
    """See `sparring.engine.record.Adviser`.

    Args:
        recipe: recipe.json.
        data: data.json.
        judge: judge.json.

    Attributes:
        converged: whether nothing is to be gained any more.
    """

    def __init__(
        self, recipe: Mapping[str, Any], data: Mapping[str, Any], judge: Mapping[str, Any] | None = None
    ) -> None:
        self._recipe = recipe
        self._data = data
        self._judge = judge or {}
        self._rows: list[Row] = []
        self._story = Story()
        self.converged = False

    def replay(self, rows: Sequence[Row]) -> None:
        """Take up a resumed run: what these rows had to say was said."""
        for row in rows:
            self.look(row)

    def look(self, row: Row) -> list[Event]:
        """One row more; what is to be said now. Rows between the milestones are kept and say nothing."""
        # A copy: the caller may go on filling its own.
        self._rows.append(dict(row))
        if not is_look(row):
            return []
        records = Records(self._rows, (), self._recipe, self._data, self._judge)
        self.converged = converged(records)
        return [event_of(telling) for telling in self._story.look(records)]


def event_of(telling: Telling) -> Event:
    """A telling as a line of events.jsonl: kind `hint`, `values` with the rule, the evidence and the advice."""
    hint = telling.hint
    values = {
        "rule": hint.rule,
        "failure": hint.failure,
        "what": telling.what,
        "since": hint.kimg,
        "advice": hint.advice,
        "evidence": dict(hint.values),
    }
    severity = "info" if telling.what == "over" else hint.severity
    return Event(kind="hint", severity=severity, values=values, text=_text(hint, telling))


def _text(hint: Hint, telling: Telling) -> str:
    if telling.what == "over":
        return f"{hint.rule}, told before, no longer holds."
    return f"worse: {hint.sentence}" if telling.what == "worse" else hint.sentence

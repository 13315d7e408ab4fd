"""What happened to a run, in words: what presses is open, what is over or mere notes is folded."""

from collections.abc import Mapping, Sequence
from typing import Any

from sparring.report.parts import empty, escaped, number, values_text

Event = Mapping[str, Any]
_DRAWN = ("logits",)
_SEVERITIES = {"info": "note", "warning": "warning", "error": "error"}
_PRESSING = ("warning", "error")
_HINT = "hint"


def hints(events: Sequence[Event]) -> str:
    """Events but for those that are drawn: the pressing ones open, the others behind a summary."""
    told = [event for event in events if event.get("kind") not in _DRAWN]
    open_ones = pressing(told)
    others = [event for event in told if not any(event is one for one in open_ones)]
    shown = f'<ul class="events">{"".join(map(_event, open_ones))}</ul>' if open_ones else empty("No warnings.")
    if others:
        listed = "".join(map(_event, others))
        shown += f'<details><summary>{len(others)} notes</summary><ul class="events">{listed}</ul></details>'
    return shown


def pressing(events: Sequence[Event]) -> list[Event]:
    """Warnings and errors that still hold: of each rule the last word, unless that is that it is over."""
    last = {_rule(event): event for event in events if _rule(event) is not None}
    return [
        event
        for event in events
        if event.get("severity") in _PRESSING and (_rule(event) is None or event is last[_rule(event)])
    ]


def _rule(event: Event) -> str | None:
    values = event.get("values")
    if event.get("kind") != _HINT or not isinstance(values, Mapping) or "rule" not in values:
        return None
    return str(values["rule"])


def _event(event: Event) -> str:
    severity = str(event.get("severity"))
    kind = severity if severity in _SEVERITIES else "info"
    values = _evidence(event)
    detail = f'<code class="values">{escaped(values_text(values))}</code>' if values else ""
    facts = " · ".join(filter(None, _facts(event)))
    return (
        f'<li class="event {kind}"><span class="chip">{_SEVERITIES[kind]}</span>'
        f'<div><p>{escaped(event.get("text", ""))}</p><p class="fine">{escaped(facts)} {detail}</p></div></li>'
    )


def _facts(event: Event) -> list[str]:
    rule, kimg = _rule(event), event.get("kimg")
    when = f"{number(kimg)} kimg" if isinstance(kimg, int | float) else ""
    if rule is None:
        return [str(event.get("kind", "")), when]
    values = event["values"]
    since, what = values.get("since"), values.get("what")
    begun = f"since {number(since)} kimg" if isinstance(since, int | float) else ""
    return [f"hint: {rule}", when, begun, str(what) if what in ("worse", "over") else ""]


def _evidence(event: Event) -> Any:
    """The numbers behind an event; of a hint those that its sentence rests on."""
    values = event.get("values") or {}
    if _rule(event) is None:
        return values
    found = values.get("evidence")
    return found if isinstance(found, Mapping) else {name: value for name, value in values.items() if name != "rule"}

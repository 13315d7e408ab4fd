"""The parts of the report's page. Every text that comes from a run is escaped here, at the moment it becomes HTML."""

import html
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sparring.report.curves import colour_of, draw
from sparring.report.groups import Line, Panel
from sparring.runfolder.tables import Cell

_FEW = 12
_ROWS_SHOWN = 40
_DIGEST = re.compile(r"[0-9a-f]{32,}")
_SEVERITIES = {"info": "note", "warning": "warning", "error": "error"}


def escaped(value: object) -> str:
    """Text that a browser shows as it is."""
    return html.escape(str(value))


def number(value: float) -> str:
    """A number as people read it: whole ones with separators, others with four figures."""
    whole = math.isfinite(value) and value == int(value) and abs(value) < 1e15
    return f"{int(value):,}" if whole else f"{value:.4g}"


def tile(label: str, value: str, note: str = "") -> str:
    """One figure of the page's head."""
    small = f'<span class="tile-note">{escaped(note)}</span>' if note else ""
    return f'<div class="tile"><dt>{escaped(label)}</dt><dd>{escaped(value)}{small}</dd></div>'


def facts(value: Any) -> str:
    """A JSON value as a table of names and values: nested names are joined by dots, long lists shortened."""
    rows = [f"<tr><th scope=row>{escaped(name)}</th><td>{text}</td></tr>" for name, text in _flat(value, "")]
    return f'<table class="facts"><tbody>{"".join(rows)}</tbody></table>' if rows else empty("Nothing is recorded.")


def empty(text: str) -> str:
    """What stands where a run has nothing to show yet."""
    return f'<p class="empty">{escaped(text)}</p>'


def figure(panel: Panel, *, key: str, meanings: Mapping[str, str]) -> str:
    """A drawing with its title and, for each line, its colour, its newest value and its meaning."""
    legend = [_legend_entry(panel, index, meanings) for index in range(len(panel.lines))]
    label = escaped(f"{panel.title} against kimg")
    return (
        f'<figure class="panel" aria-label="{label}"><figcaption>{escaped(panel.title)}</figcaption>'
        f'{draw(panel, key=key)}<ul class="legend">{"".join(legend)}</ul></figure>'
    )


def hints(events: Sequence[Mapping[str, Any]]) -> str:
    """Events, the pressing ones open, the others behind a summary."""
    pressing = [event for event in events if event.get("severity") in ("warning", "error")]
    others = [event for event in events if event not in pressing]
    shown = f'<ul class="events">{"".join(map(_event, pressing))}</ul>' if pressing else empty("No warnings.")
    if others:
        listed = "".join(map(_event, others))
        shown += f'<details><summary>{len(others)} notes</summary><ul class="events">{listed}</ul></details>'
    return shown


def measurements(rows: Sequence[Mapping[str, Cell]]) -> str:
    """The newest rows of metrics.csv as a table."""
    names = list(rows[0])
    head = "".join(f"<th scope=col>{escaped(name)}</th>" for name in names)
    shown = rows[-_ROWS_SHOWN:]
    body = "".join(f"<tr>{''.join(f'<td>{_cell(row[name])}</td>' for name in names)}</tr>" for row in shown)
    left_out = len(rows) - len(shown)
    note = f"The newest {len(shown)} of {len(rows)} rows of metrics.csv" if left_out else "All rows of metrics.csv"
    return (
        f'<details><summary>{note}</summary><div class="wide"><table class="numbers"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div></details>"
    )


def _legend_entry(panel: Panel, index: int, meanings: Mapping[str, str]) -> str:
    line: Line = panel.lines[index]
    swatch = f'<i class="swatch{" dashed" if line.floor else ""}" style="--c: var(--c{colour_of(panel, index)})"></i>'
    value = "" if line.last is None else number(line.last)
    meaning = f'<span class="meaning">{escaped(meanings[line.name])}</span>' if meanings.get(line.name) else ""
    return f"<li>{swatch}<code>{escaped(line.name)}</code> <b>{escaped(value)}</b>{meaning}</li>"


def _event(event: Mapping[str, Any]) -> str:
    severity = str(event.get("severity"))
    kind = severity if severity in _SEVERITIES else "info"
    values = event.get("values") or {}
    detail = f'<code class="values">{escaped(_values(values))}</code>' if values else ""
    kimg = event.get("kimg")
    when = f"{number(kimg)} kimg" if isinstance(kimg, int | float) else ""
    return (
        f'<li class="event {kind}"><span class="chip">{_SEVERITIES[kind]}</span>'
        f'<div><p>{escaped(event.get("text", ""))}</p><p class="fine">{escaped(event.get("kind", ""))}'
        f"{' · ' if when else ''}{when} {detail}</p></div></li>"
    )


def _values(values: Any) -> str:
    if not isinstance(values, Mapping):
        return json.dumps(values)
    return ", ".join(f"{name}: {_plain(value)}" for name, value in values.items())


def _cell(value: Cell) -> str:
    return "" if value is None else escaped(_plain(value))


def _flat(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}" if name else str(key))
    else:
        yield name or "value", _fact(value)


def _fact(value: Any) -> str:
    if isinstance(value, list):
        return _listed(value)
    if isinstance(value, str) and _DIGEST.fullmatch(value):
        return f'<code title="{value}">{value[:12]}…</code>'
    return escaped(_plain(value))


def _listed(items: list[Any]) -> str:
    shown = [_values(item) if isinstance(item, Mapping) else _plain(item) for item in items[:_FEW]]
    if len(items) > _FEW:
        shown.append(f"and {len(items) - _FEW:,} more")
    nested = any(isinstance(item, Mapping) for item in items)
    return ("<br>" if nested else ", ").join(map(escaped, shown)) or "none"


def _plain(value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

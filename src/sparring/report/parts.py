"""The parts of the report's page. Every text that comes from a run is escaped here, at the moment it becomes HTML."""

import html
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sparring.runfolder.tables import Cell

_FEW = 12
_ROWS_SHOWN = 40
_DIGEST = re.compile(r"[0-9a-f]{32,}")


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


def values_text(values: Any) -> str:
    """Names and values of one JSON object in a line."""
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
    shown = [values_text(item) if isinstance(item, Mapping) else _plain(item) for item in items[:_FEW]]
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

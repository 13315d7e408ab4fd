"""Two small parts of the page: the table that `sparring evaluate` left, and what judging cost."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from sparring.report.parts import empty, escaped, number

COLUMNS = {
    "measure": "measure",
    "value": "value",
    "sd": "sd",
    "low": "95 % from",
    "high": "to",
    "count": "N",
    "floor": "floor",
    "blurred": "blurred",
    "class_dropped": "class dropped",
    "duplicated": "duplicated",
    "better": "better",
}
"""Of the table's rows in evaluation.json, with their headings."""
MOST_CLASSES = 24
"""Whose confusion matrix is shown."""
_NOTE = (
    '<p class="conditions">floor: real pictures in the place of samples, as many; the columns beside it: the same real '
    "pictures, blurred, without one class, or a half of them twice.</p>"
)


def evaluation(value: Any) -> str:
    """The table of evaluation.json with its conditions; a file that is no such table is said to be none."""
    runs = value.get("evaluations") if isinstance(value, Mapping) else None
    if not isinstance(runs, list) or not all(_is_table(run) for run in runs):
        return empty("evaluation.json is not a table of sparring evaluate.")
    return "".join(map(_table, runs))


def cost(timing: Any) -> str:
    """What judging took of the time of training, in a sentence; empty where it was not written down."""
    spent = {name: _seconds(timing, name) for name in ("training_seconds", "judging_seconds", "judge_training_seconds")}
    training, judging, fitting = spent.values()
    if training is None or judging is None or training <= 0:
        return ""
    fitted = f"; fitting the judge once took {fitting:.2g} s" if fitting else ""
    return f'<p class="cost">Judging took {100 * judging / training:.1f} % of the training time{fitted}.</p>'


def _seconds(timing: Any, name: str) -> float | None:
    value = timing.get(name) if isinstance(timing, Mapping) else None
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _is_table(run: Any) -> bool:
    rows = run.get("rows") if isinstance(run, Mapping) else None
    return isinstance(rows, list) and all(isinstance(row, Mapping) for row in rows)


def _table(run: Mapping[str, Any]) -> str:
    rows: Sequence[Mapping[str, Any]] = run["rows"]
    by_class = [row for row in rows if ": " in str(row.get("measure"))]
    overall = [row for row in rows if row not in by_class]
    conditions = run.get("conditions")
    told = conditions if isinstance(conditions, list) else []
    note = _NOTE if any(row.get("floor") is not None for row in rows) else ""
    each = f"<details><summary>By class</summary>{_rows(by_class)}</details>" if by_class else ""
    return (
        f'<p class="conditions">{"<br>".join(map(escaped, told))}</p>'
        f"{_rows(overall)}{note}{_matrix(run)}{each}{_notes(overall)}"
    )


def _rows(rows: Sequence[Mapping[str, Any]]) -> str:
    shown = [name for name in COLUMNS if any(row.get(name) is not None for row in rows)]
    head = "".join(f"<th scope=col>{escaped(COLUMNS[name])}</th>" for name in shown)
    body = "".join(f"<tr>{''.join(_cell(row.get(name)) for name in shown)}</tr>" for row in rows)
    return (
        f'<div class="wide"><table class="numbers evaluation"><thead><tr>{head}</tr></thead><tbody>{body}</tbody>'
        f"</table></div>"
    )


def _matrix(run: Mapping[str, Any]) -> str:
    """The confusion matrix of a classifier with few classes."""
    matrix, classes = run.get("matrix"), run.get("classes")
    if not isinstance(matrix, list) or not isinstance(classes, list) or not 2 <= len(classes) <= MOST_CLASSES:
        return ""
    head = "".join(f"<th scope=col>{escaped(name)}</th>" for name in classes)
    body = "".join(
        f"<tr><th scope=row>{escaped(name)}</th>{''.join(map(_cell, row))}</tr>"
        for name, row in zip(classes, matrix, strict=True)
    )
    return (
        f'<div class="wide"><table class="numbers evaluation"><caption>Rows are labels, columns what was said</caption>'
        f"<thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _notes(rows: Sequence[Mapping[str, Any]]) -> str:
    told = [
        f"<li><code>{escaped(row.get('measure'))}</code> {escaped(row['note'])}</li>" for row in rows if row.get("note")
    ]
    if not told:
        return ""
    return f'<details><summary>What each measure is</summary><ul class="legend">{"".join(told)}</ul></details>'


def _cell(value: Any) -> str:
    if value is None:
        return "<td>–</td>"
    return f"<td>{escaped(number(value) if isinstance(value, int | float) else value)}</td>"

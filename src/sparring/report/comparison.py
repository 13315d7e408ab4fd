"""compare.html: several runs beside each other, in one file that needs nothing else."""

import base64
import io
from collections.abc import Mapping, Sequence
from importlib.resources import files
from string import Template
from typing import Any

from PIL import Image

from sparring.report import curves
from sparring.report.groups import BETTER, SECTIONS, Panel
from sparring.report.parts import empty, escaped, number
from sparring.report.svg import COLOURS


def comparison_page(found: Mapping[str, Any], picture: bytes | None, drawn: Sequence[Panel], *, told: str) -> str:
    """The page.

    Args:
        found: what `job.compare.Comparison.to_json` gives.
        picture: the PNG of all runs; None: there is none.
        drawn: a drawing for each measure, with a line for each run.
        told: what is seen in the picture, or why there is none.
    """
    here = files("sparring.report")
    return Template((here / "comparison.html").read_text(encoding="utf-8")).substitute(
        style=(here / "page.css").read_text(encoding="utf-8"),
        title=escaped(" · ".join(found["runs"])),
        runs=_runs(found),
        notes="".join(f'<p class="event warning">{escaped(note)}</p>' for note in found["notes"]),
        picture=empty(told) if picture is None else _picture(picture, found, told),
        differences=_differences(found),
        measures=_measures(found),
        curves=_curves(drawn) or empty("No measure to be drawn."),
    )


def _runs(found: Mapping[str, Any]) -> str:
    rows = zip(found["runs"], found["kimg"], found["paths"], strict=True)
    return "".join(
        f'<li><i class="swatch" style="--c: var(--c{index % COLOURS})"></i><b>{escaped(name)}</b> '
        f"{escaped(found['checkpoint'])} checkpoint, {number(kimg)} kimg "
        f'<span class="meaning"><code>{escaped(path)}</code></span></li>'
        for index, (name, kimg, path) in enumerate(rows)
    )


def _picture(data: bytes, found: Mapping[str, Any], told: str) -> str:
    with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
        width, height = image.size
    alt = escaped("Of " + ", ".join(found["runs"]))
    address = "data:image/png;base64," + base64.b64encode(data).decode()
    return (
        f'<figure class="sheet"><img src="{address}" width="{width}" height="{height}" alt="{alt}">'
        f"<figcaption>{escaped(told)}</figcaption></figure>"
    )


def _differences(found: Mapping[str, Any]) -> str:
    if not found["differences"]:
        return empty("The recipes are alike.")
    rows = [[name, *map(_value, values)] for name, values in found["differences"].items()]
    return _table(["setting", *found["runs"]], rows)


def _measures(found: Mapping[str, Any]) -> str:
    if not found["measures"]:
        return empty("No measures to compare.")
    rows = [
        [f"{name}\n{BETTER[found['better'][name]]}", *map(_measured, values)]
        for name, values in found["measures"].items()
    ]
    return _table(["measure", *found["runs"]], rows)


def _measured(value: Mapping[str, Any]) -> str:
    if value["last"] is None:
        return "–"
    best = "" if value["best"] is None else f"\nbest {number(value['best'])} at {number(value['best_kimg'])} kimg"
    floor = "" if value["floor"] is None else f"\nfloor {number(value['floor'])}"
    return f"{number(value['last'])}{best}{floor}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    heads = "".join(f"<th scope=col>{escaped(word)}</th>" for word in head)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return (
        f'<div class="wide"><table class="numbers beside"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'
        "</div>"
    )


def _cell(text: str) -> str:
    first, *more = map(escaped, text.split("\n"))
    small = "".join(f'<span class="tile-note">{line}</span>' for line in more)
    return f"<td>{first}{small}</td>"


def _value(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value)
    return ", ".join(map(_value, value)) if isinstance(value, list) else str(value)


def _curves(drawn: Sequence[Panel]) -> str:
    parts = []
    for section in SECTIONS:
        figures = [
            f'<figure class="panel"><figcaption>{escaped(panel.title)}<span class="better">{panel.better} is better'
            f"</span></figcaption>{curves.draw(panel, key=f'compare{number_}')}{_legend(panel)}</figure>"
            for number_, panel in enumerate(drawn)
            if panel.section == section
        ]
        if figures:
            parts.append(f'<h3>{escaped(section)}</h3><div class="panels">{"".join(figures)}</div>')
    return "".join(parts)


def _legend(panel: Panel) -> str:
    entries = "".join(
        f'<li><i class="swatch" style="--c: var(--c{index % COLOURS})"></i>{escaped(line.name)} '
        f"<b>{'–' if line.last is None else number(line.last)}</b></li>"
        for index, line in enumerate(panel.lines)
    )
    floor = '<li class="meaning">dashed: floor</li>' if any(line.floor for line in panel.lines) else ""
    return f'<ul class="legend">{entries}{floor}</ul>'

"""The drawings of the report with their legends, under the headings of `groups.SECTIONS`."""

from collections.abc import Mapping, Sequence
from typing import Any

from sparring.report import curves, histogram
from sparring.report.groups import BETTER, SECTIONS, Line, Panel, panels
from sparring.report.histogram import Histogram
from sparring.report.parts import escaped, number
from sparring.report.reference import Reference
from sparring.report.svg import COLOURS
from sparring.runfolder.tables import Cell

_PLAYERS = SECTIONS[3]


def drawings(
    rows: Sequence[Mapping[str, Cell]],
    events: Sequence[Mapping[str, Any]],
    *,
    meanings: Mapping[str, str],
    reference: Reference | None = None,
) -> str:
    """Every drawing of a run; empty where nothing was measured."""
    found: dict[str, list[str]] = {section: [] for section in SECTIONS}
    for panel in panels(rows):
        key = f"curve{sum(map(len, found.values())) + 1}"
        found[panel.section].append(_figure(panel, key=key, meanings=meanings, reference=reference))
    shown = histogram.newest(events)
    if shown is not None:
        found[_PLAYERS].append(_histogram(shown))
    return "".join(
        f'<h3>{escaped(section)}</h3><div class="panels">{"".join(figures)}</div>'
        for section, figures in found.items()
        if figures
    )


def _figure(panel: Panel, *, key: str, meanings: Mapping[str, str], reference: Reference | None) -> str:
    # Behind several lines a band would say of none of them what it belongs to.
    alone = panel.lines[0].name if len(panel.lines) == 1 else ""
    band = reference.bands.get(alone, ()) if reference is not None else ()
    legend = [_entry(line, index, meanings) for index, line in enumerate(panel.lines)]
    if reference is not None and curves.shown_band(panel, band):
        legend.append(f'<li><i class="swatch band"></i>{_runs(reference)}</li>')
    label = escaped(f"{panel.title} against kimg")
    better = f'<span class="better">{BETTER[panel.better]}</span>' if panel.better else ""
    return (
        f'<figure class="panel" aria-label="{label}"><figcaption>{escaped(panel.title)}{better}</figcaption>'
        f'{curves.draw(panel, key=key, band=band)}<ul class="legend">{"".join(legend)}</ul></figure>'
    )


def _entry(line: Line, index: int, meanings: Mapping[str, str]) -> str:
    value = "" if line.last is None else number(line.last)
    floor = ""
    if line.last_floor is not None:
        floor = f' <span class="nowrap">{_swatch(index, "dashed")}floor <b>{number(line.last_floor)}</b></span>'
    meaning = meanings.get(line.name)
    told = f'<span class="meaning">{escaped(meaning)}</span>' if meaning else ""
    name = f'<span class="nowrap">{_swatch(index)}<code>{escaped(line.name)}</code> <b>{escaped(value)}</b></span>'
    return f"<li>{name}{floor}{told}</li>"


def _swatch(index: int, kind: str = "") -> str:
    return f'<i class="swatch{" " if kind else ""}{kind}" style="--c: var(--c{index % COLOURS})"></i>'


def _runs(reference: Reference) -> str:
    return (
        f"where {reference.runs} runs of {escaped(reference.name)} were"
        f'<span class="meaning">lowest to highest; <code>{escaped(reference.command)}</code></span>'
    )


def _histogram(shown: Histogram) -> str:
    legend = "".join(
        f"<li>{_swatch(index, 'dashed' if name == 'held_out' else '')}{escaped(histogram.KINDS[name])}</li>"
        for index, name in enumerate(shown.shares)
    )
    meaning = (
        '<li class="meaning">Held-out reals away from training reals: it knows those by heart. Samples apart from '
        "all reals: it tells them easily.</li>"
    )
    return (
        '<figure class="panel" aria-label="Histogram of the logits of the discriminator"><figcaption>'
        f"What the discriminator says, at {number(shown.kimg)} kimg</figcaption>"
        f'{histogram.draw(shown, key="logits")}<ul class="legend">{legend}{meaning}</ul></figure>'
    )

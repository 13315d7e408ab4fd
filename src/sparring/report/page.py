"""report.html: pictures over time, curves with their floors, hints, and how to run it again, in one file.

The page loads nothing: its pictures and drawings are inside, and its own rules forbid it the network. The same run
gives the same bytes.
"""

import base64
import hashlib
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from sparring.report import judged, parts
from sparring.report.drawings import drawings
from sparring.report.frames import Frame, animate_frames, animation, frames_of, real_frame
from sparring.report.groups import lines_of
from sparring.report.hints import hints, pressing
from sparring.report.profile import PAGE as PROFILE
from sparring.report.reference import find_reference
from sparring.report.told import columns_of, told_of
from sparring.runfolder import RunFolder, machine_errors

NAME = "report.html"
_HEADLINES = ("fd_", "validation_accuracy", "validation_mse", "validation_bits", "validation_point_auc")
"""Columns whose newest value stands at the top of the page."""


def build_report(folder: RunFolder) -> Path:
    """Write the report of a run, finished or not; whatever the run does not have yet is left out with a word.

    Args:
        folder: the run; only report.html is written to it, and samples/animation.webp where it is one in a plane.

    Returns:
        The page.

    Raises:
        UsageError: a file of the run was changed by hand and can't be read.
        MachineError: the disk refused.
    """
    with machine_errors(folder.path):
        animate_frames(folder)
        page = _page(folder)
    folder.write_text(NAME, page)
    return folder.path / NAME


def _page(folder: RunFolder) -> str:
    here = files("sparring.report")
    script = (here / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    rows, events = folder.rows(), folder.events()
    return Template((here / "page.html").read_text(encoding="utf-8")).substitute(
        script=script,
        script_digest=digest,
        style=(here / "page.css").read_text(encoding="utf-8"),
        name=parts.escaped(folder.path.name),
        tiles=_tiles(folder, rows, events),
        pictures=_pictures(folder),
        hints=hints(events),
        evaluation=_evaluation(folder),
        curves=_curves(folder, rows, events),
        cost=judged.cost(_json(folder, "timing.json")),
        profile=_profile(folder),
        measurements=parts.measurements(rows) if rows else "",
        plan=_facts(folder, "recipe.json"),
        data=_facts(folder, "data.json"),
        environment=_facts(folder, "environment.json"),
        again=_again(folder),
    )


def _profile(folder: RunFolder) -> str:
    """The page of `--profile`, as it was written."""
    if not (folder.path / PROFILE).exists():
        return ""
    text = parts.escaped(folder.read_text(PROFILE))
    return f"<details><summary>Where the time went</summary><pre>{text}</pre></details>"


def _tiles(folder: RunFolder, rows: list[dict[str, Any]], events: list[dict[str, Any]]) -> str:
    saved = folder.saved_at()
    seen = max([float(rows[-1].get("kimg") or 0) if rows else 0.0, saved[0] / 1000 if saved else 0.0])
    shown = [parts.tile("Trained on", f"{parts.number(seen)} kimg", "thousand examples seen")]
    lines = lines_of(rows)
    for name, line in lines.items():
        if name.startswith(_HEADLINES) and line.last is not None:
            floor = line.last_floor
            note = f"floor {parts.number(floor)}" if floor is not None else "no floor measured"
            shown.append(parts.tile(name, parts.number(line.last), note))
    last_saved = f"last at {parts.number(saved[0] / 1000)} kimg" if saved else "none is complete yet"
    shown.append(parts.tile("Checkpoints", str(len(saved)), last_saved))
    warnings = len(pressing(events))
    shown.append(parts.tile("Warnings", str(warnings), "see below" if warnings else "nothing looks wrong"))
    return "".join(shown)


def _pictures(folder: RunFolder) -> str:
    frames, real = frames_of(folder), real_frame(folder)
    if not frames and real is None:
        return parts.empty(
            "Rows of more than two columns are not drawn." if columns_of(folder) > 2 else "No pictures yet."
        )
    told = told_of(folder)
    made = _made(frames, told.pictures, told.caption) if frames else ""
    reals = ""
    if real is not None:
        image = _image(real, alt="Real pictures, for comparison")
        reals = f"<figure class=sheet>{image}<figcaption><b>Real</b> for comparison</figcaption></figure>"
    moving = animation(folder)
    if moving is not None:
        image = _image(moving, alt="From the first to the last frame")
        made += f'<figure class="sheet">{image}<figcaption><b>All frames</b> from first to last</figcaption></figure>'
    return f'<div class="sheets">{made}{reals}</div>'


def _made(frames: list[Frame], alt: str, caption: str) -> str:
    last = len(frames) - 1
    images = "".join(
        _image(frame, alt=f"{alt}, {frame.when}", more=f' class="frame"{"" if index == last else " hidden"}')
        for index, frame in enumerate(frames)
    )
    slider = ""
    if last > 0:
        slider = (
            '<div class="scrub" id="scrub" hidden><button type="button" id="play">Play</button><input type="range" '
            f'id="time" min="0" max="{last}" value="{last}" aria-label="Step through training"></div>'
        )
    when = parts.escaped(frames[last].when)
    return (
        f'<figure class="sheet">{images}<figcaption><b>{caption}</b> <span id="when">{when}</span></figcaption>'
        f"{slider}</figure>"
    )


def _image(frame: Frame, *, alt: str, more: str = "") -> str:
    size = f'width="{frame.width}" height="{frame.height}"'
    text = f'alt="{parts.escaped(alt)}" data-when="{parts.escaped(frame.when)}"'
    return f'<img src="{frame.address}" {size} {text}{more}>'


def _curves(folder: RunFolder, rows: list[dict[str, Any]], events: list[dict[str, Any]]) -> str:
    reference = find_reference(_json(folder, "recipe.json"), _json(folder, "data.json"))
    drawn = drawings(rows, events, meanings=folder.meanings(), reference=reference)
    return drawn or parts.empty("Nothing measured yet.")


def _evaluation(folder: RunFolder) -> str:
    found = _json(folder, "evaluation.json")
    if found is None:
        place = _place(folder)
        return parts.empty(f"Not evaluated yet: sparring evaluate {place} compares it with examples it never saw.")
    return judged.evaluation(found)


def _json(folder: RunFolder, name: str) -> Any:
    return folder.read_json(name) if (folder.path / name).exists() else None


def _place(folder: RunFolder) -> str:
    return f"{folder.path.parent.name}/{folder.path.name}"


def _facts(folder: RunFolder, name: str) -> str:
    if not (folder.path / name).exists():
        return parts.empty(f"{name} is not written yet.")
    return parts.facts(folder.read_json(name))


def _again(folder: RunFolder) -> str:
    place = _place(folder)
    given = folder.read_text("command.txt").strip() if (folder.path / "command.txt").exists() else ""
    lines = [given] * bool(given)
    told = told_of(folder)
    lines += [f"sparring train --like {place}", f"sparring train --resume {place}", told.then.format(run=place)]
    meanings = ["what was run"] * bool(given)
    meanings += ["run it again from the start", "go on where it stopped"]
    meanings.append(told.meaning)
    return "".join(
        f"<dt>{parts.escaped(meaning)}</dt><dd><pre><code>{parts.escaped(line)}</code></pre></dd>"
        for meaning, line in zip(meanings, lines, strict=True)
    )

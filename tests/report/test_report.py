"""The report: whole, still, safe, and the same bytes for the same run."""

import base64
import hashlib
import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from report.page import Page
from sparring import pictures
from sparring.report import build_report
from sparring.runfolder import RunFolder

_EVIL = '<script>alert("1")</script>&amp;$name'


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[RunFolder]:
    run = RunFolder.create(tmp_path / "runs" / "digits-gan-001", name="unused")
    yield run
    run.unlock()


def _fill(folder: RunFolder) -> None:
    folder.start_table(
        {"kimg": "x", "D_loss": _EVIL, "G_loss": "", "D_accuracy": "", "fd_digits": "", "fd_digits_floor": "", "r1": ""}
    )
    for step in range(1, 31):
        folder.append_row(
            {
                "kimg": float(step),
                "D_loss": float("nan") if step == 7 else 1.0 / step,
                "G_loss": float("inf") if step == 9 else 2.0,
                "D_accuracy": 0.5 + step / 100,
                "fd_digits": 60.0 / step if step % 5 == 0 else None,
                "fd_digits_floor": 1.5 if step % 5 == 0 else None,
                "r1": step / 10,
            }
        )
    _add_pictures(folder)
    folder.write_text("command.txt", f"sparring train {_EVIL}\n")
    folder.write_json("recipe.json", {"recipe": "gan", "generator": {"width": 96}, "seed": 3})
    folder.write_json("data.json", {"classes": [_EVIL, "rose"], "skipped": [{"name": _EVIL, "reason": "torn"}] * 40})
    folder.write_json("environment.json", {"torch": "2.13", _EVIL: "ab" * 32})
    folder.append_event(kimg=3.0, kind="checkpoint", severity="info", values={"images": 3000}, text="Saved.")
    folder.append_event(kimg=5.0, kind="collapse", severity="warning", values={"share": 0.1}, text=_EVIL)
    folder.append_event(kimg=6.0, kind=_EVIL, severity=_EVIL, values={_EVIL: [1]}, text="odd")


def _add_pictures(folder: RunFolder) -> None:
    names = ["real.png", "init.png", *(pictures.sample_name(step * 1000) for step in range(1, 31))]
    for shade, name in enumerate(names):
        stack = np.full((20, 8, 8, 1), 5 * shade, np.uint8)
        pictures.save_png(pictures.grid(stack, columns=5), folder.samples / name, {"shade": shade})


def _page(folder: RunFolder) -> tuple[Page, str]:
    text = build_report(folder).read_text(encoding="utf-8")
    return Page(text), text


def test_the_page_is_whole_and_identifiers_are_unique(folder: RunFolder) -> None:
    _fill(folder)
    page, _ = _page(folder)
    named = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(named) == len(set(named))
    used = [value for _, a in page.tags for name, value in a.items() if name in ("href", "xlink:href", "clip-path")]
    assert used
    for value in used:
        assert re.sub(r"^(url\()?#|\)$", "", value or "") in named


def test_the_page_loads_nothing_and_is_forbidden_to(folder: RunFolder) -> None:
    _fill(folder)
    page, text = _page(folder)
    assert not re.search(r"https?:|//[a-z]+\.|@import|url\((?!#)", text)
    assert page.all("link") == []
    assert all((image["src"] or "").startswith("data:image/png;base64,") for image in page.all("img"))
    (policy,) = (meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.split(" ", 1) for rule in (policy or "").split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    (script,) = (data for tag, data in page.words if tag == "script")
    assert rules["script-src"] == f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def test_texts_of_a_run_stay_texts(folder: RunFolder) -> None:
    _fill(folder)
    page, text = _page(folder)
    assert len(page.all("script")) == 1
    assert "<script>alert" not in text
    assert page.text().count(_EVIL) >= 6


def test_the_same_run_gives_the_same_bytes(folder: RunFolder) -> None:
    _fill(folder)
    first = build_report(folder).read_bytes()
    assert build_report(folder).read_bytes() == first


def test_settings_of_the_user_do_not_reach_the_drawings(folder: RunFolder) -> None:
    import matplotlib

    _fill(folder)
    first = build_report(folder).read_bytes()
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9, "axes.linewidth": 5, "xtick.labelsize": 20}):
        assert build_report(folder).read_bytes() == first
        assert matplotlib.rcParams["font.size"] == 30


def test_pictures_over_time_hold_the_first_and_the_last(folder: RunFolder) -> None:
    _fill(folder)
    page, _ = _page(folder)
    frames = [image for image in page.all("img") if image.get("class") == "frame"]
    when = [frame["data-when"] for frame in frames]
    assert len(frames) == 12
    assert (when[0], when[-1]) == ("before training", "30.000 kimg")
    assert [("hidden" in frame) for frame in frames] == [True] * 11 + [False]
    assert _shade(frames[0]) == 5
    assert _shade(frames[-1]) == 5 * 31
    (slider,) = page.all("input")
    assert (slider["max"], slider["value"]) == ("11", "11")
    assert [_shade(image) for image in page.all("img") if image not in frames] == [0]


def _shade(image: dict[str, str | None]) -> int:
    data = base64.b64decode((image["src"] or "").split(",")[1])
    with Image.open(io.BytesIO(data)) as opened:
        assert opened.size == (int(image["width"] or 0), int(image["height"] or 0))
        shade = opened.getpixel((3, 3))
    assert isinstance(shade, int)
    return shade


def test_a_very_large_sheet_is_made_smaller(folder: RunFolder) -> None:
    sheet = Image.effect_noise((3000, 1500), 90)
    pictures.save_png(sheet, folder.samples / pictures.sample_name(1000), {})
    page, text = _page(folder)
    (image,) = page.all("img")
    assert (image["width"], image["height"]) == ("1400", "700")
    assert len(text) < 2_000_000


def test_curves_have_their_floors_their_values_and_their_gaps(folder: RunFolder) -> None:
    _fill(folder)
    page, text = _page(folder)
    drawings = re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL)
    titles = [data for tag, data in page.words if tag == "figcaption"][-4:]
    assert titles == ["fd_digits", "Losses", "Accuracies and shares", "r1"]
    assert "stroke-dasharray" in drawings[0]
    assert all("stroke-dasharray" not in drawing for drawing in drawings[1:])
    assert "fd_digits 2" in re.sub(r"\s+", " ", page.text())
    # Two lines of losses, each broken in two by a value that is not finite.
    paths = [path for path in re.findall(r'<path d="([^"]*)"[^>]*stroke: var\(--c\d\)', drawings[1])]
    assert [path.count("M") for path in paths] == [2, 2]


@pytest.mark.parametrize("stage", ["nothing", "table", "one row", "real", "init", "torn"])
def test_an_unfinished_run_has_a_page_too(folder: RunFolder, stage: str) -> None:
    stages = ["nothing", "table", "one row", "real", "init", "torn"]
    reached = stages.index(stage)
    if reached >= 1:
        folder.start_table({"kimg": "", "D_loss": ""})
    if reached >= 2:
        folder.append_row({"kimg": 1.0, "D_loss": 0.5})
    sheet = pictures.grid(np.zeros((4, 8, 8, 3), np.uint8), columns=2)
    if reached >= 3:
        pictures.save_png(sheet, folder.samples / "real.png", {})
    if reached >= 4:
        pictures.save_png(sheet, folder.samples / "init.png", {})
    if reached >= 5:
        with (folder.path / "metrics.csv").open("ab") as file:
            file.write(b"2.0,0.")
    page, _ = _page(folder)
    words = page.text()
    assert ("No pictures yet." in words) == (reached < 3)
    assert ("Nothing measured yet." in words) == (reached < 2)
    assert page.all("input") == []
    assert "digits-gan-001" in words


def test_a_long_list_is_shortened_and_a_long_table_too(folder: RunFolder) -> None:
    _fill(folder)
    for step in range(31, 80):
        folder.append_row({"kimg": float(step), "r1": 0.1})
    words = _page(folder)[0].text()
    assert "and 28 more" in words
    assert "The newest 40 of 79 rows of metrics.csv" in words


def test_only_the_page_is_written(folder: RunFolder) -> None:
    _fill(folder)
    before = {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}
    build_report(RunFolder.open(folder.path))
    after = {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}
    assert after.keys() - before.keys() == {folder.path / "report.html"}
    assert all(after[path] == data for path, data in before.items())

"""The page of a run with every measure: floors, bands, hints, histogram, evaluation, cost."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from report import synthetic
from report.page import Page
from sparring.report import build_report, histogram, judged, reference
from sparring.runfolder import RunFolder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunFolder]:
    run = RunFolder.create(tmp_path / "runs" / "digits-gan-001", name="unused")
    synthetic.fill(run)
    (tmp_path / "curves").mkdir()
    (tmp_path / "curves" / "gan-digits.json").write_text(json.dumps(synthetic.reference()))
    monkeypatch.setattr(reference, "bundled", lambda: tmp_path / "curves")
    yield run
    run.unlock()


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page, built once."""
    root = tmp_path_factory.mktemp("judged")
    (root / "gan-digits.json").write_text(json.dumps(synthetic.reference()))
    run = RunFolder.create(root / "run", name="unused")
    synthetic.fill(run)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "bundled", lambda: root)
        page = build_report(run)
    run.unlock()
    return page.read_text(encoding="utf-8")


def figures(text: str) -> dict[str, str]:
    """The panels of the page by title."""
    found = re.findall(r'<figure class="panel".*?</figure>', text, flags=re.DOTALL)
    return {re.sub(r"<.*", "", figure.split("<figcaption>")[1], flags=re.DOTALL): figure for figure in found}


def built(folder: RunFolder) -> str:
    return build_report(folder).read_text(encoding="utf-8")


def test_each_measure_has_its_floor_as_a_dashed_line_of_its_colour_and_its_meaning(text: str) -> None:
    found = figures(text)
    for name, (_, _, floor) in synthetic.MEASURES.items():
        figure = found[name]
        (style,) = re.findall(r'style="([^"]*stroke-dasharray[^"]*)"', figure)
        assert "stroke: var(--c0)" in style
        assert re.search(rf"floor <b>{floor:g}</b>", figure)
        assert synthetic.MEANING in figure
        assert "training examples seen (kimg)" in figure
    assert "stroke-dasharray" not in found["Losses"]


def test_titles_are_under_their_headings(text: str) -> None:
    assert re.findall(r"<h3>(.*?)</h3>", text) == [
        "Distances to the reals",
        "Like the reals",
        "Classes",
        "The players",
    ]


def test_the_band_of_reference_runs_is_behind_the_one_curve_it_belongs_to(text: str) -> None:
    found = figures(text)
    assert [name for name, figure in found.items() if "var(--band)" in figure] == ["fd_judge"]
    assert "5 runs of gan on digits" in found["fd_judge"]
    assert "sparring train digits --seed 0" in found["fd_judge"]


def test_a_run_of_another_shape_has_no_band(folder: RunFolder) -> None:
    folder.write_json("data.json", {"name": "digits", "spec": {"channels": 3, "height": 8, "width": 8}})
    assert not any("var(--band)" in figure for figure in figures(built(folder)).values())


def test_the_newest_histogram_is_drawn_with_a_name_for_each_kind(text: str) -> None:
    figure = figures(text)["What the discriminator says, at 20 kimg"]
    assert all(words in figure for words in histogram.KINDS.values())
    assert figure.count("stroke-dasharray") == 1
    assert "logit of the discriminator" in figure and "pictures, %" in figure


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"edges": [0.0, 1.0]},
        {"edges": [0, 1], "train": [0.5, 0.5]},
        {"edges": "01", "train": [1.0]},
        {"edges": [1, 0], "train": [1.0]},
        {"edges": [0, None], "train": [1.0]},
        {"edges": [0, 1], "train": [float("nan")]},
    ],
)
def test_a_broken_histogram_is_passed_over_for_the_one_before(values: dict[str, object]) -> None:
    good = {"kind": "logits", "kimg": 1.0, "values": synthetic.logits(1.0)}
    found = histogram.newest([good, {"kind": "logits", "kimg": 2.0, "values": values}, {"kind": "best", "kimg": 3.0}])
    assert found is not None and found.kimg == 1.0 and set(found.shares) == set(histogram.KINDS)
    assert histogram.newest([{"kind": "logits", "kimg": 2.0, "values": values}]) is None


def test_hints_say_their_severity_rule_and_evidence_and_mere_notes_are_folded(text: str) -> None:
    section = text[text.index("What to know") : text.index("<h2>Evaluation")]
    opened, folded = section.split("<details>")
    for severity, words in (("warning", "hint: dropped-modes · 5 kimg"), ("error", "hint: collapse · 6 kimg")):
        assert f'<span class="chip">{severity}</span>' in opened and words in opened
    assert "coverage: 0.412, coverage_floor: 0.95, class_least: 0.21" in opened
    assert "rule:" not in section
    assert "2 notes" in folded and "1,608 pictures" in folded and "The best so far." in folded
    assert "edges" not in section


def test_the_evaluation_and_the_cost_of_judging_are_told(text: str) -> None:
    page = Page(text)
    words = re.sub(r"\s+", " ", page.text())
    assert "189 samples against 189 reals of the test part, seeds 0, 1, 2" in words
    assert "fd_judge 3.21 0.12 1.8 22.5 lower" in words
    assert "coverage 0.85 0.01 0.95 – higher" in words
    assert "What each measure is coverage share of reals near a sample" in words
    assert "Judging took 3.1 % of the training time; fitting the judge once took 12 s." in words


@pytest.mark.parametrize(
    "timing",
    [None, {}, {"training_seconds": 0, "judging_seconds": 1}, {"training_seconds": "1", "judging_seconds": 1}, [1]],
)
def test_a_cost_that_is_not_known_is_not_told(timing: object) -> None:
    assert judged.cost(timing) == ""


@pytest.mark.parametrize("value", [None, [], {}, {"evaluations": [{}]}, {"evaluations": [{"rows": [1]}]}])
def test_an_evaluation_that_is_none_is_said_to_be_none(value: object) -> None:
    assert "not a table" in judged.evaluation(value)


def test_a_run_that_was_not_evaluated_says_how(folder: RunFolder) -> None:
    (folder.path / "evaluation.json").unlink()
    assert "sparring evaluate runs/digits-gan-001" in built(folder)

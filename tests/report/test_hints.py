"""What presses, what is over, and how a hint reads."""

import re
from typing import Any

import pytest

from sparring.report.hints import hints, pressing


def event(severity: str = "warning", kind: str = "hint", kimg: float = 2.0, **values: Any) -> dict[str, Any]:
    return {"kimg": kimg, "kind": kind, "severity": severity, "values": values, "text": f"{kind} at {kimg:g}"}


def test_a_hint_says_its_rule_since_when_and_what_it_rests_on() -> None:
    text = hints(
        [event(rule="collapse", failure="collapse", what="new", since=1.0, advice="Go.", evidence={"recall": 0.123456})]
    )
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text)).strip()
    assert words == "warning hint at 2 hint: collapse · 2 kimg · since 1 kimg recall: 0.1235"


def test_of_a_rule_the_last_word_counts() -> None:
    events = [
        event(kimg=1.0, rule="collapse", what="new"),
        event(kimg=2.0, rule="copying", what="new"),
        event("error", kimg=3.0, rule="collapse", what="worse"),
        event("info", kimg=4.0, rule="copying", what="over"),
        event("warning", kind="skipped-steps", kimg=5.0, skipped=3),
        event("warning", kind="skipped-steps", kimg=6.0, skipped=9),
    ]
    assert [one["kimg"] for one in pressing(events)] == [3.0, 5.0, 6.0]
    opened, folded = hints(events).split("<details>")
    assert "hint at 3" in opened and "worse" in opened and "hint at 1" not in opened
    assert "3 notes" in folded and "over" in folded


def test_a_hint_that_comes_back_presses_again() -> None:
    events = [event(rule="a", what="new"), event("info", rule="a", what="over"), event(kimg=9.0, rule="a", what="new")]
    assert [one["kimg"] for one in pressing(events)] == [9.0]


def test_what_is_drawn_is_not_listed() -> None:
    assert "No warnings." in hints([event("info", kind="logits", edges=[1, 2])])
    assert "<details>" not in hints([event("info", kind="logits", edges=[1, 2])])


@pytest.mark.parametrize("values", [None, [], "text", {"rule": 3}, {"rule": "a", "evidence": "none"}])
def test_values_of_any_kind_are_shown(values: object) -> None:
    text = hints([{"kimg": None, "kind": "hint", "severity": "warning", "values": values, "text": "<b>"}])
    assert "&lt;b&gt;" in text and '<span class="chip">warning</span>' in text

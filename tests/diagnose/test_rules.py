"""Each rule: found where its failure is, silent where one of its signals, or their persistence, is missing."""

from collections.abc import Mapping
from typing import Any

import pytest

from diagnose.helpers import DATA, MILESTONES, RECIPE, gan, learner, rebuilder, with_part
from sparring.diagnose import Records, diagnose
from sparring.diagnose.hints import rules
from sparring.registry import Range

FAR = {"fd_judge": 50.0, "coverage": 0.02, "recall": 0.02, "precision": 0.1}
TINY = {**DATA, **with_part("train", pictures=60)}
ONE = with_part("train", classes={"3": 4_990, "7": 10})


def late(limit: float, **values: Any) -> Any:
    """The values from `limit` kimg on."""
    return lambda kimg: values if kimg >= limit else {}


def always(**values: Any) -> Any:
    return lambda kimg: values


def risen(kimg: float) -> Mapping[str, Any]:
    return {"fd_judge": 1.2 + 5 * max(0.0, kimg - 6) / 4} if kimg > 6 else {}


def memorised(kimg: float) -> Mapping[str, Any]:
    return {"validation_loss": 0.5 + 0.05 * kimg, "validation_accuracy": 0.6}


def leaping(kimg: float) -> Mapping[str, Any]:
    return {"fd_judge": 30.0, "generator_grad_norm": 40.0 if kimg >= 30 and kimg % 4 == 0 else 0.5}


def walked(kimg: float) -> Mapping[str, Any]:
    """Rises and falls by a tenth: never still, never nearer."""
    odd = MILESTONES.index(kimg) % 2
    return {**FAR, "fd_judge": 50.0 + 5 * odd, "diversity": 0.6 + 0.1 * odd}


SPREAD = (0.038, 0.060, 0.077, 0.076, 0.095, 0.106, 0.114, 0.136, 0.162, 0.259, 0.341, 0.476)
"""Diversity of `dcgan` on MNIST, seed 0, at the milestones to 48 kimg; the reals have 0.79."""
GREY = {**DATA, "spec": {**DATA["spec"], "height": 28, "width": 28}}
ROWS = {**DATA, "spec": {"columns": ["x", "y"]}}


def slow(kimg: float) -> Mapping[str, Any]:
    """A grey blot that becomes digits: far off, alike and narrow nearly to the end, and more varied all the while."""
    count = MILESTONES.index(kimg)
    same = 1.0 if count < 9 else 0.5
    return {**FAR, "fd_judge": 600.0, "diversity": SPREAD[count], "diversity_floor": 0.79, "duplicates": same}


def fallen(kimg: float) -> Mapping[str, Any]:
    """The same values, but once it was more varied than that."""
    return {**slow(kimg), **({"diversity": 0.7} if kimg < 3 else {})}


FAILING: dict[str, Records] = {
    "discriminator-wins": gan(always(**FAR, discriminator_accuracy=1.0)),
    "generator-wins": gan(always(**FAR, discriminator_accuracy=0.51)),
    "generator-still": gan(always(**FAR, diversity=0.7, discriminator_accuracy=1.0)),
    "discriminator-still": gan(always(fd_judge=50.0, discriminator_accuracy=0.1)),
    "equilibrium": gan(late(6, discriminator_real=0.52, discriminator_fake=0.47)),
    "collapse": gan(late(6, diversity=0.05, recall=0.01, coverage=0.02)),
    "too-early": gan(always(diversity=0.1), at=(1.0, 1.5)),
    "dropped-modes": gan(late(6, coverage=0.4, recall=0.3, fd_judge=15.0)),
    "missing-modes": gan(always(modes=2.0, modes_floor=8.0, quality=0.4, quality_floor=0.99)),
    "copying": gan(late(8, copies=0.4)),
    "discriminator-overfits": gan(late(8, overfit=0.8, discriminator_accuracy=0.97)),
    "not-finite": gan(late(8, generator_skipped=3.0)),
    "spike": gan(leaping, at=tuple(map(float, range(1, 41)))),
    "regressing": gan(risen),
    "converged": gan(late(8, fd_judge=1.3)),
    "no-progress": gan(walked),
    "small-data": gan(data=TINY),
    "one-class": gan(data=ONE),
    "labels-meaningless": gan(judge={"refused": {"accuracy": 0.11, "skill": 0.01, "held": 400}}),
    "noise": gan(data={**DATA, "pictures": {"looked_at": 900, "smoothness": 0.01, "distinct": 1.0}}),
    "labels-ignored": gan(always(class_agreement=0.1)),
    "batch-too-small": gan(always(fd_judge=30.0), recipe={**RECIPE, "batch": 2}),
    "measure-invalid": gan(data=with_part("validation", pictures=20)),
    "overfitting": learner(memorised),
    "underfitting": learner(always(train_accuracy=0.3, validation_accuracy=0.29, train_loss=2.0)),
    "vanishing-gradient": learner(always(grad_norm_first=1e-7, train_loss=2.3)),
    "exploding-gradient": learner(late(10, classifier_grad_norm=80.0, train_loss=3.0)),
    "rebuilding-by-heart": rebuilder(late(9, validation_objective=32.0)),
    "posterior-collapse": rebuilder(always(validation_kl=0.01, validation_active=0.0)),
    "codebook-collapse": rebuilder(always(validation_perplexity=1.5)),
}

RARE = {
    "train_accuracy": 0.983,
    "validation_accuracy": 0.982,
    "validation_f1": 0.86,
    "validation_f1_floor": 0.494,
    "train_loss": 0.06,
}
UNEVEN = {
    "parts": {
        "train": {"pictures": 10_000, "classes": {"no": 9_770, "yes": 230}},
        "validation": {"pictures": 1_000, "classes": {"no": 977, "yes": 23}},
    }
}
"""2.3 % of one class, and a classifier that finds most of them: 1.7 % wrong are most of 2.3 % all the same."""

SOUND: dict[str, list[Records]] = {
    "discriminator-wins": [
        gan(always(discriminator_accuracy=1.0)),  # sure of itself, and the samples come nearer all the same
        gan(always(**FAR)),
        gan(lambda kimg: {**FAR, "discriminator_accuracy": 1.0 if kimg != MILESTONES[-2] else 0.9}),
    ],
    "generator-wins": [gan(always(discriminator_accuracy=0.51)), gan(always(**FAR))],
    "generator-still": [
        gan(lambda kimg: {**FAR, "diversity": 0.5 + 0.005 * kimg}),
        gan(late(8, fd_judge=1.3)),
        gan(walked),
        gan(lambda kimg: {**FAR, "diversity": 0.7, "coverage": 0.02 + 0.001 * kimg}),
    ],
    "discriminator-still": [gan(always(discriminator_accuracy=0.1, fd_judge=2.0)), gan(always(fd_judge=50.0))],
    "equilibrium": [
        gan(always(discriminator_real=0.52, discriminator_fake=0.4)),
        gan(late(24, discriminator_real=0.52, discriminator_fake=0.47)),
        gan(lambda kimg: {"discriminator_real": 0.6 if kimg == MILESTONES[-2] else 0.5, "discriminator_fake": 0.5}),
        gan(always(discriminator_real=0.5, discriminator_fake=0.5), at=(0.2, 0.4, 0.6, 0.8, 1.0)),
        gan(always(discriminator_real=0.5)),
    ],
    "collapse": [
        gan(late(6, diversity=0.05)),
        gan(late(6, recall=0.01, coverage=0.02)),
        gan(late(48, diversity=0.05, recall=0.01)),
        gan(always(diversity=0.05, recall=0.01), at=(1.0, 1.5)),
        *(gan(slow, at=MILESTONES[:count], data=GREY) for count in range(7, 13)),
    ],
    "too-early": [gan(at=(1.0, 1.5)), gan(always(diversity=0.1))],
    "dropped-modes": [
        gan(late(6, coverage=0.4, fd_judge=15.0)),
        gan(late(48, coverage=0.4, recall=0.3, fd_judge=15.0)),
        gan(late(6, coverage=0.4, recall=0.3), at=MILESTONES[:9]),  # something is missing, and the rest comes nearer
        gan(slow),
    ],
    "missing-modes": [
        gan(always(modes=8.0, modes_floor=8.0)),
        gan(late(48, modes=2.0, modes_floor=8.0)),
        gan(lambda kimg: {"modes": kimg // 8, "modes_floor": 8.0}),  # more are coming
        gan(always(modes=2.0, modes_floor=8.0), data=ROWS),  # rows that have hardly begun
        gan(always(modes=2.0)),
    ],
    "copying": [gan(late(48, copies=0.4)), gan(always(copies=0.06, copies_floor=0.05))],
    "discriminator-overfits": [gan(late(8, overfit=0.8)), gan(late(48, overfit=0.8, discriminator_accuracy=0.97))],
    "spike": [gan(always(fd_judge=30.0)), gan(lambda kimg: {"generator_grad_norm": 40.0 if kimg > 12 else 0.5})],
    "regressing": [gan(late(48, fd_judge=20.0)), gan(late(8, fd_judge=2.0))],
    "converged": [gan(lambda kimg: {"fd_judge": 40 / kimg}), gan(always(fd_judge=5.0), at=(1.0, 1.5, 2.0, 3.0))],
    "no-progress": [
        gan(lambda kimg: {"fd_judge": 400 / kimg}),
        gan(always(fd_judge=50.0)),
        gan(slow),
        gan(walked, data=ROWS),
    ],
    "small-data": [gan(), learner(data=TINY)],
    "one-class": [gan(data=with_part("train", classes={})), gan(data=with_part("train", classes={"a": 9, "b": 1}))],
    "labels-meaningless": [
        gan(judge={"refused": {"accuracy": 0.5, "skill": 0.4, "held": 400}}),
        gan(judge={"refused": {"accuracy": 0.11, "skill": 0.01, "held": 20}}),
        gan(judge={"extractor": "judge", "accuracy": 0.98}),
    ],
    "noise": [
        gan(data={**DATA, "pictures": {"looked_at": 900, "smoothness": 0.4, "distinct": 1.0}}),
        gan(data={**DATA, "pictures": {"looked_at": 5, "smoothness": 0.01, "distinct": 1.0}}),
        gan(data={**DATA, "pictures": {"looked_at": 900, "smoothness": None, "distinct": 0.1}}),
    ],
    "labels-ignored": [
        gan(always(class_agreement=0.1, class_agreement_floor=0.5)),
        gan(always(class_agreement=0.1, coverage=0.1)),
    ],
    "batch-too-small": [
        gan(recipe={**RECIPE, "batch": 2}),
        gan(always(fd_judge=30.0)),
        gan(always(fd_judge=30.0, l1=0.2), recipe={**RECIPE, "batch": 2}),  # each has a target of its own
    ],
    "overfitting": [
        learner(lambda kimg: {"validation_loss": 0.5 + 0.05 * kimg} if kimg > 11 else {}),
        learner(always(validation_loss=0.6, validation_accuracy=0.6)),
    ],
    "underfitting": [
        learner(lambda kimg: {"train_accuracy": 0.3, "validation_accuracy": 0.29, "train_loss": 2 / kimg}),
        learner(always(train_accuracy=0.45, validation_accuracy=0.2, train_loss=2.0)),
        learner(always(**RARE), data=UNEVEN),
    ],
    "vanishing-gradient": [learner(always(grad_norm_first=1e-7)), learner(always(train_loss=2.3))],
    "exploding-gradient": [learner(late(10, classifier_grad_norm=80.0)), learner(late(10, train_loss=3.0))],
    "rebuilding-by-heart": [
        rebuilder(late(9, validation_objective=32.0, train_objective=30.0)),
        rebuilder(late(11, validation_objective=32.0)),
    ],
    "posterior-collapse": [
        rebuilder(always(validation_kl=0.01)),
        rebuilder(always(validation_kl=0.01, validation_active=0.0), kimg=60.0),  # a code is not used at first
    ],
    "codebook-collapse": [rebuilder(late(11, validation_perplexity=1.5))],
}


def found(records: Records, rule: str) -> Any:
    return next((hint for hint in diagnose(records) if hint.rule == rule), None)


def test_every_rule_has_a_run_that_it_is_for() -> None:
    assert set(FAILING) == set(rules)


@pytest.mark.parametrize(("held", "told"), [(59, False), (500, True)])
def test_of_few_held_out_examples_a_small_rise_is_chance(held: int, told: bool) -> None:
    parts = {"train": DATA["parts"]["train"], "validation": {"pictures": held}}
    risen = learner(
        lambda kimg: {"train_loss": 0.2 / kimg, "validation_loss": 0.16 if kimg < 6 else 0.213}, data={"parts": parts}
    )
    assert (found(risen, "overfitting") is not None) == told


def test_of_few_training_examples_a_gap_between_accuracies_is_chance() -> None:
    poor = {"train_accuracy": 0.38, "validation_accuracy": 0.29, "train_loss": 2.0}
    few, many = (
        Records(learner(always(**poor)).rows, (), {"players": {"classifier": {}}, "judged": judged}, DATA)
        for judged in (256, 5_000)
    )
    assert found(few, "underfitting") is not None, "64 training examples: 0.09 is within two standard errors"
    assert found(many, "underfitting") is None, "of 1,250 it is a gap, and more capacity would widen it"


def test_with_weighted_classes_accuracy_below_that_of_the_commonest_is_no_underfitting() -> None:
    weighted = RARE | {"train_accuracy": 0.95, "validation_accuracy": 0.95, "validation_f1": 0.68, "train_loss": 0.17}
    recipe = {"players": {"classifier": {}}, "objective": {"settings": {"balance": "weights"}}}
    records = learner(always(**weighted), data=UNEVEN)
    assert found(records, "underfitting") is not None
    assert found(Records(records.rows, (), recipe, UNEVEN), "underfitting") is None


def test_of_a_rare_class_that_is_never_found_underfitting_is_told() -> None:
    poor = RARE | {"train_accuracy": 0.977, "validation_accuracy": 0.977, "validation_f1": 0.494, "train_loss": 0.11}
    assert found(learner(always(**poor), data=UNEVEN), "underfitting") is not None


@pytest.mark.parametrize("rule", FAILING)
def test_a_rule_finds_its_failure(rule: str) -> None:
    hint = found(FAILING[rule], rule)
    assert hint is not None
    assert hint.severity in ("info", "warning", "error")
    assert 0 <= hint.kimg <= FAILING[rule].kimg
    assert hint.values, "a hint shows its evidence"
    assert hint.text.endswith(".") and hint.advice.endswith(".")
    assert hint.sentence == f"{hint.text} {hint.advice}"


@pytest.mark.parametrize(("rule", "number"), [(rule, n) for rule in SOUND for n in range(len(SOUND[rule]))])
def test_a_rule_is_silent_where_a_signal_is_missing(rule: str, number: int) -> None:
    assert found(SOUND[rule][number], rule) is None


@pytest.mark.parametrize("records", [gan(), learner(), rebuilder()], ids=["gan", "classifier", "vae"])
def test_a_run_as_it_should_be_is_left_in_peace(records: Records) -> None:
    assert [hint.rule for hint in diagnose(records) if hint.severity != "info"] == []


@pytest.mark.parametrize("rule", list(FAILING))
def test_a_rule_bears_records_that_tell_little(rule: str) -> None:
    """Nothing yet, one row, rows without the columns, and facts that are absent."""
    whole = FAILING[rule]
    for records in (Records([]), Records(whole.rows[:1]), Records([{"kimg": row["kimg"]} for row in whole.rows])):
        hint = found(records, rule)
        assert hint is None or hint.values


@pytest.mark.parametrize("rule", list(FAILING))
def test_a_threshold_has_a_meaning_and_a_range(rule: str) -> None:
    for setting in rules[rule].settings.values():
        assert setting.meaning and isinstance(setting.range, Range)
    assert rules[rule].summary.endswith(".")


def test_a_rise_excuses_only_those_who_were_never_more_varied() -> None:
    """A run that lost its variety may waver afterwards: it is told all the same."""
    hint = found(gan(fallen, at=MILESTONES[:9], data=GREY), "collapse")
    assert hint is not None and hint.severity == "warning"
    assert found(gan(slow, at=MILESTONES[:9], data=GREY), "collapse") is None


def test_modes_that_came_and_went_are_missing() -> None:
    """gan2014 on the ring, seed 0: 1, 2 and 1 of 8 modes at its last measurements."""
    counts = {24.0: 1.0, 32.0: 2.0, 48.0: 1.0}
    assert found(gan(lambda kimg: {"modes": counts.get(kimg, 0.0), "modes_floor": 8.0}), "missing-modes")


def test_a_hint_names_value_floor_and_range() -> None:
    hint = found(FAILING["collapse"], "collapse")
    assert "diversity 0.05 (training reals 1; 0 all alike, 1 as varied as the reals)" in hint.text
    assert hint.values["recall"] == 0.01 and hint.values["recall_floor"] == 0.9
    assert hint.severity == "error" and hint.kimg >= 6


def test_a_threshold_can_be_changed_and_a_wrong_name_is_refused() -> None:
    records = gan(late(8, copies=0.04))
    changed = {"copying": {"share": 0.03}}
    assert found(records, "copying") is None
    assert any(hint.rule == "copying" for hint in diagnose(records, settings=changed))
    with pytest.raises(ValueError, match="Did you mean 'copying'"):
        diagnose(records, settings={"coping": {}})
    with pytest.raises(ValueError, match="has no setting 'shares'"):
        diagnose(records, settings={"copying": {"shares": 0.1}})


def test_how_grave_copying_is() -> None:
    assert found(gan(late(8, copies=0.1)), "copying").severity == "warning"
    assert found(gan(late(8, copies=0.4)), "copying").severity == "error"


def test_how_grave_few_pictures_are() -> None:
    graves = [found(gan(data=with_part("train", pictures=count)), "small-data").severity for count in (60, 400, 1_500)]
    assert graves == ["warning", "warning", "info"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_not_finite_is_an_error_since_its_row(value: float) -> None:
    hint = found(gan(late(12, generator_adversarial=value)), "not-finite")
    assert hint.severity == "error" and hint.kimg == 12
    assert "generator_adversarial is not finite" in hint.text


def test_a_run_that_ended_by_its_numbers_says_so() -> None:
    event = {"kimg": 48.5, "kind": "diverged", "severity": "error", "values": {}, "text": ""}
    hint = found(gan(events=[event]), "not-finite")
    assert hint.severity == "error" and "the run ended by it" in hint.text


def test_a_discriminator_at_half_is_fooled_or_at_the_optimum_by_the_distance() -> None:
    """The same outputs; what they mean is told by the distance beside its floor, or by nothing."""
    half = {"discriminator_real": 0.52, "discriminator_fake": 0.47}
    optimum, fooled = found(gan(late(6, **half)), "equilibrium"), found(gan(late(6, **half, **FAR)), "equilibrium")
    bare = Records([{"kimg": float(kimg), **half} for kimg in range(1, 9)])
    for hint in (optimum, fooled, found(bare, "equilibrium")):
        assert hint.severity == "info"
        assert "-log 4 = -1.386" in hint.text
        assert "discriminator_real 0.52 (D(x), 0.5 can't tell, 1 sure)" in hint.text
    assert optimum.kimg == fooled.kimg == 6 and "reached 1/2 at 6 kimg" in optimum.text
    assert "fd_judge is 1.2 times its floor: it is at or near the optimum" in optimum.text
    assert "fd_judge is 50 times its floor: it is fooled" in fooled.text
    assert "which this run has not" in found(bare, "equilibrium").text

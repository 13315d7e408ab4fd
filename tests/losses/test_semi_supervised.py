"""Feature matching, the supervised term, and the sum of D's terms, against the formulas of arXiv:1606.03498."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from sparring.data.spec import ImageSpec
from sparring.errors import UsageError
from sparring.losses.adversarial import NonSaturating
from sparring.losses.base import DISCRIMINATOR, GENERATOR, Batch, Moment, Penalty, Play, penalties
from sparring.losses.gan import AdversarialObjective
from sparring.models.gan.base import HeadKind
from sparring.models.gan.ssgan import SSGANDiscriminator, SSGANGenerator

SPEC = ImageSpec(channels=1, height=8, width=8, classes=("a", "b", "c"))
FIRST = Moment(round=0, update=0, last=True, count=0)
B = 6


def game(*terms: Penalty, heads: HeadKind = "semi-supervised") -> AdversarialObjective:
    torch.manual_seed(0)
    discriminator = SSGANDiscriminator(SPEC, width=16, heads=heads, input_noise=0.0, hidden_noise=0.0)
    generator = SSGANGenerator(SPEC, width=8, z_dim=4, conditional=False)
    return AdversarialObjective(
        generator.double(), discriminator.double(), NonSaturating(), terms, adversarial=0.0, shared_fakes=False
    )


def batch() -> Batch:
    draw = torch.Generator().manual_seed(1)
    x_BCHW, labelled_BCHW = torch.rand(2, B, 1, 8, 8, generator=draw, dtype=torch.float64) * 2 - 1
    z_BZ = torch.rand(B, 4, generator=draw, dtype=torch.float64) * 2 - 1
    y_B = torch.arange(B) % 3
    return {"x": x_BCHW, "y": y_B, "z": z_BZ, "x_labelled": labelled_BCHW, "y_labelled": y_B}


def built(name: str, **settings: Any) -> Penalty:
    return penalties.build(name, settings=settings)


def test_the_discriminators_terms_are_twice_the_papers_loss() -> None:
    """Section 5: p(y = K + 1 | x) is a softmax over K + 1 logits, the last of them 0; written out by example."""
    objective, dealt = game(built("supervised"), built("feature-matching")), batch()
    terms = objective.turn(DISCRIMINATOR, dealt, FIRST).terms
    assert set(terms) == {"adversarial", "supervised"}

    def logits(x_BCHW: Tensor) -> list[list[float]]:
        found: list[list[float]] = objective.discriminator.class_logits(
            objective.discriminator.features(x_BCHW)
        ).tolist()
        return found

    def fake_probability(row: list[float]) -> float:
        return 1 / (1 + sum(map(math.exp, row)))

    with torch.no_grad():
        fakes = objective.generator(dealt["z"], None)
    unsupervised = [-math.log(1 - fake_probability(row)) for row in logits(dealt["x"])]
    unsupervised = [a - math.log(fake_probability(row)) for a, row in zip(unsupervised, logits(fakes), strict=True)]
    supervised = [
        -math.log(math.exp(row[y]) / sum(map(math.exp, row)))
        for row, y in zip(logits(dealt["x_labelled"]), dealt["y_labelled"].tolist(), strict=True)
    ]
    # The authors' code halves the unsupervised sum.
    papers = sum(supervised) / B + 0.5 * sum(unsupervised) / B
    assert sum(term.mean().item() for term in terms.values()) == pytest.approx(2 * papers, rel=1e-6)


@pytest.mark.parametrize(("norm", "power"), [("l1", 1), ("l2", 2)])
def test_feature_matching_compares_means(norm: str, power: int) -> None:
    """Section 3.1, feature by feature, averaged over them."""
    objective, dealt = game(built("feature-matching", norm=norm, weight=3.0), built("supervised")), batch()
    terms = objective.turn(GENERATOR, dealt, FIRST).terms
    assert set(terms) == {"feature-matching"}
    with torch.no_grad():
        real_BF = objective.discriminator.features(dealt["x"])
        fake_BF = objective.discriminator.features(objective.generator(dealt["z"], None))
    means = [(sum(real_BF[:, f].tolist()) / B, sum(fake_BF[:, f].tolist()) / B) for f in range(real_BF.shape[1])]
    expected = 3 * sum(abs(real - fake) ** power for real, fake in means) / len(means)
    assert expected > 0
    assert terms["feature-matching"].item() == pytest.approx(expected, rel=1e-5)


def test_two_batches_with_equal_means_match_however_different_their_examples() -> None:
    objective = game(built("feature-matching"))
    penalty = objective.penalties[0]
    seen = objective.see(batch()["x"], None)
    other = objective.see(batch()["x"].flip(0), None)
    play = Play(
        player=GENERATOR,
        batch=batch(),
        generator=objective.generator,
        discriminator=objective.discriminator,
        real=seen,
        fake=other,
        see=objective.see,
    )
    assert penalty(play).item() == pytest.approx(0, abs=1e-10)


def test_the_supervised_term_needs_a_head_that_names_classes() -> None:
    for heads in ("auxiliary", "semi-supervised"):
        game(built("supervised"), built("feature-matching"), heads=heads)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"'projection' name none.*heads=semi-supervised or auxiliary"):
        game(built("supervised"), built("feature-matching"), heads="projection")


def test_the_entropy_is_of_the_classes_that_reals_are_given() -> None:
    objective, dealt = game(built("entropy", weight=0.5), built("feature-matching")), batch()
    terms = objective.turn(DISCRIMINATOR, dealt, FIRST).terms
    with torch.no_grad():
        rows = objective.discriminator.class_logits(objective.discriminator.features(dealt["x"])).tolist()
    by_hand = []
    for row in rows:
        likely = [math.exp(value) / sum(map(math.exp, row)) for value in row]
        by_hand.append(-0.5 * sum(p * math.log(p) for p in likely))
    assert terms["entropy"].tolist() == pytest.approx(by_hand, rel=1e-10)
    with pytest.raises(UsageError, match="heads=semi-supervised"):
        game(built("entropy"), built("feature-matching"), heads="projection")

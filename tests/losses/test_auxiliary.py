"""AC-GAN's classes: cross-entropy against torch's own, who learns it from what, and what is refused."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from sparring.data.spec import ImageSpec
from sparring.errors import UsageError
from sparring.losses.adversarial import NonSaturating
from sparring.losses.auxiliary import Auxiliary
from sparring.losses.base import Moment
from sparring.losses.gan import AdversarialObjective
from sparring.models.gan.base import Discriminator, Generator, discriminators, generators

SPEC = ImageSpec(channels=1, height=8, width=8, classes=("a", "b", "c"))
NOW = Moment(0, 0, True, 0)
B = 6


def players(heads: str = "auxiliary", *, conditional: bool = True) -> tuple[Generator, Discriminator]:
    torch.manual_seed(0)
    settings = {"width": 4, "z_dim": 3, "conditional": conditional}
    discriminator = discriminators.build("compact", SPEC, settings={"width": 4, "heads": heads})
    return generators.build("compact", SPEC, settings=settings).double().eval(), discriminator.double()


def batch(y_B: Tensor) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(0)
    x_BCHW = torch.randn(B, 1, 8, 8, generator=draw, dtype=torch.float64)
    z_BZ = torch.randn(B, 3, generator=draw, dtype=torch.float64)
    return {"x": x_BCHW, "z": z_BZ, "y": y_B, "label": torch.tensor([2, 1, 0, 0, 1, 2])}


@pytest.mark.parametrize("y", [[0, 1, 2, 0, 1, 2], [0, -1, 2, -1, -1, 1]], ids=["labelled", "partly labelled"])
def test_both_players_name_what_is_labelled(y: list[int]) -> None:
    """The mean over the labelled alone, of torch's cross-entropy; fakes count where their partner has a label."""
    generator, discriminator = players()
    objective = AdversarialObjective(
        generator, discriminator, NonSaturating(), [Auxiliary(weight=2.0)], shared_fakes=False
    )
    y_B = torch.tensor(y)
    dealt = batch(y_B)
    known_B = y_B >= 0
    fake_BCHW = generator(dealt["z"], dealt["label"]).detach()

    def named(x_BCHW: Tensor, label_B: Tensor) -> Tensor:
        logit_BK = discriminator.class_logits(discriminator.features(x_BCHW))
        return cross_entropy(logit_BK[known_B], label_B[known_B])

    of_fakes = named(fake_BCHW, dealt["label"])
    found = {player: objective.turn(player, dealt, NOW).terms["auxiliary"] for player in ("discriminator", "generator")}
    assert found["discriminator"].shape == (B,)
    torch.testing.assert_close(found["discriminator"].mean(), 2 * (named(dealt["x"], y_B) + of_fakes))
    torch.testing.assert_close(found["generator"].mean(), 2 * of_fakes)


def test_without_any_label_there_is_nothing_to_name() -> None:
    objective = AdversarialObjective(*players(), NonSaturating(), [Auxiliary()], shared_fakes=False)
    for player in ("discriminator", "generator"):
        assert objective.turn(player, batch(torch.full((B,), -1)), NOW).terms["auxiliary"].tolist() == [0.0] * B


def test_the_discriminator_may_learn_classes_from_reals_alone() -> None:
    """Its term is then the cross-entropy of the reals, and the generator's is what it was."""
    dealt = batch(torch.tensor([0, 1, 2, 0, 1, 2]))
    terms = {}
    for fakes in (True, False):
        generator, discriminator = players()
        chosen = [Auxiliary(weight=2.0, fakes=fakes)]
        objective = AdversarialObjective(generator, discriminator, NonSaturating(), chosen, shared_fakes=False)
        for player in ("discriminator", "generator"):
            terms[player, fakes] = objective.turn(player, dealt, NOW).terms["auxiliary"]
    of_reals_B = 2 * cross_entropy(
        discriminator.class_logits(discriminator.features(dealt["x"])), dealt["y"], reduction="none"
    )
    torch.testing.assert_close(terms["discriminator", False], of_reals_B)
    assert (terms["discriminator", True] > of_reals_B).all()
    torch.testing.assert_close(terms["generator", False], terms["generator", True])


def test_the_generator_is_driven_towards_what_it_was_asked_for() -> None:
    generator, discriminator = players()
    objective = AdversarialObjective(generator, discriminator, NonSaturating(), [Auxiliary()], shared_fakes=False)
    discriminator.requires_grad_(False)
    dealt = batch(torch.tensor([0, 1, 2, 0, 1, 2]))
    before = objective.turn("generator", dealt, NOW).terms["auxiliary"].mean()
    before.backward()
    with torch.no_grad():
        for parameter in generator.parameters():
            if parameter.grad is not None:
                parameter -= 1e-3 * parameter.grad
    assert objective.turn("generator", dealt, NOW).terms["auxiliary"].mean() < before


@pytest.mark.parametrize("heads", ["projection", "semi-supervised", "none"])
def test_other_heads_are_refused(heads: str) -> None:
    with pytest.raises(UsageError, match=f"heads are '{heads}'.*--set discriminator.heads=auxiliary"):
        AdversarialObjective(*players(heads), NonSaturating(), [Auxiliary()])


def test_a_generator_that_is_asked_for_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match=r"--set generator\.conditional=true"):
        AdversarialObjective(*players(conditional=False), NonSaturating(), [Auxiliary()])

"""The contract of every loss, penalty and augmentation: an entry that is added is tested on arrival."""

import pytest
import torch
from torch import Tensor, nn

from sparring.data.spec import ImageSpec
from sparring.errors import UsageError
from sparring.losses.base import (
    DISCRIMINATOR,
    GENERATOR,
    AdversarialLoss,
    Batch,
    Moment,
    Penalty,
    adversarial_losses,
    augmentations,
    penalties,
)
from sparring.losses.gan import AdversarialObjective
from sparring.models.gan.base import Discriminator, Generator, discriminators, generators

CLASSES = ("a", "b", "c")
B = 4
RARE = [name for name in penalties if "every" in penalties[name].settings]


# -- losses --------------------------------------------------------------------------------------------------------


def logits(dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(0)
    real_B, fake_B = torch.randn(2, 64, generator=draw, dtype=torch.float64).to(dtype)
    return real_B.clone().requires_grad_(), fake_B.clone().requires_grad_()


def values(loss: AdversarialLoss, real_B: Tensor, fake_B: Tensor) -> tuple[Tensor, Tensor]:
    return loss.d_loss(real_B, fake_B), loss.g_loss(real_B if loss.paired else None, fake_B)


def blind_logit(loss: AdversarialLoss) -> float:
    """The one logit that is best for D's loss where it has to give the same to reals and fakes; the nearest to 0."""
    answer_B = torch.linspace(-2, 2, 401, dtype=torch.float64)
    found_B = loss.d_loss(answer_B, answer_B)
    best_B = answer_B[found_B < found_B.min() + 1e-9]
    return best_B[best_B.abs().argmin()].item()


@pytest.mark.parametrize("name", list(adversarial_losses))
class TestAdversarialLoss:
    def test_a_value_per_example_finite_even_for_large_logits(self, name: str) -> None:
        loss = adversarial_losses.build(name)
        for scale in (1.0, 1e4):
            for value_B in values(loss, *(scale * logit_B for logit_B in logits())):
                assert value_B.shape == (64,)
                assert torch.isfinite(value_B).all()

    def test_the_gradient_reaches_what_each_player_can_change(self, name: str) -> None:
        loss = adversarial_losses.build(name)
        real_B, fake_B = logits()
        d_loss_B, g_loss_B = values(loss, real_B, fake_B)
        for slope_B in torch.autograd.grad(d_loss_B.sum(), (real_B, fake_B)):
            assert slope_B.abs().max() > 0
        (slope_B,) = torch.autograd.grad(g_loss_B.sum(), fake_B)
        taken_for_fakes_B = fake_B < blind_logit(loss)
        assert (slope_B[taken_for_fakes_B] < 0).all(), "up to where D can't tell, a higher logit is a better fake"

    def test_the_discriminator_gains_where_logits_separate_and_the_generator_loses(self, name: str) -> None:
        loss = adversarial_losses.build(name)
        blind_B = torch.full((8,), blind_logit(loss))
        means = [[v.mean().item() for v in values(loss, blind_B + gap, blind_B - gap)] for gap in (-0.5, 0.0, 0.5)]
        assert means[0][0] > means[1][0] > means[2][0]
        assert means[0][1] < means[1][1] < means[2][1]

    def test_no_difference_is_as_declared(self, name: str) -> None:
        loss = adversarial_losses.build(name)
        blind_B = torch.full((8,), blind_logit(loss))
        found = [value_B.mean().item() for value_B in values(loss, blind_B, blind_B)]
        assert found == pytest.approx(loss.no_difference)

    def test_bf16_is_fp32_within_its_precision(self, name: str) -> None:
        loss = adversarial_losses.build(name)
        real_B, fake_B = logits(torch.bfloat16)
        for coarse_B, fine_B in zip(
            values(loss, real_B, fake_B), values(loss, real_B.float(), fake_B.float()), strict=True
        ):
            torch.testing.assert_close(coarse_B.float(), fine_B, rtol=2e-2, atol=2e-2)


# -- penalties -----------------------------------------------------------------------------------------------------


def players(name: str) -> tuple[Generator, Discriminator]:
    """Networks that the penalty can work with."""
    torch.manual_seed(0)
    translating = name == "l1"
    spec = ImageSpec(channels=1, height=8, width=8, classes=CLASSES, source_channels=2 if translating else 0)
    heads = "auxiliary" if name in ("auxiliary", "entropy", "supervised") else "projection"
    discriminator = discriminators.build("compact", spec, settings={"width": 4, "heads": heads})
    if translating:
        return generators.build("unet", spec, settings={"width": 4}), discriminator
    return generators.build("compact", spec, settings={"width": 4, "z_dim": 3}), discriminator


def penalty_batch() -> Batch:
    draw = torch.Generator().manual_seed(0)
    x_BCHW, labelled_BCHW = torch.randn(2, B, 1, 8, 8, generator=draw)
    y_B = torch.arange(B) % len(CLASSES)
    z_BZ = torch.randn(B, 3, generator=draw)
    source_BCHW = torch.randn(B, 2, 8, 8, generator=draw)
    own = {"x": x_BCHW, "y": y_B, "label": y_B, "z": z_BZ, "source": source_BCHW}
    return {**own, "x_labelled": labelled_BCHW, "y_labelled": y_B}


def term(penalty: Penalty, player: str, *, count: int = 0) -> tuple[Tensor | None, nn.Module]:
    """The penalty's term in the turn of `player`, from a fixed draw, and that player's network."""
    generator, discriminator = players(penalty.name)
    objective = AdversarialObjective(
        generator, discriminator, adversarial_losses.build("nonsaturating"), [penalty], shared_fakes=False
    )
    own, other = (generator, discriminator) if player == GENERATOR else (discriminator, generator)
    other.requires_grad_(False)
    torch.manual_seed(1)
    turn = objective.turn(player, penalty_batch(), Moment(round=0, update=0, last=True, count=count))
    return turn.terms.get(penalty.name), own


@pytest.mark.parametrize("name", list(penalties))
class TestPenalty:
    def test_a_finite_term_and_a_gradient_for_its_players_alone(self, name: str) -> None:
        penalty = penalties.build(name)
        assert penalty.players
        for player in (DISCRIMINATOR, GENERATOR):
            for _ in range(2):  # what compares with the past has none at first
                value, module = term(penalty, player)
                if value is not None:
                    with torch.no_grad():
                        penalty.after_step(player, module)
            if player not in penalty.players:
                assert value is None
                continue
            assert value is not None
            assert value.shape in ((B,), ())
            assert torch.isfinite(value).all()

    def test_it_moves_its_players(self, name: str) -> None:
        """By its gradient, or by what it does after a step."""
        for player in penalties.build(name).players:
            penalty = penalties.build(name)
            value, module = term(penalty, player)
            assert value is not None
            moved = False
            if value.requires_grad:
                value.mean().backward()
                moved = any(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in module.parameters())
            before = [p.detach().clone() for p in module.parameters()]
            penalty.after_step(player, module)
            with torch.no_grad():
                for parameter in module.parameters():
                    parameter.add_(0.5)
            penalty.after_step(player, module)
            moved |= any(not torch.equal(p, old + 0.5) for p, old in zip(module.parameters(), before, strict=True))
            assert moved or penalty.state(), "neither its gradient nor its hand reaches a weight"

    def test_its_state_can_be_taken_up(self, name: str) -> None:
        penalty, again = penalties.build(name), penalties.build(name)
        for player in penalty.players:
            _, module = term(penalty, player)
            penalty.after_step(player, module)
        state = penalty.state()
        again.load_state(state)
        for player in penalty.players:
            one, other = term(penalty, player)[0], term(again, player)[0]
            assert one is not None and other is not None
            assert torch.equal(one, other)

    def test_its_column_carries_its_name(self, name: str) -> None:
        assert penalties.build(name).name == name


def test_what_has_no_rate_is_due_at_every_update() -> None:
    assert {penalties.build(name).every for name in penalties if name not in RARE} == {1}


@pytest.mark.parametrize("name", RARE)
def test_rare_is_heavier(name: str) -> None:
    often, rare = penalties.build(name), penalties.build(name, settings={"every": 4})
    assert (often.every, rare.every) == (1, 4)
    for player in rare.players:
        seldom, always = (term(penalty, player)[0] for penalty in (rare, often))
        assert seldom is not None and always is not None
        torch.testing.assert_close(seldom, 4 * always)
        assert term(rare, player, count=1)[0] is None


@pytest.mark.parametrize("name", RARE)
def test_never_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="every=0: expected 1 or more"):
        penalties.build(name, settings={"every": 0})


# -- augmentations -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(augmentations))
@pytest.mark.parametrize("shape", [(B, 1, 8, 8), (B, 3, 9, 17)], ids=str)
class TestAugmentation:
    def test_pictures_change_each_in_its_own_way_and_the_same_for_a_seed(
        self, name: str, shape: tuple[int, ...]
    ) -> None:
        augmentation = augmentations.build(name)
        augmentation.load_state({key: torch.ones_like(value) for key, value in augmentation.state().items()})
        x_BCHW = torch.rand(1, *shape[1:]).expand(shape) * 2 - 1
        torch.manual_seed(0)
        first_BCHW = augmentation(x_BCHW)
        torch.manual_seed(0)
        assert torch.equal(first_BCHW, augmentation(x_BCHW))
        assert first_BCHW.shape == shape
        assert torch.isfinite(first_BCHW).all()
        assert len({row.numpy().tobytes() for row in first_BCHW}) > 1

    def test_gradients_pass_twice(self, name: str, shape: tuple[int, ...]) -> None:
        augmentation = augmentations.build(name)
        augmentation.load_state({key: torch.ones_like(value) for key, value in augmentation.state().items()})
        weight = torch.ones((), requires_grad=True)
        x_BCHW = (torch.rand(shape) * 2 - 1).requires_grad_()
        (slope_BCHW,) = torch.autograd.grad((augmentation(x_BCHW) * weight).square().sum(), x_BCHW, create_graph=True)
        assert slope_BCHW.abs().sum() > 0
        slope_BCHW.square().sum().backward()
        assert weight.grad is not None and torch.isfinite(weight.grad) and weight.grad != 0

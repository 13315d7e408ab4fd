"""The two-player turn: who is shown what, who gets a gradient, and which combinations are refused."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sparring.data.spec import ImageSpec
from sparring.errors import UsageError
from sparring.losses.adaptive import Adaptive
from sparring.losses.adversarial import NonSaturating, Relativistic
from sparring.losses.base import AdversarialLoss, Batch, Moment, Turn
from sparring.losses.gan import AdversarialObjective, has_batch_norm
from sparring.losses.penalties import R1
from sparring.models.gan.base import Discriminator, Generator, discriminators, generators

FIRST, LAST = Moment(round=0, update=0, last=False, count=1), Moment(round=0, update=1, last=True, count=2)
B, Z = 6, 3


class Recording(Discriminator):
    """Stands for a player's network and notes each call: (tensor, label)."""

    def __init__(self, *shape: int) -> None:
        super().__init__(heads="none", classes=0, features=1)
        self.weight = nn.Parameter(torch.tensor(0.5))
        self.shape = shape
        self.calls: list[tuple[Tensor, Tensor | None]] = []

    def features(self, x_BCHW: Tensor) -> Tensor:
        return x_BCHW

    def logit(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        self.calls.append((x, label))
        value_B = self.weight * x.flatten(1).sum(1)
        return value_B.reshape(-1, *[1 for _ in self.shape]).expand(-1, *self.shape)


def recording(loss: AdversarialLoss, **choices: Any) -> tuple[AdversarialObjective, Recording, Recording]:
    generator, discriminator = Recording(1, 8, 8), Recording()
    made: Any = generator
    return AdversarialObjective(made, discriminator, loss, **choices), generator, discriminator


def batch(*, labels: bool = True) -> Batch:
    draw = torch.Generator().manual_seed(0)
    unlabelled = {"x": torch.randn(B, 1, 8, 8, generator=draw), "z": torch.randn(B, Z, generator=draw)}
    if not labels:
        return unlabelled
    return {**unlabelled, "y": torch.tensor([0, 1, 2, -1, 0, -1]), "label": torch.tensor([2, 2, 2, 2, 1, 1])}


def compact(*, classes: int = 0) -> tuple[Generator, Discriminator]:
    torch.manual_seed(0)
    spec = ImageSpec(channels=1, height=8, width=8, classes=tuple(map(str, range(classes))))
    settings: dict[str, Any] = {"width": 4}
    return (
        generators.build("compact", spec, settings={**settings, "z_dim": Z}).double(),
        discriminators.build("compact", spec, settings=settings).double(),
    )


def doubled(values: Batch) -> Batch:
    return {name: value.double() if value.is_floating_point() else value for name, value in values.items()}


def loss_of(turn: Turn) -> Tensor:
    return torch.stack([term.mean() for term in turn.terms.values()]).sum()


def test_fakes_are_made_with_the_drawn_labels_and_shown_where_their_partner_has_one() -> None:
    objective, generator, discriminator = recording(NonSaturating())
    dealt = batch()
    objective.turn("discriminator", dealt, LAST)
    assert generator.calls[0][1] is dealt["label"]
    shown = discriminator.calls[0][1]
    assert shown is not None
    assert shown.tolist() == [0, 1, 2, -1, 0, -1, 2, 2, 2, -1, 1, -1], "reals, then fakes"


def test_the_pairs_of_a_relativistic_loss_share_their_class() -> None:
    objective, generator, discriminator = recording(Relativistic())
    objective.turn("discriminator", batch(), LAST)
    made, shown = generator.calls[0][1], discriminator.calls[0][1]
    assert made is not None
    assert shown is not None
    assert made.tolist() == [0, 1, 2, 2, 0, 1], "drawn only where the real one's class is unknown"
    assert shown.tolist() == [0, 1, 2, -1, 0, -1] * 2


def test_without_classes_nobody_is_shown_a_label() -> None:
    objective, generator, discriminator = recording(Relativistic())
    objective.turn("discriminator", batch(labels=False), LAST)
    objective.turn("generator", {}, LAST)
    assert [label for _, label in generator.calls + discriminator.calls] == [None] * 4


def test_the_generator_is_judged_on_the_fakes_of_the_last_update() -> None:
    objective, generator, discriminator = recording(NonSaturating())
    objective.turn("discriminator", batch(), FIRST)
    objective.turn("discriminator", batch(), LAST)
    assert len(generator.calls) == 2
    objective.turn("generator", {}, LAST)
    assert len(generator.calls) == 2, "no further pass of the generator"
    fakes = discriminator.calls[1][0][B:]
    assert torch.equal(discriminator.calls[2][0], fakes)


def test_parts_of_a_batch_are_answered_in_their_order() -> None:
    objective, _, discriminator = recording(NonSaturating())
    parts = [{name: value[i : i + 3] for name, value in batch().items()} for i in (0, 3)]
    for part in parts:
        objective.turn("discriminator", part, LAST)
    for number in range(2):
        objective.turn("generator", {}, LAST)
        assert torch.equal(discriminator.calls[2 + number][0], discriminator.calls[number][0][3:])


def test_without_shared_fakes_the_generator_makes_new_ones_from_its_own_batch() -> None:
    objective, generator, _ = recording(NonSaturating(), shared_fakes=False)
    objective.turn("discriminator", batch(), LAST)
    own = batch()
    objective.turn("generator", own, LAST)
    assert len(generator.calls) == 2
    assert generator.calls[1][0] is own["z"]


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("loss", [NonSaturating(), Relativistic()])
@pytest.mark.parametrize("classes", [0, 3])
def test_each_turn_reaches_its_own_player_alone(shared: bool, loss: AdversarialLoss, classes: int) -> None:
    generator, discriminator = compact(classes=classes)
    objective = AdversarialObjective(generator, discriminator, loss, [R1()], shared_fakes=shared)
    dealt = doubled(batch(labels=bool(classes)))
    generator.requires_grad_(False)
    loss_of(objective.turn("discriminator", dealt, Moment(0, 0, True, 0))).backward()
    assert all(p.grad is not None for p in discriminator.parameters())
    assert all(p.grad is None and not p.requires_grad for p in generator.parameters())
    discriminator.zero_grad(set_to_none=True)
    discriminator.requires_grad_(False)
    generator.requires_grad_(True)
    loss_of(objective.turn("generator", dealt, Moment(0, 0, True, 0))).backward()
    assert all(p.grad is None for p in discriminator.parameters())
    assert all(p.grad is not None for p in generator.parameters())


@pytest.mark.parametrize("loss", [NonSaturating(), Relativistic()])
def test_shared_fakes_change_nothing_where_the_discriminator_stands_still(loss: AdversarialLoss) -> None:
    """With the same z and reals, and no step in between, loss and gradient are those of a pass of its own."""
    found = []
    for shared in (True, False):
        generator, discriminator = compact(classes=3)
        objective = AdversarialObjective(generator, discriminator, loss, shared_fakes=shared)
        generator.requires_grad_(False)
        objective.turn("discriminator", doubled(batch()), LAST)
        discriminator.requires_grad_(False)
        generator.requires_grad_(True)
        value = loss_of(objective.turn("generator", doubled(batch()), LAST))
        value.backward()
        found.append([value.detach(), *(p.grad for p in generator.parameters())])
    for shared_value, own_value in zip(*found, strict=True):
        torch.testing.assert_close(shared_value, own_value, rtol=1e-12, atol=1e-12)


def test_one_pass_over_both_equals_two_passes() -> None:
    """Penalties need passes of their own; a discriminator without batch norm gives the same logits either way."""
    generator, discriminator = compact(classes=3)
    objective = AdversarialObjective(generator, discriminator, Relativistic(), [R1(every=2)], shared_fakes=False)
    generator.eval()
    apart, together = (objective.turn("discriminator", doubled(batch()), Moment(0, 0, True, count)) for count in (2, 3))
    assert "r1" in apart.terms
    assert "r1" not in together.terms
    torch.testing.assert_close(apart.terms["adversarial"], together.terms["adversarial"], rtol=1e-12, atol=1e-12)


def test_stats_are_detached_and_per_example() -> None:
    generator, discriminator = compact()
    objective = AdversarialObjective(generator, discriminator, NonSaturating())
    generator.requires_grad_(False)
    turn = objective.turn("discriminator", doubled(batch(labels=False)), LAST)
    assert set(turn.stats) == {"real_logit_B", "fake_logit_B"}
    assert turn.scalars["real"] == turn.stats["real_logit_B"].float().sigmoid().mean(), (
        "the probability, as the paper's D"
    )
    assert all(value.shape == (B,) and not value.requires_grad for value in turn.stats.values())
    assert turn.terms["adversarial"].shape == (B,)


def with_batch_norm() -> tuple[Any, Any]:
    torch.manual_seed(0)
    spec = ImageSpec(channels=1, height=16, width=16)
    settings = {"width": 4}
    return generators.build("dcgan", spec, settings=settings), discriminators.build("dcgan", spec, settings=settings)


@pytest.mark.parametrize(("loss", "penalties"), [(NonSaturating(), [R1()]), (Relativistic(), [])])
def test_batch_norm_beside_a_penalty_or_pairs_is_refused_unless_forced(
    loss: AdversarialLoss, penalties: list[R1]
) -> None:
    with pytest.raises(UsageError, match=r"batch norm.*objective\.allow_batch_norm=true"):
        AdversarialObjective(*with_batch_norm(), loss, penalties)
    AdversarialObjective(*with_batch_norm(), loss, penalties, allow_batch_norm=True)
    AdversarialObjective(*with_batch_norm(), NonSaturating())
    AdversarialObjective(*compact(), loss, penalties)


@pytest.mark.parametrize("every", [1, 1_000])
def test_held_out_reals_leave_no_trace_in_batch_norms_statistics(every: int) -> None:
    """Statistics after a turn are those of reals and fakes, whether or not held-out pictures were looked at as well."""

    def statistics(held: float) -> list[Tensor]:
        generator, discriminator = with_batch_norm()
        objective = AdversarialObjective(generator, discriminator, NonSaturating(), augmentation=Adaptive(every=every))
        draw = torch.Generator().manual_seed(0)
        x, z = torch.randn(4, 1, 16, 16, generator=draw), torch.randn(4, 100, generator=draw)
        torch.manual_seed(0)
        objective.turn("discriminator", {"x": x, "z": z, "x_held": torch.full_like(x, held)}, FIRST)
        return list(discriminator.buffers())

    first = with_batch_norm()[1].buffers()
    seen, other = statistics(-1.0), statistics(1.0)
    assert all(torch.equal(a, b) for a, b in zip(seen, other, strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(seen, first, strict=True))
    assert {int(value) for value in seen if not value.is_floating_point()} == {2}


def test_a_discriminator_with_batch_norm_sees_reals_and_fakes_apart() -> None:
    generator, discriminator = with_batch_norm()
    assert has_batch_norm(discriminator)
    objective = AdversarialObjective(
        generator.requires_grad_(False), discriminator, NonSaturating(), shared_fakes=False
    )
    seen: list[int] = []
    discriminator.layers.register_forward_hook(lambda module, given, made: seen.append(len(given[0])))
    objective.turn("discriminator", {"x": torch.randn(4, 1, 16, 16), "z": torch.randn(4, 100)}, LAST)
    assert seen == [4, 4]

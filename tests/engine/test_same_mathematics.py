"""The engine trains DCGAN exactly as the loop that everybody writes: same losses, same weights."""

import dataclasses
import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sparring.data import Part
from sparring.data.spec import ImageSpec
from sparring.engine.deal import Dealer, Noise, Order, Pictures
from sparring.engine.game import Game, Player, play_round
from sparring.engine.precision import Precision, PrecisionName
from sparring.job.build import build_game
from sparring.losses.adversarial import NonSaturating
from sparring.losses.base import DISCRIMINATOR, GENERATOR
from sparring.losses.gan import AdversarialObjective
from sparring.losses.penalties import R1
from sparring.models.gan.base import Generator
from sparring.models.gan.compact import CompactDiscriminator
from sparring.recipe import DataChoice, Facts
from sparring.recipes.base import recipes

CPU = torch.device("cpu")


def pictures(count: int, side: int) -> "np.typing.NDArray[np.uint8]":
    """Random pictures uint8 [N, H, W, 3]."""
    return np.random.default_rng(5).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def dcgan_game(precision: PrecisionName, *, width: int, batch: int, side: int = 64) -> Game:
    """The recipe as `sparring train` builds it, thinner and with smaller batches."""
    spec = ImageSpec(channels=3, height=side, width=side)
    facts = Facts(channels=3, height=side, width=side, classes=0, examples=64, labelled=0, device="cpu")
    recipe = recipes.build("dcgan", DataChoice(source="random"), facts)
    players = {
        name: dataclasses.replace(choice, model=dataclasses.replace(choice.model, settings={"width": width}))
        for name, choice in recipe.players.items()
    }
    recipe = dataclasses.replace(recipe, players=players, batch=batch)
    return build_game(recipe, spec, {"train": Part(x=pictures(64, side), y=None)}, Precision(precision, CPU))


@pytest.fixture(scope="module")
def plain_dcgan() -> ModuleType:
    """benchmarks/plain_dcgan.py, which is no part of the installed package."""
    path = Path(__file__).parents[2] / "benchmarks" / "plain_dcgan.py"
    spec = importlib.util.spec_from_file_location("plain_dcgan", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def plain_twin(game: Game, plain_dcgan: ModuleType, *, width: int, dtype: torch.dtype):  # type: ignore[no-untyped-def]
    """The plain loop with the game's present weights."""
    twin = plain_dcgan.PlainDCGAN(width=width, dtype=dtype)
    for module, net in nets(game, twin):
        values = [value.detach().clone() for value in module.state_dict().values()]
        net.load_state_dict(dict(zip(net.state_dict(), values, strict=True)))
    return twin


def nets(game: Game, twin) -> list[tuple[nn.Module, nn.Module]]:  # type: ignore[no-untyped-def]
    """Ours and the twin's, side by side."""
    modules = {player.name: player.module for player in game.players}
    return [(modules[GENERATOR], twin.net_g), (modules[DISCRIMINATOR], twin.net_d)]


def next_inputs(game: Game) -> tuple[Tensor, Tensor]:
    """Pictures and noise of the coming round, laid out as the plain loop has them."""
    steps = {player.name: player.steps for player in game.players}
    batch = game.deal(DISCRIMINATOR, steps[DISCRIMINATOR])
    return batch["x"].contiguous(), batch["z"][:, :, None, None]


def losses(scalars: dict[str, Tensor]) -> tuple[float, float]:
    """D's and G's."""
    return scalars["discriminator_adversarial"].item(), scalars["generator_adversarial"].item()


def test_in_float64_losses_and_weights_agree_over_twenty_rounds(plain_dcgan: ModuleType) -> None:
    game = dcgan_game("fp64", width=8, batch=8)
    twin = plain_twin(game, plain_dcgan, width=8, dtype=torch.float64)
    start = [value.clone() for module, _ in nets(game, twin) for value in module.parameters()]
    for _ in range(20):
        expected = twin.step(*next_inputs(game))
        assert losses(play_round(game)) == pytest.approx(expected, abs=1e-10, rel=0)
    for module, net in nets(game, twin):
        ours, plain = list(module.state_dict().values()), list(net.state_dict().values())
        torch.testing.assert_close(ours, plain, rtol=0, atol=1e-10)
    end = [value for module, _ in nets(game, twin) for value in module.parameters()]
    moved = [(now - before).abs().max().item() for now, before in zip(end, start, strict=True)]
    assert min(moved) > 1e-3, "a network that stands still would agree as well"


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-4), ("bf16", 1e-2)])
def test_the_first_losses_agree_at_full_width(
    plain_dcgan: ModuleType, precision: PrecisionName, tolerance: float
) -> None:
    game = dcgan_game(precision, width=64, batch=16)
    twin = plain_twin(game, plain_dcgan, width=64, dtype=torch.float32)
    expected = twin.step(*next_inputs(game))
    # Relative, for G's loss is near 8 and comes after D's first step of Adam, which moves every weight by the rate
    # times the sign of its gradient: rounding alone puts the plain loop 6e-5 away from its own float64 twin.
    assert losses(play_round(game)) == pytest.approx(expected, abs=0, rel=tolerance)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_two_runs_with_one_seed_are_identical_to_the_byte(precision: PrecisionName) -> None:
    first, second = (dcgan_game(precision, width=8, batch=8, side=32) for _ in range(2))
    for _ in range(3):
        one, two = play_round(first), play_round(second)
        assert all(torch.equal(one[name], two[name]) for name in one)
    for a, b in zip(first.players, second.players, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a.parameters, b.parameters, strict=True))


class _Independent(Generator):
    """A generator whose examples do not depend on each other: no batch norm."""

    def __init__(self, z_dim: int) -> None:
        super().__init__()
        self.z_dim = z_dim
        self.linear = nn.Linear(z_dim, 3 * 8 * 8)

    def forward(self, z_BZ: Tensor, condition: Tensor | None = None) -> Tensor:
        """See `Generator.forward`."""
        return self.linear(z_BZ).tanh().view(-1, 3, 8, 8)


def accumulated_game(accumulate: int, *, shared: bool) -> Game:
    """`compact`'s discriminator with R1, both players accumulating over parts of the batch."""
    torch.manual_seed(3)
    generator = _Independent(16).double()
    discriminator = CompactDiscriminator(ImageSpec(channels=3, height=8, width=8), width=8).double()
    order = Order(64, batch=8, seed=0, stream="reals")
    sources = [
        Pictures(pictures(64, 8), None, order=order, device=CPU, dtype=torch.float64),
        Noise(16, batch=8, seed=0, stream="z", device=CPU, dtype=torch.float64),
    ]
    modules: dict[str, nn.Module] = {DISCRIMINATOR: discriminator, GENERATOR: generator}
    players = [
        Player(
            name=name,
            module=module,
            optimizer=torch.optim.Adam(module.parameters(), lr=1e-3, betas=(0.0, 0.99), fused=True),
            accumulate=accumulate,
        )
        for name, module in modules.items()
    ]
    return Game(
        players=players,
        objective=AdversarialObjective(
            generator, discriminator, NonSaturating(), [R1(gamma=0.5, every=2)], shared_fakes=shared
        ),
        deal=Dealer({DISCRIMINATOR: sources, GENERATOR: [] if shared else sources}),
        precision=Precision("fp64", CPU),
        batch=8,
        counted=DISCRIMINATOR,
    )


@pytest.mark.parametrize("shared", [True, False])
def test_a_batch_in_two_parts_moves_the_weights_as_a_whole_one(shared: bool) -> None:
    whole, parts = accumulated_game(1, shared=shared), accumulated_game(2, shared=shared)
    start = [parameter.clone() for player in whole.players for parameter in player.parameters]
    for _ in range(5):
        one, two = play_round(whole), play_round(parts)
        for name in ("discriminator_grad_norm", "generator_grad_norm"):
            assert two[name].item() == pytest.approx(one[name].item(), rel=1e-9)
    ours, theirs = ([p for player in game.players for p in player.parameters] for game in (parts, whole))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)
    assert all((now - before).abs().max() > 1e-4 for now, before in zip(theirs, start, strict=True))

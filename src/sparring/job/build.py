"""From a recipe and the data's spec to a game that can be played."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from sparring.data.spec import ImageSpec
from sparring.engine.deal import Dealer, Labels, Noise, Order, Pictures, Source, key
from sparring.engine.ema import EMA
from sparring.engine.game import Game, Player
from sparring.engine.precision import Precision
from sparring.engine.schedule import Schedule
from sparring.errors import UsageError
from sparring.losses.base import adversarial_losses, objectives, penalties
from sparring.losses.gan import DISCRIMINATOR, GENERATOR
from sparring.models.gan.base import Generator, discriminators, generators
from sparring.recipe import PlayerChoice, Recipe, Settings, player_settings

Labelled = npt.NDArray[np.int64] | None
Module = TypeVar("Module", bound=nn.Module)


def known_settings(recipe: Recipe) -> dict[str, Settings]:
    """What `--set` knows for this recipe, by group: players, `loss`, `objective` and each penalty."""
    own = player_settings()
    return {
        GENERATOR: {**own, **generators[recipe.players[GENERATOR].model.name].settings},
        DISCRIMINATOR: {**own, **discriminators[recipe.players[DISCRIMINATOR].model.name].settings},
        "loss": dict(adversarial_losses[recipe.loss.name].settings),
        "objective": dict(objectives[recipe.objective.name].settings),
        **{penalty.name: dict(penalties[penalty.name].settings) for penalty in recipe.penalties},
    }


def build_modules(recipe: Recipe, spec: ImageSpec) -> dict[str, nn.Module]:
    """The players' networks, freshly initialised: a pure function of the recipe, its seed and the spec."""
    registries: Mapping[str, Any] = {GENERATOR: generators, DISCRIMINATOR: discriminators}
    modules: dict[str, nn.Module] = {}
    for name, choice in recipe.players.items():
        with _seeded(key(recipe.seed, "init", name)):
            modules[name] = registries[name].build(choice.model.name, spec, settings=choice.model.settings)
    return modules


def build_generator(recipe: Recipe, spec: ImageSpec, precision: Precision) -> Generator:
    """The generator alone, on the device and in evaluation mode; its weights are to be loaded."""
    choice = recipe.players[GENERATOR].model
    with _seeded(0):
        module = generators.build(choice.name, spec, settings=choice.settings)
    return _placed(module, precision).eval().requires_grad_(False)


def refuse_uneven(recipe: Recipe) -> None:
    """Refuse moves that shared fakes do not allow: there are as many fakes as the discriminator's last update made.

    Raises:
        UsageError: names the settings.
    """
    generator, discriminator = recipe.players[GENERATOR], recipe.players[DISCRIMINATOR]
    if not _shares_fakes(recipe) or (generator.updates == 1 and generator.accumulate == discriminator.accumulate):
        return
    raise UsageError(
        f"--set generator.updates={generator.updates}, generator.accumulate={generator.accumulate} and "
        f"discriminator.accumulate={discriminator.accumulate}: the generator re-uses the fakes of the discriminator's "
        "last update, so it moves once a round, in as many parts. Make them so, or --set objective.shared_fakes=false."
    )


def build_game(
    recipe: Recipe, spec: ImageSpec, pictures: npt.NDArray[np.uint8], labels: Labelled, precision: Precision
) -> Game:
    """Players, objective and deal.

    Args:
        pictures: the training part, uint8 [N, H, W, C].
        labels: int64 [N], -1 where unknown; None without classes.
    """
    refuse_uneven(recipe)
    modules = {name: _placed(module, precision) for name, module in build_modules(recipe, spec).items()}
    generator = modules[GENERATOR]
    assert isinstance(generator, Generator)
    players = [_player(name, modules[name], choice, recipe) for name, choice in recipe.players.items()]
    objective = objectives.build(
        recipe.objective.name,
        generator,
        modules[DISCRIMINATOR],
        adversarial_losses.build(recipe.loss.name, settings=recipe.loss.settings),
        [penalties.build(penalty.name, settings=penalty.settings) for penalty in recipe.penalties],
        settings=recipe.objective.settings,
    )
    shared = _shares_fakes(recipe)
    sources = {
        name: []
        if shared and name == GENERATOR
        else _sources(name, recipe, generator, pictures, labels, len(spec.classes), precision)
        for name in recipe.players
    }
    return Game(
        players=players,
        objective=objective,
        deal=Dealer(sources),
        precision=precision,
        batch=recipe.batch,
        counted=DISCRIMINATOR,
        seed=recipe.seed,
    )


def class_shares(labels: npt.NDArray[np.int64], classes: int) -> npt.NDArray[np.float64]:
    """Shares of the classes among the known labels, summing to 1."""
    counts = np.bincount(labels[labels >= 0], minlength=classes).astype(np.float64)
    shares: npt.NDArray[np.float64] = counts / counts.sum()
    return shares


def _shares_fakes(recipe: Recipe) -> bool:
    settings = objectives[recipe.objective.name].settings
    known = "shared_fakes" in settings
    return known and bool(recipe.objective.settings.get("shared_fakes", settings["shared_fakes"].default))


def _placed(module: Module, precision: Precision) -> Module:
    placed: Module = module.to(  # type: ignore[call-overload]  # torch does not declare memory_format
        device=precision.device, dtype=precision.weights, memory_format=torch.channels_last
    )
    return placed


def _player(name: str, module: nn.Module, choice: PlayerChoice, recipe: Recipe) -> Player:
    optimizer = torch.optim.Adam(module.parameters(), lr=choice.lr, betas=choice.betas, fused=True)
    ema = None if choice.ema_kimg is None else EMA(module, half_life=choice.ema_kimg * 1000)
    return Player(
        name=name,
        module=module,
        optimizer=optimizer,
        updates=choice.updates,
        accumulate=choice.accumulate,
        clip=choice.clip,
        ema=ema,
        schedule=Schedule(shape=choice.fall, warmup=round(choice.warmup_kimg * 1000), end=round(recipe.kimg * 1000)),
    )


def _sources(
    name: str,
    recipe: Recipe,
    generator: Generator,
    pictures: npt.NDArray[np.uint8],
    labels: Labelled,
    classes: int,
    precision: Precision,
) -> list[Source]:
    batch, seed, device, dtype = recipe.batch, recipe.seed, precision.device, precision.weights
    order = Order(len(pictures), batch=batch, seed=seed, stream=f"{name}/reals")
    sources: list[Source] = [
        Pictures(pictures, labels, order=order, device=device, dtype=dtype),
        Noise(generator.z_dim, batch=batch, seed=seed, stream=f"{name}/z", device=device, dtype=dtype),
    ]
    if labels is not None:
        shares = class_shares(labels, classes)
        sources.append(Labels(shares, batch=batch, seed=seed, stream=f"{name}/labels", device=device))
    return sources


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield

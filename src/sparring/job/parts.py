"""What a recipe's names stand for, and the players that are made of them, whatever the game is for."""

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import torch
from torch import nn

from sparring.data.readers.base import readers
from sparring.data.spec import OpenedSpec
from sparring.diagnose.hints import rules
from sparring.engine.blemishes.base import blemishes
from sparring.engine.corruptions.base import corruptions
from sparring.engine.deal import key
from sparring.engine.distortions.base import distortions
from sparring.engine.ema import EMA
from sparring.engine.game import Player
from sparring.engine.precision import Precision
from sparring.engine.schedule import Schedule
from sparring.losses.base import DISCRIMINATOR, GENERATOR, adversarial_losses, augmentations, objectives, penalties
from sparring.losses.classification import CLASSIFIER
from sparring.losses.detection import DETECTOR, point_losses
from sparring.losses.rebuilding import AUTOENCODER
from sparring.losses.reconstruction_error import reconstruction_losses
from sparring.losses.supervised import supervised_losses
from sparring.models.autoencode.base import autoencoders
from sparring.models.classify.base import Classifier, classifiers
from sparring.models.detect.base import detectors
from sparring.models.gan.base import discriminators, generators
from sparring.nn.batch_norm import over_all_ranks
from sparring.recipe import Names, PlayerChoice, Recipe, Settings, Task, player_settings
from sparring.registry import Registry

Module = TypeVar("Module", bound=nn.Module)
Registries = Mapping[str, Registry[Any]]

MODELS: Mapping[str, Registry[Any]] = {
    GENERATOR: generators,
    DISCRIMINATOR: discriminators,
    CLASSIFIER: classifiers,
    AUTOENCODER: autoencoders,
    DETECTOR: detectors,
}
"""Where the network of each player comes from."""
PARTS: Mapping[Task, Registries] = {
    "generate": {"loss": adversarial_losses, "penalties": penalties, "augment": augmentations},
    "classify": {"loss": supervised_losses, "augment": distortions},
    "rebuild": {"loss": reconstruction_losses, "augment": corruptions},
    "anomaly": {"loss": point_losses, "augment": blemishes},
}
"""Where everything else comes from, by what a game is for."""


def registries() -> Registries:
    """Everything that has a name, by what it is, in the order in which people look for it."""
    return {
        "classifiers": classifiers,
        "generators": generators,
        "discriminators": discriminators,
        "losses of classifiers": supervised_losses,
        "distortions": distortions,
        "autoencoders": autoencoders,
        "losses of autoencoders": reconstruction_losses,
        "corruptions": corruptions,
        "detectors": detectors,
        "losses of detectors": point_losses,
        "blemishes": blemishes,
        "adversarial losses": adversarial_losses,
        "penalties": penalties,
        "augmentations": augmentations,
        "objectives": objectives,
        "hints": rules,
        "array files": readers,
    }


def known_settings(recipe: Recipe) -> dict[str, Settings]:
    """What `--set` knows for this recipe, by group: players, `loss`, `objective`, `augment` and each penalty."""
    own, parts = player_settings(), PARTS[recipe.task]
    augment = {} if recipe.augment is None else {"augment": dict(parts["augment"][recipe.augment.name].settings)}
    return {
        **{name: {**own, **MODELS[name][choice.model.name].settings} for name, choice in recipe.players.items()},
        "loss": dict(parts["loss"][recipe.loss.name].settings),
        "objective": dict(objectives[recipe.objective.name].settings),
        **augment,
        **{penalty.name: dict(parts["penalties"][penalty.name].settings) for penalty in recipe.penalties},
    }


def known_names(recipe: Recipe) -> Names:
    """What can be put into each of `recipe.choices`."""
    return {**PARTS[recipe.task], **{f"{name}.model": MODELS[name] for name in recipe.players}}


def build_modules(recipe: Recipe, spec: OpenedSpec) -> dict[str, nn.Module]:
    """The players' networks, freshly initialised: a pure function of the recipe, its seed and the spec."""
    modules: dict[str, nn.Module] = {}
    for name, choice in recipe.players.items():
        with seeded(key(recipe.seed, "init", name)):
            modules[name] = over_all_ranks(MODELS[name].build(choice.model.name, spec, settings=choice.model.settings))
    return modules


def build_player(name: str, recipe: Recipe, spec: OpenedSpec, precision: Precision) -> nn.Module:
    """One player's network alone, on the device and in evaluation mode; its weights are to be loaded."""
    choice = without_weights(recipe).players[name].model
    with seeded(0):
        module: nn.Module = MODELS[name].build(choice.name, spec, settings=choice.settings)
    return placed(module, precision).eval().requires_grad_(False)


def without_weights(recipe: Recipe) -> Recipe:
    """The recipe of networks whose weights are to be loaded: nothing that others trained is fetched for them."""
    players = {
        name: dataclasses.replace(
            choice,
            model=dataclasses.replace(choice.model, settings={**choice.model.settings, "weights": False}),
        )
        if "weights" in MODELS[name][choice.model.name].settings
        else choice
        for name, choice in recipe.players.items()
    }
    return dataclasses.replace(recipe, players=players)


def placed(module: Module, precision: Precision) -> Module:
    """The module on the device, in the precision of the weights."""
    volumes = any(parameter.ndim == 5 for parameter in module.parameters())
    moved: Module = module.to(  # type: ignore[call-overload]  # torch does not declare memory_format
        device=precision.device,
        dtype=precision.weights,
        memory_format=torch.channels_last_3d if volumes else torch.channels_last,
    )
    return moved


def player_of(name: str, module: nn.Module, choice: PlayerChoice, recipe: Recipe) -> Player:
    """A player before its first move."""
    ema = None if choice.ema_kimg is None else EMA(module, half_life=choice.ema_kimg * 1000)
    end = round(recipe.kimg * 1000)
    return Player(
        name=name,
        module=module,
        optimizer=_optimizer(module, choice),
        updates=choice.updates,
        accumulate=choice.accumulate,
        clip=choice.clip,
        ema=ema,
        schedule=Schedule(
            shape=choice.fall, warmup=max(round(choice.warmup_kimg * 1000), round(choice.warmup * end)), end=end
        ),
        frozen=round(choice.frozen * end),
        body=module.body() if isinstance(module, Classifier) else (),
        freeze=module.freeze if isinstance(module, Classifier) else None,
    )


def _optimizer(module: nn.Module, choice: PlayerChoice) -> torch.optim.Optimizer:
    groups = _groups(module, choice)
    if choice.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=choice.lr, momentum=choice.momentum, nesterov=choice.momentum > 0, fused=True)
    kind = torch.optim.AdamW if choice.decay else torch.optim.Adam
    return kind(groups, lr=choice.lr, betas=choice.betas, eps=choice.eps, fused=True)


def _groups(module: nn.Module, choice: PlayerChoice) -> list[dict[str, Any]]:
    """Parameters by their rate and decay; the body of a classifier is everything but its head."""
    head = set(module.head.parameters()) if isinstance(module, Classifier) else set(module.parameters())
    found: dict[tuple[float, float], list[nn.Parameter]] = {}
    for parameter in module.parameters():
        rate = choice.lr * (1.0 if parameter in head else choice.body_lr)
        decay = choice.decay if parameter.ndim > 1 else 0.0
        found.setdefault((rate, decay), []).append(parameter)
    return [{"params": members, "lr": rate, "weight_decay": decay} for (rate, decay), members in found.items()]


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Within it torch's generator of the CPU is seeded; afterwards it is as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield

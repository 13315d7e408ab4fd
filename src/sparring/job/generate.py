"""A GAN from its recipe and the data's spec: two players, what they are dealt, and what is asked of them."""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import nn

from sparring.data import Part
from sparring.data.spec import OpenedSpec, TableSpec
from sparring.engine.deal import Dealer, Source, key
from sparring.engine.game import Game
from sparring.engine.precision import Precision
from sparring.errors import UsageError
from sparring.job.dealing import Dealing
from sparring.job.parts import build_modules, placed, player_of, seeded
from sparring.losses.base import DISCRIMINATOR, GENERATOR, adversarial_losses, augmentations, objectives, penalties
from sparring.models.gan.base import Discriminator, Generator, discriminators, generators
from sparring.nn.ranks import apart
from sparring.recipe import Recipe


def names_classes(recipe: Recipe, spec: OpenedSpec) -> bool:
    """Whether the discriminator says which class a picture is of."""
    if not spec.classes:
        return False
    choice = recipe.players[DISCRIMINATOR].model
    with torch.device("meta"):
        return discriminators.build(choice.name, spec, settings=choice.settings).classifier is not None


def takes_labels(recipe: Recipe, spec: OpenedSpec) -> bool:
    """Whether the generator is asked for a class."""
    return _unplaced_generator(recipe, spec).conditional


def translates(recipe: Recipe, spec: OpenedSpec) -> bool:
    """Whether the generator makes pictures from others."""
    return _unplaced_generator(recipe, spec).source_channels > 0


def _unplaced_generator(recipe: Recipe, spec: OpenedSpec) -> Generator:
    choice = recipe.players[GENERATOR].model
    with torch.device("meta"):
        return generators.build(choice.name, spec, settings=choice.settings)


def own_generator(path: Path, recipe: Recipe, player: Callable[[str], nn.Module]) -> Generator:
    """The generator among a run's players."""
    module = player(GENERATOR)
    assert isinstance(module, Generator)
    return module


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


def build_adversarial(recipe: Recipe, spec: OpenedSpec, parts: Mapping[str, Part], precision: Precision) -> Game:
    """Players, objective and deal, before the first round.

    Args:
        parts: "train" and, for what is measured on reals that nobody learns from, "validation".

    Raises:
        UsageError: parts of the recipe that don't go together, or that these data have nothing for.
    """
    refuse_uneven(recipe)
    modules = {name: placed(module, precision) for name, module in build_modules(recipe, spec).items()}
    generator, discriminator = modules[GENERATOR], modules[DISCRIMINATOR]
    assert isinstance(generator, Generator) and isinstance(discriminator, Discriminator)
    terms = [penalties.build(penalty.name, settings=penalty.settings) for penalty in recipe.penalties]
    augment = None
    if recipe.augment is not None and isinstance(spec, TableSpec):
        raise UsageError(
            f"--set augment={recipe.augment.name} changes pictures, and these data are rows: leave it out."
        )
    if recipe.augment is not None:
        augment = augmentations.build(recipe.augment.name, settings=recipe.augment.settings)
    objective = objectives.build(
        recipe.objective.name,
        generator,
        discriminator,
        adversarial_losses.build(recipe.loss.name, settings=recipe.loss.settings),
        terms,
        augment,
        settings=recipe.objective.settings,
    )
    dealing = Dealing(recipe, parts, generator, classes=len(spec.classes), precision=precision)
    sources: dict[str, list[Source]] = {GENERATOR: [] if _shares_fakes(recipe) else dealing.play(GENERATOR)}
    sources[DISCRIMINATOR] = dealing.play(DISCRIMINATOR)
    if augment is not None and augment.every is not None:
        sources[DISCRIMINATOR].append(dealing.held())
    if any(term.needs_labelled for term in terms):
        sources[DISCRIMINATOR].append(dealing.labelled())
    game = Game(
        players=[player_of(name, modules[name], choice, recipe) for name, choice in recipe.players.items()],
        objective=objective,
        deal=Dealer(sources),
        precision=precision,
        batch=recipe.batch,
        counted=DISCRIMINATOR,
        seed=recipe.seed,
    )
    _begin(game, generator, discriminator, dealing)
    return game


@torch.no_grad()
def _begin(game: Game, generator: Generator, discriminator: Discriminator, dealing: Dealing) -> None:
    """Show the players the first batch, for what they take from data before the first round."""
    share = dealing.share(DISCRIMINATOR)
    first = {name: share.whole(rows) for name, rows in game.deal(DISCRIMINATOR, 0).items()}
    # Noise inside a network must not depend on what was drawn before.
    with seeded(key(game.seed, "begin")), apart(), game.precision.autocast():
        discriminator.begin(first["x"])
        generator.begin(first["z"], first["source"] if generator.source_channels else first.get("label"))
    for player in game.players:
        if player.ema is not None:
            player.ema.module.load_state_dict(player.module.state_dict())


def _shares_fakes(recipe: Recipe) -> bool:
    settings = objectives[recipe.objective.name].settings
    known = "shared_fakes" in settings
    return known and bool(recipe.objective.settings.get("shared_fakes", settings["shared_fakes"].default))

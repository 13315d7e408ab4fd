"""What one run is, as data: everything needed to start it again, to and from JSON. Registry names, no import paths."""

import dataclasses
import typing
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from sparring.errors import UsageError, did_you_mean
from sparring.registry import Range, Setting, annotated_setting
from sparring.typed import from_json, is_plain, parse_value

FORMAT = 1
"""Version of recipe.json. A run with a higher one was made by a newer sparring."""


Task = Literal["generate", "classify", "rebuild", "anomaly"]
"""What a game is played for: to make examples like the data, to say which class one is of, to rebuild examples from few
numbers, or to find what is not as normal examples are."""
PURPOSES: Mapping[Task, str] = {
    "generate": "generate",
    "classify": "classify",
    "rebuild": "rebuild",
    "anomaly": "find anomalies",
}
"""The task as a verb, for sentences."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A registry name with the settings that differ from its defaults."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class DataChoice:
    """Which data, and how they are read.

    Args:
        source: a path or the name of a data set.
        size: side of the square pictures, 8 to 256; None: chosen from the data.
        fit: `crop` cuts the middle out, `pad` keeps the whole picture, `halves` takes the left half as the source of
            the right one.
        channels: 1, 3 or 4; None: chosen from the data.
        conditional: whether labels are used where there are some.
        labels: only so many training labels are kept, balanced over the classes; None: all.
        fold, folds: of training and validation examples laid together, fold number `fold` of `folds` is held out; None:
            as the data are cut.
        pairs: what folders A and B with files of the same names are: pairs, or else two classes.
        stream: whether shards are read anew whenever their pictures are wanted.
    """

    source: str
    size: int | None = None
    fit: Literal["crop", "pad", "halves"] = "crop"
    channels: int | None = None
    conditional: bool = True
    labels: int | None = None
    fold: int | None = None
    folds: int | None = None
    pairs: bool = True
    stream: bool = False


@dataclass(frozen=True, kw_only=True)
class PlayerChoice:
    """One player: its network, its optimiser and its moves.

    Args:
        model: registry name of the network.
        lr: the optimiser's rate.
        optimizer: `adam`, or `sgd`: descent with momentum.
        betas: Adam's decays.
        eps: Adam's eps: a weight whose gradients are smaller than it moves less.
        momentum: of sgd, by Nesterov's rule; 0: none.
        decay: pull of weights towards 0 (L2), apart from Adam's moments; biases and gains of norms are not pulled.
        updates: updates in a round.
        accumulate: parts that a batch is cut into, to fit into memory.
        clip: largest norm of the gradient; None: not clipped.
        ema_kimg: half-life of the average of the weights in thousands of examples; None: no average.
        fall: how the rate falls to 0 at `kimg`: `constant` (not at all), `linear`, `cosine`; `step`: to a tenth at half
            and again at three quarters.
        warmup_kimg: thousands of examples over which the rate first rises.
        warmup: the same as a share of `kimg`; the longer of both counts. With a fall it makes one cycle.
        frozen: share of `kimg` in which nothing but the head learns; 1: all of it.
        body_lr: factor on the rate of everything but the head.
        sharded: of several processes each keeps a piece of every weight, gradient, moment and average.
        compiled: whether torch compiles its passes: fewer and larger kernels, after a minute or so of compiling.
    """

    model: Part
    lr: Annotated[float, Range(1e-12)]
    optimizer: Literal["adam", "sgd"] = "adam"
    betas: Annotated[tuple[float, float], Range(0.0, below=1.0)] = (0.9, 0.999)
    eps: Annotated[float, Range(1e-12)] = 1e-8
    momentum: Annotated[float, Range(0.0, below=1.0)] = 0.9
    decay: Annotated[float, Range(0.0)] = 0.0
    updates: Annotated[int, Range(1)] = 1
    accumulate: Annotated[int, Range(1)] = 1
    clip: Annotated[float | None, Range(1e-12)] = None
    ema_kimg: Annotated[float | None, Range(0.0)] = None
    fall: Literal["constant", "linear", "cosine", "step"] = "constant"
    warmup_kimg: Annotated[float, Range(0.0)] = 0.0
    warmup: Annotated[float, Range(0.0, below=1.0)] = 0.0
    frozen: Annotated[float, Range(0.0, most=1.0)] = 0.0
    body_lr: Annotated[float, Range(0.0)] = 1.0
    sharded: bool = False
    compiled: bool = False


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One run.

    Args:
        name: the recipe's name.
        task: what it is for.
        data: which data.
        players: by name, in the order in which they move.
        objective: what a turn is, with its settings.
        loss: adversarial, of a classifier's logits, or of what was rebuilt.
        penalties: further terms of either player of a GAN.
        augment: changes to whatever the discriminator sees, to what a classifier learns from, or to what an autoencoder
            is shown; None: none.
        batch: examples of one update.
        kimg: thousands of examples (the reals that D sees, for GANs) until the end.
        log_kimg: thousands of examples between two rows of metrics.csv.
        judged: samples that the judge looks at each time.
        until_converged: end before `kimg` when nothing is gained any more.
        begin_with: the run whose weights the players begin with, where they fit; None: random ones.
        seed: of everything random.
        precision: of the forward passes; `auto` is resolved before a run is written.
        reasons: why a value was chosen, by its name.
    """

    name: str
    task: Task = "generate"
    data: DataChoice
    players: Mapping[str, PlayerChoice]
    objective: Part
    loss: Part
    penalties: tuple[Part, ...] = ()
    augment: Part | None = None
    batch: int
    kimg: float
    log_kimg: float = 1.0
    judged: int = 1_000
    until_converged: bool = False
    begin_with: str | None = None
    seed: int = 0
    precision: Literal["auto", "bf16", "fp32", "fp64"] = "auto"
    reasons: Mapping[str, str] = field(default_factory=dict)
    format: int = FORMAT

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists, numbers and strings."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Recipe":
        """The recipe that `to_json` gave; an entry that is unknown, missing or ill-typed, or a player's setting out of
        its range, raises `UsageError` with its path."""
        made = value.get("format", FORMAT) if isinstance(value, Mapping) else FORMAT
        if is_plain(int, made) and made > FORMAT:
            raise UsageError(
                f"this recipe has format {made}, this sparring reads up to {FORMAT}: it was made by a newer "
                "version. Upgrade sparring."
            )
        recipe = typing.cast(Recipe, from_json(cls, value, "recipe"))
        for name, player in recipe.players.items():
            for setting in player_settings().values():
                setting.refuse_outside(getattr(player, setting.name), f"recipe.players.{name}.{setting.name}")
        return recipe


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a recipe may choose its defaults by.

    Args:
        examples: pictures in the training part.
        labelled: how many of them have labels.
        device: kind of device, `cpu`, `cuda` or `mps`.
        columns: of a table; 0: pictures. A table's channels, height and width are 0.
    """

    channels: int
    height: int
    width: int
    classes: int
    examples: int
    labelled: int
    device: str
    columns: int = 0


# -- one setting changed -----------------------------------------------------------------------------------------------


def player_settings() -> dict[str, Setting]:
    """What `--set <player>.<name>` knows beside the network's own settings."""
    hints = typing.get_type_hints(PlayerChoice, include_extras=True)
    meanings = _meanings(PlayerChoice)
    return {
        f.name: annotated_setting(f.name, hints[f.name], f.default, meaning=meanings[f.name])
        for f in dataclasses.fields(PlayerChoice)
        if f.name != "model"
    }


def _meanings(kind: type) -> dict[str, str]:
    """The `Args:` section of a docstring, by name."""
    found: dict[str, str] = {}
    for line in (kind.__doc__ or "").split("Args:", 1)[-1].splitlines():
        name, colon, text = line.strip().partition(": ")
        if colon and name.isidentifier():
            found[name] = text
    return found


Settings = Mapping[str, Setting]
Names = Mapping[str, Collection[str]]


def with_setting(recipe: Recipe, path: str, text: str, settings: Mapping[str, Settings]) -> Recipe:
    """`recipe` with `--set path=text`.

    Args:
        path: `<group>.<setting>`: a player, a penalty, `loss`, `augment` or `objective`, and one of its settings.
        settings: what each group knows, by its name.

    Raises:
        UsageError: an unknown path, with the closest one; a text not of the setting's type, or out of its range.
    """
    group, _, name = path.partition(".")
    known = {f"{g}.{n}" for g, members in settings.items() for n in members}
    if path not in known:
        near = did_you_mean(path, known | set(choices(recipe)))
        raise UsageError(f"--set {path}: recipe '{recipe.name}' has no such setting. {near}")
    value = parse_value(text, settings[group][name].type, option=f"--set {path}")
    settings[group][name].refuse_outside(value, f"--set {path}")
    if group in recipe.players:
        player = _with_player_setting(recipe.players[group], name, value)
        return dataclasses.replace(recipe, players={**recipe.players, group: player})
    if group == "loss":
        return dataclasses.replace(recipe, loss=_with_part_setting(recipe.loss, name, value))
    if group == "objective":
        return dataclasses.replace(recipe, objective=_with_part_setting(recipe.objective, name, value))
    if group == "augment":
        assert recipe.augment is not None, "only what a recipe has has settings"
        return dataclasses.replace(recipe, augment=_with_part_setting(recipe.augment, name, value))
    changed = tuple(_with_part_setting(p, name, value) if p.name == group else p for p in recipe.penalties)
    return dataclasses.replace(recipe, penalties=changed)


def choices(recipe: Recipe) -> tuple[str, ...]:
    """The places in a recipe that another registry name can be put into by `--set PLACE=NAME`."""
    penalties = ("penalties",) if recipe.task == "generate" else ()
    return ("loss", *penalties, "augment", *(f"{player}.model" for player in recipe.players))


def with_choice(recipe: Recipe, place: str, text: str, names: Names) -> Recipe:
    """`recipe` with `--set place=NAME`, of `penalties` with `NAME,NAME`; what stays keeps its settings.

    Args:
        place: one of `choices(recipe)`.
        names: what can stand in each place. `none` empties `penalties` and `augment`.

    Raises:
        UsageError: an unknown name, with the closest one.
    """
    asked = [] if text.strip() == "none" else [name.strip() for name in text.split(",")]
    for name in asked:
        if name not in names[place]:
            raise UsageError(f"--set {place}={text}: unknown '{name}'. {did_you_mean(name, names[place])}")
    if place == "penalties":
        there = {part.name: part for part in recipe.penalties}
        parts = tuple(there.get(name, Part(name=name)) for name in dict.fromkeys(asked))
        return dataclasses.replace(recipe, penalties=parts)
    if len(asked) != 1 and (asked or place != "augment"):
        raise UsageError(f"--set {place}={text}: expected one name of {', '.join(sorted(names[place]))}.")
    part = Part(name=asked[0]) if asked else None
    if place == "augment":
        return dataclasses.replace(recipe, augment=part)
    assert part is not None, "only augment can be empty"
    if place == "loss":
        return dataclasses.replace(recipe, loss=part)
    player = place.removesuffix(".model")
    changed = dataclasses.replace(recipe.players[player], model=part)
    return dataclasses.replace(recipe, players={**recipe.players, player: changed})


def _with_player_setting(player: PlayerChoice, name: str, value: Any) -> PlayerChoice:
    if name in player_settings():
        return dataclasses.replace(player, **{name: value})
    return dataclasses.replace(player, model=_with_part_setting(player.model, name, value))


def _with_part_setting(part: Part, name: str, value: Any) -> Part:
    return dataclasses.replace(part, settings={**part.settings, name: value})

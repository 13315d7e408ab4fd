"""What a run will do before it does it: the recipe resolved for its data and machine, with its reasons and sizes."""

import dataclasses
import math
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from sparring.data.spec import ImageSpec, OpenedSpec, TableSpec
from sparring.engine.precision import Precision, choose_device, choose_precision
from sparring.errors import DataError, MachineError, UsageError
from sparring.job.compiled import refuse_uncompilable
from sparring.job.options import TrainOptions, check_numbers
from sparring.job.parts import build_modules, known_names, known_settings
from sparring.job.sharded import refuse_unshardable
from sparring.job.tasks import TASKS
from sparring.nn import ranks
from sparring.recipe import PURPOSES, Facts, Recipe, choices, with_choice, with_setting
from sparring.recipes.base import ROWS_DEFAULTS, judged_samples, log_interval, recipes, recipes_for
from sparring.runfolder import RunFolder
from sparring.typed import parse_value


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A recipe resolved for its data and machine.

    Args:
        examples: pictures in the training part.
        parameters: trained values of each player.
        images_per_second: measured on random pictures over a few rounds; None: not measured.
        row_seconds: measured time of what is drawn at each row, where it is.
        look_seconds: measured time of judging and drawing at one milestone.
        memory: bytes at their highest while that was measured: of the process, or of the GPU; None: not known.
    """

    recipe: Recipe
    spec: OpenedSpec
    examples: int
    precision: Precision
    parameters: Mapping[str, int]
    images_per_second: float | None = None
    look_seconds: float = 0.0
    row_seconds: float = 0.0
    memory: int | None = None
    seconds: float | None = None

    def to_json(self) -> dict[str, Any]:
        """For `--dry-run --json`."""
        return {
            "recipe": self.recipe.to_json(),
            "spec": dataclasses.asdict(self.spec),
            "examples": self.examples,
            "device": str(self.precision.device),
            "precision": self.precision.name,
            "parameters": dict(self.parameters),
            "images_per_second": self.images_per_second,
            "memory_bytes": self.memory,
            "seconds": self.seconds,
        }


def check_options(options: TrainOptions) -> None:
    """Refuse what can't be before any data are read.

    Raises:
        UsageError: names the option.
    """
    _ = recipes[options.recipe_name]
    choose_precision(options.precision, choose_device(options.device))
    check_numbers(options)
    options.assignments()
    if options.begin_with is not None:
        RunFolder.open(options.begin_with)
    if options.kimg is not None and options.minutes is not None:
        raise UsageError("--kimg and --minutes both say when to end: give one of them.")
    if options.stream and options.folds is not None:
        raise UsageError("--folds lays all pictures together, and --stream never has all: leave one of them out.")
    if options.labels is not None and options.unconditional:
        raise UsageError("--labels keeps some labels and --unconditional uses none: give one of them.")


def make_plan(options: TrainOptions, spec: OpenedSpec, *, examples: int, labelled: int) -> Plan:
    """The recipe asked for, with defaults from the data, then the options, then each `--set`.

    Args:
        examples, labelled: pictures in the training part, and how many have labels.

    Raises:
        UsageError: an unknown recipe or setting, or a value out of range.
        DataError: fewer pictures than a batch, or classes without one label.
    """
    device = choose_device(options.device)
    if isinstance(spec, TableSpec):
        options = _for_rows(options, spec)
    # bf16 has 8 bits: rows are told apart by less, where the points of a mode lie within a hundredth.
    asked = "fp32" if options.precision == "auto" and isinstance(spec, TableSpec) else options.precision
    precision = choose_precision(asked, device)
    if spec.classes and not labelled:
        raise DataError(f"{options.data}: no training example has a label. Give --unconditional to do without.")
    facts = facts_of(spec, examples=examples, labelled=labelled, device=device.type)
    recipe = _with_options(_base_recipe(options, facts), options, spec, precision)
    _refuse_few(recipe, options, examples)
    recipe = _with_settings(recipe, options)
    return plan_of(recipe, spec, examples=examples, precision=precision)


def _for_rows(options: TrainOptions, spec: TableSpec) -> TrainOptions:
    """The options with a recipe that rows can be given to.

    Raises:
        UsageError: rows can't be made with this many columns, or with classes.
        DataError: there is one class only.
    """
    if len(spec.classes) == 1:
        raise DataError(
            f"{options.data}: all rows that have a class are of one, '{spec.classes[0]}'. Expected two or more; give "
            "--unconditional to do without."
        )
    name = options.recipe or ROWS_DEFAULTS[options.task or "generate"]
    if name in recipes_for("generate") and (len(spec.columns) != 2 or spec.classes):
        classes = f" and {len(spec.classes)} classes" if spec.classes else ""
        wanted = ", or --unconditional to make points without them" if len(spec.columns) == 2 else ""
        raise UsageError(
            f"recipe '{name}' makes points of a plane, and {options.data} has {len(spec.columns)} columns{classes}. "
            f"Give --task classify to learn the classes{wanted}."
        )
    return dataclasses.replace(options, recipe=name)


def facts_of(spec: OpenedSpec, *, examples: int, labelled: int, device: str) -> Facts:
    """What recipes choose their defaults by.

    Args:
        examples, labelled: as `make_plan`.
        device: kind of device.
    """
    picture = spec if isinstance(spec, ImageSpec) else ImageSpec(channels=0, height=0, width=0)
    return Facts(
        channels=picture.channels,
        height=picture.height,
        width=picture.width,
        columns=len(spec.columns) if isinstance(spec, TableSpec) else 0,
        classes=len(spec.classes),
        examples=examples,
        labelled=labelled,
        device=device,
    )


def plan_of(recipe: Recipe, spec: OpenedSpec, *, examples: int, precision: Precision) -> Plan:
    """The plan of a recipe that is complete.

    Raises:
        UsageError: a network can't be built with its settings.
        MachineError: it would not fit into the memory.
    """
    sizes = parameters(recipe, spec)
    _refuse_too_large(sizes, recipe, precision)
    return Plan(recipe=recipe, spec=spec, examples=examples, precision=precision, parameters=sizes)


def parameters(recipe: Recipe, spec: OpenedSpec) -> dict[str, int]:
    """How many values each player trains, counted without taking memory for them.

    Raises:
        UsageError: a network can't be built with the settings given.
    """
    _refuse_impossible(recipe)
    given = {name: dict(player.model.settings) for name, player in recipe.players.items()}
    try:
        with torch.device("meta"):
            modules = build_modules(recipe, spec)
    except (ArithmeticError, LookupError, RuntimeError, TypeError) as error:
        if not any(given.values()):
            raise
        said = str(error).splitlines()[0]
        raise UsageError(
            f"no network can be built with the settings {given} ({said}). Change or leave out --set."
        ) from error
    return {name: sum(p.numel() for p in module.parameters()) for name, module in modules.items()}


def _base_recipe(options: TrainOptions, facts: Facts) -> Recipe:
    own = recipes[options.recipe_name].settings
    chosen = {
        name: parse_value(text, own[name].type, option=f"--set {name}")
        for name, text in options.assignments()
        if name in own
    }
    recipe = recipes.build(options.recipe_name, options.data_choice(), facts, settings=chosen)
    if options.task not in (None, recipe.task):
        raise UsageError(
            f"--task {options.task}: recipe '{recipe.name}' is there to {PURPOSES[recipe.task]}. Leave one of them "
            "out; `sparring list` shows what each recipe is for."
        )
    return recipe


def _with_options(recipe: Recipe, options: TrainOptions, spec: OpenedSpec, precision: Precision) -> Recipe:
    batch = options.batch or recipe.batch
    kimg = whole_batches(options.kimg or recipe.kimg, batch)
    choice = recipe.data
    if isinstance(spec, ImageSpec):
        choice = dataclasses.replace(choice, size=spec.height, channels=spec.channels)
    return dataclasses.replace(
        recipe,
        data=choice,
        batch=batch,
        kimg=kimg,
        log_kimg=log_interval(kimg, batch),
        judged=judged_samples(kimg, recipe.task),
        seed=options.seed,
        precision=precision.name,
        until_converged=options.until_converged,
        begin_with=None if options.begin_with is None else str(RunFolder.open(options.begin_with).path),
        reasons={name: why for name, why in recipe.reasons.items() if getattr(options, name, None) is None},
    )


def whole_batches(kimg: float, batch: int) -> float:
    """`kimg`, raised to a whole number of batches."""
    return -(-round(kimg * 1000) // batch) * batch / 1000


def _with_settings(recipe: Recipe, options: TrainOptions) -> Recipe:
    own = recipes[options.recipe_name].settings
    for name, text in options.assignments():
        if name in own:
            continue
        if name in choices(recipe):
            recipe = with_choice(recipe, name, text, known_names(recipe))
        else:
            recipe = with_setting(recipe, name, text, known_settings(recipe))
    set_by_hand = {name for name, _ in options.assignments()}
    reasons = {name: why for name, why in recipe.reasons.items() if name not in set_by_hand}
    return dataclasses.replace(recipe, reasons=reasons)


def _refuse_few(recipe: Recipe, options: TrainOptions, examples: int) -> None:
    if recipe.batch <= examples:
        return
    if options.batch is None:
        raise DataError(
            f"{options.data}: {examples} training picture(s) are left beside the validation part; a batch needs 2. "
            "Training needs many: a few hundred at least."
        )
    raise DataError(
        f"--batch {recipe.batch}: {options.data} has {examples} training pictures, fewer than a batch. "
        f"Give --batch {examples} or less, or leave it out."
    )


def _refuse_impossible(recipe: Recipe) -> None:
    TASKS[recipe.task].check(recipe)
    refuse_unshardable(recipe)
    refuse_uncompilable(recipe)
    refuse_uneven_shares(recipe)
    for name, player in recipe.players.items():
        if recipe.batch % player.accumulate:
            raise UsageError(
                f"--set {name}.accumulate={player.accumulate}: does not divide the batch of {recipe.batch}."
            )


def refuse_uneven_shares(recipe: Recipe) -> None:
    """Refuse a batch that the processes which train together can't share.

    Raises:
        UsageError: names a batch that they can.
    """
    processes = ranks.world().ranks
    pieces = processes * math.lcm(*(player.accumulate for player in recipe.players.values()))
    if processes == 1 or recipe.batch % pieces == 0:
        return
    nearest = max(1, round(recipe.batch / pieces)) * pieces
    parts = f" in {pieces // processes} parts each" if pieces > processes else ""
    raise UsageError(
        f"--batch {recipe.batch}: {processes} processes can't share it evenly{parts}. Give a batch that {pieces} "
        f"divides, as {nearest}, or start another number of processes."
    )


def _refuse_too_large(sizes: Mapping[str, int], recipe: Recipe, precision: Precision) -> None:
    """Weights, gradients, two moments and the average must fit; what passes take on top is not known here."""
    processes = ranks.world().ranks
    own = [count / (processes if recipe.players[name].sharded else 1) for name, count in sizes.items()]
    needed = 5 * sum(own) * precision.weights.itemsize
    there = device_memory(precision.device)
    if there is not None and needed > there:
        raise MachineError(
            f"the networks ({', '.join(f'{name} {count:,}' for name, count in sizes.items())} parameters) need "
            f"{needed / 1e9:,.1f} GB to train, {precision.device} has {there / 1e9:,.1f} GB. "
            "Give a smaller width or --size, or share them out, see docs/distributed.md."
        )


def device_memory(device: torch.device) -> int | None:
    """Bytes of memory that a device has; None where the system does not say."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[1]
    if sys.platform == "win32" or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")

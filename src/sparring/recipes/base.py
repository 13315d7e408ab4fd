"""The index of recipes, and what they share."""

from collections.abc import Mapping
from typing import Any

from sparring.engine.record import looks
from sparring.errors import UsageError
from sparring.losses.base import DISCRIMINATOR, GENERATOR
from sparring.losses.classification import CLASSIFIER
from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe, Task
from sparring.registry import Registry

LEAST_JUDGED = 256
MOST_JUDGED: Mapping[Task, int] = {"generate": 1_000, "classify": 5_000, "rebuild": 2_000, "anomaly": 500}
DEFAULTS: Mapping[Task, str] = {
    "generate": "gan",
    "classify": "resnet20",
    "rebuild": "autoencoder",
    "anomaly": "blemishes",
}
"""The recipe of a task for whom none is asked."""
ROWS_DEFAULTS: Mapping[Task, str] = {**DEFAULTS, "classify": "mlp"}
"""The same where the data are rows of numbers."""

recipes: Registry[Recipe] = Registry("recipe", package="sparring.recipes")

USUAL = Facts(channels=3, height=64, width=64, classes=10, examples=5_000, labelled=5_000, device="cpu")
"""What a recipe is shown by: colour pictures of ten classes, on a CPU."""


def recipes_for(task: Task) -> list[str]:
    """Names of the recipes of a task."""
    return [name for name in recipes if recipes.build(name, DataChoice(source="pictures"), USUAL).task == task]


def two_players(
    name: str,
    data: DataChoice,
    facts: Facts,
    *,
    discriminator: PlayerChoice,
    generator: PlayerChoice,
    loss: Part,
    penalties: tuple[Part, ...] = (),
    augment: Part | None = None,
    objective: Mapping[str, Any] | None = None,
    batch: int = 64,
    kimg: float | None = None,
    reasons: Mapping[str, str] | None = None,
) -> Recipe:
    """A GAN's recipe, with a budget that suits the data where none is asked for.

    Args:
        objective: settings of the adversarial objective.
        batch: wanted; fewer where there are fewer pictures.
        kimg: None: what suits the data, and its reason.
        reasons: why a value was chosen, by its name.
    """
    batch = batch_that_fits(batch, facts.examples)
    usual, why = default_kimg(facts)
    kimg = kimg or usual
    return Recipe(
        name=name,
        data=data,
        players={DISCRIMINATOR: discriminator, GENERATOR: generator},
        objective=Part(name="adversarial", settings=objective or {}),
        loss=loss,
        penalties=penalties,
        augment=augment,
        batch=batch,
        kimg=kimg,
        log_kimg=log_interval(kimg, batch),
        reasons={"kimg": why, **(reasons or {})},
    )


def one_player(
    name: str,
    data: DataChoice,
    facts: Facts,
    *,
    classifier: PlayerChoice,
    loss: Part | None = None,
    augment: Part | None = None,
    objective: Mapping[str, Any] | None = None,
    batch: int = 128,
    epochs: float = 30.0,
    reasons: Mapping[str, str] | None = None,
) -> Recipe:
    """A classifier's recipe, with a budget of `epochs` where none is asked for.

    Args:
        objective: settings of the objective.
        batch: wanted; fewer where there are fewer labelled pictures.
        reasons: why a value was chosen, by its name; that of `kimg` is added.

    Raises:
        UsageError: data without labels.
    """
    needs_labels(name, facts)
    batch = batch_that_fits(batch, facts.labelled)
    kimg = max(batch / 1000, epochs * facts.labelled / 1000)
    shown = epochs if epochs < 10 else round(epochs)
    return Recipe(
        name=name,
        task="classify",
        data=data,
        players={CLASSIFIER: classifier},
        objective=Part(name="classification", settings=objective or {}),
        loss=loss or Part(name="cross-entropy"),
        augment=augment,
        batch=batch,
        kimg=kimg,
        log_kimg=log_interval(kimg, batch),
        reasons={
            "kimg": f"{kimg:g}: {shown:,g} epochs of {facts.labelled:,} labelled ones; --kimg and --minutes change it",
            **(reasons or {}),
        },
    )


def usual_changes(facts: Facts) -> Part | None:
    """Shifts of an eighth of the side; colour pictures are mirrored as well, for they are seldom writing."""
    if facts.columns:
        return None
    shift = max(1, min(facts.height, facts.width) // 8)
    return Part(name="standard", settings={"shift": shift, "flip": facts.channels >= 3})


def needs_labels(name: str, facts: Facts) -> None:
    """Refuse data without labels, for a recipe whose purpose is to learn from them.

    Raises:
        UsageError: says what to do.
    """
    if facts.classes < 2 or not facts.labelled:
        raise UsageError(
            f"recipe '{name}' needs labels: it learns to tell classes apart, and these data have {facts.classes} with "
            f"{facts.labelled} labels. {_LABELLING[bool(facts.columns)]} and leave --unconditional out, or take "
            "another recipe: sparring list."
        )


_LABELLING = {
    False: "Put pictures of two or more classes into folders of their own",
    True: "Call the column of the class 'label'",
}
"""How examples get their labels, by whether they are rows."""


def networks(facts: Facts, pictures: Part) -> Part:
    """The networks of a recipe: `pictures` where there are pictures, fully connected ones for rows."""
    return Part(name="mlp") if facts.columns else pictures


def spectral_resnets(name: str, data: DataChoice, facts: Facts, *, conditioning: str = "joined") -> Recipe:
    """Residual networks with spectral normalisation, as Miyato et al. (arXiv:1802.05957, arXiv:1802.05637) train them.

    Args:
        conditioning: where the class enters the generator, see its setting.
    """
    generator, discriminator = (64, 32) if facts.device == "cpu" else (256, 128)
    made = Part(name="resnet", settings={"width": generator, "conditioning": conditioning})
    return two_players(
        name,
        data,
        facts,
        discriminator=PlayerChoice(
            model=Part(name="resnet", settings={"width": discriminator}),
            lr=2e-4,
            betas=(0.0, 0.9),
            fall="linear",
            updates=5,
        ),
        generator=PlayerChoice(model=made, lr=2e-4, betas=(0.0, 0.9), fall="linear", ema_kimg=5.0),
        loss=Part(name="hinge"),
        reasons={
            "discriminator.updates": "5 a round: the paper",
            "generator.width": f"{generator}: 256 in the paper, a quarter of it on a CPU",
            "discriminator.width": f"{discriminator}: 128 in the paper, a quarter of it on a CPU",
        },
    )


ROWS_GAMMA = 0.02
"""Strength of a penalty on D's squared gradient for rows whose columns have a standard deviation near 1: 0.05 blurs
what lies close together, and 0.007 found fewer modes of `grid` in the same time."""


def batch_that_fits(wanted: int, examples: int) -> int:
    """`wanted`, or the largest power of two that is not above the number of examples."""
    return wanted if examples >= wanted else max(2, 2 ** (examples.bit_length() - 1))


def log_interval(kimg: float, batch: int) -> float:
    """Thousands of examples between two rows: about a hundred rows a run, whole batches, at most 10 kimg."""
    images = max(batch, min(10_000, int(kimg * 1000 / 100)))
    return -(-images // batch) * batch / 1000


def judged_samples(kimg: float, task: Task) -> int:
    """How many examples are looked at each time: 7 % of the training examples in all, and 256 at least.

    Making and judging a sample takes about a third of the time of training on a picture, so judging stays under 5 %; of
    samples 1,000 are enough, of a classifier's held-out examples 5,000: their error is known to 0.3 % then.
    """
    images = round(kimg * 1000)
    return max(LEAST_JUDGED, min(MOST_JUDGED[task], int(0.07 * images / looks(images))))


def default_kimg(facts: Facts) -> tuple[float, str]:
    """A budget where none was asked for, and its reason."""
    change = "--kimg and --minutes change it"
    if facts.columns:
        return 512.0, f"512: 4,000 rounds of 128, enough for the 25 modes of `grid`; {change}"
    if facts.device == "cpu":
        kimg = 60.0 if max(facts.height, facts.width) <= 16 else 200.0
        return kimg, f"{kimg:g}: on a CPU, enough to see whether a run is worth going on with; {change}"
    kimg = max(1_000.0, min(10_000.0, facts.examples * 100 / 1000))
    return kimg, f"{kimg:g}: 100 epochs, at least 1,000 and at most 10,000; {change}"

"""What the recipes of autoencoders share."""

from collections.abc import Mapping
from typing import Any

from sparring.losses.rebuilding import AUTOENCODER
from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import batch_that_fits, log_interval

EPOCHS = 20.0
LEAST_KIMG = 200.0
MANY = 10_000
"""Examples from which on batches are larger."""


def rebuilder(
    name: str,
    data: DataChoice,
    facts: Facts,
    *,
    model: Part,
    objective: str = "reconstruction",
    settings: Mapping[str, Any] | None = None,
    loss: Part | None = None,
    augment: Part | None = None,
    player: Mapping[str, Any] | None = None,
    batch: int | None = None,
    reasons: Mapping[str, str] | None = None,
) -> Recipe:
    """An autoencoder's recipe, trained by Adam at its usual rate that falls to 0.

    Args:
        settings: of the objective.
        loss: of what is rebuilt; None: squared errors.
        augment: what examples are spoilt by.
        player: further choices of the player.
        batch: wanted, fewer where there are fewer examples; None: what suits their number.
        reasons: why a value was chosen, by its name; that of `kimg` is added.
    """
    batch = batch_that_fits(batch or usual_batch(facts), facts.examples)
    kimg = max(LEAST_KIMG, EPOCHS * facts.examples / 1000)
    choices: dict[str, Any] = {"lr": 1e-3, "fall": "cosine", "warmup": 0.02, **(player or {})}
    return Recipe(
        name=name,
        task="rebuild",
        data=data,
        players={AUTOENCODER: PlayerChoice(model=model, **choices)},
        objective=Part(name=objective, settings=settings or {}),
        loss=loss or Part(name="mse"),
        augment=augment,
        batch=batch,
        kimg=kimg,
        log_kimg=log_interval(kimg, batch),
        reasons={
            "kimg": f"{kimg:g}: {EPOCHS:g} epochs, {LEAST_KIMG:g} at least; --kimg and --minutes change it",
            **(reasons or {}),
        },
    )


def usual_batch(facts: Facts) -> int:
    """100 examples, of few 32: many small steps learn more where epochs are short. A `vae` of the digits had 7.13 bits
    per dimension after 100 kimg with 32, and 7.40 with 100."""
    return 100 if facts.examples >= MANY else 32


def usual_code(facts: Facts) -> int:
    """Numbers of a code where none are asked for: 32 for pictures, 1 for rows of a plane, else half of the columns."""
    return max(1, facts.columns // 2) if facts.columns else 32


def usual_widths(facts: Facts) -> tuple[int, ...]:
    """Layers of a fully connected autoencoder, left to right."""
    code = usual_code(facts)
    return (64, 64, code, 64, 64) if facts.columns else (512, 256, code, 256, 512)

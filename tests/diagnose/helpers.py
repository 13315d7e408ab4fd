"""Records made up for the rules: a run as it should be, and one change at a time."""

import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sparring.diagnose import Records

MILESTONES = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0)
FLOORS = {
    "fd_judge_floor": 1.0,
    "precision_floor": 0.95,
    "recall_floor": 0.9,
    "coverage_floor": 0.96,
    "diversity_floor": 1.0,
    "duplicates_floor": 0.01,
    "copies_floor": 0.01,
    "class_kl_floor": 0.01,
    "class_least_floor": 0.9,
    "class_agreement_floor": 0.97,
}
RECIPE: dict[str, Any] = {"batch": 32, "kimg": 48.0, "players": {"discriminator": {}, "generator": {}}}
DATA: dict[str, Any] = {
    "parts": {
        "train": {"pictures": 5_000, "unlabelled": 0, "classes": {str(k): 500 for k in range(10)}},
        "validation": {"pictures": 500, "unlabelled": 0, "classes": {str(k): 50 for k in range(10)}},
    },
    "spec": {"height": 8, "width": 8, "channels": 1, "classes": [str(k) for k in range(10)]},
}
Change = Callable[[float], Mapping[str, Any]]


def healthy(kimg: float) -> dict[str, Any]:
    """A row of a run that learns: samples far off at first, near the reals at the end."""
    left = 2.0 ** (-kimg / 4)
    return {
        "kimg": kimg,
        "discriminator_accuracy": 0.8 + 0.1 * left,
        "discriminator_grad_norm": 1.0 + 0.1 * (kimg % 3),
        "discriminator_skipped": 0.0,
        "generator_grad_norm": 0.5 + 0.1 * (kimg % 2),
        "generator_skipped": 0.0,
        "fd_judge": 1.2 + 40 * left,
        "precision": 0.9 - 0.5 * left,
        "recall": 0.8 - 0.4 * left,
        "coverage": 0.9 - 0.5 * left,
        "diversity": 0.95 - 0.2 * left,
        "duplicates": 0.01,
        "copies": 0.01,
        "class_kl": 0.02 + left,
        "class_least": 0.85 - 0.3 * left,
        "class_agreement": 0.95 - 0.3 * left,
        "overfit": 0.1,
        "signal": 0.02,
        **FLOORS,
    }


def gan(
    change: Change | None = None,
    *,
    at: Sequence[float] = MILESTONES,
    recipe: Mapping[str, Any] = RECIPE,
    data: Mapping[str, Any] = DATA,
    events: Sequence[Mapping[str, Any]] = (),
    judge: Mapping[str, Any] = types.MappingProxyType({}),
) -> Records:
    """A run of two players with `change(kimg)` laid over each row."""
    rows = [{**healthy(kimg), **(change(kimg) if change else {})} for kimg in at]
    return Records(rows, events, recipe, data, judge)


def learner(change: Change | None = None, *, data: Mapping[str, Any] = DATA) -> Records:
    """A run of one player that learns, with `change(kimg)` laid over each row."""
    rows = []
    for kimg in range(1, 13):
        left = 2.0 ** (-kimg / 4)
        row = {
            "kimg": float(kimg),
            "train_loss": 0.05 + left,
            "validation_loss": 0.10 + left,
            "train_accuracy": 0.98 - 0.4 * left,
            "validation_accuracy": 0.96 - 0.4 * left,
            "classifier_grad_norm": 1.0,
            "grad_norm_first": 0.3,
            "grad_norm_last": 0.5,
        }
        rows.append({**row, **(change(kimg) if change else {})})
    return Records(rows, (), {"batch": 32, "kimg": 12.0, "players": {"classifier": {}}}, data)


def with_part(name: str, **changed: Any) -> dict[str, Any]:
    """DATA with facts of one part changed."""
    return {**DATA, "parts": {**DATA["parts"], name: {**DATA["parts"][name], **changed}}}


def rebuilder(change: Change | None = None, *, kimg: float = 12.0) -> Records:
    """A run of a variational autoencoder that learns, with `change(kimg)` laid over each row."""
    rows = []
    for at in range(1, 13):
        left = 2.0 ** (-at / 4)
        row = {
            "kimg": float(at),
            "train_objective": 18.0 + 20 * left,
            "validation_objective": 20.0 + 20 * left,
            "validation_mse": 0.01 + 0.05 * left,
            "validation_mse_floor": 0.012,
            "validation_kl": 8.0,
            "validation_active": 12.0,
            "validation_perplexity": 40.0,
            "fd_judge": 30.0 + 2.0 * at,  # what is rebuilt gets better; samples need not
            "fd_judge_floor": 1.0,
            "diversity": 0.3,
            "diversity_floor": 1.0,
            "coverage": 0.05,
            "coverage_floor": 0.96,
            "recall": 0.02,
            "recall_floor": 0.9,
            "autoencoder_grad_norm": 1.0,
        }
        rows.append({**row, **(change(float(at)) if change else {})})
    recipe = {"batch": 32, "kimg": kimg, "players": {"autoencoder": {}}}
    return Records(rows, (), recipe, DATA, {"judged_by": "validation_objective"})

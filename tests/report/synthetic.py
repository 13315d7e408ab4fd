"""A run folder with every column, event and file that a judged run of a GAN has; the values are made up."""

import math
from typing import Any

import numpy as np

from sparring import pictures
from sparring.runfolder import RunFolder
from sparring.runfolder.tables import Cell

MILESTONES = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 20.0)
PLAYERS = {
    "kimg": "thousands of training pictures that the discriminator has seen",
    "discriminator_adversarial": "its relativistic loss; 0.693 where it sees no difference; mean since the row before",
    "discriminator_r1": "r1 penalty, weighted; mean since the row before",
    "discriminator_accuracy": "share of (real, fake) pairs it ranks right, 0.5 fooled, 1 perfect",
    "discriminator_grad_norm": "length of the gradient of its loss; mean since the row before",
    "discriminator_skipped": "steps left out so far because the gradient was not finite",
    "generator_adversarial": "its relativistic loss; 0.693 where D sees no difference; mean since the row before",
    "generator_grad_norm": "length of the gradient of its loss; mean since the row before",
    "generator_skipped": "steps left out so far because the gradient was not finite",
}
MEASURES = {
    "fd_judge": (60.0, 3.0, 1.8),
    "fd_conv": (4.0, 0.3, 0.2),
    "precision": (0.1, 0.86, 0.93),
    "recall": (0.02, 0.81, 0.92),
    "coverage": (0.05, 0.85, 0.95),
    "diversity": (0.3, 0.97, 1.0),
    "duplicates": (0.3, 0.015, 0.011),
    "copies": (0.0, 0.012, 0.011),
    "class_kl": (0.9, 0.02, 0.004),
    "class_least": (0.1, 0.8, 0.93),
    "class_agreement": (0.12, 0.96, 0.985),
}
"""By name: the value at the beginning and in the end, and the floor."""
MEANING = "what this measure is, in a sentence of the usual length, with its unit and which way is better; N = 189"


def columns() -> dict[str, str]:
    """All columns with meanings."""
    measured = {
        name: text
        for measure in MEASURES
        for name, text in ((measure, MEANING), (f"{measure}_floor", "the same of as many training reals"))
    }
    return {**PLAYERS, **measured, "overfit": "0 none, 1 it knows its pictures by heart", "signal": MEANING}


def rows() -> list[dict[str, Cell]]:
    """A row each kimg, measures at the milestones, as the table gives them back."""
    moments = sorted({*MILESTONES, *(float(kimg) for kimg in range(1, 21))})
    return [{**dict.fromkeys(columns()), **_row(kimg)} for kimg in moments]


def _row(kimg: float) -> dict[str, float]:
    done = 1 - math.exp(-(kimg - 1) / 4)
    row = {
        "kimg": kimg,
        "discriminator_adversarial": 0.69 - 0.3 * done + 0.02 * math.sin(5 * kimg),
        "discriminator_r1": 0.05 + 0.02 * math.cos(3 * kimg),
        "discriminator_accuracy": 0.9 - 0.1 * done,
        "discriminator_grad_norm": 1.0 + 0.4 * math.sin(kimg),
        "discriminator_skipped": 0.0,
        "generator_adversarial": 0.8 + 0.6 * done,
        "generator_grad_norm": 2.0 + 0.4 * math.cos(kimg),
        "generator_skipped": 0.0,
    }
    if kimg in MILESTONES:
        for name, (first, last, floor) in MEASURES.items():
            row |= {name: first + (last - first) * done, f"{name}_floor": floor}
        row |= {"overfit": 0.1 + 0.2 * done, "signal": 0.4 * (1 - done) + 0.1}
    return row


def logits(kimg: float) -> dict[str, Any]:
    """The values of a `logits` event: normal densities on one axis."""
    edges = [-6 + 0.5 * step for step in range(25)]

    def shares(mean: float) -> list[float]:
        heights = [math.exp(-((edge + 0.25 - mean) ** 2) / 2) for edge in edges[:-1]]
        return [height / sum(heights) for height in heights]

    return {"edges": edges, "train": shares(1 + kimg / 40), "held_out": shares(0.8), "fake": shares(-1)}


def fill(folder: RunFolder) -> None:
    """Write all of it into a new folder."""
    folder.start_table(columns())
    for row in rows():
        folder.append_row(row)
    tell(folder)
    draw(folder)
    folder.write_text("command.txt", "sparring train digits --kimg 20\n")
    folder.write_json("recipe.json", {"name": "gan", "batch": 64, "generator": {"width": 96}, "seed": 3})
    spec = {"channels": 1, "height": 8, "width": 8, "depth": None, "classes": [str(digit) for digit in range(10)]}
    folder.write_json("data.json", {"name": "digits", "source": "digits", "spec": spec})
    folder.write_json("environment.json", {"torch": "2.13", "device": "cpu"})
    folder.write_json(
        "timing.json", {"training_seconds": 200.0, "judging_seconds": 6.2, "judge_training_seconds": 12.0}
    )
    folder.write_json("evaluation.json", evaluation())


def tell(folder: RunFolder) -> None:
    """Events of every kind."""
    for kimg in MILESTONES[::3]:
        folder.append_event(kimg=kimg, kind="logits", severity="info", values=logits(kimg), text="what D says")
    folder.append_event(kimg=2.0, kind="best", severity="info", values={"fd_judge": 40.0}, text="The best so far.")
    hints = [
        ("small-data", "info", {"pictures": 1608}, "There are 1,608 pictures; 2,000 are where trouble grows rare."),
        (
            "dropped-modes",
            "warning",
            {"coverage": 0.412, "coverage_floor": 0.95, "class_least": 0.21},
            "Coverage is 0.412 (floor 0.95): some kinds of reals are never made. Train longer, or raise the batch.",
        ),
        (
            "collapse",
            "error",
            {"diversity": 0.12, "duplicates": 0.4},
            "Diversity is 0.12 of the reals' (healthy: above 0.5): the samples are nearly one. Go back to best.",
        ),
    ]
    for number, (rule, severity, values, text) in enumerate(hints):
        folder.append_event(
            kimg=4.0 + number, kind="hint", severity=severity, values={"rule": rule, **values}, text=text
        )


def draw(folder: RunFolder) -> None:
    """Sheets of noise that grows brighter."""
    draw_from = np.random.default_rng(0)
    names = ["real.png", "init.png", *(pictures.sample_name(int(kimg * 1000)) for kimg in MILESTONES)]
    for shade, name in enumerate(names):
        stack = draw_from.integers(0, 20 + 18 * shade, (64, 8, 8, 1)).astype(np.uint8)
        pictures.save_png(pictures.grid(stack, columns=8), folder.samples / name, {"shade": shade})


def evaluation() -> dict[str, Any]:
    """As `sparring evaluate` writes it."""
    return {
        "format": 1,
        "evaluations": [
            {
                "conditions": ["189 samples against 189 reals of the test part, seeds 0, 1, 2", "extractor: judge"],
                "rows": [
                    {
                        "measure": "fd_judge",
                        "value": 3.21,
                        "sd": 0.12,
                        "floor": 1.8,
                        "blurred": 22.5,
                        "better": "lower",
                    },
                    {
                        "measure": "coverage",
                        "value": 0.85,
                        "sd": 0.01,
                        "floor": 0.95,
                        "better": "higher",
                        "note": "share of reals near a sample",
                    },
                ],
            }
        ],
    }


def reference() -> dict[str, Any]:
    """A file of reference curves that fits the run."""
    kimg = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
    return {
        "recipe": "gan",
        "data": "digits",
        "spec": {"channels": 1, "height": 8, "width": 8},
        "kimg": kimg,
        "columns": {"fd_judge": {"low": [50, 30, 20, 9, 3, 2], "high": [80, 60, 40, 18, 6, 4]}},
        "runs": 5,
        "command": "sparring train digits --seed 0",
    }

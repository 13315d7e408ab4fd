"""The runs: sound ones, and those that are spoilt in one way each, with the kinds of hint that name what was done."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Literal

from benchmarks.diagnose import tampering

Part = Literal["fit", "report"]
PARTS: tuple[Part, ...] = ("fit", "report")
SOUND = "sound"
KIMG = 32.0
HASTE = ("unstable", "balance", "collapse", "progress", "diverged")
"""What a rate that is too high does to a game, by turns of chance; each is answered by lower rates."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way to make a run.

    Args:
        failures: kinds of hint that are right; none for a sound run.
        settings: what `--set` takes.
        options: further options of `TrainOptions`.
        data: how the pictures are changed first, a name of `tampering.DATA`.
        game: how the game is changed, a name of `tampering.GAMES`.
        harm: what shows the harm: the distance of samples, copies, or the classes asked for.
    """

    failures: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    data: tampering.DataName = "as-is"
    game: tampering.GameName = "as-is"
    harm: Literal["distance", "copies", "agreement"] = "distance"


def _rates(factor: float) -> tuple[str, ...]:
    """Both rates of the recipe `gan` on small pictures, times a factor."""
    return (f"generator.lr={2e-3 * factor:g}", f"discriminator.lr={2e-3 * factor:g}")


SABOTAGES: Mapping[str, Way] = {
    "rates-x10": Way(failures=HASTE, settings=_rates(10)),
    "rates-x100": Way(failures=HASTE, settings=_rates(100)),
    "strong-discriminator": Way(
        failures=("balance", "overfitting"),
        settings=("discriminator.width=96", "discriminator.updates=8", "r1.gamma=0"),
    ),
    "weak-discriminator": Way(
        failures=("balance", "still"), settings=("discriminator.width=1", "discriminator.lr=1e-5")
    ),
    "one-dimension": Way(failures=("collapse",), settings=("generator.z_dim=1", "generator.embedding=1")),
    "discriminator-frozen": Way(failures=("still", "balance"), game="freeze-discriminator"),
    "one-class": Way(failures=("data",), data="one-class"),
    "noise": Way(failures=("data", "labels"), data="noise"),
    "memorised": Way(failures=("copying", "overfitting"), data="few", harm="copies"),
    "no-penalty": Way(
        failures=("balance", "unstable", "collapse", "overfitting", "progress"), settings=("r1.gamma=0",)
    ),
    "labels-shuffled": Way(failures=("labels",), data="labels-shuffled", harm="agreement"),
    "not-finite": Way(failures=("diverged",), game="not-finite"),
    "generator-frozen": Way(failures=("still",), game="freeze-generator"),
    "batch-of-2": Way(failures=("batch",), options={"batch": 2, "kimg": 8.0}),
    "noise-unlabelled": Way(failures=("data",), data="noise", options={"unconditional": True}),
    "one-dimension-unlabelled": Way(
        failures=("collapse",), settings=("generator.z_dim=1",), options={"unconditional": True}
    ),
}

HEALTHY: Mapping[str, Way] = {
    "labelled": Way(),
    "unlabelled": Way(options={"unconditional": True}),
    "wider": Way(settings=("generator.width=48",)),
    "faster": Way(settings=_rates(2.5)),
    "larger-batch": Way(options={"batch": 64}),
}
TWICE = 2


@dataclass(frozen=True, kw_only=True)
class Case:
    """One run to make.

    Args:
        source: name of the data set, see `tampering.sound_data`.
        name: of the way it is made.
    """

    part: Part
    source: tampering.Source
    name: str
    seed: int

    @property
    def way(self) -> Way:
        """How it is made."""
        return HEALTHY[self.name.removeprefix(f"{SOUND}-")] if self.is_sound else SABOTAGES[self.name]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong with it on purpose."""
        return self.name.startswith(f"{SOUND}-")

    @property
    def folder(self) -> str:
        """Its place below the folder of all runs."""
        return f"{self.part}/{self.source}/{self.name}-{self.seed}"


def cases(part: Part, source: tampering.Source) -> Iterator[Case]:
    """Ten sound runs and a run for every sabotage; the two parts have no seed in common."""
    first = 1_000 * (1 + PARTS.index(part)) + (0 if source == "digits" else 500)
    # Turn by turn, so that what is there after a while tells of both.
    sound = [f"{SOUND}-{name}" for _ in range(TWICE) for name in HEALTHY]
    turns = [name for pair in zip_longest(SABOTAGES, sound) for name in pair if name is not None]
    for number, name in enumerate(turns):
        yield Case(part=part, source=source, name=name, seed=first + number)

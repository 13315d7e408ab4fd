"""Quality of samples against seconds of training: our recipes beside the loops that everybody writes, on real pictures.

    python -m benchmarks.time_to_quality mnist.npz [--peers plain-gan] [--minutes 10] [--keep runs/quality]
    python -m benchmarks.time_to_quality cifar10/ [--peers plain-dcgan] [--recipes gan dcgan] [--ours-minutes 5]

A run is followed by looks at its samples at rising moments: the distance to unseen reals, recall and coverage, by the
same judge, reals and number of samples for every side. Seconds are of training with its data; looks, opening the data
and fitting the judge are not in them on any side, and neither is what `sparring train` spends on its own looks. Ours
are played as `sparring train --minutes` plays them, and judged by the averaged generator; where there are labels, and
not `--unconditional`, they learn them. The peers (benchmarks.plain_gan, benchmarks.plain_dcgan) take no labels; their
samples come from the generator in the mode that it trains in, as their authors draw them. Peers learn from squares of
32 points or more; where that means resizing, `peer_floors` has what reals get that went the same way.

The table says of each peer: its last distance, when it first had it, and when ours passed it, at two looks in a row;
then the same of its best one. A side that is finished, in the folder given by --keep, is read and not trained again;
figures are written after each side, and those of other data stay.
"""

import argparse
import itertools
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from benchmarks import record
from benchmarks.plain_gan import resized
from benchmarks.quality_sides import PEERS, Ours, Pixels, Side, peer_side
from sparring.data import Data, open_data
from sparring.data.pool import usable_cores
from sparring.job.options import TrainOptions
from sparring.job.reopen import unseen
from sparring.metrics.base import names_of
from sparring.metrics.extractors import chosen_extractor
from sparring.metrics.samples import Reals, SampleMeasures
from sparring.pictures import grid

Point = dict[str, float]
Look = Callable[[Pixels], dict[str, float]]
SHOWN = 64
MEASURES = ("recall", "coverage")


# -- quality -----------------------------------------------------------------------------------------------------------


class Quality:
    """The distance to unseen reals, recall and coverage of samples.

    Attributes:
        space: what the distance is called; part: which reals; floors: what as many training reals get.
    """

    def __init__(self, data: Data, *, count: int) -> None:
        extractor = chosen_extractor(data, device=torch.device("cpu")).extractor
        self.space, self.part = names_of(extractor.name).frechet, unseen(data)
        reals = Reals(train=data.parts["train"].x, held=data.parts[self.part].x)
        self._measures = SampleMeasures(extractor, reals, count=count, shares=None, conditional=False, seed=0)
        self.count = self._measures.count
        self.floors = self._told({name.removesuffix("_floor"): v for name, v in self._measures.floors.items()})

    def __call__(self, pictures: Pixels) -> dict[str, float]:
        """`distance`, `recall` and `coverage` of samples uint8 [N, H, W, C]."""
        return self._told(self._measures(pictures, None))

    def _told(self, values: Mapping[str, float]) -> dict[str, float]:
        return {"distance": values[self.space], **{name: values[name] for name in MEASURES}}

    def resized_floors(self, data: Data, side: int) -> dict[str, float]:
        """What training reals get that were resized as peers see them."""
        train = data.parts["train"].x
        rows = np.sort(np.random.default_rng(0).permutation(len(train))[: self.count])
        return self(np.stack([resized(np.asarray(train[row]), side) for row in rows]))


def moments(seconds: float, *, first: float, factor: float) -> list[float]:
    """When to look, in seconds of training: at `first`, each later by `factor`, and at the end.

    >>> moments(40.0, first=5.0, factor=2.0)
    [5.0, 10.0, 20.0, 40.0]
    """
    found = list(itertools.takewhile(lambda moment: moment < seconds * 0.999, (first * factor**n for n in range(999))))
    return [*found, seconds]


def followed(side: Side, look: Look, when: Sequence[float], *, count: int) -> list[Point]:
    """The curve of a side: a point a moment, the last at its end where that comes before the last moment."""
    curve: list[Point] = []
    seconds, images, over = 0.0, 0, False
    rounds = side.rounds()
    for moment in when:
        while seconds < moment and not over:
            started = time.perf_counter()
            seen = next(rounds, None)
            seconds += time.perf_counter() - started
            images, over = (images, True) if seen is None else (seen, False)
        if curve and curve[-1]["kimg"] == images / 1000:
            continue  # one step was longer than the way to the next moment
        curve.append({"seconds": seconds, "kimg": images / 1000, **look(side.samples(count))})
        print(f"  {told(curve[-1])}", flush=True)
    return curve


def told(point: Point) -> str:
    """A point in a line."""
    measured = "  ".join(f"{name} {point[name]:.3f}" for name in MEASURES)
    return f"{point['seconds']:8.1f} s {point['kimg']:9.1f} kimg  distance {point['distance']:8.3f}  {measured}"


def passed(
    curve: Sequence[Point], target: Point, measures: Sequence[str] = ("distance",), *, looks: int = 1
) -> float | None:
    """Seconds of the first look at which a curve is at least as good; None: at none.

    Args:
        measures: which have to be: the distance at most that of the target, the others at least.
        looks: so many in a row have to be, as far as there are so many: one alone may be luck.
    """
    good = [
        all(point[m] <= target[m] if m == "distance" else point[m] >= target[m] for m in measures) for point in curve
    ]
    return next((point["seconds"] for n, point in enumerate(curve) if all(good[n : n + looks])), None)


def compared(ours: Sequence[Point], peer: Sequence[Point]) -> dict[str, Any]:
    """When a peer had its last, and its best, distance, and when ours passed it; a ratio of 0.1: in a tenth."""
    found = {}
    for name, target in (("last", peer[-1]), ("best", min(peer, key=lambda point: point["distance"]))):
        theirs, own = passed(peer, target), passed(ours, target, looks=2)
        found[name] = {
            "target": {measure: target[measure] for measure in ("distance", *MEASURES)},
            "peer_seconds": theirs,
            "our_seconds": own,
            "our_seconds_in_all_three": passed(ours, target, ("distance", *MEASURES), looks=2),
            "ratio": None if own is None or theirs is None else own / theirs,
        }
    return found


# -- sides that are there already --------------------------------------------------------------------------------------


class Kept(NamedTuple):
    """A finished side: what it was, and its curve."""

    told: dict[str, Any]
    curve: list[Point]


def kept(path: Path, asked: Mapping[str, Any], measure: Callable[[], list[Point]]) -> Kept:
    """The side of a file, where one was measured as asked; else measured now, and written there."""
    if path.exists():
        found = json.loads(path.read_text(encoding="utf-8"))
        if all(found["told"].get(name) == value for name, value in asked.items()):
            return Kept(**found)
    side = Kept({**asked, "commit": record.commit(), "load_before": os.getloadavg()[0]}, measure())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(side._asdict(), indent=1) + "\n", encoding="utf-8")
    return side


# -- the report --------------------------------------------------------------------------------------------------------


def after(seconds: float | None) -> str:
    """So long, in words."""
    return "more than was played" if seconds is None else f"{seconds:.0f} s"


def table(name: str, row: Mapping[str, Any], recipes: Sequence[str], peers: Sequence[str]) -> list[dict[str, Any]]:
    """Every recipe beside every peer, seed by seed; printed."""
    rows = []
    print(
        f"{name}: {row['space']} to {row['n']:,} reals of the {row['part']} part, floor {row['floors']['distance']:.3g}"
    )
    for recipe, peer, seed in itertools.product(recipes, peers, sorted(row["sides"].get(recipes[0], {}))):
        sides = row["sides"]
        if seed not in sides.get(recipe, {}) or seed not in sides.get(peer, {}):
            continue
        found = compared(sides[recipe][seed]["curve"], sides[peer][seed]["curve"])
        rows.append({"recipe": recipe, "peer": peer, "seed": seed, **found})
        for which, values in found.items():
            ratio = "" if values["ratio"] is None else f", 1/{1 / values['ratio']:.1f} of the time"
            print(
                f"  {recipe} beside {peer}, seed {seed}: its {which} {values['target']['distance']:.3g} after "
                f"{values['peer_seconds']:.0f} s; ours after {after(values['our_seconds'])}{ratio}; in recall and "
                f"coverage as well after {after(values['our_seconds_in_all_three'])}"
            )
    return rows


def measured(name: str, seed: int, data: Data, quality: Quality, options: argparse.Namespace, folder: Path) -> Kept:
    """One side, read or followed; its last samples lie beside it as a picture."""
    ours = name not in PEERS
    minutes = options.ours_minutes if ours else options.minutes
    first, factor = (options.first, options.factor) if ours else (options.peer_first, options.peer_factor)
    asked = {
        "minutes": minutes,
        "count": quality.count,
        "size": options.size,
        "threads": options.threads,
        "looks": [first, factor],
        **({"unconditional": options.unconditional} if ours else {}),
    }
    path = folder / f"{options.data.stem}-{name}-{seed}.json"

    def measure() -> list[Point]:
        print(f"{name}, seed {seed}:", flush=True)
        side = our_side(name, seed, options) if ours else PEERS[name](data.parts["train"].x, options.side, seed)
        when = moments(60 * minutes, first=first, factor=factor)
        curve = followed(side, quality, when, count=quality.count)
        folder.mkdir(parents=True, exist_ok=True)
        grid(side.samples(SHOWN), columns=8).save(path.with_suffix(".png"))
        return curve

    return kept(path, asked, measure)


def our_side(name: str, seed: int, options: argparse.Namespace) -> Ours:
    """A recipe on the data asked for."""
    asked = TrainOptions(
        data=str(options.data),
        recipe=name,
        seed=seed,
        size=options.size,
        device="cpu",
        unconditional=options.unconditional,
    )
    return Ours(asked, minutes=options.ours_minutes)


def parsed() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--recipes", nargs="+", default=["gan"])
    parser.add_argument("--peers", nargs="+", default=["plain-gan"], choices=list(PEERS))
    parser.add_argument("--minutes", type=float, default=10.0, help="of each peer")
    parser.add_argument("--ours-minutes", type=float, default=2.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--size", type=int, default=None)
    parser.add_argument("--count", type=int, default=10_000, help="samples at each look, where there are so many reals")
    parser.add_argument("--first", type=float, default=5.0, help="seconds until the first look at ours")
    parser.add_argument("--factor", type=float, default=2**0.5, help="from one of them to the next")
    # A peer's moments of interest are late, and many looks at it take as long as its training.
    parser.add_argument("--peer-first", type=float, default=5.0, help="the same for the peers")
    parser.add_argument("--peer-factor", type=float, default=2.0)
    parser.add_argument("--unconditional", action="store_true", help="ours do without the labels as well")
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--keep", type=Path, default=None, help="keep the sides in this folder, and read those there")
    return parser.parse_args()


def main() -> None:
    """Train, look, print, record."""
    options = parsed()
    torch.set_num_threads(options.threads)
    data = open_data(str(options.data), size=options.size)
    options.side = peer_side(data.parts["train"].x)
    quality = Quality(data, count=options.count)
    rows: dict[str, Any] = record.before("time_to_quality").get("data", {})
    row = {"space": quality.space, "part": quality.part, "n": quality.count, "size": options.size}
    before = rows.get(options.data.stem, {})
    sides = before.get("sides", {}) if all(before.get(name) == value for name, value in row.items()) else {}
    row |= {"floors": quality.floors, "peer_floors": quality.resized_floors(data, options.side), "sides": sides}
    rows[options.data.stem] = row
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        for seed, name in itertools.product(options.seeds, [*options.recipes, *options.peers]):
            side = measured(name, seed, data, quality, options, folder)
            sides.setdefault(name, {})[str(seed)] = side._asdict()
            path = record.write("time_to_quality", {"data": rows})
    row["compared"] = table(options.data.stem, row, options.recipes, options.peers)
    path = record.write("time_to_quality", {"data": rows})
    print(path)


if __name__ == "__main__":
    main()

"""How the extractors rank pictures: reals, blurred, incomplete, repeated ones, other data, noise.

    python -m benchmarks.extractors digits mnist.npz cifar10/@32 clothing.tar@64 [--count 1000] [--seeds 3]

For each data set (a source for `open_data`, perhaps with a size behind @) and each extractor: the Frechet distance of N
pictures to N held-out ones, in multiples of its floor, the distance of N training reals. Pictures are drawn anew for
each seed; the median over seeds is shown, and all are recorded. "Other data" are those of the next source of the list,
brought to the same size. The judge is fitted to the training part; `conv` to at most 5,000 pictures of it.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.record import write
from sparring.data import Data, open_data
from sparring.metrics.base import Floats, Pictures
from sparring.metrics.corrupt import blurred
from sparring.metrics.frechet import frechet_distance
from sparring.metrics.judge_training import judge_for
from sparring.metrics.random_convolution import conv_for
from sparring.metrics.shapes import by_pillow, with_channels

Space = Callable[[Pictures], Floats]
LIGHT, STRONG = 0.5, 1.5
"""Standard deviations of the blurs, in points of a picture of 28; in proportion for other sizes."""


def opened(source: str, cache: Path | None) -> Data:
    """The data set that a word of the command line names."""
    path, _, size = source.partition("@")
    return open_data(path, size=int(size) if size else None, cache=cache)


def spaces(data: Data, cache: Path | None) -> tuple[dict[str, Space], dict[str, Any]]:
    """The feature spaces by name, and what the judge is like."""
    judge = judge_for(data, cache=cache, device=torch.device("cpu"))
    conv = conv_for(data, device=torch.device("cpu"))
    facts = {
        "accuracy_percent": 100 * judge.accuracy,
        "held": judge.record.held,
        "skill": judge.record.skill,
        "seconds": judge.seconds,
    }
    return {"judge": lambda x: judge(x).vectors, "conv": lambda x: conv(x).vectors}, facts


def held_out(data: Data) -> Pictures:
    """All pictures that no extractor was fitted to: the validation part and, if there is one, the test part."""
    return np.concatenate([np.asarray(data.parts[name].x) for name in ("validation", "test") if name in data.parts])


def altered(data: Data, other: Data, count: int, draw: np.random.Generator) -> dict[str, Pictures]:
    """Sets of `count` pictures, from the best to the worst that a generator could make."""
    train, labels = data.parts["train"].x, data.labels["train"]
    rows = draw.permutation(len(train))
    reals = np.asarray(train[np.sort(rows[:count])])
    dropped = draw.choice(np.unique(labels[labels >= 0]))
    without = rows[labels[rows] != dropped][:count]
    foreign = other.parts["train"].x
    scale = min(reals.shape[1:3]) / 28
    return {
        "floor": reals,
        "lightly blurred": blurred(reals, LIGHT * scale),
        "strongly blurred": blurred(reals, STRONG * scale),
        "one class dropped": np.asarray(train[np.sort(without)]),
        "each 4 times": reals[: max(1, count // 4)].repeat(4, 0),
        "one class": np.asarray(train[np.sort(rows[labels[rows] == dropped][:count])]),
        "other data": like(np.asarray(foreign[np.sort(draw.permutation(len(foreign))[:count])]), reals),
        "noise": draw.integers(0, 256, reals.shape, np.uint8),
    }


def like(pictures: Pictures, shape: Pictures) -> Pictures:
    """Pictures of other data at the size and with the channels of these."""
    _, height, width, channels = shape.shape
    return by_pillow(with_channels(pictures, channels), height, width).round().astype(np.uint8)


def measured(data: Data, other: Data, count: int, seeds: int, cache: Path | None) -> dict[str, Any]:
    """Distances by extractor, in multiples of the floor: medians over seeds, and each of them."""
    known, facts = spaces(data, cache)
    held = held_out(data)
    count = min(count, len(held), len(data.parts["train"]))
    found: dict[str, Any] = {"count": count, "judge": facts, "rows": {}}
    for name, space in known.items():
        runs = [distances(space, data, other, held, count, seed) for seed in range(seeds)]
        floor = statistics.median(run["floor"] for run in runs)
        ratios = {key: [run[key] / run["floor"] for run in runs] for key in runs[0] if key != "floor"}
        found["rows"][name] = {
            "floor": floor,
            "seconds_per_1000": asked(space, held[:count]),
            "median": {key: statistics.median(values) for key, values in ratios.items()},
            "ratios": ratios,
        }
    return found


def distances(space: Space, data: Data, other: Data, held: Pictures, count: int, seed: int) -> dict[str, float]:
    """Frechet distances of one draw to as many held-out pictures."""
    draw = np.random.Generator(np.random.Philox(key=seed))
    target = space(held[np.sort(draw.permutation(len(held))[:count])])
    return {name: frechet_distance(space(made), target) for name, made in altered(data, other, count, draw).items()}


def asked(space: Space, pictures: Pictures) -> float:
    """Seconds for 1,000 pictures, the fastest of three times."""
    times = []
    for _ in range(3):
        started = time.perf_counter()
        space(pictures)
        times.append(time.perf_counter() - started)
    return min(times) * 1000 / len(pictures)


def show(source: str, found: Mapping[str, Any]) -> None:
    """Print the table of one data set."""
    judge = found["judge"]
    told = f"judge {judge['accuracy_percent']:.2f} % of {judge['held']:,} held out, fitted in {judge['seconds']:.1f} s"
    print(f"\n{Path(source).name}: N = {found['count']:,}; {told}")
    names = list(next(iter(found["rows"].values()))["median"])
    print(f"{'':8}{'floor':>10}" + "".join(f"{name:>19}" for name in names) + f"{'s per 1,000':>14}")
    for extractor, row in found["rows"].items():
        ratios = "".join(f"{row['median'][name]:>18.1f}x" for name in names)
        print(f"{extractor:8}{row['floor']:>10.4g}{ratios}{row['seconds_per_1000']:>14.3f}", flush=True)


def main() -> None:
    """Measure each data set, print the tables, write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="+")
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=None, help="keep judges here; by default they are fitted anew")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sparring-benchmark-") as fresh:
        cache = options.cache or Path(fresh)
        data = [opened(source, cache) for source in options.sources]
        figures = {}
        for index, source in enumerate(options.sources):
            other = data[(index + 1) % len(data)]
            found = measured(data[index], other, options.count, options.seeds, cache)
            show(source, found)
            figures[Path(source).name] = found
    print(write("extractors", figures))


if __name__ == "__main__":
    main()

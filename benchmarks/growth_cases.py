"""What `benchmarks.growth` measures, each in a process of its own: `python -m benchmarks.growth_cases CASE N FOLDER`.

A case prints one line of JSON. Seconds are of the processor, of a process and its children together: on a machine that
others use as well they say more than a clock.
"""

import io
import json
import resource
import sys
import tarfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from sparring.data import Data, Part, open_data

SMALL = 8
A_SHARD = 10_000
SIZED = 400
BATCH = 64
SIDE = 32
Figures = dict[str, float]


# -- pictures ----------------------------------------------------------------------------------------------------------


def made_shards(count: int, folder: Path) -> str:
    """Shards of so many different grey pictures of 8x8 pixels; returns the folder that they lie in."""
    place = folder / f"made-{count}"
    each = min(count, A_SHARD)
    for number in range(count // each):
        path = place / f"x-{number:05d}.tar"
        if path.exists():
            continue
        place.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (each, SMALL * SMALL), np.uint8)
        pictures = (b"P5 %d %d 255\n" % (SMALL, SMALL) + row.tobytes() for row in pixels)
        _write_tar(path, {f"{row:06d}.pgm": picture for row, picture in enumerate(pictures)})
    return str(place)


def sized_shard(side: int, folder: Path) -> str:
    """A shard of smooth colour pictures as JPEG."""
    path = folder / f"sized-{side}" / "x-00000.tar"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_tar(path, {f"{n:06d}.jpg": _jpeg(side, n) for n in range(SIZED)})
    return str(path.parent)


def _jpeg(side: int, seed: int) -> bytes:
    few = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    data = io.BytesIO()
    Image.fromarray(few).resize((side, side), Image.Resampling.BICUBIC).save(data, "JPEG", quality=90)
    return data.getvalue()


def _write_tar(path: Path, members: Mapping[str, bytes]) -> None:
    beside = path.with_suffix(".part")
    with tarfile.open(beside, "w:", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
            archive.members.clear()  # type: ignore[attr-defined]  # tarfile keeps every header
    beside.replace(path)


# -- cases -------------------------------------------------------------------------------------------------------------


def packing(count: int, folder: Path) -> Figures:
    """So many pictures from shards into a cache that has none of them."""
    source = made_shards(count, folder)
    before = _processor_seconds()
    data = open_data(source, cache=_cache(folder))
    seconds = _processor_seconds() - before
    return {"seconds": seconds, "peak_mib": _peak_mib(), "disk_bytes": _disk(folder), "pictures": float(_count(data))}


def opening(count: int, folder: Path) -> Figures:
    """Opening a pack that is there: until training could begin to deal."""
    source = made_shards(count, folder)
    before, started = _processor_seconds(), time.perf_counter()
    open_data(source, cache=_cache(folder))
    clock = time.perf_counter() - started
    return {"seconds": _processor_seconds() - before, "clock": clock, "peak_mib": _peak_mib()}


def dealing(count: int, folder: Path) -> Figures:
    """Batches of 64 from a pack, shuffled, without the first, which shuffles."""
    import torch

    from sparring.engine.deal import Order, Pictures

    train = open_data(made_shards(count, folder), cache=_cache(folder)).parts["train"]
    deal = Pictures(
        train.x, train.y, order=Order(len(train), batch=BATCH, seed=0, stream="reals"), device=torch.device("cpu")
    )
    started = time.process_time()
    deal(0)
    first = time.process_time() - started
    taken = [_timed(partial(deal, counter)) for counter in range(1, 400)]
    return {"first": first, "seconds": float(np.median(taken)) / BATCH, "peak_mib": _peak_mib()}


def training(count: int, folder: Path) -> Figures:
    """A thousand pictures of training on a pack, with all that a run does before and after."""
    from sparring.job import train as job
    from sparring.job.options import TrainOptions

    source = made_shards(count, folder)
    open_data(source, cache=_cache(folder))
    before = _processor_seconds()
    out = folder / "runs" / f"{count}-{time.time_ns()}"
    job.start(TrainOptions(data=source, kimg=1.0, device="cpu", out=out))
    return {"seconds": _processor_seconds() - before, "peak_mib": _peak_mib()}


def sizing(side: int, folder: Path) -> Figures:
    """Packing pictures of one side, and a round of `gan` on them."""
    source = sized_shard(side, folder)
    before = _processor_seconds()
    data = open_data(source, size=side, cache=_cache(folder))
    packed = (_processor_seconds() - before) / _count(data)
    peak_packing = _peak_mib()
    return {
        "packing_seconds": packed,
        "packing_peak_mib": peak_packing,
        "stored_bytes": side * side * 3.0,
        "seconds": _round_seconds(side, 16, rounds=3) / 16,
        "peak_mib": _peak_mib(),
    }


def batching(batch: int, folder: Path) -> Figures:
    """A round of `gan` at 32 pixels with one batch."""
    return {"seconds": _round_seconds(SIDE, batch, rounds=max(2, 256 // batch)) / batch, "peak_mib": _peak_mib()}


def sharing(processes: int, folder: Path) -> Figures:
    """The same round with a batch of 64, shared: what all of them take together; started by torchrun."""
    from sparring.engine.distributed import asked, joined

    others = asked()
    if others is None:
        return {"seconds": _round_seconds(SIDE, BATCH, rounds=4) / BATCH, "peak_mib": _peak_mib()}
    with joined(*others):
        return {"seconds": _round_seconds(SIDE, BATCH, rounds=4) / BATCH, "peak_mib": _peak_mib()}


CASES: Mapping[str, Callable[[int, Path], Figures]] = {
    "packing": packing,
    "opening": opening,
    "dealing": dealing,
    "training": training,
    "sizing": sizing,
    "batching": batching,
    "sharing": sharing,
}


# -- measuring ---------------------------------------------------------------------------------------------------------


def _round_seconds(side: int, batch: int, *, rounds: int) -> float:
    """Seconds of the processor that a round of `gan` takes in this process, the median."""
    import dataclasses

    import torch

    from sparring.data.spec import ImageSpec
    from sparring.engine.allocator import reused_memory
    from sparring.engine.game import play_round
    from sparring.engine.precision import choose_precision
    from sparring.job.build import build_game
    from sparring.recipe import DataChoice, Facts
    from sparring.recipes.base import recipes

    spec = ImageSpec(channels=3, height=side, width=side)
    facts = Facts(channels=3, height=side, width=side, classes=0, examples=1024, labelled=0, device="cpu")
    recipe = dataclasses.replace(recipes.build("gan", DataChoice(source="random"), facts), batch=batch)
    with reused_memory():
        precision = choose_precision("fp32", torch.device("cpu"))
        game = build_game(recipe, spec, {"train": Part(x=_noise(side), y=None)}, precision)
        play_round(game)
        return float(np.median([_timed(lambda: play_round(game)) for _ in range(rounds)]))


def _noise(side: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (256, side, side, 3), dtype=np.uint8)


def _timed(do: Callable[[], object]) -> float:
    started = time.process_time()
    do()
    return time.process_time() - started


def _processor_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def _peak_mib() -> float:
    """Of the largest of this process and its children."""
    peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return max(peaks) / (1024 * 1024 if sys.platform == "darwin" else 1024)


def _cache(folder: Path) -> Path:
    return folder / "cache"


def _disk(folder: Path) -> float:
    newest = max((folder / "cache" / "packs").iterdir(), key=lambda pack: pack.stat().st_mtime)
    return float(sum(file.stat().st_size for file in newest.iterdir()))


def _count(data: Data) -> int:
    return sum(map(len, data.parts.values()))


def main() -> None:
    """Measure one case."""
    name, number, folder = sys.argv[1:4]
    # In one piece: torchrun switches buffers off, and lines of several processes would run into each other.
    sys.stdout.write(json.dumps(CASES[name](int(number), Path(folder))) + "\n")


if __name__ == "__main__":
    main()

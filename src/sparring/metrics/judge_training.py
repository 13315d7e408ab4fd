"""Fitting a judge: a game with one player, played by the same engine as any other, and kept in the cache."""

import hashlib
import json
import math
import time
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sparring.data import Data, ImageSpec, Part
from sparring.data.cache import Cache, default_cache
from sparring.engine.deal import Dealer, Order, Pictures, generator, key
from sparring.engine.distortions.base import mirrored, shifted
from sparring.engine.game import Game, Player
from sparring.engine.precision import Precision, choose_device, choose_precision
from sparring.engine.schedule import Schedule
from sparring.engine.threads import threads_for
from sparring.engine.train import Window, train
from sparring.errors import UsageError
from sparring.losses.base import Batch
from sparring.losses.classification import Classification
from sparring.losses.supervised import CrossEntropy
from sparring.metrics.base import Labels
from sparring.metrics.judge import FORMAT, Judge, JudgeRecord, noted, restored, skill
from sparring.metrics.judge_network import COARSE, JudgeNetwork, native_side
from sparring.metrics.kept import Kept, Progress, encoded, found_or_made, silent
from sparring.metrics.shapes import to_side

PLAYER = "judge"
HELD = 10_000
"""Held-out pictures that accuracy is measured on, at most: its standard error is then below half a percent."""


@dataclass(frozen=True, kw_only=True)
class Fitting:
    """How a judge is fitted.

    Args:
        images: pictures seen, repetitions counted.
        rate: highest rate of AdamW; it rises over a fifth of the pictures and falls to 0 (one cycle, Smith and Topin,
            arXiv:1708.07120).
        shift: pictures are moved by up to so many points each way.
        flips: half of them are mirrored.
    """

    images: int
    batch: int = 128
    rate: float = 1e-2
    decay: float = 0.05
    smoothing: float = 0.0
    shift: int = 2
    flips: bool = False
    seed: int = 0


def fitting_for(count: int, side: tuple[int, int], channels: int) -> Fitting:
    """What suits this many pictures, judged at this size; colour pictures are mirrored, for they are seldom writing."""
    least = 60_000 if min(side) >= COARSE else 12_000
    images = min(max(3 * count, least), 20 * count, 400_000)
    return Fitting(images=images, shift=max(1, min(side) // 12), flips=channels >= 3)


class Moved:
    """Labelled training pictures at the judge's size, each mirrored or not and shifted at random.

    What a picture becomes is a pure function of (seed, its update and its place in the batch).
    """

    def __init__(self, pictures: Pictures, side: tuple[int, int], fitting: Fitting) -> None:
        self._pictures = pictures
        self._side = side
        self._fitting = fitting

    def __call__(self, counter: int) -> Batch:
        """The batch of update number `counter`."""
        batch = dict(self._pictures(counter))
        draw = generator(self._fitting.seed, "moves", counter)
        x_BCHW = to_side(batch["x"], self._side)
        if self._fitting.flips:
            x_BCHW = mirrored(x_BCHW, torch.rand(len(x_BCHW), generator=draw) < 0.5)
        most = self._fitting.shift
        moves_2B = torch.randint(-most, most + 1, (2, len(x_BCHW)), generator=draw)
        return {"x": shifted(x_BCHW, *moves_2B), "y": batch["y"]}


class Among(Order):
    """The order of some rows of a part, those with labels."""

    def __init__(self, rows: Labels, *, batch: int, seed: int) -> None:
        super().__init__(len(rows), batch=batch, seed=seed, stream=PLAYER)
        self._rows = rows

    def __call__(self, counter: int) -> Labels:
        """Indices of batch number `counter` in the part, int64 [B]."""
        return self._rows[super().__call__(counter)]


class Progressing:
    """Tells how far fitting is."""

    ended = False

    def __init__(self, fitting: Fitting, on_progress: Progress) -> None:
        self._total = fitting.images
        self._tell = on_progress

    def look(self, game: Game, window: Window, *, done: bool) -> None:
        """Called by the loop at its log points."""
        self._tell("fitting the judge", min(game.images, self._total), self._total)
        window.clear()


def train_judge(
    train_part: Part,
    held: Part,
    classes: int,
    *,
    device: torch.device | None = None,
    fitting: Fitting | None = None,
    on_progress: Progress = silent,
) -> Judge:
    """Fit a judge, and measure it on pictures held out. The same data give the same bytes on the same machine with as
    many threads; what the caller draws from torch's generator does not change.

    Args:
        train_part, held: pictures uint8 [N, H, W, C] with labels int64 [N] of 0 to below `classes`; -1 is left out.
        device: by default the fastest there is.
        fitting: by default what suits the data.

    Raises:
        UsageError: fewer than two classes are among the labels.
    """
    chosen = device or choose_device(None)
    tensors, record = _fit(train_part, held, classes, chosen, fitting, on_progress)
    return restored(tensors, noted(record), hashlib.sha256(encoded(tensors)).hexdigest(), chosen)


def judge_for(
    data: Data, *, cache: Path | None = None, device: torch.device | None = None, on_progress: Progress = silent
) -> Judge:
    """The judge of a data set: from the cache, or fitted and kept there. Of several processes one fits it.

    All labels that the source knows are used, also where a run is to see fewer or none. The test part is not.

    Args:
        cache: as for `open_data`.

    Raises:
        UsageError: the data have no labels, or those of one class alone.
        MachineError: the cache can't be used.
    """
    chosen = device or choose_device(None)
    parts = labelled_parts(data)
    kept: Kept = found_or_made(
        Cache(cache or default_cache()),
        "judges",
        judge_key(data, chosen),
        lambda: _noted(*_fit(*parts, len(data.classes), chosen, None, on_progress)),
        waiting="waiting for another process that fits the same judge",
        on_progress=on_progress,
    )
    return restored(kept.tensors, kept.record, kept.sha256, chosen)


def labelled_parts(data: Data) -> tuple[Part, Part]:
    """The training and the held-out pictures with all the labels that the source knows.

    Raises:
        UsageError: it knows none.
    """
    if not data.labels:
        raise UsageError(
            f"{data.name}: a judge needs labels, and these pictures have none. Sort them into one folder a class, or "
            "measure with --extractor conv."
        )
    train_part, held = (replace(data.parts[name], y=data.labels[name]) for name in ("train", "validation"))
    return train_part, held


def judge_key(data: Data, device: torch.device) -> str:
    """The judge's name in the cache: a digest of what it is fitted to and measured on, and of how."""
    parts = [(data.report.parts[name].hash, _digest(data.labels[name])) for name in ("train", "validation")]
    spec, classes = data.spec, len(data.classes)
    assert isinstance(spec, ImageSpec), "labels come with pictures"
    side = native_side(spec.height, spec.width)
    fitting = fitting_for(int((data.labels["train"] >= 0).sum()), side, spec.channels)
    with torch.device("meta"):
        network = JudgeNetwork(spec.channels, *side, classes)
    layers = {name: list(value.shape) for name, value in network.state_dict().items()}
    how = [FORMAT, data.report.fit, asdict(fitting), layers, device.type, choose_precision(None, device).name]
    facts = [parts, spec.channels, spec.height, spec.width, classes, how]
    return hashlib.blake2b(json.dumps(facts).encode(), digest_size=16).hexdigest()


def _fit(
    train_part: Part,
    held: Part,
    classes: int,
    device: torch.device,
    fitting: Fitting | None,
    on_progress: Progress,
) -> tuple[dict[str, Tensor], JudgeRecord]:
    started = time.perf_counter()
    rows = _labelled_rows(train_part)
    channels, side = train_part.x.shape[3], native_side(*train_part.x.shape[1:3])
    fitting = fitting or fitting_for(len(rows), side, channels)
    with _apart(device), threads_for(math.prod(side)):
        game = _game(train_part, rows, classes, fitting, choose_precision(None, device))
        watcher = Progressing(fitting, on_progress)
        train(game, Window(), watcher, until=fitting.images, log_every=max(1, fitting.images // 50), stop=lambda: False)
    tensors = {name: value.detach().cpu().contiguous() for name, value in game.players[0].module.state_dict().items()}
    record = _measured(train_part, len(rows), held, classes, game, tensors)
    return tensors, replace(record, seconds=round(time.perf_counter() - started, 3))


def _apart(device: torch.device) -> AbstractContextManager[None]:
    """Within it torch's generators may be seeded: afterwards they are as they were."""
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])


def _labelled_rows(part: Part) -> Labels:
    rows = part.labelled
    known = np.unique(part.y[rows]) if part.y is not None else rows
    if len(known) < 2:
        raise UsageError(
            f"a judge needs labelled training pictures of two classes or more; there are {len(rows):,} labelled ones "
            f"of {len(known)}. Label some, or measure with --extractor conv."
        )
    return rows


def _game(train_part: Part, rows: Labels, classes: int, fitting: Fitting, precision: Precision) -> Game:
    device, side = precision.device, native_side(*train_part.x.shape[1:3])
    torch.manual_seed(key(fitting.seed, "init", PLAYER))
    module = JudgeNetwork(train_part.x.shape[3], *side, classes)
    module = module.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    pictures = Pictures(
        train_part.x, train_part.y, order=Among(rows, batch=fitting.batch, seed=fitting.seed), device=device
    )
    player = Player(
        name=PLAYER,
        module=module,
        optimizer=torch.optim.AdamW(module.parameters(), lr=fitting.rate, weight_decay=fitting.decay, fused=True),
        schedule=Schedule(shape="linear", warmup=fitting.images // 5, end=fitting.images),
    )
    return Game(
        players=[player],
        objective=Classification(module, CrossEntropy(smoothing=fitting.smoothing)),
        deal=Dealer({PLAYER: [Moved(pictures, side, fitting)]}),
        precision=precision,
        batch=fitting.batch,
        counted=PLAYER,
        seed=fitting.seed,
    )


def _measured(
    train_part: Part, trained: int, held: Part, classes: int, game: Game, tensors: dict[str, Tensor]
) -> JudgeRecord:
    _, height, width, channels = train_part.x.shape
    record = JudgeRecord(
        channels=channels,
        height=height,
        width=width,
        classes=classes,
        trained=trained,
        held=0,
        accuracy=0.0,
        skill=0.0,
        images=game.images,
        seconds=0.0,
        seed=game.seed,
        precision=game.precision.name,
    )
    rows = held.labelled
    if held.y is None or not len(rows):
        return record
    draw = np.random.Generator(np.random.Philox(key=game.seed))
    rows = np.sort(draw.permutation(rows)[:HELD])
    right = restored(tensors, noted(record), "", game.precision.device).classify(held.x[rows]) == held.y[rows]
    return replace(record, held=len(rows), accuracy=float(right.mean()), skill=skill(int(right.sum()), held.y[rows]))


def _noted(tensors: dict[str, Tensor], record: JudgeRecord) -> tuple[dict[str, Tensor], dict[str, Any]]:
    return tensors, noted(record)


def _digest(labels: Labels) -> str:
    return hashlib.blake2b(np.ascontiguousarray(labels).tobytes(), digest_size=16).hexdigest()

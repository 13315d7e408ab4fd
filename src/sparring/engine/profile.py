"""Where the time of a round goes: by its parts, and by operators as torch's profiler sees them.

The rounds that are looked at are rounds of the run: what they compute does not change by being looked at. First some
are timed part by part, waiting for the device at the end of each, then some are recorded operator by operator, which
slows small operators down.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from torch import Tensor
from torch.profiler import ProfilerActivity, profile, record_function

from sparring.engine.game import Game, play_round, unmarked
from sparring.engine.precision import wait

WARM_UP, TIMED, RECORDED = 12, 16, 8
"""Rounds before anything is looked at, that are timed part by part, and that are recorded operator by operator."""
ROUND = "round"

KINDS: Mapping[str, tuple[str, ...]] = {
    "exchange between processes": ("gloo:", "nccl:", "c10d::", "record_param_comms"),
    "convolutions": ("conv",),
    "optimiser": ("_fused_", "_foreach_", "adam", "sgd"),
    "normalisation": ("_norm", "norm_"),
    "matrix products": ("mm", "linear", "einsum"),
    "copies and layouts": ("copy", "clone", "contiguous", "::cat", "index", "gather", "fill", "zero", "empty", "view"),
    "random numbers": ("rand", "normal_", "uniform", "bernoulli", "dropout", "multinomial"),
    "pools and reductions": ("pool", "sum", "mean", "::var", "amax", "softmax", "logsumexp"),
}
"""Words in the name of an operator, by what kind it is; the first kind that has one of them takes it."""
OTHERS = "value by value, and others"
WAITING = ("_local_scalar_dense", "StreamSynchronize", "DeviceSynchronize", "EventSynchronize")
"""Words in the names of what makes the host wait for the device."""


@dataclass(frozen=True, kw_only=True)
class Operator:
    """One operator over the recorded rounds.

    Args:
        seconds: of itself without what it calls, of the device where that is no CPU; a round.
        calls: a round.
    """

    name: str
    seconds: float
    calls: float


@dataclass(kw_only=True)
class Profile:
    """Plays rounds as `play_round` does, and looks at some of them.

    Attributes:
        rounds: seconds of each that was timed.
        phases: seconds of each part, in each round that was timed.
        operators: of the recorded rounds.
        waits: how often the host waited for the device, a round.
        recorded: how many were recorded, see `close`.
        trace: the recorded rounds, as Chrome's tracing reads them, gzipped JSON; None where none was.
        seconds: what recording took beside playing.
    """

    rounds: list[float] = field(default_factory=list)
    phases: dict[str, list[float]] = field(default_factory=dict)
    operators: list[Operator] = field(default_factory=list)
    waits: float = 0.0
    recorded: int = 0
    trace: bytes | None = None
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self._played = 0
        self._recording: Any = None
        self._on_gpu = False

    def __call__(self, game: Game) -> dict[str, Tensor]:
        """One round."""
        number, self._played = self._played, self._played + 1
        if WARM_UP <= number < WARM_UP + TIMED:
            return self._timed(game)
        if WARM_UP + TIMED <= number < WARM_UP + TIMED + RECORDED:
            return self._recorded(game)
        return play_round(game)

    def close(self) -> None:
        """Of a run that ends or fails while its rounds are recorded, those so far are all. Else nothing happens.

        A recorder of torch's that is never stopped ends the process with a segmentation fault.
        """
        if self._recording is not None:
            recording, self._recording = self._recording, None
            recording.stop()
            self._read(recording)

    def means(self) -> dict[str, float]:
        """Seconds of each part in a round; what lies between them is left over."""
        return {name: sum(seconds) / len(self.rounds) for name, seconds in self.phases.items()}

    def _timed(self, game: Game) -> dict[str, Tensor]:
        device = game.precision.device

        @contextmanager
        def clocked(name: str) -> Iterator[None]:
            started = time.perf_counter()
            yield
            wait(device)
            self.phases.setdefault(name, []).append(time.perf_counter() - started)

        wait(device)
        started = time.perf_counter()
        game.phase = clocked
        scalars = play_round(game)
        game.phase = unmarked
        wait(device)
        self.rounds.append(time.perf_counter() - started)
        return scalars

    def _recorded(self, game: Game) -> dict[str, Tensor]:
        device, started = game.precision.device, time.perf_counter()
        if self._recording is None:
            self._on_gpu = device.type == "cuda"
            gpu = [ProfilerActivity.CUDA] if self._on_gpu else []
            self._recording = profile(activities=[ProfilerActivity.CPU, *gpu])
            self._recording.start()
        game.phase = record_function
        began = time.perf_counter()
        with record_function(ROUND):
            scalars = play_round(game)
            wait(device)
        played = time.perf_counter() - began
        game.phase = unmarked
        self.recorded += 1
        if self.recorded == RECORDED:
            self.close()
        self.seconds += time.perf_counter() - started - played
        return scalars

    def _read(self, recording: Any) -> None:
        if not self.recorded:
            return
        with TemporaryDirectory() as place:
            path = Path(place) / "trace.json.gz"
            recording.export_chrome_trace(str(path))
            self.trace = path.read_bytes()
        # Kernels are told twice: by themselves, and as the time on the device of who started them.
        events = [event for event in recording.events() if event.device_type.name == "CPU"]
        rounds = [event.time_range for event in events if event.name == ROUND]
        totals: dict[str, list[float]] = {}
        for event in events:
            # Between two rounds the run may have been judged: that is not of them.
            inside = any(r.start <= event.time_range.start and event.time_range.end <= r.end for r in rounds)
            if inside and not event.is_user_annotation:
                own = event.self_device_time_total if self._on_gpu else event.self_cpu_time_total
                totals.setdefault(event.name, []).append(own)
        self.operators = [
            Operator(name=name, seconds=sum(own) / 1e6 / self.recorded, calls=len(own) / self.recorded)
            for name, own in totals.items()
        ]
        self.operators.sort(key=lambda operator: -operator.seconds)
        self.waits = sum(o.calls for o in self.operators if any(word in o.name for word in WAITING))


def by_kind(operators: list[Operator]) -> dict[str, float]:
    """Seconds of each kind of operator in a round, the longest first."""
    found: dict[str, float] = {}
    for operator in operators:
        name = operator.name.lower()
        kind = next((kind for kind, words in KINDS.items() if any(word in name for word in words)), OTHERS)
        found[kind] = found.get(kind, 0.0) + operator.seconds
    return dict(sorted(found.items(), key=lambda item: -item[1]))

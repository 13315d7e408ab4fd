"""`--profile`: one page on where a run's time went, beside the trace that it is taken from."""

import statistics
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from sparring.engine.game import Game, play_round
from sparring.engine.precision import Precision, wait
from sparring.engine.profile import TIMED, WARM_UP, Profile, by_kind
from sparring.job.build import build_game
from sparring.job.measure import cycle
from sparring.nn import ranks
from sparring.report.profile import NAME, PAGE, TRACE, page
from sparring.runfolder import RunFolder
from sparring.runfolder.atomic import machine_errors, replace_file

if TYPE_CHECKING:
    from sparring.job.play import Job

PRODUCTS = 5
SHOWN = 10
SIDES: Mapping[str, int] = {"cuda": 8192, "mps": 4096, "cpu": 2048}
"""Of the matrices whose product is the machine's limit."""


def write_profile(
    job: "Job", folder: RunFolder, profile: Profile, spent: Mapping[str, float], *, training: float
) -> None:
    """Write the trace and the page, for the report as well.

    Args:
        spent: seconds of what is not training, see `Recorder.seconds`.
        training: seconds of all rounds and looks.
    """
    profile.close()
    facts = _facts(job, profile, spent, training=training)
    folder.write_json(NAME, facts)
    folder.write_text(PAGE, page(facts))
    if profile.trace is not None:
        with machine_errors(folder.path):
            replace_file(folder.path / TRACE, profile.trace)


def _facts(job: "Job", profile: Profile, spent: Mapping[str, float], *, training: float) -> dict[str, Any]:
    precision = job.precision
    facts: dict[str, Any] = {
        "conditions": {
            "recipe": job.recipe.name,
            "batch": job.recipe.batch,
            "precision": precision.name,
            "device": str(precision.device),
            "threads": torch.get_num_threads(),
            "processes": ranks.processes(),
            "torch": torch.__version__,
            "warm_up": WARM_UP,
            "timed": len(profile.rounds),
            "recorded": profile.recorded,
        },
        "not_training": _not_training(spent, training=training - profile.seconds),
    }
    if len(profile.rounds) < TIMED:
        return facts
    # Of players that are thrown away afterwards, and of whole batches.
    with torch.random.fork_rng(), ranks.apart():
        game = build_game(job.recipe, job.data.spec, job.data.parts, precision)
        flops = needed_flops(game, rounds=cycle(job.recipe))
    limit, seconds = product_rate(precision), statistics.median(profile.rounds)
    return facts | {
        "round_seconds": seconds,
        "mean_round_seconds": statistics.fmean(profile.rounds),
        "examples_per_second": job.recipe.batch / seconds,
        "phases": profile.means(),
        "kinds": by_kind(profile.operators),
        "operators": [{"name": o.name, "seconds": o.seconds, "calls": o.calls} for o in profile.operators[:SHOWN]],
        "waits": profile.waits,
        "flops": flops,
        "limit_flops_per_second": limit,
        "share_of_limit": flops / seconds / limit,
    }


def _not_training(spent: Mapping[str, float], *, training: float) -> dict[str, Any]:
    """Shares of the run's time."""
    return {"seconds": training, "shares": {name: seconds / training for name, seconds in spent.items()}}


def needed_flops(game: Game, *, rounds: int) -> float:
    """Floating-point operations of matrix products and convolutions in a round, the mean of so many: it plays them."""
    with _Counted() as counted:
        for _ in range(rounds):
            play_round(game)
    return float(counted.flops / rounds)


class _Counted(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up what torch's own table says of each operator; torch's counter can't follow a gradient of a gradient."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops = 0.0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        count = flop_registry.get(func.overloadpacket)
        if count is not None:
            self.flops += count(*args, **(kwargs or {}), out_val=made)
        return made


def product_rate(precision: Precision) -> float:
    """Floating-point operations a second of a large matrix product: the limit of the machine, as it is now."""
    side = SIDES[precision.device.type]
    dtype = torch.bfloat16 if precision.name == "bf16" else precision.weights
    left, right = (torch.ones(side, side, device=precision.device, dtype=dtype) for _ in range(2))
    took = []
    for _ in range(PRODUCTS):
        started = time.perf_counter()
        left @ right
        wait(precision.device)
        took.append(time.perf_counter() - started)
    return 2 * side**3 / statistics.median(took)

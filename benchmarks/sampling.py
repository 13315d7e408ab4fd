"""Samples a second of a generator: `sparring sample` and `Run.sample` beside the plain loop and ONNX Runtime.

    python -m benchmarks.sampling [RUN] [-n 256] [--rounds 15] [--commands 3] [--threads 2]

Without a RUN it is a `dcgan` at 3x64x64 with the weights that training begins with. All sides have the same weights on
a CPU, and end with pictures uint8 [N, H, W, C]:

- by hand: the network in torch's own layers, fp32, evaluation mode, without gradients, batches of 64;
- onnxruntime: the same network exported to ONNX, batches of 64; left out where onnx and onnxruntime are not installed;
- sparring: `sparring.load(RUN).sample(N)`, noise included; where the machine has bf16, also with `precision="bf16"`.

Each is a process of its own; they take turns, one set of samples each, and figures are medians over the rounds. The
machine's limit is the rate of a large matrix product, measured in the same rounds; the share is the work of the
network's convolutions and products over the time and the limit of the side's precision. Whole commands, in turn as
well, count everything from the start of Python to the last of N PNG files: `sparring sample`, which writes a sheet of
them too, and a script of a few lines that imports the network and does the rest by hand.
"""

import argparse
import contextlib
import copy
import importlib
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import sparring
from benchmarks import record
from benchmarks.turns import Step, take_turns
from sparring.data import open_data
from sparring.data.pool import usable_cores
from sparring.engine.precision import choose_device, choose_precision
from sparring.engine.state import capture
from sparring.errors import UsageError
from sparring.job.build import build_game
from sparring.job.records import data_record
from sparring.models.gan.base import Generator
from sparring.nn import convolution
from sparring.recipe import DataChoice, Facts
from sparring.recipes.base import recipes
from sparring.runfolder import RunFolder

BATCH, SIDE, EXAMPLES = 64, 64, 128
PRODUCT = 2048
BY_HAND, ONNX, OURS, LIMIT = "by hand", "onnxruntime", "sparring", "product"
BF16 = " bf16"
"""Behind the name of a side, or of the limit, in that precision."""
Pixels = npt.NDArray[np.uint8]


# -- what is sampled from ----------------------------------------------------------------------------------------------


def untrained(folder: Path) -> Path:
    """A run folder of `dcgan` 3x64x64 before its first round."""
    images = np.random.default_rng(0).integers(0, 256, (EXAMPLES, SIDE, SIDE, 3), dtype=np.uint8)
    np.save(folder / "random.npy", images)
    data = open_data(str(folder / "random.npy"))
    train = data.parts["train"]
    facts = Facts(channels=3, height=SIDE, width=SIDE, classes=0, examples=len(train), labelled=0, device="cpu")
    recipe = recipes.build("dcgan", DataChoice(source=str(folder / "random.npy")), facts)
    game = build_game(recipe, data.spec, data.parts, choose_precision("fp32", choose_device("cpu")))
    run = RunFolder.create(folder / "run", name="dcgan")
    run.write_json("recipe.json", recipe.to_json())
    run.write_json("data.json", data_record(data))
    tensors, counters = capture(game)
    run.save_checkpoint(images=0, tensors=tensors, state={"game": counters}, best=True)
    return run.path


def opened(run: Path, precision: str = "fp32") -> sparring.Run:
    """The run, on the CPU.

    Raises:
        UsageError: its generator wants more than noise, which the plain loop does not give.
    """
    found = sparring.load(run, device="cpu", precision=precision)
    if found.generator.conditional or found.generator.source_channels:
        raise UsageError(f"{run}: its generator is asked for classes or sources. Give a run that was trained without.")
    return found


def plain(generator: Generator) -> nn.Module:
    """The network in torch's own layers and its usual order of memory, as people have it."""
    network: nn.Module = copy.deepcopy(generator)
    network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    for module in network.modules():
        for name, layer in module.named_children():
            if isinstance(layer, convolution.Conv2d | convolution.ConvTranspose2d):
                setattr(module, name, _torchs(layer))
    return network.eval()


def _torchs(layer: nn.Conv2d | nn.ConvTranspose2d) -> nn.Module:
    found: nn.Module
    sizes = (layer.in_channels, layer.out_channels, _pair(layer.kernel_size), _pair(layer.stride), _padding(layer))
    if isinstance(layer, nn.ConvTranspose2d):
        found = nn.ConvTranspose2d(*sizes, _pair(layer.output_padding), bias=layer.bias is not None)
    else:
        found = nn.Conv2d(*sizes, bias=layer.bias is not None)
    found.load_state_dict(layer.state_dict())
    return found.requires_grad_(False)


def _pair(sizes: tuple[int, ...]) -> tuple[int, int]:
    return sizes[0], sizes[1]


def _padding(layer: nn.Conv2d | nn.ConvTranspose2d) -> tuple[int, int]:
    assert not isinstance(layer.padding, str)
    return _pair(layer.padding)


# -- the sides ---------------------------------------------------------------------------------------------------------


def to_pixels(made: Tensor) -> Pixels:
    """[-1, 1] [B, C, H, W] to uint8 [B, H, W, C]."""
    return ((made + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


@torch.no_grad()
def by_hand(network: nn.Module, z_dim: int, count: int) -> Pixels:
    """The loop that everybody writes."""
    pieces = [to_pixels(network(torch.randn(BATCH, z_dim))) for _ in range(-(-count // BATCH))]
    return np.concatenate(pieces)[:count]


def exported(network: nn.Module, z_dim: int, path: Path) -> None:
    """The network as ONNX, any number of samples at once."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.zeros(BATCH, z_dim),),
            str(path),
            dynamo=False,
            input_names=["z"],
            output_names=["pictures"],
            dynamic_axes={"z": {0: "batch"}, "pictures": {0: "batch"}},
        )


def by_onnx(path: Path, z_dim: int, threads: int) -> Callable[[int], Pixels]:
    """What makes so many samples in ONNX Runtime."""
    onnxruntime = importlib.import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def sample(count: int) -> Pixels:
        noise = (torch.randn(BATCH, z_dim).numpy() for _ in range(-(-count // BATCH)))
        pieces = [to_pixels(torch.from_numpy(session.run(None, {"z": z_BZ})[0])) for z_BZ in noise]
        return np.concatenate(pieces)[:count]

    return sample


@contextmanager
def side_step(side: str, run: Path, onnx: Path, count: int, threads: int) -> Iterator[Step]:
    """One set of samples, or one matrix product; in a process of the side's own."""
    torch.set_num_threads(threads)
    kind, precision = side.removesuffix(BF16), "bf16" if side.endswith(BF16) else "fp32"
    if kind == LIMIT:
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        left, right = (torch.randn(PRODUCT, PRODUCT, dtype=dtype) for _ in range(2))
        yield lambda: left @ right
        return
    ours = opened(run, precision)
    z_dim = ours.generator.z_dim
    if kind == OURS:
        yield lambda: ours.sample(count)
    elif side == BY_HAND:
        network = plain(ours.generator)
        yield lambda: by_hand(network, z_dim, count)
    else:
        sample = by_onnx(onnx, z_dim, threads)
        yield lambda: sample(count)


def missing() -> str | None:
    """Why there is no row of ONNX Runtime; None: there can be one."""
    absent = [name for name in ("onnx", "onnxruntime") if find_spec(name) is None]
    return f"not measured: {' and '.join(absent)} not installed" if absent else None


# -- whole commands ----------------------------------------------------------------------------------------------------


def script(run: Path, folder: Path, count: int) -> None:
    """What a user writes who has no `sparring sample`: N numbered PNG files."""
    ours = opened(run)
    folder.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(by_hand(plain(ours.generator), ours.generator.z_dim, count)):
        Image.fromarray(picture.squeeze()).save(folder / f"{number:04}.png")


def commands(run: Path, folder: Path, count: int) -> dict[str, list[str]]:
    """The words of each command."""
    python = [sys.executable, "-m"]
    ours = [*python, "sparring", "sample", str(run), "-n", str(count), "--device", "cpu"]
    theirs = [*python, "benchmarks.sampling", str(run), "-n", str(count), "--script"]
    return {OURS: [*ours, "--out", str(folder / "ours")], BY_HAND: [*theirs, str(folder / "theirs")]}


def command_seconds(run: Path, folder: Path, count: int, *, rounds: int, threads: int) -> dict[str, list[float]]:
    """Seconds of each whole command, in turn; the first of each, which warms the disk's cache, is not counted."""
    taken: dict[str, list[float]] = {BY_HAND: [], OURS: []}
    for number in range(rounds + 1):
        for side, words in commands(run, folder, count).items():
            started = time.perf_counter()
            environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
            subprocess.run(words, check=True, capture_output=True, timeout=600, env=environment)
            if number:
                taken[side].append(time.perf_counter() - started)
    return taken


# -- the report --------------------------------------------------------------------------------------------------------


def flops_of(run: Path) -> float:
    """Floating-point operations of one sample, in torch's count of convolutions and products."""
    generator = opened(run).generator
    network = plain(generator)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, generator.z_dim))
    return float(counter.get_total_flops())


def summarise(seconds: Mapping[str, list[float]], *, count: int, flops: float) -> list[dict[str, Any]]:
    """One row a side: its rate, its ratio to the loop by hand, its share of the limit."""
    base = statistics.median(seconds[BY_HAND])
    rows = []
    for side in (BY_HAND, ONNX, OURS, OURS + BF16):
        if side in seconds:
            limit = 2 * PRODUCT**3 / statistics.median(seconds[LIMIT + BF16 * side.endswith(BF16)])
            median = statistics.median(seconds[side])
            rows.append(
                {
                    "side": side,
                    "samples_per_s": count / median,
                    "ratio_to_by_hand": base / median,
                    "limit_gflops": limit / 1e9,
                    "share_of_limit": count * flops / median / limit,
                }
            )
    return rows


def table(rows: list[dict[str, Any]], absent: str | None) -> str:
    """The rows as text."""
    lines = [f"{'side':14}{'samples/s':>11}{'ratio':>8}{'share of the limit':>21}"]
    for row in rows:
        lines.append(
            f"{row['side']:14}{row['samples_per_s']:>11.1f}{row['ratio_to_by_hand']:>8.2f}{row['share_of_limit']:>20.0%}"
        )
    return "\n".join([*lines, *([f"{ONNX:14}{absent}"] if absent else [])])


def measured(run: Path, options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """All figures of one run."""
    absent = missing()
    sides = [BY_HAND, *([] if absent else [ONNX]), OURS, LIMIT]
    if choose_precision("auto", torch.device("cpu")).name == "bf16":
        sides += [OURS + BF16, LIMIT + BF16]
    if not absent:
        generator = opened(run).generator
        exported(plain(generator), generator.z_dim, scratch / "generator.onnx")
    count, threads = options.count, options.threads
    onnx = scratch / "generator.onnx"
    seconds = take_turns(
        {side: (side_step, (side, run, onnx, count, threads)) for side in sides}, rounds=options.rounds
    )
    rows = summarise(seconds, count=count, flops=flops_of(run))
    print(table(rows, absent))
    whole = command_seconds(run, scratch, count, rounds=options.commands, threads=threads)
    times = {side: statistics.median(taken) for side, taken in whole.items() if taken}
    for side, taken in times.items():
        print(f"{side:14}{taken:>9.2f} s for {count} PNG files, from the start of Python on")
    return {"rows": rows, "onnxruntime": absent or "measured", "seconds": seconds, "commands": whole}


def main() -> None:
    """Measure, print the table, write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="?", default=None)
    parser.add_argument("-n", "--count", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--commands", type=int, default=3, help="rounds of whole commands")
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--script", type=Path, default=None, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.script is not None:
        script(options.run, options.script, options.count)
        return
    with tempfile.TemporaryDirectory() as scratch:
        run = options.run.absolute() if options.run else untrained(Path(scratch))
        figures = measured(run, options, Path(scratch))
        name = "dcgan 3x64x64, untrained" if options.run is None else run.name
    told = {"what": name, "count": options.count, "rounds": options.rounds, "threads": options.threads}
    load = os.getloadavg()[0] if sys.platform != "win32" else None
    print(record.write("sampling", {**told, "load": load, **figures}))


if __name__ == "__main__":
    main()

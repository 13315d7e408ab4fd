"""Training speed on a CUDA GPU: dcgan, classifiers, r3gan and sngan beside the plain loops and the GPU's own limit.

    PYTHONPATH=src:. python -m benchmarks.gpu [--out gpu.json] [--cifar cifar10/] [--limit 480]

It needs torch, numpy, Pillow, safetensors and rich, takes `--limit` seconds or so, and prints one JSON object; how far
it is goes to stderr. A section that the time no longer allows is skipped, one that fails tells why, and the others are
measured. Both sides of a comparison take turns, and rates are medians of their turns: ours as `sparring train` plays
the recipe, in its own precision; the plain loops (benchmarks.plain_dcgan, benchmarks.plain_classifier) as they are, in
fp32 with the TF32 that torch allows by itself. A rate is given at the usual batch and at the best one of a doubling
series, which ends where memory does or a doubling gains less than 3 %. Where there is no such GPU, everything is
played small on the CPU, which exercises the script and says nothing else: `--device cpu --seconds 2`.
"""

import argparse
import copy
import dataclasses
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

import sparring
from benchmarks.gpu_rates import Settings, Step, best_batch, free, rates
from benchmarks.models import FirstLogits
from benchmarks.plain_classifier import PlainTraining
from benchmarks.plain_dcgan import PlainDCGAN, load_batch
from benchmarks.throughput import BATCH, needed_flops
from sparring.data import Part
from sparring.data.spec import ImageSpec
from sparring.engine.allocator import reused_memory
from sparring.engine.game import Game, play_round
from sparring.engine.precision import choose_device, choose_precision, wait
from sparring.engine.train import Window
from sparring.job.build import build_game
from sparring.recipe import DataChoice, Facts, Recipe
from sparring.recipes.base import recipes

CLASSES, CIFAR_SIDE, Z = 10, 32, 100


# -- the sides ---------------------------------------------------------------------------------------------------------


def random_pictures(count: int, side: int) -> npt.NDArray[np.uint8]:
    """uint8 [N, S, S, 3]."""
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8)


def our_recipe(name: str, side: int, *, classes: int, examples: int, device: torch.device) -> Recipe:
    """The recipe as `sparring train` chooses it for random pictures."""
    labelled = examples if classes else 0
    facts = Facts(
        channels=3, height=side, width=side, classes=classes, examples=examples, labelled=labelled, device=device.type
    )
    return recipes.build(name, DataChoice(source="random"), facts)


def our_game(recipe: Recipe, part: Part, device: torch.device, *, batch: int | None = None) -> Game:
    """Its game, with batches of another size where one is given."""
    _, height, width, channels = part.x.shape
    classes = () if part.y is None else tuple(map(str, range(CLASSES)))
    spec = ImageSpec(channels=channels, height=height, width=width, classes=classes)
    recipe = dataclasses.replace(recipe, batch=batch or recipe.batch, kimg=1e6)
    return build_game(recipe, spec, {"train": part}, choose_precision(None, device))


def our_step(game: Game) -> Step:
    """A round of it."""
    window = Window()

    def step() -> int:
        before = game.images
        window.add(play_round(game))
        return game.images - before

    return step


def gan_step(name: str, side: int, settings: Settings, batch: int | None = None) -> Step:
    """A round of a recipe that generates, on random pictures without classes."""
    examples = 1_024
    recipe = our_recipe(name, side, classes=0, examples=max(examples, settings.most), device=settings.device)
    part = Part(x=random_pictures(max(examples, batch or 0), side), y=None)
    return our_step(our_game(recipe, part, settings.device, batch=batch))


def plain_dcgan_step(settings: Settings, batch: int) -> Step:
    """A step of the loop of PyTorch's DCGAN example."""
    model = PlainDCGAN(stages=settings.side.bit_length() - 3, device=settings.device)
    images, draw = random_pictures(1_024, settings.side), np.random.default_rng(0)

    def step() -> int:
        real = load_batch(images, draw.integers(0, len(images), batch)).to(settings.device)
        model.step(real, torch.randn(batch, Z, 1, 1, device=settings.device))
        return batch

    return step


# -- sections ----------------------------------------------------------------------------------------------------------


def limits(settings: Settings) -> dict[str, Any]:
    """The rate of a large matrix product in bf16, and in fp32 as torch multiplies by itself."""
    size, device = (8_192, settings.device) if settings.device.type == "cuda" else (256, settings.device)
    found = {}
    for name, dtype in (("bf16", torch.bfloat16), ("fp32", torch.float32)):
        left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))

        def step(left: torch.Tensor = left, right: torch.Tensor = right) -> int:
            torch.mm(left, right)
            return 1

        found[f"{name}_tflops"] = 2 * size**3 * rates({"": step}, settings)[""] / 1e12
    return {**found, "size": size}


def dcgan(settings: Settings) -> dict[str, Any]:
    """dcgan at the batch of the comparison and at the best one, ours and the plain loop's."""
    found = rates(
        {
            "ours": gan_step("dcgan", settings.side, settings, BATCH),
            "plain": plain_dcgan_step(settings, BATCH),
        },
        settings,
    )
    free(settings.device)
    best = {
        "ours": best_batch(lambda batch: gan_step("dcgan", settings.side, settings, batch), settings, first=BATCH),
        "plain": best_batch(lambda batch: plain_dcgan_step(settings, batch), settings, first=BATCH),
    }
    return {
        "side": settings.side,
        "batch": BATCH,
        "pictures_per_s": found,
        "ratio": found["ours"] / found["plain"],
        "best": best,
        "ratio_of_best": ratio_of_best(best),
        "flops_per_picture": needed_flops(settings.side) / BATCH,
    }


def ratio_of_best(best: Mapping[str, Mapping[str, Any]]) -> float | None:
    """Ours at its best batch over the plain loop at its own; None where a series has no figure."""
    if any("pictures_per_s" not in side for side in best.values()):
        return None
    return float(best["ours"]["pictures_per_s"] / best["plain"]["pictures_per_s"])


def classifier(name: str, settings: Settings) -> dict[str, Any]:
    """A classifier on pictures of CIFAR-10's shape: ours with all that changes pictures, and the plain loop's."""
    draw = np.random.default_rng(1)
    part = Part(x=random_pictures(settings.examples, CIFAR_SIDE), y=draw.integers(0, CLASSES, settings.examples))
    recipe = our_recipe(name, CIFAR_SIDE, classes=CLASSES, examples=settings.examples, device=settings.device)
    game = our_game(recipe, part, settings.device)
    network = FirstLogits(copy.deepcopy(game.players[0].module))
    network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    plain = plain_steps(network, part, settings)
    batch = min(128, settings.examples)

    def plain_step() -> int:
        next(plain)
        return batch

    found = rates({"ours": our_step(game), "plain": plain_step}, settings)
    best = best_batch(
        lambda batch: our_step(our_game(recipe, part, settings.device, batch=batch)), settings, first=2 * recipe.batch
    )
    return {
        "batch": recipe.batch,
        "pictures_per_s": found,
        "ratio": found["ours"] / found["plain"],
        "best": {"ours": best},
    }


def plain_steps(network: torch.nn.Module, part: Part, settings: Settings) -> Iterator[float]:
    """The steps of the plain loop on the same network; it does not end."""
    assert part.y is not None
    training = PlainTraining(part.x, part.y, epochs=100_000, model=network, device=settings.device)
    return training.steps()


def generator(name: str, settings: Settings) -> dict[str, Any]:
    """A recipe at its own batch and at the best one, on pictures of CIFAR-10's shape."""
    recipe = our_recipe(name, CIFAR_SIDE, classes=0, examples=50_000, device=settings.device)
    found = rates({"ours": gan_step(name, CIFAR_SIDE, settings)}, settings)
    best = best_batch(lambda batch: gan_step(name, CIFAR_SIDE, settings, batch), settings, first=2 * recipe.batch)
    return {"side": CIFAR_SIDE, "batch": recipe.batch, "pictures_per_s": found, "best": {"ours": best}}


def cifar(settings: Settings) -> dict[str, Any]:
    """`quick` on a folder of CIFAR-10 in one cycle of so many seconds, by the rate measured first: its accuracy."""
    from sparring.data import open_data
    from sparring.metrics.accuracy import logits_of

    started = time.perf_counter()
    data = open_data(str(settings.cifar), size=CIFAR_SIDE)
    opening = time.perf_counter() - started
    train, held = data.parts["train"], data.parts["test" if "test" in data.parts else "validation"]
    assert train.y is not None and held.y is not None
    recipe = our_recipe(
        "quick", CIFAR_SIDE, classes=len(data.spec.classes), examples=len(train), device=settings.device
    )
    precision = choose_precision(None, settings.device)
    probe = our_step(build_game(recipe, data.spec, data.parts, precision))
    speed = rates({"": probe}, settings)[""]
    batches = max(1, round(settings.cifar_seconds * speed / recipe.batch))
    recipe = dataclasses.replace(recipe, kimg=batches * recipe.batch / 1000)
    game = build_game(recipe, data.spec, data.parts, precision)
    step, started = our_step(game), time.perf_counter()
    while game.images < batches * recipe.batch:
        step()
    wait(settings.device)
    seconds = time.perf_counter() - started
    said = logits_of(game.players[0].averaged(), np.asarray(held.x), precision).argmax(1).cpu().numpy()
    return {
        "recipe": "quick",
        "seconds": seconds,
        "kimg": recipe.kimg,
        "accuracy": float((said == held.y).mean()),
        "n": len(held),
        "opening_seconds": opening,
    }


def sections(settings: Settings) -> dict[str, Callable[[], dict[str, Any]]]:
    """What there is to measure, the most wanted first."""
    found: dict[str, Callable[[], dict[str, Any]]] = {
        "limits": lambda: limits(settings),
        "dcgan": lambda: dcgan(settings),
        "quick": lambda: classifier("quick", settings),
        "resnet20": lambda: classifier("resnet20", settings),
        "r3gan": lambda: generator("r3gan", settings),
        "sngan": lambda: generator("sngan", settings),
        "cifar": lambda: cifar(settings),
    }
    return {name: found[name] for name in found if name in settings.only}


ALL = ("limits", "dcgan", "quick", "resnet20", "r3gan", "sngan", "cifar")


def measured(settings: Settings) -> dict[str, Any]:
    """Every section; one that fails says why, so that the time on the machine is not lost for the others."""
    found: dict[str, Any] = {}
    for name, section in sections(settings).items():
        needed = 10 * settings.seconds + (settings.cifar_seconds if name == "cifar" else 0)
        if settings.left < needed:
            found[name] = {"skipped": f"{settings.left:.0f} s left, {needed:.0f} needed at least"}
            continue
        print(f"{name} ... {settings.left:.0f} s left", file=sys.stderr, flush=True)
        started = time.perf_counter()
        try:
            found[name] = section()
        except Exception as error:
            found[name] = {"failed": f"{type(error).__name__}: {error}"}
        free(settings.device)
        found[name]["took_seconds"] = time.perf_counter() - started
    return found


def with_shares(found: dict[str, Any]) -> dict[str, Any]:
    """dcgan's rates as shares of the bf16 limit as well: the work that the mathematics needs, the same for all."""
    game, limit = found.get("dcgan", {}), found.get("limits", {}).get("bf16_tflops")
    if limit is None or "flops_per_picture" not in game:
        return found
    scale = game["flops_per_picture"] / (limit * 1e12)
    game["share_of_bf16_limit"] = {side: value * scale for side, value in game["pictures_per_s"].items()}
    for side in game["best"].values():
        if "pictures_per_s" in side:
            side["share_of_bf16_limit"] = side["pictures_per_s"] * scale
    return found


def machine(device: torch.device) -> dict[str, Any]:
    """What the figures are of."""
    found = {"device": device.type, "torch": torch.__version__, "sparring": sparring.__version__}
    if device.type != "cuda":
        return {**found, "note": "on a CPU: these figures say nothing of a GPU"}
    properties = torch.cuda.get_device_properties(device)
    return {
        **found,
        "name": properties.name,
        "memory_gib": properties.total_memory / 2**30,
        "cuda": torch.version.cuda,
        "cudnn_tf32": torch.backends.cudnn.allow_tf32,
        "matmul_precision": torch.get_float32_matmul_precision(),
        "precision": choose_precision(None, device).name,
    }


def parsed(words: list[str] | None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--seconds", type=float, default=1.5, help="of each turn of each side")
    parser.add_argument("--limit", type=float, default=480.0, help="seconds of everything")
    parser.add_argument("--side", type=int, default=64, choices=(16, 32, 64, 128), help="of dcgan's pictures")
    parser.add_argument("--most", type=int, default=None, help="largest batch (4096; 64 on a CPU)")
    parser.add_argument("--examples", type=int, default=None, help="pictures for classifiers (50,000; 512 on a CPU)")
    parser.add_argument("--cifar", type=Path, default=None, help="a folder of CIFAR-10")
    parser.add_argument("--cifar-seconds", type=float, default=60.0)
    parser.add_argument("--only", nargs="+", choices=ALL, default=ALL, help="these sections alone")
    parser.add_argument("--out", type=Path, default=None, help="write the JSON there as well")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> dict[str, Any]:
    """Measure and print; what was printed."""
    options = parsed(words)
    began, cuda = time.monotonic(), torch.cuda.is_available()
    if options.device == "cuda" and not cuda:
        print(f"no CUDA GPU that torch {torch.__version__} can use: everything small, on the CPU", file=sys.stderr)
        options.device = "cpu"
    on_gpu = options.device == "cuda"
    settings = Settings(
        device=choose_device(options.device),
        seconds=options.seconds,
        side=options.side,
        most=options.most or (4_096 if on_gpu else BATCH),
        examples=options.examples or (50_000 if on_gpu else 512),
        cifar=options.cifar,
        cifar_seconds=options.cifar_seconds,
        only=tuple(name for name in options.only if name != "cifar" or options.cifar is not None),
        until=began + options.limit,
    )
    with torch.random.fork_rng(devices=[]), reused_memory():
        found = with_shares({"machine": machine(settings.device), **measured(settings)})
    found["seconds"] = time.monotonic() - began
    text = json.dumps(found, indent=1)
    print(text)
    if options.out is not None:
        options.out.write_text(text + "\n", encoding="utf-8")
    return found


if __name__ == "__main__":
    main()

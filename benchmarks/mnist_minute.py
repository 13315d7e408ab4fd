"""One minute of MNIST: train without labels for 60 s, and let a CNN fitted on real MNIST sort 10,000 samples.

    python -m benchmarks.mnist_minute mnist.npz [--seeds 0 1 2] [--minutes 1]

Wanted: all ten digits among the samples, none under 5 %. The CNN must reach 99 % on the held-out 10,000 reals.
"""

import argparse
import math
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

import sparring
from benchmarks import record
from sparring.engine.precision import choose_precision


def build_judge() -> nn.Module:
    """A small CNN for 28x28 grey pictures in [-1, 1]."""
    layers: list[nn.Module] = []
    for inputs, outputs, stride in ((1, 32, 1), (32, 32, 2), (32, 64, 1), (64, 64, 2)):
        layers += [nn.Conv2d(inputs, outputs, 3, stride, 1), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.3), nn.Linear(64 * 49, 10))


def to_float(pictures: npt.NDArray[np.uint8]) -> Tensor:
    """uint8 [N, 28, 28] to [-1, 1] [N, 1, 28, 28]."""
    return torch.from_numpy(pictures).float().div(127.5).sub(1).unsqueeze(1)


def fitted_judge(arrays: dict[str, npt.NDArray[np.uint8]], *, epochs: int = 3) -> tuple[nn.Module, float]:
    """The CNN fitted on the training pictures, and its accuracy on the test pictures."""
    torch.manual_seed(0)
    judge = build_judge()
    precision = choose_precision(None, torch.device("cpu"))
    pictures, labels = to_float(arrays["train_images"]), torch.from_numpy(arrays["train_labels"].astype(np.int64))
    optimizer = torch.optim.AdamW(judge.parameters(), 2e-3, weight_decay=1e-2, fused=True)
    steps = epochs * (len(pictures) // 128)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5 * (1 + math.cos(math.pi * step / steps)))
    for _ in range(epochs):
        for chosen in torch.split(torch.randperm(len(pictures))[: len(pictures) // 128 * 128], 128):
            optimizer.zero_grad()
            with precision.autocast():
                logits = judge(pictures[chosen])
            loss = nn.functional.cross_entropy(logits.float(), labels[chosen])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    judge.eval()
    right = sorted_by(judge, arrays["test_images"]) == arrays["test_labels"]
    return judge, float(right.mean())


@torch.no_grad()
def sorted_by(judge: nn.Module, pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """The judge's class of each picture, int64 [N]."""
    found: npt.NDArray[np.int64] = torch.cat(
        [judge(part).argmax(1) for part in torch.split(to_float(pictures), 1000)]
    ).numpy()
    return found


def main() -> None:
    """Train, judge, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--keep", type=Path, default=None, help="keep the runs in this folder")
    options = parser.parse_args()
    with np.load(options.data) as arrays:
        judge, accuracy = fitted_judge(dict(arrays))
    print(f"CNN on held-out reals: {100 * accuracy:.2f} %", flush=True)
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for seed in options.seeds:
            started = time.perf_counter()
            out = (options.keep or Path(scratch)) / f"seed-{seed}"
            run = sparring.train(options.data, unconditional=True, minutes=options.minutes, seed=seed, out=out)
            seconds = time.perf_counter() - started
            shares = np.bincount(sorted_by(judge, run.sample(10_000)[..., 0]), minlength=10) / 100
            rows.append({"seed": seed, "seconds": seconds, "kimg": run.recipe.kimg, "shares_percent": shares.tolist()})
            print(
                f"seed {seed}: {run.recipe.kimg:g} kimg in {seconds:.0f} s; shares {shares.round(1).tolist()}",
                flush=True,
            )
    print(record.write("mnist_minute", {"judge_held_out": accuracy, "minutes": options.minutes, "rows": rows}))


if __name__ == "__main__":
    main()

"""MNIST from a few labels: the test error of `ssgan`, beside the same network taught by those labels alone.

    python -m benchmarks.mnist_labels mnist.npz [--labels 100] [--seeds 1 2 3] [--minutes 30 | --kimg 5000]
                                      [--keep runs/labels]

Each seed draws as many labels of every digit, and everything else that is random in its run. Of a run the last averaged
weights of the discriminator are taken, and the error is of MNIST's 10,000 test pictures: nothing is chosen by it. The
supervised classifier is the same discriminator, fitted to its first batch and with the same noise, that sees the
labelled pictures and no others, 3,000 updates with a rate that falls to 0; its last averaged weights are taken.
Published: Salimans et al. 2016, arXiv:1606.03498, table 1, over 10 draws; 300 epochs, that is 18,000 kimg.
A run that is there already, in the folder given by --keep, is not trained again; figures are written after each run,
and those of other labels, minutes or seeds stay.
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

import sparring
from benchmarks import record
from benchmarks.kept import trained
from sparring.data import Data, open_data
from sparring.engine.deal import Dealer, Order, Pictures, to_unit
from sparring.engine.ema import EMA
from sparring.engine.game import Game, Player, play_round
from sparring.engine.precision import choose_device, choose_precision
from sparring.engine.schedule import Schedule
from sparring.losses.classification import Classification
from sparring.models.gan.base import Discriminator
from sparring.models.gan.ssgan import SSGANDiscriminator

PUBLISHED = {20: (16.77, 4.52), 100: (0.93, 0.065), 200: (0.90, 0.042)}
"""Mean error in per cent and its spread, by the number of labels."""
UPDATES = 3_000
BLOCK = 1_000


class ClassHead(nn.Module):
    """A discriminator's class logits, as a network of their own."""

    def __init__(self, discriminator: Discriminator) -> None:
        super().__init__()
        self.discriminator = discriminator

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Logits [B, K]."""
        return self.discriminator.class_logits(self.discriminator.features(x_BCHW))


def supervised_game(data: Data, seed: int) -> Game:
    """One player, the recipe's discriminator, and the labelled pictures."""
    torch.manual_seed(seed)
    precision = choose_precision(None, choose_device(None))
    module = ClassHead(SSGANDiscriminator(data.spec, heads="semi-supervised")).to(precision.device)
    train = data.parts["train"]
    assert train.y is not None
    rows = np.flatnonzero(train.y >= 0)
    order = Order(len(rows), batch=len(rows), seed=seed, stream="labelled")
    pictures = Pictures(train.x, train.y, order=order, device=precision.device, rows=rows)
    module.discriminator.begin(pictures(0)["x"])
    images = UPDATES * len(rows)
    player = Player(
        name="classifier",
        module=module,
        optimizer=torch.optim.Adam(module.parameters(), lr=3e-3, betas=(0.5, 0.999), fused=True),
        ema=EMA(module, half_life=images / 20),
        schedule=Schedule(shape="linear", end=images),
    )
    return Game(
        players=[player],
        objective=Classification(module),
        deal=Dealer({"classifier": [pictures]}),
        precision=precision,
        batch=len(rows),
        counted="classifier",
        seed=seed,
    )


@torch.no_grad()
def supervised_answers(data: Data, seed: int) -> npt.NDArray[np.int64]:
    """What the test pictures are taken for by the network that saw the labelled pictures alone, int64 [N]."""
    game = supervised_game(data, seed)
    with torch.enable_grad():
        for _ in range(UPDATES):
            play_round(game)
    module, pictures = game.players[0].averaged(), data.parts["test"].x
    said = []
    for at in range(0, len(pictures), BLOCK):
        x_BCHW = to_unit(torch.tensor(pictures[at : at + BLOCK], device=game.precision.device))
        said.append(module(x_BCHW).argmax(1).cpu().numpy())
    return np.concatenate(said)


def error(answers: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]) -> float:
    """Share of wrong answers, in per cent."""
    return 100 * float((answers != labels).mean())


def figures(seed: int, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The errors of one draw of labels; what was measured before is read."""
    longer = f"-{options.kimg:g}-kimg" if options.kimg else ""
    out = folder / f"ssgan-{options.labels}-labels-seed-{seed}{longer}"
    minutes = None if options.kimg else options.minutes
    kept = trained(
        options.data, out, recipe="ssgan", minutes=minutes, kimg=options.kimg, seed=seed, labels=options.labels
    )
    data = open_data(str(options.data), labels=options.labels, seed=seed)
    pictures, labels = data.parts["test"].x, data.labels["test"]
    run = sparring.load(out, checkpoint="last")
    alone = folder / f"supervised-{options.labels}-labels-seed-{seed}.json"
    if not alone.exists():
        alone.write_text(json.dumps(error(supervised_answers(data, seed), labels)), encoding="utf-8")
    return {
        "seed": seed,
        "error": error(run.classify(np.asarray(pictures)).argmax(1), labels),
        "supervised_error": json.loads(alone.read_text(encoding="utf-8")),
        "tested": len(labels),
        "validation_error": 100 * (1 - run.metrics["class_accuracy"][-1]),
        "kimg": run.checkpoint.images / 1000,
        "minutes": kept.seconds / 60,
        "ended": kept.ended,
        "commit": record.commit(),
    }


def summary(rows: list[dict[str, Any]], name: str) -> dict[str, float | None]:
    """Mean, and standard deviation over the seeds (divided by n - 1)."""
    values = [row[name] for row in rows]
    return {"mean": statistics.mean(values), "sd": statistics.stdev(values) if len(values) > 1 else None}


def added(row: dict[str, Any], options: argparse.Namespace) -> tuple[dict[str, Any], Path]:
    """All draws of this setting, the new one among them, and the file they are in."""
    settings = record.before("mnist_labels")
    name = f"{options.labels} labels, " + (f"{options.kimg:g} kimg" if options.kimg else f"{options.minutes:g} minutes")
    others = [other for other in settings.get(name, {}).get("rows", []) if other["seed"] != row["seed"]]
    rows = sorted([*others, row], key=lambda found: found["seed"])
    means = {column: summary(rows, column) for column in ("error", "supervised_error")}
    settings[name] = {**means, "published": PUBLISHED.get(options.labels), "rows": rows}
    return settings[name], record.write("mnist_labels", settings)


def shown(name: str, found: dict[str, float | None]) -> str:
    """A line of the table."""
    spread = "" if found["sd"] is None else f" +- {found['sd']:.2f}"
    return f"{name:<44} {found['mean']:6.2f} %{spread}"


def main() -> None:
    """Train, test, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--kimg", type=float, default=None, help="instead of minutes")
    parser.add_argument("--keep", type=Path, default=None, help="keep the runs in this folder, and go on with them")
    options = parser.parse_args()
    found: dict[str, Any] = {}
    path = None
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for seed in options.seeds:
            row = figures(seed, folder, options)
            after = f"{row['kimg']:g} kimg, {row['minutes']:.1f} minutes, ended {row['ended']}"
            print(
                f"seed {seed}: {row['error']:.2f} %, labels alone {row['supervised_error']:.2f} %; {after}", flush=True
            )
            found, path = added(row, options)
    print(shown(f"ssgan, {options.labels} labels, {len(found['rows'])} draws", found["error"]))
    print(shown("the same network, those labels alone", found["supervised_error"]))
    if options.labels in PUBLISHED:
        mean, sd = PUBLISHED[options.labels]
        print(shown("published, 10 draws (arXiv:1606.03498)", {"mean": mean, "sd": sd}))
    print(path)


if __name__ == "__main__":
    main()

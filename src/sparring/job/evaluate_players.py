"""How a trained discriminator stands: what it says of training reals, of reals it never saw, and of samples.

All logits are taken in one mode, as `metrics.players` does while training: the discriminator in evaluation mode, the
generator as it trains (its own weights, statistics of the batch).
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from sparring.data import Part
from sparring.engine import sampling
from sparring.engine.deal import key, seed_device, to_condition, to_device
from sparring.errors import UsageError
from sparring.job.evaluation import Row
from sparring.job.parts import build_modules
from sparring.job.run import Run
from sparring.losses.base import DISCRIMINATOR, GENERATOR
from sparring.metrics.base import Floats, Labels, Pictures
from sparring.metrics.logits import overfit, ranked_right
from sparring.models.gan.base import Discriminator, Generator

MOST = 2_000
BLOCK = 250
_AUC = "share of (real of {0}, sample) pairs that D ranks right: 0.5 fooled, 1 perfect; {1:,} of each"


def player_rows(run: Run, parts: Mapping[str, Part], *, device: torch.device, seed: int = 0) -> list[Row]:
    """A row for each part, how well the discriminator ranks its reals above samples, and how much it has overfitted;
    nothing where there is no discriminator.

    Args:
        parts: "train", "validation" and perhaps "test", as the run was trained on them.
    """
    if DISCRIMINATOR not in run.recipe.players:
        return []
    modules = _modules(run, device)
    generator, discriminator = modules[GENERATOR], modules[DISCRIMINATOR]
    assert isinstance(generator, Generator) and isinstance(discriminator, Discriminator)
    draw = np.random.Generator(np.random.Philox(key=seed))
    reals = {name: _of_reals(discriminator, part, draw, device) for name, part in parts.items()}
    sources = parts["validation"].source
    with torch.random.fork_rng():
        seed_device(key(seed, "players"), device)  # of dropout
        fakes = _of_fakes(run, generator, discriminator, max(map(len, reals.values())), sources, device, seed)
    rows = [
        Row(
            measure=f"d_auc_{name}",
            value=ranked_right(logits, fakes[: len(logits)]),
            better="near 0.5",
            note=_AUC.format(name, len(logits)),
        )
        for name, logits in reals.items()
    ]
    note = (
        f"(D on training reals - D on {len(reals['validation']):,} held-out ones) / (D on training reals - D on fakes)"
    )
    value = overfit(reals["train"], reals["validation"], fakes)
    return [*rows, Row(measure="overfit", value=value, better="lower", note=note)]


def _modules(run: Run, device: torch.device) -> dict[str, nn.Module]:
    modules = build_modules(run.recipe, run.spec)
    for name, module in modules.items():
        try:
            module.load_state_dict(dict(run.checkpoint.tensors[name]))
        except (KeyError, RuntimeError) as error:
            said = str(error).splitlines()[0]
            raise UsageError(f"{run.checkpoint.path}: does not fit the run's recipe.json ({said}).") from error
        module.to(device=device, dtype=torch.float32).requires_grad_(False)
    modules[DISCRIMINATOR].eval()
    modules[GENERATOR].train()
    return modules


@torch.no_grad()
def _of_reals(discriminator: Discriminator, part: Part, draw: np.random.Generator, device: torch.device) -> Floats:
    rows = np.sort(draw.permutation(len(part))[:MOST])
    pictures, labels = np.asarray(part.x[rows]), None if part.y is None else part.y[rows]
    sources = None if part.source is None else part.source[rows]
    pieces = [
        discriminator(*(_cut(values, at, device) for values in (pictures, labels, sources)))
        for at in range(0, len(rows), BLOCK)
    ]
    return _values(pieces)


@torch.no_grad()
def _of_fakes(
    run: Run,
    generator: Generator,
    discriminator: Discriminator,
    count: int,
    sources: Pictures | None,
    device: torch.device,
    seed: int,
) -> Floats:
    count = -(-count // BLOCK) * BLOCK
    z_NZ = sampling.noise(count, generator.z_dim, seed=seed, stream="players", kind=generator.noise)
    labels = run.labels(count, seed=seed)
    given = None if sources is None else sources[np.arange(count) % len(sources)]
    pieces = []
    # Full blocks alone: the generator takes its statistics from them.
    for at in range(0, count, BLOCK):
        label_B, source_BCHW = _cut(labels, at, device), _cut(given, at, device)
        condition = source_BCHW if generator.source_channels else label_B
        fake_BCHW = generator(to_device(z_NZ[at : at + BLOCK], device), condition)
        pieces.append(discriminator(fake_BCHW, label_B, source_BCHW))
    return _values(pieces)


def _cut(values: Pictures | Labels | None, at: int, device: torch.device) -> Tensor | None:
    return None if values is None else to_condition(values[at : at + BLOCK], device)


def _values(pieces: list[Tensor]) -> Floats:
    values: Floats = torch.cat(pieces).double().cpu().numpy()
    return values

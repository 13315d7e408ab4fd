"""What an autoencoder is worth on examples that it never saw: errors beside PCA's, and bounds of log p(x)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sparring.data import TableSpec
from sparring.engine.deal import generator
from sparring.engine.denormals import flushed_denormals
from sparring.errors import UsageError
from sparring.job.evaluate import COUNT, SEEDS, evaluate
from sparring.job.evaluate_bayes import bayes_rows
from sparring.job.evaluate_data import Against, open_against
from sparring.job.evaluate_measures import Pool
from sparring.job.evaluation import RECORD, Evaluations
from sparring.job.rebuild_parts import corruption_of, hidden_share, loss_of
from sparring.job.run import Run
from sparring.job.samplers import sampler_of
from sparring.losses.elbo import ELBO, importance_bound
from sparring.losses.rebuilding import AUTOENCODER
from sparring.metrics.annealed import annealed_log_z
from sparring.metrics.base import Floats, Pictures
from sparring.metrics.intervals import Better, Measure, measure, records
from sparring.metrics.kept import Progress, silent
from sparring.metrics.rebuilding import Shown, active, pca_error, unit_rows
from sparring.metrics.reconstruction import MEANINGS, reconstruction
from sparring.models.autoencode.base import Variational
from sparring.models.autoencode.boltzmann import RestrictedBoltzmann
from sparring.runfolder import RunFolder

BOUND = 100
MOST_BOUND = 1_000_000
AT_ONCE = 50
"""Examples that are bounded together: each is decoded with many z."""
BOUNDED = 500
"""Examples that the importance-weighted bound is taken of; each needs as many passes of the decoder as there are z."""
SHOWN: dict[str, Better] = {"mse": "lower", "mae": "lower", "psnr": "higher", "ssim": "higher"}


@dataclass(frozen=True, kw_only=True)
class RebuildEvaluation:
    """One checkpoint of an autoencoder, measured.

    Args:
        rows: measures of what is rebuilt, and of a variational one bounds of log p(x).
        conditions: what the numbers hold for, in lines for people.
        samples: of a variational one, what is measured of its samples.
        written: the record of it.
    """

    rows: Sequence[Measure]
    conditions: Sequence[str]
    samples: Evaluations | None = None
    written: Path | None = None

    def to_json(self) -> dict[str, Any]:
        """As evaluation.json holds it."""
        own = {"rows": records(self.rows), "conditions": list(self.conditions)}
        others = [] if self.samples is None else self.samples.to_json()["evaluations"]
        return {"format": 1, "evaluations": [own, *others]}


def evaluate_rebuilding(
    run: Run,
    *,
    against: str | None = None,
    count: int = COUNT,
    seeds: int = SEEDS,
    bound: int = BOUND,
    extractor: str | None = None,
    on_progress: Progress = silent,
) -> RebuildEvaluation:
    """Measure a run that rebuilds and write evaluation.json into its folder.

    Args:
        against: other data to rebuild; None: the run's own test part, or its validation part where it has none.
        count: examples at most, and samples of a variational one.
        seeds: sets of samples.
        bound: samples of z for the importance-weighted bound of log p(x).
        extractor: for the samples, see `evaluate`.

    Raises:
        UsageError, DataError, MachineError: what was asked can't be, the data are gone, or the disk refused.
    """
    if not 1 <= bound <= MOST_BOUND:
        raise UsageError(f"--bound {bound}: expected 1 to {MOST_BOUND:,} samples of z.")
    folder = RunFolder.open(run.path)
    found = open_against(run, against, count=count, on_progress=on_progress)
    held = found.reals.drawn(count, seed=0)
    on_progress("rebuilding", 0, None)
    rows = _error_rows(run, held, np.asarray(found.known.parts["train"].x))
    samples = None
    if isinstance(run.autoencoder, Variational):
        on_progress(f"bounding log p(x) with {bound:,} samples of z", 0, None)
        rows += _bound_rows(run, run.autoencoder, held, bound)
    on_progress("weighing classes", 0, None)
    rows += bayes_rows(run, found, held, strangers=against is not None)
    if isinstance(run.autoencoder, RestrictedBoltzmann):
        on_progress("estimating log Z", 0, None)
        rows += _energy_rows(run, run.autoencoder, held)
    if sampler_of(run.autoencoder, loss_of(run.recipe)) is not None:
        samples = evaluate(
            run.path,
            against=against,
            extractor=extractor,
            count=count,
            seeds=seeds,
            checkpoint=run.which,
            device=str(run.precision.device),
            on_progress=on_progress,
        )
    result = RebuildEvaluation(rows=rows, conditions=_conditions(run, found, len(held.pictures)), samples=samples)
    folder.write_json(RECORD, result.to_json())
    return replace(result, written=folder.path / RECORD)


def _mean(name: str, values: Floats, note: str, *, better: Better = "lower") -> Measure:
    """The row of a mean over examples, with the interval of a normal mean."""
    reach = 1.96 * float(values.std(ddof=1)) / math.sqrt(len(values))
    middle = float(values.mean())
    return measure(name, middle, (middle - reach, middle + reach), len(values), note, better=better)


def _error_rows(run: Run, held: Pool, train: Pictures) -> list[Measure]:
    labels = held.labels if run.autoencoder.classes else None
    made = run.rebuild(held.pictures, labels)
    known_NX, unknown_NX = unit_rows(train), unit_rows(held.pictures)
    nothing = float(((unknown_NX - known_NX.mean(0)) ** 2).mean())
    if isinstance(run.spec, TableSpec):
        squared = ((made - held.pictures) ** 2).mean(1).astype(np.float64)
        rows = [_mean("mse", squared, "mean squared error of values as they are; 0 is equal")]
    else:
        values = reconstruction(held.pictures, made)
        rows = [_mean(name, values[name], MEANINGS[name], better=better) for name, better in SHOWN.items()]
    beside = [measure("mse_mean", nothing, None, len(unknown_NX), "mse of the mean training example", better="lower")]
    # Who guesses what is hidden compresses nothing: there is no number of components to compare it with.
    if not hidden_share(run.recipe):
        linear, numbers = pca_error(known_NX, unknown_NX, run.autoencoder.code_size)
        note = f"mse of PCA to {numbers} numbers, fitted to {len(known_NX):,} training examples"
        beside.insert(0, measure("mse_pca", linear, None, len(unknown_NX), note, better="lower"))
    return [rows[0], *beside, *rows[1:]]


@torch.no_grad()
def _bound_rows(run: Run, module: Variational, held: Pool, samples: int) -> list[Measure]:
    loss = loss_of(run.recipe)
    objective = ELBO(module, loss)
    precision = run.precision
    shown = Shown(
        held.pictures,
        held.labels,
        count=len(held.pictures),
        seed=0,
        z_dim=module.z_dim,
        corruption=corruption_of(run.recipe),
    )
    terms: dict[str, list[torch.Tensor]] = {}
    means = []
    for batch in shown.batches(precision):
        for name, values in objective.measured(module, batch).items():
            terms.setdefault(name, []).append(values.cpu())
        means.append(module.encode(batch["x"], batch.get("y") if module.classes else None).cpu())
    found = {name: torch.cat(values).double().numpy() for name, values in terms.items()}
    bound_N = _bounds(run, module, held.drawn(BOUNDED, seed=0), samples)
    pictures = not isinstance(run.spec, TableSpec)
    size = held.pictures[0].size
    bits = [loss.bits(-float(values.mean()), size, pictures=pictures) for values in (found["elbo"], bound_N)]
    return [
        _mean("elbo", found["elbo"], "nats, bound of log p(x), one sample of z", better="higher"),
        _mean("nll", found["nll"], "nats, -log p(x | z): what is lost in rebuilding"),
        _mean("kl", found["kl"], "nats, of q(z | x) from the prior", better=""),
        measure("bits", bits[0], None, len(found["elbo"]), "-elbo in bits per dimension", better="lower"),
        _mean(f"bound_{samples}", bound_N, f"nats, bound of log p(x), {samples:,} samples of z", better="higher"),
        measure("bits_bound", bits[1], None, len(bound_N), "that bound in bits per dimension", better="lower"),
        measure(
            "active",
            float(active(torch.cat(means)).sum()),
            None,
            len(found["elbo"]),
            f"of {module.z_dim} dimensions of z: their mean varies by more than 0.01",
            better="",
        ),
    ]


@flushed_denormals()
@torch.no_grad()
def _bounds(run: Run, module: Variational, few: Pool, samples: int) -> Floats:
    """The importance-weighted bound of each, nats."""
    loss = loss_of(run.recipe)
    shown = Shown(few.pictures, few.labels, count=len(few.pictures), seed=0, corruption=corruption_of(run.recipe))
    bounds = []
    for number, batch in enumerate(shown.batches(run.precision, block=AT_ONCE)):
        draw = generator(0, "bound", number)
        bounds.append(importance_bound(module, loss, batch, samples=samples, draw=draw).cpu())
    found: Floats = torch.cat(bounds).double().numpy()
    return found


@torch.no_grad()
def _energy_rows(run: Run, module: RestrictedBoltzmann, held: Pool) -> list[Measure]:
    corruption, precision = corruption_of(run.recipe), run.precision
    shown = Shown(held.pictures, None, count=len(held.pictures), seed=0, corruption=corruption)
    energy_N = torch.cat([module.free_energy(module.bits(batch["x"])) for batch in shown.batches(precision)])
    found = annealed_log_z(module, draw=torch.Generator(precision.device).manual_seed(0))
    log_p_N = -energy_N.double().cpu().numpy() - found.value
    bits = -float(log_p_N.mean()) / (held.pictures[0].size * math.log(2))
    note = f"nats, estimated: too high on average; log Z is {found.value:.2f} ({found.low:.2f} to {found.high:.2f})"
    return [
        _mean("log_p", log_p_N, note, better="higher"),
        measure("bits", bits, None, len(log_p_N), "-log_p in bits per point", better="lower"),
    ]


def _conditions(run: Run, found: Against, count: int) -> list[str]:
    ema = "averaged weights" if f"{AUTOENCODER}_ema" in run.checkpoint.tensors else "no average of the weights"
    caution = ["`best` was chosen by these same validation examples"] if found.part == "validation" else []
    kept = " x ".join(map(str, run.autoencoder.code))
    return [
        f"{run.path.name}: {run.checkpoint.images / 1000:g} kimg, {ema}, a code of {kept}",
        f"{count:,} examples of {found.name}, part {found.part}; intervals: 95 %",
        *(f"note: {note}" for note in [*run.checkpoint.notes, *found.notes, *caution]),
    ]

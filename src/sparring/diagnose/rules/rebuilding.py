"""An autoencoder: what its objective on training and on held-out examples says, and whether its code is used."""

from typing import Annotated

from sparring.diagnose.hints import Hint, evidence, rules, spoken
from sparring.diagnose.records import Records, is_number
from sparring.diagnose.rules.one_player import paired
from sparring.diagnose.rules.progress import UNUSED
from sparring.registry import Range


@rules("rebuilding-by-heart")
def rebuilding_by_heart(
    records: Records,
    *,
    rise: Annotated[
        float, "share of all that was gained by which the objective on held-out examples has risen", Range(0.0)
    ] = 0.1,
    looks: Annotated[int, "measurements in a row", Range(2)] = 3,
) -> Hint | None:
    """Held-out examples are rebuilt worse than before, while training examples are rebuilt better."""
    train, held = paired(records, "train_objective", "validation_objective")
    if len(held) <= looks:
        return None
    limit = held.best + rise * (held.values[0] - held.best)
    if not held.all_above(limit, looks) or train.last >= train.before(looks).best:
        return None
    values = evidence(records, "train_objective", "validation_objective", "validation_mse")
    return Hint(
        failure="overfitting",
        severity="warning",
        kimg=held.since_above(limit),
        text=f"Overfitting: held-out examples are rebuilt worse, training examples better: {spoken(values)}.",
        advice="Stop at the best checkpoint; then try more data, a smaller code, or --set augment=noise.",
        values=values,
    )


@rules("posterior-collapse", paper="arXiv:1511.06349, section 3")
def posterior_collapse(
    records: Records,
    *,
    nats: Annotated[float, "divergence from the prior below which the code says nothing", Range(0.0)] = UNUSED,
    share: Annotated[
        float, "of the run that is given to a code that is not used yet, as none is at first", Range(0.0, below=1.0)
    ] = 0.3,
    looks: Annotated[int, "measurements in a row", Range(2)] = 3,
) -> Hint | None:
    """The code says nothing of the example: q(z | x) is the prior for all, and all are rebuilt alike."""
    divergence, used = records.series("validation_kl"), records.series("validation_active")
    if _begins(records, share) or not divergence.all_below(nats, looks) or not used.all_below(1.0, looks):
        return None
    values = evidence(records, "validation_kl", "validation_active", "validation_mse")
    return Hint(
        failure="collapse",
        severity="warning",
        kimg=divergence.since_below(nats),
        text=f"The code is not used: whatever the picture, z is drawn from the prior: {spoken(values)}.",
        advice="Let beta rise slowly (--set objective.warmup=2000), give a smaller beta, or another likelihood.",
        values=values,
    )


@rules("codebook-collapse", paper="arXiv:2005.00341, section 3")
def codebook_collapse(
    records: Records,
    *,
    vectors: Annotated[float, "perplexity below which next to nothing can be said", Range(1.0)] = 4.0,
    share: Annotated[float, "of the run that is given to a codebook to be filled", Range(0.0, below=1.0)] = 0.3,
    looks: Annotated[int, "measurements in a row", Range(2)] = 3,
) -> Hint | None:
    """Next to all places are given the same few vectors of the codebook."""
    used = records.series("validation_perplexity")
    if _begins(records, share) or not used.all_below(vectors, looks):
        return None
    values = evidence(records, "validation_perplexity", "validation_mse")
    return Hint(
        failure="collapse",
        severity="warning",
        kimg=used.since_below(vectors),
        text=f"The codebook is hardly used: {spoken(values)}.",
        advice="Let unused vectors be put elsewhere (--set objective.revive=1), or lower the rate.",
        values=values,
    )


def _begins(records: Records, share: float) -> bool:
    """Whether no more than that share of the run is over; so also where the recipe does not say how long it is."""
    budget = records.recipe.get("kimg")
    return not is_number(budget) or records.kimg <= share * budget

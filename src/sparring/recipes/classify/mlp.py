"""`mlp` and `volume`: Adam at its usual rate, one cycle."""

from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import one_player, recipes

STEPS = 2_000
ROWS_BATCH = 32


@recipes("mlp", name_as="network")
@recipes("volume", name_as="network", paper="arXiv:1412.0767")
def mlp(data: DataChoice, facts: Facts, *, network: str) -> Recipe:
    """A classifier by Adam; of `mlp` `--set classifier.depth=0` makes softmax regression.

    Command: sparring train digits --recipe mlp --set classifier.depth=0
    """
    if facts.columns:
        return _for_rows(network, data, facts)
    return one_player(
        network,
        data,
        facts,
        classifier=PlayerChoice(model=Part(name=network), lr=1e-3, fall="cosine", warmup=0.1, decay=0.01),
        reasons={"classifier.lr": "0.001: what Adam was proposed with (arXiv:1412.6980)"},
    )


def _for_rows(network: str, data: DataChoice, facts: Facts) -> Recipe:
    """Tables are small: many short steps on few rows each, with a network that takes no time."""
    epochs = max(30.0, STEPS * ROWS_BATCH / max(1, facts.labelled))
    model = Part(name=network, settings={"width": 128}) if network == "mlp" else Part(name=network)
    return one_player(
        network,
        data,
        facts,
        classifier=PlayerChoice(model=model, lr=3e-3, fall="cosine", warmup=0.1, decay=0.01),
        batch=ROWS_BATCH,
        epochs=epochs,
        reasons={
            "batch": f"{ROWS_BATCH} at most: tables are small, and {STEPS:,} steps or more are to be made of them",
            "classifier.lr": "0.003 of Adam, in one cycle",
        },
    )

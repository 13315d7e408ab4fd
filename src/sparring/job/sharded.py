"""Which players can be sharded, so that several processes train what is too large for one."""

from sparring.errors import UsageError
from sparring.losses.base import DISCRIMINATOR, GENERATOR, penalties
from sparring.losses.classification import CLASSIFIER
from sparring.recipe import Recipe


def refuse_unshardable(recipe: Recipe) -> None:
    """Refuse `sharded` for players whose weights have to be in one piece.

    Raises:
        UsageError: says why.
    """
    for name in (name for name, player in recipe.players.items() if player.sharded):
        why = _why_not(name, recipe)
        if why is not None:
            raise UsageError(f"--set {name}.sharded=true: {why}. Leave it out.")


def _why_not(name: str, recipe: Recipe) -> str | None:
    if name == DISCRIMINATOR:
        return (
            "gradient penalties differentiate twice, and torch's fully_shard loses the gathered weights on the second "
            "way; a discriminator stays whole in every process, and its generator can be sharded"
        )
    if name not in (GENERATOR, CLASSIFIER):  # autoencoder, detector
        return f"generators and classifiers can be sharded; a player of the kind {name} is asked in more ways than one"
    if recipe.players[name].frozen:
        return f"a part of it waits at first ({name}.frozen), and pieces are gathered for all of a block or for none"
    of_weights = [p.name for p in recipe.penalties if penalties.build(p.name, settings=p.settings).of_weights]
    if name == GENERATOR and of_weights:
        return f"{of_weights[0]} is of weights, and a process has only pieces of them"
    if recipe.objective.settings.get("l1"):
        return "objective.l1 is of weights, and a process has only pieces of them; classifier.decay works"
    return None

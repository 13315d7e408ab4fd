"""Networks whose passes torch compiles: fewer and larger kernels, after a minute or so of compiling."""

import torch
from torch import Tensor

from sparring.engine.game import Player
from sparring.errors import UsageError
from sparring.losses.classification import CLASSIFIER
from sparring.recipe import Recipe


def refuse_uncompilable(recipe: Recipe) -> None:
    """Refuse `compiled` for players whose passes torch does not compile.

    Raises:
        UsageError: says why.
    """
    for name, player in recipe.players.items():
        if player.compiled and name != CLASSIFIER:
            raise UsageError(
                f"--set {name}.compiled=true: classifiers alone are compiled. Gradient penalties differentiate twice, "
                "which torch.compile can't; other players are asked in more ways than one. Leave it out."
            )
        if player.compiled and player.sharded:
            raise UsageError(f"--set {name}.compiled=true does not go with {name}.sharded=true: leave one of them out.")


def compile_passes(player: Player) -> None:
    """Let torch compile the passes of a player's network, each when it is first made.

    Raises:
        UsageError: this machine has no compiler that torch can use.
    """
    try:
        torch.compile(_probe)(torch.zeros(2, device=player.parameters[0].device))
    except Exception as error:  # torch has a dozen kinds, of several packages
        said = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise UsageError(
            f"--set {player.name}.compiled=true: torch.compile does not work here ({said.strip()}). It needs a C++ "
            "compiler, and on a GPU Triton as well. Leave it out."
        ) from error
    player.module.compile()


def _probe(x: Tensor) -> Tensor:
    return (x + 1).sin()

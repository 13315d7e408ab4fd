"""Weights that a new run begins with: those of an earlier one, wherever names and shapes are the same."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from sparring.engine.game import Game, Player
from sparring.engine.sharding import from_whole
from sparring.errors import UsageError
from sparring.job.records import read_recipe
from sparring.runfolder import RunFolder

Named = Mapping[str, Tensor]
SHOWN = 4


def begin_with(game: Game, run: str) -> str:
    """Put the weights of a run's best checkpoint into the players, before the first round; moments begin at nothing.

    A player takes those of the player of its name, or the only one those of the only one: what an encoder has learned
    from pictures alone serves a classifier.

    Returns:
        what was taken and what is new, in a line.

    Raises:
        UsageError, MachineError: there is no such run, or none of its weights fits.
    """
    folder = RunFolder.open(run)
    there = list(read_recipe(folder).players)
    checkpoint = folder.load_checkpoint("best")
    told: list[str] = []
    new: list[str] = []
    matrices = 0
    for player in game.players:
        alone = len(there) == len(game.players) == 1
        source = there[0] if alone else player.name
        raw = checkpoint.tensors.get(source, {})
        missing = _put(player, raw, checkpoint.tensors.get(f"{source}_ema", raw))
        count = len(player.module.state_dict())
        matrices += sum(p.ndim > 1 and name not in missing for name, p in player.module.named_parameters())
        new += [f"{player.name}.{name}" for name in missing]
        told.append(f"{count - len(missing)} of {count} tensors of {player.name}")
    # A bias of as many classes fits anything.
    if not matrices:
        raise UsageError(
            f"--begin-with {run}: none of its matrices has the name and shape of one of these networks. Begin with a "
            "run of the same networks, with the same settings."
        )
    more = f" and {len(new) - SHOWN} more" if len(new) > SHOWN else ""
    fresh = f"; new are {', '.join(new[:SHOWN])}{more}" if new else ""
    return f"begins with {', '.join(told)} from {folder.path.name} at {checkpoint.images / 1000:g} kimg{fresh}"


def _put(player: Player, raw: Named, averaged: Named) -> list[str]:
    """Put them into the module and its average; the names of those that stay as they are."""
    if player.ema is None:
        return _copied(player.module, averaged)
    _copied(player.ema.module, averaged)
    return _copied(player.module, raw)


@torch.no_grad()
def _copied(module: nn.Module, source: Named) -> list[str]:
    missing = []
    for name, value in module.state_dict().items():
        found = source.get(name)
        if found is None or found.shape != value.shape:
            missing.append(name)
        else:
            value.copy_(from_whole(found, like=value))
    return missing

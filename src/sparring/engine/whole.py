"""A game whose players are sharded, with whole weights for rank 0 to look at, to draw and to save."""

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from sparring.engine.game import Game, Player
from sparring.engine.sharding import whole
from sparring.engine.state import capture_player, restore_player
from sparring.nn import ranks


@contextmanager
def in_one_piece(game: Game) -> Iterator[Game]:
    """The game as rank 0 is to see it: within it that rank holds all weights and averages of whoever is sharded.

    Every rank has to enter, for each has pieces to give. Where nobody is sharded it is the game itself.
    """
    held = [twin for player in game.players if (twin := _filled(player)) is not None]
    if not held:
        yield game
        return
    seen = {twin.name: twin for twin in held}
    try:
        for twin in held:
            twin.move(game.precision.device)
        yield dataclasses.replace(game, players=[seen.get(player.name, player) for player in game.players])
    finally:
        for twin in held:
            twin.move(torch.device("cpu"))


def _filled(player: Player) -> Player | None:
    """The twin of one who is sharded, in rank 0, as the player is now."""
    if not player.sharded:
        return None
    keeps = ranks.world().rank == 0
    tensors = {part: _gathered(named, keeps=keeps) for part, named in capture_player(player).items()}
    if player.twin is not None:
        restore_player(player.twin, tensors, steps=player.steps)
    return player.twin


def _gathered(named: Mapping[str, Tensor], *, keeps: bool) -> dict[str, Tensor]:
    """All of them, on the host, one after the other."""
    found = {}
    for name, tensor in named.items():
        value = whole(tensor)
        if keeps:
            found[name] = value.cpu()
    return found

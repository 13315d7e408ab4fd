"""Everything needed to go on, as one explicit structure: tensors by name, and counters.

Batches and all random inputs are pure functions of the counters (see `deal`), so no random state is kept.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from sparring.engine.game import Game, Player
from sparring.engine.sharding import from_piece, from_whole, piece

Tensors = dict[str, dict[str, Tensor]]


def capture(game: Game) -> tuple[Tensors, dict[str, Any]]:
    """The game's tensors (file stem -> name -> tensor, not copied) and its counters."""
    tensors: Tensors = {"objective": game.objective.state()}
    for player in game.players:
        tensors |= {f"{player.name}{part}": named for part, named in capture_player(player).items()}
    counters = {
        "round": game.round,
        "images": game.images,
        "steps": {player.name: player.steps for player in game.players},
    }
    return {stem: named for stem, named in tensors.items() if named}, counters


def capture_player(player: Player) -> Tensors:
    """A player's tensors, not copied: `""` of its module, `_optimizer`, `_counters`, `_ema`."""
    tensors: Tensors = {
        "": dict(player.module.state_dict()),
        "_optimizer": _optimizer_tensors(player),
        "_counters": {"skipped": player.skipped},
    }
    if player.ema is not None:
        tensors["_ema"] = dict(player.ema.module.state_dict())
    return tensors


def restore(game: Game, tensors: Mapping[str, Mapping[str, Tensor]], counters: Mapping[str, Any]) -> None:
    """Put what `capture` gave into a game that was built from the same recipe."""
    game.round, game.images = int(counters["round"]), int(counters["images"])
    game.objective.load_state(tensors.get("objective", {}))
    for player in game.players:
        own = {"": tensors[player.name], "_counters": tensors[f"{player.name}_counters"]}
        own["_optimizer"] = tensors.get(f"{player.name}_optimizer", {})
        if player.ema is not None:
            own["_ema"] = tensors[f"{player.name}_ema"]
        restore_player(player, own, steps=int(counters["steps"][player.name]))


def restore_player(player: Player, tensors: Mapping[str, Mapping[str, Tensor]], *, steps: int) -> None:
    """Put what `capture_player` gave into a player of the same kind."""
    player.steps = steps
    _load(player.module, tensors[""])
    if steps:  # before its first step an optimiser has no moments
        _load_optimizer(player, tensors["_optimizer"])
    player.skipped.copy_(tensors["_counters"]["skipped"])
    if player.ema is not None:
        _load(player.ema.module, tensors["_ema"])


def all_finite(tensors: Mapping[str, Mapping[str, Tensor]]) -> bool:
    """Whether no floating-point value in any tensor is infinite or not a number."""
    floats = [t for named in tensors.values() for t in named.values() if t.is_floating_point()]
    return bool(torch.stack([torch.isfinite(tensor).all() for tensor in floats]).all())


def _load(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    there = module.state_dict()
    module.load_state_dict(
        {name: from_whole(value, like=there[name]) if name in there else value for name, value in tensors.items()},
        strict=True,
    )


def _optimizer_tensors(player: Player) -> dict[str, Tensor]:
    """Moments and step counts keyed by the parameter's name, so that they survive a change of the parameters' order."""
    state = player.optimizer.state
    return {
        f"{name}.{key}": from_piece(value, like=parameter) if value.shape == own.shape else value
        for name, parameter, own in _named(player)
        for key, value in state.get(own, {}).items()
        if isinstance(value, Tensor)
    }


def _load_optimizer(player: Player, tensors: Mapping[str, Tensor]) -> None:
    owned = {name: (parameter, own) for name, parameter, own in _named(player)}
    for key, value in tensors.items():
        name, _, moment = key.rpartition(".")
        parameter, own = owned[name]
        if value.shape == parameter.shape:
            # A fused optimiser walks memory in order: moments must lie as their parameter does.
            placed, value = torch.empty_like(own), piece(from_whole(value, like=parameter))
        else:
            placed = torch.empty_like(value, device=own.device)
        player.optimizer.state[own][moment] = placed.detach().copy_(value)


def _named(player: Player) -> list[tuple[str, nn.Parameter, nn.Parameter]]:
    """Each parameter with its name, and what the optimiser moves of it."""
    named = player.module.named_parameters()
    return [(name, parameter, own) for (name, parameter), own in zip(named, player.own, strict=True)]

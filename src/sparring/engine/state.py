"""Everything needed to go on, as one explicit structure: tensors by name, and counters.

Batches and all random inputs are pure functions of the counters (see `deal`), so no random state is kept.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from sparring.engine.game import Game, Player

Tensors = dict[str, dict[str, Tensor]]


def capture(game: Game) -> tuple[Tensors, dict[str, Any]]:
    """The game's tensors (file stem -> name -> tensor, not copied) and its counters."""
    tensors: Tensors = {"objective": game.objective.state()}
    for player in game.players:
        tensors[player.name] = dict(player.module.state_dict())
        tensors[f"{player.name}_optimizer"] = _optimizer_tensors(player)
        tensors[f"{player.name}_counters"] = {"skipped": player.skipped}
        if player.ema is not None:
            tensors[f"{player.name}_ema"] = dict(player.ema.module.state_dict())
    counters = {
        "round": game.round,
        "images": game.images,
        "steps": {player.name: player.steps for player in game.players},
    }
    return {stem: named for stem, named in tensors.items() if named}, counters


def restore(game: Game, tensors: Mapping[str, Mapping[str, Tensor]], counters: Mapping[str, Any]) -> None:
    """Put what `capture` gave into a game that was built from the same recipe."""
    game.round, game.images = int(counters["round"]), int(counters["images"])
    game.objective.load_state(tensors.get("objective", {}))
    for player in game.players:
        player.steps = int(counters["steps"][player.name])
        _load(player.module, tensors[player.name])
        if player.steps:  # before its first step an optimiser has no moments
            _load_optimizer(player, tensors.get(f"{player.name}_optimizer", {}))
        player.skipped.copy_(tensors[f"{player.name}_counters"]["skipped"])
        if player.ema is not None:
            _load(player.ema.module, tensors[f"{player.name}_ema"])


def all_finite(tensors: Mapping[str, Mapping[str, Tensor]]) -> bool:
    """Whether no floating-point value in any tensor is infinite or not a number."""
    floats = [t for named in tensors.values() for t in named.values() if t.is_floating_point()]
    return bool(torch.stack([torch.isfinite(tensor).all() for tensor in floats]).all())


def _load(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    module.load_state_dict(dict(tensors), strict=True)


def _optimizer_tensors(player: Player) -> dict[str, Tensor]:
    """Moments and step counts keyed by the parameter's name, so that they survive a change of the parameters' order."""
    state = player.optimizer.state
    return {
        f"{name}.{key}": value
        for name, parameter in player.module.named_parameters()
        for key, value in state.get(parameter, {}).items()
        if isinstance(value, Tensor)
    }


def _load_optimizer(player: Player, tensors: Mapping[str, Tensor]) -> None:
    parameters = dict(player.module.named_parameters())
    for key, value in tensors.items():
        name, _, moment = key.rpartition(".")
        parameter = parameters[name]
        # A fused optimiser walks memory in order: moments must lie as their parameter does.
        placed = (
            torch.empty_like(parameter)
            if value.shape == parameter.shape
            else torch.empty_like(value, device=parameter.device)
        )
        player.optimizer.state[parameter][moment] = placed.detach().copy_(value)

"""What reaches each layer of a network: lengths of gradients and spreads of activations, from the first to the last.

A signal that vanishes or explodes does so from layer to layer (Hochreiter 1991; Pascanu et al., arXiv:1211.5063).
"""

import copy
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from sparring.engine.deal import to_device, to_unit
from sparring.engine.game import Game
from sparring.engine.record import Observed
from sparring.metrics.accuracy import HeldOut

MOST = 8
"""Layers that are looked at: the first, the last, and some between."""


class LayersWatch:
    """Observer: gradients by each layer's weights and the spread of what it gives, for one batch of training examples.

    Args:
        examples: with labels; a few dozen are enough.
        module: the classifier; only the names of its layers are taken.
    """

    def __init__(self, examples: HeldOut, module: nn.Module, *, player: str) -> None:
        self._examples, self._player = examples, player
        self._names = some_layers(module)
        note = f"for {len(examples)} training examples"
        self.columns: Mapping[str, str] = {
            **{f"grad_norm_{name}": f"root mean square of the gradient by its weights, {note}" for name in self._names},
            **{f"activation_{name}": f"standard deviation of what it gives, {note}" for name in self._names},
        }

    def observe(self, game: Game) -> Observed:
        """The columns now; the game's own networks stay as they are."""
        player = game.player(self._player)
        module = copy.deepcopy(player.module).train().requires_grad_(True)
        stored = to_device(torch.from_numpy(self._examples.x), game.precision.device)
        y_B = to_device(torch.from_numpy(self._examples.y), game.precision.device)
        layers = dict(module.named_modules())
        with torch.enable_grad(), _spreads(layers, self._names) as spreads, game.precision.autocast():
            loss = nn.functional.cross_entropy(module(to_unit(stored, game.precision.weights)).float(), y_B)
            weights = [layers[name].weight for name in self._names]
            slopes = torch.autograd.grad(loss, weights)
        norms = {f"grad_norm_{n}": _rms(slope) for n, slope in zip(self._names, slopes, strict=True)}
        return Observed(values=norms | {f"activation_{name}": float(spread) for name, spread in spreads.items()})


def some_layers(module: nn.Module) -> list[str]:
    """Names of up to eight layers that are convolutions or matrices, in the order of the network, its ends included."""
    kinds = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
    names = [name for name, part in module.named_modules() if isinstance(part, kinds)]
    if len(names) <= MOST:
        return names
    return [names[round(place * (len(names) - 1) / (MOST - 1))] for place in range(MOST)]


@contextmanager
def _spreads(layers: Mapping[str, nn.Module], names: list[str]) -> Iterator[dict[str, Tensor]]:
    found: dict[str, Tensor] = {}

    def noting(name: str) -> torch.utils.hooks.RemovableHandle:
        def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            found[name] = output.detach().float().std()

        return layers[name].register_forward_hook(note)

    handles = [noting(name) for name in names]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def _rms(slope: Tensor) -> float:
    return float(slope.float().norm()) / math.sqrt(slope.numel())

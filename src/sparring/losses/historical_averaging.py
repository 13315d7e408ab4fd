"""Historical averaging: weights are drawn to the mean of what they have been, so that play does not go in circles.

Paper: Salimans, Goodfellow, Zaremba, Cheung, Radford, Chen, "Improved techniques for training GANs", arXiv:1606.03498,
section 3.3. The mean is over the weights at the start and after every step. The paper gives no strength.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from sparring.losses.base import DISCRIMINATOR, GENERATOR, Penalty, Play, penalties
from sparring.registry import Range

COUNT = "count"


@penalties("historical-averaging", paper="arXiv:1606.03498, section 3.3")
class HistoricalAveraging(Penalty):
    """weight times the squared distance of a player's weights from the mean of all they have been."""

    name = "historical-averaging"
    players: ClassVar[frozenset[str]] = frozenset({DISCRIMINATOR, GENERATOR})
    of_weights: ClassVar[bool] = True

    def __init__(
        self,
        *,
        weight: Annotated[float, "strength", Range(0.0)] = 0.001,
        every: Annotated[int, "evaluated once in so many updates, with so many times the weight", Range(1)] = 1,
    ) -> None:
        self.weight = weight
        self.every = every
        self._means: dict[str, dict[str, Tensor]] = {}
        """By player: the mean of each weight, by its name, and how many values it is of."""

    def __call__(self, play: Play) -> Tensor:
        """The squared distance, weighted, []. 0 at first, when there is no past."""
        module = play.generator if play.player == GENERATOR else play.discriminator
        means = self._mean(play.player, module)
        squares = [(weight - means[name]).square().sum() for name, weight in module.named_parameters()]
        return self.weight * self.every * torch.stack(squares).sum()

    @torch.no_grad()
    def after_step(self, player: str, module: nn.Module) -> None:
        """See `Penalty.after_step`."""
        means = self._mean(player, module)
        means[COUNT] += 1
        for name, weight in module.named_parameters():
            means[name] += (weight - means[name]) / means[COUNT]

    def state(self) -> dict[str, Tensor]:
        """See `Penalty.state`."""
        return {f"{player}.{name}": mean for player, means in self._means.items() for name, mean in means.items()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """See `Penalty.load_state`."""
        self._means = {}
        for key, mean in state.items():
            player, _, name = key.partition(".")
            self._means.setdefault(player, {})[name] = mean.clone()

    def _mean(self, player: str, module: nn.Module) -> dict[str, Tensor]:
        if player not in self._means:
            self._means[player] = {name: weight.detach().clone() for name, weight in module.named_parameters()}
            self._means[player][COUNT] = torch.ones(())
        device = next(module.parameters()).device
        self._means[player] = {name: mean.to(device) for name, mean in self._means[player].items()}
        return self._means[player]

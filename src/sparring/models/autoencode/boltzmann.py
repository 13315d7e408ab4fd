"""`rbm`: the restricted Boltzmann machine, an energy over black and white points and hidden units.

Sources: Smolensky 1986 (harmonium); Hinton 2002 (Neural Computation 14); Hinton, "A practical guide to training
restricted Boltzmann machines", 2010 (UTML TR 2010-003), whose section 8 sets the weights before training.
E(v, h) = -b v - c h - v W h with v and h of zeros and ones, p(v, h) = exp(-E(v, h)) / Z.

Shape suffixes: B examples, V visible points, H hidden units.
"""

import math
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, softplus

from sparring.data.spec import Spec
from sparring.models.autoencode.base import Autoencoder, autoencoders, flat_pictures
from sparring.nn.wide import widened
from sparring.registry import Range

FIRST_SD = 0.01
LEAST_SHARE = 0.01
"""A point that was never white is given this probability at first: a logit of minus infinity could not be unlearned."""


@autoencoders("rbm", paper="Hinton 2010 (UTML TR 2010-003)")
class RestrictedBoltzmann(Autoencoder):
    """Hidden units are independent given the points, and points given the units: either is sampled in one pass.

    As an autoencoder its code is P(h = 1 | v), and it rebuilds P(v = 1 | h) of that.
    """

    unit_code = True

    def __init__(
        self,
        spec: Spec,
        *,
        hidden: Annotated[int, "hidden units", Range(1)] = 256,
        gibbs: Annotated[int, "steps of Gibbs sampling from noise to a sample", Range(1)] = 200,
    ) -> None:
        super().__init__()
        pictures = flat_pictures(spec, least=1)
        self.shape = (pictures.channels, pictures.height, pictures.width)
        self.code = (hidden,)
        self.gibbs = gibbs
        visible = math.prod(self.shape)
        self.weight_HV = nn.Parameter(torch.randn(hidden, visible) * FIRST_SD)
        self.visible_bias_V = nn.Parameter(torch.zeros(visible))
        self.hidden_bias_H = nn.Parameter(torch.zeros(hidden))
        self.base_V: Tensor
        self.register_buffer("base_V", torch.zeros(visible))

    def begin(self, x: Tensor) -> None:
        """The points' own frequencies are the first biases, and the base rates that annealing starts from."""
        share_V = self.bits(x).float().mean(0).clamp(LEAST_SHARE, 1 - LEAST_SHARE)
        with torch.no_grad():
            self.visible_bias_V.copy_(share_V.logit())
            self.base_V.copy_(share_V.logit())

    def bits(self, x: Tensor) -> Tensor:
        """Pictures [B, C, H, W] in [-1, 1] as points [B, V] in [0, 1]."""
        return ((x + 1) / 2).flatten(1)

    def pictures(self, v_BV: Tensor) -> Tensor:
        """Points [B, V] in [0, 1] as pictures [B, C, H, W] in [-1, 1]."""
        return (2 * v_BV - 1).view(-1, *self.shape)

    def hidden_logits(self, v_BV: Tensor) -> Tensor:
        """log P(h = 1 | v) / P(h = 0 | v), [B, H]."""
        return linear(v_BV, self.weight_HV, self.hidden_bias_H)

    def visible_logits(self, h_BH: Tensor) -> Tensor:
        """log P(v = 1 | h) / P(v = 0 | h), [B, V]."""
        return linear(h_BH, self.weight_HV.T, self.visible_bias_V)

    def free_energy(self, v_BV: Tensor) -> Tensor:
        """F(v) = -log sum over h of exp(-E(v, h)) = -b v - sum softplus(c + W v), nats, [B]."""
        logit_BH = widened(self.hidden_logits(v_BV))
        kind = logit_BH.dtype
        return -(v_BV.to(kind) @ self.visible_bias_V.to(kind)) - softplus(logit_BH).sum(1)

    @torch.no_grad()
    def gibbs_step(self, v_BV: Tensor, draw: torch.Generator | None = None) -> Tensor:
        """One step of Gibbs sampling, h given v and v given h: points [B, V] of zeros and ones.

        Args:
            draw: on the same device; None: the process's own.
        """
        h_BH = torch.bernoulli(self.hidden_logits(v_BV).float().sigmoid(), generator=draw).to(v_BV.dtype)
        return torch.bernoulli(self.visible_logits(h_BH).float().sigmoid(), generator=draw).to(v_BV.dtype)

    def encode(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """P(h = 1 | v), [B, H]."""
        return self.hidden_logits(self.bits(x)).sigmoid()

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Logits of P(v = 1 | h), [B, C, H, W]."""
        return self.visible_logits(z).view(-1, *self.shape)

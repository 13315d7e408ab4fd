"""An autoencoder as a generator, where its codes or its points have a distribution to draw from."""

import zlib

import torch
from torch import Tensor

from sparring.losses.reconstruction_error import ReconstructionLoss
from sparring.models.autoencode.base import Autoencoder, Variational
from sparring.models.autoencode.boltzmann import RestrictedBoltzmann
from sparring.models.gan.base import Generator


class Prior(Generator):
    """A variational autoencoder as a generator: z from the prior to the mean of p(x | z)."""

    def __init__(self, module: Variational, loss: ReconstructionLoss) -> None:
        super().__init__()
        self.module = module
        self.loss = loss
        self.z_dim = module.z_dim
        self.classes = module.classes

    def forward(self, z_BZ: Tensor, condition: Tensor | None = None) -> Tensor:
        """See `Generator.forward`."""
        return self.loss.shown(self.module.decode(z_BZ, condition))


class GibbsChains(Generator):
    """A Boltzmann machine as a generator: hidden units from the signs of z, Gibbs sampling, then P(v = 1 | h).

    What each step draws follows from all of z together, so that the same noise gives the same samples.
    """

    def __init__(self, module: RestrictedBoltzmann) -> None:
        super().__init__()
        self.module = module
        self.z_dim = module.code_size

    def forward(self, z_BZ: Tensor, condition: Tensor | None = None) -> Tensor:
        """See `Generator.forward`."""
        module = self.module
        draw = torch.Generator(z_BZ.device).manual_seed(zlib.crc32(z_BZ.float().cpu().numpy().tobytes()))
        start_BV = module.visible_logits((z_BZ > 0).to(z_BZ.dtype)).float().sigmoid()
        v_BV = torch.bernoulli(start_BV, generator=draw).to(z_BZ.dtype)
        for _ in range(module.gibbs):
            v_BV = module.gibbs_step(v_BV, draw)
        h_BH = torch.bernoulli(module.hidden_logits(v_BV).float().sigmoid(), generator=draw).to(z_BZ.dtype)
        return module.pictures(module.visible_logits(h_BH).sigmoid())


def sampler_of(module: Autoencoder, loss: ReconstructionLoss) -> Generator | None:
    """What makes samples of it; None where nothing does."""
    if isinstance(module, Variational):
        return Prior(module, loss).eval()
    if isinstance(module, RestrictedBoltzmann):
        return GibbsChains(module).eval()
    return None

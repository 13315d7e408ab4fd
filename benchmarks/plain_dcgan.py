"""DCGAN trained by the loop that everybody writes: the baseline.

It follows PyTorch's DCGAN example line by line (networks, three separate passes of the discriminator, fp32, NCHW,
Adam as it comes, the losses read after every step) and imports nothing of sparring. It is kept plain on purpose: do
not make it faster.
"""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn


def plain_generator(*, stages: int = 4, width: int = 64, z_dim: int = 100, channels: int = 3) -> nn.Sequential:
    """[B, Z, 1, 1] to [B, C, S, S] in [-1, 1], S being 4 times 2 to the power of `stages`."""
    widths = [width * 2**stage for stage in reversed(range(stages))]
    layers: list[nn.Module] = [
        nn.ConvTranspose2d(z_dim, widths[0], 4, 1, 0, bias=False),
        nn.BatchNorm2d(widths[0]),
        nn.ReLU(True),
    ]
    for inputs, outputs in pairwise(widths):
        layers.append(nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False))
        layers.append(nn.BatchNorm2d(outputs))
        layers.append(nn.ReLU(True))
    layers.append(nn.ConvTranspose2d(widths[-1], channels, 4, 2, 1, bias=False))
    layers.append(nn.Tanh())
    return nn.Sequential(*layers)


def plain_discriminator(*, stages: int = 4, width: int = 64, channels: int = 3) -> nn.Sequential:
    """[B, C, S, S] to logits [B, 1, 1, 1]."""
    widths = [width * 2**stage for stage in range(stages)]
    layers: list[nn.Module] = [nn.Conv2d(channels, widths[0], 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True)]
    for inputs, outputs in pairwise(widths):
        layers.append(nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False))
        layers.append(nn.BatchNorm2d(outputs))
        layers.append(nn.LeakyReLU(0.2, inplace=True))
    layers.append(nn.Conv2d(widths[-1], 1, 4, 1, 0, bias=False))
    return nn.Sequential(*layers)


def weights_init(module: nn.Module) -> None:
    """The example's initial weights; used as `net.apply(weights_init)`."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def load_batch(images: npt.NDArray[np.uint8], chosen: npt.NDArray[np.int64]) -> Tensor:
    """Pictures uint8 [N, H, W, C] at `chosen` [B] as float [B, C, H, W] in [-1, 1], as a DataLoader hands them out."""
    batch = torch.from_numpy(images[chosen]).permute(0, 3, 1, 2).contiguous()
    return batch.float() / 127.5 - 1.0


class PlainDCGAN:
    """Two networks, two optimizers and the training step."""

    def __init__(
        self,
        *,
        stages: int = 4,
        width: int = 64,
        z_dim: int = 100,
        channels: int = 3,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        self.net_g = plain_generator(stages=stages, width=width, z_dim=z_dim, channels=channels).to(device, dtype)
        self.net_d = plain_discriminator(stages=stages, width=width, channels=channels).to(device, dtype)
        self.net_g.apply(weights_init)
        self.net_d.apply(weights_init)
        self.criterion = nn.BCEWithLogitsLoss()
        self.optimizer_d = torch.optim.Adam(self.net_d.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.optimizer_g = torch.optim.Adam(self.net_g.parameters(), lr=2e-4, betas=(0.5, 0.999))

    def step(self, real: Tensor, noise: Tensor) -> tuple[float, float]:
        """Train D, then G, once on pictures [B, C, S, S] and noise [B, Z, 1, 1]; returns the losses of D and of G."""
        # (1) Update D network: maximize log(D(x)) + log(1 - D(G(z)))
        self.net_d.zero_grad()
        label = torch.ones(real.size(0), dtype=real.dtype, device=real.device)
        output = self.net_d(real).view(-1)
        err_d_real = self.criterion(output, label)
        err_d_real.backward()

        fake = self.net_g(noise)
        label = torch.zeros_like(label)
        output = self.net_d(fake.detach()).view(-1)
        err_d_fake = self.criterion(output, label)
        err_d_fake.backward()
        err_d = err_d_real + err_d_fake
        self.optimizer_d.step()

        # (2) Update G network: maximize log(D(G(z)))
        self.net_g.zero_grad()
        label = torch.ones_like(label)
        output = self.net_d(fake).view(-1)
        err_g = self.criterion(output, label)
        err_g.backward()
        self.optimizer_g.step()
        return err_d.item(), err_g.item()

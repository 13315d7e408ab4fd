"""A small DCGAN trained by the loop that everybody writes: the baseline of a first evening with GANs.

Upsampling and 3x3 convolutions against four strided ones with dropout, probabilities and their cross-entropy, the
generator's turn first, Adam at 2e-4, fp32, pictures resized one at a time by Pillow in a DataLoader: the network and
the settings of PyTorch-GAN's dcgan, its batch norm with an epsilon of 0.8 included. It imports nothing of sparring and
is kept plain on purpose: do not make it faster.
"""

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import Dataset

BATCH, Z, RATE, BETAS = 64, 100, 2e-4, (0.5, 0.999)


class PlainImages(Dataset[Tensor]):
    """Pictures uint8 [N, H, W, C], one at a time, resized to a square: float [C, S, S] in [-1, 1]."""

    def __init__(self, pictures: npt.NDArray[np.uint8], side: int) -> None:
        self.pictures, self.side = pictures, side

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> Tensor:
        picture = resized(self.pictures[index], self.side)
        tensor = torch.from_numpy(picture).permute(2, 0, 1).float() / 255
        return (tensor - 0.5) / 0.5


def resized(picture: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    """[H, W, C] to [S, S, C], bilinear, as transforms do."""
    image = Image.fromarray(picture.squeeze()).resize((side, side), Image.Resampling.BILINEAR)
    return np.array(image).reshape(side, side, -1)


class PlainGenerator(nn.Module):
    """[B, Z] to [B, C, S, S] in [-1, 1]."""

    def __init__(self, side: int, channels: int) -> None:
        super().__init__()
        self.start = side // 4
        self.linear = nn.Linear(Z, 128 * self.start**2)
        self.blocks = nn.Sequential(
            nn.BatchNorm2d(128),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(128, 128, 3, padding=1),
            nn.BatchNorm2d(128, 0.8),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(128, 64, 3, padding=1),
            nn.BatchNorm2d(64, 0.8),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(64, channels, 3, padding=1),
            nn.Tanh(),
        )

    def forward(self, z: Tensor) -> Tensor:
        """The pictures."""
        start = self.linear(z).view(len(z), 128, self.start, self.start)
        made: Tensor = self.blocks(start)
        return made


class PlainDiscriminator(nn.Module):
    """[B, C, S, S] to the probability [B, 1] that a picture is real."""

    def __init__(self, side: int, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = channels
        for outputs in (16, 32, 64, 128):
            layers += [nn.Conv2d(inputs, outputs, 3, 2, 1), nn.LeakyReLU(0.2, inplace=True), nn.Dropout2d(0.25)]
            if inputs != channels:
                layers.append(nn.BatchNorm2d(outputs, 0.8))
            inputs = outputs
        self.blocks = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Linear(128 * (side // 16) ** 2, 1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        """The probabilities."""
        probability: Tensor = self.head(self.blocks(x).flatten(1))
        return probability


def weights_init(module: nn.Module) -> None:
    """Initial weights; used as `net.apply(weights_init)`."""
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


class PlainGAN:
    """Two networks, two optimizers and the training step."""

    def __init__(self, *, side: int, channels: int) -> None:
        self.net_g = PlainGenerator(side, channels)
        self.net_d = PlainDiscriminator(side, channels)
        self.net_g.apply(weights_init)
        self.net_d.apply(weights_init)
        self.criterion = nn.BCELoss()
        self.optimizer_g = torch.optim.Adam(self.net_g.parameters(), lr=RATE, betas=BETAS)
        self.optimizer_d = torch.optim.Adam(self.net_d.parameters(), lr=RATE, betas=BETAS)

    def step(self, real: Tensor, noise: Tensor) -> tuple[float, float]:
        """Train G, then D, once on pictures [B, C, S, S] and noise [B, Z]; returns the losses of D and of G."""
        valid, fake = torch.ones(len(real), 1), torch.zeros(len(real), 1)
        self.optimizer_g.zero_grad()
        made = self.net_g(noise)
        g_loss = self.criterion(self.net_d(made), valid)
        g_loss.backward()
        self.optimizer_g.step()

        self.optimizer_d.zero_grad()
        real_loss = self.criterion(self.net_d(real), valid)
        fake_loss = self.criterion(self.net_d(made.detach()), fake)
        d_loss = (real_loss + fake_loss) / 2
        d_loss.backward()
        self.optimizer_d.step()
        return d_loss.item(), g_loss.item()

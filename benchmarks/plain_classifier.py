"""ResNet-20 trained on small pictures by the loop that everybody writes: the baseline.

Batch 128, descent with momentum 0.9 at a rate of 0.1 in one cycle, weights decayed by 1e-4, each picture padded by 4
points, cut out at random and mirrored by Pillow, a DataLoader with two workers, fp32. It imports nothing of sparring
and is kept plain on purpose: do not make it faster.
"""

import random
import time
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

BATCH, RATE, MOMENTUM, DECAY, PADDING, WORKERS = 128, 0.1, 0.9, 1e-4, 4, 2


class PlainBlock(nn.Module):
    """Two 3x3 convolutions with batch norm, and a shortcut without parameters (He et al. 2015, option A)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.added = outputs - inputs
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] to [B, O, H', W']."""
        out = torch.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.added:
            x = nn.functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added))
        return torch.relu(out + x)


class PlainResNet20(nn.Module):
    """6 x 3 + 2 layers of 16, 32 and 64 channels."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn = nn.BatchNorm2d(16)
        sizes = [(16, 16, 1)] * 3 + [(16, 32, 2)] + [(32, 32, 1)] * 2 + [(32, 64, 2)] + [(64, 64, 1)] * 2
        self.blocks = nn.Sequential(*(PlainBlock(*size) for size in sizes))
        self.linear = nn.Linear(64, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [B, K]."""
        out = self.blocks(torch.relu(self.bn(self.conv(x))))
        logits: Tensor = self.linear(out.mean((2, 3)))
        return logits


class PlainPictures(Dataset[tuple[Tensor, int]]):
    """Pictures uint8 [N, H, W, 3] and labels, one at a time; those to train on are changed."""

    def __init__(self, x: npt.NDArray[np.uint8], y: npt.NDArray[np.int64], *, train: bool) -> None:
        self.x, self.y, self.train = x, y, train

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = Image.fromarray(self.x[index])
        if self.train:
            padded = ImageOps.expand(image, PADDING)
            left, top = random.randint(0, 2 * PADDING), random.randint(0, 2 * PADDING)
            image = padded.crop((left, top, left + image.width, top + image.height))
            image = ImageOps.mirror(image) if random.random() < 0.5 else image
        tensor = torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255
        return (tensor - 0.5) / 0.5, int(self.y[index])


class PlainTraining:
    """The loop, an epoch at a time.

    Args:
        epochs: length of the cycle.
        model: in the place of ResNet-20.
        device: where it trains; the DataLoader stays on the CPU.
    """

    def __init__(
        self,
        x: npt.NDArray[np.uint8],
        y: npt.NDArray[np.int64],
        *,
        epochs: int,
        seed: int = 0,
        model: nn.Module | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        torch.manual_seed(seed)
        random.seed(seed)
        pictures = PlainPictures(x, y, train=True)
        self.loader = DataLoader(pictures, BATCH, shuffle=True, num_workers=WORKERS, drop_last=True)
        self.model = (model or PlainResNet20()).to(device)
        self.device = device
        self.optimizer = torch.optim.SGD(self.model.parameters(), RATE, MOMENTUM, weight_decay=DECAY, nesterov=True)
        steps = epochs * len(self.loader)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(self.optimizer, RATE, total_steps=steps)
        self.epochs = epochs

    def steps(self) -> Iterator[float]:
        """Seconds of each step, its data included, until the cycle is over."""
        for _ in range(self.epochs):
            started = time.perf_counter()
            for pictures, labels in self.loader:
                x, y = pictures.to(self.device), labels.to(self.device)
                loss = nn.functional.cross_entropy(self.model(x), y)
                self.optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                self.optimizer.step()
                self.schedule.step()
                now = time.perf_counter()
                yield now - started
                started = now

    @torch.no_grad()
    def accuracy(self, x: npt.NDArray[np.uint8], y: npt.NDArray[np.int64]) -> float:
        """Share named right."""
        self.model.eval()
        right = 0
        for pictures, labels in DataLoader(PlainPictures(x, y, train=False), 500):
            right += int((self.model(pictures.to(self.device)).argmax(1).cpu() == labels).sum())
        self.model.train()
        return right / len(x)

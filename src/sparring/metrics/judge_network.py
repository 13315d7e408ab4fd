"""The judge's network: a small convolutional classifier that is quick to fit and quicker to ask."""

import torch
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval

FEATURES = 64
LARGEST = 32
"""Pictures are shrunk until the shorter side has so many points: a judge of layout and strokes needs no more."""

COARSE = 16
"""From this side on the first convolution halves the map, which makes everything behind it four times cheaper."""


def native_side(height: int, width: int) -> tuple[int, int]:
    """Height and width that pictures are judged at.

    >>> native_side(64, 64), native_side(28, 28), native_side(64, 128)
    ((32, 32), (28, 28), (32, 64))
    """
    shorter = min(height, width)
    if shorter <= LARGEST:
        return height, width
    return round(height * LARGEST / shorter), round(width * LARGEST / shorter)


class Block(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=1, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """[B, C, H, W] to [B, O, H', W']."""
        return torch.relu_(self.norm(self.convolution(x_BCHW)))

    def fuse(self) -> None:
        """Fold the norm into the convolution: the same answers in evaluation mode, one pass over memory less."""
        assert isinstance(self.norm, nn.BatchNorm2d)
        self.convolution = fuse_conv_bn_eval(self.convolution, self.norm)
        self.norm = nn.Identity()


class JudgeNetwork(nn.Module):
    """Pictures to `FEATURES` features, and features to a logit for each class.

    Args:
        channels, height, width: of the pictures, see `native_side`.
        classes: number of classes.
    """

    def __init__(self, channels: int, height: int, width: int, classes: int) -> None:
        super().__init__()
        coarse = min(height, width) >= COARSE
        # Photographs are told apart by more than writing is; icons of 8 points have little to be told apart by.
        w = 32 if coarse and channels >= 3 else 16
        self.stem = Block(channels, w, kernel=4, stride=2) if coarse else Block(channels, w)
        self.blocks = nn.ModuleList([Block(w, 2 * w), Block(2 * w, 4 * w), Block(4 * w, 4 * w)])
        self.pool = nn.MaxPool2d(2, ceil_mode=True)
        self.embed = nn.Linear(4 * w, FEATURES)
        self.head = nn.Linear(FEATURES, classes)

    def features(self, x_BCHW: Tensor) -> Tensor:
        """Features [B, FEATURES] of pictures in [-1, 1]."""
        h_BCHW = self.stem(x_BCHW)
        for index, block in enumerate(self.blocks):
            h_BCHW = block(h_BCHW if index == 0 else self.pool(h_BCHW))
        embedded: Tensor = self.embed(h_BCHW.mean((2, 3)))
        return torch.relu(embedded)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Logits [B, K]."""
        logits: Tensor = self.head(self.features(x_BCHW))
        return logits

    def fused(self) -> "JudgeNetwork":
        """This network with every norm folded away; in evaluation mode, for asking alone."""
        for part in self.eval().modules():
            if isinstance(part, Block):
                part.fuse()
        return self.requires_grad_(False)

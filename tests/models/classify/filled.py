"""Networks of two libraries with the same weights, and what one of them said."""

import numpy as np
import torch
from torch import Tensor, nn

from sparring.data.spec import ImageSpec


def pictures_of(side: int, *, classes: int = 10, channels: int = 3) -> ImageSpec:
    return ImageSpec(channels=channels, height=side, width=side, classes=tuple(map(str, range(classes))))


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@torch.no_grad()
def filled(module: nn.Module) -> nn.Module:
    """The module in evaluation mode with weights that depend on their order and shapes alone, whoever made it."""
    draw = np.random.RandomState(0)  # a stream that is frozen
    for name, tensor in module.state_dict().items():
        if not tensor.is_floating_point():
            continue
        noise = torch.from_numpy(draw.standard_normal(tuple(tensor.shape)).astype(np.float32))
        plain = tensor.squeeze()
        if plain.ndim > 1:
            tensor.copy_(noise * (2 / plain[0].numel()) ** 0.5)
        else:
            tensor.copy_(0.1 * noise.clamp(-3, 3) + name.endswith(("weight", "running_var")))
    return module.eval()


def seen_pictures(spec: ImageSpec) -> Tensor:
    values = np.random.RandomState(1).uniform(-1, 1, (2, spec.channels, spec.height, spec.width))
    return torch.from_numpy(values.astype(np.float32))


@torch.no_grad()
def logits(module: nn.Module, spec: ImageSpec) -> Tensor:
    logit_BK: Tensor = filled(module)(seen_pictures(spec))
    return logit_BK


def assert_same(ours: nn.Module, theirs: nn.Module, spec: ImageSpec) -> None:
    """Equal parameters, and logits equal to 1e-5 of their size."""
    assert count(ours) == count(theirs)
    expected = logits(theirs, spec)
    torch.testing.assert_close(logits(ours, spec), expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


def assert_says(ours: nn.Module, stored: list[list[float]], spec: ImageSpec) -> None:
    """Logits of the first classes as they were stored, to 2e-4 of their size."""
    expected = torch.tensor(stored)
    found = logits(ours, spec)[:, : expected.shape[1]]
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-4 * float(expected.abs().max()))


def maps(module: nn.Module, spec: ImageSpec) -> list[tuple[int, ...]]:
    """The shapes of what each direct child of a chain gives, without the batch; nothing is computed."""
    shapes: list[tuple[int, ...]] = []
    with torch.device("meta"):
        x_BCHW = torch.zeros(1, spec.channels, spec.height, spec.width)
        for child in module.children():
            x_BCHW = child(x_BCHW)
            shapes.append(tuple(x_BCHW.shape[1:]))
    return shapes

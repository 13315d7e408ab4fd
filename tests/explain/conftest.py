from collections.abc import Iterator

import pytest
import torch
from torch import nn

from sparring.explain.table import Layer, Table, tabulate


@pytest.fixture
def meta() -> Iterator[None]:
    """Modules and tensors without memory."""
    with torch.device("meta"):
        yield


def table(module: nn.Module, *shape: int) -> Table:
    """Of a network that takes one tensor, whose shape has no batch."""
    return tabulate("net", "classifier", module, torch.empty(1, *shape))


def rows(module: nn.Module, *shape: int) -> dict[str, Layer]:
    """Its rows by name."""
    return {layer.name: layer for layer in table(module, *shape).layers}

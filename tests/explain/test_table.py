"""The table's numbers: by hand, from the papers, and from torch's own counter."""

import json

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.utils.flop_counter import FlopCounterMode

from explain.conftest import rows, table
from sparring.explain.table import Layer
from sparring.nn.maxout import Maxout
from sparring.nn.weight_norm import WeightNormConv2d

pytestmark = pytest.mark.usefixtures("meta")


def only(module: nn.Module, *shape: int) -> Layer:
    (row,) = rows(nn.Sequential(module).to("meta"), *shape).values()
    return row


def test_ten_kernels_of_five_by_five() -> None:
    row = only(nn.Conv2d(3, 10, 5, 1, 2), 3, 32, 32)
    assert (row.output, row.parameters, row.formula) == ((10, 32, 32), 760, "(5 x 5 x 3) x 10 + 10 = 760")
    assert (row.kernel, row.stride, row.padding, row.receptive_field) == ((5, 5), (1, 1), (2, 2), (5, 5))
    assert row.multiply_adds == 32 * 32 * 10 * 75


def test_alexnets_first_two_convolutions() -> None:
    net = nn.Sequential(nn.Conv2d(3, 96, 11, 4), nn.MaxPool2d(3, 2), nn.Conv2d(96, 256, 5, padding=2, groups=2))
    first, pool, second = rows(net, 3, 227, 227).values()
    assert (first.output, first.formula) == ((96, 55, 55), "(11 x 11 x 3) x 96 + 96 = 34,944")
    assert (pool.output, pool.kernel, pool.stride, pool.padding) == ((96, 27, 27), (3, 3), (2, 2), (0, 0))
    assert (second.formula, second.cells[3]) == ("(5 x 5 x 48) x 256 + 256 = 307,456", "5x5, 2 groups")
    assert second.multiply_adds == 27 * 27 * 256 * 25 * 48
    assert [first.receptive_field, pool.receptive_field, second.receptive_field] == [(11, 11), (19, 19), (51, 51)]


def test_a_one_by_one_convolution_spares_inceptions_5x5_branch_nine_tenths() -> None:
    """GoogLeNet's module 3a, 28x28x192 to 32 maps: 120.4 and 12.4 million multiply-adds."""
    plain = table(nn.Conv2d(192, 32, 5, padding=2), 192, 28, 28)
    reduced = table(nn.Sequential(nn.Conv2d(192, 16, 1), nn.Conv2d(16, 32, 5, padding=2)), 192, 28, 28)
    assert (plain.multiply_adds, reduced.multiply_adds) == (120_422_400, 12_443_648)


@pytest.mark.parametrize(
    ("module", "shape", "output", "formula"),
    [
        (nn.Conv1d(2, 4, 3, 2), (2, 9), (4, 4), "(3 x 2) x 4 + 4 = 28"),
        (nn.Conv3d(1, 4, 3), (1, 5, 6, 7), (4, 3, 4, 5), "(3 x 3 x 3 x 1) x 4 + 4 = 112"),
        (nn.ConvTranspose2d(8, 4, 4, 2, 1, bias=False), (8, 5, 5), (4, 10, 10), "(4 x 4 x 8) x 4 = 512"),
        (nn.Conv2d(6, 6, 3, groups=6, bias=False), (6, 5, 5), (6, 3, 3), "(3 x 3 x 1) x 6 = 54"),
        (nn.Linear(9216, 4096), (9216,), (4096,), "9,216 x 4,096 + 4,096 = 37,752,832"),
        (nn.Linear(4, 1, bias=False), (4,), (1,), "4 x 1 = 4"),
        (nn.BatchNorm2d(64), (64, 4, 4), (64, 4, 4), "2 x 64 = 128"),
        (nn.GroupNorm(2, 8), (8, 4, 4), (8, 4, 4), "2 x 8 = 16"),
        (nn.PReLU(), (3, 4, 4), (3, 4, 4), "1"),
        (nn.LocalResponseNorm(5), (8, 4, 4), (8, 4, 4), ""),
        (nn.Dropout(), (8,), (8,), ""),
        (nn.AvgPool3d(2), (1, 4, 4, 4), (1, 2, 2, 2), ""),
        (nn.AdaptiveAvgPool2d(3), (2, 7, 7), (2, 3, 3), ""),
        (spectral_norm(nn.Conv2d(3, 8, 3)), (3, 8, 8), (8, 6, 6), "(3 x 3 x 3) x 8 + 8 = 224"),
        (WeightNormConv2d(3, 8, 3, trained=True), (3, 8, 8), (8, 6, 6), "(3 x 3 x 3) x 8 + 2 x 8 = 232"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_each_kind_of_layer(module: nn.Module, shape: tuple[int, ...], output: tuple[int, ...], formula: str) -> None:
    row = only(module, *shape)
    assert (row.output, row.formula) == (output, formula)
    assert row.parameters == sum(parameter.numel() for parameter in module.parameters())


class Own(nn.Module):
    """Parameters, products and parts of its own, in functions."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Parameter(torch.zeros(4, 6))
        self.inner = nn.Linear(6, 6)
        self.only_in_training = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = self.inner(x + self.tokens)
        return F.scaled_dot_product_attention(h, h, h)


def test_a_part_that_nobody_knows_is_measured_by_what_it_does() -> None:
    found = table(nn.Sequential(Own()), 4, 6)
    inner, own = found.layers
    assert (inner.name, inner.formula, inner.multiply_adds) == ("0.inner", "6 x 6 + 6 = 42", 4 * 36)
    assert (own.kind, own.output, own.formula) == ("Own", (4, 6), "4 x 6 = 24")
    assert own.multiply_adds == 2 * 4 * 4 * 6, "each of 4 places with each: once for the scores, once for the values"
    assert found.unused == {"0": 14}


def test_shared_weights_are_counted_once() -> None:
    layer = nn.Linear(5, 5)
    first, again = table(nn.Sequential(layer, nn.ReLU(), layer), 5).layers[::2]
    assert (first.parameters, again.parameters) == (30, 0)
    assert first.multiply_adds == again.multiply_adds == 25


NETWORKS = {
    "maxout": (Maxout(6, 4, pieces=3), (6,)),
    "attention": (nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), (5, 16)),
    "up and down": (nn.Sequential(nn.Conv2d(3, 8, 3, 2, groups=1), nn.ConvTranspose2d(8, 4, 4, 2)), (3, 16, 16)),
    "volumes": (nn.Sequential(nn.Conv3d(2, 4, 3), nn.Flatten(), nn.Linear(4 * 27, 3)), (2, 5, 5, 5)),
    "depthwise": (nn.Sequential(nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 16, 1)), (8, 9, 9)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_multiply_adds_are_half_of_torchs_operations(name: str) -> None:
    module, shape = NETWORKS[name]
    module = module.to("meta").eval()
    with FlopCounterMode(display=False) as counter:
        module(torch.empty(1, *shape))
    found = table(module, *shape)
    assert 2 * found.multiply_adds == counter.get_total_flops() > 0
    assert found.parameters == sum(parameter.numel() for parameter in module.parameters())


class Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.three = nn.Conv2d(4, 4, 1), nn.Sequential(nn.Conv2d(4, 2, 1), nn.Conv2d(2, 4, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.one(x), self.three(x)], 1)


def test_a_block_is_a_part_that_is_a_class_of_its_own() -> None:
    net = nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), Branches(), nn.Flatten(), nn.Linear(8 * 36, 2))
    found = table(net, 3, 8, 8)
    assert [block.name for block in found.blocks] == ["0.0", "0.1", "1", "2", "3"]
    block = found.blocks[2]
    assert (block.kind, block.output, block.receptive_field) == ("Branches", (8, 6, 6), (5, 5))
    assert block.parameters == sum(parameter.numel() for parameter in net[1].parameters())
    assert sum(block.parameters for block in found.blocks) == found.parameters
    assert sum(block.multiply_adds for block in found.blocks) == found.multiply_adds


def test_json_holds_the_rows_and_their_sums() -> None:
    found = table(nn.Sequential(nn.Conv2d(3, 10, 5, padding="same"), nn.Flatten()), 3, 32, 32)
    told = json.loads(json.dumps(found.to_json()))
    assert (told["parameters"], told["input"], told["unused"]) == (760, [3, 32, 32], {})
    assert told["layers"][0]["padding"] == "same" and told["layers"][1]["receptive_field"] is None

"""Virtual batch norm against arXiv:1606.03498, section 3.4, written out example by example in float64."""

import pytest
import torch
from torch import Tensor

from sparring.nn.virtual_batch_norm import VirtualBatchNorm, reference_rows

R, B, C = 5, 3, 4


def layer() -> VirtualBatchNorm:
    torch.manual_seed(0)
    made = VirtualBatchNorm(C, reference=R).double()
    with torch.no_grad():
        made.weight.normal_()
        made.bias.normal_()
    return made


def maps(rows: int = R + B) -> Tensor:
    draw = torch.Generator().manual_seed(1)
    return 3 + torch.randn(rows, C, 2, 3, generator=draw, dtype=torch.float64) * torch.arange(1.0, C + 1)[:, None, None]


def by_the_paper(module: VirtualBatchNorm, x_BCHW: Tensor, row: int, channel: int) -> Tensor:
    """One example's channel, by mixed means of values and of squares."""
    reference, own = x_BCHW[:R, channel], x_BCHW[row, channel]
    share = 1 / (R + 1) if row >= R else 0.0
    mean = share * own.mean() + (1 - share) * reference.mean()
    square = share * own.square().mean() + (1 - share) * reference.square().mean()
    normal = (own - mean) / (square - mean**2 + module.eps).sqrt()
    return module.weight[channel] * normal + module.bias[channel]


def test_each_example_is_normalised_by_the_reference_and_itself() -> None:
    module, x_BCHW = layer(), maps()
    found = module(x_BCHW)
    for row in range(R + B):
        for channel in range(C):
            torch.testing.assert_close(found[row, channel], by_the_paper(module, x_BCHW, row, channel))


def test_the_reference_is_normalised_as_by_batch_norm() -> None:
    module, x_BCHW = layer(), maps()
    expected = torch.nn.functional.batch_norm(
        x_BCHW[:R], None, None, module.weight, module.bias, training=True, eps=module.eps
    )
    torch.testing.assert_close(module(x_BCHW)[:R], expected)


def test_examples_do_not_depend_on_each_other() -> None:
    module, x_BCHW = layer(), maps()
    alone = module(torch.cat([x_BCHW[:R], x_BCHW[R + 1 : R + 2]]))
    torch.testing.assert_close(alone[R], module(x_BCHW)[R + 1], rtol=1e-12, atol=1e-12)


def test_first_and_second_derivatives_are_right() -> None:
    module, x_BCHW = layer(), maps().requires_grad_()
    assert torch.autograd.gradcheck(module, x_BCHW, fast_mode=True)
    assert torch.autograd.gradgradcheck(module, x_BCHW, fast_mode=True)


def test_statistics_of_large_values_do_not_cancel_and_bf16_stays_bf16() -> None:
    module = layer().float()
    x_BCHW = (maps() * 0.01 + 1000).float()
    torch.testing.assert_close(module(x_BCHW).double(), layer()(x_BCHW.double()), rtol=1e-2, atol=1e-2)
    assert module(x_BCHW.bfloat16()).dtype == torch.bfloat16


@pytest.mark.parametrize(("rows", "expected"), [(6, [0, 1, 2, 3]), (4, [0, 1, 2, 3]), (3, [0, 1, 2, 0])])
def test_a_batch_that_is_too_small_is_taken_over_again(rows: int, expected: list[int]) -> None:
    assert reference_rows(torch.arange(rows), 4).tolist() == expected

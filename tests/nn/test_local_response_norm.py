"""Local response normalisation against its formula and torch's module."""

import pytest
import torch

from sparring.nn.local_response_norm import LocalResponseNorm


def test_it_is_the_papers_formula() -> None:
    torch.manual_seed(0)
    a = 100 * torch.randn(2, 7, 3, 3, dtype=torch.float64)
    expected = torch.empty_like(a)
    for i in range(7):
        near = a[:, max(0, i - 2) : min(6, i + 2) + 1]
        expected[:, i] = a[:, i] / (2 + 1e-4 * near.square().sum(1)) ** 0.75
    torch.testing.assert_close(LocalResponseNorm()(a), expected)


@pytest.mark.parametrize("size", [3, 4, 5])
def test_torch_divides_its_alpha_by_the_size(size: int) -> None:
    torch.manual_seed(0)
    x_BCHW = torch.randn(2, 6, 3, 4, dtype=torch.float64)
    theirs = torch.nn.LocalResponseNorm(size, alpha=0.1 * size, beta=0.75, k=1.0)
    torch.testing.assert_close(LocalResponseNorm(size=size, alpha=0.1, k=1.0)(x_BCHW), theirs(x_BCHW))


def test_of_values_about_one_it_is_a_division_by_a_constant() -> None:
    """As pictures in [-1, 1] give them: 2 ** 0.75 = 1.68."""
    x_BCHW = torch.randn(2, 7, 3, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(LocalResponseNorm()(x_BCHW), x_BCHW / 2**0.75, rtol=2e-3, atol=0)

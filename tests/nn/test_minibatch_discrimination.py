"""Minibatch discrimination against arXiv:1606.03498, section 3.2, by a loop over pairs in float64."""

import torch

from sparring.models.gan.base import mixes_examples
from sparring.nn.minibatch_discrimination import MinibatchDiscrimination


def layer(features: int = 4, kernels: int = 3, dims: int = 2) -> MinibatchDiscrimination:
    torch.manual_seed(0)
    return MinibatchDiscrimination(features, kernels=kernels, dims=dims).double()


def test_it_is_the_mean_nearness_to_the_others() -> None:
    module = layer()
    f_BA = torch.randn(5, 4, dtype=torch.float64)
    found = module(f_BA)
    assert found.shape == (5, 3)
    for i in range(5):
        for kernel in range(3):
            rows = [f @ module.tensor[:, kernel] for f in f_BA]
            terms = [torch.exp(-(rows[i] - rows[j]).abs().sum()) for j in range(5) if j != i]
            torch.testing.assert_close(found[i, kernel], sum(terms) / 4)


def test_first_and_second_derivatives_are_right() -> None:
    module, f_BA = layer(), torch.randn(4, 4, dtype=torch.float64, requires_grad=True)
    inputs = (f_BA, module.tensor)

    def of(f: torch.Tensor, tensor: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(module, {"tensor": tensor}, (f,))

    assert torch.autograd.gradcheck(of, inputs)
    assert torch.autograd.gradgradcheck(of, inputs)


def test_copies_are_nearest_and_one_alone_has_no_others() -> None:
    module = layer()
    f_1A = torch.randn(1, 4, dtype=torch.float64)
    assert torch.equal(module(f_1A.expand(6, -1)), torch.ones(6, 3, dtype=torch.float64))
    assert torch.equal(module(f_1A), torch.zeros(1, 3, dtype=torch.float64))
    assert (module(torch.randn(6, 4, dtype=torch.float64)) < 1).all()


def test_it_says_that_it_mixes_examples() -> None:
    assert mixes_examples(torch.nn.Sequential(torch.nn.Linear(2, 4), layer()))


def test_sizes_are_the_authors() -> None:
    assert MinibatchDiscrimination(192).tensor.shape == (192, 100, 5)

"""Squeeze-and-excitation against its equations."""

import pytest
import torch

from sparring.nn.squeeze_excitation import SqueezeExcitation


def test_it_is_the_papers_equations() -> None:
    """Eqs. 2 to 4: squeeze, excite, scale."""
    torch.manual_seed(0)
    layer = SqueezeExcitation(32, 16).double()
    x_BCHW = torch.randn(3, 32, 4, 5, dtype=torch.float64)
    z = x_BCHW.flatten(2).sum(2) / 20
    inner = (z @ layer.squeeze.weight.T + layer.squeeze.bias).clamp(min=0)
    s = 1 / (1 + torch.exp(-(inner @ layer.excite.weight.T + layer.excite.bias)))
    torch.testing.assert_close(layer.weights(x_BCHW), s)
    torch.testing.assert_close(layer(x_BCHW), torch.einsum("bchw,bc->bchw", x_BCHW, s))


@pytest.mark.parametrize(("channels", "squeezed"), [(256, 16), (16, 1), (8, 1)])
def test_it_has_a_unit_for_so_many_channels(channels: int, squeezed: int) -> None:
    layer = SqueezeExcitation(channels, 16)
    assert sum(p.numel() for p in layer.parameters()) == 2 * channels * squeezed + channels + squeezed

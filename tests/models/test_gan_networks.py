"""The networks against what their papers and references say of them."""

import itertools
import math

import pytest
import torch
from torch import nn

from sparring.data.spec import ImageSpec
from sparring.models.gan.base import Projection, Sides
from sparring.models.gan.compact import CompactDiscriminator, CompactGenerator
from sparring.models.gan.dcgan import DCGANDiscriminator, DCGANGenerator

CELEBA = ImageSpec(channels=3, height=64, width=64)


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def kinds(module: nn.Module) -> list[type[nn.Module]]:
    """The kinds of torch's layers in order, whatever subclass computes them."""
    known = (nn.ConvTranspose2d, nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.Linear)
    return [next(k for k in known if isinstance(m, k)) for m in module.modules() if isinstance(m, known)]


def test_parameters_of_the_reference() -> None:
    """PyTorch's DCGAN example at 3x64x64 with 64 channels and z of 100."""
    assert count(DCGANGenerator(CELEBA)) == 3_576_704
    assert count(DCGANDiscriminator(CELEBA)) == 2_765_568


def test_parameters_of_the_paper() -> None:
    """arXiv:1511.06434, figure 1: 1024, 512, 256 and 128 channels, and the 5x5 kernels of the authors' code."""
    widths = (1024, 512, 256, 128, 3)
    stages = sum(25 * inputs * outputs for inputs, outputs in itertools.pairwise(widths))
    norms = 2 * sum(widths[:-1])
    generator = DCGANGenerator(CELEBA, width=128, kernel=5, noise="uniform")
    assert count(generator) == 100 * 16 * 1024 + stages + norms
    assert generator.noise == "uniform"
    # The way down has as many, but no norm next to the picture, and a logit of the last map.
    assert count(DCGANDiscriminator(CELEBA, width=128, kernel=5)) == stages + norms - 2 * 128 + 16 * 1024


@pytest.mark.parametrize(("height", "width"), [(64, 64), (9, 9), (30, 17), (8, 25), (28, 29)])
def test_kernels_of_five_reach_every_size(height: int, width: int) -> None:
    torch.manual_seed(0)
    spec = ImageSpec(channels=1, height=height, width=width)
    pictures = DCGANGenerator(spec, width=4, kernel=5)(torch.randn(2, 100))
    assert pictures.shape == (2, 1, height, width)
    discriminator = DCGANDiscriminator(spec, width=4, kernel=5)
    assert discriminator(pictures).shape == (2,)
    found = [m.kernel_size for m in discriminator.layers if isinstance(m, nn.Conv2d)]
    assert found == [(5, 5)] * Sides(height, width).stages


def test_layers_of_the_reference() -> None:
    """arXiv:1511.06434, section 3: no pooling, batch norm but at G's output and D's input, no hidden linear layers."""
    up, norm, down = nn.ConvTranspose2d, nn.BatchNorm2d, nn.Conv2d
    assert kinds(DCGANGenerator(CELEBA)) == [*[up, norm, nn.ReLU] * 4, up, nn.Tanh]
    assert kinds(DCGANDiscriminator(CELEBA)) == [down, nn.LeakyReLU, *[down, norm, nn.LeakyReLU] * 3, down]
    slopes = {m.negative_slope for m in DCGANDiscriminator(CELEBA).modules() if isinstance(m, nn.LeakyReLU)}
    assert slopes == {0.2}


def test_the_generator_is_the_reference_layer_by_layer() -> None:
    """The example's `nn.Sequential`, written out, with the same weights makes the same pictures."""
    torch.manual_seed(0)
    ours = DCGANGenerator(CELEBA, width=4, z_dim=10).double()
    widths = (10, 32, 16, 8, 4, 3)
    layers: list[nn.Module] = []
    for stage, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
        stride, padding = (1, 0) if stage == 0 else (2, 1)
        layers.append(nn.ConvTranspose2d(inputs, outputs, 4, stride, padding, bias=False))
        layers += [nn.Tanh()] if stage == 4 else [nn.BatchNorm2d(outputs), nn.ReLU(True)]
    plain = nn.Sequential(*layers).double()
    plain.load_state_dict({key.removeprefix("layers."): value for key, value in ours.state_dict().items()})
    z_BZ = torch.randn(3, 10, dtype=torch.float64)
    torch.testing.assert_close(ours(z_BZ), plain(z_BZ[:, :, None, None]), rtol=1e-12, atol=1e-12)


def test_weights_start_as_in_the_reference() -> None:
    torch.manual_seed(0)
    weights = [m.weight for m in DCGANGenerator(CELEBA).modules() if isinstance(m, nn.ConvTranspose2d)]
    for weight in weights:
        assert weight.std().item() == pytest.approx(0.02, rel=0.05)
        assert abs(weight.mean().item()) < 0.001
    gains = torch.cat([m.weight for m in DCGANGenerator(CELEBA).modules() if isinstance(m, nn.BatchNorm2d)])
    assert gains.mean().item() == pytest.approx(1.0, abs=0.005)
    assert gains.std().item() == pytest.approx(0.02, rel=0.15)


def test_activations_of_compact_neither_die_nor_explode_at_the_start() -> None:
    """He et al. 2015: with the right variance the scale of a signal survives the layers."""
    torch.manual_seed(0)
    spec = ImageSpec(channels=3, height=64, width=64)
    logit_B = CompactDiscriminator(spec)(torch.randn(64, 3, 64, 64))
    assert 0.2 < logit_B.std().item() < 3
    pictures = CompactGenerator(spec).eval()(torch.randn(64, 128))
    assert 0.1 < pictures.std().item() < 0.9


def test_compact_has_no_norm_that_mixes_examples_in_its_discriminator() -> None:
    """Each logit depends on its own picture alone, as a gradient penalty on single examples needs it."""
    torch.manual_seed(0)
    module = CompactDiscriminator(ImageSpec(channels=1, height=28, width=28), width=8)
    x_BCHW = torch.randn(4, 1, 28, 28)
    other = x_BCHW.clone()
    other[1:] = 0
    torch.testing.assert_close(module(x_BCHW)[0], module(other)[0])


@pytest.mark.parametrize(
    ("height", "width", "chain"),
    [
        (64, 64, ((64, 64), (32, 32), (16, 16), (8, 8), (4, 4))),
        (28, 28, ((28, 28), (14, 14), (7, 7))),
        (48, 48, ((48, 48), (24, 24), (12, 12), (6, 6))),
        (8, 8, ((8, 8), (4, 4))),
        (9, 9, ((9, 9), (4, 4))),
        (8, 24, ((8, 24), (4, 12))),
        (31, 17, ((31, 17), (15, 8), (7, 4))),
    ],
)
def test_sides_are_halved_to_a_base_of_4_to_7(height: int, width: int, chain: tuple[tuple[int, int], ...]) -> None:
    sides = Sides(height, width)
    assert sides.chain == chain
    assert sides.stages == len(chain) - 1
    assert 4 <= min(sides.base) <= 7


def test_widths_double_up_to_eight_times() -> None:
    assert Sides(256, 256).widths(10) == (10, 20, 40, 80, 80, 80)
    assert Sides(28, 28).widths(10) == (10, 20)


def test_projection_is_the_inner_product_with_the_class_and_nothing_without() -> None:
    torch.manual_seed(0)
    projection = Projection(3, 5)
    pooled_BF = torch.randn(4, 5)
    found_B = projection(pooled_BF, torch.tensor([2, 0, -1, 2]))
    expected = [pooled_BF[i] @ projection.embedding.weight[c] for i, c in ((0, 2), (1, 0))]
    torch.testing.assert_close(found_B[:2], torch.stack(expected))
    assert found_B[2].item() == 0


def test_a_conditional_generator_makes_other_pictures_for_another_class() -> None:
    torch.manual_seed(0)
    spec = ImageSpec(channels=1, height=8, width=8, classes=("a", "b"))
    for module in (CompactGenerator(spec).eval(), DCGANGenerator(spec).eval()):
        z_BZ = torch.randn(1, module.z_dim).expand(2, -1)
        pictures = module(z_BZ, torch.tensor([0, 1]))
        assert (pictures[0] - pictures[1]).abs().max() > 1e-4
        with pytest.raises(AssertionError, match="needs labels"):
            module(z_BZ)


def test_width_is_next_to_the_picture() -> None:
    first = next(m for m in DCGANDiscriminator(CELEBA, width=24).modules() if isinstance(m, nn.Conv2d))
    assert first.weight.shape == (24, 3, 4, 4)
    assert math.prod(DCGANDiscriminator(CELEBA, width=24).head.weight.shape) == 24 * 8 * 16

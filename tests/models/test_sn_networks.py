"""SNDCGAN and the residual networks against their papers' tables, layer by layer and number by number."""

import pytest
import torch
from torch import nn

from sparring.data.spec import ImageSpec
from sparring.models.gan.base import Discriminator
from sparring.models.gan.resnet import ResNetDiscriminator, ResNetGenerator
from sparring.models.gan.sndcgan import SNDCGANDiscriminator, SNDCGANGenerator

CIFAR = ImageSpec(channels=3, height=32, width=32)
DIGITS = ImageSpec(channels=1, height=8, width=8, classes=("a", "b", "c"))


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def conv(inputs: int, outputs: int, kernel: int, *, bias: bool = True) -> int:
    return inputs * outputs * kernel**2 + bias * outputs


def test_parameters_of_sndcgan() -> None:
    """arXiv:1802.05957, table 3, by hand; the discriminator's channels are those of the authors' code."""
    up = [(512, 256), (256, 128), (128, 64)]
    generator = 128 * 8192 + 8192 + 2 * (512 + 256 + 128 + 64) + conv(64, 3, 3)
    assert count(SNDCGANGenerator(CIFAR)) == generator + sum(conv(a, b, 4, bias=False) for a, b in up)
    down = [(3, 64, 3), (64, 128, 4), (128, 128, 3), (128, 256, 4), (256, 256, 3), (256, 512, 4), (512, 512, 3)]
    assert count(SNDCGANDiscriminator(CIFAR)) == sum(conv(*layer) for layer in down) + 512 * 16 + 1


def test_layers_of_sndcgan() -> None:
    found = [m for m in SNDCGANDiscriminator(CIFAR).modules() if isinstance(m, nn.Conv2d)]
    assert [(m.kernel_size[0], m.stride[0]) for m in found] == [(3, 1), (4, 2), (3, 1), (4, 2), (3, 1), (4, 2), (3, 1)]
    slopes = {m.negative_slope for m in SNDCGANDiscriminator(CIFAR).modules() if isinstance(m, nn.LeakyReLU)}
    assert slopes == {0.1}


def test_parameters_of_the_residual_networks() -> None:
    """arXiv:1802.05957, table 4, by hand. Other implementations have 4,276,739 in the generator: 3 x 256 biases more,
    which batch norm cancels."""
    block = conv(256, 256, 3, bias=False) + conv(256, 256, 3) + conv(256, 256, 1) + 2 * 2 * 256
    generator = 128 * 4096 + 4096 + 3 * block + 2 * 256 + conv(256, 3, 3)
    assert count(ResNetGenerator(CIFAR)) == generator == 4_276_739 - 3 * 256
    first = conv(3, 128, 3) + conv(128, 128, 3) + conv(3, 128, 1)
    others = 3 * 2 * conv(128, 128, 3) + conv(128, 128, 1)
    assert count(ResNetDiscriminator(CIFAR)) == first + others + 128 + 1


def test_parameters_of_the_critic_of_wgan_gp() -> None:
    """arXiv:1704.00028, appendix F: 128 channels in both, and the same layers."""
    spectral, plain = ResNetDiscriminator(CIFAR), ResNetDiscriminator(CIFAR, norm="none", pool="mean")
    assert count(spectral) == count(plain)
    assert all("parametrizations" not in key for key in plain.state_dict())
    block = conv(128, 128, 3, bias=False) + conv(128, 128, 3) + conv(128, 128, 1) + 2 * 2 * 128
    generator = 128 * 2048 + 2048 + 3 * block + 2 * 128 + conv(128, 3, 3)
    assert count(ResNetGenerator(CIFAR, width=128)) == generator


@pytest.mark.parametrize(("side", "places"), [(8, 4), (16, 8), (32, 8), (64, 8)])
def test_the_residual_features_are_of_8_places_a_side(side: int, places: int) -> None:
    """32 points in the paper: two blocks halve, two stay."""
    module = ResNetDiscriminator(ImageSpec(channels=3, height=side, width=side), width=8)
    assert module.blocks(torch.zeros(1, 3, side, side)).shape == (1, 8, places, places)


def test_pools() -> None:
    torch.manual_seed(0)
    module = ResNetDiscriminator(CIFAR, width=8, norm="none")
    x_BCHW = torch.randn(2, 3, 32, 32)
    by_sum = module.features(x_BCHW)
    module._pool = "mean"
    torch.testing.assert_close(by_sum, 64 * module.features(x_BCHW))


def spectral(kind: type[SNDCGANDiscriminator] | type[ResNetDiscriminator], spec: ImageSpec) -> Discriminator:
    torch.manual_seed(0)
    return kind(spec, width=8)


def largest(module: nn.Module) -> list[float]:
    """Largest singular value of every weight as it is used, exactly."""
    layers = [m for m in module.modules() if isinstance(m, nn.Conv2d | nn.Linear | nn.Embedding)]
    return [torch.linalg.matrix_norm(m.weight.detach().flatten(1), 2).item() for m in layers]


@pytest.mark.parametrize("kind", [SNDCGANDiscriminator, ResNetDiscriminator])
class TestSpectralNorm:
    @pytest.mark.parametrize("bf16", [False, True])
    def test_every_weight_has_a_largest_singular_value_of_1(
        self, kind: type[SNDCGANDiscriminator] | type[ResNetDiscriminator], bf16: bool
    ) -> None:
        module = spectral(kind, DIGITS)
        x_BCHW, label_B = torch.randn(4, 1, 8, 8), torch.tensor([0, 1, 2, -1])
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.mul_(3).add_(0.1 * torch.randn_like(parameter))
            for _ in range(60):
                with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                    module(x_BCHW, label_B)
        assert largest(module.eval()) == pytest.approx([1] * len(largest(module)), rel=1e-2)
        assert any("embedding" in key for key in module.state_dict())

    def test_it_moves_in_training_alone_and_its_state_is_all_there_is(
        self, kind: type[SNDCGANDiscriminator] | type[ResNetDiscriminator]
    ) -> None:
        one, other = spectral(kind, DIGITS), kind(DIGITS, width=8)
        x_BCHW, label_B = torch.randn(4, 1, 8, 8), torch.tensor([0, 1, 2, -1])
        one(x_BCHW, label_B)
        before = {key: value.clone() for key, value in one.state_dict().items()}
        other.load_state_dict(before)
        assert torch.equal(one.eval()(x_BCHW, label_B), other.eval()(x_BCHW, label_B))
        assert all(torch.equal(value, before[key]) for key, value in one.state_dict().items())
        assert torch.equal(one.train()(x_BCHW, label_B), other.train()(x_BCHW, label_B))
        moved = [key for key, value in one.state_dict().items() if not torch.equal(value, before[key])]
        assert moved
        assert all(key.endswith(("_u", "_v")) for key in moved)


def test_a_class_has_a_gain_and_a_shift_of_its_own() -> None:
    torch.manual_seed(0)
    module = ResNetGenerator(DIGITS, width=8, conditioning="norm").train()
    with torch.no_grad():
        for key, parameter in module.named_parameters():
            if "shift" in key:
                parameter.normal_()
    z_BZ = torch.randn(1, 128).expand(2, -1)
    pictures = module(z_BZ, torch.tensor([0, 1]))
    assert (pictures[0] - pictures[1]).abs().max() > 1e-3
    assert module.embedding is None
    with pytest.raises(AssertionError, match="needs labels"):
        module(z_BZ)

"""R3GAN's networks against arXiv:2501.05441: sizes, filters, and how a signal fares at the start."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparring.data.spec import ImageSpec
from sparring.models.gan.r3gan import Block, R3GANDiscriminator, R3GANGenerator, Resampling

CIFAR = ImageSpec(channels=3, height=32, width=32, classes=tuple("0123456789"))
PAPER = {"width": 768, "growth": 1, "blocks": 2}


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_parameters_of_the_paper_for_cifar() -> None:
    """Its table of CIFAR-10: 768 channels, 4 sizes of 2 blocks, twice as many inside, 96 groups; 20.78 and 21.28 M."""
    block = 768 * 1536 + 1536 + 1536 * 16 * 9 + 1536 + 1536 * 768
    basis = 768 * 4 * 4
    picture = 3 * 768
    with torch.device("meta"):
        generator, discriminator = count(R3GANGenerator(CIFAR, **PAPER)), count(R3GANDiscriminator(CIFAR, **PAPER))
    assert generator == 8 * block + basis + picture + (64 + 64) * 768 + 10 * 64
    assert discriminator == 8 * block + basis + picture + 768 * 768 + 10 * 768
    assert (round(generator / 1e6, 2), round(discriminator / 1e6, 2)) == (20.78, 21.28)


def test_groups_are_of_16_channels_whatever_the_width() -> None:
    for width, groups in ((768, 96), (24, 3), (8, 1), (5, 5)):
        inner = [m for m in Block(width, 2, 16, count=1).modules() if isinstance(m, nn.Conv2d)][1]
        assert inner.groups == groups


@pytest.mark.parametrize(("large", "small"), [((8, 8), (4, 4)), ((9, 14), (4, 7)), ((17, 31), (8, 15))])
def test_resampling_is_the_filter_of_the_paper(large: tuple[int, int], small: tuple[int, int]) -> None:
    """Convolutions of single channels with (1, 3, 3, 1) / 8 and stride 2; zeros are put in between on the way up."""
    torch.manual_seed(0)
    tap = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=torch.float64) / 8
    kernel = torch.outer(tap, tap).expand(5, 1, 4, 4)
    large_BCHW = torch.randn(2, 5, *large, dtype=torch.float64)
    expected = F.conv2d(large_BCHW, kernel, stride=2, padding=1, groups=5)
    torch.testing.assert_close(Resampling(large, small).double()(large_BCHW), expected)
    small_BCHW = torch.randn(2, 5, *small, dtype=torch.float64)
    odd = (large[0] % 2, large[1] % 2)
    expected = F.conv_transpose2d(small_BCHW, 4 * kernel, stride=2, padding=1, output_padding=odd, groups=5)
    torch.testing.assert_close(Resampling(small, large).double()(small_BCHW), expected)


@pytest.mark.parametrize("kind", [R3GANGenerator, R3GANDiscriminator])
def test_every_block_starts_as_the_identity(kind: type[nn.Module]) -> None:
    torch.manual_seed(0)
    blocks = [m for m in kind(CIFAR, width=8, blocks=2).modules() if isinstance(m, Block)]
    assert len(blocks) == 2 * 4
    for block in blocks:
        channels = next(block.parameters()).shape[1]
        x_BCHW = torch.randn(2, channels, 4, 4)
        assert torch.equal(block(x_BCHW), x_BCHW)


@torch.no_grad()
def awaken(module: nn.Module) -> None:
    """Give the branches' last convolutions, which start at zero, a gain of one."""
    for block in (m for m in module.modules() if isinstance(m, Block)):
        last = [m for m in block.modules() if isinstance(m, nn.Conv2d)][-1]
        nn.init.normal_(last.weight, 0.0, 1 / math.sqrt(last.in_channels))


@pytest.mark.parametrize("blocks", [2, 16, 64])
def test_branches_add_the_same_variance_however_many_they_are(blocks: int) -> None:
    """Two gains of L ** -1/4 each: L branches add 1 / L of the variance each, so it grows at most e times."""
    torch.manual_seed(0)
    layers = nn.Sequential(*(Block(32, 2, 16, count=blocks) for _ in range(blocks)))
    awaken(layers)
    with torch.no_grad():
        ratio = layers(torch.randn(16, 32, 12, 12))[:, :, 4:8, 4:8].var().item()
    assert ratio == pytest.approx((1 + 1 / blocks) ** blocks, rel=0.25)


@pytest.mark.parametrize("awake", [False, True])
def test_pictures_and_logits_neither_vanish_nor_explode_through_16_blocks(awake: bool) -> None:
    torch.manual_seed(0)
    spec = ImageSpec(channels=3, height=32, width=32)
    generator, discriminator = R3GANGenerator(spec, blocks=4), R3GANDiscriminator(spec, blocks=4)
    if awake:
        awaken(generator)
        awaken(discriminator)
    with torch.no_grad():
        pictures = generator(torch.randn(64, 64))
        logit_B = discriminator(pictures)
    assert 0.2 < pictures.std().item() < 2
    assert 0.05 < logit_B.std().item() < 2


def logits(module: R3GANDiscriminator, x_BCHW: Tensor, label_B: Tensor) -> Tensor:
    found: Tensor = module(x_BCHW, label_B)
    return found


def test_a_label_is_an_inner_product_and_an_unknown_one_that_with_the_mean_class() -> None:
    torch.manual_seed(0)
    module = R3GANDiscriminator(ImageSpec(channels=1, height=8, width=8, classes=("a", "b", "c")), width=8)
    x_BCHW = torch.randn(1, 1, 8, 8).expand(4, -1, -1, -1)
    with torch.no_grad():
        by_class = logits(module, x_BCHW, torch.tensor([0, 1, 2, -1]))
        expected_K = module.features(x_BCHW[:1]) @ module.projection.embedding.weight.t()
    torch.testing.assert_close(by_class[:3], expected_K[0])
    torch.testing.assert_close(by_class[3], expected_K.mean())
    assert by_class[:3].std() > 0


@pytest.mark.parametrize("classes", [(), ("a", "b", "c")])
def test_the_squared_gradient_can_be_learned_from(classes: tuple[str, ...]) -> None:
    """R1 and R2: its derivative by every weight is that of finite differences, away from LeakyReLU's kinks."""
    torch.manual_seed(1)
    spec = ImageSpec(channels=1, height=9, width=8, classes=classes)
    module = R3GANDiscriminator(spec, width=2, group=2, blocks=1).double()
    awaken(module)
    x_BCHW = torch.randn(2, 1, 9, 8, dtype=torch.float64, requires_grad=True)
    label_B = torch.tensor([1, -1]) if classes else None
    weights = dict(module.named_parameters())

    def steepness(*values: Tensor) -> Tensor:
        logit_B = torch.func.functional_call(module, dict(zip(weights, values, strict=True)), (x_BCHW, label_B))
        (slope,) = torch.autograd.grad(logit_B.sum(), x_BCHW, create_graph=True)
        return slope.square().sum()

    given = tuple(p.detach().clone().requires_grad_() for p in weights.values())
    assert torch.autograd.gradcheck(steepness, given, eps=1e-6, atol=1e-5)

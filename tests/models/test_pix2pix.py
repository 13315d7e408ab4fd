"""pix2pix against its paper and its authors' code: sizes, layers, patches, and what depends on what."""

import pytest
import torch
from torch import Tensor, nn

from sparring.data.spec import ImageSpec
from sparring.errors import UsageError
from sparring.models.gan.pix2pix import PatchDiscriminator, UNetGenerator, patch_side

PAPER = ImageSpec(channels=3, height=256, width=256, source_channels=3)


def spec_of(side: int, *, width: int | None = None) -> ImageSpec:
    return ImageSpec(channels=1, height=side, width=width or side, source_channels=2)


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_parameters_of_the_authors_code() -> None:
    """It prints 54.414 M for `unet_256` and 2.769 M for the basic discriminator of 6 channels."""
    with torch.device("meta"):
        assert count(UNetGenerator(PAPER)) == 54_413_955
        assert count(PatchDiscriminator(PAPER)) == 2_768_705


def test_widths_and_dropout_of_the_paper() -> None:
    """Section 6.1.1: C64-...-C512, and CD512-CD512-CD512-C512-C256-C128-C64, the inputs doubled by the other way."""
    with torch.device("meta"):
        module = UNetGenerator(PAPER)
    down = [m.out_channels for m in module.down.modules() if isinstance(m, nn.Conv2d)]
    up = [m.out_channels for m in module.up.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert down == [64, 128, 256, 512, 512, 512, 512, 512]
    assert up == [512, 512, 512, 512, 256, 128, 64]
    dropping = [any(isinstance(m, nn.Dropout) for m in layer.modules()) for layer in module.up]
    assert dropping == [True, True, True, False, False, False, False]


def with_batch_norm(module: nn.Module) -> nn.Module:
    """The same network as the authors build it, with batch normalisation of the same gains."""
    for name, child in module.named_children():
        if isinstance(child, nn.InstanceNorm2d):
            norm = nn.BatchNorm2d(child.num_features).to(child.weight.dtype)
            norm.weight, norm.bias = child.weight, child.bias
            setattr(module, name, norm)
        else:
            with_batch_norm(child)
    return module


@pytest.mark.parametrize("side", [32, 30])
def test_batch_norm_of_one_picture_is_the_same(side: int) -> None:
    """The departure that the header claims to be none with the paper's batch of one."""
    torch.manual_seed(0)
    generator = UNetGenerator(spec_of(side), width=4).double()
    discriminator = PatchDiscriminator(spec_of(side), width=4).double()
    source_BCHW = torch.randn(1, 2, side, side, dtype=torch.float64)
    x_BCHW = torch.randn(1, 1, side, side, dtype=torch.float64)

    def results() -> tuple[Tensor, Tensor]:
        torch.manual_seed(1)
        return generator(source_BCHW[:, :0], source_BCHW), discriminator(x_BCHW, None, source_BCHW)

    before = results()
    for module in (generator, discriminator):
        with_batch_norm(module)
    for one, other in zip(before, results(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("halvings", "side"), [(1, 16), (2, 34), (3, 70)])
def test_a_logit_depends_on_a_patch_of_the_papers_size(halvings: int, side: int) -> None:
    """Section 6.1.2. Normalisation is left out here: it lets every place know the mean of all."""
    torch.manual_seed(0)
    module = PatchDiscriminator(spec_of(128), width=4, halvings=halvings)
    for layer in module.layers:
        if isinstance(layer, nn.Sequential):
            layer[1] = nn.Identity()
    x_BCHW = torch.randn(1, 3, 128, 128, requires_grad=True)
    logit_P = module.score(module.features(x_BCHW))[0]
    places = int(len(logit_P) ** 0.5)
    (slope_BCHW,) = torch.autograd.grad(logit_P[places * (places // 2) + places // 2], x_BCHW)
    reached_HW = slope_BCHW[0].abs().sum(0) > 0
    assert (int(reached_HW.any(0).sum()), int(reached_HW.any(1).sum())) == (side, side)
    assert patch_side(halvings) == side


def test_patches_suit_the_size_of_pictures() -> None:
    """The paper's 70 of 256; never much more than half of a picture, for then there would be no patches."""
    places = {}
    for side in (256, 128, 64, 32, 16, 8):
        with torch.device("meta"):
            module = PatchDiscriminator(spec_of(side), width=4)
            places[side] = module.score(module.features(torch.empty(1, 3, side, side))).shape[1]
    assert places == {256: 30**2, 128: 14**2, 64: 14**2, 32: 14**2, 16: 6**2, 8: 2**2}


def test_patches_larger_than_there_is_room_for_are_refused() -> None:
    with pytest.raises(UsageError, match=r"halvings=3: leaves 2 of 16 places"):
        PatchDiscriminator(spec_of(16), halvings=3)


def test_each_half_of_a_pair_reaches_every_logit_through_its_own_channels() -> None:
    torch.manual_seed(0)
    module = PatchDiscriminator(spec_of(16), width=4)
    source_BCHW, x_BCHW = torch.randn(3, 2, 16, 16), torch.randn(6, 1, 16, 16)
    twice_B = module(x_BCHW, None, source_BCHW)
    torch.testing.assert_close(twice_B[3:], module(x_BCHW[3:], None, source_BCHW))
    assert not torch.allclose(twice_B[:3], module(x_BCHW[:3], None, source_BCHW.flip(0)))


def test_a_translation_depends_on_its_source_alone_once_trained() -> None:
    torch.manual_seed(0)
    module = UNetGenerator(spec_of(64), width=2)
    source_BCHW = torch.randn(3, 2, 64, 64)
    training = [module(source_BCHW[:, :0], source_BCHW) for _ in range(2)]
    assert not torch.equal(*training), "dropout is the noise while it trains"
    module.eval()
    together = module(source_BCHW[:, :0], source_BCHW)
    torch.testing.assert_close(together[1:2], module(source_BCHW[1:2, :0], source_BCHW[1:2]), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(together[0], together[1])


def test_maps_of_the_way_down_reach_the_picture_past_the_bottleneck() -> None:
    torch.manual_seed(0)
    module = UNetGenerator(spec_of(16, width=24), width=4).eval()
    source_BCHW = torch.randn(2, 2, 16, 24)
    with torch.no_grad():
        for parameter in module.up[0].parameters():
            parameter.zero_()
    first, second = module(source_BCHW[:, :0], source_BCHW)
    assert not torch.allclose(first, second)


def test_pictures_without_sources_are_refused_with_what_is_expected() -> None:
    with pytest.raises(UsageError, match=r"have no sources. Expected folders A .* pairs/A/01.jpg and pairs/B/01.jpg"):
        UNetGenerator(ImageSpec(channels=3, height=64, width=64))

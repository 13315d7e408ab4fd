"""The layers of arXiv:1606.03498 inside the DCGAN networks: the contract of every network, for each of them."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sparring.data.spec import ImageSpec
from sparring.engine.ema import EMA
from sparring.errors import UsageError
from sparring.losses.gan import has_batch_norm
from sparring.models.gan.base import mixes_examples
from sparring.models.gan.dcgan import DCGANDiscriminator, DCGANGenerator
from sparring.nn.virtual_batch_norm import VirtualBatchNorm

B, R = 6, 4
SPECS = [
    ImageSpec(channels=1, height=9, width=16),
    ImageSpec(channels=3, height=16, width=16, classes=("a", "b", "c")),
]
GENERATORS: list[dict[str, Any]] = [{"norm": "virtual", "reference": R}, {"norm": "none"}, {"kernel": 5}]
DISCRIMINATORS: list[dict[str, Any]] = [*GENERATORS, {"minibatch": True}, {"minibatch": True, **GENERATORS[0]}]


def generator(spec: ImageSpec, given: dict[str, Any]) -> DCGANGenerator:
    torch.manual_seed(0)
    return DCGANGenerator(spec, width=8, z_dim=5, **given)


def discriminator(spec: ImageSpec, given: dict[str, Any]) -> DCGANDiscriminator:
    torch.manual_seed(0)
    return DCGANDiscriminator(spec, width=8, **given)


def noise(spec: ImageSpec, seed: int = 1) -> tuple[Tensor, Tensor | None]:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(B, 5, generator=draw), torch.arange(B) % 3 if spec.classes else None


def pictures(spec: ImageSpec, seed: int = 1) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.rand(B, spec.channels, spec.height, spec.width, generator=draw) * 2 - 1


def idle(module: nn.Module) -> list[str]:
    return [key for key, p in module.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]


@pytest.mark.parametrize("spec", SPECS, ids=["plain", "classes"])
@pytest.mark.parametrize("given", GENERATORS, ids=str)
class TestGenerator:
    def test_pictures_of_the_right_shape_the_same_for_a_seed(self, spec: ImageSpec, given: dict[str, Any]) -> None:
        made = generator(spec, given)(*noise(spec))
        assert made.shape == (B, spec.channels, spec.height, spec.width)
        assert made.std() > 1e-6
        assert torch.equal(made, generator(spec, given)(*noise(spec)))

    def test_every_parameter_gets_a_gradient(self, spec: ImageSpec, given: dict[str, Any]) -> None:
        module = generator(spec, given)
        made = module(*noise(spec))
        (made * torch.randn_like(made)).sum().backward()
        assert not idle(module)

    def test_its_state_makes_the_same_pictures_elsewhere(self, spec: ImageSpec, given: dict[str, Any]) -> None:
        module, other = generator(spec, given), DCGANGenerator(spec, width=8, z_dim=5, **given)
        module.begin(*noise(spec, seed=2))
        other.load_state_dict(module.state_dict())
        assert torch.equal(module.eval()(*noise(spec)), other.eval()(*noise(spec)))


@pytest.mark.parametrize("spec", SPECS, ids=["plain", "classes"])
@pytest.mark.parametrize("given", DISCRIMINATORS, ids=str)
class TestDiscriminator:
    def test_a_logit_per_picture_the_same_for_a_seed_and_elsewhere(
        self, spec: ImageSpec, given: dict[str, Any]
    ) -> None:
        module, other = discriminator(spec, given).eval(), DCGANDiscriminator(spec, width=8, **given).eval()
        logit_B = module(pictures(spec))
        assert logit_B.shape == (B,)
        assert logit_B.std() > 0
        assert torch.equal(logit_B, discriminator(spec, given).eval()(pictures(spec)))
        module.begin(pictures(spec, seed=2))
        other.load_state_dict(module.state_dict())
        assert torch.equal(module(pictures(spec)), other(pictures(spec)))

    def test_every_parameter_gets_a_gradient(self, spec: ImageSpec, given: dict[str, Any]) -> None:
        module = discriminator(spec, given)
        (module(pictures(spec), noise(spec)[1]) * torch.arange(1.0, B + 1)).sum().backward()
        assert not idle(module)

    def test_an_unknown_label_conditions_on_nothing(self, spec: ImageSpec, given: dict[str, Any]) -> None:
        module = discriminator(spec, given).eval()
        assert torch.equal(module(pictures(spec), torch.full((B,), -1)), module(pictures(spec)))


VIRTUAL: dict[str, Any] = {"norm": "virtual", "reference": R}


def test_a_virtual_norm_makes_examples_independent_while_training() -> None:
    spec = SPECS[1]
    made, judge = generator(spec, VIRTUAL), discriminator(spec, VIRTUAL)
    z_BZ, label_B = noise(spec)
    assert label_B is not None
    torch.testing.assert_close(made(z_BZ, label_B)[2:3], made(z_BZ[2:3], label_B[2:3]))
    torch.testing.assert_close(judge(pictures(spec))[2:3], judge(pictures(spec)[2:3]))
    assert not mixes_examples(judge)
    assert not has_batch_norm(judge)


def test_the_reference_is_the_first_batch_and_matters() -> None:
    spec = SPECS[1]
    made, judge = generator(spec, VIRTUAL), discriminator(spec, VIRTUAL)
    before = made(*noise(spec)), judge(pictures(spec))
    made.begin(*noise(spec, seed=2))
    judge.begin(pictures(spec, seed=2))
    assert made.reference_z is not None and made.reference_label is not None and judge.reference_x is not None
    assert torch.equal(made.reference_z, noise(spec, seed=2)[0][:R])
    assert made.reference_label.tolist() == [0, 1, 2, 0]
    assert torch.equal(judge.reference_x, pictures(spec, seed=2)[:R])
    assert not torch.allclose(before[0], made(*noise(spec)))
    assert not torch.allclose(before[1], judge(pictures(spec)))


def test_an_average_of_the_weights_keeps_the_reference_to_the_bit() -> None:
    module = generator(SPECS[1], VIRTUAL)
    module.begin(*noise(SPECS[1], seed=2))
    average = EMA(module, half_life=10.0)
    for examples in range(0, 60, 7):
        with torch.no_grad():
            module.layers[0].weight.add_(0.1)
        average.update(examples=examples, batch=7)
    kept = average.module.state_dict()
    assert torch.equal(kept["reference_z"], noise(SPECS[1], seed=2)[0][:R])
    assert torch.equal(kept["reference_label"], module.state_dict()["reference_label"])


def test_the_reference_is_no_parameter_and_other_norms_have_none() -> None:
    assert not [name for name, _ in generator(SPECS[1], VIRTUAL).named_parameters() if "reference" in name]
    for given in ({}, {"norm": "none"}):
        assert not [name for name in generator(SPECS[1], given).state_dict() if "reference" in name]
        assert not [name for name in discriminator(SPECS[1], given).state_dict() if "reference" in name]


def test_virtual_norm_stands_where_batch_norm_stood() -> None:
    for make in (generator, discriminator):
        batch, virtual = (make(SPECS[0], {"norm": norm}) for norm in ("batch", "virtual"))  # type: ignore[operator]
        places = [i for i, m in enumerate(batch.layers) if isinstance(m, nn.BatchNorm2d)]
        assert places == [i for i, m in enumerate(virtual.layers) if isinstance(m, VirtualBatchNorm)]
        assert len(places) >= 1 or make is discriminator
        assert sum(p.numel() for p in batch.parameters()) == sum(p.numel() for p in virtual.parameters())


def test_minibatch_discrimination_lets_pictures_answer_for_each_other_in_the_logit_alone() -> None:
    module = discriminator(SPECS[1], {"minibatch": True, "norm": "none"}).eval()
    x_BCHW, other = pictures(SPECS[1]), copy.deepcopy(pictures(SPECS[1]))
    other[1:] = other[:1]
    torch.testing.assert_close(module.features(x_BCHW)[0], module.features(other)[0])
    assert not torch.equal(module(x_BCHW)[0], module(other)[0])
    assert mixes_examples(module)


def test_minibatch_discrimination_needs_a_logit_of_its_own() -> None:
    with pytest.raises(UsageError, match=r"discriminator\.minibatch=true"):
        discriminator(SPECS[1], {"minibatch": True, "heads": "semi-supervised"})

"""The fully connected networks against their papers, and on tables."""

import pytest
import torch
from torch import nn

from sparring.data.spec import ImageSpec, TableSpec, TokenSpec
from sparring.errors import UsageError
from sparring.models.gan.base import example_shape
from sparring.models.gan.cgan import ConditionalDiscriminator, ConditionalGenerator, one_hot
from sparring.models.gan.gan2014 import FullyConnectedDiscriminator, FullyConnectedGenerator

MNIST = ImageSpec(channels=1, height=28, width=28, classes=tuple("0123456789"))
PLAIN = ImageSpec(channels=1, height=28, width=28)
TABLE = TableSpec(columns=("x", "y"))


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def linear(inputs: int, outputs: int) -> int:
    return (inputs + 1) * outputs


def test_parameters_of_the_first_gan_on_mnist() -> None:
    """The authors' configuration: 100-1200-1200-784, and 784-240-240-1 with 5 pieces."""
    assert count(FullyConnectedGenerator(PLAIN)) == linear(100, 1200) + linear(1200, 1200) + linear(1200, 784)
    assert count(FullyConnectedDiscriminator(PLAIN)) == linear(784, 1200) + linear(240, 1200) + linear(240, 1)
    plain = FullyConnectedDiscriminator(PLAIN, activation="relu")
    assert count(plain) == linear(784, 240) + linear(240, 240) + linear(240, 1)


def test_parameters_of_the_conditional_gan_on_mnist() -> None:
    """arXiv:1411.1784, section 4.1."""
    generator = linear(100, 200) + linear(10, 1000) + linear(1200, 1200) + linear(1200, 784)
    assert count(ConditionalGenerator(MNIST)) == generator
    discriminator = linear(784, 240 * 5) + linear(10, 50 * 5) + linear(290, 240 * 4) + linear(240, 1)
    assert count(ConditionalDiscriminator(MNIST)) == discriminator


def test_noise_starts_no_weaker_than_the_class_in_a_conditional_generator() -> None:
    """He's weights keep the second moment of what they read (arXiv:1502.01852, section 2.2). With torch's, noise moves
    the picture less than the class does, and by 0.018 of 2 where it is 0.21 with He's."""
    torch.manual_seed(0)
    generator = ConditionalGenerator(MNIST)
    z_BZ = torch.rand(500, 100) * 2 - 1
    hidden = generator.from_noise(z_BZ)
    assert hidden.square().mean().item() == pytest.approx(z_BZ.square().mean().item(), rel=0.1)
    by_noise = generator(z_BZ, torch.zeros(500, dtype=torch.int64)).std(0).mean()
    by_class = generator(z_BZ[:1].expand(10, -1), torch.arange(10)).std(0).mean()
    assert by_noise > by_class


def test_noise_is_uniform() -> None:
    assert FullyConnectedGenerator.noise == ConditionalGenerator.noise == "uniform"


def test_tables_have_rows_and_no_bounds() -> None:
    torch.manual_seed(0)
    generator = FullyConnectedGenerator(TABLE, width=16, z_dim=3, depth=3)
    with torch.no_grad():
        generator.layers[-1].bias.fill_(40.0)
    rows_BF = generator(torch.rand(5, 3))
    assert rows_BF.shape == (5, 2)
    assert (rows_BF > 30).all()
    discriminator = FullyConnectedDiscriminator(TABLE, width=16).eval()
    assert discriminator(rows_BF).shape == (5,)
    assert discriminator.features(rows_BF).shape == (5, 16)


def test_the_shape_of_one_example() -> None:
    assert example_shape(TABLE) == (2,)
    assert example_shape(MNIST) == (1, 28, 28)
    with pytest.raises(UsageError, match="this network is for"):
        example_shape(TokenSpec(vocabulary=5, length=4))


def test_dropout_is_for_training_alone() -> None:
    torch.manual_seed(0)
    x_BCHW = torch.rand(4, 1, 28, 28)
    for module in (FullyConnectedDiscriminator(PLAIN, width=16), ConditionalDiscriminator(PLAIN, width=16)):
        assert not torch.equal(module(x_BCHW), module(x_BCHW))
        module.eval()
        assert torch.equal(module(x_BCHW), module(x_BCHW))
    still = FullyConnectedDiscriminator(PLAIN, width=16, dropout=0.0)
    assert torch.equal(still(x_BCHW), still(x_BCHW))


def test_an_unknown_class_is_the_vector_of_zeros() -> None:
    found = one_hot(torch.tensor([2, -1, 0]), 3, torch.float64)
    assert found.tolist() == [[0, 0, 1], [0, 0, 0], [1, 0, 0]]


def test_the_class_enters_behind_the_features() -> None:
    """One pass over pictures serves every label."""
    torch.manual_seed(0)
    module = ConditionalDiscriminator(MNIST).eval()
    x_BCHW, label_B = torch.rand(4, 1, 28, 28), torch.arange(4)
    h_BF = module.features(x_BCHW)
    assert h_BF.shape == (4, 240)
    torch.testing.assert_close(module.logit(h_BF, label_B), module(x_BCHW, label_B))
    assert torch.equal(module.score(h_BF), module.logit(h_BF))
    assert not torch.allclose(module.logit(h_BF, label_B), module.logit(h_BF, label_B + 1))


def test_a_conditional_generator_draws_another_picture_for_another_class() -> None:
    torch.manual_seed(0)
    for module in (ConditionalGenerator(MNIST), FullyConnectedGenerator(MNIST)):
        z_BZ = torch.rand(1, 100).expand(2, -1)
        one, other = module(z_BZ, torch.tensor([3, 4]))
        assert (one - other).abs().max() > 1e-3
        with pytest.raises(AssertionError, match="needs labels"):
            module(z_BZ)

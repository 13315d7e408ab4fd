"""The contract of every registered classifier: one that is added is tested on arrival."""

from functools import cache

import pytest
import torch
from torch import Tensor, nn

from sparring.data.spec import ImageSpec, TableSpec
from sparring.errors import UsageError
from sparring.models.classify.base import Classifier, classifiers

CLASSES = tuple("abcde")
NAMES = [name for name in classifiers if name not in ("timm", "volume")]
"""Of flat pictures; timm's networks are an extra. Both have tests of their own."""
SHAPES = ((1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64), (3, 45, 60), (3, 227, 227))
B = 4
PARAMETERS, LAYERS = 25_000_000, 250
"""Larger networks are tested without values only, and deeper ones only built, at a single shape: for time."""


def spec_of(shape: tuple[int, int, int]) -> ImageSpec:
    channels, height, width = shape
    return ImageSpec(channels=channels, height=height, width=width, classes=CLASSES)


@cache
def on_meta(name: str, shape: tuple[int, int, int], *, narrow: bool = False) -> Classifier | None:
    """The network without values, or None where it refuses the shape."""
    try:
        with torch.device("meta"):
            return classifiers.build(name, spec_of(shape), settings=narrowed(name) if narrow else {})
    except UsageError as refusal:
        assert "--" in str(refusal) or "take" in str(refusal), "it has to say what to do"
        return None


def narrowed(name: str) -> dict[str, int]:
    """Settings that make it small, where it has them."""
    # Attention divides its width among heads.
    known, width = classifiers[name].settings, 24 if "heads" in classifiers[name].settings else 8
    return {"width": width} if "width" in known else {}


@cache
def smallest(name: str) -> tuple[int, int, int]:
    """The first of the shapes that the network takes."""
    return next(shape for shape in SHAPES if on_meta(name, shape, narrow=True) is not None)


def is_deep(name: str) -> bool:
    network = on_meta(name, smallest(name), narrow=True)
    assert network is not None
    return sum(not list(part.children()) for part in network.modules()) > LAYERS


def real(name: str, *, seed: int = 0) -> tuple[Classifier, Tensor]:
    """The network with values, narrow where it has a width, and pictures for it, of the smallest shape it takes."""
    shape = smallest(name)
    network = on_meta(name, shape, narrow=True)
    assert network is not None
    if is_deep(name) or sum(p.numel() for p in network.parameters()) > PARAMETERS:
        pytest.skip("too large for a test")
    torch.manual_seed(seed)
    pictures = torch.rand(B, *shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
    network = classifiers.build(name, spec_of(shape), settings=narrowed(name))
    return network, pictures.contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("name", NAMES)
def test_it_takes_a_size_or_says_which(name: str) -> None:
    for shape in () if is_deep(name) else SHAPES:
        network = on_meta(name, shape)
        if network is not None:
            assert network.eval()(torch.empty(2, *shape, device="meta")).shape == (2, len(CLASSES))


@pytest.mark.parametrize("name", NAMES)
def test_rows_and_volumes_are_taken_or_refused(name: str) -> None:
    table = TableSpec(columns=("x", "y"), classes=CLASSES)
    volume = ImageSpec(channels=1, height=32, width=32, depth=32, classes=CLASSES)
    for spec, shape in ((table, (2,)), (volume, (1, 32, 32, 32))):
        try:
            with torch.device("meta"):
                network = classifiers.build(name, spec)
        except UsageError:
            continue
        assert network.eval()(torch.empty(2, *shape, device="meta")).shape == (2, len(CLASSES))


@pytest.mark.parametrize("name", NAMES)
def test_every_weight_is_trained(name: str) -> None:
    network, x_BCHW = real(name)
    heads = network.train().heads(x_BCHW)
    assert len(heads) == 1 or network.auxiliary_weight > 0, "further heads need a weight"
    assert all(logit_BK.shape == (B, len(CLASSES)) and logit_BK.isfinite().all() for logit_BK in heads)
    losses = [nn.functional.cross_entropy(logit_BK, torch.arange(B)) for logit_BK in heads]
    torch.stack(losses).sum().backward()
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        assert parameter.grad.abs().max() > 0, key


@pytest.mark.parametrize("name", NAMES)
def test_it_evaluates_one_picture_as_it_does_many(name: str) -> None:
    network, x_BCHW = real(name)
    network.eval()
    with torch.no_grad():
        logit_BK = network(x_BCHW)
        assert torch.equal(logit_BK, network(x_BCHW))
        assert torch.equal(logit_BK, network.head(network.features(x_BCHW)))
        torch.testing.assert_close(network(x_BCHW[:1]), logit_BK[:1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_its_weights_are_a_function_of_the_seed(name: str) -> None:
    first, second, other = (real(name, seed=seed)[0].state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(value, second[key]) for key, value in first.items())
    assert not all(torch.equal(value, other[key]) for key, value in first.items())

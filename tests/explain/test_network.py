"""Every registered network has a table, and a drawing."""

from xml.etree import ElementTree

import pytest
import torch

from sparring.data.spec import ImageSpec
from sparring.errors import UsageError
from sparring.explain.drawing import drawing
from sparring.explain.network import REGISTRIES, Kind, explain_network
from sparring.explain.table import Table

DEEPEST = ("resnet1202", "preresnet1001")
"""Ten seconds each: what holds for the others holds for them."""
OF_OTHERS = ("timm",)
"""Needs a name behind a colon, and a library."""
ENTRIES = [
    pytest.param(kind, name, marks=[pytest.mark.slow] if name in DEEPEST else [])
    for kind, registry in REGISTRIES.items()
    for name in registry
    if name not in OF_OTHERS
]
SIZES = ((32, None), (16, 16), (64, None), (128, None), (227, None), (299, None))


def at_its_smallest(kind: Kind, name: str) -> tuple[ImageSpec, Table]:
    """The first pictures that the network is for, and its table there."""
    for size, depth in SIZES:
        try:
            found = explain_network(name, kind=kind, size=size, depth=depth, classes=10)
        except UsageError:
            continue
        classes = tuple(map(str, range(10)))
        sources = 0 if kind == "classifier" else 3
        spec = ImageSpec(channels=3, height=size, width=size, depth=depth, classes=classes, source_channels=sources)
        return spec, found
    raise AssertionError(f"{name} takes none of {SIZES}")


@pytest.mark.parametrize(("kind", "name"), ENTRIES)
def test_a_table_holds_every_parameter_and_every_layer_has_a_shape(kind: Kind, name: str) -> None:
    spec, found = at_its_smallest(kind, name)
    with torch.device("meta"):
        module = REGISTRIES[kind].build(name, spec)
    everything = sum(parameter.numel() for parameter in module.parameters())
    assert found.parameters + sum(found.unused.values()) == everything
    assert all(side > 0 for layer in found.layers for side in layer.output)
    assert found.multiply_adds > 0
    if kind == "classifier":
        assert found.layers[-1].output == (10,)
        assert "head" not in found.unused
    ElementTree.fromstring(drawing(found))


def test_softmax_regression_by_hand() -> None:
    found = explain_network("mlp", size=28, channels=1, classes=10, settings=["depth=0"])
    assert [layer.formula for layer in found.layers] == ["", "784 x 10 + 10 = 7,850"]
    assert (found.input, found.parameters, found.multiply_adds) == ((1, 28, 28), 7_850, 7_840)


def test_dcgan_of_the_pytorch_example() -> None:
    """3,576,704 and 2,765,568 parameters at 64x64: the figures of the example that everybody starts from."""
    wanted: dict[Kind, int] = {"generator": 3_576_704, "discriminator": 2_765_568}
    for kind, count in wanted.items():
        assert explain_network("dcgan", kind=kind, size=64).parameters == count


def test_a_player_has_no_classes_unless_asked() -> None:
    assert "embedding" not in {layer.name for layer in explain_network("compact", kind="generator", size=32).layers}
    asked = explain_network("compact", kind="generator", size=32, classes=10)
    assert "embedding" in {layer.name for layer in asked.layers}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"name": "alexnt"}, "no network is called 'alexnt'"),
        ({"name": "dcgan"}, "--kind generator or discriminator"),
        ({"name": "mlp", "settings": ["depht=1"]}, "Did you mean 'depth'"),
        ({"name": "mlp", "settings": ["depth"]}, "expected NAME=VALUE"),
        ({"name": "mlp", "settings": ["depth=many"]}, "expected a whole number"),
        ({"name": "mlp", "settings": ["depth=-1"]}, "expected 0 or more"),
    ],
)
def test_what_can_not_be_is_said(words: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        explain_network(**words)  # type: ignore[arg-type]

"""Any registered network, built where it takes neither memory nor time, and looked at."""

from collections.abc import Sequence
from typing import Any, Literal

import torch

from sparring.data.spec import ImageSpec
from sparring.errors import UsageError, did_you_mean
from sparring.explain.table import Table, tabulate
from sparring.models.classify.base import Classifier, classifiers
from sparring.models.gan.base import Discriminator, Generator, discriminators, generators
from sparring.registry import Entry, Registry
from sparring.typed import parse_value

Kind = Literal["classifier", "generator", "discriminator"]
REGISTRIES: dict[Kind, Registry[Any]] = {
    "classifier": classifiers,
    "generator": generators,
    "discriminator": discriminators,
}
IMAGENET_CLASSES = 1000


def explain_network(
    name: str,
    *,
    kind: Kind | None = None,
    size: int = 224,
    channels: int = 3,
    depth: int | None = None,
    classes: int | None = None,
    settings: Sequence[str] = (),
) -> Table:
    """The table of a registered network.

    Args:
        kind: needed where a generator and a discriminator share the name; a classifier comes before both.
        size: of the pictures, height and width.
        depth: of volumes; None: flat pictures.
        classes: None: 1,000 for a classifier, none for the players of a GAN.
        settings: "NAME=VALUE" each.

    Raises:
        UsageError: an unknown name, a setting that it does not have, or pictures that it is not for.
    """
    kind = kind or _kind_of(name)
    registry = REGISTRIES[kind]
    count = classes if classes is not None else IMAGENET_CLASSES if kind == "classifier" else 0
    spec = ImageSpec(
        channels=channels,
        height=size,
        width=size,
        depth=depth,
        classes=tuple(map(str, range(count))),
        # Only what translates pictures looks at it.
        source_channels=0 if kind == "classifier" else channels,
    )
    chosen = _chosen(registry[name], settings)
    with torch.device("meta"):
        module = registry.build(name, spec, settings=chosen)
        return tabulate(name, kind, module, *_given(module, spec))


def _kind_of(name: str) -> Kind:
    found = [kind for kind, registry in REGISTRIES.items() if name in registry]
    if not found:
        known = {entry for registry in REGISTRIES.values() for entry in registry}
        raise UsageError(f"no network is called '{name}'. {did_you_mean(name, known)}")
    if len(found) > 1 and found[0] != "classifier":
        raise UsageError(f"'{name}' is a {' and a '.join(found)}: say which with --kind {found[0]} or {found[1]}.")
    return found[0]


def _chosen(entry: Entry[Any], settings: Sequence[str]) -> dict[str, Any]:
    chosen = {}
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set {text}: expected NAME=VALUE, such as width=64.")
        if name not in entry.settings:
            raise UsageError(f"--set {text}: '{entry.name}' has no such setting. {did_you_mean(name, entry.settings)}")
        chosen[name] = parse_value(value, entry.settings[name].type, option=f"--set {name}")
    return chosen


def _given(module: Classifier | Generator | Discriminator, spec: ImageSpec) -> tuple[torch.Tensor | None, ...]:
    """What the network takes, for one example, on torch's default device."""
    sides = (spec.height, spec.width) if spec.depth is None else (spec.depth, spec.height, spec.width)
    x_BCHW = torch.empty(1, spec.channels, *sides)
    label_B = torch.zeros(1, dtype=torch.int64) if spec.classes else None
    if isinstance(module, Generator):
        z_BZ = torch.empty(1, module.z_dim)
        return (z_BZ, x_BCHW) if module.source_channels else (z_BZ, label_B if module.conditional else None)
    if isinstance(module, Discriminator):
        return (x_BCHW, label_B, x_BCHW.clone() if module.source_channels else None)
    return (x_BCHW,)

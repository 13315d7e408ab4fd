"""The contract of every registered autoencoder: one that is added is tested on arrival."""

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor

from sparring.data.spec import ImageSpec, SequenceSpec, TableSpec
from sparring.errors import UsageError
from sparring.models.autoencode.base import Autoencoder, Variational, autoencoders
from sparring.models.autoencode.m2 import M2
from sparring.models.autoencode.masked import MaskedAutoencoder
from sparring.models.autoencode.quantised import VectorQuantised

SHAPES = ((1, 8, 8), (1, 28, 28), (3, 30, 17), (4, 64, 64))
OF_TABLES = ("linear", "m2", "mlp", "vae")
B = 4


def spec_of(shape: tuple[int, int, int]) -> ImageSpec:
    channels, height, width = shape
    return ImageSpec(channels=channels, height=height, width=width, classes=("a", "b", "c"))


def built(name: str, spec: ImageSpec | TableSpec) -> Autoencoder:
    torch.manual_seed(0)
    small = {"width": 8, "depth": 2, "heads": 2, "decoder_width": 8}
    settings: dict[str, Any] = {key: value for key, value in small.items() if key in autoencoders[name].settings}
    if "conditional" in autoencoders[name].settings:
        settings["conditional"] = True
    return autoencoders.build(name, spec, settings=settings)


def examples(shape: tuple[int, ...]) -> Tensor:
    return torch.rand(B, *shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))
@pytest.mark.parametrize("name", list(autoencoders))
def test_codes_and_what_is_rebuilt_have_their_shapes_and_every_weight_learns(
    name: str, shape: tuple[int, int, int]
) -> None:
    module, x, label = built(name, spec_of(shape)), examples(shape), torch.arange(B) % 3
    z = module.encode(x, label)
    assert z.shape == (B, *module.code)
    assert module.code_size == z[0].numel()
    assert module.decode(z, label).shape == x.shape
    if isinstance(module, VectorQuantised):
        through = module.decode_vectors(module.vectors(x) + module.codebook(module.vectors(x))[0])
    elif isinstance(module, Variational):
        posterior = module.posterior(x, label)
        through = module.decode(posterior.at(torch.randn_like(posterior.mean_BZ)), label) * module.log_sd.exp()
    elif isinstance(module, MaskedAutoencoder):
        through = module.rebuild({"x": x, "shown": torch.tensor([[0], [1], [1], [0]])})
    else:
        through = module(x)
    total = (through * torch.randn_like(through)).sum()
    if isinstance(module, M2):
        total = total + (module.class_logits(x) * torch.randn(B, 3)).sum()
    total.backward()
    idle = [key for key, p in module.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not idle


@pytest.mark.parametrize("name", [name for name in autoencoders if "conditional" in autoencoders[name].settings])
def test_a_class_makes_a_difference_and_an_unknown_one_is_none(name: str) -> None:
    module, x = built(name, spec_of((1, 8, 8))).eval(), examples((1, 8, 8))
    unknown = torch.full((B,), -1)
    assert torch.equal(module.encode(x, unknown), module.encode(x))
    assert not torch.allclose(module.encode(x, torch.zeros_like(unknown)), module.encode(x))
    plain = autoencoders.build(name, dataclasses.replace(spec_of((1, 8, 8)), classes=()))
    assert plain.classes == 0


@pytest.mark.parametrize("name", list(autoencoders))
def test_rows_are_taken_or_refused_with_what_to_do(name: str) -> None:
    rows = TableSpec(columns=("a", "b", "c"), classes=("u", "v") if name == "m2" else ())
    if name in OF_TABLES:
        module = autoencoders.build(name, rows)
        assert module(torch.randn(B, 3)).shape == (B, 3)
    else:
        with pytest.raises(UsageError, match="Take --recipe autoencoder or vae"):
            autoencoders.build(name, rows)
    with pytest.raises(UsageError, match="this network is for"):
        autoencoders.build(name, SequenceSpec(channels=1, length=8))  # type: ignore[arg-type]

"""Detectors on networks of timm: which of their maps are read, and that the network stays as it is."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

import sparring
from sparring.data.spec import ImageSpec
from sparring.errors import MachineError, UsageError
from sparring.models.detect.base import detectors
from sparring.models.detect.pretrained import Pretrained
from sparring.recipe import DataChoice, Facts
from sparring.recipes.base import recipes

SPEC = ImageSpec(channels=3, height=64, width=64)


def built(name: str, spec: ImageSpec = SPEC, **settings: Any) -> Pretrained:
    torch.manual_seed(0)
    module = detectors.build(f"timm:{name}", spec, settings={"weights": False, **settings})
    assert isinstance(module, Pretrained)
    return module


def pictures(seed: int = 0) -> Tensor:
    return torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_pictures_reach_the_backbone_as_it_was_trained(asked: list[dict[str, Any]]) -> None:
    """[-1, 1] to [0, 1], less the mean, by the standard deviation: of each channel."""
    network, seen = built("small").eval(), []
    network.backbone[0].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    network(torch.tensor([-1.0, 0.0, 1.0]).view(1, 3, 1, 1).expand(1, 3, 64, 64))
    expected = [(0.0 - 0.4) / 0.2, (0.5 - 0.5) / 0.25, (1.0 - 0.6) / 0.5]
    torch.testing.assert_close(seen[0][0, :, 0, 0], torch.tensor(expected))


@pytest.mark.parametrize(
    ("name", "indices", "sides"), [("small", (3, 4, 5), (8, 4, 2)), ("bare", (3, 6, 9), (4, 4, 4))]
)
def test_the_maps_of_the_middle_the_last_of_each_size(
    asked: list[dict[str, Any]], name: str, indices: tuple[int, ...], sides: tuple[int, ...]
) -> None:
    network, x_BCHW = built(name).eval(), pictures()
    layers = network.layers(x_BCHW)
    assert [tuple(h_BCHW.shape) for h_BCHW in layers] == [(4, 5, side, side) for side in sides]
    plain_BCHW = network.backbone[1](network.backbone[0](((x_BCHW + 1) / 2 - network.mean) / network.sd))
    for index, h_BCHW in zip(indices, layers, strict=True):
        expected_BC = plain_BCHW.mean((2, 3)) + index
        # Windows of an adaptive pool overlap where they don't divide the side.
        torch.testing.assert_close(h_BCHW.mean((2, 3)), expected_BC, rtol=0, atol=0.05)
    assert network.places(layers, (64, 64)).shape == (4, 1, 64, 64)


def test_the_head_learns_and_the_backbone_stays_as_it_is(asked: list[dict[str, Any]]) -> None:
    network = built("small").train().requires_grad_(True)  # as a game does with whoever moves
    before = {name: value.clone() for name, value in network.backbone.state_dict().items()}
    network(pictures()).mul(torch.randn(4, 1, 64, 64)).sum().backward()
    without = {name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0}
    assert without == {f"backbone.{name}" for name, _ in network.backbone.named_parameters()}
    for name, value in network.backbone.state_dict().items():
        assert torch.equal(value, before[name]), f"{name}: batch norm's statistics too"


def test_what_cant_be_is_refused(asked: list[dict[str, Any]]) -> None:
    with pytest.raises(UsageError, match="timm:mute does not give out its maps"):
        built("mute")
    with pytest.raises(UsageError, match=r"one place for \[2, 4, 8\] points of a side, and two of \(8, 16, 32\)"):
        built("shallow")
    with pytest.raises(UsageError, match="for pictures of 32x32 and more; these are 28x64"):
        built("small", ImageSpec(channels=3, height=28, width=64))
    with pytest.raises(MachineError, match=r"--set detector\.weights=FILE\.safetensors"):
        built("small", weights=True)


@pytest.mark.parametrize("examples", [3, 200, 60_000])
def test_the_recipe_names_its_network(examples: int) -> None:
    facts = Facts(channels=3, height=64, width=64, classes=0, examples=examples, labelled=0, device="cpu")
    recipe = recipes.build("patchcore:vit_tiny", DataChoice(source="photos/", size=64, channels=3), facts)
    assert (recipe.name, recipe.task) == ("patchcore:vit_tiny", "anomaly")
    assert recipe.players["detector"].model.name == "timm:vit_tiny"
    assert recipe.batch <= examples
    assert recipe.log_kimg * 1000 % recipe.batch == 0, "rows lie between rounds"


def test_a_run_remembers_what_the_network_saw(
    asked: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dull colours are normal; the memory finds loud ones; a run is opened without asking for weights."""
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path / "cache"))
    draw = np.random.default_rng(0)
    dull = draw.integers(100, 140, (40, 32, 32, 3), dtype=np.uint8)
    np.savez_compressed(tmp_path / "dull.npz", train_images=dull[:24])
    settings = ("detector.weights=false", "detector.width=4")
    out = tmp_path / "run"
    sparring.train(
        tmp_path / "dull.npz", recipe="patchcore:small", kimg=0.2, batch=8, settings=settings, device="cpu", out=out
    )
    run = sparring.load(out, device="cpu")
    loud = draw.integers(0, 256, (16, 32, 32, 3), dtype=np.uint8)
    scores = run.detect(np.concatenate([dull[24:], loud]), by="memory").scores
    assert roc_auc_score(np.arange(32) >= 16, scores) > 0.95
    assert not asked[-1]["pretrained"]


# -- with timm itself ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224", "mobilenetv3_small_050", "convnext_atto"])
def test_networks_of_timm(name: str) -> None:
    pytest.importorskip("timm")
    network, x_BCHW = built(name).eval(), pictures()
    layers = network.layers(x_BCHW)
    assert len(layers) == 3
    assert network(x_BCHW).shape == (4, 1, 64, 64)
    assert all(torch.isfinite(h_BCHW).all() and h_BCHW.std() > 0 for h_BCHW in layers)
    with torch.device("meta"):
        meta = built(name)
    assert {n: p.shape for n, p in meta.named_parameters()} == {n: p.shape for n, p in network.named_parameters()}

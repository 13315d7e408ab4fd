"""Networks of timm: their weights, the scale of their pictures, and a backbone that stays as it is while frozen."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from filled import count, pictures_of, seen_pictures
from safetensors.torch import save_file
from torch import Tensor

from models.conftest import Backbone
from sparring.errors import DataError, MachineError, UsageError
from sparring.models.classify.base import classifiers
from sparring.models.classify.pretrained import Pretrained

SPEC = pictures_of(8, classes=3)


def built(name: str = "timm:small", **settings: Any) -> Pretrained:
    torch.manual_seed(0)
    module = classifiers.build(name, SPEC, settings={"weights": False, **settings})
    assert isinstance(module, Pretrained)
    return module


def test_pictures_reach_the_backbone_as_it_was_trained(asked: list[dict[str, Any]]) -> None:
    """[-1, 1] to [0, 1], less the mean, by the standard deviation: of each channel."""
    seen: list[Tensor] = []
    network = built()
    network.backbone.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    network(torch.tensor([-1.0, 0.0, 1.0]).view(1, 3, 1, 1).expand(2, 3, 8, 8))
    expected = [(0.0 - 0.4) / 0.2, (0.5 - 0.5) / 0.25, (1.0 - 0.6) / 0.5]
    torch.testing.assert_close(seen[0][0, :, 0, 0], torch.tensor(expected))


@pytest.mark.parametrize("channels", [1, 4])
def test_other_channels_have_the_mean_of_the_three(asked: list[dict[str, Any]], channels: int) -> None:
    network = Pretrained(pictures_of(8, channels=channels), network="small", weights=False)
    torch.testing.assert_close(network.mean.flatten(), torch.full((channels,), 0.5))


def test_frozen_the_head_alone_learns(asked: list[dict[str, Any]]) -> None:
    network = built().train()
    network.freeze()
    network.requires_grad_(True)  # as a game does with whoever moves
    before = {name: value.clone() for name, value in network.backbone.state_dict().items()}
    network(seen_pictures(SPEC)).square().sum().backward()
    assert {name for name, p in network.named_parameters() if p.grad is not None} == {"head.weight", "head.bias"}
    network.train()
    network(seen_pictures(SPEC))
    for name, value in network.backbone.state_dict().items():
        assert torch.equal(value, before[name]), f"{name}: batch norm's statistics too"


def test_unfrozen_all_learns(asked: list[dict[str, Any]]) -> None:
    network = built().train()
    network.freeze()
    network.freeze(False)
    network(seen_pictures(SPEC)).mul(torch.randn(2, 3)).sum().backward()
    assert not [name for name, p in network.named_parameters() if p.grad is None]
    assert network.backbone.training
    assert network.backbone[1].num_batches_tracked == 1
    assert not network.eval().backbone.training


def test_a_network_of_one_size_is_built_for_the_pictures(asked: list[dict[str, Any]]) -> None:
    built("timm:bare")
    assert asked[-1]["img_size"] == (8, 8)
    built("timm:small")
    assert "img_size" not in asked[-1]


def test_nothing_is_loaded_where_there_are_no_values(asked: list[dict[str, Any]]) -> None:
    with torch.device("meta"):
        network = built(weights=True)
    assert not asked[-1]["pretrained"]
    assert network.head.weight.is_meta and network.mean.is_meta


def test_what_cant_be_is_refused(asked: list[dict[str, Any]], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="timm alone is no network"):
        classifiers.build("timm", SPEC)
    with pytest.raises(UsageError, match=r"timm has no network 'smal'\. Did you mean 'small'"):
        built("timm:smal")
    with pytest.raises(UsageError, match="timm:bare has no published weights"):
        built("timm:bare", weights=True)
    with pytest.raises(MachineError, match="no route to the weights"):
        built(weights=True)
    with pytest.raises(UsageError, match=r"expected true, false, or a \.safetensors file that is there"):
        built(weights=str(tmp_path / "none.safetensors"))


def test_weights_of_another_network_are_refused(asked: list[dict[str, Any]], tmp_path: Path) -> None:
    file = tmp_path / "other.safetensors"
    save_file({"0.weight": torch.zeros(1)}, file)
    with pytest.raises(DataError, match=r"3 are missing, 0\.bias for one"):
        built(weights=str(file))
    save_file(dict(Backbone(3).named_parameters()), file)
    built(weights=str(file))
    assert asked[-1]["pretrained_cfg_overlay"] == {"file": str(file)}


def test_without_timm_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"pip install 'sparring\[pretrained\]'"):
        built()


# -- with timm itself ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224", "mobilenetv3_small_050"])
def test_networks_of_timm(name: str, channels: int) -> None:
    pytest.importorskip("timm")
    spec = pictures_of(64, classes=3, channels=channels)
    network = classifiers.build(f"timm:{name}", spec, settings={"weights": False})
    assert network(seen_pictures(spec)).shape == (2, 3)
    network.heads(seen_pictures(spec))[0].sum().backward()
    assert all(p.grad is not None for p in network.parameters())
    with torch.device("meta"):
        assert count(classifiers.build(f"timm:{name}", spec)) == count(network)


def test_a_file_of_weights_is_loaded_with_its_kernels_summed_for_grey(tmp_path: Path) -> None:
    """On a grey picture the network says what it says of the same picture in three equal channels, unscaled."""
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    theirs, file = timm.create_model("resnet18"), tmp_path / "resnet18.safetensors"
    save_file(theirs.state_dict(), file)
    spec = pictures_of(64, classes=3, channels=1)
    ours = Pretrained(spec, network="resnet18", weights=str(file)).eval()
    torch.testing.assert_close(ours.backbone.conv1.weight, theirs.conv1.weight.sum(1, keepdim=True))
    x_BCHW = seen_pictures(spec)
    expected = theirs.eval().forward_head(theirs.forward_features(x_BCHW.expand(-1, 3, -1, -1)), pre_logits=True)
    torch.testing.assert_close(ours.backbone(x_BCHW), expected, rtol=1e-4, atol=1e-4)
    with pytest.raises(DataError, match="not the weights of timm:mobilenetv3_small_050"):
        Pretrained(spec, network="mobilenetv3_small_050", weights=str(file))

"""A stand-in for timm: small networks that have what the real ones have."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

MEAN, SD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.5)
REDUCTIONS = {"small": (2, 4, 8, 8, 16, 32), "bare": (16,) * 12, "shallow": (2, 4, 8)}
"""Points of a side for one place of each map that a network gives out: a pyramid, patches, and a pyramid cut short."""


class Backbone(nn.Sequential):
    """What timm would make, in small."""

    def __init__(self, channels: int, reductions: tuple[int, ...] = ()) -> None:
        super().__init__(nn.Conv2d(channels, 5, 3), nn.BatchNorm2d(5), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head_hidden_size = 5
        self.pretrained_cfg = {"mean": MEAN, "std": SD}
        self.feature_info = [{"reduction": reduction, "num_chs": 5} for reduction in reductions]


class WithMaps(Backbone):
    """One that gives out its maps; the number of each is added to it, so that it can be told."""

    def forward_intermediates(
        self, x_BCHW: Tensor, *, indices: list[int], intermediates_only: bool, output_fmt: str, stop_early: bool
    ) -> list[Tensor]:
        assert intermediates_only and stop_early and output_fmt == "NCHW"
        h_BCHW = self[1](self[0](x_BCHW))
        sides = [x_BCHW.shape[2] // self.feature_info[index]["reduction"] for index in indices]
        return [adaptive_avg_pool2d(h_BCHW, side) + index for index, side in zip(indices, sides, strict=True)]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the stand-in was asked for: `small` has published weights, `bare` has none and one size, `mute` no maps."""
    calls: list[dict[str, Any]] = []

    def create_model(name: str, *, in_chans: int, pretrained: bool, **others: Any) -> nn.Module:
        calls.append({"name": name, "pretrained": pretrained, **others})
        if pretrained and not others["pretrained_cfg_overlay"]:
            raise OSError("no route to the weights")
        return WithMaps(in_chans, REDUCTIONS[name]) if name in REDUCTIONS else Backbone(in_chans)

    known = {"small": (True, False), "bare": (False, True), "shallow": (False, False), "mute": (False, False)}
    stand_in = SimpleNamespace(
        create_model=create_model,
        is_model=known.__contains__,
        list_models=lambda: list(known),
        get_pretrained_cfg=lambda name: SimpleNamespace(has_weights=known[name][0], fixed_input_size=known[name][1]),
    )
    monkeypatch.setitem(sys.modules, "timm", stand_in)  # type: ignore[arg-type]
    return calls

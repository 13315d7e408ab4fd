"""Networks that say where a picture is not as the others are."""

import pytest
import torch

from sparring.data.spec import ImageSpec, TableSpec
from sparring.errors import UsageError
from sparring.models.detect.base import Detector, detectors

OWN = [name for name in detectors if detectors[name].behind_colon is None]
"""Those of others are tested in `test_pretrained_detector`."""
SIDES = ((8, 8), (9, 15), (28, 28), (64, 48), (33, 130))


@pytest.mark.parametrize("name", OWN)
class TestDetector:
    @pytest.mark.parametrize("side", SIDES)
    def test_a_logit_for_each_point_and_finer_layers_first(self, name: str, side: tuple[int, int]) -> None:
        torch.manual_seed(0)
        module: Detector = detectors.build(name, ImageSpec(channels=3, height=side[0], width=side[1])).eval()
        x_BCHW = torch.rand(2, 3, *side) * 2 - 1
        assert module(x_BCHW).shape == (2, 1, *side)
        layers = module.layers(x_BCHW)
        places = [layer.shape[2] * layer.shape[3] for layer in layers]
        assert places == sorted(places, reverse=True)
        assert len(layers) >= 2
        assert torch.equal(module.places(layers, side), module(x_BCHW))
        assert torch.allclose(module(x_BCHW[:1]), module(x_BCHW)[:1], atol=1e-5), "in evaluation each by itself"

    def test_every_parameter_gets_a_gradient(self, name: str) -> None:
        torch.manual_seed(0)
        module: Detector = detectors.build(name, ImageSpec(channels=1, height=16, width=16))
        logit = module(torch.rand(4, 1, 16, 16))
        (logit * torch.randn_like(logit)).sum().backward()
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters())

    @pytest.mark.parametrize(
        "spec",
        [TableSpec(columns=("a",)), ImageSpec(channels=1, height=8, width=8, depth=8)],
        ids=["rows", "volumes"],
    )
    def test_what_is_no_flat_picture_is_refused(self, name: str, spec: ImageSpec | TableSpec) -> None:
        with pytest.raises(UsageError, match="for flat pictures, and the data are"):
            detectors.build(name, spec)

"""The page of a picture, and the maps of where a network looked against closed forms."""

import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparring.data.spec import ImageSpec
from sparring.errors import UsageError
from sparring.explain import attribution
from sparring.explain.page import explain_picture
from sparring.models.classify.base import Classifier, classifiers

pytest.importorskip("captum")

CLASSES = ("<b>cat</b>", "dog", "owl")
X = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


class Pooled(nn.Module):
    """One layer of maps, their means, a linear layer: Grad-CAM is the class activation map (arXiv:1610.02391, A)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 5, 3, stride=2, padding=1), nn.Linear(5, 3)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        logit_BK: Tensor = self.head(self.conv(x_BCHW).mean((2, 3)))
        return logit_BK


def test_grad_cam_is_the_weighted_sum_of_maps() -> None:
    torch.manual_seed(0)
    net = Pooled()
    found = attribution.grad_cam(net, net.conv, X, 2)
    with torch.no_grad():
        cam = torch.einsum("c,bchw->bhw", net.head.weight[2], net.conv(X))[:, None] / 64
        wanted = F.interpolate(cam.relu(), (16, 16), mode="bilinear")[0, 0]
    np.testing.assert_allclose(found, wanted.numpy(), atol=1e-6)


def test_gradient_times_input_of_a_linear_network_is_each_pixels_share() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 256, 3))
    found = attribution.gradient_times_input(net, X, 1)
    bias = net[1].bias[1].item()
    assert found.sum() == pytest.approx(net(X)[0, 1].item() - bias, abs=1e-4)
    wanted = (net[1].weight[1].view(3, 16, 16) * X[0]).sum(0).detach()
    np.testing.assert_allclose(found, wanted.numpy(), atol=1e-5)


class Corner(nn.Module):
    """Looks at one pixel alone."""

    def forward(self, x_BCHW: Tensor) -> Tensor:
        value_B = x_BCHW[:, 0, 3, 11]
        return torch.stack([value_B, -value_B], 1)


def test_occlusion_finds_the_one_pixel_that_matters() -> None:
    x = torch.zeros(1, 3, 16, 16)
    x[0, :, 3, 11] = 1
    found = attribution.occlusion(Corner(), x, 0)
    rows, columns = np.nonzero(found)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (2, 4, 10, 12), "squares of 2 that hold it"
    fall = torch.tensor([1.0, -1.0]).softmax(0)[0] - 0.5
    assert found[3, 11] == pytest.approx(float(fall), abs=1e-6)
    assert (attribution.occlusion(Corner(), x, 1) <= 0).all()


def net_and_picture(name: str, channels: int, size: int = 32) -> tuple[Classifier, np.ndarray]:
    torch.manual_seed(0)
    spec = ImageSpec(channels=channels, height=size, width=size, classes=CLASSES)
    pixels = np.random.default_rng(0).integers(0, 256, (size, size, channels), dtype=np.uint8)
    return classifiers.build(name, spec, settings={"depth": 2} if name == "vit-tiny" else {}), pixels


class Addresses(HTMLParser):
    """Everything that a page would load, and its texts."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loaded += [str(value) for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def read(page: str) -> Addresses:
    parser = Addresses()
    parser.feed(page)
    return parser


@pytest.mark.parametrize(
    ("name", "channels", "wanted", "absent"),
    [
        ("lenet5", 1, ["Grad-CAM", "One value by hand", "What each layer saw"], ["squeeze", "Gradient x input"]),
        ("seresnet20", 3, ["Grad-CAM", "One value by hand", "How squeeze-and-excitation"], ["Gradient x input"]),
        ("mlp", 3, ["Gradient x input", "Learned kernels 48 kernels, 32x32"], ["Grad-CAM", "One value by hand"]),
        ("vit-tiny", 3, ["Gradient x input"], ["Grad-CAM"]),
    ],
)
def test_the_page_of_each_kind_of_network(name: str, channels: int, wanted: list[str], absent: list[str]) -> None:
    module, pixels = net_and_picture(name, channels)
    page = explain_picture(module, pixels, CLASSES, title="run & picture")
    found = read(page)
    assert all(words in found.text for words in [*wanted, "Occlusion", "run & picture", "The network"])
    assert not any(words in found.text for words in absent)
    assert found.loaded and all(source.startswith("data:image/png;base64,") for source in found.loaded)
    assert "script" not in found.tags and "default-src 'none'" in page
    assert "<b>cat</b>" in found.text, "names are text"
    assert f"{sum(p.numel() for p in module.parameters()):,} parameters" in found.text


def test_probabilities_are_the_networks_likeliest_first() -> None:
    module, pixels = net_and_picture("lenet5", 1)
    x = torch.tensor(pixels).permute(2, 0, 1)[None].float() / 127.5 - 1
    shares = module.eval()(x).softmax(1)[0].tolist()
    found = read(explain_picture(module, pixels, CLASSES, title="a")).text
    wanted = [f"{100 * share:.1f} %" for share in sorted(shares, reverse=True)]
    assert re.findall(r"\d+\.\d %", found)[:3] == wanted


def test_the_network_is_left_as_it_was() -> None:
    module, pixels = net_and_picture("seresnet20", 3)
    module.train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    page = explain_picture(module, pixels, CLASSES, title="a")
    assert module.training
    torch.testing.assert_close(dict(module.state_dict()), before, rtol=0, atol=0)
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())
    assert explain_picture(module, pixels, CLASSES, title="a") == page, "the same picture gives the same bytes"


def test_kernels_made_by_hand_are_shown_when_asked_for() -> None:
    module, pixels = net_and_picture("mlp", 1)
    assert "vertical-edge" in explain_picture(module, pixels, CLASSES, title="a", filters=True)
    assert "vertical-edge" not in explain_picture(module, pixels, CLASSES, title="a")


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    module, pixels = net_and_picture("mlp", 1)
    with pytest.raises(UsageError, match=r"pip install 'sparring\[explain\]'"):
        explain_picture(module, pixels, CLASSES, title="a")

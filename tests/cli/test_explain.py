"""`sparring explain`."""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from cli.conftest import Command


def test_a_table_of_a_network(sparring: Command) -> None:
    ended = sparring("explain", "mlp", "--size", 28, "--channels", 1, "--classes", 10, "--set", "width=64")
    assert ended.code == 0, ended.err
    (line,) = (line for line in ended.lines if line.startswith("layers.1 "))
    assert line.split()[1:5] == ["Linear", "64", "whole", "50,176"]
    assert line.endswith("784 x 64 + 64 = 50,240")
    assert f"{50_240 + 64 * 65 + 650:,} parameters" in ended.out


def test_the_same_as_json_and_as_a_drawing(sparring: Command, tmp_path: Path) -> None:
    file = tmp_path / "compact.svg"
    ended = sparring("explain", "compact", "--kind", "discriminator", "--size", 32, "--json", "--svg", file)
    found = json.loads(ended.out)
    assert sum(layer["parameters"] for layer in found["layers"]) == found["parameters"]
    drawn = ElementTree.parse(file).getroot()
    texts = {text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")}
    assert {"3x32x32", f"{found['layers'][0]['parameters']:,}"} <= texts
    assert "prefers-color-scheme: dark" in file.read_text(encoding="utf-8")


def test_what_can_not_be_ends_with_the_code_for_usage(sparring: Command, tmp_path: Path) -> None:
    ended = sparring("explain", "dcgan")
    assert ended.code == 2 and "--kind" in ended.err
    ended = sparring("explain", "mlp", "--svg", tmp_path / "no" / "mlp.svg")
    assert ended.code == 6


def test_a_volume_has_three_sides(sparring: Command) -> None:
    found = json.loads(sparring("explain", "volume", "--size", 16, "--depth", 8, "--json").out)
    assert found["input"] == [3, 8, 16, 16]
    assert found["layers"][0]["kernel"] == [3, 3, 3]


def test_what_a_run_sees_in_a_picture(sparring: Command, place: Path) -> None:
    pytest.importorskip("captum")
    options = ("--task", "classify", "--recipe", "resnet20", "--set", "classifier.width=4", "--kimg", 0.2)
    assert sparring("train", "digits", *options, "--device", "cpu", "--out", "seen").code == 0
    file = place / "three.png"
    Image.fromarray((load_digits().images[3] * 15.9).astype(np.uint8)).save(file)
    ended = sparring("explain", "seen", file, "--device", "cpu")
    assert ended.code == 0, ended.err
    page = place / "seen" / "explained" / "three.html"
    assert ended.lines == [str(page)]
    (answer,) = json.loads(sparring("predict", "seen", file, "--json", "--device", "cpu").out)["predictions"]
    assert f"{100 * answer['probabilities'][0]:.1f} %" in page.read_text(encoding="utf-8")
    ended = sparring("explain", "seen", file, "--out", place / "new" / "page.html", "--json", "--device", "cpu")
    assert json.loads(ended.out) == {"page": str(place / "new" / "page.html")}
    assert sparring("explain", "seen", place / "none.png").code == 5
    assert "Say which picture" in sparring("explain", "seen").err


def test_a_generators_run_is_refused(sparring: Command, run_folder: Path, tmp_path: Path) -> None:
    ended = sparring("explain", run_folder, tmp_path / "any.png")
    assert ended.code == 2 and "no classifier" in ended.err

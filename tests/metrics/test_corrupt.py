"""Spoilt reals: each kind is spoilt as it says, and every measure that should notice does."""

import hashlib

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from sparring.metrics.base import Features, Floats, Labels, Pictures
from sparring.metrics.classes import least_share
from sparring.metrics.corrupt import blurred, duplicated, floors, stands, without_class
from sparring.metrics.frechet import frechet_distance
from sparring.metrics.neighbours import Neighbourhood
from sparring.metrics.variety import duplicates


class Pixels:
    """Digits as they are."""

    name = "pixels"
    sha256 = hashlib.sha256(b"pixels").hexdigest()

    def __call__(self, pictures: Pictures) -> Features:
        return Features(vectors=pictures.reshape(len(pictures), -1).astype(np.float64))


def digits() -> tuple[Pictures, Labels]:
    data, order = load_digits(), np.random.default_rng(0).permutation(1797)
    return (data.images[order, ..., None] * 15).astype(np.uint8), data.target[order].astype(np.int64)


def test_a_point_becomes_a_gaussian_of_that_width() -> None:
    point = np.zeros((1, 41, 41, 1), np.uint8)
    point[0, 20, 20] = 255
    soft = blurred(point, 2.0)[0, ..., 0].astype(float)
    assert soft[20, 20] == round(255 / (2 * np.pi * 2.0**2))
    across = np.arange(41) - 20
    bright = blurred(np.repeat(point[:, :, 20:21], 41, 2), 2.0)[0, :, 20, 0].astype(float)
    assert np.sqrt((bright * across**2).sum() / bright.sum()) == pytest.approx(2.0, abs=0.05)


def test_pictures_and_channels_do_not_mix() -> None:
    pictures = np.zeros((300, 9, 9, 3), np.uint8)
    pictures[1::2, ..., 0] = 200
    assert (blurred(pictures, 1.5) == pictures).all()


def test_it_is_about_what_pillow_gives() -> None:
    """Pillow's Gaussian is three boxes, so not the same to a step."""
    from PIL.ImageFilter import GaussianBlur

    picture = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 1)).astype(np.uint8)
    by_pillow = np.asarray(Image.fromarray(picture[0, ..., 0]).filter(GaussianBlur(2.0))).astype(float)
    inside = slice(8, -8)
    gap = np.abs(blurred(picture, 2.0)[0, ..., 0].astype(float) - by_pillow)[inside, inside]
    assert gap.max() <= 6


def test_a_class_is_left_out_and_rows_are_repeated() -> None:
    labels = np.array([2, 0, 2, 1, -1])
    assert without_class(labels, 2).tolist() == [1, 3, 4]
    rows = duplicated(100, 0.3)
    assert len(rows) == 100
    assert len(np.unique(rows)) == 70
    assert sorted(duplicated(10, 0.0)) == list(range(10))
    assert len(np.unique(duplicated(10, 1.0))) == 1
    assert (duplicated(100, 0.3, seed=1) != rows).any()


def test_as_many_of_each_kind() -> None:
    pictures, labels = digits()
    kinds = stands(pictures, labels, count=500, seed=0)
    assert {name: stand.pictures.shape for name, stand in kinds.items()} == dict.fromkeys(
        ("real", "blurred", "duplicated", "one_class_dropped"), (500, 8, 8, 1)
    )
    dropped = set(range(10)) - set(kinds["one_class_dropped"].labels)
    assert dropped == {int(np.bincount(labels).argmax())}
    assert len(np.unique(kinds["duplicated"].pictures, axis=0)) == 250
    real = kinds["real"]
    where = [int(np.flatnonzero((pictures == picture).all((1, 2, 3)))[0]) for picture in real.pictures]
    assert (labels[where] == real.labels).all()


def test_fewer_where_a_class_is_most_of_the_data() -> None:
    pictures, labels = digits()
    few = np.where(np.arange(len(labels)) < 1700, 4, 5)
    kinds = stands(pictures, few, count=500, seed=0)
    assert {len(stand.pictures) for stand in kinds.values()} == {97}


@pytest.mark.parametrize("labels", [None, np.zeros(1797, np.int64), np.full(1797, -1)])
def test_without_classes_none_is_dropped(labels: Labels | None) -> None:
    kinds = stands(digits()[0], labels, count=100, seed=0)
    assert sorted(kinds) == ["blurred", "duplicated", "real"]


def test_every_measure_notices_what_it_should() -> None:
    pictures, labels = digits()
    held: Floats = Pixels()(pictures[:600]).vectors
    near = Neighbourhood(held)

    def measured(made: Features, of: Labels | None) -> dict[str, float]:
        assert of is not None
        manifold = near.measure(made.vectors)
        return {
            "fd": frechet_distance(made.vectors, held),
            "precision": manifold.precision,
            "coverage": manifold.coverage,
            "duplicates": duplicates(made.vectors, held).share,
            "least": least_share(of, np.bincount(labels) / len(labels)),
        }

    found = floors(Pixels(), pictures[600:], labels[600:], measured, count=600, seed=0)
    assert found.of_each == 600
    real = found.values["real"]
    assert all(found.values[kind]["fd"] > real["fd"] for kind in ("blurred", "duplicated", "one_class_dropped"))
    assert found.values["blurred"]["fd"] > 3 * real["fd"]
    assert found.values["one_class_dropped"]["coverage"] < real["coverage"] - 0.05
    assert found.values["one_class_dropped"]["least"] == 0
    assert found.values["duplicated"]["duplicates"] > 0.6 > 0.05 > real["duplicates"]
    assert real["coverage"] == pytest.approx(1 - 2**-5, abs=0.05)

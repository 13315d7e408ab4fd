"""The extractor for pictures without labels: how it ranks them, what it follows from, and which pictures it takes."""

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy.ndimage import gaussian_filter
from scipy.signal import correlate
from sklearn.datasets import load_digits, load_sample_images

from sparring.data import open_data
from sparring.metrics.frechet import frechet_distance
from sparring.metrics.random_convolution import FILTERS, RandomConvolution, conv_for, random_filters

Pictures = npt.NDArray[np.uint8]
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def digits() -> tuple[Pictures, npt.NDArray[np.int64]]:
    found = load_digits()
    order = np.random.default_rng(0).permutation(len(found.images))
    pictures = np.rint(found.images[order] * (255 / 16)).astype(np.uint8)[..., None]
    return pictures, found.target[order].astype(np.int64)


def blurred(pictures: Pictures, sigma: float) -> Pictures:
    return np.rint(gaussian_filter(pictures.astype(float), (0, sigma, sigma, 0))).clip(0, 255).astype(np.uint8)


def random_pictures(*shape: int, seed: int = 0) -> Pictures:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


@pytest.fixture(scope="module")
def distance(digits: tuple[Pictures, npt.NDArray[np.int64]]) -> dict[str, float]:
    """Frechet distances to 800 digits; 800 others are what the space is fitted to."""
    pictures, labels = digits
    train, held = pictures[:800], pictures[-800:]
    space = RandomConvolution(train, device=CPU)
    common = np.bincount(labels[:800]).argmax()
    compared = {
        "floor": train,
        "blurred": blurred(train, 0.5),
        "more blurred": blurred(train, 1.0),
        "incomplete": pictures[:960][labels[:960] != common][:800],
        "one class": train[labels[:800] == common],
        "foreign": np.rint(255 * np.random.default_rng(0).beta(0.3, 0.3, (800, 8, 8, 1))).astype(np.uint8),
        "noise": random_pictures(800, 8, 8, 1),
    }
    target = space(held).vectors
    return {name: frechet_distance(space(made).vectors, target) for name, made in compared.items()}


class TestItRanks:
    def test_reals_before_blurred_before_other_data(self, distance: dict[str, float]) -> None:
        assert distance["floor"] < distance["blurred"] / 4
        assert distance["blurred"] < distance["more blurred"]
        assert distance["more blurred"] < min(distance["foreign"], distance["noise"]) / 4

    def test_reals_before_incomplete_ones(self, distance: dict[str, float]) -> None:
        assert distance["floor"] < distance["incomplete"] / 1.4
        assert distance["incomplete"] < distance["one class"] / 5


def test_in_photographs_it_sees_a_blur_that_pixels_do_not_see() -> None:
    """Cuttings of 32 points from the left half of a photograph; those from the right half show other things."""
    photo = load_sample_images().images[0]
    draw = np.random.default_rng(0)

    def cuttings(first: int, last: int) -> Pictures:
        places = zip(draw.integers(0, len(photo) - 32, 600), draw.integers(first, last - 32, 600), strict=True)
        return np.stack([photo[y : y + 32, x : x + 32] for y, x in places])

    train, held, more = cuttings(0, 320), cuttings(0, 320), cuttings(320, 640)
    space = RandomConvolution(train, device=CPU)
    target = space(held).vectors
    floor, soft, other = (frechet_distance(space(p).vectors, target) for p in (train, blurred(train, 1.0), more))
    assert soft / floor > 3, "a blur is something"
    assert other / floor > 3, "and so is the other half of the photograph"


def test_its_raw_features_are_strengths_of_filters() -> None:
    """By SciPy's correlation: mean absolute answer in a quarter, and the spread of answers over the whole."""
    pictures = random_pictures(3, 12, 12, 3)
    space = RandomConvolution(random_pictures(20, 12, 12, 3, seed=1), device=CPU)
    raw = space._raw(pictures)
    x_CHW = np.moveaxis(pictures[2].astype(float) / 127.5 - 1, -1, 0)
    answer = np.abs(correlate(x_CHW, random_filters(3, 0)[5].numpy().astype(float), mode="valid"))[0]
    start = 3 * 16
    assert raw[2, start + 5 * 4] == pytest.approx(answer[:5, :5].mean(), rel=1e-5)
    assert raw[2, start + 5 * 4 + 3] == pytest.approx(answer[5:, 5:].mean(), rel=1e-5)
    assert raw[2, start + FILTERS * 4 + 5] == pytest.approx(answer.std(), rel=1e-4)


def test_filters_do_not_answer_to_even_areas_and_depend_on_the_seed() -> None:
    filters = random_filters(3, 0)
    assert filters.sum((2, 3)).abs().max() < 1e-5
    torch.testing.assert_close(filters.flatten(1).norm(dim=1), torch.ones(FILTERS))
    assert torch.equal(filters, random_filters(3, 0))
    assert not torch.equal(filters, random_filters(3, 1))


def test_features_of_the_reals_have_unit_variance_in_all_and_are_uncorrelated() -> None:
    reals = random_pictures(300, 16, 16, 1)
    vectors = RandomConvolution(reals, device=CPU)(reals).vectors
    covariance = np.cov(vectors.T)
    assert vectors.shape == (300, 32)
    assert vectors.dtype == np.float64
    assert np.trace(covariance) == pytest.approx(1)
    assert np.abs(covariance - np.diag(np.diag(covariance))).max() < 1e-9
    assert (np.diff(np.diag(covariance)) <= 1e-9).all(), "the strongest first"


def test_the_same_reals_give_the_same_space_and_others_another() -> None:
    reals, asked = random_pictures(40, 8, 8, 1), random_pictures(5, 8, 8, 1, seed=2)
    one, same = RandomConvolution(reals, device=CPU), RandomConvolution(reals.copy(), device=CPU)
    np.testing.assert_array_equal(one(asked).vectors, same(asked).vectors)
    others = [RandomConvolution(reals, seed=1, device=CPU), RandomConvolution(reals[::-1], device=CPU)]
    assert one.sha256 == same.sha256
    assert len({one.sha256, *(other.sha256 for other in others)}) == 3
    assert len(one.sha256) == 64


def test_rows_do_not_depend_on_their_company() -> None:
    reals, asked = random_pictures(40, 8, 8, 3), random_pictures(600, 8, 8, 3, seed=2)
    space = RandomConvolution(reals, device=CPU)
    np.testing.assert_allclose(space(asked).vectors[-3:], space(asked[-3:]).vectors, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("shape", [(8, 8, 1), (8, 24, 3), (4, 4, 1), (130, 70, 3), (64, 64, 4)], ids=str)
def test_it_takes_pictures_of_any_size_and_channels(shape: tuple[int, int, int]) -> None:
    space = RandomConvolution(random_pictures(12, *shape), device=CPU)
    for asked in (random_pictures(4, *shape), random_pictures(4, 20, 20, 3), random_pictures(4, 9, 9, 1)):
        vectors = space(asked).vectors
        assert vectors.shape == (4, 11)
        assert np.isfinite(vectors).all()


def test_reals_without_any_difference_give_finite_features() -> None:
    space = RandomConvolution(np.full((5, 8, 8, 1), 7, np.uint8), device=CPU)
    assert np.isfinite(space(random_pictures(3, 8, 8, 1)).vectors).all()


def test_no_pictures_have_no_features() -> None:
    reals = random_pictures(80, 8, 8, 1)
    assert RandomConvolution(reals, device=CPU)(reals[:0]).vectors.shape == (0, 32)


def test_it_is_fitted_to_training_pictures_alone(tmp_path_factory: pytest.TempPathFactory) -> None:
    data = open_data("digits", cache=tmp_path_factory.mktemp("cache"))
    space = conv_for(data, device=CPU)
    train = RandomConvolution(np.asarray(data.parts["train"].x), device=CPU)
    assert space.sha256 == train.sha256, "fewer than 5,000: all of them, in their order"
    assert space.name == "conv"
    assert space(data.parts["validation"].x).probabilities is None

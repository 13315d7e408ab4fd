"""Errors of rebuilt pictures by hand, and structural similarity against other libraries' values."""

import numpy as np
import numpy.typing as npt
import pytest

from sparring.errors import DataError
from sparring.metrics.reconstruction import MEANINGS, reconstruction

Pictures = npt.NDArray[np.uint8]


def pictures(seed: int, shape: tuple[int, ...]) -> Pictures:
    """Smooth waves, so that neighbours are alike, as in pictures."""
    draw = np.random.default_rng(seed)
    count, height, width, channels = shape
    y, x = np.mgrid[:height, :width]
    speed = draw.uniform(0.1, 0.6, (2, count, 1, 1, channels))
    waves = np.sin(speed[0] * y[..., None] + speed[1] * x[..., None] + draw.uniform(0, 6, (count, 1, 1, channels)))
    return (127.5 + 100 * waves).round().astype(np.uint8)


def noisy(originals: Pictures, seed: int, sigma: float) -> Pictures:
    draw = np.random.default_rng(seed)
    return (originals + draw.normal(0, sigma, originals.shape)).round().clip(0, 255).astype(np.uint8)


# torchmetrics 1.9: structural_similarity_index_measure(data_range=1.0, return_full_image=True) of float64 pictures
# divided by 255, the mean without the 5 outer pixels, where its window sees mirrored ones (Wang et al. use none).
# scikit-image 0.26 gives the same: structural_similarity(gaussian_weights=True, sigma=1.5,
# use_sample_covariance=False, data_range=1.0).
REFERENCE_SSIM = {
    ((2, 16, 16, 1), 10.0): [0.9732822927641723, 0.8824494197653832],
    ((2, 28, 28, 1), 40.0): [0.6957904501900865, 0.42747065875794715],
    ((2, 32, 24, 3), 25.0): [0.855686184994268, 0.9018298036971496],
    ((1, 11, 40, 4), 5.0): [0.9928402289233621],
}


@pytest.mark.parametrize(("shape", "sigma"), REFERENCE_SSIM)
def test_ssim_is_that_of_torchmetrics_and_scikit_image(shape: tuple[int, ...], sigma: float) -> None:
    originals = pictures(0, shape)
    found = reconstruction(originals, noisy(originals, 1, sigma))["ssim"]
    np.testing.assert_allclose(found, REFERENCE_SSIM[shape, sigma], rtol=1e-12)


def test_errors_are_those_of_the_formulas() -> None:
    a = np.zeros((2, 4, 4, 1), np.uint8)
    b = a.copy()
    b[0] = 51
    b[1, :2] = 255
    found = reconstruction(a, b)
    np.testing.assert_allclose(found["mse"], [0.04, 0.5])
    np.testing.assert_allclose(found["rmse"], [0.2, 0.5**0.5])
    np.testing.assert_allclose(found["mae"], [0.2, 0.5])
    np.testing.assert_allclose(found["psnr"], [13.9794, 3.0103], atol=1e-4)


def test_equal_pictures_are_equal() -> None:
    a = pictures(0, (3, 16, 12, 3))
    found = reconstruction(a, a.copy())
    assert set(found) == set(MEANINGS)
    for name in ("mse", "rmse", "mae"):
        np.testing.assert_array_equal(found[name], 0)
    np.testing.assert_allclose(found["ssim"], 1)
    assert np.isposinf(found["psnr"]).all()


def test_ssim_sees_structure_where_the_error_does_not() -> None:
    """Wang and Bovik's example: more light and noise of the same squared error are not equally bad."""
    a = pictures(2, (4, 32, 32, 1)) // 2 + 30
    lighter = a + np.uint8(20)
    signs = np.random.default_rng(0).choice([-20, 20], a.shape)
    found = [reconstruction(a, b) for b in (lighter, (a + signs).astype(np.uint8))]
    np.testing.assert_allclose(found[0]["mse"], found[1]["mse"])
    assert (found[0]["ssim"] > found[1]["ssim"] + 0.2).all()


@pytest.mark.parametrize("side", [1, 2, 8, 10, 11])
def test_pictures_smaller_than_the_window_are_measured(side: int) -> None:
    a = pictures(3, (2, side, 16, 1))
    found = reconstruction(a, noisy(a, 4, 20.0))["ssim"]
    assert ((found >= -1) & (found < 1)).all()


def test_a_picture_is_measured_alone() -> None:
    """Blocks and neighbours change nothing."""
    a = pictures(5, (300, 8, 8, 1))
    b = noisy(a, 6, 15.0)
    whole, one = reconstruction(a, b), reconstruction(a[200:201], b[200:201])
    for name in MEANINGS:
        assert whole[name].shape == (300,)
        assert whole[name][200] == pytest.approx(one[name][0], rel=1e-12)


def test_what_does_not_fit_is_refused() -> None:
    a = pictures(0, (2, 8, 8, 1))
    with pytest.raises(DataError, match=r"rebuilt pictures are float64 \[2, 8, 8, 1\]; expected uint8"):
        reconstruction(a, a / 255)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"originals \[2, 8, 8, 1\] and rebuilt \[1, 8, 8, 1\] differ"):
        reconstruction(a, a[:1])
    with pytest.raises(DataError, match=r"originals are uint8 \[0, 8, 8, 1\]"):
        reconstruction(a[:0], a[:0])

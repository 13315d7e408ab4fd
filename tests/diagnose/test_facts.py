"""What is written of the training pictures."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from sparring.diagnose.facts import picture_facts, smoothness


def noise(count: int, side: int = 8) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 1), np.uint8)


def test_noise_is_not_smooth_and_digits_are() -> None:
    digits = (load_digits().images * 255 / 16).astype(np.uint8)[..., None]
    assert abs(picture_facts(noise(500))["smoothness"]) < 0.02
    assert picture_facts(digits)["smoothness"] > 0.2


def test_smoothness_is_the_correlation_of_neighbours() -> None:
    pictures = np.repeat(noise(300), 2, axis=2)
    around = pictures.astype(float) - pictures.mean(0)
    expected = np.corrcoef(around[:, :, :-1].ravel(), around[:, :, 1:].ravel())[0, 1]
    found = [smoothness(pictures), smoothness(pictures.swapaxes(1, 2))]
    assert found == [pytest.approx(expected, abs=1e-3)] * 2 and 0.4 < expected < 0.6, "whichever way they lie"


def test_a_frame_that_all_share_is_not_smoothness() -> None:
    """What the mean picture explains does not count: noise in a black frame is noise."""
    framed = np.zeros((300, 16, 16, 1), np.uint8)
    framed[:, 4:12, 4:12] = noise(300)
    found = smoothness(framed)
    assert found is not None and abs(found) < 0.03


def test_pictures_that_are_all_the_same() -> None:
    facts = picture_facts(np.full((4, 8, 8, 1), 7, np.uint8))
    assert facts == {"looked_at": 4, "smoothness": None, "distinct": 0.25}


def test_at_most_a_thousand_are_looked_at() -> None:
    assert picture_facts(noise(1_200))["looked_at"] == 1_000
    assert picture_facts(noise(1))["looked_at"] == 1

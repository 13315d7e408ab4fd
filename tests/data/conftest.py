"""Pictures made on the spot for the tests of the data layer."""

from pathlib import Path

import pytest
from made_pictures import Maker, noise
from PIL import Image


@pytest.fixture
def make() -> Maker:
    """Write one picture of noise: `make(path, seed, size=(16, 16), mode="RGB")`."""

    def save(path: Path, seed: int, size: tuple[int, int] = (16, 16), mode: str = "RGB") -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        bands = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
        Image.fromarray(noise(seed, size[1], size[0], *bands)).save(path)
        return path

    return save


@pytest.fixture
def class_folders(tmp_path: Path, make: Maker) -> Path:
    """Three classes with 12 pictures each."""
    root = tmp_path / "photos"
    for number, name in enumerate(("cat", "dog", "owl")):
        for index in range(12):
            make(root / name / f"{index:02}.png", 100 * number + index)
    return root


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """An empty cache folder."""
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def no_cache_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A test that forgets to name its cache must not fill the developer's."""
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path / "default-cache"))


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting processes is most of the time of these tests; those that are about several ask for them."""
    monkeypatch.setattr("sparring.data.sources.usable_cores", lambda: 1)

import shutil
from pathlib import Path

import pytest

import sparring
from job.helpers import TINY


@pytest.fixture(scope="session")
def judges(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Judges that were fitted in this session: each is fitted once, however many empty caches there are."""
    return tmp_path_factory.mktemp("judges")


def empty_cache(root: Path, judges: Path) -> str:
    """A cache without any pack."""
    cache = root / "cache"
    cache.mkdir()
    (cache / "judges").symlink_to(judges, target_is_directory=True)
    return str(cache)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, judges: Path) -> Path:
    """An empty working folder, and a cache that is not the developer's."""
    folder = tmp_path / "place"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SPARRING_CACHE", empty_cache(tmp_path, judges))
    monkeypatch.setattr("sparring.data.sources.usable_cores", lambda: 1)
    return folder


SETTINGS = tuple(TINY[7::2])


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory, judges: Path) -> Path:
    """A small run of the digits that came to its end; not to be changed."""
    root = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARRING_CACHE", empty_cache(root, judges))
        patch.chdir(root)
        run = sparring.train(
            "digits", kimg=0.64, batch=16, settings=SETTINGS, precision="fp32", device="cpu", out="runs/one"
        )
    return run.path


@pytest.fixture
def run_folder(finished_run: Path, place: Path) -> Path:
    """A copy of the finished run, to do anything with."""
    return shutil.copytree(finished_run, place / "copy")

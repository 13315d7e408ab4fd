from collections.abc import Iterator
from pathlib import Path

import pytest

from sparring.runfolder import RunFolder


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[RunFolder]:
    run = RunFolder.create(tmp_path / "run", name="unused")
    yield run
    run.unlock()

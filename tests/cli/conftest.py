from collections.abc import Callable
from dataclasses import dataclass

import pytest

from job.conftest import finished_run as finished_run
from job.conftest import judges as judges
from job.conftest import place as place
from job.conftest import run_folder as run_folder
from sparring.cli.main import main


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """Of standard output."""
        return self.out.splitlines()


Command = Callable[..., Ended]


@pytest.fixture
def sparring(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run one command in this process."""

    def run(*words: object) -> Ended:
        with pytest.raises(SystemExit) as stop:
            main([str(word) for word in words])
        said = capsys.readouterr()
        code = stop.value.code
        assert isinstance(code, int)
        return Ended(code, said.out, said.err)

    return run

"""The examples of CONTRIBUTING.md: each is put in its place, found there, and passes the contract of its kind."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"```python\n# src/(sparring/\S+\.py)\n(.*?)```", re.DOTALL)
PLUGIN = '''
"""Adds a folder to the packages that new entries are dropped into, as if its files lay there."""
import importlib
from pathlib import Path

for folder in {path.parent for path in Path(__file__).parent.glob("sparring/**/*.py")}:
    name = ".".join(folder.relative_to(Path(__file__).parent).parts)
    importlib.import_module(name).__path__.append(str(folder))
'''


def examples() -> dict[str, str]:
    return dict(BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")))


@pytest.fixture
def dropped_in(tmp_path: Path) -> Path:
    """A folder with the examples and a module `dropped` that puts them in their places."""
    for place, code in examples().items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(code, encoding="utf-8")
    (tmp_path / "dropped.py").write_text(PLUGIN, encoding="utf-8")
    return tmp_path


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    environment["PYTHONPATH"] = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_there_is_an_example_of_each_kind() -> None:
    kinds = {Path(place).parent.as_posix() for place in examples()}
    networks = {"sparring/models/gan", "sparring/models/classify", "sparring/models/autoencode"}
    assert kinds == networks | {
        "sparring/losses",
        "sparring/recipes",
        "sparring/recipes/classify",
        "sparring/recipes/autoencode",
        "sparring/data/readers",
    }


def test_the_examples_pass_the_tests_over_every_entry(dropped_in: Path) -> None:
    files = ("tests/test_every_entry.py", "tests/test_every_term.py", "tests/models/test_every_classifier.py")
    words = (
        *files,
        "tests/recipes/test_classifier_recipes.py",
        "tests/models/test_every_autoencoder.py",
        "-k",
        "margin or centre or upsampled or sketch or strided or pooled or stl10",
    )
    done = run(dropped_in, "-m", "pytest", "-p", "dropped", "-p", "no:cacheprovider", "-o", "addopts=-q", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) > 50, "those of a loss, a penalty, three networks, three recipes and a reader"


def test_the_examples_are_listed_and_the_reader_reads(dropped_in: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (12, 96, 96, 3), np.uint8)
    pictures.transpose(0, 3, 2, 1).tofile(dropped_in / "unlabeled_X.bin")
    np.save(dropped_in / "expected.npy", pictures)
    code = (
        "import dropped, sys, numpy as np\n"
        "from pathlib import Path\n"
        "from sparring.data.arrays import read_arrays\n"
        "from sparring.cli.main import main\n"
        "here = Path(dropped.__file__).parent\n"
        "found = read_arrays(here / 'unlabeled_X.bin').blocks[0].pictures\n"
        "assert (found == np.load(here / 'expected.npy')).all()\n"
        "main(['list'])\n"
    )
    done = run(dropped_in, "-c", code)
    assert done.returncode == 0, done.stderr
    assert {"margin", "centre", "upsampled", "sketch", "strided", "pooled"} <= set(done.stdout.split())


def test_the_examples_are_linted_and_formatted_like_the_rest(dropped_in: Path) -> None:
    for command in (["check"], ["format", "--check"]):
        words = [
            "-m",
            "ruff",
            *command,
            "--no-cache",
            "--config",
            str(ROOT / "pyproject.toml"),
            str(dropped_in / "sparring"),
        ]
        done = run(dropped_in, *words)
        assert done.returncode == 0, done.stdout + done.stderr

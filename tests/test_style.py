"""What a linter does not see: sizes, docstrings, and habits that this code does without."""

import ast
import re
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

import sparring
from sparring.cli.main import main

PACKAGE = Path(sparring.__file__).parent
HERE = Path(__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
BENCHMARKS = sorted((HERE.parent / "benchmarks").glob("*.py"))
TESTS = sorted(HERE.rglob("*.py"))
LONGEST_FUNCTION, MEDIAN_FUNCTION, LONGEST_CLASS, LONGEST_FILE = 60, 10, 200, 400
Function = ast.FunctionDef | ast.AsyncFunctionDef

TRAIN_OPTIONS = """
    --batch --begin-with --channels --device --dry-run --fit --folds --help --json --kimg --labels --like --minutes
    --out --precision --profile --recipe --resume --seed --set --size --stream --sweep --task --unconditional
    --until-converged
"""
"""Frozen: an option is a promise, and a setting of a model, a loss or a recipe is none (`--set`)."""


def short(path: Path) -> str:
    base = PACKAGE.parent if path.is_relative_to(PACKAGE) else HERE.parent
    return path.relative_to(base).as_posix()


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def lines(node: Function | ast.ClassDef) -> int:
    """Lines of code and comments, without the docstrings."""
    documented = [
        n for n in ast.walk(node) if isinstance(n, Function | ast.ClassDef) and ast.get_docstring(n) is not None
    ]
    return span(node) - sum(span(n.body[0]) for n in documented)


def span(node: ast.stmt) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


@pytest.mark.parametrize("path", [*SOURCES, *BENCHMARKS, *TESTS], ids=short)
def test_sizes(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE
    for node in ast.walk(parsed(path)):
        if isinstance(node, Function):
            assert lines(node) <= LONGEST_FUNCTION, node.name
        elif isinstance(node, ast.ClassDef):
            assert lines(node) <= LONGEST_CLASS, node.name


def test_most_functions_are_short() -> None:
    sizes = [lines(node) for path in SOURCES for node in functions(parsed(path))]
    assert statistics.median(sizes) <= MEDIAN_FUNCTION


@pytest.mark.parametrize("path", [*SOURCES, *BENCHMARKS], ids=short)
def test_all_that_is_public_explains_itself(path: Path) -> None:
    tree = parsed(path)
    missing = [] if ast.get_docstring(tree) or path.read_text(encoding="utf-8") == "" else ["the module"]

    def look(body: list[ast.stmt], inside: str) -> None:
        for node in body:
            if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
                continue
            if ast.get_docstring(node) is None:
                missing.append(f"{inside}{node.name}")
            if isinstance(node, ast.ClassDef):
                look(node.body, f"{node.name}.")

    look(tree.body, "")
    if path.name != "__main__.py":
        assert not missing


@pytest.mark.parametrize("path", [*SOURCES, *BENCHMARKS], ids=short)
def test_all_is_typed(path: Path) -> None:
    for node in functions(parsed(path)):
        given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        untyped = [a.arg for a in given if a.annotation is None and a.arg not in ("self", "cls")]
        assert not untyped, f"{node.name}: {untyped}"
        assert node.returns is not None, node.name


@pytest.mark.parametrize("path", [*SOURCES, *BENCHMARKS], ids=short)
def test_habits_that_this_code_does_without(path: Path) -> None:
    tree = parsed(path)
    names = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not names & {"hasattr", "eval", "exec", "globals"}
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.Global)]
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert "__future__" not in modules
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.alias) and n.name == "*"]


@pytest.mark.parametrize("path", SOURCES, ids=short)
def test_no_keywords_are_passed_through_unnamed(path: Path) -> None:
    assert not [node.name for node in functions(parsed(path)) if node.args.kwarg is not None]


@pytest.mark.parametrize("path", [path for path in SOURCES if path.name != "__main__.py"], ids=short)
def test_importing_a_module_does_nothing(path: Path) -> None:
    """At module level there are imports, definitions and constants; nothing is called for its effect."""
    for node in parsed(path).body:
        if isinstance(node, ast.Expr):
            assert isinstance(node.value, ast.Constant), ast.unparse(node)
        else:
            kinds = ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign | ast.ClassDef | ast.FunctionDef | ast.If
            assert isinstance(node, kinds), ast.unparse(node)


def test_the_options_of_train_are_frozen(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        main(["train", "--help"])
    assert ended.value.code == 0
    rows = re.findall(r"^[│ ] ((?:-\w, )?--[a-z-]+)", capsys.readouterr().out, re.MULTILINE)
    assert sorted(row.split()[-1] for row in rows) == TRAIN_OPTIONS.split()

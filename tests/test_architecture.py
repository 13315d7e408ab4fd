"""Who may import whom: the order of the layers, and what must stay cheap to import."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sparring

ROOT = Path(sparring.__file__).parent
LAYERS = (
    "errors",
    "registry",
    "typed",
    "recipe",
    "runfolder",
    "data",
    "nn",
    "models",
    "losses",
    "engine",
    "metrics",
    "diagnose",
    "baselines",
    "recipes",
    "pictures",
    "planes",
    "report",
    "job",
    "explain",
    "export",
    "serve",
    "studio",
    "api",
    "cli",
)
"""From the ground up: a module imports from its own layer and from those before it.

`pictures`, `planes` and `report` come before `job`, which uses them; both read the run folder alone, see `READERS`.
`__init__` and `__main__` are the doors: they may open onto everything.
"""
DOORS = ("__init__", "__main__")
READERS = ("pictures", "planes", "report", "explain", "export", "serve", "studio")
"""They read a run folder or a bundle; as they know nothing of training, a finished or remote run opens as well."""

LIGHT = ("", "errors", "registry", "typed", "recipe", "runfolder", "data", "pictures", "planes", "report", "cli")
"""What a shell, a decoding worker or a page imports: torch comes where it is used, not with these."""


def layer(module: str) -> str:
    """The part of the package that a dotted name belongs to; "" for the package itself."""
    return [*module.split("."), ""][1]


def name_of(path: Path) -> str:
    inner = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(("sparring", *inner)).removesuffix(".__init__") if len(inner) > 1 else f"sparring.{inner[0]}"


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module of the package that the code names in an import, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = [
                f"{node.module}.{alias.name}" if node.module == "sparring" else str(node.module) for alias in node.names
            ]
            yield from (name for name in names if name.split(".")[0] == "sparring")
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "sparring")


def without_type_checking(tree: ast.Module) -> ast.Module:
    """The code without what only type checkers see."""

    class Cut(ast.NodeTransformer):
        def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
            self.generic_visit(node)
            return node.orelse if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING" else node

    found = Cut().visit(tree)
    assert isinstance(found, ast.Module)
    return found


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


MODULES = sorted(ROOT.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_from_its_layer_and_those_below(path: Path) -> None:
    own = layer(name_of(path))
    if own in DOORS:
        return
    assert own in LAYERS, f"{own} is new: say in LAYERS where it stands"
    for module in imported(parsed(path)):
        other = layer(module)
        if other == "__version__":
            continue
        assert other in LAYERS, f"{module}: what is below everything is imported by its own name"
        assert LAYERS.index(other) <= LAYERS.index(own), f"{own} must not know {other}"


@pytest.mark.parametrize("path", [p for p in MODULES if layer(name_of(p)) in READERS], ids=name_of)
def test_who_reads_runs_knows_no_training(path: Path) -> None:
    known = {layer(module) for module in imported(without_type_checking(parsed(path)))}
    assert not known & {"engine", "losses", "job", "recipes"}


@pytest.mark.parametrize("path", [p for p in MODULES if layer(name_of(p)) == "cli"], ids=name_of)
def test_the_command_line_trains_through_a_job_alone(path: Path) -> None:
    known = {layer(module) for module in imported(without_type_checking(parsed(path)))}
    assert "engine" not in known


def test_backward_and_step_are_called_in_one_place() -> None:
    """The round is the one place that a new method has to get past, and that precision and skipping depend on."""
    found = {
        (name_of(path), node.func.attr)
        for path in MODULES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("backward", "step")
    }
    assert {module for module, _ in found} == {"sparring.engine.game"}


WEIGHTS = ("torch.load(path, map_location='cpu', weights_only=True)",)
"""Weights that others published, after their digest was proved: tensors alone are read, nothing in them is run."""


def test_nothing_reads_pickles() -> None:
    for path in MODULES:
        tree = parsed(path)
        assert not {"pickle", "dill", "joblib"} & {
            alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
        }, path
        calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call)]
        loads = [n for n in calls if ast.unparse(n.func) in ("torch.load", "pickle.load")]
        allowed = WEIGHTS if path.name == "weights.py" else ()
        assert [ast.unparse(load) for load in loads] == list(allowed), path


def test_light_modules_do_not_bring_torch() -> None:
    """In one fresh process; the first module that brings it is named."""
    names = [name_of(path) for path in MODULES if path.name != "__main__.py" and layer(name_of(path)) in LIGHT]
    names.remove("sparring.cli") if "sparring.cli" in names else None
    code = "import importlib, sys\n" + "".join(
        f"importlib.import_module({name!r}); assert 'torch' not in sys.modules, {name!r}\n"
        for name in ["sparring", *names]
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert len(names) > 20


def test_importing_the_package_brings_nothing_large() -> None:
    code = "import sys; before = set(sys.modules); import sparring; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    tops = {name.split(".")[0] for name in done.stdout.split()}
    assert not tops & {"torch", "numpy", "PIL", "sklearn", "matplotlib", "tyro", "rich", "safetensors"}

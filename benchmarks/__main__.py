"""All benchmarks, a line each: `python -m benchmarks`; run one by its name: `python -m benchmarks.NAME`."""

import ast
from pathlib import Path

HERE = Path(__file__).parent
HELPERS = frozenset(
    {
        "gpu_rates",
        "growth_cases",
        "kept",
        "made_textures",
        "plain_classifier",
        "plain_dcgan",
        "plain_gan",
        "quality_sides",
        "record",
        "turns",
    }
)
"""Parts of benchmarks, which measure nothing by themselves."""


def summaries() -> dict[str, str]:
    """The first line of each benchmark's docstring by its name; nothing is imported."""
    paths = sorted(path for path in HERE.glob("*.py") if not path.stem.startswith("_") and path.stem not in HELPERS)
    paths += sorted(path for path in HERE.glob("*/__main__.py"))
    found = {}
    for path in paths:
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        found[path.parent.name if path.stem == "__main__" else path.stem] = " ".join(text.split("\n\n")[0].split())
    return found


def main() -> None:
    """Print them."""
    for name, summary in summaries().items():
        print(f"{name:<24}{summary}")


if __name__ == "__main__":
    main()

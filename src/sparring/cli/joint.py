"""`sparring joint`: the explicit model of a table of categories."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from sparring.errors import UsageError

if TYPE_CHECKING:
    from sparring.baselines.joint import Inputs, JointTable

HELP = """P(x), P(y), P(x, y), P(x|y) and P(y|x) of a table of categories, by counting; samples and predictions from it.

$ sparring joint table.csv                              (y is the last column, x all others)
$ sparring joint table.csv --target kind --inputs colour,size
$ sparring joint table.csv --given colour=red,size=3    (which kind, and how sure)
$ sparring joint table.csv --sample 5 --seed 1          (rows drawn from P(x, y))
"""

MOST_SHOWN = 40
"""Combinations in the printed table."""


@dataclass(frozen=True, kw_only=True)
class Joint:
    """P(x), P(y), P(x, y), P(x|y) and P(y|x) of a table of categories, by counting."""

    table: Annotated[Positional[Path], arg(metavar="TABLE")]
    """A .csv or .tsv file, its first line the names of the columns."""
    target: Annotated[str | None, arg(metavar="COLUMN", help_behavior_hint="(default: the last column)")] = None
    """The column y."""
    inputs: Annotated[str | None, arg(metavar="A,B,...", help_behavior_hint="(default: all other columns)")] = None
    """The columns that make up x."""
    given: Annotated[str | None, arg(metavar="A=1,B=2,...", help_behavior_hint="")] = None
    """A value for each column of x: print P(y|x) and the most probable y."""
    sample: Annotated[int, arg(metavar="COUNT", help_behavior_hint="")] = 0
    """Draw so many rows from P(x, y)."""
    seed: Annotated[int, arg(metavar="NUMBER")] = 0
    """Of the uniform numbers that rows are drawn by."""
    json: bool = False
    """Print everything as JSON, probabilities as fractions."""

    def run(self) -> None:
        """Do it."""
        from sparring.baselines.joint import joint_table
        from sparring.data.tables import read_sheet

        if self.sample < 0:
            raise UsageError(f"--sample {self.sample}: expected 0 or more rows.")
        sheet = read_sheet(self.table)
        names = sheet.names or [f"x{place + 1}" for place in range(len(sheet.columns))]
        inputs = None if self.inputs is None else [name.strip() for name in self.inputs.split(",")]
        table = joint_table(names, sheet.columns, target=self.target, inputs=inputs)
        asked = None if self.given is None else _asked(table, self.given)
        found = _record(table, asked, table.sample(self.sample, seed=self.seed))
        if self.json:
            print(json.dumps(found, indent=2, ensure_ascii=False))
            return
        _show(table, asked, found["samples"])


def _asked(table: "JointTable", given: str) -> "Inputs":
    """The values of `a=1,b=2` in the order of the inputs."""
    pairs = [piece.partition("=") for piece in given.split(",")]
    values = {name.strip(): value.strip() for name, _, value in pairs}
    if sorted(values) != sorted(table.inputs) or not all(sign for _, sign, _ in pairs):
        raise UsageError(
            f"--given {given}: expected a value for each column of x, as "
            f"{','.join(f'{name}={value}' for name, value in zip(table.inputs, table.x_values[0], strict=True))}."
        )
    return tuple(values[name] for name in table.inputs)


def _record(table: "JointTable", asked: "Inputs | None", samples: Sequence[tuple[float, "Inputs", str]]) -> Any:
    rows = [
        {
            "x": dict(zip(table.inputs, x, strict=True)),
            "p_x": str(table.p_x(x)),
            **{
                name: {y: str(value) for y, value in zip(table.y_values, values, strict=True)}
                for name, values in _probabilities(table, x).items()
            },
            "prediction": table.predict(x),
        }
        for x in table.x_values
    ]
    posterior = None if asked is None else {y: str(table.p_y_given_x(y, asked)) for y in table.y_values}
    return {
        "rows": len(table.rows),
        "inputs": table.inputs,
        "target": table.target,
        "p_y": {y: str(table.p_y(y)) for y in table.y_values},
        "table": rows,
        "given": None if asked is None else {"p_y_given_x": posterior, "prediction": table.predict(asked)},
        "samples": [{"u": u, "x": x, "y": y} for u, x, y in samples],
    }


def _probabilities(table: "JointTable", x: "Inputs") -> dict[str, list[Fraction]]:
    return {
        "p_xy": [table.p_xy(x, y) for y in table.y_values],
        "p_x_given_y": [table.p_x_given_y(x, y) for y in table.y_values],
        "p_y_given_x": [table.p_y_given_x(y, x) for y in table.y_values],
    }


def _show(table: "JointTable", asked: "Inputs | None", samples: Sequence[dict[str, Any]]) -> None:
    if asked is not None:
        _show_answer(table, asked)
    elif not samples:
        _show_table(table)
    for sample in samples:
        values = ", ".join(f"{name}={value}" for name, value in zip(table.inputs, sample["x"], strict=True))
        print(f"u = {sample['u']:.6f}: {values}, {table.target}={sample['y']}")


def _show_answer(table: "JointTable", asked: "Inputs") -> None:
    for y in table.y_values:
        print(f"P({table.target}={y} | x) = {_told(table.p_y_given_x(y, asked))}")
    predicted = table.predict(asked)
    print(f"most probable: {table.target}={' or '.join(predicted)}   (P(x) = {_told(table.p_x(asked))})")


def _show_table(table: "JointTable") -> None:
    from rich.console import Console
    from rich.table import Table

    drawn = Table(box=None, pad_edge=False)
    for name in (*table.inputs, "P(x)"):
        drawn.add_column(name)
    for pattern in ("P(x, {})", "P(x|{})", "P({}|x)"):
        for y in table.y_values:
            drawn.add_column(pattern.format(y), justify="right")
    most = sorted(table.x_values, key=table.p_x, reverse=True)[:MOST_SHOWN]
    for x in (x for x in table.x_values if x in most):
        shares = [_told(share) for shares in _probabilities(table, x).values() for share in shares]
        drawn.add_row(*x, _told(table.p_x(x)), *shares)
    console = Console(highlight=False, markup=False)
    prior = ", ".join(f"P({y}) = {_told(table.p_y(y))}" for y in table.y_values)
    console.print(f"{len(table.rows)} rows; y is {table.target}: {prior}")
    console.print(drawn)
    if len(table.x_values) > len(most):
        console.print(f"{len(table.x_values) - len(most)} rarer combinations are not shown; --json has all.")
    if len(table.rows) >= MOST_SHOWN and 2 * len(table.x_values) > len(table.rows):
        console.print(
            f"note: {len(table.x_values)} of {len(table.rows)} rows differ in x: counting says little about new ones. "
            "Take fewer columns (--inputs), or sparring train TABLE --task classify."
        )


def _told(share: Fraction) -> str:
    """As a fraction where that is short."""
    return str(share) if share.denominator < 1000 else f"{float(share):.4g}"

"""`sparring explain`: a network layer by layer, or what a run's network sees in a picture."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, UseAppendAction, arg

if TYPE_CHECKING:
    from sparring.explain.table import Table

NOTE = (
    "sees: the receptive field, in places of the input from end to end; whole: perhaps all of it, as behind a global "
    "pool or a gate. Multiply-adds of convolutions and matrices, for one example."
)

HELP = """A network layer by layer: shapes, windows, parameters with their formula, work, and what a place sees.

$ sparring explain alexnet --size 227
$ sparring explain alexnet --size 227 --svg alexnet.svg
$ sparring explain dcgan --kind generator --size 64 --set width=128
$ sparring explain mlp --size 28 --channels 1 --classes 10 --json
"""


@dataclass(frozen=True, kw_only=True)
class Explain:
    """A network layer by layer: shapes, windows, parameters with their formula, work, and what a place sees."""

    name: Annotated[Positional[str], arg(metavar="NAME")]
    """A classifier, a generator or a discriminator; `sparring list` names them."""
    kind: Annotated[
        Literal["classifier", "generator", "discriminator"] | None,
        arg(help_behavior_hint="(default: who has the name)"),
    ] = None
    """Which, where several have the name."""
    size: Annotated[int, arg(metavar="POINTS")] = 224
    """Height and width of the pictures."""
    channels: Annotated[int, arg(metavar="COUNT")] = 3
    """1 for grey, 3 for colour."""
    classes: Annotated[
        int | None, arg(metavar="COUNT", help_behavior_hint="(default: 1000 for a classifier, else none)")
    ] = None
    """How many."""
    settings: Annotated[
        UseAppendAction[tuple[str, ...]], arg(name="set", metavar="NAME=VALUE", help_behavior_hint="(repeatable)")
    ] = ()
    """A setting of the network; `sparring list NAME` names them."""
    svg: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="")] = None
    """Draw it, too."""
    json: bool = False
    """Print JSON."""

    def run(self) -> None:
        """Do it."""
        from sparring.explain.network import explain_network

        table = explain_network(
            self.name,
            kind=self.kind,
            size=self.size,
            channels=self.channels,
            classes=self.classes,
            settings=self.settings,
        )
        if self.svg is not None:
            self._draw(table, self.svg)
        if self.json:
            print(json.dumps(table.to_json(), indent=2))
        else:
            print("\n".join(_lines(table)))

    def _draw(self, table: "Table", path: Path) -> None:
        from sparring.explain.drawing import drawing
        from sparring.runfolder import machine_errors, replace_file

        with machine_errors(path):
            replace_file(path.absolute(), drawing(table).encode())


def _lines(table: "Table") -> list[str]:
    from sparring.explain.table import HEADS, by

    rows = [HEADS, *(layer.cells for layer in table.layers)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    found = [f"{table.kind} {table.name}, input {by(table.input)}", ""]
    for row in rows:
        # The formula comes last and may be long: only a narrow terminal wraps it.
        cells = [*map(str.ljust, row[:3], widths), *map(str.rjust, row[3:8], widths[3:]), row[8]]
        found.append("  ".join(cells).rstrip())
    total = f"{table.parameters:,} parameters, {table.multiply_adds:,} multiply-adds"
    found += ["", total]
    found += [f"not used in this pass: {name}, {count:,} parameters" for name, count in table.unused.items()]
    return [*found, "", NOTE]

"""`sparring explain`: a network layer by layer, or what a run's classifier sees in a picture."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, UseAppendAction, arg

from sparring.errors import UsageError

if TYPE_CHECKING:
    from sparring.explain.table import Table
    from sparring.job.run import Run

NOTE = (
    "sees: the receptive field, in places of the input from end to end; whole: perhaps all of it, as behind a global "
    "pool or a gate. Multiply-adds of convolutions and matrices, for one example."
)

HELP = """A network layer by layer: shapes, parameters, work; or what a run's classifier sees in a picture.

$ sparring explain alexnet --size 227 --svg alexnet.svg
$ sparring explain dcgan --kind generator --size 64 --set width=128
$ sparring explain runs/latest cat.jpg
    (a page: the answer, where it looked, what each layer saw; needs pip install 'sparring[explain]')
"""


@dataclass(frozen=True, kw_only=True)
class Explain:
    """A network layer by layer: shapes, parameters, work; or what a run's classifier sees in a picture."""

    name: Annotated[Positional[str], arg(metavar="NAME")]
    """A classifier, a generator or a discriminator, see `sparring list`; with a picture: a run folder."""
    picture: Annotated[Positional[Path | None], arg(metavar="[PICTURE]", help_behavior_hint="")] = None
    """What the run's classifier is to look at."""
    kind: Annotated[
        Literal["classifier", "generator", "discriminator"] | None,
        arg(help_behavior_hint="(default: who has the name)"),
    ] = None
    """Which network, where several have the name."""
    size: Annotated[int, arg(metavar="POINTS")] = 224
    """Height and width of the pictures that the network is built for."""
    channels: Annotated[int, arg(metavar="COUNT")] = 3
    """1 for grey, 3 for colour."""
    depth: Annotated[int | None, arg(metavar="POINTS", help_behavior_hint="")] = None
    """Of volumes, for networks that take these."""
    classes: Annotated[
        int | None, arg(metavar="COUNT", help_behavior_hint="(default: 1000 for a classifier, else none)")
    ] = None
    """How many."""
    settings: Annotated[
        UseAppendAction[tuple[str, ...]], arg(name="set", metavar="NAME=VALUE", help_behavior_hint="(repeatable)")
    ] = ()
    """A setting of the network; `sparring list NAME` names them."""
    svg: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="")] = None
    """Draw the network, too."""
    filters: bool = False
    """Show the picture through kernels made by hand, too: edges, blur, sharpen."""
    out: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="(default: in the run's explained/)")] = None
    """Where the page of a picture is written."""
    checkpoint: Literal["best", "last"] = "best"
    """Of the run: by what it was judged by, or the newest."""
    device: Annotated[str, arg(metavar="NAME", help_behavior_hint="(default: the fastest)")] = "auto"
    """cpu, cuda, cuda:1 or mps."""
    json: bool = False
    """Print JSON: the table, or where the page is."""

    def run(self) -> None:
        """Do it."""
        if self.picture is not None:
            page = self._explain_picture(self.picture)
            print(json.dumps({"page": str(page)}) if self.json else page)
            return
        table = self._table()
        if self.svg is not None:
            self._draw(table, self.svg)
        print(json.dumps(table.to_json(), indent=2) if self.json else "\n".join(_lines(table)))

    def _table(self) -> "Table":
        if Path(self.name).is_dir():
            raise UsageError(
                f"{self.name}: a folder. Say which picture the run is to look at, or give a network's name."
            )
        from sparring.explain.network import explain_network

        return explain_network(
            self.name,
            kind=self.kind,
            size=self.size,
            channels=self.channels,
            depth=self.depth,
            classes=self.classes,
            settings=self.settings,
        )

    def _draw(self, table: "Table", path: Path) -> None:
        from sparring.explain.drawing import drawing
        from sparring.runfolder import machine_errors, replace_file

        with machine_errors(path):
            replace_file(path.absolute(), drawing(table).encode())

    def _explain_picture(self, picture: Path) -> Path:
        from sparring.explain.page import explain_picture
        from sparring.job.new_pictures import read_one
        from sparring.job.run import Run
        from sparring.runfolder import machine_errors, replace_file

        run = Run(Path(self.name), device=self.device, checkpoint=self.checkpoint)
        module, spec = run.classifier, run.picture_spec
        pixels = read_one(run, picture, channels=spec.channels)
        title = f"{run.path.name} · {picture.name}"
        page = explain_picture(module, pixels, spec.classes, title=title, filters=self.filters)
        for note in run.checkpoint.notes:
            print(f"note: {note}", file=sys.stderr)
        path = self._page_path(run, picture)
        with machine_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, page.encode())
        return path

    def _page_path(self, run: "Run", picture: Path) -> Path:
        from sparring.runfolder.names import fit_name

        return (self.out or run.path / "explained" / f"{fit_name(picture.stem)}.html").absolute()


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

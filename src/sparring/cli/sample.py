"""`sparring sample`: pictures from a run."""

import io
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from sparring.errors import DataError, UsageError

if TYPE_CHECKING:
    import numpy.typing as npt

    from sparring.job.run import Labels, Run

    Samples = tuple[npt.NDArray[Any], Labels | None]

COLUMNS = 8
GRID = "grid.png"

HELP = """Pictures from a run: grid.png and numbered PNGs that say inside where they came from.

$ sparring sample runs/latest -n 64
$ sparring sample runs/latest -n 64 --class rose --seed 7
$ sparring sample runs/latest -n 1000 --npz made.npz
    (arrays `images` and, with classes, `labels` and `classes`: asked for, or named by the discriminator)
$ sparring sample runs/latest --interpolate 8 --truncation 0.7
$ sparring sample runs/latest --from photos/ --out made/
    (of a run on pairs: each picture of a folder translated, under its own name)
"""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Pictures from a run's generator: grid.png and numbered PNGs that say inside where they came from."""

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """A run folder, or runs/latest; the run may still be training."""
    count: Annotated[int, arg(name="count", aliases=["-n"], metavar="COUNT")] = 64
    """How many."""
    label: Annotated[str | None, arg(name="class", metavar="NAME", help_behavior_hint="(default: as in training)")] = (
        None
    )
    """Only this class; without it classes come as often as in the training data."""
    seed: Annotated[int, arg(metavar="NUMBER")] = 0
    """Picture n depends on the seed and n alone, however many are asked for."""
    truncation: Annotated[float, arg(metavar="PSI")] = 1.0
    """Above 0 and at most 1: less is more typical and less varied."""
    interpolate: Annotated[int | None, arg(metavar="STEPS", help_behavior_hint="")] = None
    """Walk between pairs of samples in so many steps, a row a pair."""
    npz: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="")] = None
    """Write one .npz file instead of PNGs: `images` uint8 [N, H, W] or [N, H, W, C], `labels` int64 [N]; of a plane
    `points` float32 [N, 2]."""
    source: Annotated[Path | None, arg(name="from", metavar="FOLDER", help_behavior_hint="")] = None
    """Translate these pictures, by a run on pairs; without it such a run translates those that were held out."""
    out: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="(default: in the run's samples/)")] = None
    """Folder for the PNGs; what is in it stays, but for pictures of an earlier `sparring sample`."""
    checkpoint: Literal["best", "last"] = "best"
    """By what the run was judged by, or the newest."""
    device: Annotated[str, arg(metavar="NAME", help_behavior_hint="(default: the fastest)")] = "auto"
    """cpu, cuda, cuda:1 or mps."""
    precision: Annotated[str, arg(metavar="NAME")] = "fp32"
    """fp32, bf16 (twice as fast or more; moves pixels by a few levels of 255), or auto: the faster."""
    json: bool = False
    """Print what was written as JSON."""

    def run(self) -> None:
        """Do it."""
        if self.npz is not None and (self.interpolate is not None or self.out is not None):
            raise UsageError("--npz writes one file of samples; it does not go with --interpolate or --out.")
        self._refuse_beside_from()
        from sparring.data.spec import TableSpec
        from sparring.job.run import Run

        run = Run(self.run_folder, device=self.device, checkpoint=self.checkpoint, precision=self.precision)
        if self.source is not None:
            written = self._translate(run, self.source)
        elif self.npz is not None:
            written = [self._write_npz(run, self.npz)]
        else:
            written = self._write_points(run) if isinstance(run.spec, TableSpec) else self._write_pictures(run)
        for note in run.checkpoint.notes:
            print(f"note: {note}", file=sys.stderr)
        if self.json:
            print(
                json.dumps(
                    {"run": str(run.path), "images": run.checkpoint.images, "written": [str(p) for p in written]}
                )
            )
        else:
            print(written[0])

    def _refuse_beside_from(self) -> None:
        others = {"--npz": self.npz, "--class": self.label, "--interpolate": self.interpolate}
        given = [name for name, value in others.items() if value is not None]
        if self.source is not None and given:
            raise UsageError(f"--from translates pictures; it does not go with {' and '.join(given)}.")

    def _translate(self, run: "Run", source: Path) -> list[Path]:
        from sparring.job.translate import translate_folder
        from sparring.runfolder.names import fit_name

        name = f"made-at-{run.checkpoint.images / 1000:g}-kimg-from-{source.resolve().name}"
        folder = (self.out or run.path / "samples" / fit_name(name)).absolute()
        done = translate_folder(run, source, folder)
        for lost in done.skipped:
            print(f"skipped: {lost.name}: {lost.reason}", file=sys.stderr)
        return [folder, *done.written]

    def _write_npz(self, run: "Run", asked: Path) -> Path:
        import numpy as np

        from sparring.runfolder import machine_errors, replace_file

        path = asked.absolute()
        path = path if path.suffix == ".npz" else path.with_name(path.name + ".npz")
        if asked.is_dir() or path.is_dir():
            raise UsageError(f"--npz {asked}: a folder. Give the name of a file.")
        pictures, labels = self._samples(run)
        name = "points" if pictures.ndim == 2 else "images"
        arrays: dict[str, npt.NDArray[np.generic]] = {name: pictures[..., 0] if pictures.shape[-1] == 1 else pictures}
        if labels is not None:
            arrays |= {"labels": labels, "classes": np.array(run.spec.classes)}
        data = io.BytesIO()
        np.savez_compressed(data, allow_pickle=False, **arrays)
        with machine_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, data.getvalue())
        return path

    def _write_points(self, run: "Run") -> list[Path]:
        from sparring.planes import save_points

        points, _ = self._samples(run) if self.interpolate is None else self._interpolated(run, self.interpolate)
        return save_points(points, self._folder(run), self._facts(run))

    def _write_pictures(self, run: "Run") -> list[Path]:
        from sparring.pictures import grid, in_turn, save_numbered, save_png

        folder, facts = self._folder(run), self._facts(run)
        pictures, labels = self._samples(run) if self.interpolate is None else self._interpolated(run, self.interpolate)

        def provenance(number: int) -> Mapping[str, str | int | float]:
            named = {"class": run.spec.classes[labels[number]]} if labels is not None else {}
            return {**facts, **named, "number": number}

        numbered = save_numbered(pictures, folder, provenance)
        columns = self.interpolate or COLUMNS
        shown = pictures
        if run.generator.source_channels:
            shown = in_turn(run.pairs(len(pictures), seed=self.seed)[0], pictures, columns=columns)
        save_png(grid(shown, columns=columns), folder / GRID, {**facts, "count": len(pictures)})
        return [folder / GRID, *numbered]

    def _samples(self, run: "Run") -> "Samples":
        z_NZ = run.noise(self.count, seed=self.seed, truncation=self.truncation)
        condition = run.condition(self.count, self.label, seed=self.seed)
        labels = None if run.generator.source_channels else run.labels(self.count, self.label, seed=self.seed)
        return self._named(run, run.pictures(z_NZ, condition), labels)

    def _interpolated(self, run: "Run", steps: int) -> "Samples":
        rows = max(1, self.count // max(1, steps))
        pictures = run.interpolate(steps, rows=rows, label=self.label, seed=self.seed, truncation=self.truncation)
        labels = run.labels(rows, self.label, seed=self.seed)
        return self._named(run, pictures, None if labels is None else labels.repeat(steps))

    def _named(self, run: "Run", pictures: "npt.NDArray[Any]", labels: "Labels | None") -> "Samples":
        """What nobody asked to be of a class is named by the discriminator, where that can."""
        if labels is None and run.names_classes:
            labels = run.named(pictures, seed=self.seed)
        return pictures, labels

    def _facts(self, run: "Run") -> dict[str, str | int | float]:
        return run.provenance(seed=self.seed, truncation=self.truncation)

    def _folder(self, run: "Run") -> Path:
        folder = (self.out or run.path / "samples" / self._folder_name(run)).absolute()
        _refuse_foreign(folder)
        return folder

    def _folder_name(self, run: "Run") -> str:
        """Says all that the pictures depend on, so that no folder ever mixes pictures of two kinds."""
        from sparring.runfolder.names import fit_name

        parts = [f"made-at-{run.checkpoint.images / 1000:g}-kimg-seed-{self.seed}"]
        parts += [f"class-{self.label}"] if self.label is not None else []
        parts += [run.precision.name] if run.precision.name != "fp32" else []
        parts += [f"truncation-{self.truncation:g}"] if self.truncation != 1 else []
        parts += [f"interpolate-{self.interpolate}"] if self.interpolate is not None else []
        return fit_name("-".join(parts))


def _refuse_foreign(folder: Path) -> None:
    """A user's own 0000.png must not be written over; what `sample` wrote before may."""
    from sparring.pictures import read_provenance

    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--out {folder}: a file. Give a folder.")
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.X_OK):
        return
    for path in folder.glob("*.png"):
        if path.stem not in ("grid", "points") and not path.stem.isdecimal():
            continue
        try:
            read_provenance(path)
        except DataError:
            raise UsageError(f"--out {folder}: {path.name} there is not from sparring. Give another folder.") from None

"""How much better anomalies are found by what a network that others trained sees: a part of docs/anomaly.md.

    python -m benchmarks.patchcore --keep runs/anomaly --clothing clothing.tar --weights lite0.safetensors
    python -m benchmarks.patchcore --keep runs/anomaly --textures --weights lite0.safetensors

The same pictures and measures as those of `benchmarks.anomaly`, whose own network learned from nothing, by `--recipe
patchcore:NETWORK` and its memory. Without `--weights` timm fetches the published ones. Needs the extra `pretrained`.
A run that is there already is not trained again; figures are written after each row, and rows that are there stay.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import record
from benchmarks.anomaly import CLASSES, area, unpacked
from benchmarks.kept import trained
from benchmarks.made_textures import TEXTURES, write_textures
from sparring.data import open_data
from sparring.job.defects import tested


def of_clothing(archive: str, options: argparse.Namespace) -> None:
    """Area under the ROC curve, each class in turn being the normal one."""
    root = unpacked(archive, options.keep)
    every = open_data(str(root), size=options.size)
    part = every.parts["test"]
    assert part.y is not None
    for name in CLASSES:
        told = {"normal": name, **_told(options)}
        if _is_there(told):
            continue
        run = _run(root / "train" / name, name, options)
        good = part.y == every.classes.index(name)
        _write(told, {"image_auroc": area(good, run.detect(np.asarray(part.x), by="memory").scores)})


def of_textures(options: argparse.Namespace) -> None:
    """Every measure of each texture."""
    root = options.keep / "textures"
    write_textures(root)
    for name in TEXTURES:
        told = {"normal": name, **_told(options)}
        if _is_there(told):
            continue
        run = _run(root / name, name, options)
        rows = {row.name: row for row in tested(run, root / name, by="memory").rows()}
        interval = [rows["image_auroc"].low, rows["image_auroc"].high]
        _write(told, {**{measure: round(row.value, 4) for measure, row in rows.items()}, "interval": interval})


def _run(source: Path, name: str, options: argparse.Namespace) -> Any:
    """The head is trained for a moment alone: the memory does without it."""
    settings = (f"detector.weights={options.weights}",) if options.weights else ()
    out = options.keep / f"patchcore-{options.network}-{options.size}-{name}"
    return trained(
        source, out, recipe=f"patchcore:{options.network}", kimg=options.kimg, size=options.size, settings=settings
    ).run


def _told(options: argparse.Namespace) -> dict[str, Any]:
    return {"network": options.network, "size": options.size}


def _is_there(told: Mapping[str, Any]) -> bool:
    return any(told.items() <= row.items() for row in record.before("patchcore").get("rows", ()))


def _write(told: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    print({**told, **values}, flush=True)
    record.write("patchcore", {"rows": [*record.before("patchcore").get("rows", ()), {**told, **values}]})


def main() -> None:
    """Train, measure, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--clothing", default=None)
    parser.add_argument("--textures", action="store_true", help="make them, and measure on them")
    parser.add_argument("--network", default="tf_efficientnet_lite0", help="its name in timm")
    parser.add_argument("--weights", default=None, help="a safetensors file of them")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--kimg", type=float, default=0.5)
    options = parser.parse_args()
    options.keep.mkdir(parents=True, exist_ok=True)
    if options.clothing is not None:
        of_clothing(options.clothing, options)
    if options.textures:
        of_textures(options)


if __name__ == "__main__":
    main()

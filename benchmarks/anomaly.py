"""What finds anomalies: figures of docs/anomaly.md.

    python -m benchmarks.anomaly --keep runs/anomaly --textures --kimg 12
    python -m benchmarks.anomaly --keep runs/anomaly --mnist mnist.npz --kimg 6
    python -m benchmarks.anomaly --keep runs/anomaly --clothing clothing.tar --kimg 6

`textures`: three made textures with scratches, holes and stains (`made_textures`): area under the ROC curve of pictures
and of points, and the overlap with regions, by each evidence.
`mnist`: each digit in turn is normal and the nine others are not, beside what Deep SVDD has (Ruff et al., ICML 2018,
table 1) and the distance to the nearest training pictures, pixel by pixel.
`clothing`: some classes of photographs in turn.
A run that is there already is not trained again; figures are written after each row, and rows that are there stay.
"""

import argparse
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

import sparring
from benchmarks import record
from benchmarks.kept import trained
from benchmarks.made_textures import TEXTURES, write_textures
from sparring.data import open_data
from sparring.job.defects import tested

Pixels = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
DEEP_SVDD = (0.980, 0.997, 0.917, 0.919, 0.949, 0.885, 0.983, 0.946, 0.939, 0.965)
"""By digit, of one-class Deep SVDD: Ruff et al. 2018, table 1. It learned from about 6,000 pictures of a digit each."""
NORMALS, TESTED = 2_000, 2_000
"""Training pictures of a digit, and test pictures of all digits."""
NEIGHBOURS = 3
CLASSES = ("dress", "shoes", "t-shirt")
AUTOENCODER = "conv-autoencoder"
RUNS = {"detector": ("blemishes", ("either", "memory", "blemishes")), "autoencoder": (AUTOENCODER, ("error",))}
"""Recipe and evidences of each run."""


def of_textures(keep: Path, kimg: float, seeds: Sequence[int]) -> None:
    """Every measure of each texture by each evidence."""
    root = keep / "textures"
    write_textures(root)
    for texture in TEXTURES:
        for name, (recipe, evidences) in RUNS.items():
            for seed in seeds:
                for by in evidences:
                    told = {"texture": texture, "by": by, "seed": seed, "kimg": kimg}
                    if _is_there("textures", told):
                        continue
                    out = keep / f"{texture}-{name}-{seed}"
                    run = trained(root / texture, out, recipe=recipe, kimg=kimg, seed=seed).run
                    measures = {row.name: row for row in tested(run, root / texture, by=by).rows()}
                    values = {measure: round(row.value, 4) for measure, row in measures.items()}
                    interval = [measures["image_auroc"].low, measures["image_auroc"].high]
                    _write("textures", told, {**values, "interval": interval})


def of_digits(keep: Path, mnist: str, kimg: float, digits: Sequence[int]) -> None:
    """Area under the ROC curve by each evidence, each digit being the normal one."""
    test, labels = _drawn(mnist, "test")
    for digit in digits:
        told = {"digit": digit, "kimg": kimg, "tested": TESTED}
        if _is_there("mnist", told):
            continue
        place = keep / f"digit-{digit}.npz"
        if not place.exists():
            train, known = _drawn(mnist, "train", count=60_000)
            np.savez_compressed(place, train_images=train[known == digit][:NORMALS])
        found = _of_class(place, f"digit-{digit}", keep, kimg, test, labels == digit)
        _write("mnist", told, {**found, "deep_svdd": DEEP_SVDD[digit]})


def of_clothing(keep: Path, archive: str, kimg: float, classes: Sequence[str]) -> None:
    """The same of photographs."""
    root = unpacked(archive, keep)
    every = open_data(str(root), size=64)
    part = every.parts["test"]
    assert part.y is not None
    for name in classes:
        good = part.y == every.classes.index(name)
        told = {"class": name, "kimg": kimg}
        if _is_there("clothing", told):
            continue
        found = _of_class(root / "train" / name, f"clothing-{name}", keep, kimg, np.asarray(part.x), good)
        _write("clothing", told, {"test": int(good.sum()), "others": int((~good).sum()), **found})


def unpacked(archive: str, keep: Path) -> Path:
    """The folder `clothing` of the archive, unpacked once."""
    root = keep / "clothing"
    if not root.is_dir():
        with tarfile.open(archive) as tar:
            tar.extractall(keep, filter="data")
    return root


def _of_class(
    source: Path, name: str, keep: Path, kimg: float, test: Pixels, good: npt.NDArray[np.bool_]
) -> Mapping[str, float]:
    """By each evidence, and by the nearest training pictures."""
    found: dict[str, float] = {}
    for kind, (recipe, evidences) in RUNS.items():
        run = trained(source, keep / f"{name}-{kind}", recipe=recipe, kimg=kimg).run
        found["training pictures"] = len(open_data(run.recipe.data.source, size=run.picture_spec.height).parts["train"])
        for by in evidences:
            found[by] = area(good, run.detect(test, by=by).scores)
    found["nearest"] = area(good, _nearest(run, test))
    return found


def area(good: npt.NDArray[np.bool_], scores: npt.NDArray[np.float64]) -> float:
    """Under the ROC curve: that what is not good has the higher score."""
    return round(float(roc_auc_score(~good, scores)), 4)


def _nearest(run: sparring.Run, test: Pixels) -> npt.NDArray[np.float64]:
    """Mean distance to the three nearest training pictures."""
    train = np.asarray(open_data(run.recipe.data.source, size=run.picture_spec.height).parts["train"].x)
    flat = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(train.reshape(len(train), -1) / 255)
    distances: npt.NDArray[np.float64] = flat.kneighbors(test.reshape(len(test), -1) / 255)[0].mean(1)
    return distances


def _drawn(mnist: str, part: str, *, count: int = TESTED) -> tuple[Pixels, Labels]:
    with np.load(mnist) as arrays:
        images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"].astype(np.int64)
    rows = np.random.Generator(np.random.Philox(key=0)).permutation(len(images))[:count]
    return images[rows][..., None], labels[rows]


def _is_there(part: str, told: Mapping[str, Any]) -> bool:
    """Whether this row was measured before."""
    return any(told.items() <= row.items() for row in record.before("anomaly").get(part, {}).get("rows", ()))


def _write(part: str, told: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """One row more, beside those that are there; and the means of those of digits or classes."""
    print({**told, **values}, flush=True)
    figures = record.before("anomaly")
    rows = [*figures.get(part, {}).get("rows", ()), {**told, **values}]
    rows.sort(key=lambda row: str([row.get(name) for name in ("texture", "digit", "class", "by", "seed")]))
    names = [name for name in ("either", "memory", "blemishes", "error", "nearest", "deep_svdd") if name in values]
    means = {name: round(float(np.mean([row[name] for row in rows])), 4) for name in names}
    record.write("anomaly", {**figures, part: {"rows": rows, **({"mean": means} if means else {})}})


def main() -> None:
    """Train, measure, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--textures", action="store_true", help="make them, and measure on them")
    parser.add_argument("--mnist", default=None)
    parser.add_argument("--clothing", default=None)
    parser.add_argument("--kimg", type=float, default=12.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--digits", type=int, nargs="+", default=list(range(10)))
    parser.add_argument("--classes", nargs="+", default=list(CLASSES))
    options = parser.parse_args()
    options.keep.mkdir(parents=True, exist_ok=True)
    if options.textures:
        of_textures(options.keep, options.kimg, options.seeds)
    if options.mnist is not None:
        of_digits(options.keep, options.mnist, options.kimg, options.digits)
    if options.clothing is not None:
        of_clothing(options.keep, options.clothing, options.kimg, options.classes)


if __name__ == "__main__":
    main()

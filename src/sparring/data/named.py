"""Data sets by name: `digits` comes with scikit-learn, the others are downloaded once, by their published hashes.

A downloaded file lies in `<cache>/downloads/<name>/`; one that was put there by hand is used as well.
"""

import gzip
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sparring.data.cifar import read_cifar
from sparring.data.collection import ArrayBlock, Collection, Split
from sparring.data.download import Progress, RemoteFile, fetch
from sparring.data.idx import read_idx
from sparring.data.points import SETS as POINT_SETS
from sparring.data.points import PointSet
from sparring.errors import DataError, UsageError, did_you_mean

_DIGITS = tuple("0123456789")
_GARMENTS = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
_HIRAGANA = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")


@dataclass(frozen=True, kw_only=True)
class NamedSet:
    """A data set that a word stands for.

    Args:
        name: the word.
        summary: one line: what it holds, how much, from where.
        files: what must lie in its folder before `read` is called.
        read: from that folder to the pictures.
    """

    name: str
    summary: str
    files: tuple[RemoteFile, ...] = ()
    read: Callable[[Path], Collection]


def read_named(name: str, *, cache: Path, on_progress: Progress | None = None) -> Collection:
    """Read a data set by name, downloading what is not in the cache.

    Args:
        name: one of `NAMES`.
        cache: root of the cache; the files lie in `downloads/<name>/` under it.
        on_progress: called with a file's name, the bytes so far and all its bytes.

    Returns:
        uint8 pictures [N, H, W] or [N, H, W, 3] with labels; the classes are in the order of their published numbers.

    Raises:
        UsageError: no such name.
        DataError: a file can't be had, or is another one; the message says which file to put where.
        MachineError: the cache can't be written.
    """
    if name not in _SETS:
        raise UsageError(f"unknown data set '{name}'. {did_you_mean(name, NAMES)}")
    return read_set(_SETS[name], cache=cache, on_progress=on_progress)


def read_set(named: NamedSet, *, cache: Path, on_progress: Progress | None = None) -> Collection:
    """Read a data set that is described by its files; see `read_named`."""
    folder = cache / "downloads" / named.name
    for number, file in enumerate(named.files):
        fetch(file, folder, on_progress=on_progress, also=named.files[number + 1 :])
    return replace(named.read(folder), name=named.name, source=named.name, layout=named.summary)


def summaries() -> dict[str, str]:
    """One line for each name, those of points that are made among them."""
    sets: dict[str, NamedSet | PointSet] = {**_SETS, **POINT_SETS}
    return {name: named.summary for name, named in sets.items()}


def _read_digits(_: Path) -> Collection:
    """The scanned digits inside scikit-learn: 8x8, 17 grey levels spread over 0 to 255."""
    values = _digits_table()
    grey = np.rint(values[:, :-1] * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8)
    block = ArrayBlock(name="digits", pictures=grey, labels=values[:, -1].astype(np.int64))
    return Collection(name="digits", source="digits", layout="", classes=_DIGITS, blocks=(block,))


def _digits_table() -> npt.NDArray[np.uint8]:
    """[1797, 65]: 64 values from 0 to 16, then the label.

    Read from the file that `sklearn.datasets.load_digits` reads: importing scikit-learn takes a second, this 10 ms.
    """
    spec = importlib.util.find_spec("sklearn")
    assert spec is not None and spec.submodule_search_locations, "scikit-learn is a dependency"
    path = Path(spec.submodule_search_locations[0], "datasets", "data", "digits.csv.gz")
    try:
        with gzip.open(path, "rt", encoding="ascii") as file:
            return np.loadtxt(file, delimiter=",", dtype=np.uint8)
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"{path} can't be read: {error}. Install scikit-learn again.") from error


def _read_svhn(folder: Path) -> Collection:
    parts: tuple[tuple[Split, str], ...] = (("train", "train_32x32.mat"), ("test", "test_32x32.mat"))
    blocks = tuple(_svhn_block(folder / name, split) for split, name in parts)
    return Collection(name="svhn", source="svhn", layout="", classes=_DIGITS, blocks=blocks)


def _svhn_block(path: Path, split: Split) -> ArrayBlock:
    """`X` uint8 [32, 32, 3, N] and `y` [N, 1], where 10 stands for the digit 0."""
    # Imported here: scipy.io takes a third of a second, and only this set needs it.
    from scipy.io import loadmat

    try:
        content: Mapping[str, Any] = loadmat(path, variable_names=("X", "y"))
        pictures, labels = content["X"], content["y"]
    except (OSError, ValueError, TypeError, KeyError, NotImplementedError) as error:
        raise DataError(f"{path} is no MATLAB file with 'X' and 'y': {error}.") from error
    digits = labels.reshape(-1).astype(np.int64) % 10
    ordered = np.ascontiguousarray(np.moveaxis(pictures, 3, 0))
    return ArrayBlock(name=path.name, pictures=ordered, labels=digits, split=split)


def _files(bases: tuple[str, ...], *rows: tuple[str, int, str]) -> tuple[RemoteFile, ...]:
    return tuple(
        RemoteFile(filename=name, urls=tuple(base + name for base in bases), size=size, sha256=sha256)
        for name, size, sha256 in rows
    )


def _idx_set(
    name: str, summary: str, classes: tuple[str, ...], bases: tuple[str, ...], *rows: tuple[int, str]
) -> NamedSet:
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    listed = ((f"{part}-ubyte.gz", size, sha256) for part, (size, sha256) in zip(names, rows, strict=True))
    return NamedSet(name=name, summary=summary, files=_files(bases, *listed), read=partial(read_idx, classes=classes))


def _cifar_set(classes: int, size: int, sha256: str) -> NamedSet:
    filename = f"cifar-{classes}-binary.tar.gz"
    bases = ("https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/")
    return NamedSet(
        name=f"cifar{classes}",
        summary=f"60,000 photographs of {classes} kinds of things, 32x32 colour (Krizhevsky 2009)",
        files=_files(bases, (filename, size, sha256)),
        read=lambda folder: read_cifar(folder / filename),
    )


# Addresses as torchvision's data sets list them (github.com/pytorch/vision); sizes and SHA-256 as
# tensorflow_datasets/url_checksums records them.
_ALL = (
    NamedSet(
        name="digits",
        summary="1,797 scanned digits, 8x8 grey, in 10 classes; comes with scikit-learn, no download",
        read=_read_digits,
    ),
    _idx_set(
        "mnist",
        "70,000 handwritten digits, 28x28 grey, in 10 classes (LeCun, Cortes, Burges)",
        _DIGITS,
        ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
        (9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        (28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        (1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        (4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    ),
    _idx_set(
        "fashion-mnist",
        "70,000 garments, 28x28 grey, in 10 classes (Zalando Research)",
        _GARMENTS,
        (
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ),
        (26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
        (29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
        (4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
        (5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
    ),
    _idx_set(
        "kmnist",
        "70,000 handwritten hiragana, 28x28 grey, in 10 classes (ROIS-CODH)",
        _HIRAGANA,
        ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
        (18165135, "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"),
        (29497, "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"),
        (3041136, "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"),
        (5120, "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"),
    ),
    _cifar_set(10, 170052171, "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"),
    _cifar_set(100, 168513733, "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"),
    NamedSet(
        name="svhn",
        summary="99,289 house numbers, 32x32 colour, in 10 classes (Netzer et al. 2011)",
        files=_files(
            ("http://ufldl.stanford.edu/housenumbers/",),
            ("train_32x32.mat", 182040794, "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8"),
            ("test_32x32.mat", 64275384, "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b"),
        ),
        read=_read_svhn,
    ),
)
_SETS: Mapping[str, NamedSet] = {named.name: named for named in _ALL}

NAMES: tuple[str, ...] = tuple(_SETS)

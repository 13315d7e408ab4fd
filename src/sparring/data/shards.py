"""Which shards a source means: tars named by a pattern or an address, or the files of a Hugging Face data set.

    shards-{000..009}.tar            tars by number
    shards/*.tar, shards/            tars by name, in the order of their names
    https://HOST/x-{0..9}.tar        the same, each fetched when it is read
    hf:OWNER/NAME, hf:OWNER/NAME@CONFIG, hf:FOLDER        what `datasets.load_dataset` knows by that name

A tar whose name begins with a word for a part (`val-000.tar`, `test_3.tar`) is of that part.
"""

import glob
import itertools
import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from sparring.data.archive import kind_of
from sparring.data.collection import Split
from sparring.data.download import describe_remote, read_small
from sparring.data.listing import PICTURE_SUFFIXES, is_junk, printable, suffix
from sparring.data.metadata import SPLIT_WORDS
from sparring.data.web_tar import LABEL_ENDINGS, first_names
from sparring.errors import DataError

HUB = "hf:"
CLASSES = "classes.txt"
"""Beside the shards: names of the classes, one a line, in the order of their numbers."""
_WEB = ("http://", "https://")
_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")
_MOST = 1_000_000
_CONNECTIONS = 16


@dataclass(frozen=True, kw_only=True)
class Shard:
    """Some of a source's pictures, in one piece that can be fetched alone.

    Args:
        name: for messages.
        place: a path, an address, or `hf:` with the number of a file.
        stamp: changes when the content does.
        size: bytes, where they are known.
        split: the part that all its pictures are of.
    """

    name: str
    place: str
    stamp: str
    size: int | None = None
    split: Split | None = None

    @property
    def local(self) -> bool:
        """Whether it is a file of this machine."""
        return not self.place.startswith((HUB, *_WEB))


@dataclass(frozen=True, kw_only=True)
class ShardSet:
    """All shards of a source, in a fixed order; `classes` where their names are told beside them."""

    source: str
    name: str
    shards: Sequence[Shard]
    classes: tuple[str, ...] = ()


def names_shards(source: str) -> bool:
    """Whether a source is one of shards, judged by how it is written, by a folder's names or a tar's first members."""
    if source.startswith((HUB, *_WEB)):
        return True
    if not os.path.lexists(source):
        return source.lower().endswith(_ENDINGS) and bool(_BRACES.search(source) or glob.has_magic(source))
    path = Path(source).expanduser()
    if path.is_dir():
        return _is_folder_of_tars(path)
    return path.is_file() and path.suffix.lower() == ".tar" and _has_labels(path)


def absolute(source: str) -> str:
    """The source as it can be opened from any folder: paths and patterns of them made absolute, names as they are."""
    if source.startswith((HUB, *_WEB)) or not source.strip():
        return source
    path = Path(source).expanduser()
    return str(path.absolute()) if path.exists() or names_shards(source) else source


def find_shards(source: str) -> ShardSet:
    """The shards of a source that `names_shards` accepts.

    Raises:
        DataError: none is there, or one can't be had.
    """
    if source.startswith(HUB):
        from sparring.data.hub import list_hub

        return list_hub(source)
    if source.startswith(_WEB):
        return _of_web(source)
    return _of_paths(source)


def expand(pattern: str) -> list[str]:
    """A pattern with its braces written out: `{000..009}` counts, `{a,b}` lists.

    >>> expand("x-{08..10}.tar")
    ['x-08.tar', 'x-09.tar', 'x-10.tar']

    Raises:
        DataError: braces that are neither, or far too many names.
    """
    pieces = [[text] if n % 2 == 0 else list(_choices(text, pattern)) for n, text in enumerate(_BRACES.split(pattern))]
    count = 1
    for piece in pieces:
        count *= len(piece)
    if count > _MOST:
        raise DataError(f"{pattern}: stands for {count:,} shards; expected {_MOST:,} at most. Check the braces.")
    return ["".join(words) for words in itertools.product(*pieces)]


def _choices(inner: str, pattern: str) -> Iterator[str]:
    counted = _RANGE.fullmatch(inner)
    if counted:
        low, high = counted.groups()
        width = len(low) if low.startswith("0") or len(low) == len(high) else 0
        if int(high) - int(low) >= _MOST:
            raise DataError(f"{pattern}: {{{inner}}} is more than {_MOST:,} shards. Check the braces.")
        yield from (f"{number:0{width}d}" for number in range(int(low), int(high) + 1))
    elif "," in inner:
        yield from inner.split(",")
    else:
        raise DataError(f"{pattern}: {{{inner}}} is no choice. Expected {{000..009}} or {{a,b}}.")


def split_of(name: str) -> Split | None:
    """The part that a shard's name begins with a word for.

    >>> split_of("val-000.tar"), split_of("valley-000.tar")
    ('validation', None)
    """
    return SPLIT_WORDS.get(re.split(r"[^a-z]", name.lower(), maxsplit=1)[0])


def _is_folder_of_tars(path: Path) -> bool:
    found = False
    with os.scandir(path) as entries:
        for entry in entries:
            if is_junk(entry.name) or entry.name == CLASSES:
                continue
            if not entry.name.lower().endswith(_ENDINGS):
                return False
            found = True
    return found


def _has_labels(path: Path) -> bool:
    """Whether pictures and their labels lie side by side in a tar: then it is a shard, even by itself."""
    if kind_of(path) != "tar":
        return False
    names = first_names(path)
    pictures = {_stem(name) for name in names if suffix(name) in PICTURE_SUFFIXES}
    return any(_stem(name) in pictures for name in names if suffix(name) in LABEL_ENDINGS)


def _stem(name: str) -> str:
    return name.removesuffix(suffix(name))


def _of_paths(source: str) -> ShardSet:
    path = Path(source).expanduser()
    if path.is_dir():
        paths = sorted(str(p) for p in path.iterdir() if p.name.lower().endswith(_ENDINGS) and not is_junk(p.name))
    elif path.exists():
        paths = [str(path)]
    else:
        paths = [found for pattern in expand(str(path)) for found in _matching(pattern)]
    if not paths:
        raise DataError(f"{source}: no shard has such a name. Check the pattern, from {Path.cwd()}.")
    beside = Path(paths[0]).parent / CLASSES
    text = beside.read_bytes() if beside.is_file() else None
    return ShardSet(
        source=source,
        name=_short_name(path.name),
        shards=[_file(Path(path)) for path in dict.fromkeys(paths)],
        classes=_class_names(text, str(beside)),
    )


def _matching(pattern: str) -> list[str]:
    return sorted(glob.glob(pattern)) if glob.has_magic(pattern) else [pattern]  # noqa: PTH207


def _file(path: Path) -> Shard:
    try:
        status = path.stat()
    except OSError as error:
        raise DataError(f"{path}: this shard can't be read ({error.strerror}). Check the pattern.") from error
    if not path.is_file():
        raise DataError(f"{path}: not a file. Expected a tar archive.")
    return Shard(
        name=printable(path.name),
        place=str(path.absolute()),
        stamp=f"{status.st_size} {status.st_mtime_ns}",
        size=status.st_size,
        split=split_of(path.name),
    )


def _of_web(source: str) -> ShardSet:
    addresses = expand(source)
    with ThreadPoolExecutor(min(_CONNECTIONS, len(addresses))) as threads:
        shards = list(threads.map(_remote, addresses))
    beside = addresses[0].rpartition("/")[0] + "/" + CLASSES
    name = PurePosixPath(urlsplit(source).path).name
    return ShardSet(
        source=source,
        name=_short_name(name),
        shards=shards,
        classes=_class_names(read_small(beside), beside),
    )


def _remote(address: str) -> Shard:
    size, stamp = describe_remote(address)
    name = PurePosixPath(urlsplit(address).path).name
    return Shard(name=printable(name), place=address, stamp=stamp, size=size, split=split_of(name))


def _class_names(text: bytes | None, where: str) -> tuple[str, ...]:
    if text is None:
        return ()
    try:
        names = [printable(line.strip()) for line in text.decode("utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: not UTF-8 (byte {error.start}). Expected a name a line.") from error
    if len(set(names)) < len(names) or not names:
        raise DataError(f"{where}: {'a name occurs twice' if names else 'empty'}. Expected the name of a class a line.")
    return tuple(names)


def _short_name(name: str) -> str:
    """A word for the run's folder: the pattern without endings, braces and stars."""
    for ending in _ENDINGS:
        name = name.removesuffix(ending)
    return re.sub(r"[^A-Za-z0-9]+", "-", re.split(r"[{*?\[]", name)[0]).strip("-") or "shards"

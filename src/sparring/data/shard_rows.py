"""One shard, from where it lies to decoded rows in a file: fetched, listed, decoded, and forgotten."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sparring.data import archive
from sparring.data.collection import Skipped
from sparring.data.download import fetch_whole
from sparring.data.facts import FACT, Facts, Shape
from sparring.data.pack import Errors
from sparring.data.pool import Output, Pool, make_jobs
from sparring.data.shards import Shard
from sparring.data.web_tar import ShardListing, list_shard
from sparring.errors import DataError


@dataclass(frozen=True, kw_only=True)
class ShardRows:
    """What is known of a shard's pictures beside their pixels, in the order in which they lie in it.

    Args:
        facts: `FACT` [N]; rows that are not `ok` were skipped.
        labels: words, None without one.
        skipped: pictures and other files that are not used.
    """

    facts: Facts
    labels: Sequence[str | None]
    skipped: Sequence[Skipped]

    def to_json(self) -> dict[str, Any]:
        """Plain lists and texts."""
        return {
            "facts": base64.b64encode(self.facts.tobytes()).decode("ascii"),
            "labels": list(self.labels),
            "skipped": [[skipped.name, skipped.reason] for skipped in self.skipped],
        }

    @classmethod
    def from_json(cls, record: Any) -> "ShardRows":
        """What `to_json` gave; ValueError, KeyError or TypeError where it is damaged."""
        return cls(
            facts=np.frombuffer(base64.b64decode(record["facts"]), FACT),
            labels=record["labels"],
            skipped=[Skipped(name=name, reason=reason) for name, reason in record["skipped"]],
        )


def fetch_shard(shard: Shard, folder: Path) -> Path:
    """The plain tar of a shard: where it lies, or a copy in `folder`, for whoever asked to remove.

    Raises:
        DataError: it can't be had, or is no tar.
        MachineError: the disk refused.
    """
    if shard.place.startswith("hf:"):
        from sparring.data.hub import write_shard

        target = folder / "shard.tar"
        write_shard(shard.place, target)
        return target
    path = Path(shard.place)
    if not shard.local:
        path = folder / "fetched.tar"
        fetch_whole(shard.place, path, size=shard.size)
    kind = _kind(path, shard)
    if kind == "compressed":
        plain = folder / "plain.tar"
        archive.decompress(path, plain, lambda text, done, total: None)
        return plain
    if kind != "tar":
        raise DataError(f"{shard.place}: not a tar archive. Expected a shard as WebDataset has them.")
    return path


def _kind(path: Path, shard: Shard) -> str | None:
    try:
        return archive.kind_of(path)
    except OSError as error:
        raise DataError(f"{shard.place}: can't be read ({error.strerror}). Put it back where it was.") from error


def read_listing(shard: Shard, tar: Path) -> ShardListing:
    """What lies in a shard's plain tar.

    Raises:
        DataError: it can't be read.
    """
    try:
        return list_shard(tar, shown=shard.name)
    except OSError as error:
        raise DataError(f"{shard.place}: can't be read ({error.strerror}). Put it back where it was.") from error


def decode_shard(listing: ShardListing, shape: Shape, out: Path, pool: Pool) -> ShardRows:
    """Decode the pictures of a shard into the new file `out`, uint8 [N, size, size, channels].

    Raises:
        MachineError: the disk refused, or processes die again and again.
    """
    with out.open("wb") as file:
        file.truncate(len(listing.places) * shape.bytes_each)
    output = Output(path=str(out), size=shape.size, channels=shape.channels, fit=shape.fit)
    facts = np.zeros(len(listing.places), FACT)
    errors: Errors = []
    for answer in pool.run(list(make_jobs(listing.places, output=output, workers=pool.size))):
        first = answer.job.first
        facts[first : first + len(answer.facts)] = answer.facts
        errors += [(first + index, reason) for index, reason in answer.errors]
    unreadable = [Skipped(name=listing.names[index], reason=reason) for index, reason in sorted(errors)]
    return ShardRows(facts=facts, labels=listing.labels, skipped=[*listing.skipped, *unreadable])


def mapped(path: Path, count: int, shape: Shape) -> npt.NDArray[np.uint8]:
    """What `decode_shard` wrote, memory-mapped: uint8 [N, size, size, channels]."""
    sides = (count, shape.size, shape.size, shape.channels)
    return np.memmap(path, np.uint8, mode="r", shape=sides) if count else np.zeros(sides, np.uint8)

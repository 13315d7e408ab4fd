"""The two kinds of `pack.Pictures`: encoded ones, decoded by processes, and arrays, which are pixels already."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
from PIL import Image

from sparring.data.collection import ArrayBlock, Item, Split
from sparring.data.decode import MODES, SMALLEST_SIDE, content_hash, fit_picture, has_colour
from sparring.data.facts import ARRAY_FORMAT, FACT, FORMAT_NAMES, Facts, Shape, Wish, decide
from sparring.data.pack import Errors, Plan, Progress
from sparring.data.pool import Output, Place, Pool, make_jobs, usable_cores
from sparring.data.split import PARTS

_LOOK = 64
_PICTURES_A_WORKER = 16
_ARRAY_CHUNK = 1024


class EncodedPictures:
    """Pictures in files or archives. A context manager: it holds the decoding processes while it is open.

    Args:
        items: what to decode.
        fingerprint: changes when the source does.
        stage: called before the first picture is read; makes the places of the items readable.
    """

    def __init__(self, items: Sequence[Item], *, fingerprint: bytes, stage: Callable[[], None]) -> None:
        self.names = [item.name for item in items]
        self.given: list[Split | None] = [item.split for item in items]
        self.fingerprint = fingerprint
        self._places: list[Place] = [item.place for item in items]
        self._stage = stage
        self._stack = ExitStack()
        self._pool: Pool | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool = None
        self._stack.close()

    def guess(self, wish: Wish) -> Shape:
        """The shape that some pictures, spread evenly, speak for."""
        if wish.size and wish.channels:
            return decide(np.zeros(0, FACT), wish)
        step = max(1, len(self._places) // _LOOK)
        facts, _ = self._gather(self._places[::step], output=None, on_progress=_silent)
        if not facts["ok"].any():
            return Shape(size=wish.size or 64, channels=wish.channels or 3, fit=wish.fit, paired=wish.paired)
        return decide(facts, wish)

    def inspect(self, on_progress: Progress) -> tuple[Facts, Errors]:
        """Facts from the headers of all pictures; hashes are missing, and nothing is written."""
        return self._gather(self._places, output=None, on_progress=on_progress)

    def write(self, shape: Shape, plan: Plan, on_progress: Progress) -> tuple[Facts, Errors]:
        """Decode all pictures in parallel, each into its row; see `pack.Pictures`."""
        facts = np.zeros(len(self._places), FACT)
        errors: Errors = []
        done = 0
        for index, name in enumerate(PARTS):
            members = np.flatnonzero(plan.part == index)
            if not len(members):
                continue
            output = Output(
                path=str(plan.file(name)),
                size=shape.size,
                channels=shape.channels,
                fit=shape.fit,
                paired=shape.paired,
            )
            places = [self._places[member] for member in members.tolist()]
            start = done

            def progress(text: str, now: int, _: int | None, start: int = start) -> None:
                on_progress("packing", start + now, len(facts))

            facts[members], lost = self._gather(places, output=output, on_progress=progress)
            errors += [(int(members[position]), reason) for position, reason in lost]
            done += len(members)
        return facts, errors

    def _gather(self, places: Sequence[Place], *, output: Output | None, on_progress: Progress) -> tuple[Facts, Errors]:
        pool = self._open_pool()
        facts = np.zeros(len(places), FACT)
        errors: Errors = []
        done = 0
        for answer in pool.run(list(make_jobs(places, output=output, workers=pool.size))):
            first = answer.job.first
            facts[first : first + len(answer.facts)] = answer.facts
            errors += [(first + index, reason) for index, reason in answer.errors]
            done += len(answer.facts)
            on_progress("reading pictures", done, len(places))
        return facts, errors

    def _open_pool(self) -> Pool:
        if self._pool is None:
            self._stage()
            workers = min(usable_cores(), max(1, len(self._places) // _PICTURES_A_WORKER))
            self._pool = self._stack.enter_context(Pool(workers))
        return self._pool


class ArrayPictures:
    """Blocks of decoded pictures.

    Args:
        blocks: uint8 [N, H, W] or [N, H, W, C] each.
    """

    def __init__(self, blocks: Sequence[ArrayBlock]) -> None:
        self._blocks = [_four_dimensions(block.pictures) for block in blocks]
        self.names = [f"{block.name} number {index}" for block in blocks for index in range(len(block.pictures))]
        self.given: list[Split | None] = [block.split for block in blocks for _ in range(len(block.pictures))]
        self.facts = np.concatenate([_array_facts(block) for block in self._blocks])
        self.fingerprint = self.facts["hash"].tobytes()

    def guess(self, wish: Wish) -> Shape:
        """Exactly what `decide` says: the facts are known."""
        if not self.facts["ok"].any():
            return Shape(size=wish.size or 64, channels=wish.channels or 3, fit=wish.fit)
        return decide(self.facts, wish)

    def inspect(self, on_progress: Progress) -> tuple[Facts, Errors]:
        """The facts, complete with hashes."""
        on_progress("reading pictures", len(self.facts), len(self.facts))
        lost = np.flatnonzero(~self.facts["ok"]).tolist()
        return self.facts, [(index, f"a side is under {SMALLEST_SIDE} pixels") for index in lost]

    def write(self, shape: Shape, plan: Plan, on_progress: Progress) -> tuple[Facts, Errors]:
        """Copy, or resize and copy, each block into the file of its part; see `pack.Pictures`."""
        first = 0
        for block in self._blocks:
            if len(block):
                with plan.file(PARTS[int(plan.part[first])]).open("r+b") as file:
                    file.seek(int(plan.row[first]) * shape.bytes_each)
                    for rows in _shaped(block, shape):
                        file.write(rows.data)
                        on_progress("packing", first + len(rows), len(self.names))
            first += len(block)
        return self.inspect(_silent)


def _four_dimensions(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return pictures[..., None] if pictures.ndim == 3 else pictures


def _array_facts(block: npt.NDArray[np.uint8]) -> Facts:
    """Facts with content hashes, the same ones that the same picture in a lossless file would get."""
    count, height, width, channels = block.shape
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels]
    facts = np.zeros(count, FACT)
    facts["ok"] = min(height, width) >= SMALLEST_SIDE
    facts["width"], facts["height"] = width, height
    facts["mode"], facts["format"] = MODES.index(mode), FORMAT_NAMES.index(ARRAY_FORMAT)
    if channels >= 3 and count:
        facts["colour"][0] = _any_colour(block)
    if channels in (2, 4):
        facts["alpha"] = block[..., -1].reshape(count, -1).min(axis=1) < 255
    hashes = b"".join(content_hash(mode, width, height, picture.tobytes()) for picture in block)
    facts["hash"] = np.frombuffer(hashes, np.uint8).reshape(count, 16)
    return facts


def _any_colour(block: npt.NDArray[np.uint8]) -> bool:
    chunks = (block[start : start + _ARRAY_CHUNK] for start in range(0, len(block), _ARRAY_CHUNK))
    if block.shape[-1] == 3:
        return any(bool((chunk[..., :1] != chunk[..., 1:]).any()) for chunk in chunks)
    return any(has_colour(Image.fromarray(picture)) for picture in block)


def _shaped(block: npt.NDArray[np.uint8], shape: Shape) -> Iterator[npt.NDArray[np.uint8]]:
    """The block in chunks of uint8 [n, size, size, channels]."""
    native = block.shape[1:] == (shape.size, shape.size, shape.channels)
    for start in range(0, len(block), _ARRAY_CHUNK):
        chunk = block[start : start + _ARRAY_CHUNK]
        yield np.ascontiguousarray(chunk) if native else np.stack([_fitted(picture, shape) for picture in chunk])


def _fitted(picture: npt.NDArray[np.uint8], shape: Shape) -> npt.NDArray[np.uint8]:
    image = Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture)
    return fit_picture(image, size=shape.size, fit=shape.fit, channels=shape.channels)


def _silent(text: str, done: int, total: int | None) -> None:
    """No progress is shown."""

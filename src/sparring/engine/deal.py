"""Batches as a pure function of (seed, stream, counter): exact resume needs to save nothing but counters."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sparring.data.mapped import Pages
from sparring.errors import UsageError
from sparring.losses.base import Batch
from sparring.models.gan.base import NoiseKind
from sparring.nn import ranks

Stored = npt.NDArray[Any]
"""Examples at the edges: pictures uint8 [N, H, W, C], or rows float32 [N, F]."""
Rows = TypeVar("Rows", Tensor, npt.NDArray[np.int64])


def key(*parts: int | str) -> int:
    """A 63-bit number that depends on every part; distinct parts give independent generators."""
    text = "\x1f".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1


def generator(*parts: int | str) -> torch.Generator:
    """A generator on the CPU seeded by `key(*parts)`: the same numbers for every kind of device."""
    return torch.Generator().manual_seed(key(*parts))


def seed_device(number: int, device: torch.device) -> None:
    """Seed torch's own generator of one device.

    `torch.manual_seed` seeds every kind of device, and notes a stack trace for each that was not used yet.
    """
    if device.type == "cuda":
        torch.cuda.manual_seed(number)
    elif device.type == "mps":
        torch.mps.manual_seed(number)
    else:
        torch.default_generator.manual_seed(number)


@dataclass(frozen=True)
class Share:
    """Which rows of each batch this process is dealt, where several share it; by itself all of them.

    Args:
        parts: equal pieces in which the player takes its batch, see `Player.accumulate`: each of them is cut, so that
            all processes have their part of the same piece at the same time.
    """

    rank: int = 0
    ranks: int = 1
    parts: int = 1

    @classmethod
    def here(cls, *, parts: int = 1) -> "Share":
        """That of this process."""
        world = ranks.world()
        return cls(rank=world.rank, ranks=world.ranks, parts=parts)

    def cut(self, rows: Rows) -> Rows:
        """This process's rows of [N, ...].

        Raises:
            UsageError: they can't be dealt out evenly.
        """
        if self.ranks == 1:
            return rows
        pieces = self.parts * self.ranks
        if len(rows) % pieces:
            raise UsageError(
                f"{self.ranks} processes can't share {len(rows)} examples of a batch evenly"
                f"{f' in {self.parts} parts' if self.parts > 1 else ''}: give a --batch that {pieces} divides."
            )
        own: Rows = rows.reshape((self.parts, self.ranks, len(rows) // pieces, *rows.shape[1:]))[:, self.rank]
        return own.reshape((len(rows) // self.ranks, *rows.shape[1:]))

    def whole(self, rows: Tensor) -> Tensor:
        """The rows of all processes, in the order in which `cut` was given them; each process has to ask."""
        if self.ranks == 1:
            return rows
        dealt = ranks.gathered(rows).reshape(self.ranks, self.parts, len(rows) // self.parts, *rows.shape[1:])
        return dealt.transpose(0, 1).flatten(0, 2)


WHOLE = Share()


class Source(Protocol):
    """Part of a batch: named tensors by counter."""

    def __call__(self, counter: int) -> Batch:
        """The tensors of update number `counter`."""
        ...


class Dealer:
    """Joins the sources of each player into its batches; a source that several players share is its own stream.

    Args:
        sources: for each player the sources of its batches; later ones win where names collide.
    """

    def __init__(self, sources: Mapping[str, Sequence[Source]]) -> None:
        self._sources = {player: tuple(parts) for player, parts in sources.items()}

    def __call__(self, player: str, counter: int) -> Batch:
        """The batch of the player's update number `counter`."""
        batch: dict[str, Tensor] = {}
        for source in self._sources[player]:
            batch |= source(counter)
        return batch


class Order:
    """Shuffled epochs without end: batch number c holds positions c B to c B + B - 1 of all epochs laid end to end.

    Every example comes exactly once an epoch; the shuffle of epoch e is a pure function of (seed, stream, e).
    """

    def __init__(self, length: int, *, batch: int, seed: int, stream: str) -> None:
        self.length = length
        self.batch = batch
        self._key = (seed, stream)
        self._epochs: dict[int, npt.NDArray[np.int64]] = {}

    def __call__(self, counter: int) -> npt.NDArray[np.int64]:
        """Indices of batch number `counter`, int64 [B]."""
        position, end = counter * self.batch, (counter + 1) * self.batch
        pieces = []
        while position < end:
            epoch, start = divmod(position, self.length)
            piece = self._permutation(epoch)[start : start + end - position]
            pieces.append(piece)
            position += len(piece)
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def _permutation(self, epoch: int) -> npt.NDArray[np.int64]:
        if epoch not in self._epochs:
            shuffle = torch.randperm(self.length, generator=generator(*self._key, "epoch", epoch))
            self._epochs = {e: p for e, p in self._epochs.items() if e == epoch - 1} | {epoch: shuffle.numpy()}
        return self._epochs[epoch]


class Pictures:
    """Pictures `x` in [-1, 1] [B, C, H, W], channels last, or rows `x` [B, F], and labels `y` [B] of a part.

    The part lies on the device as bytes where it fits into `resident_share` of the free memory; elsewhere each batch is
    copied from the memory map through pinned memory.

    Args:
        x: uint8 [N, H, W, C], or rows float32 [N, F].
        y: labels int64 [N], -1 where unknown, or None.
        source: what each picture is to be made from, uint8 [N, H, W, C'], dealt as `source`; None: no pairs.
        rows: deal these alone, int64 [M]; the order is then one of M.
        share: what of each batch is dealt here.
    """

    def __init__(
        self,
        x: Stored,
        y: npt.NDArray[np.int64] | None,
        *,
        order: Order,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        resident_share: float = 0.4,
        rows: npt.NDArray[np.int64] | None = None,
        source: npt.NDArray[np.uint8] | None = None,
        share: Share = WHOLE,
    ) -> None:
        self._share = share
        self._stored = {"x": x} if source is None else {"x": x, "source": source}
        self._rows = rows
        self._order = order
        self._device = device
        self._dtype = dtype
        self._y = None if y is None else torch.from_numpy(np.array(y, dtype=np.int64)).to(device)
        self._resident = self._load_resident(resident_share)
        self._pages = Pages()

    def __call__(self, counter: int) -> Batch:
        """Pictures, their sources, labels and their `index` [B] in the part."""
        chosen = self._share.cut(self._order(counter))
        if self._rows is not None:
            chosen = self._rows[chosen]
        index_B = to_device(torch.from_numpy(chosen), self._device)
        batch = {"index": index_B}
        for name, stored in self._stored.items():
            if self._resident is None:
                read_BHWC = stored[chosen]
                self._pages.note(stored, read_BHWC.nbytes)
                bytes_BHWC = to_device(torch.from_numpy(read_BHWC), self._device)
            else:
                bytes_BHWC = self._resident[name].index_select(0, index_B)
            batch[name] = to_unit(bytes_BHWC, self._dtype)
        if self._y is not None:
            batch["y"] = self._y.index_select(0, index_B)
        return batch

    def _load_resident(self, share: float) -> dict[str, Tensor] | None:
        size = sum(stored.nbytes for stored in self._stored.values())
        if self._device.type != "cuda" or size > share * torch.cuda.mem_get_info(self._device)[0]:
            return None
        return {name: torch.from_numpy(np.array(stored)).to(self._device) for name, stored in self._stored.items()}


class Noise:
    """Noise `z` [B, Z], standard normal or uniform in [-1, 1]."""

    def __init__(
        self,
        size: int,
        *,
        batch: int,
        seed: int,
        stream: str,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        kind: NoiseKind = "normal",
        share: Share = WHOLE,
    ) -> None:
        self._share = share
        self._shape = (batch, size)
        self._key = (seed, stream)
        self._device = device
        self._dtype = dtype
        self._kind: NoiseKind = kind

    def __call__(self, counter: int) -> Batch:
        """The noise of update number `counter`."""
        # Always drawn in fp32: fp64 is to check fp32, so it must see the same numbers.
        z_BZ = self._share.cut(drawn_noise(self._shape, self._kind, generator(*self._key, counter)))
        return {"z": to_device(z_BZ.to(self._dtype), self._device)}


def drawn_noise(shape: Sequence[int], kind: NoiseKind, draw: torch.Generator) -> Tensor:
    """Noise of a shape, fp32, on the CPU."""
    if kind == "uniform":
        return torch.rand(tuple(shape), generator=draw) * 2 - 1
    return torch.randn(tuple(shape), generator=draw)


class Renamed:
    """Another source under other names: `x` becomes `x_held` with the suffix `_held`.

    Args:
        names: which of its tensors are dealt.
    """

    def __init__(self, source: Source, suffix: str, *, names: Sequence[str] = ("x", "y")) -> None:
        self._source = source
        self._suffix = suffix
        self._names = frozenset(names)

    def __call__(self, counter: int) -> Batch:
        """The tensors of update number `counter`."""
        return {f"{name}{self._suffix}": v for name, v in self._source(counter).items() if name in self._names}


class Labels:
    """Labels `label` int64 [B] drawn with the shares of the classes in the training part."""

    def __init__(
        self,
        shares: npt.NDArray[np.float64],
        *,
        batch: int,
        seed: int,
        stream: str,
        device: torch.device,
        share: Share = WHOLE,
    ) -> None:
        self._share = share
        self._shares = torch.from_numpy(np.asarray(shares, dtype=np.float64))
        self._batch = batch
        self._key = (seed, stream)
        self._device = device

    def __call__(self, counter: int) -> Batch:
        """The labels of update number `counter`."""
        draw = generator(*self._key, counter)
        label_B = torch.multinomial(self._shares, self._batch, replacement=True, generator=draw)
        return {"label": to_device(self._share.cut(label_B), self._device)}


def to_unit(stored: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """uint8 [B, H, W, C] to [-1, 1] [B, C, H, W], or [B, D, H, W, C] to [B, C, D, H, W]; the view keeps the bytes'
    order, which is channels last. Rows float32 [B, F] stay as they are."""
    if stored.is_floating_point():
        return stored.to(dtype)
    return stored.movedim(-1, 1).to(dtype).div_(127.5).sub_(1)


def to_stored(x: Tensor) -> Stored:
    """What `to_unit` took, on the host: pictures as bytes, rows [B, F] as float32."""
    if x.ndim == 2:
        rows: npt.NDArray[np.float32] = x.detach().float().cpu().numpy()
        return rows
    return to_bytes(x)


def to_condition(values: npt.NDArray[Any], device: torch.device, dtype: torch.dtype = torch.float32) -> Tensor:
    """What a generator is given beside noise: labels int64 [B] as they are, sources uint8 [B, H, W, C] as pictures."""
    tensor = to_device(torch.from_numpy(np.array(values)), device)
    return to_unit(tensor, dtype) if values.dtype == np.uint8 else tensor


def to_bytes(x_BCHW: Tensor) -> npt.NDArray[np.uint8]:
    """[-1, 1] [B, C, H, W] to uint8 [B, H, W, C] on the host; what lies outside is clipped."""
    scaled = x_BCHW.detach().float().add(1).mul_(127.5).round_().clamp_(0, 255)
    return np.ascontiguousarray(scaled.to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy())


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """Copy to the device; to CUDA through pinned memory and without waiting."""
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)

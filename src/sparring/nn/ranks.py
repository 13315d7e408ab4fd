"""The processes that train one game together, and what quantities of a whole batch need of the others' parts.

Each process, a rank, holds an equal part of every batch. What is of single examples needs nobody else: the engine
averages gradients over the ranks. What is of the whole batch (its mean, its statistics, how alike its examples are) is
made with the functions here. Gradients pass through them, also twice; a rank's gradient is that of the sum of all
ranks' losses, which the engine's average turns into that of their mean. In a single process each of them gives back
what it was given.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from sparring.errors import LostProcessError


class World:
    """The ranks, and which of them this process is.

    Attributes:
        draws: random numbers that all ranks draw alike, each to keep its own rows of them, see `seed`.
        control: torch's group for what is of the host; None where there is nobody else.
    """

    def __init__(self, rank: int = 0, ranks: int = 1, control: Any = None) -> None:
        self.rank = rank
        self.ranks = ranks
        self.control = control
        self.draws: torch.Generator | None = None

    def seed(self, number: int, device: torch.device) -> None:
        """Begin the numbers that all ranks draw alike."""
        if self.draws is None or self.draws.device.type != device.type:
            self.draws = torch.Generator(device)
        self.draws.manual_seed(number)


ALONE = World()
_world: ContextVar[World] = ContextVar("world", default=ALONE)
_stack: ContextVar[Sequence[int] | None] = ContextVar("stack", default=None)


def world() -> World:
    """The ranks that this process plays with; one alone where it plays by itself."""
    return _world.get()


def processes() -> int:
    """How many there are, also where this one looks at nothing but what it holds."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


@contextmanager
def within(others: World) -> Iterator[None]:
    """Within it this process plays with `others`."""
    before = _world.set(others)
    try:
        yield
    finally:
        _world.reset(before)


@contextmanager
def apart() -> Iterator[None]:
    """Within it this process looks at nothing but what it holds: it judges and draws while the others wait."""
    with within(ALONE):
        yield


# -- of tensors --------------------------------------------------------------------------------------------------------


def mean(value: Tensor) -> Tensor:
    """The mean of the ranks' values, of any shape."""
    ranks = world().ranks
    if ranks == 1:
        return value
    averaged: Tensor = _Sum.apply(value / ranks)  # type: ignore[no-untyped-call]
    return averaged


def gathered(value_B: Tensor) -> Tensor:
    """The rows of all ranks, those of rank 0 first: [B, ...] to [ranks * B, ...]."""
    here = world()
    if here.ranks == 1:
        return value_B
    rows: Tensor = _Gather.apply(value_B, here.rank, here.ranks)  # type: ignore[no-untyped-call]
    return rows


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return summed(value.clone(memory_format=torch.contiguous_format))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total: Tensor = _Sum.apply(gradients[0])  # type: ignore[no-untyped-call]
        return total


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value_B: Tensor, rank: int, ranks: int) -> Tensor:
        ctx.rows = slice(rank * len(value_B), (rank + 1) * len(value_B))
        value_B = value_B.contiguous()
        pieces = [torch.empty_like(value_B) for _ in range(ranks)]
        with answered():
            dist.all_gather(pieces, value_B)
        return torch.cat(pieces)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        total: Tensor = _Sum.apply(gradients[0])  # type: ignore[no-untyped-call]
        return total[ctx.rows], None, None


def summed(value: Tensor) -> Tensor:
    """`value`, contiguous, with the sum over the ranks in its place."""
    with answered():
        dist.all_reduce(value)
    return value


@contextmanager
def answered() -> Iterator[None]:
    """Within it the other ranks are waited for.

    Raises:
        LostProcessError: one of them is gone, or did not answer in time.
    """
    try:
        yield
    except RuntimeError as error:
        raise _lost(error) from error


@contextmanager
def exchanging() -> Iterator[None]:
    """As `answered`, around what computes as well, and exchanges where no one sees it.

    Raises:
        LostProcessError: an exchange failed; what else fails is left as it is.
    """
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, dist.DistError) or "gloo" in str(error):
            raise _lost(error) from error
        raise


def _lost(error: RuntimeError) -> LostProcessError:
    # Without the place in gloo's source before, and its advice behind.
    said = re.sub(r"^\[[^]]*\.cc:\d+\] ", "", str(error).splitlines()[0]).split(". ")[0]
    return LostProcessError(
        f"process {dist.get_rank()} of {dist.get_world_size()}: another one is gone or does not answer any more "
        f"({said})."
    )


# -- random numbers ----------------------------------------------------------------------------------------------------


@contextmanager
def stacked(sizes: Sequence[int]) -> Iterator[None]:
    """Within it rows are of several batches on top of each other, so many of each: reals, then fakes."""
    before = _stack.set(sizes)
    try:
        yield
    finally:
        _stack.reset(before)


def rand(*shape: int, device: torch.device, dtype: torch.dtype | None = None) -> Tensor:
    """U(0, 1) of the shape [B, ...], a row for each example of this rank's part."""
    return _own(lambda whole, draws: torch.rand(whole, generator=draws, device=device, dtype=dtype), shape)


def randn(*shape: int, device: torch.device, dtype: torch.dtype | None = None) -> Tensor:
    """N(0, 1), see `rand`."""
    return _own(lambda whole, draws: torch.randn(whole, generator=draws, device=device, dtype=dtype), shape)


def randn_like(x_B: Tensor) -> Tensor:
    """N(0, 1) for each value of [B, ...], laid out in memory as these are."""
    if world().ranks == 1:
        return torch.randn_like(x_B)
    last = x_B.ndim == 4 and x_B.is_contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if last else torch.contiguous_format

    def drawn(whole: tuple[int, ...], draws: torch.Generator | None) -> Tensor:
        return torch.empty(whole, device=x_B.device, dtype=x_B.dtype, memory_format=layout).normal_(generator=draws)

    return _own(drawn, tuple(x_B.shape))


def randint(low: int, high: int, *shape: int, device: torch.device) -> Tensor:
    """Whole numbers from `low` to `high` - 1, int64, see `rand`."""
    return _own(lambda whole, draws: torch.randint(low, high, whole, generator=draws, device=device), shape)


def _own(draw: Callable[[tuple[int, ...], torch.Generator | None], Tensor], shape: tuple[int, ...]) -> Tensor:
    """Drawn for the examples of all ranks, as a single process would draw them, and cut."""
    here = world()
    if here.ranks == 1:
        return draw(shape, None)
    assert here.draws is not None, "each round seeds them"
    drawn = draw((here.ranks * shape[0], *shape[1:]), here.draws)
    sizes = _stack.get() or (shape[0],)
    assert sum(sizes) == shape[0], "a stack has a row for each example"
    rows, first = [], 0
    for size in sizes:
        rows.append(drawn[first + here.rank * size : first + (here.rank + 1) * size])
        first += here.ranks * size
    return torch.cat(rows)

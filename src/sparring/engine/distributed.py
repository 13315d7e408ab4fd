"""Several processes that train one game: who they are, what they agree on, and how they end together.

`torchrun` starts them and says through the environment which is which. Each is dealt its part of every batch, see
`deal.Share`. Gradients are averaged here, in one piece for each step, and not by a wrapper around the modules, which
would have to be told of two players that take turns. What is of the host (a signal, a failure, a path) goes through a
group of its own, which computes on the CPU and waits as long as judging may take.
"""

import atexit
import functools
import gc
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from sparring.engine.sharding import is_sharded
from sparring.errors import LostProcessError, OtherProcessError, SparringError, UsageError
from sparring.nn import ranks
from sparring.nn.ranks import World, answered

Answer = TypeVar("Answer")
Told = tuple[str, int] | None
"""How something failed in another process: its message and exit code."""

STEP = timedelta(minutes=10)
"""How long the others may take for a step: by then whoever is silent is taken for lost."""
LOOK = timedelta(hours=12)
"""How long one of them may read, judge or draw while the others wait; they notice at once when it is killed."""


def asked() -> tuple[int, int] | None:
    """Which of how many processes this one is, where `torchrun` started it; None where it was started by itself.

    Raises:
        UsageError: the environment makes no sense.
    """
    if "RANK" not in os.environ or os.environ.get("WORLD_SIZE", "1") == "1":
        return None
    told = {name: os.environ[name] for name in ("RANK", "WORLD_SIZE")}
    try:
        return int(told["RANK"]), int(told["WORLD_SIZE"])
    except ValueError:
        raise UsageError(f"{told}: no numbers. Start with torchrun, or unset both to train in one process.") from None


@contextmanager
def joined(rank: int, count: int) -> Iterator[World]:
    """Within it this process plays with the others, on a GPU of its own where there is one.

    Raises:
        UsageError: this torch knows no other processes.
        LostProcessError: not all of them came.
    """
    others = _met(rank, count)
    with ranks.within(others):
        try:
            yield others
        except LostProcessError:
            # Nobody is left to take leave of.
            atexit.unregister(_take_leave)
            raise


@functools.cache
def _met(rank: int, count: int) -> World:
    """The others, met once for as long as this process lives: who comes early to a second meeting finds the first."""
    if not dist.is_available():
        raise UsageError(f"torch {torch.__version__} was built without torch.distributed: train in one process.")
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    local = int(os.environ.get("LOCAL_RANK", rank))
    if local < gpus:
        torch.cuda.set_device(local)
    try:
        if not dist.is_initialized():
            dist.init_process_group("cpu:gloo,cuda:nccl" if gpus else "gloo", timeout=STEP)
            atexit.register(_take_leave)
        control = dist.new_group(backend="gloo", timeout=LOOK)
    except RuntimeError as error:
        said = str(error).splitlines()[0]
        raise LostProcessError(f"process {rank} of {count}: the others can't be reached ({said}).") from error
    return World(rank, count, control)


def _take_leave() -> None:
    """Leave the groups, and wait for their threads: one that wakes after the interpreter's end aborts the process."""
    _met.cache_clear()
    dist.destroy_process_group()
    gc.collect()


# -- of tensors --------------------------------------------------------------------------------------------------------


@torch.no_grad()
def average(tensors: Sequence[Tensor]) -> None:
    """Put the mean over the ranks into each of the tensors, which are of one type, with one exchange for all."""
    count = ranks.world().ranks
    if count == 1 or not tensors:
        return
    flat = ranks.summed(torch.cat([tensor.flatten() for tensor in tensors])).div_(count)
    means = torch.split(flat, [tensor.numel() for tensor in tensors])
    for tensor, mean in zip(tensors, means, strict=True):
        tensor.copy_(mean.view(tensor.shape))


@torch.no_grad()
def same_as_first(tensors: Mapping[str, Mapping[str, Tensor]]) -> None:
    """Put what rank 0 has into each of the tensors that are not sharded: processors of different kinds may initialise
    differently."""
    if ranks.world().ranks == 1:
        return
    # In an order of their own: what was read from a file comes in any.
    for _, named in sorted(tensors.items()):
        for _, tensor in sorted(named.items()):
            if is_sharded(tensor):
                continue
            sent = tensor.contiguous()
            with answered():
                dist.broadcast(sent, 0)
            tensor.copy_(sent)


# -- of the host -------------------------------------------------------------------------------------------------------


def greatest(value: float) -> float:
    """The greatest of the ranks' values, so that all decide alike."""
    here = ranks.world()
    if here.ranks == 1:
        return value
    held = torch.tensor([value], dtype=torch.float64)
    with answered():
        dist.all_reduce(held, dist.ReduceOp.MAX, group=here.control)
    return held.item()


def agreed(do: Callable[[], Answer]) -> Answer:
    """What `do` gives here, once it went well in all ranks.

    Raises:
        SparringError: what it raised here, or else in another rank.
    """
    here = ranks.world()
    if here.ranks == 1:
        return do()
    answer: list[Answer] = []
    own: SparringError | None = None
    try:
        answer.append(do())
    except SparringError as error:
        own = error
    told: list[Told] = [None] * here.ranks
    with answered():
        dist.all_gather_object(told, own and (str(own), own.exit_code), group=here.control)
    if own is not None:
        raise own
    for rank, failure in enumerate(told):
        if failure is not None:
            raise OtherProcessError(f"process {rank} of {here.ranks}: {failure[0]}", exit_code=failure[1])
    return answer[0]


def first_then_others(do: Callable[[], Answer]) -> Answer:
    """What `do` gives here; rank 0 does it before the others, who then find in the cache what it left there.

    Raises:
        as `agreed`.
    """
    if ranks.world().ranks == 1:
        return do()
    leads = ranks.world().rank == 0
    early = agreed(lambda: [do()] if leads else [])
    return agreed(lambda: early[0] if leads else do())


def by_first(do: Callable[[], Answer]) -> Answer:
    """What `do` gives in rank 0, which does it apart while the others wait for its answer.

    Raises:
        SparringError: what it raised there.
    """
    here = ranks.world()
    if here.ranks == 1:
        return do()
    if here.rank:
        answer, failure = _heard(here)
        if failure is not None:
            raise OtherProcessError(failure[0], exit_code=failure[1])
        return answer  # type: ignore[no-any-return]
    try:
        with ranks.apart():
            found = do()
    except SparringError as error:
        _heard(here, None, (str(error), error.exit_code))
        raise
    _heard(here, found, None)
    return found


def _heard(here: World, answer: Any = None, failure: Told = None) -> tuple[Any, Told]:
    said = [answer, failure]
    with answered():
        dist.broadcast_object_list(said, 0, group=here.control)
    return said[0], said[1]


class SharedStop:
    """Whether to stop, asked before each round: all ranks get a yes before the same round, if any of them wants to.

    The exchange of one round is read before the next, so that nobody waits for it: a stop comes one round later.

    Args:
        wanted: whether this rank wants to.
    """

    def __init__(self, wanted: Callable[[], bool]) -> None:
        self._wanted = wanted
        self._flag = torch.zeros(1)
        self._exchange: Any = None

    def __call__(self) -> bool:
        """Yes or no."""
        here = ranks.world()
        if here.ranks == 1:
            return self._wanted()
        with answered():
            if self._exchange is not None:
                self._exchange.wait()
            if self._flag.item():
                return True
            self._flag.fill_(self._wanted())
            self._exchange = dist.all_reduce(self._flag, dist.ReduceOp.MAX, group=here.control, async_op=True)
        return False

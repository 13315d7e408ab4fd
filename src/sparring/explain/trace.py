"""One forward pass, module by module: what each was called for, what it made, which parameters it used.

What counts is what happens, not what a class is called: parameters belong to the module that is running when they are
first used, multiply-adds to the module that is running when they are done. So a layer that nobody here knows is
measured as well, and heads that a pass does not use are not counted in it.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.nn.utils.parametrize import is_parametrized
from torch.utils._python_dispatch import TorchDispatchMode

from sparring.explain.receptive import Fields, Whole, tensors


@dataclass(eq=False)
class Call:
    """One call of a module.

    Args:
        name: dotted, from the root, whose own is "".
        given, output: the first tensor that it took, and that it made. A layer behind that works in place changes it.
        parameters: those that it is the first to use itself, by their names within it; not those of modules inside.
        multiply_adds: those that it does itself, for a batch of one.
        sees: what a place of the output sees; None: perhaps all of the input.
        inside: whether other modules ran inside.
    """

    name: str
    module: nn.Module
    given: Tensor
    output: Tensor = field(init=False)
    parameters: dict[str, Tensor] = field(default_factory=dict)
    multiply_adds: int = 0
    sees: Whole = None
    inside: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the output of one example."""
        return tuple(self.output.shape[1:])


def trace(module: nn.Module, *given: Tensor | None) -> tuple[Call, ...]:
    """Every call of a module inside `module` and the last of itself, in the order in which they ended.

    Args:
        module: in evaluation mode; on the meta device nothing is computed.
        given: its arguments, batches of one; receptive fields are counted from those that have sides.
    """
    watch = _Watch(module, [tensor for tensor in given if tensor is not None])
    with torch.no_grad(), _hooked(module, watch), watch:
        module(*given)
    return tuple(watch.ended)


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees each operation on tensors and knows which module is running."""

    def __init__(self, module: nn.Module, given: Sequence[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.ended: list[Call] = []
        self._running: list[Call] = []
        self._fields = Fields(given)
        self._unused = {id(parameter): name for name, parameter in module.named_parameters()}

    def __torch_dispatch__(
        self, func: OpOverload, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        running = self._running[-1]
        for tensor in tensors(args):
            if id(tensor) in self._unused:
                name = self._unused.pop(id(tensor))
                running.parameters[name.removeprefix(f"{running.name}.")] = tensor
        count = _COUNTS.get(func.overloadpacket.__name__)
        running.multiply_adds += count(args, made) if count is not None else 0
        self._fields.follow(func, args, made)
        return made

    def enter(self, name: str, module: nn.Module, given: Any) -> None:
        """Before a module runs."""
        if self._running:
            self._running[-1].inside = True
        self._running.append(Call(name, module, next(tensors(given))))

    def leave(self, module: nn.Module, given: Any, made: Any) -> None:
        """After it ran."""
        call = self._running.pop()
        call.output = next(tensors([made]))
        call.sees = self._fields.of(call.output)
        self.ended.append(call)


@contextmanager
def _hooked(module: nn.Module, watch: _Watch) -> Iterator[None]:
    hooks = []
    for name, part in _parts(module):
        hooks.append(part.register_forward_pre_hook(partial(watch.enter, name)))
        hooks.append(part.register_forward_hook(watch.leave))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _parts(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The module and those inside, without what makes the weight of a layer: that is the layer's own work."""
    within: set[nn.Module] = set()
    for part in module.modules():
        if is_parametrized(part):
            assert isinstance(part.parametrizations, nn.Module)
            within.update(part.parametrizations.modules())
    yield from ((name, part) for name, part in module.named_modules() if part not in within)


def _convolution(given: Sequence[Any], made: Tensor) -> int:
    x, weight, _, _, _, _, transposed, *_ = given
    places = x.numel() if transposed else made.numel()
    return int(places * math.prod(weight.shape[1:]))


def _product(given: Sequence[Any], made: Tensor) -> int:
    return made.numel() * int(given[-2].shape[-1])


_COUNTS: Mapping[str, Callable[[Sequence[Any], Any], int]] = {
    "convolution": _convolution,
    "mm": _product,
    "bmm": _product,
    "addmm": _product,
    "baddbmm": _product,
}

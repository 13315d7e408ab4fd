"""A network as a table: a row for each layer, with its window, its parameters and how they come about, and its work."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.pooling import _AvgPoolNd, _MaxPoolNd

from sparring.explain.trace import Call, trace

_CONTAINERS = (nn.Sequential, nn.ModuleList)
HEADS = ("layer", "kind", "output", "kernel", "stride", "padding", "sees", "multiply-adds", "parameters")


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A row.

    Args:
        name: dotted, as in the state dict.
        kind: the class.
        output: shape of what comes out for one example, channels first.
        kernel, stride, padding, dilation, groups: of convolutions and pools, one number a side; else None.
        parameters: that it is the first to use.
        formula: how many they are and why.
        multiply_adds: for one example, of convolutions and products of matrices; all else is small beside them.
        receptive_field: places of the input that one of the output sees, end to end; None: perhaps all.
    """

    name: str
    kind: str
    output: tuple[int, ...]
    kernel: tuple[int, ...] | None = None
    stride: tuple[int, ...] | None = None
    padding: tuple[int, ...] | str | None = None
    dilation: tuple[int, ...] | None = None
    groups: int | None = None
    parameters: int = 0
    formula: str = ""
    multiply_adds: int = 0
    receptive_field: tuple[int, ...] | None = None

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as text, see `HEADS`."""
        return (
            self.name or "(itself)",
            self.kind,
            by(self.output),
            self._kernel,
            side(self.stride),
            self.padding if isinstance(self.padding, str) else side(self.padding),
            "whole" if self.receptive_field is None else side(self.receptive_field),
            f"{self.multiply_adds:,}" if self.multiply_adds else "",
            self.formula,
        )

    @property
    def _kernel(self) -> str:
        more = f", dilation {side(self.dilation)}" if self.dilation and set(self.dilation) != {1} else ""
        more += f", {self.groups} groups" if self.groups and self.groups > 1 else ""
        return "" if self.kernel is None else by(self.kernel) + more


@dataclass(frozen=True, kw_only=True)
class Table:
    """A network.

    Args:
        name: what it is called.
        kind: classifier, generator or discriminator.
        input: shape of one example.
        blocks: the same, with a row for each part that is a class of its own: few enough to be drawn.
        unused: parameters that this pass did not use, by the part of the network that they are of.
    """

    name: str
    kind: str
    input: tuple[int, ...]
    layers: tuple[Layer, ...]
    blocks: tuple[Layer, ...]
    unused: dict[str, int]

    @property
    def parameters(self) -> int:
        """All that the pass used."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        """For one example."""
        return sum(layer.multiply_adds for layer in self.layers)

    def to_json(self) -> dict[str, Any]:
        """For scripts: everything as numbers."""
        return {
            "name": self.name,
            "kind": self.kind,
            "input": self.input,
            "layers": [dataclasses.asdict(layer) for layer in self.layers],
            "parameters": self.parameters,
            "multiply_adds": self.multiply_adds,
            "unused": self.unused,
        }


def tabulate(name: str, kind: str, module: nn.Module, *given: Tensor | None) -> Table:
    """The table of a network, by one pass in evaluation mode.

    Args:
        module: on the meta device nothing is computed and no memory is taken.
        given: what it takes, each a batch of one; the last that is no label is what it is said to take.
    """
    calls = trace(module.eval(), *given)
    taken = [tensor for tensor in given if tensor is not None and tensor.ndim > 1 and tensor.numel()]
    return table_of(name, kind, module, tuple(taken[-1].shape[1:]), calls)


def table_of(name: str, kind: str, module: nn.Module, taken: tuple[int, ...], calls: Sequence[Call]) -> Table:
    """The table of a pass that was traced, see `Table`."""
    return Table(
        name=name,
        kind=kind,
        input=taken,
        layers=tuple(layer_of(call) for call in calls if _is_layer(call)),
        blocks=tuple(_blocks(module, calls)),
        unused=_unused(module, calls),
    )


def layer_of(call: Call) -> Layer:
    """The row of one call."""
    return Layer(
        name=call.name,
        kind=type(call.module).__name__.removeprefix("Parametrized"),
        output=call.shape,
        **_window(call.module, len(call.shape) - 1),
        parameters=sum(tensor.numel() for tensor in call.parameters.values()),
        formula=_formula(call),
        multiply_adds=call.multiply_adds,
        receptive_field=None if call.sees is None else call.sees.size,
    )


def block_calls(module: nn.Module, calls: Sequence[Call]) -> Iterator[Call]:
    """The calls of what is neither the network, nor a plain list of layers, nor within another such part."""
    containers = {name for name, part in module.named_modules() if not name or type(part) in _CONTAINERS}
    for call in calls:
        around = accumulate(call.name.split(".")[:-1], "{}.{}".format)
        if call.name not in containers and all(name in containers for name in around):
            yield call


def _blocks(module: nn.Module, calls: Sequence[Call]) -> Iterator[Layer]:
    whole = set(block_calls(module, calls))
    parameters = multiply_adds = 0
    for call in calls:
        # What is inside a part ends before it.
        parameters += sum(tensor.numel() for tensor in call.parameters.values())
        multiply_adds += call.multiply_adds
        if call in whole:
            yield dataclasses.replace(layer_of(call), parameters=parameters, multiply_adds=multiply_adds)
            parameters = multiply_adds = 0


def by(sides: Iterable[int]) -> str:
    """As shapes are written.

    >>> by((96, 55, 55))
    '96x55x55'
    """
    return "x".join(map(str, sides))


def side(sides: Sequence[int] | None) -> str:
    """One number where all sides are alike.

    >>> side((3, 3)), side((1, 7)), side(None)
    ('3', '1x7', '')
    """
    if sides is None:
        return ""
    return str(sides[0]) if len(set(sides)) == 1 else by(sides)


def _is_layer(call: Call) -> bool:
    """What holds other modules is a row only if it does something itself."""
    if isinstance(call.module, nn.Identity):
        return False
    return not call.inside or bool(call.parameters) or call.multiply_adds > 0


def _window(module: nn.Module, sides: int) -> dict[str, Any]:
    if isinstance(module, _ConvNd):
        padding = module.padding if isinstance(module.padding, str) else tuple(map(int, module.padding))
        return {
            "kernel": tuple(module.kernel_size),
            "stride": tuple(module.stride),
            "padding": padding,
            "dilation": tuple(module.dilation),
            "groups": module.groups,
        }
    if isinstance(module, _MaxPoolNd | _AvgPoolNd):
        names = ("kernel_size", "stride", "padding")
        values = (_each(getattr(module, name), sides) for name in names)
        return dict(zip(("kernel", "stride", "padding"), values, strict=True))
    return {}


def _each(value: Any, sides: int) -> tuple[int, ...]:
    return (value,) * sides if isinstance(value, int) else tuple(value)


def _formula(call: Call) -> str:
    weights_first = sorted(call.parameters.values(), key=lambda tensor: -tensor.ndim)
    terms = Counter(_term(call.module, tensor) for tensor in weights_first)
    total = sum(tensor.numel() for tensor in call.parameters.values())
    text = " + ".join(term if count == 1 else f"{count} x {term}" for term, count in terms.items())
    if not total or text == f"{total:,}":
        return text
    return f"{text} = {total:,}"


def _term(module: nn.Module, tensor: Tensor) -> str:
    """(kernel x channels in) x channels out; rows x columns of whatever is no kernel."""
    shape = tuple(tensor.shape)
    if isinstance(module, _ConvNd) and len(shape) > 2:
        kernel = " x ".join(map(str, module.kernel_size))
        return f"({kernel} x {module.in_channels // module.groups}) x {module.out_channels}"
    if isinstance(module, nn.Linear):
        shape = shape[::-1]
    return " x ".join(f"{count:,}" for count in shape)


def _unused(module: nn.Module, calls: Sequence[Call]) -> dict[str, int]:
    used = {id(tensor) for call in calls for tensor in call.parameters.values()}
    left: Counter[str] = Counter()
    for name, parameter in module.named_parameters():
        if id(parameter) not in used:
            left[name.split(".")[0]] += parameter.numel()
    return dict(left)

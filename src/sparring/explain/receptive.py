"""How much of the input one place of a map can see, followed through every operation of a forward pass.

A convolution or a pool with kernel k and dilation d adds (k - 1) d steps to the receptive field, where a step is the
distance in the input between neighbours of its own input, and its stride multiplies the step (Dumoulin and Visin,
"A guide to convolution arithmetic for deep learning", arXiv:1603.07285). Where branches meet the largest field counts.
Statistics of normalisation, which look at the whole map, are not counted.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from torch import Tensor
from torch._ops import OpOverload


@dataclass(frozen=True)
class Field:
    """What a place of a map sees, for each of the map's sides.

    Args:
        size: places of the input from end to end; not cut off at the input's border.
        step: places of the input from one place of the map to the next; below 1 where the map is the larger one.
    """

    size: tuple[int, ...]
    step: tuple[Fraction, ...]

    @classmethod
    def of_input(cls, sides: int) -> "Field":
        """A place of the input sees itself."""
        return cls((1,) * sides, (Fraction(1),) * sides)


Whole = Field | None
"""None: a value that may depend on all of the input."""


class Fields:
    """The fields of all tensors of one pass, counted from those that it was given."""

    def __init__(self, given: Sequence[Tensor]) -> None:
        self._known: dict[int, Whole] = {id(x): Field.of_input(x.ndim - 2) if x.ndim > 2 else None for x in given}
        # An identity is good only as long as its tensor lives.
        self._alive = [*given]

    def of(self, tensor: Tensor) -> Whole:
        """The field of a tensor that came out of the pass."""
        return self._known.get(id(tensor))

    def follow(self, operation: OpOverload, given: Sequence[Any], made: Any) -> None:
        """Note the fields of what an operation made of what it was given."""
        known = [tensor for tensor in tensors(given) if id(tensor) in self._known]
        if not known:
            return
        joined = _joined([self._known[id(tensor)] for tensor in known])
        rule = _RULES.get(operation.overloadpacket.__name__)
        for tensor in tensors([made]):
            field = joined
            if field is not None:
                sides = len(field.size)
                if rule is not None:
                    field = rule(field, given, _sides(known[0], sides), _sides(tensor, sides))
                elif all(_sides(tensor, sides) != _sides(other, sides) for other in known):
                    field = None
            self._known[id(tensor)] = field
            self._alive.append(tensor)


def tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    """The tensors among values, and in lists and tuples of values."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from tensors(value)


def _joined(fields: Sequence[Whole]) -> Whole:
    some = [field for field in fields if field is not None]
    if len(some) < len(fields) or len({len(field.size) for field in some}) > 1:
        return None
    sizes, steps = zip(*(field.size for field in some), strict=True), zip(*(field.step for field in some), strict=True)
    return Field(tuple(map(max, sizes)), tuple(map(max, steps)))


def _sides(tensor: Tensor, count: int) -> tuple[int, ...]:
    return tuple(tensor.shape[-count:])


def _widened(field: Field, more: Sequence[int], stride: Sequence[Fraction | int]) -> Field:
    """The field after a window that reaches `more` places further than one, and moves by `stride`."""
    size = (math.ceil(size + step * far) for size, step, far in zip(field.size, field.step, more, strict=True))
    return Field(tuple(size), tuple(step * by for step, by in zip(field.step, stride, strict=True)))


def _convolution(field: Field, given: Sequence[Any], before: tuple[int, ...], after: tuple[int, ...]) -> Field:
    _, weight, _, stride, _, dilation, transposed, *_ = given
    kernel = weight.shape[2:]
    if transposed:
        more = [-(-k // s) - 1 for k, s in zip(kernel, stride, strict=True)]
        return _widened(field, more, [Fraction(1, s) for s in stride])
    return _widened(field, [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)], stride)


def _pool(field: Field, given: Sequence[Any], before: tuple[int, ...], after: tuple[int, ...]) -> Field:
    """Of 1-D pools, too, which come as 2-D ones with a side of 1 in front."""
    sides = len(before)
    kernel = _each(given[1], sides)
    stride = _each(given[2], sides) if len(given) > 2 and given[2] else kernel
    return _widened(field, [k - 1 for k in kernel], stride)


def _adaptive_pool(field: Field, given: Sequence[Any], before: tuple[int, ...], after: tuple[int, ...]) -> Whole:
    if set(after) == {1}:
        return None
    more = [_largest_window(b, a) - 1 for b, a in zip(before, after, strict=True)]
    return _widened(field, more, _ratio(before, after))


def _largest_window(before: int, after: int) -> int:
    """Window i of an adaptive pool reaches from floor(i B / A) to ceil((i + 1) B / A)."""
    return max(-(-(i + 1) * before // after) - i * before // after for i in range(after))


def _slice(field: Field, given: Sequence[Any], before: tuple[int, ...], after: tuple[int, ...]) -> Field:
    tensor, dim, *_ = (*given, 0)
    side = dim % tensor.ndim - (tensor.ndim - len(before))
    step = given[4] if len(given) > 4 else 1
    return _widened(field, [0] * len(before), [step if index == side else 1 for index in range(len(before))])


def _resized(field: Field, given: Sequence[Any], before: tuple[int, ...], after: tuple[int, ...]) -> Field:
    """Copies of neighbours."""
    return _widened(field, [0] * len(before), _ratio(before, after))


def _interpolated(field: Field, given: Sequence[Any], before: tuple[int, ...], after: tuple[int, ...]) -> Field:
    """Means of two neighbours a side."""
    return _widened(field, [1] * len(before), _ratio(before, after))


def _unshuffled(field: Field, given: Sequence[Any], before: tuple[int, ...], after: tuple[int, ...]) -> Field:
    ratio = _ratio(before, after)
    return _widened(field, [int(by) - 1 for by in ratio], ratio)


def _same(field: Field, given: Sequence[Any], before: tuple[int, ...], after: tuple[int, ...]) -> Field:
    return field


def _ratio(before: tuple[int, ...], after: tuple[int, ...]) -> list[Fraction]:
    return [Fraction(b, a) for b, a in zip(before, after, strict=True)]


def _each(value: int | Sequence[int], sides: int) -> list[int]:
    values = [value] if isinstance(value, int) else list(value)
    return values * sides if len(values) == 1 else values[-sides:]


Rule = Callable[[Field, Sequence[Any], tuple[int, ...], tuple[int, ...]], Whole]
_RULES: Mapping[str, Rule] = {
    "convolution": _convolution,
    **dict.fromkeys(("max_pool2d_with_indices", "max_pool3d_with_indices", "avg_pool2d", "avg_pool3d"), _pool),
    **dict.fromkeys(("_adaptive_avg_pool2d", "_adaptive_avg_pool3d"), _adaptive_pool),
    **dict.fromkeys(("adaptive_max_pool2d", "adaptive_max_pool3d"), _adaptive_pool),
    **dict.fromkeys(("upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d", "pixel_shuffle"), _resized),
    **dict.fromkeys(("upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d"), _interpolated),
    **dict.fromkeys(("constant_pad_nd", "reflection_pad2d", "replication_pad2d"), _same),
    "pixel_unshuffle": _unshuffled,
    "slice": _slice,
}

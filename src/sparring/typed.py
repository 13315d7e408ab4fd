"""Values by their annotated types: from what a user typed, and from JSON."""

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal

from sparring.errors import UsageError, did_you_mean


def parse_value(text: str, kind: Any, *, option: str) -> Any:
    """The value that `text` means for a setting annotated `kind`.

    >>> parse_value("0.5,0.9", tuple[float, float], option="--set generator.betas")
    (0.5, 0.9)

    Raises:
        UsageError: names the option, the text, and what was expected.
    """
    parsed = _parse(text.strip(), kind)
    if parsed is _NO_VALUE:
        raise UsageError(f"{option}={text}: expected {describe_type(kind)}.")
    return parsed


def describe_type(kind: Any) -> str:
    """A type in words, as an error message or a table shows it."""
    words = []
    for candidate in _alternatives(kind):
        origin, arguments = typing.get_origin(candidate), typing.get_args(candidate)
        if candidate is type(None):
            words.append("none")
        elif origin is Literal:
            words.append(" or ".join(map(str, arguments)))
        elif origin is tuple:
            words.append(",".join(describe_type(argument) for argument in arguments if argument is not Ellipsis))
        else:
            words.append(_PLAIN_TYPES.get(candidate, str(candidate)))
    return " or ".join(words)


_NO_VALUE = object()
_PLAIN_TYPES: Mapping[Any, str] = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
_TRUTHS: Mapping[str, Any] = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _alternatives(kind: Any) -> tuple[Any, ...]:
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        return typing.get_args(kind)
    return (kind,)


def _parse(text: str, kind: Any) -> Any:
    # None first: "none" is a text as well.
    candidates = sorted(_alternatives(kind), key=lambda candidate: candidate is not type(None))
    return next((value for c in candidates if (value := _parse_plain(text, c)) is not _NO_VALUE), _NO_VALUE)


def _parse_plain(text: str, kind: Any) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is type(None):
        return None if text.lower() == "none" else _NO_VALUE
    if kind is bool:
        return _TRUTHS.get(text.lower(), _NO_VALUE)
    if origin is Literal:
        return next((choice for choice in arguments if str(choice) == text), _NO_VALUE)
    if origin is tuple:
        return _parse_tuple(text, arguments)
    try:
        value = kind(text)
    except (TypeError, ValueError):
        return _NO_VALUE
    return _NO_VALUE if kind is float and not math.isfinite(value) else value


def _parse_tuple(text: str, kinds: tuple[Any, ...]) -> Any:
    pieces = [piece for piece in text.strip("()[] ").split(",") if piece.strip()]
    expected = [kinds[0]] * len(pieces) if kinds[-1] is Ellipsis else list(kinds)
    if len(pieces) != len(expected):
        return _NO_VALUE
    values = tuple(_parse(piece.strip(), kind) for piece, kind in zip(pieces, expected, strict=True))
    return _NO_VALUE if any(value is _NO_VALUE for value in values) else values


def from_json(kind: Any, value: Any, path: str) -> Any:
    """The value of a type that JSON wrote down.

    Raises:
        UsageError: an entry that is unknown, missing or ill-typed, with its path.
    """
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        return _dataclass_from_json(kind, value, path)
    if origin in (types.UnionType, typing.Union):
        return None if value is None else from_json(next(a for a in arguments if a is not type(None)), value, path)
    if origin is tuple and isinstance(value, list | tuple):
        inner = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else list(arguments)
        if len(inner) == len(value):
            return tuple(from_json(k, v, f"{path}[{i}]") for i, (k, v) in enumerate(zip(inner, value, strict=True)))
    if origin is Mapping and isinstance(value, Mapping):
        return {str(k): from_json(arguments[1], v, f"{path}.{k}") for k, v in value.items()}
    if kind is Any and isinstance(value, list):
        return tuple(value)  # a setting holds tuples, which JSON writes as lists
    if kind is Any or (origin is Literal and value in arguments) or is_plain(kind, value):
        return float(value) if kind is float else value
    raise UsageError(f"{path}: expected {describe_type(kind)}, got {value!r}.")


def is_plain(kind: Any, value: Any) -> bool:
    """Whether a value is of a plain type: a whole number counts as a number, true and false as neither."""
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return kind in (str, bool) and isinstance(value, kind)


def _dataclass_from_json(kind: Any, value: Any, path: str) -> Any:
    if not isinstance(value, Mapping):
        raise UsageError(f"{path}: expected an object, got {value!r}.")
    hints = typing.get_type_hints(kind)
    for name in value:
        if name not in hints:
            raise UsageError(f"{path}.{name}: unknown. {did_you_mean(str(name), hints)}")
    required = {f.name for f in dataclasses.fields(kind) if _has_no_default(f)}
    if missing := sorted(required - set(value)):
        raise UsageError(f"{path}: {', '.join(missing)} missing.")
    return kind(**{name: from_json(hints[name], v, f"{path}.{name}") for name, v in value.items()})


def _has_no_default(entry: "dataclasses.Field[Any]") -> bool:
    return entry.default is dataclasses.MISSING and entry.default_factory is dataclasses.MISSING

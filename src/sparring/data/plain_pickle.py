"""Read a pickle of plain values and numpy arrays without ever calling what the file names.

The CIFAR python batches are pickles. Unpickling runs whatever callables a file asks for; a subclass of
`pickle.Unpickler` with a list of allowed names still calls the allowed ones with arguments that the file chose. So
this module does not unpickle: it walks the opcodes that `pickletools` parses, and interprets the few that build plain
values. A request to call something becomes an inert `_Call`; afterwards the known ones (an array, its dtype, bytes) are
built by code of this module from checked values, and any other name is refused. Nothing can run, because nothing here
calls, and work and memory are bounded by the length of the file.
"""

import math
import pickletools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sparring.errors import DataError

_BYTES: Final = ("_codecs encode", "__builtin__ bytes")
_RECONSTRUCT: Final = ("numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct")
_FROM_BUFFER: Final = ("numpy.core.numeric _frombuffer", "numpy._core.numeric _frombuffer")
_KNOWN: Final = frozenset((*_RECONSTRUCT, *_FROM_BUFFER, "numpy ndarray", "numpy dtype", *_BYTES))
_VALUES: Final = frozenset(
    (
        *("NONE", "NEWTRUE", "NEWFALSE"),
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
        *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    )
)
_CONSTANTS: Final = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}


@dataclass(frozen=True)
class _Name:
    """A global that the file names: never looked up, never imported."""

    name: str


@dataclass
class _Call:
    """A call that the file asks for, written down and not made."""

    name: str
    arguments: tuple[Any, ...]
    state: Any = None


def read_plain(data: bytes, where: str) -> dict[str, Any]:
    """The dictionary that a pickle holds: numbers, texts, bytes, lists, and numpy arrays of whole numbers.

    Args:
        data: the whole pickle, of any protocol. Texts of Python 2 are read as Latin-1.
        where: the file's name, for the message.

    Raises:
        DataError: damaged, no dictionary at the top, or it asks for anything else than plain values and arrays.
    """
    try:
        top = _Reader(where).read(data)
        if not isinstance(top, dict):
            raise DataError(f"{where} holds a {type(top).__name__}, where a dictionary is expected.")
        return {_text(key): _resolved(value) for key, value in top.items()}
    except DataError:
        raise
    # What a damaged stream of opcodes does to the interpreter: a stack that is too short, a list where a dictionary
    # should be, a memo that was never written, a number that is no number.
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, MemoryError) as error:
        raise DataError(f"{where} is damaged or no pickle: {error}. Fetch or copy the file again.") from error


class _Reader:
    """A pickle machine of values only: one method or table entry for each opcode that it knows."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.steps: dict[str, Callable[[Any], None]] = {
            "PROTO": _ignore,
            "FRAME": _ignore,
            "STOP": _ignore,
            "MARK": lambda _: self.marks.append(len(self.stack)),
            "EMPTY_LIST": lambda _: self.stack.append([]),
            "EMPTY_DICT": lambda _: self.stack.append({}),
            "EMPTY_TUPLE": lambda _: self.stack.append(()),
            "LIST": lambda _: self.stack.append(self.pop_mark()),
            "TUPLE": lambda _: self.stack.append(tuple(self.pop_mark())),
            "TUPLE1": lambda _: self.tuple_of(1),
            "TUPLE2": lambda _: self.tuple_of(2),
            "TUPLE3": lambda _: self.tuple_of(3),
            "DICT": lambda _: self.stack.append(_pairs(self.pop_mark())),
            "APPEND": lambda _: self.extend([self.stack.pop()]),
            "APPENDS": lambda _: self.extend(self.pop_mark()),
            "SETITEM": lambda _: self.update([self.stack.pop(-2), self.stack.pop()]),
            "SETITEMS": lambda _: self.update(self.pop_mark()),
            "PUT": self.put,
            "BINPUT": self.put,
            "LONG_BINPUT": self.put,
            "MEMOIZE": lambda _: self.put(len(self.memo)),
            "GET": self.get,
            "BINGET": self.get,
            "LONG_BINGET": self.get,
            "GLOBAL": self.name,
            "STACK_GLOBAL": lambda _: self.name(" ".join((self.stack.pop(-2), self.stack.pop()))),
            "REDUCE": lambda _: self.call(self.stack.pop(-2), self.stack.pop()),
            "BUILD": lambda _: self.build(self.stack.pop()),
        }

    def read(self, data: bytes) -> Any:
        for opcode, argument, _ in pickletools.genops(data):
            if opcode.name in _VALUES:
                self.stack.append(_CONSTANTS.get(opcode.name, argument))
            elif opcode.name in self.steps:
                self.steps[opcode.name](argument)
            else:
                raise DataError(f"{self.where} uses the pickle operation {opcode.name}, which plain data never needs.")
        return self.stack.pop()

    def pop_mark(self) -> list[Any]:
        start = self.marks.pop()
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def tuple_of(self, count: int) -> None:
        values = tuple(self.stack[-count:])
        del self.stack[-count:]
        self.stack.append(values)

    def extend(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, list):
            raise TypeError("values are appended to something that is no list")
        target.extend(values)

    def update(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict):
            raise TypeError("values are set in something that is no dictionary")
        target.update(_pairs(values))

    def put(self, key: int) -> None:
        self.memo[key] = self.stack[-1]

    def get(self, key: int) -> None:
        self.stack.append(self.memo[key])

    def name(self, name: str) -> None:
        if name not in _KNOWN:
            raise DataError(
                f"{self.where} asks to run '{name.replace(' ', '.')}', which data never needs. Nothing was run. "
                "Do not trust this file; fetch it from its source again."
            )
        self.stack.append(_Name(name))

    def call(self, name: Any, arguments: Any) -> None:
        if not isinstance(name, _Name) or not isinstance(arguments, tuple):
            raise TypeError("a call of something that is no function")
        self.stack.append(_encoded(arguments) if name.name in _BYTES else _Call(name.name, arguments))

    def build(self, state: Any) -> None:
        if not isinstance(self.stack[-1], _Call):
            raise TypeError("a state is set on something that has none")
        self.stack[-1].state = state


def _ignore(_: Any) -> None:
    """Opcodes that only frame the others."""


def _pairs(values: list[Any]) -> dict[Any, Any]:
    return dict(zip(values[::2], values[1::2], strict=True))


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if not isinstance(value, str):
        raise TypeError(f"a key is a {type(value).__name__}")
    return value


def _resolved(value: Any) -> Any:
    return _array(value) if isinstance(value, _Call) else value


def _array(call: _Call) -> npt.NDArray[Any]:
    if call.name in _FROM_BUFFER:
        values, dtype, shape, order = call.arguments
    elif call.name in _RECONSTRUCT:
        _, shape, dtype, is_fortran, values = call.state
        order = "F" if is_fortran else "C"
    else:
        raise TypeError(f"a bare {call.name}")
    array = np.frombuffer(_bytes(values), _dtype(dtype))
    if not isinstance(shape, tuple) or math.prod(shape) != array.size:
        raise ValueError(f"an array of {array.size} values can't have the shape {shape}")
    return array.reshape(shape, order="F" if order == "F" else "C")


def _dtype(call: Any) -> np.dtype[Any]:
    """Whole numbers only; anything else (objects, records) is no part of pictures and labels."""
    code = _text(call.arguments[0]) if isinstance(call, _Call) and call.name == "numpy dtype" else ""
    if re.fullmatch("[iu][1248]", code) is None:
        raise TypeError(f"an array of the type '{code}', where whole numbers are expected")
    return np.dtype(("<" if call.state is None or _text(call.state[1]) != ">" else ">") + code)


def _bytes(value: Any) -> bytes:
    """The bytes of an array: as they are, or in the text of Python 2."""
    return value.encode("latin-1") if isinstance(value, str) else bytes(memoryview(value))


def _encoded(arguments: tuple[Any, ...]) -> bytes:
    """Bytes as Python 3 writes them in protocols 0 to 2: a text and its encoding; nothing where there are none."""
    if not arguments:
        return b""
    text, encoding = arguments
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise ValueError("bytes that are not written as Latin-1")
    return text.encode("latin-1")

"""The reader of plain pickles against `pickle` itself, and against pickles that want to run something."""

import collections
import os
import pickle
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sparring.data.plain_pickle import read_plain
from sparring.errors import DataError


def python2_text(text: bytes) -> bytes:
    return b"U" + bytes([len(text)]) + text if len(text) < 256 else b"T" + struct.pack("<i", len(text)) + text


def python2_array(array: np.ndarray) -> bytes:
    """A protocol 2 pickle of an array as Python 2 and numpy 1 wrote it."""
    integer = b"".join(b"J" + struct.pack("<i", length) for length in array.shape)
    return b"".join(
        (
            b"cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\0\x85U\x01b\x87R",
            b"(K\x01(" + integer + b"tcnumpy\ndtype\nq\x03" + python2_text(array.dtype.str[1:].encode()),
            b"K\0K\x01\x87R(K\x03" + python2_text(b"|" if array.itemsize == 1 else b"<"),
            b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb",
            b"\x89" + python2_text(array.tobytes()) + b"tb",
        )
    )


def python2_batch(array: np.ndarray, labels: list[int]) -> bytes:
    items = b"".join(b"K" + bytes([label]) for label in labels)
    parts = (python2_text(b"labels"), b"](" + items + b"e", python2_text(b"data"), python2_array(array))
    return b"\x80\x02}(" + b"".join(parts) + b"u."


def test_a_batch_as_python_2_wrote_it() -> None:
    array = np.random.default_rng(0).integers(0, 256, (3, 200), np.uint8)
    data = python2_batch(array, [7, 0, 255])
    reference = pickle.loads(data, encoding="bytes")
    assert np.array_equal(reference[b"data"], array), "the pickle made here is a real one"
    read = read_plain(data, "batch")
    assert np.array_equal(read["data"], array)
    assert read["labels"] == [7, 0, 255] == reference[b"labels"]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("dtype", ["u1", "<i8", ">i4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_every_protocol(protocol: int, dtype: str, order: str) -> None:
    array = np.asarray(np.arange(120).reshape(2, 3, 20), dtype=dtype, order=order)
    read = read_plain(pickle.dumps({"data": array, "labels": [1, -5, 2**40], "name": "é"}, protocol), "batch")
    assert read["data"].dtype.kind == array.dtype.kind
    assert np.array_equal(read["data"], array)
    assert read["labels"] == [1, -5, 2**40]
    assert read["name"] == "é"


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4) | st.tuples(inner, inner),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), plain | hnp.arrays(np.uint8, hnp.array_shapes()), max_size=5), st.integers(0, 5))
def test_plain_values_come_back_as_pickle_reads_them(value: dict[str, Any], protocol: int) -> None:
    np.testing.assert_equal(read_plain(pickle.dumps(value, protocol), "batch"), value)


class Calls:
    """Pickled, it asks for a call."""

    def __init__(self, *reduced: Any) -> None:
        self.reduced = reduced

    def __reduce__(self) -> tuple[Any, ...]:
        return self.reduced


def stack_global(module: str, name: str, argument: str) -> bytes:
    texts = b"".join(b"\x8c" + bytes([len(text)]) + text.encode() for text in (module, name))
    return b"\x80\x04}\x8c\x04data" + texts + b"\x93\x8c" + bytes([len(argument)]) + argument.encode() + b"\x85Rs."


def hostile(marker: str) -> dict[str, bytes]:
    """Pickles that make the folder `marker` where they are unpickled, or reach for names that can."""
    return _asking_for_calls(marker) | _naming_functions(marker) | _of_other_operations(marker)


def _asking_for_calls(marker: str) -> dict[str, bytes]:
    code = f"__import__('os').mkdir({marker!r})"
    made = {
        "os.mkdir": Calls(os.mkdir, (marker,)),
        "builtins.eval": Calls(eval, (code,)),
        "builtins.exec": Calls(exec, (code,)),
        "builtins.getattr": Calls(getattr, (collections.OrderedDict, "mro")),
        "builtins.map": Calls(map, (os.mkdir, [marker])),
        "subprocess.check_output": Calls(subprocess.check_output, (["mkdir", marker],)),
        "numpy.load": Calls(np.load, (marker,)),
        "numpy.memmap": Calls(np.memmap, (marker,)),
        "object array": np.array([Calls(os.mkdir, (marker,))], object),
        "in a list": [1, [2, {"deep": Calls(os.mkdir, (marker,))}]],
        "as a key": {Calls(os.mkdir, (marker,)): 1},
    }
    pickles = {
        f"{name}, protocol {n}": pickle.dumps({"data": value}, n) for name, value in made.items() for n in (2, 4)
    }
    setter = Calls(collections.OrderedDict, (), None, None, None, os.mkdir)
    return pickles | {"state setter": pickle.dumps({"data": setter}, 4)}


FUNCTIONS = (
    *("posix system", "os system", "nt system", "builtins __import__", "importlib import_module", "runpy run_path"),
    *("numpy.testing._private.utils runstring", "numpy.f2py.crackfortran myeval", "numpy.lib._utils_impl safe_eval"),
    *("numpy fromfile", "numpy loadtxt", "numpy ndarray.tofile", "numpy dtype.__reduce__", "copyreg _reconstructor"),
    *("pickle loads", "ctypes CDLL", "webbrowser open", "functools partial", "operator methodcaller"),
)


def _naming_functions(marker: str) -> dict[str, bytes]:
    pickles = {}
    for name in FUNCTIONS:
        module, attribute = name.split(" ")
        asked = f"c{module}\n{attribute}\n".encode() + python2_text(marker.encode())
        pickles[f"global {name}"] = b"\x80\x02}U\x04data" + asked + b"\x85Rs."
        pickles[f"stack global {name}"] = stack_global(module, attribute, marker)
    return pickles


def _of_other_operations(marker: str) -> dict[str, bytes]:
    text = python2_text(marker.encode())
    return {
        "instance": b"}U\x04data(" + text + b"ios\nmkdir\ns.",
        "object": b"}U\x04data(cos\nmkdir\n" + text + b"os.",
        "new object": b"\x80\x02}U\x04datacnumpy\nndarray\n" + text + b"\x85\x81s.",
        "new object with keywords": b"\x80\x04}U\x04datacnumpy\nndarray\n)}\x92s.",
        "extension": b"\x80\x02}U\x04data\x82\x01s.",
        "persistent id": b"}U\x04dataPsome\ns.",
        "binary persistent id": b"\x80\x02}U\x04data" + text + b"Qs.",
        "out of band buffer": b"\x80\x05}\x8c\x04data\x97s.",
    }


@pytest.mark.parametrize("name", sorted(hostile("x")))
def test_hostile_pickles_are_refused(name: str, tmp_path: Path) -> None:
    marker = tmp_path / "made"
    with pytest.raises(DataError, match="batch") as refused:
        read_plain(hostile(str(marker))[name], "batch")
    assert "damaged" not in str(refused.value), "refused for what it is, not for a slip of this test"
    assert not marker.exists()


def test_the_refused_name_is_told() -> None:
    with pytest.raises(DataError, match=r"batch asks to run 'builtins.eval'.*Nothing was run"):
        read_plain(hostile("x")["builtins.eval, protocol 4"], "batch")


AUDIT = """
import pickle, sys
from sparring.data.plain_pickle import read_plain
from sparring.errors import DataError

read_plain(pickle.dumps({"data": 1}), "warm up")
with open(sys.argv[1], "rb") as file:
    pickles = pickle.load(file)
seen, modules = [], set(sys.modules)
sys.addaudithook(lambda event, _: seen.append(event))
refused = 0
for data in pickles:
    try:
        read_plain(data, "batch")
    except DataError:
        refused += 1
kinds = {"pickle", "exec", "compile", "import", "open", "os", "subprocess", "socket", "ctypes"}
bad = [event for event in seen if event.split(".")[0] in kinds]
print(refused, len(pickles), sorted(set(bad)), sorted(set(sys.modules) - modules))
"""


def test_no_code_bearing_event_happens(tmp_path: Path) -> None:
    pickles = list(hostile(str(tmp_path / "made")).values())
    (tmp_path / "pickles").write_bytes(pickle.dumps(pickles))
    command = [sys.executable, "-c", AUDIT, str(tmp_path / "pickles")]
    output = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert output.strip() == f"{len(pickles)} {len(pickles)} [] []"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([1, 2], "holds a list"),
        ({1: 2}, "a key is a int"),
        ({"data": np.zeros(2)}, "type 'f8'"),
        ({"data": np.array(["a"])}, "type 'U1'"),
        ({"data": np.zeros(2, [("a", "u1")])}, "type 'V1'"),
        ({"data": np.dtype("u1")}, "a bare numpy dtype"),
    ],
)
def test_other_values_are_refused_in_words(value: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_plain(pickle.dumps(value, 4), "batch")


@pytest.mark.parametrize(
    "shape",
    [(2**62, 4), (-1, 6), (-2, -3), (2, 2), (7,), (2.0, 3.0), ("6",)],
)
def test_an_array_whose_shape_does_not_fit_its_bytes(shape: tuple[Any, ...]) -> None:
    data = pickle.dumps({"data": np.zeros((2, 3), np.uint8)}, 2)
    forged = data.replace(pickle.dumps((2, 3), 2)[2:-1].split(b"q")[0], pickle.dumps(shape, 2)[2:-1].split(b"q")[0])
    assert forged != data
    with pytest.raises(DataError, match="batch is damaged"):
        read_plain(forged, "batch")


def test_cut_short_at_every_length() -> None:
    data = python2_batch(np.zeros((2, 8), np.uint8), [1, 2])
    for length in range(len(data)):
        with pytest.raises(DataError, match="batch is damaged"):
            read_plain(data[:length], "batch")


def test_deep_nesting_and_repeated_references_stay_small() -> None:
    deep = b"\x80\x02}U\x04data" + b"]" * 100_000 + b"a" * 99_999 + b"s."
    assert isinstance(read_plain(deep, "batch")["data"], list)
    doublings = (b"(h" + bytes([n, ord("h"), n]) + b"lq" + bytes([n + 1]) for n in range(60))
    doubled = b"\x80\x02]q\0" + b"".join(doublings)
    with pytest.raises(DataError, match="holds a list"):
        read_plain(doubled + b".", "batch")


@given(st.binary(max_size=200))
def test_any_bytes_give_a_data_error_or_a_dictionary(data: bytes) -> None:
    for start in (b"", b"\x80\x02}", b"\x80\x02}(U\x04data"):
        try:
            assert isinstance(read_plain(start + data, "batch"), dict)
        except DataError as error:
            assert "batch" in str(error)


@given(st.data())
def test_any_changed_bytes_give_a_data_error_or_a_dictionary(data: st.DataObject) -> None:
    stored = bytearray(python2_batch(np.zeros((2, 8), np.uint8), [1, 2]))
    for _ in range(data.draw(st.integers(1, 4))):
        stored[data.draw(st.integers(0, len(stored) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert isinstance(read_plain(bytes(stored), "batch"), dict)
    except DataError as error:
        assert "batch" in str(error)

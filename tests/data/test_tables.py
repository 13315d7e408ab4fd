"""Tables as text and as arrays: where the class is found, what is refused and in which words."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sparring.data import TableSpec, describe, inspect_data, open_data
from sparring.data.tables import read_columns, read_table
from sparring.errors import DataError, UsageError


def written(place: Path, text: str, name: str = "table.csv") -> Path:
    path = place / name
    path.write_text(text, encoding="utf-8")
    return path


BODY = "1,10,a\n2,20,b\n3,30,a\n4,40,b\n"


@pytest.mark.parametrize(
    ("text", "columns", "classes", "y"),
    [
        ("age,size,label\n" + BODY, ("age", "size"), ("a", "b"), [0, 1, 0, 1]),
        ("label,age\nb,1\na,2\n,3\nb,4\n", ("age",), ("a", "b"), [1, 0, -1, 1]),
        ("x,y,kind\n" + BODY, ("x", "y"), ("a", "b"), [0, 1, 0, 1]),
        ("y,width\n10,1\n9,2\n10,3\n9,4\n", ("width",), ("9", "10"), [1, 0, 1, 0]),
        ("Class;age\n-1;0.5\n1;2e3\n1;-7\n-1;8\n", ("age",), ("-1", "1"), [0, 1, 1, 0]),
        (BODY, ("x1", "x2"), ("a", "b"), [0, 1, 0, 1]),
        ("0.5,'-1'\n0.25,'1'\n2,'-1'\n3,'1'\n", ("x1",), ("-1", "1"), [0, 1, 0, 1]),
        ("1.5,2,1\n2.5,3,2\n3.5,2,1\n4.5,1,2\n", ("x1", "x2"), ("1", "2"), [0, 1, 0, 1]),
        ("2019,2020,label\n" + BODY, ("2019", "2020"), ("a", "b"), [0, 1, 0, 1]),
        ("0,1,2\n1,10,a\n2,20,b\n3,30,a\n4,40,b\n", ("0", "1"), ("a", "b"), [0, 1, 0, 1]),
    ],
)
def test_where_the_class_is(
    tmp_path: Path, text: str, columns: tuple[str, ...], classes: tuple[str, ...], y: list[int]
) -> None:
    found = read_table(written(tmp_path, text))
    assert (found.columns, found.classes) == (columns, classes)
    assert found.y is not None and found.y.tolist() == y
    assert found.x.dtype == np.float32 and found.x.shape == (4, len(columns))


@pytest.mark.parametrize("text", ["x,y\n0.5,1.5\n0.25,2\n1,3\n", "0.5,1.5\n0.25,2.5\n1,3.5\n"])
def test_numbers_alone_are_points_without_classes(tmp_path: Path, text: str) -> None:
    found = read_table(written(tmp_path, text))
    assert found.y is None and not found.classes
    assert found.x[0].tolist() == [0.5, 1.5]


def test_tabs_and_given_parts(tmp_path: Path) -> None:
    rows = [f"{n}\t{n % 2}\t{part}" for n, part in enumerate(["train"] * 6 + ["val", "val", "test", ""])]
    data = open_data(str(written(tmp_path, "\n".join(["size\tlabel\tsplit", *rows]), "table.tsv")))
    assert {name: len(part) for name, part in data.parts.items()} == {"train": 7, "validation": 2, "test": 1}
    assert data.spec == TableSpec(columns=("size",), classes=("0", "1"))
    assert data.parts["test"].x.tolist() == [[8.0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b,label\n1,2,x\n3,,y\n", r"line 3: column 'b' is empty: a value is missing"),
        ("a,b,label\n1,NA,x\n3,4,y\n", r"line 2: column 'b' holds 'NA': a value is missing"),
        ("a,b,label\n1,2,x\n\n3,red,y\n", r"line 4: column 'b' holds 'red', which is no number"),
        ("a,b,label\n1,1e60,x\n3,4,y\n", r"line 2: column 'b' holds 1e60; expected a finite number of 32 bits"),
        ("a,label\n1,x\n3,4,y\n", r"line 3: 3 cells, but the first line has 2"),
        ("a,a,label\n1,2,x\n3,4,y\n", r"two columns are called 'a'"),
        (",a,label\n0,2,x\n1,4,y\n", r"column 1 has no name.*index=False"),
        ("a,label\n1,0.5\n3,0.7\n", r"column 'label' holds numbers such as 0.5; expected classes"),
        ("a,name\n1,ann\n3,bob\n4,cid\n5,dan\n6,eve\n7,fay\n", r"6 different values in 6 rows: these are no classes"),
        ("a,label\n1,\n3,\n", r"column 'label' is empty; expected the class of each row"),
        ("a,label,split\n1,x,train\n2,y,sometimes\n", r"line 3: unknown split 'sometimes'"),
        ("label\na\nb\n", r"no column of numbers is left"),
        ("a,label\n1,x\n", r"there is only one row"),
        ("a,label\n", r"a header and no row"),
        ("", "empty"),
    ],
)
def test_what_cant_be_read_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_table(written(tmp_path, text))


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_bytes(b"a,label\n\xff\xfe,x\n")
    with pytest.raises(DataError, match="UTF-8"):
        read_table(tmp_path / "table.csv")


def test_columns_are_found_by_their_names(tmp_path: Path) -> None:
    path = written(tmp_path, "note,size,age\nhello,20,1\nworld,40,2\n")
    assert read_columns(path, ("age", "size")).tolist() == [[1, 20], [2, 40]]
    with pytest.raises(DataError, match=r"there is no column 'agee'.*Did you mean 'age'"):
        read_columns(path, ("agee",))
    assert read_columns(written(tmp_path, "age,size\n1,20\n"), ("size",)).tolist() == [[20]]
    assert read_columns(written(tmp_path, "1,20\n"), ("age", "size")).tolist() == [[1, 20]]
    bare = written(tmp_path, "1,20\n2,40\n")
    assert read_columns(bare, ("age", "size")).tolist() == [[1, 20], [2, 40]]
    with pytest.raises(DataError, match="2 columns without a header; expected 4"):
        read_columns(bare, ("a", "b", "c", "d"))


def test_its_report(tmp_path: Path) -> None:
    rows = [f"{n / 7},{n % 3},{'rare' if n == 50 else 'often'}" for n in range(100)]
    path = written(tmp_path, "\n".join(["a,b,label", *rows]))
    lines = describe(inspect_data(str(path)))
    assert lines[0] == f"100 rows in {path}, read as: rows, their class in column 'label'"
    assert "classes: 2: often 99, rare 1" in lines
    assert any("class 'rare' has" in line for line in lines)
    assert lines[-1] == "columns: a, b"
    with pytest.raises(UsageError, match=r"--size 8: .* has rows of numbers"):
        open_data(str(path), size=8)


def test_few_labels_are_kept_evenly(tmp_path: Path) -> None:
    train = open_data("moons", labels=20).parts["train"]
    assert train.y is not None
    assert np.bincount(train.y + 1).tolist() == [len(train) - 20, 10, 10]
    assert open_data("moons", conditional=False).spec.classes == ()


# -- arrays ------------------------------------------------------------------------------------------------------------


def saved(place: Path, **arrays: Any) -> Path:
    np.savez(place / "rows.npz", **arrays)
    return place / "rows.npz"


X = np.arange(40.0).reshape(20, 2)
Y = np.arange(20) % 2


def test_arrays_of_one_set_and_of_parts(tmp_path: Path) -> None:
    whole = open_data(str(saved(tmp_path, x=X, y=Y)))
    assert sum(map(len, whole.parts.values())) == 20
    assert whole.spec == TableSpec(columns=("x1", "x2"), classes=("0", "1"))
    for names in ({"train_x": X, "train_y": Y, "test_x": X + 1}, {"x_train": X, "y_train": Y, "x_test": X + 1}):
        data = open_data(str(saved(tmp_path, columns=np.array(["a", "b"]), **names)))
        assert set(data.parts) == {"train", "validation", "test"}
        assert data.spec.classes == ("0", "1") and data.spec == TableSpec(columns=("a", "b"), classes=("0", "1"))
        assert data.parts["test"].y is not None and (data.parts["test"].y == -1).all()


def test_pictures_under_the_same_names_stay_pictures(tmp_path: Path) -> None:
    pictures = np.arange(20 * 64).reshape(20, 8, 8).astype(np.uint8)
    assert not isinstance(open_data(str(saved(tmp_path, x_train=pictures, y_train=Y))).spec, TableSpec)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.where(X == 5, np.nan, X), "y": Y}, r"'x' holds nan in row 2, column 1"),
        ({"x": X, "y": Y[:3]}, "3 labels for 20 rows"),
        ({"x": X.astype(str), "y": Y}, "expected rows of numbers"),
        ({"train_x": X, "test_x": X[:, :1]}, "different numbers of columns: 1, 2"),
        ({"x": X, "columns": np.array(["a", "a"])}, "expected 2 different texts"),
    ],
)
def test_arrays_that_cant_be(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        open_data(str(saved(tmp_path, **arrays)))

"""ONNX extractors: small models made here, which say what they were given."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from sparring.errors import DataError, UsageError
from sparring.metrics.onnx import OnnxExtractor
from sparring.metrics.shapes import by_pillow
from sparring.metrics.weights import file_digest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
helper, FLOAT, UINT8 = onnx.helper, onnx.TensorProto.FLOAT, onnx.TensorProto.UINT8


def random_pictures(*shape: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def model(
    path: Path,
    *,
    shape: tuple[Any, ...] = ("batch", 3, "height", "width"),
    kind: int = FLOAT,
    second: str | None = None,
    flat: bool = True,
) -> Path:
    """Means and largest values of each channel; with a `second` output these again, by that name."""
    nodes = [helper.make_node("Cast", ["pictures"], ["x"], to=FLOAT)]
    nodes.append(helper.make_node("ReduceMean", ["x", "axes"], ["mean"], keepdims=0 if flat else 1))
    nodes.append(helper.make_node("ReduceMax", ["x", "axes"], ["most"], keepdims=0 if flat else 1))
    nodes.append(helper.make_node("Concat", ["mean", "most"], ["features"], axis=1))
    outputs = ["features"]
    if second:
        nodes.append(helper.make_node("Identity", ["mean"], [second]))
        outputs.append(second)
    graph = helper.make_graph(
        nodes,
        "statistics",
        [helper.make_tensor_value_info("pictures", kind, shape)],
        [helper.make_tensor_value_info(name, FLOAT, None) for name in outputs],
        [helper.make_tensor("axes", onnx.TensorProto.INT64, [2], [2, 3])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path)
    return path


def test_floats_are_given_from_minus_one_to_one(tmp_path: Path) -> None:
    path = model(tmp_path / "statistics.onnx")
    extractor, pictures = OnnxExtractor(path), random_pictures(7, 9, 11, 3)
    found = extractor(pictures)
    unit = pictures / 127.5 - 1
    assert found.vectors.dtype == np.float64
    np.testing.assert_allclose(found.vectors, np.concatenate([unit.mean((1, 2)), unit.max((1, 2))], 1), atol=1e-5)
    assert found.probabilities is None
    assert (extractor.name, extractor.sha256) == ("statistics", file_digest(path))


def test_bytes_are_given_as_they_are(tmp_path: Path) -> None:
    extractor = OnnxExtractor(model(tmp_path / "m.onnx", kind=UINT8))
    pictures = random_pictures(3, 8, 8, 3)
    np.testing.assert_allclose(extractor(pictures).vectors[:, 3:], pictures.max((1, 2)))


@pytest.mark.parametrize("kind", [FLOAT, UINT8])
def test_a_fixed_size_is_reached_by_clean_fids_rule(tmp_path: Path, kind: int) -> None:
    extractor = OnnxExtractor(model(tmp_path / "m.onnx", shape=("batch", 1, 20, 24), kind=kind))
    pictures = random_pictures(3, 8, 8, 1)
    resized = by_pillow(pictures, 20, 24)
    most = resized.round() if kind == UINT8 else resized / 127.5 - 1
    np.testing.assert_allclose(extractor(pictures).vectors[:, 1], most.max((1, 2, 3)), atol=1e-5)
    np.testing.assert_allclose(extractor(pictures.repeat(3, -1)).vectors, extractor(pictures).vectors)


@pytest.mark.parametrize("count", [1, 4, 5, 53])
@pytest.mark.parametrize("batch", ["batch", 4])
def test_any_number_of_pictures_goes_through(tmp_path: Path, count: int, batch: Any) -> None:
    extractor = OnnxExtractor(model(tmp_path / "m.onnx", shape=(batch, 1, "h", "w"), kind=UINT8))
    pictures = random_pictures(count, 8, 8, 1)
    np.testing.assert_allclose(extractor(pictures).vectors[:, 1], pictures.max((1, 2, 3)))


@pytest.mark.parametrize(("second", "softened"), [("probabilities", False), ("class_logits", True)])
def test_a_second_output_is_the_probabilities(tmp_path: Path, second: str, softened: bool) -> None:
    found = OnnxExtractor(model(tmp_path / "m.onnx", second=second))(random_pictures(5, 8, 8, 3))
    assert found.probabilities is not None
    expected = found.vectors[:, :3]
    if softened:
        expected = np.exp(expected) / np.exp(expected).sum(1, keepdims=True)
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-6)


@pytest.mark.parametrize(
    "choices",
    [{"shape": ("batch", 2, 8, 8)}, {"shape": ("batch", 8, 8, 3)}, {"kind": onnx.TensorProto.DOUBLE}],
    ids=["two channels", "channels last", "double"],
)
def test_a_model_that_reads_no_pictures_is_refused(tmp_path: Path, choices: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"expected one input \[batch, 1\|3\|4, height, width\]"):
        OnnxExtractor(model(tmp_path / "m.onnx", **choices))


def test_an_answer_that_is_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"features \[batch, values\], got \[2, 6, 1, 1\]"):
        OnnxExtractor(model(tmp_path / "m.onnx", flat=False))(random_pictures(2, 8, 8, 3))


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"no model")
    with pytest.raises(DataError, match="no ONNX model"):
        OnnxExtractor(tmp_path / "m.onnx")
    with pytest.raises(UsageError, match="can't be read"):
        OnnxExtractor(tmp_path / "absent.onnx")
    with pytest.raises(UsageError, match="no pictures"):
        OnnxExtractor(model(tmp_path / "n.onnx"))(random_pictures(0, 8, 8, 3))

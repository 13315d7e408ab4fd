"""An extractor from any ONNX file: a network of the user's own field judges better than one of ours. Extra `onnx`."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sparring.errors import DataError, UsageError
from sparring.metrics.base import Features, Floats, Pictures
from sparring.metrics.shapes import blocks, by_pillow, with_channels
from sparring.metrics.weights import file_digest

BLOCK = 50
_BYTES, _FLOATS = "tensor(uint8)", "tensor(float)"


class OnnxExtractor:
    """An extractor, see `base.Extractor`, that runs an ONNX model on the CPU; its name is that of the file.

    The model has one input [B, C, H, W], C = 1, 3 or 4: uint8, or float32 that is given -1 .. 1. Where it fixes the
    batch, it is asked for as many at a time. Where it fixes H and W, pictures are resized as clean-fid does. Its first
    output [B, d] is the features. A second one [B, K] is probabilities, or logits where its name says so.

    Args:
        path: the file.

    Raises:
        UsageError: onnxruntime is not installed, or the file can't be read.
        DataError: it is no such model.
    """

    def __init__(self, path: Path) -> None:
        try:
            self.sha256 = file_digest(path)
        except OSError as error:
            raise UsageError(f"--extractor {path}: can't be read ({error.strerror}). Give an ONNX file.") from None
        runtime = _runtime()
        try:
            self._session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors share no base but this one
            raise DataError(f"{path}: no ONNX model that can be run ({str(error).splitlines()[0]}).") from None
        self.name = path.stem
        self._path = path
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        self._batch, self._channels, self._side = self._shape(inputs)
        self._input = inputs[0].name
        self._bytes = inputs[0].type == _BYTES
        self._outputs = [output.name for output in outputs[:2]]

    def __call__(self, pictures: Pictures) -> Features:
        """Features float64 [N, d], and probabilities where the model gives them."""
        if len(pictures) == 0:
            raise UsageError(f"{self._path}: there are no pictures to look at.")
        answers = [self._ask(pictures[part]) for part in blocks(len(pictures), self._batch or BLOCK)]
        vectors, *others = (np.concatenate(rows) for rows in zip(*answers, strict=True))
        probabilities = others[0] if others else None
        if probabilities is not None and "logit" in self._outputs[1].lower():
            probabilities = _softmax(probabilities)
        return Features(vectors=vectors, probabilities=probabilities)

    def _shape(self, inputs: Any) -> tuple[int | None, int, tuple[int, int] | None]:
        """The batch if it is fixed, the channels, and height and width if they are fixed."""
        shape = inputs[0].shape
        fits = len(inputs) == 1 and len(shape) == 4 and inputs[0].type in (_BYTES, _FLOATS)
        if not fits or shape[1] not in (1, 3, 4):
            found = ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs)
            raise DataError(
                f"{self._path}: expected one input [batch, 1|3|4, height, width] of uint8 or float32; it has {found}."
            )
        batch, channels, height, width = shape
        side = (height, width) if isinstance(height, int) and isinstance(width, int) else None
        return batch if isinstance(batch, int) else None, channels, side

    def _ask(self, pictures: Pictures) -> list[Floats]:
        fixed = self._batch or len(pictures)
        # A model with a fixed batch is given the last picture again where pictures run out.
        filled = np.concatenate([pictures, pictures[-1:].repeat(fixed - len(pictures), 0)])
        rows = self._session.run(self._outputs, {self._input: self._given(filled)})
        for name, row in zip(self._outputs, rows, strict=True):
            if row.ndim != 2 or len(row) != fixed:
                raise DataError(f"{self._path}: expected output {name} [batch, values], got {list(row.shape)}.")
        return [row[: len(pictures)].astype(np.float64) for row in rows]

    def _given(self, pictures: Pictures) -> npt.NDArray[Any]:
        fitting = with_channels(pictures, self._channels)
        values: npt.NDArray[Any] = fitting
        if self._side is not None and self._side != fitting.shape[1:3]:
            values = by_pillow(fitting, *self._side)
        if self._bytes:
            values = values.round().astype(np.uint8) if values.dtype != np.uint8 else values
        else:
            values = values.astype(np.float32) / np.float32(127.5) - np.float32(1)
        return np.ascontiguousarray(values.transpose(0, 3, 1, 2))


def _runtime() -> Any:
    try:
        return importlib.import_module("onnxruntime")
    except ImportError:
        raise UsageError("--extractor FILE.onnx needs `pip install sparring[onnx]`.") from None


def _softmax(logits: Floats) -> Floats:
    raised: Floats = np.exp(logits - logits.max(1, keepdims=True))
    shares: Floats = raised / raised.sum(1, keepdims=True)
    return shares

"""Extractors by the word that asks for them on the command line."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from sparring.data import Data, TableSpec
from sparring.errors import UsageError, did_you_mean
from sparring.metrics.base import Extractor
from sparring.metrics.foreign import dinov2, inception
from sparring.metrics.fourier import fourier_for
from sparring.metrics.judge import Judge
from sparring.metrics.judge_training import judge_for
from sparring.metrics.kept import Progress, silent
from sparring.metrics.onnx import OnnxExtractor
from sparring.metrics.random_convolution import conv_for

KNOWN = ("judge", "conv", "inception", "dinov2")


def open_extractor(
    asked: str | None,
    data: Data,
    *,
    weights: Path | None = None,
    sha256: str | None = None,
    cache: Path | None = None,
    device: torch.device | None = None,
    on_progress: Progress = silent,
) -> Extractor:
    """The extractor that is asked for.

    Args:
        asked: `fourier` (of rows), `judge`, `conv`, `inception`, `dinov2` or the path of an ONNX file; None: the judge
            where the data have labels and it can be trusted, else `conv`; `fourier` for rows.
        data: what `judge` and `conv` are fitted to; the test part is not touched.
        weights, sha256: the file of `inception` and `dinov2`, and its digest where it is none of the published ones.
        cache: where judges and converted weights are kept, as for `open_data`.
        device: by default the fastest there is.

    Raises:
        UsageError: an unknown word, a file that is not there, an extra that is not installed, or no labels to judge by.
        DataError: a file that is no such network.
        MachineError: the cache can't be used.
    """
    if asked is None or (asked == "fourier" and isinstance(data.spec, TableSpec)):
        return chosen_extractor(data, cache=cache, device=device, on_progress=on_progress).extractor
    if isinstance(data.spec, TableSpec):
        raise UsageError(f"--extractor {asked}: {data.name} has rows, not pictures. Leave it out: fourier is for rows.")
    if asked.lower().endswith(".onnx"):
        return OnnxExtractor(Path(asked).expanduser())
    if asked == "judge":
        return judge_for(data, cache=cache, device=device, on_progress=on_progress)
    if asked == "conv":
        return conv_for(data, device=device)
    if asked in ("inception", "dinov2"):
        build = inception if asked == "inception" else dinov2
        return build(weights, sha256=sha256, cache=cache, device=device)
    raise UsageError(f"--extractor {asked}: unknown. {did_you_mean(asked, KNOWN)} Or give the path of a .onnx file.")


class Chosen(NamedTuple):
    """The extractor that suits a data set, and the judge that was fitted but can't be trusted, if there is one."""

    extractor: Extractor
    refused: Judge | None


def chosen_extractor(
    data: Data, *, cache: Path | None = None, device: torch.device | None = None, on_progress: Progress = silent
) -> Chosen:
    """The judge where labels of two classes are known and it can be trusted (`Judge.trustworthy`), else `conv`.

    Raises:
        MachineError: the cache can't be used.
    """
    if isinstance(data.spec, TableSpec):
        return Chosen(fourier_for(data), None)
    judge = judge_for(data, cache=cache, device=device, on_progress=on_progress) if knows_classes(data) else None
    if judge is not None and judge.trustworthy:
        return Chosen(judge, None)
    return Chosen(conv_for(data, device=device), judge)


def knows_classes(data: Data) -> bool:
    """Whether training labels of two classes or more are known."""
    labels = data.labels.get("train")
    return labels is not None and len(np.unique(labels[labels >= 0])) >= 2

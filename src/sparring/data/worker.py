"""A process that decodes: `python -m sparring.data.worker`, started and fed by `pool`.

It reads jobs as JSON lines from its input and answers each with a JSON line; pixels go straight into the part's file.
It is a program of its own, rather than a multiprocessing worker, so that a user's script needs no `__main__` guard and
no thread of the parent is forked; it imports numpy and Pillow only.

A job: {"places": [...], "out": path or null, "row": first row, "size", "channels", "fit", "paired"}. The place of a
pair is those of its target and its source.
An answer: {"facts": base64 of `FACT` rows, "errors": [[index in the job, reason], ...]}, or {"disk": message} where
writing failed.
"""

import base64
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from sparring.data.decode import (
    Fit,
    Picture,
    Pixels,
    RefusedError,
    fit_picture,
    halves,
    has_colour,
    open_picture,
    read_picture,
    reason_of,
    strict_pillow,
)
from sparring.data.facts import NO_FACT, header_record, pair_record, record
from sparring.data.places import Record, TooLargeError, read_record

Job = dict[str, Any]
_GREY_MODES = frozenset({"1", "L", "LA", "I", "F", "I;16", "I;16B"})
READY = b'{"ready": true}\n'


def answer(job: Job) -> dict[str, Any]:
    """Decode the pictures of one job, or look at their headers where it says nothing of an output."""
    errors: list[tuple[int, str]] = []
    try:
        facts = _decode(job, errors) if "size" in job else _inspect(job, errors)
    except OSError as error:
        return {"disk": error.strerror or str(error)}
    return {"facts": base64.b64encode(facts).decode("ascii"), "errors": errors}


def _decode(job: Job, errors: list[tuple[int, str]]) -> bytes:
    size, channels, fit = job["size"], job["channels"], job["fit"]
    rows = np.zeros((len(job["places"]), 2 if job["paired"] else 1, size, size, channels), np.uint8)
    look = _ColourSearch()

    def decode(data: bytes, index: int, number: int) -> bytes:
        picture = read_picture(data)
        if fit != "halves":
            return store(picture, index, number)
        source, target = (replace(picture, image=half) for half in halves(picture.image))
        return pair_record(store(target, index, 0), store(source, index, 1))

    def store(picture: Picture, index: int, number: int) -> bytes:
        pixels = picture.image.tobytes()
        fact = record(picture, pixels, colour=look.finds(picture.image))
        rows[index, number] = _stored(picture.image, pixels, size=size, fit=fit, channels=channels)
        return fact

    facts = _facts(job["places"], decode, errors)
    _write(job["out"], job["row"], rows)
    return facts


def _facts(places: list[Any], look: Callable[[bytes, int, int], bytes], errors: list[tuple[int, str]]) -> bytes:
    """The facts of all places, as `look` gives them from bytes, the number of the place, and 1 for a source, else 0."""
    facts = []
    for index, place in enumerate(places):
        found: list[bytes] = []
        data = b""
        try:
            for number, where in enumerate(_pictures(place)):
                data = b""
                data = read_record(where)
                found.append(look(data, index, number))
        except Exception as error:  # damaged bytes make decoders raise anything; the picture is named and skipped
            facts.append(NO_FACT)
            errors.append((index, ("its source: " if found else "") + _reason(error, data)))
        else:
            facts.append(pair_record(*found) if len(found) == 2 else found[0])
    return b"".join(facts)


def _pictures(place: Any) -> list[Record]:
    """The places of a picture, or of a pair's target and source."""
    return place if isinstance(place[0], list) else [place]


def _stored(image: Image.Image, pixels: bytes, *, size: int, fit: Fit, channels: int) -> Pixels:
    if image.size == (size, size) and len(image.getbands()) == channels:
        return np.frombuffer(pixels, np.uint8).reshape(size, size, channels)
    return fit_picture(image, size=size, fit=fit, channels=channels)


class _ColourSearch:
    """Looks for colour until it is found. One coloured picture a job is enough to know that there are any."""

    def __init__(self) -> None:
        self.found = False

    def finds(self, image: Image.Image) -> bool:
        """Whether this picture is the one."""
        if self.found:
            return False
        self.found = has_colour(image)
        return self.found


def _inspect(job: Job, errors: list[tuple[int, str]]) -> bytes:
    look = _ColourSearch()
    return _facts(job["places"], lambda data, _index, _number: _read_header(data, look), errors)


def _read_header(data: bytes, look: _ColourSearch) -> bytes:
    opened = open_picture(data)
    mode, file_format, size = opened.mode, opened.format or "other", opened.size
    colour = mode not in _GREY_MODES and not look.found and look.finds(read_picture(data).image)
    return header_record(mode, file_format, size, colour=colour)


def main() -> None:
    """Answer jobs until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = _private_output()
    answers.write(READY)
    with strict_pillow():
        for line in sys.stdin.buffer:
            try:
                reply = answer(json.loads(line))
            except Exception:  # a bug of ours: the parent raises it, with this traceback
                reply = {"bug": traceback.format_exc()}
            answers.write(json.dumps(reply).encode("ascii") + b"\n")


def _private_output() -> BinaryIO:
    """The output for answers alone: decoders in C print warnings, which must neither mix in nor fill a pipe."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    return answers


def _write(path: str, row: int, rows: Pixels) -> None:
    """Put a job's pictures into their place. A write, not a memory map: a full disk is an error then, not a crash."""
    data = rows.data.cast("B")
    with open(path, "r+b", buffering=0) as file:  # noqa: PTH123
        file.seek(row * (data.nbytes // len(rows)))
        while data.nbytes:
            data = data[file.write(data) :]


def _reason(error: Exception, data: bytes) -> str:
    if isinstance(error, TooLargeError):
        return str(error)
    if isinstance(error, OSError) and error.errno is not None:
        return f"can't be read: {error.strerror}"
    if isinstance(error, RefusedError | MemoryError) or data:
        return reason_of(error, data)
    return f"can't be read: {error}"


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        os._exit(0)  # the parent is gone; nobody is left to answer

"""How long packing a folder of pictures takes, against decoding the same files with Pillow in as many processes.

    python -m benchmarks.packing FOLDER [--repeats 3] [--size 32]

Both sides start from nothing, list the folder, start their own processes, and are run in turns. The other side only
decodes (`Image.open(file).convert("RGB")` and `numpy.asarray`) and keeps nothing; packing also decides, hashes, splits
and stores.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.record import write
from sparring.data import open_data
from sparring.data.pool import usable_cores


def decode(path: str) -> int:
    """Decode one file as everybody does; the number of values keeps the work from being thought useless."""
    with Image.open(path) as picture:
        return int(np.asarray(picture.convert("RGB")).size)


def list_files(folder: Path) -> list[str]:
    """All files below a folder."""
    return sorted(os.path.join(root, name) for root, _, names in os.walk(folder) for name in names)  # noqa: PTH118


def with_pillow(folder: Path, size: int | None) -> int:
    """Decode everything in a multiprocessing pool of as many processes as there are cores."""
    files = list_files(folder)
    with get_context("fork" if os.name == "posix" else "spawn").Pool(usable_cores()) as pool:
        return sum(1 for _ in pool.imap_unordered(decode, files, chunksize=256))


def with_sparring(folder: Path, size: int | None) -> int:
    """Pack everything into an empty cache."""
    cache = Path(tempfile.mkdtemp(prefix="sparring-benchmark-"))
    try:
        data = open_data(str(folder), size=size, cache=cache)
        return sum(len(part) for part in data.parts.values())
    finally:
        shutil.rmtree(cache)


def timed(run: Callable[[Path, int | None], int], folder: Path, size: int | None) -> tuple[float, int]:
    """Seconds and the number of pictures."""
    start = time.perf_counter()
    count = run(folder, size)
    return time.perf_counter() - start, count


def main() -> None:
    """Run both sides in turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--size", type=int, default=None, help="by default what the pictures suggest")
    options = parser.parse_args()
    list_files(options.folder)  # both sides then find the folder in the system's cache
    rows = []
    for repeat in range(options.repeats):
        pillow, count = timed(with_pillow, options.folder, options.size)
        packing, packed = timed(with_sparring, options.folder, options.size)
        rows.append({"pillow_s": pillow, "packing_s": packing, "ratio": packing / pillow})
        print(
            f"{repeat + 1}: Pillow {pillow:6.2f} s ({count:,})   packing {packing:6.2f} s ({packed:,})   "
            f"ratio {packing / pillow:.2f}",
            flush=True,
        )
    median = statistics.median(row["ratio"] for row in rows)
    print(f"median ratio {median:.2f} with {usable_cores()} processes")
    figures = {"processes": usable_cores(), "pictures": count, "rows": rows, "median_ratio": median}
    print(write("packing", figures))


if __name__ == "__main__":
    main()

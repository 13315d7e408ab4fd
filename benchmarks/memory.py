"""Peak memory of training on a folder of pictures: the largest process of `sparring train`, packing included.

python -m benchmarks.memory FOLDER [--kimg 4] [--limit-mib 1500]
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import record


def main() -> None:
    """Train in a child process with an empty cache and ask the system for its peak."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kimg", type=float, default=4.0)
    parser.add_argument("--limit-mib", type=float, default=1500.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        words = [sys.executable, "-m", "sparring", "train", str(options.folder), "--kimg", str(options.kimg)]
        subprocess.run(
            [*words, "--out", str(Path(scratch) / "run")],
            check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "SPARRING_CACHE": str(Path(scratch) / "cache")},
            timeout=3600,
        )
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"peak {peak:,.0f} MiB of {options.limit_mib:,.0f}: {100 * peak / options.limit_mib:.0f} %")
    print(record.write("memory", {"peak_mib": peak, "limit_mib": options.limit_mib, "kimg": options.kimg}))


if __name__ == "__main__":
    main()

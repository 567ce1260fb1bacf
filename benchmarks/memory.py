"""Peak memory of one column of one row, alone in its process: ``python -m benchmarks.memory KEY COLUMN``."""

from __future__ import annotations

import json
import resource
import sys

from .peers import makers_of, module_of
from .workloads import BY_KEY, case_of

CALLS = {"cnn": 4, "sequence": 4, "epoch": 1}
# The libraries that are compared; the others' columns are about time.
COLUMNS = ("tapegrad", "PyTorch", "JAX")


def peak() -> int:
    """Return the most bytes of memory this process has held.

    Linux's own figure for this program, where there is one: ``ru_maxrss`` begins with that of the process that started it.
    """
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    key, column, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    workload = BY_KEY[key]
    make = makers_of(module_of(column), workload)[column]
    imported = peak()
    runner = make(case_of(workload, threads, count=2))
    for i in range(CALLS.get(workload.group, 20)):
        runner.wait(runner.call(*runner.batches[i % len(runner.batches)]))
    print(json.dumps({"imported": imported, "peak": peak()}))


if __name__ == "__main__":
    main()

"""One row, in a process of its own: ``python -m benchmarks.one KEY`` prints its figures as JSON in the last line."""

from __future__ import annotations

import argparse
import json
import os
import time
from typing import Any

from .agreement import compare, figures
from .clock import Clock, measure, summary
from .peers import columns, reason
from .peers.columns import BYTES, PRODUCTS
from .workloads import BY_KEY, Runner, Workload, case_of


def row(workload: Workload, threads: int, rounds: int, budget: float, warm: float) -> dict[str, Any]:
    makers, failures = columns(workload)
    runners: dict[str, Runner] = {}
    found: dict[str, Any] = {}
    for name, make in makers.items():
        try:
            runner = make(case_of(workload, threads, check=True))
            if name not in (PRODUCTS, BYTES) and workload.kind != "epoch":
                found[name] = figures(runner, workload)
            if workload.group == "cnn":
                runner = make(case_of(workload, threads))
            runners[name] = runner
        except Exception as error:
            failures[name] = reason(error)
    clocks = {}
    for name, runner in runners.items():
        clocks[name] = Clock(runner)
        try:
            clocks[name].warm_up(warm)
        except Exception as error:
            del clocks[name]
            failures[name] = reason(error)
    times = measure(clocks, rounds, budget)
    agreed = compare({name: found[name] for name in clocks if name in found}, workload)
    result = {name: summary(values) | agreed.get(name, {"same": True}) for name, values in times.items()}
    for name, column in result.items():
        if note := clocks[name].runner.note():
            column["note"] = note
    return {"columns": result, "failures": failures, "pools": pools()}


def pools() -> list[str]:
    """Return the thread pools of the libraries that are loaded, with their sizes."""
    from threadpoolctl import threadpool_info

    names = (
        f"{p['internal_api']} {p['version'] or ''} × {p['num_threads']}".replace("  ", " ") for p in threadpool_info()
    )
    return sorted(set(names))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("key", choices=BY_KEY)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--budget", type=float, default=30)
    parser.add_argument("--warm", type=float, default=0.5)
    options = parser.parse_args()
    load = os.getloadavg()[0]
    start = time.time()
    result = row(BY_KEY[options.key], options.threads, options.rounds, options.budget, options.warm)
    result |= {"load": round(load, 2), "seconds": round(time.time() - start), "threads": options.threads}
    print(json.dumps(result))


if __name__ == "__main__":
    main()

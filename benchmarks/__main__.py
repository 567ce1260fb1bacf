"""``make bench``: measure, keep the raw figures, write the page."""

from __future__ import annotations

import argparse
import datetime
import json
import pathlib
import subprocess
import sys
from typing import Any

from . import page
from .cold import cold_start
from .footprint import footprint
from .machine import environment, keep_to, machine
from .memory import COLUMNS
from .workloads import BY_KEY

ROOT = pathlib.Path(__file__).resolve().parent.parent
RAW = ROOT / "benchmarks" / "raw"
PAGE = ROOT / "docs" / "results" / "benchmarks.md"
# Seconds that a row may take with all that it compiles.
PATIENCE = 1800
PARTS = ("steps", "memory", "footprint", "cold")


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="ROW", choices=list(BY_KEY), help=f"of {', '.join(BY_KEY)}")
    parser.add_argument("--parts", nargs="+", choices=PARTS, help="default: all; steps and memory with --only")
    parser.add_argument("--threads", type=int, default=2, help="of every library; default 2")
    parser.add_argument("--rounds", type=int, default=40, help="at most; default 40")
    parser.add_argument("--budget", type=float, default=40, help="seconds of measuring for a row; default 40")
    parser.add_argument(
        "--quick", action="store_true", help="few rounds, to see that all works: benchmarks/raw/quick.md"
    )
    parser.add_argument("--page", action="store_true", help="measure nothing: write the page from the raw figures")
    options = parser.parse_args(arguments)
    options.parts = options.parts or (PARTS[:2] if options.only else PARTS)
    return options


def child(arguments: list[str], threads: int) -> dict[str, Any]:
    """Run a module of this package in a process of its own; a crash comes back as ``{"crash": ...}``."""
    command = [sys.executable, "-m", *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=ROOT, env=environment(threads), timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return {"crash": f"did not end within {PATIENCE} seconds"}
    try:
        return json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, json.JSONDecodeError):
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return {"crash": f"ended with {done.returncode}: {last[:300]}"}


def steps(results: dict[str, Any], key: str, options: argparse.Namespace) -> None:
    numbers = {"--threads": options.threads, "--rounds": options.rounds, "--budget": options.budget}
    flags = [text for name, value in numbers.items() for text in (name, str(value))]
    row = child(["benchmarks.one", key, *flags, *(["--warm", "0.1"] if options.quick else [])], options.threads)
    results.setdefault("rows", {})[key] = row | {"date": today()}
    for name, reason in row.get("failures", {}).items() if "crash" not in row else [("crash", row["crash"])]:
        say(f"  {name}: {reason}")


def memory(results: dict[str, Any], key: str, options: argparse.Namespace) -> None:
    row = results.get("rows", {}).get(key, {})
    names = [name for name in row.get("columns", {}) if name.startswith(COLUMNS)]
    results.setdefault("memory", {})[key] = {
        name: child(["benchmarks.memory", key, name, str(options.threads)], options.threads) for name in names
    }


def today() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    options = parsed()
    if options.quick:
        options.rounds, options.budget = min(options.rounds, 5), min(options.budget, 3)
    raw = RAW / ("quick.json" if options.quick else "results.json")
    target = RAW / "quick.md" if options.quick else PAGE
    RAW.mkdir(exist_ok=True)
    results = json.loads(raw.read_text()) if raw.exists() else {}

    def keep() -> None:
        raw.write_text(json.dumps(results, indent=1))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page.render(results, target.read_text() if target.exists() else ""))

    if not options.page:
        keep_to(options.threads)
        results |= {"machine": machine(), "threads": options.threads, "date": today(), "quick": options.quick}
        for part, measure in (("steps", steps), ("memory", memory)):
            for key in (options.only or BY_KEY) if part in options.parts else ():
                say(f"{part}: {BY_KEY[key].title}")
                measure(results, key, options)
                keep()
        if "footprint" in options.parts:
            say("installed size and import time")
            results["footprint"] = footprint(2 if options.quick else 9)
            keep()
        if "cold" in options.parts:
            say("cold start")
            results["cold"] = cold_start(1 if options.quick else 5, environment(options.threads))
    keep()
    say(f"wrote {target.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

"""What it costs a training that the board is open on it: ``python -m benchmarks.board`` on an idle machine, after
``make board``. With Chromium and playwright (``requirements/test.txt``); it takes about twenty minutes.

``tapegrad train`` on 784-512-512-10 (MNIST where TAPEGRAD_DATA has it, else noise of its size) is timed with the board
closed, with its page open on the run's curves and on its graph; a second column without the board shows what two equal
trainings differ by. Each round runs all columns once, and the ratios are those within a round: more than 1 is slower.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import numpy as np

COLUMNS = ("closed", "closed again", "curves", "graph")
RECIPE = """
data: {{{data}, batch_size: 128, split: {{valid: 5000}}}}
model: {{layers: [784, 512, 512, 10]}}
loss: CrossEntropyLoss
optimizer: {{type: Adam, lr: 0.001}}
training: {{epochs: {epochs}}}
metrics: [accuracy]
threads: {threads}
"""


def data_of(folder: pathlib.Path) -> str:
    """Return the recipe's data: MNIST, or a file of noise that is made in a folder."""
    root = os.environ.get("TAPEGRAD_DATA")
    if root and pathlib.Path(root, "mnist").is_dir():
        return f"set: mnist, standardize: true, root: {json.dumps(os.path.abspath(root))}"
    rng = np.random.default_rng(0)
    sizes = {"train": 60_000, "test": 10_000}
    arrays = {}
    for part, count in sizes.items():
        arrays[f"x_{part}"] = rng.standard_normal((count, 784)).astype(np.float32)
        arrays[f"y_{part}"] = rng.integers(0, 10, count)
    np.savez(folder / "noise.npz", **arrays)
    return f"set: npz, arguments: {{path: {json.dumps(str(folder / 'noise.npz'))}}}"


@contextlib.contextmanager
def board(runs: pathlib.Path) -> Iterator[str]:
    """Start the board as its command does, and give its address."""
    command = [sys.executable, "-m", "tapegrad", "board", str(runs), "--no-open", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+?(?=/\s)", process.stdout.readline())
        try:
            assert found is not None, "the board did not start"
            yield found[0]
        finally:
            process.terminate()


@contextlib.contextmanager
def page(address: str) -> Iterator[Any]:
    """Open the board's table of runs in a browser."""
    from tests.board.browser.chromium import chromium, missing

    if lacking := missing():
        raise SystemExit(lacking)
    with chromium() as browser:
        opened = browser.new_page(viewport={"width": 1280, "height": 900})
        opened.goto(f"{address}/#/")
        opened.wait_for_selector("main h1")
        yield opened


def train(recipe: pathlib.Path, runs: pathlib.Path, address: str | None, opened: Any, view: str) -> float:
    """Train, with a view of the run open where there is a page, and return the seconds that the epochs took."""
    command = [sys.executable, "-m", "tapegrad", "train", str(recipe), "--runs", str(runs)]
    with tempfile.TemporaryFile("w+") as said:
        with subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT) as process:
            if opened is not None:
                watch(opened, f"{address}/#/run/{number_of(address, name_of(process, said))}/{view}", process)
        name = name_of(process, said)
    events = [json.loads(line) for line in (runs / name / "events.jsonl").read_text().splitlines()]
    return sum(event["seconds"] for event in events if event["event"] == "epoch")


def name_of(process: subprocess.Popen, said: Any) -> str:
    """Return the name of the run that a training tells of when it begins."""
    while True:
        ended = process.poll() is not None
        said.seek(0)
        text = said.read()
        if found := re.search(r"^run: (.+)\n", text, re.MULTILINE):
            return pathlib.Path(found[1]).name
        if ended:
            raise SystemExit(text)
        time.sleep(0.05)


def watch(opened: Any, address: str, process: subprocess.Popen) -> None:
    """Show a view until the training ends."""
    opened.goto(address)
    while process.poll() is None:
        opened.wait_for_timeout(1000)  # the browser's events are heard meanwhile
    assert "epoch" in opened.inner_text("main")


def number_of(address: str | None, name: str) -> int:
    """Return the number that the board gave a run, which it may not have seen yet."""
    while True:
        with urllib.request.urlopen(f"{address}/api/runs") as answer:
            for run in json.load(answer)["runs"]:
                if run["name"] == name:
                    return run["id"]
        time.sleep(0.1)


def measure(recipe: pathlib.Path, runs: pathlib.Path, column: str) -> float:
    if column.startswith("closed"):
        return train(recipe, runs, None, None, "")
    with board(runs) as address, page(address) as opened:
        return train(recipe, runs, address, opened, column)


def report(times: dict[str, list[float]]) -> None:
    """Print the medians, and each column's ratio to the first, round by round."""
    base = times[COLUMNS[0]]
    print(f"{'':14}{'seconds':>9}{'ratio':>8}   lowest … highest of {len(base)} rounds")
    for column, seconds in times.items():
        ratios = [one / other for one, other in zip(seconds, base, strict=True)]
        median = statistics.median(ratios)
        print(f"{column:14}{statistics.median(seconds):9.2f}{median:8.3f}   {min(ratios):.3f} … {max(ratios):.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=8, help="of each training")
    parser.add_argument("--threads", type=int, default=[1, os.cpu_count() or 1], nargs="+", help="of BLAS")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        data, runs = data_of(folder), folder / "runs"
        runs.mkdir()
        for threads in dict.fromkeys(options.threads):
            recipe = folder / f"threads-{threads}.yaml"
            recipe.write_text(RECIPE.format(data=data, epochs=options.epochs, threads=threads))
            train(recipe, runs, None, None, "")
            times: dict[str, list[float]] = {column: [] for column in COLUMNS}
            for number in range(options.rounds):
                # Another column is first in each round.
                for place in range(len(COLUMNS)):
                    column = COLUMNS[(number + place) % len(COLUMNS)]
                    times[column].append(measure(recipe, runs, column))
            print(f"\n{threads} BLAS thread{'s' if threads > 1 else ''}, {options.epochs} epochs")
            report(times)


if __name__ == "__main__":
    main()

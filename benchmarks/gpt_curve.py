"""The small GPT of ``examples/gpt.py`` trained by tapegrad and by PyTorch from the same weights on the same batches.

    python -m benchmarks.gpt_curve path/to/tinyshakespeare/input.txt

trains 50 steps in float64, eagerly with both and compiled with tapegrad, and writes the losses to ``docs/results/gpt.md``.
The same file serves both: for PyTorch the name after ``import`` is changed, and nothing else.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
import time
import types
from collections.abc import Callable
from typing import Any

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "gpt.py"
PAGE = ROOT / "docs" / "results" / "gpt.md"


def example(library: str) -> types.ModuleType:
    """Return the example as a module that uses ``tapegrad`` or ``torch``."""
    source = EXAMPLE.read_text()
    if library == "torch":
        source = source.replace("import tapegrad as torch", "import torch").replace("from tapegrad", "from torch")
    module = types.ModuleType(f"gpt_with_{library}")
    sys.modules[module.__name__] = module
    exec(compile(source, f"{EXAMPLE} with {library}", "exec"), module.__dict__)
    return module


def first_weights(sizes: dict[str, Any]) -> list[np.ndarray]:
    """Return the parameters that the example begins with, in float64."""
    gpt = example("tapegrad")
    gpt.torch.manual_seed(0)
    return [p.detach().numpy().astype(np.float64) for p in gpt.GPT(gpt.Config(**sizes)).parameters()]


def drawn_batches(text: str, context: int, size: int, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return numbers of characters from random places of a text, and those that follow."""
    alphabet = {character: i for i, character in enumerate(sorted(set(text)))}
    data = np.array([alphabet[character] for character in text])
    rng = np.random.default_rng(0)
    result = []
    for _ in range(count):
        places = rng.integers(0, len(data) - context, size)[:, None] + np.arange(context)
        result.append((data[places], data[places + 1]))
    return result


def curve(library: str, sizes: dict[str, Any], batches: list, *, compiled: bool = False) -> tuple[list[float], float]:
    """Return the losses of a training, and the median seconds of a step."""
    gpt = example(library)
    lib = gpt.torch
    model = gpt.GPT(gpt.Config(**sizes)).double()
    with lib.no_grad():
        for parameter, value in zip(model.parameters(), first_weights(sizes), strict=True):
            parameter.copy_(lib.from_numpy(value))
    optimizer = gpt.optimizer_for(model)

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = model(x, y)
        loss.backward()
        gpt.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss

    run: Callable[..., Any] = lib.compile(step) if compiled else step
    losses, seconds = [], []
    for x, y in batches:
        start = time.perf_counter()
        losses.append(run(lib.from_numpy(x), lib.from_numpy(y)).item())
        seconds.append(time.perf_counter() - start)
    if compiled and run.refusals:
        raise SystemExit(f"the step was not compiled: {run.refusals}")
    return losses, sorted(seconds)[len(seconds) // 2]


def largest_difference(a: list[float], b: list[float]) -> float:
    return max(abs(x - y) for x, y in zip(a, b, strict=True))


def page(results: dict[str, tuple[list[float], float]], batch: int) -> str:
    """Return the page with losses, differences and times."""
    import torch

    import tapegrad as tg

    expected = results["PyTorch"][0]
    lines = [
        "# The small GPT beside PyTorch",
        "",
        f"`python -m benchmarks.gpt_curve path/to/tinyshakespeare/input.txt --batch {batch} --steps {len(expected)}`",
        "",
        "6 layers, 6 heads, 384 wide, context 256, characters of tinyshakespeare, weights of embedding and last layer tied, AdamW",
        "(rate 1e-3, β 0.9 and 0.99, decay 0.1 for matrices), gradients clipped to norm 1, no dropout; float64, the same first",
        f"weights and the same {len(expected)} batches of {batch}. One file, [examples/gpt.py](../../examples/gpt.py), serves both",
        f"libraries. tapegrad {tg.__version__}, PyTorch {torch.__version__}, NumPy {np.__version__}.",
        "",
        "| | first loss | last loss | largest difference from PyTorch in any step | median step |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, (losses, seconds) in results.items():
        off = "" if name == "PyTorch" else f"{largest_difference(losses, expected):.1e}"
        lines.append(f"| {name} | {losses[0]:.10f} | {losses[-1]:.10f} | {off} | {seconds:.2f} s |")
    lines += ["", "| step | " + " | ".join(results) + " |", "| --- |" + " --- |" * len(results)]
    for i in sorted({*range(0, len(expected), 5), len(expected) - 1}):
        lines.append(f"| {i} | " + " | ".join(f"{losses[i]:.12f}" for losses, _ in results.values()) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpt_curve", description=__doc__)
    parser.add_argument("text", type=pathlib.Path)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--batch", type=int, default=4)
    options = parser.parse_args()
    text = options.text.read_text(encoding="utf-8")
    sizes = {"characters": len(set(text))}
    batches = drawn_batches(text, 256, options.batch, options.steps)
    results = {
        "PyTorch": curve("torch", sizes, batches),
        "tapegrad, eager": curve("tapegrad", sizes, batches),
        "tapegrad, compiled": curve("tapegrad", sizes, batches, compiled=True),
    }
    PAGE.write_text(page(results, options.batch))
    worst = max(largest_difference(losses, results["PyTorch"][0]) for losses, _ in results.values())
    print(f"wrote {PAGE.relative_to(ROOT)}; largest difference {worst:.1e}")
    if worst >= 1e-8:
        raise SystemExit("the losses are to agree to 1e-8")


if __name__ == "__main__":
    main()

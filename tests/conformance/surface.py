"""Which of PyTorch's names tapegrad has: ``python -m tests.conformance.surface`` writes docs/surface.md."""

from __future__ import annotations

import re

import torch

import tapegrad as tg

from .case import quiet
from .engine import ROOT
from .reasons import REASONS, ROOM_REASONS
from .signatures import resolve
from .surface_names import GROUPS

ROOMS = [
    "", "Tensor", "nn", "nn.functional", "nn.init", "nn.utils", "nn.utils.rnn", "nn.utils.parametrize",
    "nn.utils.parametrizations", "nn.utils.prune", "nn.utils.stateless", "nn.Module", "nn.parameter", "optim",
    "optim.lr_scheduler", "optim.swa_utils", "linalg", "fft", "special", "autograd", "autograd.functional",
    "autograd.graph", "autograd.forward_ad", "func", "utils.data", "utils.checkpoint", "distributions",
    "distributions.constraints", "distributions.transforms", "sparse", "random", "amp", "accelerator", "cuda", "backends",
    "jit", "compiler", "testing", "serialization", "signal.windows", "masked", "overrides", "utils.tensorboard", "onnx",
    "multiprocessing", "hub", "profiler", "distributed", "package", "library", "export", "fx", "mps", "xpu", "nested",
]  # fmt: skip


def has(room, name):
    holder = resolve(room, tg)
    if holder is None:
        return False
    if room in ("optim.Optimizer", "nn.Module") and name in ("param_groups", "state", "training", "defaults"):
        return True
    return resolve(name, holder) is not None or _instance_has(room, name)


def _instance_has(room, name):
    """An attribute whose value on the class says nothing: ``grad`` may be None."""
    holder = resolve(room, tg)
    try:
        return isinstance(holder, type) and any(
            name in vars(c) or name in getattr(c, "__slots__", ()) for c in holder.__mro__
        )
    except AttributeError:
        return False


def used():
    """Of each group of the names that scripts use: title, room, names, the absent ones, the share wanted."""
    for title, room, names, share in GROUPS:
        absent = [n for n in names if not has(room, n)]
        yield title, room, names, absent, share


def public(room):
    """The public names of a room of the installed PyTorch: what it holds itself, not what it has imported."""
    holder = resolve(room, torch)
    if holder is None:
        return []
    listed = getattr(holder, "__all__", None) if room not in ("", "nn") else None
    names = listed or dir(holder)
    with quiet():
        return _own(room, holder, names, listed)


def _own(room, holder, names, listed):
    return sorted({n for n in names if not n.startswith("_") and _belongs(room, getattr(holder, n, None), listed)})


def _belongs(room, value, listed):
    if listed or isinstance(resolve(room, torch), type):
        return True
    if type(value).__name__ == "module":
        return value.__name__.startswith("torch.") and value.__name__.count(".") <= 1 + room.count(".") + bool(room)
    module = getattr(value, "__module__", None) or "torch"
    return module.startswith("torch") and type(value).__name__ not in ("_SpecialForm", "TypeVar")


def reason(room, name):
    """Why a name is absent, or an empty string."""
    full = f"{room}.{name}" if room else name
    if room in ROOM_REASONS:
        return ROOM_REASONS[room]
    return next((why for pattern, why in REASONS if re.fullmatch(pattern, full)), "")


def document() -> str:
    """The page, in Markdown."""
    lines = [HEAD, "## What scripts use\n", "| group | names | present | share | wanted |", "|---|--:|--:|--:|--:|"]
    rest = []
    for title, room, names, absent, share in used():
        there = len(names) - len(absent)
        lines.append(f"| {title} | {len(names)} | {there} | {100 * there / len(names):.1f} % | {100 * share:.0f} % |")
        rest += [(room, n, names[n]) for n in absent]
    lines.append("\nAbsent of these:\n")
    lines += [
        f"- `{_full(room, n)}`{f' (used by {c})' if c else ''}: {reason(room, n) or 'not yet'}" for room, n, c in rest
    ]
    if not rest:
        lines.append("none.")
    lines += [
        f"\n## Everything that PyTorch {torch.__version__.split('+')[0]} has\n",
        "| room | names | present | absent |",
        "|---|--:|--:|--:|",
    ]
    detail = []
    for room in ROOMS:
        names = public(room)
        absent = [n for n in names if not has(room, n)]
        title = f"torch.{room}".rstrip(".")
        lines.append(f"| `{title}` | {len(names)} | {len(names) - len(absent)} | {len(absent)} |")
        groups: dict[str, list] = {}
        for n in absent:
            groups.setdefault(reason(room, n) or "not yet", []).append(n)
        detail += [f"- `{title}`, {len(found)} names: {why}. " + _list(found) for why, found in groups.items()]
    return "\n".join([*lines, "\n## Why the absent ones are absent\n", *detail]) + "\n"


def _list(names):
    return ", ".join(f"`{n}`" for n in names[:80]) + (f" and {len(names) - 80} more" if len(names) > 80 else "")


def _full(room, name):
    return f"torch.{room}.{name}" if room else f"torch.{name}"


HEAD = """# The surface: which of PyTorch's names there are

`python -m tests.conformance.surface` writes this page. A name is present when `tapegrad` has it where `torch` has it;
whether it does the same is what `docs/results/conformance.md` tells.
"""


def main():
    (ROOT / "docs" / "surface.md").write_text(document())
    for title, _, names, absent, share in used():
        there = 1 - len(absent) / len(names)
        print(
            f"{title}: {100 * there:.1f} % of {len(names)}{'' if there >= share else '  TOO FEW'}  {' '.join(absent)}"
        )


if __name__ == "__main__":
    main()

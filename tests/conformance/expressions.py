"""Cases written as Python text that runs in both: whatever the databases lack.

Each name has expressions over ``torch``, ``nn``, ``F`` and a few values; ``; `` separates statements, the last one is the
result. Its value is compared (also text, numbers, dtypes, devices) with its derivatives, or the kind of its exception.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import torch

import tapegrad as tg

from .case import Case, Subject, gradients, quiet, seed
from .expression_table import DRAWN, GROUPS
from .signatures import resolve
from .values import compare


def values(module):
    """What the expressions may name: drawn once, the same in both."""
    rng = np.random.default_rng(7)

    def leaf(*shape, low=-2.0, high=2.0):
        return module.from_numpy(rng.uniform(low, high, shape)).requires_grad_()

    given = {
        "a": leaf(3, 4), "b": leaf(3, 4), "v": leaf(4), "w": leaf(4), "m": leaf(3, 3), "s": leaf(), "d": leaf(2, 3, 4),
        "p": leaf(3, 4, low=0.2, high=0.9), "e": leaf(2, 3, 4, 5), "q": leaf(1, 2, 4, 4, 4), "z": leaf(0, 3),
        "i": module.from_numpy(rng.integers(-5, 6, (3, 4))), "j": module.from_numpy(rng.integers(1, 9, (3, 4))),
        "k": module.from_numpy(np.array([2, 0, 1])), "t": module.from_numpy(rng.random((3, 4)) > 0.5),
        "f": module.from_numpy(rng.standard_normal((3, 4)).astype(np.float32)),
        "u": module.from_numpy(rng.integers(0, 255, (3, 4)).astype(np.uint8)),
        "c": module.from_numpy(rng.standard_normal((3, 4)) + 1j * rng.standard_normal((3, 4))).requires_grad_(),
    }  # fmt: skip
    return given | {"torch": module, "nn": module.nn, "F": module.nn.functional, "math": math, "np": np}


def evaluate(text, names):
    *statements, last = text.split("; ")
    for statement in statements:
        exec(statement, names)  # our own text
    return eval(last, names)


def attempt(text, module):
    names = values(module)
    seed(text)
    try:
        return evaluate(text, names), None, names
    except Exception as error:
        return None, error, names


def run_expression(text, drawn):
    def run(meter):
        with quiet():
            want, refused, theirs = attempt(text, torch)
            got, error, ours = attempt(text, tg)
            if refused is not None:
                if error is None:
                    return f"no error, want {type(refused).__name__}: {refused}"
                same = isinstance(error, _builtin(type(refused)))
                return None if same else f"{type(error).__name__}, want {type(refused).__name__}: {error}"
            if error is not None:
                return f"{type(error).__name__}: {str(error)[:150]}"
            if isinstance(want, type) or (want is not None and _opaque(want)):
                return None if type(got).__name__ == type(want).__name__ or got is want else f"{got!r}, want {want!r}"
            wrong = compare(_plain(got), _plain(want), meter, values=not drawn)
            if wrong or drawn:
                return wrong
            leaves = [
                k
                for k, x in theirs.items()
                if isinstance(x, torch.Tensor) and x.requires_grad and x.is_leaf and k in VALUES
            ]
            return gradients(got, want, [theirs[k] for k in leaves], [ours[k] for k in leaves], 2, meter, 1.0)

    return run


VALUES = frozenset("abvwmsdpeqzc")
PLAIN = (torch.Tensor, str, int, float, complex, bool, tuple, list, dict, np.ndarray, torch.dtype, torch.device)


def _opaque(x):
    return not isinstance(x, PLAIN) and not isinstance(x, (torch.nn.Module, torch.memory_format, torch.layout))


def _plain(x):
    if type(x).__name__ == "PackedSequence":
        return tuple(x)
    if type(x).__name__ in ("memory_format", "layout", "MemoryFormat", "Layout"):
        return str(x)
    return dict(x) if type(x).__name__ == "OrderedDict" else x


def _builtin(kind):
    """The kind of exception itself, or the builtin that it is a kind of."""
    return next(k for k in kind.__mro__ if k.__module__ == "builtins")


def cases(name, expressions, fast):
    for text in expressions[: 2 if fast else None]:
        yield Case(text, run_expression(text, name in DRAWN))


def subjects():
    for prefix, table in GROUPS.items():
        for name, expressions in table.items():
            full = f"{prefix}.{name}" if prefix else name
            place = full.removeprefix("torch.")
            present = _has(place)
            kind = (
                "initialisation"
                if prefix == "init"
                else "layer"
                if prefix == "nn"
                else "optimizer"
                if prefix == "optim"
                else "own"
            )
            yield Subject(full, kind, present, functools.partial(cases, full, expressions))


def _has(place):
    if place.startswith("Tensor."):
        return any(place[7:] in vars(c) or place[7:] in getattr(c, "__slots__", ()) for c in tg.Tensor.__mro__)
    return resolve(place.replace("init.", "nn.init.", 1) if place.startswith("init.") else place, tg) is not None

"""Initialisations: equal values for the fixed ones, equal moments and bounds for the drawn ones."""

from __future__ import annotations

import functools

import numpy as np
import torch

import tapegrad as tg

from .case import Case, Subject, quiet, seed
from .values import compare, raw

FIXED = {
    "constant_": [((3, 4), "0.3"), ((2,), "1"), ((2, 3), "val=-2.5"), ((0,), "1.0"), ((1, 2, 3), "7")],
    "ones_": [((3, 4), ""), ((2,), ""), ((), ""), ((0, 2), ""), ((1, 2, 3), "")],
    "zeros_": [((3, 4), ""), ((2,), ""), ((), ""), ((0, 2), ""), ((1, 2, 3), "")],
    "eye_": [((3, 4), ""), ((4, 3), ""), ((2, 2), ""), ((1, 5), ""), ((1, 1), "")],
    "dirac_": [
        ((3, 3, 3), ""),
        ((4, 2, 3, 3), ""),
        ((4, 2, 3, 3), "2"),
        ((6, 3, 2, 2, 2), "groups=3"),
        ((2, 4, 5), ""),
    ],
}
LARGE = (120, 150)
DRAWN = {
    "uniform_": [(LARGE, ""), (LARGE, "-2.0, 3.0"), (LARGE, "a=1.0, b=1.5"), ((9000,), "0.0, 0.1"), ((30, 20, 5, 5), "-1, 1")],
    "normal_": [(LARGE, ""), (LARGE, "2.0, 0.5"), (LARGE, "mean=-1.0, std=3.0"), ((9000,), "0.0, 0.01"), ((30, 20, 5, 5), "")],
    "trunc_normal_": [(LARGE, ""), (LARGE, "std=2.0, a=-1.0, b=3.0"), (LARGE, "mean=1.0, std=0.02"), ((9000,), "0.0, 1.0, -0.5, 0.5"), (LARGE, "std=0.02")],
    "xavier_uniform_": [(LARGE, ""), ((90, 300), "gain=2.0"), ((30, 20, 5, 5), ""), ((300, 90), ""), ((40, 30, 9), "0.5")],
    "xavier_normal_": [(LARGE, ""), ((90, 300), "gain=2.0"), ((30, 20, 5, 5), ""), ((300, 90), ""), ((40, 30, 9), "0.5")],
    "kaiming_uniform_": [(LARGE, ""), ((90, 300), "a=math.sqrt(5)"), ((30, 20, 5, 5), "mode='fan_out'"), ((300, 90), "nonlinearity='relu'"), ((40, 30, 9), "0.1, 'fan_in', 'tanh'")],
    "kaiming_normal_": [(LARGE, ""), ((90, 300), "a=1"), ((30, 20, 5, 5), "mode='fan_out', nonlinearity='relu'"), ((300, 90), "nonlinearity='selu'"), ((40, 30, 9), "0.1, 'fan_in', 'linear'")],
    "orthogonal_": [(LARGE, ""), ((150, 120), "gain=2.0"), ((60, 60), ""), ((40, 30, 3), ""), ((100, 4, 5, 5), "0.5")],
    "sparse_": [(LARGE, "0.1"), (LARGE, "sparsity=0.5"), (LARGE, "0.9, std=1.0"), ((300, 90), "0.25"), ((90, 300), "0.3, 0.5")],
}  # fmt: skip
GAINS = [
    "'linear'",
    "'sigmoid'",
    "'tanh'",
    "'relu'",
    "'leaky_relu'",
    "'leaky_relu', 0.2",
    "'selu'",
    "'conv2d'",
    "nonlinearity='conv_transpose3d'",
    "'leaky_relu', param=1",
]
ERRORS = {
    "eye_": ["((3,),)"], "dirac_": ["((3, 4),)", "((3, 4, 2), 2)"], "xavier_uniform_": ["((3,),)"], "xavier_normal_": ["((3,),)"],
    "kaiming_uniform_": ["((3,),)", "((3, 3), 0, 'no')", "((3, 3), 0, 'fan_in', 'no')"], "kaiming_normal_": ["((3,),)"],
    "orthogonal_": ["((3,),)"], "sparse_": ["((3,), 0.1)", "((3, 3, 3), 0.1)"],
}  # fmt: skip
NAMES = {"torch": torch}


def call(module, name, shape, arguments):
    import math

    w = module.empty(*shape, dtype=module.float64) if shape else module.empty((), dtype=module.float64)
    result = eval(f"init.{name}(w, {arguments})", {"init": module.nn.init, "w": w, "math": math})  # our own text
    return w, result


def run_fixed(name, shape, arguments):
    def run(meter):
        with quiet():
            (want, _), (got, back) = call(torch, name, shape, arguments), call(tg, name, shape, arguments)
            return compare(got, want, meter) or (None if back is got else "does not return its tensor")

    return run


def moments(w):
    """What a drawn tensor has in common with every other of its kind, with the scatter of each estimate."""
    n, std = w.size, float(w.std()) or 1.0
    matrix = w.reshape(w.shape[0], -1)
    rows = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    return {
        "mean": (float(w.mean()), 6 * std / n**0.5),
        "deviation": (float(w.std()), 6 * std / n**0.5),
        "fourth moment": (float((w**4).mean()), 6 * float((w**4).std()) / n**0.5 + 1e-12),
        "lower quartile": (float(np.quantile(w, 0.25)), 12 * std / n**0.5),
        "zeros": (float((w == 0).mean()), 0.01),
        "bound": (float(np.quantile(np.abs(w), 0.999)), 0.6 * std),
        "length of rows": (float(np.diag(rows).mean()), 0.05 * float(np.diag(rows).mean())),
    }


def run_drawn(name, shape, arguments):
    def run(meter):
        with quiet():
            (want, _), (got, back) = call(torch, name, shape, arguments), call(tg, name, shape, arguments)
            if back is not got:
                return "does not return its tensor"
            a, b = moments(np.asarray(got)), moments(raw(want))
            wrong = [
                f"{k} {a[k][0]:.4g}, want {v:.4g}" for k, (v, scatter) in b.items() if abs(a[k][0] - v) > 2 * scatter
            ]
            if name == "orthogonal_":
                m = np.asarray(got).reshape(shape[0], -1)
                gram = m @ m.T if m.shape[0] <= m.shape[1] else m.T @ m
                if not np.allclose(gram, gram[0, 0] * np.eye(len(gram)), atol=1e-10):
                    wrong.append("rows are not orthogonal")
            return "; ".join(wrong) or None

    return run


def run_gain(arguments):
    def run(meter):
        want, got = (eval(f"init.calculate_gain({arguments})", {"init": m.nn.init}) for m in (torch, tg))
        return compare(got, want, meter)

    return run


def run_refusal(name, arguments):
    def run(meter):
        kinds = []
        with quiet():
            for module in (torch, tg):
                shape, *rest = eval(arguments)
                try:
                    getattr(module.nn.init, name)(module.empty(*shape), *rest)
                    kinds.append(None)
                except Exception as error:
                    kinds.append(error)
        want, got = kinds
        if want is None:
            return None if got is None else f"{type(got).__name__}, want no error"
        return None if isinstance(got, type(want)) else f"{type(got).__name__}, want {type(want).__name__}"

    return run


def cases(name, fast):
    if name == "calculate_gain":
        yield from (Case(f"({g})", run_gain(g)) for g in GAINS)
        return
    runner, table = (run_fixed, FIXED) if name in FIXED else (run_drawn, DRAWN)
    for shape, arguments in table[name][: 2 if fast else None]:
        seed(name)
        yield Case(f"{shape} ({arguments})", runner(name, shape, arguments))
    if not fast:
        yield from (Case(f"error {e}", run_refusal(name, e)) for e in ERRORS.get(name, ()))


def subjects():
    for name in [*FIXED, *DRAWN, "calculate_gain"]:
        yield Subject(f"init.{name}", "initialisation", hasattr(tg.nn.init, name), functools.partial(cases, name))

"""Random programs of views, copies and writes in place, which must give what they give eagerly, and leave what they leave."""

from __future__ import annotations

import random

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.compiler.compiled import Compiled

SHAPE = (4, 3)


def random_program(seed: int, length: int = 14, wide: int = 1):
    """Return a function of two tensors that uses a third one, and that tensor: the seed decides what it does."""
    draw = random.Random(seed)
    plan = []
    kinds = [
        "add",
        "mul",
        "exp",
        "clone",
        "view",
        "row",
        "rows",
        "turn",
        "write_number",
        "write_other",
        "write_row",
        "copy",
        "into",
        "sum",
        "mean",
        "outer",
        "where",
        "cat",
    ]
    for _ in range(length):
        plan.append((draw.choice(kinds), draw.random(), draw.random(), draw.random()))
    results = [draw.random() for _ in range(draw.randint(1, 4))]
    shape = (SHAPE[0] * wide, SHAPE[1])
    most = 200 * shape[0]
    outside = tg.tensor(np.linspace(-1, 1, shape[0] * shape[1]).reshape(shape).astype(_dtype(wide)))

    def pick(pool, where, like=None):
        fitting = [t for t in pool if like is None or t.shape == like.shape]
        return fitting[int(where * len(fitting))]

    def step(x, y):
        pool = [x, y, outside]
        for kind, a, b, c in plan:
            t = pick(pool, a)
            u = pick(pool, b, t)
            if kind == "add":
                pool.append(t + u * 0.5)
            elif kind == "mul":
                pool.append(t * u.tanh())
            elif kind == "exp":
                pool.append((t * 0.1).sin())
            elif kind == "clone":
                pool.append(t.clone())
            elif kind == "view":
                pool.append(t.reshape(-1))
            elif kind == "row":
                pool.append(t[0] if t.ndim else t)
            elif kind == "rows":
                pool.append(t[1:] if t.ndim and t.shape[0] > 1 else t)
            elif kind == "turn":
                pool.append(t.T if t.ndim == 2 else t)
            elif kind == "write_number":
                t.mul_(0.5)
            elif kind == "write_other":
                t.add_(u.clone() if t is u else u, alpha=0.3)
            elif kind == "write_row":
                if t.ndim and t.shape[0]:
                    t[0] = c
            elif kind == "copy":
                t.copy_(u)
            elif kind == "into":
                t.sub_(u.mean())
            elif kind == "sum":
                pool.append(t.sum(0) if t.ndim else t * 2)
            elif kind == "mean":
                pool.append(t - t.mean())
            elif kind == "outer":
                if t.numel() * u.numel() <= most:
                    pool.append(t.reshape(-1, 1) @ u.reshape(1, -1))
            elif kind == "where":
                pool.append(tg.where(t > c, t, u))
            elif kind == "cat":
                pool.append(tg.cat([t.reshape(-1), u.reshape(-1)]))
            if pool[-1].numel() > most:
                pool.pop()
        return tuple(pick(pool[2:], r) for r in results)

    return step, outside


def _dtype(wide: int) -> type:
    """Return float64 for large arrays: in float32 what is left of their sums may be rounding errors alone."""
    return np.float32 if wide == 1 else np.float64


def run_twice(seed: int, wide: int = 1) -> None:
    """Run a random program eagerly and compiled on the same inputs, three times."""
    rng = np.random.default_rng(seed)
    eager, mine = random_program(seed, wide=wide)
    plain, theirs = random_program(seed, wide=wide)
    compiled = Compiled(plain, quiet=True)
    kept = []
    for i in range(3):
        arrays = [rng.normal(size=(SHAPE[0] * wide, SHAPE[1])).astype(_dtype(wide)) for _ in range(2)]
        turned = i == 2
        ours = [tg.tensor(a.T.copy()).T if turned else tg.tensor(a) for a in arrays]
        others = [tg.tensor(a.T.copy()).T if turned else tg.tensor(a) for a in arrays]
        wanted, got = eager(*ours), compiled(*others)
        pairs = [*zip(ours, others, strict=True), *zip(wanted, got, strict=True), (mine, theirs), *kept]
        for k, (a, b) in enumerate(pairs):
            assert a.shape == b.shape, (seed, i, k)
            np.testing.assert_allclose(b.numpy(), a.numpy(), rtol=2e-4, atol=2e-5, err_msg=f"{seed} {i} {k}")
        kept += list(zip(wanted, got, strict=True))
        # What the caller does with one result must be seen in another exactly when it is seen there eagerly.
        with tg.no_grad():
            wanted[0].add_(1.0)
            got[0].add_(1.0)
        for a, b in zip(wanted, got, strict=True):
            np.testing.assert_allclose(b.numpy(), a.numpy(), rtol=2e-4, atol=2e-5, err_msg=f"{seed} {i} written")


@pytest.mark.parametrize("seed", range(40))
def test_random_views_and_writes(seed):
    run_twice(seed)

"""Ours and PyTorch's function on the same inputs: values, gradients; and second derivatives by finite differences."""

import numpy as np

import tapegrad as tg
import tapegrad.nn.functional as F

STEP = 1e-5
TOLERANCE = {np.float32: {"rtol": 3e-5, "atol": 3e-6}, np.float64: {"rtol": 1e-9, "atol": 1e-10}}


def ours(arrays, tracked=()):
    return [tg.tensor(a, requires_grad=i in tracked) if isinstance(a, np.ndarray) else a for i, a in enumerate(arrays)]


def theirs(arrays, tracked=()):
    import torch

    return [
        torch.tensor(a, requires_grad=i in tracked) if isinstance(a, np.ndarray) else a for i, a in enumerate(arrays)
    ]


def options_for(wrap, options):
    return {k: wrap([v])[0] for k, v in options.items()}


def agree(name, arrays, dtype=np.float64, tracked=(0,), tolerance=None, **options):
    """Assert that the two libraries give one result and one gradient; return our result."""
    import torch

    tolerance = tolerance or TOLERANCE[dtype]
    arrays = [a.astype(dtype) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in arrays]
    options = {
        k: v.astype(dtype) if isinstance(v, np.ndarray) and v.dtype.kind == "f" else v for k, v in options.items()
    }
    a, b = ours(arrays, tracked), theirs(arrays, tracked)
    out = getattr(F, name)(*a, **options_for(ours, options))
    expected = getattr(torch.nn.functional, name)(*b, **options_for(theirs, options))
    assert tuple(out.shape) == tuple(expected.shape)
    assert str(out.dtype) == str(expected.dtype).removeprefix("torch.")
    np.testing.assert_allclose(out.detach().numpy(), expected.detach().numpy(), **tolerance)
    if tracked:
        rng = np.random.default_rng(7)
        u = np.asarray(rng.standard_normal(out.shape), dtype=dtype)
        leaves, references = [a[i] for i in tracked], [b[i] for i in tracked]
        grads = tg.autograd.grad(out, leaves, tg.tensor(u))
        wanted = torch.autograd.grad(expected, references, torch.tensor(u))
        for g, w in zip(grads, wanted, strict=True):
            assert g.array.dtype == dtype
            np.testing.assert_allclose(g.numpy(), w.numpy(), **tolerance)
    return out


def second_order_error(function, arrays, tracked=(0,)):
    """None when the second derivative of ``function`` agrees with finite differences of the first, else a sentence."""
    rng = np.random.default_rng(3)
    probes = [rng.standard_normal(arrays[i].shape) for i in tracked]
    directions = [rng.standard_normal(arrays[i].shape) for i in tracked]
    u = None

    def projected(moved, create_graph):
        nonlocal u
        inputs = ours(moved, tracked)
        out = function(*inputs)
        u = rng.standard_normal(out.shape) if u is None else u
        leaves = [inputs[i] for i in tracked]
        grads = tg.autograd.grad(out, leaves, tg.tensor(u), create_graph=create_graph, materialize_grads=True)
        return leaves, sum((g * tg.tensor(p)).sum() for g, p in zip(grads, probes, strict=True))

    def moved_by(amount):
        moved = list(arrays)
        for i, v in zip(tracked, directions, strict=True):
            moved[i] = np.asarray(arrays[i] + amount * v)
        return moved

    leaves, h = projected(arrays, True)
    analytic = 0.0
    if h.requires_grad:
        second = tg.autograd.grad(h, leaves, materialize_grads=True)
        analytic = sum(float((g.array * v).sum()) for g, v in zip(second, directions, strict=True))
    up, down = (projected(moved_by(s), False)[1].item() for s in (STEP, -STEP))
    numeric = (up - down) / (2 * STEP)
    if abs(analytic - numeric) <= 2e-5 * max(1.0, abs(analytic), abs(numeric)):
        return None
    return f"second derivative {analytic:.9g}, finite difference {numeric:.9g}"

"""How a primitive is proved: derivatives against finite differences along random directions, in float64.

For L(x) = <u, f(x)> and a direction v the gradient must give <grad L, v> = dL(x + e v)/de; the same again for
h(x) = <w, grad L(x)> proves the second derivative.
"""

import numpy as np

import tapegrad as tg
from tapegrad.core import Tensor, grad

STEP = 1e-5
TOLERANCE = 2e-5


def float_positions(arrays):
    return [i for i, a in enumerate(arrays) if isinstance(a, np.ndarray) and a.dtype.kind == "f"]


def call(primitive, arrays, keywords):
    """Apply a primitive the way its own inputs are ordered, whatever the public order of arguments."""
    from tapegrad.core.dispatch import apply

    filled = primitive._fill(dict(keywords))
    return apply(primitive, tuple(arrays), filled)


def outputs_of(result):
    outs = result if isinstance(result, tuple) else (result,)
    return [o for o in outs if o.array.dtype.kind == "f"]


def tensors(arrays, tracked):
    return [tg.tensor(a, requires_grad=i in tracked) if isinstance(a, np.ndarray) else a for i, a in enumerate(arrays)]


def scalar(primitive, inputs, keywords, weights):
    """L = <u, f(inputs)>, as a Tensor."""
    total = None
    for out, u in zip(outputs_of(call(primitive, inputs, keywords)), weights, strict=True):
        term = (out * tg.tensor(u)).sum()
        total = term if total is None else total + term
    return total


def value(primitive, arrays, keywords, weights):
    inputs = tensors(arrays, ())
    return float(scalar(primitive, inputs, keywords, weights).item())


def gradients(primitive, arrays, keywords, weights, tracked, create_graph=False):
    inputs = tensors(arrays, tracked)
    loss = scalar(primitive, inputs, keywords, weights)
    leaves = [inputs[i] for i in tracked]
    return leaves, grad(loss, leaves, create_graph=create_graph, materialize_grads=True)


def shifted(arrays, positions, directions, amount):
    moved = list(arrays)
    for i, v in zip(positions, directions, strict=True):
        moved[i] = np.asarray(arrays[i] + amount * v)
    return moved


def normal(rng, shape):
    return np.asarray(rng.standard_normal(shape))


def close(analytic, numeric, scale):
    return abs(analytic - numeric) <= TOLERANCE * max(1.0, abs(analytic), abs(numeric), scale)


def setup(primitive, arrays, keywords, rng):
    tracked = [i for i in float_positions(arrays) if differentiable(primitive, i)]
    outs = outputs_of(call(primitive, tensors(arrays, ()), keywords))
    weights = [normal(rng, o.array.shape) for o in outs]
    directions = [normal(rng, arrays[i].shape) for i in tracked]
    return tracked, weights, directions


def exact(primitive):
    """Whether finite differences in float64 can be taken: not through random draws, nor through casts to float32."""
    return not primitive.random and "dtype" not in primitive.keywords


def differentiable(primitive, position):
    if primitive.vjp is None:
        return False
    if callable(primitive.vjp) or primitive.variadic:
        return True
    return position < len(primitive.vjp) and primitive.vjp[position] is not None


def first_order_error(primitive, arrays, keywords, rng):
    """None when the gradient is right, else a sentence."""
    if not exact(primitive):
        return None
    tracked, weights, directions = setup(primitive, arrays, keywords, rng)
    if not tracked or not weights:
        return None
    _, grads = gradients(primitive, arrays, keywords, weights, tracked)
    for i, g in zip(tracked, grads, strict=True):
        if g.array.shape != arrays[i].shape:
            return f"the gradient of input {i} has shape {g.array.shape}, the input {arrays[i].shape}"
    analytic = sum(float((g.array * v).sum()) for g, v in zip(grads, directions, strict=True))
    up, down = (value(primitive, shifted(arrays, tracked, directions, s), keywords, weights) for s in (STEP, -STEP))
    numeric = (up - down) / (2 * STEP)
    if not np.isfinite(value(primitive, arrays, keywords, weights)):
        return None  # a value that does not exist (the median of nothing) has no slope
    return None if close(analytic, numeric, 0) else f"gradient {analytic:.9g}, finite difference {numeric:.9g}"


def second_order_error(primitive, arrays, keywords, rng):
    """None when the gradient of the gradient is right, else a sentence."""
    if not exact(primitive):
        return None
    tracked, weights, directions = setup(primitive, arrays, keywords, rng)
    if not tracked or not weights:
        return None
    probes = [normal(rng, arrays[i].shape) for i in tracked]

    def projected(moved, create_graph):
        leaves, grads = gradients(primitive, moved, keywords, weights, tracked, create_graph)
        return leaves, sum((g * tg.tensor(w)).sum() for g, w in zip(grads, probes, strict=True))

    leaves, h = projected(arrays, True)
    analytic = 0.0
    if isinstance(h, Tensor) and h.requires_grad:
        second = grad(h, leaves, materialize_grads=True)
        analytic = sum(float((g.array * v).sum()) for g, v in zip(second, directions, strict=True))
    up, down = (projected(shifted(arrays, tracked, directions, s), False)[1].item() for s in (STEP, -STEP))
    numeric = (up - down) / (2 * STEP)
    if not (np.isfinite(up) and np.isfinite(value(primitive, arrays, keywords, weights))):
        return None
    return None if close(analytic, numeric, 0) else f"second derivative {analytic:.9g}, finite difference {numeric:.9g}"


def noncontiguous(array):
    """The same values with gaps in memory and the axes in another order."""
    if not isinstance(array, np.ndarray) or array.ndim == 0:
        return array
    wide = np.zeros((*(2 * n for n in array.shape[::-1]),), dtype=array.dtype)
    view = wide[tuple(slice(None, None, 2) for _ in array.shape)].T
    view[...] = array
    return view

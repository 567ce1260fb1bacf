"""Every primitive that PyTorch has too: the same values and the same gradients, in float32 and float64."""

import functools

import numpy as np
import pytest

from tapegrad.core import REGISTRY

from .check import call, gradients, outputs_of, setup, tensors

torch = pytest.importorskip("torch")
CASES = [(p, s) for p in REGISTRY.values() if p.torch and not p.random for s in p.samples()]
IDS = [f"{p.name}-{i}" for p in REGISTRY.values() if p.torch and not p.random for i, _ in enumerate(p.samples())]
TOLERANCE = {np.float32: {"rtol": 2e-4, "atol": 2e-5}, np.float64: {"rtol": 1e-9, "atol": 1e-10}}


def reference(primitive):
    """The function under ``torch``, or the method of Tensor when there is no such function."""
    found = functools.reduce(lambda o, part: getattr(o, part, None), primitive.torch.split("."), torch)
    return found if found is not None else getattr(torch.Tensor, primitive.torch)


def torch_call(primitive, inputs, keywords):
    named = dict(zip(primitive.inputs, inputs, strict=False))
    if primitive.variadic:
        return reference(primitive)(list(inputs), **keywords)
    positional = []
    for name in primitive.order:
        if name in named:
            if named[name] is not None:
                positional.append(named[name])
        elif name in keywords and keywords[name] is not None:
            positional.append(keywords[name])
        else:
            break
    used = set(primitive.order[: len(positional)])
    rest = {k: v for k, v in keywords.items() if k not in used and v is not None}
    function = reference(primitive)
    try:
        return function(*positional, **rest)
    except TypeError:  # what stands behind the arrays is keyword-only there
        arrays = [x for x in inputs if x is not None]
        return function(*arrays, **{k: v for k, v in keywords.items() if v is not None})


def as_torch(arrays, tracked=()):
    return [
        torch.tensor(a, requires_grad=i in tracked) if isinstance(a, np.ndarray) else a for i, a in enumerate(arrays)
    ]


def torch_outputs(result):
    outs = result if isinstance(result, (tuple, list)) else (result,)
    return [o for o in outs if o.is_floating_point()]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("primitive", "sample"), CASES, ids=IDS)
def test_values_and_gradients(primitive, sample, dtype, rng):
    arrays = sample.draw(rng, dtype)
    ours = call(primitive, tensors(arrays, ()), sample.keywords)
    theirs = torch_call(primitive, as_torch(arrays), sample.keywords)
    ours_all = ours if isinstance(ours, tuple) else (ours,)
    theirs_all = theirs if isinstance(theirs, (tuple, list)) else (theirs,)
    for a, b in zip(ours_all, theirs_all, strict=False):
        assert tuple(a.shape) == tuple(b.shape)
        assert str(a.dtype) == str(b.dtype).removeprefix("torch.")
        np.testing.assert_allclose(a.array, b.detach().numpy(), **TOLERANCE[dtype])
    compare_gradients(primitive, arrays, sample.keywords, dtype, rng)


def compare_gradients(primitive, arrays, keywords, dtype, rng):
    tracked, weights, _ = setup(primitive, arrays, keywords, rng)
    if not tracked or not weights:
        return
    weights = [w.astype(dtype) for w in weights]
    _, grads = gradients(primitive, arrays, keywords, weights, tracked)
    leaves = as_torch(arrays, tracked)
    outs = torch_outputs(torch_call(primitive, leaves, keywords))
    used = [(o, torch.tensor(w)) for o, w in zip(outs, weights, strict=False) if o.requires_grad]
    assert len(outs) <= len(outputs_of(call(primitive, tensors(arrays, ()), keywords)))
    expected = torch.autograd.grad(
        [o for o, _ in used], [leaves[i] for i in tracked], [w for _, w in used], allow_unused=True
    )
    for g, e in zip(grads, expected, strict=True):
        if e is not None:
            np.testing.assert_allclose(g.array, e.numpy(), **TOLERANCE[dtype])

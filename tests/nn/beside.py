"""One call made with tapegrad's and with PyTorch's module or function: results, gradients, gradients of gradients."""

import contextlib

import numpy as np

import tapegrad as tg

TOLERANCE = {"rtol": 1e-10, "atol": 1e-10}


def pair(value):
    """An array as the two libraries' tensors, which want gradients if it is of floats; other values twice."""
    import torch

    if not isinstance(value, np.ndarray):
        return value, value
    wants = value.dtype.kind == "f"
    return tg.tensor(value, requires_grad=wants), torch.tensor(value, requires_grad=wants)


def give_weights(ours, theirs, seed=0):
    """Give both modules the same random parameters; their names must be the same."""
    import torch

    rng = np.random.default_rng(seed)
    own, other = dict(ours.named_parameters()), dict(theirs.named_parameters())
    assert list(own) == list(other)
    with tg.no_grad(), torch.no_grad():
        for name, parameter in own.items():
            values = rng.standard_normal(tuple(parameter.shape)) * 0.4
            parameter.copy_(tg.tensor(values))
            other[name].copy_(torch.tensor(values))
    return list(own.values()), list(other.values())


def flat(results):
    return [r for r in (results if isinstance(results, tuple) else (results,)) if r is not None]


def same(ours, theirs, tolerance=TOLERANCE):
    assert [o is None for o in ours] == [t is None for t in theirs]
    for o, t in zip(ours, theirs, strict=True):
        if o is not None:
            assert tuple(o.shape) == tuple(t.shape)
            np.testing.assert_allclose(o.detach().numpy(), t.detach().numpy(), **tolerance)


@contextlib.contextmanager
def differentiable_twice():
    """PyTorch's other kernels for attention have no second derivative."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    with sdpa_kernel(SDPBackend.MATH):
        yield


def agree(ours, theirs, *arrays, constants=(), **options):
    """Assert that both calls agree, to second order; the arrays named in ``constants`` get no gradient. Return our results."""
    import torch

    pairs = [pair(a) for a in arrays]
    named = {name: pair(value) for name, value in options.items()}
    for name in constants:
        for tensor in named[name]:
            tensor.requires_grad_(False)
    weights = give_weights(ours, theirs) if isinstance(ours, tg.nn.Module) else ([], [])
    with differentiable_twice():
        got = flat(ours(*[p[0] for p in pairs], **{n: v[0] for n, v in named.items()}))
        want = flat(theirs(*[p[1] for p in pairs], **{n: v[1] for n, v in named.items()}))
        same(got, want)
        inputs = [*pairs, *named.values()]
        own = [x for x, _ in inputs if isinstance(x, tg.Tensor) and x.requires_grad] + weights[0]
        other = [x for _, x in inputs if isinstance(x, torch.Tensor) and x.requires_grad] + weights[1]
        rng = np.random.default_rng(1)
        probes = [rng.standard_normal(tuple(w.shape)) for w in want]
        loss = sum((g * tg.tensor(p)).sum() for g, p in zip(got, probes, strict=True))
        target = sum((w * torch.tensor(p)).sum() for w, p in zip(want, probes, strict=True))
        first = tg.autograd.grad(loss, own, create_graph=True, allow_unused=True)
        expected = torch.autograd.grad(target, other, create_graph=True, allow_unused=True)
        same(first, expected)
        again = sum((g * g).sum() for g in first if g is not None)
        once_more = sum((g * g).sum() for g in expected if g is not None)
        second = tg.autograd.grad(again, own, materialize_grads=True)
        wanted = torch.autograd.grad(once_more, other, materialize_grads=True)
        same(second, wanted, {"rtol": 1e-8, "atol": 1e-8})
    return got

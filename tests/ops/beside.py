"""What the tests of linear algebra share: a comparison with PyTorch, and matrices."""

import numpy as np
import pytest

import tapegrad as tg

torch = pytest.importorskip("torch")


def flat(result):
    return list(result) if isinstance(result, (tuple, list)) else [result]


def agree(ours, theirs, *arrays, rng=None, rtol=1e-9, atol=1e-11, gradient=True):
    """The same values, shapes and dtypes; and the same gradients of a random projection of the outputs."""
    rng = rng or np.random.default_rng(0)
    a = [tg.tensor(x, requires_grad=gradient) if isinstance(x, np.ndarray) else x for x in arrays]
    b = [torch.tensor(x, requires_grad=gradient) if isinstance(x, np.ndarray) else x for x in arrays]
    outs, refs = flat(ours(*a)), flat(theirs(*b))
    assert len(outs) == len(refs)
    for o, r in zip(outs, refs, strict=True):
        assert tuple(o.shape) == tuple(r.shape)
        assert str(o.dtype) == str(r.dtype).removeprefix("torch.")
        np.testing.assert_allclose(o.detach().numpy(), r.detach().resolve_conj().numpy(), rtol=rtol, atol=atol)
    if not gradient:
        return
    pairs = [(o, r, rng.standard_normal(o.shape)) for o, r in zip(outs, refs, strict=True) if r.requires_grad]
    got = tg.autograd.grad(
        [o for o, _, _ in pairs],
        [t for t in a if isinstance(t, tg.Tensor)],
        [tg.tensor(w) for *_, w in pairs],
        materialize_grads=True,
    )
    want = torch.autograd.grad(
        [r for _, r, _ in pairs],
        [t for t in b if isinstance(t, torch.Tensor)],
        [torch.tensor(w) for *_, w in pairs],
        materialize_grads=True,
    )
    for g, w in zip(got, want, strict=True):
        np.testing.assert_allclose(g.numpy(), w.numpy(), rtol=rtol * 100, atol=atol * 100)


def normal(rng, *shape):
    return rng.standard_normal(shape)


def definite(rng, *shape):
    a = rng.standard_normal(shape)
    return a @ np.swapaxes(a, -1, -2) + np.eye(shape[-1])


def symmetric(rng, *shape):
    a = rng.standard_normal(shape)
    return a + np.swapaxes(a, -1, -2)

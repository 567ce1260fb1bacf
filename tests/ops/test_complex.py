"""Complex numbers against PyTorch: values, gradients of first and second order, views."""

import numpy as np
import pytest

import tapegrad as tg

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(5)
Z = RNG.normal(size=(3, 4)) + 1j * RNG.normal(size=(3, 4))
W = RNG.normal(size=(3, 4)) + 1j * RNG.normal(size=(3, 4))
X = RNG.normal(size=(3, 4))

FUNCTIONS = {
    "mul": lambda t, z, w, x: z * w,
    "mul by real": lambda t, z, w, x: z * x,
    "add real": lambda t, z, w, x: z + x,
    "div": lambda t, z, w, x: x / z + z / w,
    "matmul": lambda t, z, w, x: z @ w.mT,
    "exp": lambda t, z, w, x: t.exp(z) * t.sin(w),
    "abs": lambda t, z, w, x: z.abs() ** 3,
    "sgn": lambda t, z, w, x: t.sgn(z) * w,
    "angle": lambda t, z, w, x: t.angle(z) * x,
    "conj": lambda t, z, w, x: z.conj() * z * w,
    "real and imag": lambda t, z, w, x: z.real**2 * w.imag,
    "view_as_real": lambda t, z, w, x: t.view_as_real(z) ** 2,
    "view_as_complex": lambda t, z, w, x: t.view_as_complex(t.stack([x, z.real], -1)) * w,
    "complex": lambda t, z, w, x: t.complex(x, z.imag) ** 2,
    "polar": lambda t, z, w, x: t.polar(x.exp(), w.real) * z,
    "adjoint": lambda t, z, w, x: z.mH @ z,
    "broadcast": lambda t, z, w, x: z * x[0] + w[:, :1],
    "number": lambda t, z, w, x: x * 2j + z**2,
    "cat": lambda t, z, w, x: t.cat([z, w])[1:5].cumsum(0),
    "several outputs": lambda t, z, w, x: t.stack(t.split(z, 2, dim=1)).prod(0) * w[:, :2],
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_of_both_orders(name):
    results = []
    for t in (torch, tg):
        z, w, x = (t.tensor(a, requires_grad=True) for a in (Z, W, X))
        y = FUNCTIONS[name](t, z, w, x)
        weights = t.tensor(np.cos(np.arange(y.numel())).reshape(tuple(y.shape)))
        loss = (y.real * weights).sum() + (y.imag * weights * 2).sum() if y.is_complex() else (y * weights).sum()
        grads = t.autograd.grad(loss, (z, w, x), create_graph=True, allow_unused=True)
        used = [g for g in grads if g is not None]
        total = sum(((g.abs() ** 2).sum() for g in used), t.zeros(()).double())
        second = t.autograd.grad(total, (z, w, x), allow_unused=True) if total.requires_grad else ()
        results.append([y, *grads, *second])
    for theirs, ours in zip(*results, strict=True):
        if ours is None or theirs is None:
            assert all(g is None or not bool((g != 0).any()) for g in (ours, theirs))
            continue
        assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch.")
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().resolve_conj().numpy(), rtol=1e-9, atol=1e-11)


def test_parts_are_views_that_can_be_written():
    z = tg.tensor([1 + 2j, 3 + 4j])
    z.real.zero_()
    z.imag = tg.tensor([5.0, 6.0])
    tg.view_as_real(z)[0, 0] = 7.0
    assert z.tolist() == [7 + 5j, 6j]


def test_abs_at_zero_has_the_gradient_zero():
    z = tg.zeros(2, dtype=tg.complex128, requires_grad=True)
    z.abs().sum().backward()
    assert z.grad.tolist() == [0, 0]


def test_a_complex_loss_wants_a_gradient():
    z = tg.tensor(1j, requires_grad=True)
    with pytest.raises(tg.errors.GradError, match="real outputs only"):
        (z * z).backward()


def test_a_compiled_complex_step_agrees():
    z = tg.tensor(Z, requires_grad=True)

    def step(x):
        z.grad = None
        loss = ((z * x).exp().abs() ** 2).sum()
        loss.backward()
        return loss

    x = tg.tensor(W)
    expected = step(x), z.grad.clone()
    compiled = tg.compile(step)
    for _ in range(3):
        loss = compiled(x)
        np.testing.assert_allclose(loss.item(), expected[0].item(), rtol=1e-12)
        np.testing.assert_allclose(z.grad.numpy(), expected[1].numpy(), rtol=1e-10)
    assert compiled.programs == 1

"""Walking the tape: accumulation, reuse, freed graphs, higher orders, hooks, gradients of chosen tensors."""

import re

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import errors
from tapegrad.autograd import backward, grad


def leaf(*values):
    return tg.tensor(list(values) if len(values) > 1 else values[0], dtype=tg.float64, requires_grad=True)


# -- accumulation and reuse -------------------------------------------------------------------------------------------


def test_grad_is_none_until_backward_and_then_accumulates():
    x = leaf(1.0, 2.0)
    assert x.grad is None
    (x * x).sum().backward()
    assert x.grad.tolist() == [2.0, 4.0]
    (3 * x).sum().backward()
    assert x.grad.tolist() == [5.0, 7.0]


def test_accumulated_grad_keeps_its_identity_and_memory():
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    held, memory = x.grad, x.grad.numpy()
    (x * x).sum().backward()
    assert x.grad is held
    assert memory.tolist() == [4.0, 8.0]


def test_grad_has_the_leafs_dtype():
    x = tg.ones(2, dtype=tg.float16, requires_grad=True)
    (x.to(tg.float64) * 3.0).sum().backward()
    assert x.grad.dtype == np.float16


def test_a_tensor_used_twice_gets_both_gradients():
    """b = a + a, c = b + b: an engine that visits a node once for each use, or only once, gets this wrong."""
    a = leaf(3.0)
    b = a + a
    c = b + b
    c.backward()
    assert a.grad.item() == 4.0


def test_diamond():
    x = leaf(2.0)
    y = x * x
    left, right = y * 3, y.exp()
    (left * right).backward()
    y0 = 4.0
    assert x.grad.item() == pytest.approx((3 * np.exp(y0) + 3 * y0 * np.exp(y0)) * 4.0)


def test_deep_diamonds_take_linear_time():
    """2^60 paths: only an engine that adds up before it goes on comes back."""
    x = leaf(1.0)
    y = x
    for _ in range(60):
        y = y * 0.5 + y * 0.5
    y.backward()
    assert x.grad.item() == 1.0


def test_a_shared_subexpression_of_two_losses():
    x = leaf(2.0)
    y = x * x
    backward([y * 2, y * 3])
    assert x.grad.item() == 20.0


def test_several_roots_with_gradients():
    x = leaf(1.0, 2.0)
    backward([x * 2, (x * x).sum()], [tg.tensor([1.0, 10.0], dtype=tg.float64), None])
    assert x.grad.tolist() == [4.0, 24.0]


def test_leaf_as_root():
    x = leaf(5.0)
    x.backward()
    assert x.grad.item() == 1.0


def test_gradient_of_an_unrelated_leaf_stays_none():
    x, z = leaf(1.0), leaf(1.0)
    (x * 2 + z.detach()).backward()
    assert z.grad is None


def test_grad_does_not_share_memory_with_the_gradient_that_was_passed():
    x, given = leaf(1.0, 2.0), tg.ones(2, dtype=tg.float64)
    (x + 0).backward(given)
    given.zero_()
    assert x.grad.tolist() == [1.0, 1.0]


def test_two_leaves_with_one_gradient_do_not_share_its_memory():
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    (x + y).sum().backward()
    x.grad.zero_()
    assert y.grad.tolist() == [1.0, 1.0]


def test_partial_use_of_several_outputs():
    x = leaf(3.0, 1.0, 2.0)
    x.sort().values[0].backward()
    assert x.grad.tolist() == [0.0, 1.0, 0.0]
    a, b, c = leaf(1.0, 2.0, 3.0).split(1)
    assert grad(b * 2, b)[0].tolist() == [2.0]
    assert a.requires_grad
    assert c.requires_grad


# -- what is refused --------------------------------------------------------------------------------------------------


def test_backward_twice_says_retain_graph():
    x = leaf(1.0, 2.0)
    y = (x.exp() * x).sum()
    y.backward()
    with pytest.raises(
        errors.GradError, match=r"backward through \w+: the saved values were freed .*retain_graph=True"
    ):
        y.backward()


def test_retain_graph_allows_the_second_pass():
    x = leaf(1.0, 2.0)
    y = (x.exp() * x).sum()
    y.backward(retain_graph=True)
    first = x.grad.clone()
    y.backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * first.numpy())
    with pytest.raises(errors.GradError, match="freed"):
        y.backward()


def test_a_gradient_must_be_given_for_more_than_one_element():
    with pytest.raises(errors.GradError, match=r"one-element outputs only, this one has shape \(2,\); reduce it"):
        (leaf(1.0, 2.0) * 2).backward()


def test_a_gradient_of_another_shape_is_refused():
    with pytest.raises(errors.ShapeError, match=r"backward: the gradient has shape \(3,\), the output \(2,\)"):
        (leaf(1.0, 2.0) * 2).backward(tg.ones(3))


def test_a_constant_has_no_gradient():
    with pytest.raises(errors.GradError, match="does not require a gradient and has no grad_fn"):
        tg.ones(1).backward()
    with pytest.raises(errors.GradError, match=r"grad: input 0 does not require a gradient"):
        grad(leaf(1.0) * 2, tg.ones(1))


def test_integers_cannot_require_a_gradient():
    with pytest.raises(errors.DTypeError, match=r"requires_grad: a tensor of dtype int64 has no gradient"):
        tg.tensor([1, 2]).requires_grad_()


def test_requires_grad_of_a_result_cannot_be_switched_off():
    y = leaf(1.0) * 2
    with pytest.raises(errors.GradError, match=r"use detach\(\)"):
        y.requires_grad = False


# -- grad() -----------------------------------------------------------------------------------------------------------


def test_grad_leaves_dot_grad_alone():
    x = leaf(2.0)
    (g,) = grad(x**3, x)
    assert g.item() == 12.0
    assert x.grad is None


def test_unused_inputs():
    x, z = leaf(2.0), leaf(1.0, 1.0)
    with pytest.raises(errors.GradError, match=r"grad: the outputs do not depend on input 1; pass allow_unused=True"):
        grad(x * 2, [x, z])
    assert grad(x * 2, [x, z], allow_unused=True)[1] is None
    filled = grad(x * 2, [x, z], materialize_grads=True)[1]
    assert filled.tolist() == [0.0, 0.0]


def test_batched_gradients_want_one_for_each_output():
    x = leaf(2.0)
    with pytest.raises(errors.GradError, match="as many gradients of each output"):
        grad(x * 2, x, is_grads_batched=True)


def test_gradient_of_an_intermediate_tensor():
    x = leaf(2.0)
    y = x * x
    z = y * y
    gy, gx = grad(z, [y, x])
    assert (gy.item(), gx.item()) == (8.0, 32.0)


def test_gradient_stops_at_the_inputs():
    """What lies below the inputs is not computed, so its saved values survive."""
    x = leaf(2.0)
    y = x.exp()
    z = y.exp()
    grad(z, y, retain_graph=False)
    y.backward()
    assert x.grad.item() == pytest.approx(np.exp(2.0))


def test_grad_of_several_outputs_and_weights():
    x = leaf(1.0, 2.0)
    (g,) = grad([x * x, x.sum()], x, [tg.tensor([1.0, 10.0], dtype=tg.float64), tg.tensor(5.0, dtype=tg.float64)])
    assert g.tolist() == [7.0, 45.0]


def test_backward_into_chosen_inputs():
    x, w = leaf(2.0), leaf(3.0)
    (x * w).backward(inputs=[w])
    assert x.grad is None
    assert w.grad.item() == 2.0


def test_backward_into_an_intermediate_tensor():
    x = leaf(2.0)
    y = x * x
    (y * 3).backward(inputs=[y])
    assert y.grad.item() == 3.0
    assert x.grad is None


def test_output_that_is_the_input():
    x = leaf(2.0)
    y = x * 1
    assert grad(y, y)[0].item() == 1.0
    assert grad(x, x)[0].item() == 1.0


# -- higher orders ----------------------------------------------------------------------------------------------------


def test_derivatives_of_all_orders():
    x = leaf(2.0)
    y = x**4
    for expected in (32.0, 48.0, 48.0, 24.0):
        (y,) = grad(y, x, create_graph=True)
        assert y.item() == pytest.approx(expected)


def test_third_derivative_of_a_composition():
    x = leaf(0.7)
    y = (x.sin() * x.exp()).tanh()
    for _ in range(3):
        (y,) = grad(y, x, create_graph=True)
    step = 1e-3

    def f(v):
        return np.tanh(np.sin(v) * np.exp(v))

    numeric = (f(0.7 + 2 * step) - 2 * f(0.7 + step) + 2 * f(0.7 - step) - f(0.7 - 2 * step)) / (2 * step**3)
    assert y.item() == pytest.approx(numeric, rel=1e-4)


def test_backward_with_create_graph_makes_grad_differentiable():
    x = leaf(3.0)
    (x**3).backward(create_graph=True)
    assert x.grad.requires_grad
    (second,) = grad(x.grad, x)
    assert second.item() == 18.0


def test_gradient_penalty():
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    (g,) = grad((w * x * x).sum(), x, create_graph=True)
    ((g * g).sum()).backward()
    assert w.grad.tolist() == [2 * 6 * 2, 2 * 16 * 4]


def test_the_saved_output_of_a_second_order_pass():
    """exp saves its output; differentiating twice must go through that output's own node."""
    x = leaf(0.5)
    (g,) = grad(x.exp().exp(), x, create_graph=True)
    (h,) = grad(g, x)
    e = np.exp(0.5)
    assert h.item() == pytest.approx(np.exp(e) * e * (e + 1))


# -- hooks ------------------------------------------------------------------------------------------------------------


def test_hook_on_a_leaf_sees_and_replaces():
    x, seen = leaf(1.0, 2.0), []
    x.register_hook(lambda g: seen.append(g.tolist()))
    x.register_hook(lambda g: g * 10)
    (x * x).sum().backward()
    assert seen == [[2.0, 4.0]]
    assert x.grad.tolist() == [20.0, 40.0]


def test_hook_on_a_leaf_runs_once_with_the_sum():
    x, seen = leaf(2.0), []
    x.register_hook(lambda g: seen.append(g.item()))
    (x * 3 + x * x).backward()
    assert seen == [7.0]


def test_hook_on_a_result_changes_what_flows_on():
    x = leaf(2.0)
    y = x * x
    y.register_hook(lambda g: g * 5)
    (y * 1).backward()
    assert x.grad.item() == 20.0


def test_hooks_run_in_order_each_on_the_others_result():
    x = leaf(1.0)
    y = x * 2
    y.register_hook(lambda g: g + 1)
    y.register_hook(lambda g: g * 10)
    y.backward()
    assert x.grad.item() == 40.0


def test_removed_hook_is_silent():
    x, seen = leaf(1.0), []
    handle = x.register_hook(lambda g: seen.append(1))
    y = x * 2
    other = y.register_hook(lambda g: g * 100)
    handle.remove()
    other.remove()
    handle.remove()
    y.backward()
    assert seen == []
    assert x.grad.item() == 2.0


@pytest.mark.parametrize("result", [True, False], ids=["leaf", "result"])
def test_gradient_kept_by_a_hook_does_not_change_later(result):
    x, seen = leaf(1.0, 2.0), []
    y = x * 1 if result else x
    y.register_hook(seen.append)
    (y * y).sum().backward()
    (x * x).sum().backward()
    assert seen[0].tolist() == [2.0, 4.0]
    assert x.grad.tolist() == [4.0, 8.0]


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (
            lambda g: tg.ones(3, dtype=g.dtype),
            errors.ShapeError,
            "hook: it returned a gradient of shape (3,) for one of",
        ),
        (lambda g: g.float(), errors.DTypeError, "hook: it returned a gradient of dtype float32 for one of float64"),
        (lambda g: 2.0, errors.UsageError, "hook: it returned a float; return a tensor, or None"),
        (lambda g: g.numpy(), errors.UsageError, "hook: it returned a ndarray; return a tensor, or None"),
    ],
    ids=["shape", "dtype", "number", "array"],
)
@pytest.mark.parametrize("on_leaf", [True, False], ids=["leaf", "result"])
def test_what_a_hook_returns_must_fit(answer, kind, message, on_leaf):
    x = leaf(1.0, 2.0)
    y = x if on_leaf else x * 1
    y.register_hook(answer)
    with pytest.raises(kind, match=re.escape(message)):
        (y * y).sum().backward()
    assert x.grad is None


def test_hook_of_a_captured_tensor_counts_in_grad():
    x = leaf(2.0)
    y = x * x
    y.register_hook(lambda g: g * 7)
    assert grad(y * 3, y)[0].item() == 21.0


def test_hook_under_create_graph_is_recorded():
    x = leaf(3.0)
    y = x * x
    y.register_hook(lambda g: g * x)
    (g,) = grad(y, x, create_graph=True)
    assert g.item() == 18.0
    assert grad(g, x)[0].item() == 12.0


def test_hook_on_a_constant_is_refused():
    with pytest.raises(errors.GradError, match=r"register_hook: this tensor does not require a gradient"):
        tg.ones(1).register_hook(print)


def test_retain_grad_keeps_the_gradient_of_a_result():
    x = leaf(2.0)
    y = x * x
    y.retain_grad()
    assert y.retains_grad
    (y * 3).backward(retain_graph=True)
    assert y.grad.item() == 3.0
    (y * 3).backward()
    assert y.grad.item() == 6.0


def test_retained_grad_is_what_the_hooks_left():
    x = leaf(2.0)
    y = x * x
    y.retain_grad()
    y.register_hook(lambda g: g * 2)
    y.backward()
    assert y.grad.item() == 2.0


def test_grad_of_a_result_is_none_without_retain_grad():
    y = leaf(2.0) * 2
    y.backward()
    assert y.grad is None


# -- the graph to look at ---------------------------------------------------------------------------------------------


def test_names_and_edges():
    x = leaf(2.0)
    y = (x * x).exp()
    assert y.grad_fn.name() == "ExpBackward0"
    (below, index) = y.grad_fn.next_functions[0]
    assert (below.name(), index) == ("MulBackward0", 0)
    ((end, _), _) = below.next_functions
    assert end.variable is x
    assert (end.name(), end.next_functions) == ("torch::autograd::AccumulateGrad", ())
    assert x.grad_fn is None
    assert (x.is_leaf, y.is_leaf) == (True, False)
    assert "grad_fn=<ExpBackward0>" in repr(y)


def test_constants_leave_no_trace():
    a = tg.ones(2) * 3 + 1
    assert a.grad_fn is None
    assert a.is_leaf


def test_gradients_flow_only_through_floats():
    x = leaf(1.5, 2.5)
    assert not x.int().requires_grad
    assert not (x > 2).requires_grad
    assert not x.argmax().requires_grad


@pytest.mark.parametrize(
    ("function", "again"),
    [
        (lambda x: (x + 1).sum(), True),
        (lambda x: x.reshape(2, 1).mean(), True),
        (lambda x: x[0], True),
        (lambda x: (x * 2).sum(), False),
        (lambda x: x.exp().sum(), False),
    ],
)
def test_backward_twice_works_where_nothing_was_saved(function, again):
    """As in PyTorch: what keeps no array has nothing that could have been freed."""
    x = tg.ones(2, requires_grad=True)
    y = function(x)
    y.backward()
    first = x.grad.tolist()
    if again:
        y.backward()
        assert x.grad.tolist() == [2 * g for g in first]
    else:
        with pytest.raises(errors.GradError, match="freed"):
            y.backward()

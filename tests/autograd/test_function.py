"""autograd.Function: forward and backward of one's own, and everything their context promises."""

import re

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import errors
from tapegrad.autograd import Function, grad, gradcheck, gradgradcheck, once_differentiable


def leaf(*values):
    return tg.tensor(list(values), dtype=tg.float64, requires_grad=True)


class Exp(Function):
    """Saves its output."""

    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * y


class Product(Function):
    """Saves its inputs, looks at which gradients are wanted."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved_tensors
        return g * y if ctx.needs_input_grad[0] else None, g * x if ctx.needs_input_grad[1] else None


class Scale(Function):
    """New style: forward without context; an input that is no tensor."""

    @staticmethod
    def forward(x, factor):
        return x * factor

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.factor = inputs[1]

    @staticmethod
    def backward(ctx, g):
        return g * ctx.factor, None


class SinCos(Function):
    """Two outputs."""

    @staticmethod
    def forward(ctx, x):
        s, c = x.sin(), x.cos()
        ctx.save_for_backward(s, c)
        return s, c

    @staticmethod
    def backward(ctx, gs, gc):
        s, c = ctx.saved_tensors
        return gs * c - gc * s


# -- values and gradients ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "shapes"),
    [
        (Exp.apply, [(2, 3)]),
        (Product.apply, [(2, 3), (2, 3)]),
        (lambda x: Product.apply(x, x), [(3,)]),
        (lambda x: Scale.apply(x, 2.5), [(3,)]),
        (SinCos.apply, [(3,)]),
        (lambda x: SinCos.apply(x)[1], [(3,)]),
        (lambda x: Exp.apply(Exp.apply(x) * 0.5), [(3,)]),
        (lambda x: Exp.apply(x).tanh() + SinCos.apply(x * 2)[0], [(3,)]),
    ],
)
def test_first_and_second_order(call, shapes, rng):
    inputs = [tg.tensor(rng.uniform(-1, 1, s), requires_grad=True) for s in shapes]
    assert gradcheck(call, inputs)
    assert gradgradcheck(call, inputs)


def test_third_order():
    x = leaf(0.3)
    y = Exp.apply(x * x)
    for _ in range(3):
        (y,) = grad(y.sum(), x, create_graph=True)
    expected = np.exp(0.09) * (8 * 0.3**3 + 12 * 0.3)
    assert y.item() == pytest.approx(expected)


def test_saved_outputs_of_several_at_second_order():
    """One output is used by the caller, and again by its own function's backward: both parts of its gradient count."""
    x = leaf(0.5)
    s, c = SinCos.apply(x)
    (g,) = grad(s.sum(), x, create_graph=True)
    (h,) = grad((g * c).sum(), x)
    assert h.item() == pytest.approx(-2 * np.sin(0.5) * np.cos(0.5))


def test_forward_is_not_recorded():
    seen = []

    class Look(Function):
        @staticmethod
        def forward(ctx, x):
            y = x * 2
            seen.append((tg.is_grad_enabled(), y.requires_grad, x.requires_grad))
            return y

        @staticmethod
        def backward(ctx, g):
            seen.append(tg.is_grad_enabled())
            return g * 2

    x = leaf(1.0)
    Look.apply(x).sum().backward(retain_graph=True)
    grad(Look.apply(x).sum(), x, create_graph=True)
    assert seen == [(False, False, True), False, (False, False, True), True]


def test_nothing_is_recorded_without_need():
    y = Exp.apply(tg.ones(2))
    assert y.grad_fn is None
    with tg.no_grad():
        assert Exp.apply(leaf(1.0)).grad_fn is None


def test_name_of_the_node():
    y = Exp.apply(leaf(1.0))
    assert y.grad_fn.name() == "ExpBackward"
    assert "grad_fn=<ExpBackward>" in repr(y)


def test_needs_input_grad():
    x, c = leaf(1.0, 2.0), tg.ones(2, dtype=tg.float64)
    seen = []

    class Look(Function):
        @staticmethod
        def forward(ctx, *args):
            seen.append(ctx.needs_input_grad)
            return args[0] * 1

        @staticmethod
        def backward(ctx, g):
            return g, None, None, None

    Look.apply(x, c, 5, None).sum().backward()
    assert seen == [(True, False, False, False)]
    assert x.grad.tolist() == [1.0, 1.0]


def test_gradients_that_are_not_needed_are_dropped():
    x, c = leaf(2.0), tg.full((1,), 3.0, dtype=tg.float64)
    Product.apply(x, c).sum().backward()
    assert x.grad.tolist() == [3.0]
    assert c.grad is None


def test_only_one_output_used():
    x = leaf(0.5)
    s, c = SinCos.apply(x)
    s.sum().backward()
    assert x.grad.item() == pytest.approx(np.cos(0.5))
    assert c.requires_grad


def test_outputs_that_are_no_tensors_pass_through():
    class Pair(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2, "note", 7

        @staticmethod
        def backward(ctx, g, *rest):
            assert rest == (None, None)
            return g * 2

    x = leaf(1.0)
    y, note, number = Pair.apply(x)
    assert (note, number) == ("note", 7)
    y.sum().backward()
    assert x.grad.tolist() == [2.0]


def test_an_input_that_is_handed_through_becomes_a_tensor_of_its_own():
    class Same(Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 10

    x = leaf(1.0, 2.0)
    y = Same.apply(x)
    assert y is not x
    assert x.is_leaf
    assert np.shares_memory(y.detach().numpy(), x.detach().numpy())
    y.sum().backward()
    assert x.grad.tolist() == [10.0, 10.0]


def test_gradients_are_brought_to_the_inputs_shape_and_dtype():
    class Add(Function):
        @staticmethod
        def forward(ctx, x, y):
            return x + y

        @staticmethod
        def backward(ctx, g):
            return g, g.double()

    x, y = tg.ones(2, 3, requires_grad=True), tg.ones(3, requires_grad=True)
    Add.apply(x, y).sum().backward()
    assert y.grad.tolist() == [2.0, 2.0, 2.0]
    assert y.grad.dtype == np.float32


def test_what_backward_returns_is_never_taken_as_the_leafs_own():
    """A backward may return a saved tensor, or one tensor twice: the leaves' gradients must not share its memory."""

    class Odd(Function):
        @staticmethod
        def forward(ctx, x, y):
            ctx.save_for_backward(x)
            return x * y

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return x, x

    class Saved(Odd):
        @staticmethod
        def backward(ctx, g):
            return ctx.saved_tensors[0], None

    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    Odd.apply(x, y).sum().backward()
    z = leaf(5.0, 6.0)
    Saved.apply(z, y).sum().backward()
    for a, b in ((x.grad, x), (y.grad, x), (x.grad, y.grad), (z.grad, z)):
        assert not np.shares_memory(a.detach().numpy(), b.detach().numpy())


# -- the context --------------------------------------------------------------------------------------------------------


def test_materialized_gradients():
    seen = []

    def make(value):
        class Two(Function):
            @staticmethod
            def forward(ctx, x):
                ctx.set_materialize_grads(value)
                return x * 2, x[:1] * 3

            @staticmethod
            def backward(ctx, g, h):
                seen.append(None if h is None else h.tolist())
                return g * 2

        return Two

    for value in (True, False):
        make(value).apply(leaf(1.0, 2.0))[0].sum().backward()
    assert seen == [[0.0], None]


def test_outputs_without_gradient():
    class Sort(Function):
        @staticmethod
        def forward(ctx, x):
            values, indices = x.sort()
            copy = values * 1
            ctx.mark_non_differentiable(indices, copy)
            ctx.save_for_backward(indices)
            return values, indices, copy

        @staticmethod
        def backward(ctx, g, gi, gc):
            (indices,) = ctx.saved_tensors
            return tg.zeros_like(g).scatter(0, indices, g)

    x = leaf(3.0, 1.0, 2.0)
    values, indices, copy = Sort.apply(x)
    assert (values.requires_grad, indices.requires_grad, copy.requires_grad) == (True, False, False)
    values[0].backward()
    assert x.grad.tolist() == [0.0, 1.0, 0.0]


class Double(Function):
    """Writes in place."""

    @staticmethod
    def forward(ctx, x):
        x.mul_(2)
        ctx.mark_dirty(x)
        return x

    @staticmethod
    def backward(ctx, g):
        return g * 2


def test_dirty_inputs():
    x = leaf(1.0, 2.0)
    y = x * 3
    z = Double.apply(y)
    assert z is y
    assert y.grad_fn.name() == "DoubleBackward"
    (y * y).sum().backward()
    assert x.grad.tolist() == [6 * 2 * 6.0, 6 * 2 * 12.0]


def test_dirty_inputs_are_noticed_by_others_and_refused_for_leaves():
    x = leaf(1.0, 2.0)
    y = x * 3
    z = y * y
    Double.apply(y)
    with pytest.raises(errors.GradError, match="modified by an inplace operation"):
        z.sum().backward()
    with pytest.raises(errors.GradError, match=r"Double: a leaf Variable that requires grad"):
        Double.apply(x)
    with pytest.raises(errors.GradError, match=r"Double: a view .* clone\(\) it first"):
        Double.apply((x * 1)[:1])
    plain = tg.ones(2)
    Double.apply(plain)
    assert plain.tolist() == [2.0, 2.0]
    with tg.no_grad():
        Double.apply(x)
    assert x.is_leaf


def test_a_dirty_tensor_must_be_returned():
    class Wrong(Function):
        @staticmethod
        def forward(ctx, x):
            x.mul_(2)
            ctx.mark_dirty(x)
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return g

    with pytest.raises(errors.UsageError, match="marked as dirty is not both input and output"):
        Wrong.apply(leaf(1.0) * 1)


def test_saved_tensors_are_watched():
    x = leaf(1.0, 2.0)
    y = x * 1
    z = Product.apply(y, y)
    y.detach().add_(1)
    with pytest.raises(
        errors.GradError, match=rf"saved_tensors: a saved tensor \(shape \(2,\)\) was modified .*{re.escape(__file__)}"
    ):
        z.sum().backward()


def test_saved_output_is_watched():
    y = Exp.apply(leaf(1.0))
    y.detach().add_(1)
    with pytest.raises(errors.GradError, match="modified by an inplace operation"):
        y.sum().backward()


def test_saved_tensors_are_freed():
    x = leaf(1.0)
    y = Exp.apply(x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == pytest.approx(2 * np.e)
    with pytest.raises(errors.GradError, match=r"freed by an earlier backward\(\)"):
        y.backward()


def test_none_can_be_saved():
    class Maybe(Function):
        @staticmethod
        def forward(ctx, x, y=None):
            ctx.save_for_backward(x, y)
            return x * 1

        @staticmethod
        def backward(ctx, g):
            assert ctx.saved_tensors[1] is None
            return g, None

    x = leaf(1.0)
    Maybe.apply(x, None).sum().backward()
    assert x.grad.tolist() == [1.0]


def test_saved_leaf_is_the_leaf_itself_at_second_order():
    x = leaf(2.0)
    y = Product.apply(x, x)
    (g,) = grad(y.sum(), x, create_graph=True)
    (h,) = grad(g.sum(), x)
    assert (g.item(), h.item()) == (4.0, 2.0)


def test_intermediate_results_saved_for_later_are_constants():
    """What forward computes on the way has no history, in PyTorch too: its part of the second derivative is missing."""

    class Square(Function):
        @staticmethod
        def forward(ctx, x):
            double = x * 2
            ctx.save_for_backward(double)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0]

    x = leaf(3.0)
    (g,) = grad(Square.apply(x).sum(), x, create_graph=True)
    assert g.item() == 6.0
    assert not g.requires_grad


# -- once_differentiable ------------------------------------------------------------------------------------------------


class Once(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        assert not tg.is_grad_enabled()
        (x,) = ctx.saved_tensors
        return g * 2 * x


def test_once_differentiable_gives_the_first_derivative():
    x = leaf(3.0)
    Once.apply(x).sum().backward()
    assert x.grad.item() == 6.0


def test_once_differentiable_refuses_the_second():
    x, w = leaf(3.0), leaf(2.0)
    (g,) = grad((Once.apply(x) * w).sum(), x, create_graph=True)
    assert g.item() == 12.0
    with pytest.raises(errors.GradError, match=r"once_differentiable: this gradient is differentiated a second time"):
        grad(g.sum(), w)


# -- mistakes -----------------------------------------------------------------------------------------------------------


def returning(value):
    class Wrong(Function):
        @staticmethod
        def forward(ctx, x, y):
            return x + y

        @staticmethod
        def backward(ctx, g):
            return value(g)

    return Wrong


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (
            lambda g: g,
            errors.GradError,
            r"backward of Wrong: it returned 1 gradients for 2 inputs; return one per input",
        ),
        (lambda g: (g, g, g), errors.GradError, r"backward of Wrong: it returned 3 gradients for 2 inputs"),
        (lambda g: (g[:1], g), errors.ShapeError, r"backward of Wrong: gradient 0 has shape \(1,\), its input \(2,\)"),
        (lambda g: (g, g.numpy()), errors.UsageError, r"backward of Wrong: gradient 1 is a ndarray; return tensors"),
    ],
)
def test_wrong_results_of_backward(value, kind, message):
    with pytest.raises(kind, match=message):
        returning(value).apply(leaf(1.0, 2.0), leaf(1.0, 2.0)).sum().backward()


def test_none_behind_the_gradients_is_allowed():
    x, y = leaf(1.0, 2.0), leaf(1.0, 2.0)
    returning(lambda g: (g, g, None)).apply(x, y).sum().backward()
    assert y.grad.tolist() == [1.0, 1.0]


def test_a_function_is_not_instantiated():
    with pytest.raises(TypeError, match=r"Exp: a Function is not instantiated; call Exp\.apply\(inputs\)"):
        Exp()


def test_missing_methods():
    class Empty(Function):
        pass

    class Half(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

    with pytest.raises(NotImplementedError, match="forward"):
        Empty.apply(leaf(1.0))
    with pytest.raises(NotImplementedError, match="backward"):
        Half.apply(leaf(1.0)).sum().backward()


def test_a_wrong_backward_is_caught_by_gradcheck():
    class Wrong(Function):
        @staticmethod
        def forward(ctx, x):
            return x * x

        @staticmethod
        def backward(ctx, g):
            return g

    with pytest.raises(tg.autograd.GradcheckError):
        gradcheck(Wrong.apply, leaf(1.0, 2.0))

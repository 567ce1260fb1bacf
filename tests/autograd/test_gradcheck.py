"""gradcheck and gradgradcheck: what they accept, and that they see every kind of fault."""

import re

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.autograd import Function, GradcheckError, gradcheck, gradgradcheck


def leaf(*values):
    return tg.tensor(list(values), dtype=tg.float64, requires_grad=True)


def rule(forward, backward):
    """A function with any rule, right or wrong."""

    class Planted(Function):
        @staticmethod
        def forward(ctx, *inputs):
            ctx.save_for_backward(*inputs)
            return forward(*inputs)

        @staticmethod
        def backward(ctx, *g):
            return backward(*g, *ctx.saved_tensors)

    return Planted.apply


def test_right_gradients_pass():
    assert gradcheck(lambda x, y: (x * y, x.sin()), (leaf(1.0, 2.0), leaf(3.0, 4.0)))
    assert gradcheck(lambda x: x.sum(), leaf(1.0, 2.0))
    assert gradcheck(lambda x, n, c: x * n + c, (leaf(1.0), 3, tg.ones(1, dtype=tg.float64)))
    assert gradgradcheck(lambda x, y: x * y * y, (leaf(1.0, 2.0), leaf(3.0, 4.0)))


def test_a_wrong_factor_names_both_values_and_the_position():
    wrong = rule(lambda x: x * x, lambda g, x: g * 2 * x * tg.tensor([1.0, 1.0, 1.5], dtype=tg.float64))
    with pytest.raises(GradcheckError) as caught:
        gradcheck(wrong, leaf(1.0, 2.0, 3.0))
    text = str(caught.value)
    assert (
        "Jacobian mismatch for output 0 with respect to tracked input 0, at output position (2,), input position (2,)"
        in text
    )
    assert float(re.search(r"numerical ([\d.]+)", text).group(1)) == pytest.approx(6.0, abs=1e-5)
    assert float(re.search(r"analytical ([\d.]+)", text).group(1)) == 9.0
    assert "(1 of 9 entries differ)" in text


def test_the_wrong_output_and_input_are_named():
    wrong = rule(lambda x, y: (x + y, x * y), lambda g, h, x, y: (g + h * y, g + h * y))
    with pytest.raises(GradcheckError, match=r"output 1 with respect to tracked input 1"):
        gradcheck(wrong, (leaf(1.0), leaf(3.0)))


def test_a_missing_gradient_is_seen():
    with pytest.raises(GradcheckError, match=r"numerical 4\S* analytical 2 "):
        gradcheck(lambda x: x * x.detach(), leaf(2.0))


def test_a_hidden_dependence_is_seen():
    with pytest.raises(GradcheckError, match=r"output 1 does not require a gradient, but changes with tracked input 0"):
        gradcheck(lambda x: (x * 2, x.detach() * 2), leaf(1.0))


def test_nan_is_no_agreement():
    wrong = rule(lambda x: x * 1, lambda g, x: g * float("nan"))
    with pytest.raises(GradcheckError, match=r"differs by nan"):
        gradcheck(wrong, leaf(1.0))


def test_a_random_gradient_is_seen():
    noisy = rule(lambda x: x * 1, lambda g, x: g * (1 + 1e-7 * tg.rand(1, dtype=tg.float64)))
    with pytest.raises(GradcheckError, match=r"differs by .* between two runs"):
        gradcheck(noisy, leaf(1.0))
    assert gradcheck(noisy, leaf(1.0), nondet_tol=1e-6)


def test_a_rule_right_at_first_order_only_is_seen_by_gradgradcheck():
    flat = rule(lambda x: x**3, lambda g, x: g * 3 * x.detach() ** 2)
    x = leaf(1.0, 2.0)
    assert gradcheck(flat, x)
    with pytest.raises(GradcheckError):
        gradgradcheck(flat, x)


def test_a_wrong_second_order_rule_is_seen():
    class Wrong(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return 3 * x**2

        @staticmethod
        def backward(ctx, g):
            return g * 5 * ctx.saved_tensors[0]

    right_once = rule(lambda x: x**3, lambda g, x: g * Wrong.apply(x))
    assert gradcheck(right_once, leaf(1.0, 2.0))
    with pytest.raises(GradcheckError):
        gradgradcheck(right_once, leaf(1.0, 2.0))


@pytest.mark.parametrize("fast", [False, True])
def test_without_an_exception(fast):
    wrong = rule(lambda x: x * x, lambda g, x: g * x)
    assert gradcheck(wrong, leaf(1.0, 2.0), raise_exception=False, fast_mode=fast) is False
    assert gradcheck(lambda x: x * x, leaf(1.0, 2.0), raise_exception=False, fast_mode=fast) is True
    assert gradgradcheck(lambda x: x * x * x, leaf(1.0, 2.0), fast_mode=fast)


def test_tolerances():
    nearly = rule(lambda x: x * x, lambda g, x: g * 2 * x * 1.01)
    with pytest.raises(GradcheckError):
        gradcheck(nearly, leaf(1.0))
    assert gradcheck(nearly, leaf(1.0), rtol=0.02)
    assert gradcheck(nearly, leaf(1.0), atol=0.05, rtol=0.0)


def test_inputs_come_back_as_they_were():
    x = leaf(1.0, 2.0)
    gradcheck(lambda t: t * t, x)
    assert x.tolist() == [1.0, 2.0]
    assert x.grad is None


def test_intermediate_and_strided_inputs():
    x = leaf(1.0, 2.0, 3.0, 4.0)
    assert gradcheck(lambda t: t.sin(), x.reshape(2, 2).t())
    assert gradgradcheck(lambda t: t * t, leaf(1.0, 2.0), gen_non_contig_grad_outputs=True)


def test_empty_and_zero_dimensional_inputs():
    assert gradcheck(lambda t: t * 2, tg.zeros(0, 3, dtype=tg.float64, requires_grad=True))
    assert gradcheck(lambda t: t * 2, tg.tensor(1.5, dtype=tg.float64, requires_grad=True))


def test_single_precision_is_warned_about():
    with pytest.warns(UserWarning, match=r"tracked input 0 has dtype float32"):
        gradcheck(lambda x: x * 2, tg.ones(1, requires_grad=True), eps=1e-2, rtol=1e-2)


def test_dtypes_can_be_checked():
    assert gradcheck(lambda x: x * 2, leaf(1.0), check_grad_dtypes=True)


def test_what_is_not_done_is_refused():
    with pytest.raises(ValueError, match="no input requires a gradient"):
        gradcheck(lambda x: x, tg.ones(1, dtype=tg.float64))
    with pytest.raises(ValueError, match="forward-mode"):
        gradcheck(lambda x: x * 1, leaf(1.0), check_forward_ad=True)
    with pytest.raises(ValueError, match="forward mode"):
        gradgradcheck(lambda x: x * 1, leaf(1.0), check_fwd_over_rev=True)


def test_given_grad_outputs():
    g = tg.tensor([2.0, -1.0], dtype=tg.float64, requires_grad=True)
    assert gradgradcheck(lambda x: x * x, leaf(1.0, 2.0), g)
    assert np.array_equal(g.detach().numpy(), [2.0, -1.0])

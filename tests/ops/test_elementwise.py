"""Elementwise operations: PyTorch's semantics where samples cannot reach them, and the special functions' accuracy."""

import math

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import errors
from tapegrad.core import ops

NAN, INF = math.nan, math.inf

# Compared with PyTorch on awkward inputs: functions of one tensor, of two, and of two of integers.
ONE = """exp exp2 expm1 log log2 log10 log1p sqrt rsqrt square reciprocal sigmoid relu logit abs sign sgn neg positive floor
ceil round trunc frac sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh sinc deg2rad rad2deg erf erfc erfinv
lgamma digamma isnan isinf isfinite signbit logical_not nan_to_num""".split()  # noqa: SIM905
TWO = """add sub mul div true_divide floor_divide remainder fmod pow maximum minimum fmax fmin atan2 hypot copysign logaddexp
xlogy eq ne lt le gt ge logical_and logical_or logical_xor""".split()  # noqa: SIM905
WHOLE = ["floor_divide", "remainder", "fmod", "bitwise_and", "bitwise_or", "bitwise_xor"]


def gradients(function, *arrays, dtype=np.float32):
    """The gradients of the sum of a function's result, as lists."""
    leaves = [tg.tensor(a, dtype=dtype, requires_grad=True) for a in arrays]
    out = function(*leaves)
    return [g.tolist() for g in tg.autograd.grad(out.sum(), leaves)]


def second_gradient(function, value):
    """The second derivative of a function of one number, through two passes of the tape."""
    x = tg.tensor(value, dtype=np.float64, requires_grad=True)
    (first,) = tg.autograd.grad(function(x), x, create_graph=True)
    return tg.autograd.grad(first, x)[0].item()


class TestArithmetic:
    def test_alpha_scales_the_second(self):
        x, y = tg.tensor([1.0, 2.0]), tg.tensor([10.0, 20.0])
        assert tg.add(x, y, alpha=2).tolist() == [21.0, 42.0]
        assert x.sub(y, alpha=0.5).tolist() == [-4.0, -8.0]
        assert tg.rsub(x, y, alpha=3).tolist() == [7.0, 14.0]
        assert tg.subtract(x, 1, alpha=2).tolist() == [-1.0, 0.0]

    def test_alpha_in_place_and_its_gradient(self):
        x, y = tg.zeros(2), tg.ones(2, requires_grad=True)
        assert x.add_(y, alpha=3) is x
        assert x.tolist() == [3.0, 3.0]
        x.sum().backward()
        assert y.grad.tolist() == [3.0, 3.0]

    def test_a_fractional_alpha_is_refused_for_integers(self):
        with pytest.raises(errors.DTypeError, match=r"^add: alpha is 1.5, but the tensors are integers"):
            tg.add(tg.tensor([1]), tg.tensor([2]), alpha=1.5)
        assert tg.add(tg.tensor([1]), tg.tensor([2]), alpha=2).tolist() == [5]

    def test_operators_record_the_bare_primitive(self):
        program = tg.trace(lambda a, b: (a + b, a - b, tg.add(a, b)), tg.ones(2), tg.ones(2))
        assert [e.primitive.name for e in program.equations] == ["add", "sub", "add"]

    def test_operators_with_numbers_on_the_left(self):
        x = tg.tensor([2.0, 4.0])
        assert (1 + x).tolist() == [3.0, 5.0]
        assert (1 - x).tolist() == [-1.0, -3.0]
        assert (3 * x).tolist() == [6.0, 12.0]
        assert (8 / x).tolist() == [4.0, 2.0]
        assert (2**x).tolist() == [4.0, 16.0]
        assert (9 // x).tolist() == [4.0, 2.0]
        assert (9 % x).tolist() == [1.0, 1.0]
        assert (6 & tg.tensor([3, 5])).tolist() == [2, 4]
        assert (1 << tg.tensor([3, 5])).tolist() == [8, 32]

    def test_operators_in_place(self):
        x = tg.tensor([8.0, 9.0])
        before = x
        x += 1
        x -= 2
        x *= 4
        x /= 2
        x //= 3
        x **= 2
        x %= 7
        assert x is before
        assert x.tolist() == [(((8 - 1) * 2) // 3) ** 2 % 7, (((9 - 1) * 2) // 3) ** 2 % 7]
        bits = tg.tensor([6, 5])
        bits |= 1
        bits &= 5
        bits ^= 2
        bits <<= 2
        bits >>= 1
        assert bits.tolist() == [14, 14]

    def test_every_method_name_has_its_version_in_place(self):
        with_argument = ["add", "sub", "subtract", "mul", "multiply", "div", "divide", "true_divide", "clip", "clamp"]
        for name in [*with_argument, "exp", "log", "neg", "negative", "absolute"]:
            x = tg.tensor([1.0, 2.0])
            arguments = [2.0] if name in with_argument else []
            expected = getattr(x, name)(*arguments)
            assert getattr(x, name + "_")(*arguments) is x
            assert x.tolist() == expected.tolist()

    def test_division_by_zero_gives_inf_and_nan(self):
        x = tg.tensor([1.0, -1.0, 0.0])
        assert str((x / 0).tolist()) == "[inf, -inf, nan]"
        assert str((tg.tensor([1, -1]) / 0).tolist()) == "[inf, -inf]"
        assert str((x // 0).tolist()) == "[inf, -inf, nan]"
        assert str((x % 0).tolist()) == "[nan, nan, nan]"

    @pytest.mark.parametrize(
        "call",
        [
            lambda x: x // 0,
            lambda x: x % 0,
            lambda x: tg.fmod(x, 0),
            lambda x: tg.div(x, tg.tensor([1, 0]), rounding_mode="trunc"),
        ],
    )
    def test_an_integer_divided_by_zero_is_refused(self, call):
        with pytest.raises(errors.DTypeError, match="an integer is divided by 0"):
            call(tg.tensor([1, 2]))

    def test_rounding_modes(self):
        x = tg.tensor([7, -7, 7, -7, 6])
        y = tg.tensor([2, 2, -2, -2, 3])
        assert tg.div(x, y, rounding_mode="floor").tolist() == [3, -4, -4, 3, 2]
        assert tg.div(x, y, rounding_mode="trunc").tolist() == [3, -3, -3, 3, 2]
        assert tg.div(x.float(), y, rounding_mode="trunc").tolist() == [3.0, -3.0, -3.0, 3.0, 2.0]
        assert gradients(lambda a, b: tg.div(a, b, rounding_mode="floor"), [5.0], [2.0]) == [[0.0], [0.0]]
        with pytest.raises(errors.ArgumentError, match=r"^div: rounding_mode is 'up'; use None, 'floor' or 'trunc'"):
            tg.div(x, y, rounding_mode="up")

    def test_remainders(self):
        x = tg.tensor([5.0, -5.0, 5.0, -5.0])
        y = tg.tensor([3.0, 3.0, -3.0, -3.0])
        assert tg.remainder(x, y).tolist() == [2.0, 1.0, -1.0, -2.0]
        assert tg.fmod(x, y).tolist() == [2.0, -2.0, 2.0, -2.0]
        assert gradients(tg.remainder, [5.0, -5.0], [3.0, 3.0]) == [[1.0, 1.0], [-1.0, 2.0]]
        assert gradients(tg.fmod, [5.0, -5.0], [3.0, 3.0]) == [[1.0, 1.0], [-1.0, 1.0]]

    def test_lerp_is_exact_at_both_ends(self):
        a, b = tg.tensor([0.1, 1e8]), tg.tensor([0.7, 1.0])
        assert tg.lerp(a, b, 0.0).tolist() == a.tolist()
        assert tg.lerp(a, b, 1.0).tolist() == b.tolist()
        assert tg.lerp(a, b, tg.tensor([0.0, 1.0])).tolist() == [a[0].item(), b[1].item()]
        with pytest.raises(errors.DTypeError, match="input is float32, end float64"):
            tg.lerp(a, b.double(), 0.5)

    def test_addcmul_and_addcdiv(self):
        x = tg.tensor([1.0])
        assert x.addcmul_(tg.tensor([2.0]), tg.tensor([3.0]), value=-1).tolist() == [-5.0]
        assert x.addcdiv_(tg.tensor([3.0]), tg.tensor([2.0]), value=2).tolist() == [-2.0]
        with pytest.raises(errors.DTypeError, match="both tensors are integers"):
            tg.addcdiv(x, tg.tensor([3]), tg.tensor([2]))


class TestPow:
    def test_gradient_where_base_or_exponent_is_zero(self):
        base, exponent = gradients(tg.pow, [0.0, 0.0, 0.0, 2.0], [0.0, 2.0, -1.0, 0.0])
        assert base == [0.0, 0.0, -INF, 0.0]
        assert exponent == [0.0, 0.0, -INF, pytest.approx(math.log(2))]

    @pytest.mark.parametrize(
        ("power", "expected"),
        [(0, [0.0, 0.0]), (1, [1.0, 1.0]), (2, [0.0, 4.0]), (0.5, [INF, 0.35355338]), (3, [0.0, 12.0])],
    )
    def test_gradient_for_a_number_as_exponent(self, power, expected):
        assert gradients(lambda x: x**power, [0.0, 2.0])[0] == pytest.approx(expected)

    @pytest.mark.parametrize(
        ("base", "expected"), [(0, [0.0, 0.0, -INF]), (1, [0.0, 0.0, 0.0]), (2, [0.6931472, 2.7725887, 0.3465736])]
    )
    def test_gradient_for_a_number_as_base(self, base, expected):
        assert gradients(lambda x: base**x, [0.0, 2.0, -1.0])[0] == pytest.approx(expected)

    def test_second_derivatives_at_zero(self):
        assert second_gradient(lambda x: x**2, 0.0) == 2.0
        assert second_gradient(lambda x: x**3, 0.0) == 0.0
        assert second_gradient(lambda x: tg.pow(x, tg.tensor(2.0, dtype=tg.float64)), 0.0) == 2.0
        assert second_gradient(lambda x: x**1, 0.0) == 0.0

    def test_shortcuts_agree_with_the_general_power(self):
        x = np.array([0.3, 1.0, 2.7])
        for power in (-1, -0.5, 0.5, 1, 2, 3, 2.0, 4, 1.5):
            np.testing.assert_allclose((tg.tensor(x) ** power).numpy(), x**power, rtol=1e-15)

    def test_integers(self):
        assert (tg.tensor([2, 3]) ** 2).dtype == np.int64
        assert (tg.tensor([2, 3]) ** 2.0).dtype == np.float32
        assert (2.0 ** tg.tensor([2, 3])).dtype == np.float32
        with pytest.raises(errors.DTypeError, match=r"^pow: an integer is raised to a negative power"):
            tg.tensor([2]) ** -1

    def test_integers_to_negative_powers_of_a_tensor_lose_their_fraction(self):
        powers = tg.tensor([2, 1, -1, -1, 0, 3]) ** tg.tensor([-1, -2, -3, -2, -1, 2])
        assert powers.tolist() == [0, 1, -1, 1, 0, 9]
        assert powers.dtype == np.int64


class TestExtremes:
    def test_equal_elements_share_the_gradient_and_nan_passes_it(self):
        first, second = gradients(tg.maximum, [1.0, NAN, 2.0, 1.0], [1.0, 1.0, NAN, 2.0])
        assert first == [0.5, 1.0, 1.0, 0.0]
        assert second == [0.5, 1.0, 1.0, 1.0]
        assert gradients(tg.minimum, [1.0, 3.0], [1.0, 2.0]) == [[0.5, 0.0], [0.5, 1.0]]

    def test_fmax_and_fmin_ignore_nan(self):
        x, y = [1.0, NAN, 2.0, NAN], [1.0, 1.0, NAN, NAN]
        assert str(tg.fmax(tg.tensor(x), tg.tensor(y)).tolist()) == "[1.0, 1.0, 2.0, nan]"
        assert gradients(tg.fmax, x, y) == [[1.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 0.0]]
        assert gradients(tg.fmin, x, y) == [[1.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 0.0]]

    def test_clamp_with_numbers_tensors_and_one_limit(self):
        x = tg.tensor([-2.0, 0.5, 3.0, NAN])
        assert str(tg.clamp(x, 0, 1).tolist()) == "[0.0, 0.5, 1.0, nan]"
        assert str(x.clamp(max=1).tolist()) == "[-2.0, 0.5, 1.0, nan]"
        assert str(x.clip(min=0.0).tolist()) == "[0.0, 0.5, 3.0, nan]"
        assert str(x.clamp_min(1).tolist()) == "[1.0, 1.0, 3.0, nan]"
        assert str(x.clone().clamp_max_(0).tolist()) == "[-2.0, 0.0, 0.0, nan]"
        assert tg.clamp(tg.tensor([1.0]), tg.tensor([[2.0], [0.0]]), None).tolist() == [[2.0], [1.0]]
        assert tg.clamp(tg.tensor([1, 2, 3]), 2, None).tolist() == [2, 2, 3]
        assert tg.clamp(tg.tensor([1, 2, 3]), min=1.5).dtype == np.float32
        assert tg.clamp(tg.tensor([1.0]), 3, 2).tolist() == [2.0]

    def test_gradients_of_clamp(self):
        assert gradients(lambda x: tg.clamp(x, 1, 2), [0.0, 1.0, 2.0, 3.0, NAN]) == [[0.0, 1.0, 1.0, 0.0, 0.0]]
        x, low, high = gradients(tg.clamp, [0.0, 1.0, 3.0, 1.0], [1.0, 1.0, 1.0, 3.0], [2.0, 2.0, 2.0, 2.0])
        assert (x, low, high) == ([0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0])
        assert gradients(lambda x, a: tg.clamp(x, None, a), [0.0, 3.0], [1.0, 2.0]) == [[1.0, 0.0], [0.0, 1.0]]


class TestChoosing:
    def test_where_with_numbers_keeps_the_default_dtype(self):
        condition = tg.tensor([True, False])
        assert tg.where(condition, 1.0, 0.0).dtype == np.float32
        assert tg.where(condition, 1, 0).dtype == np.int64
        assert tg.where(condition, 1, 2.5).tolist() == [1.0, 2.5]
        assert tg.where(condition, tg.tensor([1.0, 2.0]), 0).dtype == np.float32

    def test_where_with_a_condition_alone_gives_positions(self):
        (rows, columns) = tg.where(tg.tensor([[True, False], [False, True]]))
        assert (rows.tolist(), columns.tolist()) == ([0, 1], [0, 1])

    def test_where_as_a_method_takes_the_condition_first(self):
        x = tg.tensor([1.0, 2.0])
        assert x.where(x > 1, tg.tensor([-1.0, -1.0])).tolist() == [-1.0, 2.0]

    def test_a_condition_that_is_not_bool_is_refused(self):
        with pytest.raises(errors.DTypeError, match=r"^where: the condition has dtype float32; make it bool"):
            tg.where(tg.ones(2), 1.0, 0.0)
        assert tg.where(tg.tensor([1, 0], dtype=tg.uint8), 1.0, 0.0).tolist() == [1.0, 0.0]

    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int32, np.bool_])
    def test_large_arrays_are_chosen_from_alike(self, rng, dtype):
        condition = rng.random((200, 100)) < 0.5
        x, y = (rng.standard_normal((200, 100)).astype(dtype) for _ in range(2))
        out = tg.where(tg.tensor(condition), tg.tensor(x), tg.tensor(y))
        assert out.dtype == dtype
        assert np.array_equal(out.numpy(), np.where(condition, x, y))
        row = tg.where(tg.tensor(condition), tg.tensor(x[:1]), 0)
        assert np.array_equal(row.numpy(), np.where(condition, x[:1], dtype(0)))

    def test_masked_fill_brings_the_value_to_the_inputs_dtype(self):
        mask = tg.tensor([True, False])
        assert tg.masked_fill(tg.tensor([1, 2]), mask, 7.9).tolist() == [7, 2]
        assert tg.tensor([1.0, 2.0]).masked_fill(mask, -INF).tolist() == [-INF, 2.0]
        assert tg.tensor([1, 2]).masked_fill(mask, tg.tensor(3.5)).tolist() == [3, 2]
        assert tg.tensor([1.0, 2.0]).masked_fill(mask[:, None], 0).shape == (2, 2)
        x = tg.tensor([1.0, 2.0])
        assert x.masked_fill_(mask, 5) is x
        assert x.tolist() == [5.0, 2.0]

    def test_gradient_of_masked_fill(self):
        x, v = gradients(lambda x, v: x.masked_fill(tg.tensor([True, False, True]), v), [1.0, 2.0, 3.0], 9.0)
        assert (x, v) == ([0.0, 1.0, 0.0], 2.0)

    def test_masked_fill_refuses_what_does_not_fit(self):
        x = tg.tensor([1.0, 2.0], dtype=tg.float16)
        with pytest.raises(errors.DTypeError, match=r"the mask has dtype int64; make it bool"):
            x.masked_fill(tg.tensor([1, 0]), 0)
        with pytest.raises(errors.ShapeError, match=r"the value has shape \(1,\)"):
            x.masked_fill(x > 1, tg.tensor([1.0]))
        with pytest.raises(errors.DTypeError, match=r"float16 cannot hold -1000000000.0"):
            x.masked_fill(x > 1, -1e9)

    def test_nan_to_num(self):
        x = tg.tensor([NAN, INF, -INF, 1.0])
        top = float(np.finfo(np.float32).max)
        assert tg.nan_to_num(x).tolist() == [0.0, top, -top, 1.0]
        assert tg.nan_to_num(x, 1, 2, 3).tolist() == [1.0, 2.0, 3.0, 1.0]
        assert gradients(tg.nan_to_num, [NAN, INF, 1.0]) == [[0.0, 0.0, 1.0]]


class TestWriting:
    def test_copy_converts_stretches_and_carries_gradients(self):
        x, y = tg.ones(2, 3, requires_grad=True), tg.tensor([1.5, 2.5, 3.5], dtype=tg.float64, requires_grad=True)
        out = x * 1
        assert out.copy_(y) is out
        assert out.tolist() == [[1.5, 2.5, 3.5]] * 2
        out.sum().backward()
        assert x.grad.tolist() == [[0.0] * 3] * 2
        assert (y.grad.tolist(), y.grad.dtype) == ([2.0] * 3, np.float64)
        assert tg.zeros(2, dtype=tg.int64).copy_(tg.tensor([1.7, -1.7])).tolist() == [1, -1]

    def test_a_copy_that_is_larger_is_refused(self):
        with pytest.raises(errors.ShapeError, match="does not fit a tensor of shape"):
            tg.zeros(3).copy_(tg.zeros(2, 3))

    def test_fill_and_zero(self):
        x = tg.ones(2, requires_grad=True)
        out = x * 2
        assert out.fill_(tg.tensor(5.0)).tolist() == [5.0, 5.0]
        assert (x * 2).zero_().tolist() == [0.0, 0.0]
        out.sum().backward()
        assert x.grad.tolist() == [0.0, 0.0]
        assert tg.zeros(2, dtype=tg.int64).fill_(1.9).tolist() == [1, 1]
        with pytest.raises(errors.ShapeError, match=r"fill_: the value has shape \(1,\)"):
            out.fill_(tg.tensor([1.0]))

    def test_filling_writes_into_the_memory(self):
        x = tg.zeros(3)
        view, array = x[1:], x.numpy()
        view.fill_(2)
        assert array.tolist() == [0.0, 2.0, 2.0]
        x.zero_()
        assert view.tolist() == [0.0, 0.0]


class TestComparisons:
    def test_operators(self):
        x, y = tg.tensor([1, 2, 3]), tg.tensor([2, 2, 2])
        assert (x < y).tolist() == [True, False, False]
        assert (x <= 2).tolist() == [True, True, False]
        assert (x > 2).tolist() == [False, False, True]
        assert (np.int64(2) >= x).tolist() == [True, True, False]
        assert (x == y).tolist() == [False, True, False]
        assert (x != 2).tolist() == [True, False, True]
        assert (np.array([1, 2, 4]) == x).tolist() == [True, True, False]

    def test_what_is_no_number_is_not_equal(self):
        x = tg.tensor([1.0])
        assert (x == None) is False  # noqa: E711
        assert (x != None) is True  # noqa: E711
        assert (x == "a") is False
        with pytest.raises(TypeError):
            x < None  # noqa: B015

    def test_in_place_comparisons_keep_the_dtype(self):
        x = tg.tensor([1.0, 0.0])
        assert x.eq_(tg.tensor([1.0, 1.0])).tolist() == [1.0, 0.0]
        assert x.dtype == np.float32

    def test_a_tensor_stays_hashable(self):
        x = tg.ones(2)
        assert {x: 1}[x] == 1

    def test_close_and_equal(self):
        x = tg.tensor([1.0, NAN, INF])
        assert tg.isclose(x, x).tolist() == [True, False, True]
        assert tg.isclose(x, x, equal_nan=True).all()
        assert tg.allclose(x[:1], x[:1] + 1e-7) is True
        assert not tg.equal(tg.ones(2), tg.ones(3))
        assert tg.equal(tg.ones(2), tg.ones(2, dtype=tg.int64))
        with pytest.raises(errors.DTypeError, match=r"^isclose: the inputs have dtypes float32, float64"):
            tg.isclose(x, x.double())

    def test_bits_of_bool(self):
        x, y = tg.tensor([True, True]), tg.tensor([True, False])
        assert ((x & y).tolist(), (x | y).tolist(), (x ^ y).tolist()) == ([True, False], [True, True], [False, True])
        assert (~y).tolist() == [False, True]
        with pytest.raises(TypeError, match="not supported for the input types"):
            ~tg.ones(2)


class TestUnary:
    def test_sign_is_zero_for_nan(self):
        assert tg.sign(tg.tensor([NAN, -0.0, -3.0])).tolist() == [0.0, 0.0, -1.0]
        assert tg.sgn(tg.tensor([-2, 0, 5])).tolist() == [-1, 0, 1]
        assert gradients(tg.abs, [0.0, -1.0, 2.0]) == [[0.0, -1.0, 1.0]]

    def test_rounding_to_even_and_to_decimals(self):
        assert tg.round(tg.tensor([0.5, 1.5, 2.5, -0.5])).tolist() == [0.0, 2.0, 2.0, 0.0]
        assert tg.round(tg.tensor([1.2345]), decimals=2).tolist() == pytest.approx([1.23])
        assert tg.round(tg.tensor([1234.0]), decimals=-2).tolist() == [1200.0]
        assert tg.round(tg.tensor([1.2345]), decimals=2).dtype == np.float32

    @pytest.mark.parametrize("name", ["floor", "ceil", "trunc", "round"])
    def test_integers_are_whole_already(self, name):
        out = getattr(tg, name)(tg.tensor([1, -2]))
        assert (out.tolist(), out.dtype) == ([1, -2], np.int64)

    @pytest.mark.parametrize("name", ["floor", "ceil", "trunc", "round", "sign"])
    def test_gradient_of_a_step_is_zero(self, name):
        assert gradients(getattr(tg, name), [0.4, -1.7]) == [[0.0, 0.0]]

    def test_relu_at_zero_and_for_large_arrays(self, rng):
        assert gradients(tg.relu, [-1.0, 0.0, 2.0]) == [[0.0, 0.0, 1.0]]
        x = rng.standard_normal((100, 100)).astype(np.float32)
        assert np.array_equal(tg.relu(tg.tensor(x)).numpy(), np.maximum(x, 0))
        assert tg.relu(tg.tensor([-1, 2])).tolist() == [0, 2]

    def test_sigmoid_does_not_overflow(self):
        for dtype in (np.float16, np.float32, np.float64):
            out = tg.sigmoid(tg.tensor([-1e4, 0.0, 1e4], dtype=dtype))
            assert (out.tolist(), out.dtype) == ([0.0, 0.5, 1.0], dtype)
        assert tg.sigmoid(tg.tensor(-40.0, dtype=tg.float64)).item() == pytest.approx(math.exp(-40), rel=1e-15)

    def test_softplus_beyond_the_threshold(self):
        assert ops.softplus(tg.tensor([100.0, -1000.0])).tolist() == [100.0, 0.0]
        assert gradients(ops.softplus, [100.0, 0.0]) == [[1.0, 0.5]]

    def test_logit(self):
        assert gradients(lambda x: tg.logit(x, 0.1), [-1.0, 0.05, 0.5, 2.0]) == [[0.0, 0.0, 4.0, 0.0]]
        assert str(gradients(tg.logit, [-1.0, 0.0, 0.5, 1.0])) == "[[nan, inf, 4.0, inf]]"
        assert tg.logit(tg.tensor([0.0, 1.0])).tolist() == [-INF, INF]

    def test_infinite_derivatives_make_no_noise(self):
        assert gradients(tg.sqrt, [0.0]) == [[INF]]
        assert gradients(tg.log, [0.0]) == [[INF]]
        assert tg.rsqrt(tg.tensor([0.0])).tolist() == [INF]
        assert tg.exp(tg.tensor([1000.0])).tolist() == [INF]
        assert str(tg.log(tg.tensor([-1.0, 0.0])).tolist()) == "[nan, -inf]"

    def test_sinc_at_zero(self):
        assert tg.sinc(tg.tensor([0.0])).tolist() == [1.0]
        assert gradients(tg.sinc, [0.0]) == [[0.0]]
        assert second_gradient(tg.sinc, 0.0) == pytest.approx(-(math.pi**2) / 3, rel=1e-15)

    def test_angles(self):
        assert tg.deg2rad(tg.tensor([180])).tolist() == pytest.approx([math.pi])
        assert tg.rad2deg(tg.tensor([math.pi])).tolist() == pytest.approx([180.0])

    def test_gradients_at_the_origin(self):
        assert gradients(tg.atan2, [0.0, 1.0], [0.0, 0.0]) == [[0.0, 0.0], [0.0, -1.0]]
        assert (
            str(gradients(tg.xlogy, [0.0, 0.0, 1.0], [0.0, 2.0, 2.0]))
            == "[[0.0, 0.6931471824645996, 0.6931471824645996], [nan, 0.0, 0.5]]"
        )
        assert gradients(tg.copysign, [0.0, 1.0, -2.0], [1.0, -1.0, -0.0])[0] == [0.0, -1.0, 1.0]

    def test_logaddexp_of_infinities(self):
        x, y = tg.tensor([-INF, INF, -INF]), tg.tensor([-INF, INF, 1.0])
        assert tg.logaddexp(x, y).tolist() == [-INF, INF, 1.0]

    def test_kinds_of_numbers(self):
        x = tg.tensor([NAN, INF, -INF, -0.0])
        assert tg.isnan(x).tolist() == [True, False, False, False]
        assert tg.isfinite(x).tolist() == [False, False, False, True]
        assert tg.isposinf(x).tolist() == [False, True, False, False]
        assert tg.isneginf(x).tolist() == [False, False, True, False]
        assert tg.signbit(x).tolist()[1:] == [False, True, True]

    def test_positive_hands_the_tensor_on(self):
        x = tg.ones(2)
        assert +x is x
        with pytest.raises(errors.DTypeError, match="a bool has no sign"):
            tg.positive(x > 0)


class TestSpecial:
    """Against Python's own ``math``, whose functions are exact to the last digits."""

    @staticmethod
    def worst(function, reference, x):
        expected = np.array([reference(v) for v in x.tolist()])
        got = function(tg.tensor(x)).numpy().astype(np.float64)
        return np.max(np.abs(got - expected) / np.maximum(np.abs(expected), np.finfo(np.float64).tiny))

    def test_erf(self, rng):
        x = np.concatenate([rng.uniform(-7, 7, 2000), 10 ** rng.uniform(-300, 0, 200), [0.46875, 4.0, 6.0]])
        assert self.worst(tg.erf, math.erf, x) < 1e-15
        assert self.worst(tg.erf, math.erf, x[:2000].astype(np.float32)) < 4e-7

    def test_erfc(self, rng):
        x = np.concatenate([rng.uniform(-7, 26, 2000), [0.46875, 4.0, -4.0]])
        assert self.worst(tg.erfc, math.erfc, x) < 2e-15
        assert self.worst(tg.erfc, math.erfc, rng.uniform(-5, 9, 500).astype(np.float32)) < 1e-7

    def test_erfinv_undoes_erf(self, rng):
        y = np.concatenate([rng.uniform(-1, 1, 500), 1 - 10 ** rng.uniform(-15, -1, 100)])
        np.testing.assert_allclose(tg.erf(tg.erfinv(tg.tensor(y))).numpy(), y, rtol=4e-16)
        tail = 10 ** rng.uniform(-15, -2, 100)
        x = tg.erfinv(tg.tensor(1 - tail))
        np.testing.assert_allclose(tg.erfc(x).numpy(), 1 - (1 - tail), rtol=1e-13)
        assert str(tg.erfinv(tg.tensor([1.0, -1.0, 1.5, 0.0])).tolist()) == "[inf, -inf, nan, 0.0]"

    def test_lgamma(self, rng):
        x = np.concatenate([rng.uniform(0, 15, 2000), 10 ** rng.uniform(0, 100, 200), 10 ** rng.uniform(-200, 0, 200)])
        expected = [math.lgamma(v) for v in x.tolist()]
        np.testing.assert_allclose(tg.lgamma(tg.tensor(x)).numpy(), expected, rtol=2e-15, atol=2e-15)
        negative = rng.uniform(-15, 0, 500)
        expected = [math.lgamma(v) for v in negative.tolist()]
        np.testing.assert_allclose(tg.lgamma(tg.tensor(negative)).numpy(), expected, rtol=1e-12, atol=1e-13)
        assert str(tg.lgamma(tg.tensor([0.0, -1.0, INF, NAN])).tolist()) == "[inf, inf, inf, nan]"

    def test_lgamma_keeps_its_digits_beside_its_zeros(self):
        t = np.array([-1e-4, 1e-6, 1e-4, 1e-9])
        zetas = [1.6449340668482264, 1.2020569031595942, 1.0823232337111382, 1.03692775514337]
        series = -0.5772156649015329 * t + sum((-t) ** k / k * z for k, z in enumerate(zetas, 2))
        offset = (1 + t) - 1 - t
        slope = -0.5772156649015329 + 1.6449340668482264 * t
        np.testing.assert_allclose(tg.lgamma(tg.tensor(1 + t)).numpy(), series + offset * slope, rtol=1e-14)

    def test_digamma_and_polygamma_at_known_points(self):
        euler = 0.5772156649015329
        x = tg.tensor([1.0, 0.5, 2.0], dtype=tg.float64)
        expected = [-euler, -euler - 2 * math.log(2), 1 - euler]
        np.testing.assert_allclose(tg.digamma(x).numpy(), expected, rtol=1e-14)
        np.testing.assert_allclose(tg.polygamma(1, x[:2]).numpy(), [math.pi**2 / 6, math.pi**2 / 2], rtol=1e-15)
        assert tg.polygamma(2, x[:1]).item() == pytest.approx(-2 * 1.2020569031595942, rel=1e-15)
        assert str(tg.digamma(tg.tensor([0.0, -0.0, -1.0])).tolist()) == "[-inf, inf, nan]"
        assert x.polygamma(1).tolist() == tg.polygamma(1, x).tolist()

    @pytest.mark.parametrize("n", [0, 1, 2, 3, 4])
    def test_polygamma_obeys_its_recurrence(self, rng, n):
        x = np.concatenate([rng.uniform(0.1, 20, 200), rng.uniform(-5.9, -0.1, 200)])
        step = (-1) ** n * math.factorial(n) * x ** -(n + 1.0)
        here, there = (tg.polygamma(n, tg.tensor(v)).numpy() for v in (x, x + 1))
        np.testing.assert_allclose(there, here + step, rtol=1e-9, atol=1e-9 * np.abs(step).max())

    def test_half_precision(self):
        x = tg.tensor([0.5, 1.5], dtype=tg.float16)
        for function in (tg.erf, tg.erfc, tg.erfinv, tg.lgamma, tg.digamma, tg.sigmoid, tg.exp, tg.sqrt):
            assert function(x).dtype == np.float16
        assert tg.erf(x).tolist() == pytest.approx([math.erf(0.5), math.erf(1.5)], abs=1e-3)


class TestAgainstTorch:
    """Values, dtypes and errors on awkward inputs, where PyTorch is the judge."""

    AWKWARD = (NAN, INF, -INF, 0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0)

    @pytest.mark.parametrize("name", ONE)
    def test_one_tensor(self, name):
        torch = pytest.importorskip("torch")
        expected = getattr(torch, name)(torch.tensor(self.AWKWARD))
        out = getattr(tg, name)(tg.tensor(self.AWKWARD))
        assert str(out.dtype) == str(expected.dtype).removeprefix("torch.")
        np.testing.assert_allclose(out.numpy(), expected.numpy(), rtol=1e-5, atol=1e-6)

    @pytest.mark.parametrize("name", TWO)
    def test_two_tensors(self, name):
        torch = pytest.importorskip("torch")
        left, right = (a.ravel() for a in np.meshgrid(self.AWKWARD, self.AWKWARD))
        with np.errstate(all="ignore"):
            out = getattr(tg, name)(tg.tensor(left), tg.tensor(right))
        expected = getattr(torch, name)(torch.tensor(left), torch.tensor(right))
        assert str(out.dtype) == str(expected.dtype).removeprefix("torch.")
        np.testing.assert_allclose(out.numpy(), expected.numpy(), rtol=1e-12)

    @pytest.mark.parametrize("name", WHOLE)
    def test_integers(self, name):
        torch = pytest.importorskip("torch")
        left, right = (a.ravel() for a in np.meshgrid(np.arange(-7, 8), [-3, -2, -1, 1, 2, 3]))
        out = getattr(tg, name)(tg.tensor(left), tg.tensor(right))
        expected = getattr(torch, name)(torch.tensor(left), torch.tensor(right))
        assert str(out.dtype) == str(expected.dtype).removeprefix("torch.")
        assert out.tolist() == expected.tolist()

"""Small agreements with PyTorch: dtypes of results, kinds of errors, and what may be written into."""

import pytest

import tapegrad as tg
from tapegrad import errors

whole = tg.tensor([[1, 2], [3, 4]])


class TestIntegerProducts:
    @pytest.mark.parametrize("name", ["addmv", "addbmm", "baddbmm"])
    def test_factors_lose_their_fractions(self, name):
        first, second = {"addmv": (whole, whole[0])}.get(name, (whole[None], whole[None]))
        target = whole[0] if name == "addmv" else whole
        got = getattr(tg, name)(target, first, second, beta=1.7, alpha=2.6)
        assert got.dtype == tg.int64
        assert got.tolist() == getattr(tg, name)(target, first, second, beta=1, alpha=2).tolist()

    def test_addr(self):
        flags = tg.tensor([True, False])
        assert tg.addr(tg.zeros(2, 2).bool(), flags, flags, beta=3, alpha=2).tolist() == [[True, False], [False, False]]
        with pytest.raises(errors.DTypeError, match=r"^addr: beta is 0\.5"):
            tg.addr(whole, whole[0], whole[0], beta=0.5)

    def test_small_integers_are_added_up_in_the_dtype_of_the_inputs(self):
        small = tg.ones(2, 3, dtype=tg.uint8)
        assert tg.tensordot(tg.ones(1, 1, dtype=tg.uint8), small, dims=[[0, 1], [0, 1]]).dtype == tg.uint8
        assert tg.einsum("ij,kj->k", small[:1], small).tolist() == [3, 3]


class TestArange:
    def test_fractions_are_cut_off_before_int64_is_counted(self):
        assert tg.arange(0.1, -7.9, -4.0, dtype=tg.int64).tolist() == [0, -4]
        assert tg.arange(0.6, 10.2, 1.3, dtype=tg.int64).tolist() == list(range(10))
        assert tg.arange(-5.7, 3.2, 1.9, dtype=tg.int32).tolist() == [-5, -4, -3, -2, -1]

    @pytest.mark.parametrize("end", [float("inf"), float("nan")])
    def test_there_has_to_be_an_end(self, end):
        with pytest.raises(errors.OptionError, match="use finite numbers"):
            tg.arange(0, end)

    def test_a_step_below_one(self):
        with pytest.raises(ValueError, match="the step is 0 as an integer"):
            tg.arange(0, 2.5, 0.5, dtype=tg.int64)


class TestOut:
    def test_what_reads_in_another_order_refuses_to_write_over_its_input(self):
        x = tg.arange(6.0)
        with pytest.raises(RuntimeError, match="shares memory"):
            tg.gather(x, 0, tg.tensor([0, 1, 2]), out=x[:3])
        empty = tg.zeros(0)
        with pytest.raises(RuntimeError, match="one of the inputs"):
            tg.cat([empty, x], out=empty)

    def test_multinomial_writes_int64_alone(self):
        with pytest.raises(RuntimeError, match="out is float32"):
            tg.multinomial(tg.ones(3), 2, out=tg.empty(2))

    @pytest.mark.parametrize("name", ["angle", "complex", "polar"])
    def test_it_is_written(self, name):
        given = (tg.tensor([1.0, 2.0]),) * (1 if name == "angle" else 2)
        want = getattr(tg, name)(*given)
        out = tg.empty_like(want)
        assert getattr(tg, name)(*given, out=out) is out
        assert out.tolist() == want.tolist()


class TestKindsOfErrors:
    def test_a_number_of_several_elements(self):
        for number in (int, float):
            with pytest.raises(ValueError, match="has 4 elements"):
                number(whole)

    def test_bool_has_no_difference(self):
        with pytest.raises(RuntimeError, match="both tensors are bool"):
            tg.tensor([True]) - tg.tensor([False])

    def test_floats_have_no_bits(self):
        with pytest.raises(NotImplementedError, match="have no bits"):
            tg.ones(2) & tg.ones(2)

    def test_functions_of_python_have_no_gradient(self):
        with pytest.raises(RuntimeError, match="use detach"):
            tg.ones(2, requires_grad=True).apply_(abs)


def test_diff_of_order_0_is_the_input_alone():
    assert tg.diff(tg.tensor([1, 2]), 0, prepend=tg.tensor([9])).tolist() == [1, 2]


def test_asarray_copies_with_its_gradient():
    x = tg.ones(2, requires_grad=True)
    tg.asarray(x, copy=True).sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_weights_decide_the_dtype_of_covariances():
    assert tg.cov(tg.ones(2, 3).half(), aweights=tg.tensor([1.0, 2.0, 3.0])).dtype == tg.float32


def test_sum_to_size_without_dimensions_counts_bool():
    assert tg.tensor(True).sum_to_size([]).dtype == tg.int64


class TestMoreKindsOfErrors:
    def test_integers_have_no_fraction(self):
        with pytest.raises(NotImplementedError, match="the input has dtype int64"):
            tg.frac(whole)

    @pytest.mark.parametrize("kind", [IndexError, RuntimeError])
    def test_narrow_wants_a_dimension(self, kind):
        with pytest.raises(kind, match="dimension 2 of 2"):
            tg.narrow(whole, 2, 0, 1)


class TestNames:
    """One argument under the name that it has in each of PyTorch's forms."""

    @pytest.mark.parametrize(
        ("call", "want"),
        [
            (lambda: tg.det(input=tg.eye(2)), tg.tensor(1.0)),
            (lambda: tg.trace(input=tg.eye(2)), tg.tensor(2.0)),
            (lambda: tg.pow(tg.tensor([3.0]), exponent=2), tg.tensor([9.0])),
            (lambda: tg.tensor([3.0]).pow_(exponent=2), tg.tensor([9.0])),
            (lambda: tg.tensor_split(tg.arange(4), sections=2)[1], tg.tensor([2, 3])),
            (lambda: tg.hsplit(tg.arange(4), indices=(1,))[1], tg.tensor([1, 2, 3])),
            (lambda: tg.arange(4).split(split_size=3)[1], tg.tensor([3])),
            (lambda: tg.isin(element=2, test_elements=tg.arange(4)), tg.tensor(True)),
            (lambda: tg.zeros(2).copy_(other=tg.ones(2)), tg.ones(2)),
            (lambda: tg.gather(tg.arange(4), 0, tg.tensor([2]), sparse_grad=True), tg.tensor([2])),
            (lambda: tg.tensor([3.0, 4.0]).norm(2, None, False, tg.float64), tg.tensor(5.0, dtype=tg.float64)),
        ],
    )
    def test_is_taken(self, call, want):
        got = call()
        assert got.dtype == want.dtype
        assert got.tolist() == want.tolist()

    @pytest.mark.parametrize(
        ("call", "shape"),
        [
            (lambda out: tg.norm(tg.tensor([3.0, 4.0]), out=out), ()),
            (lambda out: tg.normal(tg.tensor([5.0, 5.0]), 0.0, out=out), (2,)),
            (lambda out: tg.tensordot(tg.ones(5, 1), tg.ones(1), 1, out), (5,)),
            (lambda out: tg.hardshrink(tg.tensor([0.1, 5.0]), out=out), (2,)),
            (lambda out: tg.threshold(tg.tensor([0.1, 5.0]), 1.0, 5.0, out=out), (2,)),
        ],
    )
    def test_out_is_written(self, call, shape):
        out = tg.zeros(shape)
        assert call(out) is out
        assert float(out.max()) in (5.0, 1.0)


def test_polynomials_of_small_integers_do_not_wrap_around():
    values = tg.special.shifted_chebyshev_polynomial_t(tg.tensor([0, 1, 200], dtype=tg.uint8), 1)
    assert values.tolist() == [-1.0, 1.0, 399.0]


def test_matrix_exp_of_half_precision():
    got = tg.matrix_exp(tg.zeros(2, 2, dtype=tg.float16))
    assert got.dtype == tg.float16
    assert got.tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_random_slopes_come_from_a_generator():
    draw = [tg.rrelu(-tg.ones(3), 0.2, 0.4, True, tg.Generator().manual_seed(1)) for _ in range(2)]
    assert draw[0].tolist() == draw[1].tolist()
    assert all(-0.4 <= x <= -0.2 for x in draw[0].tolist())


def test_a_default_dtype_has_to_be_floating():
    with pytest.raises(TypeError, match="int32 is not a floating-point dtype"):
        tg.set_default_dtype(tg.int32)


def test_normalisation_hands_out_its_statistics():
    x = tg.tensor([[[1.0, 3.0], [2.0, 6.0]]], dtype=tg.float64)
    batch = tg.native_batch_norm(x, None, None, None, None, True, 0.1, 1e-12)
    groups = tg.native_group_norm(x, None, None, 1, 2, 2, 2, 1e-12)
    for out, mean, scale in (batch, groups):
        assert mean.reshape(-1).tolist() == [2.0, 4.0]
        assert scale.reshape(-1).tolist() == pytest.approx([1.0, 0.5])
        assert out.reshape(-1).tolist() == pytest.approx([-1.0, 1.0, -1.0, 1.0])

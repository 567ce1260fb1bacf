"""Reductions and scans: PyTorch's semantics, ties, zeros, empty and 0-d tensors, and what is refused."""

import math

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import errors
from tapegrad.core import ops

NAN, INF = math.nan, math.inf


def gradient(function, values, dtype=np.float64):
    """The gradient of the sum of a function's result, as a list."""
    x = tg.tensor(values, dtype=dtype, requires_grad=True)
    return tg.autograd.grad(function(x).sum(), x)[0].tolist()


def second_gradient_error(function, values, rng, step=1e-5):
    """How far the gradient of <w, gradient> is from its finite difference along a random direction."""
    values = np.asarray(values, dtype=np.float64)
    w, v, u = rng.standard_normal(values.shape), rng.standard_normal(values.shape), None

    def projected(x, create_graph):
        nonlocal u
        out = function(x)
        u = rng.standard_normal(out.shape) if u is None else u
        (first,) = tg.autograd.grad((out * tg.tensor(u)).sum(), x, create_graph=create_graph)
        return (first * tg.tensor(w)).sum()

    x = tg.tensor(values, requires_grad=True)
    analytic = float((tg.autograd.grad(projected(x, True), x)[0].numpy() * v).sum())
    up, down = (projected(tg.tensor(values + s * v, requires_grad=True), False).item() for s in (step, -step))
    return abs(analytic - (up - down) / (2 * step)) / max(1.0, abs(analytic))


class TestSums:
    @pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int8, np.int32, np.int64])
    def test_integers_and_bool_add_up_to_int64(self, dtype):
        x = tg.tensor([1, 1, 0], dtype=dtype)
        for name in ("sum", "prod", "nansum"):
            assert getattr(tg, name)(x).dtype == np.int64
        for name in ("cumsum", "cumprod"):
            assert getattr(tg, name)(x, 0).dtype == np.int64
        assert tg.sum(tg.full((300,), 1, dtype=tg.uint8)).item() == 300

    def test_dtype_is_what_it_is_computed_in(self):
        x = tg.tensor([1, 2], dtype=tg.int32)
        assert x.sum(dtype=tg.float64).dtype == np.float64
        assert x.mean(dtype=tg.float32).tolist() == 1.5
        big = tg.full((70000,), 1.0, dtype=tg.float16)
        assert big.sum(dtype=tg.float32).item() == 70000.0
        y = tg.ones(2, requires_grad=True)
        y.sum(dtype=tg.float64).backward()
        assert (y.grad.dtype, y.grad.tolist()) == (np.float32, [1.0, 1.0])

    def test_half_precision_is_accumulated_in_single(self):
        x = tg.full((1000, 2), 0.1, dtype=tg.float16)
        for out in (x.sum(0), x.mean(0) * 1000, x.cumsum(0)[-1], x.logsumexp(0).exp() / math.exp(0.1) / 10):
            assert out.dtype == np.float16
            assert out.tolist() == pytest.approx([100.0, 100.0], rel=2e-3)
        assert tg.full((70000,), 1.0, dtype=tg.float16).mean().item() == 1.0

    def test_dimensions(self):
        x = tg.arange(24.0).reshape(2, 3, 4)
        assert x.sum((0, -1)).tolist() == x.numpy().sum((0, 2)).tolist()
        assert x.sum([0, 2], keepdim=True).shape == (1, 3, 1)
        assert x.sum(()).item() == x.sum().item() == 276
        assert x.sum(axis=1, keepdims=True).shape == (2, 1, 4)
        assert tg.tensor(3.0).sum(0).item() == tg.tensor(3.0).sum(-1).item() == 3.0
        with pytest.raises(errors.IndexRangeError, match="dimension 1"):
            tg.tensor(3.0).sum(1)
        with pytest.raises(errors.IndexRangeError, match="out of bounds"):
            x.sum(3)

    def test_means(self):
        assert math.isnan(tg.zeros(0).mean().item())
        assert tg.tensor([1.0, NAN, 3.0]).nanmean().item() == 2.0
        assert gradient(lambda x: tg.nansum(x), [NAN, 1.0]) == [0.0, 1.0]
        with pytest.raises(errors.DTypeError, match=r"^mean: the input has dtype int64; convert it with .float\(\)"):
            tg.tensor([1, 2]).mean()
        with pytest.raises(errors.DTypeError, match="nanmean: the input has dtype int64"):
            tg.nanmean(tg.tensor([1]))

    def test_counting(self):
        x = tg.tensor([[0, 1], [2, 3]])
        assert (tg.count_nonzero(x).item(), tg.count_nonzero(x, 0).tolist()) == (3, [1, 2])

    def test_truth(self):
        x = tg.tensor([[0.0, 1.0], [2.0, NAN]])
        assert (x.any().item(), x.all().item()) == (True, False)
        assert (x.all(1).tolist(), x.any(dim=(0, 1), keepdim=True).tolist()) == ([False, True], [[True]])
        assert (tg.zeros(0).any().item(), tg.zeros(0).all().item()) == (False, True)
        assert tg.any(x, ()).tolist() == [[False, True], [True, True]]


class TestProducts:
    @pytest.mark.parametrize("values", [[2.0, 3.0, 4.0], [2.0, 0.0, 3.0], [0.0, 0.0, 3.0], [0.0, 0.0, 0.0]])
    def test_gradient_with_zeros(self, values, rng):
        expected = [math.prod(values[:i] + values[i + 1 :]) for i in range(3)]
        assert gradient(tg.prod, values) == expected
        assert second_gradient_error(tg.prod, values, rng) < 1e-6

    @pytest.mark.parametrize("values", [[2.0, 3.0, 4.0, 5.0], [2.0, 0.0, 3.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    def test_gradient_of_running_products_with_zeros(self, values, rng):
        n = len(values)
        expected = [sum(math.prod(values[:k] + values[k + 1 : i + 1]) for i in range(k, n)) for k in range(n)]
        assert gradient(lambda x: x.cumprod(0), values) == expected
        assert second_gradient_error(lambda x: x.cumprod(0), values, rng) < 1e-6

    @pytest.mark.parametrize("exclusive", [False, True])
    @pytest.mark.parametrize("reverse", [False, True])
    def test_the_variants_that_the_rules_use(self, rng, exclusive, reverse):
        x = rng.standard_normal((3, 4))
        x[1, 2] = 0.0
        turned = x[:, ::-1] if reverse else x
        expected = np.cumprod(turned, 1)
        if exclusive:
            expected = np.concatenate([np.ones((3, 1)), expected[:, :-1]], 1)
        expected = expected[:, ::-1] if reverse else expected

        def call(t):
            return ops.cumprod(t, dim=1, exclusive=exclusive, reverse=reverse)

        np.testing.assert_allclose(call(tg.tensor(x)).numpy(), expected)
        assert second_gradient_error(call, x, rng) < 1e-6

    def test_a_number_alone(self):
        assert gradient(lambda x: x.cumprod(0), 3.0) == 1.0
        assert gradient(lambda x: x.prod(0), 3.0) == 1.0
        assert tg.ones(0).prod().item() == 1.0


class TestExtremes:
    def test_all_elements_share_ties(self):
        assert gradient(tg.max, [1.0, 3.0, 3.0]) == [0.0, 0.5, 0.5]
        assert gradient(tg.min, [1.0, 1.0, 1.0, 3.0]) == [1 / 3, 1 / 3, 1 / 3, 0.0]
        assert gradient(lambda x: x.amax(1), [[2.0, 2.0], [1.0, 0.0]]) == [[0.5, 0.5], [1.0, 0.0]]

    def test_along_a_dimension_the_first_of_equal_ones_has_it_all(self):
        x = tg.tensor([[1.0, 5.0, 5.0], [7.0, 2.0, 7.0]])
        pair = x.max(1)
        assert (pair.values.tolist(), pair.indices.tolist()) == ([5.0, 7.0], [1, 0])
        values, indices = x.min(dim=0, keepdim=True)
        assert (values.tolist(), indices.tolist()) == ([[1.0, 2.0, 5.0]], [[0, 1, 0]])
        assert indices.dtype == np.int64
        assert gradient(lambda x: x.max(1)[0], x.tolist()) == [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]

    def test_of_two_tensors(self):
        x, y = tg.tensor([1, 4]), tg.tensor([3, 2])
        assert (tg.max(x, y).tolist(), tg.min(x, other=y).tolist(), x.max(y).tolist()) == ([3, 4], [1, 2], [3, 4])

    def test_nan_wins(self):
        x = tg.tensor([3.0, NAN, 1.0])
        for out in (
            x.max(),
            x.min(),
            x.amax(),
            x.amin(),
            x.max(0).values,
            x.min(0).values,
            x.median(),
            x.median(0).values,
        ):
            assert math.isnan(out.item())
        assert (x.argmax().item(), x.argmin().item(), x.median(0).indices.item()) == (1, 1, 1)

    def test_a_number_alone_and_nothing(self):
        values, indices = tg.tensor(3.0).max(0)
        assert (values.item(), indices.item(), values.shape, indices.shape) == (3.0, 0, (), ())
        values, indices = tg.zeros(0, 3).max(1)
        assert (values.shape, indices.shape) == ((0,), (0,))
        for call in (lambda: tg.zeros(0).max(), lambda: tg.zeros(0, 3).max(0), lambda: tg.zeros(0).argmax()):
            with pytest.raises(errors.ShapeError):
                call()

    def test_positions(self):
        x = tg.tensor([[1, 9, 3], [4, 5, 6]])
        assert (x.argmax().item(), x.argmin().item()) == (1, 0)
        assert x.argmax(keepdim=True).tolist() == [[1]]
        assert x.argmax(-1).tolist() == [1, 2]
        assert x.argmin(0, keepdim=True).tolist() == [[0, 1, 0]]

    def test_aminmax(self):
        x = tg.tensor([[1, 9], [4, 5]])
        low, high = tg.aminmax(x, dim=1)
        assert (low.tolist(), high.tolist(), x.aminmax().max.item()) == ([1, 4], [9, 5], 9)

    def test_running_extremes(self):
        values, indices = tg.tensor([1.0, 3.0, 3.0, 2.0, NAN, 5.0]).cummax(0)
        assert str(values.tolist()) == "[1.0, 3.0, 3.0, 3.0, nan, nan]"
        assert indices.tolist() == [0, 1, 2, 2, 4, 4]
        assert gradient(lambda x: x.cummin(0).values, [3.0, 1.0, 2.0]) == [1.0, 2.0, 0.0]


class TestOrderStatistics:
    def test_median_is_the_lower_of_two(self):
        assert tg.median(tg.tensor([4.0, 1.0, 3.0, 2.0])).item() == 2.0
        values, indices = tg.tensor([[4, 1, 3], [9, 7, 8]]).median(1, keepdim=True)
        assert (values.tolist(), indices.tolist()) == ([[3], [8]], [[2], [2]])

    def test_gradients_of_median(self):
        assert gradient(tg.median, [2.0, 2.0, 1.0, 3.0]) == [0.5, 0.5, 0.0, 0.0]
        assert gradient(lambda x: x.median(0).values, [2.0, 2.0, 1.0, 3.0]) == [1.0, 0.0, 0.0, 0.0]

    def test_mode_is_the_smallest_of_the_most_frequent_at_its_last_place(self):
        x = tg.tensor([[3, 1, 3, 1, 2], [5, 5, 4, 5, 4], [1, 2, 3, 4, 5]])
        values, indices = x.mode()
        assert (values.tolist(), indices.tolist()) == ([1, 5, 1], [3, 3, 0])
        assert x.mode(0, keepdim=True).values.shape == (1, 5)

    @pytest.mark.parametrize("interpolation", ["linear", "lower", "higher", "midpoint", "nearest"])
    def test_quantiles(self, rng, interpolation):
        x = rng.standard_normal((3, 5, 4))
        q = np.array([0.0, 0.1, 0.5, 0.77, 1.0])
        for dim, axis in ((None, None), (0, 0), (-1, 2)):
            out = tg.quantile(tg.tensor(x), tg.tensor(q), dim, interpolation=interpolation)
            np.testing.assert_allclose(out.numpy(), np.quantile(x, q, axis, method=interpolation), atol=1e-15)
        assert tg.quantile(tg.tensor(x), 0.5, 1, keepdim=True).shape == (3, 1, 4)
        assert tg.quantile(tg.tensor(x), tg.tensor(q), keepdim=True).shape == (5, 1, 1, 1)

    def test_quantile_gradient_nan_and_errors(self):
        assert gradient(lambda x: tg.quantile(x, 0.25), [1.0, 2.0, 4.0]) == [0.5, 0.5, 0.0]
        assert math.isnan(tg.quantile(tg.tensor([1.0, NAN, 2.0]), 0.1).item())
        with pytest.raises(errors.ArgumentError, match=r"interpolation is 'cubic'; use one of linear"):
            tg.quantile(tg.ones(2), 0.5, interpolation="cubic")
        with pytest.raises(errors.DTypeError, match="quantile: the input has dtype int64"):
            tg.quantile(tg.tensor([1]), 0.5)
        with pytest.raises(errors.ArgumentError, match=r"q is 1.5"):
            tg.quantile(tg.ones(2), 1.5)


class TestSpread:
    def test_older_arguments(self):
        x = tg.arange(6.0).reshape(2, 3)
        assert tg.var(x, False).item() == pytest.approx(35 / 12)
        assert tg.var(x, 1, False).tolist() == pytest.approx([2 / 3, 2 / 3])
        assert tg.var(x, 1, True, True).shape == (2, 1)
        assert x.var(dim=(0, 1), unbiased=False, keepdim=True).shape == (1, 1)
        assert x.std([0, 1], correction=0).item() == pytest.approx(math.sqrt(35 / 12))
        assert tg.var(x, correction=0.5).item() == pytest.approx(17.5 / 5.5)
        with pytest.raises(errors.ArgumentError, match="unbiased=False and correction=1 are both given"):
            tg.var(x, unbiased=False, correction=1)

    def test_too_few_elements(self):
        assert math.isnan(tg.tensor([1.0]).var().item())
        assert math.isnan(tg.tensor([1.0]).std().item())
        assert tg.tensor([1.0, 2.0]).var(correction=3).item() == INF
        with pytest.raises(errors.DTypeError, match=r"^std: the input has dtype int64"):
            tg.tensor([1, 2]).std()

    def test_gradient_where_all_are_equal(self):
        assert gradient(tg.std, [1.0, 1.0, 1.0]) == [0.0, 0.0, 0.0]
        assert gradient(tg.var, [1.0, 1.0]) == [0.0, 0.0]

    def test_pairs(self):
        x = tg.arange(6.0).reshape(2, 3)
        spread, mean = tg.std_mean(x, 1)
        assert (spread.tolist(), mean.tolist()) == ([1.0, 1.0], [1.0, 4.0])
        assert [t.item() for t in tg.var_mean(x)] == [3.5, 2.5]

    def test_large_offsets_do_not_cancel(self):
        x = tg.tensor([1e8, 1e8 + 1, 1e8 + 2], dtype=tg.float64)
        assert x.var().item() == 1.0


class TestLogarithms:
    def test_extreme_values(self):
        assert tg.logsumexp(tg.tensor([-INF, -INF]), 0).item() == -INF
        assert tg.logsumexp(tg.tensor([INF, 1.0]), 0).item() == INF
        assert tg.logsumexp(tg.zeros(0, 2), 0).tolist() == [-INF, -INF]
        assert tg.logsumexp(tg.tensor([1, 2]), 0).dtype == np.float32
        assert tg.logsumexp(tg.tensor([-1000.0, -1000.0]), 0).item() == pytest.approx(-1000 + math.log(2))

    def test_running_logarithm_at_large_distances(self, rng):
        x = np.array([0.0, 800.0, -900.0, 790.0])
        assert tg.logcumsumexp(tg.tensor(x), 0).tolist() == pytest.approx(np.logaddexp.accumulate(x).tolist())
        weights = np.triu(np.exp(np.minimum(x[:, None] - np.logaddexp.accumulate(x)[None, :], 0)))
        assert gradient(lambda t: t.logcumsumexp(0), x) == pytest.approx(weights.sum(1).tolist())
        assert second_gradient_error(lambda t: t.logcumsumexp(0), rng.standard_normal(5), rng) < 1e-6


class TestCounts:
    def test_histc(self):
        x = tg.tensor([1.0, 2.0, 1.0, 9.0])
        assert tg.histc(x, 4, 0, 3).tolist() == [0.0, 2.0, 1.0, 0.0]
        assert tg.histc(x[:3], 4).tolist() == [2.0, 0.0, 0.0, 1.0]
        assert tg.histc(tg.tensor([5.0, 5.0]), 4).sum().item() == 2.0
        assert tg.histc(x, 4, 0, 9).tolist() == [3.0, 0.0, 0.0, 1.0]

    def test_bincount(self):
        x = tg.tensor([1, 1, 3])
        assert tg.bincount(x).tolist() == [0, 2, 0, 1]
        assert tg.bincount(x, minlength=6).tolist() == [0, 2, 0, 1, 0, 0]
        weighted = tg.bincount(x, tg.tensor([0.5, 0.25, 1.0]))
        assert (weighted.tolist(), weighted.dtype) == ([0.0, 0.75, 0.0, 1.0], np.float32)
        assert tg.bincount(x, tg.tensor([1, 2, 3])).dtype == np.float64
        assert tg.bincount(tg.tensor([], dtype=tg.int64)).tolist() == []

    def test_unique(self):
        x = tg.tensor([[3, 1], [3, 1]])
        values, places, counts = tg.unique(x, return_inverse=True, return_counts=True)
        assert (values.tolist(), places.tolist(), counts.tolist()) == ([1, 3], [[1, 0], [1, 0]], [2, 2])
        rows, places = x.unique(dim=0, return_inverse=True)
        assert (rows.tolist(), places.tolist()) == ([[3, 1]], [0, 0])
        assert tg.unique(tg.tensor([NAN, NAN, 1.0])).shape == (3,)

    def test_differences(self):
        x = tg.tensor([1, 3, 6])
        assert (tg.diff(x).tolist(), tg.diff(x, 2).tolist(), tg.diff(x, 5).tolist()) == ([2, 3], [1], [])
        assert tg.diff(x, prepend=tg.tensor([0]), append=tg.tensor([9])).tolist() == [1, 2, 3, 3]
        assert tg.diff(tg.tensor([True, False, False])).tolist() == [True, False]
        assert tg.diff(tg.arange(6).reshape(2, 3), dim=0).tolist() == [[3, 3, 3]]
        assert gradient(lambda x: tg.diff(x) * tg.tensor([1.0, 10.0]), [1.0, 2.0, 4.0]) == [-1.0, -9.0, 10.0]
        with pytest.raises(errors.ShapeError, match="a 0-d tensor has no neighbours"):
            tg.diff(tg.tensor(1))


class TestAgainstTorch:
    """Values and gradients on data with ties and zeros, along every dimension."""

    X = np.array([[2.0, 0.0, 2.0, -1.0], [0.0, 0.0, 5.0, 5.0], [3.0, -1.0, 3.0, 0.5]])

    def compare(self, ours, theirs):
        torch = pytest.importorskip("torch")
        x, y = tg.tensor(self.X, requires_grad=True), torch.tensor(self.X, requires_grad=True)
        out, expected = ours(x), theirs(y)
        assert tuple(out.shape) == tuple(expected.shape)
        np.testing.assert_allclose(out.detach().numpy(), expected.detach().numpy(), rtol=1e-12)
        weights = np.linspace(1, 2, max(out.numel(), 1))[: out.numel()].reshape(out.shape)
        (out * tg.tensor(weights)).sum().backward()
        (expected * torch.tensor(weights)).sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-10, atol=1e-12)

    @pytest.mark.parametrize("dim", [None, 0, 1, -1])
    @pytest.mark.parametrize("keepdim", [False, True])
    @pytest.mark.parametrize("name", ["sum", "mean", "prod", "amax", "amin", "var", "std", "logsumexp", "nansum"])
    def test_reductions(self, name, dim, keepdim):
        if dim is None and (name == "logsumexp" or keepdim):
            pytest.skip("PyTorch wants a dimension here")
        arguments = {} if dim is None else {"dim": dim, "keepdim": keepdim}
        self.compare(lambda x: getattr(x, name)(**arguments), lambda x: getattr(x, name)(**arguments))

    @pytest.mark.parametrize("dim", [0, 1])
    @pytest.mark.parametrize("name", ["cumsum", "cumprod", "logcumsumexp", "diff"])
    def test_scans(self, name, dim):
        self.compare(lambda x: getattr(x, name)(dim=dim), lambda x: getattr(x, name)(dim=dim))

    @pytest.mark.parametrize("dim", [0, 1])
    @pytest.mark.parametrize("name", ["max", "min", "median", "mode", "cummax", "cummin"])
    def test_pairs(self, name, dim):
        torch = pytest.importorskip("torch")
        values, indices = getattr(tg.tensor(self.X), name)(dim)
        expected = getattr(torch.tensor(self.X), name)(dim)
        assert values.tolist() == expected.values.tolist()
        if name in ("max", "min", "cummax", "cummin"):
            assert indices.tolist() == expected.indices.tolist()
        picked = (
            np.take_along_axis(self.X, indices.numpy().reshape(expected.indices.unsqueeze(dim).shape), dim)
            if (indices.ndim == 1)
            else np.take_along_axis(self.X, indices.numpy(), dim)
        )
        assert picked.ravel().tolist() == values.numpy().ravel().tolist()

    @pytest.mark.parametrize("correction", [0, 1, 2.5])
    @pytest.mark.parametrize("dim", [0, 1, (0, 1)])
    def test_spread(self, dim, correction):
        for name in ("var", "std"):
            call = lambda x, n=name: getattr(x, n)(dim=dim, correction=correction)  # noqa: E731
            self.compare(call, call)

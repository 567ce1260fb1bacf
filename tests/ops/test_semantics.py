"""What scripts written for PyTorch rely on without saying so."""

import copy
import pickle

import numpy as np
import pytest

import tapegrad as tg


class TestDTypes:
    def test_python_numbers_decide_the_dtype(self):
        assert tg.tensor([1.0]).dtype == tg.float32
        assert tg.tensor([1]).dtype == tg.int64
        assert tg.tensor([True]).dtype == tg.bool
        assert tg.tensor([1j]).dtype == tg.complex64
        assert tg.arange(3).dtype == tg.int64
        assert tg.arange(3.0).dtype == tg.float32
        assert tg.full((2,), 1).dtype == tg.int64

    @pytest.mark.parametrize("number", [2, 2.5])
    def test_python_numbers_do_not_promote(self, number):
        for dtype in (tg.float16, tg.float32, tg.float64):
            x = tg.ones(2, dtype=dtype)
            assert (x * number).dtype == (number - x).dtype == (x**number).dtype == dtype

    def test_a_float_turns_integers_into_the_default_dtype(self):
        assert (tg.tensor([1, 2]) * 1.5).dtype == tg.float32
        assert (tg.tensor([1, 2]) / 2).dtype == tg.float32
        assert (tg.tensor([1, 2]) // 2).dtype == tg.int64

    def test_a_0d_tensor_does_not_promote_a_vector(self):
        assert (tg.ones(2) * tg.tensor(2.0, dtype=tg.float64)).dtype == tg.float32

    def test_types_by_name(self):
        x = tg.zeros(2)
        assert x.type() == "torch.FloatTensor"
        assert x.type("torch.DoubleTensor").dtype == tg.float64
        assert x.type(tg.LongTensor).dtype == tg.int64
        assert x.type(tg.FloatTensor) is x
        assert x.type_as(tg.tensor([1])).dtype == tg.int64


class TestReductions:
    @pytest.mark.parametrize("name", ["max", "min", "median", "mode", "kthvalue", "sort", "topk", "cummax"])
    def test_pairs_have_names_and_unpack(self, name):
        x = tg.tensor([[3.0, 1.0, 2.0], [5.0, 4.0, 6.0]])
        arguments = {"kthvalue": (2, 1), "topk": (2, 1)}.get(name, (1,))
        pair = getattr(tg, name)(x, *arguments)
        values, indices = pair
        assert pair.values is values
        assert pair.indices is indices
        assert pair[1] is indices
        assert indices.dtype == tg.int64
        assert tg.equal(values, x.gather(1, indices if indices.ndim == 2 else indices[:, None]).reshape(values.shape))

    def test_correct_predictions_are_counted(self):
        output, target = tg.tensor([[0.1, 0.9], [0.8, 0.2]]), tg.tensor([1, 1])
        predicted = output.argmax(dim=1, keepdim=True)
        assert predicted.eq(target.view_as(predicted)).sum().item() == 1
        _, predicted = tg.max(output.data, 1)
        assert (predicted == target).sum().item() == 1


class TestScalars:
    def test_item_gives_python_numbers(self):
        assert type(tg.tensor(1.5).item()) is float
        assert type(tg.tensor([[2]]).item()) is int
        assert type(tg.tensor(True).item()) is bool

    def test_a_0d_tensor_indexes_and_formats(self):
        names = ["cat", "dog"]
        assert names[tg.tensor([0.1, 0.9]).argmax()] == "dog"
        assert f"{tg.tensor(1.23456789):.6f}" == "1.234568"
        assert f"{tg.tensor(2.0):.2f} {tg.tensor(3):d}" == "2.00 3"
        assert "%.3f" % tg.tensor(0.5) == "0.500"  # noqa: UP031  (what older scripts write)
        assert list(range(tg.tensor(3))) == [0, 1, 2]
        assert float(tg.tensor([2.5])) == 2.5
        assert round(tg.tensor(2.6).item()) == 3

    def test_truth_is_that_of_one_element(self):
        assert tg.tensor(0.1)
        assert not tg.tensor([0])
        assert tg.tensor(3) > 2
        with pytest.raises(RuntimeError, match="ambiguous"):
            bool(tg.tensor([1, 0]))

    def test_len_and_iteration_go_over_the_first_dimension(self):
        x = tg.arange(6).reshape(3, 2)
        assert len(x) == 3
        assert [row.tolist() for row in x] == [[0, 1], [2, 3], [4, 5]]
        _first, _second, third = x
        assert third.tolist() == [4, 5]
        for i, row in enumerate(x):
            row[0] = i
        assert x[:, 0].tolist() == [0, 1, 2]
        with pytest.raises(TypeError, match="0-d"):
            len(tg.tensor(1))

    def test_sum_and_max_of_python(self):
        assert sum(tg.tensor([1.0, 2.0])).item() == 3.0
        assert max(tg.tensor([1.0, 3.0, 2.0])).item() == 3.0


class TestMemory:
    def test_data_shares_memory_and_is_outside_of_the_graph(self):
        w = tg.ones(2, requires_grad=True)
        (w * w).sum().backward()
        w.data -= 0.5 * w.grad.data
        assert w.tolist() == [0.0, 0.0]
        assert not w.data.requires_grad
        w.data.fill_(3)
        assert w.tolist() == [3.0, 3.0]
        w.data = tg.zeros(2)
        assert w.requires_grad
        assert w.tolist() == [0.0, 0.0]

    def test_leaves_are_written_under_no_grad_alone(self):
        w = tg.ones(2, requires_grad=True)
        with pytest.raises(RuntimeError, match="leaf Variable"):
            w.add_(1)
        with tg.no_grad():
            w.add_(1)
            w -= 0.5
            w.zero_()
            w.copy_(tg.tensor([1.0, 2.0]))
        assert w.tolist() == [1.0, 2.0]
        assert w.requires_grad
        assert w.is_leaf

    def test_gradients_are_none_until_backward(self):
        w = tg.ones(2, requires_grad=True)
        assert w.grad is None
        w.sum().backward()
        w.sum().backward()
        assert w.grad.tolist() == [2.0, 2.0]
        w.grad.zero_()
        assert w.grad.tolist() == [0.0, 0.0]
        w.grad = None
        assert w.grad is None

    def test_view_needs_contiguity_and_reshape_copies(self):
        x = tg.arange(6).reshape(2, 3)
        with pytest.raises(RuntimeError, match="no view of shape"):
            x.t().view(6)
        copied = x.t().reshape(6)
        copied[0] = 9
        assert x[0, 0].item() == 0
        assert x.t().contiguous().view(6).tolist() == [0, 3, 1, 4, 2, 5]
        x.view(-1)[1] = 7
        assert x[0, 1].item() == 7

    def test_parts_are_views(self):
        x = tg.zeros(5)
        for part in (*x.split(2), *x.chunk(2), x.narrow(0, 1, 2), *x.unbind()):
            part += 1
        assert x.tolist() == [3.0, 4.0, 4.0, 3.0, 3.0]
        assert [p.tolist() for p in tg.arange(5).split([1, 4])] == [[0], [1, 2, 3, 4]]

    def test_numpy_shares_memory(self):
        x = tg.zeros(2)
        x.numpy()[0] = 1
        assert x.tolist() == [1.0, 0.0]
        array = np.zeros(2)
        tg.from_numpy(array)[1] = 2
        assert array.tolist() == [0.0, 2.0]
        with pytest.raises(RuntimeError, match="requires a gradient"):
            tg.ones(1, requires_grad=True).numpy()

    def test_copies_and_pickles(self):
        x = tg.ones(2, requires_grad=True)
        for other in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
            assert other.requires_grad
            assert other.tolist() == x.tolist()
            assert other.data_ptr() != x.data_ptr()
        with pytest.raises(RuntimeError, match="leaf"):
            copy.deepcopy(x * 2)


class TestIndices:
    def test_one_element_of_each_row(self):
        x, y = tg.arange(6.0).reshape(3, 2), tg.tensor([1, 0, 1])
        assert x[range(3), y].tolist() == [1.0, 2.0, 5.0]
        assert x[tg.arange(3), y].tolist() == x[[0, 1, 2], y].tolist() == [1.0, 2.0, 5.0]

    def test_masks_select_and_are_written_through(self):
        x = tg.tensor([-1.0, 2.0, -3.0])
        assert x[x < 0].tolist() == [-1.0, -3.0]
        x[x < 0] = 0
        assert x.tolist() == [0.0, 2.0, 0.0]
        x[x > 0] += 5
        assert x.tolist() == [0.0, 7.0, 0.0]
        x[tg.tensor([True, False, True])] = tg.tensor([1.0, 2.0])
        assert x.tolist() == [1.0, 7.0, 2.0]

    def test_none_and_dots(self):
        x = tg.zeros(2, 3)
        assert x[None].shape == (1, 2, 3)
        assert x[..., None].shape == (2, 3, 1)
        assert x[:, None, :].shape == (2, 1, 3)
        assert x[-1].shape == (3,)
        assert x[:, -2:].shape == (2, 2)

    def test_shapes_are_sizes(self):
        x = tg.zeros(2, 3)
        assert x.shape == x.size() == (2, 3)
        assert x.size(-1) == x.shape[1] == 3
        assert x.shape.numel() == x.numel() == x.nelement() == 6
        assert isinstance(x.size(), tg.Size)
        rows, columns = x.size()
        assert (rows, columns) == (2, 3)
        assert tg.zeros(x.size()).shape == tg.zeros(*x.size()).shape == x.shape


class TestOut:
    def test_a_result_is_written_into_out(self):
        out = tg.zeros(3)
        assert tg.add(tg.ones(3), 2, out=out) is out
        assert out.tolist() == [3.0, 3.0, 3.0]
        values, indices = tg.empty(0), tg.empty(0).long()
        pair = tg.max(tg.tensor([[1.0, 2.0]]), 1, out=(values, indices))
        assert pair.values is values
        assert (values.tolist(), indices.tolist()) == ([2.0], [1])

    def test_another_shape_is_resized_with_a_warning(self):
        out = tg.zeros(2)
        with pytest.warns(UserWarning, match=r"exp: out of shape \(2,\) was resized to \(3,\)"):
            tg.exp(tg.zeros(3), out=out)
        assert out.tolist() == [1.0, 1.0, 1.0]
        assert tg.exp(tg.zeros(3), out=tg.empty(0)).shape == (3,)

    def test_what_cannot_be_written_is_refused(self):
        with pytest.raises(RuntimeError, match="can't be cast to the desired output type int64"):
            tg.exp(tg.zeros(2), out=tg.zeros(2).long())
        with pytest.raises(RuntimeError, match="out= has no gradient"):
            tg.exp(tg.zeros(2, requires_grad=True), out=tg.zeros(2))
        with pytest.raises(RuntimeError, match="share one place"):
            tg.add(tg.ones(3), 1, out=tg.zeros(1).expand(3))
        with pytest.raises(TypeError, match="there are 2 results"):
            tg.max(tg.ones(2, 2), 1, out=tg.zeros(2))
        x = tg.zeros(4)
        with pytest.raises(RuntimeError, match="shares memory"):
            tg.mul(x[:3], 2, out=x[1:])


class TestNames:
    def test_functions_of_other_rooms(self):
        assert tg.conv2d(tg.ones(1, 1, 3, 3), tg.ones(1, 1, 3, 3)).item() == 9.0
        assert tg.dropout(tg.ones(3), 0.5, False).tolist() == [1.0, 1.0, 1.0]
        assert tg.layer_norm(tg.tensor([1.0, -1.0]), (2,), eps=0.0).tolist() == [1.0, -1.0]

    def test_in_place_functions(self):
        x = tg.zeros(2)
        assert tg.exp_(x) is x
        assert x.tolist() == [1.0, 1.0]
        assert tg.fill_(x, 3).tolist() == [3.0, 3.0]
        assert tg.relu_(tg.tensor([-1.0, 1.0])).tolist() == [0.0, 1.0]

    def test_constants(self):
        assert (tg.pi, tg.e, tg.inf) == (np.pi, np.e, np.inf)
        assert tg.nan != tg.nan
        assert tg.zeros(2)[:, tg.newaxis].shape == (2, 1)

    def test_layouts_and_formats_are_accepted(self):
        x = tg.zeros(1, 2, 2, 2)
        assert x.layout is tg.strided
        assert x.is_contiguous(memory_format=tg.contiguous_format)
        assert not x.is_contiguous(memory_format=tg.channels_last)
        assert x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2).is_contiguous(memory_format=tg.channels_last)
        assert x.to(memory_format=tg.channels_last).shape == x.shape
        assert pickle.loads(pickle.dumps(tg.channels_last)) is tg.channels_last

    def test_an_unknown_name_says_what_is_near(self):
        with pytest.raises(AttributeError, match="has no attribute 'expp'; did you mean 'exp"):
            tg.expp  # noqa: B018


class TestSwitches:
    def test_what_is_told_is_remembered(self):
        tg.use_deterministic_algorithms(True, warn_only=True)
        assert tg.are_deterministic_algorithms_enabled()
        assert tg.get_deterministic_debug_mode() == 1
        tg.set_deterministic_debug_mode("default")
        assert not tg.are_deterministic_algorithms_enabled()
        tg.set_float32_matmul_precision("high")
        assert tg.get_float32_matmul_precision() == "high"
        tg.set_float32_matmul_precision("highest")
        with pytest.raises(ValueError, match="'highest', 'high' or 'medium'"):
            tg.set_float32_matmul_precision("low")

    def test_the_device_is_the_cpu(self):
        tg.set_default_device("cpu")
        assert tg.get_default_device() == tg.device("cpu")
        with pytest.raises((RuntimeError, ValueError)):
            tg.set_default_device("cuda")
        assert tg.set_flush_denormal(True) is False

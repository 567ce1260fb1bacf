"""Writing in place: what is refused, what is noticed and where, and gradients that stay right."""

import inspect
import re

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import errors


def leaf(*values):
    return tg.tensor(list(values), dtype=tg.float64, requires_grad=True)


def here(offset=0):
    """The file and line of the caller, moved by some lines."""
    frame = inspect.currentframe().f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno + offset}"


# -- saved values that were written to --------------------------------------------------------------------------------


def test_a_saved_input_that_was_written_to_names_operation_and_line():
    x = leaf(1.0, 2.0)
    y = x * 2
    z = y * y
    y.add_(1)
    where = here(-1)
    with pytest.raises(errors.GradError) as caught:
        z.sum().backward()
    message = str(caught.value)
    assert message.startswith("backward through mul: input ")
    assert f"(shape (2,)), saved for the gradient, was modified by an inplace operation at {where};" in message
    assert "clone() the tensor before it is changed" in message


def test_a_saved_output_that_was_written_to():
    x = leaf(1.0, 2.0)
    y = x.exp()
    y.mul_(2)
    where = here(-1)
    with pytest.raises(errors.GradError, match=rf"backward through exp: the output .* at {re.escape(where)}"):
        y.sum().backward()


@pytest.mark.parametrize(
    "write",
    [
        lambda y: y.detach().mul_(2),
        lambda y: y.detach().__setitem__(0, 5.0),
        lambda y: y[0:1].detach().zero_(),
        lambda y: np.multiply(y.detach(), 2, out=y.detach()),
        lambda y: y.detach().view(-1).fill_(1.0),
        lambda y: y.detach().t().copy_(tg.zeros(2)),
    ],
)
def test_every_way_of_writing_is_noticed(write):
    x = leaf(1.0, 2.0)
    y = x.exp()
    write(y)
    with pytest.raises(errors.GradError, match="was modified by an inplace operation"):
        y.sum().backward()


def test_a_write_to_what_was_not_saved_is_no_matter():
    x = leaf(1.0, 2.0)
    y = x * 3
    z = y + 1
    y.detach().mul_(100)
    z.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_a_constant_that_was_saved_is_watched_too():
    x, c = leaf(1.0, 2.0), tg.ones(2, dtype=tg.float64)
    y = x * c
    c.add_(1)
    with pytest.raises(errors.GradError, match="backward through mul: input 1"):
        y.sum().backward()


def test_the_last_writer_is_named():
    x = leaf(1.0)
    y = x.exp()
    d = y.detach()
    d.add_(1)
    d.add_(1)
    where = here(-1)
    with pytest.raises(errors.GradError, match=re.escape(where)):
        y.sum().backward()


def test_an_optimizer_step_between_forward_and_backward_is_noticed():
    w = leaf(1.0, 2.0)
    loss = (w * w).sum()
    with tg.no_grad():
        w.sub_(tg.ones(2, dtype=tg.float64))
    with pytest.raises(errors.GradError, match="modified by an inplace operation"):
        loss.backward()


def test_writing_through_data_is_neither_counted_nor_checked():
    x = leaf(1.0, 2.0)
    y = x.exp()
    y.data.mul_(2)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * np.exp([1.0, 2.0]))


def test_assigning_data_replaces_the_memory():
    x = leaf(1.0, 2.0)
    x.data = tg.zeros(2, dtype=tg.float64)
    assert x.tolist() == [0.0, 0.0]
    assert x.requires_grad


# -- leaves -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "write",
    [
        lambda x: x.add_(1),
        lambda x: x.zero_(),
        lambda x: x.normal_(),
        lambda x: x.__setitem__(0, 1.0),
        lambda x: x.copy_(tg.ones(2)),
        lambda x: x.clamp_(min=0),
        lambda x: x.__imul__(2),
    ],
)
def test_a_leaf_that_requires_a_gradient_is_not_written_to(write):
    x = leaf(1.0, 2.0)
    with pytest.raises(errors.GradError, match=r"a leaf Variable that requires grad .*no_grad\(\)"):
        write(x)
    assert x.tolist() == [1.0, 2.0]


def test_a_leaf_may_be_written_to_without_recording():
    x = leaf(1.0, 2.0)
    with tg.no_grad():
        x.mul_(2)
        x[0] = 7.0
    assert x.tolist() == [7.0, 4.0]
    assert x.is_leaf
    assert x.requires_grad


def test_in_place_returns_the_tensor_itself():
    x = tg.ones(2)
    assert x.add_(1) is x
    y = x
    y += 1
    assert y is x
    assert x.tolist() == [3.0, 3.0]


# -- writes that are recorded -------------------------------------------------------------------------------------------


def test_a_result_written_to_keeps_the_right_gradient():
    x = leaf(1.0, 2.0)
    y = x * 3
    y.mul_(2)
    y.add_(1)
    y.sum().backward()
    assert x.grad.tolist() == [6.0, 6.0]


def test_a_write_brings_in_a_new_dependence():
    x, w = leaf(1.0, 2.0), leaf(5.0, 6.0)
    y = x * 3
    y.add_(w * w)
    y.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]
    assert w.grad.tolist() == [10.0, 12.0]


def test_a_constant_buffer_becomes_part_of_the_graph():
    w = leaf(5.0, 6.0)
    total = tg.zeros(2, dtype=tg.float64)
    for k in (1.0, 2.0):
        total += w * k
    assert total.requires_grad
    total.sum().backward()
    assert w.grad.tolist() == [3.0, 3.0]


def test_item_assignment_blocks_and_brings_gradients():
    x, v = leaf(1.0, 2.0, 3.0), leaf(9.0)
    y = x * 2
    y[0] = 10.0
    y[2:] = v * 4
    y.sum().backward()
    assert x.grad.tolist() == [0.0, 2.0, 0.0]
    assert v.grad.tolist() == [4.0]


def test_a_saved_value_is_safe_when_the_write_comes_before_the_use():
    x = leaf(1.0, 2.0)
    y = x * 2
    y.add_(1)
    z = y * y
    z.sum().backward()
    assert x.grad.tolist() == [12.0, 20.0]


def test_in_place_functions_that_save_their_own_output():
    x = leaf(0.5, 1.0)
    y = x * 1
    y.exp_()
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.exp([0.5, 1.0]))


def test_in_place_at_second_order():
    x = leaf(0.5, 1.0)
    y = x * 1
    y.exp_()
    z = y * x
    (g,) = tg.autograd.grad(z.sum(), x, create_graph=True)
    (h,) = tg.autograd.grad(g.sum(), x)
    e = np.exp([0.5, 1.0])
    np.testing.assert_allclose(h.numpy(), e * (np.array([0.5, 1.0]) + 2))


WRITES = {
    "mul_": (lambda y, x: y.mul_(x), lambda y, x: y * x),
    "mul_ itself": (lambda y, x: y.mul_(y), lambda y, x: y * y),
    "pow_": (lambda y, x: y.pow_(3), lambda y, x: y**3),
    "ipow": (lambda y, x: y.__ipow__(2), lambda y, x: y**2),
    "abs_": (lambda y, x: y.abs_(), lambda y, x: y.abs()),
    "clamp_": (lambda y, x: y.clamp_(min=0.6), lambda y, x: y.clamp(min=0.6)),
    "log_": (lambda y, x: y.log_(), lambda y, x: y.log()),
    "sin_": (lambda y, x: y.sin_(), lambda y, x: y.sin()),
    "div_": (lambda y, x: y.div_(x), lambda y, x: y / x),
    "addcmul_": (lambda y, x: y.addcmul_(y, x), lambda y, x: y.addcmul(y, x)),
    "two": (lambda y, x: y.mul_(x).sin_().mul_(x), lambda y, x: (y * x).sin() * x),
}


@pytest.mark.parametrize("name", WRITES)
def test_rules_get_the_value_from_before_the_write(name):
    """As in PyTorch, which saves a copy of what it overwrites: the gradients are those of the call out of place."""
    write, pure = WRITES[name]
    gradients = []
    for call in (write, pure):
        x, w = leaf(0.5, 1.5), leaf(0.7, 0.3)
        y = w * 1
        y = call(y, x)
        (g,) = tg.autograd.grad(y.sum(), w, create_graph=True)
        (y.sum() + (g * g).sum()).backward()
        gradients.append([w.grad.tolist(), [0.0, 0.0] if x.grad is None else x.grad.tolist()])
    np.testing.assert_allclose(gradients[0], gradients[1])


def test_a_constant_buffer_multiplied_in_place_by_a_tracked_tensor():
    buffer, w = tg.full((2,), 3.0, dtype=tg.float64), leaf(5.0, 7.0)
    buffer.mul_(w)
    buffer.sum().backward()
    assert w.grad.tolist() == [3.0, 3.0]


def test_a_retained_gradient_moves_on_with_the_value():
    x = leaf(1.0, 2.0)
    y = x * 2
    y.retain_grad()
    y.mul_(3)
    y.sum().backward()
    assert y.grad.tolist() == [1.0, 1.0]


def test_writing_without_recording_leaves_the_graph_as_it_is():
    """As in PyTorch: the values change, the history does not."""
    x = leaf(1.0, 2.0)
    y = x * 3
    with tg.no_grad():
        y.add_(100)
    assert y.requires_grad
    y.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_hook_registered_before_a_write_stays_with_the_old_value():
    x, seen = leaf(1.0), []
    y = x * 3
    y.register_hook(lambda g: seen.append(g.item()))
    y.mul_(2)
    y.sum().backward()
    assert seen == [2.0]


# -- views ------------------------------------------------------------------------------------------------------------


def test_a_view_shares_memory_and_version():
    base = tg.zeros(4)
    view = base[1:3]
    view.fill_(5.0)
    assert base.tolist() == [0.0, 5.0, 5.0, 0.0]
    base.view(2, 2)[1, 1] = 7.0
    assert base[3].item() == 7.0
    assert base._version == view._version == 2


def test_a_view_of_a_leaf_may_be_written_to_without_recording():
    x = leaf(1.0, 2.0, 3.0)
    with tg.no_grad():
        x[:2].zero_()
        x.view(-1)[2] = 9.0
    assert x.tolist() == [0.0, 0.0, 9.0]


def test_a_view_taken_before_an_unrecorded_write_is_good():
    x = tg.zeros(3)
    view = x[:2]
    x.add_(1)
    assert (view * 2).tolist() == [2.0, 2.0]


def test_a_copy_is_no_view():
    x = tg.arange(4.0)
    picked = x[[0, 1]]
    picked.zero_()
    assert x.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert x.reshape(2, 2).t().reshape(-1).add_(1).tolist() == [1.0, 3.0, 2.0, 4.0]
    assert x.tolist() == [0.0, 1.0, 2.0, 3.0]


def test_gradient_of_the_base_after_a_write_through_indices():
    x = leaf(1.0, 2.0, 3.0)
    y = x * 1
    y[0] = y[0] * 10
    y[1:] = y[1:] + y[0]
    y.sum().backward()
    assert x.grad.tolist() == [30.0, 1.0, 1.0]


# -- what does not fit ------------------------------------------------------------------------------------------------


def test_a_result_that_does_not_fit_is_refused():
    with pytest.raises(
        errors.ShapeError, match=r"add_: a result of shape \(2, 3\) does not fit a tensor of shape \(3,\)"
    ):
        tg.ones(3).add_(tg.ones(2, 3))
    with pytest.raises(errors.DTypeError, match=r"result type float32 can't be cast to the desired output type int64"):
        tg.tensor([1, 2]).add_(1.5)
    x = tg.ones(2, dtype=tg.float32)
    assert x.add_(tg.ones(2, dtype=tg.float64)).dtype == np.float32


def test_detach_shares_memory_and_version():
    x = leaf(1.0, 2.0)
    d = x.detach()
    assert not d.requires_grad
    d[0] = 5.0
    assert x.tolist() == [5.0, 2.0]
    assert x._version == d._version == 1


def test_detach_in_place():
    y = leaf(1.0) * 2
    assert y.detach_() is y
    assert y.is_leaf
    assert not y.requires_grad

"""Planted reasons of a missing or bad gradient: explain() must name each, with the line marked ``# here``."""

import inspect

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn
from tapegrad.core.notes import LOG

PLANTED = []


@pytest.fixture(autouse=True)
def no_notes_of_other_tests():
    LOG.clear()


def planted(cause, state):
    def register(function):
        PLANTED.append(pytest.param(function, cause, state, id=function.__name__))
        return function

    return register


def marked(function):
    lines, first = inspect.getsourcelines(function)
    found = [first + i for i, line in enumerate(lines) if line.rstrip().endswith("# here")]
    return [f"{__file__}:{number}" for number in found]


def leaf(*values):
    return tg.tensor(values, requires_grad=True)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 3)
        self.last = nn.Linear(3, 1)


# -- None: cut off ----------------------------------------------------------------------------------------------------


@planted("detached", "none")
def detach_before_the_loss():
    w, v = leaf(1.0, 2.0), leaf(3.0, 4.0)
    h = (w * 2).detach()  # here
    loss = (h * v).sum()
    return tg.explain(w, loss)


@planted("detached", "none")
def detach_known_after_backward():
    w, v = leaf(1.0, 2.0), leaf(3.0, 4.0)
    h = (w * 2).exp().detach()  # here
    loss = (h + v).sum()
    loss.backward()
    return tg.explain(w)


@planted("detached", "none")
def detach_deep_in_a_network_watched():
    w = leaf(1.0, 2.0)

    def loss():
        h = w
        for _ in range(10):
            h = h.tanh()
        h = h.detach()  # here
        return (h + leaf(1.0, 1.0)).sum()

    return tg.explain(w, loss)


@planted("detached", "none")
def detach_in_place():
    w, v = leaf(1.0, 2.0), leaf(3.0, 4.0)
    h = w * 2
    h.detach_()  # here
    return tg.explain(w, (h * v).sum())


@planted("detached", "none")
def data_of_a_parameter():
    w, v = leaf(1.0, 2.0), leaf(3.0, 4.0)
    return tg.explain(w, (w.data * v).sum())  # here


@planted("detached", "none")
def tensor_of_a_tensor():
    w = leaf(1.0, 2.0)
    loss = tg.tensor((w * w).sum(), requires_grad=True)  # here
    loss.backward()
    return tg.explain(w, loss)


@planted("detached", "none")
def item_made_a_tensor_again():
    w = leaf(1.0, 2.0)
    number = (w * w).sum().item()  # here
    loss = tg.tensor(number, requires_grad=True)
    loss.backward()
    return tg.explain(w)


@planted("detached", "none")
def numpy_and_back():
    w, v = leaf(1.0, 2.0), leaf(3.0, 4.0)
    array = np.asarray(w * 2)  # here
    return tg.explain(w, (tg.from_numpy(array) * v).sum())


@planted("no-grad", "none")
def no_grad_block():
    w, v = leaf(1.0, 2.0), leaf(3.0, 4.0)
    with tg.no_grad():  # here
        h = w * 2
    return tg.explain(w, (h * v).sum())


@planted("no-grad", "none")
def no_grad_around_the_whole_forward_pass():
    model = Net()
    with tg.no_grad():  # here
        out = model.last(model.first(tg.ones(4, 2)))
    loss = ((out - 1) ** 2).mean()
    return tg.explain(model.first.weight, loss)


@planted("no-grad", "none")
def no_grad_as_a_decorator():
    w, v = leaf(1.0, 2.0), leaf(3.0, 4.0)

    @tg.no_grad()  # here
    def features():
        return w * 2

    return tg.explain(w, (features() * v).sum())


@planted("no-grad", "none")
def inference_mode_block():
    w, v = leaf(1.0, 2.0), leaf(3.0, 4.0)
    with tg.inference_mode():  # here
        h = w * 2
    return tg.explain(w, lambda: (h * v).sum()) if h.requires_grad else tg.explain(w, (h * v).sum())


@planted("no-grad", "none")
def recording_switched_off_for_good():
    w = leaf(1.0, 2.0)
    before = tg.is_grad_enabled()
    tg.set_grad_enabled(False)  # here
    try:
        loss = (w * 2).sum()
    finally:
        tg.set_grad_enabled(before)
    return tg.explain(w, loss)


@planted("no-grad", "none")
def no_grad_in_the_middle_watched():
    model = Net()

    def loss():
        with tg.no_grad():  # here
            h = model.first(tg.ones(4, 2)).tanh()
        return model.last(h.exp() + 1).sum()

    return tg.explain(model.first.bias, loss)


@planted("no-derivative", "none")
def argmax_of_the_logits():
    w = leaf(1.0, 2.0)
    v = leaf(3.0)
    label = (w * 2).argmax()  # here
    return tg.explain(w, (v * label).sum())


@planted("no-derivative", "none")
def comparison_in_the_loss():
    w, v = leaf(1.0, 2.0), leaf(3.0, 4.0)

    def loss():
        wrong = w * v > 3.0  # here
        return (wrong.float() + v).mean()

    return tg.explain(w, loss)


@planted("no-derivative", "none")
def cast_to_integers():
    w, v = leaf(1.0, 2.0), leaf(3.0, 4.0)

    def loss():
        whole = (w * 2).long()  # here
        return (whole * v).sum()

    return tg.explain(w, loss)


@planted("no-derivative", "none")
def an_integer_result_itself():
    w = leaf(1.0, 2.0)
    places = w.argsort()  # here
    return tg.explain(places)


# -- None: other reasons ------------------------------------------------------------------------------------------------


@planted("frozen", "none")
def frozen_parameter():
    model = Net()
    model.first.requires_grad_(False)  # here
    model.last(model.first(tg.ones(4, 2))).sum().backward()
    return tg.explain(model.first.weight)


@planted("not-a-leaf", "none")
def not_a_leaf():
    w = leaf(1.0, 2.0)
    with tg.explain.watch():
        h = w * 2  # here
        h.sum().backward()
    return tg.explain(h)


@planted("zeroed", "none")
def zero_grad_before_the_look():
    model = Net()
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)
    model.last(model.first(tg.ones(4, 2))).sum().backward()
    optimizer.step()
    optimizer.zero_grad()  # here
    return tg.explain(model.first.weight)


@planted("zeroed", "zero")
def zeros_written_into_the_gradient():
    w = leaf(1.0, 2.0)
    (w * w).sum().backward()
    w.grad.zero_()  # here
    return tg.explain(w)


@planted("zeroed", "none")
def gradient_set_to_none():
    w = leaf(1.0, 2.0)
    (w * w).sum().backward()
    w.grad = None  # here
    return tg.explain(w)


@planted("overwritten", "none")
def overwritten_in_place():
    w = leaf(1.0, 2.0)
    h = w.exp()
    loss = h.sum()
    h.add_(1)  # here
    return tg.explain(w, loss + (h * h).sum())


@planted("overwritten", "none")
def weights_updated_before_backward():
    model = Net()
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)
    model.last(model.first(tg.ones(4, 2))).sum().backward()
    loss = model.last(model.first(tg.ones(4, 2)).tanh()).sum()
    optimizer.step()  # here
    return tg.explain(model.first.weight, loss)


@planted("freed", "fine")
def graph_gone_after_backward():
    w = leaf(1.0, 2.0)
    loss = (w * w).sum()
    loss.backward()  # here
    return tg.explain(w, loss)


@planted("replaced", "fine")
def parameter_replaced_after_the_optimizer_was_made():
    model = Net()
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)
    model.last = nn.Linear(3, 1)  # here
    model.last(model.first(tg.ones(4, 2))).sum().backward()
    optimizer.step()
    return tg.explain(model.last.weight)


@planted("replaced", "none")
def the_parameter_that_the_optimizer_still_holds():
    model = Net()
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)
    model.first.weight = nn.Parameter(tg.ones(3, 2))  # here
    model.last(model.first(tg.ones(4, 2))).sum().backward()
    return tg.explain(optimizer.param_groups[0]["params"][0])


class Forgetful(Net):
    def forward(self, x):
        return self.last(x)


def test_a_module_that_forward_does_not_call_is_named_with_the_line_of_forward():
    model = Forgetful()
    answer = tg.explain(model.first.weight, lambda: model(tg.ones(4, 3)).sum())
    assert answer.cause == "unused-module"
    assert answer.where == f"{__file__}:{inspect.getsourcelines(Forgetful.forward)[1]}"
    assert "`first` (Linear)" in str(answer)


def test_after_backward_a_module_under_no_grad_is_not_said_to_be_left_out():
    model = Net()
    with tg.no_grad():
        h = model.first(tg.ones(4, 2))
    model.last(h).sum().backward()
    line = inspect.currentframe().f_lineno - 3
    assert f"unless under the no_grad of {__file__}:{line}" in tg.explain(model.first.weight).text
    model.last(tg.ones(4, 3)).sum().backward()
    assert "unless" not in tg.explain(model.first.weight).text


def test_a_loss_made_anew_of_numbers_is_told_as_one():
    model = Net()
    loss = lambda: tg.tensor(float(model.last(model.first(tg.ones(4, 2))).sum() + 1) * 2, requires_grad=True)  # noqa: E731
    answer = tg.explain(model.first.weight, loss)
    assert answer.cause == "not-on-path"
    assert "it is a leaf, made of numbers" in answer.text


# -- zero ---------------------------------------------------------------------------------------------------------------


@planted("dead-relu", "zero")
def dead_relu():
    model = Net()
    with tg.no_grad():
        model.first.bias.fill_(-100.0)

    def loss():
        h = model.first(tg.ones(4, 2))
        h = h.relu()  # here
        return model.last(h).sum()

    return tg.explain(model.first.weight, loss)


@planted("saturated", "zero")
def saturated_sigmoid():
    w = leaf(1.0, 2.0)
    with tg.explain.watch():
        p = (w * 1000).sigmoid()  # here
        p.sum().backward()
    return tg.explain(w)


@planted("saturated", "zero")
def saturated_tanh_with_the_graph_kept():
    w = leaf(20.0, 30.0)
    with tg.explain.watch():
        loss = (w * 2).tanh().sum()  # here
    return tg.explain(w, loss)


@planted("saturated", "tiny")
def nearly_saturated_sigmoid():
    w = leaf(-20.0, -22.0)
    return tg.explain(w, lambda: w.sigmoid().sum())  # here


@planted("one-class", "zero")
def softmax_over_one_value():
    w = leaf(0.5)
    return tg.explain(w, lambda: (w * tg.ones(4, 1)).softmax(1).mean())  # here


@planted("multiplied-by-zero", "zero")
def multiplied_by_zero():
    w = leaf(1.0, 2.0)

    def loss():
        mask = tg.zeros(2)
        return (w * mask).sum()  # here

    return tg.explain(w, loss)


@planted("multiplied-by-zero", "zero")
def loss_weight_of_zero():
    w = leaf(1.0, 2.0)
    return tg.explain(w, lambda: (w * w).sum() * 0.0)  # here


@planted("zero-weights", "zero")
def all_zero_initialisation():
    model = Net()
    nn.init.zeros_(model.last.weight)

    def loss():
        h = model.first(tg.ones(4, 2)).tanh()
        return model.last(h).sum()  # here

    return tg.explain(model.first.weight, loss)


@planted("dropout", "zero")
def dropout_of_everything():
    w = leaf(1.0, 2.0)
    return tg.explain(w, lambda: nn.functional.dropout(w * 2, 1.0).sum())  # here


@planted("clamped", "zero")
def clamped_at_a_bound():
    w = leaf(5.0, 6.0)
    return tg.explain(w, lambda: (w * 2).clamp(0, 1).sum())  # here


@planted("masked", "zero")
def masked_away():
    w = leaf(5.0, 6.0)
    never = tg.zeros(2).bool()
    return tg.explain(w, lambda: tg.where(never, w * 2, tg.ones(2)).sum())  # here


@planted("not-selected", "zero")
def never_selected():
    w = leaf(5.0, 6.0)
    return tg.explain(w, lambda: (w.exp()[:0].sum() + tg.ones(1)).sum())  # here


@planted("flat", "zero")
def rounded():
    w = leaf(5.3, 6.2)
    return tg.explain(w, lambda: (w * 2).round().sum())  # here


@planted("stationary", "zero")
def at_a_stationary_point():
    w = leaf(0.0, 0.0)
    return tg.explain(w, lambda: w.cos().sum())  # here


@planted("cancelled", "zero")
def cancelled():
    w = leaf(1.0, 2.0)

    def loss():
        h = w * 2
        return (h - h).sum()  # here

    return tg.explain(w, loss)


# -- not finite -----------------------------------------------------------------------------------------------------------


@planted("log-of-zero", "inf")
def log_of_zero():
    w = leaf(0.0, 2.0)
    return tg.explain(w, lambda: (w * 1).log().sum())  # here


@planted("log-of-negative", "fine")
def log_of_a_negative_number():
    w = leaf(-1.0, 2.0)
    with tg.explain.watch():
        loss = w.log().sum()  # here
    return tg.explain(w, loss)


@planted("sqrt-at-zero", "nan")
def sqrt_at_zero_in_backward_alone():
    w = leaf(0.0, 4.0)

    def loss():
        root = w.sqrt()  # here
        return (root * root.detach()).sum()

    return tg.explain(w, loss)


@planted("division-by-zero", "nan")
def zero_by_zero():
    w = leaf(0.0, 1.0)

    def loss():
        with np.errstate(all="ignore"):
            return (w / (w * 0)).sum()  # here

    return tg.explain(w, loss)


@planted("overflow", "nan")
def exp_overflows():
    w = leaf(100.0, 1.0)

    def loss():
        with np.errstate(all="ignore"):
            e = w.exp()  # here
            return (e / e.sum()).sum()

    return tg.explain(w, loss)


@planted("inf-minus-inf", "nan")
def softmax_of_a_fully_masked_row():
    w = leaf(1.0, 2.0)

    def loss():
        scores = w.masked_fill(tg.ones(2).bool(), float("-inf"))
        with np.errstate(all="ignore"):
            return (scores.softmax(0) * tg.tensor([1.0, 2.0]) * w).sum()  # here

    return tg.explain(w, loss)


def test_the_largest_element_beside_an_infinite_one_is_the_largest_finite_one():
    x = leaf(0.0, 1.0)
    x.sqrt().sum().backward()
    assert "its largest finite element is 0.5" in str(tg.explain(x))


def test_data_that_are_not_finite_are_to_blame():
    w, x = leaf(1.0, 2.0), tg.tensor([float("nan"), 1.0])
    answer = tg.explain(w, lambda: (w * x).sum())
    assert (answer.state, answer.cause) == ("nan", "not-finite-data")


# -- huge -----------------------------------------------------------------------------------------------------------------


@planted("exploding", "huge")
def exploding_through_a_chain_of_products():
    w = leaf(1.0, 1.0)
    matrix = tg.full((2, 2), 1.5)

    def loss():
        h = w
        for _ in range(20):
            h = matrix @ h  # here
            h = h + 1
        return h.sum()

    return tg.explain(w, loss)


@planted("exploding", "huge")
def divided_by_almost_nothing():
    w = leaf(1.0, 1.0)
    with tg.explain.watch():
        (w / 1e-6).sum().backward()  # here
    return tg.explain(w)


@planted("vanishing", "tiny")
def vanishing():
    w = leaf(1.0, 1.0)

    def loss():
        h = w
        for _ in range(20):
            h = h * 0.1  # here
        return h.sum()

    return tg.explain(w, loss)


@pytest.mark.parametrize(("function", "cause", "state"), PLANTED)
def test_a_planted_reason_is_named_with_its_line(function, cause, state):
    answer = function()
    assert (answer.cause, answer.state) == (cause, state), str(answer)
    assert [answer.where] == marked(function), str(answer)
    assert str(answer).replace("\n", " ").count(answer.where) == 1


def test_at_least_25_reasons_are_planted():
    assert len(PLANTED) >= 25

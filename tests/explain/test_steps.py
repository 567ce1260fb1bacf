"""Backpropagation step by step: the numbers of backward(), bit for bit, and what is told of each step."""

import io
import json

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.nn.functional as F
from tapegrad import nn
from tapegrad.errors import GradError, IndexRangeError, ShapeError, UsageError
from tapegrad.explain.steps.steps import Steps, step_through

# -- losses: each is made anew from the same seed, and gives a loss with the tensors whose gradients are compared --------


def classified(model, *shape):
    x = tg.randn(*shape)
    return F.cross_entropy(model(x), tg.arange(shape[0]) % 3), dict(model.named_parameters())


def mlp():
    return classified(nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)), 8, 4)


def cnn_with_batch_norm():
    layers = [nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    return classified(nn.Sequential(*layers, nn.Linear(36, 3)), 5, 2, 6, 6)


def attention():
    layer = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, batch_first=True)
    return (layer(tg.randn(2, 5, 8)) ** 2).mean(), dict(layer.named_parameters())


def recurrent():
    layer = nn.LSTM(3, 4, batch_first=True)
    return layer(tg.randn(2, 5, 3))[0].square().sum(), dict(layer.named_parameters())


def shared_weights():
    layer = nn.Linear(4, 4)
    x = tg.randn(3, 4)
    for _ in range(4):
        x = layer(x).tanh()
    return (x * x).sum(), dict(layer.named_parameters())


def views_and_writes_in_place():
    w = tg.randn(4, 5, requires_grad=True)
    x = w * 2
    x[1:3].mul_(3)
    x[0, 2:] = w[1, :3].exp()
    x.view(-1)[7:11].add_(1)
    x.T[1].relu_()
    return (x.view(2, 10).sum(0) ** 2).sum(), {"w": w}


def several_outputs():
    w = tg.randn(4, 5, requires_grad=True)
    values, indices = w.max(dim=1)
    a, b, *_ = (w * w).unbind(0)
    first, second, _ = w.split([1, 2, 2], dim=1)
    return (values * indices.float()).sum() + (a * b).sum() + first.sum() * second.exp().sum(), {"w": w}


class Scaled(tg.autograd.Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y, x + y

    @staticmethod
    def backward(ctx, g, h):
        x, y = ctx.saved_tensors
        return g * y + h, g * x + 0.5 * h


def custom_function():
    x, y = tg.randn(3, requires_grad=True), tg.randn(3, requires_grad=True)
    a, b = Scaled.apply(x.exp(), y)
    return (a * b).sum() + a.mean(), {"x": x, "y": y}


def hooks_on_tensors():
    w = tg.randn(3, requires_grad=True)
    h = w.sin()
    h.register_hook(lambda g: g * 3)
    w.register_hook(lambda g: g + 1)
    values, _ = h.expand(2, 3).max(dim=0)
    values.register_hook(lambda g: -g)
    return (values * h).sum(), {"w": w}


def kept_in_between():
    w = tg.randn(3, requires_grad=True)
    h = w.exp()
    h.retain_grad()
    k, _ = h.max(dim=0)
    k.retain_grad()
    return (h * w).sum() * k, {"w": w, "h": h, "k": k}


def broadcast():
    a, b, c = (tg.randn(*s, requires_grad=True) for s in ((4, 1), (3,), ()))
    return ((a + b) * c / (b * b + 1) - a).sum(), {"a": a, "b": b, "c": c}


def complex_numbers():
    a = tg.randn(3, requires_grad=True)
    z = tg.complex(a, a * 2)
    return (z * z.conj() + z.exp()).abs().sum(), {"a": a}


def sparse_embedding():
    layer = nn.Embedding(6, 3, sparse=True)
    ids = tg.tensor([[1, 2, 1], [5, 2, 0]])
    return (layer(ids) + layer(ids).exp()).sum(), dict(layer.named_parameters())


def a_leaf():
    w = tg.tensor(2.0, requires_grad=True)
    return w, {"w": w}


CASES = [
    *(mlp, cnn_with_batch_norm, attention, recurrent, shared_weights, views_and_writes_in_place, several_outputs),
    *(custom_function, hooks_on_tensors, kept_in_between, broadcast, complex_numbers, sparse_embedding, a_leaf),
]


def made(case):
    tg.manual_seed(3)
    return case()


def bits(t):
    if t.grad is None:
        return None
    g = t.grad.to_dense() if t.grad.is_sparse else t.grad
    return g.array.dtype, g.array.shape, g.array.tobytes()


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("case", CASES)
def test_the_gradients_are_those_of_backward_bit_for_bit(case, times):
    want, got = [], []
    for result, go in ((want, lambda loss, _: loss.backward()), (got, lambda loss, t: step_through(loss, t).finish())):
        loss, tensors = made(case)
        go_on = [loss] + [loss * 3 for _ in range(times - 1)]
        for i, each in enumerate(go_on[::-1]):
            # Twice: gradients are added to those that are there already.
            if i < times - 1:
                each.backward(retain_graph=True)
            else:
                go(each, tensors)
        result += [bits(t) for t in tensors.values()]
    assert want == got
    assert all(w is not None for w in want)


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_added_before_the_end(case):
    loss, tensors = made(case)
    steps = step_through(loss, tensors)
    assert all(t.grad is None for t in tensors.values())
    assert not steps.finished
    steps.finish()
    before = [bits(t) for t in tensors.values()]
    steps.finish()
    assert steps.finished
    assert [bits(t) for t in tensors.values()] == before


@pytest.mark.parametrize("case", CASES)
def test_every_step_can_be_told(case):
    loss, tensors = made(case)
    steps = step_through(loss, tensors)
    for i, step in enumerate(steps):
        told = json.loads(json.dumps(step.to_dict(limit=5), allow_nan=False))
        assert told["index"] == i
        assert str(step).startswith(f"step {i}: {step.name}")
        assert step.name in step._repr_html_()
        assert step.formula == (tg.core.REGISTRY[step.op].formula if step.op in tg.core.REGISTRY else "")
        assert set(told["saved"]) == set(step.saved)
    assert "<script" not in steps._repr_html_()
    assert json.dumps(steps.to_dict(), allow_nan=False)
    assert len(str(steps).splitlines()) == 1 + len(steps) + len(steps.gradients)


@pytest.mark.parametrize("case", CASES)
def test_what_comes_in_is_what_was_added_up_before(case):
    """Each operation gets the last total that was sent to it, unless a hook changed it; and so does each leaf."""
    loss, tensors = made(case)
    steps = step_through(loss, tensors)
    totals = {}
    for step in steps:
        if step.index and not step.hooks and not isinstance(step.incoming, tuple):
            assert step.incoming.tobytes() == totals[step.name].tobytes()
        totals.update((product.to, product.added_to_total) for product in step.products)
    for name, g in steps.gradients.items():
        if name in totals and case is not hooks_on_tensors:
            assert g.tobytes() == totals[name].tobytes()


# -- what is told -----------------------------------------------------------------------------------------------------------


def test_one_multiplication_word_by_word():
    w = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    x = tg.tensor([2.0, 0.5, -1.0])
    steps = step_through((w * x * w).sum(), {"w": w})
    assert [step.name for step in steps] == ["sum", "mul_2", "mul_1"]
    last = steps["mul_1"]
    assert (last.op, last.formula, last.derivative) == ("mul", "x y", "y, x")
    assert str(steps[1]).splitlines() == [
        "step 1: mul_2",
        "  forward     x y",
        "  derivative  y, x",
        "  saved       other: float32[3]  [1, 2, 3]",
        "              input: float32[3]  [2, 1, -3]",
        "  came in     g: float32[3]  [1, 1, 1]",
        "  locally     d/d input: float32[3]  [1, 2, 3]",
        "              d/d other: float32[3]  [2, 1, -3]",
        "  product     input: float32[3]  [1, 2, 3]",
        "              goes to mul_1",
        "              other: float32[3]  [2, 1, -3]",
        "              goes to w",
    ]
    (product,) = last.products
    assert (product.to, product.kind, product.input) == ("w", "parameter", "input")
    assert product.array.tolist() == [2.0, 1.0, -3.0]
    assert product.added_to_total.tolist() == [4.0, 2.0, -6.0]
    assert steps.gradients["w"].tolist() == [4.0, 2.0, -6.0]


def test_two_products_of_one_step_for_one_place_are_added_up_one_by_one():
    w = tg.tensor(3.0, requires_grad=True)
    (first, second) = step_through(w * w)[0].products
    assert (first.array, first.added_to_total) == (3.0, 3.0)
    assert (second.array, second.added_to_total) == (3.0, 6.0)


def test_operations_know_their_module_and_their_line():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
            self.head = nn.Linear(4, 1)

        def forward(self, x):
            return self.head(self.body(x)).exp()

    net = Net()

    def loss():
        return net(tg.ones(2, 3)).sum()

    steps = step_through(loss, net)
    assert [(step.op, step.module) for step in steps] == [
        ("sum", ""),
        ("exp", ""),
        ("linear", "head"),
        ("relu", "body.1"),
        ("linear", "body.0"),
    ]
    assert all(step.where.startswith(f"{__file__}:") for step in steps)
    assert steps.find("body") == 3
    assert {step.where for step in step_through(lambda: net.head(tg.ones(2, 4)).sum(), net)} == {""}
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
    assert [p.to for p in steps["linear_1"].products] == ["body.0.weight", "body.0.bias"]


def test_parameters_tell_the_module_where_nothing_else_does():
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    steps = step_through(net(tg.ones(2, 3)).sum(), net)
    assert [(step.name, step.module, step.where) for step in steps][1:] == [
        ("linear_2", "2", ""),
        ("relu", "", ""),
        ("linear_1", "0", ""),
    ]


def test_lines_are_known_in_anomaly_mode():
    w = tg.ones(2, requires_grad=True)
    with tg.autograd.set_detect_anomaly(True):
        loss = w.exp().sum()
    assert all(step.where.startswith(f"{__file__}:") for step in step_through(loss))


def test_leaves_without_names_are_numbered_in_the_order_of_use():
    a, b = tg.ones(2, requires_grad=True), tg.ones(2, requires_grad=True)
    steps = step_through((a * a.exp() * b).sum())
    assert set(steps.gradients) == {"leaf_1", "leaf_2"}
    assert steps["mul_2"].products[1]._replace(array=None, added_to_total=None) == (
        "leaf_2",
        None,
        None,
        "other",
        "leaf",
    )


def test_saved_values_and_products_stay_what_they_were():
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    steps = step_through((w * w).sum())
    steps.finish()
    with tg.no_grad():
        w.add_(10)
        w.grad.add_(10)
    assert steps[1].saved["input"].tolist() == [1.0, 2.0]
    assert steps[1].products[1].added_to_total.tolist() == [2.0, 4.0]
    assert steps.gradients["leaf_1"].tolist() == [2.0, 4.0]


def test_several_outputs_and_picks():
    w = tg.tensor([[1.0, 4.0], [3.0, 2.0]], requires_grad=True)
    a, _ = w.unbind(0)
    steps = step_through((a * 2).sum(), {"w": w})
    step = steps["unbind"]
    assert [None if g is None else g.tolist() for g in step.incoming] == [[2.0, 2.0], None]
    assert step.to_dict()["incoming"][1] is None
    assert steps["mul"].products[0].to == "unbind[0]"
    assert "g[1]: nothing" in str(step)


def test_a_custom_function_shows_its_name_and_what_it_saved():
    loss, tensors = made(custom_function)
    step = step_through(loss, tensors)["ScaledBackward"]
    assert step.formula == ""
    assert list(step.saved) == ["saved 0", "saved 1"]
    assert [p.input for p in step.products] == ["input 0", "input 1"]


def test_hooks_are_told():
    w = tg.ones(2, requires_grad=True)
    h = w.exp()
    h.register_hook(lambda g: g * 2)
    step = step_through(h.sum())["exp"]
    assert step.hooks == 1
    assert step.incoming.tolist() == [2.0, 2.0]
    assert "(after 1 hook)" in str(step)


def test_values_that_users_packed_are_neither_unpacked_again_nor_shown():
    unpacked = []
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    with tg.autograd.graph.saved_tensors_hooks(
        lambda t: t.numpy().copy(), lambda a: unpacked.append(1) or tg.tensor(a)
    ):
        loss = (w * w).sum()
    steps = step_through(loss)
    assert steps["mul"].saved == {}
    assert len(unpacked) == 2
    assert steps.gradients["leaf_1"].tolist() == [2.0, 4.0]


def test_local_derivatives_are_those_of_the_formula():
    x = tg.tensor([-1.0, 0.5, 2.0], requires_grad=True)
    steps = step_through((x.tanh() * tg.tensor([1.0, 10.0, 100.0])).sum())
    np.testing.assert_allclose(steps["tanh"].local["input"], 1 - np.tanh(x.numpy(force=True)) ** 2, rtol=1e-6)
    assert steps["sum"].local == {}


def test_a_broadcast_input_has_no_local_derivative_of_the_output_shape():
    a, b = tg.ones(3, 1, requires_grad=True), tg.ones(3, 4, requires_grad=True)
    assert list(step_through((a * b).sum())["mul"].local) == ["other"]


def test_the_graph_stays_until_the_end_and_on_request():
    w = tg.ones(2, requires_grad=True)
    loss = (w * w).sum()
    steps = step_through(loss)
    step_through(loss, retain_graph=True).finish()
    steps.finish()
    assert w.grad.tolist() == [4.0, 4.0]
    with pytest.raises(GradError, match="freed by an earlier"):
        step_through(loss)


def test_a_gradient_can_be_given():
    w = tg.ones(2, requires_grad=True)
    step_through(w * 3, gradient=tg.tensor([1.0, 2.0])).finish()
    assert w.grad.tolist() == [3.0, 6.0]


def test_hooks_that_wait_for_the_gradient_are_called_at_the_end():
    seen = []
    w = tg.ones(2, requires_grad=True)
    w.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.tolist()))
    steps = step_through((w * 3).sum())
    assert seen == []
    steps.finish()
    assert seen == [[3.0, 3.0]]


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (
            lambda: tg.ones(()),
            GradError,
            "step_through: the tensor does not require a gradient and has no grad_fn; compute it from a tensor with "
            "requires_grad=True, outside no_grad()",
        ),
        (
            lambda: tg.ones(2, requires_grad=True) * 2,
            GradError,
            "step_through: a gradient can be left out for one-element outputs only, this one has shape (2,); reduce it "
            "with .sum() or .mean(), or pass gradient=",
        ),
        (3.0, UsageError, "step_through: a float is no loss; give a tensor, or a function that computes one"),
        (
            lambda: lambda: 3.0,
            UsageError,
            "step_through: the function returned a float; return the loss, a tensor",
        ),
    ],
)
def test_errors(make, kind, message):
    with pytest.raises(kind) as caught:
        step_through(make() if callable(make) else make)
    assert str(caught.value) == message


def test_a_gradient_of_another_shape_is_refused():
    with pytest.raises(ShapeError, match="step_through: the gradient has shape"):
        step_through(tg.ones(2, requires_grad=True) * 2, gradient=tg.ones(3))


def test_what_was_overwritten_raises_as_backward_does():
    w = tg.ones(2, requires_grad=True)
    x = w * 1
    loss = (x * x).sum()
    x.data.fill_(0)
    tg.autograd.graph.increment_version(x)
    with pytest.raises(GradError, match=r"backward through mul: input 1 .* was modified by an inplace operation at"):
        step_through(loss)


# -- a sequence, and a terminal ------------------------------------------------------------------------------------------


@pytest.fixture
def steps() -> Steps:
    tg.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    return step_through(lambda: net(tg.ones(4, 2)).mean(), net)


def test_steps_are_a_sequence(steps):
    assert len(steps) == 4
    assert [step.index for step in steps] == [0, 1, 2, 3]
    assert steps[-1] is steps[3] is steps["linear_1"]
    assert [s.op for s in steps[1:3]] == ["linear", "relu"]
    assert steps[2] in steps
    with pytest.raises(IndexRangeError, match="steps: there is no step 4; there are 4, from 0"):
        steps[4]
    with pytest.raises(IndexRangeError, match="steps: no operation is called 'rel'; did you mean 'relu'"):
        steps["rel"]


def test_a_name_is_looked_for_after_a_place(steps):
    assert steps.find("linear") == 1
    assert steps.find("linear", 1) == 3
    assert steps.find("linear", 3) == 1
    assert steps.find("1") == 2


def dialogue(steps, *lines):
    out = io.StringIO()
    steps.run(io.StringIO("".join(f"{line}\n" for line in lines)), out)
    return out.getvalue()


def shown(text):
    return [line.removeprefix("(steps) ").split(":")[0] for line in text.splitlines() if " step" in f" {line}"]


def test_the_terminal_goes_on_back_and_to_names(steps):
    text = dialogue(steps, "", "next", "back", "go 3", "n", "g relu", "g 2", "g linear", "q", "b")
    assert shown(text) == [
        *("step 0", "step 1", "step 2", "step 1", "step 3", "this is the last step"),
        *("step 2", "step 2", "step 3"),
    ]


def test_the_terminal_prints_values_and_lists(steps):
    text = dialogue(steps, "b", "n", "p g", "p nothing", "print grad bias", "l", "h", "dance")
    assert "this is the first step" in text
    assert "g: float32[4, 1]\n[[0.25]\n [0.25]\n [0.25]\n [0.25]]" in text
    assert "steps: this step has no value 'nothing'; it has g, weight, input, grad input, total input," in text
    assert "grad bias: float32[1]\n[1.]" in text
    assert "4 steps back from the loss" in text
    assert "leave" in text
    assert "no command is called 'dance'" in text
    assert text.endswith("(steps) \n")


def test_the_terminal_finishes(steps):
    text = dialogue(steps, "f", "f")
    assert "added to .grad of 2.weight, 2.bias, 0.weight, 0.bias" in text
    assert "that has been done" in text
    assert steps.finished


def test_a_leaf_has_no_steps_to_go_through():
    steps = step_through(tg.tensor(2.0, requires_grad=True))
    assert len(steps) == 0
    text = dialogue(steps, "n", "b", "p g", "g 0", "l")
    assert text.startswith("0 steps back from the loss, float32[]  2\n      leaf_1.grad += float32[]  1\n")
    assert "steps: there is no step; the loss is a leaf" in text
    assert "steps: there is no step 0; there are 0, from 0" in text


def test_the_terminal_ends_on_an_interrupt(steps):
    class Interrupted(io.StringIO):
        def readline(self, *_):
            raise KeyboardInterrupt

    out = io.StringIO()
    steps.run(Interrupted(), out)
    assert out.getvalue().endswith("(steps) \n")


def test_html_escapes_names_and_draws_formulas():
    w = tg.ones(2, requires_grad=True)
    page = step_through(w.tanh().sum(), {"<img src=x>": w})._repr_html_()
    assert "<img" not in page
    assert "&lt;img src=x&gt;" in page
    assert '<math alttext="\\tanh x">' in page


def test_what_is_no_loss_or_no_model_is_refused():
    x = tg.ones(2, requires_grad=True)
    with pytest.raises(UsageError, match=r"^step_through: a Linear is no loss; give a tensor, or a function"):
        step_through(nn.Linear(2, 1))
    with pytest.raises(
        UsageError, match=r"^step_through: an int names no tensors; give the model, or a dict of tensors"
    ):
        step_through(x.sum(), 3)

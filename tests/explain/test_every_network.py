"""Networks of every kind, and unusual ones: what a user asks of each is answered, truly, without a warning of NumPy's."""

import xml.etree.ElementTree

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn
from tapegrad.errors import ArgumentError, GradError


class Dicts(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(3, 2)

    def forward(self, given):
        return {"a": self.inner(given["x"]), "b": (given["y"], self.inner(given["y"]).sum(), None)}


class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.shared = nn.Sequential(nn.Linear(3, 4), nn.ReLU())

    def forward(self, a, b):
        return (self.shared(a) - self.shared(b)).norm(dim=1)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.out = nn.Embedding(5, 4), nn.Linear(4, 5, bias=False)
        self.out.weight = self.words.weight

    def forward(self, words):
        return self.out(self.words(words))


class Complex(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(tg.randn(9, dtype=tg.complex64))

    def forward(self, x):
        return (tg.fft.fft(x) * self.weight).abs().sum(-1)


class Chain(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(3, 3) for _ in range(3))
        self.last = nn.ModuleDict({"a head": nn.Linear(3, 1)})

    def forward(self, x):
        for layer in self.layers:
            x = layer(x).tanh()
        return self.last["a head"](x)


class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(tg.tensor(2.0))

    def forward(self, x):
        return self.factor * x


class Loss(nn.Module):
    def forward(self, x):
        return (x**2).mean()


class Constant(nn.Module):
    def __init__(self):
        super().__init__()
        self.unused = nn.Linear(3, 3)

    def forward(self, x):
        return 3


class Adversaries(nn.Module):
    def __init__(self):
        super().__init__()
        self.generator, self.critic = nn.Linear(2, 4), nn.Linear(4, 1)

    def forward(self, noise):
        return self.critic(self.generator(noise).tanh())


class LastStep(nn.Module):
    def __init__(self):
        super().__init__()
        self.recurrent, self.out = nn.LSTM(3, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x):
        return self.out(self.recurrent(x)[0][:, -1])


class Packed(nn.Module):
    def __init__(self):
        super().__init__()
        self.recurrent = nn.GRU(3, 4, batch_first=True)

    def forward(self, x):
        return self.recurrent(nn.utils.rnn.pack_padded_sequence(x, [5, 3], batch_first=True))[1]


def convolutions():
    layers = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)]
    return nn.Sequential(*layers)


def autoencoder():
    down = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.ReLU())
    return nn.Sequential(down, nn.Sequential(nn.ConvTranspose2d(4, 1, 2, stride=2), nn.Sigmoid()))


def transformer():
    return nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True), 2)


NETWORKS = {
    "empty": (nn.Sequential, lambda: [tg.randn(2, 3)]),
    "identity": (nn.Identity, lambda: [tg.randn(2, 3)]),
    "dicts": (Dicts, lambda: [{"x": tg.randn(2, 3), "y": tg.randn(4, 3)}]),
    "siamese": (Siamese, lambda: [tg.randn(2, 3), tg.randn(2, 3)]),
    "tied": (Tied, lambda: [tg.tensor([[1, 2]])]),
    "complex": (Complex, lambda: [tg.randn(2, 9)]),
    "lists": (Chain, lambda: [tg.randn(2, 3)]),
    "scalar": (Scale, lambda: [tg.tensor(3.0)]),
    "loss alone": (Loss, lambda: [tg.randn(2, 3)]),
    "constant": (Constant, lambda: [tg.randn(2, 3)]),
    "adversaries": (Adversaries, lambda: [tg.randn(2, 2)]),
    "lstm": (LastStep, lambda: [tg.randn(2, 5, 3)]),
    "packed": (Packed, lambda: [tg.randn(2, 5, 3)]),
    "both ways": (lambda: nn.GRU(3, 4, 2, bidirectional=True), lambda: [tg.randn(5, 2, 3)]),
    "no units": (lambda: nn.Sequential(nn.Linear(4, 0), nn.ReLU(), nn.Linear(0, 2)), lambda: [tg.randn(3, 4)]),
    "no outputs": (lambda: nn.Linear(4, 0), lambda: [tg.randn(3, 4)]),
    "no samples": (lambda: nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)).eval(), lambda: [tg.randn(0, 4)]),
    "no pictures": (lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2)), lambda: [tg.randn(0, 1, 6, 6)]),
    "double": (lambda: nn.Linear(3, 2, dtype=tg.float64), lambda: [tg.randn(2, 3, dtype=tg.float64)]),
    "half": (lambda: nn.Linear(3, 2, dtype=tg.float16), lambda: [tg.randn(2, 3).half()]),
    "words": (lambda: nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 2)), lambda: [tg.tensor([1, 2, 3])]),
    "sparse": (lambda: nn.Sequential(nn.Embedding(5, 3, sparse=True), nn.Linear(3, 2)), lambda: [tg.tensor([1, 2])]),
    "flags": (lambda: nn.Sequential(nn.Flatten()), lambda: [tg.tensor([[True, False]])]),
    "not finite": (lambda: nn.Linear(2, 1), lambda: [tg.tensor([[float("nan"), float("inf")]])]),
    "frozen": (lambda: nn.Linear(2, 1).requires_grad_(False), lambda: [tg.randn(2, 2)]),
    "bilinear": (lambda: nn.Bilinear(2, 3, 2), lambda: [tg.randn(2, 2), tg.randn(2, 3)]),
    "convolutions": (convolutions, lambda: [tg.randn(2, 3, 8, 8)]),
    "autoencoder": (autoencoder, lambda: [tg.randn(2, 1, 8, 8)]),
    "transformer": (transformer, lambda: [tg.randn(2, 5, 8)]),
    "attention": (lambda: nn.MultiheadAttention(4, 2), lambda: [tg.randn(3, 2, 4)] * 3),
}
# What no gradient goes through has no formulas of a way back, and nothing to step through.
UNTRAINED = {"empty", "identity", "loss alone", "constant", "flags", "frozen"}


@pytest.fixture(params=NETWORKS)
def case(request):
    make, inputs = NETWORKS[request.param]
    tg.manual_seed(0)
    return request.param, make(), inputs()


def _tensors(value):
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return [value] if isinstance(value, tg.Tensor) else [t for part in parts for t in _tensors(part)]


def loss_of(model, inputs):
    found = [t.abs().sum() if t.is_floating_point() or t.is_complex() else t.sum() for t in _tensors(model(*inputs))]
    return sum(found, tg.zeros(()))


def assert_is_xml(text):
    xml.etree.ElementTree.fromstring(text.replace(" open>", ">"))


@pytest.mark.parametrize("values", [False, True])
def test_the_graph_is_drawn(case, values):
    _, model, inputs = case
    graph = tg.explain.graph(model, *inputs, values=values)
    assert {node.kind for node in graph.nodes} >= ({"input", "output"} if _tensors(model(*inputs)) else {"input"})
    assert_is_xml(graph.to_svg(values=values, depth=-1, parameters=True))
    assert_is_xml(graph._repr_html_())
    assert graph.to_html(values=values).startswith("<!doctype html>")
    assert graph.to_dot().count("{") == graph.to_dot().count("}")


def test_the_table_counts_each_parameter_once(case):
    _, model, inputs = case
    found = tg.summary(model, input_data=inputs)
    assert found.total_params == sum(p.numel() for p in {id(p): p for p in model.parameters()}.values())
    assert found.total_params == sum(row.parameters for row in found.rows)
    assert "Results of a forward pass" in str(found)
    assert_is_xml(found._repr_html_())
    assert_is_xml(model._repr_html_())


def test_formulas_are_derived_or_refused(case):
    name, model, inputs = case
    if name in UNTRAINED:
        with pytest.raises(ArgumentError, match=r"^derive: no gradient reaches a parameter; "):
            tg.explain.derive(model, inputs)
        return
    found = tg.explain.derive(model, inputs)
    assert str(found).count(r"\begin{align*}") == 2
    named = {found.symbols[s] for line in found.backward for s in found.symbols if rf"\partial {s}}}" in line.left}
    assert named >= {n for n, p in model.named_parameters() if p.requires_grad}


def test_the_steps_end_with_the_gradients_of_backward(case):
    name, model, inputs = case
    loss = loss_of(model, inputs)
    if name in UNTRAINED:
        with pytest.raises(GradError, match=r"^step_through: the tensor does not require a gradient"):
            tg.explain.step_through(loss, model)
        return
    steps = tg.explain.step_through(loss, model)
    assert str(steps).startswith(f"{len(steps)} steps back from the loss")
    assert_is_xml("<div>" + steps._repr_html_().partition("</style>")[2])
    assert all(str(step).startswith(f"step {i}: ") for i, step in enumerate(steps))
    loss_of(model, inputs).backward()
    for path, p in model.named_parameters():
        expected = p.grad.to_dense() if p.grad.is_sparse else p.grad
        assert np.array_equal(steps.gradients[path], expected.numpy(), equal_nan=True)


def test_each_gradient_is_explained_in_sentences(case):
    _, model, inputs = case
    loss = loss_of(model, inputs)
    for path, p in model.named_parameters():
        answer = tg.explain(p, loss)
        assert str(answer).startswith(f"The gradient of `{path}`, a parameter of shape")
        assert " ".join(str(answer).split()).startswith(
            f"The gradient of `{path}`, a parameter of shape {tuple(p.shape)}, is "
        )
        assert_is_xml(answer._repr_html_())


def test_an_empty_batch_is_named():
    model, x = nn.Linear(4, 3), tg.ones(0, 4)
    answer = tg.explain(model.weight, model(x).sum())
    assert (answer.cause, answer.state) == ("empty", "zero")
    assert "the result of linear has no elements" in answer.text
    found = dict(tg.summary(model, (0, 4)).totals())
    assert (found["Input"], found["Multiply-adds"]) == ("0 B", "0")


def test_one_number_is_told_as_one():
    model = Scale()
    assert "its absolute value is 3.\n" in str(tg.explain(model.factor, model(tg.tensor(-3.0))))


ASKING = {
    "summary": lambda model, size: tg.summary(model, size),
    "graph": lambda model, size: tg.explain.graph(model, input_size=size),
    "derive": lambda model, size: tg.explain.derive(model, size),
}


@pytest.mark.parametrize("who", ASKING)
def test_an_input_that_no_memory_holds_is_refused(who):
    with pytest.raises(ArgumentError) as caught:
        ASKING[who](nn.Linear(4, 3), (10**9, 10**9))
    assert str(caught.value) == (
        f"{who}: input_size is (1000000000, 1000000000), which takes 3.5 EiB; use a smaller one"
    )


@pytest.mark.parametrize("who", ASKING)
def test_a_module_within_itself_is_refused(who):
    model = nn.Sequential(nn.Linear(3, 3), nn.Sequential(nn.Linear(3, 3)))
    model[1].add_module("outer", model)
    with pytest.raises(ArgumentError) as caught:
        ASKING[who](model, (1, 3))
    assert str(caught.value) == (
        f"{who}: '1.outer' is the network itself, which it is inside of; hold it in a list, which is no submodule"
    )
    assert "the module that it is inside of" in model._repr_html_()


def test_a_module_that_is_held_twice_is_no_circle():
    shared = nn.Linear(3, 3)
    assert len(tg.summary(nn.Sequential(shared, nn.Sequential(shared, shared)), (1, 3)).rows) == 5


@pytest.mark.parametrize("who", ASKING)
def test_memory_that_runs_out_on_the_way_is_told(who):
    class Large(nn.Module):
        def forward(self, x):
            return x @ tg.zeros(3, 1).expand(3, 10**17) @ tg.ones(1)

    with pytest.raises(
        ArgumentError, match=rf"^{who}: Large needs more memory than there is for an input of shape \(1, 3\)"
    ):
        ASKING[who](Large(), (1, 3))


def test_formulas_take_arguments_by_name():
    model = Siamese()
    x = tg.ones(2, 3)
    assert str(tg.explain.derive(model, {"a": x, "b": x + 1})) == str(tg.explain.derive(model, [x, x + 1]))

"""The formulas of a network: counted and named as the network is, read by LaTeX's readers, and true when computed."""

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.nn.functional as F
from tapegrad import nn
from tapegrad.errors import ArgumentError
from tapegrad.explain.deriving.derive import derive
from tapegrad.explain.formulas.mathml import to_mathml

from .formula_reader import compute


def mlp(dtype=None):
    return nn.Sequential(
        nn.Linear(4, 6, dtype=dtype), nn.Tanh(), nn.Linear(6, 5, dtype=dtype), nn.ReLU(), nn.Linear(5, 3, dtype=dtype)
    )


def cnn():
    layers = [
        nn.Conv2d(2, 4, 3, padding=1, stride=2),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.AvgPool2d(2, 1),
    ]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(4, 3))


def block(dtype=None):
    return nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, batch_first=True, dtype=dtype)


class Odd(nn.Module):
    """Operations of many kinds, some without formulas of their own."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(4, 4)
        self.slope = nn.PReLU()
        self.grouped = nn.Conv1d(2, 4, 2, groups=2)
        self.register_buffer("shift", tg.ones(4))

    def forward(self, x):
        a = F.elu(self.inner(x), alpha=0.5) * F.softplus(x) + self.shift
        b, c = (a @ a.T).clamp(-1, 1).chunk(2, dim=1)
        d = tg.cat([b, c.cumsum(1)], dim=1) / (self.slope(a).pow(3).mean() + 1.0 - (-2.0) * a.sum())
        e = self.grouped(d[:, :2].reshape(1, 2, -1)).unsqueeze(0).expand(3, -1, -1, -1)
        return tg.where(e > 0, e, e.exp()).log_softmax(-1).logsumexp(0)


EVERYTHING = {
    "mlp": lambda: derive(mlp(), None, nn.CrossEntropyLoss()),
    "cnn": lambda: derive(cnn(), (5, 2, 9, 9), nn.MSELoss()),
    "block": lambda: derive(block(), (2, 5, 8)),
    "dropout": lambda: derive(nn.TransformerEncoderLayer(8, 2, 12), (2, 5, 8), lambda y: y.square().mean()),
    "words": lambda: derive(
        nn.Sequential(nn.Embedding(5, 3), nn.LayerNorm(3), nn.ELU(), nn.GELU(), nn.LSTM(3, 2)), (3, 4)
    ),
    "odd": lambda: derive(Odd(), (4, 4)),
    "losses": lambda: derive(nn.Sequential(nn.Linear(3, 2), nn.LogSoftmax(-1)), None, nn.NLLLoss()),
    "binary": lambda: derive(nn.Linear(3, 1), None, nn.BCEWithLogitsLoss()),
    "robust": lambda: derive(nn.Linear(3, 1), None, nn.HuberLoss()),
    "attention": lambda: derive(Attending(), (2, 5, 4)),
}


class Attending(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        return F.scaled_dot_product_attention(self.q(x), self.k(x), self.v(x), is_causal=True)


@pytest.fixture(scope="module", params=EVERYTHING)
def derivation(request):
    return EVERYTHING[request.param]()


def test_each_line_is_read_by_mathtext(derivation):
    pytest.importorskip("matplotlib")
    from matplotlib.mathtext import MathTextParser

    parser = MathTextParser("path")
    for line in (*derivation.forward, *derivation.backward):
        parser.parse(f"${line.latex}$")


def test_each_line_can_be_drawn_on_a_page(derivation):
    for line in (*derivation.forward, *derivation.backward):
        assert to_mathml(line.latex).startswith("<math")


def test_every_symbol_is_known_before_it_is_used(derivation):
    known = set(derivation.symbols) | {"L"}
    for line in derivation.forward:
        known.update(line.left.replace("(", "").split(")")[0].split(", "))
    found = {symbol for line in derivation.forward for symbol in known if symbol in line.right}
    assert found >= set(derivation.symbols)


def test_text_and_notebook(derivation):
    assert str(derivation).count(r"\begin{align*}") == 2
    assert str(derivation).startswith("% x: ")
    page = derivation._repr_latex_()
    assert page.startswith("$$\\begin{aligned}")
    assert page.count(r"&&\in") == sum(bool(line.right) for line in (*derivation.forward, *derivation.backward))


# -- the formulas of the network -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("make", "shape"), [(mlp, (3, 4)), (cnn, (5, 2, 9, 9)), (block, (2, 5, 8))])
def test_there_is_one_line_for_each_operation_and_one_for_each_gradient(make, shape):
    model = make().eval()
    x = tg.ones(*shape)
    found = derive(model, x)
    program = tg.trace(model, x)
    assert [line.operation for line in found.forward] == [e.primitive.name for e in program.equations]
    gradients = [line for line in found.backward if any(line.left.endswith(f" {s}}}") for s in found.symbols)]
    names = {found.symbols[s] for line in found.backward for s in found.symbols if f"partial {s}}}" in line.left}
    assert names == {name for name, _ in model.named_parameters()}
    assert make is cnn or len(gradients) == len(names)


def test_layers_and_shapes_are_those_of_the_network():
    found = derive(mlp())
    assert [line.layer for line in found.forward] == ["0", "1", "2", "3", "4"]
    spaces = [r"\mathbb{R}^{N \times 6}", r"\mathbb{R}^{N \times 5}", r"\mathbb{R}^{N \times 3}"]
    assert [line.shape for line in found.forward] == [spaces[0], spaces[0], spaces[1], spaces[1], spaces[2]]
    assert found.symbols == {
        "x": "input",
        **{
            f"{letter}_{i}": f"{path}.{name}"
            for i, path in ((1, 0), (2, 2), (3, 4))
            for letter, name in (("W", "weight"), ("b", "bias"))
        },
    }


def test_a_network_word_by_word():
    found = derive(
        nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Dropout(0.2), nn.Linear(5, 3)), None, nn.CrossEntropyLoss()
    )
    assert [f"{line.left} {line.relation} {line.right}" for line in found.forward] == [
        r"h_1 = x \, W_1^{\top} + b_1",
        r"h_2 = \tanh h_1",
        r"h_3 \sim \mathrm{Bernoulli}(0.8) / 0.8",
        r"h_4 = h_2 \odot h_3",
        r"h_5 = h_4 \, W_2^{\top} + b_2",
        r"L = -\frac{1}{N} \sum_n \ln P_{n,t_n}, \quad P = e^{h_5} / \sum_{\mathrm{dim}\,1} e^{h_5}",
    ]
    d = r"\frac{\partial L}{\partial "
    assert [line.latex.partition(r" \in")[0] for line in found.backward] == [
        rf"{d}h_5}} = \frac{{1}}{{N}} \, \left(P - \mathrm{{onehot}}(t)\right)",
        rf"{d}W_2}} = \left({d}h_5}}\right)^{{\top}} \, h_4",
        rf"{d}b_2}} = \left({d}h_5}}\right)^{{\top}} \, \mathbf{{1}}",
        rf"{d}h_4}} = {d}h_5}} \, W_2",
        rf"{d}h_2}} = {d}h_4}} \odot h_3",
        rf"{d}h_1}} = {d}h_2}} \odot \left(1 - \tanh^2 h_1\right)",
        rf"{d}W_1}} = \left({d}h_1}}\right)^{{\top}} \, x",
        rf"{d}b_1}} = \left({d}h_1}}\right)^{{\top}} \, \mathbf{{1}}",
    ]


def test_a_convolution_word_by_word():
    found = derive(cnn(), (5, 2, 9, 9))
    assert found.forward[0].latex == (
        r"(h_1)_{n,o,i} = (b_1)_{o} + \sum_{c,k} (W_1)_{o,c,k} \, (x)_{n,c,2 i + k - 1} "
        r"\in \mathbb{R}^{N \times 4 \times 5 \times 5}"
    )
    assert found.backward[-2].latex == (
        r"\left(\frac{\partial L}{\partial W_1}\right)_{o,c,k} = \sum_{n,i} \left(\frac{\partial L}{\partial h_1}\right)_{n,o,i} "
        r"\, (x)_{n,c,2 i + k - 1} \in \mathbb{R}^{4 \times 2 \times 3 \times 3}"
    )
    # The running statistics take no part in the output.
    assert "mul" not in [line.operation for line in found.forward]


# -- computed -------------------------------------------------------------------------------------------------------------


def values_of(model, found, **more):
    names = dict(model.named_parameters())
    return {s: names[name].numpy(force=True) for s, name in found.symbols.items() if name in names} | more


def assert_gradients_agree(model, found, values, loss):
    loss.backward()
    names = {name: symbol for symbol, name in found.symbols.items()}
    for name, p in model.named_parameters():
        got = values[rf"\frac{{\partial L}}{{\partial {names[name]}}}"]
        np.testing.assert_allclose(got, p.grad.numpy(), rtol=1e-10, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("activation", [nn.Tanh, nn.ReLU, nn.Sigmoid, nn.ELU])
def test_computed_line_by_line_the_formulas_give_the_gradients_of_backward(activation):
    tg.manual_seed(0)
    model = nn.Sequential(*(activation() if isinstance(m, nn.Tanh) else m for m in mlp(tg.float64)))
    x, t = tg.randn(8, 4, dtype=tg.float64), tg.arange(8) % 3
    found = derive(model, x, nn.CrossEntropyLoss(), t)
    values = compute(found.forward, values_of(model, found, x=x.numpy(), t=t.numpy(), N=8))
    loss = F.cross_entropy(model(x), t)
    np.testing.assert_allclose(values["L"], loss.item(), rtol=1e-12)
    assert_gradients_agree(model, found, compute(found.backward, values), loss)


def test_so_do_those_of_a_transformer_block():
    tg.manual_seed(0)
    model = block(tg.float64)
    x, t = tg.randn(3, 5, 8, dtype=tg.float64), tg.randn(3, 5, 8, dtype=tg.float64)
    found = derive(model, x, nn.MSELoss(), t)
    values = compute(found.forward, values_of(model, found, x=x.numpy(), t=t.numpy(), N=3))
    loss = F.mse_loss(model(x), t)
    np.testing.assert_allclose(values["L"], loss.item(), rtol=1e-12)
    assert_gradients_agree(model, found, compute(found.backward, values), loss)


# -- the ways a gradient takes ----------------------------------------------------------------------------------------------


class Written(nn.Module):
    def __init__(self, forward):
        super().__init__()
        self.weight = nn.Parameter(tg.ones(3))
        self.write = forward

    def forward(self, x):
        return self.write(x, self.weight)


def gradient(forward, **keywords):
    found = derive(Written(forward), (2, 3), **keywords)
    return found.backward[-1].right.replace(r"\frac{\partial L}{\partial ", "d{")


def test_a_detached_value_sends_nothing_back():
    assert gradient(lambda x, w: w * w.detach()) == r"d{h_1} \odot W_1"
    found = derive(Written(lambda x, w: (w * 2) + (w * 3).detach()), (2, 3))
    assert [line.left for line in found.backward] == [
        r"\frac{\partial L}{\partial h_3}",
        r"\frac{\partial L}{\partial h_1}",
        r"\frac{\partial L}{\partial W_1}",
    ]


def test_what_is_used_twice_gets_a_sum():
    assert gradient(lambda x, w: w.exp() + 3 * w) == r"3 \, d{h_2} + d{h_1} \odot e^{W_1}"
    assert gradient(lambda x, w: w * w - w) == r"-d{h_2} + d{h_1} \odot W_1 + d{h_1} \odot W_1"


def test_what_was_stretched_is_added_up():
    assert gradient(lambda x, w: x * w) == r"\sum_{\mathrm{dim}\,0} \left(d{h_1} \odot x\right)"


def test_a_write_in_place_makes_a_new_symbol():
    found = derive(Written(lambda x, w: (w * 2).exp_().add_(w).sum()), (2, 3))
    assert [line.latex.partition(r" \in")[0] for line in found.forward] == [
        r"h_1 = 2 \, W_1",
        r"h_2 = e^{h_1}",
        r"h_3 = h_2",
        r"h_4 = h_3 + W_1",
        r"h_5 = h_4",
        r"h_6 = \sum h_5",
    ]
    assert found.backward[-1].right == (r"\frac{\partial L}{\partial h_4} + 2 \, \frac{\partial L}{\partial h_1}")


def test_a_frozen_parameter_gets_no_gradient():
    model = mlp()
    model[0].requires_grad_(False)
    found = derive(model)
    assert not any("W_1" in line.left or "h_1" in line.left for line in found.backward)


def test_the_network_is_as_it_was_before():
    tg.manual_seed(1)
    model = cnn()
    before = {name: t.numpy(force=True).copy() for name, t in model.state_dict().items()}
    state = tg.get_rng_state().numpy().copy()
    derive(model, (5, 2, 9, 9), nn.MSELoss())
    assert all(np.array_equal(before[name], t.numpy(force=True)) for name, t in model.state_dict().items())
    assert np.array_equal(tg.get_rng_state().numpy(), state)
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: derive(cnn()),
            "derive: the shape of the input is not known: the first layer is no Linear; give inputs, or their shape: "
            "derive(model, (8, 1, 28, 28))",
        ),
        (
            lambda: derive(nn.ReLU(), (2, 3)),
            "derive: no gradient reaches a parameter; derive a network with parameters that are trained",
        ),
        (
            lambda: derive(mlp(), (2, 5)),
            "derive: Sequential does not take an input of shape (2, 5): 0 (linear): input of shape (2, 5) has 5 features, "
            "weight of shape (6, 4) wants 4; give the input 4 features; nn.Linear(5, 6) would fit; the first layer, 0 "
            "(Linear), expects inputs whose last dimension is 4",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(ArgumentError) as caught:
        call()
    assert str(caught.value) == message


def test_a_write_into_a_view_is_refused():
    def forward(x, w):
        h = w * 2
        h[0] = 1
        h[1:].mul_(2)
        return h

    with pytest.raises(ArgumentError, match=r"derive: .* writes into a view, or into what has one; write out of place"):
        derive(Written(forward), (2, 3))


@pytest.mark.parametrize(
    ("model", "what"),
    [(None, "None is no network"), (tg.ones(2), "a Tensor is no network"), (nn.Linear, "Linear is a class")],
    ids=["nothing", "tensor", "class"],
)
def test_what_is_no_network_is_refused(model, what):
    with pytest.raises(ArgumentError, match=f"^derive: {what}; give a network, such as nn.Sequential"):
        derive(model)

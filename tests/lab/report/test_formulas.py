"""The formulas of whole networks: what is printed for known ones, and that index formulas compute what layers do."""

import itertools
import types

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn
from tapegrad.explain.formulas.mathml import to_mathml
from tapegrad.explain.formulas.notation import Symbol
from tapegrad.lab.report.document import Line
from tapegrad.lab.report.formulas.convolution import _places, _region_line
from tapegrad.lab.report.formulas.losses import loss_lines, penalty_lines
from tapegrad.lab.report.formulas.network import FAMILIES, chain_of
from tapegrad.lab.report.formulas.optimizers import update_lines
from tapegrad.lab.report.formulas.schedules import schedule_lines
from tapegrad.lab.report.formulas.traced import traced


def said(lines):
    return [f"{line.left} {line.relation} {line.right}" if line.right else line.left for line in lines]


def well_formed(lines):
    for line in lines:
        for part in (line.left, line.right, line.shape):
            assert not part or to_mathml(part)
    return lines


MLP = nn.Sequential(nn.Flatten(), nn.Linear(784, 500), nn.ReLU(), nn.Dropout(0.2), nn.Linear(500, 10))


def test_a_dense_network_forward():
    lines = well_formed(chain_of(MLP, (1, 28, 28)).forward())
    assert said(lines) == [
        "A^{(0)} = X",
        r"F^{(0)} = \operatorname{flatten}(A^{(0)})",
        "W^{(1)}",
        "b^{(1)}",
        r"Z^{(1)} = F^{(0)} \, W^{(1)\top} + b^{(1)}",
        r"A^{(1)} = \max(Z^{(1)}, 0)",
        r"M^{(1)} \sim \operatorname{Bernoulli}(0.8)",
        r"D^{(1)} = \frac{1}{0.8} \, M^{(1)} \odot A^{(1)}",
        "W^{(2)}",
        "b^{(2)}",
        r"Z^{(2)} = D^{(1)} \, W^{(2)\top} + b^{(2)}",
    ]
    assert [line.shape for line in lines[2:5]] == [
        r"\mathbb{R}^{500 \times 784}",
        r"\mathbb{R}^{500}",
        r"\mathbb{R}^{N \times 500}",
    ]
    assert [line.layer for line in lines] == ["", "0", "1", "1", "1", "2", "3", "3", "4", "4", "4"]


def test_a_dense_network_backward():
    """From the last layer to the first; the input gets no gradient, as nothing before the first layer learns."""
    assert said(well_formed(chain_of(MLP, (1, 28, 28)).backward())) == [
        r"\frac{\partial L}{\partial W^{(2)}} = \delta^{(2)\top} \, D^{(1)}",
        r"\frac{\partial L}{\partial b^{(2)}} = \sum_{n=1}^{N} \delta^{(2)}_{n}",
        r"\frac{\partial L}{\partial D^{(1)}} = \delta^{(2)} \, W^{(2)}",
        r"\frac{\partial L}{\partial A^{(1)}} = \frac{1}{0.8} \, M^{(1)} \odot \frac{\partial L}{\partial D^{(1)}}",
        r"\delta^{(1)} = \frac{\partial L}{\partial A^{(1)}} \odot [Z^{(1)} > 0]",
        r"\frac{\partial L}{\partial W^{(1)}} = \delta^{(1)\top} \, F^{(0)}",
        r"\frac{\partial L}{\partial b^{(1)}} = \sum_{n=1}^{N} \delta^{(1)}_{n}",
    ]


def test_the_regression_network():
    model = nn.Sequential(nn.Linear(1, 20), nn.Tanh(), nn.Linear(20, 1))
    chain = chain_of(model, (1,))
    forward, backward = loss_lines(nn.MSELoss(), chain.output, chain.output_shape)
    assert said([*forward, *backward]) == [
        "D = Z^{(2)} - T",
        r"L = \frac{1}{N} \sum_{n} D_{n}^2",
        r"\delta^{(2)} = \frac{2}{N} D",
    ]
    assert said(chain.backward())[3] == (
        r"\delta^{(1)} = \frac{\partial L}{\partial A^{(1)}} \odot \left(1 - \tanh^2 Z^{(1)}\right)"
    )


def test_the_classifier_ends_in_softmax():
    forward, backward = loss_lines(nn.CrossEntropyLoss(), Symbol("Z", 3), (10,))
    assert said(forward) == [
        r"P_{n,k} = \frac{e^{Z^{(3)}_{n,k}}}{\sum_{j=1}^{10} e^{Z^{(3)}_{n,j}}}",
        r"L = -\frac{1}{N} \sum_{n=1}^{N} \ln P_{n,y_n}",
    ]
    assert said(backward) == [r"\delta^{(3)} = \frac{1}{N} \left(P - Y\right)"]
    assert backward[0].shape == r"\mathbb{R}^{N \times 10}"


def test_a_convolutional_network():
    model = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 4, 3, stride=2))
    chain = chain_of(model, (1, 8, 8))
    assert said(well_formed(chain.forward()))[3:] == [
        r"Z^{(1)}_{n,o,i,j} = b^{(1)}_o + \sum_{c=0}^{0} \sum_{u=0}^{2} \sum_{v=0}^{2} W^{(1)}_{o,c,u,v} \, "
        r"A^{(0)}_{n,c,i+u-1,j+v-1}",
        r"A^{(1)} = \max(Z^{(1)}, 0)",
        r"R_{i,j} = \{(2i+u,2j+v) : 0 \le u,v < 2\}",
        r"P^{(1)}_{n,c,i,j} = \max_{(p,q) \in R_{i,j}} A^{(1)}_{n,c,p,q}",
        "W^{(2)}",
        "b^{(2)}",
        r"Z^{(2)}_{n,o,i,j} = b^{(2)}_o + \sum_{c=0}^{7} \sum_{u=0}^{2} \sum_{v=0}^{2} W^{(2)}_{o,c,u,v} \, "
        r"P^{(1)}_{n,c,2i+u,2j+v}",
    ]
    assert said(well_formed(chain.backward())) == [
        r"\frac{\partial L}{\partial W^{(2)}_{o,c,u,v}} = \sum_{n,i,j} \delta^{(2)}_{n,o,i,j} \, P^{(1)}_{n,c,2i+u,2j+v}",
        r"\frac{\partial L}{\partial b^{(2)}_o} = \sum_{n,i,j} \delta^{(2)}_{n,o,i,j}",
        r"\frac{\partial L}{\partial P^{(1)}_{n,c,p,q}} = \sum_o \sum_{i,j,u,v:\, 2i+u=p,\,2j+v=q} W^{(2)}_{o,c,u,v} \, "
        r"\delta^{(2)}_{n,o,i,j}",
        r"\frac{\partial L}{\partial A^{(1)}_{n,c,p,q}} = \sum_{i,j} \frac{\partial L}{\partial P^{(1)}_{n,c,i,j}} "
        r"\left[(p,q) = \operatorname{argmax}_{R_{i,j}} A^{(1)}_{n,c}\right]",
        r"\delta^{(1)} = \frac{\partial L}{\partial A^{(1)}} \odot [Z^{(1)} > 0]",
        r"\frac{\partial L}{\partial W^{(1)}_{o,c,u,v}} = \sum_{n,i,j} \delta^{(1)}_{n,o,i,j} \, A^{(0)}_{n,c,i+u-1,j+v-1}",
        r"\frac{\partial L}{\partial b^{(1)}_o} = \sum_{n,i,j} \delta^{(1)}_{n,o,i,j}",
    ]


def number_of(place, **letters):
    """Compute a place such as 2i+u-1."""
    for letter, value in letters.items():
        place = place.replace(letter, f"*{value}" if False else f"({value})")
    return eval(place.replace(")(", ")*(").replace("2(", "2*(").replace("3(", "3*("))


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(2, 3, 3),
        nn.Conv2d(2, 3, 3, stride=2, padding=1),
        nn.Conv2d(2, 4, (3, 2), stride=(1, 2), padding=(2, 1), dilation=(2, 1)),
        nn.Conv2d(2, 3, 3, padding="same"),
        nn.Conv2d(2, 3, 4, padding="same", dilation=2),
        nn.Conv2d(2, 3, 3, padding="valid"),
    ],
    ids=repr,
)
def test_places_in_convolutions_are_those_that_the_layer_reads(layer):
    chain = chain_of(nn.Sequential(layer), (2, 7, 6))
    rows, columns = _places(chain.steps[0]).split(",")
    x = tg.randn(1, 2, 7, 6)
    made = np.asarray(layer(x).detach())
    weight, bias, values = (np.asarray(t.detach()) for t in (layer.weight, layer.bias, x))
    for o, i, j in itertools.product(*map(range, made.shape[1:])):
        total = float(bias[o])
        for c, u, v in itertools.product(*map(range, weight.shape[1:])):
            p, q = number_of(rows, i=i, u=u), number_of(columns, j=j, v=v)
            if 0 <= p < 7 and 0 <= q < 6:
                total += float(weight[o, c, u, v] * values[0, c, p, q])
        assert total == pytest.approx(float(made[0, o, i, j]), abs=1e-4)


def test_groups_of_channels_are_named():
    chain = chain_of(nn.Sequential(nn.Conv2d(4, 6, 3, groups=2)), (4, 5, 5))
    assert r"A^{(0)}_{n,2 \lfloor o/3 \rfloor + c,i+u,j+v}" in chain.forward()[-1].right
    depthwise = chain_of(nn.Sequential(nn.Conv2d(4, 4, 3, groups=4)), (4, 5, 5))
    assert r"A^{(0)}_{n,o,i+u,j+v}" in depthwise.forward()[-1].right


def test_windows_of_adaptive_pooling():
    chain = chain_of(nn.Sequential(nn.AdaptiveAvgPool2d(1)), (3, 4, 6))
    assert said(well_formed(chain.forward()))[1:] == [
        r"R_{i,j} = \{(p,q) : 0 \le p < 4,\,0 \le q < 6\}",
        r"P^{(0)}_{n,c,i,j} = \frac{1}{|R_{i,j}|} \sum_{(p,q) \in R_{i,j}} A^{(0)}_{n,c,p,q}",
    ]
    halves = chain_of(nn.Sequential(nn.AdaptiveMaxPool2d(2)), (3, 5, 5))
    assert r"\lfloor 5 i / 2 \rfloor \le p < \lceil 5 (i+1) / 2 \rceil" in _region_line(halves.steps[0]).right


def test_averages_divide_by_the_window():
    chain = chain_of(nn.Sequential(nn.Conv2d(1, 1, 1), nn.AvgPool2d((2, 3))), (1, 4, 6))
    assert r"\frac{1}{6} \sum" in said(chain.forward())[-1]
    assert said(well_formed(chain.backward()))[0] == (
        r"\delta^{(1)}_{n,c,p,q} = \sum_{i,j:\, (p,q) \in R_{i,j}} \frac{1}{6} \, \frac{\partial L}{\partial P^{(1)}_{n,c,i,j}}"
    )


NORMS = [
    (nn.BatchNorm1d(4), (4,), (0,)),
    (nn.BatchNorm2d(4), (4, 3, 3), (0, 2, 3)),
    (nn.LayerNorm(4), (4,), (1,)),
    (nn.InstanceNorm2d(4, affine=True), (4, 3, 3), (2, 3)),
]


@pytest.mark.parametrize(("layer", "shape", "over"), NORMS, ids=lambda v: str(v)[:30])
def test_normalisation_backward_is_the_printed_formula(layer, shape, over, rng):
    r"""dX = (G - mean G - X̂ mean(G X̂)) / √(v + ε), G = γ dY: the lines that are printed, computed."""
    x = tg.tensor(rng.normal(size=(5, *shape)), requires_grad=True)
    layer = layer.to(tg.float64)
    with tg.no_grad():
        layer.weight.copy_(tg.tensor(rng.normal(size=4)))
    upstream = rng.normal(size=(5, *shape))
    (layer(x) * tg.tensor(upstream)).sum().backward()
    values = np.asarray(x.detach())
    mean = values.mean(axis=over, keepdims=True)
    variance = ((values - mean) ** 2).mean(axis=over, keepdims=True)
    normal = (values - mean) / np.sqrt(variance + 1e-5)
    scale = np.asarray(layer.weight.detach()).reshape((1, 4, *[1] * (len(shape) - 1)))
    g = scale * upstream
    centred = g - g.mean(axis=over, keepdims=True) - normal * (g * normal).mean(axis=over, keepdims=True)
    np.testing.assert_allclose(np.asarray(x.grad), centred / np.sqrt(variance + 1e-5), rtol=1e-6, atol=1e-9)
    others = tuple(d for d in range(len(shape) + 1) if d != 1)
    np.testing.assert_allclose(np.asarray(layer.weight.grad), (upstream * normal).sum(axis=others), rtol=1e-6)


def test_normalisation_names_what_it_averages_over():
    lines = said(well_formed(chain_of(nn.Sequential(nn.Conv2d(1, 4, 1), nn.BatchNorm2d(4)), (1, 3, 3)).forward()))
    assert r"m = N \cdot 3 \cdot 3" in lines
    assert r"\mu^{(1)}_{c} = \frac{1}{m} \sum_{n,i,j} Z^{(1)}_{n,c,i,j}" in lines
    assert r"\bar{\mu}_c \leftarrow 0.9 \, \bar{\mu}_c + 0.1 \, \mu^{(1)}_{c}" in lines
    grouped = said(well_formed(chain_of(nn.Sequential(nn.GroupNorm(2, 4)), (4, 3, 3)).forward()))
    assert "m = 18" in grouped
    assert r"\mu^{(0)}_{n,g} = \frac{1}{m} \sum_{c \in g,i,j} A^{(0)}_{n,c,i,j}" in grouped
    layered = said(well_formed(chain_of(nn.Sequential(nn.LayerNorm(6)), (6,)).forward()))
    assert r"Y^{(0)}_{n,i} = \gamma^{(0)}_{i} \, \hat{Z}^{(0)}_{n,i} + \beta^{(0)}_{i}" in layered


def test_frozen_parameters_have_no_gradient():
    model = nn.Sequential(nn.Linear(3, 4), nn.Sigmoid(), nn.Linear(4, 2))
    for parameter in model[0].parameters():
        parameter.requires_grad_(False)
    assert said(chain_of(model, (3,)).backward()) == [
        r"\frac{\partial L}{\partial W^{(2)}} = \delta^{(2)\top} \, A^{(1)}",
        r"\frac{\partial L}{\partial b^{(2)}} = \sum_{n=1}^{N} \delta^{(2)}_{n}",
    ]


def test_two_activations_after_one_layer_have_two_symbols():
    chain = chain_of(nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Sigmoid()), (2,))
    assert [step.made.latex for step in chain.steps] == ["Z^{(1)}", "A^{(1)}", "A^{(1)'}"]
    well_formed([*chain.forward(), *chain.backward()])


def test_softmax_layers(rng):
    model = nn.Sequential(nn.Linear(3, 4), nn.LogSoftmax(1))
    chain = chain_of(model, (3,))
    forward, backward = loss_lines(nn.NLLLoss(), chain.output, chain.output_shape)
    assert said(forward) == [r"L = -\frac{1}{N} \sum_{n=1}^{N} A^{(1)}_{n,y_n}"]
    assert said(backward) == [r"\frac{\partial L}{\partial A^{(1)}} = -\frac{1}{N} Y"]
    well_formed([*chain.forward(), *chain.backward()])


def test_an_identity_is_not_written():
    chain = chain_of(nn.Sequential(nn.Linear(2, 3), nn.Identity(), nn.ReLU()), (2,))
    assert [type(step.layer).__name__ for step in chain.steps] == ["Linear", "ReLU"]


class Branched(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.second = nn.Linear(4, 2)

    def forward(self, x):
        return self.second(self.first(x).relu() + x)


def test_a_network_that_is_no_chain_is_traced():
    model = Branched()
    assert chain_of(model, (4,)) is None
    steps = traced(model, (4,))
    assert [step.call.partition("(")[0] for step in steps.steps] == ["linear", "relu", "add", "linear"]
    assert steps.steps[0].call == "linear(x0, first.weight, first.bias)"
    assert steps.steps[1].formula == r"\max(x, 0)"
    assert steps.steps[1].derivative == "[x > 0]"
    assert steps.steps[0].shape == r"\mathbb{R}^{N \times 4}"
    assert steps.output_shape == (2,)


@pytest.mark.parametrize("layer", [nn.GLU(), nn.RReLU(), nn.GELU("tanh"), nn.Softmin(1), nn.RMSNorm(4)], ids=repr)
def test_layers_without_formulas_are_traced(layer):
    assert chain_of(nn.Sequential(layer), (4,)) is None
    assert traced(nn.Sequential(layer), (4,)).steps


def test_a_layer_that_is_used_twice_is_traced():
    layer = nn.Linear(3, 3)
    assert chain_of(nn.Sequential(layer, nn.ReLU(), layer), (3,)) is None


def test_the_network_is_left_in_training_mode():
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
    chain_of(model, (2,))
    assert model.training
    assert not any(layer._forward_hooks for layer in model)


PENALTY = types.SimpleNamespace


def test_penalties_name_their_parameters():
    symbols = {"fc1.weight": "W^{(1)}", "fc1.bias": "b^{(1)}", "fc2.weight": "W^{(2)}"}
    entries = [PENALTY(parameters="*.weight", l1=0.0, l2=5e-4), PENALTY(parameters="fc1.*", l1=1e-5, l2=0.0)]
    assert said(well_formed(penalty_lines(entries, symbols))) == [
        r"\Omega = 10^{-5} \sum_{w \in W^{(1)}} |w|",
        r" + 5 \cdot 10^{-4} \sum_{w \in W^{(1)}} w^2",
        r" + 5 \cdot 10^{-4} \sum_{w \in W^{(2)}} w^2",
        r" + 10^{-5} \sum_{w \in b^{(1)}} |w|",
        r"J = L + \Omega",
        r"\frac{\partial \Omega}{\partial w} = 10^{-5} \, \mathrm{sign}(w) + 0.001 \, w, \quad w \in W^{(1)}",
        r"\frac{\partial \Omega}{\partial w} = 0.001 \, w, \quad w \in W^{(2)}",
        r"\frac{\partial \Omega}{\partial w} = 10^{-5} \, \mathrm{sign}(w), \quad w \in b^{(1)}",
    ]
    assert penalty_lines([PENALTY(parameters="*", l1=0.0, l2=0.0)], symbols) == []


def test_what_happens_before_the_update():
    options = {"lr": 0.1, "weight_decay": 0.01}
    settings = {"penalised": True, "clip_norm": 1.0, "clip_value": 0.5, "accumulate": 4, "ema": 0.99, "scheduled": True}
    assert said(well_formed(update_lines("SGD", options, **settings))) == [
        r"g_t = \frac{1}{4} \sum_{i=1}^{4} \frac{\partial J_i}{\partial w}(w_t)",
        r"g_t \leftarrow g_t \cdot \min\left(1, \frac{1}{\lVert g_t \rVert_2}\right)",
        r"g_t \leftarrow \min(\max(g_t, -0.5), 0.5)",
        r"g_t \leftarrow g_t + 0.01 \, w_t",
        r"w_{t+1} = w_t - \eta_t \, g_t",
        r"d_t = \min\left(0.99, \frac{t}{9 + t}\right)",
        r"\bar{w}_{t+1} = d_t \, \bar{w}_t + (1 - d_t) \, w_{t+1}",
    ]


def test_what_is_not_known_is_none():
    assert update_lines("Lion", {}) is None
    assert schedule_lines("LambdaLR", {}, 0.1) is None
    assert loss_lines(nn.KLDivLoss(), Symbol("Z", 1), (3,)) is None
    assert loss_lines(nn.CrossEntropyLoss(weight=tg.ones(3)), Symbol("Z", 1), (3,)) is None


def test_every_family_belongs_to_a_layer():
    assert all(hasattr(nn, name) for name in FAMILIES)


def test_lines_without_a_right_side_say_where_something_is_from():
    assert Line("W", "", r"\mathbb{R}").right == ""


def test_a_momentum_that_the_schedule_moves_is_a_symbol():
    options = {"lr": 0.01, "betas": (0.9, 0.999), "eps": 1e-8}
    lines = [str(line.right) for line in update_lines("Adam", options, scheduled=True, cycled=True)]
    assert r"\mu_t \, m_{t-1} + (1 - \mu_t) \, g_t" in lines
    assert r"\frac{m_t}{1 - \left(\mu_t\right)^t}" in lines
    sgd = update_lines("SGD", {"lr": 0.1, "momentum": 0.9}, cycled=True)
    assert r"\mu_t \, v_{t-1}" in str(sgd[1].right)

"""Formulas of every kind of layer, computed line by line: they give the loss and the gradients of ``backward()``."""

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.nn.functional as F
from tapegrad import nn
from tapegrad.explain.deriving.derive import derive
from tapegrad.explain.formulas.mathml import to_mathml

from .formula_reader import compute


class Flattened(nn.Module):
    """A network whose outputs, however many, are one tensor, so that a loss is of all of them."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, *inputs):
        return tg.cat([t.reshape(-1) for t in _tensors(self.layer(*inputs))])


def _tensors(output):
    return [output] if isinstance(output, tg.Tensor) else [t for part in output for t in _tensors(part)]


class Mixed(nn.Module):
    """One value that goes into a convolution and into a recurrent layer, whose formulas are of different elements."""

    def __init__(self):
        super().__init__()
        self.before, self.recurrent, self.conv = nn.Conv1d(2, 2, 1), nn.RNN(3, 2), nn.Conv1d(2, 3, 2)

    def forward(self, x):
        h = self.before(x)
        return self.recurrent(h), self.conv(h), h


def behind_one(*layers):
    """Return layers behind one more, so that their input's gradient is wanted too."""
    return nn.Sequential(nn.Conv2d(4, 4, 1), *layers)


def behind_linear(*layers):
    return nn.Sequential(nn.Linear(3, 3), *layers)


PICTURES = ((2, 4, 6, 5),)
SEQUENCES = ((4, 5, 3),)
WORDS = [[1, 2], [3, 1]]
ATTENDING = ((3, 2, 4), (3, 2, 4), (3, 2, 4))

LAYERS = {
    "rnn": (lambda: behind_linear(nn.RNN(3, 2)), SEQUENCES),
    "rnn relu": (lambda: nn.RNN(3, 2, nonlinearity="relu"), SEQUENCES),
    "lstm": (lambda: behind_linear(nn.LSTM(3, 2)), SEQUENCES),
    "lstm stack": (lambda: nn.LSTM(3, 2, 2, bidirectional=True, batch_first=True), SEQUENCES),
    "lstm projected": (lambda: nn.LSTM(3, 4, proj_size=2), SEQUENCES),
    "lstm one step": (lambda: nn.LSTM(3, 2), ((1, 5, 3),)),
    "gru": (lambda: behind_linear(nn.GRU(3, 2)), SEQUENCES),
    "gru stack without bias": (lambda: nn.GRU(3, 2, 2, bidirectional=True, bias=False), SEQUENCES),
    "rnn cell": (lambda: nn.RNNCell(3, 2), ((4, 3),)),
    "lstm cell": (lambda: nn.LSTMCell(3, 2), ((4, 3),)),
    "gru cell": (lambda: nn.GRUCell(3, 2), ((4, 3),)),
    "conv": (lambda: behind_one(nn.Conv2d(4, 3, (3, 2), (2, 1), (1, 0), (1, 2))), PICTURES),
    "conv 1d": (lambda: nn.Sequential(nn.Conv1d(2, 3, 2), nn.Tanh(), nn.Conv1d(3, 2, 2, padding=1)), ((2, 2, 6),)),
    "conv 3d": (lambda: nn.Sequential(nn.Conv3d(1, 2, 2), nn.Tanh(), nn.Conv3d(2, 1, 2)), ((2, 1, 4, 3, 3),)),
    "conv grouped": (lambda: behind_one(nn.Conv2d(4, 6, 3, groups=2, padding=1)), PICTURES),
    "conv depthwise": (lambda: behind_one(nn.Conv2d(4, 4, 3, groups=4, bias=False)), PICTURES),
    "conv depthwise twice": (lambda: behind_one(nn.Conv2d(4, 8, 3, groups=4)), PICTURES),
    "conv reflecting": (lambda: behind_one(nn.Conv2d(4, 2, 3, padding=1, padding_mode="reflect")), PICTURES),
    "transposed": (lambda: behind_one(nn.ConvTranspose2d(4, 3, 3, 2, 1, output_padding=1)), PICTURES),
    "transposed grouped": (lambda: behind_one(nn.ConvTranspose2d(4, 6, 2, groups=2, dilation=2)), PICTURES),
    "transposed depthwise": (lambda: behind_one(nn.ConvTranspose2d(4, 4, 2, (2, 1), groups=4)), PICTURES),
    "max pool": (lambda: behind_one(nn.MaxPool2d(2)), PICTURES),
    "max pool of zeros": (lambda: behind_one(nn.ReLU(), nn.MaxPool2d(3, 2, 1)), PICTURES),
    "average pool": (lambda: behind_one(nn.AvgPool2d((2, 3), 1, 1)), PICTURES),
    "batch norm": (lambda: behind_one(nn.BatchNorm2d(4)), PICTURES),
    "batch norm in eval": (lambda: behind_one(nn.BatchNorm2d(4)).eval(), PICTURES),
    "group norm": (lambda: behind_one(nn.GroupNorm(2, 4)), PICTURES),
    "instance norm": (lambda: behind_one(nn.InstanceNorm2d(4, affine=True)), PICTURES),
    "layer norm": (lambda: behind_one(nn.LayerNorm((4, 6, 5))), PICTURES),
    "rms norm": (lambda: behind_one(nn.RMSNorm(5)), PICTURES),
    "padding": (lambda: behind_one(nn.ZeroPad2d((1, 2, 0, 1)), nn.CircularPad2d(1)), PICTURES),
    "upsample": (lambda: behind_one(nn.Upsample(scale_factor=2), nn.PixelShuffle(2)), PICTURES),
    "gated": (lambda: behind_one(nn.GLU(1), nn.PReLU(2), nn.AdaptiveAvgPool2d(1)), PICTURES),
    "embedding": (lambda: nn.Embedding(5, 3), (WORDS,)),
    "embedding padded": (lambda: nn.Embedding(5, 3, padding_idx=1), (WORDS,)),
    "embedding by frequency": (lambda: nn.Embedding(5, 3, scale_grad_by_freq=True), (WORDS,)),
    "attention": (lambda: nn.MultiheadAttention(4, 2), ATTENDING),
    "different elements": (Mixed, ((4, 2, 3),)),
    "decoder": (lambda: nn.TransformerDecoderLayer(4, 2, 8, dropout=0.0, batch_first=True), ATTENDING[:2]),
}


@pytest.fixture(scope="module", params=LAYERS)
def case(request):
    """Return a network, its inputs, targets for all of its outputs, and its formulas."""
    make, given = LAYERS[request.param]
    tg.manual_seed(0)
    model = Flattened(make()).double()
    inputs = [tg.tensor(g) if isinstance(g, list) else tg.randn(*g, dtype=tg.float64) for g in given]
    targets = tg.randn(*model(*inputs).shape, dtype=tg.float64)
    return model, inputs, targets, derive(model, inputs, nn.MSELoss(), targets)


def test_computed_line_by_line_the_formulas_give_the_gradients_of_backward(case):
    model, inputs, targets, found = case
    held = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    values = {symbol: held[name].numpy(force=True) for symbol, name in found.symbols.items() if name in held}
    names = ["x"] if len(inputs) == 1 else [f"x_{i}" for i in range(1, len(inputs) + 1)]
    values |= {name: t.numpy() for name, t in zip(names, inputs, strict=True)}
    values |= {"t": targets.numpy(), "N": len(inputs[0])}
    loss = F.mse_loss(model(*inputs), targets)
    compute(found.forward, values)
    # Numbers such as 1e-5 are written with six digits.
    np.testing.assert_allclose(values["L"], loss.item(), rtol=1e-7)
    loss.backward()
    compute(found.backward, values)
    symbols = {name: symbol for symbol, name in found.symbols.items()}
    for name, p in model.named_parameters():
        got = values[rf"\frac{{\partial L}}{{\partial {symbols[name]}}}"]
        np.testing.assert_allclose(got, p.grad.numpy(), rtol=1e-5, atol=1e-7, err_msg=name)


def test_no_formula_is_a_jacobian_and_each_can_be_drawn_on_a_page(case):
    for line in (*case[3].forward, *case[3].backward):
        assert to_mathml(line.latex).startswith("<math")
        assert r"\left(\frac{\partial h" not in line.right


READ_BY_LATEX = [
    "lstm projected",
    "gru cell",
    "transposed grouped",
    "max pool",
    "average pool",
    "embedding padded",
    "padding",
]


@pytest.mark.parametrize("case", READ_BY_LATEX, indirect=True)
def test_each_line_is_read_by_latex(case):
    pytest.importorskip("matplotlib")
    from matplotlib.mathtext import MathTextParser

    parser = MathTextParser("path")
    for line in (*case[3].forward, *case[3].backward):
        parser.parse(f"${line.latex}$")


def test_a_recurrent_layer_word_by_word():
    found = derive(nn.GRU(3, 2, bias=False), (4, 5, 3), lambda output: output[0].sum())
    W, U = r"\left(W_1^{\mathrm{ih\ l0}}\right)", r"\left(W_1^{\mathrm{hh\ l0}}\right)"
    of_layer = [line.latex.partition(r" \in")[0] for line in found.forward if line.operation == "gru_layer"]
    assert of_layer == [
        "(h_3)_{0} = h_2",
        rf"(r_{{3}})_{{t}} = \sigma\left((x)_{{t}} \, {W}_{{r}}^{{\top}} + (h_3)_{{t - 1}} \, {U}_{{r}}^{{\top}}\right)",
        rf"(z_{{3}})_{{t}} = \sigma\left((x)_{{t}} \, {W}_{{z}}^{{\top}} + (h_3)_{{t - 1}} \, {U}_{{z}}^{{\top}}\right)",
        rf"(q_{{3}})_{{t}} = (h_3)_{{t - 1}} \, {U}_{{n}}^{{\top}}",
        rf"(n_{{3}})_{{t}} = \tanh\left((x)_{{t}} \, {W}_{{n}}^{{\top}} + (r_{{3}})_{{t}} \odot (q_{{3}})_{{t}}\right)",
        r"(h_3)_{t} = (1 - (z_{3})_{t}) \odot (n_{3})_{t} + (z_{3})_{t} \odot (h_3)_{t - 1}",
    ]
    assert {line.shape for line in found.forward if line.operation == "gru_layer"} == {r"\mathbb{R}^{5 \times 2}"}
    assert found.backward[-1].latex == (
        r"\frac{\partial L}{\partial W_1^{\mathrm{hh\ l0}}} = \sum_t (\delta_{3}^{v})_{t}^{\top} \, (h_3)_{t - 1} "
        r"\in \mathbb{R}^{6 \times 2}"
    )


def test_a_grouped_convolution_word_by_word():
    found = derive(nn.Conv2d(4, 6, 3, groups=2, bias=False), (2, 4, 5, 5))
    assert found.forward[0].right == r"\sum_{c,k} (W_1)_{o,c,k} \, (x)_{n,2 \lfloor o / 3 \rfloor + c,i + k}"
    depthwise = derive(nn.Conv2d(4, 4, 3, groups=4, bias=False), (2, 4, 5, 5))
    assert depthwise.forward[0].right == r"\sum_{c,k} (W_1)_{o,c,k} \, (x)_{n,o,i + k}"

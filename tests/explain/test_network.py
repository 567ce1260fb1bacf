"""The graph of a network: one node for each equation of a trace, shapes, costs, values and gradients, and what it leaves alone."""

import json

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn
from tapegrad.core import REGISTRY, no_grad
from tapegrad.errors import ArgumentError, TraceError
from tapegrad.explain.network import costs
from tapegrad.explain.network.graph import graph
from tapegrad.vision import models


class Shared(nn.Module):
    """One layer called twice, of two inputs, with outputs under names."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 3)
        self.same = self.layer

    def forward(self, a, b):
        first = self.layer(a)
        second = self.same(b)
        return {"sum": first + second, "parts": (first, second)}


class Drawn(nn.Module):
    """Reads a value into Python and draws random numbers, which no program could repeat."""

    def __init__(self):
        super().__init__()
        self.register_buffer("count", tg.zeros(1))
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        self.count += 1
        x = self.fc(x) if x.sum().item() > -1e9 else x
        return nn.functional.dropout(x, 0.5, training=True)


def convolutional():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 5)
    )


def encoder():
    return nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True), 2)


NETS = {
    "dense": (lambda: nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2)), (5, 4)),
    "convolutional": (convolutional, (2, 1, 8, 8)),
    "evaluated": (lambda: convolutional().eval(), (2, 1, 8, 8)),
    "lstm": (lambda: nn.LSTM(3, 4, num_layers=2), (6, 2, 3)),
    "encoder": (encoder, (2, 5, 8)),
    "lenet": (models.LeNet, (1, 1, 28, 28)),
    "densenet": (lambda: models.DenseNet(4, (2, 2), 4, num_classes=3).eval(), (1, 3, 32, 32)),
}


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("values", [False, True])
def test_there_is_a_node_for_each_equation_of_a_trace(name, values):
    make, shape = NETS[name]
    model, x = make(), tg.randn(*shape)
    state = {key: value.clone() for key, value in model.state_dict().items()}
    program = tg.trace(model, x)
    model.load_state_dict(state)
    drawn = graph(model, x, values=values)
    operations = [node for node in drawn.nodes if node.kind == "operation"]
    assert [node.op for node in operations] == [e.primitive.name for e in program.equations]
    assert [node.shape for node in operations] == [e.outputs[0].shape for e in program.equations]
    assert [node.operations for node in operations] == [costs.multiply_adds(e) for e in program.equations]


def test_nodes_tell_module_parameters_bytes_and_formula():
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
    drawn = graph(net, tg.zeros(2, 4))
    linear = next(node for node in drawn.nodes if node.op == "linear")
    assert (linear.module, linear.shape, linear.dtype) == ("0", (2, 8), "float32")
    assert (linear.parameters, linear.bytes, linear.operations) == (40, 64, 64)
    assert linear.formula == REGISTRY["linear"].formula
    weight = next(node for node in drawn.nodes if node.name == "0.weight")
    assert (weight.kind, weight.parameters, weight.module) == ("parameter", 32, "0")
    assert (weight.id, linear.id) in drawn.edges
    assert drawn.modules["0"] == {"kind": "Linear", "parameters": 40}
    assert drawn.modules[""] == {"kind": "Sequential", "parameters": 40}


def test_edges_lead_from_what_is_read_to_what_is_made():
    drawn = graph(lambda x: (x * 2).sum() + x, tg.ones(3))
    names = {node.id: node.op or node.kind for node in drawn.nodes}
    assert [(names[a], names[b]) for a, b in drawn.edges] == [
        ("input", "mul"),
        ("mul", "sum"),
        ("sum", "add"),
        ("input", "add"),
        ("add", "output"),
    ]


def test_in_place_operations_follow_one_another():
    def step(x):
        y = x * 2
        y.mul_(3)
        return y + y

    drawn = graph(step, tg.ones(3))
    edges = [
        (node.op, [drawn.nodes[a].name for a, b in drawn.edges if b == node.id]) for node in drawn.nodes if node.op
    ]
    assert edges == [("mul", ["x"]), ("mul", ["mul"]), ("add", ["mul#2"])]


def test_values_are_those_before_and_after_a_write():
    def step(x):
        y = x * 2
        y.zero_()
        return y + 1

    drawn = graph(step, tg.ones(3), values=True)
    mul, *_, last = [node.id for node in drawn.nodes if node.op]
    assert drawn.values[mul].tolist() == [2, 2, 2]
    assert drawn.values[last].tolist() == [1, 1, 1]


def test_a_module_called_twice_is_two_calls_of_one_module():
    drawn = graph(Shared(), tg.ones(2, 3), tg.zeros(1, 3))
    assert [(call.path, call.number) for call in drawn.calls] == [("", 1), ("layer", 1), ("layer", 2)]
    assert [node.name for node in drawn.nodes if node.kind == "input"] == ["a", "b"]
    ends = [(node.name, node.shape) for node in drawn.nodes if node.kind == "output"]
    assert ends == [("output.sum", (2, 3)), ("output.parts[0]", (2, 3)), ("output.parts[1]", (1, 3))]
    assert sum(node.kind == "parameter" for node in drawn.nodes) == 2


def test_values_and_gradients_are_those_of_a_forward_and_a_backward_pass():
    net, x, y = convolutional(), tg.randn(4, 1, 8, 8), tg.tensor([0, 1, 2, 3])
    drawn = graph(net, x, loss=nn.CrossEntropyLoss(), target=y, values=True)
    twin = convolutional()
    twin.load_state_dict(net.state_dict())
    hidden = x.clone().requires_grad_()
    for layer in twin[:5]:
        hidden = layer(hidden)
    hidden.retain_grad()
    output = twin[5](hidden)
    output.retain_grad()
    loss = nn.functional.cross_entropy(output, y)
    loss.backward()
    nodes = {node.name: node.id for node in drawn.nodes}
    assert np.array_equal(drawn.values[nodes["5.linear"]], output.array)
    assert np.array_equal(drawn.gradients[nodes["5.linear"]], output.grad.array)
    assert np.array_equal(drawn.gradients[nodes["4.reshape"]], hidden.grad.array)
    for name, parameter in twin.named_parameters():
        assert np.array_equal(drawn.gradients[nodes[name]], parameter.grad.array), name
    assert drawn.values[nodes["loss"]] == loss.array
    assert drawn.gradients[nodes["input"]].shape == x.shape
    operations = [node for node in drawn.nodes if node.kind == "operation"]
    assert all(node.id in drawn.values for node in operations)


def test_without_a_loss_the_gradients_are_those_of_the_sum_of_the_outputs():
    layer = nn.Linear(2, 3)
    drawn = graph(layer, tg.ones(4, 2), values=True)
    bias = next(node for node in drawn.nodes if node.name == "bias")
    assert drawn.gradients[bias.id].tolist() == [4, 4, 4]


@pytest.mark.parametrize("values", [False, True])
def test_the_network_is_left_as_it_was(values):
    net = nn.Sequential(convolutional(), nn.Dropout(0.5))
    x = tg.randn(2, 1, 8, 8)
    nn.functional.cross_entropy(net(x), tg.tensor([0, 1])).backward()
    state = {key: value.clone() for key, value in net.state_dict().items()}
    gradients = [p.grad.clone() for p in net.parameters()]
    random = tg.get_rng_state()
    drawn = graph(net, x, loss=nn.CrossEntropyLoss(), target=tg.tensor([0, 1]), values=values)
    assert all(np.array_equal(state[key].array, value.array) for key, value in net.state_dict().items())
    assert all(np.array_equal(g.array, p.grad.array) for g, p in zip(gradients, net.parameters(), strict=True))
    assert np.array_equal(random.array, tg.get_rng_state().array)
    assert not x.requires_grad
    if values:  # the new running mean, though the old one was put back
        written = [node for node in drawn.nodes if node.op == "write" and node.shape == (4,)]
        assert not np.array_equal(drawn.values[written[0].id], state["0.1.running_mean"].array)


def test_what_no_program_could_repeat_is_drawn_all_the_same():
    net = Drawn()
    drawn = graph(net, tg.ones(2, 4))
    assert "linear" in [node.op for node in drawn.nodes]
    assert net.count.item() == 0


def test_lazy_layers_learn_their_sizes_first():
    drawn = graph(nn.Sequential(nn.LazyLinear(3), nn.BatchNorm1d(3)), input_size=(2, 5))
    assert next(node for node in drawn.nodes if node.op == "linear").parameters == 18


def test_embeddings_get_whole_numbers():
    drawn = graph(nn.Sequential(nn.Embedding(7, 4), nn.Linear(4, 2)), input_size=(2, 3))
    assert drawn.nodes[0].dtype == "int64"
    assert [node.shape for node in drawn.nodes if node.kind == "output"] == [(2, 3, 2)]


def test_what_a_call_returned_is_noted():
    drawn = graph(nn.LSTM(3, 4), input_size=(5, 2, 3))
    (call,) = drawn.calls
    assert call.shapes == [(5, 2, 4), (1, 2, 4), (1, 2, 4)]
    assert drawn.nodes[call.node].op == "lstm_layer"


def test_lines_are_those_of_the_users_network():
    drawn = graph(Shared(), tg.ones(2, 3), tg.zeros(1, 3))
    assert {node.where.rpartition(":")[0] for node in drawn.nodes if node.op} == {__file__}
    plain = graph(nn.Linear(3, 1), tg.ones(2, 3))
    assert [node.where for node in plain.nodes if node.op] == [""]


def test_the_dictionary_can_be_written_as_json():
    net = convolutional()
    told = json.loads(json.dumps(graph(net, tg.randn(2, 1, 8, 8), values=True).to_dict()))
    assert told["nodes"][0]["shape"] == [2, 1, 8, 8]
    assert told["modules"]["0"] == {"kind": "Conv2d", "parameters": 40}
    assert [call["path"] for call in told["calls"]][:3] == ["", "0", "1"]
    assert all(a < b for a, b in told["edges"])


def test_no_grad_is_respected():
    with no_grad():
        assert graph(nn.Linear(3, 1), tg.ones(2, 3)).gradients == {}


@pytest.mark.parametrize(
    ("function", "inputs", "wanted"),
    [
        (lambda x, w: tg.nn.functional.linear(x, w), [(5, 4), (3, 4)], 5 * 3 * 4),
        (lambda a, b: a @ b, [(2, 3, 4), (2, 4, 5)], 2 * 3 * 4 * 5),
        (lambda x, w: nn.functional.conv2d(x, w, padding=1), [(2, 3, 8, 8), (5, 3, 3, 3)], 2 * 5 * 64 * 27),
        (lambda x, w: nn.functional.conv2d(x, w, groups=2, stride=2), [(1, 4, 9, 9), (6, 2, 3, 3)], 6 * 16 * 18),
        (lambda x, w: nn.functional.conv_transpose2d(x, w), [(1, 3, 4, 4), (3, 5, 2, 2)], 48 * 5 * 4),
        (lambda a, b: tg.einsum("bij,bjk->bik", a, b), [(2, 3, 4), (2, 4, 5)], 2 * 3 * 4 * 5),
        (lambda x: nn.functional.max_pool2d(x, 2), [(1, 2, 8, 8)], 2 * 16 * 4),
        (lambda x: x.sum(0), [(7, 5)], 35),
        (lambda x: x.relu(), [(7, 5)], 35),
        (lambda x: x.reshape(5, 7).transpose(0, 1), [(7, 5)], 0),
    ],
)
def test_multiply_adds_are_those_counted_by_hand(function, inputs, wanted):
    drawn = graph(function, *[tg.randn(*shape) for shape in inputs])
    assert sum(node.operations for node in drawn.nodes) == wanted


def test_multiply_adds_of_attention_and_recurrent_layers():
    attention = graph(nn.functional.scaled_dot_product_attention, *[tg.randn(2, 4, 6, 8)] * 3)
    assert max(node.operations for node in attention.nodes) == 2 * 4 * 6 * 6 * (8 + 8)
    lstm = graph(nn.LSTM(3, 4), input_size=(5, 2, 3))
    assert max(node.operations for node in lstm.nodes) == 5 * 2 * (16 * 3 + 16 * 4)


def test_the_tables_of_costs_name_primitives_alone():
    named = {*costs.FREE, *costs.BY_INPUT, *costs.CUBIC, *costs.FORMULAS}
    assert named - {"write"} <= set(REGISTRY)


@pytest.mark.parametrize(
    ("model", "size", "expected"),
    [
        (
            nn.Sequential(nn.Linear(4, 2)),
            (2, 5),
            "the first layer, 0 (Linear), expects inputs whose last dimension is 4",
        ),
        (
            nn.Sequential(nn.ReLU(), nn.Conv2d(3, 8, 3)),
            (1, 1, 8, 8),
            "the first layer, 1 (Conv2d), expects inputs of shape (batch, 3, height, width)",
        ),
        (nn.LSTM(3, 4), (5, 2, 7), "the first layer, LSTM (LSTM), expects inputs whose last dimension is 3"),
    ],
)
def test_a_wrong_size_is_told_with_what_the_first_layer_expects(model, size, expected):
    with pytest.raises(ArgumentError, match=r"does not take an input of shape") as caught:
        graph(model, input_size=size)
    assert str(caught.value).endswith(expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "graph: there is no input; give a tensor, or input_size=(batch, ...)"),
        ({"input_size": (2, -1)}, "graph: input_size is (2, -1); use whole numbers, the batch first: (1, 3, 32, 32)"),
        ({"input_size": "3"}, "graph: input_size is '3'; use whole numbers, the batch first: (1, 3, 32, 32)"),
    ],
)
def test_missing_and_bad_sizes(options, message):
    with pytest.raises(ArgumentError) as caught:
        graph(nn.Linear(3, 1), **options)
    assert str(caught.value) == message


def test_inputs_and_sizes_together_are_refused():
    with pytest.raises(ArgumentError, match="both inputs and input_size"):
        graph(nn.Linear(3, 1), tg.ones(1, 3), input_size=(1, 3))


def test_a_graph_within_a_trace_is_refused():
    with pytest.raises(TraceError, match="a trace is running already"):
        tg.trace(lambda x: graph(nn.Linear(3, 1), x), tg.ones(1, 3))


def test_the_tracer_is_taken_away_when_the_network_fails():
    class Failing(nn.Module):
        def forward(self, x):
            raise KeyError("no")

    with pytest.raises(KeyError):
        graph(Failing(), tg.ones(1))
    assert graph(nn.ReLU(), tg.ones(1)).nodes


@pytest.mark.parametrize(
    ("model", "what"),
    [(None, "None is no network"), (tg.ones(2), "a Tensor is no network"), (nn.Linear, "Linear is a class")],
    ids=["nothing", "tensor", "class"],
)
def test_what_is_no_network_is_refused(model, what):
    with pytest.raises(ArgumentError, match=f"^graph: {what}; give a network, such as nn.Sequential"):
        graph(model, tg.ones(1, 2))

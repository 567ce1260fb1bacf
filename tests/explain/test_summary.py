"""The table of a network: numbers against hand calculation and PyTorch's, its form, and what it refuses."""

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn
from tapegrad.errors import ArgumentError, UsageError
from tapegrad.explain.network.summary import summary
from tapegrad.vision import models


def convolutional():
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 10))


def test_numbers_are_those_counted_by_hand():
    table = summary(convolutional(), (2, 3, 8, 8))
    rows = {row.path: row for row in table.rows}
    assert rows["0"].shapes == [(2, 8, 8, 8)]
    assert (rows["0"].parameters, rows["0"].multiply_adds) == (8 * 27 + 8, 2 * 8 * 64 * 27)
    assert rows["0"].bytes == 2 * 8 * 64 * 4
    assert rows["2"].multiply_adds == 2 * 8 * 16 * 4
    assert (rows["3"].multiply_adds, rows["3"].bytes) == (0, 0)  # a view
    assert (rows["4"].parameters, rows["4"].multiply_adds) == (1290, 2 * 10 * 128)
    assert table.total_params == table.trainable_params == 224 + 1290
    assert table.total_mult_adds == sum(row.multiply_adds for row in table.rows)
    assert table.input_bytes == 2 * 3 * 64 * 4
    assert table.parameter_bytes == 4 * table.total_params
    assert table.result_bytes == 4 * (2 * 8 * 64 * 2 + 2 * 8 * 16 + 2 * 10)


def test_the_table_reads_like_this():
    net = nn.Sequential(nn.Linear(4, 8), nn.Sequential(nn.ReLU(), nn.Linear(8, 2)))
    net[0].requires_grad_(False)
    assert str(summary(net, (16, 4))).splitlines() == [
        "Layer              Output shape  Parameters  Multiply-adds  Memory",
        "──────────────────────────────────────────────────────────────────",
        "Sequential         16×2                   —              —       —",
        "├─ 0 (Linear)      16×8                  40            512   512 B",
        "└─ 1 (Sequential)  16×2                   —              —       —",
        "   ├─ 0 (ReLU)     16×8                   —            128   512 B",
        "   └─ 1 (Linear)   16×2                  18            256   128 B",
        "──────────────────────────────────────────────────────────────────",
        "Parameters:                58",
        "Trainable:                 18",
        "Frozen:                    40",
        "Multiply-adds:             896",
        "Input:                     256 B",
        "Results of a forward pass: 1.1 KiB",
        "Parameters' memory:        232 B",
    ]


@pytest.mark.parametrize(
    ("name", "parameters", "products"),
    # Parameters as torchvision lists them; products of convolutions and dense layers at 224 × 224.
    [("resnet18", 11_689_512, 1_814_073_344), ("squeezenet1_1", 1_235_496, None), ("mobilenet_v2", 3_504_872, None)],
)
def test_parameters_are_those_of_the_published_networks(name, parameters, products):
    model = getattr(models, name)()
    assert summary(model).total_params == parameters
    if products is not None:
        rows = summary(model, (1, 3, 224, 224)).rows
        assert sum(row.multiply_adds for row in rows if row.kind in ("Conv2d", "Linear")) == products


def test_parameters_are_those_that_pytorch_counts():
    torch = pytest.importorskip("torch")
    for make in (
        lambda nn: nn.LSTM(5, 7, num_layers=2, bidirectional=True),
        lambda nn: nn.GRU(5, 7),
        lambda nn: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True),
        lambda nn: nn.Sequential(
            nn.Conv2d(3, 4, 3, groups=1, bias=False), nn.BatchNorm2d(4), nn.ConvTranspose2d(4, 2, 3)
        ),
        lambda nn: nn.Sequential(nn.Embedding(11, 6), nn.LayerNorm(6), nn.PReLU(6)),
    ):
        theirs = sum(p.numel() for p in make(torch.nn).parameters())
        table = summary(make(nn))
        assert table.total_params == theirs
        assert sum(row.parameters for row in table.rows) == theirs


def test_recurrent_layers():
    table = summary(nn.LSTM(3, 4), (5, 2, 3))
    assert table.rows[0].shapes == [(5, 2, 4), (1, 2, 4), (1, 2, 4)]
    assert "5×2×4, 1×2×4, …" in str(table)
    assert table.rows[0].parameters == 16 * 3 + 16 * 4 + 32


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10, 4)
        self.middle = nn.Linear(4, 4)
        self.head = nn.Linear(4, 10, bias=False)
        self.head.weight = self.embedding.weight
        self.unused = nn.Linear(2, 2)

    def forward(self, x):
        x = self.embedding(x)
        return self.head(self.middle(self.middle(x)))


def test_shared_parameters_count_once_and_their_work_each_time():
    table = summary(Tied(), (2, 3))
    told = [(row.path, row.parameters, row.multiply_adds) for row in table.rows]
    assert told == [
        ("", 0, 0),
        ("embedding", 40, 0),
        ("middle", 20, 2 * 3 * 16),
        ("middle", 0, 2 * 3 * 16),
        ("head", 0, 2 * 3 * 40),
        ("unused", 6, 0),
    ]
    assert table.total_params == 66
    lines = [line.split() for line in str(table).splitlines()]
    assert [line[4] for line in lines if "head" in line] == ["shared"]
    assert any(line[-5:-3] == ["not", "called"] for line in lines)


def test_depth_adds_up_what_lies_deeper():
    net = nn.Sequential(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), nn.Linear(4, 2))
    whole, flat, one = (summary(net, (3, 4), depth=depth) for depth in (None, 1, 0))
    assert [row.path for row in flat.rows] == ["", "0", "1"]
    assert [row.parameters for row in flat.rows] == [0, 20, 10]
    assert (len(one.rows), one.rows[0].parameters) == (1, 30)
    assert whole.total_mult_adds == flat.total_mult_adds == one.total_mult_adds == 48 + 12 + 24
    assert whole.result_bytes == one.result_bytes


def test_the_network_stays_as_it_was():
    net = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(), nn.Linear(3, 1))
    net[0].eval()
    state = {key: value.clone() for key, value in net.state_dict().items()}
    random = tg.get_rng_state()
    summary(net, (4, 3), time=True)
    assert [module.training for module in net.modules()] == [True, False, True, True]
    assert all(np.array_equal(state[key].array, value.array) for key, value in net.state_dict().items())
    assert np.array_equal(random.array, tg.get_rng_state().array)


def test_inputs_come_as_a_size_sizes_data_or_arguments():
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(2, 3)

        def forward(self, x, y):
            return self.a(x) + y

    net = Pair()
    wanted = summary(net, [(4, 2), (4, 3)]).total_mult_adds
    x, y = tg.ones(4, 2), tg.ones(4, 3)
    assert wanted == 24 + 12
    assert summary(net, input_data=(x, y)).total_mult_adds == wanted
    assert summary(net, input_data={"x": x, "y": y}).total_mult_adds == wanted
    assert summary(nn.Linear(2, 3), input_data=x).total_mult_adds == 24
    assert summary(nn.ReLU(), (2, 3), dtypes=[np.int64]).input_bytes == 48


def test_time_is_told_on_request():
    table = summary(convolutional(), (2, 3, 8, 8), time=True)
    assert table.seconds is not None
    assert all(row.seconds is not None and row.seconds <= table.seconds for row in table.rows)
    assert "Time of a forward pass" in str(table)
    assert "Time" not in str(summary(convolutional(), (2, 3, 8, 8)))


def test_without_an_input_there_are_parameters_alone():
    table = summary(convolutional())
    assert (table.total_params, table.total_mult_adds) == (1514, 0)
    assert [row.path for row in table.rows] == ["", "0", "1", "2", "3", "4"]


def test_it_is_a_name_of_the_package():
    assert tg.summary(nn.Linear(2, 1), (1, 2)).total_params == 3
    assert tg.explain.summary is tg.summary


def test_the_notebook_shows_a_table():
    text = summary(nn.Sequential(nn.Linear(4, 8)), (1, 4))._repr_html_()
    assert text.count("<tr>") == 3
    assert "0 (Linear)" in text


@pytest.mark.parametrize(
    ("model", "size", "expected"),
    [
        (
            convolutional(),
            (2, 1, 8, 8),
            "the first layer, 0 (Conv2d), expects inputs of shape (batch, 3, height, width)",
        ),
        (
            nn.Sequential(nn.Flatten(), nn.Linear(784, 10)),
            (1, 27, 27),
            "1 (Linear), expects inputs whose last dimension is 784",
        ),
        (nn.LayerNorm((4, 5)), (2, 4), "LayerNorm (LayerNorm), expects inputs whose last dimensions are (4, 5)"),
        (nn.GRU(3, 4), (5, 2, 2), "GRU (GRU), expects inputs whose last dimension is 3"),
        (nn.BatchNorm1d(3), (4, 5), "BatchNorm1d (BatchNorm1d), expects inputs of shape (batch, 3, length)"),
        (models.LeNet(), (1, 3, 28, 28), "conv1 (Conv2d), expects inputs of shape (batch, 1, height, width)"),
    ],
)
def test_a_wrong_size_is_told_with_what_the_first_layer_expects(model, size, expected):
    with pytest.raises(ArgumentError, match="summary: ") as caught:
        summary(model, size)
    assert f"does not take an input of shape {size}" in str(caught.value)
    assert str(caught.value).endswith(expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": -1}, "summary: depth is -1; use a whole number from 0"),
        ({"depth": True}, "summary: depth is True; use a whole number from 0"),
        ({"time": True}, "summary: there is no input to measure the time with; give input_size"),
        ({"input_size": (1, 2), "dtypes": ["f4", "f4"]}, "summary: 2 dtypes for 1 inputs; give one for each"),
        (
            {"input_size": (1, 2.5)},
            "summary: input_size is (1, 2.5); use whole numbers, the batch first: (1, 3, 32, 32)",
        ),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ArgumentError) as caught:
        summary(nn.Linear(2, 1), **options)
    assert str(caught.value) == message


def test_a_tensor_may_stand_where_its_shape_does():
    net = nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 2))
    words = tg.randint(0, 9, (3, 5))
    assert str(summary(net, words)) == str(summary(net, input_data=words))


def test_what_is_no_module_is_refused():
    with pytest.raises(UsageError) as caught:
        summary(len)
    assert str(caught.value) == "summary: a builtin_function_or_method is no module; give a network made of tapegrad.nn"


def test_without_an_input_nothing_is_said_of_what_goes_through():
    totals = dict(tg.summary(nn.Linear(4, 3)).totals())
    assert totals["Parameters"] == "15"
    assert {totals[name] for name in ("Multiply-adds", "Input", "Results of a forward pass")} == {"—"}

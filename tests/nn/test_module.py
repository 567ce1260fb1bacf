"""Module: what is registered under which name, what is found, and what is said when a name is wrong."""

import copy
import pickle

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn
from tapegrad.errors import (
    ArgumentError,
    MissingAttributeError,
    MissingMethodError,
    NamingError,
    ShapeError,
    TapegradError,
    UsageError,
)


class Block(nn.Module):
    def __init__(self, size=3):
        super().__init__()
        self.linear = nn.Linear(size, size)
        self.register_buffer("count", tg.zeros(1))
        self.register_buffer("scratch", tg.zeros(2), persistent=False)

    def forward(self, x):
        return self.linear(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(tg.ones(()))
        self.first = Block()
        self.layers = nn.Sequential(nn.Linear(3, 3), Block())
        self.empty = None

    def forward(self, x):
        return self.layers(self.first(x)) * self.scale


# -- registering --------------------------------------------------------------------------------------------------------


def test_what_is_assigned_is_registered_by_its_kind():
    net = Net()
    assert [n for n, _ in net.named_parameters()] == [
        "scale",
        "first.linear.weight",
        "first.linear.bias",
        "layers.0.weight",
        "layers.0.bias",
        "layers.1.linear.weight",
        "layers.1.linear.bias",
    ]
    assert [n for n, _ in net.named_buffers()] == ["first.count", "first.scratch", "layers.1.count", "layers.1.scratch"]
    assert [n for n, _ in net.named_modules()] == [
        "",
        "first",
        "first.linear",
        "layers",
        "layers.0",
        "layers.1",
        "layers.1.linear",
    ]
    assert [n for n, _ in net.named_children()] == ["first", "layers"]
    assert len(list(net.modules())) == 7
    assert len(list(net.children())) == 2
    assert len(list(net.parameters())) == 7
    assert len(list(net.buffers())) == 4


def test_prefixes_and_depth():
    net = Net()
    assert [n for n, _ in net.named_parameters("net", recurse=False)] == ["net.scale"]
    assert next(n for n, _ in net.first.named_buffers("a.b")) == "a.b.count"
    assert list(net.parameters(recurse=False)) == [net.scale]
    assert list(net.buffers(recurse=False)) == []


def test_what_is_held_twice_is_found_once_unless_asked():
    net = nn.Module()
    net.a = net.b = nn.Linear(2, 2, bias=False)
    assert [n for n, _ in net.named_parameters()] == ["a.weight"]
    assert [n for n, _ in net.named_parameters(remove_duplicate=False)] == ["a.weight", "b.weight"]
    assert [n for n, _ in net.named_modules()] == ["", "a"]
    assert [n for n, _ in net.named_modules(remove_duplicate=False)] == ["", "a", "b"]
    net.tied = net.a.weight
    assert [n for n, _ in net.named_parameters()] == ["tied"]


def test_a_name_changes_its_kind_with_what_is_assigned():
    m = nn.Module()
    m.x = 3
    m.x = nn.Parameter(tg.ones(1))
    assert "x" not in vars(m)
    m.x = nn.Linear(1, 1)
    assert list(m._parameters) == []
    m.x = None
    assert m.x is None
    assert list(m._modules) == ["x"]
    m.x = nn.Parameter(tg.ones(1))
    assert [n for n, _ in m.named_parameters()] == ["x"]
    m.x = None
    assert m.x is None
    assert list(m.named_parameters()) == []


def test_buffers_take_tensors_of_the_same_name():
    m = Block()
    m.count = tg.ones(1)
    assert m.get_buffer("count").tolist() == [1.0]
    m.count = None
    assert m.count is None
    m.other = nn.Buffer(tg.ones(2), persistent=False)
    assert "other" in dict(m.named_buffers())
    assert "other" not in m.state_dict()
    m.other = nn.Buffer(tg.ones(2))
    assert "other" in m.state_dict()
    m.plain = tg.ones(1)
    assert "plain" not in dict(m.named_buffers())


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "weight",
            tg.ones(1),
            "Linear: cannot assign a Tensor as parameter 'weight'; assign nn.Parameter or None, or del",
        ),
        ("weight", 3, "Linear: cannot assign a int as parameter 'weight'"),
    ],
)
def test_a_parameters_place_is_kept(name, value, message):
    with pytest.raises(UsageError, match=message):
        setattr(nn.Linear(1, 1), name, value)


def test_a_modules_and_a_buffers_place_is_kept():
    with pytest.raises(UsageError, match="Block: cannot assign a int as child module 'linear'"):
        Block().linear = 3
    with pytest.raises(UsageError, match="Block: cannot assign a int as buffer 'count'"):
        Block().count = 3


def test_names_can_be_deleted():
    m = Block()
    del m.linear, m.count, m.scratch
    m.x = 1
    del m.x
    assert not list(m.named_parameters())
    assert not list(m.named_buffers())
    m.register_buffer("scratch", tg.ones(1))
    assert list(m.state_dict()) == ["scratch"]
    with pytest.raises(AttributeError):
        del m.x


@pytest.mark.parametrize("method", ["register_parameter", "register_buffer", "add_module"])
@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("a.b", NamingError, r"the name 'a.b' is empty or contains '\.'; use a name without dots"),
        ("", NamingError, "the name '' is empty or contains"),
        ("forward", NamingError, "attribute 'forward' already exists; choose another name"),
        (3, UsageError, "the name is a int; use a string"),
    ],
)
def test_bad_names_are_refused(method, name, kind, message):
    with pytest.raises(kind, match=f"{method}: {message}"):
        getattr(nn.Module(), method)(name, None)


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("register_parameter", "'x' is a list; wrap it in nn.Parameter, or pass None"),
        ("register_buffer", "'x' is a list; wrap it in tapegrad.tensor, or pass None"),
        ("add_module", "'x' is a list; pass an instance of nn.Module, or None"),
    ],
)
def test_bad_values_are_refused(method, message):
    with pytest.raises(UsageError, match=f"{method}: {message}"):
        getattr(nn.Module(), method)("x", [])


def test_a_parameter_must_be_a_leaf():
    p = nn.Parameter(tg.ones(1))
    child = nn.Parameter(tg.ones(1))
    child.node = (p * 2).node
    with pytest.raises(ArgumentError, match="register_parameter: 'x' is the result of an operation; pass a leaf"):
        nn.Module().register_parameter("x", child)


def test_a_forgotten_init_is_named():
    class Forgetful(nn.Module):
        def __init__(self, kind):
            if kind == "parameter":
                self.x = nn.Parameter(tg.ones(1))
            elif kind == "module":
                self.x = nn.Identity()
            elif kind == "buffer":
                self.register_buffer("x", tg.ones(1))

    for kind, event in [
        ("parameter", "cannot assign parameters"),
        ("module", "cannot assign module"),
        ("buffer", "register_buffer is called"),
    ]:
        with pytest.raises(
            AttributeError, match=rf"Forgetful: {event} before Module.__init__\(\) call; begin Forgetful"
        ):
            Forgetful(kind)
    with pytest.raises(
        MissingAttributeError, match=r"before Module.__init__\(\) call; begin Forgetful.__init__ with super"
    ):
        Forgetful("none")(1)


def test_an_unknown_attribute_gets_a_hint():
    with pytest.raises(
        MissingAttributeError, match=r"^Linear: object has no attribute 'wieght'; did you mean 'weight'\?$"
    ):
        nn.Linear(1, 1).wieght  # noqa: B018
    assert not hasattr(nn.Linear(1, 1), "nothing_of_the_kind")
    assert getattr(nn.Linear(1, 1), "nothing", 5) == 5


def test_a_failing_property_names_what_it_missed():
    class Derived(nn.Module):
        @property
        def width(self):
            return self.sise

    with pytest.raises(MissingAttributeError, match="Derived: object has no attribute 'sise'"):
        Derived().width  # noqa: B018


def test_dir_lists_names_that_can_be_typed():
    names = dir(nn.Sequential(Block()))
    assert "forward" in names
    assert "0" not in names
    assert {"linear", "count", "training"} <= set(dir(Block()))


# -- finding ------------------------------------------------------------------------------------------------------------


def test_paths_lead_to_what_they_name():
    net = Net()
    assert net.get_submodule("") is net
    assert net.get_submodule("layers.1.linear") is net.layers[1].linear
    assert net.get_parameter("layers.0.weight") is net.layers[0].weight
    assert net.get_buffer("first.count") is net.first.count
    net.set_submodule("layers.1.linear", nn.Identity())
    assert isinstance(net.layers[1].linear, nn.Identity)


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        ("get_submodule", "layers.2", r"get_submodule\('layers.2'\): Sequential has no submodule '2'; known: 0, 1"),
        ("get_submodule", "layer", r"Net has no submodule 'layer'; did you mean 'layers'\?"),
        (
            "get_parameter",
            "layers.0.wieght",
            r"get_parameter\('layers.0.wieght'\): Linear has none of that name; did you mean 'weight'",
        ),
        ("get_parameter", "first.count", "Block has none of that name"),
        ("get_buffer", "first.counts", r"did you mean 'count'\?"),
    ],
)
def test_a_wrong_path_is_explained(method, path, message):
    with pytest.raises(AttributeError, match=message):
        getattr(Net(), method)(path)


# -- modes and dtypes ---------------------------------------------------------------------------------------------------


def test_train_and_eval_reach_all_modules():
    net = Net()
    assert net.eval() is net
    assert not any(m.training for m in net.modules())
    net.layers.train()
    assert [m.training for m in net.modules()] == [False, False, False, True, True, True, True]
    with pytest.raises(ArgumentError, match="train: mode is 1; use True or False"):
        net.train(1)


def test_apply_visits_children_first():
    seen = []
    net = Net()
    assert net.apply(lambda m: seen.append(type(m).__name__)) is net
    assert seen == ["Linear", "Block", "Linear", "Linear", "Block", "Sequential", "Net"]


def test_requires_grad_freezes():
    net = Net()
    assert net.requires_grad_(False) is net
    assert not any(p.requires_grad for p in net.parameters())
    net.first.requires_grad_()
    assert [n for n, p in net.named_parameters() if p.requires_grad] == ["first.linear.weight", "first.linear.bias"]


def test_zero_grad():
    net = nn.Linear(2, 1)
    net(tg.ones(1, 2)).sum().backward()
    held = net.weight.grad
    net.zero_grad(set_to_none=False)
    assert net.weight.grad is held
    assert held.tolist() == [[0.0, 0.0]]
    net.zero_grad()
    assert net.weight.grad is None


@pytest.mark.parametrize(
    ("convert", "dtype"),
    [
        (lambda m: m.double(), "float64"),
        (lambda m: m.half(), "float16"),
        (lambda m: m.double().float(), "float32"),
        (lambda m: m.to("float64"), None),
        (lambda m: m.to(tg.float64), "float64"),
        (lambda m: m.to("cpu", tg.float64), "float64"),
        (lambda m: m.to(dtype=tg.float16, device="cpu"), "float16"),
        (lambda m: m.to(tg.zeros(1, dtype=tg.float64)), "float64"),
        (lambda m: m.to("cpu"), "float32"),
        (lambda m: m.cpu(), "float32"),
        (lambda m: m.to(device=tg.device("cpu")), "float32"),
    ],
)
def test_conversions(convert, dtype):
    m = Block()
    m.register_buffer("steps", tg.zeros(1, dtype=tg.int64))
    weight = m.linear.weight
    m(tg.ones(1, 3)).sum().backward()
    if dtype is None:
        with pytest.raises(ArgumentError, match="there is no kind 'float64'"):
            convert(m)
        return
    assert convert(m) is m
    assert m.linear.weight is weight
    assert weight.dtype == dtype
    assert weight.grad.dtype == dtype
    assert m.count.dtype == dtype
    assert m.steps.dtype == "int64"
    assert weight.requires_grad


def test_type_converts_everything():
    m = Block()
    m.register_buffer("steps", tg.zeros(1, dtype=tg.int64))
    m.type(tg.float64)
    assert m.steps.dtype == m.linear.weight.dtype == "float64"


def test_conversions_that_cannot_be_are_refused():
    with pytest.raises(UsageError, match="to: a module cannot be converted to int64; use a floating-point dtype"):
        Block().to(tg.int64)
    with pytest.raises(ArgumentError, match="device: 'cuda' is not available; use 'cpu'"):
        Block().cuda()
    with pytest.raises(UsageError, match="to: unexpected arguments"):
        Block().to(dtpye=tg.float64)


def test_a_conversion_that_changes_nothing_keeps_the_memory():
    m = Block()
    held = m.linear.weight.array
    assert m.float().linear.weight.array is held


# -- calls ----------------------------------------------------------------------------------------------------------------


def test_a_failing_layer_is_named_with_its_path():
    net = Net()
    net.layers.append(nn.Linear(5, 2))
    with pytest.raises(ShapeError) as caught:
        net(tg.ones(4, 3))
    assert str(caught.value).startswith("layers.2 (linear): input of shape (4, 3) has 3 features")
    assert "nn.Linear(3, 2) would fit" in str(caught.value)


def test_the_path_goes_through_plain_lists_of_the_model():
    class Listed(nn.Module):
        def __init__(self):
            super().__init__()
            self.stack = nn.ModuleList([nn.ModuleDict({"deep": nn.Linear(2, 2)})])

        def forward(self, x):
            return self.stack[0]["deep"](x)

    outer = nn.Sequential(nn.Identity(), Listed())
    with pytest.raises(ShapeError, match=r"^1\.stack\.0\.deep \(linear\): "):
        outer(tg.ones(1, 3))


def test_a_layer_by_itself_has_no_path():
    with pytest.raises(ShapeError, match=r"^linear: "):
        nn.Linear(2, 2)(tg.ones(1, 3))


def test_an_error_of_the_models_own_code_is_named_by_the_path_of_its_module():
    class Careful(nn.Module):
        def forward(self, x):
            raise ShapeError("careful", "no", "never")

    with pytest.raises(TapegradError, match=r"^0\.1 \(careful\): no; never$"):
        nn.Sequential(nn.Sequential(nn.Identity(), Careful()))(1)


def test_a_module_without_forward_says_so():
    with pytest.raises(MissingMethodError, match=r"^Module: has no forward method; write `def forward"):
        nn.Module()(1)
    with pytest.raises(NotImplementedError):
        nn.ModuleList()(1)


def test_keywords_reach_forward():
    class Keyed(nn.Module):
        def forward(self, x, *, times=1):
            return x * times

    assert Keyed()(2, times=3) == 6


# -- printing and copying -------------------------------------------------------------------------------------------------


def test_models_print_as_in_pytorch():
    class Extra(nn.Module):
        def __init__(self, text):
            super().__init__()
            self.text = text

        def extra_repr(self):
            return self.text

    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.one = Extra("a=1")
            self.two = Extra("a=1\nb=2")
            self.three = nn.Sequential(nn.Identity(), nn.Sequential())

        def extra_repr(self):
            return "outer=True"

    assert repr(nn.Module()) == "Module()"
    assert repr(Outer()) == (
        "Outer(\n"
        "  outer=True\n"
        "  (one): Extra(a=1)\n"
        "  (two): Extra(\n"
        "    a=1\n"
        "    b=2\n"
        "  )\n"
        "  (three): Sequential(\n"
        "    (0): Identity()\n"
        "    (1): Sequential()\n"
        "  )\n"
        ")"
    )


def build(nn):
    """The same model in either framework."""

    class Inner(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(2, 3)
            self.none = None

        def extra_repr(self):
            return "x=1\ny=2"

    inner = Inner()
    inner.register_module("gone", None)
    return nn.Sequential(inner, nn.ModuleList([nn.Linear(1, 1), nn.Linear(1, 1)]), nn.ModuleDict({"k": nn.Flatten()}))


def test_the_layout_is_pytorchs():
    torch = pytest.importorskip("torch")
    assert repr(build(nn)) == repr(build(torch.nn))


@pytest.mark.parametrize("copier", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_whole_and_apart(copier):
    net = nn.Sequential(nn.Linear(2, 2), nn.ModuleDict({"x": nn.Identity()}))
    net.tied = net[0].weight
    net.register_buffer("steps", tg.ones(1))
    net.eval()
    twin = copier(net)
    assert repr(twin) == repr(net)
    assert not twin.training
    assert twin.tied is twin[0].weight
    twin[0].weight.data.fill_(7)
    assert net[0].weight.tolist() != twin[0].weight.tolist()
    for (a, x), (b, y) in zip(net.state_dict().items(), copier(net).state_dict().items(), strict=True):
        assert a == b
        np.testing.assert_array_equal(x.numpy(), y.numpy())


def test_modules_can_be_keys_and_members():
    m = Block()
    assert {m: 1}[m] == 1
    assert m in {m}

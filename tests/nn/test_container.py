"""Containers: what PyTorch's do, and what they print."""

import copy
import pickle
from collections import OrderedDict

import pytest

import tapegrad as tg
from tapegrad import nn
from tapegrad.errors import ArgumentError, IndexRangeError, MissingAttributeError, NamingError, StateError, UsageError


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def layers(nn, n=4):
    return [nn.Linear(i + 1, i + 2) for i in range(n)]


def same(torch, build):
    """The text of what is built in either framework."""
    texts = []
    for module in (tg, torch):
        result = build(module.nn)
        texts.append(repr(result))
    assert texts[0] == texts[1]
    return texts[0]


def named(nn):
    return nn.Sequential(OrderedDict([("a", nn.Linear(1, 2)), ("b", nn.Flatten()), ("c", nn.Linear(2, 3))]))


def changed(container, *changes):
    for change in changes:
        change(container)
    return container


def deletes(index):
    return lambda c: c.__delitem__(index)


def sets(index, module):
    return lambda c: c.__setitem__(index, module)


SEQUENTIAL = {
    "plain": lambda nn: nn.Sequential(*layers(nn)),
    "empty": lambda nn: nn.Sequential(),
    "named": named,
    "slice": lambda nn: nn.Sequential(*layers(nn))[1:3],
    "slice backwards": lambda nn: nn.Sequential(*layers(nn))[::-2],
    "slice of named": lambda nn: named(nn)[1:],
    "index": lambda nn: nn.Sequential(*layers(nn))[-1],
    "append": lambda nn: nn.Sequential(*layers(nn)).append(nn.Flatten()),
    "insert": lambda nn: nn.Sequential(*layers(nn)).insert(1, nn.Flatten()),
    "insert at the end": lambda nn: nn.Sequential(*layers(nn)).insert(4, nn.Flatten()),
    "insert backwards": lambda nn: nn.Sequential(*layers(nn)).insert(-1, nn.Flatten()),
    "extend": lambda nn: nn.Sequential(*layers(nn)).extend([nn.Flatten(), nn.Identity()]),
    "delete": lambda nn: changed(nn.Sequential(*layers(nn)), deletes(1)),
    "delete slice": lambda nn: changed(nn.Sequential(*layers(nn)), deletes(slice(0, 2))),
    "delete named": lambda nn: changed(named(nn), deletes(0)),
    "set": lambda nn: changed(nn.Sequential(*layers(nn)), sets(-2, nn.Flatten())),
    "set named": lambda nn: changed(named(nn), sets(1, nn.Identity())),
    "pop": lambda nn: nn.Sequential(*layers(nn)).pop(1),
    "after pop": lambda nn: changed(nn.Sequential(*layers(nn)), lambda c: c.pop(1)),
    "add": lambda nn: nn.Sequential(*layers(nn)) + named(nn),
    "times": lambda nn: nn.Sequential(*layers(nn, 2)) * 2,
    "times before": lambda nn: 2 * nn.Sequential(*layers(nn, 2)),
    "ModuleList": lambda nn: nn.ModuleList(layers(nn)),
    "ModuleList of equals": lambda nn: nn.ModuleList([nn.Linear(1, 1)] * 3 + [nn.Flatten()] + [nn.Linear(1, 1)] * 2),
    "ModuleList nested": lambda nn: nn.ModuleList([nn.Sequential(nn.Flatten(), nn.Identity())] * 2),
    "ModuleList empty": lambda nn: nn.ModuleList(),
    "ModuleList slice": lambda nn: nn.ModuleList(layers(nn))[1:],
    "ModuleList delete": lambda nn: changed(nn.ModuleList(layers(nn)), deletes(0)),
    "ModuleList delete slice": lambda nn: changed(nn.ModuleList(layers(nn)), deletes(slice(1, 3))),
    "ModuleList insert": lambda nn: changed(nn.ModuleList(layers(nn)), lambda c: c.insert(1, nn.Flatten())),
    "ModuleList set": lambda nn: changed(nn.ModuleList(layers(nn)), sets(-1, nn.Flatten())),
    "ModuleList add": lambda nn: nn.ModuleList(layers(nn)) + [nn.Flatten()],
    "ModuleList extend": lambda nn: nn.ModuleList(layers(nn)).extend(iter([nn.Flatten()])),
    "ModuleList append": lambda nn: nn.ModuleList(layers(nn)).append(nn.Flatten()),
    "ModuleList pop": lambda nn: changed(nn.ModuleList(layers(nn)), lambda c: c.pop(-2)),
    "ModuleDict": lambda nn: nn.ModuleDict({"b": nn.Linear(1, 1), "a": nn.Flatten()}),
    "ModuleDict pairs": lambda nn: nn.ModuleDict([("b", nn.Linear(1, 1)), ("a", nn.Flatten())]),
    "ModuleDict of ModuleDict": lambda nn: nn.ModuleDict(nn.ModuleDict({"b": nn.Linear(1, 1)})),
    "ModuleDict empty": lambda nn: nn.ModuleDict(),
    "ModuleDict pop": lambda nn: changed(nn.ModuleDict({"b": nn.Identity(), "a": nn.Flatten()}), lambda c: c.pop("b")),
    "ModuleDict update": lambda nn: changed(
        nn.ModuleDict({"b": nn.Identity()}), lambda c: c.update({"z": nn.Flatten(), "b": nn.Flatten()})
    ),
    "ModuleDict clear": lambda nn: changed(nn.ModuleDict({"b": nn.Identity()}), lambda c: c.clear()),
}


@pytest.mark.parametrize("build", SEQUENTIAL.values(), ids=SEQUENTIAL)
def test_containers_are_pytorchs(torch, build):
    assert same(torch, build)


def test_sequential_calls_one_after_the_other():
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    x = tg.ones(4, 2)
    assert net(x).tolist() == net[1](net[0](x)).tolist()
    assert [type(m) for m in net] == [nn.Linear, nn.Linear]
    assert net[0] in net
    assert nn.Linear(2, 3) not in net


def test_adding_in_place_keeps_the_container():
    net = held = nn.Sequential(nn.Identity())
    net += nn.Sequential(nn.Flatten())
    net *= 2
    assert net is held
    assert list(net._modules) == ["0", "1", "2", "3"]
    parts = kept = nn.ModuleList()
    parts += [nn.Identity()]
    assert parts is kept
    assert len(parts) == 1


def test_a_subclass_keeps_its_class_when_sliced():
    class Mine(nn.Sequential):
        pass

    assert type(Mine(nn.Identity(), nn.Flatten())[:1]) is Mine


@pytest.mark.parametrize(
    ("use", "kind", "message"),
    [
        (
            lambda: nn.Sequential(3),
            UsageError,
            r"Sequential: 3 is a int, not a module; pass instances such as nn.ReLU\(\)",
        ),
        (lambda: nn.Sequential(nn.Linear), UsageError, "is a class, not a module; pass instances"),
        (lambda: nn.ModuleList([nn.Identity(), 1]), UsageError, "ModuleList: 1 is a int, not a module"),
        (lambda: nn.ModuleList(nn.Identity()), UsageError, "ModuleList.extend: got a Identity; pass a list of modules"),
        (lambda: nn.Sequential(nn.Identity())[1], IndexRangeError, "Sequential: index 1 of 1 modules; use -1 to 0"),
        (lambda: nn.ModuleList([nn.Identity()])[-2], IndexRangeError, "ModuleList: index -2 of 1 modules"),
        (lambda: nn.Sequential(nn.Identity())["a"], UsageError, "Sequential: the index is a str; use an integer"),
        (
            lambda: nn.Sequential().insert(2, nn.Identity()),
            IndexRangeError,
            "cannot insert at 2 of 0 modules; use 0 to 0",
        ),
        (lambda: nn.Sequential() + 3, ArgumentError, r"Sequential \+: the other operand is a int; wrap it"),
        (lambda: nn.Sequential() * 0, ArgumentError, r"Sequential \*: the factor is 0; use 1 or more"),
        (lambda: nn.Sequential() * 1.5, UsageError, r"Sequential \*: the factor is a float; use an integer"),
        (lambda: nn.ModuleDict({"a": 1}), UsageError, "add_module: 'a' is a int"),
        (lambda: nn.ModuleDict({"a.b": nn.Identity()}), NamingError, r"the name 'a.b' is empty or contains '\.'"),
        (lambda: nn.ModuleDict({"keys": nn.Identity()}), NamingError, "attribute 'keys' already exists"),
        (lambda: nn.ModuleDict({1: nn.Identity()}), UsageError, "the name is a int; use a string"),
        (lambda: nn.ModuleDict({"head": nn.Identity()})["haed"], NamingError, "no module 'haed'; did you mean 'head'"),
        (lambda: nn.ModuleDict([1]), UsageError, r"ModuleDict.update: element 0 is 1; pass \(name, value\) pairs"),
        (lambda: nn.ModuleDict(3), UsageError, "ModuleDict.update: got a int; pass a dict"),
        (lambda: nn.ParameterList([1])[1], IndexRangeError, "ParameterList: index 1 of 1 values; use -1 to 0"),
        (lambda: nn.ParameterList(3), UsageError, "ParameterList.extend: got a int; pass a list of parameters"),
        (lambda: nn.ParameterList(tg.ones(2)), UsageError, "ParameterList.extend: got a Tensor"),
        (lambda: nn.ParameterList()(1), StateError, "ParameterList: is a list, not a layer; index it"),
        (lambda: nn.ParameterDict()(1), StateError, "ParameterDict: is a dict, not a layer"),
        (lambda: nn.ParameterDict({1: 2}), UsageError, "ParameterDict: the key 1 is a int; use a string"),
        (lambda: nn.ParameterDict({"gain": 2})["gian"], MissingAttributeError, "no value 'gian'; did you mean 'gain'"),
        (lambda: nn.ParameterDict({"type": tg.ones(1)}), NamingError, "attribute 'type' already exists"),
        (lambda: nn.ParameterDict().popitem(), NamingError, "ParameterDict: is empty"),
    ],
)
def test_misuse_is_explained(use, kind, message):
    with pytest.raises(kind, match=message):
        use()


def test_misuse_raises_what_pytorch_raises():
    with pytest.raises(KeyError):
        nn.ModuleDict()["a"]
    with pytest.raises(IndexError):
        nn.Sequential()[0]
    with pytest.raises(TypeError):
        nn.Sequential(3)


def test_module_dicts_are_dicts():
    d = nn.ModuleDict({"b": nn.Identity(), "a": nn.Flatten()})
    assert list(d) == list(d.keys()) == ["b", "a"]
    assert [name for name, _ in d.items()] == ["b", "a"]
    assert list(d.values()) == [d["b"], d["a"]]
    assert len(d) == 2
    assert "a" in d
    assert "c" not in d
    del d["b"]
    assert list(d) == ["a"]
    with pytest.raises(KeyError):
        del d["b"]


# -- parameters -----------------------------------------------------------------------------------------------------------


def plain(text):
    """PyTorch's names for dtypes and tensors in ours."""
    for theirs, ours in (("torch.FloatTensor", "float32"), ("torch.float32", "float32")):
        text = text.replace(theirs, ours)
    return text


PARAMETERS = {
    "list": lambda m: m.nn.ParameterList([m.ones(2, 3), 3, m.nn.Parameter(m.ones(())), None]),
    "list of one": lambda m: m.nn.ParameterList([m.ones(2, 3)]),
    "list empty": lambda m: m.nn.ParameterList(),
    "list slice": lambda m: m.nn.ParameterList([m.ones(2, 3), 3, m.ones(1)])[1:],
    "list set": lambda m: changed(m.nn.ParameterList([m.ones(2, 3), 3]), sets(-1, m.ones(1))),
    "list append": lambda m: m.nn.ParameterList([3]).append(m.ones(1)),
    "list extend": lambda m: m.nn.ParameterList([3]).extend(m.nn.ParameterList([m.ones(1)])),
    "dict": lambda m: m.nn.ParameterDict({"b": m.ones(2, 3), "a": 3, "c": None}),
    "dict ordered": lambda m: m.nn.ParameterDict(OrderedDict([("b", m.ones(1)), ("a", m.ones(2))])),
    "dict pairs": lambda m: m.nn.ParameterDict([("b", m.ones(1)), ("a", m.ones(2))]),
    "dict empty": lambda m: m.nn.ParameterDict(),
    "dict or": lambda m: m.nn.ParameterDict({"b": m.ones(1), "x": 1}) | {"a": m.ones(2), "x": 2},
    "or dict": lambda m: sorted({"a": 1, "x": 2} | m.nn.ParameterDict({"b": 5, "x": 1})),
    "dict copy": lambda m: m.nn.ParameterDict(OrderedDict([("b", m.ones(1)), ("a", 1)])).copy(),
    "dict fromkeys": lambda m: m.nn.ParameterDict().fromkeys(["b", "a"], 3),
    "dict pop": lambda m: changed(m.nn.ParameterDict({"b": m.ones(1), "a": 1, "c": 2}), lambda c: c.pop("b")),
    "dict popitem": lambda m: m.nn.ParameterDict({"b": m.ones(1), "a": 1}).popitem()[0],
    "dict clear": lambda m: changed(m.nn.ParameterDict({"b": m.ones(1), "a": 1}), lambda c: c.clear()),
    "dict reversed": lambda m: list(reversed(m.nn.ParameterDict({"b": m.ones(1), "a": 1}))),
}


@pytest.mark.parametrize("build", PARAMETERS.values(), ids=PARAMETERS)
def test_parameter_containers_are_pytorchs(torch, build):
    assert repr(build(tg)) == plain(repr(build(torch)))


def test_parameters_in_containers_are_found():
    m = nn.Module()
    m.list = nn.ParameterList([tg.ones(1), 5])
    m.dict = nn.ParameterDict({"x": tg.ones(2)})
    assert [n for n, _ in m.named_parameters()] == ["list.0", "dict.x"]
    assert list(m.state_dict()) == ["list.0", "dict.x"]
    assert isinstance(m.list[0], nn.Parameter)
    assert m.list[1] == 5
    assert [type(v) for v in m.list] == [nn.Parameter, int]
    m.dict.update({"y": 3})
    m.dict |= {"z": 4}
    assert m.dict.get("y") == 3
    assert m.dict.get("none", 7) == 7
    assert m.dict.setdefault("z", 9) == 4
    assert m.dict.setdefault("new") is None
    assert dict(m.dict.items())["x"] is m.dict.x


@pytest.mark.parametrize("copier", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_parameter_containers_can_be_copied(copier):
    m = nn.ModuleList([nn.ParameterList([tg.ones(1), 5]), nn.ParameterDict({"x": tg.ones(2), "y": "text"})])
    twin = copier(m)
    assert repr(twin) == repr(m)
    assert twin[1]["y"] == "text"
    assert twin[0][0] is not m[0][0]

"""States: what is in them, what is loaded, and that nothing is when something does not fit."""

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn
from tapegrad.errors import StateError, UsageError


class Counter(nn.Module):
    """A module with a state beyond tensors."""

    def __init__(self, count=0):
        super().__init__()
        self.count = count
        self.weight = nn.Parameter(tg.zeros(2))

    def get_extra_state(self):
        return {"count": self.count}

    def set_extra_state(self, state):
        self.count = state["count"]


def model():
    net = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 1, bias=False)))
    net.register_buffer("mean", tg.ones(2))
    net.register_buffer("scratch", tg.ones(2), persistent=False)
    return net


def values(net):
    return {k: v.numpy().copy() for k, v in net.state_dict().items()}


def test_names_order_and_metadata_are_pytorchs():
    torch = pytest.importorskip("torch")
    theirs = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Sequential(torch.nn.Linear(3, 1, bias=False)))
    theirs.register_buffer("mean", torch.ones(2))
    theirs.register_buffer("scratch", torch.ones(2), persistent=False)
    assert list(model().state_dict()) == list(theirs.state_dict())
    assert model().state_dict()._metadata == theirs.state_dict()._metadata


def test_tensors_share_memory_and_are_off_the_tape():
    net = model()
    state = net.state_dict()
    assert not any(t.requires_grad for t in state.values())
    state["mean"].fill_(5)
    assert net.mean.tolist() == [5.0, 5.0]
    assert net.state_dict(keep_vars=True)["0.weight"] is net[0].weight


def test_prefix_and_destination():
    held = {}
    out = model().state_dict(destination=held, prefix="net.")
    assert out is held
    assert list(held) == ["net.mean", "net.0.weight", "net.0.bias", "net.1.0.weight"]


def test_a_state_is_copied_in():
    source, target = model(), model()
    weight, memory = target[0].weight, target[0].weight.array
    result = target.load_state_dict(source.state_dict())
    assert str(result) == "<All keys matched successfully>"
    assert target[0].weight is weight
    assert weight.array is memory
    for key, value in values(source).items():
        np.testing.assert_array_equal(values(target)[key], value)
    source[0].weight.data.fill_(9)
    assert weight.tolist() != source[0].weight.tolist()


def test_arrays_and_other_dtypes_are_taken():
    net = nn.Linear(2, 1)
    net.load_state_dict({"weight": np.array([[1.0, 2.0]]), "bias": tg.tensor([3])})
    assert net.weight.tolist() == [[1.0, 2.0]]
    assert net.bias.tolist() == [3.0]
    assert net.weight.dtype == "float32"


def test_assign_puts_the_tensors_themselves_in_place():
    net = nn.Linear(2, 1).requires_grad_(False)
    weight = nn.Parameter(tg.ones(1, 2, dtype=tg.float64))
    bias = tg.ones(1)
    net.load_state_dict({"weight": weight, "bias": bias}, assign=True)
    assert net.weight is weight
    assert isinstance(net.bias, nn.Parameter)
    assert not net.bias.requires_grad
    assert net.bias.array is bias.array


def test_all_that_does_not_fit_is_said_at_once_and_nothing_is_loaded():
    net = model()
    state = net.state_dict()
    before = values(net)
    state = {k: tg.full_like(v, 7) for k, v in state.items()}
    state["0.weight"] = tg.ones(4, 2)
    del state["1.0.weight"]
    state["2.weight"] = tg.ones(1)
    with pytest.raises(RuntimeError) as caught:
        net.load_state_dict(state)
    assert isinstance(caught.value, StateError)
    assert str(caught.value) == (
        "load_state_dict: Error(s) in loading state_dict for Sequential:\n"
        '\tMissing key(s) in state_dict: "1.0.weight".\n'
        '\tUnexpected key(s) in state_dict: "2.weight".\n'
        "\tsize mismatch for 0.weight: copying a param with shape [4, 2] from checkpoint, "
        "the shape in current model is [3, 2].\n"
        "\tNothing was loaded; build the model with the checkpoint's sizes"
    )
    for key, value in values(net).items():
        np.testing.assert_array_equal(value, before[key])


def test_keys_are_the_ones_that_pytorch_misses():
    torch = pytest.importorskip("torch")
    state = {"weight": 1, "0.weight": 1, "0.other": 1, "1.0.weight": 1, "1.0.bias": 1, "9": 1, "scratch": 1}

    def result(module, net, make):
        shapes = {k: tuple(v.shape) for k, v in net.state_dict().items()}
        given = {k: make(shapes.get(k, (1,))) for k in state}
        found = net.load_state_dict(given, strict=False)
        return found.missing_keys, found.unexpected_keys

    theirs = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Sequential(torch.nn.Linear(3, 1, bias=False)))
    theirs.register_buffer("mean", torch.ones(2))
    theirs.register_buffer("scratch", torch.ones(2), persistent=False)
    ours = result(tg, model(), lambda s: tg.ones(*s))
    reference = result(torch, theirs, lambda s: torch.ones(*s))
    assert ours[0] == reference[0]
    assert set(ours[1]) == set(reference[1])


def test_not_strict_loads_what_matches_and_says_the_rest():
    net = model()
    missing, unexpected = net.load_state_dict({"0.bias": tg.ones(3), "other": tg.ones(1)}, strict=False)
    assert missing == ["mean", "0.weight", "1.0.weight"]
    assert unexpected == ["other"]
    assert net[0].bias.tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(StateError, match=r"size mismatch for 0.bias"):
        net.load_state_dict({"0.bias": tg.ones(4)}, strict=False)


def test_a_prefix_too_many_is_recognised():
    net = nn.Linear(2, 1)
    wrapped = {f"module.{k}": v for k, v in net.state_dict().items()}
    with pytest.raises(StateError, match=r"; take 'module\.' off the beginning of the state's keys$"):
        net.load_state_dict(wrapped)
    outer = nn.Module()
    outer.net = net
    with pytest.raises(StateError, match=r"; put 'net\.' before the state's keys$"):
        outer.load_state_dict(net.state_dict())
    with pytest.raises(StateError, match=r"; pass strict=False to load the keys that match$"):
        net.load_state_dict({"weight": net.weight})


def test_what_is_no_state_is_refused():
    with pytest.raises(
        UsageError, match=r"load_state_dict: expected a dict of tensors, got list; pass model.state_dict"
    ):
        model().load_state_dict([])
    with pytest.raises(StateError, match='parameter named "bias", expected a tensor but received str'):
        nn.Linear(1, 1).load_state_dict({"weight": tg.ones(1, 1), "bias": "x"})


def test_loading_makes_older_graphs_stale():
    net = nn.Linear(1, 1)
    x = tg.ones(1, 1, requires_grad=True)
    loss = net(x).sum()
    net.load_state_dict(net.state_dict())
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_extra_state_travels_along():
    net, other = nn.Sequential(Counter(5)), nn.Sequential(Counter())
    state = net.state_dict()
    assert state["0._extra_state"] == {"count": 5}
    other.load_state_dict(state)
    assert other[0].count == 5
    del state["0._extra_state"]
    with pytest.raises(StateError, match=r'Missing key\(s\) in state_dict: "0._extra_state"'):
        other.load_state_dict(state)
    with pytest.raises(StateError, match=r'Unexpected key\(s\) in state_dict: "_extra_state"'):
        nn.Linear(1, 1, bias=False).load_state_dict({"weight": tg.ones(1, 1), "_extra_state": 1})


def test_extra_state_is_not_set_when_something_else_does_not_fit():
    other = Counter(1)
    with pytest.raises(StateError):
        other.load_state_dict({"_extra_state": {"count": 9}, "weight": tg.ones(3)})
    assert other.count == 1


def test_a_module_may_load_its_own_way():
    """As layers do whose state has changed its form: the parent's version tells."""

    class Renamed(nn.Module):
        _version = 2

        def __init__(self):
            super().__init__()
            self.gain = nn.Parameter(tg.zeros(1))

        def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest):
            if local_metadata.get("version", 1) < 2:
                state_dict[prefix + "gain"] = state_dict.pop(prefix + "weight")
            super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

    old = {"0.weight": tg.ones(1)}
    net = nn.Sequential(Renamed())
    net.load_state_dict(old)
    assert net[0].gain.tolist() == [1.0]
    assert list(old) == ["0.weight"]
    net.load_state_dict(net.state_dict())


def test_state_hooks():
    net = nn.Linear(1, 1)
    calls = []
    handles = [
        net.register_state_dict_pre_hook(lambda m, prefix, keep: calls.append(("pre", prefix, keep))),
        net.register_state_dict_post_hook(lambda m, state, prefix, meta: calls.append(("post", sorted(state), meta))),
    ]
    net.state_dict(prefix="p.")
    assert calls == [("pre", "p.", False), ("post", ["p.bias", "p.weight"], {"version": 1})]
    for handle in handles:
        handle.remove()
    net.state_dict()
    assert len(calls) == 2


def test_a_post_hook_may_replace_the_state():
    net = nn.Linear(1, 1)
    with net._register_state_dict_hook(lambda m, state, prefix, meta: {"only": 1}):
        assert net.state_dict() == {"only": 1}
    assert sorted(net.state_dict()) == ["bias", "weight"]


def test_a_pre_hook_may_rename_and_a_post_hook_may_forgive():
    net = nn.Sequential(nn.Linear(1, 1))

    def rename(module, state, prefix, *rest):
        state[prefix + "weight"] = state.pop(prefix + "w")

    def forgive(module, keys):
        keys.missing_keys.clear()

    net[0].register_load_state_dict_pre_hook(rename)
    net[0].register_load_state_dict_post_hook(forgive)
    result = net.load_state_dict({"0.w": tg.full((1, 1), 3.0)})
    assert result.missing_keys == []
    assert net[0].weight.item() == 3.0


def test_a_post_hook_must_not_return():
    net = nn.Linear(1, 1)
    net.register_load_state_dict_post_hook(lambda m, keys: keys)
    with pytest.raises(UsageError, match="a post-hook returned something; change the lists in place"):
        net.load_state_dict(net.state_dict())

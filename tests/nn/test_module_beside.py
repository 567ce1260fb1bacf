"""What Module's methods do, beside PyTorch's: the same actions on both, results and kinds of errors."""

import copy
import pickle
import warnings
from collections import OrderedDict

import numpy as np
import pytest

import tapegrad as tg

torch = pytest.importorskip("torch")
LIBRARIES = (tg, torch)


@pytest.fixture(autouse=True)
def quiet():
    """PyTorch's deprecation warnings are its own affair."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def plain(value):
    """A result as numbers, names and texts that do not say which library they are of."""
    if isinstance(value, LIBRARIES[0].Tensor | torch.Tensor):
        return ("tensor", str(value.dtype).removeprefix("torch."), value.detach().tolist())
    if isinstance(value, dict):
        return {key: plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (tg.nn.Module, torch.nn.Module)):
        return repr(value).replace("tapegrad", "torch")
    return value


def network(lib):
    """Two layers with parameters of whole numbers, a buffer of each kind, and a shared layer."""

    class Net(lib.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = lib.nn.Linear(2, 3)
            self.again = self.first
            self.layers = lib.nn.Sequential(lib.nn.Linear(3, 2, bias=False), lib.nn.ReLU())
            self.register_buffer("seen", lib.zeros(2))
            self.register_buffer("passing", lib.ones(1), persistent=False)
            self.register_parameter("nothing", None)
            self.gain = lib.nn.Parameter(lib.ones(1))
            with lib.no_grad():
                for p in self.parameters():
                    p.copy_(lib.arange(p.numel()).reshape(p.shape).float())

        def forward(self, x, factor=1.0):
            return self.layers(self.first(x)) * self.gain * factor

    return Net()


def run(lib, act):
    """What an action gives, or the error it raises."""
    try:
        return plain(act(lib, network(lib)))
    except Exception as error:
        return error


def x(lib):
    return lib.tensor([[1.0, -2.0]], requires_grad=True)


def with_hook(register, hook):
    """Run the network forward and backward with a hook; say how often it ran and what came of it."""

    def act(lib, net):
        calls = []

        def counted(*args, **kwargs):
            calls.append(len(args))
            return hook(lib, *args, **kwargs)

        handle = register(net, counted)
        given = x(lib)
        out = net(given)
        out.sum().backward()
        handle.remove()
        net(x(lib)).sum().backward()
        return calls, out, given.grad, net.first.weight.grad

    return act


def in_turn(lib, net):
    said = []
    for name in ("first", "layers"):
        layer = getattr(net, name)
        layer.register_forward_pre_hook(lambda m, a, name=name: said.append(f"before {name}"))
        layer.register_forward_hook(lambda m, a, o, name=name: said.append(f"after {name}"))
        layer.register_forward_hook(lambda m, a, o, name=name: said.append(f"early after {name}"), prepend=True)
    net(x(lib))
    return said


def always(lib, net):
    said = []
    net.register_forward_hook(lambda m, a, o: said.append("not called"))
    net.register_forward_hook(lambda m, a, o: said.append(o), always_call=True)
    try:
        net(lib.ones(1, 5))
    except RuntimeError:
        said.append("failed")
    return said


def global_hooks(lib, net):
    said = []
    where = lib.nn.modules.module
    handles = [
        where.register_module_forward_pre_hook(lambda m, a: said.append(f"before {type(m).__name__}")),
        where.register_module_forward_hook(lambda m, a, o: said.append(f"after {type(m).__name__}")),
        where.register_module_forward_hook(lambda m, a, k, o: said.append(sorted(k)), with_kwargs=True),
        where.register_module_full_backward_pre_hook(lambda m, g: said.append(("pre", type(m).__name__))),
        where.register_module_full_backward_hook(lambda m, i, o: said.append((type(m).__name__, plain(i), plain(o)))),
    ]
    net.first.register_forward_pre_hook(lambda m, a: said.append("own"))
    net(x(lib), factor=2.0).sum().backward()
    for handle in handles:
        handle.remove()
    count = len(said)
    net.layers(lib.ones(1, 3))
    return said, len(said) - count


def changing_global_hook(lib, net):
    with lib.nn.modules.module.register_module_forward_hook(lambda m, a, o: o + 1):
        return net(x(lib)), lib.nn.ReLU()(lib.zeros(1))


def registrations(lib, net):
    said = []
    where = lib.nn.modules.module
    handles = [
        getattr(where, f"register_module_{kind}_registration_hook")(
            lambda m, name, v, kind=kind: said.append((kind, name))
        )
        for kind in ("parameter", "buffer", "module")
    ]
    lib.nn.BatchNorm1d(2)
    net.extra = lib.nn.ReLU()
    net.seen = lib.ones(2)
    net.add_module("more", None)
    for handle in handles:
        handle.remove()
    net.other = lib.nn.ReLU()
    return said


def replaced(lib, net):
    where = lib.nn.modules.module
    with where.register_module_module_registration_hook(lambda m, name, v: lib.nn.Identity()):
        net.extra = lib.nn.ReLU()
    return net


def extra_state(lib, net):
    class Counted(lib.nn.Module):
        count = 3

        def get_extra_state(self):
            return {"count": self.count}

        def set_extra_state(self, state):
            self.count = state["count"]

    net.counted = Counted()
    state = net.state_dict()
    twin = network(lib)
    twin.counted = Counted()
    twin.counted.count = 5
    result = twin.load_state_dict(state)
    return list(state), twin.counted.count, repr(result)


def state_hooks(lib, net):
    said = []
    net.register_state_dict_pre_hook(lambda m, prefix, keep: said.append(("pre", prefix, keep)))
    net.layers.register_state_dict_post_hook(
        lambda m, s, prefix, meta: said.append(("post", prefix, len(s), dict(meta)))
    )
    net.first.register_load_state_dict_pre_hook(
        lambda m, s, prefix, *rest: said.append(("load", prefix, type(m).__name__))
    )
    net.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
    state = net.state_dict(prefix="net.")
    own = net.state_dict()
    own.pop("gain")
    result = net.load_state_dict(own)
    return said, list(state), dict(own._metadata), repr(result)


def members(lib, net):
    return [
        [n for n, _ in net.named_parameters()],
        [n for n, _ in net.named_parameters("a", recurse=False)],
        [n for n, _ in net.named_parameters(remove_duplicate=False)],
        [n for n, _ in net.named_buffers()],
        [n for n, _ in net.named_modules()],
        [n for n, _ in net.named_modules(prefix="a", remove_duplicate=False)],
        [n for n, _ in net.named_children()],
        [type(m).__name__ for m in net.modules()],
        len(list(net.buffers(recurse=False))),
        sorted(n for n in dir(net) if n in ("first", "seen", "gain", "nothing", "0")),
    ]


def assigned(lib, net):
    state = OrderedDict((k, v + 1) for k, v in net.state_dict().items())
    held = net.gain
    net.load_state_dict(state, assign=True)
    return net.gain is held, net.gain is state["gain"], net.gain.requires_grad, net.gain, net.seen is state["seen"]


def super_init(lib, net):
    class Mixin:
        def __init__(self, value):
            self.value = value

    class Both(lib.nn.Module, Mixin):
        call_super_init = True

    return Both(value=3).value


def old_number(lib, net):
    class Old(lib.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("n", lib.tensor(0.0))

    m = Old()
    m.load_state_dict({"n": lib.tensor([4.0])})
    return m.n


ACTIONS = {
    "members": members,
    "casts": lambda lib, n: [p.dtype == lib.float64 for p in n.double().parameters()],
    "half": lambda lib, n: n.half().gain,
    "type": lambda lib, n: n.type(lib.float64).seen,
    "type by name": lambda lib, n: n.type("torch.DoubleTensor").seen,
    "to_empty": lambda lib, n: (n.to_empty(device="cpu") is n, [tuple(p.shape) for p in n.parameters()]),
    "to_empty without a device": lambda lib, n: n.to_empty(),
    "to_empty elsewhere": lambda lib, n: n.to_empty(device="cuda"),
    "cuda": lambda lib, n: n.cuda(),
    "cuda by name": lambda lib, n: n.cuda("cuda:0"),
    "to cuda": lambda lib, n: n.to("cuda"),
    "to a number": lambda lib, n: n.to(3),
    "to an integer dtype": lambda lib, n: n.to(lib.int32),
    "to no device": lambda lib, n: n.to("float64"),
    "xpu": lambda lib, n: n.xpu(),
    "ipu": lambda lib, n: n.ipu(),
    "mtia": lambda lib, n: n.mtia(),
    "cpu": lambda lib, n: n.cpu() is n,
    "share_memory": lambda lib, n: n.share_memory() is n,
    "frozen": lambda lib, n: [p.requires_grad for p in n.requires_grad_(False).parameters()],
    "train": lambda lib, n: (n.eval().training, n.layers.training, n.train().layers[1].training),
    "train by word": lambda lib, n: n.train("yes"),
    "names": lambda lib, n: (n.dump_patches, n.call_super_init, n._version, n.T_destination.__name__),
    "arguments": lambda lib, n: lib.nn.Module(3),
    "named arguments": lambda lib, n: lib.nn.Module(a=3),
    "super_init": super_init,
    "no forward": lambda lib, n: lib.nn.Module()(3),
    "positional state": lambda lib, n: list(n.state_dict(OrderedDict(), "a.", True)),
    "state of variables": lambda lib, n: n.state_dict(keep_vars=True)["gain"] is n.gain,
    "destination": lambda lib, n: list(n.state_dict(destination={"there": 1}, prefix="a.")),
    "extra state": extra_state,
    "no extra state": lambda lib, n: n.get_extra_state(),
    "no place for extra state": lambda lib, n: n.set_extra_state(1),
    "state hooks": state_hooks,
    "state hook that returns": lambda lib, n: (n.register_state_dict_post_hook(lambda *a: {}), n.state_dict()),
    "old state hook that returns": lambda lib, n: (
        n._register_state_dict_hook(lambda m, s, p, meta: OrderedDict(only=1)),
        n.state_dict(),
    )[1],
    "missing key": lambda lib, n: n.load_state_dict({}),
    "missing keys allowed": lambda lib, n: [sorted(k) for k in n.load_state_dict({"b": 1}, strict=False)],
    "unexpected key": lambda lib, n: n.load_state_dict({**n.state_dict(), "b": lib.ones(1)}),
    "another shape": lambda lib, n: n.load_state_dict({**n.state_dict(), "gain": lib.ones(2)}),
    "no tensor": lambda lib, n: n.load_state_dict({**n.state_dict(), "gain": 3}),
    "no state": lambda lib, n: n.load_state_dict([1]),
    "assigned": assigned,
    "old number": old_number,
    "get_submodule": lambda lib, n: n.get_submodule("layers.0"),
    "get_submodule of itself": lambda lib, n: n.get_submodule("") is n,
    "no submodule": lambda lib, n: n.get_submodule("layers.7"),
    "parameter as submodule": lambda lib, n: n.get_submodule("gain"),
    "get_parameter": lambda lib, n: n.get_parameter("layers.0.weight"),
    "no parameter": lambda lib, n: n.get_parameter("layers.0.wait"),
    "buffer as parameter": lambda lib, n: n.get_parameter("seen"),
    "get_buffer": lambda lib, n: n.get_buffer("seen"),
    "parameter as buffer": lambda lib, n: n.get_buffer("gain"),
    "set_submodule": lambda lib, n: (n.set_submodule("layers.0", lib.nn.Identity()), n)[1],
    "new submodule": lambda lib, n: (n.set_submodule("layers.more", lib.nn.Identity()), n)[1],
    "new submodule, strictly": lambda lib, n: n.set_submodule("layers.more", lib.nn.Identity(), strict=True),
    "submodule at a parameter": lambda lib, n: n.set_submodule("gain", lib.nn.Identity()),
    "submodule at nothing": lambda lib, n: n.set_submodule("", lib.nn.Identity()),
    "submodule that is none": lambda lib, n: n.set_submodule("layers", 3),
    "submodule nowhere": lambda lib, n: n.set_submodule("a.b", lib.nn.Identity()),
    "register_module": lambda lib, n: (n.register_module("more", lib.nn.Identity()), n)[1],
    "register what is none": lambda lib, n: n.register_module("more", 3),
    "register under a number": lambda lib, n: n.register_module(3, lib.nn.Identity()),
    "register with a dot": lambda lib, n: n.register_buffer("a.b", lib.ones(1)),
    "register under a taken name": lambda lib, n: n.register_buffer("forward", lib.ones(1)),
    "register a buffer that is none": lambda lib, n: n.register_buffer("b", 3),
    "register a parameter that is none": lambda lib, n: n.register_parameter("p", lib.ones(1)),
    "register a result": lambda lib, n: n.register_parameter("p", lib.nn.Parameter(lib.ones(1)) * 2),
    "number for a parameter": lambda lib, n: setattr(n, "gain", 3),
    "number for a module": lambda lib, n: setattr(n, "first", 3),
    "number for a buffer": lambda lib, n: setattr(n, "seen", 3),
    "parameter before init": lambda lib, n: setattr(object.__new__(type(n)), "p", lib.nn.Parameter(lib.ones(1))),
    "no attribute": lambda lib, n: n.absent,
    "deleted": lambda lib, n: (delattr(n, "gain"), delattr(n, "seen"), delattr(n, "layers"), n)[-1],
    "deleted twice": lambda lib, n: (delattr(n, "gain"), delattr(n, "gain")),
    "copied": lambda lib, n: copy.deepcopy(n).state_dict(),
    "pickled": lambda lib, n: pickle.loads(pickle.dumps(n.layers)).state_dict(),
    "applied": lambda lib, n: (said := [], n.apply(lambda m: said.append(type(m).__name__)))[0],
    "gradients kept": lambda lib, n: (n(x(lib)).sum().backward(), n.zero_grad(set_to_none=False), n.gain.grad)[-1],
    "gradients forgotten": lambda lib, n: (n(x(lib)).sum().backward(), n.zero_grad(), n.gain.grad)[-1],
    "hooks in turn": in_turn,
    "hooks called always": always,
    "pre-hook": with_hook(lambda n, h: n.register_forward_pre_hook(h), lambda lib, m, a: (a[0] * 2,)),
    "pre-hook, one value": with_hook(lambda n, h: n.register_forward_pre_hook(h), lambda lib, m, a: a[0] * 2),
    "pre-hook with names": with_hook(
        lambda n, h: n.register_forward_pre_hook(h, with_kwargs=True), lambda lib, m, a, k: (a, {"factor": 3.0})
    ),
    "pre-hook with names, wrong": with_hook(
        lambda n, h: n.register_forward_pre_hook(h, with_kwargs=True), lambda lib, m, a, k: a
    ),
    "hook": with_hook(lambda n, h: n.register_forward_hook(h), lambda lib, m, a, o: o * 2),
    "hook with names": with_hook(
        lambda n, h: n.register_forward_hook(h, with_kwargs=True), lambda lib, m, a, k, o: o * 2
    ),
    "backward hook": with_hook(lambda n, h: n.register_full_backward_hook(h), lambda lib, m, i, o: (i[0] * 2,)),
    "backward hook below": with_hook(
        lambda n, h: n.first.register_full_backward_hook(h), lambda lib, m, i, o: (i[0] + o[0].sum(),)
    ),
    "backward pre-hook": with_hook(lambda n, h: n.register_full_backward_pre_hook(h), lambda lib, m, o: (o[0] * 2,)),
    "too many gradients": with_hook(lambda n, h: n.register_full_backward_hook(h), lambda lib, m, i, o: (i[0],) * 2),
    "both kinds of hooks": lambda lib, n: (
        n.register_backward_hook(lambda *a: None),
        n.register_full_backward_hook(lambda *a: None),
    ),
    "both kinds the other way": lambda lib, n: (
        n.register_full_backward_hook(lambda *a: None),
        n.register_backward_hook(lambda *a: None),
    ),
    "global hooks": global_hooks,
    "global hook that changes": changing_global_hook,
    "registrations": registrations,
    "registration that replaces": replaced,
    "the call's other names": lambda lib, n: (n._call_impl(x(lib)), n._wrapped_call_impl(x(lib))),
    "printed": lambda lib, n: n,
    "extra_repr": lambda lib, n: (n.extra_repr(), n.first.extra_repr(), n._get_name()),
}


@pytest.mark.parametrize("act", ACTIONS.values(), ids=ACTIONS)
def test_both_do_the_same(act):
    got, want = run(tg, act), run(torch, act)
    if isinstance(want, Exception):
        assert isinstance(got, type(want)), (got, want)
    else:
        assert not isinstance(got, Exception), got
        assert got == want


def test_global_backward_hooks_of_one_kind_only():
    for lib in LIBRARIES:
        where = lib.nn.modules.module
        with where.register_module_backward_hook(lambda *a: None), pytest.raises(RuntimeError):
            where.register_module_full_backward_hook(lambda *a: None)
        torch.nn.modules.module._global_is_full_backward_hook = None


def test_compile_changes_the_module_itself():
    net = network(tg)
    x0 = tg.ones(4, 2)
    tg.nn.init.ones_(net.gain)
    want = net(x0).detach().numpy()
    assert net.compile() is None
    assert type(net).__name__ == "Net"
    with tg.no_grad():
        for _ in range(3):
            np.testing.assert_allclose(net(x0).numpy(), want)
        assert net.compiled.programs == 1
        net.gain.fill_(2.0)
        np.testing.assert_allclose(net(x0).numpy(), 2 * want)
    copied = pickle.loads(pickle.dumps(compiled_layer()))
    np.testing.assert_array_equal(copied.weight.detach().numpy(), np.ones((1, 1)))


def compiled_layer():
    layer = tg.nn.Linear(1, 1)
    tg.nn.init.ones_(layer.weight)
    layer.compile()
    return layer


def test_bfloat16_is_refused_with_what_to_use():
    with pytest.raises(RuntimeError, match="bfloat16: NumPy has no such dtype"):
        network(tg).bfloat16()


def test_an_older_pickle_gets_what_it_lacks():
    layer = tg.nn.Linear(1, 1)
    fields = {k: v for k, v in vars(layer).items() if "hook" not in k}
    twin = object.__new__(tg.nn.Linear)
    twin.__setstate__(fields)
    assert twin(tg.ones(1, 1)).shape == (1, 1)
    twin.register_full_backward_hook(lambda *a: None)

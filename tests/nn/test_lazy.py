"""Lazy modules, beside PyTorch's: before the first call, after it, states, casts, copies, errors."""

import copy
import pickle

import numpy as np
import pytest

import tapegrad as tg

torch = pytest.importorskip("torch")

# Arguments after the first ones, and the shape of an input.
LAYERS = {
    "LazyLinear": ((3,), (2, 5)),
    "LazyConv1d": ((4, 3), (2, 6, 8)),
    "LazyConv2d": ((4, 3), (2, 6, 8, 8)),
    "LazyConv3d": ((4, 2), (2, 6, 4, 4, 4)),
    "LazyConvTranspose1d": ((4, 3), (2, 6, 8)),
    "LazyConvTranspose2d": ((4, 3), (6, 4, 4)),
    "LazyConvTranspose3d": ((4, 2), (2, 6, 3, 3, 3)),
    **{f"Lazy{kind}Norm{n}d": ((), (2, 6, *[3] * n)) for kind in ("Batch", "Instance") for n in (1, 2, 3)},
}
OPTIONS = [(name, {}) for name in LAYERS]
OPTIONS += [(name, {"bias": False}) for name in LAYERS]
OPTIONS += [(name, {"dtype": "float64"}) for name in LAYERS]
OPTIONS += [(name, {"affine": False}) for name in LAYERS if "Norm" in name]
OPTIONS += [(name, {"track_running_stats": False}) for name in LAYERS if "Norm" in name]
OPTIONS += [(name, {"groups": 2, "padding": 1, "stride": 2}) for name in LAYERS if "Conv" in name]


def make(lib, name, options):
    given = {k: getattr(lib, v) if k == "dtype" else v for k, v in options.items()}
    return getattr(lib.nn, name)(*LAYERS[name][0], **given)


def both(name, options):
    return make(tg, name, options), make(torch, name, options)


def example(lib, name, dtype="float32"):
    values = np.random.default_rng(0).standard_normal(LAYERS[name][1]).astype(dtype)
    return lib.tensor(values)


def names(module):
    return [n for n, _ in module.named_parameters()], [n for n, _ in module.named_buffers()], list(module.state_dict())


@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_before_and_after_the_first_call(name, options):
    tg.manual_seed(0)
    torch.manual_seed(0)
    ours, other = both(name, options)
    assert names(ours) == names(other)
    assert repr(ours) == repr(other)
    assert ours.has_uninitialized_params() == other.has_uninitialized_params()
    ours.reset_parameters()
    dtype = options.get("dtype", "float32")
    out, want = ours(example(tg, name, dtype)), other(example(torch, name, dtype))
    assert type(ours) is getattr(tg.nn, name.removeprefix("Lazy"))
    assert repr(ours) == repr(other)
    assert tuple(out.shape) == tuple(want.shape)
    assert not ours._forward_pre_hooks
    assert names(ours) == names(other)
    for (key, a), b in zip(ours.state_dict().items(), other.state_dict().values(), strict=True):
        assert (key, tuple(a.shape), str(a.dtype)) == (key, tuple(b.shape), str(b.dtype).removeprefix("torch."))
    for (_, p), q in zip(ours.named_parameters(), other.parameters(), strict=True):
        assert type(p) is tg.nn.Parameter
        assert p.requires_grad == q.requires_grad
        # The same rule of beginning: bounds near each other for many draws, equal values else.
        if p.numel() > 12:
            np.testing.assert_allclose(p.abs().max().item(), q.abs().max().item(), rtol=0.2)
    for _, buffer in ours.named_buffers():
        assert type(buffer) is tg.Tensor


@pytest.mark.parametrize("name", LAYERS)
def test_a_state_makes_the_parameters(name):
    full, _ = both(name, {})
    full(example(tg, name))
    layer, _ = both(name, {})
    layer.load_state_dict(full.state_dict())
    assert not layer.has_uninitialized_params()
    np.testing.assert_array_equal(
        layer.eval()(example(tg, name)).detach().numpy(), full.eval()(example(tg, name)).detach().numpy()
    )


def test_a_loaded_linear_keeps_its_weight():
    for lib in (tg, torch):
        full = lib.nn.Linear(5, 3)
        layer = lib.nn.LazyLinear(3)
        layer.load_state_dict(full.state_dict())
        assert type(layer) is lib.nn.LazyLinear
        layer(lib.zeros(2, 5))
        assert type(layer) is lib.nn.Linear
        assert layer.in_features == 5
        assert (layer.weight == full.weight).all()


def test_states_of_lazy_modules():
    for lib in (tg, torch):
        layer, twin = lib.nn.LazyLinear(3), lib.nn.LazyLinear(3)
        state = layer.state_dict()
        assert type(state["weight"]) is lib.nn.UninitializedParameter
        twin.load_state_dict(state)
        assert twin.has_uninitialized_params()
        with pytest.raises(RuntimeError):
            lib.nn.Linear(5, 3).load_state_dict(state)


def test_casts_are_kept():
    for lib in (tg, torch):
        model = lib.nn.Sequential(lib.nn.LazyLinear(3), lib.nn.LazyBatchNorm1d()).double().to("cpu")
        assert model[0].weight.dtype == lib.float64
        out = model(lib.zeros(2, 4, dtype=lib.float64))
        assert (out.dtype, model[0].weight.dtype) == (lib.float64, lib.float64)
        assert (model[1].running_mean.dtype, model[1].num_batches_tracked.dtype) == (lib.float64, lib.int64)


def test_copies_and_pickles():
    for lib in (tg, torch):
        layer = lib.nn.LazyLinear(3)
        for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
            assert twin.has_uninitialized_params()
            assert twin(lib.zeros(1, 7)).shape == (1, 3)
            assert type(twin) is lib.nn.Linear
        assert layer.has_uninitialized_params()


def test_a_network_learns_its_sizes_and_trains():
    model = tg.nn.Sequential(
        tg.nn.LazyConv2d(4, 3), tg.nn.LazyBatchNorm2d(), tg.nn.ReLU(), tg.nn.Flatten(), tg.nn.LazyLinear(2)
    )
    x = tg.ones(2, 3, 6, 6)
    model(x)
    assert repr(model).startswith("Sequential(\n  (0): Conv2d(3, 4")
    assert model[-1].in_features == 64
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)
    model(x).sum().backward()
    optimizer.step()
    program = tg.compile(tg.no_grad()(model.eval().forward))
    for _ in range(3):
        np.testing.assert_allclose(program(x).numpy(), model(x).detach().numpy(), rtol=1e-5)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop"])
def test_an_optimizer_may_be_made_before_the_sizes_are_known(name):
    for lib in (tg, torch):
        layer = lib.nn.LazyLinear(3)
        optimizer = getattr(lib.optim, name)(layer.parameters(), lr=0.1)
        layer(lib.ones(1, 2)).sum().backward()
        before = layer.weight.detach().clone()
        optimizer.step()
        assert (layer.weight != before).all()


def test_a_lazy_module_of_ones_own():
    def layer(lib):
        class Scale(lib.nn.modules.lazy.LazyModuleMixin, lib.nn.Module):
            def __init__(self):
                super().__init__()
                self.gain = lib.nn.UninitializedParameter()

            def initialize_parameters(self, x, *, factor):
                if self.has_uninitialized_params():
                    with lib.no_grad():
                        self.gain.materialize((x.shape[-1],))
                        self.gain.fill_(factor)

            def forward(self, x, *, factor):
                return x * self.gain

        return Scale()

    for lib in (tg, torch):
        module = layer(lib)
        assert module(lib.ones(3), factor=2.0).tolist() == [2.0, 2.0, 2.0]
        assert type(module).__name__ == "Scale"
        assert module(lib.ones(3), factor=5.0).tolist() == [2.0, 2.0, 2.0]


def test_what_has_no_shape_has_a_dtype():
    for lib in (tg, torch):
        weight = lib.nn.UninitializedParameter(requires_grad=False, dtype=lib.float64)
        assert (weight.dtype, weight.requires_grad, weight.is_leaf) == (lib.float64, False, True)
        assert (weight.is_floating_point(), weight.is_complex(), weight.grad) == (True, False, None)
        assert repr(weight) == "<UninitializedParameter>"
        assert lib.nn.parameter.is_lazy(weight)
        weight.requires_grad = True
        weight.materialize((2, 3), dtype=lib.float32)
        assert (weight.shape, weight.dtype, weight.requires_grad) == ((2, 3), lib.float32, True)
        assert type(weight) is lib.nn.Parameter
        buffer = lib.nn.UninitializedBuffer()
        module = lib.nn.Module()
        module.register_buffer("b", buffer)
        buffer.materialize((2,))
        assert type(buffer) is lib.Tensor
        assert not buffer.requires_grad


def unfinished(lib):
    class Unfinished(lib.nn.modules.lazy.LazyModuleMixin, lib.nn.Linear):
        def __init__(self):
            super().__init__(1, 1)
            self.weight = lib.nn.UninitializedParameter()

        def initialize_parameters(self, x):
            pass

    return Unfinished()


FAILURES = {
    "shape": lambda lib: lib.nn.LazyLinear(3).weight.shape,
    "sum": lambda lib: lib.nn.LazyLinear(3).weight.sum(),
    "add": lambda lib: lib.nn.LazyLinear(3).weight + 1,
    "matmul": lambda lib: lib.ones(2, 2) @ lib.nn.LazyLinear(3).weight,
    "numel": lambda lib: lib.nn.LazyLinear(3).weight.numel(),
    "initialised": lambda lib: lib.nn.init.normal_(lib.nn.LazyLinear(3).weight),
    "shared": lambda lib: lib.nn.LazyLinear(3).weight.share_memory_(),
    "forward": lambda lib: lib.nn.LazyLinear(3).forward(lib.ones(2, 2)),
    "dimensions": lambda lib: lib.nn.LazyConv2d(3, 3)(lib.ones(2, 2)),
    "dimensions for norm": lambda lib: lib.nn.LazyBatchNorm2d()(lib.ones(2, 2)),
    "groups": lambda lib: lib.nn.LazyConv2d(4, 3, groups=2)(lib.ones(1, 3, 5, 5)),
    "unfinished": lambda lib: unfinished(lib)(lib.ones(1, 1)),
    "loaded weight that does not fit": lambda lib: (
        layer := lib.nn.LazyLinear(3),
        layer.load_state_dict(lib.nn.Linear(5, 3).state_dict()),
        layer(lib.ones(1, 4)),
    ),
}


@pytest.mark.parametrize("fails", FAILURES.values(), ids=FAILURES)
def test_errors_are_of_pytorchs_kinds(fails):
    with pytest.raises(Exception) as wanted:  # noqa: PT011
        fails(torch)
    with pytest.raises(wanted.type):
        fails(tg)

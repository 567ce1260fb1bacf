"""The older weight and spectral norm, fused layers and other helpers, beside PyTorch's."""

import subprocess
import sys
import warnings

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.nn import utils

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def quiet_about_deprecation():
    """PyTorch warns of its older forms, of scripts and of symbolic shapes as soon as they are touched."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def layer(lib, kind, *sizes, seed=0):
    rng = np.random.default_rng(seed)
    made = getattr(lib.nn, kind)(*sizes, dtype=lib.float64)
    with lib.no_grad():
        for p in made.parameters():
            p.copy_(lib.tensor(rng.standard_normal(tuple(p.shape))))
    return made


LAYERS = [("Linear", (4, 3), (2, 4)), ("Conv1d", (4, 3, 2), (2, 4, 6)), ("ConvTranspose2d", (4, 3, 2), (2, 4, 3, 3))]


def follow(lib, made, shape, vectors=False):
    """What a layer computes and what it holds, over two training calls and an evaluating one."""
    x = lib.tensor(np.random.default_rng(1).standard_normal(shape))
    if vectors:
        rng = np.random.default_rng(2)
        for v in (made.weight_u, made.weight_v):
            start = rng.standard_normal(tuple(v.shape))
            v.copy_(lib.tensor(start / np.linalg.norm(start)))
    found = []
    for training in (True, True, False):
        made.train(training).zero_grad()
        out = made(x)
        (out**2).sum().backward()
        found += [out, made.weight, *(p.grad for p in made.parameters()), *made.buffers()]
    return [t.detach().numpy().copy() for t in found], list(made.state_dict()), str(made)


def same(found):
    (ours, *own), (theirs, *other) = found
    assert own == other
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(("kind", "sizes", "shape"), LAYERS)
@pytest.mark.parametrize("dim", [0, 1, None])
def test_weight_norm(kind, sizes, shape, dim):
    same([follow(lib, lib.nn.utils.weight_norm(layer(lib, kind, *sizes), dim=dim), shape) for lib in (tg, torch)])


@pytest.mark.parametrize(("kind", "sizes", "shape"), LAYERS)
@pytest.mark.parametrize("steps", [1, 2])
def test_spectral_norm(kind, sizes, shape, steps):
    found = []
    for lib in (tg, torch):
        made = lib.nn.utils.spectral_norm(layer(lib, kind, *sizes), n_power_iterations=steps)
        found.append(follow(lib, made, shape, vectors=True))
    same(found)


@pytest.mark.parametrize("name", ["weight_norm", "spectral_norm"])
def test_removing(name):
    found = []
    for lib in (tg, torch):
        made = getattr(lib.nn.utils, name)(layer(lib, "Linear", 4, 3))
        if name == "spectral_norm":
            for _ in range(200):
                made(lib.zeros(1, 4, dtype=lib.float64))
        assert getattr(lib.nn.utils, f"remove_{name}")(made) is made
        assert type(made.weight) is lib.nn.Parameter
        assert not made._forward_pre_hooks
        assert not made._state_dict_hooks
        assert lib is torch or not made._load_state_dict_pre_hooks  # PyTorch leaves one behind
        found.append(follow(lib, made, (2, 4)))
    same(found)


def test_states_of_spectral_norm():
    made, twin = (utils.spectral_norm(layer(tg, "Linear", 4, 3, seed=s)) for s in (0, 1))
    for _ in range(300):
        made(tg.zeros(1, 4, dtype=tg.float64))
    state = made.state_dict()
    assert state._metadata[""]["spectral_norm"] == {"weight.version": 1}
    twin.load_state_dict(state)
    x = tg.ones(1, 4, dtype=tg.float64)
    want = made.eval()(x).detach().numpy()
    np.testing.assert_allclose(twin.eval()(x).detach().numpy(), want)
    # States of the first version have no v; both vectors are at their limit, so that it can be found.
    del state["weight_v"]
    utils.spectral_norm(layer(tg, "Linear", 4, 3, seed=2)).load_state_dict(state)
    np.testing.assert_allclose(twin.eval()(x).detach().numpy(), want)


FAILURES = {
    "weight_norm twice": lambda u, m: u.weight_norm(u.weight_norm(m)),
    "spectral_norm twice": lambda u, m: u.spectral_norm(u.spectral_norm(m)),
    "no steps": lambda u, m: u.spectral_norm(m, n_power_iterations=0),
    "nothing to remove": lambda u, m: u.remove_weight_norm(m),
    "no spectral_norm to remove": lambda u, m: u.remove_spectral_norm(m),
    "unknown name": lambda u, m: u.weight_norm(m, "wait"),
    "fused in training": lambda u, m: u.fuse_conv_bn_eval(m, m),
    "fused linear in training": lambda u, m: u.fuse_linear_bn_eval(m, m),
    "no class": lambda u, m: u.skip_init(m, 1),
    "no class of modules": lambda u, m: u.skip_init(dict),
    "no device": lambda u, m: u.skip_init(next(c for c in type(m).__mro__ if c.__name__ == "Module")),
}


@pytest.mark.parametrize("fails", FAILURES.values(), ids=FAILURES)
def test_errors_are_of_pytorchs_kinds(fails):
    with pytest.raises(Exception) as wanted:  # noqa: PT011
        fails(torch.nn.utils, torch.nn.Linear(2, 2))
    with pytest.raises(wanted.type):
        fails(utils, tg.nn.Linear(2, 2))


def settle(lib, norm):
    rng = np.random.default_rng(4)
    with lib.no_grad():
        for t in (norm.weight, norm.bias, norm.running_mean):
            if t is not None:
                t.copy_(lib.tensor(rng.standard_normal(tuple(t.shape))))
        norm.running_var.copy_(lib.tensor(rng.uniform(0.5, 2, tuple(norm.running_var.shape))))
    return norm.eval()


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("kind", "shape"), [("Conv2d", (2, 4, 5, 5)), ("ConvTranspose2d", (2, 4, 5, 5)), ("Linear", (2, 4))]
)
def test_fused_layers(kind, shape, bias, affine):
    x = np.random.default_rng(0).standard_normal(shape)
    results = []
    for lib in (tg, torch):
        first = layer(lib, kind, *((4, 6, 3) if "Conv" in kind else (4, 6))).eval()
        if not bias:
            first.bias = None
        norm = settle(
            lib,
            getattr(lib.nn, "BatchNorm2d" if "Conv" in kind else "BatchNorm1d")(6, affine=affine, dtype=lib.float64),
        )
        if kind == "Linear" and not affine:
            norm.weight, norm.bias = (lib.nn.Parameter(lib.full((6,), v, dtype=lib.float64)) for v in (1.0, 0.0))
        if kind == "Linear":
            fused = lib.nn.utils.fuse_linear_bn_eval(first, norm)
        else:
            fused = lib.nn.utils.fuse_conv_bn_eval(first, norm, transpose="Transpose" in kind)
        assert fused is not first
        assert fused.bias.requires_grad == bias
        np.testing.assert_allclose(
            fused(lib.tensor(x)).detach().numpy(), norm(first(lib.tensor(x))).detach().numpy(), rtol=1e-9
        )
        results.append([p.detach().numpy() for p in (fused.weight, fused.bias)])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_helpers_that_change_nothing():
    conv = tg.nn.Conv2d(1, 1, 1)
    assert utils.convert_conv2d_weight_memory_format(conv, tg.channels_last) is conv
    made = utils.skip_init(tg.nn.Linear, 3, 2, dtype=tg.float64)
    assert (tuple(made.weight.shape), made.weight.dtype) == ((2, 3), tg.float64)


def test_the_older_functional_call():
    for lib in (tg, torch):
        made = lib.nn.Linear(2, 1)
        held = made.weight
        out = lib.nn.utils.stateless.functional_call(
            made, {"weight": lib.ones(1, 2), "bias": lib.zeros(1)}, (lib.ones(1, 2),)
        )
        assert out.item() == 2
        assert made.weight is held


SCRIPT = """
import torch
from torch.nn.utils.weight_norm import WeightNorm
from torch.nn.utils.spectral_norm import SpectralNorm
import torch.nn.utils.prune as prune
assert callable(torch.nn.utils.weight_norm) and callable(torch.nn.utils.spectral_norm)
layer = torch.nn.utils.weight_norm(torch.nn.Linear(2, 2))
assert [type(entry) for entry in (WeightNorm, SpectralNorm)] == [type, type]
print(layer.weight_g.shape, prune.is_pruned(layer))
"""


def test_functions_that_bear_the_names_of_files(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "-m", "tapegrad", "run", str(script)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("[")[1] == "2, 1]) False\n"

"""Pruning, beside PyTorch's: masks, what a pruned layer computes, states, errors."""

import copy

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.nn.utils import prune

torch = pytest.importorskip("torch")
theirs = pytest.importorskip("torch.nn.utils.prune")


def layers(seed=0, shape=(4, 6)):
    """Equal Linear layers of both."""
    rng = np.random.default_rng(seed)
    weight, bias = rng.standard_normal(shape), rng.standard_normal(shape[0])
    pair = []
    for lib in (tg, torch):
        layer = lib.nn.Linear(shape[1], shape[0], dtype=lib.float64)
        with lib.no_grad():
            layer.weight.copy_(lib.tensor(weight))
            layer.bias.copy_(lib.tensor(bias))
        pair.append(layer)
    return pair


def same(ours, other):
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in other.named_parameters()]
    assert list(ours.state_dict()) == list(other.state_dict())
    for key, value in other.state_dict().items():
        np.testing.assert_array_equal(ours.state_dict()[key].numpy(), value.numpy())
    x = np.linspace(-1, 1, 12).reshape(2, 6)
    out, want = ours(tg.tensor(x)), other(torch.tensor(x))
    np.testing.assert_allclose(out.detach().numpy(), want.detach().numpy(), rtol=1e-12)
    out.sum().backward()
    want.sum().backward()
    for (_, p), (_, q) in zip(ours.named_parameters(), other.named_parameters(), strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-12)


SCORES = np.arange(24.0).reshape(4, 6)[::-1].copy()
STEPS = {
    "identity": [("identity", {"name": "bias"})],
    "share": [("l1_unstructured", {"name": "weight", "amount": 0.3})],
    "number": [("l1_unstructured", {"name": "weight", "amount": 5})],
    "none": [("l1_unstructured", {"name": "weight", "amount": 0})],
    "all": [("l1_unstructured", {"name": "weight", "amount": 1.0})],
    "scores": [("l1_unstructured", {"name": "weight", "amount": 5, "importance_scores": SCORES})],
    "rows": [("ln_structured", {"name": "weight", "amount": 1, "n": 2, "dim": 0})],
    "columns": [("ln_structured", {"name": "weight", "amount": 0.5, "n": 1, "dim": -1})],
    "largest": [("ln_structured", {"name": "weight", "amount": 2, "n": float("inf"), "dim": 1})],
    "mask": [("custom_from_mask", {"name": "weight", "mask": (SCORES % 2 == 0).astype(float)})],
    "twice": [
        ("l1_unstructured", {"name": "weight", "amount": 0.3}),
        ("l1_unstructured", {"name": "weight", "amount": 0.5}),
    ],
    "slices of what is left": [
        ("ln_structured", {"name": "weight", "amount": 1, "n": 2, "dim": 0}),
        ("ln_structured", {"name": "weight", "amount": 1, "n": 2, "dim": 0}),
        ("ln_structured", {"name": "weight", "amount": 2, "n": 2, "dim": 1}),
        ("l1_unstructured", {"name": "weight", "amount": 3}),
        ("custom_from_mask", {"name": "weight", "mask": (SCORES > 2).astype(float)}),
    ],
}


def call(lib, module, layer, name, options):
    given = {k: lib.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    return getattr(module, name)(layer, **given)


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_masks_are_pytorchs(steps):
    ours, other = layers()
    for name, options in steps:
        assert call(tg, prune, ours, name, options) is ours
        call(torch, theirs, other, name, options)
    assert prune.is_pruned(ours)
    assert prune.is_pruned(tg.nn.Sequential(ours))
    same(ours, other)
    name = steps[0][1]["name"]
    held = getattr(ours, f"{name}_orig")
    prune.remove(ours, name)
    theirs.remove(other, name)
    assert getattr(ours, name) is held
    assert not prune.is_pruned(ours)
    ours.zero_grad()
    other.zero_grad()
    same(ours, other)


@pytest.mark.parametrize("amount", [0, 3, 0.5, 24])
def test_random_pruning_takes_as_many_as_pytorchs(amount):
    ours, other = layers()
    prune.random_unstructured(ours, "weight", amount)
    theirs.random_unstructured(other, "weight", amount)
    assert ours.weight_mask.sum().item() == other.weight_mask.sum().item()


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_random_slices(dim):
    ours, _ = layers()
    prune.random_structured(ours, "weight", 2, dim)
    mask = ours.weight_mask.numpy()
    size = mask.shape[dim]
    whole = mask.sum(axis=1 - dim % 2)
    assert (whole == 0).sum() == 2
    assert (whole == mask.size / size).sum() == size - 2


def test_several_tensors_at_once():
    pairs = [layers(seed) for seed in range(3)]
    for lib, module, i in ((tg, prune, 0), (torch, theirs, 1)):
        given = [(p[i], "weight") for p in pairs]
        scores = {given[1]: lib.tensor(np.abs(SCORES) / 8)}
        module.global_unstructured(given, module.L1Unstructured, importance_scores=scores, amount=0.4)
        module.global_unstructured(given, module.L1Unstructured, amount=7)
    for ours, other in pairs:
        same(ours, other)


def test_a_method_of_ones_own():
    def method(base):
        class EveryOther(base):
            PRUNING_TYPE = "unstructured"

            def compute_mask(self, t, default_mask):
                mask = default_mask.clone()
                mask.view(-1)[::2] = 0
                return mask

        return EveryOther

    ours, other = layers()
    for _ in range(2):
        method(prune.BasePruningMethod).apply(ours, "weight")
        method(theirs.BasePruningMethod).apply(other, "weight")
    same(ours, other)
    assert [type(m).__name__ for m in next(iter(ours._forward_pre_hooks.values()))[0]] == ["EveryOther"] * 2


def test_a_pruned_layer_trains_copies_and_loads():
    layer, _ = layers()
    prune.l1_unstructured(layer, "weight", 0.5)
    with pytest.raises(RuntimeError):
        copy.deepcopy(layer)  # the product of weight and mask is no leaf, in PyTorch as well
    twin, _ = layers(1)
    prune.identity(twin, "weight")
    twin.load_state_dict(layer.state_dict())
    x = tg.ones(1, 6, dtype=tg.float64)
    np.testing.assert_array_equal(twin(x).detach().numpy(), layer(x).detach().numpy())
    optimizer = tg.optim.SGD(layer.parameters(), lr=0.1)
    layer(x).sum().backward()
    optimizer.step()
    layer(x)
    assert (layer.weight[layer.weight_mask == 0] == 0).all()


def test_pruning_a_tensor():
    t = np.array([3.0, -1.0, 2.0, 0.5])
    for ours, other in (
        (prune.L1Unstructured(2), theirs.L1Unstructured(2)),
        (prune.Identity(), theirs.Identity()),
    ):
        np.testing.assert_array_equal(ours.prune(tg.tensor(t)).numpy(), other.prune(torch.tensor(t)).numpy())


FAILURES = {
    "share above one": lambda m, lib, layer: m.l1_unstructured(layer, "weight", 1.5),
    "negative number": lambda m, lib, layer: m.l1_unstructured(layer, "weight", -1),
    "too many": lambda m, lib, layer: m.l1_unstructured(layer, "weight", 25),
    "no number": lambda m, lib, layer: m.l1_unstructured(layer, "weight", "half"),
    "unknown name": lambda m, lib, layer: m.l1_unstructured(layer, "wait", 1),
    "slices of a vector": lambda m, lib, layer: m.ln_structured(layer, "bias", 1, 2, 0),
    "no such dim": lambda m, lib, layer: m.random_structured(layer, "weight", 1, 2),
    "scores of another shape": lambda m, lib, layer: m.l1_unstructured(layer, "weight", 1, lib.ones(2)),
    "mask of another shape": lambda m, lib, layer: m.custom_from_mask(layer, "weight", lib.ones(2)),
    "nothing to remove": lambda m, lib, layer: m.remove(layer, "weight"),
    "structured for several": lambda m, lib, layer: m.global_unstructured(
        [(layer, "weight")], m.RandomStructured, amount=1
    ),
    "no list": lambda m, lib, layer: m.global_unstructured(3, m.L1Unstructured, amount=1),
    "scores no dict": lambda m, lib, layer: m.global_unstructured(
        [(layer, "weight")], m.L1Unstructured, importance_scores=[1], amount=1
    ),
    "no method in a container": lambda m, lib, layer: m.PruningContainer().add_pruning_method(3),
    "abstract": lambda m, lib, layer: m.BasePruningMethod(),
}


@pytest.mark.parametrize("fails", FAILURES.values(), ids=FAILURES)
def test_errors_are_of_pytorchs_kinds(fails):
    ours, other = layers()
    with pytest.raises(Exception) as wanted:  # noqa: PT011
        fails(theirs, torch, other)
    with pytest.raises(wanted.type):
        fails(prune, tg, ours)
    assert list(ours.state_dict()) == ["weight", "bias"]

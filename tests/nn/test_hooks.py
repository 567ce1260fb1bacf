"""Hooks around forward and backward passes, compared with PyTorch's."""

import gc
import weakref

import pytest

import tapegrad as tg
from tapegrad import nn
from tapegrad.errors import GradError, StateError


def tolist(value):
    if isinstance(value, tuple):
        return tuple(tolist(v) for v in value)
    return None if value is None else value.tolist()


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


# -- forward ------------------------------------------------------------------------------------------------------------


def test_order_arguments_and_removal():
    m = nn.Identity()
    calls = []
    handles = [
        m.register_forward_pre_hook(lambda mod, args: calls.append(("pre", mod is m, args))),
        m.register_forward_hook(lambda mod, args, out: calls.append(("second", args, out))),
        m.register_forward_hook(lambda mod, args, out: calls.append(("first", args, out)), prepend=True),
    ]
    m(5)
    assert calls == [("pre", True, (5,)), ("first", (5,), 5), ("second", (5,), 5)]
    for handle in handles:
        handle.remove()
    m(5)
    assert len(calls) == 3


def test_hooks_replace_arguments_and_results():
    m = nn.Identity()
    m.register_forward_pre_hook(lambda mod, args: args[0] + 1)
    m.register_forward_pre_hook(lambda mod, args: (args[0] * 10,))
    m.register_forward_hook(lambda mod, args, out: out + 0.5)
    assert m(1) == 20.5


def test_hooks_with_keywords():
    class Scaled(nn.Module):
        def forward(self, x, by=1):
            return x * by

    m = Scaled()
    seen = []
    m.register_forward_pre_hook(lambda mod, args, kwargs: (args, {"by": kwargs["by"] + 1}), with_kwargs=True)
    m.register_forward_hook(lambda mod, args, kwargs, out: seen.append((args, kwargs, out)), with_kwargs=True)
    assert m(2, by=4) == 10
    assert seen == [((2,), {"by": 5}, 10)]
    m.register_forward_pre_hook(lambda mod, args, kwargs: 3, with_kwargs=True)
    with pytest.raises(StateError, match="a hook with_kwargs returned int; return None, or the pair"):
        m(2, by=4)


def test_always_called_hooks_see_failures():
    class Failing(nn.Module):
        def forward(self, x):
            raise ValueError("no")

    m = Failing()
    calls = []
    m.register_forward_hook(lambda mod, args, out: calls.append(("normal", out)))
    m.register_forward_hook(lambda mod, args, out: calls.append(("always", out)), always_call=True)
    with pytest.raises(ValueError, match="no"):
        m(1)
    assert calls == [("always", None)]
    ok = nn.Identity()
    ok.register_forward_hook(lambda mod, args, out: calls.append(("once", out)), always_call=True)
    ok(1)
    assert calls[1:] == [("once", 1)]


def test_handles_work_as_contexts():
    m = nn.Identity()
    with m.register_forward_hook(lambda mod, args, out: out + 1):
        assert m(1) == 2
    assert m(1) == 1


def test_hooked_layers_name_their_path_too():
    net = nn.Sequential(nn.Linear(2, 2))
    net[0].register_forward_hook(lambda *_: None)
    with pytest.raises(RuntimeError, match=r"^0 \(linear\): "):
        net(tg.ones(1, 3))


# -- backward -----------------------------------------------------------------------------------------------------------


def make_pair(nn):
    class Pair(nn.Module):
        """Two outputs from two inputs and a number."""

        def forward(self, x, factor, y):
            return x * factor + y, y * y

    return Pair()


def run(module, use, requires=(True, True), changes=False, pre_changes=False):
    """What the hooks see, and the gradients that arrive."""
    m = make_pair(module.nn)
    seen = []

    def hook(mod, grad_input, grad_output):
        seen.append((tolist(grad_input), tolist(grad_output)))
        return tuple(None if g is None else g * 2 for g in grad_input) if changes else None

    def pre_hook(mod, grad_output):
        seen.append(tolist(grad_output))
        return tuple(None if g is None else g * 3 for g in grad_output) if pre_changes else None

    m.register_full_backward_pre_hook(pre_hook)
    m.register_full_backward_hook(hook)
    x = module.tensor([1.0, 2.0], requires_grad=requires[0])
    y = module.tensor([3.0, 4.0], requires_grad=requires[1])
    use(*m(x, 5.0, y)).backward()
    return seen, tolist(x.grad), tolist(y.grad)


USES = {
    "both": lambda a, b: (a * b).sum(),
    "first": lambda a, b: a.sum(),
    "twice": lambda a, b: (a * a + a).sum() + b.sum(),
}


@pytest.mark.parametrize("use", list(USES))
@pytest.mark.parametrize("requires", [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("changes", [False, True])
@pytest.mark.parametrize("pre_changes", [False, True])
def test_backward_hooks_see_and_change_what_pytorchs_do(torch, use, requires, changes, pre_changes):
    ours = run(tg, USES[use], requires, changes, pre_changes)
    theirs = run(torch, USES[use], requires, changes, pre_changes)
    assert ours == theirs


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
def test_without_inputs_to_differentiate_hooks_still_see_the_outputs(torch):
    results = []
    for module in (tg, torch):
        layer = module.nn.Linear(2, 1, bias=False)
        with module.no_grad():
            layer.weight.fill_(2.0)
        seen = []
        layer.register_full_backward_hook(lambda m, gi, go, seen=seen: seen.append((tolist(gi), tolist(go))))
        layer(module.ones(1, 2)).sum().backward()
        results.append((seen, layer.weight.grad.tolist()))
    assert results[0] == results[1]
    assert results[0][0] == [((None,), ([[1.0]],))]


def test_gradients_for_inputs_that_want_none_are_refused():
    layer = nn.Linear(2, 1)
    layer.register_full_backward_hook(lambda m, gi, go: (tg.ones(1, 2),))
    with pytest.raises(GradError, match="no input of the module requires one; return None"):
        layer(tg.ones(1, 2)).sum().backward()


def test_the_wrong_number_of_gradients_is_refused():
    layer = nn.Linear(2, 1)
    layer.register_full_backward_hook(lambda m, gi, go: (gi[0], gi[0]))
    with pytest.raises(GradError, match="full_backward_hook: a hook returned 2 gradients for 1; return one for each"):
        layer(tg.ones(1, 2, requires_grad=True)).sum().backward()


def test_hooks_run_in_their_order():
    m = nn.Identity()
    calls = []
    for prepend in (False, True):
        m.register_full_backward_hook(lambda *_, p=prepend: calls.append(("hook", p)), prepend=prepend)
        m.register_full_backward_pre_hook(lambda *_, p=prepend: calls.append(("pre", p)), prepend=prepend)
        m.register_full_backward_pre_hook(lambda *_, p=prepend: calls.append(("again", p)))
    m(tg.ones(1, requires_grad=True)).sum().backward()
    pre = [("pre", True), ("pre", False), ("again", False), ("again", True)]
    assert calls == [*pre, ("hook", True), ("hook", False)]


def test_second_derivatives_pass_through_hooks(torch):
    results = []
    for module in (tg, torch):
        m = module.nn.Identity()
        m.register_full_backward_hook(lambda mod, gi, go: (gi[0] * 2,))
        x = module.tensor(3.0, requires_grad=True)
        (g,) = module.autograd.grad(m(x * x) * x, x, create_graph=True)
        (second,) = module.autograd.grad(g, x)
        results.append((g.item(), second.item()))
    assert results[0] == results[1] == (45.0, 36.0)


def test_inputs_that_do_not_count_get_zeros(torch):
    results = []
    for module in (tg, torch):
        m = make_pair(module.nn)
        seen = []
        m.register_full_backward_hook(lambda mod, gi, go, seen=seen: seen.append((tolist(gi), tolist(go))))
        x, y = module.ones(2, requires_grad=True), module.ones(2, requires_grad=True)
        m(module.arange(2), 2.0, y)[1].sum().backward()
        m(x, 2.0, y)[1].sum().backward()
        results.append((seen, tolist(x.grad)))
    assert results[0] == results[1]


def test_gradients_of_leaves_are_their_own():
    """The array that a hook has seen must not become two tensors' gradient."""
    m = nn.Identity()
    kept = []
    m.register_full_backward_hook(lambda mod, gi, go: kept.append(gi[0]))
    x, w = tg.ones(2, requires_grad=True), tg.ones(2, requires_grad=True)
    (m(x) + w).sum().backward()
    x.grad.fill_(7)
    assert w.grad.tolist() == [1.0, 1.0]
    assert kept[0].tolist() == [1.0, 1.0]
    given = tg.full((2,), 3.0)
    z = tg.ones(2, requires_grad=True)
    m(z).backward(given)
    z.grad.fill_(7)
    assert given.tolist() == kept[1].tolist() == [3.0, 3.0]


def test_without_recording_nothing_is_hooked():
    m = nn.Linear(1, 1)
    m.register_full_backward_hook(lambda *_: pytest.fail("called"))
    with tg.no_grad():
        assert m(tg.ones(1, 1)).grad_fn is None


def test_hooks_leave_no_cycles():
    """With the collector off, a used graph goes when its last tensor goes."""
    m = nn.Linear(2, 2)
    m.register_full_backward_hook(lambda *_: None)
    gc.disable()
    try:
        x = tg.ones(1, 2, requires_grad=True)
        out = m(x).sum()
        node = weakref.ref(out.grad_fn)
        out.backward()
        del out
        assert node() is None
    finally:
        gc.enable()

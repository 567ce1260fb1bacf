"""Hooks on saved values and on gradients that were added up, against PyTorch."""

import pytest

import tapegrad as tg
from tapegrad import errors

torch = pytest.importorskip("torch")
BOTH = (torch, tg)


def test_saved_values_go_through_hooks():
    results = []
    for t in BOTH:
        x = t.tensor([1.0, 2.0], requires_grad=True)
        packed = []
        with t.autograd.graph.saved_tensors_hooks(
            lambda v, p=packed: p.append([round(n, 3) for n in v.tolist()]) or v, lambda v: v * 10
        ):
            y = (x * x).exp().sum()
        y.backward()
        results.append((sorted(map(str, packed)), x.grad.tolist()))
    assert results[0][0] == results[1][0]
    assert results[0][1] == pytest.approx(results[1][1])


def test_saved_values_for_the_second_derivative():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    with tg.autograd.graph.saved_tensors_hooks(lambda v: v.numpy().copy(), tg.from_numpy):
        (g,) = tg.autograd.grad((x**3).sum(), x, create_graph=True)
        (second,) = tg.autograd.grad(g.sum(), x)
    assert second.tolist() == [6.0, 12.0]


def test_unpack_must_return_a_tensor():
    x = tg.ones(1, requires_grad=True)
    with tg.autograd.graph.saved_tensors_hooks(lambda v: v, lambda v: 3):
        y = x * x
    with pytest.raises(errors.UsageError, match="unpack returned a int"):
        y.backward()


def test_hooks_can_be_switched_off():
    graph = tg.autograd.graph
    with (
        graph.disable_saved_tensors_hooks("not here"),
        pytest.raises(RuntimeError, match="not here"),
        graph.save_on_cpu(),
    ):
        pass
    with graph.save_on_cpu():
        assert (tg.ones(1, requires_grad=True) ** 2).requires_grad


@pytest.mark.parametrize("mode", ["all", "any"])
def test_a_hook_on_several_gradients(mode):
    results = []
    for t in BOTH:
        a, b = t.ones(1, requires_grad=True), t.ones(1, requires_grad=True)
        calls = []
        handle = t.autograd.graph.register_multi_grad_hook([a, b], calls.append, mode=mode)
        (a * b * 2).backward()
        (a * b).backward()
        handle.remove()
        (a * b).backward()
        results.append([[g.item() for g in c] if isinstance(c, (list, tuple)) else c.item() for c in calls])
    assert results[0] == results[1]


def test_a_hook_after_the_gradient_was_added():
    results = []
    for t in BOTH:
        w = t.ones(2, requires_grad=True)
        seen = []
        handle = w.register_post_accumulate_grad_hook(lambda p, s=seen: s.append(p.grad.tolist()))
        (w * 2).sum().backward()
        (w * 3).sum().backward()
        handle.remove()
        (w * 3).sum().backward()
        results.append(seen)
    assert results[0] == results[1] == [[2.0, 2.0], [5.0, 5.0]]
    with pytest.raises(RuntimeError, match="no leaf"):
        (tg.ones(1, requires_grad=True) * 2).register_post_accumulate_grad_hook(print)


def test_edges():
    x = tg.ones(4, requires_grad=True)
    assert tg.autograd.graph.get_gradient_edge(x).node is x
    assert tg.autograd.graph.get_gradient_edge(x.split(2)[1]).output_nr == 1
    with pytest.raises(RuntimeError, match="does not require"):
        tg.autograd.graph.get_gradient_edge(tg.ones(1))

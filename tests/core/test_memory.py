"""What the tape keeps alive: long chains, no cycles, flat memory with the garbage collector off."""

import gc
import threading
import tracemalloc
import weakref

import numpy as np
import pytest

import tapegrad as tg


@pytest.fixture
def without_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_a_chain_of_100000_operations_differentiates_and_is_freed(without_collector):
    x = tg.ones(2, requires_grad=True)
    y = x
    for _ in range(100_000):
        y = y * 1.0
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]
    first = weakref.ref(y.grad_fn)
    del y
    assert first() is None


def test_a_long_chain_is_freed_in_a_thread_with_a_small_stack():
    """Freeing must not recurse: a thread has much less stack than the main program."""
    done = []

    def work():
        x = tg.ones(1, requires_grad=True)
        y = x
        for _ in range(50_000):
            y = y + x
        del y
        done.append(True)

    before = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(60)
    finally:
        threading.stack_size(before)
    assert done == [True]


def test_a_long_chain_under_create_graph(without_collector):
    x = tg.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(2_000):
        y = y * x
    (g,) = tg.autograd.grad(y, x, create_graph=True)
    (h,) = tg.autograd.grad(g, x)
    assert (g.item(), h.item()) == (2001.0, 2001.0 * 2000.0)


def graph(x):
    """A bit of everything: saved inputs and outputs, views, several outputs, broadcasting."""
    y = (x @ x.t()).exp().tanh()
    a, b = y.split(1)[:2]
    return ((a * b).reshape(-1)[None] + y.sum(0)).sum()


def test_intermediate_tensors_die_at_once(without_collector):
    x = tg.rand(3, 3, requires_grad=True)
    y = x.exp()
    z = (y * y).sum()
    arrays = [weakref.ref(y), weakref.ref(y.grad_fn), weakref.ref(z.grad_fn)]
    del y, z
    assert [r() for r in arrays] == [None, None, None]


def test_saved_arrays_are_let_go_by_backward(without_collector):
    x = tg.rand(3, 3, requires_grad=True)
    y = x.exp()
    array = weakref.ref(y.array)
    z = y.sum()
    del y
    assert array() is not None
    z.backward()
    assert array() is None


def test_addition_keeps_nothing_alive(without_collector):
    x = tg.rand(3, requires_grad=True)
    y = x * 2
    array = weakref.ref(y.array)
    z = y + 1
    del y
    assert array() is None
    z.sum().backward()


@pytest.mark.parametrize("create_graph", [False, True])
def test_the_graph_dies_after_backward_without_the_collector(create_graph, without_collector):
    x = tg.rand(3, 3, requires_grad=True)
    loss = graph(x)
    node = weakref.ref(loss.grad_fn)
    (g,) = tg.autograd.grad(loss, x, create_graph=create_graph)
    del loss, g
    assert node() is None


def test_grad_that_is_part_of_the_graph_is_the_only_cycle(without_collector):
    """x -> x.grad -> its node -> x is what create_graph asks for; setting grad to None breaks it."""
    x = tg.rand(3, requires_grad=True)
    (x**3).sum().backward(create_graph=True)
    node = weakref.ref(x.grad.grad_fn)
    x.grad = None
    assert node() is None


def test_hooks_and_retained_gradients_make_no_cycle(without_collector):
    x = tg.rand(3, requires_grad=True)
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda g: g * 2)
    y.sum().backward()
    gone = [weakref.ref(y), weakref.ref(y.grad_fn)]
    del y
    assert [r() for r in gone] == [None, None]


def test_functions_make_no_cycle(without_collector):
    class Exp(tg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(x, y)
            return y

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[1]

    x = tg.rand(3, requires_grad=True)
    y = Exp.apply(x)
    z = y.sum()
    gone = [weakref.ref(y), weakref.ref(y.grad_fn), weakref.ref(y.grad_fn.context)]
    tg.autograd.grad(z, x, create_graph=True)
    del y, z
    assert [r() for r in gone] == [None] * 3


def test_errors_leave_the_graph_free(without_collector):
    x = tg.rand(3, requires_grad=True)
    y = x.exp()
    node = weakref.ref(y.grad_fn)
    y.detach().mul_(2)
    try:
        y.sum().backward()
    except RuntimeError:
        pass
    else:
        raise AssertionError("the write was not noticed")
    del y
    assert node() is None


def objects():
    return len(gc.get_objects())


@pytest.mark.parametrize("create_graph", [False, True])
def test_ten_thousand_steps_leave_memory_flat(create_graph, without_collector):
    """Forward, backward and update with the collector off: the number of objects stays what it is."""
    w, b = tg.rand(3, 2, requires_grad=True), tg.zeros(2, requires_grad=True)
    x = tg.rand(4, 3)

    def step():
        loss = ((x @ w + b).tanh() ** 2).sum()
        loss.backward(create_graph=create_graph)
        with tg.no_grad():
            for p in (w, b):
                p.add_(p.grad * -0.01)
                p.grad = None

    for _ in range(50):  # the log of notes has filled up by then
        step()
    before = objects()
    for _ in range(5_000 if create_graph else 10_000):
        step()
    assert abs(objects() - before) <= 5


def test_steps_leave_no_arrays_behind(without_collector):
    """NumPy arrays are no objects of the collector's: count their bytes."""
    w, x = tg.rand(30, 20, requires_grad=True), tg.rand(40, 30)

    def step():
        ((x @ w).tanh() ** 2).sum().backward()
        w.grad = None

    tracemalloc.start()
    try:
        for _ in range(50):  # the log of notes has filled up by then
            step()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(200):
            step()
        assert tracemalloc.get_traced_memory()[0] - before < 4_000
    finally:
        tracemalloc.stop()


def test_accumulating_steps_leave_memory_flat(without_collector):
    w, x = tg.rand(3, 2, requires_grad=True), tg.rand(4, 3)

    def step():
        (x @ w).sum().backward()

    for _ in range(50):  # the log of notes has filled up by then
        step()
    before = objects()
    for _ in range(2_000):
        step()
    assert abs(objects() - before) <= 5


def test_no_grad_keeps_nothing():
    x = tg.rand(3, requires_grad=True)
    with tg.no_grad():
        y = x.exp()
        array = weakref.ref(y.array)
        z = y * 2
        del y
    assert array() is None
    assert z.grad_fn is None


def test_gradients_own_their_memory():
    """A leaf's gradient may be the rule's own array, but never a saved one nor another leaf's."""
    x, y = tg.rand(3, requires_grad=True), tg.rand(3, requires_grad=True)
    (x * y).sum().backward()
    assert not np.shares_memory(x.grad.numpy(), y.detach().numpy())
    assert not np.shares_memory(x.grad.numpy(), y.grad.numpy())
    assert x.grad.numpy().flags.writeable

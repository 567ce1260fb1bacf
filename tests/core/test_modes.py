"""Switching recording on and off: as context, as decorator, per thread."""

import threading

import pytest

import tapegrad as tg
from tapegrad import errors


@pytest.fixture
def x():
    return tg.ones(2, requires_grad=True)


def test_no_grad_records_nothing(x):
    with tg.no_grad():
        y = x * 2
        assert not tg.is_grad_enabled()
    assert not y.requires_grad
    assert y.is_leaf
    assert tg.is_grad_enabled()


def test_modes_nest(x):
    with tg.no_grad():
        with tg.enable_grad():
            assert (x * 2).requires_grad
            with tg.no_grad():
                assert not (x * 2).requires_grad
            assert (x * 2).requires_grad
        assert not (x * 2).requires_grad


def test_the_mode_comes_back_after_an_error():
    with pytest.raises(ValueError, match="boom"), tg.no_grad():
        raise ValueError("boom")
    assert tg.is_grad_enabled()


def test_one_object_may_be_entered_again():
    mode = tg.no_grad()
    with mode, mode:
        assert not tg.is_grad_enabled()
    assert tg.is_grad_enabled()


# set_grad_enabled acts as soon as it is called, so the decorators are made inside the test.
DECORATORS = {
    "no_grad": lambda: tg.no_grad,
    "no_grad()": lambda: tg.no_grad(),
    "inference_mode": lambda: tg.inference_mode,
    "inference_mode()": lambda: tg.inference_mode(),
    "set_grad_enabled": lambda: tg.set_grad_enabled(False),
}


@pytest.mark.parametrize("name", DECORATORS)
def test_decorated_function(name, x):
    decorator = DECORATORS[name]()

    @decorator
    def double(t):
        """Twice."""
        return t * 2

    assert not double(x).requires_grad
    assert tg.is_grad_enabled()
    assert double.__name__ == "double"
    assert double.__doc__ == "Twice."


def test_decorators_that_switch_on(x):
    @tg.enable_grad()
    def double(t):
        return t * 2

    @tg.inference_mode(False)
    def triple(t):
        return t * 3

    with tg.no_grad():
        assert double(x).requires_grad
        assert triple(x).requires_grad
        assert not tg.is_grad_enabled()


def test_decorated_method(x):
    class Net:
        @tg.no_grad()
        def evaluate(self, t):
            return t * self.factor

        @tg.no_grad
        def other(self, t):
            return t * self.factor

        factor = 3

    assert not Net().evaluate(x).requires_grad
    assert not Net().other(x).requires_grad
    assert Net().other(x).tolist() == [3.0, 3.0]


@pytest.mark.parametrize("name", DECORATORS)
def test_decorated_generator_is_switched_inside_and_not_between(name, x):
    decorator = DECORATORS[name]()

    @decorator
    def steps():
        for _ in range(2):
            yield x * 2

    for y in steps():
        assert not y.requires_grad
        assert tg.is_grad_enabled()
        assert (x * 2).requires_grad


def test_decorated_generator_gets_what_is_sent_and_thrown(x):
    log = []

    @tg.no_grad()
    def steps():
        try:
            got = yield 1
            log.append((got, tg.is_grad_enabled()))
            yield 2
        except KeyError:
            log.append(("thrown", tg.is_grad_enabled()))
            yield 3
        return "end"

    run = steps()
    assert next(run) == 1
    assert run.send("hello") == 2
    assert run.throw(KeyError()) == 3
    with pytest.raises(StopIteration) as stop:
        next(run)
    assert stop.value.value == "end"
    assert log == [("hello", False), ("thrown", False)]
    assert tg.is_grad_enabled()


def test_set_grad_enabled_at_once_and_as_context(x):
    tg.set_grad_enabled(False)
    assert not (x * 2).requires_grad
    tg.set_grad_enabled(True)
    assert (x * 2).requires_grad
    with tg.set_grad_enabled(False):
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad


@pytest.mark.parametrize("train", [True, False])
def test_set_grad_enabled_with_a_flag(train, x):
    with tg.set_grad_enabled(train):
        assert (x * 2).requires_grad is train
    assert tg.is_grad_enabled()


def test_inference_mode(x):
    with tg.inference_mode():
        assert not (x * 2).requires_grad
    with tg.inference_mode(False):
        assert (x * 2).requires_grad


def test_modes_belong_to_their_thread(x):
    seen = {}
    inside, go = threading.Event(), threading.Event()

    def other():
        seen["before"] = tg.is_grad_enabled()
        with tg.no_grad():
            inside.set()
            go.wait(10)
            seen["inside"] = (x * 2).requires_grad

    with tg.no_grad():
        thread = threading.Thread(target=other)
        thread.start()
        assert inside.wait(10)
    seen["main"] = (x * 2).requires_grad
    go.set()
    thread.join(10)
    assert seen == {"before": True, "main": True, "inside": False}


def test_backward_in_two_threads_at_once():
    """Each thread differentiates its own graph over shared leaves; nothing is shared but the leaves."""
    w = tg.ones(50, requires_grad=True)
    results, failures = [], []

    def work(k):
        try:
            for _ in range(50):
                (g,) = tg.autograd.grad((w * k).exp().sum() * 0 + (w * k).sum(), w)
                results.append(bool((g == k).all()))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in (1.0, 2.0, 3.0)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(30)
    assert failures == []
    assert all(results)
    assert len(results) == 150


def test_recording_state_inside_backward_follows_create_graph(x):
    seen = []
    y = x * 2
    y.register_hook(lambda g: seen.append(tg.is_grad_enabled()))
    y.sum().backward(retain_graph=True)
    y.sum().backward(create_graph=True)
    assert seen == [False, True]
    assert tg.is_grad_enabled()


def test_the_mode_comes_back_after_a_failing_backward(x):
    y = x * 2

    def fail(g):
        raise ValueError("boom")

    y.register_hook(fail)
    with pytest.raises(ValueError, match="boom"):
        y.sum().backward()
    assert tg.is_grad_enabled()


def test_results_made_without_recording_can_be_leaves(x):
    with tg.no_grad():
        y = x * 2
    y.requires_grad_()
    (y * 3).sum().backward()
    assert y.grad.tolist() == [3.0, 3.0]
    assert x.grad is None


def test_numpy_of_a_tracked_tensor_under_no_grad(x):
    with pytest.raises(errors.GradError, match=r"numpy: .*use t\.detach\(\)\.numpy\(\)"):
        x.numpy()
    with tg.no_grad():
        assert x.numpy().tolist() == [1.0, 1.0]


class TestInferenceMode:
    def test_it_is_known_inside_alone(self):
        assert not tg.is_inference_mode_enabled()
        with tg.inference_mode():
            assert tg.is_inference_mode_enabled()
            with tg.inference_mode(False):
                assert not tg.is_inference_mode_enabled()
                assert tg.is_grad_enabled()
            assert tg.is_inference_mode_enabled()
        assert not tg.is_inference_mode_enabled()

    def test_it_decorates(self):
        def state():
            return tg.is_inference_mode_enabled(), tg.is_grad_enabled()

        assert tg.inference_mode()(state)() == (True, False)
        assert tg.inference_mode(state)() == (True, False)
        assert tg.inference_mode(False)(state)() == (False, True)

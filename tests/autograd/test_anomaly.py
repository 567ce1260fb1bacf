"""Anomaly mode names the forward operation and the line that called it."""

import inspect
import re
import threading

import pytest

import tapegrad as tg
from tapegrad import errors
from tapegrad.autograd import detect_anomaly, is_anomaly_enabled, set_detect_anomaly


def line(offset=0):
    frame = inspect.currentframe().f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno + offset}"


def test_the_operation_and_its_line():
    x = tg.tensor([0.0, 1.0], requires_grad=True)
    with detect_anomaly():
        y = x.sqrt()
        where = line(-1)
        z = (y * 0).sum()
        with pytest.raises(errors.GradError) as caught:
            z.backward()
    assert str(caught.value).startswith("backward through sqrt: the gradient of input 0 has nan values")
    assert f"the forward operation ran at {where}" in str(caught.value)


def test_without_the_mode_nan_passes():
    x = tg.tensor([0.0, 1.0], requires_grad=True)
    (x.sqrt() * 0).sum().backward()
    assert x.grad[0].isnan()


def test_the_line_is_unknown_for_operations_recorded_before():
    x = tg.tensor([0.0], requires_grad=True)
    z = (x.sqrt() * 0).sum()
    with detect_anomaly(), pytest.raises(errors.GradError, match="ran at an unknown line"):
        z.backward()


def test_other_errors_are_told_the_line_too():
    x = tg.ones(2, requires_grad=True)
    with detect_anomaly():
        y = x.exp()
        where = line(-1)
        y.detach().add_(1)
        with pytest.raises(errors.GradError, match="backward through exp") as caught:
            y.sum().backward()
    assert any(re.search(rf"ExpBackward0 ran at {re.escape(where)}", note) for note in caught.value.__notes__)


def test_a_users_function_is_named():
    class Bad(tg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return g * float("nan")

    with detect_anomaly():
        y = Bad.apply(tg.ones(1, requires_grad=True))
        where = line(-1)
        with pytest.raises(errors.GradError, match=rf"backward through BadBackward: .* {re.escape(where)}"):
            y.sum().backward()


def test_the_search_for_nan_can_be_left_out():
    x = tg.tensor([0.0], requires_grad=True)
    with detect_anomaly(check_nan=False):
        (x.sqrt() * 0).sum().backward()
    assert x.grad.isnan().all()


def test_switching():
    assert not is_anomaly_enabled()
    with detect_anomaly():
        assert is_anomaly_enabled()
        with set_detect_anomaly(False):
            assert not is_anomaly_enabled()
        assert is_anomaly_enabled()
    assert not is_anomaly_enabled()
    set_detect_anomaly(True)
    assert is_anomaly_enabled()
    set_detect_anomaly(False)
    assert not is_anomaly_enabled()


def test_the_mode_ends_with_an_error():
    with pytest.raises(ValueError, match="boom"), detect_anomaly():
        raise ValueError("boom")
    assert not is_anomaly_enabled()


def test_the_mode_belongs_to_its_thread():
    seen = []
    with detect_anomaly():
        thread = threading.Thread(target=lambda: seen.append(is_anomaly_enabled()))
        thread.start()
        thread.join(10)
    assert seen == [False]

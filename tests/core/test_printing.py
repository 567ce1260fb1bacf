"""Tensors print as PyTorch prints them, but for ``torch.`` before a dtype."""

import numpy as np
import pytest

import tapegrad as tg

torch = pytest.importorskip("torch")
rng = np.random.default_rng(0)
ARRAYS = {
    "matrix": rng.standard_normal((2, 3)),
    "vector": rng.standard_normal(20),
    "whole": np.arange(6.0).reshape(2, 3),
    "small": np.array([1e-6, 1.0]),
    "large": np.array([1e9, 1.0]),
    "not finite": np.array([[1.5, np.nan], [np.inf, -2]]),
    "integers": np.arange(12).reshape(3, 4),
    "cube": rng.standard_normal((2, 2, 2)),
    "empty": np.zeros((0, 3)),
    "scalar": np.array(3.14159),
    "booleans": np.array([True, False]),
    "summarised vector": rng.standard_normal(1001),
    "summarised matrix": rng.standard_normal((40, 40)),
    "wide": np.array([0.1, 20000.0]),
}


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_same_text(name, dtype):
    array = ARRAYS[name]
    array = array.astype(dtype) if array.dtype.kind == "f" else array
    theirs = repr(torch.from_numpy(array)).replace("torch.", "")
    assert repr(tg.tensor(array)).split() == theirs.split()


def test_the_graph_is_named():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    assert repr(x) == "tensor([1., 2.], requires_grad=True)"
    assert repr(x * 2) == "tensor([2., 4.], grad_fn=<MulBackward0>)"


def test_options_change_the_digits():
    tg.set_printoptions(precision=2)
    try:
        assert repr(tg.tensor([0.123456])) == "tensor([0.12])"
    finally:
        tg.set_printoptions(profile="default")

"""The names of torch.autograd, and Variable."""

import numpy as np

import tapegrad as tg
from tapegrad import autograd


def test_names():
    modes = ["no_grad", "enable_grad", "set_grad_enabled", "inference_mode", "detect_anomaly", "set_detect_anomaly"]
    checks = ["gradcheck", "gradgradcheck", "functional", "graph"]
    for name in ["Function", "Variable", "backward", "grad", *modes, *checks]:
        assert hasattr(autograd, name), name
    assert autograd.graph.Node is type(tg.ones(1, requires_grad=True).exp().grad_fn)


def test_variable_is_a_tensor_that_shares_memory():
    data = tg.zeros(2)
    v = autograd.Variable(data, requires_grad=True)
    assert type(v) is tg.Tensor
    assert v.requires_grad
    assert np.shares_memory(v.detach().numpy(), data.numpy())
    assert isinstance(data, autograd.Variable)
    assert not isinstance(3, autograd.Variable)
    assert not autograd.Variable(data).requires_grad

"""Arguments have PyTorch's names, order and defaults; ours come after them."""

import inspect

import pytest

from tapegrad import nn, optim
from tapegrad.nn import init, utils

OPTIMIZERS = ["SGD", "Adagrad", "RMSprop", "Adadelta", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "Rprop", "ASGD"]
SCHEDULERS = ["LRScheduler", "LambdaLR", "MultiplicativeLR", "StepLR", "MultiStepLR", "ConstantLR", "LinearLR"]
SCHEDULERS += ["ExponentialLR", "PolynomialLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CyclicLR"]
SCHEDULERS += ["OneCycleLR", "ReduceLROnPlateau", "SequentialLR", "ChainedScheduler"]
LAYERS = [
    "Linear",
    "Bilinear",
    "Flatten",
    "Unflatten",
    "Identity",
    "ModuleList",
    "ModuleDict",
    "ParameterList",
    "ParameterDict",
]
METHODS = [
    "register_parameter",
    "register_buffer",
    "add_module",
    "get_submodule",
    "get_parameter",
    "get_buffer",
    "apply",
]
METHODS += ["named_parameters", "parameters", "named_buffers", "buffers", "named_modules", "named_children", "modules"]
METHODS += ["train", "eval", "requires_grad_", "zero_grad", "state_dict", "load_state_dict", "children", "share_memory"]
METHODS += ["register_forward_pre_hook", "register_forward_hook", "register_full_backward_hook", "extra_repr"]
METHODS += ["register_full_backward_pre_hook", "register_state_dict_pre_hook", "register_state_dict_post_hook"]
METHODS += ["register_load_state_dict_pre_hook", "register_load_state_dict_post_hook", "get_extra_state"]
INITS = ["uniform_", "normal_", "trunc_normal_", "constant_", "ones_", "zeros_", "eye_", "dirac_", "xavier_uniform_"]
INITS += ["xavier_normal_", "kaiming_uniform_", "kaiming_normal_", "orthogonal_", "sparse_", "calculate_gain"]
UTILS = ["clip_grad_norm_", "clip_grad_value_", "get_total_norm", "parameters_to_vector", "vector_to_parameters"]


def arguments(function):
    """Name, kind and default of each argument; *args and **kwargs stand for nothing that could be compared."""
    found = []
    for p in inspect.signature(function).parameters.values():
        if p.name not in ("self", "args", "kwargs", "module", "destination"):
            found.append((p.name, p.kind is p.KEYWORD_ONLY, None if p.default is p.empty else p.default))
    return found


def check(ours, theirs):
    expected = arguments(theirs)
    mine = [a for a in arguments(ours) if a in expected or not a[1]]
    assert mine == expected


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(torch, name):
    check(getattr(optim, name).__init__, getattr(torch.optim, name).__init__)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_schedulers(torch, name):
    check(getattr(optim.lr_scheduler, name).__init__, getattr(torch.optim.lr_scheduler, name).__init__)


@pytest.mark.parametrize("name", LAYERS)
def test_layers(torch, name):
    check(getattr(nn, name).__init__, getattr(torch.nn, name).__init__)


@pytest.mark.parametrize("name", METHODS)
def test_methods_of_modules(torch, name):
    check(getattr(nn.Module, name), getattr(torch.nn.Module, name))


@pytest.mark.parametrize("name", INITS)
def test_initial_values(torch, name):
    check(getattr(init, name), getattr(torch.nn.init, name))


@pytest.mark.parametrize("name", UTILS)
def test_utilities(torch, name):
    check(getattr(utils, name), getattr(torch.nn.utils, name))


def test_another_default_is_seen():
    with pytest.raises(AssertionError):
        check(lambda a, b=1: None, lambda a, b=2: None)
    with pytest.raises(AssertionError):
        check(lambda b, a: None, lambda a, b: None)

"""Normalisation against PyTorch: values, gradients, running statistics; second derivatives; errors."""

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.nn.functional as F
from tapegrad.errors import ArgumentError, DTypeError, ShapeError

from .compare import agree, second_order_error

torch = pytest.importorskip("torch")
DTYPES = [np.float32, np.float64]
TOLERANCE = {np.float32: {"rtol": 2e-4, "atol": 2e-5}, np.float64: {"rtol": 1e-9, "atol": 1e-10}}
BATCHES = [(5, 3), (1, 3, 4), (4, 3, 5), (2, 3, 4, 5), (2, 3, 2, 3, 2)]


def draw(rng, *shapes):
    return [rng.normal(0.5, 1.5, shape) for shape in shapes]


# -- batch norm ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", BATCHES)
def test_batch_norm_in_training(shape, dtype, rng):
    x, weight, bias = draw(rng, shape, 3, 3)
    arrays = [x, None, None, weight, bias]
    agree("batch_norm", arrays, dtype, (0, 3, 4), TOLERANCE[dtype], training=True, eps=1e-3)
    agree("batch_norm", [x, None, None], dtype, (0,), TOLERANCE[dtype], training=True)
    agree("batch_norm", [x, None, None, weight], dtype, (0, 3), TOLERANCE[dtype], training=True)
    agree("batch_norm", [x, None, None, None, bias], dtype, (0, 4), TOLERANCE[dtype], training=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", BATCHES)
def test_batch_norm_in_evaluation(shape, dtype, rng):
    x, mean, weight, bias = draw(rng, shape, 3, 3, 3)
    var = rng.uniform(0.5, 2.0, 3)
    agree("batch_norm", [x, mean, var, weight, bias], dtype, (0, 3, 4), TOLERANCE[dtype])
    agree("batch_norm", [x, mean, var], dtype, (0,), TOLERANCE[dtype], eps=0.1)
    agree("batch_norm", [x, mean, var, None, bias], dtype, (0, 4), TOLERANCE[dtype])


def running_after(module, arrays, function, steps, **options):
    mean, var = module.zeros(3, dtype=module.float64), module.ones(3, dtype=module.float64)
    for x in arrays[:steps]:
        getattr(module.nn.functional, function)(module.tensor(x), mean, var, **options)
    return mean.numpy(), var.numpy()


@pytest.mark.parametrize("shape", [(5, 3), (2, 3, 4, 5)])
@pytest.mark.parametrize("momentum", [0.1, 0.0, 1.0])
def test_running_statistics_after_several_batches(shape, momentum, rng):
    arrays = draw(rng, shape, shape, shape)
    ours = running_after(tg, arrays, "batch_norm", 3, training=True, momentum=momentum)
    theirs = running_after(torch, arrays, "batch_norm", 3, training=True, momentum=momentum)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_running_statistics_take_no_gradient(rng):
    mean, var = tg.zeros(3), tg.ones(3)
    x = tg.tensor(rng.standard_normal((4, 3)), dtype="float32", requires_grad=True)
    F.batch_norm(x, mean, var, training=True).sum().backward()
    assert not mean.requires_grad
    assert not var.requires_grad
    assert mean.dtype == np.float32


def test_evaluation_leaves_the_running_statistics(rng):
    mean, var = tg.zeros(3), tg.ones(3)
    F.batch_norm(tg.ones(4, 3), mean, var)
    assert (mean.tolist(), var.tolist()) == ([0.0] * 3, [1.0] * 3)


def test_batch_norm_differentiates_twice(rng):
    arrays = [*draw(rng, (4, 3, 2)), rng.uniform(0.5, 1.5, 3), *draw(rng, 3)]

    def training(x, w, b):
        return F.batch_norm(x, None, None, w, b, training=True)

    def evaluation(x, w, b):
        return F.batch_norm(x, tg.zeros(3, dtype="float64"), tg.full((3,), 2.0, dtype="float64"), w, b).pow(3)

    for function in (training, evaluation):
        assert second_order_error(function, arrays, (0, 1, 2)) is None


def test_gradient_penalty_agrees_with_torch(rng):
    x, weight = draw(rng, (6, 3), 3)

    def penalty(module):
        a = module.tensor(x, requires_grad=True)
        w = module.tensor(weight, requires_grad=True)
        y = module.nn.functional.batch_norm(a, None, None, w, None, True) ** 3
        (g,) = module.autograd.grad(y.sum(), a, create_graph=True)
        (g**2).sum().backward()
        return a.grad.numpy(), w.grad.numpy()

    for ours, theirs in zip(penalty(tg), penalty(torch), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("affine", [False, True])
def test_the_output_may_be_overwritten_before_backward(affine, rng):
    """As relu(inplace=True) does: the rules must not need the output."""
    x = rng.standard_normal((2, 3, 4))
    grads = []
    for module in (tg, torch):
        a = module.tensor(x, requires_grad=True)
        weight = module.ones(3, dtype=module.float64) if affine else None
        for function, options in (("instance_norm", {}), ("batch_norm", {"training": True})):
            y = getattr(module.nn.functional, function)(a, None, None, weight, **options)
            y.relu_().pow(2).sum().backward()
        grads.append(a.grad.numpy())
    np.testing.assert_allclose(*grads, rtol=1e-9, atol=1e-12)


def test_float16(rng):
    x = rng.normal(100.0, 10.0, (64, 3, 4)).astype(np.float16)
    ones = np.ones(3, np.float16)
    for training in (True, False):
        out = F.batch_norm(tg.tensor(x), tg.tensor(100 * ones), tg.tensor(100 * ones), training=training)
        wanted = torch.nn.functional.batch_norm(
            torch.tensor(x), torch.tensor(100 * ones), torch.tensor(100 * ones), training=training
        )
        assert out.dtype == np.float16
        np.testing.assert_allclose(out.numpy(), wanted.numpy(), atol=2e-2)
    for name in ("layer_norm", "rms_norm"):
        out = getattr(F, name)(tg.tensor(x), (4,))
        wanted = getattr(torch.nn.functional, name)(torch.tensor(x), (4,))
        assert out.dtype == np.float16
        np.testing.assert_allclose(out.numpy(), wanted.numpy(), atol=5e-3)


def test_an_empty_batch_gives_an_empty_result():
    assert F.batch_norm(tg.ones(0, 3), None, None, training=True).shape == (0, 3)
    assert F.layer_norm(tg.ones(0, 3), (3,)).shape == (0, 3)
    assert F.group_norm(tg.ones(0, 4, 2), 2).shape == (0, 4, 2)
    assert F.instance_norm(tg.ones(0, 3, 4)).shape == (0, 3, 4)
    assert F.rms_norm(tg.ones(0, 3), (3,)).shape == (0, 3)
    assert F.local_response_norm(tg.ones(0, 3, 4), 2).shape == (0, 3, 4)


# -- the others ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(4, 3, 5), (2, 3, 4, 5), (1, 3, 2, 3, 2)])
def test_instance_norm(shape, dtype, rng):
    x, mean, weight, bias = draw(rng, shape, 3, 3, 3)
    var = rng.uniform(0.5, 2.0, 3)
    agree("instance_norm", [x], dtype, (0,), TOLERANCE[dtype])
    agree("instance_norm", [x, None, None, weight, bias], dtype, (0, 3, 4), TOLERANCE[dtype], eps=1e-2)
    agree("instance_norm", [x, mean, var, weight, bias], dtype, (0, 3, 4), TOLERANCE[dtype], use_input_stats=False)


def test_running_statistics_of_instances(rng):
    arrays = draw(rng, (2, 3, 4), (2, 3, 4))
    ours = running_after(tg, arrays, "instance_norm", 2, momentum=0.3)
    theirs = running_after(torch, arrays, "instance_norm", 2, momentum=0.3)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("shape", "normalized"), [((5, 4), (4,)), ((4,), (4,)), ((2, 3, 4), (4,)), ((2, 3, 4), (3, 4))]
)
@pytest.mark.parametrize("name", ["layer_norm", "rms_norm"])
def test_layer_and_rms_norm(name, shape, normalized, dtype, rng):
    x, weight, bias = draw(rng, shape, normalized, normalized)
    agree(name, [x, normalized], dtype, (0,), TOLERANCE[dtype])
    agree(name, [x, normalized, weight], dtype, (0, 2), TOLERANCE[dtype], eps=1e-2)
    if name == "layer_norm":
        agree(name, [x, normalized, weight, bias], dtype, (0, 2, 3), TOLERANCE[dtype])
        agree(name, [x, normalized, None, bias], dtype, (0, 3), TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(5, 6), (2, 6, 4), (2, 6, 3, 2)])
@pytest.mark.parametrize("groups", [1, 2, 3])
def test_group_norm(shape, groups, dtype, rng):
    x, weight, bias = draw(rng, shape, 6, 6)
    agree("group_norm", [x, groups], dtype, (0,), TOLERANCE[dtype])
    agree("group_norm", [x, groups, weight, bias], dtype, (0, 2, 3), TOLERANCE[dtype], eps=1e-2)


def test_groups_of_one_value_are_allowed_in_a_larger_batch(rng):
    assert not agree("group_norm", [*draw(rng, (2, 4)), 4]).detach().numpy().any()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(2, 5, 4), (2, 5, 3, 2), (2, 5, 2, 2, 3)])
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_local_response_norm(shape, size, dtype, rng):
    (x,) = draw(rng, shape)
    agree("local_response_norm", [x, size], dtype, (0,), TOLERANCE[dtype], alpha=0.5, beta=0.6, k=1.5)
    agree("local_response_norm", [x, size], dtype, (0,), TOLERANCE[dtype])


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.layer_norm(x, (3, 2)),
        lambda x: F.rms_norm(x, (2,)),
        lambda x: F.group_norm(x, 3),
        lambda x: F.instance_norm(x),
        lambda x: F.local_response_norm(x, 2, alpha=0.5),
    ],
)
def test_second_derivatives(function, rng):
    assert second_order_error(function, draw(rng, (4, 3, 2))) is None


def test_a_trace_moves_the_running_statistics_again(rng):
    mean, var, weight = tg.zeros(3), tg.ones(3), tg.ones(3, requires_grad=True)

    def step(x):
        weight.grad = None
        loss = (F.batch_norm(x, mean, var, weight, None, training=True) ** 2).sum()
        loss.backward()
        return loss, weight.grad

    x, y = (tg.tensor(rng.standard_normal((5, 3)), dtype="float32") for _ in range(2))
    program = tg.trace(step, x)
    old_mean, old_var = mean.numpy().copy(), var.numpy().copy()
    again = program(y)
    np.testing.assert_allclose(mean.numpy(), 0.9 * old_mean + 0.1 * y.numpy().mean(0), rtol=1e-5)
    np.testing.assert_allclose(var.numpy(), 0.9 * old_var + 0.1 * y.numpy().var(0, ddof=1), rtol=1e-5)
    for a, b in zip(again, step(y), strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-5)


# -- errors -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "match", "call"),
    [
        (
            ArgumentError,
            r"more than 1 value per channel.*\(1, 3\)",
            lambda: bn(tg.ones(1, 3), None, None, training=True),
        ),
        (ArgumentError, "more than 1 value", lambda: bn(tg.ones(1, 3, 1, 1), None, None, training=True)),
        (ShapeError, "must be defined in evaluation mode", lambda: bn(tg.ones(2, 3), None, None)),
        (ShapeError, r"running_mean.*\(4,\).*3 elements", lambda: bn(tg.ones(2, 3), tg.ones(4), tg.ones(4))),
        (ShapeError, r"weight.*\(4,\).*3 elements", lambda: bn(tg.ones(2, 3), tg.ones(3), tg.ones(3), tg.ones(4))),
        (ShapeError, "no channels", lambda: bn(tg.ones(3), tg.ones(3), tg.ones(3))),
        (DTypeError, "int64", lambda: bn(tg.ones(2, 3, dtype="int64"), tg.ones(3), tg.ones(3))),
        (ArgumentError, r"spatial element.*\(2, 3\)", lambda: F.instance_norm(tg.ones(2, 3))),
        (ArgumentError, "spatial element", lambda: F.instance_norm(tg.ones(2, 3, 1))),
        (ShapeError, "to be defined", lambda: F.instance_norm(tg.ones(2, 3, 4), use_input_stats=False)),
        (ShapeError, r"\[\*, 4\].*size \[2, 3\]", lambda: F.layer_norm(tg.ones(2, 3), (4,))),
        (ShapeError, "empty", lambda: F.layer_norm(tg.ones(2, 3), ())),
        (ShapeError, r"weight.*\(4,\) and \(3,\)", lambda: F.layer_norm(tg.ones(2, 3), (3,), tg.ones(4))),
        (ShapeError, r"\[\*, 4\]", lambda: F.rms_norm(tg.ones(2, 3), (4,))),
        (DTypeError, "int64", lambda: F.layer_norm(tg.ones(2, 3, dtype="int64"), (3,))),
        (ShapeError, r"divisible.*\[2, 4\] and num_groups=3", lambda: F.group_norm(tg.ones(2, 4), 3)),
        (ShapeError, "num_groups=0", lambda: F.group_norm(tg.ones(2, 4), 0)),
        (ArgumentError, "more than 1 value", lambda: F.group_norm(tg.ones(1, 4), 4)),
        (ShapeError, r"weight.*\(2,\).*4 elements", lambda: F.group_norm(tg.ones(2, 4), 2, tg.ones(2))),
        (ArgumentError, "got 2 dimensions", lambda: F.local_response_norm(tg.ones(2, 3), 2)),
        (ArgumentError, "size is 0", lambda: F.local_response_norm(tg.ones(2, 3, 4), 0)),
    ],
)
def test_errors(kind, match, call):
    with pytest.raises(kind, match=match):
        call()


bn = F.batch_norm

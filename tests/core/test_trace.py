"""A step as a program: what is written down, and that running it again is the same as running the function."""

import re

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import errors
from tapegrad.core import Program, trace


def names(program):
    return [e.primitive.name for e in program.equations]


# -- the program ------------------------------------------------------------------------------------------------------


def test_the_printed_program():
    w = tg.ones(3, 2)
    program = trace(lambda x: (x @ w).tanh().sum(), tg.ones(4, 3), names={"weight": w})
    assert str(program) == (
        "program(x0: float32[4,3])\n"
        "  const weight: float32[3,2]\n"
        "  v3: float32[4,2] = matmul(x0, weight)\n"
        "  v4: float32[4,2] = tanh(v3)\n"
        "  v5: float32[] = sum(v4, dim=None, keepdim=False)\n"
        "  return v5"
    )
    assert repr(program) == str(program)


def test_equations_know_their_line():
    program = trace(lambda x: x.exp(), tg.ones(2))
    assert program.equations[0].where.split(":")[0] == __file__


def test_structured_results_come_back_in_their_form():
    program = trace(lambda x: {"a": [x + 1, (x * 2,)], "b": 3}, tg.ones(2))
    result = program(tg.zeros(2))
    assert result["a"][0].tolist() == [1.0, 1.0]
    assert result["a"][1][0].tolist() == [0.0, 0.0]
    assert result["b"] == 3


def test_named_pairs_come_back_as_named_pairs():
    program = trace(lambda x: x.sort(), tg.tensor([3.0, 1.0]))
    result = program(tg.tensor([5.0, 4.0]))
    assert result.values.tolist() == [4.0, 5.0]
    assert result.indices.tolist() == [1, 0]


def test_an_input_may_be_the_output():
    program = trace(lambda x: x, tg.ones(2))
    assert program(tg.tensor([1.0, 2.0])).tolist() == [1.0, 2.0]


def test_constants_are_read_where_they_are():
    """The program uses the arrays it found outside, so a later change of them is seen."""
    c = tg.ones(2)
    program = trace(lambda x: x * c, tg.ones(2))
    c.mul_(5)
    assert program(tg.ones(2)).tolist() == [5.0, 5.0]


def test_other_shapes_and_dtypes_are_refused():
    program = trace(lambda x: x * 2, tg.ones(2, 3))
    with pytest.raises(
        errors.ShapeError, match=r"program: x0 is float32\[4, 3\], traced as float32\[2, 3\]; trace again"
    ):
        program(tg.ones(4, 3))
    with pytest.raises(errors.ShapeError, match="x0 is float64"):
        program(tg.ones(2, 3, dtype=tg.float64))


def test_another_number_of_inputs_is_refused():
    program = trace(lambda x, y: x + y, tg.ones(1), tg.ones(1))
    with pytest.raises(errors.UsageError, match=r"program: 1 inputs, traced with 2; pass as many as then"):
        program(tg.ones(1))


def test_one_tensor_given_twice_is_refused():
    """The program could not tell the two inputs apart, and would be silently wrong for two different ones."""
    x = tg.tensor([2.0])
    with pytest.raises(errors.TraceError, match=r"trace: inputs x0 and x1 are the same tensor; clone\(\) one of them"):
        trace(lambda a, b: a * 10 + b, x, x)
    program = trace(lambda a, b: a * 10 + b, x, x.clone())
    assert program(tg.tensor([1.0]), tg.tensor([5.0])).tolist() == [15.0]


def test_a_write_to_an_input_reaches_the_callers_tensor():
    program = trace(lambda x: x.mul_(2), tg.ones(2))
    given = tg.tensor([1.0, 2.0])
    program(given)
    assert given.tolist() == [2.0, 4.0]


def test_an_input_that_is_a_constant_too_is_the_input():
    """A parameter may be handed in and used as a global at once."""
    w = tg.tensor([3.0])
    program = trace(lambda x: x * 2 + w, w)
    assert program(tg.tensor([1.0])).tolist() == [3.0]


def test_outputs_of_the_trace_itself_are_the_eager_ones():
    seen = []
    trace(lambda x: seen.append(x * 3) or seen[0], tg.tensor([2.0]))
    assert seen[0].tolist() == [6.0]


def test_traces_do_not_nest():
    with pytest.raises(errors.TraceError, match="a trace is running already"):
        trace(lambda x: trace(lambda y: y, x), tg.ones(1))
    assert isinstance(trace(lambda x: x + 1, tg.ones(1)), Program)


def test_a_failing_function_ends_the_trace():
    with pytest.raises(ValueError, match="boom"):
        trace(lambda x: (_ for _ in ()).throw(ValueError("boom")), tg.ones(1))
    assert (tg.ones(1) + 1).item() == 2.0


# -- values must not be read ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "read",
    [
        lambda t: t.item(),
        lambda t: float(t),
        lambda t: int(t),
        lambda t: bool(t),
        lambda t: t.tolist(),
        lambda t: t.numpy(),
        lambda t: np.asarray(t),
        lambda t: f"{t:.3f}",
        lambda t: 1.0 in t,
    ],
)
def test_reading_a_value_ends_the_trace_and_names_the_line(read):
    def step(x):
        y = x * 2
        read(y)
        return y

    with pytest.raises(errors.TraceError) as caught:
        trace(step, tg.tensor(1.0))
    assert re.search(
        rf"a value is read into Python at {re.escape(__file__)}:\d+ while the step is being traced", str(caught.value)
    )


def test_shapes_may_be_read():
    program = trace(lambda x: x.reshape(x.shape[0] * x.size(1)) * x.numel(), tg.ones(2, 3))
    assert program(tg.ones(2, 3)).tolist() == [6.0] * 6


# -- replay equals eager ----------------------------------------------------------------------------------------------


def forward(x, w, b):
    y = (x @ w + b).tanh()
    a, c = y[:, :1], y[:, 1:]
    return (a * c.exp()).sum() + y.mean()


def parameters(seed):
    rng = np.random.default_rng(seed)
    return [tg.tensor(rng.standard_normal(s), requires_grad=True) for s in ((3, 4), (4,))]


def batches(count):
    rng = np.random.default_rng(7)
    return [tg.tensor(rng.standard_normal((5, 3))) for _ in range(count)]


def test_replay_of_the_forward_pass():
    w, b = parameters(0)
    first, second = batches(2)
    program = trace(lambda x: forward(x, w, b), first)
    np.testing.assert_allclose(program(second).numpy(), forward(second, w, b).detach().numpy())


def test_replay_of_the_gradients():
    w, b = parameters(0)
    first, second = batches(2)

    def step(x):
        return tg.autograd.grad(forward(x, w, b), [w, b])

    program = trace(step, first)
    for got, want in zip(program(second), step(second), strict=True):
        np.testing.assert_allclose(got.numpy(), want.numpy())


def test_replay_of_second_order_gradients():
    w, b = parameters(0)
    first, second = batches(2)

    def step(x):
        (g,) = tg.autograd.grad(forward(x, w, b), w, create_graph=True)
        return tg.autograd.grad((g * g).sum(), b)[0]

    np.testing.assert_allclose(trace(step, first)(second).numpy(), step(second).numpy())


def sgd(w, b):
    def step(x):
        loss = forward(x, w, b)
        loss.backward()
        with tg.no_grad():
            for p in (w, b):
                p.add_(p.grad, alpha=-0.1)
                p.grad = None
        return loss

    return step


def test_replay_of_a_training_step():
    """Forward, backward and update: parameters are written where they are."""
    data = batches(6)
    eager, traced = parameters(0), parameters(0)
    eager_losses = [sgd(*eager)(x).item() for x in data]
    program = trace(sgd(*traced), data[0])
    losses = [program(x).item() for x in data[1:]]
    np.testing.assert_allclose(losses, eager_losses[1:])
    for p, q in zip(traced, eager, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy())
    assert "write" in names(program) or any(e.writes for e in program.equations)


def test_replay_of_momentum_kept_in_buffers():
    data = batches(6)

    def training(w, b):
        speed = [tg.zeros_like(p) for p in (w, b)]

        def step(x):
            loss = forward(x, w, b)
            loss.backward()
            with tg.no_grad():
                for p, v in zip((w, b), speed, strict=True):
                    v.mul_(0.9).add_(p.grad)
                    p.sub_(v * 0.1)
                    p.grad = None
            return loss

        return step

    eager, traced = parameters(1), parameters(1)
    step = training(*eager)
    expected = [step(x).item() for x in data]
    program = trace(training(*traced), data[0])
    np.testing.assert_allclose([program(x).item() for x in data[1:]], expected[1:])


def test_replay_of_gradients_that_accumulate():
    """With a .grad from before, the step adds to that memory."""
    data = batches(4)
    eager, traced = parameters(2), parameters(2)
    for w, b in (eager, traced):
        forward(data[0], w, b).backward()

    def step_of(w, b):
        def step(x):
            forward(x, w, b).backward()

        return step

    step = step_of(*eager)
    for x in data[1:]:
        step(x)
    program = trace(step_of(*traced), data[1])
    for x in data[2:]:
        program(x)
    for p, q in zip(traced, eager, strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy())


# -- writes in place --------------------------------------------------------------------------------------------------


def test_in_place_equations_are_arrows():
    program = trace(lambda x: (x * 2).add_(1), tg.ones(2))
    assert "<-" in str(program)
    assert program(tg.tensor([1.0, 2.0])).tolist() == [3.0, 5.0]


@pytest.mark.parametrize(
    "step",
    [
        lambda x: (x * 1).mul_(3).exp_(),
        lambda x: (x * 1).clamp_(min=0.5).sub_(0.25),
        lambda x: (x * 1).copy_(x.flip(0)),
        lambda x: (x * 1).zero_() + x,
        lambda x: (x * 1).t().mul_(2) + 1,
        lambda x: (x * 1).detach().add_(1),
    ],
)
def test_replay_of_writes(step):
    first, second = tg.tensor([[1.0, 2.0], [3.0, 4.0]]), tg.tensor([[0.5, -2.0], [0.1, 0.0]])
    program = trace(step, first)
    np.testing.assert_allclose(program(second).numpy(), step(second).numpy())


def test_replay_of_item_assignment():
    def step(x):
        y = x * 1
        y[0] = 5.0
        y[1:] = y[1:] * 2
        return y

    program = trace(step, tg.ones(3))
    assert program(tg.tensor([1.0, 2.0, 3.0])).tolist() == [5.0, 4.0, 6.0]


def test_replay_of_a_write_through_a_view_reaches_the_base():
    def step(x):
        y = x * 1
        y[:2].fill_(9.0)
        y.view(2, 2)[1].mul_(10)
        return y

    program = trace(step, tg.ones(4))
    assert program(tg.tensor([1.0, 2.0, 3.0, 4.0])).tolist() == [9.0, 9.0, 30.0, 40.0]


def test_replay_of_a_write_to_a_constant_reaches_it():
    state = tg.zeros(2)
    program = trace(lambda x: state.add_(x), tg.ones(2))
    assert state.tolist() == [1.0, 1.0]
    program(tg.tensor([2.0, 3.0]))
    assert state.tolist() == [3.0, 4.0]


def test_a_result_is_not_overwritten_by_the_next_run():
    program = trace(lambda x: (x * 2).add_(1), tg.ones(2))
    first = program(tg.ones(2))
    program(tg.zeros(2))
    assert first.tolist() == [3.0, 3.0]


# -- random numbers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "step",
    [
        lambda x, g: x + tg.rand(3, generator=g),
        lambda x, g: x + tg.randn(3, generator=g) * 2,
        lambda x, g: x + tg.randint(10, (3,), generator=g),
        lambda x, g: x[tg.randperm(3, generator=g)],
        lambda x, g: x.bernoulli(0.5, generator=g),
        lambda x, g: (x * 1).normal_(1.0, 2.0, generator=g),
        lambda x, g: (x * 1).uniform_(-1.0, 1.0, generator=g),
        lambda x, g: x.softmax(0).multinomial(2, generator=g),
    ],
)
def test_replay_draws_anew_from_the_same_stream(step):
    x, g, h = tg.tensor([1.0, 2.0, 3.0]), tg.Generator().manual_seed(3), tg.Generator().manual_seed(3)
    expected = [step(x, g).tolist() for _ in range(4)]
    program = trace(lambda t: step(t, h), x)
    assert [program(x).tolist() for _ in range(3)] == expected[1:]
    assert expected[1] != expected[2] or expected[2] != expected[3]


def test_random_equations_name_their_generator():
    assert "random_uniform(size=(2,)" in str(trace(lambda: tg.rand(2)))


# -- user functions ---------------------------------------------------------------------------------------------------


def test_functions_of_the_user_are_traced_through():
    class Double(tg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 7

    w = tg.ones(2, requires_grad=True)

    def step(x):
        return tg.autograd.grad((Double.apply(w) * x).sum(), w)[0]

    program = trace(step, tg.ones(2))
    assert program(tg.tensor([1.0, 2.0])).tolist() == [7.0, 14.0]


def test_a_matrix_gives_the_sum_of_its_diagonal():
    assert tg.trace(tg.tensor([[1.0, 2.0], [3.0, 4.0]])).item() == 5.0

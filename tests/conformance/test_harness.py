"""The comparison itself: it sees planted differences in values, kinds, derivatives and exceptions."""

import re

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")

import tapegrad as tg  # noqa: E402
from tapegrad.autograd import Function  # noqa: E402

from .case import Case, Subject, call_case, error_case  # noqa: E402
from .differences import DIFFERENCES, SIGNATURES, deliberate  # noqa: E402
from .engine import examine  # noqa: E402
from .expressions import run_expression  # noqa: E402
from .values import Meter, convert  # noqa: E402


class WrongGradient(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2.001 * g * x


class WrongSecond(Function):
    """The right gradient, as far as numbers go, that no second one comes from."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * g * (x.detach() * 2 - x)


def leaf():
    return torch.tensor([0.5, -1.5], dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize(
    ("ours", "word"),
    [
        (lambda x: x * x, None),
        (lambda x: x * x + 1e-5, "values differ"),
        (lambda x: (x * x).float(), "dtype"),
        (lambda x: (x * x)[:1], "shape"),
        (lambda x: (x * x).detach(), "gradient"),
        (lambda x: [x * x], "want a Tensor"),
        (WrongGradient.apply, "gradient: values differ"),
        (WrongSecond.apply, "gradient"),
    ],
)
def test_a_planted_difference_is_seen(ours, word):
    wrong = call_case(lambda x: x * x, ours, (leaf(),), {}, order=2)(Meter())
    assert (wrong is None) if word is None else word in wrong


def test_another_kind_of_exception_is_seen():
    def raises(kind):
        def call(x):
            raise kind("no")

        return call

    assert error_case(raises(ValueError), (leaf(),), {}, ValueError)(Meter()) is None
    assert "want ValueError" in error_case(raises(TypeError), (leaf(),), {}, ValueError)(Meter())
    assert "no error" in error_case(lambda x: x, (leaf(),), {}, ValueError)(Meter())


def test_expressions_are_compared():
    assert run_expression("a @ b.T", False)(Meter()) is None
    assert "2, want 1" in run_expression("1 if torch.__name__ == 'torch' else 2", False)(Meter())
    assert "AttributeError" in run_expression("torch.Tag", False)(Meter())


def test_a_tensor_given_twice_stays_one():
    x = leaf()
    (a, b), more = convert([(x, x), {"c": x}])
    assert a is b is more["c"]


def test_views_keep_their_place_in_memory():
    x = torch.arange(12.0).reshape(3, 4)[1:, ::2].t()
    y = convert(x)
    assert (y.stride(), y.storage_offset(), y.tolist()) == (x.stride(), x.storage_offset(), x.tolist())


def test_a_case_that_raises_counts_as_differing():
    def run(meter):
        raise KeyError("x")

    subject = Subject("none", "own", True, lambda fast: iter([Case("one", run), Case("two", lambda meter: None)]))
    record = examine(subject)
    assert (record.cases, record.agreeing, len(record.differing)) == (2, 1, 1)


def test_every_difference_has_a_pattern_and_a_reason():
    for name, what, reason in [*DIFFERENCES, *SIGNATURES]:
        assert name
        assert re.compile(what)
        assert len(reason) > 8
    assert deliberate("torch.dtype", "anything")
    assert deliberate("torch.exp", "anything") is None


def test_tapegrad_is_the_one_compared():
    assert tg.Tensor is not torch.Tensor


def test_what_shares_memory_does_so_in_the_copy():
    x = torch.arange(6.0)
    whole, part = convert([x, x[2:4]])
    part.fill_(9.0)
    assert whole.tolist() == [0.0, 1.0, 9.0, 9.0, 4.0, 5.0]
    assert x.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]

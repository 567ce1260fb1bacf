"""What every function that makes a tensor accepts: out, layout, pin_memory."""

import pytest

import tapegrad as tg
from tapegrad.errors import UsageError

MAKERS = [
    lambda m, **k: m.zeros(2, 3, **k),
    lambda m, **k: m.ones((2, 3), **k),
    lambda m, **k: m.full((2, 3), 2.5, **k),
    lambda m, **k: m.arange(6.0, **k),
    lambda m, **k: m.linspace(0, 1, 5, **k),
    lambda m, **k: m.logspace(0, 1, 5, **k),
    lambda m, **k: m.eye(3, **k),
]


@pytest.mark.parametrize("make", MAKERS)
def test_out_is_written_and_its_dtype_counts(make):
    torch = pytest.importorskip("torch")
    want, out = make(torch, out=torch.empty(0, dtype=torch.float64)), tg.empty(0, dtype=tg.float64)
    assert make(tg, out=out) is out
    assert out.dtype == tg.float64
    assert out.shape == tuple(want.shape)
    assert out.flatten().tolist() == pytest.approx(want.flatten().tolist())


@pytest.mark.parametrize("make", MAKERS)
def test_the_layout_and_pinning_change_nothing(make):
    assert tg.equal(make(tg, layout=tg.strided, pin_memory=True), make(tg))


def test_tensors_like_another_take_them_too():
    x = tg.ones(2, 2)
    assert (
        tg.zeros_like(x, layout=tg.strided, pin_memory=False).tolist() == x.new_zeros(2, 2, layout=tg.strided).tolist()
    )


def test_another_layout_is_refused():
    with pytest.raises(UsageError, match="layout"):
        tg.zeros(2, layout="sparse_coo")

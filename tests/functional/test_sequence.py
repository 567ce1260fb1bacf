"""Connectionist temporal classification, against PyTorch and against all alignments written out."""

import itertools

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.nn.functional as F
from tapegrad.errors import DTypeError, IndexRangeError, ShapeError

from .compare import second_order_error

torch = pytest.importorskip("torch")


def collapsed(path, blank):
    return [c for c, _ in itertools.groupby(path) if c != blank]


def test_all_alignments_counted(rng):
    probabilities = rng.dirichlet(np.ones(3), size=5)
    for labels in ([1, 2], [1, 1], [2]):
        paths = itertools.product(range(3), repeat=5)
        total = sum(
            np.prod([probabilities[t, c] for t, c in enumerate(path)]) for path in paths if collapsed(path, 0) == labels
        )
        logs = tg.tensor(np.log(probabilities)).unsqueeze(1)
        loss = F.ctc_loss(logs, tg.tensor([labels]), (5,), (len(labels),), reduction="sum")
        assert loss.item() == pytest.approx(-np.log(total))


def drawn(rng, concatenated):
    times, batch, classes, longest = (int(rng.integers(low, high)) for low, high in ((1, 9), (1, 4), (2, 6), (1, 4)))
    blank = int(rng.integers(0, classes))
    labels = rng.integers(0, classes - 1, (batch, longest))
    labels = labels + (labels >= blank)
    inputs, targets = rng.integers(0, times + 1, batch), rng.integers(0, longest + 1, batch)
    if concatenated:
        labels = np.concatenate([row[:n] for row, n in zip(labels, targets, strict=True)])
    return rng.standard_normal((times, batch, classes)), labels, inputs, targets, blank


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("zero_infinity", [True, False])
@pytest.mark.parametrize("concatenated", [True, False])
def test_agrees_with_pytorch(reduction, zero_infinity, concatenated, rng):
    for _ in range(12):
        x, labels, inputs, targets, blank = drawn(rng, concatenated)
        a, b = tg.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        lengths = tuple(map(int, inputs)), tuple(map(int, targets))
        ours = F.ctc_loss(a.log_softmax(2), tg.tensor(labels), *lengths, blank, reduction, zero_infinity)
        tensors = torch.tensor(inputs), torch.tensor(targets)
        theirs = torch.nn.functional.ctc_loss(
            b.log_softmax(2), torch.tensor(labels), *tensors, blank, reduction, zero_infinity
        )
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), atol=1e-10)
        if np.isfinite(theirs.detach().numpy()).all():
            ours.sum().backward()
            theirs.sum().backward()
            np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), atol=1e-10)


def test_lengths_as_tensors_and_a_single_sequence(rng):
    logs = tg.tensor(rng.standard_normal((6, 1, 4))).log_softmax(2)
    labels = tg.tensor([[1, 3]])
    batch = F.ctc_loss(logs, labels, (6,), (2,))
    assert F.ctc_loss(logs, labels, tg.tensor([6]), tg.tensor([2])).item() == batch.item()
    alone = F.ctc_loss(logs[:, 0], labels[0], tg.tensor(6), tg.tensor(2))
    assert alone.shape == ()
    assert alone.item() == pytest.approx(batch.item())


def test_second_derivatives(rng):
    def loss(x):
        labels = tg.tensor([[1, 2], [2, 2]])
        return F.ctc_loss(x.log_softmax(2), labels, (6, 5), (2, 2), reduction="none")

    assert second_order_error(loss, [rng.standard_normal((6, 2, 3))]) is None


def test_what_does_not_fit():
    logs, labels = tg.zeros(4, 2, 3), tg.tensor([[1, 2], [1, 1]])
    with pytest.raises(ShapeError, match="for 4 times"):
        F.ctc_loss(logs, labels, (5, 4), (2, 2))
    with pytest.raises(ShapeError, match="target_lengths"):
        F.ctc_loss(logs, labels, (4, 4), (3, 2))
    with pytest.raises(ShapeError, match="for a batch of 2"):
        F.ctc_loss(logs, labels, (4,), (2, 2))
    with pytest.raises(DTypeError, match="float32"):
        F.ctc_loss(logs, labels.float(), (4, 4), (2, 2))
    with pytest.raises(IndexRangeError, match="not among 3 classes"):
        F.ctc_loss(logs, labels + 2, (4, 4), (2, 2))

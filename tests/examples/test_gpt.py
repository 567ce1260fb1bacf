"""The small GPT: one file for both libraries, equal losses, compiled too; it writes text."""

import sys

import numpy as np
import pytest

from tests.conftest import ROOT

sys.path.insert(0, str(ROOT))
from benchmarks.gpt_curve import curve, drawn_batches, example, largest_difference

TEXT = "To be, or not to be, that is the question: Whether 'tis nobler in the mind to suffer " * 4
SMALL = {"context": 16, "layers": 2, "heads": 3, "width": 24, "characters": len(set(TEXT))}


@pytest.mark.parametrize("tied", [True, False])
def test_losses_equal_pytorchs(tied):
    pytest.importorskip("torch")
    batches = drawn_batches(TEXT, 16, 4, 30)
    sizes = SMALL | {"tied": tied}
    expected, _ = curve("torch", sizes, batches)
    assert expected[-1] < expected[0] - 0.3
    for compiled in (False, True):
        assert largest_difference(curve("tapegrad", sizes, batches, compiled=compiled)[0], expected) < 1e-10


def test_it_writes_characters():
    gpt = example("tapegrad")
    model = gpt.GPT(gpt.Config(**SMALL)).eval()
    written = model.generate(gpt.torch.zeros(2, 1, dtype=gpt.torch.long), 20)
    assert written.shape == (2, 21)
    assert 0 <= int(written.min()) <= int(written.max()) < SMALL["characters"]


def test_a_position_sees_nothing_of_what_follows():
    gpt = example("tapegrad")
    model = gpt.GPT(gpt.Config(**SMALL)).eval()
    numbers = np.random.default_rng(0).integers(0, SMALL["characters"], (1, 16))
    changed = numbers.copy()
    changed[0, 9:] = (changed[0, 9:] + 1) % SMALL["characters"]
    first, second = (model(gpt.torch.from_numpy(n)).detach().numpy() for n in (numbers, changed))
    np.testing.assert_array_equal(first[0, :9], second[0, :9])
    assert (first[0, 9:] != second[0, 9:]).any(axis=1).all()


@pytest.mark.slow
def test_fifty_steps_of_the_whole_network_equal_pytorchs(data_folder):
    pytest.importorskip("torch")
    text = (data_folder / "tinyshakespeare" / "input.txt").read_text(encoding="utf-8")
    batches = drawn_batches(text, 256, 4, 50)
    sizes = {"characters": len(set(text))}
    expected, _ = curve("torch", sizes, batches)
    for compiled in (False, True):
        assert largest_difference(curve("tapegrad", sizes, batches, compiled=compiled)[0], expected) < 1e-8

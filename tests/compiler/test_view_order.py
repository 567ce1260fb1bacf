"""A reshape that is a view of one order of memory and a copy of another computes the same in a program."""

import numpy as np

import tapegrad as tg
from tapegrad.nn import functional as F


def compiled_difference(function, *shapes):
    """The largest difference of a program's results over three calls; it must not have been refused."""
    compiled = tg.compile(function, target="numpy")
    rng = np.random.default_rng(0)
    found = []
    with tg.no_grad():
        for _ in range(3):
            inputs = [tg.tensor(rng.standard_normal(shape)) for shape in shapes]
            found.append(float(abs(compiled(*inputs) - function(*inputs)).max()))
    assert compiled.programs == 1
    assert compiled.refusals == []
    return max(found)


def test_turned_values_turned_back():
    def function(x):
        turned = tg.exp(x.transpose(1, 2))
        return (turned.transpose(1, 2).reshape(4, 15) * 2).sum(0)

    assert compiled_difference(function, (4, 3, 5)) < 1e-12


def test_heads_of_attention_beside_each_other():
    def function(x):
        heads = x.reshape(2, 5, 3, 4).transpose(1, 2)
        y = F.scaled_dot_product_attention(heads, heads, heads, is_causal=True)
        return y.transpose(1, 2).reshape(2, 5, 12) * 2

    assert compiled_difference(function, (2, 5, 12)) < 1e-12

"""How many multiply-adds each operation takes: one table by primitive name, and a default; and memory in words."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ...core import Variable

__all__ = ["BY_INPUT", "CUBIC", "FORMULAS", "FREE", "multiply_adds", "size_text"]

# What moves, makes, casts or names values, and computes none.
_MOVING = """
arange argsort bernoulli bernoulli_mask cast cat cat_parts clone conj constant_pad copy crop diag_embedded diagonal
diagonal_place embedding expand eye flip fold_windows full gather im2col imag index index_place index_put index_view
linspace max_pool_select multinomial one_hot permute pick_labels place_labels put_along_dim random_integers random_normal
random_permutation random_uniform real region region_fill region_write reshape roll scatter_max scatter_min searchsorted
split_with_sizes stack strided_take strided_view topk_indices transpose triangle_indices tril triu unbind view_as_complex
view_as_real view_dtype where windows write
"""
_REDUCING = "sum mean amax amin prod argmax argmin all any max_pool_gradient label_nll sum_to logsumexp cumsum cumprod"
_OF_MATRICES = "cholesky_factor det eigh_pair eig_pair inv lu_compact pseudo_inverse qr_pair slogdet_pair"
FREE = frozenset(_MOVING.split())
# So many for each element that goes in.
BY_INPUT = dict.fromkeys(_REDUCING.split(), 1) | dict.fromkeys(("var", "std", "p_norm"), 2)
BY_INPUT |= dict.fromkeys(("standardize", "softmax", "log_softmax", "safe_softmax", "softmax_cross_entropy"), 3)
# The cube of the last dimension, for each matrix.
CUBIC = frozenset(_OF_MATRICES.split())


def multiply_adds(equation: Any) -> int:
    """Return how many multiplications with addition an equation takes; a bias only gives the sum its start.

    ``linear`` and ``matmul``: each output times the length of the sums; ``conv``: each output times the weights of its
    channel; ``attention``: both products; recurrent layers: each step times the weights; pooling: each output times
    the window; reductions and normalisations: by the inputs; shape operations: 0; all others: 1 for each output.

    >>> import tapegrad as tg
    >>> program = tg.trace(tg.nn.Linear(20, 30), tg.zeros(8, 20))
    >>> [multiply_adds(e) for e in program.equations]
    [4800]
    """
    name = equation.primitive.name
    if name in FREE:
        return 0
    shapes: list[tuple[int, ...]] = [x.shape if isinstance(x, Variable) else () for x in equation.inputs]
    out = equation.outputs[0].shape
    if name in FORMULAS:
        return int(FORMULAS[name](shapes, out, equation))
    if name in BY_INPUT:
        return BY_INPUT[name] * math.prod(shapes[0])
    if name in CUBIC:
        return math.prod(shapes[0]) * shapes[0][-1]
    return math.prod(out)


def _linear(shapes: list, out: tuple, equation: Any) -> int:
    return math.prod(out) * shapes[1][-1]


def _matmul(shapes: list, out: tuple, equation: Any) -> int:
    return math.prod(out) * shapes[0][-1]


def _conv(shapes: list, out: tuple, equation: Any) -> int:
    return math.prod(out) * math.prod(shapes[1][1:])


def _conv_transpose(shapes: list, out: tuple, equation: Any) -> int:
    return math.prod(shapes[0]) * math.prod(shapes[1][1:])


def _contract(shapes: list, out: tuple, equation: Any) -> int:
    """Return the product of the sizes of all letters; what ``...`` stands for is in the first operand's shape or the output's."""
    terms = str(equation.keywords.get("equation", "")).partition("->")[0].split(",")
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=False):
        letters = [c for c in term if c.isalpha()]
        if "..." not in term and len(letters) == len(shape):
            sizes.update(zip(letters, shape, strict=True))
    return math.prod(sizes.values()) * max(len(terms) - 1, 1) if sizes else math.prod(out)


def _attention(shapes: list, out: tuple, equation: Any) -> int:
    scores = (*out[:-1], shapes[1][-2])
    return math.prod(scores) * (shapes[0][-1] + shapes[2][-1])


def _recurrent(first: int) -> Callable[[list, tuple, Any], int]:
    """Return the formula of a layer whose weights begin at the input of that place: each step of each sample uses them all."""

    def formula(shapes: list, out: tuple, equation: Any) -> int:
        weights = sum(math.prod(shape) for shape in shapes[first:] if len(shape) == 2)
        return math.prod(shapes[0][:-1]) * weights

    return formula


def _pool(shapes: list, out: tuple, equation: Any) -> int:
    return math.prod(out) * math.prod(equation.keywords.get("kernel_size", (1,)))


def _solve(shapes: list, out: tuple, equation: Any) -> int:
    return math.prod(shapes[0]) * (shapes[0][-1] + out[-1])


FORMULAS: dict[str, Callable[[list, tuple, Any], int]] = {
    "linear": _linear,
    "matmul": _matmul,
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "contract": _contract,
    "attention": _attention,
    "lstm_layer": _recurrent(3),
    "gru_layer": _recurrent(2),
    "rnn_layer": _recurrent(2),
    "max_pool": _pool,
    "avg_pool": _pool,
    "solve_matrix": _solve,
}


def size_text(size: int) -> str:
    """Return a size in bytes in words.

    >>> size_text(512), size_text(1536), size_text(5 * 2**20)
    ('512 B', '1.5 KiB', '5.0 MiB')
    """
    for unit, bits in (("EiB", 60), ("PiB", 50), ("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if size >= 1 << bits:
            return f"{size / (1 << bits):.1f} {unit}"
    return f"{size} B"

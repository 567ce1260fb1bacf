"""Sums of products over named dimensions: einsum and tensordot, by way of one clean primitive."""

from __future__ import annotations

import functools
import math
import string
from collections.abc import Sequence
from typing import Any

from ..core import Sample, Tensor, as_tensor, function, ops, primitive
from ..errors import ShapeError, UsageError

__all__ = ["einsum", "tensordot"]

# -- the primitive ----------------------------------------------------------------------------------------------------


def _contract_gradients(g, operands, equation, needs):
    """The gradient of one operand contracts the output's gradient with all the others."""
    left, output = equation.split("->")
    terms = left.split(",")
    gradients = []
    for i, wanted in enumerate(needs):
        others = [j for j in range(len(terms)) if j != i]
        swapped = ",".join([output, *(terms[j] for j in others)]) + "->" + terms[i]
        gradients.append(ops.contract(g, *(operands[j] for j in others), equation=swapped) if wanted else None)
    return tuple(gradients)


@primitive(
    promote="same",
    vjp=_contract_gradients,
    formula=r"\sum_k \prod_n x^{(n)}_{i_n}",
    derivative=r"\sum g \prod_{m \ne n} x^{(m)}",
    onnx="Einsum",
    samples=lambda: [
        Sample((2, 3), (3, 4), equation="ab,bc->ac"),
        Sample((2, 3), (3, 4), equation="ab,bc->ca"),
        Sample((2, 3, 4), (4, 2), equation="abc,ca->ba"),
        Sample((2, 3), (4,), equation="ab,c->cab"),
        Sample((3,), (3,), equation="a,a->"),
        Sample((), (2, 3), equation=",ab->ba"),
        Sample((2, 3), (3, 4), (4, 2), equation="ab,bc,cd->ad"),
        Sample((2, 3), (2, 4), (2, 5), equation="ab,ac,ad->bcd"),
        Sample((0, 3), (3, 2), equation="ab,bc->ac"),
        Sample((2, 0), (0, 3), equation="ab,bc->ac"),
    ],
    torch="",
)
def contract(xp, *operands, equation):
    """Return the sums of products of at least two operands that an equation like ``ab,bc->ac`` names.

    The equation is clean: letters do not repeat within an operand, every letter of an operand is in the output or in
    another operand, and sizes agree. :func:`einsum` brings any equation into that form.
    """
    left, output = equation.split("->")
    terms = left.split(",")
    arrays = list(operands)
    for i, j in _pair_order(tuple(terms), tuple(a.shape for a in operands), output):
        second, first = arrays.pop(j), arrays.pop(i)
        y, x = terms.pop(j), terms.pop(i)
        kept = output + "".join(terms)
        term = output if not terms else "".join(c for c in dict.fromkeys(x + y) if c in kept)
        arrays.append(_multiply(xp, first, x, second, y, term))
        terms.append(term)
    return arrays[0]


@functools.lru_cache(maxsize=256)
def _pair_order(
    terms: tuple[str, ...], shapes: tuple[tuple[int, ...], ...], output: str
) -> tuple[tuple[int, int], ...]:
    """Return which two operands to multiply next, each time the pair whose product grows memory the least."""
    sizes = {c: n for term, shape in zip(terms, shapes, strict=True) for c, n in zip(term, shape, strict=True)}
    remaining, order = list(terms), []
    while len(remaining) > 1:
        best: tuple[float, int, int, str] | None = None
        for i in range(len(remaining)):
            for j in range(i + 1, len(remaining)):
                kept = output + "".join(remaining[:i] + remaining[i + 1 : j] + remaining[j + 1 :])
                term = "".join(c for c in dict.fromkeys(remaining[i] + remaining[j]) if c in kept)
                growth = _size(term, sizes) - _size(remaining[i], sizes) - _size(remaining[j], sizes)
                if best is None or growth < best[0]:
                    best = (growth, i, j, term)
        assert best is not None
        _, i, j, term = best
        order.append((i, j))
        del remaining[j], remaining[i]
        remaining.append(term)
    return tuple(order)


def _size(term: str, sizes: dict[str, int]) -> int:
    return math.prod(sizes[c] for c in term)


def _multiply(xp: Any, first: Any, x: str, second: Any, y: str, output: str) -> Any:
    """Return the contraction of two arrays as one batched matrix product."""
    batch = [c for c in x if c in y and c in output]
    summed = [c for c in x if c in y and c not in output]
    rows = [c for c in x if c not in y]
    columns = [c for c in y if c not in x]
    sizes = dict(zip(x, first.shape, strict=True)) | dict(zip(y, second.shape, strict=True))
    shape = tuple(sizes[c] for c in [*batch, *rows, *columns])
    if not summed:
        product = _arrange(first, x, [*batch, *rows], len(columns)) * _spread(second, y, batch, len(rows), columns)
    else:
        b, r, k, n = (math.prod(sizes[c] for c in group) for group in (batch, rows, summed, columns))
        left = _order(first, x, [*batch, *rows, *summed]).reshape(b, r, k)
        right = _order(second, y, [*batch, *summed, *columns]).reshape(b, k, n)
        product = xp.matmul(left[0], right[0]) if b == 1 else xp.matmul(left, right)
    product = product.reshape(shape)
    return _order(product, "".join([*batch, *rows, *columns]), list(output))


def _order(array: Any, term: str, wanted: Sequence[str]) -> Any:
    return array.transpose([term.index(c) for c in wanted])


def _arrange(array: Any, term: str, wanted: Sequence[str], behind: int) -> Any:
    """Return the array with its dimensions in order and ``behind`` new ones at the end."""
    return _order(array, term, wanted)[(..., *[None] * behind)]


def _spread(array: Any, term: str, batch: Sequence[str], between: int, columns: Sequence[str]) -> Any:
    """Return the array with ``between`` new dimensions after the batch."""
    return _order(array, term, [*batch, *columns])[(*[slice(None)] * len(batch), *[None] * between)]


# -- the public functions ---------------------------------------------------------------------------------------------


@function()
def einsum(equation: Any, *operands: Any) -> Tensor:
    r"""Return the sums of products that an equation names, in Einstein's notation.

    Each operand's dimensions get letters; ``->`` is followed by those of the result. Letters that are not in the
    result are summed over; a letter twice in one operand takes its diagonal; ``...`` stands for any number of
    dimensions, which broadcast. Without ``->`` the result has the letters that occur once, in alphabetical order.
    Numbers may be used instead of letters: ``einsum(a, [0, 1], b, [1, 2], [0, 2])``.

    Raises UsageError for an equation that cannot be read, ShapeError when sizes disagree.
    Source: https://pytorch.org/docs/stable/generated/torch.einsum.html

    >>> import tapegrad as tg
    >>> a = tg.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> tg.einsum("ij,j->i", a, tg.tensor([1.0, 10.0]))
    tensor([21., 43.])
    >>> tg.einsum("ii", a)
    tensor(5.)
    """
    if not isinstance(equation, str):
        equation, operands = _from_lists((equation, *operands))
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    tensors = [as_tensor(t) for t in operands]
    terms, output = _parse(equation, tuple(t.shape for t in tensors))
    return _evaluate(tensors, list(terms), output)


def _from_lists(arguments: tuple) -> tuple[str, tuple]:
    """Return the equation and operands of the form ``einsum(a, [0, 1], b, [1, 2], [0, 2])``."""
    last = len(arguments) - len(arguments) % 2
    terms = [_letters_of(arguments[i + 1]) for i in range(0, last, 2)]
    output = "->" + _letters_of(arguments[-1]) if len(arguments) % 2 else ""
    return ",".join(terms) + output, arguments[:last:2]


def _letters_of(numbers: Sequence) -> str:
    try:
        return "".join("..." if n is Ellipsis else string.ascii_letters[n] for n in numbers)
    except (IndexError, TypeError):
        raise UsageError(
            "einsum", f"{numbers!r} is no list of dimensions", "use numbers from 0 to 51, and ..."
        ) from None


@functools.lru_cache(maxsize=256)
def _parse(equation: str, shapes: tuple) -> tuple[tuple[str, ...], str]:
    """Return the letters of each operand and of the result, ellipses written out as digits that count from the right."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(shapes):
        raise UsageError(
            "einsum", f"'{equation}' names {len(terms)} operands, {len(shapes)} are given", "give one each"
        )
    spans = [_span(term, shape, i, equation) for i, (term, shape) in enumerate(zip(terms, shapes, strict=True))]
    terms = [term.replace("...", _digits(span)) for term, span in zip(terms, spans, strict=True)]
    _check_sizes(shapes, terms)
    widest = _digits(max(spans))
    if arrow:
        output = right.replace("...", widest)
        _check_output(output, right, terms, equation)
    else:
        letters = [c for term in terms for c in term if c.isalpha()]
        output = widest + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    return tuple(terms), output


def _digits(span: int) -> str:
    """Return the names of an ellipsis's dimensions; the same from the right for every operand."""
    return "".join(chr(0x2080 + i) for i in range(span, 0, -1))


def _span(term: str, shape: tuple, i: int, equation: str) -> int:
    """Return how many dimensions an operand's ellipsis stands for."""
    letters = term.replace("...", "", 1)
    wrong = [c for c in letters if c not in string.ascii_letters]
    if wrong:
        raise UsageError(
            "einsum", f"'{wrong[0]}' in '{equation}' is no letter", "use a-z, A-Z, and ... once per operand"
        )
    span = len(shape) - len(letters)
    if span < 0 or (span > 0 and "..." not in term):
        raise ShapeError(
            "einsum",
            f"operand {i} has shape {tuple(shape)}, but '{term}' names {len(letters)} dimensions",
            f"name {len(shape)}, or use ...",
        )
    return span


def _check_sizes(shapes: Sequence, terms: list[str]) -> None:
    sizes: dict[str, int] = {}
    for i, (shape, term) in enumerate(zip(shapes, terms, strict=True)):
        for c, n in zip(term, shape, strict=True):
            held = sizes.setdefault(c, n)
            if held == 1:
                sizes[c] = n
            elif n not in (1, held):
                raise ShapeError(
                    "einsum",
                    f"'{c}' has size {n} in operand {i} of shape {tuple(shape)}, but {held} before",
                    f"make both {held}, or one of them 1",
                )


def _check_output(output: str, right: str, terms: list[str], equation: str) -> None:
    known = set("".join(terms))
    for c in output:
        if c not in known:
            raise UsageError(
                "einsum", f"'{c}' in the result of '{equation}' is in no operand", "use the operands' letters"
            )
        if output.count(c) > 1:
            raise UsageError("einsum", f"'{c}' is twice in the result of '{equation}'", "name each letter once")
    if "." in output or right.count("...") > 1:
        raise UsageError("einsum", f"'{right}' is no result", "use letters, and ... once")


def _evaluate(operands: list, terms: list[str], output: str) -> Tensor:
    """Bring the equation into the form of :func:`contract`, and contract."""
    for i, term in enumerate(terms):
        operands[i], terms[i] = _take_diagonals(operands[i], term)
    for i, term in enumerate(terms):
        operands[i], terms[i] = _drop_ones(operands[i], term, i, operands, terms)
    for i, term in enumerate(terms):
        operands[i], terms[i] = _sum_alone(operands[i], term, output + "".join(terms[:i] + terms[i + 1 :]))
    if len(operands) > 1:
        return ops.contract(*operands, equation=",".join(terms) + "->" + output)
    order = tuple(terms[0].index(c) for c in output)
    return operands[0] if order == tuple(range(len(order))) else operands[0].permute(order)


def _take_diagonals(t: Any, term: str) -> tuple[Any, str]:
    """Return the operand with one dimension for each letter."""
    for c in dict.fromkeys(term):
        while term.count(c) > 1:
            first = term.index(c)
            second = term.index(c, first + 1)
            if t.shape[first] != t.shape[second]:
                raise ShapeError(
                    "einsum",
                    f"the two dimensions '{c}' of shape {tuple(t.shape)} differ",
                    "take the diagonal of squares",
                )
            t = t.diagonal(0, first, second)
            term = term[:first] + term[first + 1 : second] + term[second + 1 :] + c
    return t, term


def _drop_ones(t: Any, term: str, i: int, operands: list, terms: list[str]) -> tuple[Any, str]:
    """Return the operand without the dimensions of size 1 that another operand also has."""
    others = set("".join(terms[:i] + terms[i + 1 :]))
    drop = [d for d, c in enumerate(term) if t.shape[d] == 1 and c in others]
    if not drop:
        return t, term
    kept = [d for d in range(t.ndim) if d not in drop]
    return t.reshape(tuple(t.shape[d] for d in kept)), "".join(term[d] for d in kept)


def _sum_alone(t: Any, term: str, elsewhere: str) -> tuple[Any, str]:
    """Return the operand summed over the letters that nothing else names."""
    alone = tuple(d for d, c in enumerate(term) if c not in elsewhere)
    return (t.sum(alone), "".join(c for c in term if c in elsewhere)) if alone else (t, term)


@function()
def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """Return the sums of products over pairs of dimensions, the other dimensions of both behind one another.

    ``dims``: how many, the last of ``a`` against the first of ``b``; or two lists of dimensions, taken pairwise.
    Raises ShapeError when the sizes of a pair differ.
    Source: https://pytorch.org/docs/stable/generated/torch.tensordot.html

    >>> import tapegrad as tg
    >>> tg.tensordot(tg.ones(2, 3, 4), tg.ones(3, 4, 5), dims=2).shape
    tapegrad.Size([2, 5])
    """
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if not 0 <= dims <= min(a.ndim, b.ndim):
            raise ShapeError(
                "tensordot", f"dims={dims} for shapes {tuple(a.shape)} and {tuple(b.shape)}", "use fewer dimensions"
            )
        dims = (range(a.ndim - dims, a.ndim), range(dims))
    first, second = ([d + t.ndim if d < 0 else d for d in group] for t, group in zip((a, b), dims, strict=True))
    if len(first) != len(second):
        raise ShapeError("tensordot", f"dims {list(first)} against {list(second)}", "name equally many of both")
    names = [chr(0x4E00 + i) for i in range(a.ndim + b.ndim)]
    left, right = names[: a.ndim], names[a.ndim :]
    for d, e in zip(first, second, strict=True):
        if a.shape[d] != b.shape[e] and 1 not in (a.shape[d], b.shape[e]):
            raise ShapeError(
                "tensordot",
                f"dim {d} of shape {tuple(a.shape)} has size {a.shape[d]}, dim {e} of {tuple(b.shape)} has {b.shape[e]}",
                f"the second should have size {a.shape[d]} there",
            )
        right[e] = left[d]
    output = [c for i, c in enumerate(left) if i not in first] + [c for i, c in enumerate(right) if i not in second]
    return _evaluate([a, b], ["".join(left), "".join(right)], "".join(output))

"""Sums of products over named dimensions: einsum and tensordot, by way of one clean primitive."""

from __future__ import annotations

import functools
import math
import string
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..core import Sample, Tensor, as_tensor, function, ops, primitive
from ..core.given import write_given
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
    arrays = list(operands)
    for step in _steps(equation, tuple(a.shape for a in operands)):
        second, first = arrays.pop(step.j), arrays.pop(step.i)
        left = first.transpose(step.left_order).reshape(step.left_shape)
        right = second.transpose(step.right_order).reshape(step.right_shape)
        product = xp.matmul(left, right) if step.sums else left * right
        arrays.append(product.reshape(step.shape).transpose(step.order))
    return arrays[0]


class _Step(NamedTuple):
    """How to multiply operands i and j: as a batched matrix product, or element by element where nothing is summed."""

    i: int
    j: int
    sums: bool
    left_order: tuple[int, ...]
    left_shape: tuple[int, ...]
    right_order: tuple[int, ...]
    right_shape: tuple[int, ...]
    shape: tuple[int, ...]
    order: tuple[int, ...]


@functools.lru_cache(maxsize=512)
def _steps(equation: str, shapes: tuple[tuple[int, ...], ...]) -> tuple[_Step, ...]:
    """Return the products to compute, each time the pair of operands whose product grows memory the least."""
    left, output = equation.split("->")
    terms = left.split(",")
    sizes = {c: n for term, shape in zip(terms, shapes, strict=True) for c, n in zip(term, shape, strict=True)}
    steps = []
    while len(terms) > 1:
        pairs = [(i, j) for i in range(len(terms)) for j in range(i + 1, len(terms))]
        i, j = min(pairs, key=lambda p: _growth(*p, terms, output, sizes))
        term = output if len(terms) == 2 else _product_term(i, j, terms, output)
        steps.append(_step(i, j, terms[i], terms[j], term, sizes))
        terms = [t for k, t in enumerate(terms) if k not in (i, j)] + [term]
    return tuple(steps)


def _product_term(i: int, j: int, terms: list[str], output: str) -> str:
    """Return the letters of operands i and j that are still wanted once they are multiplied."""
    kept = output + "".join(t for k, t in enumerate(terms) if k not in (i, j))
    return "".join(c for c in dict.fromkeys(terms[i] + terms[j]) if c in kept)


def _growth(i: int, j: int, terms: list[str], output: str, sizes: dict[str, int]) -> int:
    made, first, second = (
        math.prod(sizes[c] for c in term) for term in (_product_term(i, j, terms, output), terms[i], terms[j])
    )
    return made - first - second


def _step(i: int, j: int, x: str, y: str, output: str, sizes: dict[str, int]) -> _Step:
    batch = [c for c in x if c in y and c in output]
    summed = [c for c in x if c in y and c not in output]
    rows = [c for c in x if c not in y]
    columns = [c for c in y if c not in x]
    b, r, k, n = (tuple(sizes[c] for c in group) for group in (batch, rows, summed, columns))
    if summed:
        outer = (math.prod(b),) if math.prod(b) != 1 else ()
        left_shape = (*outer, math.prod(r), math.prod(k))
        right_shape = (*outer, math.prod(k), math.prod(n))
    else:
        left_shape = (*b, *r, *(1 for _ in n))
        right_shape = (*b, *(1 for _ in r), *n)
    product = [*batch, *rows, *columns]
    return _Step(
        i=i,
        j=j,
        sums=bool(summed),
        left_order=tuple(x.index(c) for c in [*batch, *rows, *summed]),
        left_shape=left_shape,
        right_order=tuple(y.index(c) for c in [*batch, *summed, *columns]),
        right_shape=right_shape,
        shape=(*b, *r, *n),
        order=tuple(product.index(c) for c in output),
    )


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
    shapes = tuple(t.shape for t in tensors)
    terms, output = _parse(equation, shapes)
    clean = _clean(terms, shapes, output)
    return _evaluate(tensors, list(terms), output) if clean is None else ops.contract(*tensors, equation=clean)


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


@functools.lru_cache(maxsize=256)
def _clean(terms: tuple[str, ...], shapes: tuple, output: str) -> str | None:
    """Return the equation for :func:`contract` when the operands need no preparation."""
    for i, (term, shape) in enumerate(zip(terms, shapes, strict=True)):
        others = "".join(terms[:i] + terms[i + 1 :])
        doubled = len(set(term)) < len(term)
        alone = any(c not in others and c not in output for c in term)
        stretched = any(n == 1 and c in others for c, n in zip(term, shape, strict=True))
        if doubled or alone or stretched:
            return None
    return ",".join(terms) + "->" + output if len(terms) > 1 else None


def _evaluate(operands: list, terms: list[str], output: str) -> Tensor:
    """Bring the equation into the form of :func:`contract`, and contract."""
    for i, term in enumerate(terms):
        operands[i], terms[i] = _take_diagonals(operands[i], term)
    for i, term in enumerate(terms):
        operands[i], terms[i] = _drop_ones(operands[i], term, i, terms)
    same = len({t.dtype for t in operands}) == 1
    for i, term in enumerate(terms):
        operands[i], terms[i] = _sum_alone(operands[i], term, output + "".join(terms[:i] + terms[i + 1 :]))
    if same and len({t.dtype for t in operands}) > 1:
        # Small integers, some of which have been added up.
        operands = [t.long() for t in operands]
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


def _drop_ones(t: Any, term: str, i: int, terms: list[str]) -> tuple[Any, str]:
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
    if not alone:
        return t, term
    rest = "".join(c for c in term if c in elsewhere)
    if all(t.shape[d] == 1 for d in alone):
        return t.reshape(tuple(n for d, n in enumerate(t.shape) if d not in alone)), rest
    return t.sum(alone), rest


@function()
def tensordot(a: Tensor, b: Tensor, dims: Any = 2, out: Any = None) -> Tensor:
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
    result = _evaluate([a, b], ["".join(left), "".join(right)], "".join(output))
    result = result if result.dtype == a.dtype else result.to(a.dtype)
    return result if out is None else write_given("tensordot", out, result, (a, b))

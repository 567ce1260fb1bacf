"""Operations that only arrange values: the way back arranges the gradients in the same way."""

from __future__ import annotations

from collections.abc import Callable

from .call import Call, bracketed
from .notation import number

__all__ = ["ARRANGE", "unstretched", "written_index"]


def _reshape(call: Call) -> str:
    return rf"\mathrm{{reshape}}({call['input']})"


def _reshape_backward(call: Call) -> dict[str, str]:
    return {"input": rf"\mathrm{{reshape}}\left({call.gradient}\right)"}


def _dims(call: Call) -> list[int]:
    rank = call.rank("input")
    if call.name == "permute":
        return [d % rank for d in call.keywords["dims"]]
    order = list(range(rank))
    a, b = (call.keywords[key] % rank for key in ("dim0", "dim1"))
    order[a], order[b] = order[b], order[a]
    return order


def _turns_matrices(order: list[int]) -> bool:
    last = len(order)
    return last >= 2 and order == [*range(last - 2), last - 1, last - 2]


def _permuted(order: list[int], text: str) -> str:
    if _turns_matrices(order):
        return rf"{text}^{{\top}}"
    return rf"\mathrm{{permute}}_{{{','.join(map(str, order))}}}{text}"


def _permute(call: Call) -> str:
    order = _dims(call)
    return _permuted(order, call["input"] if _turns_matrices(order) else f"({call['input']})")


def _permute_backward(call: Call) -> dict[str, str]:
    order = _dims(call)
    return {"input": _permuted([order.index(d) for d in range(len(order))], rf"\left({call.gradient}\right)")}


def _same(call: Call) -> str:
    return call["input"]


def _same_backward(call: Call) -> dict[str, str]:
    return {"input": call.gradient}


def _written(call: Call) -> str:
    return call["value"]


def _written_backward(call: Call) -> dict[str, str]:
    return {"value": call.gradient}


def _expand(call: Call) -> str:
    return rf"\mathrm{{expand}}({call['input']})"


def unstretched(call: Call, name: str, term: str) -> str:
    """Return a term of the output's shape, added up over the dimensions in which an input was broadcast."""
    shape, out = call.shapes[name] or (), call.out_shapes[0]
    if shape == out:
        return term
    before = len(out) - len(shape)
    lost = [d for d in range(len(out)) if d < before or (shape[d - before] == 1 and out[d] != 1)]
    where = "" if len(lost) == len(out) else rf"_{{\mathrm{{dim}}\,{','.join(map(str, lost))}}}"
    return rf"\sum{where} {bracketed(term)}" if lost else term


def _expand_backward(call: Call) -> dict[str, str]:
    return {"input": unstretched(call, "input", call.gradient)}


# -- parts ----------------------------------------------------------------------------------------------------------------


def written_index(layout: object) -> str:
    """Return an index as Python writes it.

    >>> written_index((0, slice(None, 3), None, ...))
    '0, :3, None, ...'
    """
    if isinstance(layout, tuple):
        return ", ".join(map(written_index, layout))
    if isinstance(layout, slice):
        ends = ("" if end is None else str(end) for end in (layout.start, layout.stop))
        return ":".join(ends) + (f":{layout.step}" if layout.step is not None else "")
    return "..." if layout is Ellipsis else str(layout)


def _chosen(text: str, layout: object) -> str:
    return rf"\left({text}\right)_{{[{written_index(layout)}]}}"


def _view(call: Call) -> str:
    return _chosen(call["input"], call.keywords["layout"])


def _view_backward(call: Call) -> dict[str, str]:
    """Put the gradient where the values came from, among zeros."""
    return {"input": rf"\mathrm{{place}}_{{[{written_index(call.keywords['layout'])}]}}\left({call.gradient}\right)"}


def _flip(call: Call) -> str:
    return _flipped(call, call["input"])


def _flip_backward(call: Call) -> dict[str, str]:
    return {"input": _flipped(call, call.gradient)}


def _flipped(call: Call, text: str) -> str:
    dims = ",".join(str(d % call.rank("input")) for d in call.keywords["dims"])
    return rf"\mathrm{{flip}}_{{{dims}}}\left({text}\right)"


def _pad(call: Call) -> str | None:
    if call.keywords["value"]:
        return None
    sizes = ",".join(f"{before},{after}" for before, after in call.keywords["padding"])
    return rf"\mathrm{{pad}}_{{{sizes}}}\left({call['input']}\right)"


def _pad_backward(call: Call) -> dict[str, str] | None:
    if any(n < 0 for pair in call.keywords["padding"] for n in pair):
        return None
    shape = call.shapes["input"] or ()
    inner = [slice(pair[0], pair[0] + n) for n, pair in zip(shape, call.keywords["padding"], strict=True)]
    return {"input": _chosen(call.gradient, tuple(inner))}


def _full(call: Call) -> str:
    value = call.keywords["fill_value"]
    return r"\mathbf{1}" if value == 1 else rf"{number(value)} \, \mathbf{{1}}"


def _nothing(call: Call) -> dict[str, str]:
    return {}


def _dim(call: Call) -> int:
    """Return the dimension along which values stand side by side."""
    rank = len(call.out_shapes[0]) if call.name in ("cat", "stack") else call.rank("input")
    return call.keywords["dim"] % rank


def _listed(call: Call, parts: list[str], stacked: bool, rank: int) -> str:
    """Return values side by side along a dimension, or stacked along a new one; the last one is not written."""
    name = "stack" if stacked else "cat"
    if not stacked and _dim(call) == rank - 1:
        return rf"\left[{', '.join(parts)}\right]"
    return rf"\mathrm{{{name}}}_{{{_dim(call)}}}\left[{', '.join(parts)}\right]"


def _parts(call: Call) -> str:
    """Return the parts along a dimension, with their sizes where these differ."""
    if call.name == "unbind":
        return rf"\mathrm{{unbind}}_{{{_dim(call)}}}({call['input']})"
    sizes = call.keywords["split_sizes"]
    each = rf"^{{{','.join(map(str, sizes))}}}" if len(set(sizes)) > 1 else ""
    return rf"\mathrm{{split}}_{{{_dim(call)}}}{each}({call['input']})"


def _parts_backward(call: Call) -> dict[str, str]:
    """Put the gradients of the parts side by side; where none came back, zeros."""
    parts = [g or "0" for g in call.g]
    return {"input": _listed(call, parts, call.name == "unbind", call.rank("input"))}


def _joined(call: Call) -> str:
    return _listed(call, [call[name] for name in call.inputs], call.name == "stack", len(call.out_shapes[0]))


def _joined_backward(call: Call) -> dict[str, str]:
    names, dim = list(call.inputs), _dim(call)
    sizes = [(call.shapes[name] or ())[dim] if call.name == "cat" else 1 for name in names]
    ends = [sum(sizes[: i + 1]) for i in range(len(names))]
    all_before = (slice(None),) * dim
    return {
        name: _chosen(call.gradient, (*all_before, slice(end - size, end) if call.name == "cat" else end - 1))
        for name, size, end in zip(names, sizes, ends, strict=True)
    }


ARRANGE: dict[str, tuple[Callable, Callable]] = {
    "reshape": (_reshape, _reshape_backward),
    "permute": (_permute, _permute_backward),
    "transpose": (_permute, _permute_backward),
    "clone": (_same, _same_backward),
    "cast": (_same, _same_backward),
    "write": (_written, _written_backward),
    "expand": (_expand, _expand_backward),
    "split_with_sizes": (_parts, _parts_backward),
    "unbind": (_parts, _parts_backward),
    "cat": (_joined, _joined_backward),
    "stack": (_joined, _joined_backward),
    "index_view": (_view, _view_backward),
    "flip": (_flip, _flip_backward),
    "constant_pad": (_pad, _pad_backward),
    "full": (_full, _nothing),
}

"""Operations that only arrange values: the way back arranges the gradients in the same way."""

from __future__ import annotations

from collections.abc import Callable

from .call import Call

__all__ = ["ARRANGE"]


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


def _expand_backward(call: Call) -> dict[str, str]:
    return {"input": rf"\sum {call.gradient}"}


def _parts(call: Call) -> str:
    return rf"\mathrm{{split}}({call['input']})"


def _parts_backward(call: Call) -> dict[str, str]:
    """Put the gradients of the parts side by side; where none came back, zeros."""
    return {"input": rf"\left[{', '.join(g or '0' for g in call.g)}\right]"}


def _joined(call: Call) -> str:
    return rf"\left[{', '.join(call[name] for name in call.inputs)}\right]"


def _joined_backward(call: Call) -> dict[str, str]:
    names = list(call.inputs)
    return {name: rf"\mathrm{{part}}_{{{names.index(name) + 1}}}\left({call.gradient}\right)" for name in call.wants}


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
}

"""Operations that do more than work element by element: what they compute, and the chain rule through them, as matrices.

An operation without formulas here is written by its name, and the chain rule through it with its Jacobian.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ...core import REGISTRY
from .arrange import ARRANGE, unstretched, written_index
from .call import ONE, Call, at, bracketed, product, scaled
from .elementwise import elementwise_backward, elementwise_forward
from .notation import number, plain
from .recurrent import RECURRENT, RECURRENT_ELEMENT
from .windows import ELEMENT, INPUT_ELEMENT, WINDOWS

__all__ = ["backward_of", "element_of", "forward_of"]

_Pair = tuple[Callable[[Call], "str | None"], Callable[[Call], "dict[str, str] | None"]]


def forward_of(call: Call) -> str:
    """Return what an operation computes, as the right side of its first output's formula."""
    right = _OPERATIONS[call.name][0](call) if call.name in _OPERATIONS else None
    if right is None and _elementwise(call):
        right = elementwise_forward(call)
    return _by_name(call) if right is None else right


def backward_of(call: Call) -> dict[str, tuple[str, str]]:
    """Return what each wanted input gets of the gradient of the outputs, and of which element that is the formula.

    The element is an empty string where the formula is of all together.
    """
    found = _OPERATIONS[call.name][1](call) if call.name in _OPERATIONS else None
    if found is None and _elementwise(call):
        found = elementwise_backward(call)
    if found is None:
        return {name: (_by_jacobian(call, name), "") for name in call.wants}
    return {name: (found[name], _ELEMENTS.get((call.name, name), "")) for name in call.wants}


def element_of(call: Call) -> str:
    """Return of which element of the output an operation's formula is; an empty string where it is of all together."""
    written = call.name in ELEMENT and _OPERATIONS[call.name][0](call) is not None
    return ELEMENT[call.name] if written else ""


def _elementwise(call: Call) -> bool:
    return call.name in REGISTRY and REGISTRY[call.name].elementwise


def _by_name(call: Call) -> str:
    given = [call[name] for name, value in call.inputs.items() if value is not None]
    options = [rf"\mathrm{{{plain(f'{name}={_option(v)}')}}}" for name, v in call.keywords.items() if v is not None]
    return rf"\mathrm{{{plain(call.name)}}}({', '.join(given + options)})"


def _option(value: object) -> str:
    """Return an option as it would be written in an index: slices with colons."""
    return f"({written_index(tuple(value))})" if isinstance(value, (tuple, list)) else written_index(value)


def _by_jacobian(call: Call, name: str) -> str:
    terms = []
    for out, g in zip(call.out, call.g, strict=True):
        if g is not None:
            jacobian = rf"\left(\frac{{\partial {out}}}{{\partial {call[name]}}}\right)^{{\top}}"
            terms.append(jacobian if g == ONE else rf"{jacobian} {g}")
    return " + ".join(terms)


def _turned(text: str) -> str:
    return rf"{bracketed(text)}^{{\top}}" if not text.startswith(r"\frac") else rf"\left({text}\right)^{{\top}}"


# -- matrices -----------------------------------------------------------------------------------------------------------


def _rows(call: Call, name: str, text: str) -> str:
    """Return a matrix of the rows of what has more than two dimensions."""
    return text if call.rank(name) <= 2 else rf"\mathrm{{rows}}\left({text}\right)"


def _linear(call: Call) -> str:
    bias = f" + {call['bias']}" if call.has("bias") else ""
    return rf"{call['input']} \, {_turned(call['weight'])}{bias}"


def _linear_backward(call: Call) -> dict[str, str]:
    g = _rows(call, "input", call.gradient)
    result = {
        "input": rf"{call.gradient} \, {call['weight']}",
        "weight": rf"{_turned(g)} \, {_rows(call, 'input', call['input'])}",
    }
    # A column of ones adds the rows up.
    return result | {"bias": rf"{_turned(g)} \, \mathbf{{1}}"}


def _matmul(call: Call) -> str | None:
    return rf"{call['input']} \, {call['other']}" if _are_matrices(call) else None


def _matmul_backward(call: Call) -> dict[str, str] | None:
    if not _are_matrices(call):
        return None
    terms = {
        "input": rf"{call.gradient} \, {_turned(call['other'])}",
        "other": rf"{_turned(call['input'])} \, {call.gradient}",
    }
    batch = call.out_shapes[0][:-2]
    return {
        name: term if (call.shapes[name] or ())[:-2] == batch else rf"\sum {bracketed(term)}"
        for name, term in terms.items()
    }


def _are_matrices(call: Call) -> bool:
    return min(call.rank("input"), call.rank("other")) >= 2


def _embedding(call: Call) -> str:
    return rf"\mathrm{{onehot}}({call['indices']}) \, {call['weight']}"


def _embedding_backward(call: Call) -> dict[str, str]:
    # Each entry of the indices is a row.
    g = call.gradient if call.rank("indices") <= 1 else rf"\mathrm{{rows}}\left({call.gradient}\right)"
    without = call.keywords["padding_idx"]
    chosen = "" if without < 0 else rf"_{{\neq {without}}}"
    # The pseudoinverse takes the mean of a row's gradients where the transpose takes their sum.
    turned = "+" if call.keywords["scale_grad_by_freq"] else r"\top"
    return {"weight": rf"\mathrm{{onehot}}{chosen}({call['indices']})^{{{turned}}} \, {g}"}


def _scale(call: Call) -> str:
    scale = call.keywords["scale"]
    size = round(scale**-2) if scale > 0 else 0
    return rf"\frac{{1}}{{\sqrt{{{size}}}}}" if size > 1 and math.isclose(size**-0.5, scale) else number(scale)


def _scores(call: Call) -> str:
    mask = f" + {call['mask']}" if call.has("mask") else ""
    causal = " + M" if call.keywords["causal"] else ""
    return rf"{_scale(call)} \, {call['query']} \, {_turned(call['key'])}{mask}{causal}"


def _attention(call: Call) -> str:
    p = f"P_{{{call.mark}}}"
    causal = r", \quad M_{ij} = -\infty \, [j > i]" if call.keywords["causal"] else ""
    return rf"{p} \, {call['value']}, \quad {p} = \mathrm{{softmax}}\left({_scores(call)}\right){causal}"


def _attention_backward(call: Call) -> dict[str, str]:
    g, p, s = call.gradient, f"P_{{{call.mark}}}", f"S_{{{call.mark}}}"
    inner = rf"{p} \odot \left({g} \, {_turned(call['value'])}\right)"
    spread = rf"{s} = {inner} - {p} \odot \sum_{{\mathrm{{dim}}\,-1}} {bracketed(inner)}"
    scale = _scale(call)
    return {
        "query": rf"{scale} \, {s} \, {call['key']}, \quad {spread}",
        "key": rf"{scale} \, {s}^{{\top}} \, {call['query']}, \quad {spread}",
        "value": rf"{p}^{{\top}} \, {g}",
    }


# -- sums, means and what divides by them ---------------------------------------------------------------------------------


def _dims(call: Call) -> tuple[int, ...]:
    rank, dim = call.rank("input"), call.keywords.get("dim")
    chosen = tuple(range(rank)) if dim is None or dim == () else (dim,) if isinstance(dim, int) else tuple(dim)
    return tuple(sorted(d % rank for d in chosen)) if rank else ()


def _over(call: Call) -> str:
    """Return the index of a sum over some of the dimensions; nothing for all of them."""
    dims = _dims(call)
    return "" if len(dims) == call.rank("input") else rf"_{{\mathrm{{dim}}\,{','.join(map(str, dims))}}}"


def _share(call: Call) -> str:
    return rf"\frac{{1}}{{{call.count('input', _dims(call))}}}"


def _sum(call: Call) -> str:
    return rf"\sum{_over(call)} {call['input']}"


def _repeated(call: Call, share: str) -> str:
    """Return the gradient of a sum for each of the elements, times a share."""
    if not call.out_shapes[0]:
        return scaled(call.gradient, share, r"\mathbf{1}")
    lost = "" if call.keywords.get("keepdim") else f"_{{{','.join(map(str, _dims(call)))}}}"
    return scaled(rf"\mathrm{{expand}}{lost}\left({call.gradient}\right)", share, "")


def _sum_backward(call: Call) -> dict[str, str]:
    return {"input": _repeated(call, "")}


def _mean(call: Call) -> str:
    return rf"{_share(call)} \sum{_over(call)} {call['input']}"


def _mean_backward(call: Call) -> dict[str, str]:
    return {"input": _repeated(call, _share(call))}


def _standardize(call: Call) -> str:
    x, over = call["input"], _over(call)
    mu = rf"\mu_{{{call.mark}}}"
    mean = rf"{mu} = {_share(call)} \sum{over} {x}"
    variance = rf"\sigma_{{{call.mark}}}^2 = {_share(call)} \sum{over} ({x} - {mu})^2"
    return rf"\frac{{{x} - {mu}}}{{{_spread(call)}}}, \quad {mean}, \quad {variance}"


def _spread(call: Call) -> str:
    return rf"\sqrt{{\sigma_{{{call.mark}}}^2 + {number(call.keywords['eps'])}}}"


def _standardize_backward(call: Call) -> dict[str, str] | None:
    if any(g is not None for g in call.g[1:]) or call.g[0] is None:
        return None
    g, y, over = call.gradient, call.out[0], rf"{_share(call)} \sum{_over(call)}"
    centred = rf"{g} - {over} {g} - {y} \odot {over} \left({g} \odot {y}\right)"
    return {"input": rf"\frac{{1}}{{{_spread(call)}}} \left({centred}\right)"}


def _affine(call: Call) -> str:
    weighed = rf"{call['weight']} \odot {call['input']}" if call.has("weight") else call["input"]
    return f"{weighed} + {call['bias']}" if call.has("bias") else weighed


def _affine_backward(call: Call) -> dict[str, str]:
    g = call.gradient
    return {
        "input": product(g, call["weight"]) if call.has("weight") else g,
        "weight": unstretched(call, "weight", product(g, call["input"])),
        "bias": unstretched(call, "bias", g),
    }


def _along(call: Call) -> str:
    return rf"_{{\mathrm{{dim}}\,{call.keywords['dim']}}}"


def _softmax(call: Call) -> str:
    x = call["input"]
    return rf"e^{{{x}}} / \sum{_along(call)} e^{{{x}}}"


def _softmax_backward(call: Call) -> dict[str, str]:
    g, y = call.gradient, call.out[0]
    return {"input": rf"{y} \odot \left({g} - \sum{_along(call)} {bracketed(product(g, y))}\right)"}


def _log_softmax(call: Call) -> str:
    x = call["input"]
    return rf"{x} - \ln \sum{_along(call)} e^{{{x}}}"


def _log_softmax_backward(call: Call) -> dict[str, str]:
    g = call.gradient
    return {"input": rf"{g} - e^{{{call.out[0]}}} \odot \sum{_along(call)} {g}"}


# -- losses -------------------------------------------------------------------------------------------------------------


def _of_rows(call: Call) -> bool:
    return call.rank("input") == 2 and call.rank("target") == 1 and not call.has("weight")


def _rows_share(call: Call) -> str:
    return rf"\frac{{1}}{{{call.count('input', (0,))}}}" if call.keywords["reduction"] == "mean" else ""


def _cross_entropy(call: Call) -> str | None:
    if not _of_rows(call) or call.keywords["reduction"] == "none":
        return None
    x = call["input"]
    picked = rf"\sum_n \ln P_{{n,{call['target']}_n}}"
    p = rf"P = e^{{{x}}} / \sum_{{\mathrm{{dim}}\,1}} e^{{{x}}}"
    return rf"-{_rows_share(call)} {picked}, \quad {p}"


def _cross_entropy_backward(call: Call) -> dict[str, str] | None:
    if _cross_entropy(call) is None or any(g is not None for g in call.g[1:]):
        return None
    difference = rf"\left(P - \mathrm{{onehot}}({call['target']})\right)"
    return {"input": scaled(call.gradient, _rows_share(call), difference)}


def _label_nll(call: Call) -> str | None:
    if not _of_rows(call) or call.keywords.get("reduction", "mean") == "none":
        return None
    return rf"-{_rows_share(call)} \sum_n {at(call['input'], 'n,' + call['target'] + '_n')}"


def _label_nll_backward(call: Call) -> dict[str, str] | None:
    if _label_nll(call) is None:
        return None
    return {"input": "-" + scaled(call.gradient, _rows_share(call), rf"\mathrm{{onehot}}({call['target']})")}


def _mask(call: Call) -> str:
    keep = number(round(1 - call.keywords["p"], 12))
    return rf"\mathrm{{Bernoulli}}({keep}) / {keep}"


def _nothing(call: Call) -> dict[str, str]:
    return {}


_OPERATIONS: dict[str, _Pair] = {
    "linear": (_linear, _linear_backward),
    "matmul": (_matmul, _matmul_backward),
    "embedding": (_embedding, _embedding_backward),
    "attention": (_attention, _attention_backward),
    "sum": (_sum, _sum_backward),
    "mean": (_mean, _mean_backward),
    "standardize": (_standardize, _standardize_backward),
    "affine": (_affine, _affine_backward),
    "softmax": (_softmax, _softmax_backward),
    "safe_softmax": (_softmax, _softmax_backward),
    "log_softmax": (_log_softmax, _log_softmax_backward),
    "softmax_cross_entropy": (_cross_entropy, _cross_entropy_backward),
    "label_nll": (_label_nll, _label_nll_backward),
    "bernoulli_mask": (_mask, _nothing),
    **ARRANGE,
    **WINDOWS,
    **{name: (_by_name, gradients) for name, gradients in RECURRENT.items()},
}
_ELEMENTS = {**INPUT_ELEMENT, **RECURRENT_ELEMENT}

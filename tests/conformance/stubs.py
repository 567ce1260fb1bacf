"""The signatures of PyTorch's functions, from wherever the installed wheel says them.

Functions in C have none at run time: they stand in the wheel's stubs (all overloads), or on the first line of the docstring.
"""

from __future__ import annotations

import ast
import functools
import inspect
import pathlib
import re
from dataclasses import dataclass

import torch

HOME = pathlib.Path(torch.__file__).parent
REQUIRED, SOME = "required", "some default"


@dataclass(frozen=True)
class Argument:
    """An argument of one form of a call; ``default`` is REQUIRED, SOME (not told) or Python text."""

    name: str
    default: str = REQUIRED
    keyword: bool = False
    star: bool = False


Form = tuple[Argument, ...]


def form_of(arguments: ast.arguments) -> Form:
    """A form from a parsed definition."""
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(plain) - len(arguments.defaults)) + list(arguments.defaults)
    form = [Argument(a.arg, _text(d)) for a, d in zip(plain, defaults, strict=True)]
    if arguments.vararg:
        form.append(Argument(arguments.vararg.arg, star=True))
    pairs = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return tuple(form + [Argument(a.arg, _text(d), keyword=True) for a, d in pairs])


def _text(default):
    if default is None:
        return REQUIRED
    if isinstance(default, ast.Constant) and default.value is Ellipsis:
        return SOME
    return ast.unparse(default)


def definitions(nodes):
    found: dict[str, list[Form]] = {}
    for node in nodes:
        if isinstance(node, ast.FunctionDef):
            found.setdefault(node.name, []).append(form_of(node.args))
    return found


@functools.cache
def functions() -> dict[str, list[Form]]:
    """Of ``torch``."""
    return definitions(ast.parse((HOME / "_C" / "_VariableFunctions.pyi").read_text()).body)


@functools.cache
def methods() -> dict[str, list[Form]]:
    """Of ``torch.Tensor``, without ``self``."""
    tree = ast.parse((HOME / "_C" / "__init__.pyi").read_text())
    body = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "TensorBase").body
    return {name: [f[1:] for f in forms] for name, forms in definitions(body).items()}


@functools.cache
def functionals() -> dict[str, list[Form]]:
    """Of ``torch.nn.functional``."""
    return definitions(ast.parse((HOME / "nn" / "functional.pyi").read_text()).body)


def form_of_signature(signature: inspect.Signature) -> Form:
    """A form from a signature known at run time; ``**kwargs`` says nothing."""
    form = []
    for p in signature.parameters.values():
        if p.kind is p.VAR_POSITIONAL:
            form.append(Argument(p.name, star=True))
        elif p.kind is not p.VAR_KEYWORD:
            default = REQUIRED if p.default is p.empty else repr(p.default)
            # What is given by position alone may have any name.
            form.append(Argument("_" * (p.kind is p.POSITIONAL_ONLY) + p.name, default, p.kind is p.KEYWORD_ONLY))
    return tuple(form)


def form_of_docstring(function) -> list[Form]:
    """From a first line such as ``fft(input, n=None, *, out=None) -> Tensor``."""
    text = " ".join((function.__doc__ or "").strip().split("\n\n")[0].split())
    match = re.match(r"(?:torch\.)?[\w.]+(\(.*?\))(?: *->.*| *$)", text)
    if not match:
        return []
    try:
        node = ast.parse(f"def f{match[1]}: ...").body[0]
    except SyntaxError:
        return []
    return [form_of(node.args)] if isinstance(node, ast.FunctionDef) else []


def forms(function, stubs: list[Form] | None = None, *, bound: bool = False) -> list[Form]:
    """All forms of a function of PyTorch's; ``bound`` leaves out its first argument."""
    try:
        signature = inspect.signature(function)
        kinds = [p.kind for p in signature.parameters.values()]
        if kinds != [inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD] or not stubs:
            form = form_of_signature(signature)
            return [form[1:] if bound else form]
    except (ValueError, TypeError):
        pass
    if stubs:
        return stubs
    return [f[1:] if bound and f and f[0].name in ("self", "input") else f for f in form_of_docstring(function)]

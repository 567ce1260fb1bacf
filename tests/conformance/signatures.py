"""The signatures of every public name beside PyTorch's: ``python -m tests.conformance.signatures [patterns]``.

Every form of call that PyTorch knows has to be accepted: with all arguments by position, with all by name, with the
required ones alone; and what is left out has to mean the same. Arguments of our own may stand after PyTorch's.
"""

from __future__ import annotations

import fnmatch
import inspect
import math
import sys

import torch

import tapegrad as tg
from tapegrad.core.methods import FUNCTIONS
from tapegrad.core.primitive import ALIASES, Primitive

from . import stubs
from .differences import SIGNATURES, listed
from .stubs import REQUIRED, SOME, Argument, Form

ROOMS = [
    "linalg", "fft", "special", "func", "autograd", "autograd.functional", "nn.functional", "nn.init", "nn.utils",
    "nn.utils.rnn", "nn.utils.parametrize", "nn.utils.parametrizations", "nn.utils.prune", "nn.utils.stateless",
    "utils.data", "distributions", "optim", "optim.lr_scheduler", "optim.swa_utils", "nn", "nn.parameter", "random", "amp",
    "sparse", "signal.windows", "testing", "masked", "accelerator", "cuda", "serialization", "autograd.graph",
    "utils.tensorboard", "compiler", "jit", "overrides", "utils.checkpoint", "distributions.kl", "distributions.constraints",
]  # fmt: skip
# Methods whose arguments matter besides __init__, for classes.
METHODS = [
    "forward", "step", "sample", "rsample", "log_prob", "cdf", "icdf", "entropy", "expand", "enumerate_support", "state_dict",
    "load_state_dict", "add_param_group", "zero_grad", "get_last_lr", "register_step_post_hook", "update_parameters",
    "log_prob", "append", "extend", "insert", "update", "pop", "apply", "save_for_backward",
]  # fmt: skip


def resolve(name, root):
    for part in name.split(".") if name else ():
        try:
            root = getattr(root, part)
        except (AttributeError, ImportError):
            return None
    return root


def closure(function):
    """What a method was made of: its primitive or its function."""
    cells = (
        dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        if hasattr(function, "__code__")
        else {}
    )
    return next((cells[k].cell_contents for k in ("primitive", "call") if k in cells), None)


def our_form(function) -> tuple[Form, bool, bool]:
    """Our arguments, whether any keyword is taken, and whether arrays' names and ``out`` come with the decorator."""
    inner = closure(function)
    if isinstance(inner, Primitive) or (inner is not None and inner in FUNCTIONS.values()):
        function = inner
    if isinstance(function, Primitive):
        if function.variadic:
            arguments = [
                Argument(function.inputs[0]),
                *(Argument(k, _default(v)) for k, v in function.keywords.items()),
            ]
            return tuple(arguments), False, True
        known = {**function.optional, **function.keywords}
        arguments = [Argument(n, _default(known[n]) if n in known else REQUIRED) for n in function.order]
        if function.star:
            arguments[-1] = Argument(function.star, star=True)
        return tuple(arguments), False, True
    signature = inspect.signature(function)
    rest = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    return stubs.form_of_signature(signature), rest, any(function is f for f in FUNCTIONS.values())


def _default(value):
    return REQUIRED if value is inspect.Parameter.empty else repr(value)


def problems(ours, forms: list[Form], *, bound=False) -> list[str]:
    """What keeps our function from taking the calls of all forms, in words."""
    mine, any_keyword, decorated = our_form(ours)
    mine = mine[1:] if bound and mine and not mine[0].star else mine
    found: list[str] = []
    places = _names_by_place(forms)
    for form in forms:
        for problem in _form_problems(mine, form, any_keyword, decorated, places):
            if problem not in found:
                found.append(problem)
    found += _default_problems(mine, forms)
    return found


def _names_by_place(forms):
    """Under which names PyTorch takes each place: it tells forms apart by kinds of values, ours share one argument."""
    places: dict[int, set[str]] = {}
    for form in forms:
        for place, argument in enumerate(a for a in form if not a.keyword and not a.star):
            places.setdefault(place, set()).add(argument.name)
    return places


def _form_problems(mine, form, any_keyword, decorated, places):
    positional = [a for a in mine if not a.keyword and not a.star]
    star = next((a for a in mine if a.star), None)
    names = {a.name for a in mine}
    theirs = [a for a in form if not a.keyword and not a.star]
    their_names = {a.name for a in form}
    for place, argument in enumerate(theirs):
        known = argument.name in names or any_keyword or (decorated and ALIASES.get(argument.name) in names)
        if star and place >= len(positional):
            # *size takes the numbers; the name has to be there as well, unless PyTorch has none for it.
            continue
        # Some overloads for a number call an argument self; nobody can give it by that name.
        if not known and not argument.name.startswith("_") and argument.name != "self":
            yield f"no argument '{argument.name}'"
        elif place >= len(positional):
            if not any_keyword:
                yield f"'{argument.name}' is not taken by position"
        elif positional[place].name not in places[place] and argument.name in names:
            yield f"argument {place + 1} is '{positional[place].name}', want '{argument.name}'"
    for argument in form:
        if (
            argument.keyword
            and not argument.name.startswith("_")
            and argument.name not in names
            and not any_keyword
            and not (decorated and argument.name == "out")
        ):
            yield f"no keyword '{argument.name}'"
        if argument.star and argument.name != "args" and not star and not (len(positional) > len(theirs)):
            yield f"no *{argument.name}"
    required = [a for a in mine if a.default == REQUIRED and not a.star]
    given = {a.name for a in form if a.default == REQUIRED or a.star}
    for place, argument in enumerate(required):
        if argument.name not in given and not (place < len(given) and argument.name not in their_names):
            yield f"'{argument.name}' is required"


# Defaults that say the same.
SAME = [{"None", "torch.preserve_format", "preserve_format", "torch.contiguous_format", "contiguous_format"}]
SAME += [{"None", "torch.strided", "strided"}, {"None", "False"}, {"None", "()"}]


def _default_problems(mine, forms):
    for argument in mine:
        theirs = {a.default for form in forms for a in form if a.name == argument.name}
        if argument.default == REQUIRED or not theirs or SOME in theirs or (len(theirs) > 1 and REQUIRED in theirs):
            continue
        if theirs != {REQUIRED} and not any(same_default(argument.default, d) for d in theirs):
            yield f"'{argument.name}' is {argument.default} by default, want {' or '.join(sorted(theirs))}"


def same_default(ours, theirs):
    if ours == theirs or any(ours in group and theirs in group for group in SAME):
        return True
    a, b = value(ours), value(theirs)
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b)
    return (a == b and a is not None) or ("<" in ours and "<" in theirs) or ("torch." in theirs and "<" in ours)


def value(text):
    try:
        return eval(
            text, {"__builtins__": {}}
        )  # a default of PyTorch's stubs: a number, a tuple, or a name unknown here
    except (NameError, AttributeError, SyntaxError):
        return None


def entries():
    """Name, our object, the forms of PyTorch's, and whether a first argument is ``self``; only names that both have."""
    for name in sorted(set(dir(torch))):
        yield from _entry("torch." + name, getattr(tg, name, None), getattr(torch, name), stubs.functions().get(name))
    for name in sorted(set(dir(torch.Tensor))):
        if name.startswith("_"):
            continue
        ours, theirs = getattr(tg.Tensor, name, None), getattr(torch.Tensor, name)
        if callable(ours) and callable(theirs):
            yield f"Tensor.{name}", ours, stubs.forms(theirs, stubs.methods().get(name), bound=True), True
    for room in ROOMS:
        ours, theirs = resolve(room, tg), resolve(room, torch)
        if ours is None or theirs is None:
            continue
        known = stubs.functionals() if room == "nn.functional" else {}
        for name in sorted(set(dir(theirs))):
            other = getattr(theirs, name, None)
            if room.startswith("nn.") and isinstance(other, type) and getattr(torch.nn, name, None) is other:
                continue
            if (getattr(other, "__module__", None) or "torch").startswith("torch"):
                yield from _entry(f"{room}.{name}", getattr(ours, name, None), other, known.get(name))
    for name in sorted(set(dir(torch.nn.Module))):
        ours, theirs = getattr(tg.nn.Module, name, None), getattr(torch.nn.Module, name)
        if not name.startswith("_") and callable(ours) and callable(theirs):
            yield f"nn.Module.{name}", ours, stubs.forms(theirs, bound=True), True


def _entry(name, ours, theirs, known):
    if name.split(".")[-1].startswith("_") or ours is None or not callable(ours) or not callable(theirs):
        return
    if isinstance(theirs, type):
        if not isinstance(ours, type) or issubclass(theirs, (BaseException, tuple)) or name == "torch.Tensor":
            return
        for method in ["__init__", *METHODS]:
            a, b = getattr(ours, method, None), vars(theirs).get(method)
            if callable(a) and callable(b) and inspect.isfunction(b) and inspect.isfunction(a):
                yield f"{name}.{method}", a, stubs.forms(b, bound=True), True
        return
    if isinstance(ours, type):
        return
    try:
        inspect.signature(theirs)
    except (ValueError, TypeError):
        known = known or stubs.form_of_docstring(theirs)
    yield name, ours, stubs.forms(theirs, known), False


def everything():
    """Each name with what differs."""
    seen = set()
    for name, ours, forms, bound in entries():
        if name in seen or not forms:
            continue
        seen.add(name)
        try:
            yield name, problems(ours, forms, bound=bound)
        except (ValueError, TypeError) as error:
            yield name, [f"no signature: {error}"]


def main():
    wanted, total, bad = sys.argv[1:] or ["*"], 0, 0
    for name, found in everything():
        if any(fnmatch.fnmatchcase(name, w) for w in wanted):
            found = [f for f in found if not listed(SIGNATURES, name, f)]
            total, bad = total + 1, bad + bool(found)
            if found:
                print(f"{name}: {'; '.join(found)}")
    print(f"{total - bad} of {total} signatures agree")


if __name__ == "__main__":
    main()

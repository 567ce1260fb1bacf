"""Parameters read from a function's code are those that ``inspect`` finds."""

import functools
import inspect

import pytest

from tapegrad.core import REGISTRY
from tapegrad.core.methods import FUNCTIONS
from tapegrad.core.parameters import parameters


def plain(a, b=2, *rest, c, d=4, **more):
    local = [a, b, rest, c]
    return local, d, more


@functools.wraps(plain)
def wrapped(*args, **kwargs):
    return plain(*args, **kwargs)


def says_its_own(*args, **kwargs):
    return args, kwargs


says_its_own.__wrapped__ = plain
says_its_own.__signature__ = inspect.signature(lambda input, *, out=None: 0)


def rules():
    for primitive in REGISTRY.values():
        yield primitive.kernel
        yield from [primitive.vjp] if callable(primitive.vjp) else filter(None, primitive.vjp or ())


@pytest.mark.parametrize(
    "function",
    [plain, wrapped, says_its_own, lambda: 0, lambda *, k=1: k, lambda *a: a, lambda **k: k, lambda a, /, b: a],
    ids=["all kinds", "wrapped", "signature", "none", "keyword", "rest", "more", "positional only"],
)
def test_each_kind(function):
    same_as_inspect(function)


def test_every_kernel_rule_and_function():
    for function in (*rules(), *FUNCTIONS.values()):
        same_as_inspect(function)


def same_as_inspect(function):
    found = parameters(function)
    wanted = inspect.signature(function).parameters
    kinds = {
        inspect.Parameter.VAR_POSITIONAL: found.rest,
        inspect.Parameter.VAR_KEYWORD: found.more,
    }
    assert list(found.names) == list(wanted)
    assert found.defaults == {n: p.default for n, p in wanted.items() if p.default is not p.empty}
    for name, parameter in wanted.items():
        if parameter.kind in kinds:
            assert kinds[parameter.kind] == name
        else:
            assert (name in found.keywords) is (parameter.kind is parameter.KEYWORD_ONLY)

"""One case: the same call in both, its result, its first and its second derivatives, or its error."""

from __future__ import annotations

import contextlib
import random
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

import tapegrad as tg

from .values import DTYPES, Incomparable, compare, convert, flat


@dataclass
class Case:
    """What is run, and its name in the list of differences; ``run(meter)`` gives None or what differs."""

    label: str
    run: Callable


@dataclass
class Subject:
    """A public name, and the cases that it is held to: ``cases(fast)``."""

    name: str
    kind: str
    present: bool
    cases: Callable


# Seeding devices that are not there would write down a stack each time, which takes longer than most cases.
for device in (torch.cuda, torch.xpu, torch.mtia):
    device.manual_seed_all = lambda seed: None


def seed(text):
    """The same samples whatever ran before."""
    number = zlib.crc32(text.encode())
    torch.manual_seed(number)
    np.random.seed(number)
    random.seed(number)
    tg.manual_seed(number)


@contextlib.contextmanager
def quiet():
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def weights_of(result, rng):
    """Numbers that make a scalar of a result, so that no gradient cancels by symmetry."""
    c = rng.standard_normal(tuple(result.shape))
    c = c + 1j * rng.standard_normal(tuple(result.shape)) if result.is_complex() else c
    return np.asarray(c)


def scalar(results, weights, module):
    total = 0
    for result, c in zip(results, weights, strict=True):
        c = module.from_numpy(c.copy()).to(result.dtype)
        product = (c * result).sum()
        total = total + (product.real if result.is_complex() else product)
    return total


def gradients(got, want, inputs, twins, order, meter, slack):
    """What differs between the derivatives of results by inputs, up to the order; None where nothing does."""
    results = [(g, w) for g, w in zip(flat(got, tg.Tensor), flat(want, torch.Tensor), strict=False) if w.requires_grad]
    if not results or not inputs:
        return None
    if any(not g.requires_grad for g, _ in results):
        return "gradient: the result does not require one"
    rng = np.random.default_rng(0)
    ours, theirs = zip(*results, strict=True)
    weights = [weights_of(w, rng) for w in theirs]
    for level in ("gradient", "second gradient")[:order]:
        again = order == 2 and level == "gradient"
        total = scalar(theirs, weights, torch)
        try:
            want_grads = torch.autograd.grad(total, inputs, allow_unused=True, create_graph=again)
        except (RuntimeError, NotImplementedError):
            return None
        got_grads = tg.autograd.grad(scalar(ours, weights, tg), twins, allow_unused=True, create_graph=again)
        for g, w in zip(got_grads, want_grads, strict=True):
            wrong = compare_gradient(g, w, meter, slack)
            if wrong:
                return f"{level}: {wrong}"
        # Where one of the two has no graph left, the other's second derivative has to be zero; PyTorch's says so or has none.
        pairs = [(g, w) for g, w in zip(got_grads, want_grads, strict=True) if w is not None and w.requires_grad]
        if not again or not pairs:
            return None
        if any(g is None or not g.requires_grad for g, _ in pairs):
            pairs = [(g, w) for g, w in pairs if g is not None and g.requires_grad]
            if not pairs:
                return None
        ours, theirs = zip(*pairs, strict=True)
        weights = [weights_of(w, rng) for w in theirs]
    return None


def compare_gradient(got, want, meter, slack):
    if got is None or want is None:
        other = want if got is None else got
        return None if other is None or not bool((other.detach() != 0).any()) else "None against values"
    return compare(got, want, meter, slack)


def call_case(theirs, ours, args, kwargs, *, order=1, values=True, same_object=False):
    """A run that calls both with the same arguments and compares; a refusal of PyTorch's makes no case."""

    def run(meter):
        with quiet():
            a, k = convert([args, kwargs])
            try:
                want = theirs(*args, **kwargs)
            except Exception as error:
                raise Incomparable(str(error)) from error
            if any(x.dtype not in DTYPES for x in flat(want, torch.Tensor)):
                raise Incomparable("a dtype that NumPy has not")
            got = ours(*a, **k)
            slack = precision([args, kwargs])
            wrong = compare(got, want, meter, slack, values)
            if wrong:
                return wrong
            if same_object and got is not a[0]:
                return "does not return its input"
            inputs, twins = leaves([args, kwargs], [a, k])
            if not order or not values:
                return None
            return gradients(got, want, inputs, twins, order, meter, slack)

    return run


def leaves(theirs, ours):
    """The leaves that gradients are asked for, in both."""
    found = {}
    for x, y in zip(flat(theirs, torch.Tensor), flat(ours, tg.Tensor), strict=True):
        if x.requires_grad and x.is_leaf:
            found[id(x)] = (x, y)
    return [x for x, _ in found.values()], [y for _, y in found.values()]


def precision(inputs):
    """How much further results may lie apart: what is computed of single and double precision is single."""
    kinds = {x.dtype for x in flat(inputs, torch.Tensor)}
    mixed = kinds & {torch.float64, torch.complex128} and kinds & {torch.float32, torch.complex64, torch.float16}
    return 2e3 if mixed else 1.0


def error_case(ours, args, kwargs, kind):
    """A run that wants the kind of exception that PyTorch raises for these arguments."""

    def run(meter):
        with quiet():
            a, k = convert([args, kwargs])
            try:
                ours(*a, **k)
            except kind:
                return None
            except Exception as error:
                return f"{type(error).__name__}, want {kind.__name__}: {str(error)[:120]}"
        return f"no error, want {kind.__name__}"

    return run


def supported(dtype):
    return dtype in DTYPES

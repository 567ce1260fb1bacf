"""Every entry of PyTorch's database of operations: function, method, in-place method, aliases, ``out=``, wrong input."""

from __future__ import annotations

import functools
import types
from itertools import islice

import torch
from torch.testing._internal.common_methods_invocations import op_db

import tapegrad as tg

from .case import Case, Subject, call_case, error_case, quiet, seed
from .values import clone, convert, flat

# How many samples of each dtype: derivatives are looked at in double precision, other dtypes for kinds and shapes.
FULL = {
    "float64": 24,
    "float32": 8,
    "complex128": 8,
    "int64": 6,
    "bool": 4,
    "float16": 3,
    "complex64": 3,
    "uint8": 3,
    "int32": 2,
    "int8": 2,
}
FAST = {"float64": 2, "float32": 1, "int64": 1, "complex128": 1}
# What these give is drawn, or whatever lay in memory: only kinds, shapes and dtypes can agree.
DRAWN = {
    "bernoulli", "cauchy", "exponential", "geometric", "log_normal", "multinomial", "normal", "rand", "rand_like",
    "randint", "randint_like", "randn", "randn_like", "uniform", "empty", "empty_like", "empty_strided", "new_empty",
    "new_empty_strided", "empty_permuted", "nn.functional.dropout", "nn.functional.dropout1d", "nn.functional.dropout2d",
    "nn.functional.dropout3d", "nn.functional.alpha_dropout", "nn.functional.feature_alpha_dropout", "nn.functional.rrelu",
    "nn.functional.fractional_max_pool2d", "nn.functional.fractional_max_pool3d", "svd_lowrank", "pca_lowrank",
    "nn.functional.dropout_", "bernoulli_", "cauchy_", "exponential_", "geometric_", "log_normal_", "normal_", "uniform_",
    "random_", "nn.functional.multi_head_attention_forward", "random", "rrelu_",
}  # fmt: skip
# Their pages name no out=, though some of their kernels take one.
WITHOUT_OUT = ("torch.nn.functional", "torch.special.softmax", "torch.special.log_softmax")
# Determined up to signs or phases: what does not depend on those is compared.
GAUGE = {
    "linalg.svd": lambda r: (r[1], (r[0][..., : r[1].shape[-1]] * r[1].unsqueeze(-2)) @ r[2][..., : r[1].shape[-1], :]),
    "svd": lambda r: (r[1], (r[0][..., : r[1].shape[-1]] * r[1].unsqueeze(-2)) @ r[2][..., : r[1].shape[-1]].mH),
    "linalg.eigh": lambda r: (r[0], (r[1] * r[0].unsqueeze(-2)) @ r[1].mH),
    "linalg.eig": lambda r: (r[0].abs().sum(-1), (r[1] * r[0].unsqueeze(-2)) @ type(r[0]).inverse(r[1])),
    "linalg.eigvals": lambda r: (r.sum(-1), (r * r).sum(-1)),
    "linalg.qr": lambda r: r[0] @ r[1] if r[0].numel() else r[1].abs(),
    "qr": lambda r: r[0] @ r[1],
}  # fmt: skip


# Of equal elements any may be meant, unless stable=True is given: for integers, indices are compared by shape alone.
TIES = {"topk", "kthvalue", "sort", "mode", "median", "nanmedian", "argsort", "min", "max", "cummax", "cummin"}


def settle(name, sample, dtype):
    """A function that leaves of a result what PyTorch determines, or None where that is all of it."""
    if name in GAUGE:
        return GAUGE[name]
    stable = sample.kwargs.get("stable")
    if name in TIES and not stable and dtype not in (torch.float64, torch.float32):
        if name == "argsort":
            return lambda r: tuple(r.shape)
        return lambda r: (r[0], tuple(r[1].shape)) if isinstance(r, tuple) else r
    return None


def drawn(name, sample):
    """Whether a sample's result is drawn."""
    return name in DRAWN or (name.startswith("nn.functional") and bool(sample.kwargs.get("dropout_p")))


def resolve(name, root=tg):
    """The object of a dotted name, or None."""
    for part in name.split("."):
        try:
            root = getattr(root, part)
        except (AttributeError, ImportError):
            return None
    return root


def spread(items, count):
    """So many of a list, evenly over it."""
    if len(items) <= count:
        return items
    return [items[i * len(items) // count] for i in range(count)]


@functools.cache
def table():
    """Entries by name: variants of one name (an operation with other options) stand together."""
    entries = {}
    for op in op_db:
        entries.setdefault(op.name, []).append(op)
    return entries


def samples(op, dtype, count, tag):
    """Some of an entry's samples, the same ones at every run."""
    differentiable = op.supports_autograd and (dtype.is_floating_point or dtype.is_complex)
    seed(f"{op.name} {op.variant_test_name} {dtype} {tag}")
    try:
        with quiet():
            found = list(islice(op.sample_inputs("cpu", dtype, requires_grad=differentiable), 4 if count <= 2 else 60))
    except Exception:
        return []
    return spread(found, count)


def describe(sample, dtype):
    def one(x):
        if isinstance(x, torch.Tensor):
            return f"{tuple(x.shape)}" + ("" if x.dtype is dtype else f" {str(x.dtype)[6:]}")
        if isinstance(x, (list, tuple)):
            return "[" + ", ".join(map(one, x)) + "]"
        return repr(x)

    parts = [one(sample.input), *map(one, sample.args), *(f"{k}={one(v)}" for k, v in sample.kwargs.items())]
    return f"{str(dtype)[6:]} {', '.join(parts)}"[:160].replace("\n", " ")


def each_sample(ops, counts, tag, least=0):
    """Samples in the order of dtypes, those of several entries shared out; drawn again where there are too few."""
    found = 0
    for again in range(6 if least else 1):
        for name, count in counts.items():
            dtype = getattr(torch, name)
            for op in ops:
                if dtype in op.supported_dtypes("cpu"):
                    for sample in samples(op, dtype, max(1, count // len(ops)) * (1 + 2 * again), f"{tag} {again}"):
                        found += 1
                        yield op, dtype, sample
        if found >= least:
            return


def ours_for(op, ours):
    """The database calls some operations through a function of its own: the same text, with tapegrad under the name torch."""
    call = op.op
    if isinstance(call, types.FunctionType) and call.__module__.startswith("torch.testing"):
        return types.FunctionType(
            call.__code__, {**call.__globals__, "torch": tg}, call.__name__, call.__defaults__, call.__closure__
        )
    return ours


def settled(settle, function):
    return lambda *a, **k: settle(function(*a, **k))


def order_of(op, dtype):
    if not op.supports_autograd or dtype not in (torch.float64, torch.complex128, torch.float32):
        return 0
    return 2 if op.supports_gradgrad and dtype is not torch.float32 else 1


def function_cases(name, ours, ops, fast, documented):
    counts = FAST if fast else FULL
    for op, dtype, sample in each_sample(ops, counts, "function", least=0 if fast else 5):
        args, theirs, mine = (sample.input, *sample.args), op.op, ours_for(op, ours)
        if rest := settle(name, sample, dtype):
            theirs, mine = settled(rest, theirs), settled(rest, mine)
        run = call_case(theirs, mine, args, sample.kwargs, order=order_of(op, dtype), values=not drawn(name, sample))
        yield Case(describe(sample, dtype), run)
    if fast:
        return
    for op, dtype, sample in each_sample(
        [op for op in ops if op.supports_out and documented][:1], {"float64": 2, "int64": 1}, "out"
    ):
        if name in GAUGE or (name in TIES and not dtype.is_floating_point):
            continue
        yield Case(
            "out= " + describe(sample, dtype), out_case(op.op, ours_for(op, ours), sample, not drawn(name, sample))
        )
    for op in ops:
        yield from error_cases(op, ours)


def error_cases(op, ours):
    if op.error_inputs_func is None:
        return
    seed(op.name)
    try:
        with quiet():
            found = list(op.error_inputs("cpu"))
    except Exception:
        return
    for wrong in found:
        s = wrong.sample_input
        label = f"error {describe(s, torch.float32)}"
        yield Case(label, error_case(ours_for(op, ours), (s.input, *s.args), s.kwargs, wrong.error_type))


def out_case(theirs, ours, sample, values):
    """Into a given tensor: its values, and the tensor itself handed back."""

    def run(meter):
        args = clone((sample.input, *sample.args))
        for x in flat([args, sample.kwargs], torch.Tensor):
            x.requires_grad_(False)

        def into(function, module):
            def call(*a, **k):
                result = function(*a, **k)
                if isinstance(result, module.Tensor):
                    target = module.empty_like(result)
                    return function(*a, **k, out=target), target
                target = tuple(module.empty_like(r) for r in result)
                return tuple(function(*a, **k, out=target)), target

            return call

        return call_case(into(theirs, torch), into(ours, tg), args, sample.kwargs, order=0, values=values)(meter)

    return run


def method_cases(name, theirs_method, ours, ops, fast, variant):
    """A Tensor's method, or its in-place form (which has to hand its input back)."""
    in_place = variant == "inplace_variant"
    counts = {"float64": 2} if fast else {"float64": 6, "float32": 2, "int64": 2, "bool": 1, "complex128": 1}
    for op, dtype, sample in each_sample(ops, counts, variant, 0 if fast else 10):
        args, kwargs = (sample.input, *sample.args), sample.kwargs
        if not isinstance(sample.input, torch.Tensor):
            continue
        if in_place:
            args, kwargs = clone(args), clone(kwargs)
            for x in flat([args, kwargs], torch.Tensor):
                x.requires_grad_(False)
        theirs, mine = theirs_method, ours
        if not in_place and (rest := settle(op.name, sample, dtype)):
            theirs, mine = settled(rest, theirs), settled(rest, ours)
        yield Case(
            describe(sample, dtype),
            call_case(
                theirs, mine, args, kwargs, order=min(1, order_of(op, dtype)) * (not in_place),
                values=not drawn(op.name, sample), same_object=in_place,
            ),
        )  # fmt: skip


def subjects():
    """Functions under torch, then methods and in-place methods of Tensor, then aliases of each."""
    seen = set()

    def subject(name, ours, cases):
        if name in seen:
            return []
        seen.add(name)
        return [Subject(name, "operation", ours is not None, cases)]

    for name, ops in table().items():
        spoken = [name, *(a.name.removeprefix("torch.") for a in ops[0].aliases)]
        named = {f"torch.{n}": resolve(n, torch) for n in spoken}
        for public, theirs in named.items():
            ours = resolve(public[6:])
            if theirs is not None and not isinstance(theirs, torch.dtype) and not name.startswith("_"):
                yield from subject(
                    public,
                    ours,
                    functools.partial(function_cases, name, ours, ops, documented=not public.startswith(WITHOUT_OUT)),
                )
        for variant in ("method_variant", "inplace_variant"):
            op = next((op for op in ops if getattr(op, variant)), None)
            functions = [getattr(op, variant)] if op else []
            functions += [f for a in ops[0].aliases if (f := getattr(a, variant)) is not None]
            for method in functions:
                called = getattr(method, "__name__", "")
                if not hasattr(torch.Tensor, called) or called.startswith("_"):
                    continue
                ours = getattr(tg.Tensor, called, None)
                if "_missing" in getattr(ours, "__qualname__", ""):
                    ours = None  # a method that says why there is none
                cases = functools.partial(method_cases, name, method, ours, ops, variant=variant)
                yield from subject(f"Tensor.{called}", ours, cases)


__all__ = ["convert", "subjects"]

"""What a kernel does to one element, found by running it on symbols, is what the kernel does."""

import functools
import itertools

import numpy as np
import pytest

import tapegrad  # noqa: F401
from tapegrad.compiler.loops.kernels import exp_float32
from tapegrad.compiler.loops.scalar import NotScalar, Term, named_number, operand, scalar
from tapegrad.core.primitive import REGISTRY

ELEMENTWISE = sorted(p.name for p in REGISTRY.values() if p.elementwise and not p.variadic and not p.random)
# What loops are worth having for; a kernel that is changed so that it cannot be fused any more shows here.
FUSED = [
    "abs",
    "add",
    "bitwise_and",
    "bitwise_not",
    "bitwise_or",
    "bitwise_xor",
    "ceil",
    "clamp",
    "copy",
    "copysign",
    "div",
    "eq",
    "erf",
    "exp",
    "floor",
    "fmax",
    "fmin",
    "ge",
    "gt",
    "hardtanh",
    "huber",
    "isfinite",
    "isinf",
    "isnan",
    "le",
    "leaky_relu",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "lt",
    "maximum",
    "minimum",
    "mul",
    "ne",
    "neg",
    "parametric_relu",
    "reciprocal",
    "relu",
    "relu3",
    "rsqrt",
    "sigmoid",
    "sign",
    "sqrt",
    "square",
    "sub",
    "trunc",
    "trunc_divide",
    "where",
]
SPECIAL = [0.0, -0.0, np.nan, np.inf, -np.inf, 0.5, -0.5, 1e-30, 1e30]


def text(term: Term) -> str:
    return "(" + term.template.format(*map(text, term.operands)) + ")"


@functools.cache
def code(template: str, count: int):
    return eval(
        f"lambda {', '.join(f'a{i}' for i in range(count))}: " + template.format(*(f"a{i}" for i in range(count))),
        {"np": np, "exp_float32": exp_float32},
    )


def evaluate(term: Term, values: dict[str, np.generic]) -> np.generic:
    known: dict[Term, np.generic] = {}

    def value(t: Term) -> np.generic:
        if t not in known:
            known[t] = (
                code(t.template, len(t.operands))(*map(value, t.operands))
                if t.template not in values
                else values[t.template]
            )
        return known[t]

    with np.errstate(all="ignore"):
        return value(term)


def terms_of(name: str, inputs: list, keywords: dict) -> Term:
    p = REGISTRY[name]
    arguments = [
        operand(n, x.dtype) if isinstance(x, np.ndarray) else x for n, x in zip(p.inputs, inputs, strict=False)
    ]
    return scalar(p.kernel, arguments, keywords)


def check(name: str, inputs: list, keywords: dict) -> None:
    p = REGISTRY[name]
    term = terms_of(name, inputs, keywords)
    with np.errstate(all="ignore"):
        wanted = np.asarray(p.kernel(np, *inputs, **keywords))
    assert term.dtype == wanted.dtype
    arrays = [(n, x) for n, x in zip(p.inputs, inputs, strict=False) if isinstance(x, np.ndarray)]
    spread = np.broadcast_arrays(*(x for _, x in arrays), wanted)
    for elements in zip(*(a.ravel() for a in spread), strict=True):
        values = {n: v for (n, _), v in zip(arrays, elements, strict=False)}
        found = evaluate(term, values)
        found = np.asarray(found, term.dtype)
        if "exp_float32" in text(term) and np.isfinite(elements[-1]):
            np.testing.assert_allclose(found, elements[-1], rtol=1e-6, atol=1e-37, err_msg=f"{values}")
        else:
            np.testing.assert_array_equal(found, elements[-1], err_msg=f"{values}")


@pytest.mark.parametrize("name", FUSED)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_terms_of_the_samples(name, dtype):
    if dtype == "float64" and name in ("erf", "exp", "sigmoid"):
        pytest.skip("it is worked out piece by piece, or in a table, for float64")
    rng = np.random.default_rng(0)
    for sample in REGISTRY[name].samples():
        check(name, sample.draw(rng, np.dtype(dtype)), sample.keywords)


def special_inputs(name: str) -> list[list[np.ndarray]]:
    sample = next(iter(REGISTRY[name].samples())).draw(np.random.default_rng(0), np.float32)
    floats = [i for i, x in enumerate(sample) if isinstance(x, np.ndarray) and x.dtype == np.float32]
    if len(floats) == 1:
        grid = [np.array(SPECIAL, np.float32)]
    else:
        grid = list(np.array(list(itertools.product(SPECIAL, repeat=2)), np.float32).T)
    for i, values in zip(floats, grid, strict=False):
        sample[i] = values
    others = [i for i, x in enumerate(sample) if isinstance(x, np.ndarray) and i not in floats]
    for i in others:
        sample[i] = np.resize(sample[i], grid[0].shape)
    return sample


@pytest.mark.parametrize("name", [n for n in FUSED if "bitwise" not in n])
def test_terms_at_special_values(name):
    inputs = special_inputs(name)
    keywords = next(iter(REGISTRY[name].samples())).keywords
    if name == "erf":
        inputs = [x[np.isfinite(x)] for x in inputs]
    check(name, inputs, keywords)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "neg", "abs", "maximum", "eq", "lt", "where", "clamp", "square"])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", "int64"])
def test_terms_of_integers(name, dtype):
    values = np.array([0, 1, 2, 100, 127], dtype)
    inputs = [values, values[::-1].copy()]
    if name == "where":
        inputs = [values > 1, *inputs]
    elif name == "clamp":
        inputs = [values, 1, 100]
    elif name in ("neg", "abs", "square"):
        inputs = [values]
    check(name, inputs, {})


@pytest.mark.parametrize(
    "name", ["logical_and", "logical_or", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor"]
)
def test_terms_of_truth_values(name):
    a, b = np.array(list(itertools.product([False, True], repeat=2))).T
    check(name, [a, b], {})


def test_mixed_dtypes_are_promoted_as_numpy_does():
    small, large = np.array([0.1, 2.5], np.float32), np.array([0.1, 3.0])
    flags, counts = np.array([True, False]), np.array([3, 4])
    for a, b in ((small, large), (small, flags), (flags, large), (counts, large), (flags, counts)):
        check("mul", [a, b], {})
        check("add", [b, a], {})


def test_python_numbers_do_not_widen():
    term = terms_of("mul", [np.ones(2, np.float32), 0.1], {})
    assert term.dtype == np.float32
    assert text(term) == "((input) * (np.float32(0.1)))"


def test_a_number_that_is_known_only_by_name_takes_the_array_dtype():
    term = scalar(REGISTRY["mul"].kernel, [operand("x", np.dtype("float32")), named_number("rate")], {})
    assert evaluate(term, {"x": np.float32(3), "rate": 0.1}) == np.float32(3) * np.float32(0.1)


@pytest.mark.parametrize("name", sorted(set(ELEMENTWISE) - set(FUSED)))
def test_what_cannot_be_a_scalar_says_so(name):
    """Nothing but NotScalar leaves scalar(), and what it does return is right."""
    rng = np.random.default_rng(0)
    for sample in REGISTRY[name].samples():
        inputs = sample.draw(rng, np.float32)
        if not any(isinstance(x, np.ndarray) for x in inputs):
            continue
        try:
            terms_of(name, inputs, sample.keywords)
        except NotScalar:
            continue
        check(name, inputs, sample.keywords)


def test_the_exponential_of_float32():
    values = np.concatenate([np.linspace(-105, 90, 4001), SPECIAL, [88.72, 88.73, -87.4]]).astype(np.float32)
    with np.errstate(all="ignore"):
        wanted = np.exp(values.astype(np.float64)).astype(np.float32)
        found = np.array([exp_float32(x) for x in values])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, rtol=1.2e-7, atol=1e-44)


def test_a_kernel_that_looks_at_values_is_no_scalar():
    def kernel(xp, input):
        return input if input > 0 else -input

    with pytest.raises(NotScalar):
        scalar(kernel, [operand("x", np.dtype("float32"))], {})


def test_a_kernel_may_write_into_its_own_memory():
    def kernel(xp, input, *, out=None):
        result = xp.empty_like(input) if out is None else out
        xp.negative(input, out=result)
        result += 1
        result[input > 0] = 5
        return result

    term = scalar(kernel, [operand("x", np.dtype("float32"))], {})
    assert [evaluate(term, {"x": np.float32(x)}) for x in (-2, 3)] == [3, 5]

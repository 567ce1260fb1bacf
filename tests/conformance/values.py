"""Values of PyTorch as values of tapegrad, and how far two results differ."""

from __future__ import annotations

import numpy as np
import torch

import tapegrad as tg

DTYPES = {
    getattr(torch, name): getattr(tg, name)
    for name in [
        "float16",
        "float32",
        "float64",
        "complex64",
        "complex128",
        "uint8",
        "int8",
        "int16",
        "int32",
        "int64",
        "bool",
    ]
    if hasattr(tg, name)
}
# Relative to the largest value of a result (or to one, where all are smaller).
TOLERANCE = {"float16": 1e-2, "float32": 2e-4, "complex64": 2e-4, "float64": 1e-7, "complex128": 1e-7}


class Incomparable(Exception):
    """A case that says nothing: PyTorch itself refuses it, or it holds what tapegrad has no place for."""


def raw(x: torch.Tensor) -> np.ndarray:
    return x.detach().resolve_conj().resolve_neg().numpy(force=True)


# What the call at hand has converted: one tensor given twice stays one.
_known: dict | None = None


def convert(x):
    """The same value in tapegrad; containers are walked through, and a tensor that stands in them twice stays one."""
    global _known
    if _known is not None:
        return _converted(x)
    _known = {}
    try:
        return _converted(x)
    finally:
        _known = None


def _converted(x):
    if isinstance(x, torch.nn.Module):
        return convert_module(x)
    if isinstance(x, torch.Tensor):
        if _known is None:
            return convert_tensor(x)
        if id(x) not in _known:
            _known[id(x)] = convert_tensor(x)
        return _known[id(x)]
    if isinstance(x, torch.dtype):
        if x not in DTYPES:
            raise Incomparable(f"no {x}")
        return DTYPES[x]
    if isinstance(x, torch.Size):
        return tg.Size(x) if hasattr(tg, "Size") else tuple(x)
    if isinstance(x, torch.device):
        return tg.device(str(x))
    if isinstance(x, (torch.memory_format, torch.layout)):
        return getattr(tg, str(x).split(".")[1])
    if isinstance(x, torch.Generator):
        raise Incomparable("a generator's bits")
    if isinstance(x, slice):
        return slice(convert(x.start), convert(x.stop), convert(x.step))
    if isinstance(x, torch.nn.utils.rnn.PackedSequence):
        return tg.nn.utils.rnn.PackedSequence(*map(convert, x))
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*map(convert, x))
    if isinstance(x, (list, tuple)):
        return type(x)(map(convert, x))
    if isinstance(x, dict):
        return type(x)((k, convert(v)) for k, v in x.items())
    if (callable(x) and getattr(x, "__module__", "").startswith("torch")) or str(type(x)).startswith("<class 'builtin"):
        return counterpart(x)
    return x


def convert_tensor(x):
    if x.layout is torch.sparse_coo and hasattr(tg, "sparse_coo_tensor"):
        return tg.sparse_coo_tensor(convert_tensor(x._indices()), convert_tensor(x._values()), tuple(x.shape))
    if x.layout is not torch.strided or x.dtype not in DTYPES or x.device.type != "cpu":
        raise Incomparable(f"{x.layout}, {x.dtype}")
    t = in_same_place(x)
    if isinstance(x, torch.nn.Parameter):
        return tg.nn.Parameter(t, requires_grad=x.requires_grad)
    if not x.requires_grad:
        return t
    return t.requires_grad_() if x.is_leaf else t.requires_grad_() * 1


def in_same_place(x):
    """The tensor in a copy of its whole memory, at the same place and with the same strides.

    What shares memory does so in the copy.
    """
    if x.is_conj() or x.is_neg() or x._is_zerotensor() or not x.numel():
        return tg.from_numpy(raw(x).copy())
    held = {} if _known is None else _known
    key = ("memory", x.untyped_storage().data_ptr(), x.dtype)
    if key not in held:
        held[key] = torch.empty(0, dtype=x.dtype).set_(x.detach().untyped_storage()).numpy().copy()
    memory = held[key]
    if x.is_contiguous() and memory.size == x.numel():
        return tg.from_numpy(memory.reshape(tuple(x.shape)))
    with tg.no_grad():
        return tg.as_strided(tg.from_numpy(memory), tuple(x.shape), x.stride(), x.storage_offset()).detach()


def counterpart(function):
    """The function of the same name: torch.nn.functional.relu gives tapegrad's."""
    name = getattr(function, "__name__", "")
    for theirs, ours in (
        (torch.nn.functional, tg.nn.functional),
        (torch, tg),
        (torch.nn, tg.nn),
        (torch.linalg, tg.linalg),
    ):
        if getattr(theirs, name, None) is function:
            return getattr(ours, name)
    raise Incomparable(f"no counterpart of {function!r}")


def convert_module(module):
    """A module of the same class, with the same public settings, weights and mode."""
    name = type(module).__name__
    if name in ("TransformerEncoderLayer", "TransformerDecoderLayer"):
        first, attention = module.linear1, module.self_attn
        options = {
            "batch_first": attention.batch_first,
            "norm_first": module.norm_first,
            "layer_norm_eps": module.norm1.eps,
        }
        activation = counterpart(module.activation)
        return getattr(tg.nn, name)(
            first.in_features,
            attention.num_heads,
            first.out_features,
            module.dropout.p,
            activation,
            bias=first.bias is not None,
            **options,
        ).to(convert(first.weight.dtype))
    if name not in MODULES:
        raise Incomparable(f"a module as an argument: {name}")
    twin = getattr(tg.nn, name)(*(convert(getattr(module, a)) if isinstance(a, str) else a for a in MODULES[name]))
    if name == "Sequential":
        twin = tg.nn.Sequential(*map(convert_module, module))
    return twin


# How a plain layer is made again: the names of its settings, in the order of its arguments.
MODULES = {
    "Linear": ("in_features", "out_features"), "ReLU": (), "Tanh": (), "Flatten": (), "Sequential": (), "MaxPool2d": ("kernel_size",),
    "LayerNorm": ("normalized_shape",), "BatchNorm2d": ("num_features",), "Conv2d": ("in_channels", "out_channels", "kernel_size"),
    "PairwiseDistance": (),
}  # fmt: skip


def flat(x, kind):
    """The values of a kind within containers, in order."""
    if isinstance(x, kind):
        return [x]
    if isinstance(x, (list, tuple)):
        return [z for y in x for z in flat(y, kind)]
    if isinstance(x, dict):
        return [z for y in x.values() for z in flat(y, kind)]
    return []


def clone(x):
    """Values that an in-place function may write into."""
    if isinstance(x, (torch.Tensor, tg.Tensor)):
        if isinstance(x, torch.Tensor) and x.layout is not torch.strided:
            return x.detach().clone()
        return x.detach().clone().requires_grad_(x.requires_grad)
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*map(clone, x))
    if isinstance(x, (list, tuple)):
        return type(x)(map(clone, x))
    if isinstance(x, dict):
        return {k: clone(v) for k, v in x.items()}
    return x


class Meter:
    """The largest relative difference that a subject showed, for double and for single precision."""

    def __init__(self):
        self.largest = {}

    def note(self, dtype, difference):
        self.largest[dtype] = max(self.largest.get(dtype, 0.0), difference)


def compare(got, want, meter, slack=1.0, values=True):
    """None where the two agree, else what differs; ``values=False`` looks at kinds, shapes and dtypes alone."""
    if isinstance(want, torch.Tensor):
        return compare_tensors(got, want, meter, slack, values)
    if isinstance(want, (list, tuple)):
        if not isinstance(got, (list, tuple)) or len(got) != len(want):
            return f"{type(got).__name__} of {len(got) if hasattr(got, '__len__') else 'one'}, want {len(want)} results"
        if isinstance(want, tuple) and not isinstance(got, tuple):
            return "list, want tuple"
        fields = [n for n in dir(want) if not n.startswith(("_", "n_")) and n not in ("index", "count", "numel")]
        if type(want).__module__ == "torch.return_types" and any(
            not hasattr(got, n) for n in fields if not n.startswith("n_")
        ):
            return f"no field {[n for n in fields if not hasattr(got, n)]}"
        pairs = zip(got, want, strict=True)
        return next((r for r in (compare(g, w, meter, slack, values) for g, w in pairs) if r), None)
    if isinstance(want, dict):
        if not isinstance(got, dict) or list(got) != list(want):
            return f"keys {list(got) if isinstance(got, dict) else type(got)}, want {list(want)}"
        return next((r for r in (compare(got[k], want[k], meter, slack, values) for k in want) if r), None)
    if isinstance(want, torch.dtype):
        return None if want not in DTYPES or DTYPES[want] == got else f"{got}, want {want}"
    if isinstance(want, np.ndarray):
        same = isinstance(got, np.ndarray) and got.dtype == want.dtype and np.allclose(got, want, equal_nan=True)
        return None if same else f"{got!r}, want {want!r}"
    if isinstance(want, (bool, int, str, type(None))):
        return None if type(got) is type(want) and got == want else f"{got!r}, want {want!r}"
    if isinstance(want, (float, complex)):
        close = isinstance(got, (float, complex)) and np.isclose(got, want, rtol=1e-6, atol=1e-9, equal_nan=True)
        return None if close or not values else f"{got!r}, want {want!r}"
    if isinstance(want, torch.device):
        return None if str(got) == str(want) else f"{got}, want {want}"
    return None


def compare_tensors(got, want, meter, slack, values):
    if not isinstance(got, tg.Tensor):
        return f"{type(got).__name__}, want a Tensor"
    if tuple(got.shape) != tuple(want.shape):
        return f"shape {tuple(got.shape)}, want {tuple(want.shape)}"
    if want.layout is not torch.strided:
        return compare_tensors(got.to_dense(), want.to_dense(), meter, slack, values)
    if want.dtype not in DTYPES:
        raise Incomparable(str(want.dtype))
    if got.dtype != DTYPES[want.dtype]:
        return f"dtype {got.dtype}, want {want.dtype}"
    if not values or not want.numel():
        return None
    a, b = np.asarray(got.detach()), raw(want)
    return compare_arrays(a, b, str(want.dtype).split(".")[1], meter, slack)


def compare_arrays(a, b, dtype, meter, slack):
    if b.dtype.kind not in "fc":
        wrong = int((a != b).sum())
        return f"{wrong} of {b.size} values differ" if wrong else None
    with np.errstate(all="ignore"):
        finite = np.isfinite(b)
        wide = np.complex128 if b.dtype.kind == "c" else np.float64
        scale = max(1.0, float(np.abs(np.where(finite, b, 0).astype(wide)).max(initial=0)))
        if not np.array_equal(np.isfinite(a), finite):
            return "finite where the other is not"
        if b.dtype.kind == "f" and not np.array_equal(a[~finite], b[~finite], equal_nan=True):
            return "infinities or NaN differ"
        difference = (
            float(np.abs(np.where(finite, a, 0).astype(wide) - np.where(finite, b, 0).astype(wide)).max()) / scale
        )
    if difference > TOLERANCE[dtype] * slack:
        return f"values differ by {difference:.2g}"
    meter.note(dtype, difference)
    return None

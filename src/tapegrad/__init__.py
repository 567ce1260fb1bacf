"""tapegrad: deep learning in plain NumPy, with PyTorch's names.

>>> import tapegrad as tg
>>> w = tg.tensor([1.0, 2.0], requires_grad=True)
>>> (w * w).sum().backward()
>>> w.grad
tensor([2., 4.])
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import blas as _blas  # isort: split

from .compiler import *
from .core import *
from .core import printing as _printing
from .ops import *
from .version import __version__

if TYPE_CHECKING:
    from . import (
        autograd,
        distributions,
        explain,
        fft,
        formats,
        linalg,
        nn,
        optim,
        random,
        signal,
        special,
        train,
        utils,
        vision,
    )

# Loaded when they are first used: what a script does not touch costs it nothing.
_ROOMS = (
    "autograd",
    "distributions",
    "errors",
    "explain",
    "fft",
    "formats",
    "func",
    "functional",
    "linalg",
    "nn",
    "optim",
    "random",
    "signal",
    "sparse",
    "special",
    "train",
    "utils",
    "vision",
)

# Names for what is not on this machine or has no meaning on it lie together in a folder; they are rooms like any other.
__path__.append(f"{__path__[0]}/standins")  # noqa: F405
_STANDINS = (
    *("accelerator", "amp", "backends", "cpu", "cuda", "distributed", "futures", "fx", "hub", "jit", "mps", "mtia"),
    *("multiprocessing", "onnx", "overrides", "profiler", "serialization", "testing", "types", "xpu"),
)

# Names of this module that come from rooms, loaded with them.
_LATER = {"load": "formats", "save": "formats", "summary": "explain", "vmap": "func"} | dict.fromkeys(
    ("_dirichlet_grad", "_sample_dirichlet", "_standard_gamma", "_standard_gamma_grad"), "ops.draw_gamma"
)

# The files of ops are no part of the surface, and two of them bear the names of rooms.
for _name, _value in list(globals().items()):
    if getattr(_value, "__package__", None) == "tapegrad.ops":
        del globals()[_name]
del _name, _value


def _paint(value: Any) -> str | None:
    return importlib.import_module(".explain.html", __name__).as_html(value)


# Notebooks ask objects of rooms far below for what explain draws of them.
_printing.paint_with(_paint)


def __getattr__(name: str) -> Any:
    if name in _ROOMS or name in _STANDINS:
        return importlib.import_module(f".{name}", __name__)
    if name in _LATER:
        return getattr(importlib.import_module(f".{_LATER[name]}", __name__), name)
    from .missing_dtypes import NAMES, MissingDType

    if name in NAMES:
        return MissingDType(name)
    from .errors import did_you_mean
    from .names import HELD, find

    if name in HELD or name.startswith("_foreach_"):
        try:
            # What is found is kept, so that it is looked for once.
            globals()[name] = value = find(name)
            return value
        except AttributeError:
            pass
    hint = did_you_mean(name, [*globals(), *HELD, *_ROOMS])
    raise AttributeError(
        f"module 'tapegrad' has no attribute '{name}'" + (f"; {hint}" if hint.startswith("did you mean") else "")
    )


def __dir__() -> list[str]:
    return sorted({*globals(), *_ROOMS, *importlib.import_module(".names", __name__).HELD})

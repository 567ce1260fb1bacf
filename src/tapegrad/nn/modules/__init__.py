"""``torch.nn.modules``: the names of PyTorch's files of layers, as ``nn.modules.conv.Conv2d``.

Every layer is found under each of them; which file PyTorch keeps it in is no matter of ours.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from . import utils

__all__ = ["FILES", "utils"]

FILES = (
    *("activation", "adaptive", "batchnorm", "channelshuffle", "container", "conv", "distance", "dropout", "flatten"),
    *("fold", "instancenorm", "lazy", "linear", "loss", "module", "normalization", "padding", "pixelshuffle"),
    *("pooling", "rnn", "sparse", "transformer", "upsampling"),
)
_HOOKS = ("forward_pre_hook", "forward_hook", "backward_hook", "full_backward_hook", "full_backward_pre_hook")
_HOOKS += tuple(f"{kind}_registration_hook" for kind in ("parameter", "buffer", "module"))
# Base classes that scripts ask with isinstance, and where they are here.
_BASES = {
    "_BatchNorm": ("normalization", "_BatchNorm"),
    "_NormBase": ("running", "RunningNorm"),
    "_InstanceNorm": ("normalization", "_InstanceNorm"),
    "_ConvNd": ("conv", "_ConvNd"),
    "_ConvTransposeNd": ("conv", "_ConvTransposeNd"),
    "_DropoutNd": ("dropout", "_DropoutNd"),
    **{name: ("pooling", name) for name in ("_MaxPoolNd", "_MaxUnpoolNd", "_AvgPoolNd", "_LPPoolNd")},
    **{name: ("adaptive", name) for name in ("_AdaptiveAvgPoolNd", "_AdaptiveMaxPoolNd")},
    **{f"_{kind}PadNd": ("padding", f"_{kind}PadNd") for kind in ("Constant", "Reflection", "Replication", "Circular")},
    "LazyModuleMixin": ("lazy", "LazyModuleMixin"),
    "_IncompatibleKeys": ("state", "IncompatibleKeys"),
    **{f"register_module_{name}": ("global_hooks", f"register_module_{name}") for name in _HOOKS},
    "_Loss": ("reduction", "Loss"),
    "_WeightedLoss": ("reduction", "WeightedLoss"),
    "NonDynamicallyQuantizableLinear": ("attention", "NonDynamicallyQuantizableLinear"),
}

for _file in FILES:
    sys.modules[f"{__name__}.{_file}"] = sys.modules[__name__]
del _file


def __getattr__(name: str) -> Any:
    if name in FILES:
        return sys.modules[__name__]
    if name in _BASES:
        place, known = _BASES[name]
        return getattr(importlib.import_module(f"...{place}", f"{__name__}.utils"), known)
    from ... import nn

    if name in nn.__dict__ and not name.startswith("_"):
        return nn.__dict__[name]
    raise AttributeError(f"module 'tapegrad.nn.modules' has no attribute '{name}'")

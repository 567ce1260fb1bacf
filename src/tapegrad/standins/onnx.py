"""``torch.onnx``: networks as ONNX files, which is planned."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, NoReturn

from tapegrad.errors import MissingMethodError

__all__ = [
    "dynamo_export",
    "export",
    "is_in_onnx_export",
    "is_onnxrt_backend_supported",
    "select_model_mode_for_export",
]


def export(model: Any, args: Any = (), f: Any = None, **options: Any) -> NoReturn:
    """Raise MissingMethodError: it is planned."""
    raise MissingMethodError(
        "onnx.export",
        "writing ONNX files is planned, and not there yet",
        "store the weights with tapegrad.save(model.state_dict(), f) or tapegrad.formats.safetensors",
    )


dynamo_export = export


def is_in_onnx_export() -> bool:
    """Return False."""
    return False


def is_onnxrt_backend_supported() -> bool:
    """Return False."""
    return False


@contextlib.contextmanager
def select_model_mode_for_export(model: Any, mode: Any) -> Iterator[None]:
    """Change nothing within the block."""
    yield

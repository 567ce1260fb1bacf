"""Answers about samples: those of a part, the mistakes, the suspects; and about inputs that somebody drew."""

from __future__ import annotations

import base64
import math
import time
from collections import OrderedDict
from typing import Any

import numpy as np

from ...core import no_grad, tensor, wrap
from ...errors import ArgumentError
from ...lab.data import Part
from ...lab.data.suspects import opinions_of, rank
from ...lab.predict import predict_all, to_probabilities
from ...train.inside import layers_of
from ...vision.io import encode_png
from ..refusal import Refusal
from .subject import Subject

__all__ = ["predicted", "samples_of"]

_CHUNK = 512
# Of a part that takes longer to go through, mistakes are looked for in what was gone through.
_SECONDS = 20.0
_MOST_VALUES = 64
_MOST_INPUTS, _MOST_OF_LAYER = 16, 2_000
# Larger pictures are shown with every second, third, ... pixel.
_LARGEST = 96

_opinions: OrderedDict[Any, Any] = OrderedDict()


def samples_of(subject: Subject, part: str, which: str, offset: int, limit: int) -> dict[str, Any]:
    """Return samples with what the network says of them.

    ``which``: ``all`` in their order, ``mistakes``, the surest first, or ``suspects``, the likeliest wrong labels first.
    """
    if which == "suspects":
        return _suspects(subject, part, offset, limit)
    found = subject.part(part)
    if which == "all":
        rows = np.arange(offset, min(offset + limit, len(found)))
        said = _said(subject, found, rows)
        return {"total": len(found), "judged": len(found), "items": _items(subject, found, rows, said)}
    said, judged = _judged(subject, part)
    wrong = _wrong(subject, found, said)
    rows = wrong[offset : offset + limit]
    return {"total": len(wrong), "judged": judged, "items": _items(subject, found, rows, said[rows])}


def _judged(subject: Subject, part: str) -> tuple[np.ndarray, int]:
    """Return what the network says of a part's samples, as far as it came in its time; kept for the next pages."""
    key = (id(subject), part)
    if key not in _opinions:
        found, until = subject.part(part), time.monotonic() + _SECONDS
        chunks: list[np.ndarray] = []
        for start in range(0, len(found), _CHUNK):
            chunks.append(_said(subject, found, np.arange(start, min(start + _CHUNK, len(found)))))
            if time.monotonic() > until:
                break
        while len(_opinions) >= 4:
            _opinions.popitem(last=False)
        # The subject is kept with it, so that no other one gets its place in the memory and so its key.
        _opinions[key] = subject, np.concatenate(chunks)
    said = _opinions[key][1]
    return said, len(said)


def _said(subject: Subject, part: Part, rows: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        outputs = predict_all(subject.model, part.inputs[rows], probabilities=_classifies(subject))
    return outputs.reshape(len(rows), math.prod(outputs.shape[1:]))


def _classifies(subject: Subject) -> bool:
    return subject.sets.task == "classification"


def _classes(subject: Subject, said: np.ndarray) -> np.ndarray | None:
    """Return the class that each row of outputs names; None where values were learned."""
    if _classifies(subject):
        return said.argmax(axis=1)
    scale = subject.config.data.target_scale
    if scale is None or subject.sets.classes is None:
        return None
    inside = np.nan_to_num(np.rint(said[:, 0] * scale), posinf=0.0, neginf=0.0)
    return np.clip(inside, 0, len(subject.sets.classes) - 1).astype(np.int64)


def _wrong(subject: Subject, part: Part, said: np.ndarray) -> np.ndarray:
    """Return the rows of mistakes, the surest first; of values those that are furthest off."""
    classes = _classes(subject, said)
    if classes is None:
        off = np.abs(said - part.targets[: len(said)].reshape(len(said), -1)).mean(axis=1)
        return np.argsort(-off, kind="stable")
    wrong = np.flatnonzero(classes != part.labels[: len(said)])
    sure = said.max(axis=1) if _classifies(subject) else np.abs(said[:, 0])
    return wrong[np.argsort(-sure[wrong], kind="stable")]


def _suspects(subject: Subject, part: str, offset: int, limit: int) -> dict[str, Any]:
    if part == "test":
        raise Refusal(404, "samples", "suspects are looked for among what was trained with", "choose the part train")
    opinions = opinions_of(subject.model, subject.sets)
    listed = rank(opinions, top=10_000)["suspects"]
    chosen = [entry for entry in listed if entry["part"] == part]
    found = subject.part(part)
    place = {int(index): row for row, index in enumerate(found.index)}
    rows = np.array([place[entry["index"]] for entry in chosen[offset : offset + limit]], dtype=np.int64)
    items = _items(subject, found, rows, _said(subject, found, rows)) if len(rows) else []
    return {"total": len(chosen), "judged": len(found), "items": items}


def _items(subject: Subject, part: Part, rows: np.ndarray, said: np.ndarray) -> list[dict[str, Any]]:
    classes = _classes(subject, said)
    items = []
    for i, row in enumerate(rows):
        label = part.labels[row]
        items.append(
            {
                "index": int(part.index[row]),
                "row": int(row),
                "label": label.tolist() if isinstance(label, np.ndarray) else label.item(),
                "predicted": said[i].tolist() if classes is None else int(classes[i]),
                "probability": float(said[i].max()) if _classifies(subject) else None,
                "image": None if part.images is None else _picture(part.images[row]),
                "values": part.inputs[row].reshape(-1)[:_MOST_VALUES].tolist() if part.images is None else None,
            }
        )
    return items


def _picture(pixels: np.ndarray) -> str:
    """Return an image, bytes of (height, width) or (height, width, 3), as a data URL."""
    step = -(-max(pixels.shape[:2]) // _LARGEST)
    pixels = pixels[::step, ::step]
    channels_first = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    png = encode_png(wrap(np.ascontiguousarray(channels_first, dtype=np.uint8)))
    return "data:image/png;base64," + base64.b64encode(png.array.tobytes()).decode()


# -- what somebody drew ---------------------------------------------------------------------------------------------


def predicted(subject: Subject, inputs: Any) -> dict[str, Any]:
    """Return what a network says of inputs as the data's files have them: pixels from 0 to 1, columns unscaled.

    They are standardised as the training data was. ``layers`` are the answers of each layer to the first input.
    Raises ArgumentError for inputs of another shape.
    """
    array = _inputs(subject, inputs)
    statistics = subject.data.get("statistics") or {}
    mean, std = np.asarray(statistics.get("mean", 0.0)), np.asarray(statistics.get("std", 1.0))
    prepared = ((array - mean) / std).astype(subject.config.dtype)
    layers: list[dict[str, Any]] = []
    hooks = [layer.register_forward_hook(_note(path, layer, layers)) for path, layer in layers_of(subject.model)]
    try:
        with no_grad(), np.errstate(all="ignore"):
            outputs = np.asarray(subject.model(tensor(prepared)).array)
    finally:
        for hook in hooks:
            hook.remove()
    classifies = subject.data.get("task") == "classification"
    shares = to_probabilities(outputs).tolist() if classifies else None
    return {"outputs": outputs.tolist(), "probabilities": shares, "layers": layers}


def _inputs(subject: Subject, inputs: Any) -> np.ndarray:
    shape = subject.shape
    try:
        array = np.array(inputs, dtype=np.float64)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise ArgumentError(
            "predict", "inputs are no numbers in nested lists of equal lengths", f"send {shape}"
        ) from None
    # One sample may come alone, a grey image without its channel.
    forms = [shape, shape[1:]] if len(shape) == 3 and shape[0] == 1 else [shape]
    for form in forms:
        if list(array.shape) == form:
            array = array[None]
        if list(array.shape[1:]) == form and 1 <= len(array) <= _MOST_INPUTS:
            if not np.isfinite(array).all() or np.abs(array).max(initial=0) > 1e30:
                raise ArgumentError("predict", "inputs are not finite, or too far out", "send numbers up to 1e30")
            return array.reshape(len(array), *shape)
    raise ArgumentError("predict", f"inputs have the shape {list(array.shape)}", f"send {shape}, or up to 16 of them")


def _note(path: str, layer: Any, layers: list[dict[str, Any]]) -> Any:
    def hook(module: Any, inputs: Any, output: Any) -> None:
        values = output[0] if isinstance(output, tuple) else output
        array = np.asarray(values.array)[0]
        flat = array.reshape(-1)[:_MOST_OF_LAYER].tolist()
        layers.append({"path": path, "kind": type(layer).__name__, "values": flat, "shape": list(array.shape)})

    return hook

"""NumPy archives (.npz) of one's own."""

from __future__ import annotations

import pathlib

import numpy as np

from ...errors import ArgumentError, DataError, FileFormatError
from ...formats.npz import load_npz
from .source import Place, Samples, Source
from .split import divide

__all__ = ["npz_file"]

_INPUTS = ("x_{}", "X_{}", "{}_x", "{}_images", "{}_inputs", "{}_data")
_LABELS = ("y_{}", "Y_{}", "{}_y", "{}_labels", "{}_targets")
_PARTS = {"train": ("train",), "valid": ("valid", "val", "validation"), "test": ("test",)}
# A part may lack classes that another has, but not any number of them.
_SPARE_CLASSES = 1000


def npz_file(
    place: Place,
    *,
    path: str,
    task: str | None = None,
    classes: list[str] | None = None,
    invert: bool = False,
    test: float = 0.2,
    test_seed: int = 0,
) -> Source:
    """Arrays named x_train, y_train, x_test, y_test (also train_images, train_labels and the like; x and y for one part).

    Inputs of bytes, (samples, height, width) or (samples, height, width, 3), are images; numbers of shape (samples, columns)
    a table; other floats are taken as they are. Labels of whole numbers are classes, unless ``task`` says otherwise; ``classes``
    names them. ``test``: where the file has no test part, the share (or number) of samples kept for testing, drawn by
    ``test_seed``.
    """
    where = place.find("data.arguments.path", path)
    if not where.is_file():
        raise DataError(str(where), "is no ordinary file", "give the path of an npz file")
    arrays = load_npz(where)
    parts = {name: _part(where, arrays, spellings) for name, spellings in _PARTS.items()}
    train = parts["train"] or _alone(arrays)
    if train is None:
        raise FileFormatError(
            str(where), f"has no x_train and y_train, but {', '.join(arrays) or 'nothing'}", "name the arrays so"
        )
    if task not in (None, "classification", "regression"):
        raise ArgumentError("data.arguments.task", f"is '{task}'", "use classification or regression")
    whole = train[1].dtype.kind in "iub"
    if task == "classification" and not whole:
        raise DataError(str(where), f"the labels are {train[1].dtype}", "store classes as whole numbers from 0")
    regression = task == "regression" or not whole
    samples = {name: None if pair is None else _samples(where, *pair, regression) for name, pair in parts.items()}
    first = _samples(where, *train, regression)
    for part in samples.values():
        if part is not None and part.inputs.shape[1:] != first.inputs.shape[1:]:
            raise DataError(
                str(where), f"has inputs of {first.inputs.shape[1:]} and {part.inputs.shape[1:]}", "make them equal"
            )
    names = None if regression else list(classes or map(str, range(int(first.labels.max()) + 1)))
    images = first.inputs.dtype == np.uint8 and first.inputs.ndim in (3, 4)
    source = Source("regression" if regression else "classification", first, samples["test"], names)
    source.valid, source.invert, source.files = samples["valid"], invert, place.digests([where])
    source.kind = "images" if images else "columns"
    if source.test is None and test:
        held, kept = divide(first.labels, test, test_seed, "data.arguments.test")
        source.train, source.test, source.joined = first.take(kept), first.take(held), True
    return source


def _part(
    path: pathlib.Path, arrays: dict[str, np.ndarray], spellings: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray] | None:
    found: list[np.ndarray | None] = []
    for forms in (_INPUTS, _LABELS):
        names = [form.format(spelling) for spelling in spellings for form in forms]
        found.append(next((arrays[name] for name in names if name in arrays), None))
    inputs, labels = found
    if (inputs is None) != (labels is None):
        raise FileFormatError(
            str(path), f"has only one of inputs and labels to {spellings[0]} with ({', '.join(arrays)})", "store both"
        )
    return None if inputs is None or labels is None else (inputs, labels)


def _alone(arrays: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray] | None:
    for inputs, labels in (("x", "y"), ("X", "y"), ("images", "labels"), ("inputs", "targets"), ("data", "target")):
        if inputs in arrays and labels in arrays:
            return arrays[inputs], arrays[labels]
    return None


def _samples(path: pathlib.Path, inputs: np.ndarray, labels: np.ndarray, regression: bool) -> Samples:
    if inputs.ndim < 2 or inputs.dtype.kind not in "fiub":
        raise DataError(str(path), f"inputs are {inputs.dtype} of shape {inputs.shape}", "store (samples, ...) numbers")
    if labels.ndim not in (1, 2) or labels.dtype.kind not in "fiub":
        raise DataError(str(path), f"labels are {labels.dtype} of shape {labels.shape}", "store (samples,) numbers")
    if len(inputs) != len(labels):
        raise DataError(str(path), f"has {len(inputs):,} inputs and {len(labels):,} labels", "store one label a sample")
    if len(inputs) == 0:
        raise DataError(str(path), "has a part without samples", "remove it, or fill it")
    if inputs.dtype == np.uint8 and (inputs.ndim == 3 or (inputs.ndim == 4 and inputs.shape[3] in (1, 3))):
        inputs = inputs[..., 0] if inputs.ndim == 4 and inputs.shape[3] == 1 else inputs
    else:
        inputs = inputs.astype(np.float64) if inputs.dtype.kind != "f" else inputs
    if regression:
        values = labels.astype(np.float64)
        return Samples.whole(inputs, values[:, None] if values.ndim == 1 else values)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise DataError(str(path), f"has labels of shape {labels.shape}", "store one class a sample")
    if int(labels.max()) > len(labels) + _SPARE_CLASSES:
        raise DataError(
            str(path), f"has the class {labels.max()} for {len(labels):,} samples", "number the classes from 0"
        )
    return Samples.whole(inputs, labels.astype(np.int64))

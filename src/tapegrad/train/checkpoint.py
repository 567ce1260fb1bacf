"""Checkpoints: weights, optimizer state, generator and position in one safetensors file, written whole or not at all.

The file's metadata holds the training state as JSON and the SHA-256 of everything, which is verified when it is read.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..core import Tensor, as_array, tensor
from ..errors import DataError, FileFormatError, warn
from ..formats.safetensors import load_file, read_metadata, save_file
from ..ops.random import get_rng_state, set_rng_state
from .hashes import hash_arrays
from .lines import dump, load
from .trainer import Position, Trainer

__all__ = ["check_weights", "load_checkpoint", "load_weights", "previous_path", "read_position", "save_checkpoint"]

_STATE = "tapegrad"
_SUM = "sha256"
# Where the trainer's state has its averaged weights.
_AVERAGES = "trainer.ema.averages."
_REMEDY = "use another checkpoint of the run, or train again"
_UNFIT = (KeyError, TypeError, ValueError, AttributeError, OverflowError, RuntimeError, RecursionError)


# -- writing --------------------------------------------------------------------------------------------------------


def save_checkpoint(path: str | os.PathLike, trainer: Trainer, *, previous: str | os.PathLike | None = None) -> None:
    """Write all that is needed to go on: a crash or a full disk leaves the file that was there before.

    ``previous``: the name that the file which was there before gets.
    """
    write_state(path, *state_of(trainer), previous=previous)


def state_of(trainer: Trainer) -> tuple[dict[str, Tensor], str]:
    """Return a trainer's tensors by name, and the rest as JSON. The tensors are the live ones."""
    tensors = {f"model.{name}": value for name, value in trainer.model.state_dict().items()}
    optimizer = trainer.optimizer.state_dict()
    rest: dict[str, Any] = {"groups": optimizer["param_groups"], "state": {}}
    for index, values in optimizer["state"].items():
        for name, value in values.items():
            if isinstance(value, (Tensor, np.ndarray)):
                tensors[f"optimizer.{index}.{name}"] = tensor(as_array(value))
            else:
                rest["state"].setdefault(str(index), {})[name] = value
    tensors["generator"] = get_rng_state()
    own = trainer.state_dict()
    return {**tensors, **own["tensors"]}, dump({"optimizer": rest, **own["values"]})


def write_state(
    path: str | os.PathLike, tensors: Mapping[str, Tensor], state: str, *, previous: str | os.PathLike | None = None
) -> None:
    """Write what :func:`state_of` returned."""
    save_file(tensors, path, metadata={_STATE: state, _SUM: hash_arrays(tensors, state)}, previous=previous)


# -- reading --------------------------------------------------------------------------------------------------------


def load_weights(path: str | os.PathLike, model: Any) -> None:
    """Load a checkpoint's weights into a model; any safetensors file with the model's own names will do as well.

    Where the training averaged its weights the model gets the averages, which are what was validated.
    Raises FileFormatError for a damaged file and when it holds the weights of another network, DataError when it holds
    weights that are not finite, as a training that diverged leaves them.
    """
    path, tensors, _ = _read_or_previous(path)
    averages = {f"model.{name.removeprefix(_AVERAGES)}": t for name, t in tensors.items() if name.startswith(_AVERAGES)}
    _put_weights(path, {**tensors, **averages}, model)
    check_weights(model, path)


def load_checkpoint(path: str | os.PathLike, trainer: Trainer) -> str:
    """Put a trainer where it was when the checkpoint was written: weights, optimizer, schedule, generator, position.

    In place of a damaged ``NAME.safetensors`` the file ``NAME.previous.safetensors`` is taken where there is one, and
    that is said. Returns the path of the file that was taken.
    Raises FileFormatError for a damaged file, another network's, and one whose training state does not fit.
    """
    path, tensors, state = _read_or_previous(path)
    if state is None:
        raise FileFormatError(path, "has no training state", "resume from a checkpoint that tapegrad wrote")
    _put_weights(path, tensors, trainer.model)
    try:
        _load_state(trainer, tensors, load(state))
    except FileFormatError:
        raise
    except _UNFIT as error:
        what = " ".join(str(error).split())
        raise FileFormatError(
            path, f"has a damaged training state ({what})", "resume from a checkpoint that tapegrad wrote"
        ) from None
    return path


def check_weights(model: Any, path: str | os.PathLike = "weights") -> None:
    """Raise DataError, naming the first, when parameters are not finite."""
    for name, parameter in model.named_parameters():
        wrong = ~np.isfinite(parameter.array)
        if wrong.any():
            raise DataError(
                os.fspath(path),
                f"{int(wrong.sum()):,} of the {wrong.size:,} values of {name} are not finite: the training diverged",
                "use an earlier checkpoint, or train again with a lower learning rate",
            )


def previous_path(path: str | os.PathLike) -> str:
    """Return where the generation before a checkpoint is.

    >>> previous_path("last.safetensors")
    'last.previous.safetensors'
    """
    stem, suffix = os.path.splitext(os.fspath(path))
    return f"{stem}.previous{suffix}"


def read_position(path: str | os.PathLike) -> Position:
    """Return the position of a checkpoint, once all of the file was found good.

    Raises FileFormatError when it is not, OSError when it cannot be opened.
    """
    _, state = _read(os.fspath(path))
    try:
        return _position(load(state or "")["position"])
    except _UNFIT:
        raise FileFormatError(os.fspath(path), "has no training state", _REMEDY) from None


def _read_or_previous(path: str | os.PathLike) -> tuple[str, dict[str, Tensor], str | None]:
    """Return the path, tensors and state of a checkpoint, or of the one before it, with a warning, when it is damaged."""
    path, previous = os.fspath(path), previous_path(path)
    try:
        return path, *_read(path)
    except (FileFormatError, FileNotFoundError) as error:
        if not os.path.isfile(previous):
            raise
        try:
            content = _read(previous)
        except FileFormatError:
            raise error from None
        what = error.what if isinstance(error, FileFormatError) else "is missing"
        warn("checkpoint", f"{path} {what}", f"using the one before it, {previous}")
        return previous, *content


def _read(path: str) -> tuple[dict[str, Tensor], str | None]:
    metadata, tensors = read_metadata(path), load_file(path)
    state = metadata.get(_STATE)
    if state is not None and _SUM not in metadata:
        raise FileFormatError(path, "has lost its SHA-256", _REMEDY)
    if _SUM in metadata and metadata[_SUM] != hash_arrays(tensors, state or ""):
        raise FileFormatError(path, "is damaged: its content has another SHA-256 than it was written with", _REMEDY)
    return tensors, state


def _put_weights(path: str, tensors: Mapping[str, Tensor], model: Any) -> None:
    own = {name.removeprefix("model."): t for name, t in tensors.items() if name.startswith("model.")}
    try:
        model.load_state_dict(own or dict(tensors))
    except RuntimeError as error:
        what = getattr(error, "what", str(error))
        raise FileFormatError(path, f"is a checkpoint of another network: {what}", "use the run's own") from None


def _load_state(trainer: Trainer, tensors: Mapping[str, Tensor], details: dict[str, Any]) -> None:
    rest = details["optimizer"]
    state: dict[int, dict[str, Any]] = {int(i): dict(values) for i, values in rest["state"].items()}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".", 2)
            state.setdefault(int(index), {})[key] = value
    trainer.optimizer.load_state_dict({"state": state, "param_groups": rest["groups"]})
    trainer.load_state_dict({"values": {k: v for k, v in details.items() if k != "optimizer"}, "tensors": tensors})
    # A schedule that is stepped first warns of an optimizer that never was; this one was, before the training stopped.
    trainer.optimizer._opt_called = trainer.position.step > 0
    set_rng_state(tensors["generator"])


def _position(stored: dict[str, Any]) -> Position:
    position = Position(**stored)
    if not all(type(count) is int and count >= 0 for count in dataclasses.astuple(position)):
        raise ValueError(f"the position is {stored}")
    return position

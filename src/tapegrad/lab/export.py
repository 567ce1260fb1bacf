"""A run's training step and its network as one file that imports NumPy alone."""

from __future__ import annotations

import copy
import io
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..compiler.compiled import Compiled
from ..compiler.export import Exported, write_numpy
from ..core import Tensor, no_grad, tensor
from ..errors import ArgumentError, UsageError
from ..formats.atomic import write_atomically
from ..optim.lr_scheduler import ReduceLROnPlateau
from ..train import Run, load_checkpoint, load_weights
from ..train.batches import from_position, groups
from ..version import __version__
from .build import Assembly, build
from .config import load_config
from .experiment import one_setting
from .schema import Config

__all__ = ["export_numpy"]

_INFERENCE_BATCH = 64
# Schedules of more updates than this are stored as far as that.
_MOST_RATES = 1_000_000


def export_numpy(run: Run, path: str | os.PathLike, *, batches: int = 10, data: str | None = None) -> int:
    """Write the file, and beside it an ``.npz`` with weights, schedule and the run's first batches. Return their count.

    The updates of those batches are made again, by the programs that the run was trained with.
    Raises UsageError, with the reason, when the run's updates cannot be compiled.
    """
    target = pathlib.Path(path)
    if target.suffix != ".py":
        raise ArgumentError("export", f"{target} is no name of a Python file", "end it with .py")
    config = _config_of(run, data)
    with one_setting(config), np.errstate(all="ignore"):
        assembly = build(config)
        initial = run.checkpoints / "initial.safetensors"
        if initial.is_file():
            load_checkpoint(initial, assembly.trainer)
        exported, arrays = _trained_again(assembly, run, batches)
    text, memory = write_numpy(exported)
    content = io.BytesIO()
    together: dict[str, Any] = {**memory, **arrays}
    np.savez_compressed(content, **together)
    write_atomically(target.with_suffix(".npz"), content.getvalue())
    write_atomically(target, text.encode())
    return len(arrays["losses"])


def _config_of(run: Run, data: str | None) -> Config:
    config = load_config(run.folder / "recipe.yaml")
    if data is not None:
        config.data.root = data
    return config


def _trained_again(assembly: Assembly, run: Run, count: int) -> tuple[Exported, dict[str, np.ndarray]]:
    trainer, optimizer = assembly.trainer, assembly.trainer.optimizer
    trainer._plan(assembly.train_loader, assembly.config.training.epochs, assembly.config.training.steps)
    generator = _generator_state()
    groups_before = [{k: copy.copy(v) for k, v in g.items() if k != "params"} for g in optimizer.param_groups]
    rates = _rates(assembly)
    for group, before in zip(optimizer.param_groups, groups_before, strict=True):
        group.update(before)
    trainer.model.train()
    losses: list[list[float]] = []
    arrays: dict[str, np.ndarray] = {}
    found: list[Any] = []
    for batch in groups(from_position(assembly.train_loader, trainer.position), trainer.accumulate):
        tensors = [t for pair in batch for t in pair]
        if len(losses) < count and (not losses or len(tensors) == int(arrays["arrays"])):
            arrays.update({f"batch.{len(losses)}.{k}": t.array.copy() for k, t in enumerate(tensors)})
            arrays["arrays"] = np.array(len(tensors))
            results: list[Any] = []
            _follow(optimizer, rates, len(losses))
            _watched(trainer, batch, results)
            losses.append([t.item() for t in results[0][: len(batch)]])
        elif [t.shape for t in tensors] not in found:  # the last batch, which may be shorter
            _watched(trainer, batch, [])
        if trainer.compiling.reason is not None:
            raise UsageError(
                "export", f"the updates are not compiled: {trainer.compiling.reason}", "see tapegrad.compile"
            )
        found.append([t.shape for t in tensors])
    arrays["losses"] = np.array(losses)
    for group, before in zip(optimizer.param_groups, groups_before, strict=True):
        group.update(before)
    compiled: Any = trainer.compiling._compiled
    programs = [p for made in compiled._programs.values() for p in made]
    states = {"initial": compiled.first_values, "trained": _trained_values(assembly, run, programs)}
    inference = _inference(assembly)
    return (
        Exported(
            title=f"{_title(assembly.config, run)}: training and inference in plain NumPy.",
            description=_description(assembly, run, len(losses)),
            training=programs,
            inference=inference,
            states=states,
            generator=generator,
            rates=rates,
            groups=optimizer.param_groups,
            lasting=_lasting(assembly, programs),
            losses=trainer.accumulate,
        ),
        arrays,
    )


def _watched(trainer: Any, batch: list, results: list) -> None:
    """Make one update, without the schedule, and keep what it returns."""
    results.append(trainer.compiling.update(trainer, batch, lambda *_: None))


def _generator_state() -> dict[str, Any]:
    from ..ops.generator import current_generator

    return dict(current_generator().stream.bit_generator.state)


def _rates(assembly: Assembly) -> dict[tuple[int, str, int | None], np.ndarray]:
    """Return the settings that the schedule changes, by update; the optimizer is left at the schedule's end."""
    trainer = assembly.trainer
    scheduler = trainer.scheduler
    if scheduler is None or isinstance(scheduler, ReduceLROnPlateau):
        return {}
    optimizer = trainer.optimizer
    optimizer._opt_called = True
    per_epoch = -(-trainer.batches // trainer.accumulate)
    rows: dict[tuple[int, str, int | None], list[float]] = {}
    for step in range(min(trainer.total_steps, _MOST_RATES)):
        for number, group in enumerate(optimizer.param_groups):
            for name, value in group.items():
                for place, v in enumerate(value) if isinstance(value, (tuple, list)) else [(None, value)]:
                    if isinstance(v, (int, float)) and not isinstance(v, bool):
                        rows.setdefault((number, name, place), []).append(float(v))
        if trainer.schedule_every == "step" or (step + 1) % per_epoch == 0:
            scheduler.step()
    moving = {(number, name) for (number, name, _), values in rows.items() if len(set(values)) > 1}
    return {key: np.array(values) for key, values in rows.items() if key[:2] in moving}


def _follow(optimizer: Any, rates: Mapping[tuple[int, str, int | None], np.ndarray], step: int) -> None:
    pairs: dict[tuple[int, str], list[float]] = {}
    for (number, name, _), values in rates.items():
        pairs.setdefault((number, name), []).append(float(values[min(step, len(values) - 1)]))
    for (number, name), values in pairs.items():
        group = optimizer.param_groups[number]
        group[name] = tuple(values) if isinstance(group[name], (tuple, list)) else values[0]


def _trained_values(assembly: Assembly, run: Run, programs: list[Any]) -> dict[int, np.ndarray]:
    """Return what weights and buffers were in the end, as far as the run has come."""
    which = assembly.config.evaluation.checkpoint if assembly.sets.valid is not None else "last"
    path = run.checkpoints / f"{which}.safetensors"
    if not path.is_file():
        return {}
    load_weights(path, assembly.model)
    own = _memory_of([*assembly.model.parameters(), *assembly.model.buffers()])
    arrays = [a for p in programs for a in (*p.step.constants.values(), *p.flats.values())]
    return {id(a): a.copy() for a in arrays if id(a) in own}


def _lasting(assembly: Assembly, programs: list[Any]) -> set[int]:
    """Return the arrays, by id, whose values are part of the training's state."""
    states = [t for state in assembly.trainer.optimizer.state.values() for t in state.values() if isinstance(t, Tensor)]
    flats = {id(a) for p in programs for a in p.flats.values()}
    return flats | _memory_of([*assembly.model.parameters(), *assembly.model.buffers(), *states])


def _memory_of(tensors: list[Tensor]) -> set[int]:
    return {id(a) for t in tensors for a in (t.array, t.array.base) if a is not None}


def _inference(assembly: Assembly) -> Any:
    model: Any = assembly.model.eval()
    sample = assembly.sets.train.inputs[:1]
    inputs = tensor(np.repeat(sample, _INFERENCE_BATCH, axis=0))

    def forward(inputs: Tensor) -> Tensor:
        return model(inputs)

    compiled = Compiled(forward, target="numpy", quiet=True)
    with no_grad():
        compiled(inputs)
    return next((p for made in compiled._programs.values() for p in made), None)


def _title(config: Config, run: Run) -> str:
    title = config.title.get("en", "") if isinstance(config.title, dict) else config.title
    return title or run.name


def _description(assembly: Assembly, run: Run, batches: int) -> str:
    config, trainer = assembly.config, assembly.trainer
    network = repr(assembly.model).replace("\\", "/").replace('"""', "'''")
    return "\n".join(
        [
            f"Written by tapegrad {__version__} from the run {run.name}; it needs NumPy and the .npz file beside it.",
            f"As a program it trains on the run's first {batches} batches and compares the losses, bit for bit.",
            "As a module it gives train_step(inputs, target), predict(inputs), restore(moment), and the memory by name.",
            "",
            network,
            "",
            f"Loss: {trainer.loss}; optimizer: {type(trainer.optimizer).__name__}; "
            f"dtype: {config.dtype}; data: {config.data.set}.",
        ]
    )

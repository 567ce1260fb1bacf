"""A run's training step and its network as one file that imports NumPy alone."""

from __future__ import annotations

import copy
import io
import os
import pathlib
import sys
import textwrap
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..compiler.compiled import Compiled
from ..compiler.export import Exported, Prepare, write_numpy
from ..core import Tensor, no_grad, tensor
from ..errors import ArgumentError, UsageError
from ..formats.atomic import write_atomically
from ..optim.lr_scheduler import ReduceLROnPlateau
from ..train import Run, load_checkpoint, load_weights
from ..train.batches import from_position, groups
from ..train.position import Position
from ..version import __version__
from .build import Assembly, build
from .config import load_config
from .data import load_sets
from .experiment import one_setting
from .records import Records
from .schema import Config

__all__ = ["export_numpy"]

_INFERENCE_BATCH = 64
# Schedules of more updates than this are stored as far as that.
_MOST_RATES = 1_000_000


_MARK = "Written by tapegrad "
# So many training samples show that inputs are prepared as in training.
_SAMPLES = 8


def export_numpy(
    run: Run, path: str | os.PathLike, *, batches: int = 10, data: str | None = None, force: bool = False
) -> tuple[int, str]:
    """Write the file, and beside it an ``.npz`` with weights, schedule and the run's first batches.

    The updates of those batches are made again by programs, and held against the run's own records: the hashes of its
    weights and the loss of its first epoch. Returns the count of batches, and how they compare, in a sentence.
    Raises ArgumentError for a name that cannot be, or, unless ``force``, of a file that is none of ours; UsageError, with
    the reason, when the run's updates cannot be compiled; DataError when they are not those that the run made.
    """
    target = pathlib.Path(path)
    _check_target(target, force)
    config = _config_of(run, data)
    with one_setting(config), np.errstate(all="ignore"):
        eager, config.training.compile = not config.training.compile, True
        assembly = build(config)
        initial = run.checkpoints / "initial.safetensors"
        if initial.is_file():
            load_checkpoint(initial, assembly.trainer)
        if eager:  # which the checkpoint says as well
            assembly.trainer.compiling.reason = None
        records = Records(run, eager)
        exported, arrays = _trained_again(assembly, run, batches, records)
    text, memory = write_numpy(exported)
    content = io.BytesIO()
    together: dict[str, Any] = {**memory, **arrays}
    np.savez_compressed(content, **together)
    write_atomically(target.with_suffix(".npz"), content.getvalue())
    write_atomically(target, text.encode())
    return len(arrays["losses"]), records.told


def _check_target(target: pathlib.Path, force: bool) -> None:
    if target.suffix != ".py":
        raise ArgumentError("export", f"{target} is no name of a Python file", "end it with .py")
    if target.stem == "numpy" or target.stem in sys.stdlib_module_names:
        raise ArgumentError(
            "export", f"{target} would be imported in place of Python's {target.stem}", "name it otherwise"
        )
    if not target.parent.is_dir():
        raise ArgumentError("export", f"there is no folder {target.parent}", "make it, or choose another")
    for path, is_ours in ((target, _is_our_text), (target.with_suffix(".npz"), _is_our_memory)):
        if path.exists() and not force and not is_ours(path):
            what = f"{path} is there already, and was not written by export"
            raise ArgumentError("export", what, "choose another name, or overwrite it with --force")


def _is_our_text(path: pathlib.Path) -> bool:
    with open(path, encoding="utf-8", errors="replace") as file:
        return any(line.startswith(_MARK) for line, _ in zip(file, range(5), strict=False))


def _is_our_memory(path: pathlib.Path) -> bool:
    try:
        with zipfile.ZipFile(path) as file:
            return {"losses.npy", "arrays.npy", "batch.0.0.npy"} <= set(file.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def _config_of(run: Run, data: str | None) -> Config:
    config = load_config(run.folder / "recipe.yaml")
    if data is not None:
        config.data.root = data
    return config


def _trained_again(
    assembly: Assembly, run: Run, count: int, records: Records
) -> tuple[Exported, dict[str, np.ndarray]]:
    trainer, optimizer = assembly.trainer, assembly.trainer.optimizer
    trainer._plan(assembly.train_loader, assembly.config.training.epochs, assembly.config.training.steps)
    generator = _generator_state()
    groups_before = [{k: copy.copy(v) for k, v in g.items() if k != "params"} for g in optimizer.param_groups]
    rates = _rates(assembly)
    for group, before in zip(optimizer.param_groups, groups_before, strict=True):
        group.update(before)
    trainer.model.train()
    if (0, "lr", None) in rates:
        records.compare_rates(trainer, rates[0, "lr", None])
    arrays, made = _made_again(assembly, count, records, rates)
    for group, before in zip(optimizer.param_groups, groups_before, strict=True):
        group.update(before)
    compiled: Any = trainer.compiling._compiled
    programs = [p for kind in compiled._programs.values() for p in kind]
    states = {"initial": compiled.first_values, "trained": _trained_values(assembly, run, programs)}
    inference = _inference(assembly)
    return (
        Exported(
            title=f"{_title(assembly.config, run)}: training and inference in plain NumPy.",
            description=_description(assembly, run, made, records.told),
            training=programs,
            inference=inference,
            states=states,
            generator=generator,
            rates=rates,
            groups=optimizer.param_groups,
            lasting=_lasting(assembly, programs),
            losses=trainer.accumulate,
            prepare=_prepare(assembly),
        ),
        arrays,
    )


def _made_again(
    assembly: Assembly, count: int, records: Records, rates: Mapping[tuple[int, str, int | None], np.ndarray]
) -> tuple[dict[str, np.ndarray], int]:
    """Make the first updates again, and those that the run's records need or that come in other shapes.

    Returns the first ``count`` batches with their losses, and how many they are.
    """
    trainer = assembly.trainer
    losses: list[list[float]] = []
    arrays: dict[str, np.ndarray] = {}
    found: list[Any] = []
    most = trainer.total_steps if records.made is None else min(trainer.total_steps, records.made)
    records.begin(trainer)
    for step, batch in enumerate(_batches(assembly, most, records.until)):
        tensors = [t for pair in batch for t in pair]
        # A last update of fewer batches is not among those that are stored.
        storing = step == len(losses) < count and (not losses or len(tensors) == int(arrays["arrays"]))
        if storing:
            arrays.update({f"batch.{step}.{k}": t.array.copy() for k, t in enumerate(tensors)})
            arrays["arrays"] = np.array(len(tensors))
        shapes = [t.shape for t in tensors]
        if storing or step < records.until or shapes not in found:
            _follow(trainer.optimizer, rates, step)
            results: Any = trainer.compiling.update(trainer, batch, lambda *_: None)
            records.compare(trainer, step, batch, results)
            if storing:
                losses.append([t.item() for t in results[: len(batch)]])
        if trainer.compiling.reason is not None:
            raise UsageError(
                "export", f"the updates are not compiled: {trainer.compiling.reason}", "see tapegrad.compile"
            )
        found.append(shapes)
    if not losses:
        raise UsageError("export", "the run made no update", "train it first")
    arrays["losses"] = np.array(losses)
    return arrays, len(losses)


def _batches(assembly: Assembly, most: int, until: int) -> Iterator[list]:
    """Give the batches of one update after the other: of an epoch, or until an update, and ``most`` in all."""
    trainer, step = assembly.trainer, 0
    while step == 0 or step < min(until, most):
        before = step
        for batch in groups(from_position(assembly.train_loader, trainer.position), trainer.accumulate):
            if step >= most:
                return
            yield batch
            step += 1
        if step == before:
            return
        # The order of an epoch's samples hangs on its number.
        trainer.position = Position(trainer.position.epoch + 1, 0, step)


def _prepare(assembly: Assembly) -> Prepare | None:
    """Return how inputs are standardized, with samples from before and after, or None where they are not."""
    statistics = assembly.sets.statistics
    if "mean" not in statistics:
        return None
    config = assembly.config.model_copy(deep=True)
    config.data.standardize = False
    given = load_sets(config).train.inputs[:_SAMPLES]
    images = given.ndim == 4
    inputs = "Inputs are (samples, channels, height, width), of brightness from 0 to 1." if images else ""
    inputs = inputs or "Inputs are (samples, columns), in the units of the data."
    if statistics.get("inverted"):
        inputs = inputs[:-1] + ", inverted, so that ink is bright."
    return Prepare(
        np.asarray(statistics["mean"], np.float64),
        np.asarray(statistics["std"], np.float64),
        inputs,
        given.copy(),
        assembly.sets.train.inputs[:_SAMPLES].copy(),
    )


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


def _description(assembly: Assembly, run: Run, batches: int, told: str) -> str:
    config, trainer = assembly.config, assembly.trainer
    network = repr(assembly.model).replace("\\", "/").replace('"""', "'''")
    return "\n".join(
        [
            f"{_MARK}{__version__} from the run {run.name}; it needs NumPy and the .npz file beside it.",
            f"As a program it trains on the run's first {batches} batches, and compares the losses, bit for bit, with those",
            "computed when this file was written.",
            *textwrap.wrap(f"{told[0].upper()}{told[1:]}.", 116),
            "",
            "As a module it gives train_step(inputs, target), predict(inputs), restore(moment), and the memory by name.",
            'predict uses the weights as they are: those before the training until restore("trained") puts in the others.',
            "",
            network,
            "",
            f"Loss: {trainer.loss}; optimizer: {type(trainer.optimizer).__name__}; "
            f"dtype: {config.dtype}; data: {config.data.set}.",
        ]
    )

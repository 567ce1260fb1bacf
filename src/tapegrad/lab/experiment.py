"""One experiment from its configuration to a finished run folder: train, evaluate, draw, write the result."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..array import get_default_dtype, set_default_dtype
from ..explain.doctor.doctor import Doctor
from ..formats.atomic import write_atomically
from ..train import Callback, Checkpoints, HashLedger, Ledger, Run, TensorBoard, load_checkpoint, load_weights
from ..train.callbacks import EarlyStopping, Snapshots
from ..train.checkpoint import read_position
from ..train.statistics import Statistics
from . import trust
from .advice import log_of
from .build import Assembly, build
from .data import Sets
from .result import measure
from .schema import Config

__all__ = ["attach", "fit", "held_out_of", "one_setting", "run_experiment"]


def run_experiment(
    config: Config, run: Run, *, callbacks: Sequence[Callback] = (), resume: bool = False, pictures: bool = True
) -> dict[str, Any]:
    """Train as the configuration says, (on) in the run's folder, and return what ``result.json`` then holds.

    ``callbacks`` come on top of those that the configuration asks for; ``resume`` goes on from the last checkpoint.
    Raises DataError when the loss is not finite; KeyboardInterrupt, with the state saved, after Ctrl-C.
    """
    with run.alone(), one_setting(config):
        assembly = build(config)
        attach(assembly, run, callbacks)
        checkpoint = run.newest_checkpoint if resume else None
        if checkpoint is not None:
            load_checkpoint(checkpoint, assembly.trainer)
        return fit(assembly, run, pictures=pictures)


def attach(assembly: Assembly, run: Run, callbacks: Sequence[Callback] = ()) -> None:
    """Make a run's folder the place where the assembly's trainer writes, with all callbacks of the configuration."""
    run.write_sources(assembly.sets.sources)
    trust.note(assembly.config, run.folder, assembly.sets.sources)
    note_data(run, assembly.sets)
    assembly.trainer.callbacks = [*_callbacks(assembly, run), *callbacks]


def fit(assembly: Assembly, run: Run, *, pictures: bool = True) -> dict[str, Any]:
    """Train from where the trainer is, then evaluate, draw and write the result."""
    trainer, training = assembly.trainer, assembly.config.training
    started = time.perf_counter()
    with np.errstate(all="ignore"):  # a loss that is not finite is reported by the trainer, in one sentence
        trainer.fit(assembly.train_loader, assembly.valid_loader, epochs=training.epochs, steps=training.steps)
    seconds = time.perf_counter() - started
    checkpoint = _chosen_checkpoint(assembly, run)
    measured = read_position(checkpoint)
    load_weights(checkpoint, assembly.model)
    trainer.ema = None  # the checkpoint's averages are the model's weights now
    with np.errstate(all="ignore"):
        result = measure(assembly)
    result["measured"] = {"checkpoint": checkpoint.stem, "epoch": measured.epoch, "step": measured.step}
    result["seconds"] = round(seconds + _seconds_before(run), 3)
    if pictures:
        from .illustrate import draw_run

        result["pictures"] = draw_run(assembly, run, result)
    # Last of all: a run without its pictures can be resumed, which draws them.
    run.write_result(result)
    return result


def _chosen_checkpoint(assembly: Assembly, run: Run) -> Any:
    """Return the path of the checkpoint that is measured: the best by validation where there is one."""
    which = assembly.config.evaluation.checkpoint if assembly.sets.valid is not None else "last"
    return run.checkpoints / f"{which}.safetensors"


def _seconds_before(run: Run) -> float:
    """Return how long the run trained before it was interrupted, as far as its events say."""
    return sum(float(event.get("seconds", 0.0)) for event in run.events("interrupted"))


def note_data(run: Run, sets: Sets) -> None:
    """Write ``data.json``: what was learned from, as commands need it that do not load the data again."""
    parts = {name: part for name in ("train", "valid", "test") if (part := getattr(sets, name)) is not None}
    described: dict[str, Any] = {
        "set": sets.name,
        "task": sets.task,
        "classes": sets.classes,
        "input_shape": list(sets.train.inputs.shape[1:]),
        "statistics": sets.statistics,
        "samples": {name: len(part) for name, part in parts.items()},
        "sources": sets.sources,
    }
    if sets.classes is not None:
        count = len(sets.classes)
        described["counts"] = {name: np.bincount(p.labels, minlength=count).tolist() for name, p in parts.items()}
    write_atomically(run.folder / "data.json", (json.dumps(described, indent=2, ensure_ascii=False) + "\n").encode())


def _callbacks(assembly: Assembly, run: Run) -> list[Callback]:
    config = assembly.config
    wanted = config.callbacks
    metric = wanted.checkpoints.best or _default_metric(assembly)
    found: list[Callback] = [
        Ledger(run),
        HashLedger(run, every=wanted.ledger_every),
        Checkpoints(
            run.checkpoints,
            every=wanted.checkpoints.every,
            best=metric,
            mode=wanted.checkpoints.mode,
            last_every=wanted.checkpoints.last_every,
        ),
    ]
    if wanted.statistics:
        found.append(Statistics(run.log))
    if wanted.doctor:
        # After the statistics, whose looks it shares.
        found.append(Doctor(mode=wanted.doctor, log=log_of(run, config), test=held_out_of(assembly.sets)))
    if wanted.snapshots:
        found.append(Snapshots(run.folder / "snapshots", every=wanted.snapshots))
    if wanted.early_stopping is not None:
        stop = wanted.early_stopping
        found.append(EarlyStopping(stop.metric, mode=stop.mode, patience=stop.patience, min_delta=stop.min_delta))
    if wanted.tensorboard:
        found.append(TensorBoard(run.folder / "tensorboard"))
    return found


def held_out_of(sets: Sets) -> Any:
    """Return the test set as (inputs, targets), None where there is none."""
    return None if sets.test is None else (sets.test.inputs, sets.test.targets)


def _default_metric(assembly: Assembly) -> str:
    first = next((name for name in assembly.trainer.metrics if name != "confusion_matrix"), "loss")
    return f"valid_{first}" if assembly.sets.valid is not None else first


@contextlib.contextmanager
def one_setting(config: Config) -> Iterator[None]:
    """Hold BLAS to the configuration's threads, and put the default dtype back afterwards."""
    before = get_default_dtype()
    try:
        with _threads(config.threads):
            yield
    finally:
        set_default_dtype(before)


@contextlib.contextmanager
def _threads(count: int | None) -> Iterator[None]:
    if count is None:
        yield
        return
    from ..errors import MissingExtraError

    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        raise MissingExtraError("threads", "threadpoolctl", "lab") from None
    with threadpool_limits(count):
        yield

"""``tapegrad graph RUN|RECIPE|SCRIPT.py:MODEL``."""

from __future__ import annotations

import json
import os
import pathlib
import re
import sys
import traceback
import types
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from ..core import Tensor, tensor
from ..errors import ArgumentError, TapegradError, an
from ..formats.atomic import write_atomically
from ..nn import Module
from ..ops.random import manual_seed, randn
from ..train import Run
from .outputs import check_place

if TYPE_CHECKING:
    from ..explain.network.graph import Graph
    from ..lab.schema import Config

__all__ = ["graph"]

_ENDINGS = (".svg", ".dot", ".html")


@click.command(
    epilog="Examples: tapegrad graph digits -o digits.html; tapegrad graph runs/mnist-20261121-120000 --values; "
    "tapegrad graph train.py:Net --input 1,28,28 -o net.dot"
)
@click.argument("subject", metavar="RUN|RECIPE|SCRIPT.py:MODEL")
@click.option("-o", "--output", default="graph.svg", show_default=True, help="A .svg, .html or .dot file.")
@click.option("--values", is_flag=True, help="Also write into it means and gradients of a batch, from one step back.")
@click.option("--depth", type=click.IntRange(min=-1), help="Levels of modules that are open; -1 for all operations.")
@click.option(
    "--input", "sizes", multiple=True, metavar="SIZES", help="Shape of one sample, e.g. 1,28,28; once for each."
)
@click.option("--batch", default=1, show_default=True, type=click.IntRange(min=1), help="How many samples go through.")
@click.option("--checkpoint", default=None, help="Of a run: best, last, or a file.  [default: best where there is one]")
@click.option("--data", type=click.Path(), help="Folder of the data sets.  [data.root, default: TAPEGRAD_DATA]")
@click.option("--runs", default="runs", show_default=True, type=click.Path(), help="Where runs are looked up by name.")
def graph(
    subject: str,
    output: str,
    values: bool,
    depth: int | None,
    sizes: tuple[str, ...],
    batch: int,
    checkpoint: str | None,
    data: str | None,
    runs: str,
) -> None:
    """Draw a network: its operations in the modules that hold them, with shapes, parameters and costs.

    MODEL is a network in a Python file, or a class or function without arguments that makes one; the file is run. In a
    page (.html) modules fold and unfold; a .dot file is for Graphviz.
    """
    ending = pathlib.Path(output).suffix.lower()
    if ending not in _ENDINGS:
        raise ArgumentError("graph", f"'{output}' does not end in {', '.join(_ENDINGS)}", "choose one of them")
    check_place("graph", output)
    shapes = [_shape(text) for text in sizes]
    path, colon, name = subject.rpartition(":")
    if colon and path.endswith(".py"):
        if checkpoint is not None or data is not None:
            raise ArgumentError(
                "graph", "a script has no checkpoint and no data set", "leave --checkpoint and --data out"
            )
        drawn = _of_script(path, name, shapes, batch, values)
    elif subject.endswith(".py"):
        raise ArgumentError("graph", f"{subject} may hold several networks", f"name one: {subject}:Net")
    else:
        drawn = _of_experiment(subject, shapes, batch, values, checkpoint, data, runs)
    text = {".svg": drawn.to_svg, ".dot": drawn.to_dot, ".html": drawn.to_html}[ending](depth=depth)
    write_atomically(output, text.encode())
    click.echo(f"{output}: {drawn}")


def _shape(text: str) -> tuple[int, ...]:
    words = [word for word in re.split(r"[,x×\s]+", text.strip("()[] ")) if word]
    if not words or not all(word.isdecimal() for word in words):
        raise ArgumentError("graph", f"--input is '{text}'", "write the sizes of one sample, as in --input 1,28,28")
    return tuple(int(word) for word in words)


# -- a network in a file --------------------------------------------------------------------------------------------------


def _of_script(path: str, name: str, shapes: list[tuple[int, ...]], batch: int, values: bool) -> Graph:
    if not os.path.isfile(path):
        raise ArgumentError("graph", f"there is no file {path}", "check the path")
    held = _run_file(path)
    if name not in held:
        from ..lab.nearest import nearest

        known = [key for key, value in held.items() if _makes_network(value) and not key.startswith("_")]
        raise ArgumentError("graph", f"{path} has no '{name}'", nearest(name, known) if known else "it has no network")
    model = _network(path, name, held[name])
    if not shapes:
        raise ArgumentError("graph", "the shape of the network's input is not known", "give it: --input 1,28,28")
    return _traced(model, [_input(model, (batch, *shape), values) for shape in shapes], values, path)


def _run_file(path: str) -> dict[str, Any]:
    """Run a Python file under its own name, so that what it guards by ``__main__`` is left out, and return its names."""
    source = pathlib.Path(path).read_bytes()
    if re.search(rb"^\s*(import|from)\s+torch", source, re.MULTILINE):
        from ..compat import install

        install()
    module = types.ModuleType(pathlib.Path(path).stem)
    module.__file__ = path
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    # Classes look for their module here, as dataclasses do.
    before = sys.modules.get(module.__name__)
    sys.modules[module.__name__] = module
    try:
        exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)
    except (Exception, SystemExit) as error:
        raise ArgumentError(
            "graph", f"{path} cannot be run ({_said(error, path)})", "try it in Python by itself"
        ) from None
    finally:
        sys.path.pop(0)
        if before is not None:
            sys.modules[module.__name__] = before
    return module.__dict__


def _makes_network(value: Any) -> bool:
    return isinstance(value, Module) or (isinstance(value, type) and issubclass(value, Module))


def _network(path: str, name: str, value: Any) -> Module:
    made = value
    if not isinstance(value, Module) and callable(value):
        try:
            made = value()
        except (Exception, SystemExit) as error:
            raise ArgumentError(
                "graph", f"{name}() fails ({_said(error, path)})", "name a network, or what makes one without arguments"
            ) from None
    if not isinstance(made, Module):
        raise ArgumentError("graph", f"{name} in {path} is {an(made)}", "name a network (an nn.Module)")
    return made


def _input(model: Module, shape: tuple[int, ...], values: bool) -> Tensor:
    """Return zeros of the dtype that a network takes; random numbers, always the same, when their values count."""
    from ..explain.network.inputs import example_inputs

    (zeros,) = example_inputs("graph", model, (), {}, shape)
    if not values or zeros.dtype.kind != "f":
        return zeros
    manual_seed(0)
    return randn(*shape, dtype=zeros.dtype)


def _said(error: BaseException, path: str) -> str:
    """Return an error's kind and text, with its line in a file."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" + (f", at line {lines[-1]}" if lines else "")


def _traced(model: Module, inputs: list[Tensor], values: bool, path: str, **options: Any) -> Graph:
    from ..explain import graph as draw

    try:
        with np.errstate(all="ignore"):
            return draw(model.eval(), *inputs, values=values, **options)
    except TapegradError:
        raise
    except (Exception, SystemExit) as error:
        raise ArgumentError(
            "graph",
            f"{type(model).__name__} fails on its input ({_said(error, path)})",
            "check --input, or the network",
        ) from None


# -- a network of an experiment --------------------------------------------------------------------------------------------


def _of_experiment(
    subject: str, shapes: list, batch: int, values: bool, checkpoint: str | None, data: str | None, runs: str
) -> Graph:
    from ..lab.build import build_model
    from ..lab.config import load_config
    from ..lab.data import load_sets
    from ..lab.experiment import one_setting
    from .stored import stored_config, stored_data, trained_model

    run = next(
        (Run(f) for f in (pathlib.Path(subject), pathlib.Path(runs) / subject) if (f / "recipe.yaml").is_file()), None
    )
    if checkpoint is not None and run is None:
        raise ArgumentError("graph", f"{subject} is a recipe and has no checkpoint", "leave --checkpoint out")
    root = [] if data is None else [f"data.root={json.dumps(data)}"]
    config = load_config(subject, root) if run is None else stored_config(run, data)
    with one_setting(config):
        sets = load_sets(config) if values or (run is None and not shapes) else None
        if sets is not None:
            shape = sets.train.inputs.shape[1:]
        else:
            shape = stored_data(run)["input_shape"] if run is not None and not shapes else shapes[0]
        model = build_model(config, shape) if run is None else trained_model(run, config, checkpoint)
        if sets is None:
            return _traced(model, [_input(model, (batch, *shape), False)], False, subject)
        return _of_batch(config, model, sets, batch, values, subject)


def _of_batch(config: Config, model: Module, sets: Any, batch: int, values: bool, subject: str) -> Graph:
    """Return the graph of the first training samples, with the loss that the experiment has."""
    from ..lab import names

    inputs, targets = tensor(sets.train.inputs[:batch]), tensor(sets.train.targets[:batch])
    return _traced(model, [inputs], values, subject, loss=names.create("loss", config.loss), target=targets)

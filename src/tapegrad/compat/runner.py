"""Running a script as ``python script.py`` does, with tapegrad in PyTorch's place."""

from __future__ import annotations

import io
import os
import sys
import types
from collections.abc import Sequence

from ..core import Tensor
from ..nn import Module
from ..optim import Optimizer
from .aliases import install
from .names import explain

__all__ = ["run_script"]

_OWNERS = {Tensor: "torch.Tensor", Module: "torch.nn.Module", Optimizer: "torch.optim.Optimizer"}


def run_script(path: str, arguments: Sequence[str] = ()) -> int:
    """Run a Python file as the main program of this process and return its exit code.

    ``sys.argv``, ``sys.path[0]``, ``__name__`` and ``__file__`` are what the file expects; an error that it does not
    catch is shown as Python shows it, without the lines that led into the file, and makes the code 1. Raises OSError
    when the file cannot be read, StateError when PyTorch itself is already imported.
    """
    with io.open_code(os.path.abspath(path)) as file:
        source = file.read()
    install()
    sys.argv = [path, *arguments]
    sys.path.insert(0, os.path.dirname(os.path.realpath(path)))
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=path, __builtins__=__builtins__, __spec__=None, __cached__=None)
    # Pickles, and processes that multiprocessing starts, look for the script's classes here.
    sys.modules["__main__"] = main
    try:
        exec(compile(source, path, "exec", dont_inherit=True), main.__dict__)
    except SystemExit as end:
        return _code(end)
    except Exception as error:
        _show(error, path)
        return 1
    return 0


def _code(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    print(end.code, file=sys.stderr)
    return 1


def _show(error: Exception, path: str) -> None:
    """Print the error as an interpreter does, from the script's own first line on."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != path:
        trace = trace.tb_next
    if isinstance(error, AttributeError) and error.name is not None:
        owner = next((name for kind, name in _OWNERS.items() if isinstance(error.obj, kind)), None)
        if owner is not None:
            error.add_note(explain(f"{owner}.{error.name}", dir(error.obj)))
    sys.stdout.flush()
    sys.excepthook(type(error), error.with_traceback(trace), trace)

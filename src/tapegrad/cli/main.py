"""The ``tapegrad`` command: finds the subcommand, turns errors into one sentence and an exit code."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from typing import Any

from ..lab.visible import visible

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code: 0, 1 for a fault of ours, 2 for wrong input, 130 after Ctrl-C."""
    _give_streams()
    try:
        import click
        import rich  # noqa: F401
    except ImportError as error:
        print(f"tapegrad: the package '{error.name}' is not installed; pip install 'tapegrad[lab]'", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    from ..errors import TapegradError

    try:
        from .commands import tapegrad

        with warnings.catch_warnings():
            _say_warnings()
            return tapegrad.main(arguments, prog_name="tapegrad", standalone_mode=False) or 0
    except click.ClickException as error:
        error.show()
        return 2
    except (click.exceptions.Abort, KeyboardInterrupt):
        return 130
    except MemoryError as error:
        print(
            f"tapegrad: there is not enough memory ({error}); use fewer samples, smaller batches or layers",
            file=sys.stderr,
        )
        return 2
    except (TapegradError, OSError) as error:
        print(f"tapegrad: {visible(_sentence(error))}", file=sys.stderr)
        return 2


def _give_streams() -> None:
    """A closed stdout or stderr is None in Python; what is printed there goes nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


def _say_warnings() -> None:
    """Print our own warnings as sentences, without the place in the source that a library's user wants to see."""
    from ..errors import TapegradWarning

    show = warnings.showwarning

    def say(message: Warning | str, category: type[Warning], *place: Any, **details: Any) -> None:
        if issubclass(category, TapegradWarning):
            print(f"tapegrad: warning: {visible(str(message))}", file=sys.stderr)
        else:
            show(message, category, *place, **details)

    warnings.showwarning = say


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        remedy = "free some space and go on" if error.errno == errno.ENOSPC else "check the path and its permissions"
        return f"{error.filename or 'file'}: {error.strerror}; {remedy}"
    return str(error)


def run() -> None:
    """Run as the installed command."""
    sys.exit(main())

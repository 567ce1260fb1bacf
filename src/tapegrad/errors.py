"""The errors of tapegrad: one base, a few kinds, one form of message.

Every message reads ``who: what is wrong, with the values; what to do``. Each kind also derives from the built-in
exception that PyTorch raises in its place, so that code written for PyTorch catches it unchanged.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterable

__all__ = [
    "ArgumentError",
    "ConfigError",
    "ContractError",
    "DTypeError",
    "DataError",
    "DeprecationNotice",
    "EmptyError",
    "FileFormatError",
    "GradError",
    "IndexRangeError",
    "LayoutError",
    "LinAlgError",
    "MissingAttributeError",
    "MissingExtraError",
    "MissingMethodError",
    "NamingError",
    "NotFiniteError",
    "OptionError",
    "PositionError",
    "ShapeError",
    "StateError",
    "StorageError",
    "TapegradError",
    "TapegradWarning",
    "TraceError",
    "UnsupportedDTypeError",
    "UsageError",
    "an",
    "did_you_mean",
    "warn",
]

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


class TapegradError(Exception):
    """The base of every error that tapegrad raises on purpose.

    ``who`` names the function, layer or file; ``what`` says what is wrong, with the values; ``fix`` says what to do.
    A module that the error passes through on its way out adds its own name, so the message ends up naming the
    layer's path in the model.

    >>> str(TapegradError("linear", "input has 5 features, weight wants 4", "make them equal"))
    'linear: input has 5 features, weight wants 4; make them equal'
    """

    def __init__(self, who: str, what: str, fix: str = ""):
        super().__init__(who, what, fix)
        self.who = who
        self.what = what
        self.fix = fix
        self.module: object | None = None
        self.path = ""

    def __str__(self) -> str:
        who = f"{self.path} ({self.who})" if self.path else self.who
        return f"{who}: {self.what}" + (f"; {self.fix}" if self.fix else "")


class ShapeError(TapegradError, RuntimeError):
    """Shapes that do not fit."""


class DTypeError(TapegradError, RuntimeError):
    """A dtype that the operation cannot use."""


class GradError(TapegradError, RuntimeError):
    """A gradient that cannot be computed."""


class StateError(TapegradError, RuntimeError):
    """A state that does not fit the object that it is loaded into."""


class StorageError(TapegradError, RuntimeError):
    """A state that cannot be stored: a full disk, a quota."""


class LinAlgError(TapegradError, RuntimeError):
    """A matrix that cannot be inverted or factorised, or an iteration that did not converge."""


class TraceError(TapegradError, RuntimeError):
    """A step that cannot be recorded as a program."""


class ArgumentError(TapegradError, ValueError):
    """An argument outside what is allowed."""


class UsageError(TapegradError, TypeError):
    """A call with the wrong kind of argument."""


class IndexRangeError(TapegradError, IndexError):
    """An index, a dimension or a label out of range."""


class ContractError(TapegradError, AssertionError):
    """Arguments that do not belong together, where PyTorch asserts that they do."""


class OptionError(ArgumentError, RuntimeError):
    """An argument outside what is allowed, where PyTorch raises RuntimeError."""


class DeviceError(OptionError, ContractError):
    """A device that this machine does not have; PyTorch asserts that it has it."""


class PositionError(IndexRangeError, RuntimeError):
    """A position out of range, where PyTorch raises RuntimeError."""


class EmptyError(ShapeError, IndexError):
    """A dimension without elements where one is needed."""


class UnsupportedDTypeError(DTypeError, NotImplementedError):
    """A dtype that PyTorch has no such operation for either."""


class LayoutError(TapegradError, NotImplementedError):
    """An operation that there is not for tensors that are held in this way: sparse ones, or dense ones."""


class NamingError(TapegradError, KeyError):
    """A name that is in use, or that cannot be given."""


class MissingAttributeError(TapegradError, AttributeError):
    """An attribute that an object does not have."""


class MissingMethodError(TapegradError, NotImplementedError):
    """A method that a subclass has to write."""


class DataError(TapegradError, ValueError):
    """Data that cannot be learned from: empty, not finite, labels out of range."""


class NotFiniteError(DataError):
    """A training that cannot go on: its loss is no finite number any more."""


class ConfigError(TapegradError, ValueError):
    """Mistakes in a configuration: the first, and after it one line for each of the others."""

    def __init__(self, who: str, what: str, fix: str = "", more: Iterable[str] = ()):
        super().__init__(who, what, fix)
        self.more = list(more)

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *self.more])


class FileFormatError(TapegradError, ValueError):
    """A file that is truncated, damaged or of another kind."""


class DecodingError(FileFormatError, RuntimeError):
    """A file that cannot be read or decoded, where PyTorch raises RuntimeError."""


class MissingExtraError(TapegradError, ImportError):
    """An optional package that is not installed."""

    def __init__(self, who: str, package: str, extra: str):
        super().__init__(who, f"the package '{package}' is not installed", f"pip install 'tapegrad[{extra}]'")

    def __reduce__(self):
        return (TapegradError, (self.who, self.what, self.fix))


class TapegradWarning(UserWarning):
    """Something that works, but that is probably not what was meant, or that will stop working."""


class DeprecationNotice(TapegradWarning, FutureWarning):
    """An old name or form, for which there is a newer one."""


def warn(who: str, what: str, fix: str = "", kind: type[TapegradWarning] = TapegradWarning) -> None:
    """Give a warning in the form of an error's message, at the line outside the package that led here.

    Python shows each warning once for each such line, as long as the text stays the same.
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(f"{who}: {what}" + (f"; {fix}" if fix else ""), kind, stacklevel=level)


def an(value: object) -> str:
    """Return the kind of a value with its article, for messages.

    >>> an(3), an("x"), an(None)
    ('an int', 'a str', 'None')
    """
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[0] in 'aeioAEIO' else 'a'} {name}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``"did you mean 'x'?"`` for the nearest known name, or the sorted list of names when none is near.

    >>> did_you_mean("digit", ["digits", "mnist"])
    "did you mean 'digits'?"
    >>> did_you_mean("zzz", ["digits", "mnist"])
    'known: digits, mnist'
    """
    import difflib

    names = list(known)
    near = difflib.get_close_matches(word, names, n=1)
    return f"did you mean '{near[0]}'?" if near else "known: " + ", ".join(sorted(names))

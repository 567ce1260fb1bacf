"""Reading a pickle without running it: the stack machine that pickles are programs for, able to import and call nothing.

Python's own machine imports whatever a pickle names and calls it; this one asks a table of :class:`Global` entries, each
a function written here that checks its arguments, and refuses every other name. Memory and time are bounded by the
pickle's length: each instruction (see ``instructions.py``) spends from a budget what it takes.
Source: https://docs.python.org/3/library/pickletools.html
"""

from __future__ import annotations

import pickle
import struct
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from ..array import Device
from ..core import Tensor
from ..errors import FileFormatError
from ..missing_dtypes import MissingDType

__all__ = ["CheckpointError", "Global", "Inner", "Interpreter", "Spend", "pick", "plain", "refuse"]

Spend = Callable[[int], None]

# Far more than honest files need: objects take 20 to 60 times the bytes that describe them.
_BUDGET = 256 << 20
_BUDGET_PER_BYTE = 32
_DEPTH_LIMIT = 500
_NAME_LIMIT = 1000
_COLLISION_LIMIT = 256
_KEY_PARTS = 64
_KEYS = (str, bytes, float, bool, type(None), MissingDType, Device)
_REMEDY = "restore the file from a copy, or save it again"


class CheckpointError(FileFormatError, pickle.UnpicklingError, RuntimeError):
    """A ``.pt`` file that is damaged, or that asks for something that a file must not ask for."""


class Inner:
    """What a pickle's own work needs, and no result may hold."""

    __slots__ = ()
    label: str


class Global(Inner):
    """What a name in a pickle stands for: ``build`` makes the object from arguments that it checks itself.

    ``value``: what the name itself is where no call is needed (the dtype of a storage, the factory of a defaultdict).
    ``update`` (optional) takes an object made here and the state that a ``BUILD`` gives it; ``create`` makes an object
    without initialising it, as ``NEWOBJ`` wants, where that differs.
    """

    __slots__ = ("build", "create", "label", "update", "value")

    def __init__(
        self,
        name: str,
        build: Callable | None = None,
        value: Any = None,
        update: Callable | None = None,
        create: Callable | None = None,
    ):
        self.label = name
        self.build = build
        self.create = create or build
        self.value = value
        self.update = update

    def __call__(self, *args: Any) -> Any:
        """Build the object, for Python's own unpickler (``weights_only=False``)."""
        if self.build is None:
            raise CheckpointError("load", f"{self.label} is called, which makes nothing", _REMEDY)
        return self.build(args, _spend_nothing)


def _spend_nothing(_: int) -> None:
    pass


class Interpreter:
    """The state of one run over one pickle. ``find`` looks names up, ``persistent`` storages; ``position`` is the next byte."""

    def __init__(
        self,
        data: bytes | memoryview,
        where: str,
        find: Callable[[str], Global | Any],
        persistent: Callable[[Any], Any],
        encoding: str = "utf-8",
        errors: str = "strict",
        position: int = 0,
    ):
        self.data = data
        self.where = where
        self.find = find
        self.persistent = persistent
        self.encoding = encoding
        self.errors = errors
        self.position = position
        self.left = _BUDGET + _BUDGET_PER_BYTE * (len(data) - position)
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.hashes: dict[tuple[int, int], int] = {}
        # With the objects themselves: an id may be given again to another one.
        self.made: dict[int, tuple[Any, Callable]] = {}

    def fail(self, what: str, fix: str = _REMEDY) -> NoReturn:
        """Raise CheckpointError with the place."""
        raise CheckpointError(f"{self.where} (pickle, byte {self.position:,})", what, fix)

    def spend(self, count: int) -> None:
        """Take ``count`` bytes of memory from the budget."""
        self.left -= count
        if self.left < 0:
            self.fail("describes far more objects than its size allows", "load only files whose origin you know")

    def take(self, count: int) -> bytes:
        """Return the next ``count`` bytes."""
        start = self.position
        if count > len(self.data) - start:
            self.fail(f"wants {count:,} bytes where {len(self.data) - start:,} are left")
        self.position = start + count
        return bytes(self.data[start : start + count])

    def number(self, form: struct.Struct) -> Any:
        """Return the number that comes next."""
        return form.unpack(self.take(form.size))[0]

    def push(self, value: Any, cost: int = 16) -> None:
        self.spend(cost)
        self.stack.append(value)

    def pop(self) -> Any:
        if not self.stack:
            self.fail("takes an object from an empty stack")
        return self.stack.pop()

    def top(self) -> Any:
        if not self.stack:
            self.fail("looks at an empty stack")
        return self.stack[-1]

    def pop_mark(self) -> list[Any]:
        """Return what was pushed after the last mark."""
        if not self.below:
            self.fail("looks for a mark that was never set")
        items = self.stack
        self.stack = self.below.pop()
        return items

    def remember(self, index: int) -> None:
        self.spend(100)
        self.memo[index] = self.top()

    def recall(self, index: int) -> None:
        if index not in self.memo:
            self.fail(f"recalls object {index}, which it never stored")
        self.push(self.memo[index])

    def text(self, count: int) -> None:
        self.spend(4 * count)
        raw = self.take(count)
        try:
            self.push(raw.decode("utf-8", "surrogatepass"), 80)
        except UnicodeDecodeError:
            self.fail(f"has text that is not UTF-8 ({raw[:20]!r})")

    def old_text(self, count: int) -> None:
        """Push a string of Python 2: text in the encoding that the caller named, or bytes."""
        self.spend(4 * count)
        raw = self.take(count)
        if self.encoding == "bytes":
            return self.push(raw, 80)
        try:
            self.push(raw.decode(self.encoding, self.errors), 80)
        except (UnicodeDecodeError, LookupError):
            self.fail(f"has text that is not {self.encoding} ({raw[:20]!r})", "load it with encoding='latin1'")

    # -- containers -------------------------------------------------------------------------------------------------

    def put(self, target: Any, items: list[Any]) -> None:
        """Set pairs of a dictionary."""
        if type(target) not in (dict, OrderedDict, defaultdict, Counter):
            self.fail(f"sets items of a {type(target).__name__}")
        if len(items) % 2:
            self.fail("has a key without a value")
        self.spend(100 * len(items))
        for i in range(0, len(items), 2):
            self.check_key(target, items[i])
            target[items[i]] = items[i + 1]

    def extend(self, items: list[Any]) -> None:
        target = self.top()
        if type(target) is not list:
            self.fail(f"appends to a {type(target).__name__}")
        self.spend(16 * len(items))
        target.extend(items)

    def add(self, items: list[Any]) -> None:
        target = self.top()
        if type(target) is not set:
            self.fail(f"adds to a {type(target).__name__} as to a set")
        self.spend(100 * len(items))
        for item in items:
            self.check_key(target, item)
            target.add(item)

    def check_key(self, target: Any, key: Any) -> None:
        """Refuse keys that cannot be hashed, or whose hashes were chosen to make a dictionary slow."""
        kind = type(key)
        if kind in _KEYS or (kind is int and -(1 << 60) < key < 1 << 60) or isinstance(key, (Tensor, np.dtype)):
            return
        if isinstance(key, tuple):
            _check_tuple(self, key)
        elif kind not in (int, complex) and not isinstance(key, np.number):
            self.fail(f"uses a {kind.__name__} as a key")
        mark = (id(target), hash(key))
        self.spend(150)
        self.hashes[mark] = self.hashes.get(mark, 0) + 1
        if self.hashes[mark] > _COLLISION_LIMIT:
            self.fail("has keys that were chosen to make a dictionary slow", "load only files whose origin you know")

    # -- names and calls --------------------------------------------------------------------------------------------

    def line(self) -> str:
        rest = bytes(self.data[self.position : self.position + _NAME_LIMIT])
        length = rest.find(b"\n")
        if length < 0:
            self.fail("has a name without an end")
        self.position += length + 1
        return rest[:length].decode("utf-8", "replace")

    def name(self, module: Any, name: Any) -> None:
        if type(module) is not str or type(name) is not str:
            self.fail("names something by what is not text")
        found = self.find(f"{module}.{name}")
        if found is None:
            self.fail(
                f"asks for {plain(module)}.{plain(name)}, which a file of weights does not need",
                "if you trust its origin, load it with weights_only=False, which runs what it names",
            )
        self.push(found)

    def call(self, initialise: bool = True) -> None:
        args, function = self.pop(), self.pop()
        if type(function) is not Global or function.build is None or function.create is None:
            name = function.label if type(function) is Global else f"a {type(function).__name__}"
            self.fail(f"calls {name}, which is no function that files may use")
        if type(args) is not tuple:
            self.fail(f"calls {function.label} without a tuple of arguments")
        self.spend(250)
        try:
            made = (function.build if initialise else function.create)(args, self.spend)
        except CheckpointError as error:
            self.fail(f"{error.who}: {error.what}", error.fix)
        if function.update is not None:
            self.made[id(made)] = (made, function.update)
        self.push(made)

    def build(self) -> None:
        state = self.pop()
        target = self.top()
        if id(target) not in self.made:
            self.fail(f"gives a {type(target).__name__} a state")
        try:
            self.made[id(target)][1](target, state, self.spend)
        except CheckpointError as error:
            self.fail(f"{error.who}: {error.what}", error.fix)

    # -- the result -------------------------------------------------------------------------------------------------

    def check_result(self, result: Any) -> None:
        """Refuse results that are nested too deep to be used, or that hold parts which only the pickle has a use for."""
        level, seen, depth = [result], set(), 0
        while level:
            depth += 1
            if depth > _DEPTH_LIMIT:
                self.fail(f"is nested more than {_DEPTH_LIMIT} deep")
            following: list[Any] = []
            for value in level:
                inner = _parts(value)
                if inner is None:
                    self.fail(f"holds {getattr(value, 'label', type(value).__name__)} by itself")
                elif inner != () and id(value) not in seen:
                    seen.add(id(value))
                    for part in inner:
                        following.extend(part)
            level = following


_LEAVES = (str, int, float, bool, type(None), bytes, complex, Device, range, slice, bytearray)


def _parts(value: Any) -> tuple | None:
    """Return the iterables of what a value holds; None for what must not be part of a result."""
    if type(value) in _LEAVES:
        return ()
    if isinstance(value, dict):
        attributes = getattr(value, "__dict__", None)
        return (value.keys(), value.values(), attributes.values()) if attributes else (value.keys(), value.values())
    if isinstance(value, (list, tuple, set, frozenset)):
        return (value,)
    if isinstance(value, Tensor):
        return (value.__dict__.values(),) if value.__dict__ else ()
    return None if isinstance(value, Inner) else ()


def _check_tuple(machine: Interpreter, key: tuple) -> None:
    todo: list[Any] = [key]
    count = 0
    while todo:
        part = todo.pop()
        count += 1
        if count > _KEY_PARTS:
            machine.fail("uses a tuple of many parts as a key")
        if isinstance(part, tuple):
            todo.extend(part[:_KEY_PARTS])
            count += max(0, len(part) - _KEY_PARTS)
        elif type(part) not in (*_KEYS, int) and not isinstance(part, (np.number, np.dtype, Tensor)):
            machine.fail(f"uses a tuple with a {type(part).__name__} as a key")


def plain(value: Any, levels: int = 2) -> str:
    """Return a value as short text for a message, without asking the value for it: what a file made may be endless."""
    if isinstance(value, str) and levels == 2:
        return value[:80] if value[:80].isprintable() else ascii(value[:60])
    if isinstance(value, (str, bytes)):
        return ascii(value[:40])
    if value is None or type(value) in (int, float, bool, complex):
        return ascii(value)[:80]
    if isinstance(value, (tuple, list)) and levels:
        inner = ", ".join(plain(part, levels - 1) for part in value[:8])
        return f"({inner}, ...)" if len(value) > 8 else f"({inner})"
    return value.label if isinstance(value, Inner) else f"a {type(value).__name__}"


def refuse(name: str, args: Any) -> CheckpointError:
    """Return the error for arguments that a function of files is not given."""
    return CheckpointError(name, f"is given {plain(args)}", _REMEDY)


def pick(name: str, args: tuple, *kinds: type | tuple[type, ...]) -> None:
    """Hold that there is one argument of each kind. Raises CheckpointError."""
    if len(args) != len(kinds) or not all(isinstance(a, k) for a, k in zip(args, kinds, strict=True)):
        raise refuse(name, args)

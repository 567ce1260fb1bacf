"""The instructions of a pickle that files of weights need, protocols 2 to 5; every other one is refused.

Source: https://docs.python.org/3/library/pickletools.html
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from .machine import CheckpointError, Interpreter

__all__ = ["interpret"]

_STOP = ord(".")
_I1, _I2, _I4 = struct.Struct("<B"), struct.Struct("<H"), struct.Struct("<i")
_U4, _U8, _F8 = struct.Struct("<I"), struct.Struct("<Q"), struct.Struct(">d")


def _long(m: Interpreter, form: struct.Struct) -> None:
    count = m.number(form)
    if count > 255:
        m.fail(f"has an integer of {count:,} bytes", "store numbers of so many digits as text")
    m.push(int.from_bytes(m.take(count), "little", signed=True), 64 + count)


def _tuple(m: Interpreter, count: int) -> None:
    if len(m.stack) < count:
        m.fail(f"makes a tuple of {count} of the {len(m.stack)} objects on the stack")
    items = tuple(m.stack[len(m.stack) - count :])
    del m.stack[len(m.stack) - count :]
    m.push(items, 80)


def _marked_tuple(m: Interpreter) -> None:
    items = m.pop_mark()
    m.push(tuple(items), 80 + 8 * len(items))


def _mark(m: Interpreter) -> None:
    m.spend(100)
    m.below.append(m.stack)
    m.stack = []


def _pop(m: Interpreter) -> None:
    if m.stack:
        m.stack.pop()
    else:
        m.pop_mark()


def _frozenset(m: Interpreter) -> None:
    items = m.pop_mark()
    target: set[Any] = set()
    m.push(target, 232)
    m.add(items)
    m.stack[-1] = frozenset(target)


def _raw(m: Interpreter, count: int, kind: Callable[[bytes], Any] = bytes) -> None:
    m.spend(2 * count)
    m.push(kind(m.take(count)), 80)


def _set_item(m: Interpreter) -> None:
    value, key = m.pop(), m.pop()
    m.put(m.top(), [key, value])


def _set_items(m: Interpreter) -> None:
    items = m.pop_mark()
    m.put(m.top(), items)


def _stack_name(m: Interpreter) -> None:
    name, module = m.pop(), m.pop()
    m.name(module, name)


def _persistent(m: Interpreter) -> None:
    key = m.pop()
    m.spend(400)
    try:
        m.push(m.persistent(key))
    except CheckpointError as error:
        m.fail(f"{error.who}: {error.what}", error.fix)


def _protocol(m: Interpreter) -> None:
    version = m.number(_I1)
    if version > 5:
        m.fail(f"is written in pickle protocol {version}", "save it again with pickle protocol 2")


_OPCODES: dict[int, Callable[[Interpreter], Any]] = {
    0x80: _protocol,
    0x95: lambda m: m.number(_U8),  # a frame's length says nothing about its content
    ord("("): _mark,
    ord("0"): _pop,
    ord("1"): lambda m: m.pop_mark(),
    ord("2"): lambda m: m.push(m.top()),
    ord("N"): lambda m: m.push(None),
    0x88: lambda m: m.push(True),
    0x89: lambda m: m.push(False),
    ord("J"): lambda m: m.push(m.number(_I4), 48),
    ord("K"): lambda m: m.push(m.number(_I1)),
    ord("M"): lambda m: m.push(m.number(_I2), 48),
    0x8A: lambda m: _long(m, _I1),
    0x8B: lambda m: _long(m, _U4),
    ord("G"): lambda m: m.push(m.number(_F8), 40),
    ord("X"): lambda m: m.text(m.number(_U4)),
    0x8C: lambda m: m.text(m.number(_I1)),
    0x8D: lambda m: m.text(m.number(_U8)),
    ord("U"): lambda m: m.old_text(m.number(_I1)),
    ord("T"): lambda m: m.old_text(m.number(_U4)),
    ord("C"): lambda m: _raw(m, m.number(_I1)),
    ord("B"): lambda m: _raw(m, m.number(_U4)),
    0x8E: lambda m: _raw(m, m.number(_U8)),
    0x96: lambda m: _raw(m, m.number(_U8), bytearray),
    ord(")"): lambda m: m.push(()),
    0x85: lambda m: _tuple(m, 1),
    0x86: lambda m: _tuple(m, 2),
    0x87: lambda m: _tuple(m, 3),
    ord("t"): _marked_tuple,
    ord("]"): lambda m: m.push([], 80),
    ord("a"): lambda m: m.extend([m.pop()]),
    ord("e"): lambda m: m.extend(m.pop_mark()),
    ord("}"): lambda m: m.push({}, 80),
    ord("s"): _set_item,
    ord("u"): _set_items,
    0x8F: lambda m: m.push(set(), 232),
    0x90: lambda m: m.add(m.pop_mark()),
    0x91: _frozenset,
    ord("h"): lambda m: m.recall(m.number(_I1)),
    ord("j"): lambda m: m.recall(m.number(_U4)),
    ord("q"): lambda m: m.remember(m.number(_I1)),
    ord("r"): lambda m: m.remember(m.number(_U4)),
    0x94: lambda m: m.remember(len(m.memo)),
    ord("c"): lambda m: m.name(m.line(), m.line()),
    0x93: _stack_name,
    ord("R"): lambda m: m.call(),
    0x81: lambda m: m.call(initialise=False),
    ord("b"): lambda m: m.build(),
    ord("Q"): _persistent,
}


def interpret(machine: Interpreter) -> Any:
    """Return the object that a pickle describes. Raises CheckpointError for whatever else it holds."""
    data, end = machine.data, len(machine.data)
    while machine.position < end:
        code = data[machine.position]
        machine.position += 1
        if code == _STOP:
            result = machine.pop()
            machine.check_result(result)
            return result
        run = _OPCODES.get(code)
        if run is None:
            machine.fail(f"has the instruction {code:#04x}", "save it again with pickle protocol 2")
        run(machine)
    return machine.fail("ends without its last instruction")

"""The way into a program, as one function without loops: is it the one for these arguments, and does it hold? Then run it.

A step of a small network takes some fifty microseconds, so what surrounds it must take next to none.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..core import Tensor, wrap
from ..core.graph import ALTERATIONS

if TYPE_CHECKING:
    from .runtime import Specialization

__all__ = ["MISS", "Stale", "write_call"]


class Stale(Exception):
    """The program was made for other numbers: a condition on a learning rate, or on the count of steps, has changed."""


# What a program returns when it is not the one for the arguments.
MISS = object()


def write_call(program: Specialization) -> tuple[Callable[..., Any], dict[str, Any]]:
    """Return ``call(tensors, grad_enabled)`` of a program, and the names that it reads, some of which change with memory."""
    writer = _Writer(program)
    lines = ["def call(tensors, grad_enabled):"]
    lines += [f"    {line}" for line in writer.lines()]
    exec(compile("\n".join(lines) + "\n", "<call of a program>", "exec"), writer.space)
    return writer.space["call"], writer.space


class _Writer:
    def __init__(self, program: Specialization):
        self.program = program
        self.step = program.step
        self.space: dict[str, Any] = {
            "MISS": MISS,
            "Stale": Stale,
            "Tensor": Tensor,
            "wrap": wrap,
            "getrefcount": sys.getrefcount,
            "ALTERATIONS": ALTERATIONS,
            "program": program,
            "done": program.done,
            "own": program.own_memory,
            **program.guards.space,
        }

    def lines(self) -> list[str]:
        """Return the body of the function."""
        return [
            *self._arguments(),
            *self._conditions(),
            *self._gradients(),
            *self._run(),
            *self._after(),
            self._results(),
        ]

    def _arguments(self) -> list[str]:
        n = len(self.step.inputs)
        lines = [f"{', '.join(f't{i}' for i in range(n))}, = tensors"] if n else []
        if n:
            lines += [f"if {' or '.join(f'type(t{i}) is not Tensor' for i in range(n))}:", "    return MISS"]
        return lines + [f"a{i} = t{i}.array" for i in range(n)]

    def _conditions(self) -> list[str]:
        program, tests = self.program, [f"grad_enabled is {self.program.grad_enabled}"]
        first: dict[Any, int] = {}
        for i, variable in enumerate(self.step.inputs):
            self.space[f"d{i}"] = variable.dtype
            tests += [f"a{i}.shape == {tuple(variable.shape)!r}", f"(a{i}.dtype is d{i} or a{i}.dtype == d{i})"]
            tests += [f"t{i}.node is None", f"not t{i}._leaf_grad"]
            tests += [f"a{i} is {'' if first[v] == first.get(variable) else 'not '}a{first[v]}" for v in first]
            first.setdefault(variable, i)
            if self.step.strides is not None:
                tests.append(f"a{i}.strides == {self.step.strides[i]!r}")
        tests += program.guards.tests
        lines = [f"if not ({' and '.join(tests)}):", "    return MISS"]
        lines += ["if program.altered != ALTERATIONS[0] and not program.modules_hold():", "    return MISS"]
        for i in range(len(self.step.inputs)):
            lines += [f"b = a{i}.base", f"if id(a{i} if b is None else b) in own:", "    return MISS"]
        if program.writes_inputs:
            lines += ["if program.overlap(tensors):", "    return MISS"]
        return lines

    def _gradients(self) -> list[str]:
        """Lay out new memory when somebody keeps a gradient of an earlier step, which must not be written over."""
        tests, bases = [], []
        for i, (leaf, g) in enumerate(self.program.gradients):
            self.space[f"leaf{i}"] = leaf
            base = g.array.base
            if base is not None and not any(base is b for b in bases):
                tests.append(f"getrefcount(base{len(bases)}) > base{len(bases)}_own")
                bases.append(base)
            tests.append(f"getrefcount(g{i}) - (leaf{i}._grad is g{i}) > g{i}_own")
            tests.append(f"getrefcount(g{i}.array) > g{i}_array_own")
        return [f"if {' or '.join(tests)}:", "    program.instantiate()"] if tests else []

    def _run(self) -> list[str]:
        arguments = [f"a{i}" for i in self.program.places]
        for i, (leaf, _) in enumerate(self.step.found):
            self.space[f"found{i}"] = leaf
            arguments.append(f"found{i}._grad.array")
        results = ", ".join(f"r{i}" for i in range(len(self.step.outputs)))
        call = f"run({', '.join(arguments)})"
        lines = ["try:", f"    {f'{results}, = {call}' if results else call}", "except Stale:", "    raise"]
        return [*lines, "except BaseException:", "    program.fail()", "    raise"]

    def _after(self) -> list[str]:
        lines = [f"leaf{i}._grad = g{i}" for i in range(len(self.program.gradients))]
        for i, leaf in enumerate(self.step.cleared):
            self.space[f"cleared{i}"] = leaf
            lines.append(f"cleared{i}._grad = None")
        for i, storage in enumerate(self.program.written):
            self.space[f"s{i}"] = storage
            lines.append(f"s{i}.version += 1")
        for i, (_, call) in enumerate(self.step.postponed):
            self.space[f"later{i}"] = call
            lines.append(f"later{i}()")
        return lines

    def _results(self) -> str:
        results = self.program.results
        texts = []
        for i, (tape, same) in enumerate(zip(results.tapes, results.same, strict=True)):
            texts.append(f"t{same}" if same is not None else f"wrap(r{i}, done)" if tape else f"wrap(r{i})")
        if results.is_one:
            return f"return {texts[0]}"
        if results.is_tuple:
            return f"return ({', '.join(texts)},)"
        return f"return program.results.restore([{', '.join(texts)}])"

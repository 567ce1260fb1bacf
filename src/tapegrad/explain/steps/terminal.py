"""Stepping through backpropagation in a terminal: one command a line, so that a script can give them too."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

import numpy as np

from ...errors import TapegradError, UsageError, did_you_mean
from .text import overview, step_text

if TYPE_CHECKING:
    from .steps import Steps

__all__ = ["Stepper"]

_HELP = """\
next, n, or an empty line   the next operation
back, b                     the one before
go NAME, g NAME             to a step by number, operation or module: g 3, g relu, g fc1
print NAME, p NAME          all values under a name of this step: p g, p weight, p grad weight
list, l                     all steps
finish, f                   add the gradients to .grad, as backward() does
help, h                     this list
quit, q                     leave"""
_COMMANDS = ("next", "back", "go", "print", "list", "finish", "help", "quit")
_PROMPT = "(steps) "


class Stepper:
    """Reads commands and writes answers until ``quit`` or the end of the input."""

    def __init__(self, steps: Steps, commands: TextIO | None = None, out: TextIO | None = None):
        self.steps = steps
        self.commands = sys.stdin if commands is None else commands
        self.out = sys.stdout if out is None else out
        self.place = 0

    def run(self) -> None:
        """Show the first step, then obey."""
        self._say(step_text(self.steps[0]) if len(self.steps) else overview(self.steps))
        while True:
            self.out.write(_PROMPT)
            self.out.flush()
            try:
                line = self.commands.readline()
            except KeyboardInterrupt:
                line = ""
            if not line:
                self.out.write("\n")
                return
            try:
                if not self._obey(line.strip()):
                    return
            except TapegradError as error:
                self._say(str(error))

    def _say(self, text: str) -> None:
        self.out.write(text + "\n")

    def _obey(self, line: str) -> bool:
        """Do what a line says; return whether to go on."""
        word, _, rest = line.partition(" ")
        command = self._command(word or "next")
        if command == "quit":
            return False
        if command == "help":
            self._say(_HELP)
        elif command == "list":
            self._say(overview(self.steps))
        elif command == "finish":
            self._finish()
        elif command == "print":
            self._print(rest.strip())
        elif command == "go":
            self._go(rest.strip())
        else:
            self._move(1 if command == "next" else -1)
        return True

    def _command(self, word: str) -> str:
        for command in _COMMANDS:
            if word in (command, command[0]):
                return command
        raise UsageError("steps", f"no command is called '{word}'", did_you_mean(word, _COMMANDS))

    def _move(self, by: int) -> None:
        place = self.place + by
        if not 0 <= place < len(self.steps):
            self._say("this is the last step" if by > 0 else "this is the first step")
            return
        self.place = place
        self._say(step_text(self.steps[place]))

    def _go(self, name: str) -> None:
        if name.lstrip("-").isdigit():
            self.place = int(name) % len(self.steps) if self.steps[int(name)] else 0
        else:
            self.place = self.steps.find(name, self.place)
        self._say(step_text(self.steps[self.place]))

    def _print(self, name: str) -> None:
        if not len(self.steps):
            raise UsageError("steps", "there is no step", "the loss is a leaf")
        values = self.steps[self.place].values()
        if name not in values:
            raise UsageError("steps", f"this step has no value '{name}'", f"it has {', '.join(values)}")
        array = values[name]
        self._say(f"{name}: {array.dtype}{list(array.shape)}\n{np.array2string(array, precision=6, threshold=200)}")

    def _finish(self) -> None:
        done = self.steps.finished
        self.steps.finish()
        names = ", ".join(self.steps.gradients)
        self._say("that has been done" if done else f"added to .grad of {names}")

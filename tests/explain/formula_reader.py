r"""Computes what a derivation's lines say: their LaTeX, read as arithmetic on arrays, with values for the symbols.

``A \, B`` of two matrices is a matrix product, ``\odot`` is one of elements; a sum goes on to the next plus or minus and
keeps its dimensions. Lines of a time step t are computed step by step, those of the way back from the last one.
"""

import re

import numpy as np

from .index_reader import compute_elements, is_of_elements

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[0-9]+(?:\.[0-9]+)?|[^\s]")


_STEP = re.compile(r"(?:\\left)?\(([^()]*?)(?:\\right)?\)_\{(t(?: [-+] 1)?|\d)\}")
_GATES = {"lstm_layer": "ifgo", "gru_layer": "rzn"}


def compute(lines, values):
    """Compute the lines in their order; ``values`` maps symbols to arrays and takes the results."""
    values.setdefault("steps", {})
    lines = [line for line in lines if line.right and line.relation == "="]
    while lines:
        count = next((i for i, line in enumerate(lines) if not _STEP.fullmatch(line.left)), len(lines))
        if count:
            _compute_steps(lines[:count], values)
        else:
            count = 1
            _compute_line(lines[0], values)
        lines = lines[count:]
    return values


def _compute_line(line, values):
    right, *where = line.right.split(r", \quad ")
    for meaning in where:
        left, _, text = meaning.partition(" = ")
        values[left] = _Reader(text, values, None).whole()
    shape = _shape(line, values)
    if is_of_elements(line):
        result = compute_elements(line, values, lambda text: _Reader(text, values, shape).whole())
        values[_without_index(line.left)] = result
        return
    names = line.left.split(", ")
    result = _Reader(right, values, shape, line.operation).whole()
    if len(names) > 1:
        values.update(zip(names, result, strict=True))
        result = values[names[0]]
    else:
        result = np.broadcast_to(result, shape) if np.ndim(result) < len(shape) else np.reshape(result, shape)
        values[line.left] = result
    assert result.shape == shape, line.latex


def _shape(line, values):
    return tuple(values["N"] if s == "N" else int(s) for s in re.findall(r"N|\d+", line.shape)) or ()


def _without_index(left):
    inner = re.sub(r"_\{[^{}]*\}$", "", left)
    return inner.removeprefix(r"\left").removeprefix("(").removesuffix(")").removesuffix(r"\right")


def _compute_steps(lines, values):
    """Compute lines of a time step for all steps; ``values["steps"]`` has what each symbol is at each time."""
    steps = values["steps"]
    found = [name for line in lines for name, _ in _STEP.findall(line.right)]
    lengths = [len(values[name]) for name in found if np.ndim(values.get(name)) == 3]
    lengths += [max(steps[name]) for name in found if name in steps]
    times = range(1, lengths[0] + 1)
    backward = any(r"\delta" in line.left or r"\partial" in line.left for line in lines)
    for time in reversed(times) if backward else [0, *times]:
        for line in lines:
            name, when = _STEP.fullmatch(line.left).groups()
            if (when == "0") == (time == 0):
                shape = _shape(line, values)
                result = _Reader(line.right, values, shape, line.operation, (time, times)).whole()
                steps.setdefault(name, {})[time] = result
                assert result.shape == shape[-2:], line.latex
    for name in {_STEP.fullmatch(line.left)[1] for line in lines}:
        values[name] = np.stack([steps[name][time] for time in times])


class _Reader:
    def __init__(self, text, values, shape, operation="", at=(None, ())):
        self.values = values
        self.shape = shape
        self.names = sorted(values, key=len, reverse=True)
        self.rest = text
        self.operation = operation
        self.time, self.times = at

    def whole(self):
        value = self.sum()
        assert not self.rest.strip(), f"left over: {self.rest}"
        return value

    def skip(self, *texts):
        self.rest = self.rest.lstrip()
        for text in texts:
            if self.rest.startswith(text):
                self.rest = self.rest[len(text) :]
                return True
        return False

    def take(self, text):
        assert self.skip(text), f"{text} wanted at: {self.rest}"

    def peek(self):
        found = _TOKEN.match(self.rest.lstrip())
        return found[0] if found else ""

    def sum(self):
        negative = self.skip("-")
        value = self.product()
        value = -value if negative else value
        while self.peek() in ("+", "-"):
            value = value + self.product() if self.skip("+") else (self.take("-"), value - self.product())[1]
        return value

    def product(self):
        value = self.power()
        while self.peek() not in ("", "+", "-", ")", "]", "}", ",", ">", r"\right", r"\leq"):
            if self.skip(r"\odot") or self.skip(r"\cdot"):
                value = value * self.power()
            elif self.skip("/"):
                value = value / self.power()
            else:
                of_matrices = self.skip(r"\,")
                other = self.power()
                value = value @ other if of_matrices and np.ndim(value) > 1 else _times(value, other)
        return value

    def power(self):
        value = self.atom()
        while self.skip("^"):
            if self.skip(r"{\top}"):
                value = np.swapaxes(value, -1, -2)
            elif self.peek() == "{":
                self.take("{")
                value = value ** self.sum()
                self.take("}")
            else:
                value = value ** float(self.number())
        return value

    def number(self):
        token = self.peek()
        self.take(token)
        return token

    def closed(self, end):
        value = self.sum()
        self.take(end)
        return value

    def group(self):
        self.take("{")
        return self.closed("}")

    def atom(self):
        self.rest = self.rest.lstrip()
        step = _STEP.match(self.rest)
        if step and (step[1] in self.values["steps"] or step[1] in self.values or "delta" in step[1]):
            self.rest = self.rest[step.end() :]
            return self.at_step(*step.groups())
        for name in self.names:
            after = self.rest[len(name) : len(name) + 1]
            if self.rest.startswith(name) and not (name[-1].isalnum() and after.isalnum()):
                self.rest = self.rest[len(name) :]
                return self.values[name]
        for opening, closing in ((r"\left(", r"\right)"), ("(", ")")):
            if self.skip(opening):
                return self.indexed(self.closed(closing))
        if self.skip(r"\left["):
            return self.listed(r"\right]")
        if self.skip("["):
            left = self.sum()
            relation = np.less_equal if self.skip(r"\leq") else (self.take(">"), np.greater)[1]
            return (relation(left, self.sum()) * 1.0, self.take("]"))[0]
        token = self.number()
        return float(token) if token[0].isdigit() else self.command(token)

    def at_step(self, name, when):
        """Return a symbol at a time; there is nothing after the last step."""
        time = eval(when, {}, {"t": self.time})
        if name in self.values["steps"] or name not in self.values:
            known = self.values["steps"].get(name, {})
            return known[time] if time in self.times or time == 0 else 0.0
        return self.values[name][time - 1]

    def indexed(self, array):
        """Return what an index chooses: [:, 1:3] as Python's, t a time step, i the rows of a gate."""
        if not self.skip("_{"):
            return array
        index, self.rest = self.rest.split("}", 1)
        if index == "t":
            return array[self.time - 1]
        if index.startswith("["):
            return eval(f"array{index}", {}, {"array": array})
        gates = _GATES[self.operation]
        return np.split(array, len(gates))[gates.index(index)]

    def parts(self, end):
        parts = [self.sum()]
        while self.skip(","):
            parts.append(self.sum())
        self.take(end)
        return parts

    def listed(self, end):
        return np.concatenate(self.parts(end), -1)

    def command(self, token):
        if token == r"\frac":
            return self.group() / self.group()
        if token == r"\sqrt":
            return np.sqrt(self.group())
        if token == "e":
            self.take("^")
            return np.exp(self.group())
        if token == r"\mathbf":
            self.take("{1}")
            return _Ones(self.shape)
        if token in (r"\tanh", r"\ln"):
            function = {r"\tanh": np.tanh, r"\ln": np.log}[token]
            raised = float(self.number()) if self.skip("^") else 1
            return function(self.atom()) ** raised
        if token in (r"\max", r"\min"):
            self.take("(")
            first = self.sum()
            self.take(",")
            return (np.maximum if token == r"\max" else np.minimum)(first, self.closed(")"))
        if token == r"\sigma":
            return 1 / (1 + np.exp(-self.atom()))
        if token == r"\sum":
            return self.added()
        assert token == r"\mathrm", token
        return self.function(self.word())

    def word(self):
        self.take("{")
        name, self.rest = self.rest.split("}", 1)
        return name

    def over_time(self):
        """Return the sum of a product over all steps, as many as the first symbol in it has."""
        text, total = self.rest, 0.0
        self.times = range(1, 1 + max(self.values["steps"][_STEP.search(text)[1]]))
        for time in self.times:
            self.rest, self.time = text, time
            total = total + self.product()
        return total

    def added(self):
        if self.skip("_t "):
            return self.over_time()
        if self.skip(r"_n \ln P_{n,t_n}"):
            rows = np.arange(len(self.values["t"]))
            return np.log(self.values["P"][rows, self.values["t"]]).sum()
        if self.skip(r"_{\mathrm{dim}\,"):
            dims, self.rest = self.rest.split("}", 1)
            return self.product().sum(tuple(map(int, dims.split(","))), keepdims=True)
        value = self.product()
        shape = self.shape or ()
        return value.sum(tuple(range(value.ndim - len(shape)))).reshape(shape) if shape else value.sum()

    def function(self, name):
        indices = None
        if self.skip("_{"):
            indices, self.rest = self.rest.split("}", 1)
        sizes = []
        if name == "split" and self.skip("^{"):
            text, self.rest = self.rest.split("}", 1)
            sizes = np.cumsum([int(size) for size in text.split(",")])[:-1]
        if name in ("cat", "stack"):
            self.take(r"\left[")
            return (np.concatenate if name == "cat" else np.stack)(self.parts(r"\right]"), int(indices))
        value = self.atom()
        if name == "place":
            result = np.zeros(self.shape)
            exec(f"result{indices} = value", {}, {"result": result, "value": value})
            return result
        if name == "flip":
            return np.flip(value, [int(i) for i in indices.split(",")])
        if name == "pad":
            sizes = [int(i) for i in indices.split(",")]
            return np.pad(value, list(zip(sizes[::2], sizes[1::2], strict=True)))
        if name == "expand":
            value = value if indices is None else np.expand_dims(value, [int(i) for i in indices.split(",")])
            return np.broadcast_to(value, self.shape)
        if name == "softmax":
            e = np.exp(value)
            return e / e.sum(-1, keepdims=True)
        if name == "rows":
            return value.reshape(-1, value.shape[-1])
        if name == "reshape":
            return value.reshape(self.shape)
        if name == "permute":
            return value.transpose([int(i) for i in indices.split(",")])
        if name == "split":
            dim = int(indices)
            return np.split(value, sizes if len(sizes) else value.shape[dim] // self.shape[dim], dim)
        assert name == "onehot", name
        return self.onehot(value, None if indices is None else int(indices.split()[1]))

    def onehot(self, value, without):
        """Return a row with a one for each label; times a matrix, it chooses rows."""
        if self.operation == "embedding" and self.skip(r"\,"):
            return self.power()[value]
        turned = self.peek() == "^"
        rows = np.eye(self.shape[0 if turned else -1])[value.reshape(-1) if turned else value]
        if without is not None:
            rows[:, without] = 0.0
        return np.linalg.pinv(rows) if self.skip("^{+}") else rows


def _times(value, other):
    """Return a product with a number; nothing, which comes from after the last step, stays nothing."""
    return value if np.ndim(value) == 0 and value == 0 and np.ndim(other) > 1 else value * other


class _Ones:
    """A vector of ones as long as what it meets, or an array of them."""

    __array_ufunc__ = None

    def __init__(self, shape):
        self.shape = shape

    ndim = 1

    def __rmatmul__(self, matrix):
        return matrix.sum(-1)

    def __rmul__(self, number):
        return number * np.ones(self.shape)

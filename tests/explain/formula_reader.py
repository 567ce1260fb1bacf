r"""Computes what a derivation's lines say: their LaTeX, read as arithmetic on arrays, with values for the symbols.

``A \, B`` of two matrices is a matrix product, ``\odot`` is one of elements; a sum goes on to the next plus or minus and
keeps its dimensions.
"""

import re

import numpy as np

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[0-9]+(?:\.[0-9]+)?|[^\s]")


def compute(lines, values):
    """Compute the lines in their order; ``values`` maps symbols to arrays and takes the results."""
    for line in lines:
        if line.right and line.relation == "=":
            right, *where = line.right.split(r", \quad ")
            for meaning in where:
                left, _, text = meaning.partition(" = ")
                values[left] = _Reader(text, values, None).whole()
            shape = tuple(values["N"] if s == "N" else int(s) for s in re.findall(r"N|\d+", line.shape)) or ()
            names = line.left.split(", ")
            result = _Reader(right, values, shape).whole()
            if len(names) > 1:
                values.update(zip(names, result, strict=True))
                result = values[names[0]]
            else:
                result = np.broadcast_to(result, shape) if np.ndim(result) < len(shape) else np.reshape(result, shape)
                values[line.left] = result
            assert result.shape == shape, line.latex
    return values


class _Reader:
    def __init__(self, text, values, shape):
        self.values = values
        self.shape = shape
        self.names = sorted(values, key=len, reverse=True)
        self.rest = text

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
            if self.skip(r"\odot"):
                value = value * self.power()
            elif self.skip("/"):
                value = value / self.power()
            else:
                of_matrices = self.skip(r"\,")
                other = self.power()
                value = value @ other if of_matrices and np.ndim(value) > 1 else value * other
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
        for name in self.names:
            after = self.rest[len(name) : len(name) + 1]
            if self.rest.startswith(name) and not (name[-1].isalnum() and after.isalnum()):
                self.rest = self.rest[len(name) :]
                return self.values[name]
        for opening, closing in ((r"\left(", r"\right)"), ("(", ")")):
            if self.skip(opening):
                return self.closed(closing)
        if self.skip(r"\left["):
            return self.listed(r"\right]")
        if self.skip("["):
            left = self.sum()
            relation = np.less_equal if self.skip(r"\leq") else (self.take(">"), np.greater)[1]
            return (relation(left, self.sum()) * 1.0, self.take("]"))[0]
        token = self.number()
        return float(token) if token[0].isdigit() else self.command(token)

    def listed(self, end):
        parts = [self.sum()]
        while self.skip(","):
            parts.append(self.sum())
        self.take(end)
        return np.concatenate(parts, -1)

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

    def added(self):
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
        value = self.atom()
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
            size = self.shape[-1]
            return [value[..., i : i + size] for i in range(0, value.shape[-1], size)]
        assert name == "onehot", name
        return np.eye(self.shape[-1])[value]


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

r"""Computes what a formula says: the LaTeX that reports print, read as arithmetic. Values are numbers or arrays.

Names are letters with their subscripts as written (``s_{t-1}``) and accents (``\hat{m}_t``). A bracketed condition is
1 where it holds. This is how tests know that printed formulas are true.
"""

import numpy as np

from tapegrad.explain.formulas.mathml import tokens

_FUNCTIONS = {
    "max": np.maximum,
    "min": np.minimum,
    "cos": np.cos,
    "ln": np.log,
    "tanh": np.tanh,
    "sign": np.sign,
}
_RELATIONS = {"<": np.less, ">": np.greater, r"\le": np.less_equal, r"\ge": np.greater_equal, "=": np.equal}
_ENDS = ("", ")", "]", "}", ",", "&", r"\\", r"\right", r"\end", *_RELATIONS, r"\rfloor", r"\right)", r"\quad")


def evaluate(latex, names):
    """Return the value of a formula; ``names`` are values, and functions of one number, by how they are written."""
    reader = _Reader(latex, names)
    value = reader.sum()
    assert reader.peek() == "", f"left over in {latex}: {reader.tokens[reader.place :]}"
    return value


class _Reader:
    def __init__(self, latex, names):
        self.tokens = [t for t in tokens(latex) if not t.isspace() and t not in (r"\,", r"\;")]
        self.names = names
        self.place = 0
        self.bars = 0

    def peek(self):
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def next(self):
        self.place += 1
        return self.tokens[self.place - 1]

    def take(self, *wanted):
        for token in wanted:
            found = self.next()
            assert found == token, f"{token} wanted, {found} found at {self.place} of {self.tokens}"

    def sum(self):
        sign = -1 if self.peek() == "-" and self.next() else 1
        value = sign * self.product()
        while self.peek() in ("+", "-"):
            value = value + self.product() if self.next() == "+" else value - self.product()
        return value

    def product(self):
        value = self.power()
        while self.peek() not in (*_ENDS, "+", "-") and not (self.bars and self.peek() == "|"):
            if self.peek() in (r"\cdot", r"\odot"):
                self.next()
                value = value * self.power()
            elif self.peek() == "/":
                self.next()
                value = value / self.power()
            else:
                value = value * self.power()
        return value

    def power(self):
        value = self.atom()
        if self.peek() == "^":
            self.next()
            value = value ** self.argument()
        return value

    def argument(self):
        if self.peek() != "{":
            return self.atom()
        self.take("{")
        value = self.sum()
        self.take("}")
        return value

    def raw(self):
        if self.peek() != "{":
            return self.next()
        self.take("{")
        text = ""
        while self.peek() != "}":
            text += self.next()
        self.take("}")
        return text

    def condition(self):
        values, relations = [self.sum()], []
        while self.peek() in _RELATIONS:
            relations.append(_RELATIONS[self.next()])
            values.append(self.sum())
        truth = True
        for relation, left, right in zip(relations, values, values[1:], strict=False):
            truth = np.logical_and(truth, relation(left, right))
        return np.asarray(truth) * 1.0

    def atom(self):
        token = self.next()
        if token[0].isdigit():
            return float(token)
        if token == "(":
            return self.closed(")")
        if token == "[":
            value = self.condition()
            self.take("]")
            return value
        if token == "|":
            self.bars += 1
            value = abs(self.sum())
            self.take("|")
            self.bars -= 1
            return value
        if token == r"\left":
            opening = self.next()
            value = self.sum()
            self.take(r"\right")
            self.next()
            return np.floor(value) if opening == r"\lfloor" else value
        if token == r"\lfloor":
            value = np.floor(self.sum())
            self.take(r"\rfloor")
            return value
        if token == r"\frac":
            return self.argument() / self.argument()
        if token == r"\sqrt":
            # Of a formula with cases the branches that do not hold are computed too.
            with np.errstate(invalid="ignore"):
                return np.sqrt(self.argument())
        if token == r"\begin":
            return self.cases()
        return self.named(token)

    def closed(self, end):
        value = self.sum()
        self.take(end)
        return value

    def cases(self):
        assert self.raw() == "cases"
        branches = []
        while not branches or self.peek() == r"\\":
            if branches:
                self.next()
            branch = self.sum()
            self.take("&")
            branches.append((branch, self.condition()))
        value = branches[-1][0]
        for branch, truth in reversed(branches):
            value = np.where(truth, branch, value)
        self.take(r"\end")
        self.raw()
        return value

    def named(self, token):
        if token == "e":
            return np.e
        if token == r"\pi":
            return np.pi
        name = token.removeprefix("\\")
        if name in ("hat", "bar"):
            name = f"{name} {self.raw()}"
        if name == "mathrm":
            name = self.raw()
        if name in _FUNCTIONS or callable(self.names.get(name)):
            return self.called(_FUNCTIONS.get(name) or self.names[name])
        if self.peek() == "_":
            self.next()
            name += f"_{self.raw()}"
        return self.names[name]

    def called(self, function):
        square = self.peek() == "^"
        exponent = (self.next(), self.argument())[1] if square else 1
        left = self.peek() == r"\left"
        if left:
            self.next()
        if self.peek() == "(":
            self.take("(")
            values = [self.sum()]
            while self.peek() == ",":
                self.next()
                values.append(self.sum())
            self.take(*([r"\right"] if left else []), ")")
        else:
            values = [self.power()]
        return function(*values) ** exponent

r"""Computes formulas that are written for one element: each letter of an index is an axis, and all elements are computed at once.

``\sum_{o,i,k:\, 2 i + k = j}`` adds up what fulfils the condition; a letter of a place stands for as many numbers as
there are dimensions of space.
"""

import re

import numpy as np

_REFERENCE = re.compile(r"_\{")
_SPATIAL = "ijk"


def compute_elements(line, values, whole):
    """Return the array whose elements a line is of; ``whole(text)`` computes what stands in brackets before an index."""
    return _Elements(line, values, whole).result()


def is_of_elements(line):
    """Return whether a line's left side is one element, by letters: (h_1)_{n,o,i}."""
    return bool(re.search(r"\)_\{[noc](,[nocijk])*\}$", line.left))


def _closing(text, start):
    """Return where the bracket that opens at a place closes."""
    depth = 0
    for i in range(start, len(text)):
        depth += {"(": 1, ")": -1, "{": 1, "}": -1}.get(text[i], 0)
        if not depth:
            return i
    raise AssertionError(f"no end: {text[start:]}")


class _Elements:
    def __init__(self, line, values, whole):
        self.line = line
        self.values = values
        self.whole = whole
        self.rest = line.right
        self.arrays = {}
        self.lengths = {}
        self.outside = 0.0
        shape = [values["N"] if s == "N" else int(s) for s in re.findall(r"N|\d+", line.shape)]
        self.left = re.search(r"_\{([^{}]*)\}$", line.left)[1].split(",")
        self.shape = tuple(shape)
        self.note(self.left, self.shape)
        self.scan(line.right)
        self.letters = [(letter, d) for letter, sizes in self.lengths.items() for d in range(len(sizes))]

    # -- which letters there are --------------------------------------------------------------------------------------

    def note(self, parts, shape):
        rank = len(shape) - len(parts) + 1
        for place, part in enumerate(parts):
            if re.fullmatch("[a-z]", part.strip()):
                sizes = shape[place : place + rank] if part.strip() in _SPATIAL else shape[place : place + 1]
                self.lengths.setdefault(part.strip(), tuple(sizes))

    def scan(self, text):
        """Find the arrays that are indexed, and how long the letters of their indices are."""
        for found in re.finditer(r"\(", text):
            end = _closing(text, found.start())
            if not text[end + 1 :].startswith("_{"):
                continue
            inner = text[found.start() + 1 : end].removesuffix(r"\right")
            if inner not in self.arrays:
                self.arrays[inner] = self.whole(inner)
            index = text[end + 3 : _closing(text, end + 2)]
            self.note(self.parts(index), self.arrays[inner].shape)
        space = next(len(v) for k, v in self.lengths.items() if k in _SPATIAL)
        for sizes in re.findall(r"k < (\d+|\([\d, ]+\))", text):
            numbers = tuple(map(int, re.findall(r"\d+", sizes)))
            self.lengths["k"] = numbers if len(numbers) > 1 else numbers * space

    @staticmethod
    def parts(index):
        """Return what stands between the commas outside all brackets."""
        return [part.strip() for part in re.split(r",(?![^()]*\))", index)]

    # -- numbers of indices --------------------------------------------------------------------------------------------

    def axis(self, letter, d=0):
        size = self.lengths[letter][d]
        shape = [1] * len(self.letters)
        shape[self.letters.index((letter, d))] = size
        return np.arange(size).reshape(shape)

    def index(self, text, d):
        """Compute one component of an index, of a place that of dimension d."""
        text = re.sub(r"\(([\d, ]+)\)", lambda m: m[1].split(",")[d].strip(), text)
        text = text.replace(r"\lfloor", "(").replace(r"\rfloor", ")").replace("/", "//").replace(r"\odot", "*")
        text = re.sub(r"(\d) +(?=[a-z(])", r"\1 * ", text)
        used = {c: self.axis(c, d if c in _SPATIAL else 0) for c in set(re.findall("[a-z]", text))}
        return eval(text, {}, used)

    def element(self, array, index):
        parts = self.parts(index)
        rank = array.ndim - len(parts) + 1
        places = [self.index(part, 0) for part in parts[:-1]] + [self.index(parts[-1], d) for d in range(rank)]
        inside = np.asarray(True)
        for place, size in zip(places, array.shape, strict=True):
            inside = inside & (place >= 0) & (place < size)
        held = [np.clip(place, 0, size - 1) for place, size in zip(places, array.shape, strict=True)]
        return np.where(inside, array[tuple(np.broadcast_arrays(*held))], self.outside)

    # -- the formula ----------------------------------------------------------------------------------------------------

    def result(self):
        value = np.asarray(self.sum())
        assert not self.rest.strip(), f"left over: {self.rest}"
        value = np.broadcast_to(value, np.broadcast_shapes(value.shape, (1,) * len(self.letters)))
        order = [self.letters.index((c, d)) for c in self.left for d in range(len(self.lengths[c]))]
        others = [a for a in range(len(self.letters)) if a not in order]
        assert all(value.shape[a] == 1 for a in others), self.line.latex
        return np.broadcast_to(value.transpose(*order, *others).reshape([value.shape[a] for a in order]), self.shape)

    def skip(self, text):
        self.rest = self.rest.lstrip()
        if self.rest.startswith(text):
            self.rest = self.rest[len(text) :]
            return True
        return False

    def sum(self):
        value = -self.product() if self.skip("-") else self.product()
        while self.rest.lstrip()[:1] in ("+", "-"):
            value = value + self.product() if self.skip("+") else (self.skip("-"), value - self.product())[1]
        return value

    def product(self):
        value = self.factor()
        while self.rest.strip() and not re.match(r"\s*([-+}]|\\right\])", self.rest):
            self.skip(r"\,")
            value = value * self.factor()
        return value

    def braces(self):
        self.rest = self.rest.lstrip()
        end = _closing(self.rest, 0)
        inner, self.rest = self.rest[1:end], self.rest[end + 1 :]
        return inner

    def factor(self):
        if self.skip(r"\frac"):
            return float(self.braces()) / float(self.braces())
        if self.skip(r"\sum_"):
            letters, _, conditions = self.braces().partition(r":\,")
            value = self.product()
            for condition in filter(None, map(str.strip, conditions.split(r",\,"))):
                value = value * self.fulfilled(condition)
            return value.sum(self.axes(letters), keepdims=True)
        if self.skip(r"\max_"):
            self.outside, letters = -np.inf, self.braces()
            value = self.product().max(self.axes(letters), keepdims=True)
            self.outside = 0.0
            return value
        if self.skip(r"\left[k = \mathrm{argmax}_"):
            return self.largest()
        self.skip(r"\left")
        end = _closing(self.rest, 0)
        inner, self.rest = self.rest[1:end].removesuffix(r"\right"), self.rest[end + 2 :]
        return self.element(self.arrays[inner], self.braces())

    def axes(self, letters):
        wanted = [letter.strip()[0] for letter in self.parts(letters)]
        return tuple(a for a, (letter, _) in enumerate(self.letters) if letter in wanted)

    def fulfilled(self, condition):
        left, _, right = condition.partition(" = ")
        met = np.asarray(True)
        for d in range(len(self.lengths[right.strip()])):
            met = met & (self.index(left, d) == self.index(right, d))
        return met

    def largest(self):
        """Return 1 where k is the first place of the largest element of its window."""
        axes = self.axes(self.braces())
        self.outside = -np.inf
        value = self.product()
        self.outside = 0.0
        assert self.skip(r"\right]")
        flat = np.moveaxis(value, axes, range(-len(axes), 0))
        first = flat.reshape(*flat.shape[: -len(axes)], -1)
        chosen = np.zeros_like(first)
        np.put_along_axis(chosen, first.argmax(-1)[..., None], 1.0, -1)
        return np.moveaxis(chosen.reshape(flat.shape), range(-len(axes), 0), axes)

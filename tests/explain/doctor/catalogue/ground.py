"""What the planted scripts stand on: the variant that is asked for, and data. Not one of them itself."""

import math
import sys

import tapegrad as torch


class Variant:
    """``script.py [SEED [WIDTH [RATE]]]``: the seed, and factors for the widths and for the learning rates."""

    def __init__(self):
        given = [float(a) for a in sys.argv[1:]]
        self.seed = int(given[0]) if given else 0
        self.width = given[1] if len(given) > 1 else 1.0
        self.rate = given[2] if len(given) > 2 else 1.0
        torch.manual_seed(self.seed)

    def wide(self, units):
        return max(2, round(units * self.width))

    def lr(self, rate):
        return rate * self.rate


def clusters(rows=400, features=10, classes=4, spread=0.6):
    """Classes of two clouds of points each: a line does not part them, a small network does."""
    centres = torch.randn(2 * classes, features)
    which = torch.randint(0, 2 * classes, (rows,))
    x = centres[which] + spread * torch.randn(rows, features)
    return (x - x.mean(0)) / x.std(0), which % classes


def halves(x, y, share=0.7):
    """Training and validation parts."""
    cut = int(len(x) * share)
    return x[:cut], y[:cut], x[cut:], y[cut:]


def curve(rows=300, noise=0.05):
    """One number from another: a sine."""
    x = torch.rand(rows, 1) * 4 - 2
    return x, torch.sin(2 * x) + noise * torch.randn(rows, 1)


def plane(rows=300, features=6, noise=0.1):
    """A smooth function of several numbers."""
    x = torch.randn(rows, features)
    y = torch.tanh(x @ torch.randn(features, 1)) + 0.5 * x[:, :1] + noise * torch.randn(rows, 1)
    return x, y


def rings(rows=400, noise=0.1):
    """Two classes, one around the other."""
    y = torch.randint(0, 2, (rows,))
    radius = 1.0 + y.float() + noise * torch.randn(rows)
    angle = 2 * math.pi * torch.rand(rows)
    return torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], 1), y


def pictures(rows=300, classes=4, size=8):
    """Small pictures: noise with a bar whose place is the class."""
    y = torch.randint(0, classes, (rows,))
    x = 0.5 * torch.randn(rows, 1, size, size)
    for i in range(rows):
        x[i, 0, 2 * int(y[i]) : 2 * int(y[i]) + 2] += 1.0
    return x, y


def batches(x, y, size=32):
    """The batches of one epoch, shuffled."""
    order = torch.randperm(len(x))
    for i in range(0, len(x) - size + 1, size):
        chosen = order[i : i + size]
        yield x[chosen], y[chosen]

"""Adam in NumPy, in place, for the peers that bring no optimizer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


class Adam:
    """lr 1e-3, β 0.9 and 0.999, ε 1e-8, on arrays of their own; no memory is taken in a step."""

    def __init__(self, params: list[np.ndarray]):
        self.params = params
        self.state = [(np.zeros_like(p), np.zeros_like(p), np.empty_like(p)) for p in params]
        self.t = 0

    def step(self, grads: Any) -> None:
        self.t += 1
        rate, root = 1e-3 / (1 - 0.9**self.t), 1 / math.sqrt(1 - 0.999**self.t)
        for p, g, (m, v, work) in zip(self.params, grads, self.state, strict=True):
            np.multiply(g, 0.1, out=work)
            m *= 0.9
            m += work
            np.multiply(g, g, out=work)
            work *= 0.001
            v *= 0.999
            v += work
            np.sqrt(v, out=work)
            work *= root
            work += 1e-8
            np.divide(m, work, out=work)
            work *= rate
            p -= work

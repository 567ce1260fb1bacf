"""How the posterior of connectionist temporal classification turns when the probabilities do: its second derivatives.

The two recursions over time again, each carrying beside every logarithm its derivative along a direction.
"""

from __future__ import annotations

from typing import Any

from ..core import ops

__all__: list[str] = []

# What stands for the logarithm of 0, where infinities would give nan.
_NEVER = -1e30


def _moved(x: Any, by: int) -> Any:
    """Return the values of the states ``by`` before (after, if negative)."""
    before, after = max(by, 0), max(-by, 0)
    padded = ops.constant_pad(x, padding=((0, 0), (before, after)), value=_NEVER)
    return ops.crop(padded, padding=((0, 0), (after, before)))


def _joined(terms: list, turns: list) -> tuple[Any, Any]:
    """Return the logarithm of the sum of exponentials, and its derivative."""
    total = terms[0]
    for term in terms[1:]:
        total = ops.logaddexp(total, term)
    turn = 0
    for term, moved in zip(terms, turns, strict=True):
        turn = turn + ops.exp(term - total) * moved
    return total, turn


def _sweep(emitted: Any, turn: Any, skips: Any, starts: Any, way: int) -> tuple[list, list]:
    """Return the logarithms of all paths to each state at every time, emissions included, and their derivatives."""
    values, turns = [], []
    for t in range(emitted.shape[0])[::way]:
        value, moved = ops.where(starts[t], emitted[t], _NEVER), ops.where(starts[t], turn[t], 0.0)
        if values:
            x, dx = values[-1], turns[-1]
            skipped = _moved(ops.where(skips, x, _NEVER), 2 * way) if way < 0 else _moved(x, 2)
            skipped = skipped if way < 0 else ops.where(skips, skipped, _NEVER)
            parts, changes = [x, _moved(x, way), skipped], [dx, _moved(dx, way), _moved(dx, 2 * way)]
            on, change = _joined(parts, changes)
            value, moved = _joined([value, on + emitted[t]], [moved, change + turn[t]])
        values.append(value)
        turns.append(moved)
    return values[::way], turns[::way]


def posterior_turn(g: Any, log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int) -> Any:
    """Return the derivative of the posterior along ``g``. Its matrix of derivatives, a covariance, is its own adjoint."""
    times, batch = log_probs.shape[0], targets.shape[0]
    if not times:
        return g * 0
    states, skips, begins, ends = ops.ctc_layout(targets, input_lengths, target_lengths, blank=blank, times=times)
    index = ops.expand(ops.reshape(states, shape=(1, batch, -1)), shape=(times, *states.shape))
    emitted = ops.maximum(ops.gather(log_probs, index, dim=2), _NEVER)
    turn = ops.gather(g, index, dim=2)
    alpha, alpha_turn = (ops.stack(*x, dim=0) for x in _sweep(emitted, turn, skips, begins, 1))
    beta, beta_turn = (ops.stack(*x, dim=0) for x in _sweep(emitted, turn, skips, ends, -1))
    total = ops.logsumexp(ops.where(ends, alpha, _NEVER), dim=(0, 2), keepdim=True)
    along = ops.where(ends, ops.exp(ops.minimum(alpha - total, 0.0)) * alpha_turn, 0.0)
    paths = ops.minimum(alpha + beta - emitted - total, 0.0)
    change = alpha_turn + beta_turn - turn - ops.sum(along, dim=(0, 2), keepdim=True)
    possible = (total > _NEVER / 2) & (paths > _NEVER / 2)
    return ops.scatter_sum(ops.where(possible, ops.exp(paths) * change, 0.0), index, shape=log_probs.shape, dim=2)

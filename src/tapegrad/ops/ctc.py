"""Connectionist temporal classification: the probability of a sequence of labels summed over all its alignments.

The labels of each sequence are laid out with a blank before, between and after them: state s of 2 L + 1 states. A path
may stay in a state, go on to the next, or skip a blank between two different labels.
"""

from __future__ import annotations

from typing import Any

from ..core import Array, ErrorSample, Sample, ops, primitive
from ..errors import IndexRangeError

__all__: list[str] = []

# What stands for the logarithm of 0, where infinities would give nan.
_NEVER = -1e30


def _wide(xp: Any, x: Any) -> Any:
    return x.astype(xp.float32) if x.dtype == xp.float16 else x


def _states(xp: Any, targets: Any, blank: int) -> tuple[Any, Any]:
    """Return the label of every state (N, S), and where the state before last leads to it (N, S)."""
    states = xp.full((len(targets), 2 * targets.shape[1] + 1), blank, xp.int64)
    states[:, 1::2] = targets
    skips = xp.zeros(states.shape, bool)
    skips[:, 2:] = (states[:, 2:] != blank) & (states[:, 2:] != states[:, :-2])
    return states, skips


def _ends(xp: Any, states: int, target_lengths: Any) -> Any:
    """Return which states a path may end in (N, S): the last label, and the blank after it."""
    place, last = xp.arange(states), 2 * target_lengths[:, None]
    return (place == last) | (place == last - 1)


def _shifted(xp: Any, x: Any, by: int) -> Any:
    """Return the values of the states that lie ``by`` before (after, if negative); -inf stands outside."""
    out = xp.full(x.shape, -xp.inf, x.dtype)
    if by > 0:
        out[..., by:] = x[..., :-by]
    else:
        out[..., :by] = x[..., -by:]
    return out


def _logsum(xp: Any, *terms: Any) -> Any:
    """Return the logarithm of the sum of exponentials, -inf for terms that are all -inf."""
    top = terms[0]
    for term in terms[1:]:
        top = xp.maximum(top, term)
    safe = xp.where(xp.isfinite(top), top, 0)
    total = xp.exp(terms[0] - safe)
    for term in terms[1:]:
        total += xp.exp(term - safe)
    with xp.errstate(divide="ignore"):
        return xp.log(total) + safe


def _forward(xp: Any, emitted: Any, skips: Any) -> Any:
    """Return the logarithm of the probability of all beginnings that end in each state at each time (T, N, S)."""
    alpha = xp.full(emitted.shape, -xp.inf, emitted.dtype)
    if not len(emitted):
        return alpha
    alpha[0, :, :2] = emitted[0, :, :2]
    for t in range(1, len(emitted)):
        before = alpha[t - 1]
        skipped = xp.where(skips, _shifted(xp, before, 2), -xp.inf)
        alpha[t] = _logsum(xp, before, _shifted(xp, before, 1), skipped) + emitted[t]
    return alpha


def _backward(xp: Any, emitted: Any, skips: Any, ends: Any, input_lengths: Any) -> Any:
    """Return the logarithm of the probability of all rests that begin in each state at each time (T, N, S)."""
    beta = xp.full(emitted.shape, -xp.inf, emitted.dtype)
    ahead = xp.zeros_like(skips)
    ahead[:, :-2] = skips[:, 2:]
    for t in range(len(emitted) - 1, -1, -1):
        final = (input_lengths == t + 1)[:, None]
        rest = xp.full(emitted.shape[1:], -xp.inf, emitted.dtype)
        if t + 1 < len(emitted):
            after = beta[t + 1]
            skipped = xp.where(ahead, _shifted(xp, after, -2), -xp.inf)
            rest = _logsum(xp, after, _shifted(xp, after, -1), skipped)
        beta[t] = xp.where(final, xp.where(ends, emitted[t], -xp.inf), rest + emitted[t])
    return beta


def _totals(xp: Any, alpha: Any, ends: Any, input_lengths: Any, target_lengths: Any) -> Any:
    """Return the logarithms of the probabilities of the sequences (N,). Nothing stands for nothing with certainty."""
    if not len(alpha):
        return xp.where(target_lengths == 0, 0.0, -xp.inf).astype(alpha.dtype)
    last = alpha[xp.maximum(input_lengths, 1) - 1, xp.arange(alpha.shape[1])]
    total = _logsum(xp, *xp.moveaxis(xp.where(ends, last, -xp.inf), -1, 0))
    empty = xp.where(target_lengths == 0, 0.0, -xp.inf).astype(alpha.dtype)
    return xp.where(input_lengths == 0, empty, total)


def _check_labels(xp: Any, targets: Any, target_lengths: Any, classes: int) -> None:
    used = xp.arange(targets.shape[1]) < target_lengths[:, None]
    if ((targets < 0) | (targets >= classes))[used].any():
        raise IndexRangeError("ctc_loss", f"labels that are not among {classes} classes", f"use 0 to {classes - 1}")


# -- the posterior's derivative: both recursions again, each logarithm with its derivative along a direction ----------------


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


def _posterior_turn(g: Any, log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int) -> Any:
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


# -- primitives ---------------------------------------------------------------------------------------------------------


def _samples():
    def lengths(n):
        return Array(2, low=n, high=n + 1, dtype="int64")

    yield Sample((5, 2, 4), Array(2, 2, low=1, high=4, dtype="int64"), lengths(5), lengths(2))
    yield Sample((6, 2, 3), Array(2, 2, low=0, high=2, dtype="int64"), lengths(5), lengths(2), blank=2)
    yield Sample((3, 2, 3), Array(2, 1, low=1, high=3, dtype="int64"), lengths(3), lengths(0))


@primitive(
    vjp=(
        lambda g, log_probs, targets, input_lengths, target_lengths, blank, zero_infinity: (
            ops.reshape(-g, shape=(1, -1, 1))
            * ops.ctc_posterior(
                log_probs, targets, input_lengths, target_lengths, blank=blank, zero_infinity=zero_infinity
            )
        ),
        None,
        None,
        None,
    ),
    formula=r"-\ln \sum_{\pi \to l} \prod_t p_{t, \pi_t}",
    derivative=r"-P(\pi_t = c \mid l)",
    samples=_samples,
    errors=lambda: [
        ErrorSample(
            IndexRangeError,
            "not among 4 classes",
            (5, 2, 4),
            Array(2, 2, low=4, high=6, dtype="int64"),
            Array(2, low=5, high=6, dtype="int64"),
            Array(2, low=2, high=3, dtype="int64"),
        )
    ],
    torch="",
)
def ctc(xp, log_probs, targets, input_lengths, target_lengths, *, blank=0, zero_infinity=False):
    """Return minus the logarithm of the probability of each sequence of labels, over all alignments (N,).

    Shapes: log_probs (T, N, C), targets (N, S), lengths (N,). ``zero_infinity``: 0 for a sequence that cannot be.
    """
    _check_labels(xp, targets, target_lengths, log_probs.shape[2])
    used = xp.where(xp.arange(targets.shape[1]) < target_lengths[:, None], targets, blank)
    states, skips = _states(xp, used, blank)
    emitted = xp.take_along_axis(_wide(xp, log_probs), states[None], 2)
    ends = _ends(xp, states.shape[1], target_lengths)
    losses = -_totals(xp, _forward(xp, emitted, skips), ends, input_lengths, target_lengths)
    if zero_infinity:
        losses[losses == xp.inf] = 0
    return losses.astype(log_probs.dtype, copy=False)


@primitive(
    formula=r"l'_s, \quad l'_s \notin \{b, l'_{s-2}\}",
    samples=lambda: [
        Sample(
            Array(2, 3, low=0, high=3, dtype="int64"),
            Array(2, low=1, high=4, dtype="int64"),
            Array(2, low=0, high=4, dtype="int64"),
            blank=0,
            times=3,
        )
    ],
    torch="",
)
def ctc_layout(xp, targets, input_lengths, target_lengths, *, blank, times):
    """Return the label of every state and where a blank is skipped (N, S), where paths begin and end (T, N, S)."""
    used = xp.where(xp.arange(targets.shape[1]) < target_lengths[:, None], targets, blank)
    states, skips = _states(xp, used, blank)
    begins = xp.zeros((times, *states.shape), bool)
    begins[:1, :, :2] = True
    last = xp.arange(1, times + 1)[:, None] == input_lengths
    return states, skips, begins, last[:, :, None] & _ends(xp, states.shape[1], target_lengths)


@primitive(
    vjp=(
        lambda g, log_probs, targets, input_lengths, target_lengths, blank: _posterior_turn(
            g, log_probs, targets, input_lengths, target_lengths, blank
        ),
        None,
        None,
        None,
    ),
    formula=r"P(\pi_t = c \mid l)",
    derivative=r"\mathrm{Cov}([\pi_t = c], [\pi_u = d])",
    samples=_samples,
    torch="",
)
def ctc_posterior(xp, log_probs, targets, input_lengths, target_lengths, *, blank=0, zero_infinity=False):
    """Return the probability of each label at each time, given the sequence (T, N, C): nan where it cannot be.

    After the end it is 0; with ``zero_infinity`` it is 0 for a sequence that cannot be, too.
    """
    used = xp.where(xp.arange(targets.shape[1]) < target_lengths[:, None], targets, blank)
    states, skips = _states(xp, used, blank)
    emitted = xp.take_along_axis(_wide(xp, log_probs), states[None], 2)
    ends = _ends(xp, states.shape[1], target_lengths)
    alpha = _forward(xp, emitted, skips)
    beta = _backward(xp, emitted, skips, ends, input_lengths)
    total = _totals(xp, alpha, ends, input_lengths, target_lengths)[:, None]
    running = (xp.arange(len(emitted))[:, None] < input_lengths)[:, :, None]
    possible = xp.isfinite(alpha) & xp.isfinite(beta) & xp.isfinite(total) & running
    with xp.errstate(invalid="ignore"):
        share = xp.where(possible, xp.exp(alpha + beta - emitted - total), 0)
    out = xp.zeros(log_probs.shape, emitted.dtype)
    for s in range(states.shape[1]):
        out[:, xp.arange(len(states)), states[:, s]] += share[:, :, s]
    if not zero_infinity:
        out[(running & (total == -xp.inf))[:, :, 0]] = xp.nan
    return out.astype(log_probs.dtype, copy=False)

"""Anomaly mode: find the operation that made a gradient nan."""

from __future__ import annotations

from ..core import STATE

__all__ = ["detect_anomaly", "is_anomaly_enabled", "set_detect_anomaly"]


class set_detect_anomaly:  # noqa: N801  (PyTorch's name)
    """Switch anomaly mode on or off in this thread: at once, and until the ``with`` block ends when used as one.

    While it is on, each operation remembers the line that called it, and ``backward()`` raises GradError, naming that
    line, when an operation's gradient has nan values (unless ``check_nan`` is False). It makes everything slower.
    Source: https://pytorch.org/docs/stable/autograd.html#anomaly-detection
    """

    def __init__(self, mode: bool, check_nan: bool = True):
        self._before = STATE.anomaly, STATE.check_nan
        self._wanted = bool(mode), check_nan
        STATE.anomaly, STATE.check_nan = self._wanted

    def __enter__(self) -> None:
        STATE.anomaly, STATE.check_nan = self._wanted

    def __exit__(self, *exc: object) -> None:
        STATE.anomaly, STATE.check_nan = self._before


class detect_anomaly:  # noqa: N801
    """Anomaly mode (see :class:`set_detect_anomaly`) inside a ``with`` block.

    >>> import tapegrad as tg
    >>> x = tg.tensor(0.0, requires_grad=True)
    >>> with tg.autograd.detect_anomaly():
    ...     (tg.sqrt(x) * 0).backward()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    tapegrad.errors.GradError: backward through sqrt: the gradient of input 0 has nan values; ...
    """

    def __init__(self, check_nan: bool = True):
        self._check_nan = check_nan
        self._modes: list[set_detect_anomaly] = []

    def __enter__(self) -> None:
        self._modes.append(set_detect_anomaly(True, self._check_nan))

    def __exit__(self, *exc: object) -> None:
        self._modes.pop().__exit__(*exc)


def is_anomaly_enabled() -> bool:
    """Return whether anomaly mode is on in this thread."""
    return STATE.anomaly

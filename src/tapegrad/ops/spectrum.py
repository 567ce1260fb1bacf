"""Short-time Fourier transforms, there and back."""

from __future__ import annotations

import math

from ..core import Tensor, function, ops
from ..errors import DTypeError, OptionError, ShapeError
from .creation import ones
from .pad import pad
from .transforms import fft, ifft, irfft, rfft

__all__ = ["istft", "stft"]


def _checked(who: str, n_fft: int, hop: int | None, win: int | None) -> tuple[int, int]:
    """Return the step between pieces and the length of the window."""
    hop = n_fft // 4 if hop is None else hop
    win = n_fft if win is None else win
    if n_fft < 1 or hop < 1:
        raise OptionError(who, f"n_fft is {n_fft} and hop_length {hop}", "use positive numbers")
    if not 0 < win <= n_fft:
        raise OptionError(who, f"win_length is {win} and n_fft {n_fft}", "make it positive and at most n_fft")
    return hop, win


def _centred(who: str, window: Tensor | None, win: int, n_fft: int, like: Tensor) -> Tensor | None:
    """Return the window with zeros on both sides, ``n_fft`` long; None for one of ones."""
    if window is None and win == n_fft:
        return None
    weights: Tensor = ones(win, dtype=like.real.dtype) if window is None else window
    if weights.ndim != 1 or weights.shape[0] != win:
        raise ShapeError(who, f"the window has shape {tuple(weights.shape)}", f"pass a vector of {win} elements")
    left = (n_fft - win) // 2
    return pad(weights, (left, n_fft - win - left)) if win < n_fft else weights


def _mirrored(x: Tensor, amount: int, mode: str) -> Tensor:
    """Return signals with their ends continued by ``amount`` elements."""
    if x.dtype.kind == "c" and mode != "constant":
        return ops.view_as_complex(_both_parts(x, amount, mode))
    return pad(x[None], (amount, amount), mode)[0]


def _both_parts(x: Tensor, amount: int, mode: str) -> Tensor:
    parts = ops.view_as_real(x).movedim(-1, 0)
    return pad(parts, (amount, amount), mode).movedim(0, -1)


@function(methods="stft")
def stft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
    align_to_window: bool | None = None,
) -> Tensor:
    r"""Return the spectra of pieces of a signal, or of a batch of them: shape ``(B, frequencies, pieces)``.

    The pieces are ``n_fft`` long, ``hop_length`` (a quarter of that) apart, and multiplied by a ``window``, with zeros on
    both sides when it is shorter. ``center`` continues the signal at its ends by ``pad_mode``, so that piece t lies
    around element ``t * hop_length``. ``normalized`` divides by :math:`\sqrt{n_\mathrm{fft}}`. ``onesided`` leaves out what is
    known by symmetry; the default unless input or window are complex. ``return_complex=False`` gives pairs of numbers.

    Raises OptionError when ``return_complex`` is missing for real inputs, or for lengths that do not fit; ShapeError for more
    than two dimensions; DTypeError for integers.
    Source: https://pytorch.org/docs/stable/generated/torch.stft.html

    >>> import tapegrad as tg
    >>> tg.stft(tg.ones(8), 4, window=tg.hann_window(4), return_complex=True).shape
    tapegrad.Size([3, 9])
    """
    if input.ndim not in (1, 2):
        raise ShapeError("stft", f"the input has shape {tuple(input.shape)}", "pass a signal or a batch of them")
    if input.dtype.kind not in "fc":
        raise DTypeError("stft", f"the input has dtype {input.dtype}", "make it floating-point, e.g. with .float()")
    hop, win = _checked("stft", n_fft, hop_length, win_length)
    is_complex = input.dtype.kind == "c" or (window is not None and window.dtype.kind == "c")
    if return_complex is None and not is_complex:
        raise OptionError("stft", "return_complex is missing", "pass return_complex=True for a complex result")
    onesided = not is_complex if onesided is None else onesided
    if onesided and is_complex:
        raise OptionError("stft", "onesided=True beside complex numbers", "pass onesided=False")
    if center and align_to_window is not None:
        raise OptionError("stft", "align_to_window beside center=True", "leave one of them out")
    x = input if input.ndim == 2 else input[None]
    weights = _centred("stft", window, win, n_fft, x)
    if center:
        x = _mirrored(x, n_fft // 2, pad_mode)
    elif align_to_window:
        left = (n_fft - win) // 2
        x = pad(x, (left, n_fft - win - left))
    if x.shape[-1] < n_fft:
        raise OptionError("stft", f"n_fft is {n_fft}, the signal has {x.shape[-1]} elements", "use a smaller n_fft")
    pieces = x.unfold(-1, n_fft, hop)
    if weights is not None:
        pieces = pieces * weights
    norm = "ortho" if normalized else "backward"
    result = (rfft if onesided else fft)(pieces, norm=norm).mT
    result = result if input.ndim == 2 else result[0]
    return result if return_complex or return_complex is None else ops.view_as_real(result)


def _check_spectrum(spectrum: Tensor, n_fft: int, onesided: bool) -> None:
    if spectrum.dtype.kind != "c":
        raise DTypeError(
            "istft", f"the input has dtype {spectrum.dtype}", "pass complex numbers, see view_as_complex()"
        )
    if spectrum.ndim not in (2, 3) or not all(spectrum.shape):
        raise ShapeError("istft", f"the input has shape {tuple(spectrum.shape)}", "pass (frequencies, pieces)")
    rows = n_fft // 2 + 1 if onesided else n_fft
    if spectrum.shape[-2] != rows:
        raise ShapeError("istft", f"the input has {spectrum.shape[-2]} frequencies", f"n_fft={n_fft} wants {rows}")


@function(methods="istft")
def istft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> Tensor:
    """Return the signal whose :func:`stft` with the same arguments is nearest to the input.

    The transformed pieces are multiplied by the window, added up where they overlap, and divided by what the squares of the
    window add up to there. ``length`` cuts the result, or fills it up with zeros. ``return_complex`` is for spectra with
    all frequencies. Raises OptionError where the squares add up to 0; ShapeError and DTypeError for other inputs.
    Source: https://pytorch.org/docs/stable/generated/torch.istft.html

    >>> import tapegrad as tg
    >>> x, w = tg.arange(8.0), tg.hann_window(4)
    >>> tg.istft(tg.stft(x, 4, window=w, return_complex=True), 4, window=w)
    tensor([0., 1., 2., 3., 4., 5., 6., 7.])
    """
    hop, win = _checked("istft", n_fft, hop_length, win_length)
    if onesided is None:
        onesided = input.ndim > 1 and bool(input.shape[-2] != n_fft)
    _check_spectrum(input, n_fft, onesided)
    if onesided and return_complex:
        raise OptionError("istft", "onesided=True beside return_complex=True", "pass onesided=False")
    if not return_complex and window is not None and window.dtype.kind == "c":
        raise OptionError("istft", "a complex window beside return_complex=False", "pass return_complex=True")
    weights = _centred("istft", window, win, n_fft, input)
    weights = ones(n_fft, dtype=input.real.dtype) if weights is None else weights
    norm = "ortho" if normalized else "backward"
    spectra = (input if input.ndim == 3 else input[None]).mT
    if return_complex:
        pieces = ifft(spectra, norm=norm)
    else:
        pieces = irfft(spectra if onesided else spectra[..., : n_fft // 2 + 1], n_fft, norm=norm)
    signal = _overlapped(pieces * weights, hop)
    envelope = _overlapped((weights * weights).expand(1, pieces.shape[-2], n_fft), hop)
    result = _trimmed(signal, envelope, n_fft // 2 if center else 0, length)
    return result if input.ndim == 3 else result[0]


def _overlapped(pieces: Tensor, hop: int) -> Tensor:
    batch, count, size = pieces.shape
    return ops.fold_windows(pieces, shape=(batch, size + hop * (count - 1)), dimension=-1, step=hop)


def _trimmed(signal: Tensor, envelope: Tensor, start: int, length: int | None) -> Tensor:
    total = signal.shape[-1]
    end = min(total, start + length) if length is not None else total - start
    signal, envelope = signal[..., start:end], envelope[..., start:end]
    least = float(ops.abs(envelope.detach()).min().item()) if end > start else math.inf
    if least <= 1e-11:
        raise OptionError(
            "istft",
            f"the squares of the window add up to {least:g} somewhere",
            "use a smaller hop_length or another window",
        )
    signal = signal / envelope
    return signal if length is None or end == start + length else pad(signal, (0, start + length - end))

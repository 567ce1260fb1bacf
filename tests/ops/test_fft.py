"""Fourier transforms against PyTorch: every name, norm and size, with gradients; spectra of pieces; windows."""

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.errors import DTypeError, IndexRangeError, OptionError, ShapeError, UnsupportedDTypeError

torch = pytest.importorskip("torch")

ONE = ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"]
REAL = {"rfft", "ihfft", "rfftn", "ihfftn", "rfft2", "ihfft2"}


def values(name, shape, dtype, rng):
    x = rng.standard_normal(shape).astype(dtype)
    return x if name in REAL else (x + 1j * rng.standard_normal(shape)).astype(np.result_type(dtype, np.complex64))


def both(name, x, *args, **kwargs):
    """The results and the gradients of a random real function of them: ours, PyTorch's."""
    found = []
    for module, tensor in ((tg, tg.tensor(x, requires_grad=True)), (torch, torch.tensor(x, requires_grad=True))):
        out = getattr(module.fft, name)(tensor, *args, **kwargs)
        out.abs().pow(2).sum().backward()
        found.append((out.detach().resolve_conj().numpy(), tensor.grad.resolve_conj().numpy()))
    return found


def check(name, x, *args, **kwargs):
    (out, grad), (their_out, their_grad) = both(name, x, *args, **kwargs)
    assert out.dtype == their_out.dtype
    assert out.shape == their_out.shape
    tolerance = 1e-10 if x.dtype.itemsize in (8, 16) and x.dtype not in (np.complex64,) else 2e-4
    np.testing.assert_allclose(out, their_out, atol=tolerance)
    np.testing.assert_allclose(grad, their_grad, atol=tolerance * 10)


@pytest.mark.parametrize("name", ONE)
@pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
@pytest.mark.parametrize(("n", "dim"), [(None, -1), (4, 0), (7, 1), (1, 0)])
def test_one_dimension(name, norm, n, dim, rng):
    check(name, values(name, (5, 6), np.float64, rng), n, dim, norm)


@pytest.mark.parametrize("name", [f"{n}n" for n in ONE])
@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
@pytest.mark.parametrize("arguments", [{}, {"s": (3, 8)}, {"dim": (0, 2)}, {"s": (-1, 5), "dim": (2, 0)}, {"dim": 1}])
def test_several_dimensions(name, norm, arguments, rng):
    check(name, values(name, (3, 4, 5), np.float64, rng), norm=norm, **arguments)


@pytest.mark.parametrize("name", [f"{n}2" for n in ONE])
def test_two_dimensions_of_single_precision(name, rng):
    check(name, values(name, (2, 4, 5), np.float32, rng))


@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "ihfft"])
def test_integers_become_floating_point(name):
    assert getattr(tg.fft, name)(tg.arange(4)).dtype == tg.complex64


def test_real_input_of_a_complex_transform_has_a_real_gradient(rng):
    check("fft", rng.standard_normal(6))


@pytest.mark.parametrize("n", [1, 4, 5])
def test_frequencies_and_shifts(n):
    for name in ("fftfreq", "rfftfreq"):
        ours, theirs = (
            getattr(tg.fft, name)(n, 0.5, dtype=tg.float64),
            getattr(torch.fft, name)(n, 0.5, dtype=torch.float64),
        )
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    x = np.arange(n * 3).reshape(n, 3)
    for name in ("fftshift", "ifftshift"):
        for dim in (None, 0, (0, 1)):
            ours = getattr(tg.fft, name)(tg.tensor(x), dim)
            np.testing.assert_array_equal(ours.numpy(), getattr(torch.fft, name)(torch.tensor(x), dim).numpy())


ERRORS = [
    (OptionError, lambda: tg.fft.fft(tg.ones(4), 0)),
    (OptionError, lambda: tg.fft.fft(tg.ones(4), norm="none")),
    (IndexRangeError, lambda: tg.fft.fft(tg.tensor(1.0))),
    (IndexRangeError, lambda: tg.fft.fft(tg.ones(4), dim=1)),
    (DTypeError, lambda: tg.fft.rfft(tg.ones(4) * 1j)),
    (UnsupportedDTypeError, lambda: tg.fft.fft(tg.ones(4).half())),
    (OptionError, lambda: tg.fft.fftn(tg.ones(4, 4), dim=(0, 0))),
    (OptionError, lambda: tg.fft.fftn(tg.ones(4, 4), s=(2,), dim=(0, 1))),
    (OptionError, lambda: tg.fft.fftn(tg.ones(4), s=(2, 2))),
    (OptionError, lambda: tg.fft.irfft(tg.ones(1))),
    (OptionError, lambda: tg.fft.rfftn(tg.ones(4), dim=())),
]


@pytest.mark.parametrize(("kind", "call"), ERRORS)
def test_errors(kind, call):
    with pytest.raises(kind, match=r"\w+: .+; .+"):
        call()


# -- pieces -------------------------------------------------------------------------------------------------------------

OPTIONS = [
    {},
    {"hop_length": 3},
    {"win_length": 6},
    {"center": False},
    {"normalized": True},
    {"onesided": False},
    {"pad_mode": "constant"},
    {"center": False, "win_length": 4, "align_to_window": True},
]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("shape", [(40,), (2, 41)])
def test_stft_and_back(options, shape, rng):
    x, w = rng.standard_normal(shape), rng.uniform(0.5, 1.0, options.get("win_length", 8))
    found = []
    for module in (tg, torch):
        signal, window = module.tensor(x, requires_grad=True), module.tensor(w, requires_grad=True)
        spectrum = module.stft(signal, 8, window=window, return_complex=True, **options)
        rest = {k: v for k, v in options.items() if k in ("hop_length", "normalized", "onesided", "center")}
        whole = options.get("win_length", 8) == 8
        back = module.istft(spectrum, 8, window=window, length=39, **rest) if whole else spectrum.real
        (spectrum.abs().pow(2).sum() + back.pow(3).sum()).backward()
        found.append([t.detach().numpy() for t in (spectrum, back, signal.grad, window.grad)])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-9)
        assert ours.dtype == theirs.dtype


def test_stft_of_complex_signals(rng):
    x = rng.standard_normal(20) + 1j * rng.standard_normal(20)
    ours, theirs = tg.stft(tg.tensor(x), 8), torch.stft(torch.tensor(x), 8, window=torch.ones(8))
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-12)
    back = tg.istft(ours, 8, return_complex=True)
    np.testing.assert_allclose(back.numpy(), x, atol=1e-12)


def test_stft_as_pairs_of_numbers(rng):
    x = rng.standard_normal(20).astype(np.float32)
    pairs = tg.tensor(x).stft(8, return_complex=False)
    assert tg.equal(pairs, tg.view_as_real(tg.stft(tg.tensor(x), 8, return_complex=True)))


PIECE_ERRORS = [
    (OptionError, lambda: tg.stft(tg.ones(16), 4)),
    (OptionError, lambda: tg.stft(tg.ones(3), 4, center=False, return_complex=True)),
    (OptionError, lambda: tg.stft(tg.ones(16), 4, 0, return_complex=True)),
    (OptionError, lambda: tg.stft(tg.ones(16), 4, win_length=5, return_complex=True)),
    (OptionError, lambda: tg.stft(tg.ones(16) * 1j, 4, onesided=True)),
    (OptionError, lambda: tg.stft(tg.ones(16), 4, align_to_window=True, return_complex=True)),
    (ShapeError, lambda: tg.stft(tg.ones(2, 2, 16), 4, return_complex=True)),
    (ShapeError, lambda: tg.stft(tg.ones(16), 4, window=tg.ones(3), return_complex=True)),
    (DTypeError, lambda: tg.stft(tg.arange(16), 4, return_complex=True)),
    (DTypeError, lambda: tg.istft(tg.ones(3, 4), 4)),
    (ShapeError, lambda: tg.istft(tg.ones(5, 4) * 1j, 4)),
    (OptionError, lambda: tg.istft(tg.ones(3, 4) * 1j, 4, window=tg.zeros(4))),
    (OptionError, lambda: tg.istft(tg.ones(3, 4) * 1j, 4, onesided=True, return_complex=True)),
]


@pytest.mark.parametrize(("kind", "call"), PIECE_ERRORS)
def test_errors_of_pieces(kind, call):
    with pytest.raises(kind, match=r"\w+: .+; .+"):
        call()


# -- windows ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["hann", "hamming", "blackman", "bartlett", "kaiser"])
@pytest.mark.parametrize("length", [0, 1, 2, 7])
@pytest.mark.parametrize("periodic", [True, False])
def test_windows(name, length, periodic):
    ours = getattr(tg, f"{name}_window")(length, periodic, dtype=tg.float64)
    theirs = getattr(torch, f"{name}_window")(length, periodic, dtype=torch.float64)
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-14)


EXTRA = {"general_cosine": {"a": [0.4, 0.3, 0.2]}, "general_hamming": {"alpha": 0.6}, "gaussian": {"std": 2.0}}
EXTRA |= {"exponential": {"tau": 3.0}, "kaiser": {"beta": 5.0}}


@pytest.mark.parametrize("name", tg.signal.windows.__all__)
@pytest.mark.parametrize("length", [0, 1, 2, 7])
@pytest.mark.parametrize("sym", [True, False])
def test_windows_of_signal(name, length, sym):
    ours = getattr(tg.signal.windows, name)(length, sym=sym, **EXTRA.get(name, {}))
    theirs = getattr(torch.signal.windows, name)(length, sym=sym, **EXTRA.get(name, {}))
    assert ours.dtype == tg.float32
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-6)


def test_an_exponential_window_around_another_centre():
    ours = tg.signal.windows.exponential(5, center=1, sym=False)
    np.testing.assert_allclose(
        ours.numpy(), torch.signal.windows.exponential(5, center=1, sym=False).numpy(), atol=1e-6
    )


WINDOW_ERRORS = [
    (RuntimeError, lambda: tg.hann_window(-1)),
    (RuntimeError, lambda: tg.hann_window(3, dtype=tg.int64)),
    (ValueError, lambda: tg.signal.windows.hann(-1)),
    (ValueError, lambda: tg.signal.windows.hann(3, dtype=tg.complex64)),
    (ValueError, lambda: tg.signal.windows.gaussian(3, std=0)),
    (ValueError, lambda: tg.signal.windows.exponential(3, tau=-1)),
    (ValueError, lambda: tg.signal.windows.exponential(3, center=1)),
    (ValueError, lambda: tg.signal.windows.kaiser(3, beta=-1)),
    (ValueError, lambda: tg.signal.windows.general_cosine(3, a=[])),
    (TypeError, lambda: tg.signal.windows.general_cosine(3, a=0.5)),
]


@pytest.mark.parametrize(("kind", "call"), WINDOW_ERRORS)
def test_errors_of_windows(kind, call):
    with pytest.raises(kind, match=r"\w+: .+; .+"):
        call()

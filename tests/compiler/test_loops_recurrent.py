"""The Numba target's step of an LSTM: the same as the kernel's own, and part of compiled programs."""

import re

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn
from tapegrad.compiler.compiled import Compiled
from tapegrad.compiler.loops.build import loop
from tapegrad.compiler.loops.special import SPECIAL
from tapegrad.ops import recurrent_loops

pytest.importorskip("numba", reason="the Numba target needs the extra 'fast'")


@pytest.fixture(autouse=True, scope="module")
def _cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAPEGRAD_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


class Result:
    """All that a special loop is asked about an equation before it is written."""

    outputs = (np.empty(0, np.float32),)


def compiled(name):
    special = SPECIAL[name][0]
    return loop(special.text(Result), special.name)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0])
def test_steps_are_the_kernels(scale, rng):
    hidden, batch = 5, 7
    z, inputs = ((scale * rng.standard_normal((4 * hidden, batch))).astype(np.float32) for _ in range(2))
    before = rng.standard_normal((hidden, batch)).astype(np.float32)
    found = [z.copy(), *np.empty((2, hidden, batch), np.float32)]
    wanted = [z.copy(), *np.empty((2, hidden, batch), np.float32)]
    compiled("lstm_layer")["advance_loop"](found[0], inputs, before, *found[1:])
    recurrent_loops._advance(np, wanted[0], inputs, before, *wanted[1:])
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    gates, c, _ = wanted
    of_output, of_c = rng.standard_normal((2, hidden, batch)).astype(np.float32)
    products = np.empty((2, 4 * hidden, batch), np.float32)
    cells = np.stack([of_c, of_c])
    scratch = np.empty_like(z)
    compiled("lstm_backward")["retreat_loop"](gates, c, before, of_output, cells[0], products[0], scratch)
    recurrent_loops._retreat(np, gates, c, before, of_output, cells[1], products[1], scratch)
    np.testing.assert_allclose(cells[0], cells[1], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(products[0], products[1], rtol=1e-5, atol=1e-6)


def test_the_hyperbolic_tangent_is_exact_to_the_last_places():
    tanh = compiled("lstm_layer")["tanh_float32"]
    x = np.concatenate([np.linspace(-12, 12, 4001), np.geomspace(1e-30, 1, 500), [np.inf, -np.inf, 1e30]])
    x = x.astype(np.float32)
    found = np.array([tanh(value) for value in x])
    np.testing.assert_allclose(found, np.tanh(x.astype(np.float64)), rtol=5e-7)
    assert np.isnan(tanh(np.float32(np.nan)))


@pytest.mark.parametrize("options", [{}, {"proj_size": 3}, {"bidirectional": True, "bias": False}], ids=str)
@pytest.mark.parametrize("target", ["numpy", "numba"])
def test_training(target, options, rng):
    data = rng.standard_normal((8, 5, 6, 4)).astype(np.float32)

    def losses(call):
        tg.manual_seed(0)
        layer = nn.LSTM(4, 9, 2, **options)
        optimizer = tg.optim.Adam(layer.parameters(), lr=0.05)

        def step(x):
            optimizer.zero_grad()
            y, (h, c) = layer(x)
            loss = (y * y).mean() + (c - 1).square().mean() - h.mean()
            loss.backward()
            optimizer.step()
            return loss

        run = call(step)
        return run, [run(tg.tensor(x)).item() for x in data]

    run, found = losses(lambda step: Compiled(step, target))
    _, wanted = losses(lambda step: step)
    assert not run.refusals
    np.testing.assert_allclose(found, wanted, rtol=2e-5)
    called = re.findall(r"(?:run|solve)_lstm\(.*(?:advance|retreat)_loop\)", run.source)
    assert len(called) == (0 if target == "numpy" else 8 if "bidirectional" in options else 4)


def test_float64_keeps_the_kernel(rng):
    layer = nn.LSTM(2, 3, dtype=tg.float64)
    run = Compiled(lambda x: layer(x)[0], "numba")
    x = tg.tensor(rng.standard_normal((4, 1, 2)))
    with tg.no_grad():
        for _ in range(2):
            np.testing.assert_allclose(run(x), layer(x)[0], rtol=1e-14)
    assert "advance_loop" not in run.source

"""Convolutions and pooling beside PyTorch's, forward and with both gradients, and how exact they are.

Run it alone on an idle machine: ``python -m benchmarks.convolutions``, or with names of shapes to run those only.
Both sides use two threads. The ways of a shape take turns; every figure is a median. The errors are the largest ones of
the output, the input's gradient and the weight's, relative to the largest value, beside PyTorch in float64. Where Numba is
installed a column has the convolutions that programs for it compute with loops.
"""

import os
import sys
import time
from functools import partial

# Before NumPy is loaded: tapegrad sets it where it comes first.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "20")

import numpy as np
import torch
from torch.nn import functional as F

import tapegrad as tg
from tapegrad.compiler.loops import columns, convolution, windows, winograd
from tapegrad.compiler.loops import depthwise as channels
from tapegrad.compiler.loops.build import has_numba
from tapegrad.core import ops
from tapegrad.ops.algorithm import uses_winograd

# Shapes of input and weight; stride, padding, groups.
CONVOLUTIONS = {
    "3×3, 32→64, 26×26, 64 images": ((64, 32, 26, 26), (64, 32, 3, 3), 1, 0, 1),
    "MNIST's first, 1→32, 28×28, 64": ((64, 1, 28, 28), (32, 1, 3, 3), 1, 0, 1),
    "VGG 3→32, 32×32, 32": ((32, 3, 32, 32), (32, 3, 3, 3), 1, 1, 1),
    "VGG 32→32, 32×32, 32": ((32, 32, 32, 32), (32, 32, 3, 3), 1, 1, 1),
    "VGG 32→64, 16×16, 32": ((32, 32, 16, 16), (64, 32, 3, 3), 1, 1, 1),
    "VGG 64→64, 16×16, 32": ((32, 64, 16, 16), (64, 64, 3, 3), 1, 1, 1),
    "VGG 128→128, 8×8, 32": ((32, 128, 8, 8), (128, 128, 3, 3), 1, 1, 1),
    "VGG 256→256, 4×4, 32": ((32, 256, 4, 4), (256, 256, 3, 3), 1, 1, 1),
    "ResNet 3×3 stride 2, 32→64, 32×32, 32": ((32, 32, 32, 32), (64, 32, 3, 3), 2, 1, 1),
    "ResNet 1×1 stride 2, 32→64, 32×32, 32": ((32, 32, 32, 32), (64, 32, 1, 1), 2, 0, 1),
    "1×1, 64→128, 16×16, 32": ((32, 64, 16, 16), (128, 64, 1, 1), 1, 0, 1),
    "autoencoder 3×3 stride 2, 16→32, 14×14, 64": ((64, 16, 14, 14), (32, 16, 3, 3), 2, 1, 1),
    "5×5, 6→16, 14×14, 64": ((64, 6, 14, 14), (16, 6, 5, 5), 1, 0, 1),
    "depthwise 3×3, 64, 16×16, 32": ((32, 64, 16, 16), (64, 1, 3, 3), 1, 1, 64),
    "8 groups 3×3, 64→64, 16×16, 32": ((32, 64, 16, 16), (64, 8, 3, 3), 1, 1, 8),
}
# Kind, shape, kernel, stride, padding.
POOLS = {
    "max 2, 64×24×24, 64": ("max", (64, 64, 24, 24), 2, 2, 0),
    "max 3 stride 2, 64×32×32, 32": ("max", (32, 64, 32, 32), 3, 2, 1),
    "average 2, 64×24×24, 64": ("avg", (64, 64, 24, 24), 2, 2, 0),
}
FORMATS = (torch.contiguous_format, torch.channels_last)
HEAD = (
    "",
    "tapegrad",
    "tapegrad's kernels, channels last",
    "PyTorch",
    "PyTorch, channels last",
    "ratio",
    "errors",
    "with loops",
    "their ratio",
)


def channels_last(x):
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


def milliseconds(ways, rounds=6, repeats=2):
    """The median time of each way; they take turns, and the first of some calls in a row only warms up."""
    times = [[] for _ in ways]
    for _ in range(rounds):
        for way, found in zip(ways, times, strict=True):
            way()
            for _ in range(repeats):
                start = time.perf_counter()
                way()
                found.append(time.perf_counter() - start)
    return [1e3 * float(np.median(found)) for found in times]


def error(a, b):
    return np.abs(a - b.detach().numpy()).max() / b.detach().abs().max().item()


def eager(function, *leaves, g):
    tensors = [tg.tensor(a, requires_grad=True) for a in leaves]
    g = tg.tensor(g)

    def forward():
        with tg.no_grad():
            function(*tensors)

    return forward, lambda: tg.autograd.grad(function(*tensors), tensors, g)


def torch_ways(function, *leaves, g):
    for memory in FORMATS:
        tensors = [torch.tensor(a).contiguous(memory_format=memory).requires_grad_() for a in leaves]
        back = torch.tensor(g).contiguous(memory_format=memory)

        def forward(tensors=tensors):
            with torch.no_grad():
                function(*tensors)

        yield forward
        yield lambda tensors=tensors, back=back: torch.autograd.grad(function(*tensors), tensors, back)


def compiled(*functions):
    from numba import njit

    return tuple(njit(nogil=True, error_model="numpy")(f) for f in functions)


def looped(x, w, g, y, dx, dw, keywords):
    """Return the forward pass, and that with both gradients, as programs for Numba compute them; nothing if they do not."""
    depthwise = w.shape[0] == x.shape[1] == keywords["groups"]
    if not has_numba() or x.shape[1] < 8 or (keywords["groups"] > 1 and not depthwise):
        return []
    places = (len(g), *g.shape[2:])
    befores = tuple(before for before, _ in keywords["padding"])
    xs, gs, ys, dxs = (a.transpose(0, 2, 3, 1) for a in (x, g, y, dx))
    if uses_winograd(np, x.dtype, w.shape, places, *keywords.values()):
        xs, gs, ys, dxs = (convolution.in_parts(a) for a in (xs, gs, ys, dxs))
        to, of, back, result = compiled(
            winograd.winograd_input_loop,
            winograd.winograd_gradient_loop,
            winograd.winograd_back_loop,
            winograd.winograd_output_loop,
        )
        forward = partial(convolution.convolve_tiles, np, (to, result), xs, w, None, ys, befores)
        backward = partial(convolution.convolve_tiles_gradients, np, (to, of, back), gs, xs, w, dxs, dw, befores)
    elif depthwise:
        loop, back = compiled(channels.channels_loop, channels.channels_gradient_loop)
        where = (*keywords["stride"], *befores, *keywords["dilation"])
        forward = partial(channels.convolve_channels, np, loop, xs, w, None, ys, where)
        backward = partial(channels.convolve_channels_gradients, np, back, gs, xs, w, dxs, dw, where)
    elif w.shape[2:] == (1, 1) and keywords["stride"] == (1, 1):
        return []
    else:
        copy, spread = compiled(columns.columns_loop, columns.spread_loop)
        where = (*keywords["stride"], *befores, *keywords["dilation"])
        forward = partial(windows.convolve_columns, np, copy, xs, w, None, ys, where)
        backward = partial(windows.convolve_columns_gradients, np, copy, spread, gs, xs, w, dxs, dw, where)
    return [forward, lambda: (forward(), backward())]


def convolution_ways(x_shape, w_shape, stride, padding, groups, rng):
    x, w = (rng.standard_normal(s).astype("float32") for s in (x_shape, w_shape))
    keywords = {"stride": (stride,) * 2, "padding": ((padding,) * 2,) * 2, "dilation": (1, 1), "groups": groups}
    g = rng.standard_normal(ops.conv(x, w, None, **keywords).shape).astype("float32")
    xl, gl = channels_last(x), channels_last(g)
    y, dx, dw = np.empty_like(gl), np.empty_like(xl), np.empty_like(w)

    def forward():
        ops.conv.kernel(np, xl, w, None, out=y, **keywords)

    def both():
        forward()
        ops.conv_gradients.kernel(np, gl, xl, w, out=(dx, dw), **keywords)

    ways = [*eager(lambda x, w: tg.nn.functional.conv2d(x, w, None, stride, padding, 1, groups), x, w, g=g)]
    ways += [forward, both]
    ways += torch_ways(lambda x, w: F.conv2d(x, w, None, stride, padding, 1, groups), x, w, g=g)
    ways += looped(xl, w, gl, y, dx, dw, keywords)
    exact = [torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in (x, w)]
    out = F.conv2d(*exact, None, stride, padding, 1, groups)
    both()
    gradients = torch.autograd.grad(out, exact, torch.tensor(g, dtype=torch.float64))
    return ways, [error(a, b) for a, b in zip((y, dx, dw), (out, *gradients), strict=True)]


def pooling(kind, shape, kernel, stride, padding, rng):
    x = np.maximum(rng.standard_normal(shape), 0).astype("float32")
    keywords = {"kernel_size": (kernel,) * 2, "stride": (stride,) * 2, "padding": (padding,) * 2}
    keywords |= {"dilation": (1, 1)} if kind == "max" else {}
    pool = getattr(ops, f"{kind}_pool")
    xl = channels_last(x)
    y = channels_last(pool(x, **keywords))
    g = rng.standard_normal(y.shape).astype("float32")
    gl, dx = channels_last(g), np.empty_like(xl)

    def forward():
        pool.kernel(np, xl, out=y, **keywords)

    def both():
        forward()
        if kind == "max":
            ops.max_pool_gradient.kernel(np, gl, xl, y, out=dx, **keywords)
        else:
            ops.avg_unpool.kernel(np, gl, out=dx, size=shape[2:], **keywords)

    ours, theirs = getattr(tg.nn.functional, f"{kind}_pool2d"), getattr(F, f"{kind}_pool2d")
    ways = [*eager(lambda x: ours(x, kernel, stride, padding), x, g=g), forward, both]
    ways += torch_ways(lambda x: theirs(x, kernel, stride, padding), x, g=g)
    exact = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    out = theirs(exact, kernel, stride, padding)
    both()
    (gradient,) = torch.autograd.grad(out, exact, torch.tensor(g, dtype=torch.float64))
    return ways, [error(y, out), error(dx, gradient)]


def row(name, ways, errors):
    """A line of the table: forward / forward and backward in milliseconds, and PyTorch's best over the kernels'."""
    t = milliseconds(ways)
    pairs = [f"{t[i]:.2f} / {t[i + 1]:.2f}" for i in range(0, len(t), 2)]
    best = min(t[4], t[6]), min(t[5], t[7])
    ratios = [f"{best[0] / t[i]:.2f} / {best[1] / t[i + 1]:.2f}" for i in (2, *range(8, len(t), 2))]
    last = [*pairs[4:], *ratios[1:]] or ["–", "–"]
    return f"| {' | '.join([name, *pairs[:4], ratios[0], ', '.join(f'{e:.0e}' for e in errors), *last])} |"


def main(wanted):
    torch.set_num_threads(2)
    tg.set_num_threads(2)
    print(f"| {' | '.join(HEAD)} |\n|{' --- |' * len(HEAD)}")
    rng = np.random.default_rng(0)
    for shapes, make in ((CONVOLUTIONS, convolution_ways), (POOLS, pooling)):
        for name, shape in shapes.items():
            if not wanted or any(word in name for word in wanted):
                print(row(name, *make(*shape, rng)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

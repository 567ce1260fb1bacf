"""What eager tapegrad costs besides arithmetic: µs per tracked operation and per backward node, and whole training steps
beside PyTorch eager, interleaved in one run.

Run it alone on an idle machine: ``python benchmarks/eager_overhead.py`` (PyTorch must be installed for the steps;
``--operations`` leaves them out).
"""

import itertools
import statistics
import sys
import time

import numpy as np

import tapegrad as tg

CHAIN = 100
ROUNDS = 300
BURST = 5


def undisturbed(times):
    """The median of the fastest fifth, in µs: what is slower was disturbed by the machine."""
    return statistics.median(sorted(times)[: max(1, len(times) // 5)]) * 1e6


def clock(run, rounds=ROUNDS):
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return times


# -- single operations ----------------------------------------------------------------------------------------------

OPERATIONS = {
    "x * y": lambda x, y: x * y,
    "x + y": lambda x, y: x + y,
    "x + 1": lambda x, y: x + 1,
    "x - y": lambda x, y: x - y,
    "x / y": lambda x, y: x / y,
    "-x": lambda x, y: -x,
    "exp(x)": lambda x, y: x.exp(),
    "tanh(x)": lambda x, y: x.tanh(),
    "relu(x)": lambda x, y: x.relu(),
}


def pace():
    """µs of one product of two NumPy arrays of three elements: the machine's own pace, now."""
    a = np.ones(3, np.float32)

    def products():
        for _ in range(CHAIN):
            _ = a * a

    return undisturbed(clock(products, 50)) / CHAIN


def operation_costs(step):
    """µs of one forward operation and of one backward node, in a chain that ends in a sum."""
    x = tg.full((3,), 0.5, requires_grad=True)
    y = tg.full((3,), 0.999, requires_grad=True)

    def chain(count):
        z = x
        for _ in range(count):
            z = step(z, y)
        return z

    forward, backward, ends = [], [], []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        z = chain(CHAIN)
        forward.append((time.perf_counter() - start) / CHAIN)
        total = z.sum()
        start = time.perf_counter()
        total.backward()
        backward.append(time.perf_counter() - start)
        total = chain(1).sum()
        start = time.perf_counter()
        total.backward()
        ends.append(time.perf_counter() - start)
        x.grad = y.grad = None
    return undisturbed(forward), (undisturbed(backward) - undisturbed(ends)) / (CHAIN - 1)


# -- training steps -------------------------------------------------------------------------------------------------

NETWORKS = [
    ((2, 64, 3), "ReLU", 300),
    ((2, 64, 3), "ReLU", 16),
    ((2, 64, 3), "ReLU", 1),
    ((1, 20, 20, 1), "Tanh", 200),
    ((1, 20, 20, 1), "Tanh", 16),
    ((1, 20, 20, 1), "Tanh", 1),
    ((784, 30, 10), "ReLU", 128),
    ((784, 30, 10), "ReLU", 16),
]


def build(nn, sizes, activation):
    layers = []
    for i, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
        layers += [getattr(nn, activation)()] if i else []
        layers.append(nn.Linear(fan_in, fan_out))
    return nn.Sequential(*layers)


def make_step(lib, model, x, t, classify, clip):
    """The step that a user writes; the same text runs on both libraries."""
    functional = lib.nn.functional
    measure = functional.cross_entropy if classify else functional.mse_loss
    optimizer = lib.optim.Adam(model.parameters(), lr=1e-3)

    def step():
        optimizer.zero_grad()
        loss = measure(model(x), t)
        loss.backward()
        if clip:
            lib.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss

    return step


def pair(torch, sizes, activation, batch, clip=False):
    """One step in each library, from the same weights and data."""
    rng = np.random.default_rng(0)
    classify = activation == "ReLU"
    x = rng.standard_normal((batch, sizes[0]), dtype=np.float32)
    t = rng.integers(0, sizes[-1], batch) if classify else rng.standard_normal((batch, 1), dtype=np.float32)
    ours, theirs = build(tg.nn, sizes, activation), build(torch.nn, sizes, activation)
    ours.load_state_dict({name: tg.from_numpy(p.detach().numpy().copy()) for name, p in theirs.named_parameters()})
    return (
        make_step(tg, ours, tg.from_numpy(x), tg.from_numpy(t), classify, clip),
        make_step(torch, theirs, torch.from_numpy(x), torch.from_numpy(t), classify, clip),
    )


def agree(ours, theirs):
    """Ten losses of both must be equal to rounding before any time is taken."""
    losses = [(ours().item(), theirs().item()) for _ in range(10)]
    if not np.allclose(*zip(*losses, strict=True), rtol=1e-4, atol=1e-6):
        raise SystemExit(f"the losses differ: {losses}")


def step_costs(ours, theirs, rounds):
    """Median µs of one step of each, in bursts that take turns."""
    agree(ours, theirs)
    times = [], []
    for _ in range(rounds):
        for run, held in zip((ours, theirs), times, strict=True):
            run()
            held += clock(run, BURST)
    return [statistics.median(held) * 1e6 for held in times]


def main():
    print("| operation, shape (3,) | forward, µs | backward node, µs | NumPy's a * b, µs |\n| --- | --- | --- | --- |")
    for name, step in OPERATIONS.items():
        before = pace()
        forward, backward = operation_costs(step)
        print(f"| {name} | {forward:.2f} | {backward:.2f} | {(before + pace()) / 2:.2f} |", flush=True)
    if "--operations" in sys.argv:
        return
    import torch

    print(f"\nPyTorch {torch.__version__}, {torch.get_num_threads()} threads, NumPy {np.__version__}")
    print("\n| network, batch | tapegrad, µs | PyTorch, µs | ratio |\n| --- | --- | --- | --- |")
    for sizes, activation, batch in NETWORKS:
        for clip in (False, True) if batch >= 128 else (False,):
            ours, theirs = step_costs(*pair(torch, sizes, activation, batch, clip), rounds=60)
            name = f"{'-'.join(map(str, sizes))} {activation}, {batch}" + (", clipped" if clip else "")
            print(f"| {name} | {ours:.0f} | {theirs:.0f} | {theirs / ours:.2f} |", flush=True)


if __name__ == "__main__":
    main()

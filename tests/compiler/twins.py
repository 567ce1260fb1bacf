"""Two worlds that begin alike: one step runs eagerly, the other compiled, and after each call everything must be equal."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

import tapegrad as tg
from tapegrad import nn
from tapegrad.compiler.compiled import Compiled

SEED = 20
EACH = ("none", "all", "some")
# Relative to the largest value of an array. A program adds up in another order than eager code does.
TOLERANCE = 1e-4


def picture(value: Any, seen: frozenset[int] = frozenset()) -> Any:
    """Return everything that can be seen of a value, in arrays and plain values of its own."""
    if id(value) in seen:
        return "itself"
    seen = seen | {id(value)}
    if isinstance(value, tg.Tensor):
        kind = type(value).__name__, value.requires_grad, value.array.dtype.str
        grad = None if value._grad is None else value._grad.array.copy()
        return (*kind, np.array(value.array), grad)
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, nn.Module):
        held = {n: v for n, v in vars(value).items() if "hook" not in n}
        return {n: picture(v, seen) for n, v in held.items()}
    if isinstance(value, tg.optim.Optimizer):
        order = [p for g in value.param_groups for p in g["params"]]
        numbers = {id(p): i for i, p in enumerate(order)}
        # A state that was asked for and is empty is as good as none.
        states = {numbers.get(id(p), -1): picture(s, seen) for p, s in value.state.items() if s}
        groups = [{k: picture(v, seen) for k, v in g.items()} for g in value.param_groups]
        return states, groups, value._opt_called
    if isinstance(value, tg.optim.lr_scheduler.LRScheduler):
        return {n: picture(v, seen) for n, v in vars(value).items() if n != "optimizer"}
    if isinstance(value, dict):
        return {k: picture(v, seen) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, *(picture(v, seen) for v in value)]
    if isinstance(value, (int, float, str, bool, type(None), np.dtype, set)):
        return value
    if callable(value) or isinstance(value, (type, tg.Generator)):
        return type(value).__name__
    return {n: picture(v, seen) for n, v in getattr(value, "__dict__", {}).items()}


def difference(a: Any, b: Any, tolerance: float, path: str = "") -> str:
    """Return where two pictures differ, and by how much; "" when they do not."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        if a.shape != b.shape or a.dtype != b.dtype:
            return f"{path}: {a.dtype}{a.shape} and {b.dtype}{b.shape}"
        if a.tobytes() == b.tobytes() or np.array_equal(a, b, equal_nan=a.dtype.kind in "fc"):
            return ""
        if tolerance and a.dtype.kind == "f" and np.array_equal(np.isfinite(a), np.isfinite(b)):
            ok = np.isfinite(a)
            far = np.abs(a - b, where=ok, out=np.zeros_like(a)).max(initial=0)
            if far <= tolerance * max(np.abs(a, where=ok, out=np.zeros_like(a)).max(initial=0), 1e-3):
                return ""
        return f"{path}: {a!r} and {b!r}"
    if type(a) is not type(b):
        return f"{path}: {a!r} and {b!r}"
    if isinstance(a, dict):
        if a.keys() != b.keys():
            return f"{path}: {sorted(map(str, a))} and {sorted(map(str, b))}"
        return next((d for k in a if (d := difference(a[k], b[k], tolerance, f"{path}.{k}"))), "")
    if isinstance(a, (list, tuple)):
        if len(a) != len(b) and {"Error"} & {str(v)[-5:] for v in (*a, *b)}:
            return f"{path}: {str(a)[:200]} and {str(b)[:200]}"
        if len(a) != len(b):
            return f"{path}: {len(a)} and {len(b)} elements"
        pairs = enumerate(zip(a, b, strict=True))
        return next((d for i, (x, y) in pairs if (d := difference(x, y, tolerance, f"{path}[{i}]"))), "")
    if isinstance(a, float) and tolerance and abs(a - b) <= tolerance * max(abs(a), 1e-3):
        return ""
    return "" if a == b or (a != a and b != b) else f"{path}: {a!r} and {b!r}"


class Twin:
    """One of the two worlds, with its own place in the stream of random numbers."""

    def __init__(self, make: Callable[[], SimpleNamespace], compiled: bool):
        tg.manual_seed(SEED)
        self.world = make()
        self.random = tg.get_rng_state()
        self.compiled: list[Compiled] = []
        self.warnings: list[str] = []
        # What the caller has kept, with what it looked like then.
        self.kept: list[Any] = []
        if compiled:
            for name, value in list(vars(self.world).items()):
                if name.startswith("step"):
                    self.compiled.append(Compiled(value))
                    setattr(self.world, name, self.compiled[-1])

    def call(self, script: Callable, i: int, keep: bool) -> Any:
        """Run the script's i-th part and return a picture of what it gave, or of what it raised."""
        tg.set_rng_state(self.random)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                result = script(self.world, i)
            except Exception as error:
                result = (type(error).__name__, str(error).partition("\n")[0])
        self.warnings += [str(w.message) for w in caught]
        self.random = tg.get_rng_state()
        seen = picture(result)
        if keep:
            self.kept.append((result, gradients(self.world)))
        return seen


def gradients(world: SimpleNamespace) -> list[Any]:
    """Return the gradients themselves, as a caller would who keeps them."""
    held = [value for name, value in vars(world).items() if not name.startswith("step")]
    modules = [m for m in held if isinstance(m, nn.Module)]
    tensors = [t for t in held if isinstance(t, tg.Tensor)]
    return [p._grad for p in [*(p for m in modules for p in m.parameters()), *tensors]]


def agree(
    make: Callable[[], SimpleNamespace],
    script: Callable[[SimpleNamespace, int], Any] | None = None,
    calls: int = 6,
    *,
    programs: int | None = None,
    refusals: int | None = 0,
    tolerance: float = TOLERANCE,
    hints: tuple[str, ...] = (),
    keeps: tuple[str, ...] = ("some",),
) -> Twin:
    """Run a script in both worlds, and compare all there is after each call.

    ``keeps``: for each a fresh pair of worlds, in which the caller keeps "none", "all" or "some" of the results and
    gradients; what is kept is compared again after each later call.
    ``programs``: how many there must be at the end; ``refusals``: how many warnings; ``hints``: what they must say.
    ``script(world, i)`` makes the i-th call; without one, ``world.step(*world.batch(i))`` is called.
    """
    script = script or (lambda world, i: world.step(*world.batch(i)))
    twin = None
    for keep in keeps:
        eager, twin = Twin(make, False), Twin(make, True)
        for i in range(calls):
            kept = keep == "all" or (keep == "some" and i % 3 == 1)
            a, b = eager.call(script, i, kept), twin.call(script, i, kept)
            told = twin.compiled and [(r.who, r.what) for c in twin.compiled for r in c.refusals]
            found = difference(a, b, tolerance, "result")
            found = found or difference(
                picture(eager.world), picture_without_step(twin.world, eager.world), tolerance, "world"
            )
            found = found or difference(eager.random.array, twin.random.array, 0, "random")
            found = found or difference(picture(eager.kept), picture(twin.kept), tolerance, "kept")
            assert not found, f"call {i}, kept {keep}: {found}; refusals {told}"
        if programs is not None:
            assert [c.programs for c in twin.compiled] == [programs] * len(twin.compiled), (
                told,
                [c.programs for c in twin.compiled],
            )
        said = [w for w in twin.warnings if w.startswith("compile(")]
        if refusals is not None:
            assert len(said) == refusals, (said, told)
        for hint in hints:
            assert any(hint in w for w in said), said
    return twin


def picture_without_step(world: SimpleNamespace, like: SimpleNamespace) -> Any:
    """Return a picture of a world in which compiled steps look as the eager ones do."""
    plain = {n: getattr(like, n) if n.startswith("step") else v for n, v in vars(world).items()}
    return picture(SimpleNamespace(**plain))

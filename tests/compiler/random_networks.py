"""Random networks with their training: what Hypothesis draws, and the comparison of compiled with eager training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

import tapegrad as tg
import tapegrad.nn.functional as F
from tapegrad import nn
from tapegrad.compiler.compiled import Compiled
from tapegrad.optim import lr_scheduler

STEPS = 50
# A program adds up in another order than eager code. How far that leads in 50 steps depends on the training: the same
# eager training from weights that differ by about a rounding shows it, and a program may be this many times as far off.
ROUNDING = 1e-6
ALLOWED = 30.0
FLOOR = 2e-5
# A maximum or a kink is crossed in one step or in a later one, by a rounding: the nudged training may jump this late.
LATER = 5

ACTIVATIONS = ("ReLU", "Tanh", "Sigmoid", "GELU", "LeakyReLU", "SiLU", "Softplus", "ELU", "Hardtanh", "PReLU", "Mish")
OPTIMIZERS = ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam", "Rprop", "ASGD")


@dataclass(frozen=True)
class Layer:
    """One layer: its kind, its width, and what is done around it."""

    kind: str
    width: int = 4
    activation: str = "ReLU"
    norm: str = ""
    dropout: float = 0.0
    residual: bool = False
    shared: bool = False


@dataclass(frozen=True)
class Training:
    """A network and how it is trained."""

    seed: int
    image: bool
    features: int
    classes: int
    layers: tuple[Layer, ...]
    loss: str
    optimizer: str
    options: tuple[tuple[str, Any], ...]
    schedule: str
    sizes: tuple[int, ...]
    clip: str
    accumulate: int
    to_none: bool
    frozen: bool
    evaluate: bool


def widths(*wide: int) -> st.SearchStrategy[int]:
    return st.one_of(st.integers(1, 9), st.sampled_from(wide)) if wide else st.integers(1, 9)


def layers(image: bool) -> st.SearchStrategy[Layer]:
    kinds = ("conv", "conv1", "conv_strided", "depthwise", "max_pool", "avg_pool") if image else ("linear",)
    norms = ("", "", "batch", "group", "instance") if image else ("", "", "batch", "layer", "rms")
    return st.builds(
        Layer,
        kind=st.sampled_from(kinds),
        width=widths() if image else widths(17, 33),
        activation=st.sampled_from(ACTIVATIONS),
        norm=st.sampled_from(norms),
        dropout=st.sampled_from((0.0, 0.0, 0.25, 0.6)),
        residual=st.booleans(),
        shared=st.booleans(),
    )


def options_of(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return options that an optimizer knows."""
    choices: dict[str, st.SearchStrategy] = {"lr": st.sampled_from((0.001, 0.01, 0.05))}
    if name not in ("Rprop",):
        choices["weight_decay"] = st.sampled_from((0.0, 0.0, 0.01, 0.1))
    if name == "SGD":
        choices["momentum"] = st.sampled_from((0.0, 0.5, 0.9))
        choices["dampening"] = st.sampled_from((0.0, 0.0, 0.2))
    if name in ("Adam", "AdamW"):
        choices["amsgrad"] = st.booleans()
        choices["betas"] = st.sampled_from(((0.9, 0.999), (0.5, 0.9)))
    if name == "RMSprop":
        choices["momentum"] = st.sampled_from((0.0, 0.5))
        choices["centered"] = st.booleans()
    if name not in ("Rprop",):
        choices["maximize"] = st.sampled_from((False, False, False, True))
    return st.fixed_dictionaries(choices)


@st.composite
def trainings(draw: Any) -> Training:
    """Draw a network and its training."""
    image = draw(st.sampled_from((False, False, True)))
    optimizer = draw(st.sampled_from(OPTIMIZERS))
    first, last = draw(st.integers(1, 8)), draw(st.integers(1, 8))
    return Training(
        seed=draw(st.integers(0, 1 << 20)),
        image=image,
        features=draw(st.integers(1, 3) if image else widths(12)),
        classes=draw(st.integers(2, 5)),
        layers=tuple(draw(st.lists(layers(image), min_size=0, max_size=3))),
        loss=draw(st.sampled_from(("cross_entropy", "mse", "smooth_l1", "bce", "nll", "own"))),
        optimizer=optimizer,
        options=tuple(draw(options_of(optimizer)).items()),
        schedule=draw(st.sampled_from(("", "", "step", "cosine", "exponential", "inside"))),
        sizes=draw(st.sampled_from(((first,), (first, first, last), (first, first, first, last, 1)))),
        clip=draw(st.sampled_from(("", "", "norm", "value"))),
        accumulate=draw(st.sampled_from((1, 1, 1, 2, 3))),
        to_none=draw(st.booleans()),
        frozen=draw(st.sampled_from((False, False, False, True))),
        evaluate=draw(st.booleans()),
    )


# -- the network ----------------------------------------------------------------------------------------------------------


# A bias before these is taken away again: its gradient is a rounding error, of which optimizers that divide by the
# gradient's size make full steps in either direction.
_CANCELS_BIAS = ("batch", "group", "instance")


class Network(nn.Module):
    """The network that a training describes."""

    def __init__(self, training: Training):
        super().__init__()
        self.image = training.image
        width = training.features
        self.layers = nn.ModuleList()
        self.plan: list[tuple[Layer, int]] = []
        for layer in training.layers:
            block, width = self._block(layer, width)
            self.plan.append((layer, len(self.layers)))
            self.layers.append(block)
        self.out = nn.Linear(width, training.classes)

    def _block(self, layer: Layer, width: int) -> tuple[nn.Module, int]:
        parts: list[nn.Module] = []
        new = width if layer.residual or layer.shared else layer.width
        if layer.kind == "linear":
            parts.append(nn.Linear(width, new, bias=layer.norm not in _CANCELS_BIAS))
        elif layer.kind == "depthwise":
            parts.append(nn.Conv2d(width, width, 3, padding=1, groups=width, bias=layer.norm not in _CANCELS_BIAS))
            new = width
        elif layer.kind.startswith("conv"):
            size = 1 if layer.kind == "conv1" else 3
            stride = 2 if layer.kind == "conv_strided" and not (layer.residual or layer.shared) else 1
            bias = layer.width % 2 == 0 and layer.norm not in _CANCELS_BIAS
            parts.append(nn.Conv2d(width, new, size, stride=stride, padding=size // 2, bias=bias))
        else:
            pool = nn.MaxPool2d if layer.kind == "max_pool" else nn.AvgPool2d
            parts.append(pool(3, stride=1, padding=1))
            new = width
        parts += self._norm(layer, new)
        parts.append(getattr(nn, layer.activation)())
        if layer.dropout:
            parts.append(
                nn.Dropout2d(layer.dropout) if self.image and layer.width % 3 == 0 else nn.Dropout(layer.dropout)
            )
        return nn.Sequential(*parts), new

    def _norm(self, layer: Layer, width: int) -> list[nn.Module]:
        kinds: dict[str, Any] = {
            "batch": nn.BatchNorm2d if self.image else nn.BatchNorm1d,
            "group": lambda n: nn.GroupNorm(math.gcd(n, 2), n),
            "instance": lambda n: nn.InstanceNorm2d(n, affine=True),
            "layer": nn.LayerNorm,
            "rms": nn.RMSNorm,
        }
        # Two or fewer numbers, normalised, are -1 and 1 or 0: all gradients before them would be rounding errors.
        few = {"layer": width, "rms": width + 1, "group": width // math.gcd(width, 2)}.get(layer.norm, 3) < 3
        return [kinds[layer.norm](width)] if layer.norm and (self.image or not few) else []

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """Return the network's output."""
        for layer, i in self.plan:
            h = self.layers[i](x)
            if layer.shared:
                h = self.layers[i](h)
            x = x + h if layer.residual else h
        if self.image:
            x = x.mean((2, 3))
        return self.out(x)


def loss_of(name: str, classes: int) -> Any:
    """Return the loss of an output for labels."""
    return {
        "cross_entropy": lambda out, y: F.cross_entropy(out, y, label_smoothing=0.1),
        "nll": lambda out, y: F.nll_loss(F.log_softmax(out, 1), y),
        "mse": lambda out, y: F.mse_loss(out, F.one_hot(y, classes).float()),
        "smooth_l1": lambda out, y: F.smooth_l1_loss(out, F.one_hot(y, classes).float()),
        "bce": lambda out, y: F.binary_cross_entropy_with_logits(out, F.one_hot(y, classes).float()),
        "own": lambda out, y: ((out.softmax(1) - F.one_hot(y, classes)) ** 2).sum(1).sqrt().mean() + out.pow(2).mean(),
    }[name]


# -- the training -----------------------------------------------------------------------------------------------------------


class Run:
    """One training, of which each step can be made."""

    def __init__(self, training: Training, compiled: bool, nudge: float = 0.0):
        self.training = training
        tg.manual_seed(training.seed)
        self.net = net = Network(training)
        if training.frozen and len(net.layers):
            net.layers[0].requires_grad_(False)
        if nudge:
            self._nudge(nudge)
        trained = [p for p in net.parameters() if p.requires_grad]
        self.opt = opt = getattr(tg.optim, training.optimizer)(trained, **dict(training.options))
        self.schedule = schedule = self._schedule()
        criterion, inside = loss_of(training.loss, training.classes), training.schedule == "inside"

        def step(x: tg.Tensor, y: tg.Tensor, last: bool) -> tg.Tensor:
            loss = criterion(net(x), y) / training.accumulate
            loss.backward()
            if last:
                if training.clip == "norm":
                    nn.utils.clip_grad_norm_(net.parameters(), 0.5)
                elif training.clip == "value":
                    nn.utils.clip_grad_value_(net.parameters(), 0.05)
                opt.step()
                if inside:
                    schedule.step()
                opt.zero_grad(set_to_none=training.to_none)
            return loss.detach()

        self.step = Compiled(step) if compiled else step
        self.random = tg.get_rng_state()

    def _nudge(self, size: float) -> None:
        rng = np.random.default_rng(self.training.seed)
        with tg.no_grad():
            for p in self.net.parameters():
                p.mul_(tg.tensor((1 + size * rng.standard_normal(p.shape)).astype(np.float32)))

    def _schedule(self) -> Any:
        kinds = {
            "step": lambda o: lr_scheduler.StepLR(o, 7, 0.5),
            "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS),
            "exponential": lambda o: lr_scheduler.ExponentialLR(o, 0.97),
            "inside": lambda o: lr_scheduler.LinearLR(o, 0.3, 1.0, 20),
        }
        return kinds[self.training.schedule](self.opt) if self.training.schedule else None

    def make(self, i: int) -> float:
        """Make the i-th step and return its loss."""
        t = self.training
        rng = np.random.default_rng((t.seed, i))
        n = t.sizes[i % len(t.sizes)]
        n = max(n, 4) if any(layer.norm == "batch" for layer in t.layers) else n
        shape = (n, t.features, 6, 6) if t.image else (n, t.features)
        x, y = tg.tensor(rng.normal(size=shape).astype(np.float32)), tg.tensor(rng.integers(0, t.classes, n))
        tg.set_rng_state(self.random)
        if t.evaluate and i % 10 == 9:
            self.net.train(i % 20 == 9)
        last = (i + 1) % t.accumulate == 0
        loss = self.step(x, y, last)
        if self.schedule is not None and t.schedule != "inside" and last:
            self.schedule.step()
        self.random = tg.get_rng_state()
        return loss.item()

    def arrays(self) -> dict[str, np.ndarray]:
        """Return parameters, buffers, gradients and the optimizer's state."""
        found = {name: t.array for name, t in self.net.state_dict().items()}
        for name, p in self.net.named_parameters():
            if p.grad is not None:
                found[f"{name}.grad"] = p.grad.array
            for key, value in self.opt.state.get(p, {}).items():
                if isinstance(value, tg.Tensor):
                    found[f"{name}.{key}"] = value.array
        return found


def distance(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> float:
    """Return how far two runs are apart: the largest difference, relative to the largest value of the array."""
    assert a.keys() == b.keys(), (sorted(a), sorted(b))
    far = 0.0
    for name, x in a.items():
        y = b[name]
        assert (x.shape, x.dtype) == (y.shape, y.dtype), name
        if x.dtype.kind != "f":
            np.testing.assert_array_equal(x, y, err_msg=name)
            continue
        ok = np.isfinite(x)
        if not np.array_equal(ok, np.isfinite(y)):
            return math.inf
        scale = max(float(np.abs(x[ok]).max(initial=0)), 1e-2)
        far = max(far, float(np.abs(x[ok] - y[ok]).max(initial=0)) / scale)
    return far


# Trainings that diverge overflow in NumPy, which warns eagerly.
@np.errstate(all="ignore")
def check(training: Training) -> tuple[float, float]:
    """Train eagerly, compiled, and from weights nudged by a rounding; compare after each step. Returns the distances."""
    eager, compiled, nudged = Run(training, False), Run(training, True), Run(training, False, ROUNDING)
    far: list[float] = []
    wobble: list[float] = []
    for i in range(STEPS + LATER):
        losses = [run.make(i) for run in (eager, compiled, nudged)]
        np.testing.assert_array_equal(eager.random.array, compiled.random.array, err_msg=f"random numbers, step {i}")
        a, b = eager.arrays(), compiled.arrays()
        wobble.append(max([*wobble[-1:], distance(a, nudged.arrays())]))
        if wobble[-1] > 1e-2 or not math.isfinite(losses[0]):
            break  # the training itself is chaotic from here on
        far.append(max(distance(a, b), abs(losses[0] - losses[1]) / max(abs(losses[0]), 1e-2)))
    for i, apart in enumerate(far[:STEPS]):
        explained = wobble[min(i + LATER, len(wobble) - 1)]
        assert apart <= FLOOR + ALLOWED * explained, f"step {i}: {apart:.2g} apart, nudged weights {explained:.2g}"
    refusals = [(r.who, r.what) for r in compiled.step.refusals]
    assert not refusals, refusals
    return max(far, default=0.0), wobble[-1]

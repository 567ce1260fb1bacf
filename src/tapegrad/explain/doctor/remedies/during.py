"""What to try against what goes wrong while it is learned, and in a loop that somebody wrote."""

from __future__ import annotations

import math

from ..traits import LARGE_GAIN
from .before import FINITE
from .case import Case, is_activation, short
from .lines import (
    ADAM,
    BARE,
    CLIP,
    OWN_WEIGHTS,
    RECTIFIED,
    STANDARDIZE,
    Remedy,
    adam,
    clip,
    drawn_again,
    loader,
    rectified,
    standardized,
    why,
    without_last,
)

__all__ = ["REMEDIES"]

# An update that changes weights by about this share of themselves is usual.
_USUAL_RATIO = 1e-3
# Updates that change weights by more are mostly too large.
_BEARABLE_RATIO = 3e-2
# Widths that are enough for most tables.
_WIDTH = 64
# Inputs within these bounds are standardised well enough.
_MEAN, _SPREAD = 1.0, (0.2, 5.0)
# What keeps a value finite, by the operation that did not.
_GUARDS = {
    "log": "x = x.clamp(min=1e-8).log()",
    "log2": "x = x.clamp(min=1e-8).log2()",
    "log10": "x = x.clamp(min=1e-8).log10()",
    "sqrt": "x = (x + 1e-8).sqrt()",
    "rsqrt": "x = (x + 1e-8).rsqrt()",
    "div": "x = x / (y + 1e-8)",
    "reciprocal": "x = (x + 1e-8).reciprocal()",
    "exp": "x = x.clamp(max=30).exp()",
    "pow": "x = x.clamp(min=1e-8).pow(exponent)",
}
_ORDER = "optimizer.zero_grad(); loss.backward(); optimizer.step()"


def _rate(factor: float, case: Case) -> tuple[str, str]:
    rate = case.number("rate", 0.01) * factor
    rate = float(short(rate)) if 0 < rate < math.inf else 0.01
    return f"optimizer: {{lr: {short(rate)}}}", case.optimizer(lr=rate)


def _lower(case: Case) -> tuple[str, str]:
    ratio = case.number("ratio", 0.0)
    # Ten times lower; where that leaves an update that is still far too large, as much lower as it takes.
    wanted = 10 ** round(math.log10(_BEARABLE_RATIO / ratio)) if 0 < ratio < math.inf else 1.0
    factor, rate = min(0.1, max(wanted, 1e-3)), case.number("rate", 0.01)
    # What is still above any usual rate was a slip of the pen.
    return _rate(factor if rate * factor <= 1 else 0.01 / rate, case)


def _higher(case: Case) -> tuple[str, str]:
    ratio = case.number("ratio", 0.0)
    return _rate(min(10 ** round(math.log10(_USUAL_RATIO / ratio)), 1e4) if 0 < ratio < math.inf else 0.0, case)


def _decayed(case: Case) -> tuple[str, str]:
    updates = case.facts.steps or case.facts.epochs * case.facts.batches or case.course.step or 1000
    code = f"scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max={updates})"
    return "schedule: {type: CosineAnnealingLR, every: step}", code


def _not_finite(case: Case) -> str:
    # Where the loss has grown before it, the rate or the gradient is to blame, and not the operation.
    return clip(case) if case.finding.severity < 0.9 else _GUARDS.get(case.text("operation"), clip(case))


def _dead(case: Case) -> tuple[str, str]:
    layer = case.text("layer")
    if layer and "bias" in case.finding.evidence:
        return (
            f'initial_weights: [{{type: zeros_, parameters: "{layer}.bias"}}]',
            f"nn.init.zeros_({case.at(layer)}.bias)",
        )
    if is_activation(case.kind):
        return (BARE, without_last(case)) if case.is_last else (_LEAKY, f"{case.module} = nn.LeakyReLU()")
    return _LEAKY, f"x = F.leaky_relu({case.at(case.finding.where, 'self')}(x))"


_LEAKY = "model: {activation: LeakyReLU}"


def _saturated(case: Case) -> tuple[str, str]:
    traits, start = case.course.traits, case.course.start
    if traits is not None and traits.gains and max(traits.gains.values()) > LARGE_GAIN:
        worst = max(traits.gains, key=lambda path: traits.gains[path])
        return OWN_WEIGHTS, f"{case.at(worst)}.reset_parameters()"
    if start is not None and start.inputs is not None and start.inputs.dtype.kind == "f" and start.inputs.size:
        mean, spread = float(start.inputs.mean()), float(start.inputs.std())
        if abs(mean) < _MEAN and _SPREAD[0] < spread < _SPREAD[1]:
            code = f"{case.module} = nn.ReLU()" if is_activation(case.kind) else rectified(case)
            return "model: {activation: ReLU}", code
    return STANDARDIZE, standardized(case)


def _vanishing(case: Case) -> str:
    bounded = [path for path, kind in case.facts.kinds.items() if kind in ("Sigmoid", "Tanh", "Softsign")]
    kinds = {case.facts.kinds[path] for path in bounded}
    if len(bounded) > 1 and len(kinds) == 1 and all(path.isdigit() for path in case.facts.kinds):
        layers = f"nn.ReLU() if isinstance(layer, nn.{kinds.pop()}) else layer for layer in {case.network}"
        return f"{case.network} = nn.Sequential(*({layers}))"
    return rectified(case)


def _stale(case: Case) -> str:
    momentum = case.number("momentum", 0.1)
    return f"{case.module}.momentum = {short(0.1 if momentum < 0.1 else min(3 * momentum, 0.9))}"


def _overfitting(case: Case) -> tuple[str, str]:
    patience = max(int(case.number("reports", 30)) // 10, 3)
    decay = 0.01 if case.facts.optimizer == "AdamW" else 1e-4
    had = case.facts.options.get("weight_decay") or 0.0
    code = case.optimizer(weight_decay=10 * had if isinstance(had, float) and had else decay)
    return f"callbacks: {{early_stopping: {{patience: {patience}}}}}", code


def _underfitting(case: Case) -> tuple[str, str]:
    start = case.course.start
    if start is None or start.inputs is None or start.outputs is None or start.outputs.ndim != 2:
        return "model: {activation: ReLU}", rectified(case)
    rows, outputs = max(len(start.inputs), 1), start.outputs.shape[1]
    inputs, width = start.inputs.size // rows, max(_WIDTH, 2 * outputs)
    flat = "nn.Flatten(), " if start.inputs.ndim > 2 else ""
    layers = f"nn.Linear({inputs}, {width}), nn.ReLU(), nn.Linear({width}, {width}), nn.ReLU(), nn.Linear({width}, {outputs})"
    yaml = f"model: {{layers: [{inputs}, {width}, {width}, {outputs}], activation: ReLU}}"
    return yaml, f"{case.network} = nn.Sequential({flat}{layers})"


def _targets_scale(case: Case) -> tuple[str, str]:
    mean, std = case.number("mean", 0.0), max(case.number("std", 1.0), 1e-8)
    code = f"targets = (targets - {short(mean)}) / {short(std)}"
    return f"data: {{target_scale: {short(max(std, abs(mean)))}}}", code


def _gradient_scale(case: Case) -> str:
    if case.finding.where and case.finding.where not in case.facts.kinds:
        return f"autograd.gradcheck({case.finding.where}.apply, (inputs.double().requires_grad_(),))"
    return "loss = criterion(outputs, targets)"


def _softmax_dimension(case: Case) -> str:
    if case.facts.loss == "CrossEntropyLoss":
        return without_last(case)
    if case.kind in ("Softmax", "LogSoftmax"):
        return f"{case.module} = nn.LogSoftmax(dim=1)"
    return "outputs = F.log_softmax(logits, dim=1)"


def _summed(case: Case) -> tuple[str, str]:
    loss = case.facts.loss if case.facts.loss.isidentifier() else "MSELoss"
    return f"loss: {{type: {loss}, reduction: mean}}", f'criterion = nn.{loss}(reduction="mean")'


REMEDIES: dict[str, Remedy] = {
    # -- losses
    "batch-not-finite": ("", FINITE),
    "not-finite": (CLIP, _not_finite),
    "rate-too-high": _lower,
    "oscillation": _lower,
    "rate-too-low": _higher,
    "rate-decayed": _decayed,
    "loss-spike": (CLIP, clip),
    "constant-loss": (ADAM, why),
    "no-progress": (ADAM, adam),
    # -- layers
    "dead-units": _dead,
    "saturated": _saturated,
    "vanishing-gradient": (RECTIFIED, _vanishing),
    "exploding-gradient": (CLIP, clip),
    "initial-weights-large": (OWN_WEIGHTS, drawn_again),
    "units-alike": (OWN_WEIGHTS, drawn_again),
    "dropout-strong": ("model: {dropout: 0.25}", lambda case: f"{case.module}.p = 0.25"),
    "layer-frozen": ("freeze: []", lambda case: f"{case.module}.requires_grad_(True)"),
    "weights-decayed": ("optimizer: {weight_decay: 0.0001}", lambda case: case.optimizer(weight_decay=1e-4)),
    "statistics-stale": ("model: {batch_norm: false}", _stale),
    # -- fit
    "overfitting": _overfitting,
    "targets-unrelated": ("", "inputs, targets = inputs[order], targets[order]"),
    "same-answer": (ADAM, adam),
    "same-value": (ADAM, adam),
    "underfitting": _underfitting,
    "targets-scale": _targets_scale,
    # -- loops
    "batch-of-one": ("data: {drop_last: true}", lambda case: loader(case, drop_last=True)),
    "target-kind": ("", "targets = targets.float()"),
    "script-error": ("", "breakpoint()"),
    "loss-detached": ("", "loss = criterion(model(inputs), targets)"),
    "optimizer-of-others": ("", lambda case: case.optimizer()),
    "gradients-dropped": ("", _ORDER),
    "no-step": ("", _ORDER),
    "gradients-accumulate": ("", _ORDER),
    "eval-in-training": ("", lambda case: f"{case.network}.train()"),
    "train-in-evaluation": ("", lambda case: f"{case.network}.eval()"),
    "gradient-scale": ("", _gradient_scale),
    "softmax-dimension": ("", _softmax_dimension),
    "loss-summed": _summed,
    "clipped-away": (CLIP, clip),
}

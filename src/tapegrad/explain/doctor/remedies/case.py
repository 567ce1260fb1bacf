"""What the lines of advice are filled with: a finding beside the course that it was made of."""

from __future__ import annotations

import inspect
import math
from typing import Any

from ..finding import Finding
from ..observe import Course

__all__ = ["Case", "is_activation", "short"]

_ACTIVATIONS = (
    *("ReLU", "ReLU6", "LeakyReLU", "PReLU", "ELU", "SELU", "CELU", "GELU", "SiLU", "Mish", "Hardswish", "Hardsigmoid"),
    *("Sigmoid", "Tanh", "Softsign", "Softplus", "Hardtanh", "LogSigmoid", "Softmax", "LogSoftmax"),
)
# Those that scale each weight's step by themselves.
_SELF_SCALING = ("Adam", "AdamW", "NAdam", "RAdam", "Adamax", "RMSprop", "Adagrad", "Adadelta", "Rprop", "Lion", "LAMB")


class Case:
    """A finding and its course. Lines of Python name what a script mostly does: ``inputs``, ``targets``, ``outputs``,
    ``criterion``, ``loader``; the network goes by the name of the script's own variable, the optimizer by its own kind."""

    def __init__(self, finding: Finding, course: Course):
        self.finding = finding
        self.course = course
        self.facts = course.facts

    def number(self, name: str, default: float = math.nan) -> float:
        """Return a number of the evidence."""
        value = self.finding.evidence.get(name, default)
        return float(value) if isinstance(value, (int, float)) else default

    def text(self, name: str) -> str:
        """Return a text of the evidence, "" where there is none."""
        return str(self.finding.evidence.get(name, ""))

    # -- the network --------------------------------------------------------------------------------------------------

    @property
    def kind(self) -> str:
        """The class of the layer that the finding is about, "" where it is about none."""
        return self.facts.kinds.get(self.finding.where, "")

    @property
    def is_last(self) -> bool:
        """Whether the finding is about the network's last layer."""
        return self.finding.where != "" and self.finding.where == next(reversed(self.facts.kinds), "")

    def at(self, path: str, base: str = "") -> str:
        """Return the expression that a path stands for: ``encoder.0`` is ``model.encoder[0]``.

        ``base``: what it is a part of, by default the variable that holds the network.
        """
        parts = path.split(".") if path and self.facts.kinds.get(path) != path else []
        if not base:
            several = len(self.facts.networks) > 1 and parts[:1] and parts[0] in self.facts.networks
            base = parts.pop(0) if several else self.network
        return base + "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in parts)

    @property
    def module(self) -> str:
        """The expression of the layer, or parameter, that the finding is about."""
        return self.at(self.finding.where)

    @property
    def network(self) -> str:
        """The variable that holds the network."""
        return self.facts.networks[0]

    @property
    def parameters(self) -> str:
        """The expression of all parameters of all networks."""
        networks = self.facts.networks
        if len(networks) == 1:
            return f"{networks[0]}.parameters()"
        return f"[{', '.join(f'*{name}.parameters()' for name in networks)}]"

    # -- the optimizer ------------------------------------------------------------------------------------------------

    @property
    def scales_itself(self) -> bool:
        """Whether the optimizer is of Adam's kind."""
        return self.facts.optimizer in _SELF_SCALING

    def optimizer(self, **changes: Any) -> str:
        """Return the line that makes the optimizer as it is, but for some options."""
        kind = self.facts.optimizer or "Adam"
        options = self._options(kind) | changes
        if "lr" not in options and self.course.rates:
            options["lr"] = self.course.rates[0][1]
        words = "".join(f", {name}={_written(options[name])}" for name in sorted(options, key=lambda n: n != "lr"))
        return f"optimizer = optim.{kind}({self.parameters}{words})"

    def _options(self, kind: str) -> dict[str, Any]:
        """Return the options that are not the optimizer's own defaults, and its rate."""
        from .... import optim

        made = getattr(optim, kind, None)
        known = inspect.signature(made).parameters if made is not None else {}
        return {
            name: value
            for name, value in self.facts.options.items()
            if name in known
            and isinstance(value, (int, float, tuple))
            and (name == "lr" or value != known[name].default)
        }


def is_activation(kind: str) -> bool:
    """Return whether layers of a class are activations."""
    return kind in _ACTIVATIONS


def short(value: float) -> str:
    """Return a number with three digits as YAML and Python read it: ``0.0001``, ``1e-05``, ``20``."""
    return f"{value:.3g}" if abs(value) < 1000 or not math.isfinite(value) else f"{value:.6g}"


def _written(value: Any) -> str:
    return short(value) if isinstance(value, float) and math.isfinite(value) else repr(value)

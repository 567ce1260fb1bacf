"""Lines of advice that several faults share."""

from __future__ import annotations

from collections.abc import Callable

from .case import Case, is_activation, short

__all__ = [
    "ADAM",
    "BARE",
    "CLIP",
    "OWN_WEIGHTS",
    "RECTIFIED",
    "STANDARDIZE",
    "Line",
    "Remedy",
    "adam",
    "clip",
    "drawn_again",
    "last_linear",
    "loader",
    "look_at_labels",
    "rectified",
    "standardized",
    "why",
    "without_last",
]

Line = str | Callable[[Case], str]
# A line of YAML and one of Python, or what makes both.
Remedy = tuple[Line, Line] | Callable[[Case], tuple[str, str]]

STANDARDIZE = "data: {standardize: true}"
OWN_WEIGHTS = "initial_weights: null"
BARE = "model: {output_activation: null}"
CLIP = "training: {clip_norm: 1.0}"
ADAM = "optimizer: {type: Adam, lr: 0.001}"
RECTIFIED = "model: {activation: ReLU, batch_norm: true}"

look_at_labels = "print(train_targets.unique(return_counts=True))"


def adam(case: Case) -> str:
    """Return a line that makes an optimizer that mostly works; of a script that has one already, with a third of its rate."""
    if case.facts.optimizer != "Adam":
        return f"optimizer = optim.Adam({case.parameters}, lr=0.001)"
    rate = case.course.rates[0][1] if case.course.rates else 0.003
    return case.optimizer(lr=rate / 3)


def clip(case: Case) -> str:
    """Return a line that keeps the gradient from growing; its place is between backward() and step()."""
    return f"nn.utils.clip_grad_norm_({case.parameters}, 1.0)"


def drawn_again(case: Case) -> str:
    """Return a line that gives a layer the weights that the library draws."""
    return f"{case.module}.reset_parameters()"


def without_last(case: Case) -> str:
    """Return a line that takes the activation away that the finding is about; its inputs are then the outputs."""
    return f"{case.module} = nn.Identity()" if is_activation(case.kind) else "return logits"


def rectified(case: Case) -> str:
    """Return a line that puts ReLU where the first activation is."""
    first = next((path for path, kind in case.facts.kinds.items() if is_activation(kind)), "")
    if first:
        return f"{case.at(first)} = nn.ReLU()"
    layer = next(iter(case.facts.kinds), "")
    return f"x = F.relu({case.at(layer, 'self')}(x))"


def standardized(case: Case) -> str:
    """Return a line that takes mean and spread from the inputs: by their numbers where these are known."""
    start = case.course.start
    values = None if start is None else start.inputs
    if values is None or values.dtype.kind != "f" or not values.size:
        return "inputs = (inputs - train_inputs.mean()) / train_inputs.std()"
    return f"inputs = (inputs - {short(float(values.mean()))}) / {short(max(float(values.std()), 1e-8))}"


def loader(case: Case, **options: object) -> str:
    """Return the line that makes the loader of the training batches."""
    words = "".join(f", {name}={value}" for name, value in options.items())
    return f"loader = DataLoader(dataset, batch_size={case.facts.batch_size or 32}, shuffle=True{words})"


def last_linear(case: Case) -> str:
    """Return the expression of the network's last dense layer."""
    found = [path for path, kind in case.facts.kinds.items() if kind == "Linear"]
    return case.at(found[-1]) if found else f"{case.network}.last"


def why(case: Case, parameter: str = "") -> str:
    """Return a line that asks why a parameter's gradient is what it is; of none, the first layer's weights."""
    expression = case.at(parameter) if parameter else f"{case.at(next(iter(case.facts.kinds), ''))}.weight"
    return f"print(tg.explain({expression}, lambda: criterion({case.network}(inputs), targets)))"

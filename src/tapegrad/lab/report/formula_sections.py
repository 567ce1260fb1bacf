"""The section with the formulas of a run: forward, loss, penalties, backward, update, schedule."""

from __future__ import annotations

import inspect
import math
from typing import Any

from ...errors import TapegradError
from ...explain.formulas.notation import Symbol
from .document import Items, Math, Mono, Spans
from .formulas.losses import loss_lines, penalty_lines
from .formulas.network import Chain, chain_of
from .formulas.optimizers import update_lines
from .formulas.schedules import schedule_lines
from .formulas.traced import Traced, traced
from .view import RunView, undisturbed
from .writing import Writing

__all__ = ["formulas"]

_MOST_STEPS = 80


def formulas(out: Writing, view: RunView) -> None:
    """Write the formulas of exactly this run."""
    say = out.say
    out.heading("formulas")
    model, shape = view.model, view.input_shape
    if model is None or shape is None:
        out.note("network none", why=view.why.rstrip(".") or say.text("network no shape"))
        return
    try:
        with undisturbed():
            chain = chain_of(model, shape)
            steps = None if chain is not None else traced(model, shape)
    except TapegradError as error:
        out.note("traced none", why=str(error).rstrip("."))
        return
    if chain is not None:
        _chain(out, view, chain)
    elif steps is not None:
        _traced(out, view, steps)
    _update(out, view)
    _schedule(out, view)


def _chain(out: Writing, view: RunView, chain: Chain) -> None:
    say = out.say
    forward = chain.forward()
    out.sentences(*_notation(out, view, chain, [line.right for line in forward]))
    out.heading("forward pass", 1)
    out.formulas(forward)
    pair = _loss(out, view, chain.output, chain.output_shape)
    penalties = _penalty(out, view, chain.symbols)
    out.heading("backward pass", 1)
    out.sentences(say("backward about"))
    out.formulas([*(pair[1] if pair else []), *chain.backward()])
    if penalties:
        out.formulas(penalties)


def _notation(out: Writing, view: RunView, chain: Chain, rights: list[str]) -> list[Spans]:
    say = out.say
    full = view.config.data.batch_size == "full"
    size = view.data("samples", "train") if full else view.setting("data", "batch_size")
    found = [
        say(
            "formulas notation",
            n=Math("N" if size is None else f"N = {size.value}"),
            l=Math("l"),
            w=Math("W^{(l)}"),
            b=Math("b^{(l)}"),
            z=Math("Z^{(l)}"),
            a=Math("A^{(l)}"),
            d=Math(r"\delta^{(l)}"),
            g=Math(r"\partial L / \partial Z^{(l)}"),
            hadamard=Math(r"\odot"),
        )
    ]
    places = max((len(step.given_shape) - 1 for step in chain.steps), default=0)
    if places > 0 and any(type(step.layer).__name__.startswith(("Conv", "Max", "Avg")) for step in chain.steps):
        letters = {"i": ",".join("ijk"[:places]), "u": ",".join("uvw"[:places])}
        found.append(say("formulas convolution", c=Math("c"), o=Math("o"), i=Math(letters["i"]), u=Math(letters["u"])))
    if any(r"\Phi" in right for right in rights):
        found.append(say("formulas phi", big=Math(r"\Phi"), small=Math(r"\varphi")))
    return found


def _loss(out: Writing, view: RunView, output: Symbol, shape: tuple[int, ...]) -> tuple[list, list] | None:
    from ..names import create

    say = out.say
    out.heading("loss function", 1)
    try:
        loss = create("loss", view.config.loss)
        pair = loss_lines(loss, output, shape)
    except TapegradError:
        pair = None
    if pair is None:
        out.note("loss unknown", loss=Mono(view.config.loss.type))
        return None
    kind = view.config.loss.type
    if kind in ("CrossEntropyLoss", "NLLLoss"):
        out.sentences(say("loss classes", y=Math("y_n"), n=Math("n"), onehot=Math("Y")))
    else:
        out.sentences(say("loss targets", t=Math("T")))
    out.formulas(pair[0])
    return pair


def _penalty(out: Writing, view: RunView, symbols: dict[str, str]) -> list:
    """Write the penalties and return the lines of their gradients."""
    lines = penalty_lines(view.config.optimizer.penalties, symbols)
    if not lines:
        return []
    gradients = [line for line in lines if line.left.startswith(r"\frac")]
    out.heading("penalty", 1)
    out.formulas([line for line in lines if line not in gradients])
    return gradients


def _traced(out: Writing, view: RunView, steps: Traced) -> None:
    say = out.say
    out.sentences(say("traced about"))
    rows = [
        (
            Mono(step.result),
            (Math(step.shape),) if step.shape else "",
            Mono(step.call),
            (Math(step.formula),) if step.formula else "",
            (Math(step.derivative),) if step.derivative else "",
        )
        for step in steps.steps[:_MOST_STEPS]
    ]
    header = [say(f"traced {key}") for key in ("variable", "shape", "call", "formula", "derivative")]
    out.heading("forward pass", 1)
    out.table(header, rows, "lllll")
    if len(steps.steps) > _MOST_STEPS:
        out.note("traced cut", shown=str(_MOST_STEPS), total=str(len(steps.steps)))
    pair = _loss(out, view, Symbol(r"\hat{Y}", -1), steps.output_shape)
    names = {
        name: rf"\theta_{{\text{{{name.replace('_', chr(92) + '_')}}}}}" for name, _ in view.model.named_parameters()
    }
    penalties = _penalty(out, view, names)
    if pair or penalties:
        out.heading("backward pass", 1)
        out.formulas([*(pair[1] if pair else []), *penalties])


def optimizer_options(view: RunView) -> dict[str, Any] | None:
    """Return the optimizer's options with its defaults, or None for one that is not known."""
    from ..names import parameters

    config = view.config.optimizer
    try:
        known = parameters("optimizer", config.type)
    except TapegradError:
        return None
    options = {n: p.default for n, p in known.items() if p.default is not inspect.Parameter.empty}
    options |= config.arguments
    if config.lr is not None:
        options["lr"] = config.lr
    return options


def _update(out: Writing, view: RunView) -> None:
    say, config = out.say, view.config
    out.heading("update rule", 1)
    options = optimizer_options(view)
    training = config.training
    lines = None
    if options is not None:
        lines = update_lines(
            config.optimizer.type,
            options,
            scheduled=config.schedule is not None,
            penalised=any(p.l1 or p.l2 for p in config.optimizer.penalties),
            clip_norm=training.clip_norm,
            clip_value=training.clip_value,
            accumulate=training.accumulate,
            ema=training.ema,
            cycled=_cycles_momentum(view),
        )
    if lines is None:
        out.note("update unknown", optimizer=Mono(config.optimizer.type))
        return
    rate = say("update rate", eta=Math(r"\eta_t")) if config.schedule is not None else None
    out.sentences(say("update about", optimizer=Mono(config.optimizer.type), w=Math("w"), t=Math("t")), rate)
    out.formulas(lines)
    if config.optimizer.groups:
        out.sentences(say("update groups"))
        entries = [
            (Mono(group.parameters), ": ", ", ".join(f"{k} = {v}" for k, v in (group.model_extra or {}).items()))
            for group in config.optimizer.groups
        ]
        out.blocks.append(Items(tuple(entries)))


def _cycles_momentum(view: RunView) -> bool:
    options = schedule_options(view) if view.config.schedule is not None else None
    return bool(options and options.get("cycle_momentum") and "max_momentum" in options)


def _schedule(out: Writing, view: RunView) -> None:
    say, chosen = out.say, view.config.schedule
    if chosen is None:
        return
    out.heading("schedule rule", 1)
    options = schedule_options(view)
    rate = (optimizer_options(view) or {}).get("lr", 0.0)
    lines = None
    if options is not None:
        try:
            lines = schedule_lines(chosen.type, options, float(rate))
        except (KeyError, TypeError, ValueError, ZeroDivisionError):
            lines = None
    if lines is None or options is None:
        out.note("schedule unknown", schedule=Mono(chosen.type))
        return
    every = f"schedule {chosen.every}"
    plateau = say("schedule plateau", b=Math("b")) if chosen.type == "ReduceLROnPlateau" else None
    momentum = None
    if _cycles_momentum(view):
        low, high = (str(options[f"{end}_momentum"]) for end in ("base", "max"))
        momentum = say("schedule momentum", low=low, high=high, mu=Math(r"\mu_t"))
    out.sentences(say(every, schedule=Mono(chosen.type), t=Math("t")))
    out.formulas(lines)
    out.sentences(plateau, momentum)


def schedule_options(view: RunView) -> dict[str, Any] | None:
    """Return the schedule's options as the training used them: as made for it where the recipe leaves them open."""
    from ..build import schedule_arguments
    from ..names import parameters

    chosen = view.config.schedule
    assert chosen is not None
    try:
        known = parameters("schedule", chosen.type)
    except TapegradError:
        return None
    defaults = {n: p.default for n, p in known.items() if p.default is not inspect.Parameter.empty}
    return defaults | schedule_arguments(view.config, _batches(view))


def _batches(view: RunView) -> int | None:
    """Return how many batches an epoch had, or None where the run does not say how many samples there were."""
    samples = (view.files.tree("data.json") or {}).get("samples", {}).get("train")
    if not isinstance(samples, int):
        return None
    chosen = view.config.data
    size = samples if chosen.batch_size == "full" else chosen.batch_size
    return max(samples // size if chosen.drop_last else math.ceil(samples / size), 1)

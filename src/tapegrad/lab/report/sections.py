"""The sections on one run: its data, network, settings, course, results and analysis, and how to do it again."""

from __future__ import annotations

import pathlib
import shlex
from typing import Any

from .analysis import analyse
from .course import course
from .doctor import doctor
from .document import Code, Items, Mono, Spans, Value
from .formula_sections import formulas
from .results import results
from .speaker import written
from .view import PARTS, RunView
from .writing import Writing

__all__ = ["abstract", "run_sections"]

Pictures = dict[str, pathlib.Path]


def run_sections(out: Writing, view: RunView, pictures: Pictures, missing: str, command: str) -> None:
    """Write all sections on a run; ``missing``: why some pictures are not there; ``command`` wrote this report."""
    abstract(out, view)
    data(out, view, pictures)
    network(out, view, pictures)
    formulas(out, view)
    setup(out, view)
    course(out, view, pictures)
    results(out, view, pictures)
    analysis(out, view)
    doctor(out, view)
    reproduction(out, view, command)
    if missing:
        out.note("pictures missing", why=missing)


def abstract(out: Writing, view: RunView) -> None:
    """Say in a few sentences what was done and what came out."""
    say = out.say
    parameters = view.result("parameters")
    facts = view.facts
    if parameters is None and view.layers():
        total = sum(layer["parameters"] for layer in view.layers())
        parameters = facts.default(f"{view.prefix}parameters of the network", total, "recipe key model")
    first: Spans | None = None
    if parameters is not None:
        kind = "classification" if view.task == "classification" or view.classes else "regression"
        places = {"parameters": say.value(parameters, "count"), "set": Mono(view.config.data.set)}
        if kind == "classification" and view.classes:
            classes = facts.derive("count", view.data("classes") or view.result("classes"))
            first = say("abstract classification", classes=say.value(classes, "count"), **places)
        elif kind == "regression":
            first = say("abstract regression", **places)
    out.sentences(first, _trained(out, view), _main_figure(out, view))
    if view.run.result is None:
        out.note("abstract unfinished", status=say.text(f"status {view.run.status}"))


def _trained(out: Writing, view: RunView) -> Spans | None:
    epochs, steps, seconds = view.result("epochs"), view.result("steps"), view.result("seconds")
    if epochs is None or steps is None or seconds is None:
        return None
    value = out.say.value
    places = {"epochs": value(epochs, "count"), "steps": value(steps, "count"), "seconds": value(seconds, "seconds")}
    return out.say("abstract trained", **places)


def _main_figure(out: Writing, view: RunView) -> Spans | None:
    metric = view.metrics[0] if view.metrics else "loss"
    value, samples = view.result(f"{view.judge}_{metric}"), view.result("samples", view.judge)
    if value is None or samples is None:
        return None
    say = out.say
    return say(
        "abstract figure",
        metric=say.word(metric),
        part=say.text(f"part {view.judge}"),
        samples=say.value(samples, "count"),
        value=say.value(value),
    )


# -- data ---------------------------------------------------------------------------------------------------------------


def data(out: Writing, view: RunView, pictures: Pictures) -> None:
    """Write what is to be learned from what."""
    say, config = out.say, view.config
    out.heading("data")
    description = say.chosen(config.description)
    out.sentences((description,) if description else None)
    out.sentences(*_task(out, view))
    out.sentences(*_preparation(out, view))
    _class_table(out, view)
    out.picture(pictures.get("samples"), "picture samples")
    sources = view.data("sources")
    if sources is not None and sources.value:
        rows = [(Mono(name), Mono(str(digest))) for name, digest in sources.value.items()]
        out.table((say("data file"), ("SHA-256",)), rows, "ll", say.text("data files"))
    elif sources is not None:
        out.sentences(say("data made"))


def _task(out: Writing, view: RunView) -> list[Spans | None]:
    say, value = out.say, out.say.value
    found: list[Spans | None] = []
    scale = view.setting("data", "target_scale")
    if scale is not None:
        found.append(say("data task scaled", scale=value(scale, "setting")))
    elif view.task == "regression":
        found.append(say("data task regression"))
    elif view.classes:
        count = view.facts.derive("count", view.data("classes") or view.result("classes"))
        found.append(say("data task classification", classes=value(count, "count")))
    counts = []
    for part in PARTS:
        count = view.data("samples", part) or view.result("samples", part)
        if count is not None:
            counts.append(say("data count", count=value(count, "count"), part=say.text(f"part {part}")))
    if counts:
        found.append(say("data counts", set=Mono(view.config.data.set), counts=say.listed(counts)))
        known = {part for part in PARTS if view.data("samples", part) or view.result("samples", part)}
        found.append(say("data no judge") if known == {"train"} else None if "test" in known else say("data no test"))
    else:
        found.append(say("data no counts"))
    shape = view.data("input_shape")
    if shape is not None and len(shape.value) == 1:
        found.append(say("data size", size=Value(str(shape.value[0]), shape.source)))
    elif shape is not None:
        found.append(say("data shape", shape=Value("×".join(map(str, shape.value)), shape.source)))
    return found


def _preparation(out: Writing, view: RunView) -> list[Spans | None]:
    say, value, chosen = out.say, out.say.value, view.config.data
    found: list[Spans | None] = []
    if chosen.standardize:
        mean, std = view.data("statistics", "mean"), view.data("statistics", "std")
        plain = mean is None or std is None or not isinstance(mean.value, (int, float))
        found.append(
            say("data standardized plain") if plain else say("data standardized", mean=value(mean), std=value(std))
        )
    limit = view.setting("data", "limit")
    if limit is not None:
        found.append(say("data limit", limit=value(limit, "count")))
    if isinstance(chosen.exclude, str):
        found.append(say("data excluded", list=Mono(chosen.exclude)))
    elif chosen.exclude:
        listed = view.setting("data", "exclude")
        found.append(say("data excluded count", count=value(view.facts.derive("count", listed), "count")))
    if chosen.transforms:
        names = [Mono(_call(t.type, t.arguments)) for t in chosen.transforms]
        found.append(say("data transforms", transforms=say.listed(list(names))))
    if chosen.batch_size == "full":
        found.append(say("data full"))
    else:
        size = value(view.setting("data", "batch_size"), "count")
        found.append(say("data batches" if chosen.shuffle else "data batches fixed", size=size))
    return found


def _call(name: str, arguments: dict[str, Any]) -> str:
    return f"{name}({', '.join(f'{k}={_argument(v)}' for k, v in arguments.items())})"


def _argument(value: Any) -> str:
    return f"[{', '.join(map(_argument, value))}]" if isinstance(value, (list, tuple)) else written(value, "setting")


def _class_table(out: Writing, view: RunView) -> None:
    say, value = out.say, out.say.value
    parts = [part for part in PARTS if view.data("counts", part) is not None]
    if not parts or not view.classes:
        return
    rows: list[Any] = [
        (name, *(value(view.data("counts", part, i), "count") for part in parts)) for i, name in enumerate(view.classes)
    ]
    totals = [view.facts.derive("sum", view.data("counts", part)) for part in parts]
    rows.append((say("data all"), *(value(total, "count") for total in totals)))
    header = (say("data class"), *(say(f"part {part}") for part in parts))
    out.table(header, rows, "l" + "r" * len(parts), say.text("data classes caption"))


# -- network ------------------------------------------------------------------------------------------------------------


def network(out: Writing, view: RunView, pictures: Pictures) -> None:
    """Write the table of layers, how they begin, and show the drawing."""
    say = out.say
    out.heading("network")
    layers = view.layers()
    if not layers:
        out.note("network none", why=view.why.rstrip(".") or say.text("network no shape"))
        return
    rows: list[Any] = []
    for i, layer in enumerate(layers):
        measured = view.result("network", i, "parameters") is not None
        shape, count = (
            (view.result("network", i, "output_shape"), view.result("network", i, "parameters"))
            if measured
            else (None, None)
        )
        rows.append(
            (
                Mono(layer["name"] or layer["type"]),
                layer["type"],
                Value(
                    "×".join(map(str, layer["output_shape"])) or "1", shape.source if shape else "recipe.yaml#/model"
                ),
                Value(f"{layer['parameters']:,}", count.source if count else "recipe.yaml#/model"),
            )
        )
    total = view.result("parameters")
    if total is not None:
        rows.append((say("network total"), "", "", say.value(total, "count")))
    header = [say(key) for key in ("layer", "type", "output shape", "parameters")]
    out.table(header, rows, "llrr", say.text("network caption"))
    out.picture(pictures.get("network"), "picture network")
    _initial(out, view)


def _initial(out: Writing, view: RunView) -> None:
    say, config = out.say, view.config
    seed = say.value(view.setting("seed"), "setting")
    if isinstance(config.initial_weights, str):
        first = say("network initial file", file=Mono(config.initial_weights))
    elif config.initial_weights:
        entries = [
            say("initial entry", function=Mono(_call(e.type, e.arguments)), parameters=Mono(e.parameters))
            for e in config.initial_weights
        ]
        first = say("network initial", seed=seed, functions=say.listed(list(entries)))
    else:
        first = say("network initial default", seed=seed)
    frozen = say("network frozen", names=say.listed([Mono(p) for p in config.freeze])) if config.freeze else None
    out.sentences(first, frozen)


# -- settings -----------------------------------------------------------------------------------------------------------


def setup(out: Writing, view: RunView) -> None:
    """Write the settings of the training as a table."""
    say, config = out.say, view.config
    out.heading("setup")
    rows: list[tuple] = []

    def row(label: Spans | str, *keys: Any, form: str = "setting") -> None:
        fact = view.setting(*keys)
        if fact is not None and fact.value not in ([], {}):
            rows.append((label, say.value(fact, form)))

    row(say("setup loss"), "loss", "type")
    for name in config.loss.arguments:
        rows.append((say("setup loss option", name=name), say.value(view.setting("loss", name), "setting")))
    row(say("setup optimizer"), "optimizer", "type")
    row(say("setup lr"), "optimizer", "lr")
    for name in config.optimizer.arguments:
        rows.append((say("setup optimizer option", name=name), say.value(view.setting("optimizer", name), "setting")))
    for i, penalty in enumerate(config.optimizer.penalties):
        kinds = [name for name in ("l1", "l2") if getattr(penalty, name)]
        amounts = [(f"{n.upper()} ", say.value(_penalty(view, i, n), "setting")) for n in kinds]
        rows.append((say("setup penalty", parameters=Mono(penalty.parameters)), say.listed(list(amounts))))
    if config.schedule is not None:
        row(say("setup schedule"), "schedule", "type")
        for name in config.schedule.arguments:
            label = say("setup schedule option", name=name)
            rows.append((label, say.value(view.setting("schedule", name), "setting")))
    row(say("setup batch"), "data", "batch_size")
    for key in ("epochs", "steps", "clip_norm", "clip_value", "ema"):
        row(say(f"setup {key}"), "training", key)
    if config.training.accumulate > 1:
        row(say("setup accumulate"), "training", "accumulate")
    early = config.callbacks.early_stopping
    if early is not None:
        patience = say.value(view.setting("callbacks", "early_stopping", "patience"), "setting")
        rows.append((say("setup early"), say("setup early value", patience=patience, metric=say.word(early.metric))))
    which = _checkpoint(view)
    rows.append((say("setup checkpoint"), say(f"setup checkpoint {which}")))
    if view.metrics:
        rows.append((say("setup metrics"), ", ".join(say.word(metric) for metric in view.metrics)))
    row(say("setup seed"), "seed")
    row(say("setup dtype"), "dtype")
    out.table((say("setting"), say("value")), rows, "ll", say.text("setup caption"))


def _penalty(view: RunView, place: int, kind: str) -> Any:
    return view.fact("recipe.yaml", "optimizer", "penalties", place, kind)


def _checkpoint(view: RunView) -> str:
    """Return which weights were measured: the best only where there is a validation set to choose them by."""
    chosen = view.config.evaluation.checkpoint
    known = "valid" in view.parts or view.run.result is None
    return chosen if known else "last"


# -- analysis and reproduction ------------------------------------------------------------------------------------------


def analysis(out: Writing, view: RunView) -> None:
    """Write what the measured facts say."""
    out.heading("analysis")
    lines = tuple(statement.sentence(out.say) for statement in analyse(view))
    if lines:
        out.blocks.append(Items(lines))
    else:
        out.note("analysis none")


def reproduction(out: Writing, view: RunView, command: str) -> None:
    """Write the commands that do it again, and where it ran."""
    say = out.say
    out.heading("reproduce")
    out.sentences(say("reproduce run"))
    folder = view.folder.as_posix()
    lines = [
        f"tapegrad train {shlex.quote(f'{folder}/recipe.yaml')}",
        f"tapegrad verify {shlex.quote(folder)}",
        command,
    ]
    out.blocks.append(Code("\n".join(lines)))
    environment(out, view)


_ENVIRONMENT = ("tapegrad", "numpy", "python", "blas", "blas_core", "threads", "cpu", "cores", "machine", "system")
_COMPILED = ("compiled", "gain", "reason")


def environment(out: Writing, view: RunView) -> None:
    """Write where the run ran."""
    say = out.say
    facts = [(key, view.fact("environment.json", key)) for key in _ENVIRONMENT]
    facts += [(key, view.fact("compiled.json", key)) for key in _COMPILED]
    rows = [(key, say.value(fact, "setting")) for key, fact in facts if fact is not None]
    if rows:
        out.table((say("setting"), say("value")), rows, "ll", say.text("environment caption"))
    else:
        out.note("environment none")

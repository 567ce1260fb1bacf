"""``tapegrad sweep RECIPE --vary KEY=LEVEL,LEVEL,...``."""

from __future__ import annotations

import functools
import json
import os
import shlex
from typing import Any

import click

from ..errors import ArgumentError
from ..lab.config import dump_config, load_config
from ..lab.sweep import (
    Plan,
    Summary,
    Sweep,
    check_metric,
    draw_pictures,
    make_plan,
    read_summary,
    run_sweep,
    trial_recipes,
    write_tables,
)
from .sweep_display import SweepDisplay
from .train import name_of

__all__ = ["sweep"]


@click.command(
    epilog="Example: tapegrad sweep mnist-two-layer --vary optimizer.lr=1e-2,1e-3,1e-4"
    " --vary 'model.layers=[784,100,10],[784,400,10]' --seeds 3"
)
@click.argument("recipe", metavar="[RECIPE]", required=False)
@click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
@click.option(
    "--vary",
    multiple=True,
    metavar="[NAME:] KEY=LEVEL,...",
    help="A factor and its levels, as YAML; repeat it for more factors. LABEL=VALUE names a level; 'A=1,2; B=3,4' varies"
    " A and B together. With --random a range will do: log:1e-4..1e-1, uniform:0..0.5, int:16..512.",
)
@click.option("--seeds", metavar="N|A,B,...", help="How many seeds from the recipe's on, or which.  [default: its own]")
@click.option("--grid", is_flag=True, help="Train every combination.  [default: one factor at a time]")
@click.option("--random", type=click.IntRange(1), metavar="N", help="Draw N combinations.")
@click.option("--draw-seed", type=click.IntRange(0), default=0, show_default=True, help="What --random draws by.")
@click.option("--set", "fixed", multiple=True, metavar="KEY=VALUE", help="Set a key for all trials.")
@click.option("--data", type=click.Path(), help="Folder of the data sets.  [data.root, default: TAPEGRAD_DATA]")
@click.option(
    "--metric",
    help="Which figure decides what is best, such as valid_f1.  [default: valid_accuracy, test_ without one]",
)
@click.option("--jobs", type=click.IntRange(1), help="Trials at a time, one thread each.  [default: all processors]")
@click.option("--pictures", is_flag=True, help="Draw each trial's pictures as well.")
@click.option("--sweeps", default="sweeps", show_default=True, type=click.Path(), help="Where the folder is made.")
@click.option("--resume", metavar="FOLDER", help="Go on with a sweep that was stopped, or write its tables again.")
@click.option("--dry-run", is_flag=True, help="List the trials, run none.")
def sweep(recipe: str | None, overrides: tuple[str, ...], resume: str | None, sweeps: str, **options: Any) -> int:
    """Train RECIPE with different settings and seeds, and compare them.

    RECIPE is a recipe's name or a YAML file, KEY=VALUE overrides what it says for all trials. One factor is varied at
    a time, the others stay as in the recipe, whose own values are one of the trials. Writes tables (Markdown, LaTeX,
    CSV) with mean ± standard deviation over the seeds, and pictures. A trial that fails is a row that says why.
    """
    if resume is not None:
        return _resume(Sweep.find(resume, sweeps), recipe, overrides, options)
    if recipe is None:
        raise click.UsageError("Missing argument 'RECIPE': give a recipe, or --resume FOLDER.")
    fixed = [*overrides, *options["fixed"]]
    if options["data"] is not None:
        fixed.append(f"data.root={json.dumps(os.path.abspath(options['data']))}")
    plan = _plan(recipe, fixed, options)
    if options["dry_run"]:
        return _list(plan)
    load = functools.partial(load_config, recipe)
    return _run(Sweep.create(sweeps, plan, dump_config(load(plan.fixed)), trial_recipes(load, plan)), options)


def _plan(recipe: str, fixed: list[str], options: dict[str, Any]) -> Plan:
    if not options["vary"] and options["seeds"] is None:
        raise ArgumentError("sweep", "nothing varies", "give --vary KEY=LEVEL,LEVEL,... or --seeds 5")
    load = functools.partial(load_config, recipe)
    check_metric(load(fixed), options["metric"])
    return make_plan(
        load,
        options["vary"],
        name=name_of(recipe),
        fixed=fixed,
        command=_command(recipe, options, fixed),
        **{key: options[key] for key in ("seeds", "grid", "random", "draw_seed", "metric")},
    )


def _command(recipe: str, options: dict[str, Any], fixed: list[str]) -> str:
    """Return the command that gives these trials again."""
    words = ["tapegrad", "sweep", recipe, *fixed]
    for text in options["vary"]:
        words += ["--vary", text]
    for name in ("seeds", "random", "metric"):
        words += [f"--{name}", str(options[name])] if options[name] is not None else []
    words += ["--draw-seed", str(options["draw_seed"])] if options["draw_seed"] else []
    return shlex.join([*words, *(["--grid"] if options["grid"] else [])])


def _resume(found: Sweep, recipe: str | None, overrides: tuple[str, ...], options: dict[str, Any]) -> int:
    given = [name for name in ("vary", "seeds", "grid", "random", "fixed", "data") if options[name]]
    if recipe is not None or overrides or given:
        what = f"--{given[0]}".replace("fixed", "set") if given else f"'{recipe}'"
        raise ArgumentError("--resume", f"{what} is given beside it", "a sweep goes on as it was planned: leave it out")
    if options["dry_run"]:
        return _list(found.plan)
    return _run(found, options)


def _list(plan: Plan) -> int:
    for trial in plan.trials:
        levels = "  ".join(f"{name} {label}" for name, label in trial.levels.items())
        click.echo(f"{trial.folder}  {levels}{'  ' if levels else ''}seed {trial.seed}")
    count = len(plan.trials)
    click.echo(f"{count} trials" if count != 1 else "1 trial")
    return 0


def _run(found: Sweep, options: dict[str, Any]) -> int:
    """Run what is left to be run, write the tables and pictures, and say what came out; return the exit code."""
    click.echo(f"sweep: {found.folder}")
    try:
        run_sweep(found, jobs=options["jobs"], display=SweepDisplay(), pictures=options["pictures"])
    except KeyboardInterrupt:
        left, total = len(found.unfinished()), len(found.plan.trials)
        click.echo(
            f"stopped; {total - left} of {total} trials are done\ngo on with: tapegrad sweep --resume {found.folder}"
        )
        return 130
    summary = read_summary(found, options["metric"])
    written = write_tables(found, summary)
    if any(row.values for row in summary.rows):
        written += draw_pictures(found, summary)
    _say(summary)
    for path in written:
        click.echo(f"{'picture' if path.endswith('.png') else 'table'}: {path}")
    click.echo(f"report: tapegrad report {found.folder}")
    return 0 if any(row.values for row in summary.rows) else 1


def _say(summary: Summary) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    for table in summary.tables():
        if console.is_terminal:
            console.print(table.to_rich())
        else:
            click.echo(f"\n{table.caption}\n{table.to_text()}\n")
    best = summary.best()
    if best is not None and len(summary.rows) > 1:
        levels = ", ".join(f"{name} {label}" for name, label in best.levels.items())
        mean = best.spread(summary.metric)
        assert mean is not None
        click.echo(f"best by {summary.metric.replace('_', ' ')} ({mean.mean:.4g}): {levels}")
    failed = sum(len(row.failures) for row in summary.rows)
    if failed:
        click.echo(f"{failed} of {len(summary.plan.trials)} trials failed")

"""``tapegrad data inspect`` and ``tapegrad data suspects``."""

from __future__ import annotations

import pathlib
from typing import Any

import click

from .outputs import check_place
from .tables import show_inspection, show_suspects

__all__ = ["data"]

# From this share of doubted labels on it is rather the network that is wrong.
_TOO_MANY = 0.2
_LANGUAGE = click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Language.")


@click.group()
def data() -> None:
    """Look at data before it is learned from, and for wrong labels afterwards."""


@data.command(epilog="Example: tapegrad data inspect hanzi -o hanzi-inspected")
@click.argument("what", metavar="SET|RECIPE|FOLDER|FILE")
@click.option("-o", "--output", type=click.Path(file_okay=False), help="Where files go.  [default: inspect-NAME]")
@click.option("--data", "root", type=click.Path(), help="Folder of the data sets.  [default: TAPEGRAD_DATA]")
@click.option("--target", help="Of a CSV file: the column to learn, by name or number.  [default: the last]")
@_LANGUAGE
def inspect(what: str, output: str | None, root: str | None, target: str | None, lang: str) -> None:
    """Show counts, ranges, gaps, copies and contradictions of a data set.

    WHAT is a data set by its name (mnist, hanzi, ...), a recipe, a folder of images with a folder for each class, a CSV file
    or a NumPy archive. Leaves inspect.json, lists that a recipe can exclude, and pictures.
    """
    from ..lab.data.findings import write_findings
    from ..lab.data.inspect import find_source, inspect_source

    if output is not None:
        check_place("inspect", output)
    name, source = find_source(what, root, target)
    report = inspect_source(name, source)
    show_inspection(report, lang)
    folder = pathlib.Path(output or f"inspect-{name.replace('.', '-')}")
    for path in write_findings(report, source, folder, lang):
        click.echo(path)


@data.command(
    epilog="Example: tapegrad data suspects runs/hanzi --folds 5, then data.exclude: .../suspects.txt in the recipe"
)
@click.argument("run", metavar="RUN")
@click.option(
    "--folds",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Judge samples by so many networks, each trained without those it judges; 0 asks the trained network.",
)
@click.option("--top", type=click.IntRange(1), default=100, show_default=True, help="How many to list at most.")
@click.option(
    "--epochs", type=click.IntRange(1), help="With --folds: how long each network trains.  [default: as RUN did]"
)
@click.option("--checkpoint", default=None, help="Without --folds: best, last, or a file.  [default: the best]")
@click.option(
    "--data", "root", type=click.Path(), help="Folder of the data sets, when it is not where it was in training."
)
@click.option("--runs", default="runs", show_default=True, type=click.Path(), help="Where runs are looked up by name.")
@click.option("-o", "--output", type=click.Path(file_okay=False), help="Where files go.  [default: RUN/suspects]")
@_LANGUAGE
def suspects(
    run: str,
    folds: int,
    top: int,
    epochs: int | None,
    checkpoint: str | None,
    root: str | None,
    runs: str,
    output: str | None,
    lang: str,
) -> None:
    """Rank the training samples of RUN whose labels are most probably wrong.

    Leaves a list that a recipe can exclude (data.exclude), the same as JSON, and a sheet of the images. A network that has
    learned its training samples by heart has learned wrong labels too: --folds 5 finds those that it hides.
    """
    from ..lab.data.findings import write_suspects
    from ..lab.data.suspects import rank
    from ..lab.experiment import one_setting
    from ..train import Run
    from .stored import stored_config

    if output is not None:
        check_place("suspects", output)
    found = Run.find(run, runs)
    config = stored_config(found, root)
    with one_setting(config):
        opinions = _by_folds(found, config, folds, epochs) if folds else _by_network(found, config, checkpoint)
    report = {"run": found.name, "set": config.data.set, **rank(opinions, top)}
    show_suspects(report, lang)
    if report["disagreeing"] > _TOO_MANY * report["samples"]:
        click.echo(
            f"the network disagrees with {report['disagreeing'] / report['samples']:.0%} of all labels: it has learned too "
            "little for its doubts to mean much; train longer, or a better network",
            err=True,
        )
    folder = pathlib.Path(output) if output else found.folder / "suspects"
    for path in write_suspects(report, opinions.samples, opinions.classes, folder, lang):
        click.echo(path)


def _by_network(run: Any, config: Any, checkpoint: str | None) -> Any:
    from ..lab.data import load_sets
    from ..lab.data.suspects import known_by_heart, opinions_of
    from .stored import trained_model

    opinions = opinions_of(trained_model(run, config, checkpoint), load_sets(config))
    right = known_by_heart(opinions)
    if right is not None:
        click.echo(
            f"{run.name} gives {right:.1%} of its training samples the label that they have: it may have learned wrong "
            "ones by heart; --folds 5 judges every sample by a network that has not seen it",
            err=True,
        )
    return opinions


def _by_folds(run: Any, config: Any, folds: int, epochs: int | None) -> Any:
    from ..lab.data import load_sets
    from ..lab.data.suspects import opinions_by_folds

    def tell(fold: int, accuracy: float | None) -> None:
        click.echo(
            f"fold {fold}/{folds}" + ("" if accuracy is None else f": accuracy {accuracy:.4f} on what it has not seen")
        )

    length = _length(run, config)
    if epochs is not None:
        training = config.training.model_copy(update={"epochs": epochs, "steps": None})
        config, length = config.model_copy(update={"training": training}), {}
    return opinions_by_folds(config, load_sets(config), folds, **length, tell=tell)


def _length(run: Any, config: Any) -> dict[str, int]:
    """Return how long the run trained when it stopped early, else nothing."""
    events = run.events("epoch") if config.callbacks.early_stopping is not None else []
    if not events:
        return {}
    return {"epochs": int(events[-1]["epoch"]), "steps": int(events[-1]["step"])}

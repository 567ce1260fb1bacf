"""``tapegrad doctor RECIPE|RUN|SCRIPT``."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import sys
import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ..errors import ArgumentError
from ..lab.visible import visible
from ..train import Run
from ..train.lines import dump

if TYPE_CHECKING:
    from ..explain.doctor.finding import Finding

__all__ = ["doctor", "tell"]

_WIDEST = 100
# What stays in one line where lines may end after any sign: numbers and words.
_UNBROKEN = re.compile(r"[!-~]+|.")


@click.command(
    epilog="Examples: tapegrad doctor mnist/as-reported optimizer.lr=3; tapegrad doctor runs/mnist-20261121-120000; "
    "tapegrad doctor train.py -- --epochs 1"
)
@click.argument("subject", metavar="RECIPE|RUN|SCRIPT")
@click.argument("words", metavar="[KEY=VALUE | ARGUMENT]...", nargs=-1)
@click.option("--set", "settings", metavar="KEY=VALUE", multiple=True, help="Override what the recipe says.")
@click.option("--steps", type=click.IntRange(min=1), help="Updates to make.  [default: all; of a recipe at most 1000]")
@click.option(
    "--full", is_flag=True, help="Also compare gradients with finite differences, and learn a batch by heart."
)
@click.option("--json", "as_json", is_flag=True, help="Write the findings as JSON.")
@click.option("--language", "--lang", type=click.Choice(["en", "zh"]), help="Of the sentences.  [default: by LANG]")
@click.option("--runs", default="runs", show_default=True, type=click.Path(), help="Where runs are looked up by name.")
def doctor(
    subject: str,
    words: tuple[str, ...],
    settings: tuple[str, ...],
    steps: int | None,
    full: bool,
    as_json: bool,
    language: str | None,
    runs: str,
) -> int:
    """Say in plain words what is wrong with a training, the worst first, and what to try: a line of YAML for a recipe or a
    run, a line of Python for a script.

    A RECIPE (a name or a YAML file) is trained for a while, and nothing is written; KEY=VALUE overrides what it says. Of a
    RUN its folder is read. A SCRIPT of one's own (.py) is run and watched; the words after it are its arguments.

    Ends with 0 when nothing was found, with 1 when something was, with 2 when it could not look.
    """
    language = language or _language()

    def say(what: dict[str, Any], found: list[Finding]) -> int:
        if as_json:
            click.echo(dump({"subject": subject, **what, "findings": [_object(f, language) for f in found]}, indent=2))
        else:
            _show(what, found, language)
        return 1 if found else 0

    def resisted(found: list[Finding]) -> None:
        code = say({"kind": "script"}, found)
        sys.stdout.flush()
        os._exit(code)

    return say(*_found(subject, words, settings, steps, full, runs, resisted))


def _found(
    subject: str,
    words: tuple[str, ...],
    settings: tuple[str, ...],
    steps: int | None,
    full: bool,
    runs: str,
    resisted: Callable[[list[Finding]], None],
) -> tuple[dict[str, Any], list[Finding]]:
    """Return what was looked at, and the findings."""
    if subject.endswith(".py"):
        if settings or full:
            raise ArgumentError("doctor", "a script takes no --set or --full", "give it arguments of its own")
        if not os.path.isfile(subject):
            raise ArgumentError("doctor", f"there is no file {subject}", "check the path")
        from ..explain.doctor.script import watch_script

        found = watch_script(subject, list(words), steps=steps, prepare=_preparation(subject), resisted=resisted)
        return {"kind": "script"}, found
    from ..lab.diagnosis import diagnose_recipe, diagnose_run

    run = _run(subject, runs)
    if run is not None:
        if words or settings:
            raise ArgumentError("doctor", "a run's recipe is what it was", "name the recipe to change it")
        return {"kind": "run"}, diagnose_run(run)
    made, found = diagnose_recipe(subject, [*words, *settings], steps=steps, mode="full" if full else "cheap")
    return {"kind": "recipe", **made}, found


def _preparation(script: str) -> Callable[[], None] | None:
    """Return what makes ``import torch`` find tapegrad, for a script that says so."""
    from ..compat import install

    text = pathlib.Path(script).read_text(encoding="utf-8", errors="replace")
    return install if re.search(r"^\s*(import|from)\s+torch", text, re.MULTILINE) else None


def _run(subject: str, runs: str) -> Run | None:
    for folder in (pathlib.Path(subject), pathlib.Path(runs) / subject):
        if (folder / "sweep.json").is_file():
            trials = sorted((folder / "trials").glob("*"))
            first = f", e.g. {trials[0]}" if trials else ""
            raise ArgumentError("doctor", f"{folder} is a sweep of several trainings", f"name one of them{first}")
        if (folder / "recipe.yaml").is_file() and folder.is_dir():
            return Run(folder)
    return None


def _language() -> str:
    return "zh" if os.environ.get("LC_ALL", os.environ.get("LANG", "")).startswith("zh") else "en"


def _object(finding: Finding, language: str) -> dict[str, Any]:
    return {**finding.to_dict(), "title": finding.title(language), "text": finding.message(language)}


# -- on the terminal --------------------------------------------------------------------------------------------------

_WORDS = {
    "en": {
        "healthy": "nothing found",
        "trained": "looked at {steps:,} of {of:,} updates",
        "start": "from the start",
        "since": "since step {since:,}",
        "try": "try",
    },
    "zh": {
        "healthy": "没有发现问题",
        "trained": "观察了 {of:,} 次更新中的 {steps:,} 次",
        "start": "从一开始",
        "since": "自第 {since:,} 步起",
        "try": "建议",
    },
}


def tell(finding: Finding, language: str = "en") -> str:
    """Return a finding as one line: what, where, since when."""
    place = f" ({finding.where})" if finding.where else ""
    return visible(f"doctor: {finding.title(language)}{place}, {_since(finding, language)}")


def _since(finding: Finding, language: str) -> str:
    words = _WORDS[language]
    return words["since"].format(since=finding.since) if finding.since else words["start"]


def _show(what: dict[str, Any], found: list[Finding], language: str) -> None:
    words = _WORDS[language]
    if "steps" in what:
        click.echo(words["trained"].format(**what), err=True)
    if not found:
        click.echo(words["healthy"])
    for number, finding in enumerate(found, 1):
        if number > 1:
            click.echo()
        _show_one(number, finding, language, finding.code if what["kind"] == "script" else finding.advice)


def _show_one(number: int, finding: Finding, language: str, advice: str) -> None:
    place = f" · {finding.where}" if finding.where else ""
    head = f"{number}. {finding.title(language)}{place} · {_since(finding, language)}"
    click.echo(click.style(visible(head), bold=True))
    for line in _wrapped(visible(finding.message(language)), language):
        click.echo(f"   {line}")
    course = finding.sparkline(60)
    if course:
        values = [value for _, value in finding.series]
        click.echo(f"   {course}  {values[0]:.3g} → {values[-1]:.3g}")
    if advice:
        click.echo(f"   {_WORDS[language]['try']}: " + click.style(visible(advice), fg="green"))


def _wrapped(text: str, language: str) -> list[str]:
    width = min(shutil.get_terminal_size().columns, _WIDEST) - 4 if sys.stdout.isatty() else _WIDEST
    if language != "zh":
        return textwrap.wrap(text, max(width, 20))
    lines, used = [""], 0
    for part in _UNBROKEN.findall(text):
        columns = len(part) if part.isascii() else 2 * len(part)
        # No line begins with what ends a clause.
        if used + columns > width and part not in "，。、；：）":
            lines, used = [*lines, ""], 0
        lines[-1] += part
        used += columns
    return [line.strip() for line in lines]

"""``tapegrad check SCRIPT``."""

from __future__ import annotations

import json

import click

__all__ = ["check"]


@click.command(epilog="Example: tapegrad check mnist/main.py && tapegrad run mnist/main.py --epochs 1")
@click.argument("scripts", metavar="SCRIPT...", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects, one for each script.")
def check(scripts: tuple[str, ...], as_json: bool) -> int:
    """List which names of PyTorch scripts use that tapegrad has not, without running them.

    Ends with 1 when one is missing. What a name stands for is read from the imports, so what a script computes from names
    (getattr) is not seen, and of methods only those that tensors alone have.
    """
    from ..compat import check_file

    reports = {script: check_file(script) for script in scripts}
    if as_json:
        click.echo(json.dumps([_object(script, report) for script, report in reports.items()], indent=2))
    else:
        for script, report in reports.items():
            _show(script, report)
    return int(any(report.missing for report in reports.values()))


def _object(script: str, report) -> dict:
    return {
        "file": script,
        "names": [{"name": name, "lines": lines} for name, lines in report.names.items()],
        "missing": [missing._asdict() for missing in report.missing],
    }


def _show(script: str, report) -> None:
    for missing in report.missing:
        click.echo(f"{script}:{missing.line}: {missing.message}")
    lacking = {missing.name for missing in report.missing}
    planned = {missing.name for missing in report.missing if missing.planned}
    tell = f"{len(lacking)} missing ({len(planned)} planned)" if lacking else "all there"
    click.echo(f"{script}: {len(report.names)} names of PyTorch, {tell}")

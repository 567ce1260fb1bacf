"""What the README shows, runs: its scripts, its sessions, its picture, its commands."""

import doctest
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXT = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
SCRIPTS = [b for b in BLOCKS if not b.startswith(">>>")]


@pytest.mark.parametrize("script", SCRIPTS, ids=[s.split("\n")[0] for s in SCRIPTS])
def test_scripts_run(script, capsys):
    exec(compile(script, "README.md", "exec"), {})
    loss = float(capsys.readouterr().out.split()[-1])
    assert loss < 0.2


def test_sessions_print_what_they_show():
    session = "\n".join(b for b in BLOCKS if b.startswith(">>>"))
    test = doctest.DocTestParser().get_doctest(session, {}, "README.md", None, 0)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    said = []
    assert runner.run(test, out=said.append).failed == 0, "".join(said)


def test_links_and_pictures_exist():
    targets = [t for t in re.findall(r"\]\(([^)#]+)\)", TEXT) if "://" not in t]
    assert targets
    assert [t for t in targets if not (ROOT / t).exists()] == []


def test_commands_exist():
    import click

    from tapegrad.cli.commands import tapegrad

    used = set(re.findall(r"^tapegrad (\w+)", TEXT, re.MULTILINE)) | set(re.findall(r"`tapegrad (\w+)", TEXT))
    assert used
    assert used <= set(tapegrad.list_commands(click.Context(tapegrad)))

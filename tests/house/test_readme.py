"""What the README shows, runs: its scripts, its sessions, its picture, its commands."""

import doctest
import pathlib
import re
import shlex

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXTS = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md")}
BLOCKS = {name: re.findall(r"```python\n(.*?)```", text, re.DOTALL) for name, text in TEXTS.items()}
SCRIPTS = [(name, b) for name, blocks in BLOCKS.items() for b in blocks if not b.startswith(">>>")]


@pytest.mark.parametrize(("name", "script"), SCRIPTS)
def test_scripts_run(name, script, capsys):
    exec(compile(script, name, "exec"), {})
    loss = float(capsys.readouterr().out.split()[-1])
    assert loss < 0.2


@pytest.mark.parametrize("name", TEXTS)
def test_sessions_print_what_they_show(name):
    session = "\n".join(b for b in BLOCKS[name] if b.startswith(">>>"))
    test = doctest.DocTestParser().get_doctest(session, {}, name, None, 0)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    said = []
    assert runner.run(test, out=said.append).failed == 0, "".join(said)


@pytest.mark.parametrize("name", TEXTS)
def test_links_and_pictures_exist(name):
    targets = [t for t in re.findall(r"\]\(([^)#]+)\)", TEXTS[name]) if "://" not in t]
    assert targets
    assert [t for t in targets if not (ROOT / t).exists()] == []


@pytest.mark.parametrize("name", TEXTS)
def test_commands_exist(name):
    import click

    from tapegrad.cli.commands import tapegrad

    used = set(re.findall(r"^tapegrad (\w+)", TEXTS[name], re.MULTILINE)) | set(
        re.findall(r"`tapegrad (\w+)", TEXTS[name])
    )
    assert used
    assert used <= set(tapegrad.list_commands(click.Context(tapegrad)))


def lines_of_commands(text):
    """Return the command lines of tapegrad in blocks and within sentences, each as its words."""
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
    lines = re.findall(r"^tapegrad .*", blocks, re.MULTILINE) + re.findall(r"`(tapegrad .*?)`", text)
    return [shlex.split(line, comments=True)[1:] for line in lines]


@pytest.mark.parametrize("name", TEXTS)
def test_options_exist(name):
    import click

    from tapegrad.cli.commands import tapegrad

    lines = lines_of_commands(TEXTS[name])
    assert any("--set" in words for words in lines)
    for words in lines:
        command: click.Command | None = tapegrad
        while words and isinstance(command, click.Group):
            command = command.get_command(click.Context(command), words[0])
            words = words[1:]
        assert command is not None
        context = click.Context(command, **command.context_settings)
        command.make_parser(context).parse_args(words)  # raises for an option that the command does not have


@pytest.mark.parametrize("name", TEXTS)
def test_the_experiment_shown_is_one(name, tmp_path):
    pytest.importorskip("pydantic")
    from tapegrad.lab.config import load_config

    (text,) = re.findall(r"```yaml\n(.*?)```", TEXTS[name], re.DOTALL)
    (tmp_path / "my.yaml").write_text(text)
    assert load_config(tmp_path / "my.yaml").training.epochs == 10

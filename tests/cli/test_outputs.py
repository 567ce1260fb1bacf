"""Commands that write where the user says: a folder that is not there is refused, before any work, and none is made."""

import pytest

pytest.importorskip("click")
pytest.importorskip("rich")
pytest.importorskip("pydantic")
pytest.importorskip("yaml")

from tapegrad.cli.main import main

COMMANDS = {
    "graph": ["graph", "no-such-recipe", "-o", "typo/net.svg"],
    "schema": ["schema", "-o", "typo/schema.json"],
    "report": ["report", "no-such-run", "-o", "typo/report"],
    "inspect": ["data", "inspect", "no-such-set", "-o", "typo/found"],
    "suspects": ["data", "suspects", "no-such-run", "-o", "typo/found"],
    "export": ["export", "no-such-run", "--to", "numpy", "typo/net.py"],
}


@pytest.mark.parametrize("who", COMMANDS)
def test_a_folder_that_is_not_there_is_refused_before_anything_else(who, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(COMMANDS[who]) == 2
    assert capsys.readouterr().err == (
        f"tapegrad: {who}: there is no folder {tmp_path}/typo; check the path, or make the folder first\n"
    )
    assert not list(tmp_path.iterdir())
    (tmp_path / "typo").write_text("a file")
    assert main(COMMANDS[who]) == 2
    assert f"{who}: {tmp_path}/typo is no folder; " in capsys.readouterr().err


def test_the_folder_itself_may_be_new_where_one_is_wanted(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "table.csv").write_text("a,b,label\n" + "".join(f"{i},{i * i},{i % 2}\n" for i in range(8)))
    assert main(["data", "inspect", "table.csv", "-o", "found"]) == 0
    assert (tmp_path / "found" / "inspect.json").is_file()

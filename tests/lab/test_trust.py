"""What is remembered of trainings with networks of one's own."""

import json
import os
import pathlib
import stat

import pytest

from tapegrad.errors import TapegradWarning
from tapegrad.lab import trust
from tapegrad.lab.config import parse_config

RECIPE = """
data: {set: spiral}
model: {module: "net.py:Net", arguments: {width: 3}}
optimizer: SGD
training: {steps: 1}
"""


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("TAPEGRAD_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def config(tmp_path):
    (tmp_path / "net.py").write_text("class Net:\n    def __init__(self, width): pass\n")
    return parse_config(RECIPE, "recipe.yaml", tmp_path)


def noted(config, folder, digest="a" * 64):
    trust.note(config, folder, {str(config.model.module).rpartition(":")[0]: digest})


def test_what_was_noted_is_known_and_nothing_else(config, state, tmp_path):
    assert trust.doubt_about(config, tmp_path / "run", "a" * 64) == "unknown"
    noted(config, tmp_path / "run")
    assert trust.doubt_about(config, tmp_path / "run", "a" * 64) == ""
    assert trust.doubt_about(config, tmp_path / "other" / ".." / "run", "a" * 64) == ""
    assert trust.doubt_about(config, tmp_path / "other", "a" * 64) == "unknown"
    assert trust.doubt_about(config, tmp_path / "run", "b" * 64) == "another file"
    wider = parse_config(RECIPE.replace("width: 3", "width: 4"), "recipe.yaml", tmp_path)
    assert trust.doubt_about(wider, tmp_path / "run", "a" * 64) == "another network"
    noted(wider, tmp_path / "run", "b" * 64)
    assert trust.doubt_about(wider, tmp_path / "run", "b" * 64) == ""


def test_nobody_else_may_read_or_write_it(config, state, tmp_path):
    noted(config, tmp_path / "run")
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert stat.S_IMODE((state / "trained.json").stat().st_mode) == 0o600
    os.chmod(state / "trained.json", 0o622)
    assert trust.doubt_about(config, tmp_path / "run", "a" * 64) == "unknown"


def test_a_link_is_not_read(config, state, tmp_path):
    noted(config, tmp_path / "run")
    os.rename(state / "trained.json", tmp_path / "elsewhere.json")
    os.symlink(tmp_path / "elsewhere.json", state / "trained.json")
    assert trust.doubt_about(config, tmp_path / "run", "a" * 64) == "unknown"


@pytest.mark.parametrize("text", ["", "[1]", "{", "[" * 10_000, '{"RUN": 3}', '{"RUN": {"sha256": "x"}}'])
def test_a_damaged_record_knows_nothing_and_is_written_anew(config, state, tmp_path, text):
    state.mkdir(mode=0o700)
    (state / "trained.json").write_text(text.replace("RUN", os.path.realpath(tmp_path / "run")))
    os.chmod(state / "trained.json", 0o600)
    assert trust.doubt_about(config, tmp_path / "run", "a" * 64)
    noted(config, tmp_path / "run")
    assert trust.doubt_about(config, tmp_path / "run", "a" * 64) == ""


def test_only_so_many_are_remembered(config, state, tmp_path, monkeypatch):
    monkeypatch.setattr(trust, "_MOST", 2)
    for name in ("a", "b", "a", "c"):
        noted(config, tmp_path / name)
    assert [pathlib.Path(path).name for path in json.loads((state / "trained.json").read_text())] == ["a", "c"]


def test_a_training_goes_on_where_nothing_can_be_noted(config, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TAPEGRAD_STATE", str(tmp_path / "file" / "state"))
    with pytest.warns(TapegradWarning, match="cannot be noted"):
        noted(config, tmp_path / "run")
    assert trust.doubt_about(config, tmp_path / "run", "a" * 64) == "unknown"


@pytest.mark.skipif(os.name == "nt", reason="Windows has places of its own")
def test_the_place_is_where_states_belong(monkeypatch, tmp_path):
    monkeypatch.delenv("TAPEGRAD_STATE")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert trust.state_folder() == tmp_path / "tapegrad"
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for relative in ("", "state"):
        monkeypatch.setenv("XDG_STATE_HOME", relative)
        assert trust.state_folder() == tmp_path / "home" / ".local" / "state" / "tapegrad"

"""``tapegrad init``, ``tapegrad recipes`` and ``tapegrad schema`` as a person meets them."""

import json

import pytest

pytest.importorskip("click")
pytest.importorskip("rich")
pytest.importorskip("pydantic")
pytest.importorskip("yaml")

from tapegrad.cli.main import main
from tapegrad.lab import library
from tapegrad.lab.config import load_config

NET = """\
title: {en: Points, zh: 点}
data: {set: moons}
model: {layers: [2, 8, 2]}
optimizer: Adam
training: {epochs: 1}
"""


@pytest.fixture
def two_recipes(tmp_path_factory, monkeypatch):
    """A library with one task in two variants."""
    folder = tmp_path_factory.mktemp("recipes")
    (folder / "moons").mkdir()
    (folder / "moons" / "best.yaml").write_text(NET, encoding="utf-8")
    (folder / "moons" / "as-reported.yaml").write_text(NET.replace("8", "3"), encoding="utf-8")
    monkeypatch.setattr(library, "_folder", lambda: folder)
    library._variants.cache_clear()
    yield folder
    library._variants.cache_clear()


def test_recipes_are_listed(two_recipes, capsys):
    assert main(["recipes"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "recipe\ttitle\tnetwork",
        "moons\tPoints\t2-8-2",
        "moons/as-reported\tPoints\t2-3-2",
    ]


def test_the_recipes_that_ship_are_listed(capsys):
    assert main(["recipes"]) == 0
    listed = capsys.readouterr().out
    assert all(f"\n{name}" in listed for name in library.recipes())


def test_a_recipe_is_copied_to_start_from(two_recipes, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["init", "moons"]) == 0
    said = capsys.readouterr().out
    assert (tmp_path / "moons.yaml").read_text(encoding="utf-8") == NET
    assert said.splitlines()[:2] == ["recipe: moons.yaml", "train it with: tapegrad train moons.yaml"]
    assert load_config("moons.yaml") == load_config("moons")
    assert main(["init", "moons/as-reported", "some/where"]) == 0
    assert (tmp_path / "some/where/moons-as-reported.yaml").is_file()
    assert main(["init", "moons", "some/net.yaml"]) == 0
    assert (tmp_path / "some/net.yaml").is_file()


def test_a_file_is_overwritten_only_by_force(two_recipes, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "moons.yaml").write_text("mine")
    assert main(["init", "moons"]) == 2
    assert capsys.readouterr().err == (
        "tapegrad: init: moons.yaml exists; give another name, or --force to overwrite it\n"
    )
    assert (tmp_path / "moons.yaml").read_text() == "mine"
    assert main(["init", "moons", "--force"]) == 0
    assert (tmp_path / "moons.yaml").read_text(encoding="utf-8") == NET


def test_the_nearest_recipe_is_named(two_recipes, capsys):
    assert main(["init", "moon"]) == 2
    assert capsys.readouterr().err == "tapegrad: recipe: there is no recipe and no file 'moon'; did you mean 'moons'?\n"


def test_the_schema_is_printed_or_written(tmp_path, capsys):
    assert main(["schema"]) == 0
    printed = capsys.readouterr().out
    assert json.loads(printed)["title"] == "tapegrad experiment"
    assert main(["schema", "-o", str(tmp_path / "s.json")]) == 0
    assert (tmp_path / "s.json").read_text(encoding="utf-8") == printed

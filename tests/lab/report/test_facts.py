"""Facts: places in files, rules, and that every one of them can be found again."""

import json

import pytest

from tapegrad.errors import FileFormatError
from tapegrad.lab.report.facts import RULES, Facts, Files, pointer, resolve


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "result.json").write_text('{"test_accuracy": 0.9, "confusion": [[3, 1], [0, 4]], "loss": "Infinity"}')
    events = [
        {"event": "epoch", "step": 1, "loss": 0.5},
        {"event": "statistics", "step": 1, "layers": {"a.b/c": {"gradient": {"norm": 2.0}}}},
        {"event": "epoch", "step": 2, "loss": 0.4},
        {"event": "resumed", "step": 1},
        {"event": "epoch", "step": 2, "loss": 0.3},
    ]
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(e) + "\n" for e in events) + '{"event": "epo')
    (tmp_path / "recipe.yaml").write_text("optimizer: {type: SGD, lr: 1e-3}\n")
    (tmp_path / "table.csv").write_text("lr,test_accuracy\n0.1,0.5\n1e-2,nan\n")
    return tmp_path


PLACES = [
    ("result.json", ("test_accuracy",), 0.9),
    ("result.json", ("confusion", 0, 1), 1),
    ("result.json", ("confusion", 0, "*"), [3, 1]),
    ("result.json", ("confusion", "*", 0), [3, 0]),
    ("result.json", ("loss",), float("inf")),
    ("events.jsonl", ("epoch", 1, "loss"), 0.3),
    ("events.jsonl", ("epoch", "*", "loss"), [0.5, 0.3]),
    ("events.jsonl", ("statistics", 0, "layers", "a.b/c", "gradient", "norm"), 2.0),
    ("recipe.yaml", ("optimizer", "lr"), 0.001),
    ("table.csv", (0, "test_accuracy"), 0.5),
]


@pytest.mark.parametrize(("file", "keys", "value"), PLACES, ids=lambda v: str(v)[:40])
def test_places(folder, file, keys, value):
    facts = Facts()
    fact = facts.read(Files(folder), file, *keys)
    assert fact.value == value
    assert fact.name == f"{file}#{pointer(keys)}"
    assert resolve(fact.name, {"": folder}) == value


@pytest.mark.parametrize("keys", [("nothing",), ("confusion", 7), ("confusion", 0, 0, 0), ("test_accuracy", "x")])
def test_what_is_not_there_is_none(folder, keys):
    assert Facts().read(Files(folder), "result.json", *keys) is None
    assert Facts().read(Files(folder), "other.json", *keys) is None


def test_damaged_files_are_named(folder):
    (folder / "result.json").write_text("{")
    with pytest.raises(FileFormatError, match=r"result\.json: cannot be read"):
        Files(folder).tree("result.json")


def test_rules(folder):
    facts, files = Facts(), Files(folder)
    losses = [facts.read(files, "events.jsonl", "epoch", i, "loss") for i in (0, 1)]
    ratio = facts.derive("ratio", *losses)
    assert ratio.value == pytest.approx(5 / 3)
    assert ratio.of == ("events.jsonl#/epoch/0/loss", "events.jsonl#/epoch/1/loss")
    assert facts.derive("mean", losses).value == pytest.approx(0.4)
    row = facts.read(files, "result.json", "confusion", 0, "*")
    assert facts.derive("share", facts.read(files, "result.json", "confusion", 0, 0), row).value == 0.75
    assert facts.derive("ratio", losses[0], None) is None
    assert facts.derive("ratio", losses[0], facts.default("zero", 0, "test")) is None
    assert len(facts) == len({fact.name for fact in facts.found.values()})


def test_the_interval_of_wilson():
    """Against Wilson's values for 8 of 10, as in E. Wilson (1927)."""
    assert RULES["lower end of the 95 % interval"](0.8, 10) == pytest.approx(0.4902, abs=1e-4)
    assert RULES["upper end of the 95 % interval"](0.8, 10) == pytest.approx(0.9433, abs=1e-4)
    assert RULES["lower end of the 95 % interval"](0.0, 10) == pytest.approx(0.0, abs=1e-12)


def test_the_permutation_test_counts_all_ways():
    test = RULES["exact permutation test"]
    assert test([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]) == pytest.approx(2 / 20)
    assert test([1.0, 2.0], [1.0, 2.0]) == 1.0
    assert test([1.0, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 9.0, 10.0]) == pytest.approx(2 / 252)


def test_the_list_of_facts(folder):
    facts, files = Facts(), Files(folder)
    first = facts.read(files, "result.json", "confusion", 0, "*", prefix="run/")
    facts.derive("sum", first)
    listed = json.loads(facts.to_json({"run/": "../run"}))
    assert listed["folders"] == {"run/": "../run"}
    assert listed["facts"] == [
        {"name": "run/result.json#/confusion/0/*", "value": [3, 1]},
        {
            "name": "sum(run/result.json#/confusion/0/*)",
            "value": 4,
            "rule": "sum",
            "of": ["run/result.json#/confusion/0/*"],
        },
    ]

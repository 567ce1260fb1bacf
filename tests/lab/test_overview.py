"""Runs side by side: what a row says, which rows are chosen in which order, and what differs."""

import json
import math

import pytest

pytest.importorskip("yaml")
pytest.importorskip("pydantic")

from tapegrad.errors import ArgumentError
from tapegrad.lab.overview import compare, describe, flatten, matches, sort_rows
from tapegrad.train import Run

RECIPE = """
title: {{en: Digits, zh: 数字}}
seed: {seed}
optimizer: {{type: Adam, lr: {lr}}}
model: {{layers: [64, 10]}}
training: {{epochs: 5}}
"""


def make(parent, name, values=(0.5, 0.8, 0.7), *, lr="0.1", seed=0, result=None, **environment):
    run = Run.create(parent, name, RECIPE.format(lr=lr, seed=seed), {"numpy": "2.4", **environment}, stamp=False)
    run.begin()
    for epoch, value in enumerate(values, 1):
        run.log("statistics", step=epoch, layers={"epoch": {}})
        run.log(
            "epoch",
            epoch=epoch,
            step=3 * epoch,
            rate=0.1,
            loss=1 / epoch,
            valid_loss=2.0,
            valid_accuracy=value,
            seconds=1.5,
        )
    if result is not None:
        run.write_result({"epochs": len(values), "seconds": 9.0, "classes": ["a"], **result})
    return run


def test_a_row_of_a_run_that_is_not_finished(tmp_path):
    run = make(tmp_path, "a")
    run.log("interrupted", step=9)
    row = describe(run)
    expected = {
        "name": "a", "title": "Digits", "status": "interrupted", "epochs": 3, "of": 5, "metric": "valid_accuracy",
        "best": 0.8, "last": 0.7, "seconds": 4.5, "values": {"loss": 1 / 3, "valid_loss": 2.0, "valid_accuracy": 0.7},
    }  # fmt: skip
    assert {key: row[key] for key in expected} == expected
    assert row["config"]["optimizer.lr"] == 0.1
    assert row["config"]["model.layers"] == [64, 10]


def test_a_row_of_a_finished_run_has_its_result(tmp_path):
    row = describe(make(tmp_path, "a", result={"test_accuracy": 0.75}))
    assert row["status"] == "finished"
    assert row["values"]["test_accuracy"] == 0.75
    assert "classes" not in row["values"]
    assert row["seconds"] == 9.0


def test_a_run_that_has_not_begun(tmp_path):
    row = describe(Run.create(tmp_path, "a", "", {}, stamp=False))
    assert (row["epochs"], row["metric"], row["best"], row["last"], row["values"]) == (0, None, None, None, {})
    assert row["status"] == "interrupted"


def test_the_metric_is_the_one_that_the_best_checkpoint_is_chosen_by(tmp_path):
    run = make(tmp_path, "a")
    text = run.recipe + "callbacks: {checkpoints: {best: loss}}\n"
    (run.folder / "recipe.yaml").write_text(text)
    row = describe(run)
    assert (row["metric"], row["best"]) == ("loss", 1 / 3)


def test_a_metric_that_was_never_a_number_has_no_best(tmp_path):
    row = describe(make(tmp_path, "a", [math.nan, math.nan]))
    assert row["best"] is None
    assert math.isnan(row["last"])


@pytest.mark.parametrize("name", ["recipe.yaml", "result.json", "events.jsonl", "environment.json"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{", b"[" * 10_000, b"- 1\n", b"null"])
def test_damaged_files_leave_a_row(tmp_path, name, content):
    run = make(tmp_path, "a", result={"test_accuracy": 0.5})
    (run.folder / name).write_bytes(content)
    assert describe(run)["name"] == "a"


def test_nested_keys_become_paths():
    assert flatten({"a": {"b": {"c": 1}}, "d": [{"e": 2}], "f": {}}) == {"a.b.c": 1, "d": [{"e": 2}], "f": {}}


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ("a", ["a1", "a2"]), ("DIGITS", ["a1", "a2", "b"]), ("finished", ["a1"]), ("nothing", []),
        ("status=finished", ["a1"]), ("status!=finished", ["a2", "b"]), ("seed=1", ["a2"]), ("seed>=1", ["a2", "b"]),
        ("optimizer.lr<0.05", ["b"]), ("optimizer.lr=1e-2", ["b"]), ("test_accuracy>0.5", ["a1"]),
        ("test_accuracy!=0.5", ["a1", "a2", "b"]), ("best >= 0.8", ["a1", "a2"]), ("optimizer.type=Adam", ["a1", "a2", "b"]),
        ("optimizer.type>1", []), ("model.layers=[64, 10]", ["a1", "a2", "b"]),
    ],
)  # fmt: skip
def test_conditions(tmp_path, condition, names):
    runs = [
        make(tmp_path, "a1", result={"test_accuracy": 0.9}),
        make(tmp_path, "a2", seed=1),
        make(tmp_path, "b", [0.1], lr="0.01", seed=2),
    ]
    assert [row["name"] for row in map(describe, runs) if matches(row, condition)] == names


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("valid_accuracy", "cab"), ("-valid_accuracy", "bac"), ("best", "cab"), ("last", "cab"), ("optimizer.lr", "bca"),
        ("-optimizer.lr", "acb"), ("name", "abc"), ("-name", "cba"), ("test_loss", "cab"), ("test_accuracy", "acb"),
    ],
)  # fmt: skip
def test_the_best_come_first_and_those_without_last(tmp_path, key, names):
    runs = [
        make(tmp_path, "a", [0.5], lr="0.3", result={"test_loss": 0.2, "test_accuracy": 0.3}),
        make(tmp_path, "b", [0.4], lr="0.1"),
        make(tmp_path, "c", [0.6], lr="0.2", result={"test_loss": 0.1, "test_accuracy": 0.2}),
    ]
    assert "".join(row["name"] for row in sort_rows([describe(run) for run in runs], key)) == names


def test_what_is_no_number_comes_after_all_that_are(tmp_path):
    rows = [describe(make(tmp_path, name, [value])) for name, value in (("a", math.nan), ("b", 0.5), ("c", 0.6))]
    for key, names in (("valid_accuracy", "cba"), ("-valid_accuracy", "bca")):
        assert "".join(row["name"] for row in sort_rows(rows, key)) == names


def test_a_key_that_no_run_has_is_guessed(tmp_path):
    rows = [describe(make(tmp_path, "a"))]
    with pytest.raises(ArgumentError, match="no run has 'valid_acuracy'; did you mean 'valid_accuracy'"):
        sort_rows(rows, "valid_acuracy")
    assert sort_rows([], "anything") == []


def test_what_differs_is_compared(tmp_path):
    runs = [make(tmp_path, "a", threads=1), make(tmp_path, "b", [0.9], lr="0.2", threads=2, result={"test_loss": 0.1})]
    rows = {(row["kind"], row["key"]): row["values"] for row in compare(runs)}
    assert rows["setting", "optimizer.lr"] == [0.1, 0.2]
    assert rows["environment", "threads"] == [1, 2]
    assert rows["figure", "valid_accuracy"] == [0.7, 0.9]
    assert rows["figure", "test_loss"] == [None, 0.1]
    assert rows["status", "epochs"] == [3, 1]
    settings = [key for kind, key in rows if kind in ("setting", "environment")]
    assert settings == ["optimizer.lr", "threads"]


# -- the command ----------------------------------------------------------------------------------------------------


def main(*arguments):
    pytest.importorskip("click")
    pytest.importorskip("rich")
    from tapegrad.cli.main import main

    return main(["runs", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path):
    make(tmp_path, "good", [0.9], result={"test_accuracy": 0.875, "test_loss": 0.1})
    make(tmp_path, "bad", [0.5], lr="0.2", result={"test_accuracy": 0.5, "test_loss": 0.9})
    return tmp_path


def test_runs_are_listed_as_plain_text(folder, capsys):
    assert main(folder, "--sort", "test_accuracy") == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == [
        "run",
        "title",
        "status",
        "epochs",
        "metric",
        "best",
        "last",
        "test_accuracy",
        "seconds",
        "date",
    ]
    assert [row.split()[:8] for row in rows] == [
        ["good", "Digits", "finished", "1/5", "valid_accuracy", "0.9000", "0.9000", "0.8750"],
        ["bad", "Digits", "finished", "1/5", "valid_accuracy", "0.5000", "0.5000", "0.5000"],
    ]


def test_a_key_to_sort_by_gets_a_column(folder, capsys):
    assert main("--runs", folder, "--sort", "-optimizer.lr") == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split()[-1] == "optimizer.lr"
    assert [first.split()[-1], second.split()[-1]] == ["0.2000", "0.1000"]


def test_runs_as_json_and_csv(folder, capsys):
    assert main(folder, "--json", "--filter", "good") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["values"]["test_accuracy"] == 0.875
    assert main(folder, "--csv", "--filter", "test_loss<0.5") == 0
    head, line = capsys.readouterr().out.splitlines()
    cells = dict(zip(head.split(","), line.split(","), strict=True))
    assert (cells["run"], cells["test_accuracy"], cells["test_loss"]) == ("good", "0.875", "0.1")


def test_runs_on_a_terminal_are_a_drawn_table(folder, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "160")
    assert main(folder) == 0
    out = capsys.readouterr().out
    assert "━" in out
    assert "good" in out


def test_a_folder_without_runs_says_what_makes_one(tmp_path, capsys):
    assert main(tmp_path) == 0
    assert f"no runs in {tmp_path}; `tapegrad train RECIPE` makes one" in capsys.readouterr().err
    assert main(tmp_path / "none", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []


def test_comparing_shows_what_differs(folder, capsys):
    assert main("compare", "good", folder / "bad", "--runs", folder) == 0
    out = capsys.readouterr().out
    rows = {tuple(line.split()[:2]): line.split()[2:] for line in out.splitlines()[1:]}
    assert out.splitlines()[0].split() == ["key", "good", "bad"]
    assert rows["setting", "optimizer.lr"] == ["0.1", "0.2"]
    assert rows["figure", "test_accuracy"] == ["0.875", "0.5"]
    assert ("setting", "seed") not in rows
    assert main("compare", "good", "bad", "--runs", folder, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["runs"] == ["good", "bad"]
    assert {"kind": "setting", "key": "optimizer.lr", "values": [0.1, 0.2]} in found["rows"]
    assert main("compare", "good", "bad", "--runs", folder, "--csv") == 0
    assert "setting,optimizer.lr,0.1,0.2\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "good"], "runs: compare is given 1 runs; name two or more"),
        (["compare", "good", "bat"], "run: there is no run 'bat'; did you mean 'bad'?"),
        (["one", "two"], "runs: 2 folders are given; give one"),
        (["--json", "--csv"], "runs: --json and --csv are both given; give one of them"),
        (["--sort", "tset_accuracy"], "runs: no run has 'tset_accuracy'; did you mean 'test_accuracy'?"),
    ],
)
def test_mistakes_get_one_sentence(folder, capsys, arguments, message):
    assert main(*arguments, "--runs", folder) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1

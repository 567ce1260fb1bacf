import json
import os
import shutil

import pytest

from tapegrad.board import checkpoints
from tapegrad.board.checkpoints import Checkpoints
from tapegrad.board.library import Library
from tapegrad.board.refusal import Refusal
from tapegrad.lab.config import dump_config, load_config
from tapegrad.train import Run
from tapegrad.train.lines import dump


def names(library):
    library.refresh()
    return {entry.name for entry in library.entries()}


def new_run(parent, name, recipe="seed: 0\n"):
    return Run.prepare(parent / name, recipe, {})


def test_runs_sweeps_and_single_folders_are_found(tmp_path):
    new_run(tmp_path, "one")
    sweep = tmp_path / "sweep"
    new_run(sweep / "trials", "0001")
    new_run(sweep / "trials", "0002")
    plan = {"trials": [{"number": 1, "levels": {"lr": "0.1"}, "seed": 3}, {"number": "x"}, 5]}
    (sweep / "sweep.json").write_text(json.dumps(plan))
    (tmp_path / "notes").mkdir()
    assert names(Library([tmp_path])) == {"one", "sweep/0001", "sweep/0002"}
    assert names(Library([sweep])) == {"sweep/0001", "sweep/0002"}
    assert names(Library([tmp_path / "one"])) == {"one"}
    assert names(Library([tmp_path / "nothing"])) == set()
    library = Library([tmp_path, tmp_path / "one"])
    names(library)
    rows = {entry.name: entry.row() for entry in library.entries()}
    assert len(rows) == len(library.entries()) == 3
    assert rows["sweep/0001"]["factors"] == {"lr": "0.1", "seed": "3"}
    assert rows["sweep/0002"]["factors"] == {}
    assert (rows["sweep/0001"]["sweep"], rows["one"]["sweep"]) == ("sweep", None)


def test_runs_and_sweeps_of_a_project_are_found(tmp_path):
    new_run(tmp_path / "runs", "one")
    new_run(tmp_path / "sweeps" / "rates" / "trials", "0001")
    (tmp_path / "sweeps" / "rates" / "sweep.json").write_text('{"trials": []}')
    new_run(tmp_path / "other" / "deeper", "two")
    library = Library([tmp_path])
    assert names(library) == {"one", "rates/0001"}
    assert library.home == tmp_path / "runs"
    assert Library([tmp_path / "other"]).home == tmp_path / "other"


def test_new_runs_lie_beside_a_run_and_never_within_one(tmp_path):
    new_run(tmp_path / "runs", "one")
    new_run(tmp_path / "sweeps" / "rates" / "trials", "0001")
    (tmp_path / "sweeps" / "rates" / "sweep.json").write_text('{"trials": []}')
    homes = {
        "": "runs",
        "runs": "runs",
        "runs/one": "runs",
        "sweeps/rates": "sweeps",
        "sweeps/rates/trials/0001": "sweeps",
    }
    for given, home in homes.items():
        assert Library([tmp_path / given]).home == tmp_path / home, given
    assert Library([tmp_path / "nothing"]).home == tmp_path / "nothing"
    library = Library([tmp_path / "runs" / "one"])
    assert library.take_in(tmp_path / "runs" / "two") is None
    new_run(tmp_path / "runs", "two")
    entry = library.take_in(tmp_path / "runs" / "two")
    assert entry is not None
    assert names(library) == {"one", "two"}
    assert library.get(entry.id) is entry


def test_trials_have_the_same_keys_as_runs(tmp_path):
    config = load_config("digits")
    new_run(tmp_path, "run", dump_config(config, defaults=True))
    new_run(tmp_path / "sweep" / "trials", "0001", dump_config(config))
    (tmp_path / "sweep" / "sweep.json").write_text('{"trials": []}')
    library = Library([tmp_path])
    library.refresh()
    run, trial = (entry.row()["config"] for entry in library.entries())
    assert run == trial


def test_pictures_are_told_by_their_names(tmp_path):
    run = new_run(tmp_path, "run")
    library = Library([tmp_path])
    for given, told in (([str(tmp_path / "run" / "curves.png"), 3], ["curves.png", "3"]), ("x", [])):
        (run.folder / "result.json").write_text(json.dumps({"test_loss": 1.0, "pictures": given}))
        library.refresh()
        assert library.entries()[0].details()["result"] == {"test_loss": 1.0, "pictures": told}


@pytest.mark.parametrize("plan", ["[1]", "{", '{"trials": {"a": 1}}', "[" * 10_000])
def test_a_damaged_plan_leaves_the_trials_without_factors(tmp_path, plan):
    new_run(tmp_path / "sweep" / "trials", "0001")
    (tmp_path / "sweep" / "sweep.json").write_text(plan)
    assert names(Library([tmp_path])) == {"sweep/0001"}


def test_links_are_no_runs(tmp_path):
    outside = tmp_path / "outside"
    new_run(outside, "secret")
    runs = tmp_path / "runs"
    new_run(runs, "one")
    os.symlink(outside / "secret", runs / "linked")
    os.symlink(outside, runs / "all")
    (runs / "half").mkdir()
    os.symlink(outside / "secret" / "recipe.yaml", runs / "half" / "recipe.yaml")
    assert names(Library([runs])) == {"one"}


def test_a_run_keeps_its_number_when_it_goes_and_comes_back(tmp_path):
    for name in ("a", "b"):
        new_run(tmp_path, name)
    library = Library([tmp_path])
    names(library)
    numbers = {entry.name: entry.id for entry in library.entries()}
    shutil.move(tmp_path / "a", tmp_path.parent / "away")
    assert names(library) == {"b"}
    with pytest.raises(Refusal, match="there is no run"):
        library.get(numbers["a"])
    new_run(tmp_path, "c")
    shutil.move(tmp_path.parent / "away", tmp_path / "a")
    assert names(library) == {"a", "b", "c"}
    assert {entry.name: entry.id for entry in library.entries()} == {**numbers, "c": 3}


def test_a_run_that_is_gone_between_two_looks_is_told_so(tmp_path):
    new_run(tmp_path, "a")
    library = Library([tmp_path])
    names(library)
    shutil.rmtree(tmp_path / "a")
    with pytest.raises(Refusal, match="there is no run 1"):
        library.get(1)


HOSTILE_RECIPES = [
    b"",
    b"\xff\xfe",
    b"[" * 10_000,
    b"- 1\n- 2\n",
    b"a: &x [*x]\n",
    b"data: 3\nmodel: []\n",
    b"!!python/object:os.system {}",
]


@pytest.mark.parametrize("recipe", HOSTILE_RECIPES, ids=repr)
@pytest.mark.parametrize("name", ["result.json", "data.json", "environment.json", "compiled.json"])
def test_damaged_files_leave_a_row(tmp_path, recipe, name):
    run = new_run(tmp_path, "odd")
    (run.folder / "recipe.yaml").write_bytes(recipe)
    (run.folder / name).write_bytes(recipe)
    library = Library([tmp_path])
    library.refresh()
    entry = library.entries()[0]
    assert entry.row()["name"] == "odd"
    assert entry.details()["checkpoints"] == []


def test_a_status_follows_the_events(tmp_path):
    run = new_run(tmp_path, "one")
    library = Library([tmp_path])

    def status():
        library.refresh()
        return library.entries()[0].status

    assert status() == "running"  # newborn
    os.utime(run.folder / "recipe.yaml", (1, 1))
    assert status() == "interrupted"
    run.begin()
    assert status() == "running"
    run.log("failed", step=3, reason="the loss is nan")
    assert status() == "failed"
    assert library.entries()[0].details()["reason"] == "the loss is nan"
    run.write_result({"test_accuracy": 0.5, "seconds": 3.0})
    assert status() == "finished"
    row = library.entries()[0].row()
    assert (row["metrics"]["test_accuracy"], row["seconds"]) == (0.5, 3.0)


def test_a_run_of_hostile_sizes_gives_a_row_and_a_page_of_bounded_size(tmp_path):
    run = new_run(tmp_path / "sweep" / "trials", "0001")
    plan = {
        "trials": [
            {"number": 1, "levels": {f"factor{i}" + "f" * 500: "v" * 5000 for i in range(100)}, "seed": "s" * 5000}
        ]
    }
    (tmp_path / "sweep" / "sweep.json").write_text(json.dumps(plan))
    recipe = {
        "data": {"set": "d" * 50_000},
        "seed": int("9" * 299),
        **{f"key{i}": "v" * 300 for i in range(2000)},
        "k" * 500: 1,
    }
    (run.folder / "recipe.yaml").write_text(json.dumps(recipe))
    (run.folder / "result.json").write_text(
        json.dumps({f"test_{i}": 1.0 for i in range(10_000)} | {"loss": 0.5, "r" * 5000: 1.0})
    )
    (run.folder / "environment.json").write_text(
        json.dumps({"numpy": "2", "list": list(range(1_000_000)), "python": "3"})
    )
    (run.folder / "data.json").write_text(json.dumps({"classes": ["c" * 200] * 2000}))
    life = {"event": "failed", "reason": "r" * 100_000, "host": "h" * 100_000}
    (run.folder / "events.jsonl").write_text(json.dumps(life) + "\n")
    library = Library([tmp_path])
    library.refresh()
    (entry,) = library.entries()
    row, page = entry.row(), entry.details()
    assert len(dump(row)) < 60_000
    assert len(row["config"]) > 20
    assert len(row["factors"]) == 21
    assert len(entry.figures) <= 200
    assert page["environment"] == {"numpy": "2", "python": "3"}
    assert set(page["classes"]) == {"c" * 99 + "…"}
    assert len(dump(page)) < 4_000_000
    os.unlink(run.folder / "result.json")
    library.refresh()
    assert entry.details()["reason"] == "r" * 999 + "…"


def test_a_checkpoint_that_took_anothers_place_at_the_same_time_is_read_again(tmp_path, trained_runs):
    run = new_run(tmp_path, "one")
    states, path = trained_runs / "spiral" / "checkpoints", run.checkpoints / "last.safetensors"
    listed = Checkpoints(run.folder)
    for name, step in (("last", 40), ("initial", 0), ("last", 40)):
        shutil.copy(states / f"{name}.safetensors", tmp_path / "new")
        os.utime(tmp_path / "new", (1, 1))
        os.replace(tmp_path / "new", path)
        assert [state["step"] for state in listed.listed()] == [step]


def test_a_checkpoint_with_a_vast_header_is_listed_and_not_read(tmp_path, monkeypatch):
    run = new_run(tmp_path, "one")
    with open(run.checkpoints / "last.safetensors", "wb") as file:
        file.write((90_000_000).to_bytes(8, "little") + b"{")
        file.truncate(90_000_100)
    monkeypatch.setattr(checkpoints, "read_header", lambda *given: pytest.fail("it was read"))
    assert [state["step"] for state in Checkpoints(run.folder).listed()] == [0]


def test_a_folder_of_checkpoints_that_nobody_may_read_is_told_and_the_page_shows_the_rest(client, monkeypatch):
    number = client.number_of("spiral")
    scan = os.scandir

    def forbidden(path):
        if str(path).endswith("checkpoints"):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(checkpoints.os, "scandir", forbidden)
    status, said = client.get(f"/api/runs/{number}/graph")
    assert (status, said["error"]["what"]) == (403, "the folder checkpoints cannot be read (Permission denied)")
    page = client.fetch(f"/api/runs/{number}")
    assert (page["checkpoints"], page["names"] != []) == ([], True)
    assert page["unreadable"]["what"] == said["error"]["what"]
    monkeypatch.undo()
    assert client.fetch(f"/api/runs/{number}")["unreadable"] is None


def test_checkpoints_are_listed_by_step_and_found_by_number(trained_runs):
    library = Library([trained_runs])
    library.refresh()
    entry = next(entry for entry in library.entries() if entry.name == "spiral")
    states = entry.checkpoints.listed()
    # Which state is the best hangs on the training.
    steps = [(state["kind"], state["step"]) for state in states if state["kind"] != "best"]
    assert steps == [("initial", 0), ("snapshot", 0), ("snapshot", 20), ("snapshot", 40), ("last", 40)]
    assert [state["step"] for state in states] == sorted(state["step"] for state in states)
    assert [state["kind"] for state in states].count("best") == 1
    for state in states:
        number, path = entry.checkpoints.path(state["id"])
        assert (number, path.stem) == (state["id"], state["name"])
    assert entry.checkpoints.path(None)[1].stem == "best"
    with pytest.raises(Refusal, match="there is no state 99"):
        entry.checkpoints.path(99)


def test_a_checkpoint_that_is_a_link_is_none(tmp_path, trained_runs):
    run = new_run(tmp_path, "one")
    shutil.copy(trained_runs / "spiral/checkpoints/last.safetensors", tmp_path / "outside.safetensors")
    os.symlink(tmp_path / "outside.safetensors", run.checkpoints / "last.safetensors")
    (run.checkpoints / "best.safetensors").write_bytes(b"not one")
    library = Library([tmp_path])
    library.refresh()
    assert [(s["name"], s["step"]) for s in library.entries()[0].checkpoints.listed()] == [("best", 0)]

"""The playground: the same specification gives the same bits, here, from the recipe and from the script."""

import contextlib
import io
import json

import numpy as np
import pytest

from tapegrad.board.playground import service
from tapegrad.board.playground.session import Session
from tapegrad.board.playground.spec import DEFAULTS, completed
from tapegrad.cli.main import main
from tapegrad.errors import ArgumentError, TapegradError
from tapegrad.train import Run
from tapegrad.train.ledger import read_ledger

SMALL = {"points": 60, "layers": [4], "seed": 3}
SPECS = [
    {"data": "spiral"},
    {"data": "moons", "l2": 0.01, "dropout": 0.2, "activation": "ReLU", "optimizer": "Momentum", "batch_size": 0},
    {"data": "circles", "l1": 0.001, "l2": 0.001, "activation": "Linear", "layers": [], "optimizer": "RMSprop"},
    {"data": "digits", "optimizer": "AdamW", "activation": "GELU"},
    {"data": "moons", "optimizer": "SGD", "activation": "LeakyReLU", "noise": 0, "layers": [3, 2, 4]},
    {"data": "spiral", "optimizer": "Adam", "activation": "Sigmoid", "batch_size": 7, "test_share": 0.5},
]
CSV = "a,b,kind\n" + "".join(f"{i % 7},{i * i % 5},{'x' if i % 7 > 3 else 'y'}\n" for i in range(60))
VALUES = "x,y\n" + "".join(f"{i / 10},{i / 5 + 0.5}\n" for i in range(40))


@pytest.fixture(autouse=True)
def _nothing_is_left():
    yield
    for session in list(service._sessions):
        service._close(session)
    service._tables.clear()
    for path in service._scratch().iterdir():
        path.unlink()


def weights_of(model):
    return np.concatenate([p.array.ravel() for p in model.parameters()])


@contextlib.contextmanager
def session_of(spec, table=None):
    session = Session(completed({**SMALL, **spec}), table, None)
    try:
        yield session
    finally:
        session.close()


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec['data']}-{spec.get('optimizer')}")
def test_recipe_and_script_train_the_same_network(tmp_path, capsys, spec):
    with session_of(spec) as session:
        frame = session.advance(25)
        described = session.described()
        expected = weights_of(session.assembly.model)
    (tmp_path / "p.yaml").write_text(described["yaml"])
    assert main(["train", str(tmp_path / "p.yaml"), "training.steps=25", "--runs", str(tmp_path / "runs")]) == 0
    run = Run(next((tmp_path / "runs").iterdir()))
    assert read_ledger(run)[-1]["sha256"] == frame["hash"]
    assert (run.result or {})["test_accuracy"] == frame["test_accuracy"]
    space = {}
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(compile(described["python"].replace("1000", "25"), "p.py", "exec"), space)
    assert np.array_equal(weights_of(space["model"]), expected)
    assert f"accuracy {frame['test_accuracy']:.3f}" in said.getvalue()
    capsys.readouterr()


def test_the_bits_do_not_depend_on_how_updates_are_asked_for_or_on_others():
    spec = {"dropout": 0.3, "batch_size": 7}
    with session_of(spec) as one:
        whole = one.advance(100)
    with session_of(spec) as one, session_of({"dropout": 0.5, "data": "moons"}) as other:
        for steps in (1, 33, 6, 60):
            frame = one.advance(steps)
            other.advance(5)
    assert frame["step"] == whole["step"] == 100
    assert frame["hash"] == whole["hash"]
    with session_of({**spec, "seed": 4}) as different:
        assert different.advance(100)["hash"] != whole["hash"]


def test_a_frame_shows_what_the_network_says():
    with session_of({"data": "moons", "layers": [5, 4]}) as session:
        frame = session.advance(3)
        model = session.assembly.model
    plane = frame["boundary"]
    assert len(plane["classes"]) == len(plane["confidence"]) == plane["size"] ** 2
    assert [len(layer) for layer in frame["units"]] == [5, 4, 2]
    assert [len(layer[0]["weights"]) for layer in frame["units"]] == [2, 5, 4]
    assert all(len(unit["response"]) == plane["size"] ** 2 for layer in frame["units"] for unit in layer)
    assert all(0 <= value <= 1 for layer in frame["units"] for unit in layer for value in unit["response"])
    weight = dict(model.named_parameters())["fc1.weight"].array
    assert np.allclose([unit["weights"] for unit in frame["units"][0]], weight, atol=1e-5)
    # Row by row from the lowest y: the second number is one step to the right.
    import tapegrad as tg

    step = (plane["x"][1] - plane["x"][0]) / (plane["size"] - 1)
    points = tg.tensor(
        [[plane["x"][0], plane["y"][0]], [plane["x"][0] + step, plane["y"][0]], [plane["x"][0], plane["y"][1]]]
    )
    said = model.eval()(points).argmax(dim=1).array.tolist()
    assert [plane["classes"][i] for i in (0, 1, plane["size"] * (plane["size"] - 1))] == said
    assert json.dumps(frame)


def test_a_training_that_diverges_says_so_in_a_sentence():
    with session_of({"lr": 100.0, "optimizer": "SGD", "layers": [8], "activation": "Linear", "l2": 10.0}) as session:
        with pytest.raises(Exception, match=r"is (nan|inf)") as caught:
            session.advance(2000)
        assert isinstance(caught.value, ValueError)
        with pytest.raises(ValueError, match=r"is (nan|inf)"):
            session.advance(1)


WRONG = [
    ("data", "spirale"), ("data", 3), ("data", "csv:../../x"), ("data", ["spiral"]), ("points", 0), ("points", 1e9), ("points", "x"),
    ("points", float("nan")), ("points", True), ("noise", -1), ("noise", float("inf")), ("seed", -1), ("seed", 2**31), ("test_share", 1.0),
    ("layers", [0]), ("layers", [65]), ("layers", [64] * 3), ("layers", [1] * 7), ("layers", "8"), ("layers", [[8]]), ("layers", [True]),
    ("activation", "System"), ("activation", "Linear'; import os"), ("optimizer", "LBFGS"), ("lr", 0), ("lr", "0.1"), ("lr", 1e9),
    ("batch_size", -1), ("batch_size", 0.5), ("l1", -1), ("l2", 100), ("dropout", 1.0), ("model", 1), ("", 1), ("x" * 1000, 1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), WRONG, ids=lambda value: repr(value)[:20])
def test_what_is_out_of_bounds_is_refused(name, value):
    with pytest.raises(ArgumentError):
        completed({name: value})


def test_what_is_left_out_is_completed():
    assert completed({}) == {**DEFAULTS, "noise": 0.2}
    assert completed({"lr": None, "layers": None}) == completed({})
    assert completed({"points": 100.0})["points"] == 100
    assert completed(completed({"data": "digits"})) == completed({"data": "digits"})


# -- tables -----------------------------------------------------------------------------------------------------------


def test_a_table_of_ones_own_is_trained_and_its_recipe_and_script_run(tmp_path, capsys, monkeypatch):
    sent = service._upload("../my table.csv", CSV)
    assert (sent["columns"], sent["rows"], sent["classes"]) == (["a", "b"], 60, ["x", "y"])
    started = service._start({"data": f"csv:{sent['token']}", "layers": [4]})
    frame = service._advance(started["id"], 25)
    assert frame["boundary"]["points"]
    (tmp_path / "my-table.csv").write_text(CSV)
    (tmp_path / "p.yaml").write_text(started["yaml"])
    monkeypatch.chdir(tmp_path)
    assert main(["train", "p.yaml", "training.steps=25"]) == 0
    assert read_ledger(Run(next((tmp_path / "runs").iterdir())))[-1]["sha256"] == frame["hash"]
    space = {}
    exec(compile(started["python"].replace("1000", "25"), "p.py", "exec"), space)
    from tapegrad.train.hashes import hash_model

    assert hash_model(space["model"]) == frame["hash"]
    capsys.readouterr()


def test_a_table_of_values_gives_a_curve():
    sent = service._upload("values.csv", VALUES)
    assert sent["classes"] is None
    started = service._start({"data": f"csv:{sent['token']}", "layers": [4]})
    frame = service._advance(started["id"], 5)
    assert len(frame["boundary"]["x"]) == len(frame["boundary"]["curve"])
    assert frame["accuracy"] is None
    assert len(frame["units"][0][0]["response"]) == 20


@pytest.mark.parametrize(
    ("name", "text"),
    [("a", ""), ("a", "x"), (3, CSV), ("a", None), ("a", "a,b\n1"), ("a", "a," * 500 + "b\n"), ("a", "1,2\n" * 30_000), ("a", "x" * 1_000_000), ("a", 'a,"b\n1,2'), ("a", "a,b\n" + "".join(f"{i},w{i}\n" for i in range(200)))],
    ids=range(10),
)  # fmt: skip
def test_tables_that_cannot_be_learned_from_are_refused_and_not_kept(name, text):
    before = set(service._scratch().iterdir())
    with pytest.raises(TapegradError):
        service._upload(name, text)
    assert set(service._scratch().iterdir()) == before


def test_a_table_is_refused_by_its_own_name_and_not_by_where_it_lies():
    with pytest.raises(ArgumentError) as caught:
        service._upload("../mine.csv", "a,b,c\n1,2,3\n1,2\n")
    assert str(caught.value).startswith("mine.csv:3: has 2 columns, the first line has 3")
    assert "data." not in str(caught.value)


def test_a_table_of_one_class_is_refused():
    for kind, text in (("word", "yes"), ("7", "7")):
        with pytest.raises(ArgumentError) as caught:
            service._upload("a.csv", "a,kind\n" + "".join(f"{i},{text}\n" for i in range(9)))
        assert str(caught.value).startswith(f"upload: its column 'kind' has one class alone, '{text}'; give a table"), (
            kind
        )
    assert not list(service._scratch().iterdir())


def test_only_so_many_networks_and_tables_are_kept():
    numbers = [service._start({**SMALL})["id"] for _ in range(9)]
    with pytest.raises(Exception, match="not here any more"):
        service._advance(numbers[0], 1)
    assert service._advance(numbers[1], 1)["step"] == 1
    tokens = [service._upload("a.csv", CSV)["token"] for _ in range(17)]
    assert len(list(service._scratch().iterdir())) <= 16
    with pytest.raises(Exception, match="upload it again"):
        service._start({"data": f"csv:{tokens[0]}"})


@pytest.mark.parametrize("steps", [0, -1, 2001, 1.5, "1", True, None])
def test_only_so_many_updates_are_made_at_a_time(steps):
    number = service._start({**SMALL})["id"]
    with pytest.raises(ArgumentError):
        service._advance(number, steps)


# -- over the wire ------------------------------------------------------------------------------------------------------


def test_the_page_plays(shared):
    status, started = shared.post("/api/playground", {"spec": SMALL})
    assert status == 200
    assert started["parameters"] == 2 * 4 + 4 + 4 * 3 + 3
    status, frame = shared.post(f"/api/playground/{started['id']}/advance", {"steps": 100})
    assert (status, frame["step"]) == (200, 100)
    _, again = shared.post("/api/playground", {"spec": started["spec"]})
    assert shared.post(f"/api/playground/{again['id']}/advance", {"steps": 100})[1]["hash"] == frame["hash"]
    assert shared.post(f"/api/playground/{started['id']}/close", {}) == (200, {})
    assert shared.post(f"/api/playground/{started['id']}/advance", {"steps": 1})[0] == 404
    assert shared.post("/api/playground", {"spec": {"lr": "x"}})[0] == 400
    assert shared.post("/api/playground", {"spec": []})[0] == 400
    status, sent = shared.post("/api/playground/upload", {"name": "x.csv", "csv": CSV})
    assert (status, sent["rows"]) == (200, 60)
    assert shared.post("/api/playground/upload", {"name": "x.csv", "csv": "x"})[0] == 400

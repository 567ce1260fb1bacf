"""What the board shows of a network's inside is what the library computes."""

import hashlib
import importlib.util
import json
import os
import pathlib
import py_compile
import shutil
import struct
import zlib

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.board.probe import service
from tapegrad.board.probe.subject import Subject, subject_of
from tapegrad.board.refusal import Refusal
from tapegrad.lab import trust
from tapegrad.lab.build import build_model
from tapegrad.lab.config import load_config
from tapegrad.lab.data import load_sets
from tapegrad.train import Run, load_weights

from .conftest import serving, trained


def loaded(folder, checkpoint="best"):
    """Return a run's network and data, made without the board."""
    config = load_config(folder / "recipe.yaml")
    sets = load_sets(config)
    model = build_model(config, sets.train.inputs.shape[1:])
    load_weights(folder / "checkpoints" / f"{checkpoint}.safetensors", model)
    return model.eval(), sets


@pytest.fixture(scope="module", params=["spiral", "digits"])
def name(request):
    return request.param


@pytest.fixture(scope="module")
def probed(shared, name):
    return shared.number_of(name)


@pytest.fixture(scope="module")
def own(trained_runs, name):
    return loaded(trained_runs / name)


def batch_of(sets, rows):
    return tg.tensor(sets.train.inputs[rows]), tg.tensor(sets.train.targets[rows])


def test_the_graph_shows_the_programs_values(shared, probed, own):
    found = shared.fetch(f"/api/runs/{probed}/graph")
    model, sets = own
    inputs, targets = batch_of(sets, found["rows"])
    assert len(found["rows"]) == 32
    assert len(set(targets.array.tolist())) > 2
    traced = tg.trace(lambda x, y: tg.nn.CrossEntropyLoss()(model(x), y), inputs, targets)
    program = traced[0] if isinstance(traced, tuple) else traced
    operations = [node for node in found["nodes"] if node["kind"] == "operation"]
    assert len(operations) == len(program.equations)
    value = inputs
    for path, layer in model.named_children():
        value = layer(value)
        if isinstance(layer, tg.nn.Dropout):  # which does nothing here, and so is no operation
            continue
        node = next(node for node in operations if node["module"] == path)
        for figure in ("mean", "std", "min", "max"):
            expected = float(getattr(value.array.astype(np.float64), figure)())
            assert abs(node["stats"][figure] - expected) <= 1e-6, (path, figure)
        assert sum(node["stats"]["histogram"]["counts"]) == value.array.size
    loss = tg.nn.CrossEntropyLoss()(model(inputs), targets)
    loss.backward()
    gradients = {node["name"]: node["gradient"] for node in found["nodes"] if node["kind"] == "parameter"}
    for path, parameter in model.named_parameters():
        assert abs(gradients[path]["mean"] - float(parameter.grad.array.astype(np.float64).mean())) <= 1e-6
        parameter.grad = None
    assert {tuple(edge) for edge in found["edges"]}


def test_a_node_opens_to_its_values(shared, probed, own):
    graph = shared.fetch(f"/api/runs/{probed}/graph")
    model, _ = own
    weight = next(node for node in graph["nodes"] if node["name"] == "fc1.weight")
    found = shared.fetch(f"/api/runs/{probed}/nodes/{weight['id']}")
    assert np.array_equal(np.float32(found["values"]), dict(model.named_parameters())["fc1.weight"].array)
    assert (found["shape"], found["truncated"]) == (weight["shape"], False)
    gradient = shared.fetch(f"/api/runs/{probed}/nodes/{weight['id']}?part=gradient")
    assert gradient["shape"] == weight["shape"]
    assert abs(gradient["mean"] - weight["gradient"]["mean"]) < 1e-12
    assert shared.get(f"/api/runs/{probed}/nodes/9999")[0] == 404
    target = next(node for node in graph["nodes"] if node["kind"] == "input" and node["dtype"] == "int64")
    assert shared.get(f"/api/runs/{probed}/nodes/{target['id']}?part=gradient")[0] == 404


@pytest.mark.parametrize("samples", [1, 8])
def test_the_steps_end_with_the_gradients_of_backward(shared, probed, own, samples):
    found = shared.fetch(f"/api/runs/{probed}/steps?samples={samples}")
    model, sets = own
    inputs, targets = batch_of(sets, found["rows"])
    assert len(found["rows"]) == samples
    tg.nn.CrossEntropyLoss()(model(inputs), targets).backward()
    assert set(found["leaves"]) == {path for path, _ in model.named_parameters()}
    for path, parameter in model.named_parameters():
        leaf, wide = found["leaves"][path], parameter.grad.array.astype(np.float64)
        assert leaf["mean"] == wide.mean()
        assert abs(leaf["norm"] - np.sqrt((wide**2).sum())) < 1e-12
        if not leaf["truncated"]:
            assert np.array_equal(np.float32(leaf["values"]), parameter.grad.array)
        parameter.grad = None
    assert [step["index"] for step in found["steps"]] == list(range(len(found["steps"])))
    assert found["steps"][0]["derivative"]


def test_samples_have_the_networks_answers(shared, probed, own):
    model, sets = own
    found = shared.fetch(f"/api/runs/{probed}/samples?part=test&offset=5&limit=7")
    assert (found["total"], len(found["items"])) == (len(sets.test), 7)
    shares = tg.softmax(model(tg.tensor(sets.test.inputs[5:12])), dim=1).array
    for i, item in enumerate(found["items"]):
        assert item["label"] == sets.test.labels[5 + i]
        assert item["predicted"] == shares[i].argmax()
        assert abs(item["probability"] - shares[i].max()) < 1e-5
        assert (item["image"] is None) == (sets.test.images is None)
        if item["image"] is None:
            assert np.allclose(item["values"], sets.test.inputs[5 + i])
    assert shared.fetch(f"/api/runs/{probed}/samples?offset=99999")["items"] == []


def test_mistakes_are_all_mistakes_and_the_surest_come_first(shared, probed, own):
    model, sets = own
    found = shared.fetch(f"/api/runs/{probed}/samples?part=test&which=mistakes&limit=200")
    said = model(tg.tensor(sets.test.inputs)).array.argmax(axis=1)
    assert found["total"] == int((said != sets.test.labels).sum())
    assert {item["row"] for item in found["items"]} <= set(np.flatnonzero(said != sets.test.labels))
    sure = [item["probability"] for item in found["items"]]
    assert sure == sorted(sure, reverse=True)


def test_suspects_are_those_of_the_command(shared, probed, own):
    from tapegrad.lab.data.suspects import opinions_of, rank

    found = shared.fetch(f"/api/runs/{probed}/samples?which=suspects&limit=5")
    expected = [entry for entry in rank(opinions_of(*own), top=10_000)["suspects"] if entry["part"] == "train"]
    assert found["total"] == len(expected)
    assert [item["index"] for item in found["items"]] == [entry["index"] for entry in expected[:5]]
    assert shared.get(f"/api/runs/{probed}/samples?which=suspects&part=test")[0] == 404


def test_an_image_is_a_picture(shared):
    item = shared.fetch(f"/api/runs/{shared.number_of('digits')}/samples?limit=1")["items"][0]
    import base64

    data = base64.b64decode(item["image"].removeprefix("data:image/png;base64,"))
    assert struct.unpack(">II", data[16:24]) == (8, 8)
    assert zlib.crc32(data[12:29]) == struct.unpack(">I", data[29:33])[0]


def test_the_boundary_is_what_the_network_says_of_the_plane(shared, trained_runs):
    number = shared.number_of("spiral")
    model, _ = loaded(trained_runs / "spiral", "initial")
    first = next(s["id"] for s in shared.fetch(f"/api/runs/{number}")["checkpoints"] if s["kind"] == "initial")
    found = shared.fetch(f"/api/runs/{number}/boundary?checkpoint={first}")
    x, y = (np.linspace(found[side][0], found[side][1], found["size"]) for side in ("x", "y"))
    for row, column in ((0, 0), (3, 70), (79, 5), (40, 41)):
        said = model(tg.tensor([[float(x[column]), float(y[row])]])).array
        assert found["classes"][row * found["size"] + column] == said.argmax()
    assert found != shared.fetch(f"/api/runs/{number}/boundary")
    assert shared.get(f"/api/runs/{shared.number_of('digits')}/boundary")[0] == 404


def test_weights_are_rows(shared, probed, own):
    model, _ = own
    found = shared.fetch(f"/api/runs/{probed}/weights")
    assert found["names"] == [path for path, _ in model.named_parameters()]
    array = dict(model.named_parameters())[found["parameter"]].array
    assert np.array_equal(np.float32(found["values"]), array.reshape(len(array), -1))
    assert (found["low"], found["high"]) == (float(array.min()), float(array.max()))
    bias = shared.fetch(f"/api/runs/{probed}/weights?parameter=fc1.bias")
    assert (len(bias["values"]), bias["shape"]) == (1, list(dict(model.named_parameters())["fc1.bias"].shape))
    assert shared.get(f"/api/runs/{probed}/weights?parameter=__class__")[0] == 404


def test_what_was_drawn_is_prepared_as_the_training_data_was(shared, trained_runs):
    model, sets = loaded(trained_runs / "digits")
    row, part = 7, sets.test
    assert part is not None
    assert part.images is not None
    pixels = (part.images[row] / 255).tolist()
    number = shared.number_of("digits")
    status, found = shared.post(f"/api/runs/{number}/predict", {"inputs": pixels})
    assert status == 200
    expected = model(tg.tensor(part.inputs[row : row + 1])).array
    assert np.allclose(found["outputs"], expected, atol=0.05)
    assert abs(sum(found["probabilities"][0]) - 1) < 1e-5
    assert [layer["path"] for layer in found["layers"]] == [path for path, _ in model.named_children()]
    assert len(shared.post(f"/api/runs/{number}/predict", {"inputs": [pixels] * 3})[1]["outputs"]) == 3
    assert shared.post(f"/api/runs/{number}/predict", {"inputs": [[pixels]] * 2})[0] == 200


@pytest.mark.parametrize(
    "inputs",
    [None, "x", [], {}, [[1, 2], [3]], 3, [[0.0] * 8] * 7, [["a"] * 8] * 8, [[1e300] * 8] * 8, [[[0.0] * 8] * 8] * 17],
)
def test_inputs_that_do_not_fit_are_refused(shared, inputs):
    status, said = shared.post(f"/api/runs/{shared.number_of('digits')}/predict", {"inputs": inputs})
    assert status == 400, said


# -- what is asked for may be anybody's ---------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["recipe.yaml", "data.json", "checkpoints/best.safetensors", "checkpoints"])
def test_a_damaged_run_is_told_in_a_sentence(client, runs, damage):
    number = client.number_of("spiral")
    path = runs / "spiral" / damage
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.write_bytes(b"\x00\xff damaged")
    if damage == "checkpoints":
        shutil.rmtree(runs / "spiral" / "snapshots")
    status, said = client.get(f"/api/runs/{number}/graph")
    assert status in (400, 404)
    assert said["error"]["what"]


@pytest.mark.parametrize("shape", [["a"], [2.5], [-1], [1e308], [None], [True]])
def test_a_shape_that_is_none_is_told_in_a_sentence(client, runs, shape):
    number = client.number_of("spiral")
    (runs / "spiral" / "data.json").write_text(json.dumps({"input_shape": shape}))
    status, said = client.get(f"/api/runs/{number}/graph")
    assert (status, said["error"]["what"]) == (404, "its data.json is missing or damaged")


NET = """
import pathlib
pathlib.Path({touched!r}).write_text("ran")
from tapegrad import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 3)
    def forward(self, x):
        return self.fc(x)
class Other(Net):
    pass
"""


@pytest.fixture
def foreign(tmp_path):
    """A run of a network that is written in Python, and the file that shows whether its code ran."""
    touched = tmp_path / "touched"
    (tmp_path / "net.py").write_text(NET.format(touched=str(touched)))
    recipe = {"model": {"module": f"{tmp_path / 'net.py'}:Net"}}
    text = (
        "data: {set: spiral, arguments: {points: 20, test_points: 5}, split: {valid: 0}}\n"
        f"model: {{module: '{recipe['model']['module']}'}}\n"
        "optimizer: {type: SGD, lr: 0.1}\ntraining: {steps: 2, compile: false}\n"
    )
    (tmp_path / "own.yaml").write_text(text)
    run = trained(tmp_path / "runs", "own", str(tmp_path / "own.yaml"))
    touched.unlink()
    return run, touched


def subject(run, **more):
    return Subject(run.folder, str(run.checkpoints / "last.safetensors"), **more)


def test_a_networks_own_file_runs_where_it_was_trained_unchanged_alone(foreign, tmp_path):
    run, touched = foreign
    assert subject(run).graph.nodes
    assert touched.read_text() == "ran"
    touched.unlink()
    (tmp_path / "net.py").write_text((tmp_path / "net.py").read_text() + "# changed\n")
    with pytest.raises(Refusal, match="was changed since the training"):
        subject(run)
    digest = hashlib.sha256((tmp_path / "net.py").read_bytes()).hexdigest()
    Run(run.folder).write_environment({"data": {str(tmp_path / "net.py"): digest}})
    with pytest.raises(Refusal, match="was changed since the training"):
        subject(run)
    assert not touched.exists()


def test_a_whole_folder_that_somebody_wrote_runs_nothing_until_it_is_trusted_by_name(foreign, tmp_path):
    """Recipe, environment, events and hashes are all in order, and of this machine: only the training was another's."""
    run, touched = foreign
    forged = tmp_path / "runs" / "forged"
    shutil.copytree(run.folder, forged)
    with serving(tmp_path / "runs") as client:
        number = client.number_of("forged")
        status, said = client.get(f"/api/runs/{number}/graph")
        assert (status, touched.exists()) == (403, False)
        assert "not among the trainings of this user" in said["error"]["what"]
        assert "--trust" in said["error"]["fix"]
        assert client.get(f"/api/runs/{client.number_of('own')}/graph")[0] == 200
    touched.unlink()
    with serving(tmp_path / "runs", trusts=True) as client:
        assert client.get(f"/api/runs/{number}/graph")[0] == 200
    assert touched.exists()


def test_a_recipe_that_names_something_else_of_the_same_file_runs_nothing(foreign):
    run, touched = foreign
    recipe = run.folder / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("net.py:Net", "net.py:Other"))
    with pytest.raises(Refusal, match="names another network"):
        subject(run)
    assert not touched.exists()


def test_compiled_code_beside_a_networks_file_does_not_run_in_its_place(foreign, tmp_path):
    run, touched = foreign
    file, forged = tmp_path / "net.py", tmp_path / "forged.py"
    forged.write_text(file.read_text().replace('"ran"', '"forged"'))
    file_says = os.stat(file)
    compiled = importlib.util.cache_from_source(str(file))
    py_compile.compile(str(forged), compiled, str(file))
    header = bytearray(pathlib.Path(compiled).read_bytes())
    header[4:16] = struct.pack("<III", 0, int(file_says.st_mtime), file_says.st_size)
    pathlib.Path(compiled).write_bytes(header)
    assert subject(run).graph.nodes
    assert touched.read_text() == "ran"


def test_what_runs_of_a_networks_file_is_what_was_looked_at(foreign, tmp_path, monkeypatch):
    run, touched = foreign
    doubt = trust.doubt_about

    def swapped(*arguments):
        file = tmp_path / "net.py"
        file.write_text(file.read_text().replace('"ran"', '"swapped"'))
        return doubt(*arguments)

    monkeypatch.setattr(trust, "doubt_about", swapped)
    assert subject(run).graph.nodes
    assert touched.read_text() == "ran"


def test_a_network_is_built_once_for_each_state(trained_runs, monkeypatch, tmp_path):
    folder = shutil.copytree(trained_runs / "spiral", tmp_path / "run")
    path = str(folder / "checkpoints" / "last.safetensors")
    first = subject_of(str(folder), path)
    assert subject_of(str(folder), path) is first
    assert first.graph is first.graph
    shutil.copy(folder / "checkpoints" / "initial.safetensors", path)
    assert subject_of(str(folder), path) is not first
    assert set(service.METHODS) == {"graph", "node", "steps", "weights", "samples", "predict", "boundary"}

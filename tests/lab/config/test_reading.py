"""Configurations that are right: scalars, names, arguments, paths, and writing them down again."""

import math
import pickle

import pytest

pytest.importorskip("pydantic")
pytest.importorskip("yaml")

import tapegrad as tg
from tapegrad.errors import ArgumentError, ConfigError
from tapegrad.lab import names
from tapegrad.lab.config import config_of, dump_config, load_config, parse_config
from tapegrad.lab.library import recipe_file, recipes
from tapegrad.lab.schema import Component, Config
from tapegrad.lab.yaml import read_yaml, write_yaml

BASE = "data: {set: mnist}\nmodel: {layers: [784, 10]}\noptimizer: {type: Adam, lr: 1e-3}\ntraining: {epochs: 1}\n"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3), ("1E3", 1e3), ("1.", 1.0), (".5", 0.5), ("-.5e+2", -50.0), ("12", 12), ("+12", 12), ("-0", 0),
        ("012", 12), ("0o17", 15), ("0x1F", 31), ("NO", "NO"), ("yes", "yes"), ("on", "on"), ("off", "off"), ("y", "y"),
        ("true", True), ("False", False), ("TRUE", True), ("null", None), ("~", None), ("", None), ("Null", None),
        (".inf", math.inf), ("-.INF", -math.inf), ("1_000", "1_000"), ("1:30", "1:30"), ("0b11", "0b11"), ("=", "="),
        ("2001-01-01", "2001-01-01"), ("'1'", "1"), ('"true"', "true"), ("!!str 1", "1"), ("!!float 1", 1.0), ("e3", "e3"),
        ("1e", "1e"), ("inf", "inf"), ("nan", "nan"), (".", "."), ("博学", "博学"),
    ],
)  # fmt: skip
def test_scalars_follow_yaml_1_2(text, value):
    read = read_yaml(f"a: {text}").data["a"]
    assert read == value
    assert type(read) is type(value)


def test_not_a_number():
    assert math.isnan(read_yaml("a: .NaN").data["a"])


def test_marks_of_keys_and_values():
    document = read_yaml("a:\n  - b: 1\n    c: [2,\n      3]\n")
    assert (document.mark(("a", 0, "c"), key=True).line, document.mark(("a", 0, "c"), key=True).column) == (3, 5)
    assert (document.mark(("a", 0, "c", 1)).line, document.mark(("a", 0, "c", 1)).column) == (4, 7)
    assert document.mark(("a", 0, "b", "no", "such")) == document.mark(("a", 0, "b"))


def test_a_byte_order_mark_is_skipped():
    assert read_yaml(b"\xef\xbb\xbfa: 1").data == {"a": 1}


def test_an_alias_stands_for_its_value():
    assert read_yaml("a: &x [1, 2]\nb: *x").data == {"a": [1, 2], "b": [1, 2]}


@pytest.mark.parametrize("name", [f"{name}/{variant}" for name, variants in recipes().items() for variant in variants])
def test_every_recipe_is_read_and_written_back(name):
    config = load_config(name)
    assert parse_config(dump_config(config)) == config
    assert parse_config(dump_config(config, defaults=True)) == config


def test_a_name_alone_is_the_best_variant():
    assert load_config("spiral") == load_config("spiral/best") != load_config("spiral/as-reported")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mnits", "recipe: there is no recipe and no file 'mnits'; did you mean 'mnist'?"),
        ("spiral/bset", "recipe: there is no recipe and no file 'spiral/bset'; did you mean 'spiral/best'?"),
        ("spiral/", "recipe: there is no recipe and no file 'spiral/'; did you mean 'spiral/best'?"),
    ],
)
def test_a_recipe_that_is_not_there(name, message):
    with pytest.raises(ArgumentError) as caught:
        load_config(name)
    assert str(caught.value) == message


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_config(tmp_path / "no.yaml")


def test_names_are_found_whatever_their_capitals():
    config = parse_config(
        BASE.replace("Adam", "adam").replace("mnist", "Fashion_MNIST") + "loss: crossentropyloss\nmetrics: [Top-K]"
    )
    assert (config.optimizer.type, config.data.set, config.loss.type) == ("Adam", "fashion-mnist", "CrossEntropyLoss")
    assert config.metrics == [Component(type="top_k")]


def test_arguments_are_handed_over_as_the_class_wants_them():
    config = parse_config(
        BASE.replace("lr: 1e-3", "lr: 1, betas: [0, 0.9]").replace(
            "[784, 10]", "[{type: Conv2d, in_channels: 1, out_channels: 2.0, kernel_size: [3, 3], padding: same}]"
        )
        + "schedule: {type: multisteplr, milestones: [3, 5], gamma: 1}"
    )
    assert config.optimizer.arguments == {"betas": (0.0, 0.9)}
    assert type(config.optimizer.lr) is float
    layer = config.model.layers[0]
    assert layer.arguments == {"in_channels": 1, "out_channels": 2, "kernel_size": (3, 3), "padding": "same"}
    assert type(layer.arguments["out_channels"]) is int
    assert config.schedule.arguments == {"milestones": (3, 5), "gamma": 1.0}


def test_components_within_components_are_made():
    text = "[{type: RandomApply, p: 0.3, transforms: [{type: RandomAffine, degrees: 3, interpolation: bilinear}]}]"
    config = parse_config(BASE.replace("{set: mnist}", f"{{set: mnist, transforms: {text}}}"))
    made = names.create("transform", config.data.transforms[0])
    inner = made.transforms[0]
    assert type(inner).__name__ == "RandomAffine"
    assert inner.interpolation.value == "bilinear"
    assert parse_config(dump_config(config)) == config


def test_schedules_in_sequence_share_the_optimizer():
    config = parse_config(
        BASE + "schedule: {type: SequentialLR, milestones: [2], schedulers: [LinearLR, {type: StepLR, step_size: 3}]}"
    )
    optimizer = tg.optim.SGD([tg.nn.Parameter(tg.zeros(1))], lr=0.3)
    schedule = names.create("schedule", config.schedule, optimizer)
    assert schedule.get_last_lr() == pytest.approx([0.1])


def test_class_weights_become_a_tensor():
    config = parse_config(BASE + "loss: {type: CrossEntropyLoss, weight: [1, 2]}")
    loss = names.create("loss", config.loss)
    assert loss.weight.tolist() == [1.0, 2.0]


def test_counts_may_have_exponents():
    assert parse_config(BASE.replace("epochs: 1", "steps: 1e4")).training.steps == 10_000


def test_checking_draws_nothing_from_the_generator():
    tg.manual_seed(0)
    expected = tg.rand(3).tolist()
    tg.manual_seed(0)
    parse_config(BASE.replace("[784, 10]", "[{type: Linear, in_features: 4, out_features: 2}]"))
    assert tg.rand(3).tolist() == expected


def test_paths_begin_at_the_folder_of_the_recipe(tmp_path, monkeypatch):
    (tmp_path / "net.py").write_text("class Net: pass")
    (tmp_path / "points.csv").write_text("")
    (tmp_path / "bad.txt").write_text("3")
    file = tmp_path / "recipe.yaml"
    file.write_text(
        "data: {set: csv, arguments: {path: points.csv}, exclude: bad.txt}\nmodel: {module: net.py:Net}\n"
        "optimizer: Adam\ntraining: {epochs: 1}\ninitial_weights: w.npz\n"
    )
    monkeypatch.chdir("/")
    config = load_config(file)
    assert config.folder == str(tmp_path)
    assert config.model.module == f"{tmp_path}/net.py:Net"
    assert config.initial_weights == f"{tmp_path}/w.npz"
    assert config.data.arguments == {"path": f"{tmp_path}/points.csv"}
    assert config.data.exclude == f"{tmp_path}/bad.txt"
    assert parse_config(dump_config(config), folder="/elsewhere") == config


def test_files_that_are_not_beside_the_recipe_are_left_to_the_loader(tmp_path):
    config = parse_config(
        BASE.replace("{set: mnist}", "{set: csv, arguments: {path: below/root.csv}}"), folder=tmp_path
    )
    assert config.data.arguments == {"path": "below/root.csv"}


def test_a_class_that_the_file_does_not_have(tmp_path):
    (tmp_path / "net.py").write_text("class Network: pass\n")
    with pytest.raises(ConfigError, match=r"net\.py has no class 'Netwrok'; did you mean 'Network'\?"):
        parse_config(BASE.replace("layers: [784, 10]", "module: net.py:Netwrok"), folder=tmp_path)
    (tmp_path / "net.py").write_text("class Network pass\n")
    with pytest.raises(ConfigError, match=r"net\.py:1 is not Python"):
        parse_config(BASE.replace("layers: [784, 10]", "module: net.py:Network"), folder=tmp_path)


def test_reading_a_recipe_runs_no_python(tmp_path):
    (tmp_path / "net.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Net: pass\n")
    parse_config(BASE.replace("layers: [784, 10]", "module: net.py:Net"), folder=tmp_path)
    assert not (tmp_path / "ran").exists()


def test_plain_data_is_judged_as_a_file_is():
    data = read_yaml(BASE).data
    assert config_of(data) == parse_config(BASE)
    data["optimizer"]["lr"] = "fast"
    with pytest.raises(ConfigError, match=r"^trial 3: optimizer\.lr: 'fast' where a number is expected$"):
        config_of(data, "trial 3")


def test_an_error_survives_the_way_from_a_worker():
    with pytest.raises(ConfigError) as caught:
        parse_config("seed: a\nthreads: b")
    assert len(str(caught.value).splitlines()) == 6
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_only_what_is_no_default_is_written():
    assert read_yaml(dump_config(parse_config(BASE))).data == read_yaml(BASE).data
    whole = read_yaml(dump_config(parse_config(BASE), defaults=True)).data
    assert set(whole) == set(Config.model_fields)
    assert whole["data"]["batch_size"] == 128


def test_text_that_looks_like_something_else_is_quoted():
    data = {"a": ["1e-3", "0o17", "012", "NO", "null", "~", "", "1_0", ".inf", "x: y", "# z", "\x85", "\u2028", "a\nb"]}
    assert read_yaml(write_yaml(data)).data == data


@pytest.mark.parametrize(
    ("kind", "inside", "outside"),
    [
        ("layer", ["Linear", "Conv2d", "BatchNorm1d", "Flatten"], ["Module", "Sequential", "Bilinear", "MSELoss"]),
        ("activation", ["ReLU", "ReLU3", "Tanh", "Softmax", "Identity"], ["Linear", "Dropout"]),
        ("loss", ["CrossEntropyLoss", "MSELoss", "HingeLoss"], ["TripletMarginLoss", "GaussianNLLLoss"]),
        ("optimizer", ["SGD", "Adam", "RMSprop", "Adagrad"], ["Optimizer"]),
        ("schedule", ["StepLR", "InverseTimeLR", "OneCycleLR"], ["LRScheduler", "LambdaLR"]),
        ("transform", ["RandomRotation", "RandomCrop"], ["Lambda", "ToTensor", "Transform"]),
        ("initialisation", ["xavier_uniform_", "normal_", "zeros_"], ["fans", "calculate_gain", "normal"]),
        ("metric", ["accuracy", "auroc", "scaled_accuracy"], []),
        ("data set", ["mnist", "fashion-mnist", "hanzi", "spiral", "breastmnist", "csv"], []),
    ],
)
def test_what_is_known(kind, inside, outside):
    known = names.known(kind)
    assert set(inside) <= set(known)
    assert not set(outside) & set(known)


def test_recipe_files_can_be_read():
    assert recipe_file("spiral").read_bytes() == recipe_file("spiral/best").read_bytes()

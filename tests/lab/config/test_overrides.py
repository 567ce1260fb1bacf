"""Changes from the command line."""

import pytest

pytest.importorskip("pydantic")
pytest.importorskip("yaml")

from tapegrad.errors import ConfigError
from tapegrad.lab.config import parse_config
from tapegrad.lab.overrides import apply_overrides

BASE = "data: {set: mnist}\nmodel: {layers: [784, 10]}\noptimizer: {type: Adam, lr: 1e-3}\ntraining: {epochs: 1}\n"


def read(*overrides):
    return parse_config(BASE, "f.yaml", overrides=overrides)


def test_values_are_yaml():
    config = read(
        "optimizer.lr=1e-2", "model.layers=[784, 100, 10]", "dtype=float64", "data.shuffle=false", "title=a: b"
    )
    assert config.optimizer.lr == 0.01
    assert config.model.layers == [784, 100, 10]
    assert (config.dtype, config.data.shuffle) == ("float64", False)


def test_the_last_one_counts():
    assert read("seed=1", "seed=2").seed == 2


def test_sections_on_the_way_are_made():
    assert read("callbacks.early_stopping.patience=3").callbacks.early_stopping.patience == 3


def test_null_takes_away():
    config = read(
        "training.epochs=null",
        "training.steps=10",
        "callbacks.early_stopping={patience: 3}",
        "callbacks.early_stopping=null",
    )
    assert (config.training.epochs, config.training.steps) == (None, 10)
    assert config.callbacks.early_stopping is None
    assert read("threads=").threads is None


def test_items_of_lists_by_number():
    config = read(
        "data.transforms=[{type: RandomRotation, degrees: 3}]", "data.transforms.0.degrees=5", "model.layers.1=12"
    )
    assert config.data.transforms[0].arguments == {"degrees": 5}
    assert config.model.layers == [784, 12]


def test_a_component_that_is_a_name_alone_takes_arguments():
    config = read("loss.label_smoothing=0.1", "model.activation=LeakyReLU", "model.activation.negative_slope=0.2")
    assert (config.loss.type, config.loss.arguments) == ("CrossEntropyLoss", {"label_smoothing": 0.1})
    assert config.model.activation.arguments == {"negative_slope": 0.2}


def test_plain_data_is_not_changed():
    data = {"optimizer": {"lr": 1, "betas": [1, 2]}}
    assert apply_overrides(data, ["optimizer.lr=2", "optimizer.betas.0=3"]) == {"optimizer": {"lr": 2, "betas": [3, 2]}}
    assert data == {"optimizer": {"lr": 1, "betas": [1, 2]}}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optimzer.lr=0.1", "override 'optimzer.lr=0.1': optimzer: unknown key; did you mean 'optimizer'?"),
        ("optimizer.lr=fast", "override 'optimizer.lr=fast': optimizer.lr: 'fast' where a number is expected"),
        ("optimizer.lr", "override 'optimizer.lr': has no '='; write key=value, such as optimizer.lr=0.01"),
        ("=3", "override '=3': '' is no key; write names with dots between them, such as optimizer.lr"),
        ("a..b=3", "override 'a..b=3': 'a..b' is no key; write names with dots between them, such as optimizer.lr"),
        (
            "model.layers.5=3",
            "override 'model.layers.5=3': '5' is no item of the list model.layers: its items are numbered 0 to 1; "
            "or give the list: model.layers=[...]",
        ),
        (
            "data.transforms.0.degrees=5",
            "override 'data.transforms.0.degrees=5': '0' is no item of the list data.transforms: it is empty; "
            "or give the list: data.transforms=[...]",
        ),
        (
            "training.epochs.x=5",
            "override 'training.epochs.x=5': training.epochs is 1, and has no key 'x'; change it as a whole",
        ),
        (
            "model.layers=[1",
            "override 'model.layers=[1': the value is not YAML: a list that is not closed; "
            "write ',' between items and ']' at the end",
        ),
        (
            "training.steps=3",
            "override 'training.steps=3': training.steps: epochs and steps are both given; keep one of them",
        ),
        (
            "optimizer.betas=[2, 0.9]",
            "override 'optimizer.betas=[2, 0.9]': optimizer.betas: Adam: betas[0] is 2.0; use at least 0 and less than 1",
        ),
    ],
)  # fmt: skip
def test_a_mistake_names_the_override(override, message):
    with pytest.raises(ConfigError) as caught:
        read("seed=1", override)
    assert str(caught.value) == message


def test_of_two_overrides_of_a_key_the_last_is_named():
    with pytest.raises(ConfigError, match=r"^override 'seed=b': seed: 'b' where a whole number is expected$"):
        read("seed=a", "seed=b")


def test_a_mistake_of_the_file_keeps_its_place():
    with pytest.raises(ConfigError, match=r"^f\.yaml:3:19: optimizer\.type: there is no optimizer 'Adm'"):
        parse_config(BASE.replace("Adam", "Adm"), "f.yaml", overrides=["optimizer.lr=0.1"])


def test_all_overrides_of_another_form_are_told():
    with pytest.raises(ConfigError) as caught:
        read("a", "seed=1", "b")
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == ["override 'a'", "override 'b'"]


def test_paths_in_overrides_begin_where_one_stands(tmp_path, monkeypatch):
    (tmp_path / "net.py").write_text("class Net: pass")
    monkeypatch.chdir(tmp_path)
    config = parse_config(BASE, folder="/recipes", overrides=["model={module: net.py:Net}"])
    assert config.model.module == f"{tmp_path}/net.py:Net"

"""From a configuration to a network, an optimizer and a trainer."""

import hashlib

import numpy as np
import pytest

pytest.importorskip("pydantic")

from tapegrad import errors, nn, optim
from tapegrad.lab.build import build, build_model
from tapegrad.lab.schema import Config


def config(**changes):
    plain = {
        "data": {"set": "digits", "batch_size": 32},
        "model": {"layers": [64, 16, 10]},
        "optimizer": {"type": "SGD", "lr": 0.1},
        "training": {"epochs": 2},
    }
    return Config.model_validate({**plain, **changes})


def test_the_short_form_names_its_layers():
    model = build_model(
        config(model={"layers": [4, 3, 2], "activation": "Tanh", "batch_norm": True, "dropout": 0.5}), (4,)
    )
    assert [(name, type(layer).__name__) for name, layer in model.named_children()] == [
        ("fc1", "Linear"),
        ("norm1", "BatchNorm1d"),
        ("act1", "Tanh"),
        ("drop1", "Dropout"),
        ("fc2", "Linear"),
    ]


def test_images_are_flattened_and_outputs_activated():
    model = build_model(config(model={"layers": [784, 1], "output_activation": "Sigmoid"}), (1, 28, 28))
    assert [type(layer).__name__ for layer in model] == ["Flatten", "Linear", "Sigmoid"]


def test_the_long_form_takes_names_and_tuples():
    layers = [{"type": "Conv2d", "name": "conv", "in_channels": 1, "out_channels": 2, "kernel_size": [3, 1]}, "ReLU"]
    model = build_model(config(model={"layers": layers}))
    assert model.conv.kernel_size == (3, 1)
    assert [name for name, _ in model.named_children()] == ["conv", "1"]


def test_equal_seeds_give_equal_weights_whatever_was_drawn_before():
    first = build_model(config(seed=3))
    np.random.default_rng(0).random(5)
    second, other = build_model(config(seed=3)), build_model(config(seed=4))
    assert np.array_equal(first.fc1.weight.array, second.fc1.weight.array)
    assert not np.array_equal(first.fc1.weight.array, other.fc1.weight.array)


def test_initial_values_and_frozen_parameters():
    initial = [{"type": "uniform_", "a": 2.0, "b": 3.0}, {"type": "zeros_", "parameters": "*.bias"}]
    model = build_model(config(initial_weights=initial, freeze=["fc1.*"]))
    assert model.fc1.weight.array.min() >= 2
    assert not model.fc2.bias.array.any()
    assert [name for name, p in model.named_parameters() if not p.requires_grad] == ["fc1.weight", "fc1.bias"]


def test_a_pattern_that_matches_nothing_names_the_nearest_parameter():
    with pytest.raises(errors.ArgumentError) as caught:
        build_model(config(freeze=["fc1.wieght"]))
    assert str(caught.value) == "freeze: no parameter matches 'fc1.wieght'; did you mean 'fc1.weight'?"


def test_groups_penalties_clipping_and_schedule_reach_the_trainer():
    assembly = build(
        config(
            optimizer={
                "type": "AdamW",
                "lr": 1e-3,
                "groups": [{"parameters": "*.bias", "weight_decay": 0.0}],
                "penalties": [{"parameters": "fc2.*", "l1": 0.5, "l2": 2.0}],
            },
            schedule={"type": "OneCycleLR", "every": "step"},
            training={"epochs": 2, "clip_norm": 1.0, "accumulate": 2, "ema": 0.9},
        )
    )
    trainer = assembly.trainer
    assert isinstance(trainer.optimizer, optim.AdamW)
    assert [len(g["params"]) for g in trainer.optimizer.param_groups] == [2, 2]
    assert [g["weight_decay"] for g in trainer.optimizer.param_groups] == [0.01, 0.0]
    w, b = assembly.model.fc2.weight.array, assembly.model.fc2.bias.array
    expected = 0.5 * (abs(w).sum() + abs(b).sum()) + 2 * ((w**2).sum() + (b**2).sum())
    assert trainer.penalty().item() == pytest.approx(expected, rel=1e-5)
    updates = -(-len(assembly.train_loader) // 2)
    assert trainer.scheduler.total_steps == 2 * updates + 1
    assert (trainer.clip_norm, trainer.accumulate, trainer.ema.decay) == (1.0, 2, 0.9)


def test_frozen_parameters_stay_out_of_the_optimizer():
    assembly = build(config(freeze=["fc1.*"]))
    held = {id(p) for g in assembly.trainer.optimizer.param_groups for p in g["params"]}
    assert held == {id(p) for p in assembly.model.fc2.parameters()}
    before = assembly.model.fc1.weight.array.copy()
    assembly.trainer.fit(assembly.train_loader, steps=3)
    assert np.array_equal(assembly.model.fc1.weight.array, before)


def test_transforms_act_on_training_samples_alone():
    assembly = build(
        config(
            data={"set": "digits", "standardize": True, "transforms": [{"type": "RandomCrop", "size": 8, "padding": 1}]}
        )
    )
    (seen, _), (again, _) = next(iter(assembly.train_loader)), next(iter(assembly.train_loader))
    assert seen.shape == again.shape == (128, 1, 8, 8)
    black = assembly.sets.train.inputs.min()
    assert seen.array.min() == pytest.approx(black, abs=1e-5)
    inputs, _ = next(iter(assembly.valid_loader))
    assert np.array_equal(inputs.array, assembly.sets.valid.inputs[: len(inputs)])


def test_training_images_are_transformed_by_the_batch_as_one_by_one(monkeypatch):
    moves = [{"type": "RandomCrop", "size": 8, "padding": 1}, {"type": "RandomHorizontalFlip"}]
    wanted = config(data={"set": "digits", "standardize": True, "transforms": moves})

    def epoch(method, replaced):
        loader = build(wanted).train_loader
        with monkeypatch.context() as patch:
            patch.setattr(type(loader.dataset), method, replaced)
            return list(loader)

    together = epoch("__getitem__", None)
    one_by_one = epoch("__getbatch__", lambda self, indices: NotImplemented)
    for (x, y), (a, b) in zip(together, one_by_one, strict=True):
        np.testing.assert_array_equal(x.array, a.array)
        np.testing.assert_array_equal(y.array, b.array)
        assert (x.dtype, y.dtype) == (a.dtype, b.dtype)


def test_full_batches_are_one_step_an_epoch():
    assembly = build(
        config(data={"set": "spiral", "batch_size": "full", "split": {"valid": 0}}, model={"layers": [2, 8, 3]})
    )
    assert len(assembly.train_loader) == 1
    assert assembly.valid_loader is None


def test_numbers_are_of_the_dtype_that_was_asked_for():
    assembly = build(config(dtype="float64"))
    assert assembly.model.fc1.weight.dtype == np.float64
    inputs, _ = next(iter(assembly.train_loader))
    assert inputs.dtype == np.float64
    assert isinstance(assembly.model, nn.Sequential)


def test_no_bias_stands_before_a_normalisation():
    model = build_model(config(model={"layers": [4, 3, 2], "batch_norm": True}), (4,))
    assert model.fc1.bias is None
    assert model.fc2.bias is not None


def test_a_network_of_ones_own_is_among_the_sources(tmp_path):
    """A changed file is then named by resume and verify, as changed data are."""
    path = tmp_path / "net.py"
    path.write_text(
        "from tapegrad import nn\n\n\nclass Net(nn.Sequential):\n    def __init__(self):\n"
        "        super().__init__(nn.Flatten(), nn.Linear(64, 10))\n"
    )
    assembly = build(config(model={"module": f"{path}:Net"}))
    assert assembly.sets.sources[str(path)] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [tuple(p.shape) for p in assembly.model.parameters()] == [(10, 64), (10,)]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data": {"set": "sine"}, "model": {"layers": [1, 4, 1]}}, "CrossEntropyLoss does not fit: .* are values"),
        ({"loss": "MSELoss"}, "MSELoss does not fit: the targets of 'digits' are classes; use CrossEntropyLoss"),
    ],
)
def test_a_loss_that_does_not_fit_the_targets_is_refused(changes, said):
    """Cross entropy of a single output is 0 whatever it says; a squared error of classes broadcasts."""
    with pytest.raises(errors.ArgumentError, match=said):
        build(config(**changes))

"""Updates run as programs by default: they agree with the eager ones, who computes is never left to chance, and it is told."""

import json

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn, optim
from tapegrad.compiler.runtime import Specialization
from tapegrad.errors import DataError
from tapegrad.optim import lr_scheduler
from tapegrad.train import Callback, Ledger, Run, Statistics, Trainer, compiling, hash_model
from tapegrad.train.rehearsal import Rehearsed
from tapegrad.utils.data import DataLoader, TensorDataset

# How far compiled and eager trainings may be apart, relative to the largest weight; docs/design/0006 states it.
TOLERANCE = 1e-4


def dense():
    return nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3))


def normalised():
    return nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))


def convolutional():
    layers = (nn.Unflatten(1, (1, 2, 3)), nn.Conv2d(1, 4, 2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
    return nn.Sequential(*layers)


def adam(parameters):
    return optim.Adam(parameters, lr=0.01)


def momentum(parameters):
    return optim.SGD(parameters, lr=0.05, momentum=0.9, weight_decay=1e-3)


def problem(*callbacks, model=dense, optimizer=adam, scheduler=None, penalty=False, size=8, **options):
    """A trainer, and a loader of 45 samples whose last batch is short."""
    tg.manual_seed(1)
    inputs = tg.randn(45, 6)
    labels = inputs[:, :3].argmax(dim=1)
    model = model() if callable(model) and not isinstance(model, nn.Module) else model
    chosen = optimizer(model.parameters())
    trainer = Trainer(
        model,
        nn.CrossEntropyLoss(),
        chosen,
        scheduler=scheduler(chosen) if scheduler else None,
        penalty=(lambda: nn.utils.penalty(model[0], l2_weight=0.1)) if penalty else None,
        callbacks=callbacks,
        **options,
    )
    return trainer, DataLoader(TensorDataset(inputs, labels), batch_size=size)


KINDS = {
    "plain": {},
    "batch norm and dropout": {"model": normalised},
    "convolution": {"model": convolutional},
    "momentum, and a schedule by steps": {
        "optimizer": momentum,
        "scheduler": lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=40),
        "schedule_every": "step",
    },
    "penalty and clipping": {"penalty": True, "clip_norm": 0.5, "clip_value": 0.1},
    "accumulated": {"accumulate": 2},
    "averaged weights": {"ema": 0.9},
    "a fickle optimizer": {"optimizer": lambda p: optim.RAdam(p, lr=0.01)},
}


@pytest.mark.parametrize("kind", KINDS)
def test_compiled_and_eager_trainings_agree(kind):
    gradients = []
    keep = Callback()
    keep.on_batch_end = lambda trainer, batch: gradients.append(
        [p.grad.array.copy() for p in trainer.model.parameters()]
    )
    ends, histories, kept = [], [], []
    for compiled in (True, False):
        gradients = []
        trainer, loader = problem(keep, compile=compiled, **KINDS[kind])
        histories.append(trainer.fit(loader, loader, epochs=5))
        kept.append(gradients)
        ends.append({name: value.array.copy() for name, value in trainer.model.state_dict().items()})
        told = trainer.compiling.report()
        assert told["compiled"] is compiled
        assert told["programs"] >= (2 if compiled else 0)
    for name, value in ends[0].items():
        largest = max(1.0, np.abs(ends[1][name]).max())
        assert np.abs(value - ends[1][name]).max() <= TOLERANCE * largest, name
    for ours, theirs in zip(*kept, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b, atol=TOLERANCE)
    for ours, theirs in zip(*histories, strict=True):
        assert ours.keys() == theirs.keys()
        np.testing.assert_allclose(ours["loss"], theirs["loss"], rtol=TOLERANCE)
        np.testing.assert_allclose(ours["valid_loss"], theirs["valid_loss"], rtol=TOLERANCE)


def test_what_was_tried_left_nothing_behind(monkeypatch):
    ends = []
    for tried in (True, False):
        if not tried:
            monkeypatch.setattr(Rehearsed, "_agrees", lambda *details: True)
        trainer, loader = problem(model=normalised, optimizer=momentum)
        trainer.fit(loader, steps=7)
        ends.append((hash_model(trainer.model), tg.get_rng_state().array.tolist(), trainer.history[-1]["loss"]))
    assert ends[0] == ends[1]


@pytest.mark.parametrize("model", [dense, normalised])
def test_nobody_sees_from_the_weights_whether_statistics_were_taken(model):
    hashes = []
    for callbacks in ((), (Statistics(lambda *a, **k: None),)):
        trainer, loader = problem(*callbacks, model=model)
        trainer.fit(loader, epochs=3)
        assert trainer.compiling.report()["compiled"]
        hashes.append(hash_model(trainer.model))
    assert hashes[0] == hashes[1]


@pytest.mark.parametrize("compiled", [True, False])
def test_a_loss_that_is_not_finite_names_step_and_rate(compiled):
    trainer, loader = problem(compile=compiled)

    def spoil(trainer, batch):
        if trainer.position.step == 4:
            trainer.model[0].weight.data[0, 0] = float("nan")

    callback = Callback()
    callback.on_batch_end = spoil
    trainer.callbacks.append(callback)
    with pytest.raises(DataError, match=r"train: the loss is nan at step 4 \(rate 0.01\); lower the learning rate"):
        trainer.fit(loader, epochs=2)
    assert trainer.position.step == 4


# -- what cannot be compiled ------------------------------------------------------------------------------------------


class Speaking(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = dense()

    def forward(self, x):
        print(end="")
        return self.inner(x)


class Reading(Speaking):
    def forward(self, x):
        return self.inner(x) if x.sum().item() < 1e9 else x


@pytest.mark.parametrize(("model", "told"), [(Speaking, "print"), (Reading, "item")])
def test_what_cannot_be_compiled_runs_eagerly_and_says_why(model, told):
    ends = []
    for compiled in (True, False):
        trainer, loader = problem(model=model, compile=compiled)
        trainer.fit(loader, epochs=2)
        ends.append(hash_model(trainer.model))
    assert ends[0] == ends[1]
    trainer, loader = problem(model=model)
    trainer.fit(loader, epochs=2)
    report = trainer.compiling.report()
    assert report["compiled"] is False
    assert told in report["reason"]
    assert "test_compiled_training.py" in report["reason"]
    assert report["steps"]["compiled"] == 0


def test_a_program_that_is_wrong_is_not_used(monkeypatch):
    instantiate = Specialization.instantiate

    def wrong(self):
        instantiate(self)
        run = self.run
        self.run = lambda *arrays: tuple(a + 0.01 if i == 0 else a for i, a in enumerate(run(*arrays)))

    monkeypatch.setattr(Specialization, "instantiate", wrong)
    trainer, loader = problem()
    trainer.fit(loader, epochs=2)
    assert "the program's results differ from the eager ones by" in trainer.compiling.report()["reason"]
    monkeypatch.undo()
    eager, loader = problem(compile=False)
    eager.fit(loader, epochs=2)
    assert hash_model(trainer.model) == hash_model(eager.model)


@pytest.mark.parametrize("place", ["instantiate", "_join"])
def test_a_fault_of_the_compiler_ends_no_training(monkeypatch, place):
    def fail(self):
        raise KeyError("v7")

    monkeypatch.setattr(Specialization, place, fail)
    trainer, loader = problem(model=normalised)
    trainer.fit(loader, epochs=2)
    assert "no program could be written (KeyError: 'v7')" in trainer.compiling.report()["reason"]
    monkeypatch.undo()
    eager, loader = problem(model=normalised, compile=False)
    eager.fit(loader, epochs=2)
    assert hash_model(trainer.model) == hash_model(eager.model)


def test_batches_of_numpy_arrays_run_eagerly():
    trainer, _ = problem()
    trainer.model.forward = lambda x: nn.Sequential.forward(trainer.model, tg.tensor(x))
    batch = np.ones((4, 6), np.float32), tg.zeros(4).long()
    trainer.fit([batch], epochs=2)
    assert trainer.compiling.report()["reason"] == "a batch holds a ndarray"


# -- who computes is part of the state --------------------------------------------------------------------------------


def test_a_refusal_holds_for_the_rest_of_a_training_also_after_resuming():
    def hooked(trainer, loader):
        trainer.fit(loader, steps=3)
        hook = trainer.model[0].register_forward_hook(lambda *a: None)
        trainer.fit(loader, steps=4)
        hook.remove()

    whole, loader = problem()
    hooked(whole, loader)
    assert "hook" in whole.compiling.report()["reason"]
    stopped, _ = problem()
    state = json.loads(json.dumps(whole.compiling.state_dict()))
    stopped.compiling.load_state_dict(state)
    whole.fit(loader, steps=9)
    assert whole.compiling.report()["steps"]["eager"] >= 5
    assert stopped.compiling.reason == whole.compiling.reason


def test_only_the_first_kinds_of_batches_get_programs(monkeypatch):
    monkeypatch.setattr(compiling, "_MOST_KINDS", 2)
    trainer, _ = problem()
    batches = [(tg.randn(n, 6), tg.zeros(n).long()) for n in (5, 6, 7, 5, 7)]
    trainer.fit(batches, epochs=2)
    report = trainer.compiling.report()
    assert report["compiled"]
    assert trainer.compiling.state_dict()["kinds"] == ["float32[5, 6] int64[5]", "float32[6, 6] int64[6]"]
    assert report["steps"]["eager"] == 4


def test_a_step_that_changes_each_time_is_given_up():
    scale = [1.0]

    class Drifting(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = dense()
            self.factor = 1.0

        def forward(self, x):
            return self.inner(x) * self.factor

    trainer, loader = problem(model=Drifting)
    drift = Callback()

    def change(trainer):
        scale[0] *= 0.99
        trainer.model.factor = scale[0]

    drift.on_batch_begin = change
    trainer.callbacks.append(drift)
    trainer.fit(loader, epochs=4)
    report = trainer.compiling.report()
    assert report["reason"] is not None
    assert "program" in report["reason"]


# -- what is told -----------------------------------------------------------------------------------------------------


def test_the_run_folder_says_what_was_compiled_and_what_it_gained(tmp_path):
    run = Run.create(tmp_path, "run", "", {}, stamp=False)
    trainer, loader = problem(Ledger(run))
    trainer.fit(loader, epochs=2)
    told = run.compiled
    assert told["compiled"] is True
    assert told["reason"] is None
    assert told["programs"] == 2
    assert told["gain"] == pytest.approx(told["eager_ms"] / told["compiled_ms"], rel=0.05)
    assert 0 <= told["difference"] < 1e-4
    assert told["steps"]["compiled"] > 0
    assert "def step(inputs, target):" in (run.folder / "program.py").read_text()
    other = Run.create(tmp_path, "other", "", {}, stamp=False)
    trainer, loader = problem(Ledger(other), compile=False)
    trainer.fit(loader, epochs=2)
    assert (other.compiled["compiled"], other.compiled["reason"]) == (False, "compile is off")
    assert not (other.folder / "program.py").exists()

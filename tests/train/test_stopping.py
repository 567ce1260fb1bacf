"""A training that stops early or is interrupted, and one that goes on where it was, to the bit."""

import json
import math
import signal
import threading

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.errors import ArgumentError, DataError, UsageError
from tapegrad.train import Callback, EarlyStopping, load_checkpoint, save_checkpoint
from tapegrad.utils.data import DataLoader, TensorDataset
from tests.train.problems import At, Told, data_of, interrupt, plain, problem, same, timeless, weights

# -- stopping -----------------------------------------------------------------------------------------------------------


def test_stop_ends_in_good_order_and_keeps_the_reason():
    told = Told()
    trainer, loader = problem(callbacks=[At(8, lambda trainer: trainer.stop("enough")), told])
    history = trainer.fit(loader, epochs=9)
    assert trainer.stopped == "enough"
    assert [(r["epoch"], r["step"]) for r in history] == [(1, 6), (2, 8)]
    assert told.events[-2:] == ["epoch end 2", "fit end"]
    trainer.callbacks = []
    trainer.fit(loader, epochs=2)
    assert trainer.stopped is None
    assert trainer.history[-1]["step"] == 12


def test_an_interrupt_waits_for_the_end_of_the_update():
    told = Told()
    trainer, loader = problem(callbacks=[At(2, lambda _: signal.raise_signal(signal.SIGINT)), told])
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(loader, epochs=9)
    assert trainer.position.step == 2
    assert told.events[-2:] == ["batch end 2", "interrupt"]
    assert signal.getsignal(signal.SIGINT) is before
    assert not trainer.stopping


def test_a_second_interrupt_does_not_wait_and_saves_nothing():
    told = Told()

    class Twice(Callback):
        def on_batch_begin(self, trainer):
            if trainer.position.step == 2:
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)

    trainer, loader = problem(callbacks=[told, Twice()])
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(loader, epochs=9)
    assert told.events[-2:] == ["batch begin 2", "failure KeyboardInterrupt"]


def test_an_interrupt_while_validating_after_the_last_step_changes_nothing():
    class Late(Callback):
        def on_epoch_end(self, trainer, record):
            trainer.stopping = True

    trainer, loader = problem(callbacks=[Late()])
    assert len(trainer.fit(loader, epochs=1)) == 1


def test_in_another_thread_training_works_and_can_be_stopped():
    trainer, loader = problem(callbacks=[At(2, interrupt)])
    ended = []

    def work():
        try:
            trainer.fit(loader, epochs=1)
        except KeyboardInterrupt:
            ended.append(trainer.position.step)
        ended.append(len(trainer.fit(loader, epochs=1)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended == [2, 1]


def test_a_loss_that_is_not_finite_stops_the_training():
    told = Told()
    trainer, loader = problem(scheduled=False, callbacks=[told])
    trainer.optimizer.param_groups[0]["lr"] = 1e30
    message = r"train: the loss is (nan|inf) at step \d+ \(rate 1e\+30\); lower the learning rate, clip"
    with np.errstate(all="ignore"), pytest.raises(DataError, match=message):
        trainer.fit(loader, epochs=50)
    assert told.events[-1] == "failure NotFiniteError"


def test_a_penalty_that_is_not_finite_is_named():
    trainer, loader = plain(penalty=lambda: tg.tensor(math.inf))
    with pytest.raises(DataError, match="the penalty is inf at step 0"):
        trainer.fit(loader)


def test_no_data_is_an_error():
    trainer, _ = plain()
    with pytest.raises(DataError, match="train: the loader gave no batch"):
        trainer.fit([])
    with pytest.raises(DataError, match="evaluate: the loader gave no batch"):
        trainer.evaluate([])


def test_what_is_no_pair_is_refused():
    trainer, _ = plain()
    with pytest.raises(UsageError, match=r"a batch is a Tensor; give pairs: \(inputs, target\)"):
        trainer.fit([tg.zeros(2, 3)])


@pytest.mark.parametrize(
    "options", [{"schedule_every": "batch"}, {"accumulate": 0}, {"report_every": 0}, {"ema": 1.0}, {"ema": 0.0}]
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ArgumentError):
        plain(**options)


# -- going on -------------------------------------------------------------------------------------------------------------


def everything(**options):
    """A trainer with all that has a state."""
    trainer, loader = problem(
        samples=52,
        metrics=["accuracy", "auroc", "f1", "confusion_matrix"],
        ema=0.9,
        accumulate=2,
        clip_norm=1.0,
        callbacks=[EarlyStopping("loss", patience=2, min_delta=0.02, restore_best=True)],
        **options,
    )
    return trainer, loader


@pytest.mark.parametrize("step", [1, 3, 4, 5, 9, 12])
def test_resumed_in_the_middle_of_an_epoch_it_ends_with_the_same_bits(tmp_path, step):
    whole, loader = everything()
    history = whole.fit(loader, loader, epochs=6)

    stopped, loader = everything()
    stopped.callbacks.append(At(step, interrupt))
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(loader, loader, epochs=6)
    save_checkpoint(tmp_path / "state.safetensors", stopped)

    resumed, loader = everything()
    tg.manual_seed(999)
    load_checkpoint(tmp_path / "state.safetensors", resumed)
    again = resumed.fit(loader, loader, epochs=6)

    same(weights(whole), weights(resumed))
    same(whole.ema.averages, resumed.ema.averages)
    assert timeless(again) == timeless(history)
    assert resumed.stopped == whole.stopped
    assert resumed.callbacks[0].best_epoch == whole.callbacks[0].best_epoch


def test_a_state_is_json_and_arrays_and_is_not_changed_by_going_on():
    trainer, loader = everything()
    trainer.fit(loader, loader, steps=6)
    state = trainer.state_dict()
    text = json.dumps(state["values"])
    tensors = {name: tensor.array.copy() for name, tensor in state["tensors"].items()}
    assert any("auroc.scores" in name for name in tensors)
    other, _ = everything()
    other.load_state_dict({"values": json.loads(text), "tensors": tensors})
    again = other.state_dict()
    assert json.dumps(again["values"]) == text
    same(tensors, {name: tensor.array for name, tensor in again["tensors"].items()})


def test_metrics_that_the_data_decides_go_on_too(tmp_path):
    whole, loader = problem()
    expected = timeless(whole.fit(loader))
    stopped, loader = problem(callbacks=[At(3, interrupt)])
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(loader)
    save_checkpoint(tmp_path / "state.safetensors", stopped)
    resumed, loader = problem()
    load_checkpoint(tmp_path / "state.safetensors", resumed)
    assert resumed.metrics["accuracy"].count == 24
    assert timeless(resumed.fit(loader)) == expected


def test_batches_that_were_seen_are_not_read_again():
    class Watched(TensorDataset):
        read = 0

        def __getbatch__(self, indices):
            self.read += len(indices)
            return super().__getbatch__(indices)

    trainer, _ = problem()
    data = Watched(*data_of().tensors)
    loader = DataLoader(data, batch_size=8)
    trainer.position.batch = 4
    trainer.fit(loader)
    assert data.read == 16


@pytest.mark.parametrize("position", [{"epoch": -1}, {"epoch": 1.5}, {"epoch": True}, {"batch": "2"}])
def test_a_position_that_is_none_is_refused(position):
    trainer, _ = problem()
    state = trainer.state_dict()
    state["values"]["position"].update(position)
    with pytest.raises(ValueError, match="the position is"):
        trainer.load_state_dict(state)

"""The doctor beside a training: it changes no bit of it, tells each finding once, and names what broke it."""

import time

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn, optim
from tapegrad.errors import ArgumentError, NotFiniteError
from tapegrad.explain.doctor.detectors import detect
from tapegrad.explain.doctor.doctor import Doctor, diagnose
from tapegrad.explain.doctor.reading import course_of
from tapegrad.train import (
    Callback,
    Checkpoints,
    HashLedger,
    Ledger,
    Run,
    Statistics,
    Trainer,
    hash_model,
    load_checkpoint,
)
from tapegrad.train.inside import Inside
from tapegrad.utils.data import DataLoader, TensorDataset


def dense():
    return nn.Sequential(nn.Linear(4, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Dropout(0.2), nn.Linear(12, 3))


def convolutional():
    return nn.Sequential(
        nn.Unflatten(1, (1, 2, 2)), nn.Conv2d(1, 4, 2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(36, 3)
    )


def problem(*callbacks, model=dense, rate=0.05, loss=None, samples=48, targets=None, **options):
    tg.manual_seed(3)
    inputs = tg.randn(samples, 4)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0.5).long() if targets is None else targets
    network = model()
    trainer = Trainer(
        network, loss or nn.CrossEntropyLoss(), optim.SGD(network.parameters(), lr=rate), callbacks=callbacks, **options
    )
    generator = tg.Generator()
    generator.manual_seed(5)
    dataset = TensorDataset(inputs, labels)
    return trainer, DataLoader(dataset, batch_size=8, shuffle=True, generator=generator)


# -- it changes nothing -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "eager"])
@pytest.mark.parametrize("model", [dense, convolutional])
@pytest.mark.parametrize("mode", ["cheap", "full"])
def test_nobody_sees_from_the_training_whether_the_doctor_was_there(model, mode, compiled):
    ends = []
    for callbacks in ((), (Doctor(mode=mode, budget=1.0),), (Statistics(lambda *a, **k: None), Doctor(mode=mode))):
        trainer, loader = problem(*callbacks, model=model, compile=compiled)
        trainer.fit(loader, loader, epochs=3)
        assert trainer.compiling.report()["compiled"] == compiled
        state = tg.get_rng_state().array.tolist(), loader.generator.get_state().array.tolist()
        record = {k: v for k, v in trainer.history[-1].items() if k != "seconds"}
        ends.append((hash_model(trainer.model), state, record))
    assert ends[0] == ends[1] == ends[2]


def test_a_healthy_training_is_not_worth_a_word():
    doctor = Doctor(mode="full")
    trainer, loader = problem(doctor, samples=96)
    trainer.fit(loader, epochs=12)
    assert doctor.findings == []


# -- looking ----------------------------------------------------------------------------------------------------------


def test_it_looks_at_growing_distances_and_before_reports():
    doctor = Doctor(budget=1e9)
    trainer, loader = problem(doctor)
    trainer.fit(loader, epochs=3)
    assert [look.step for look in doctor.course.looks] == [1, 2, 4, 6, 8, 12, 16, 18]


def test_looks_stop_when_the_budget_is_spent_and_the_first_is_always_made():
    doctor = Doctor(budget=0.0)
    trainer, loader = problem(doctor)
    trainer.fit(loader, epochs=3)
    assert [look.step for look in doctor.course.looks] == [1]


def test_it_shares_the_looks_of_the_statistics():
    doctor = Doctor(budget=0.0)
    events = []
    trainer, loader = problem(Statistics(lambda kind, **values: events.append(values)), doctor)
    trainer.fit(loader, epochs=3)
    assert [look.step for look in doctor.course.looks] == [event["step"] for event in events] == [1, 6, 12, 18]
    last = doctor.course.looks[-1].layers["0"]
    assert last.grad_norm == events[-1]["layers"]["0"]["gradient"]["norm"]


def test_what_a_look_sees():
    doctor = Doctor(mode="full")
    trainer, loader = problem(doctor, compile=False)
    trainer.fit(loader, steps=1)
    look = doctor.course.looks[0].layers
    assert list(look) == ["0", "1", "2", "3", "4"]
    assert look["2"].kind == "ReLU"
    assert look["2"].dead.shape == (12,)
    assert look["2"].grad_norm is None
    gradient = np.concatenate([p.grad.array.ravel() for p in trainer.model[4].parameters()])
    assert look["4"].grad_norm == pytest.approx(np.linalg.norm(gradient), rel=1e-6)
    assert look["4"].update_ratio == pytest.approx(0.05 * np.linalg.norm(gradient) / look["4"].weight_norm, rel=1e-4)
    assert look["1"].stale is not None


def test_the_course_has_all_losses_reports_and_rates():
    doctor = Doctor()
    trainer, loader = problem(doctor)
    trainer.scheduler, trainer.schedule_every = optim.lr_scheduler.StepLR(trainer.optimizer, 2), "epoch"
    history = trainer.fit(loader, loader, epochs=4)
    course = doctor.course
    assert course.steps == list(range(1, 25))
    assert len(course.losses) == 24
    assert np.mean(course.losses[-6:]) == pytest.approx(history[-1]["loss"])
    assert [r["epoch"] for r in course.records] == [1, 2, 3, 4]
    assert course.whole
    assert [step for step, _ in course.rates] == [1, 13]
    facts = course.facts
    assert (facts.loss, facts.optimizer, facts.schedule, facts.classes) == ("CrossEntropyLoss", "SGD", "StepLR", 3)
    assert (facts.batch_size, facts.batches, facts.samples, facts.has_valid) == (8, 6, 48, True)


def test_a_part_of_a_training_is_not_taken_for_the_whole():
    doctor = Doctor()
    trainer, loader = problem(doctor)
    trainer.fit(loader, epochs=4, steps=9)
    assert not doctor.course.whole
    trainer, loader = problem(doctor)
    trainer.fit(loader, steps=9)
    assert doctor.course.whole


# -- telling ----------------------------------------------------------------------------------------------------------


def sick(*callbacks, **options):
    """Labels from 0 to 9 behind a sigmoid."""
    return problem(
        *callbacks,
        model=lambda: nn.Sequential(nn.Linear(4, 1), nn.Sigmoid()),
        loss=nn.MSELoss(),
        targets=(tg.arange(48) % 10).float().unsqueeze(1),
        **options,
    )


def test_each_finding_is_told_and_logged_once():
    told, logged = [], []
    doctor = Doctor(mode="full", tell=told.append, log=lambda kind, **values: logged.append((kind, values)))
    trainer, loader = sick(doctor)
    trainer.fit(loader, epochs=10)
    keys = [f.key for f in told]
    assert ("output-range", "1") in keys
    assert len(keys) == len(set(keys)) == len(logged)
    kind, values = logged[0]
    assert kind == "finding"
    assert {"step", "fault", "where", "since", "evidence", "advice", "code", "severity"} == set(values)


def test_a_second_training_is_looked_at_anew():
    doctor = Doctor()
    trainer, loader = sick(doctor)
    trainer.fit(loader, epochs=1)
    assert doctor.findings
    trainer, loader = problem(doctor)
    trainer.fit(loader, epochs=1)
    assert doctor.findings == []


class StopAt(Callback):
    def __init__(self, step):
        self.step = step

    def on_batch_end(self, trainer, batch):
        trainer.stopping = trainer.position.step == self.step


def in_folder(run, *callbacks):
    doctor = Doctor(log=run.log, tell=lambda f: told.append(f.key))
    told = []
    kept = Checkpoints(run.checkpoints, best=None, overhead=None, last_steps=2, last_seconds=None)
    trainer, loader = sick(Ledger(run), HashLedger(run), kept, Statistics(run.log), doctor, *callbacks)
    return trainer, loader, doctor, told


def test_a_resumed_training_does_not_repeat_its_findings(tmp_path):
    run = Run.create(tmp_path, "sick", "seed: 0\n", {}, stamp=False)
    trainer, loader, doctor, told = in_folder(run, StopAt(4))
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(loader, epochs=3)
    first = [event["fault"] for event in run.events("finding")]
    assert "output-range" in first
    trainer, loader, doctor, told = in_folder(run)
    load_checkpoint(run.newest_checkpoint, trainer)
    trainer.fit(loader, epochs=3)
    assert [event["fault"] for event in run.events("finding")] == first
    assert told == []
    assert "output-range" in [f.fault for f in doctor.findings]


def test_findings_behind_the_state_that_is_resumed_are_taken_back(tmp_path):
    run = Run.create(tmp_path, "sick", "seed: 0\n", {}, stamp=False)
    run.log("finding", step=2, fault="start-loss")
    run.log("finding", step=9, fault="start-loss")
    run.rewind(4, 0)
    assert [event["step"] for event in run.events("finding")] == [2]


# -- breaking off -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "eager"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_training_that_diverges_names_the_operation_and_the_rate(compiled):
    doctor = Doctor(budget=1e9)
    plain = lambda: nn.Sequential(nn.Linear(4, 12), nn.ReLU(), nn.Linear(12, 1))  # noqa: E731
    trainer, loader = problem(
        doctor, model=plain, loss=nn.MSELoss(), targets=tg.ones(48, 1), rate=30.0, compile=compiled
    )
    with pytest.raises(NotFiniteError, match=r"\(rate 30\)"):
        trainer.fit(loader, epochs=5)
    failure = doctor.course.failure
    assert failure.operation
    assert failure.part == "forward"
    assert failure.step == trainer.position.step
    found = {f.fault: f for f in doctor.findings}
    assert doctor.findings[0].fault == "rate-too-high"
    assert found["rate-too-high"].evidence["rate"] == 30.0
    # The rate is the cause, and is all that is told.
    assert "not-finite" not in found


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_logarithm_of_zero_is_named_with_its_layer():
    class Logarithm(nn.Module):
        def forward(self, x):
            return x.relu().log()

    doctor = Doctor()
    network = lambda: nn.Sequential(nn.Linear(4, 3), Logarithm())  # noqa: E731
    trainer, loader = problem(doctor, model=network, loss=nn.MSELoss(), targets=tg.ones(48, 3), compile=False)
    with pytest.raises(NotFiniteError):
        trainer.fit(loader, epochs=1)
    first = doctor.findings[0]
    assert (first.fault, first.where, first.evidence["operation"]) == ("not-finite", "1", "log")


def test_a_trainer_that_failed_is_as_the_failure_left_it():
    doctor = Doctor(budget=1e9)
    trainer, loader = problem(doctor, rate=1e30)
    weights = []

    class Keep(Callback):
        def on_failure(self, trainer, error):
            weights.append(hash_model(trainer.model))

    trainer.callbacks = [Keep(), doctor]
    with pytest.raises(NotFiniteError), np.errstate(all="ignore"):
        trainer.fit(loader, epochs=5)
    assert hash_model(trainer.model) == weights[0]


# -- a loop of one's own ----------------------------------------------------------------------------------------------


def loop(model, optimizer, targets, updates=60):
    inputs = tg.randn(48, 4)
    for _ in range(updates):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(inputs), targets)
        loss.backward()
        optimizer.step()


def test_a_loop_of_ones_own():
    model = nn.Sequential(nn.Linear(4, 1), nn.Sigmoid())
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    told = []
    with Doctor(model, optimizer, tell=told.append) as doctor:
        loop(model, optimizer, (tg.arange(48) % 10).float().unsqueeze(1))
    assert (doctor.findings[0].fault, doctor.findings[0].where) == ("output-range", "1")
    assert told[0] == doctor.findings[0]
    assert str(doctor).startswith(f"1. {doctor.findings[0]}")
    loop(model, optimizer, tg.ones(48, 1), 1)
    assert len(doctor.course.losses) == 60


def test_a_healthy_loop_of_ones_own_keeps_its_bits():
    ends = []
    for watched in (False, True):
        tg.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.1), nn.Linear(8, 1))
        optimizer = optim.Adam(model.parameters(), lr=0.01)
        targets = tg.randn(48, 1)
        if watched:
            with Doctor(model, optimizer) as doctor:
                loop(model, optimizer, targets, 20)
            assert doctor.findings == []
            assert str(doctor) == "nothing found"
        else:
            loop(model, optimizer, targets, 20)
        ends.append((hash_model(model), tg.get_rng_state().array.tolist()))
    assert ends[0] == ends[1]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_block_ends_when_the_loss_is_not_finite():
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    optimizer = optim.SGD(model.parameters(), lr=100.0)
    with Doctor(model, optimizer) as doctor:
        loop(model, optimizer, tg.ones(48, 1), 1000)
    assert doctor.findings[0].fault == "rate-too-high"
    assert len(doctor.course.losses) < 100


def test_errors_of_ones_own_loop_come_through():
    model = nn.Linear(4, 1)
    with pytest.raises(ZeroDivisionError), Doctor(model, None):
        _ = 1 / 0
    with pytest.raises(ArgumentError, match="there is no model to watch"), Doctor():
        pass


def test_diagnose_gives_the_trainer_its_callbacks_back():
    trainer, loader = sick()
    assert diagnose(trainer, loader, epochs=1)[0].fault == "output-range"
    assert trainer.callbacks == []


# -- what it costs ----------------------------------------------------------------------------------------------------


def test_it_keeps_within_its_budget(monkeypatch):
    """By a clock that an update moves by a millisecond, and a look by five."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    class Pass(Callback):
        def on_batch_end(self, trainer, batch):
            now[0] += 1e-3

    class Slow(Inside):
        def begin(self, *details, **options):
            now[0] += 5e-3
            super().begin(*details, **options)

    doctor = Doctor(budget=0.02)
    trainer, loader = problem(Pass(), doctor, samples=800)
    trainer.inside = Slow()
    trainer.fit(loader, epochs=30)
    steps = [look.step for look in doctor.course.looks]
    assert steps[0] == 1
    assert len(steps) > 5
    assert steps[-1] > 2000
    assert doctor.seconds == pytest.approx(5e-3 * len(steps))
    assert doctor.seconds <= 0.02 * now[0] + 5e-3


def test_of_a_run_the_reports_tell_whether_it_learns():
    saturated = {"kind": "Tanh", "activation": {"saturated_share": 0.9}}
    layers = {"act1": saturated, "fc2": {"kind": "Linear", "activation": {}}}
    looks = [{"event": "statistics", "step": step, "layers": layers} for step in range(1, 9)]
    losses = {True: (1.1, 0.6, 0.3), False: (1.1, 1.1, 1.1)}
    for learned, values in losses.items():
        reports = [
            {"event": "epoch", "epoch": i, "step": 4 * i, "rate": 0.1, "loss": loss} for i, loss in enumerate(values, 1)
        ]
        found = [finding.fault for finding in detect(course_of([*reports, *looks]))]
        assert ("saturated" in found) is not learned

"""Every schedule gives PyTorch's rates, step by step."""

import copy
import json
import math

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.errors import ArgumentError, NamingError, TapegradWarning, UsageError

CASES = [
    ("LambdaLR", {"lr_lambda": lambda t: 0.95**t}),
    ("LambdaLR", {"lr_lambda": [lambda t: 0.95**t, lambda t: 1 / (1 + t)]}),
    ("MultiplicativeLR", {"lr_lambda": lambda t: 1 - 0.01 * t}),
    ("StepLR", {"step_size": 3}),
    ("StepLR", {"step_size": 7, "gamma": 0.5}),
    ("MultiStepLR", {"milestones": [2, 5, 5, 11], "gamma": 0.3}),
    ("ConstantLR", {}),
    ("ConstantLR", {"factor": 0.2, "total_iters": 9}),
    ("LinearLR", {}),
    ("LinearLR", {"start_factor": 0.9, "end_factor": 0.0, "total_iters": 12}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("PolynomialLR", {}),
    ("PolynomialLR", {"total_iters": 17, "power": 2.5}),
    ("CosineAnnealingLR", {"T_max": 10}),
    ("CosineAnnealingLR", {"T_max": 7, "eta_min": 0.01}),
    ("CosineAnnealingWarmRestarts", {"T_0": 5}),
    ("CosineAnnealingWarmRestarts", {"T_0": 3, "T_mult": 2, "eta_min": 0.01}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.3, "step_size_up": 5}),
    (
        "CyclicLR",
        {"base_lr": [0.01, 0.02], "max_lr": 0.3, "step_size_up": 4, "step_size_down": 7, "mode": "triangular2"},
    ),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.3, "step_size_up": 5, "mode": "exp_range", "gamma": 0.97}),
    (
        "CyclicLR",
        {"base_lr": 0.01, "max_lr": 0.3, "step_size_up": 5, "scale_fn": lambda x: 1 / x, "cycle_momentum": False},
    ),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 45}),
    ("OneCycleLR", {"max_lr": [0.5, 0.1], "epochs": 5, "steps_per_epoch": 9, "anneal_strategy": "linear"}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 45, "three_phase": True, "pct_start": 0.4, "div_factor": 10.0}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 45, "cycle_momentum": False, "final_div_factor": 10.0}),
]
NAMES = [f"{name}-{'-'.join(map(str, options))}" for name, options in CASES]
STEPS = 40


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def optimizer_of(module, kind="SGD", tensor=False, lr=0.1):
    params = [module.nn.Parameter(module.ones(2)) for _ in range(2)]
    options = {"momentum": 0.9} if kind == "SGD" else {"betas": (0.9, 0.99)}
    rate = module.tensor(lr, dtype=module.float64) if tensor else lr
    groups = [{"params": [params[0]]}, {"params": [params[1]], "lr": 2 * rate}]
    return getattr(module.optim, kind)(groups, lr=rate, **options)


def rates(schedule, optimizer, steps, metrics=None):
    """The rates and momenta of each group before each step, and what the schedule says of them."""
    seen = []
    for i in range(steps):
        groups = optimizer.param_groups
        momenta = [g["betas"][0] if "betas" in g else g["momentum"] for g in groups]
        seen.append([float(g["lr"]) for g in groups] + momenta + [float(r) for r in schedule.get_last_lr()])
        optimizer.step()
        if metrics is None:
            schedule.step()
        else:
            schedule.step(metrics[i])
    return np.array(seen)


def make(module, name, options, optimizer, **more):
    return getattr(module.optim.lr_scheduler, name)(optimizer, **options, **more)


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize(("name", "options"), CASES, ids=NAMES)
def test_rates_agree_with_pytorch(torch, name, options, kind):
    seen = []
    for module in (tg, torch):
        optimizer = optimizer_of(module, kind)
        seen.append(rates(make(module, name, options, optimizer), optimizer, STEPS))
    np.testing.assert_allclose(seen[0], seen[1], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("name", "options"), CASES, ids=NAMES)
def test_a_tensor_rate_is_written_into(torch, name, options):
    optimizer = optimizer_of(tg, tensor=True)
    held = optimizer.param_groups[0]["lr"]
    reference = optimizer_of(tg)
    ours = rates(make(tg, name, options, optimizer), optimizer, STEPS)
    numbers = rates(make(tg, name, options, reference), reference, STEPS)
    np.testing.assert_allclose(ours, numbers, rtol=1e-12, atol=1e-14)
    assert optimizer.param_groups[0]["lr"] is held


@pytest.mark.parametrize(("name", "options"), CASES, ids=NAMES)
def test_a_rate_changed_by_hand_moves_as_in_pytorch(torch, name, options):
    seen = []
    for module in (tg, torch):
        optimizer = optimizer_of(module)
        schedule = make(module, name, options, optimizer)
        before = rates(schedule, optimizer, 4)
        optimizer.param_groups[0]["lr"] = 0.7
        seen.append(np.concatenate([before, rates(schedule, optimizer, 9)]))
    np.testing.assert_allclose(seen[0], seen[1], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("name", "options"), CASES, ids=NAMES)
def test_the_state_goes_on_where_it_was(name, options):
    """Through JSON, as checkpoints write it, into a new schedule of a new optimizer."""
    optimizer = optimizer_of(tg)
    schedule = make(tg, name, options, optimizer)
    rates(schedule, optimizer, 11)
    state = json.loads(json.dumps(schedule.state_dict()))
    groups = copy.deepcopy(optimizer.state_dict())
    expected = rates(schedule, optimizer, 20)
    other = optimizer_of(tg)
    resumed = make(tg, name, options, other)
    other.load_state_dict(groups)
    resumed.load_state_dict(state)
    np.testing.assert_array_equal(rates(resumed, other, 20), expected)


# PyTorch forgets the length of the cycle that it resumes in.
RESUMABLE = [case for case in CASES if case[1].get("T_mult", 1) == 1]


@pytest.mark.parametrize(("name", "options"), RESUMABLE)
def test_resuming_at_an_epoch_agrees_with_pytorch(torch, name, options):
    seen = []
    for module in (tg, torch):
        optimizer = optimizer_of(module)
        first = make(module, name, options, optimizer)
        rates(first, optimizer, 6)
        again = make(module, name, options, optimizer, last_epoch=6)
        seen.append(rates(again, optimizer, 12))
    np.testing.assert_allclose(seen[0], seen[1], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("epoch", [0, 2, 6, 9, 25])
def test_warm_restarts_resume_in_their_cycle(epoch):
    options = {"T_0": 3, "T_mult": 2, "eta_min": 0.01}
    optimizer = optimizer_of(tg)
    schedule = make(tg, "CosineAnnealingWarmRestarts", options, optimizer)
    expected = rates(schedule, optimizer, epoch + 20)[epoch + 1 :]
    again = make(tg, "CosineAnnealingWarmRestarts", options, optimizer, last_epoch=epoch)
    np.testing.assert_allclose(rates(again, optimizer, 19), expected, rtol=1e-12)


@pytest.mark.parametrize("epochs", [[0.3, 2.9, 3.0, 8.5, 21.0, 22.25, 4.0]])
@pytest.mark.parametrize("mult", [1, 2])
def test_warm_restarts_take_fractions(torch, epochs, mult):
    seen = []
    for module in (tg, torch):
        optimizer = optimizer_of(module)
        schedule = make(module, "CosineAnnealingWarmRestarts", {"T_0": 3, "T_mult": mult}, optimizer)
        optimizer.step()
        row = []
        for epoch in epochs:
            schedule.step(epoch)
            row.append(schedule.get_last_lr())
        seen.append(row)
    np.testing.assert_allclose(seen[0], seen[1], rtol=1e-12)


PLATEAUS = [
    {},
    {"patience": 2, "factor": 0.5},
    {"patience": 1, "mode": "max", "threshold": 0.05},
    {"patience": 1, "threshold_mode": "abs", "threshold": 0.1, "cooldown": 3},
    {"patience": 0, "mode": "max", "threshold_mode": "abs", "min_lr": [0.01, 0.05], "factor": 0.3},
    {"patience": 0, "eps": 0.05},
]


@pytest.mark.parametrize("options", PLATEAUS)
def test_plateaus_agree_with_pytorch(torch, options, rng):
    metrics = list(np.exp(-np.arange(STEPS) / 8) + 0.2 * rng.random(STEPS))
    seen = []
    for module in (tg, torch):
        optimizer = optimizer_of(module)
        seen.append(rates(make(module, "ReduceLROnPlateau", options, optimizer), optimizer, STEPS, metrics))
    np.testing.assert_allclose(seen[0], seen[1], rtol=1e-12)
    assert len(np.unique(seen[0][:, 0])) > 1 or not options


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
def test_a_metric_that_stays_is_not_better(torch, mode, threshold_mode):
    metrics = [2.0, 2.0, 1.0, 1.0, 3.0, 3.0, 3.0, 0.5]
    options = {"mode": mode, "threshold_mode": threshold_mode, "threshold": 0.0, "patience": 0, "factor": 0.5}
    seen = []
    for module in (tg, torch):
        optimizer = optimizer_of(module)
        schedule = make(module, "ReduceLROnPlateau", {**options, "eps": 0.05}, optimizer)
        seen.append(rates(schedule, optimizer, len(metrics), metrics))
    np.testing.assert_allclose(seen[0], seen[1], rtol=1e-12)


def test_a_plateau_takes_a_tensor():
    optimizer = optimizer_of(tg)
    schedule = tg.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0)
    for _ in range(2):
        schedule.step(tg.tensor(1.0))
    assert schedule.get_last_lr() == pytest.approx([0.01, 0.02])


# -- schedules of schedules -------------------------------------------------------------------------------------------


def sequence(module, optimizer):
    s = module.optim.lr_scheduler
    parts = [
        s.LinearLR(optimizer, total_iters=4),
        s.StepLR(optimizer, 3, 0.5),
        s.CosineAnnealingLR(optimizer, 8),
        s.ExponentialLR(optimizer, 0.9),
    ]
    return s.SequentialLR(optimizer, parts, [4, 11, 20])


def chain(module, optimizer):
    s = module.optim.lr_scheduler
    return s.ChainedScheduler(
        [
            s.ConstantLR(optimizer, 0.1, 6),
            s.ExponentialLR(optimizer, 0.95),
            s.CosineAnnealingLR(optimizer, 9),
            s.MultiStepLR(optimizer, [3, 5]),
            s.PolynomialLR(optimizer, 30),
        ]
    )


@pytest.mark.parametrize("compose", [sequence, chain])
def test_composed_schedules_agree_with_pytorch(torch, compose):
    seen = []
    for module in (tg, torch):
        optimizer = optimizer_of(module)
        seen.append(rates(compose(module, optimizer), optimizer, STEPS))
    np.testing.assert_allclose(seen[0], seen[1], rtol=1e-12, atol=1e-14)


def test_a_chain_may_be_a_part_of_a_sequence():
    """Which PyTorch refuses. It begins anew when its turn has come."""
    s = tg.optim.lr_scheduler
    optimizer = optimizer_of(tg)
    part = s.ChainedScheduler([s.LinearLR(optimizer, 0.5, total_iters=4), s.ExponentialLR(optimizer, 0.9)])
    schedule = s.SequentialLR(optimizer, [s.ConstantLR(optimizer, 0.25, 3), part], [5])
    seen = rates(schedule, optimizer, 12)[:, 0]
    expected = [0.025] * 3 + [0.1] * 2 + [0.1 * 0.9**t * (0.5 + 0.5 * min(t, 4) / 4) for t in range(7)]
    np.testing.assert_allclose(seen, expected, rtol=1e-12)


def test_the_last_rates_are_those_of_the_first_part():
    s = tg.optim.lr_scheduler
    optimizer = optimizer_of(tg)
    parts = [s.ExponentialLR(optimizer, 0.9), s.ConstantLR(optimizer, 0.5, 3)]
    assert s.SequentialLR(optimizer, parts, [2]).get_last_lr() == [0.1, 0.2]


@pytest.mark.parametrize("compose", [sequence, chain])
def test_the_state_of_a_composed_schedule_goes_on_where_it_was(compose):
    optimizer = optimizer_of(tg)
    schedule = compose(tg, optimizer)
    rates(schedule, optimizer, 7)
    state, groups = copy.deepcopy(schedule.state_dict()), copy.deepcopy(optimizer.state_dict())
    expected = rates(schedule, optimizer, 20)
    other = optimizer_of(tg)
    resumed = compose(tg, other)
    other.load_state_dict(groups)
    resumed.load_state_dict(state)
    np.testing.assert_array_equal(rates(resumed, other, 20), expected)


# -- ours ---------------------------------------------------------------------------------------------------------------


def test_inverse_time_is_its_formula():
    optimizer = optimizer_of(tg)
    schedule = tg.optim.lr_scheduler.InverseTimeLR(optimizer, decay=0.3)
    seen = rates(schedule, optimizer, 200)[:, :2]
    t = np.arange(200)[:, None]
    np.testing.assert_allclose(seen, [0.1, 0.2] / (1 + 0.3 * t), rtol=1e-12)


def test_a_jump_to_an_epoch_gives_its_rate():
    optimizer = optimizer_of(tg)
    schedule = tg.optim.lr_scheduler.InverseTimeLR(optimizer, decay=0.5)
    optimizer.step()
    schedule.step(8)
    assert schedule.get_last_lr() == pytest.approx([0.02, 0.04], rel=1e-12)


JUMPS = [
    case
    for case in CASES
    if case[0] in ("StepLR", "MultiStepLR", "ConstantLR", "LinearLR", "ExponentialLR", "PolynomialLR")
]
JUMPS += [case for case in CASES if case[0] == "CosineAnnealingLR"]


@pytest.mark.filterwarnings("ignore:The epoch parameter")
@pytest.mark.parametrize(("name", "options"), JUMPS)
def test_jumps_agree_with_pytorch(torch, name, options):
    seen = []
    for module in (tg, torch):
        optimizer = optimizer_of(module)
        schedule = make(module, name, options, optimizer)
        optimizer.step()
        row = []
        for epoch in (3, 17, 0, 5):
            schedule.step(epoch)
            row.append(schedule.get_last_lr())
        seen.append(row)
    np.testing.assert_allclose(seen[0], seen[1], rtol=1e-12, atol=1e-15)


def test_pytorchs_state_of_milestones_is_understood(torch):
    reference = optimizer_of(torch)
    theirs = torch.optim.lr_scheduler.MultiStepLR(reference, [2, 2, 5])
    optimizer = optimizer_of(tg)
    schedule = tg.optim.lr_scheduler.MultiStepLR(optimizer, [9])
    schedule.load_state_dict(theirs.state_dict())
    assert schedule.milestones == [2, 2, 5]


def test_a_callable_objects_fields_are_part_of_the_state():
    class Decay:
        def __init__(self, rate):
            self.rate = rate

        def __call__(self, t):
            return self.rate**t

    optimizer = optimizer_of(tg)
    state = tg.optim.lr_scheduler.LambdaLR(optimizer, Decay(0.5)).state_dict()
    other = tg.optim.lr_scheduler.LambdaLR(optimizer_of(tg), Decay(0.9))
    other.load_state_dict(copy.deepcopy(state))
    assert other.lr_lambdas[0].rate == 0.5


def test_a_schedule_of_ones_own_needs_only_get_lr():
    class Halves(tg.optim.lr_scheduler.LRScheduler):
        def get_lr(self):
            assert self._get_lr_called_within_step
            return [base / 2**self.last_epoch for base in self.base_lrs]

    optimizer = optimizer_of(tg)
    seen = rates(Halves(optimizer), optimizer, 3)[:, 0]
    assert seen.tolist() == [0.1, 0.05, 0.025]
    assert not Halves(optimizer)._get_lr_called_within_step


# -- what goes wrong ----------------------------------------------------------------------------------------------------


def test_stepping_before_the_optimizer_is_told():
    optimizer = optimizer_of(tg)
    schedule = tg.optim.lr_scheduler.StepLR(optimizer, 3)
    with pytest.warns(TapegradWarning, match=r"StepLR: lr_scheduler.step\(\) was called before optimizer.step\(\)"):
        schedule.step()


def test_resuming_needs_the_first_rate():
    with pytest.raises(NamingError, match="param 'initial_lr' is not specified in param_groups\\[0\\]"):
        tg.optim.lr_scheduler.StepLR(optimizer_of(tg), 3, last_epoch=4)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("ConstantLR", {"factor": 0.0}, "ConstantLR: factor is 0.0; use more than 0 and at most 1"),
        ("LinearLR", {"start_factor": 0}, "LinearLR: start_factor is 0"),
        ("LinearLR", {"end_factor": 2}, "LinearLR: end_factor is 2; use 0 to 1"),
        ("InverseTimeLR", {"decay": -1}, "InverseTimeLR: decay is -1"),
        ("CosineAnnealingWarmRestarts", {"T_0": 0}, "T_0 is 0; use an integer from 1"),
        ("CosineAnnealingWarmRestarts", {"T_0": 2, "T_mult": 1.5}, "T_mult is 1.5"),
        (
            "CyclicLR",
            {"base_lr": 0.1, "max_lr": 1, "mode": "triangle"},
            "no mode 'triangle'; did you mean 'triangular'",
        ),
        ("CyclicLR", {"base_lr": [0.1], "max_lr": 1}, "base_lr has 1 values for 2 parameter groups; give one for each"),
        ("OneCycleLR", {"max_lr": 1}, "OneCycleLR: epochs is None; give total_steps, or epochs and steps_per_epoch"),
        ("OneCycleLR", {"max_lr": 1, "total_steps": 0}, "total_steps is 0"),
        ("OneCycleLR", {"max_lr": 1, "total_steps": 9, "pct_start": 2.0}, "pct_start is 2.0"),
        ("OneCycleLR", {"max_lr": 1, "total_steps": 9, "anneal_strategy": "cosine"}, "did you mean 'cos'"),
        ("ReduceLROnPlateau", {"factor": 1.0}, "factor is 1.0; use less than 1"),
        ("ReduceLROnPlateau", {"mode": "best"}, "mode is 'best'"),
        ("LambdaLR", {"lr_lambda": [abs]}, "lr_lambda has 1 values for 2 parameter groups"),
    ],
)
def test_options_out_of_range_are_refused(name, options, message):
    with pytest.raises(ArgumentError, match=message):
        make(tg, name, options, optimizer_of(tg))


def test_one_cycle_ends():
    optimizer = optimizer_of(tg)
    schedule = tg.optim.lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=3)
    with pytest.raises(ArgumentError, match="OneCycleLR: step 4 of 3 total steps; make total_steps"):
        rates(schedule, optimizer, 4)


def test_momentum_that_is_not_there_cannot_be_cycled():
    optimizer = tg.optim.Adagrad([tg.nn.Parameter(tg.ones(1))])
    with pytest.raises(ArgumentError, match="OneCycleLR: Adagrad has neither momentum nor betas to cycle"):
        tg.optim.lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=3)


def test_composed_schedules_must_fit():
    s = tg.optim.lr_scheduler
    optimizer = optimizer_of(tg)
    step = s.StepLR(optimizer, 3)
    with pytest.raises(ArgumentError, match="SequentialLR: 2 milestones for 1 schedulers; give 0"):
        s.SequentialLR(optimizer, [step], [1, 2])
    with pytest.raises(ArgumentError, match="scheduler 1 belongs to another optimizer"):
        s.ChainedScheduler([step, s.StepLR(optimizer_of(tg), 3)])
    with pytest.raises(ArgumentError, match="scheduler 1 is ReduceLROnPlateau, which needs a metric"):
        s.ChainedScheduler([step, s.ReduceLROnPlateau(optimizer)])
    with pytest.raises(ArgumentError, match="there are no schedulers"):
        s.ChainedScheduler([])


def test_a_schedule_wants_an_optimizer():
    with pytest.raises(UsageError, match="StepLR: a list is not an Optimizer"):
        tg.optim.lr_scheduler.StepLR([], 3)


def test_an_infinite_best_survives_json():
    schedule = tg.optim.lr_scheduler.ReduceLROnPlateau(optimizer_of(tg), mode="max")
    schedule.load_state_dict(json.loads(json.dumps(schedule.state_dict())))
    assert schedule.best == -math.inf

"""Every scheduler with many options: the learning rates of 30 steps, jumps to an epoch, resuming, chaining."""

from __future__ import annotations

import functools

import torch

import tapegrad as tg

from .case import Case, Subject, quiet

STEPS = 30
OPTIONS = {
    "LambdaLR": ["lr_lambda=lambda e: 0.9**e", "lr_lambda=[lambda e: 1 / (e + 1), lambda e: 0.5]", "lr_lambda=lambda e: 0.5 * e, last_epoch=-1"],
    "MultiplicativeLR": ["lr_lambda=lambda e: 0.95", "lr_lambda=[lambda e: 0.9, lambda e: 1.01]", "lr_lambda=lambda e: 1 - e / 100"],
    "StepLR": ["step_size=3", "step_size=7, gamma=0.5", "step_size=1, gamma=0.9"],
    "MultiStepLR": ["milestones=[3, 8]", "milestones=[5, 5, 9], gamma=0.3", "milestones=[1, 2, 20], gamma=0.9"],
    "ConstantLR": ["", "factor=0.5, total_iters=10", "factor=0.1, total_iters=0"],
    "LinearLR": ["", "start_factor=0.1, end_factor=0.8, total_iters=10", "start_factor=1.0, end_factor=0.0, total_iters=20"],
    "ExponentialLR": ["gamma=0.9", "gamma=1.05", "0.5"],
    "PolynomialLR": ["", "total_iters=12, power=2.0", "total_iters=20, power=0.5"],
    "CosineAnnealingLR": ["T_max=10", "T_max=7, eta_min=0.01", "T_max=30, eta_min=0.05"],
    "CosineAnnealingWarmRestarts": ["T_0=5", "T_0=4, T_mult=2", "T_0=6, T_mult=1, eta_min=0.01"],
    "CyclicLR": [
        "base_lr=0.01, max_lr=0.1", "base_lr=[0.01, 0.02], max_lr=[0.1, 0.3], step_size_up=4, step_size_down=7",
        "base_lr=0.01, max_lr=0.1, step_size_up=5, mode='triangular2'", "base_lr=0.01, max_lr=0.1, step_size_up=5, mode='exp_range', gamma=0.97",
        "base_lr=0.01, max_lr=0.1, step_size_up=5, cycle_momentum=False", "base_lr=0.01, max_lr=0.1, step_size_up=3, base_momentum=0.7, max_momentum=0.95",
        "base_lr=0.01, max_lr=0.1, step_size_up=3, scale_fn=lambda x: 1 / (5 ** (x * 0.0001)), scale_mode='iterations'",
    ],
    "OneCycleLR": [
        "max_lr=0.3, total_steps=40", "max_lr=[0.3, 0.1], epochs=8, steps_per_epoch=5", "max_lr=0.3, total_steps=40, pct_start=0.5, anneal_strategy='linear'",
        "max_lr=0.3, total_steps=40, three_phase=True", "max_lr=0.3, total_steps=40, cycle_momentum=False", "max_lr=0.3, total_steps=40, div_factor=5, final_div_factor=10",
    ],
    "ReduceLROnPlateau": [
        "", "patience=1, factor=0.5", "mode='max', patience=2", "threshold=0.1, threshold_mode='abs', patience=0", "cooldown=3, patience=1",
        "min_lr=0.05, patience=0", "min_lr=[0.01, 0.02], patience=0, factor=0.3", "eps=0.02, patience=0",
    ],
    "SequentialLR": [
        "schedulers=[S.ConstantLR(opt, 0.1, 4), S.ExponentialLR(opt, 0.9)], milestones=[5]",
        "schedulers=[S.LinearLR(opt, 0.1, total_iters=5), S.CosineAnnealingLR(opt, 20), S.StepLR(opt, 2)], milestones=[5, 20]",
        "[S.StepLR(opt, 3), S.MultiStepLR(opt, [2, 6])], [11]",
    ],
    "ChainedScheduler": [
        "[S.ConstantLR(opt, 0.1, 4), S.ExponentialLR(opt, 0.9)]", "[S.StepLR(opt, 3), S.MultiplicativeLR(opt, lambda e: 0.99)]",
        "[S.LinearLR(opt), S.CosineAnnealingLR(opt, 9)], optimizer=opt",
    ],
}  # fmt: skip
WITHOUT_OPTIMIZER = ("SequentialLR", "ChainedScheduler")


def build(module, name, options, optimizer_name="SGD", last=None):
    """An optimizer of two groups, with the scheduler."""
    weights = [module.nn.Parameter(module.zeros(2)), module.nn.Parameter(module.zeros(3))]
    more = {"momentum": 0.9} if optimizer_name == "SGD" else {}
    groups = [{"params": weights[:1]}, {"params": weights[1:], "lr": 0.1}]
    opt = getattr(module.optim, optimizer_name)(groups, lr=0.5, **more)
    S = module.optim.lr_scheduler
    first = (
        "" if name in WITHOUT_OPTIMIZER and "optimizer=" in options else "opt, " if name != "ChainedScheduler" else ""
    )
    return opt, eval(f"S.{name}({first}{options})", {"S": S, "opt": opt})  # our own text


def metric(step):
    return [1.0, 0.9, 0.95, 0.9, 0.89, 0.89, 0.5, 0.6, 0.7, 0.5][step % 10] + 0.01 * (step // 10)


def path(opt, scheduler, steps, start=0):
    """Learning rates and momenta, step by step."""
    found = []
    for step in range(start, start + steps):
        opt.step()
        if type(scheduler).__name__ == "ReduceLROnPlateau":
            scheduler.step(metric(step))
        else:
            scheduler.step()
        found.append(
            [float(v) for g in opt.param_groups for v in (g["lr"], g.get("momentum", g.get("betas", (0,))[0]))]
        )
        found[-1] += [float(v) for v in scheduler.get_last_lr()]
    return found


def differs(ours, theirs, meter):
    for step, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        for x, y in zip(a, b, strict=True):
            meter.note("float64", abs(x - y) / max(1.0, abs(y)))
            if abs(x - y) > 1e-12 * max(1.0, abs(y)):
                return f"step {step}: {a}, want {b}"
    return None


def run_path(name, options, optimizer):
    def run(meter):
        with quiet():
            want, got = (path(*build(m, name, options, optimizer), STEPS) for m in (torch, tg))
            return differs(got, want, meter)

    return run


def run_resume(name, options):
    """The state after seven steps, in a new scheduler over the same optimizer's groups."""

    def resumed(module):
        opt, scheduler = build(module, name, options)
        path(opt, scheduler, 7)
        state, groups = scheduler.state_dict(), opt.state_dict()
        opt2, scheduler2 = build(module, name, options)
        opt2.load_state_dict(groups)
        scheduler2.load_state_dict(state)
        return path(opt2, scheduler2, 15, start=7), state

    def run(meter):
        with quiet():
            (want, theirs), (got, ours) = resumed(torch), resumed(tg)
            missing = sorted(k for k in theirs if k not in ours and not k.startswith("_"))
            return f"state_dict without {missing}" if missing else differs(got, want, meter)

    return run


def run_jump(name, options):
    """Steps to given epochs: the closed form where there is one."""

    def jumped(module):
        opt, scheduler = build(module, name, options)
        found = []
        for epoch in (0, 1, 4, 9, 9, 3, 12):
            opt.step()
            scheduler.step(epoch)
            found.append([float(g["lr"]) for g in opt.param_groups])
        return found

    def run(meter):
        with quiet():
            return differs(jumped(tg), jumped(torch), meter)

    return run


def run_chained(name, options):
    """Two schedulers that step one after the other."""

    def chained(module):
        opt, scheduler = build(module, name, options)
        other = module.optim.lr_scheduler.ExponentialLR(opt, 0.97)
        found = []
        for _ in range(12):
            found += path(opt, scheduler, 1, len(found))
            other.step()
            found[-1] += [float(g["lr"]) for g in opt.param_groups]
        return found

    def run(meter):
        with quiet():
            return differs(chained(tg), chained(torch), meter)

    return run


def run_refusal(name, options):
    """The same kind of exception for options that PyTorch refuses, or none for both."""

    def run(meter):
        with quiet():
            kinds = []
            for module in (torch, tg):
                try:
                    build(module, name, options)
                    kinds.append(None)
                except Exception as error:
                    kinds.append(error)
            want, got = kinds
            if want is None:
                return None if got is None else f"{type(got).__name__}, want no error: {got}"
            return (
                None
                if isinstance(got, type(want))
                else f"{type(got).__name__}, want {type(want).__name__}: {got or want}"
            )

    return run


REFUSED = {
    "LambdaLR": ["lr_lambda=[lambda e: 1]"], "MultiplicativeLR": ["lr_lambda=[lambda e: 1]"], "ConstantLR": ["factor=1.5", "factor=-1"],
    "LinearLR": ["start_factor=0", "end_factor=1.5"], "CosineAnnealingWarmRestarts": ["T_0=0", "T_0=2.5", "T_0=3, T_mult=0"],
    "CyclicLR": ["base_lr=0.1, max_lr=0.2, mode='no'", "base_lr=[0.1], max_lr=0.2"], "OneCycleLR": ["max_lr=0.1", "max_lr=0.1, total_steps=-1", "max_lr=0.1, total_steps=9, pct_start=2", "max_lr=0.1, total_steps=9, anneal_strategy='no'"],
    "ReduceLROnPlateau": ["factor=1.0", "mode='no'", "min_lr=[1]", "threshold_mode='no'"], "SequentialLR": ["schedulers=[S.StepLR(opt, 2)], milestones=[2]", "schedulers=[], milestones=[]"],
    "ChainedScheduler": ["[]"], "StepLR": ["3, foo=1"], "MultiStepLR": [""], "ExponentialLR": [""], "PolynomialLR": ["verbose=True"], "CosineAnnealingLR": [""],
}  # fmt: skip


def cases(name, fast):
    for number, options in enumerate(OPTIONS[name][: 2 if fast else None]):
        yield Case(f"30 steps ({options})", run_path(name, options, "SGD"))
        if fast:
            continue
        if name not in ("CyclicLR",) or "cycle_momentum" in options:
            yield Case(f"30 steps with Adam ({options})", run_path(name, options, "Adam"))
        if "lambda" not in options or number == 0:
            yield Case(f"resumed ({options})", run_resume(name, options))
        if name not in ("ReduceLROnPlateau", "SequentialLR", "ChainedScheduler", "MultiplicativeLR"):
            yield Case(f"to given epochs ({options})", run_jump(name, options))
        yield Case(f"chained ({options})", run_chained(name, options))
    if not fast:
        for options in REFUSED.get(name, ()):
            yield Case(f"error ({options})", run_refusal(name, options))


def subjects():
    for name in OPTIONS:
        present = hasattr(tg.optim.lr_scheduler, name)
        yield Subject(f"lr_scheduler.{name}", "scheduler", present, functools.partial(cases, name))

"""Every optimizer, with all the options of PyTorch's database: several steps, several shapes, states that are saved and loaded."""

from __future__ import annotations

import functools
import warnings

import torch
from torch.testing._internal.common_optimizers import OptimizerErrorEnum, optim_db

import tapegrad as tg

from .case import Case, Subject, quiet, seed
from .values import Incomparable, compare, convert, convert_tensor

STEPS = 6
SHAPES = {"Muon": [(3, 4), (4, 2), (2, 2)]}
ANY_SHAPES = [(3, 4), (5,), (), (2, 1, 3)]


def weights(name, dtype, number=0):
    seed(f"{name} {number}")
    return [torch.randn(shape, dtype=dtype) for shape in SHAPES.get(name, ANY_SHAPES)]


def loss(parameters, targets):
    total = 0
    for k, (p, t) in enumerate(zip(parameters, targets, strict=True)):
        total = total + ((p - t) ** 2).sum() * (k + 1) + (p * p * p * p).sum() * 0.1
    return total


def train(optimizer, parameters, targets, steps, sparse=None):
    """Steps on a loss that both compute; a closure, as LBFGS wants one."""

    def closure():
        optimizer.zero_grad()
        if sparse is not None:
            for p, t in zip(parameters, targets, strict=True):
                p.grad = sparse(p, t)
            return None
        value = loss(parameters, targets)
        value.backward()
        return value

    for _ in range(steps):
        if type(optimizer).__name__ == "LBFGS":
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()


def sparse_gradient(p, t):
    """A gradient with rows of its own at every other place."""
    rows = type(t).detach(p) - t
    return rows[::2].to_sparse(1) if rows.ndim else rows.to_sparse()


def both(name, kwargs, dtype, groups):
    start, targets = weights(name, dtype), weights(name, dtype, 1)
    theirs = [torch.nn.Parameter(w.clone()) for w in start]
    ours = [tg.nn.Parameter(convert_tensor(w)) for w in start]

    def arrange(parameters):
        if not groups:
            return parameters
        return [{"params": parameters[:1]}, {"params": parameters[1:], "lr": 0.02}]

    a = getattr(torch.optim, name)(arrange(theirs), **kwargs)
    b = getattr(tg.optim, name)(arrange(ours), **convert(kwargs))
    return (a, theirs, targets), (b, ours, convert(targets))


def parameters_differ(ours, theirs, meter):
    return next(
        (
            f"parameter {i}: {w}"
            for i, (o, t) in enumerate(zip(ours, theirs, strict=True))
            if (w := compare(o.detach(), t.detach(), meter))
        ),
        None,
    )


def states_differ(b, a, meter):
    mine, want = b.state_dict(), a.state_dict()
    for key, entry in want["state"].items():
        if key not in mine["state"] or set(mine["state"][key]) != set(entry):
            return f"state of parameter {key}: {sorted(mine['state'].get(key, ()))}, want {sorted(entry)}"
        for k, v in entry.items():
            if isinstance(v, torch.Tensor) and (w := compare(counted(k, mine["state"][key][k]), counted(k, v), meter)):
                return f"state {k} of parameter {key}: {w}"
    for g, w in zip(mine["param_groups"], want["param_groups"], strict=True):
        missing = sorted(set(w) - set(g))
        if missing:
            return f"param_groups without {missing}"
    return None


def counted(name, value):
    """What counts or scales steps as a number: its dtype is a case of its own."""
    return float(value) if name in ("step", "eta", "mu", "mu_product") else value


def run_dtypes(name):
    def run(meter):
        with quiet():
            (a, theirs, targets), (b, ours, twins) = both(name, {}, torch.float32, False)
            train(a, theirs, targets, 1)
            train(b, ours, twins, 1)
            for k, v in a.state_dict()["state"].get(0, {}).items():
                mine = b.state_dict()["state"][0].get(k)
                if type(v).__name__ != type(mine).__name__:
                    return f"state {k}: {type(mine).__name__}, want {type(v).__name__}"
                if isinstance(v, torch.Tensor) and (w := compare(mine, v, meter, values=False)):
                    return f"state {k}: {w}"
        return None

    return run


def run_steps(name, kwargs, dtype, groups=False, resume=False):
    def run(meter):
        with quiet():
            try:
                (a, theirs, targets), (b, ours, twins) = both(name, kwargs, dtype, groups)
                train(a, theirs, targets, STEPS)
            except (RuntimeError, AssertionError, ValueError, TypeError) as error:
                _only_if_theirs(name, kwargs, dtype, groups, error)
            train(b, ours, twins, STEPS)
            wrong = parameters_differ(ours, theirs, meter) or (name != "LBFGS" and states_differ(b, a, meter))
            if wrong or not resume:
                return wrong or None
            b2 = getattr(tg.optim, name)(b.param_groups if groups else ours, **convert(kwargs))
            b2.load_state_dict(convert(a.state_dict()))
            train(a, theirs, targets, 3)
            train(b2, ours, twins, 3)
            wrong = parameters_differ(ours, theirs, meter)
            return f"after loading PyTorch's state: {wrong}" if wrong else None

    return run


def _only_if_theirs(name, kwargs, dtype, groups, error):
    """A refusal of PyTorch's makes no case; one of ours is a difference."""
    start = weights(name, dtype)
    parameters = [torch.nn.Parameter(w) for w in start]
    try:
        a = getattr(torch.optim, name)(parameters, **kwargs)
        train(a, parameters, weights(name, dtype, 1), STEPS)
    except Exception as refused:
        raise Incomparable(str(refused)) from refused
    raise error


def run_sparse(name, kwargs):
    def run(meter):
        with quiet():
            start, targets = [torch.randn(6, 3, dtype=torch.float64)], [torch.randn(6, 3, dtype=torch.float64)]
            theirs = [torch.nn.Parameter(w.clone()) for w in start]
            ours = [tg.nn.Parameter(convert_tensor(w)) for w in start]
            index = torch.tensor([[0, 2, 5]])

            def theirs_grad(p, t):
                return torch.sparse_coo_tensor(index, (p.detach() - t)[index[0]], p.shape)

            def ours_grad(p, t):
                return tg.sparse_coo_tensor(convert(index), (p.detach() - t)[convert(index[0])], p.shape)

            a = getattr(torch.optim, name)(theirs, **kwargs)
            b = getattr(tg.optim, name)(ours, **convert(kwargs))
            train(a, theirs, targets, STEPS, theirs_grad)
            train(b, ours, convert(targets), STEPS, ours_grad)
            return parameters_differ(ours, theirs, meter)

    return run


def run_error(name, wrong):
    item, kind = wrong.optimizer_error_input, wrong.error_type

    def run(meter):
        params = item.params
        if params is None:
            params = [torch.nn.Parameter(torch.randn(3, 2)) for _ in range(2)]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                optimizer = getattr(tg.optim, name)(_given(params), **convert(item.kwargs))
                if wrong.error_on is OptimizerErrorEnum.STEP_ERROR:
                    optimizer.step()
            except kind:
                return None
            except Exception as error:
                return f"{type(error).__name__}, want {kind.__name__}: {error}"
        return f"no error, want {kind.__name__}"

    return run


def _given(params):
    """Converted once each, so that one parameter given twice stays one."""
    made: dict = {}

    def one(x):
        if isinstance(x, torch.Tensor):
            if id(x) not in made:
                made[id(x)] = convert_tensor(x)
                if x.grad is not None:
                    made[id(x)].grad = convert_tensor(x.grad)
            return made[id(x)]
        if isinstance(x, (list, tuple)):
            return type(x)(map(one, x))
        return {k: one(v) for k, v in x.items()} if isinstance(x, dict) else x

    return one(params)


def cases(info, fast):
    name = info.optim_cls.__name__
    options = [(i.kwargs, i.desc) for i in info.optim_inputs_func("cpu")]
    if info.only_supports_sparse_grads:
        for kwargs, description in options:
            yield Case(f"sparse gradients, {description}", run_sparse(name, kwargs))
        yield from errors(info, name)
        return
    for kwargs, description in options[: 3 if fast else None]:
        for dtype in (torch.float64, torch.float32)[: 1 if fast else 2]:
            yield Case(f"{str(dtype)[6:]}, {description}", run_steps(name, kwargs, dtype))
        if not fast:
            yield Case(f"resumed, {description}", run_steps(name, kwargs, torch.float64, resume=True))
    if fast:
        return
    if info.supports_param_groups:
        for kwargs, description in options[:4]:
            yield Case(f"two groups, {description}", run_steps(name, {**kwargs, "lr": 0.1}, torch.float64, groups=True))
    yield Case("kinds of what the state holds", run_dtypes(name))
    for flag in ("foreach", "fused", "differentiable", "maximize"):
        yield Case(f"{flag}=False", run_steps(name, {flag: False}, torch.float64))
        if flag in ("foreach", "maximize") or (flag == "fused" and "cpu" in info.supports_fused_on):
            yield Case(f"{flag}=True", run_steps(name, {flag: True}, torch.float64))
    yield from errors(info, name)


def errors(info, name):
    with quiet():
        found = info.optim_error_inputs_func("cpu", torch.float32) if info.optim_error_inputs_func else []
    for wrong in found:
        yield Case(f"error: {wrong.optimizer_error_input.desc}", run_error(name, wrong))


def subjects():
    for info in optim_db:
        name = info.optim_cls.__name__
        yield Subject(f"optim.{name}", "optimizer", hasattr(tg.optim, name), functools.partial(cases, info))

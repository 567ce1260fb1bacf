"""Every layer and loss: PyTorch's database of modules, and the classes that it lacks."""

from __future__ import annotations

import functools

import torch
from torch.testing._internal.common_modules import ModuleErrorEnum, module_db

import tapegrad as tg

from .case import Case, Subject, error_case, gradients, leaves, quiet, seed
from .layer_samples import DRAWN, OWN, make
from .operations import spread
from .values import Incomparable, compare, convert, convert_tensor


def copy_state(theirs, ours):
    """Load PyTorch's weights and buffers; None, or what is wrong with the names."""
    state = theirs.state_dict()
    if list(state) != list(ours.state_dict()):
        return f"state_dict has {list(ours.state_dict())}, want {list(state)}"
    ours.load_state_dict({k: convert_tensor(v.clone()) for k, v in state.items()})
    return None


def run_forward(cls_name, arguments, inputs, dtype, training, order, drawn):
    def run(meter):
        with quiet():
            try:
                theirs = getattr(torch.nn, cls_name)(*arguments[0], **arguments[1])
                lazy = any(isinstance(p, torch.nn.parameter.UninitializedParameter) for p in theirs.parameters())
                theirs, args, kwargs = theirs.to(dtype).train(training), *inputs
                want = theirs(*args, **kwargs)
            except Exception as error:
                raise Incomparable(str(error)) from error
            a, k = convert(arguments[0]), convert(arguments[1])
            ours = getattr(tg.nn, cls_name)(*a, **k).to(convert(dtype)).train(training)
            x, kx = convert([args, kwargs])
            if lazy or "Lazy" in cls_name:
                ours(*x, **kx)
            fresh = getattr(torch.nn, cls_name)(*arguments[0], **arguments[1]).to(dtype).train(training)
            if lazy or "Lazy" in cls_name:
                fresh(*args, **kwargs)
            wrong = copy_state(fresh, ours)
            if wrong:
                return wrong
            want, got = fresh(*args, **kwargs), ours(*x, **kx)
            wrong = compare_module_results(got, want, meter, drawn)
            if wrong or drawn:
                return wrong
            wrong = next(
                (
                    f"buffer {n}: {w}"
                    for n, b in fresh.named_buffers()
                    if (w := compare(dict(ours.named_buffers())[n], b, meter))
                ),
                None,
            )
            if wrong:
                return wrong
            asked, mine = leaves([args, kwargs], [x, kx])
            asked += [p for p in fresh.parameters() if p.requires_grad]
            mine += [p for p in ours.parameters() if p.requires_grad]
            return gradients(got, want, asked, mine, order, meter, 1.0)

    return run


def compare_module_results(got, want, meter, drawn):
    if isinstance(want, torch.nn.utils.rnn.PackedSequence):
        got, want = tuple(got), tuple(want)
    return compare(got, want, meter, values=not drawn)


def run_description(cls_name, arguments):
    def run(meter):
        with quiet():
            want = getattr(torch.nn, cls_name)(*arguments[0], **arguments[1])
            ours = getattr(tg.nn, cls_name)(*convert(arguments[0]), **convert(arguments[1]))
            if repr(ours) != repr(want):
                return f"printed {repr(ours)!r}, want {repr(want)!r}"
            shapes = {k: tuple(v.shape) for k, v in want.state_dict().items() if not hasattr(v, "materialize")}
            mine = {k: tuple(v.shape) for k, v in ours.state_dict().items() if k in shapes}
            return None if mine == shapes else f"state_dict {mine}, want {shapes}"

    return run


def database_cases(info, fast):
    name = info.module_cls.__name__
    described = set()
    for dtype in (torch.float64, torch.float32):
        for training in (True, False):
            seed(f"{name} {dtype} {training}")
            try:
                with quiet():
                    found = info.module_inputs_func(
                        info, device="cpu", dtype=dtype, requires_grad=True, training=training
                    )
                    found = list(found)
            except Exception:
                continue
            limit = 1 if fast else 16 if dtype is torch.float64 else 4
            for item in spread(found, limit):
                if item.forward_input is None:
                    continue
                built = (item.constructor_input.args, item.constructor_input.kwargs)
                given = (item.forward_input.args, item.forward_input.kwargs)
                order = 2 if dtype is torch.float64 and info.supports_gradgrad else 1
                mode = "training" if training else "evaluating"
                label = f"{str(dtype)[6:]} {mode} {text(built)}{text(given)} {item.desc}"
                yield Case(label, run_forward(name, built, given, dtype, training, order, training and name in DRAWN))
                if text(built) not in described and not fast:
                    described.add(text(built))
                    yield Case(f"printing {text(built)}", run_description(name, built))
    if not fast:
        yield from database_errors(info, name)


def database_errors(info, name):
    if info.module_error_inputs_func is None:
        return
    with quiet():
        found = info.module_error_inputs_func(
            info, device="cpu", dtype=torch.float32, requires_grad=False, training=True
        )
    for wrong in found:
        item = wrong.module_error_input
        built = (item.constructor_input.args, item.constructor_input.kwargs)
        if wrong.error_on is ModuleErrorEnum.CONSTRUCTION_ERROR:
            yield Case(f"error {text(built)}", error_case(getattr(tg.nn, name), *built, wrong.error_type))
        else:
            given = (item.forward_input.args, item.forward_input.kwargs)

            def call(*args, built=built, **kwargs):
                return getattr(tg.nn, name)(*convert(built[0]), **convert(built[1]))(*args, **kwargs)

            yield Case(f"error {text(built)}{text(given)}", error_case(call, *given, wrong.error_type))


def text(arguments):
    def one(x):
        if isinstance(x, torch.Tensor):
            return f"<{', '.join(map(str, x.shape))}>"
        return type(x).__name__ if isinstance(x, torch.nn.Module) else repr(x)

    parts = [
        *map(one, arguments[0]),
        *(f"{k}={one(v)}" for k, v in arguments[1].items() if k not in ("device", "dtype")),
    ]
    return f"({', '.join(parts)})".replace("\n", " ")[:110]


def own_cases(name, fast):
    for dtype in (torch.float64, torch.float32):
        for number, (built, given) in enumerate(OWN[name]):
            if fast and (number or dtype is torch.float32):
                return
            for training in (True, False):
                seed(f"{name} {number} {dtype}")
                with quiet():
                    b, g = make(built, dtype), make(given, dtype)
                label = f"{str(dtype)[6:]} {'training' if training else 'evaluating'} {built}{given}"
                order = 2 if dtype is torch.float64 else 1
                yield Case(label, run_forward(name, b, g, dtype, training, order, training and name in DRAWN))
            if dtype is torch.float64:
                yield Case(f"printing {built}", run_description(name, make(built, dtype)))


def subjects():
    known = {}
    for info in module_db:
        known.setdefault(info.module_cls.__name__, []).append(functools.partial(database_cases, info))
    for name in OWN:
        known.setdefault(name, []).append(functools.partial(own_cases, name))
    for name, sources in known.items():
        yield Subject(f"nn.{name}", "layer", hasattr(tg.nn, name), functools.partial(chained, sources))


def chained(sources, fast):
    for source in sources:
        yield from source(fast=fast)

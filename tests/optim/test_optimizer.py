"""Parameter groups, states, hooks and printing of optimizers."""

import copy
import pickle

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn, optim
from tapegrad.errors import ArgumentError, GradError, MissingMethodError, TapegradWarning, UsageError


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def parameter(*values):
    return nn.Parameter(tg.tensor(values or [1.0, 2.0]))


def stepped(kind="Adam", steps=3, **options):
    p, q = parameter(1.0, 2.0), parameter(3.0)
    optimizer = getattr(optim, kind)([{"params": [p]}, {"params": [q], "lr": 0.5}], **options)
    for i in range(steps):
        p.grad, q.grad = tg.tensor([0.5, -1.0 - i]), tg.tensor([2.0])
        optimizer.step()
    return optimizer, [p, q]


# -- groups -------------------------------------------------------------------------------------------------------------


def test_groups_take_their_own_options_and_the_defaults():
    optimizer, _ = stepped(lr=0.1, eps=1e-3)
    assert [g["lr"] for g in optimizer.param_groups] == [0.1, 0.5]
    assert [g["eps"] for g in optimizer.param_groups] == [1e-3, 1e-3]


def test_a_group_can_be_added_later():
    p, q = parameter(1.0), parameter(1.0)
    optimizer = optim.SGD([p], lr=0.1)
    optimizer.add_param_group({"params": q, "lr": 1.0})
    p.grad, q.grad = tg.tensor([1.0]), tg.tensor([1.0])
    optimizer.step()
    assert p.tolist() == pytest.approx([0.9])
    assert q.tolist() == [0.0]


def test_a_changed_rate_counts_from_the_next_step():
    p = parameter(1.0)
    optimizer = optim.SGD([p], lr=0.1)
    optimizer.param_groups[0]["lr"] = 0.5
    p.grad = tg.tensor([1.0])
    optimizer.step()
    assert p.tolist() == [0.5]


def test_named_parameters_keep_their_names():
    model = nn.Linear(2, 1)
    optimizer = optim.SGD(model.named_parameters(), lr=0.1)
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    assert optimizer.param_groups[0]["params"][0] is model.weight


def test_a_parameter_without_gradient_stays_without_state():
    p, q = parameter(1.0), parameter(1.0)
    optimizer = optim.Adam([p, q])
    p.grad = tg.tensor([1.0])
    optimizer.step()
    assert q.tolist() == [1.0]
    assert set(optimizer.state) == {p}


@pytest.mark.parametrize(
    ("params", "kind", "message"),
    [
        ([], ArgumentError, "SGD: there are no parameters; pass model.parameters"),
        (3, UsageError, "SGD: got a int; pass model.parameters"),
        ([3], UsageError, "SGD: parameter 0 is a int; pass tensors"),
        ([{"lr": 1}], UsageError, "SGD: a parameter group is a dict with 'params'"),
    ],
)
def test_what_is_no_parameters_is_refused(params, kind, message):
    with pytest.raises(kind, match=message):
        optim.SGD(params, lr=0.1)


def test_parameters_that_cannot_be_trained_are_refused():
    p = parameter()
    with pytest.raises(UsageError, match=r"SGD: the parameters are one tensor; put it in a list: \[parameter\]"):
        optim.SGD(p, lr=0.1)
    with pytest.raises(ArgumentError, match=r"SGD: can't optimize a non-leaf tensor \(parameter 1\); pass the leaf"):
        optim.SGD([p, p * 2], lr=0.1)
    with pytest.raises(ArgumentError, match="SGD: parameter 0 is in another group already"):
        optim.SGD([{"params": [p]}, {"params": [p]}], lr=0.1)
    with pytest.raises(UsageError, match="SGD: the parameters are a set, which has no order; use a list"):
        optim.SGD([{"params": {p}}], lr=0.1)
    with pytest.raises(GradError, match="Muon: parameter 0 is complex"):
        optim.Muon([tg.tensor([[1j]])], lr=0.1)
    with pytest.raises(ArgumentError, match="some parameters come with a name and some without"):
        optim.SGD([("p", p), parameter()], lr=0.1)
    with pytest.warns(TapegradWarning, match="SGD: a parameter group contains a parameter twice"):
        optim.SGD([p, p], lr=0.1)


# -- gradients and steps ------------------------------------------------------------------------------------------------


def test_zero_grad_forgets_or_fills():
    p = parameter(1.0)
    optimizer = optim.SGD([p], lr=0.1)
    p.grad = held = tg.tensor([3.0])
    optimizer.zero_grad(set_to_none=False)
    assert p.grad is held
    assert held.tolist() == [0.0]
    optimizer.zero_grad()
    assert p.grad is None


def test_a_closure_is_run_with_gradients_and_its_loss_returned():
    p = parameter(3.0)
    optimizer = optim.SGD([p], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with tg.no_grad():
        assert optimizer.step(closure).item() == 9.0
    assert p.tolist() == pytest.approx([2.4])
    assert optimizer.step() is None


def test_a_step_makes_older_graphs_stale():
    """The update writes in place: a backward pass that saved the old weights must not use the new ones."""
    p = parameter(3.0)
    optimizer = optim.SGD([p], lr=0.1)
    stale = (p * p).sum()
    p.grad = tg.tensor([1.0])
    optimizer.step()
    with pytest.raises(GradError, match=r"modified by an inplace operation at .*test_optimizer.py"):
        stale.backward()


def test_a_step_writes_into_the_parameters_own_memory():
    p = parameter(1.0)
    held = p.array
    optimizer = optim.Adam([p], lr=0.1)
    p.grad = tg.tensor([1.0])
    optimizer.step()
    assert p.array is held
    assert p.requires_grad
    assert p.grad_fn is None


def test_diverging_is_silent():
    p = nn.Parameter(tg.tensor([1.0]))
    optimizer = optim.Adam([p], lr=1e30)
    p.grad = tg.tensor([1e30])
    optimizer.step()
    optimizer.step()


def test_transposed_and_sliced_parameters_are_updated_where_they_lie(rng):
    base = rng.normal(size=(4, 6))
    p = nn.Parameter(tg.tensor(base).t()[::2])
    expected = p.detach().numpy() - 0.1 * np.ones((3, 4))
    optimizer = optim.SGD([p], lr=0.1)
    p.grad = tg.ones(3, 4, dtype=tg.float64)
    optimizer.step()
    np.testing.assert_allclose(p.detach().numpy(), expected)


def test_step_hooks_run_around_the_step():
    p = parameter(1.0)
    optimizer = optim.AdamW([p])
    calls = []
    pre = optimizer.register_step_pre_hook(lambda o, args, kwargs: calls.append(("pre", p.item(), o is optimizer)))
    post = optimizer.register_step_post_hook(lambda o, args, kwargs: calls.append(("post", p.item(), o is optimizer)))
    p.grad = tg.tensor([1.0])
    optimizer.step()
    after = p.item()
    pre.remove()
    post.remove()
    optimizer.step()
    assert calls == [("pre", 1.0, True), ("post", after, True)]
    assert after != 1.0


def test_a_pre_hook_may_replace_the_arguments():
    p = parameter(1.0)
    optimizer = optim.SGD([p], lr=0.1)
    optimizer.register_step_pre_hook(lambda o, args, kwargs: ((lambda: 7,), {}))
    assert optimizer.step() == 7


def test_an_optimizer_written_for_pytorch_works():
    class Plain(optim.Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr})

        @tg.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    state = self.state[p]
                    state["n"] = state.get("n", 0) + 1
                    p.add_(p.grad, alpha=-group["lr"])

    p = parameter(1.0)
    optimizer = Plain([p], 0.5)
    ran = []
    optimizer.register_step_post_hook(lambda *_: ran.append(1))
    schedule = optim.lr_scheduler.StepLR(optimizer, 1)
    p.grad = tg.tensor([1.0])
    optimizer.step()
    schedule.step()
    assert p.tolist() == [0.5]
    assert ran == [1]
    again = Plain([p], 0.5)
    again.load_state_dict(optimizer.state_dict())
    assert again.state[p] == {"n": 1}


def test_hooks_run_once_when_a_step_calls_its_base_class():
    class Twice(optim.SGD):
        def step(self, closure=None):
            super().step()
            return super().step(closure)

    p = parameter(1.0)
    optimizer = Twice([p], lr=0.1)
    ran = []
    optimizer.register_step_post_hook(lambda *_: ran.append(1))
    p.grad = tg.tensor([1.0])
    optimizer.step()
    assert p.tolist() == pytest.approx([0.8])
    assert ran == [1]


def test_an_optimizer_without_an_update_says_so():
    p = parameter(1.0)
    p.grad = tg.tensor([1.0])
    with pytest.raises(MissingMethodError, match=r"Optimizer: has no update; write step\(\) or _update\(\)"):
        optim.Optimizer([p], {}).step()


# -- states -------------------------------------------------------------------------------------------------------------

KINDS = [
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.2}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "classic": True}),
    ("Adagrad", {}),
    ("RMSprop", {"momentum": 0.9, "centered": True}),
    ("Adadelta", {}),
    ("Adam", {"amsgrad": True}),
    ("AdamW", {}),
    ("Adamax", {}),
    ("NAdam", {}),
    ("RAdam", {}),
    ("Rprop", {}),
    ("ASGD", {}),
]


PYTORCHS = [case for case in KINDS if "classic" not in case[1]]


@pytest.mark.parametrize(("kind", "options"), PYTORCHS)
def test_the_layout_of_a_state_is_pytorchs(torch, kind, options):
    ours, _ = stepped(kind, 1, **options)
    params = [torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(1))]
    for p in params:
        p.grad = torch.ones_like(p)
    theirs = getattr(torch.optim, kind)([{"params": [params[0]]}, {"params": [params[1]], "lr": 0.5}], **options)
    theirs.step()
    a, b = ours.state_dict(), theirs.state_dict()
    assert [set(g) for g in a["param_groups"]] == [set(g) for g in b["param_groups"]]
    assert [g["params"] for g in a["param_groups"]] == [[0], [1]]
    assert {i: {k: tuple(v.shape) for k, v in s.items()} for i, s in a["state"].items()} == {
        i: {k: tuple(v.shape) for k, v in s.items()} for i, s in b["state"].items()
    }


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_training_goes_on_from_a_loaded_state(kind, options):
    _, expected = stepped(kind, 5, **options)
    first, params = stepped(kind, 3, **options)
    state = copy.deepcopy(first.state_dict())
    copies = [nn.Parameter(p.detach().clone()) for p in params]
    second = getattr(optim, kind)([{"params": [copies[0]]}, {"params": [copies[1]], "lr": 9.0}], **options)
    second.load_state_dict(state)
    for i in (3, 4):
        copies[0].grad, copies[1].grad = tg.tensor([0.5, -1.0 - i]), tg.tensor([2.0])
        second.step()
    for a, b in zip(expected, copies, strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())


@pytest.mark.parametrize(("kind", "options"), PYTORCHS)
def test_pytorchs_state_is_taken_over(torch, kind, options):
    module_params = {}
    for module in (tg, torch):
        module_params[module] = [
            module.nn.Parameter(module.tensor([1.0, 2.0])),
            module.nn.Parameter(module.tensor([3.0])),
        ]
    theirs = getattr(torch.optim, kind)(module_params[torch], **options)
    for i in range(3):
        for p in module_params[torch]:
            p.grad = torch.full_like(p, 0.5 + i)
        theirs.step()
    ours = getattr(optim, kind)(module_params[tg], **options)
    state = theirs.state_dict()
    plain = {i: {k: tg.tensor(v.numpy()) for k, v in s.items()} for i, s in state["state"].items()}
    ours.load_state_dict({"state": plain, "param_groups": state["param_groups"]})
    for p, q in zip(module_params[tg], module_params[torch], strict=True):
        p.data = tg.tensor(q.detach().numpy())
        p.grad, q.grad = tg.full_like(p, -1.5), torch.full_like(q, -1.5)
    ours.step()
    theirs.step()
    for p, q in zip(module_params[tg], module_params[torch], strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=2e-6)


def test_a_loaded_state_shares_no_memory():
    first, _ = stepped("Adam", 1)
    second, params = stepped("Adam", 1)
    second.load_state_dict(first.state_dict())
    before = first.state_dict()["state"][0]["exp_avg"].tolist()
    params[0].grad = tg.tensor([9.0, 9.0])
    second.step()
    assert first.state_dict()["state"][0]["exp_avg"].tolist() == before


def test_options_that_a_state_lacks_stay():
    optimizer, _ = stepped("SGD", 0, lr=0.1, momentum=0.9, classic=True)
    state = optimizer.state_dict()
    for group in state["param_groups"]:
        del group["classic"]
        group["lr"] = 0.7
    optimizer.load_state_dict(state)
    assert [(g["classic"], g["lr"]) for g in optimizer.param_groups] == [(True, 0.7), (True, 0.7)]


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (
            {"state": {}, "param_groups": []},
            r"groups of \[\] parameters, the optimizer of \[1, 1\]; make the optimizer",
        ),
        ({"state": {}, "param_groups": [{"params": [0, 1]}, {"params": [2]}]}, r"groups of \[2, 1\] parameters"),
        ({"groups": []}, "the state has no 'state' and 'param_groups'; pass optimizer.state_dict"),
        (3, "the state has no 'state'"),
        (
            {
                "state": {0: {"exp_avg": np.zeros(3, "f4")}},
                "param_groups": [{"params": [0]}, {"params": [1]}],
            },
            r"'exp_avg' of parameter 0 has shape \(3,\), here it is \(2,\); load the state of an optimizer of the same",
        ),
    ],
)
def test_the_state_of_another_model_is_refused_and_nothing_changed(state, message):
    optimizer, _ = stepped("Adam", 1)
    before = copy.deepcopy(optimizer.state_dict())
    with pytest.raises(ArgumentError, match=message):
        optimizer.load_state_dict(state)
    after = optimizer.state_dict()
    assert after["param_groups"] == before["param_groups"]
    assert after["state"][0]["exp_avg"].tolist() == before["state"][0]["exp_avg"].tolist()


@pytest.mark.parametrize("copier", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_copies_go_on_by_themselves(copier):
    optimizer, params = stepped("Adam", 2)
    twin = copier(optimizer)
    copies = [p for group in twin.param_groups for p in group["params"]]
    for p in [*params, *copies]:
        p.grad = tg.full_like(p, 0.3)
    twin.step()
    assert copies[0].tolist() != params[0].tolist()
    optimizer.step()
    assert [p.tolist() for p in copies] == [p.tolist() for p in params]


# -- printing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["SGD", "Adagrad", "RMSprop", "Adadelta", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "Rprop", "ASGD"]
)
def test_optimizers_print_as_in_pytorch(torch, kind):
    texts = []
    for module in (tg, torch):
        params = [module.nn.Parameter(module.ones(1)) for _ in range(2)]
        groups = [{"params": [params[0]]}, {"params": [params[1]], "lr": 0.25}]
        texts.append(repr(getattr(module.optim, kind)(groups, lr=0.5)))
    assert texts[0] == texts[1]

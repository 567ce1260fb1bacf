"""``verify=k``: when the eager step is run beside the program, and what happens where it cannot be."""

import pytest

import tapegrad as tg
from tapegrad.compiler import compiled as compiled_module
from tapegrad.compiler.compiled import Compiled


@pytest.mark.parametrize(("verify", "compared"), [(1, [1, 2, 3, 4, 5, 6, 7]), (2, [1, 2, 4, 6]), (3, [1, 3, 6])])
def test_the_first_and_every_kth_call_are_compared(monkeypatch, verify, compared):
    seen, calls = [], []

    class Reference(compiled_module.Reference):
        def __init__(self, *arguments):
            seen.append(len(calls))
            super().__init__(*arguments)

    monkeypatch.setattr(compiled_module, "Reference", Reference)
    twice = Compiled(lambda x: x * 2, quiet=True, verify=verify)
    for i in range(7):
        calls.append(i)
        assert twice(tg.ones(2)).tolist() == [2.0, 2.0]
    assert seen == compared


class Odd:
    pass


def test_arguments_and_results_of_other_kinds_run_once():
    calls = []
    given = Compiled(lambda x, odd: calls.append(odd) or x + 1, quiet=True, verify=1)
    assert given(tg.ones(2), Odd()).tolist() == [2.0, 2.0]
    assert len(calls) == 1
    total = tg.zeros(2)
    back = Compiled(lambda x: (total.add_(x), Odd())[1], quiet=True, verify=1)
    assert isinstance(back(tg.ones(2)), Odd)
    assert total.tolist() == [1.0, 1.0]
    assert "holds a Odd" in back.refusals[0].what


def test_an_error_after_a_schedule_leaves_the_schedule_stepped():
    model = tg.nn.Linear(2, 1)
    optimizer = tg.optim.SGD(model.parameters(), lr=1.0)
    schedule = tg.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    optimizer.step()

    def step(x):
        schedule.step()
        return model(x[:, :1])

    with tg.no_grad(), pytest.raises(tg.errors.ShapeError):
        Compiled(step, quiet=True, verify=1)(tg.ones(3, 2))
    assert optimizer.param_groups[0]["lr"] == 0.5


def test_a_value_that_python_changes_names_the_operation():
    factors = {"scale": 1.0}
    step = Compiled(lambda x: x.exp() * factors["scale"], quiet=True, verify=2)
    step(tg.ones(2))
    program = next(iter(step._programs.values()))[0]
    wrong = program.source.text.replace("np.exp(", "np.sin(")
    assert wrong != program.source.text
    space = dict(program.run.__globals__)
    exec(wrong, space)
    program._space["run"] = space["step"]
    with pytest.raises(tg.errors.TraceError, match="the program and the eager step differ"):
        step(tg.ones(2))

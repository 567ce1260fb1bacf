"""Checks before a training: a dry run, one batch, and that they change nothing."""

import json
import math

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn, optim
from tapegrad.errors import DataError
from tests.train.problems import problem, same, timeless, weights


def whole_state(trainer, loader):
    moments = trainer.optimizer.state_dict()
    return {
        **weights(trainer),
        **{f"{i}.{k}": np.array(v) for i, values in moments["state"].items() for k, v in values.items()},
        "rate": np.array(moments["param_groups"][0]["lr"]),
        "random": tg.get_rng_state().array,
        "loader": loader.generator.get_state().array,
        "modes": np.array([module.training for module in trainer.model.modules()]),
        "gradients": np.array([p.grad is None for p in trainer.model.parameters()]),
        "trainer": np.array(json.dumps(trainer.state_dict()["values"])),
    }


@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize(
    "check",
    [
        lambda trainer, loader: trainer.dry_run(loader, loader),
        lambda trainer, loader: trainer.overfit_one_batch(loader, steps=3),
        lambda trainer, loader: tg.train.find_lr(trainer, loader, steps=10),
    ],
    ids=["dry run", "overfit", "find rate"],
)
def test_a_check_changes_nothing(check, trained):
    trainer, loader = problem(ema=0.9)
    untouched, other = problem(ema=0.9)
    for t, data in ((trainer, loader), (untouched, other)) if trained else ():
        tg.manual_seed(4)
        t.fit(data, steps=8)
    trainer.model[1].eval()
    before = whole_state(trainer, loader)
    tg.manual_seed(7)
    random = tg.get_rng_state().array
    check(trainer, loader)
    np.testing.assert_array_equal(tg.get_rng_state().array, random)
    same(
        {k: v for k, v in whole_state(trainer, loader).items() if k != "random"},
        {k: v for k, v in before.items() if k != "random"},
    )
    for t, data in ((trainer, loader), (untouched, other)):
        tg.manual_seed(5)
        t.fit(data, epochs=3)
    same(weights(untouched), weights(trainer))
    assert timeless(trainer.history) == timeless(untouched.history)


def test_a_dry_run_measures_one_batch_of_each():
    read = []

    class Loader(list):
        def __iter__(self):
            for batch in list.__iter__(self):
                read.append(self)
                yield batch

    trainer, loader = problem(penalty=lambda: tg.tensor(0.5))
    train, valid = Loader(loader), Loader(list(loader)[:2])
    found = trainer.dry_run(train, valid)
    assert set(found) == {"loss", "penalty", "accuracy", "valid_loss", "valid_accuracy"}
    assert [loader is train for loader in read] == [True, False]


def test_a_dry_run_shows_what_a_training_would_run_into():
    trainer, loader = problem()
    trainer.model.append(nn.Linear(5, 2))
    before = weights(trainer)
    with pytest.raises(tg.errors.ShapeError):
        trainer.dry_run(loader)
    same(before, weights(trainer))
    with pytest.raises(DataError, match="dry run: the loader gave no batch"):
        trainer.dry_run([])


def test_a_network_that_can_learn_a_batch_is_told_from_one_that_cannot():
    able, loader = problem(dropout=0.0)
    found = able.overfit_one_batch(loader)
    assert found.learned
    assert found.losses[-1] <= 0.02 * found.losses[0]
    assert 1 < len(found.losses) < 500
    unable, loader = problem(dropout=0.0)
    unable.model[4].weight.requires_grad_(False).zero_()
    found = unable.overfit_one_batch(loader, steps=50)
    assert not found.learned
    assert len(found.losses) == 50


def test_one_batch_is_learned_at_the_peak_of_the_schedule_without_penalty():
    trainer, loader = problem(dropout=0.0, scheduled=False, penalty=lambda: tg.tensor(math.inf))
    trainer.scheduler = optim.lr_scheduler.OneCycleLR(trainer.optimizer, 0.05, total_steps=10_000)
    rates = set()
    trainer.optimizer.register_step_pre_hook(lambda optimizer, *_: rates.add(optimizer.param_groups[0]["lr"]))
    assert trainer.overfit_one_batch(loader).learned
    assert rates == {0.05}
    assert trainer.penalty is not None
    assert trainer.rate == pytest.approx(0.05 / 25)

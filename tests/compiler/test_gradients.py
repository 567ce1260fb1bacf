"""Gradients in a compiled step: added up, kept, cleared, taken twice and by hand."""

import pytest

import tapegrad as tg
import tapegrad.nn.functional as F

from .twins import EACH, agree
from .worlds import own_step, world


def accumulating(every, set_to_none=True):
    def make_step(w):
        net, opt = w.model, w.opt

        def step(x, y):
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            opt.step()
            return loss

        return step

    def script(w, i):
        if every and i % every == 0:
            w.opt.zero_grad(set_to_none)
        return w.step(*w.batch(i))

    return own_step(make_step), script


@pytest.mark.parametrize("every", [0, 1, 2, 3])
@pytest.mark.parametrize("set_to_none", [True, False])
def test_gradients_that_add_up(every, set_to_none):
    agree(*accumulating(every, set_to_none), calls=8, keeps=EACH)


@pytest.mark.parametrize("set_to_none", [True, False])
def test_forward_and_backward_compiled_and_the_optimizer_outside(set_to_none):
    def make_step(w):
        net = w.model

        def step(x, y):
            loss = F.cross_entropy(net(x), y) / 3
            loss.backward()
            return loss

        return step

    def script(w, i):
        loss = w.step(*w.batch(i))
        if i % 3 == 2:
            w.opt.step()
            w.opt.zero_grad(set_to_none)
        return loss

    agree(own_step(make_step), script, 10)


@pytest.mark.parametrize("set_to_none", [True, False])
def test_zero_grad_of_both_kinds_inside(set_to_none):
    def make_step(w):
        net, opt = w.model, w.opt

        def step(x, y):
            opt.zero_grad(set_to_none=set_to_none)
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            opt.step()
            return loss

        return step

    agree(own_step(make_step), calls=8)


def test_zero_grad_at_the_end():
    def make_step(w):
        net, opt = w.model, w.opt

        def step(x, y):
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            opt.step()
            opt.zero_grad()
            return loss

        return step

    agree(own_step(make_step), programs=1, keeps=EACH)


def test_several_backward_passes_in_one_step():
    def make_step(w):
        net, opt = w.model, w.opt

        def step(x, y):
            opt.zero_grad()
            total = 0
            for part in (slice(0, 3), slice(3, 6)):
                loss = F.cross_entropy(net(x[part]), y[part]) / 2
                loss.backward()
                total = total + loss.detach()
            opt.step()
            return total

        return step

    agree(own_step(make_step), programs=1)


def test_gradients_set_by_hand():
    def make_step(w):
        net, opt = w.model, w.opt

        def step(x, y):
            opt.zero_grad()
            for p, g in zip(
                net.parameters(), tg.autograd.grad(F.cross_entropy(net(x), y), list(net.parameters())), strict=True
            ):
                p.grad = g * 2
            opt.step()

        return step

    agree(own_step(make_step), programs=1)


def test_gradients_of_one_tensor_given_to_two_leaves():
    def make_step(w):
        net = w.model

        def step(x, y):
            g = tg.ones(8)
            net[0].bias.grad = g
            net[2].bias.grad = tg.zeros(3)
            g.mul_(2.0)
            return x.sum()

        return step

    agree(own_step(make_step))


def test_a_gradient_seen_and_replaced_from_outside():
    def script(w, i):
        if i == 3:
            w.model[0].bias.grad = tg.ones(8)
        if i == 4:
            w.model[0].bias.grad = None
        return w.step(*w.batch(i))

    make, _ = accumulating(0)
    agree(make, script, 8)


def test_a_gradient_of_the_program_given_to_another_leaf():
    def script(w, i):
        loss = w.step(*w.batch(i))
        if i % 2:
            w.other.grad = w.model[0].bias.grad
        return loss

    def make():
        w = world()
        w.other = tg.zeros(8, requires_grad=True)
        return w

    agree(make, script, 8)


def test_views_and_arrays_of_gradients_kept():
    def script(w, i):
        loss = w.step(*w.batch(i))
        g = w.model[0].weight.grad
        w.views.append([g[0], g.numpy(), g.T, g.detach(), w.model[0].bias.grad.array[2:]][i % 5])
        return loss

    def make():
        w = world()
        w.views = []
        return w

    agree(make, script, 11, programs=1, keeps=EACH)


def test_the_last_gradient_alone_is_kept():
    def script(w, i):
        loss = w.step(*w.batch(i)).item()
        if i == 1:
            w.held = w.model[2].bias.grad
        return loss

    agree(world, script, 6, programs=1, keeps=("none",))


def test_two_backward_passes_through_one_result_raise():
    def script(w, i):
        loss = w.step(*w.batch(i))
        try:
            loss.backward()
        except tg.errors.GradError:
            return "refused"
        return "passed"

    agree(world, script)


def test_a_result_that_is_differentiated_outside():
    def make_step(w):
        net = w.model

        def step(x, y):
            return F.cross_entropy(net(x), y)

        return step

    def script(w, i):
        w.opt.zero_grad()
        loss = w.step(*w.batch(i))
        loss.backward()
        w.opt.step()
        return loss

    agree(own_step(make_step), script, refusals=1, hints=("differentiated",))

"""Results and arguments that share memory: with one another, with parameters, with what the step keeps."""

import tapegrad as tg
import tapegrad.nn.functional as F

from .twins import EACH, agree
from .worlds import own_step, world

# -- results that alias something ---------------------------------------------------------------------------------------


def test_results_that_are_the_arguments_themselves():
    def make_step(w):
        def step(x, y):
            w_loss = F.cross_entropy(net(x), y).detach()
            return x, w_loss, y, x

        net = w.model
        return step

    twin = agree(own_step(make_step), programs=1)
    x, y = twin.world.batch(0)
    result = twin.world.step(x, y)
    assert result[0] is x
    assert result[2] is y
    assert result[3] is x


def test_results_that_are_views_of_arguments():
    def make_step(w):
        def step(x, y):
            return x.reshape(-1), x.T, x[1:3], y[::2], x.view(2, -1)

        return step

    def script(w, i):
        x, y = (t.clone() for t in w.batch(i))
        results = w.step(x, y)
        x.mul_(2.0)
        return results

    agree(own_step(make_step), script)


def test_results_that_are_parameters_and_views_of_them():
    def make_step(w):
        net, opt = w.model, w.opt

        def step(x, y):
            opt.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            opt.step()
            return net[0].weight.detach(), net[0].bias.detach()[2:], net[0].weight.detach().T

        return step

    agree(own_step(make_step), keeps=EACH)


def test_results_that_share_memory_with_one_another():
    def make_step(w):
        def step(x, y):
            h = x * 2
            return h, h[0], h.T, h

        return step

    def script(w, i):
        h, first, turned, again = w.step(*w.batch(i))
        first.add_(1.0)
        return h, first, turned, again

    agree(own_step(make_step), script)


def test_results_that_are_gradients():
    def make_step(w):
        net, opt = w.model, w.opt

        def step(x, y):
            opt.zero_grad()
            F.cross_entropy(net(x), y).backward()
            grads = [p.grad for p in net.parameters()]
            opt.step()
            return grads

        return step

    agree(own_step(make_step), keeps=EACH)


def test_results_written_to_by_the_caller():
    def script(w, i):
        loss = w.step(*w.batch(i)).detach()
        loss.zero_()
        for p in w.model.parameters():
            p.grad.mul_(3.0)
        return loss

    agree(world, script)


def test_a_constant_made_in_the_step_is_new_each_time():
    def make_step(w):
        def step(x, y):
            return tg.zeros(3), tg.arange(4.0), tg.ones(2) * 3, tg.tensor([1.0, 2.0]), tg.zeros_like(x)

        return step

    def script(w, i):
        results = w.step(*w.batch(i))
        for r in results:
            r.add_(1.0)
        return results

    agree(own_step(make_step), script)


def test_arguments_written_to_in_the_step():
    def make_step(w):
        def step(x, y):
            x.mul_(2.0)
            x[0] = 1.0
            return x.sum()

        return step

    def script(w, i):
        x, y = (t.clone() for t in w.batch(i))
        return w.step(x, y), x

    agree(own_step(make_step), script)


def test_an_argument_that_is_kept_and_written_to_later():
    def script(w, i):
        x, y = (t.clone() for t in w.batch(i))
        first = w.step(x, y)
        x.zero_()
        return first, w.step(x, y)

    agree(world, script)


def test_an_argument_that_is_a_result_of_the_step_before():
    def make_step(w):
        net = w.model

        def step(x):
            return tg.tanh(x @ net[0].weight.detach().T @ net[0].weight.detach())

        return step

    def script(w, i):
        w.x = w.step(w.x if i else w.batch(0)[0])
        return w.x

    agree(own_step(make_step), script)


def test_an_argument_that_is_a_parameter_or_a_gradient_or_state():
    def make_step(w):
        net, opt = w.model, w.opt

        def step(x, y, extra):
            opt.zero_grad()
            loss = F.cross_entropy(net(x), y) + (extra * extra).sum()
            loss.backward()
            opt.step()
            return loss, extra, extra * 2

        return step

    def script(w, i):
        first = w.model[0].weight
        w.step(*w.batch(i), first.detach().clone())
        extra = [
            first.detach(),
            first.grad,
            w.opt.state[first]["exp_avg"],
            first.detach()[1:],
            first.grad.T,
        ]
        return [w.step(*w.batch(i), e) for e in extra]

    agree(own_step(make_step), script, refusals=None)


def test_an_argument_that_the_step_finds_outside_as_well():
    def make_step(w):
        w.held = tg.arange(4.0) + 1
        held = w.held

        def step(x):
            return x * held + held.detach()

        return step

    agree(own_step(make_step), lambda w, i: w.step(w.held if i % 2 == 0 else tg.ones(4) * i), 6, refusals=None)


# -- duplicate arguments ----------------------------------------------------------------------------------------------


def test_one_tensor_as_two_arguments():
    def make_step(w):
        def step(x, y):
            return x * 2 + y, (x - y).sum()

        return step

    def script(w, i):
        x = w.batch(i)[0]
        other = w.batch(i + 1)[0]
        return w.step(x, x), w.step(x, other), w.step(other, other), w.step(other, x)

    agree(own_step(make_step), script)


def test_views_of_one_tensor_as_two_arguments_with_one_written_to():
    def make_step(w):
        def step(x, y):
            x.add_(1.0)
            return (x * y).sum(), y * 2

        return step

    def script(w, i):
        base = tg.arange(8.0) + i
        apart = w.step(base[:4].clone(), base[4:].clone())
        over = w.step(base[:4], base[2:6])
        same = w.step(base[:4], base[:4])
        one = base[2:6]
        return apart, over, same, w.step(one, one), base

    agree(own_step(make_step), script, refusals=None)


def test_the_same_tensor_in_a_list_of_arguments():
    def make_step(w):
        def step(xs, scale=1.0, more=None):
            return sum(xs) * scale if more is None else sum(xs) * scale + more["a"]

        return step

    def script(w, i):
        a, b = w.batch(0)[0], w.batch(1)[0]
        return (
            w.step([a, b]),
            w.step([a, a], scale=2.0),
            w.step((b, a), 2.0, more={"a": a}),
            w.step([a, b], more={"a": b}),
            w.step([a]),
        )

    agree(own_step(make_step), script)

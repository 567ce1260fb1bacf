"""What kills compilers: state changed inside a step, nested steps, exceptions half-way, random numbers, threads."""

import threading

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.nn.functional as F
from tapegrad import nn
from tapegrad.compiler.compiled import Compiled

from .twins import EACH, agree
from .worlds import batches, network, own_step, world

# -- state changed inside the step ------------------------------------------------------------------------------------


@pytest.mark.parametrize("momentum", [0.1, None])
def test_running_statistics(momentum):
    agree(lambda: world(model=lambda: network(nn.BatchNorm1d(8, momentum=momentum))), calls=8, keeps=EACH)


def test_running_statistics_in_training_and_evaluation():
    def make_step(w):
        net, opt = w.model, w.opt

        def step(x, y):
            if net.training:
                opt.zero_grad()
                loss = F.cross_entropy(net(x), y)
                loss.backward()
                opt.step()
                return loss
            with tg.no_grad():
                return net(x)

        return step

    def script(w, i):
        w.model.train(i % 3 != 2)
        return w.step(*w.batch(i))

    agree(own_step(make_step, model=lambda: network(nn.BatchNorm1d(8), nn.Dropout(0.3))), script, 12, programs=2)


class Counting(nn.Module):
    """Counts its calls in Python."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return x * 2


def test_a_python_counter_on_a_module():
    agree(lambda: world(model=lambda: network(Counting())), calls=12, refusals=None)


class Remembering(nn.Module):
    """Keeps what went through it last."""

    def __init__(self):
        super().__init__()
        self.last = None
        self.all = []

    def forward(self, x):
        self.last = x.detach()
        return x * 2


def test_a_tensor_kept_on_a_module():
    agree(lambda: world(model=lambda: network(Remembering())), calls=6, refusals=None)


class Collecting(Remembering):
    def forward(self, x):
        self.all.append(x.detach().sum())
        return x * 2


def test_tensors_collected_in_a_list_of_a_module():
    agree(lambda: world(model=lambda: network(Collecting())), calls=6, refusals=None)


class Averaging(nn.Module):
    """A running mean, kept in three ways."""

    def __init__(self, way):
        super().__init__()
        self.way = way
        self.register_buffer("mean", tg.zeros(8))

    def forward(self, x):
        mean = x.detach().mean(0)
        if self.way == "written":
            self.mean.mul_(0.9).add_(mean * 0.1)
        elif self.way == "copied":
            self.mean.copy_(self.mean * 0.9 + mean * 0.1)
        elif self.way == "rebound":
            self.mean = self.mean * 0.9 + mean * 0.1
        else:
            self.mean.data = self.mean.data * 0.9 + mean * 0.1
        return x - self.mean


@pytest.mark.parametrize("way", ["written", "copied", "rebound", "data"])
def test_a_buffer_changed_in_the_forward_pass(way):
    agree(lambda: world(model=lambda: network(Averaging(way))), calls=6, refusals=None)


def test_tensors_in_a_list_written_to():
    def make_step(w):
        w.sums = [tg.zeros(3), tg.zeros(())]
        net, sums = w.model, w.sums

        def step(x, y):
            with tg.no_grad():
                out = net(x)
                sums[0] += out.sum(0)
                sums[1].add_(out.mean())
            return out

        return step

    agree(own_step(make_step), refusals=None)


def test_tensors_in_a_list_replaced():
    def make_step(w):
        w.sums = [tg.zeros(3)]
        net, sums = w.model, w.sums

        def step(x, y):
            with tg.no_grad():
                sums[0] = sums[0] + net(x).sum(0)
            return sums[0]

        return step

    agree(own_step(make_step), refusals=None)


def test_exponential_moving_average_of_the_parameters():
    def make_step(w):
        net, opt = w.model, w.opt
        w.average = [p.detach().clone() for p in net.parameters()]
        average = w.average

        def step(x, y):
            opt.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            opt.step()
            with tg.no_grad():
                for a, p in zip(average, net.parameters(), strict=True):
                    a.mul_(0.9).add_(p, alpha=0.1)
            return loss

        return step

    agree(own_step(make_step), programs=1)


# -- nested ----------------------------------------------------------------------------------------------------------


def test_a_compiled_function_inside_another():
    def make_step(w):
        net, opt = w.model, w.opt
        inner = Compiled(lambda x: tg.tanh(x) * 2)

        def step(x, y):
            opt.zero_grad()
            loss = F.cross_entropy(net(inner(x)), y)
            loss.backward()
            opt.step()
            return loss, inner(x)

        return step

    agree(own_step(make_step), programs=1)


def test_a_compiled_function_that_was_called_before_inside_another():
    def make_step(w):
        inner = Compiled(lambda x: tg.tanh(x) * 2)
        inner(w.batch(0)[0])
        net = w.model

        def step(x, y):
            return net(inner(x)).detach()

        return step

    agree(own_step(make_step), programs=1)


def test_recursion():
    def make_step(w):
        def step(x, depth):
            return x if depth == 0 else w.step(x * 2, depth - 1) + 1

        return step

    agree(own_step(make_step), lambda w, i: w.step(w.batch(i)[0], i % 4), 10)


# -- exceptions half-way -----------------------------------------------------------------------------------------------


def test_a_label_out_of_range():
    def script(w, i):
        x, y = w.batch(i)
        if i in (0, 3, 4):
            y = y.clone()
            y[2] = 7
        return w.step(x, y)

    agree(world, script, 8)


def test_an_error_in_the_users_code():
    def make_step(w):
        net, opt = w.model, w.opt
        w.fail = False

        def step(x, y):
            opt.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            if w.fail:
                raise ValueError("no")
            opt.step()
            return loss

        return step

    def script(w, i):
        w.fail = i in (0, 3)
        return w.step(*w.batch(i))

    agree(own_step(make_step, model=lambda: network(nn.BatchNorm1d(8), nn.Dropout(0.2))), script, 8)


def test_shapes_that_do_not_fit():
    def script(w, i):
        x, y = w.batch(i)
        return w.step(x[:, :3] if i in (0, 3) else x, y)

    agree(world, script, 6)


def test_a_keyboard_interrupt_leaves_all_as_it_is():
    w = world()
    w.stop = True
    net, opt = w.model, w.opt

    def step(x, y):
        opt.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        if w.stop:
            raise KeyboardInterrupt
        opt.step()
        return loss

    compiled = Compiled(step)
    before = [p.detach().clone() for p in net.parameters()]
    with pytest.raises(KeyboardInterrupt):
        compiled(*w.batch(0))
    for p, b in zip(net.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.detach(), b)
    assert tg.core.STATE.tracer is None
    w.stop = False
    assert np.isfinite(compiled(*w.batch(0)).item())
    assert compiled.programs == 1


# -- random numbers ----------------------------------------------------------------------------------------------------


def test_dropout_and_several_draws():
    def make_step(w):
        net, opt = w.model, w.opt

        def step(x, y):
            opt.zero_grad()
            noise = tg.randn(6, 4) * 0.1
            loss = F.cross_entropy(net(x + noise + tg.rand(1)), y)
            unused = tg.randn(5)
            loss.backward()
            opt.step()
            del unused
            return (
                loss,
                tg.randperm(5),
                tg.randint(0, 9, (3,)),
                tg.bernoulli(tg.full((4,), 0.3)),
                tg.normal(0.0, 1.0, (3,)),
            )

        return step

    make = own_step(make_step, model=lambda: network(nn.Dropout(0.5), nn.Dropout(0.1), nn.AlphaDropout(0.2)))
    agree(make, lambda w, i: (w.step(*w.batch(i)), tg.randn(3)), 8, programs=1)


def test_seeding_between_calls():
    def script(w, i):
        if i % 3 == 0:
            tg.manual_seed(i)
        return w.step(*w.batch(i))

    agree(lambda: world(model=lambda: network(nn.Dropout(0.5))), script, 8, programs=1)


def test_seeding_inside_and_generators_of_ones_own():
    def make_step(w):
        own = tg.Generator().manual_seed(3)

        def step(x, y):
            return x + tg.randn(6, 4, generator=own)

        return step

    agree(own_step(make_step), refusals=1, hints=("generator",))

    def make_seeding(w):
        def step(x, y):
            tg.manual_seed(1)
            return x + tg.randn(6, 4)

        return step

    agree(own_step(make_seeding), refusals=1, hints=("seeded",))


def test_another_default_generator():
    generators = [tg.Generator().manual_seed(1), tg.Generator().manual_seed(2)]

    def script(w, i):
        for g, seed in zip(generators, (1, 2), strict=True):
            if i == 0:
                g.manual_seed(seed)
        from tapegrad.ops.generator import use_generator

        states = w.__dict__.setdefault("states", [g.get_state() for g in generators])
        g = generators[i % 2]
        g.set_state(states[i % 2])
        with use_generator(g):
            out = w.step(*w.batch(i))
        states[i % 2] = g.get_state()
        return out

    agree(lambda: world(model=lambda: network(nn.Dropout(0.5))), script, 8)


# -- several at once ---------------------------------------------------------------------------------------------------


def test_threads_that_call_one_compiled_function():
    net = network()
    compiled = Compiled(lambda x: net(x))
    data = [x for x, _ in batches(number=8)]
    with tg.no_grad():
        wanted = [net(x).numpy() for x in data]
    failures = []

    def run(k):
        with tg.no_grad():
            for i in range(60):
                j = (k + i) % len(data)
                if not np.array_equal(compiled(data[j]).numpy(), wanted[j]):
                    failures.append((k, i))

    threads = [threading.Thread(target=run, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures


def test_two_compiled_functions_over_one_model_and_optimizer():
    def make():
        w = world(model=lambda: network(nn.BatchNorm1d(8)))
        net, opt = w.model, w.opt

        def other(x, y):
            opt.zero_grad()
            loss = (net(x) ** 2).mean()
            loss.backward()
            opt.step()
            return loss

        def predict(x):
            with tg.no_grad():
                return net(x)

        w.step_other, w.step_predict, w.eager = other, predict, w.step
        return w

    def script(w, i):
        x, y = w.batch(i)
        results = [w.step(x, y), w.step_other(x, y), w.step_predict(x)]
        if i % 2:
            results.append(w.eager(x, y))
        return results

    agree(make, script, 6, programs=1)


def test_several_worlds_of_one_code_do_not_disturb_each_other():
    first, second = world(), world()
    a, b = Compiled(first.step), Compiled(second.step)
    for i in range(4):
        a(*first.batch(i))
        b(*second.batch(i))
    assert (a.programs, b.programs) == (1, 1)

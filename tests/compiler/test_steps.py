"""Forms that training steps have, beyond the one that everybody writes first."""

from __future__ import annotations

import pytest

import tapegrad as tg
import tapegrad.nn.functional as F
from tapegrad import nn
from tapegrad.compiler.compiled import Compiled

from .twins import agree
from .worlds import batches, network, own_step, world

# -- optimizers ------------------------------------------------------------------------------------------------------


def groups(params):
    """Return one optimizer with three groups of different options."""
    p = list(params)
    return tg.optim.Adam(
        [
            {"params": p[:1], "lr": 0.1, "betas": (0.5, 0.9)},
            {"params": p[1:3], "weight_decay": 0.1},
            {"params": p[3:], "amsgrad": True},
        ],
        lr=0.02,
    )


def test_groups_of_parameters():
    def script(w, i):
        w.opt.param_groups[i % 3]["lr"] *= 0.9
        return w.step(*w.batch(i))

    agree(lambda: world(groups), script, 8, programs=1)


def test_several_optimizers():
    def make_step(w):
        p = list(w.model.parameters())
        w.first, w.second = tg.optim.SGD(p[:2], lr=0.1, momentum=0.9), tg.optim.AdamW(p[2:], lr=0.05)
        w.opt = None
        net, first, second = w.model, w.first, w.second

        def step(x, y):
            first.zero_grad()
            second.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            first.step()
            second.step()
            return loss

        return step

    agree(own_step(make_step), programs=1)


def test_two_optimizers_of_the_same_parameters():
    def make_step(w):
        w.other = tg.optim.SGD(w.model.parameters(), lr=0.05, momentum=0.9)
        net, opt, other = w.model, w.opt, w.other

        def step(x, y):
            opt.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            opt.step()
            other.step()
            return loss

        return step

    agree(own_step(make_step), programs=1)


def test_two_steps_in_one_call():
    def make_step(w):
        net, opt = w.model, w.opt

        def step(x, y):
            losses = []
            for _ in range(2):
                opt.zero_grad()
                loss = F.cross_entropy(net(x), y)
                loss.backward()
                opt.step()
                losses.append(loss.detach())
            return losses

        return step

    agree(own_step(make_step), programs=1)


def test_a_closure_given_to_the_optimizer():
    def make_step(w):
        net, opt = w.model, w.opt

        def step(x, y):
            def closure():
                opt.zero_grad()
                loss = F.cross_entropy(net(x), y)
                loss.backward()
                return loss

            return opt.step(closure)

        return step

    agree(own_step(make_step), refusals=None)


class Signs(tg.optim.Optimizer):
    """An optimizer of the user's, in PyTorch's style."""

    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    @tg.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["sum"] = tg.zeros_like(p)
                state["sum"].mul_(0.9).add_(p.grad)
                p.add_(state["sum"].sign(), alpha=-group["lr"])


def test_an_optimizer_of_the_users():
    def script(w, i):
        if i == 4:
            w.opt.param_groups[0]["lr"] = 0.3
        return w.step(*w.batch(i))

    agree(lambda: world(lambda p: Signs(p, 0.01)), script, 7, refusals=None)


def test_weights_updated_by_hand():
    def make():
        w = world()
        w.w1 = tg.randn(4, 5, requires_grad=True)
        w.b1 = tg.zeros(5, requires_grad=True)
        w.w2 = tg.randn(5, 3, requires_grad=True)
        weights = [w.w1, w.b1, w.w2]

        def step(x, y):
            h = tg.tanh(x @ w.w1 + w.b1)
            loss = F.cross_entropy(h @ w.w2, y)
            loss.backward()
            with tg.no_grad():
                for p in weights:
                    p -= 0.1 * p.grad
                    p.grad = None
            return loss

        w.step = step
        return w

    agree(make, programs=1)


def test_weights_updated_by_hand_with_grad_zeroed():
    def make():
        w = world()
        w.w1 = tg.randn(4, 3, requires_grad=True)

        def step(x, y):
            loss = F.cross_entropy(x @ w.w1, y)
            loss.backward()
            with tg.no_grad():
                w.w1 -= 0.1 * w.w1.grad
                w.w1.grad.zero_()
            return loss.detach()

        w.step = step
        return w

    agree(make, refusals=None)


def test_weights_replaced_by_hand():
    def make():
        w = world()
        w.w1 = tg.randn(4, 3, requires_grad=True)

        def step(x, y):
            loss = F.cross_entropy(x @ w.w1, y)
            loss.backward()
            w.w1 = (w.w1 - 0.1 * w.w1.grad).detach().requires_grad_()
            return loss.detach()

        w.step = step
        return w

    agree(make, refusals=None)


def test_weights_updated_through_data():
    def make():
        w = world()
        w.w1 = tg.randn(4, 3, requires_grad=True)

        def step(x, y):
            loss = F.cross_entropy(x @ w.w1, y)
            loss.backward()
            w.w1.data -= 0.1 * w.w1.grad
            w.w1.grad = None
            return loss.detach()

        w.step = step
        return w

    agree(make, refusals=None)


# -- clipping -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "clip",
    [
        lambda p: nn.utils.clip_grad_norm_(p, 0.1),
        lambda p: nn.utils.clip_grad_norm_(p, 100.0),
        lambda p: nn.utils.clip_grad_norm_(p, 0.1, norm_type=float("inf")),
        lambda p: nn.utils.clip_grad_norm_(p, 0.1, norm_type=1),
        lambda p: nn.utils.clip_grad_value_(p, 0.01),
    ],
    ids=["small", "large", "inf", "one", "value"],
)
def test_gradients_clipped(clip):
    agree(lambda: world(after_backward=lambda w: clip(w.model.parameters())), programs=1)


def test_a_norm_that_must_be_finite():
    def after(w):
        nn.utils.clip_grad_norm_(w.model.parameters(), 1.0, error_if_nonfinite=True)

    def script(w, i):
        x, y = w.batch(i)
        return w.step(x * float("inf") if i == 3 else x, y)

    agree(lambda: world(after_backward=after), script, refusals=None)


def test_gradients_scaled_by_hand():
    def after(w):
        for p in w.model.parameters():
            p.grad *= 0.5
            p.grad.add_(p.detach(), alpha=0.01)

    agree(lambda: world(after_backward=after), programs=1)


# -- parameters -----------------------------------------------------------------------------------------------------------


class Tied(nn.Module):
    """One weight for two layers, used directly a third time."""

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 4)
        self.b = nn.Linear(4, 4)
        self.b.weight = self.a.weight
        self.out = nn.Linear(4, 3)

    def forward(self, x):
        return self.out(tg.tanh(self.b(tg.tanh(self.a(x)))) @ self.a.weight)


def test_tied_weights():
    agree(lambda: world(model=Tied), programs=1)


class Unused(nn.Module):
    """Has layers that take no part, or take part in turns."""

    def __init__(self):
        super().__init__()
        self.used = nn.Linear(4, 3)
        self.never = nn.Linear(4, 3)
        self.sometimes = nn.Linear(4, 3)
        self.turn = False

    def forward(self, x):
        return self.used(x) + (self.sometimes(x) if self.turn else 0)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_parameters_that_take_no_part(decay):
    def script(w, i):
        w.model.turn = i % 3 == 2
        return w.step(*w.batch(i))

    def optimizer(p):
        return tg.optim.AdamW(p, lr=0.05, weight_decay=decay)

    agree(lambda: world(optimizer, model=Unused), script, 9)


def test_a_network_applied_twice():
    def make_step(w):
        net, opt = w.model, w.opt

        def step(x, y):
            opt.zero_grad()
            loss = F.cross_entropy(net(x), y) + F.cross_entropy(net(x * 0.5), y) + F.cross_entropy(net(x), y)
            loss.backward()
            opt.step()
            return loss

        return step

    agree(own_step(make_step, model=lambda: network(nn.BatchNorm1d(8), nn.Dropout(0.2))), programs=1)


# -- derivatives ----------------------------------------------------------------------------------------------------------


def test_a_penalty_on_the_gradient():
    def make_step(w):
        net, opt = w.model, w.opt

        def step(x, y):
            opt.zero_grad()
            x = x.detach().requires_grad_()
            loss = F.cross_entropy(net(x), y)
            (g,) = tg.autograd.grad(loss, x, create_graph=True)
            total = loss + ((g.norm(dim=1) - 1) ** 2).mean()
            total.backward()
            opt.step()
            return total

        return step

    def model():
        return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))

    agree(own_step(make_step, model=model), programs=1)


def test_second_derivatives_through_backward():
    def make_step(w):
        net, opt = w.model, w.opt

        def step(x, y):
            opt.zero_grad()
            loss = (net(x).tanh() ** 2).mean()
            loss.backward(create_graph=True)
            penalty = sum((p.grad**2).sum() for p in net.parameters())
            (penalty * 0.1).backward()
            opt.step()
            return loss.detach()

        return step

    agree(own_step(make_step), refusals=None)


class Doubled(tg.autograd.Function):
    """y = 2x with a gradient of 3."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * 2

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3 + x * 0


def test_a_function_of_the_users():
    def make_step(w):
        net, opt = w.model, w.opt

        def step(x, y):
            opt.zero_grad()
            loss = F.cross_entropy(Doubled.apply(net(x)), y)
            loss.backward()
            opt.step()
            return loss

        return step

    agree(own_step(make_step), refusals=None)


def test_graphs_kept_and_used_twice():
    def make_step(w):
        net, opt = w.model, w.opt

        def step(x, y):
            opt.zero_grad()
            out = net(x)
            F.cross_entropy(out, y).backward(retain_graph=True)
            (out**2).mean().backward()
            opt.step()
            return out.detach()

        return step

    agree(own_step(make_step), programs=1)


def test_parts_of_the_step_without_gradients():
    def make_step(w):
        net, opt = w.model, w.opt

        def step(x, y):
            opt.zero_grad()
            with tg.no_grad():
                target = net(x).softmax(1)
            out = net(x)
            loss = F.cross_entropy(out, y) + F.mse_loss(out.softmax(1), target.detach() * 0.9)
            loss.backward()
            opt.step()
            with tg.no_grad():
                correct = (net(x).argmax(1) == y).float().mean()
            return loss, correct

        return step

    agree(own_step(make_step, model=lambda: network(nn.Dropout(0.3))), programs=1)


# -- two networks -------------------------------------------------------------------------------------------------------------


def gan(one_step):
    def make():
        w = world()
        w.g = nn.Sequential(nn.Linear(2, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 4))
        w.d = nn.Sequential(nn.Linear(4, 6), nn.LeakyReLU(0.2), nn.Dropout(0.2), nn.Linear(6, 1))
        w.opt_g = tg.optim.Adam(w.g.parameters(), lr=0.01, betas=(0.5, 0.999))
        w.opt_d = tg.optim.Adam(w.d.parameters(), lr=0.01, betas=(0.5, 0.999))
        g, d, opt_g, opt_d = w.g, w.d, w.opt_g, w.opt_d
        bce = nn.BCEWithLogitsLoss()

        def train_d(real):
            opt_d.zero_grad()
            fake = g(tg.randn(6, 2))
            loss = bce(d(real), tg.ones(6, 1)) + bce(d(fake.detach()), tg.zeros(6, 1))
            loss.backward()
            opt_d.step()
            return loss

        def train_g():
            opt_g.zero_grad()
            for p in d.parameters():
                p.requires_grad_(False)
            loss = bce(d(g(tg.randn(6, 2))), tg.ones(6, 1))
            loss.backward()
            for p in d.parameters():
                p.requires_grad_(True)
            opt_g.step()
            return loss

        del w.step
        if one_step:
            w.step = lambda x: (train_d(x), train_g())
        else:
            w.step_d, w.step_g = train_d, train_g
        return w

    return make


def test_a_gan_in_one_step():
    agree(gan(True), lambda w, i: w.step(w.batch(i)[0]), 6, programs=1)


def test_a_gan_in_two_steps():
    agree(gan(False), lambda w, i: (w.step_d(w.batch(i)[0]), w.step_g()), 6, programs=1)


# -- inference ----------------------------------------------------------------------------------------------------------------


def test_a_module_compiled_for_inference():
    def make():
        w = world(model=lambda: network(nn.BatchNorm1d(8), nn.Dropout(0.3)))
        w.model.eval()
        w.step = w.model
        return w

    def script(w, i):
        with tg.no_grad():
            return w.step(w.batch(i)[0][: 1 + i % 2])

    agree(make, script, programs=2)


def test_a_function_decorated():
    net = network()

    @tg.no_grad()
    def plain(x):
        return net(x).softmax(1)

    compiled = Compiled(plain)
    for x, _ in batches():
        assert tg.allclose(plain(x), compiled(x))
    assert compiled.programs == 1


def test_a_step_that_is_a_method():
    class Trainer:
        """Holds what a step needs."""

        def __init__(self, w):
            self.net, self.opt = w.model, w.opt

        def step(self, x, y):
            self.opt.zero_grad()
            loss = self.loss(x, y)
            loss.backward()
            self.opt.step()
            return loss

        def loss(self, x, y):
            return F.cross_entropy(self.net(x), y)

    agree(own_step(lambda w: Trainer(w).step), programs=1)


def test_random_numbers_of_all_kinds():
    def make_step(w):
        def step(x, y):
            z = tg.empty(3)
            z.normal_(1.0, 2.0)
            u = tg.zeros(4)
            u.uniform_(-1.0, 1.0)
            drawn = [
                tg.rand_like(x),
                tg.randn_like(x),
                F.dropout(x, 0.4),
                F.rrelu(x, training=True),
                F.gumbel_softmax(x),
                tg.multinomial(x.abs() + 0.1, 2),
                F.dropout2d(x.reshape(1, 6, 2, 2), 0.5),
            ]
            weight = tg.empty(3, 4)
            nn.init.xavier_uniform_(weight)
            nn.init.normal_(u, std=0.1)
            return z, u, weight, drawn

        return step

    agree(own_step(make_step), refusals=None)

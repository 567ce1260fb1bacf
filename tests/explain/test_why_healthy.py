"""explain() of gradients that are as they should be, of unusual tensors, and what asking may not do."""

import gc
import sys
import threading
import weakref

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn
from tapegrad.core.notes import LOG
from tapegrad.errors import GradError, TraceError, UsageError
from tapegrad.explain.why.watching import Step


@pytest.fixture(autouse=True)
def no_notes_of_other_tests():
    LOG.clear()


def leaf(*values):
    return tg.tensor(values, requires_grad=True)


# -- healthy -------------------------------------------------------------------------------------------------------------


def network():
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.LayerNorm(8), nn.Linear(8, 3))


def test_every_parameter_of_a_healthy_network_is_fine_after_backward():
    model = network()
    nn.functional.cross_entropy(model(tg.randn(16, 4)), tg.randint(0, 3, (16,))).backward()
    assert [tg.explain(p).cause for p in model.parameters()] == ["fine"] * 6


def test_and_while_it_was_watched():
    model = network()
    with tg.explain.watch():
        nn.functional.cross_entropy(model(tg.randn(16, 4)), tg.randint(0, 3, (16,))).backward()
    answers = [tg.explain(p) for p in model.parameters()]
    assert [(a.state, a.cause) for a in answers] == [("fine", "fine")] * 6
    assert "`0.weight`, a parameter of shape (8, 4)" in str(answers[0])


def test_before_backward_the_gradient_to_come_is_told():
    w = leaf(1.0, -3.0)
    answer = tg.explain(w, (w * w).sum())
    assert (answer.state, answer.cause) == ("none", "no-backward")
    assert answer.evidence["largest"] == 6.0


def test_a_healthy_relu_network_is_not_called_dead():
    tg.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 3))
    x, y = tg.randn(64, 4), tg.randint(0, 3, (64,))
    answer = tg.explain(model[0].weight, lambda: nn.functional.cross_entropy(model(x), y))
    assert answer.cause == "no-backward"


def test_rows_that_an_embedding_did_not_look_up_are_no_fault():
    table = nn.Embedding(50, 3)
    table(tg.tensor([1, 2])).sum().backward()
    assert tg.explain(table.weight).cause == "fine"
    assert tg.explain(table.weight, lambda: table(tg.tensor([1, 2])).sum()).state == "fine"


def test_a_mask_of_infinities_is_no_fault():
    w = leaf(1.0, 2.0, 3.0)
    hidden = tg.tensor([False, True, False])
    weights = tg.tensor([1.0, 2.0, 4.0])
    answer = tg.explain(w, lambda: (w.masked_fill(hidden, float("-inf")).softmax(0) * weights).sum())
    assert answer.cause == "no-backward"


# -- partly bad ------------------------------------------------------------------------------------------------------------


def test_the_share_of_dead_units_is_told():
    model = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))
    with tg.no_grad():
        model[0].bias.copy_(tg.tensor([-100.0, -100.0, -100.0, 100.0]))
    answer = tg.explain(model[0].weight, lambda: model(tg.ones(5, 2)).sum())
    assert (answer.state, answer.cause) == ("mostly zero", "dead-relu")
    assert (answer.evidence["dead_units"], answer.evidence["units"]) == (3, 4)
    assert "1 (ReLU)" in str(answer)


def test_all_cuts_are_named():
    w = leaf(1.0)

    def loss():
        h = (w * 2).detach().requires_grad_()
        with tg.no_grad():
            h = h * 3
        return (h * leaf(1.0)).sum()

    answer = tg.explain(w, loss)
    assert answer.cause == "detached"
    assert len(answer.evidence["further"]) == 1
    assert "no_grad" in answer.evidence["further"][0]


def test_a_hook_is_named():
    w = leaf(1.0)
    w.register_hook(lambda g: g * 0)
    (w * 2).sum().backward()
    assert tg.explain(w, (w * 2).sum()).cause == "hook"
    assert tg.explain(w).evidence["certain"] is False


# -- unusual tensors ---------------------------------------------------------------------------------------------------------


def test_fifty_thousand_operations():
    w = leaf(1.0, 2.0)
    h = w
    for _ in range(50_000):
        h = h * 1.0
    assert tg.explain(w, h.sum()).cause == "no-backward"
    done = []

    def ask():
        with tg.explain.watch():
            h = w
            for _ in range(50_000):
                h = h * 1.0
        done.append(tg.explain(w, (h.sum() * 0)).cause)
        del h

    before = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert done == ["multiplied-by-zero"]


def test_sparse_tensors():
    sparse = tg.sparse_coo_tensor([[0, 1], [1, 0]], [1.0, 2.0], (2, 2)).requires_grad_()
    x = tg.ones(2, 2, requires_grad=True)
    assert tg.explain(sparse).cause == "no-backward"
    assert tg.explain(sparse, lambda: tg.sparse.mm(sparse, x).sum() * 0).cause == "multiplied-by-zero"
    table = nn.Embedding(5, 3, sparse=True)
    with tg.explain.watch():
        table(tg.tensor([1, 2])).sum().backward()
    assert tg.explain(table.weight).cause == "fine"


def test_complex_tensors():
    z = tg.tensor([1 + 1j, 2.0], requires_grad=True)
    assert tg.explain(z, lambda: (z * z).abs().sum()).cause == "no-backward"
    assert tg.explain(z, (z.detach() * z).abs().sum()).cause == "no-backward"
    assert tg.explain(z, lambda: (z.detach() * 2).abs().sum()).cause == "detached"


def test_views_and_writes_through_them():
    a = tg.ones(4, requires_grad=True)

    def loss():
        b = a * 1
        b[:2].mul_(0)
        b[2:] = 0.0
        return b.sum()

    answer = tg.explain(a, loss)
    assert answer.state == "zero"
    assert answer.cause in ("multiplied-by-zero", "masked")


class Silent(tg.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return None


class Failing(Silent):
    @staticmethod
    def backward(ctx, g):
        raise ValueError("boom")


class Zeros(Silent):
    @staticmethod
    def backward(ctx, g):
        return g * 0


@pytest.mark.parametrize(
    ("function", "cause"), [(Silent, "custom-backward"), (Failing, "raises"), (Zeros, "custom-backward")]
)
def test_custom_functions(function, cause):
    w = leaf(1.0, 2.0)
    answer = tg.explain(w, lambda: function.apply(w).sum())
    assert answer.cause == cause
    assert function.__name__ in str(answer)
    assert tg.explain(w, function.apply(w).sum()).cause == cause


def test_compiled_steps():
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)

    @tg.compile
    def step(x):
        optimizer.zero_grad()
        loss = (model(x) * 0).sum()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(3):
        step(tg.ones(4, 2))
    assert tg.explain(model[0].weight).state == "zero"
    with tg.explain.watch():
        step(tg.ones(4, 2))
    answer = tg.explain(model[0].weight)
    assert answer.cause == "multiplied-by-zero"
    assert answer.where.startswith(__file__)


def test_tensors_without_elements():
    empty = tg.zeros(0, 3, requires_grad=True)
    assert tg.explain(empty).cause == "empty"
    assert tg.explain(empty, lambda: empty.exp().sum()).cause == "empty"


def test_several_outputs():
    q = tg.rand(3, 3, requires_grad=True)
    first, second, _ = q.unbind(0)
    assert tg.explain(first, (second * 2).sum()).cause == "not-on-path"
    assert tg.explain(second, (second * 2).sum()).cause == "not-a-leaf"
    assert tg.explain(q, lambda: tg.linalg.svd(q)[1].sum()).cause == "no-backward"


def test_a_lazy_parameter():
    assert tg.explain(nn.LazyLinear(3).weight).cause == "uninitialized"


def test_labels_that_are_all_ignored():
    w = tg.rand(2, 3, requires_grad=True)
    answer = tg.explain(w, lambda: nn.functional.cross_entropy(w, tg.tensor([-100, -100])))
    assert (answer.state, answer.cause) == ("zero", "not-selected")


def test_a_gradient_penalty_without_create_graph():
    w = leaf(1.0, 2.0)
    answer = tg.explain(w, lambda: tg.autograd.grad((w**3).sum(), w)[0].sum())
    assert answer.cause == "detached"
    assert "create_graph" in str(answer)


def test_a_tensor_that_shares_nothing_with_the_loss():
    assert tg.explain(leaf(1.0), (leaf(2.0) * 2).sum()).cause == "not-on-path"


def test_integers_have_no_gradient():
    assert tg.explain(tg.tensor([1, 2])).cause == "integer"


# -- what asking may not do --------------------------------------------------------------------------------------------------


def test_asking_touches_no_gradient_and_frees_nothing():
    w = leaf(1.0, 2.0)
    loss = (w.exp() * w).sum()
    tg.explain(w, loss)
    tg.explain(w, lambda: (w * w).sum())
    assert w.grad is None
    loss.backward()
    assert np.allclose(w.grad.array, np.exp([1.0, 2.0]) * [2.0, 3.0])


def train(watched):
    tg.manual_seed(3)
    model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 2))
    optimizer = tg.optim.Adam(model.parameters(), lr=0.01)
    x, y = tg.randn(16, 3), tg.randint(0, 2, (16,))
    for _ in range(5):
        with tg.explain.watch() if watched else tg.enable_grad():
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    return [t.array.copy() for t in model.state_dict().values()]


def test_a_watched_training_computes_the_same_numbers():
    for plain, watched in zip(train(False), train(True), strict=True):
        assert np.array_equal(plain, watched)


def test_a_watched_training_grows_no_history():
    model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))
    optimizer = tg.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    x = tg.randn(16, 3)
    counts = []
    with tg.explain.watch():
        for step in range(40):
            optimizer.zero_grad()
            model(x).square().mean().backward()
            optimizer.step()
            with tg.no_grad():
                for p in model.parameters():
                    p.mul_(0.999)
            if step in (9, 39):
                gc.collect()
                counts.append(sum(type(o) is Step for o in gc.get_objects()))
    assert counts[1] <= counts[0]


def test_notes_keep_no_graph_and_no_tensor_alive():
    w = leaf(1.0, 2.0)
    h = w * 2
    for _ in range(8):
        h = h.exp().log()
    node, tensor = weakref.ref(h.node), weakref.ref(h)
    for _ in range(3):
        d = h.detach(), h.data, h.argmax(), h > 1, h.tolist()
        h.sum().item()
    with tg.no_grad():
        d = *d, h * 2
    h.sum().backward()
    del h, d
    assert node() is None
    assert tensor() is None
    assert all(len(notes) <= 32 for notes in LOG.values())


def test_a_watch_is_not_opened_in_a_trace_and_leaves_nothing_behind():
    with pytest.raises(TraceError):
        tg.trace(lambda x: tg.explain(x, lambda: x.sum()), tg.ones(2))
    w = leaf(-1.0)
    with pytest.raises(ZeroDivisionError):
        tg.explain(w, lambda: 1 / 0)
    assert tg.core.STATE.tracer is None
    assert tg.core.STATE.anomaly is False
    assert (w * 2).node.where is None


def test_anomaly_mode_goes_on_inside_a_watch():
    w = leaf(0.0)
    with tg.autograd.detect_anomaly(), tg.explain.watch(), pytest.raises(GradError, match="nan"):
        (w.sqrt() * 0).sum().backward()


def test_what_is_no_tensor_is_refused():
    with pytest.raises(UsageError, match="explain: got a list"):
        tg.explain([1.0])
    with pytest.raises(UsageError, match="the loss is a float"):
        tg.explain(leaf(1.0), 1.0)
    with pytest.raises(UsageError, match="the function returned a float"):
        tg.explain(leaf(1.0), lambda: 1.0)


def test_the_answer_in_a_notebook_is_escaped():
    answer = tg.explain.Explanation(
        "<img src=x>", "none", "raises", "it says <b>no</b>", "a.py:1", "look", {"<i>": "<u>"}
    )
    page = answer._repr_html_()
    assert "<b>" not in page
    assert "<i>" not in page
    assert "&lt;b&gt;no&lt;/b&gt;" in page


def test_the_package_is_called_and_has_its_functions():
    assert callable(tg.explain)
    assert tg.explain.explain(leaf(1.0)).cause == tg.explain(leaf(1.0)).cause == "no-backward"
    assert sys.modules["tapegrad.explain"] is tg.explain
    with pytest.raises(AttributeError, match="did you mean 'watch'"):
        _ = tg.explain.wacth

"""Random numbers: the same seed gives the same stream, the distributions are right, PyTorch's arguments and errors."""

import copy
import math
import pickle
import threading

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.random as tgr
from tapegrad import errors

# 100,000 draws: a mean is off by more than 5 standard errors once in two million runs; the seed is fixed anyway.
MANY = 100_000


def close(values, mean, std):
    values = np.asarray(values, dtype=np.float64)
    return abs(values.mean() - mean) < 5 * std / math.sqrt(values.size)


# -- the generator ----------------------------------------------------------------------------------------------------

DRAWS = {
    "rand": lambda g: tg.rand(3, generator=g),
    "rand float64": lambda g: tg.rand(3, generator=g, dtype=tg.float64),
    "randn": lambda g: tg.randn(3, generator=g),
    "randint": lambda g: tg.randint(1000, (3,), generator=g),
    "randperm": lambda g: tg.randperm(20, generator=g),
    "normal": lambda g: tg.normal(0.0, 2.0, (3,), generator=g),
    "normal of tensors": lambda g: tg.normal(tg.zeros(3), tg.ones(3), generator=g),
    "bernoulli": lambda g: tg.bernoulli(tg.full((20,), 0.5), generator=g),
    "multinomial": lambda g: tg.multinomial(tg.ones(50), 9, generator=g),
    "multinomial with replacement": lambda g: tg.multinomial(tg.ones(50), 9, True, generator=g),
    "poisson": lambda g: tg.poisson(tg.full((9,), 50.0), generator=g),
    "uniform_": lambda g: tg.empty(3).uniform_(generator=g),
    "normal_": lambda g: tg.empty(3).normal_(generator=g),
    "exponential_": lambda g: tg.empty(3).exponential_(generator=g),
    "geometric_": lambda g: tg.empty(30).geometric_(0.1, generator=g),
    "cauchy_": lambda g: tg.empty(3).cauchy_(generator=g),
    "log_normal_": lambda g: tg.empty(3).log_normal_(generator=g),
    "random_": lambda g: tg.empty(3).random_(generator=g),
    "bernoulli_": lambda g: tg.empty(40).bernoulli_(0.5, generator=g),
    "rand_like": lambda g: tg.rand_like(tg.empty(3), generator=g),
    "randn_like": lambda g: tg.randn_like(tg.empty(3), generator=g),
    "randint_like": lambda g: tg.randint_like(tg.empty(5), 1000, generator=g),
}


@pytest.mark.parametrize("name", DRAWS)
def test_a_seed_fixes_the_stream(name):
    draw = DRAWS[name]
    first, again, other = (tg.Generator().manual_seed(s) for s in (5, 5, 6))
    a, b = draw(first).tolist(), draw(first).tolist()
    assert a != b
    assert draw(again).tolist() == a
    assert draw(again).tolist() == b
    assert draw(other).tolist() != a


@pytest.mark.parametrize("name", DRAWS)
def test_the_default_generator_is_seeded_by_manual_seed(name):
    draw = DRAWS[name]
    tg.manual_seed(11)
    a = draw(None).tolist()
    tg.manual_seed(11)
    assert draw(None).tolist() == a
    assert draw(None).tolist() != a


@pytest.mark.parametrize("name", DRAWS)
def test_a_generator_leaves_the_default_one_alone(name):
    state = tg.get_rng_state().tolist()
    DRAWS[name](tg.Generator())
    assert tg.get_rng_state().tolist() == state
    DRAWS[name](None)
    assert tg.get_rng_state().tolist() != state


def test_the_stream_is_what_it_was_yesterday():
    """Written down once: a change of these numbers changes everybody's runs, and must be told in the changelog."""
    tg.manual_seed(0)
    np.testing.assert_allclose(tg.rand(3).numpy(), [0.49793303, 0.84958327, 0.33941090], rtol=1e-6)
    np.testing.assert_allclose(tg.randn(3).numpy(), [-1.2016561, 0.60550344, 0.17352936], rtol=1e-6)
    assert tg.randint(100, (4,)).tolist() == [25, 33, 13, 63]
    assert tg.randperm(6).tolist() == [2, 3, 4, 1, 5, 0]


def test_the_state_goes_back_and_forth():
    g = tg.Generator().manual_seed(3)
    tg.rand(3, generator=g)  # an odd number of 32-bit draws leaves half a word behind
    state = g.get_state()
    assert state.dtype == np.uint8
    a = tg.rand(5, generator=g).tolist(), tg.randn(5, generator=g).tolist()
    g.set_state(state)
    assert (tg.rand(5, generator=g).tolist(), tg.randn(5, generator=g).tolist()) == a
    h = tg.Generator().set_state(state)
    assert tg.rand(5, generator=h).tolist() == a[0]
    assert h.initial_seed() == 3


@pytest.mark.parametrize("clone", [lambda g: pickle.loads(pickle.dumps(g)), copy.deepcopy, lambda g: g.clone_state()])
def test_copies_of_a_generator_go_their_own_way(clone):
    g = tg.Generator().manual_seed(3)
    tg.rand(3, generator=g)
    h = clone(g)
    a = tg.rand(3, generator=g).tolist()
    tg.rand(100, generator=g)
    assert tg.rand(3, generator=h).tolist() == a


def test_seeds_as_in_torch():
    g = tg.Generator()
    assert g.initial_seed() == 67280421310721
    assert g.manual_seed(-1) is g
    assert g.initial_seed() == 2**64 - 1
    assert g.manual_seed(1.7).initial_seed() == 1
    assert g.device == tg.device("cpu")
    assert g.seed() == g.initial_seed()
    assert g.seed() != g.seed()
    assert tg.manual_seed(5) is tg.default_generator
    assert tg.initial_seed() == 5
    assert isinstance(tg.seed(), int)
    for seed in (2**64, -(2**63) - 1):
        with pytest.raises(ValueError, match="does not fit into 64 bits"):
            g.manual_seed(seed)


def test_bad_states_and_generators():
    with pytest.raises(errors.ArgumentError, match=r"set_state: 3 bytes instead of 48"):
        tg.set_rng_state(tg.zeros(3, dtype=tg.uint8))
    with pytest.raises(TypeError, match=r"set_state: a state is a uint8 tensor"):
        tg.set_rng_state(tg.zeros(48))
    with pytest.raises(TypeError, match=r"generator is a int; pass a tapegrad\.Generator"):
        tg.rand(2, generator=3)


def test_fork_rng_restores_the_state():
    tg.manual_seed(1)
    with tgr.fork_rng():
        tg.manual_seed(99)
        tg.rand(10)
    a = tg.rand(3).tolist()
    tg.manual_seed(1)
    assert tg.rand(3).tolist() == a
    with tgr.fork_rng(enabled=False):
        tg.manual_seed(2)
    assert tg.initial_seed() == 2


def test_the_default_generator_belongs_to_all_threads():
    """Numbers drawn in several threads are a division of one stream: none comes twice."""
    tg.manual_seed(0)
    drawn = []

    def work():
        for _ in range(50):
            drawn.append(tuple(tg.rand(4, dtype=tg.float64).tolist()))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(30)
    tg.manual_seed(0)
    stream = {tuple(tg.rand(4, dtype=tg.float64).tolist()) for _ in range(200)}
    assert set(drawn) == stream


# -- distributions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_uniform_numbers(dtype):
    x = tg.rand(MANY, dtype=dtype)
    assert str(x.dtype) == dtype
    assert x.min().item() >= 0.0
    assert x.max().item() < 1.0
    assert close(x, 0.5, math.sqrt(1 / 12))
    counts = np.histogram(x.numpy(), bins=10, range=(0, 1))[0]
    assert abs(counts - MANY / 10).max() < 5 * math.sqrt(MANY / 10)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_normal_numbers(dtype):
    x = tg.randn(MANY, dtype=dtype)
    assert str(x.dtype) == dtype
    assert close(x, 0.0, 1.0)
    assert close(x.double() ** 2, 1.0, math.sqrt(2))
    assert close(x.double() ** 4, 3.0, math.sqrt(96))


def test_integers():
    x = tg.randint(-3, 4, (MANY,))
    assert sorted(set(x.tolist())) == list(range(-3, 4))
    assert close(x, 0.0, 2.0)


def test_permutations():
    assert tg.randperm(50).sort().values.tolist() == list(range(50))
    firsts = [tg.randperm(4)[0].item() for _ in range(2000)]
    assert abs(np.bincount(firsts) - 500).max() < 5 * math.sqrt(500)
    assert tg.randperm(0).shape == (0,)
    assert tg.randperm(3, dtype=tg.int32).dtype == np.int32


def test_bernoulli():
    p = tg.tensor([0.0, 0.25, 1.0]).repeat(MANY, 1)
    x = tg.bernoulli(p)
    assert x.dtype == np.float32
    assert x[:, 0].sum().item() == 0
    assert x[:, 2].sum().item() == MANY
    assert close(x[:, 1], 0.25, 0.5)
    assert close(tg.bernoulli(tg.zeros(MANY), 0.7), 0.7, 0.5)
    assert close(tg.zeros(MANY, dtype=tg.int64).bernoulli_(0.7), 0.7, 0.5)
    assert tg.zeros(2).bernoulli_(tg.tensor([0.0, 1.0])).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("replacement", [True, False])
def test_multinomial_follows_the_weights(replacement):
    weights = tg.tensor([1.0, 0.0, 3.0, 4.0])
    drawn = tg.multinomial(weights.expand(MANY, 4), 1, replacement).squeeze(1)
    assert abs(np.bincount(drawn.numpy(), minlength=4) / MANY - np.array([1, 0, 3, 4]) / 8).max() < 0.01


def test_multinomial_without_replacement_draws_nothing_twice():
    weights = tg.tensor([[0.1, 0.2, 0.3, 0.4], [0.0, 0.0, 1.0, 1.0]])
    drawn = tg.multinomial(weights, 4)
    assert drawn.dtype == np.int64
    assert [sorted(r) for r in drawn.tolist()] == [[0, 1, 2, 3]] * 2
    assert set(drawn[1, :2].tolist()) == {2, 3}
    assert tg.multinomial(weights[0], 6, replacement=True).shape == (6,)
    pairs = tg.multinomial(tg.tensor([1.0, 1.0, 2.0]).expand(MANY, 3), 2)
    # P(first 2, then 0) = 1/2 * 1/2
    assert abs(((pairs[:, 0] == 2) & (pairs[:, 1] == 0)).float().mean().item() - 0.25) < 0.01


def test_poisson():
    x = tg.poisson(tg.full((MANY,), 3.0))
    assert x.dtype == np.float32
    assert close(x, 3.0, math.sqrt(3))


@pytest.mark.parametrize(
    ("fill", "median"),
    [
        (lambda t: t.uniform_(-1.0, 3.0), 1.0),
        (lambda t: t.uniform_(**{"from": 2.0, "to": 4.0}), 3.0),
        (lambda t: t.normal_(2.0, 3.0), 2.0),
        (lambda t: t.normal_(mean=-1.0, std=0.5), -1.0),
        (lambda t: t.exponential_(2.0), math.log(2) / 2),
        (lambda t: t.log_normal_(0.5, 0.25), math.exp(0.5)),
        (lambda t: t.cauchy_(1.0, 2.0), 1.0),
        (lambda t: t.geometric_(0.25), 3.0),
        (lambda t: t.random_(11), 5.0),
        (lambda t: t.random_(3, 8), 5.0),
    ],
)
def test_filling_in_place(fill, median):
    """Half of the numbers lie on either side of the median (for the discrete ones, at or beyond it)."""
    x = tg.empty(MANY, dtype=tg.float64)
    assert fill(x) is x
    assert (x <= median).double().mean().item() > 0.49
    assert (x >= median).double().mean().item() > 0.49


def test_geometric_starts_at_one():
    x = tg.empty(MANY).geometric_(0.25)
    assert x.min().item() == 1.0
    assert close(x == 1, 0.25, 0.5)


def test_random_fills_the_range_of_the_dtype():
    assert tg.empty(MANY, dtype=tg.uint8).random_().max().item() == 255
    assert set(tg.empty(50, dtype=tg.bool).random_().tolist()) == {True, False}
    big = tg.empty(MANY).random_()
    assert 2**23 < big.max().item() <= 2**24
    assert (big == big.round()).all()


# -- arguments, as in torch ---------------------------------------------------------------------------------------------


def test_sizes():
    for x in (tg.rand(2, 3), tg.rand((2, 3)), tg.rand([2, 3]), tg.rand(size=(2, 3)), tg.rand(tg.ones(2, 3).shape)):
        assert x.shape == (2, 3)
    assert tg.randn(()).shape == ()
    assert tg.rand(0, 3).shape == (0, 3)
    assert tg.randint(3, (2, 2)).shape == tg.randint(0, 3, size=(2, 2)).shape == tg.randint(high=3, size=(2, 2)).shape
    assert tg.randint(5, (2,)).dtype == np.int64


def test_options():
    x = tg.randn(2, dtype=tg.float64, device="cpu", requires_grad=True)
    assert x.requires_grad
    assert x.is_leaf
    assert tg.rand(2, device=tg.device("cpu"), pin_memory=False, layout=None).dtype == np.float32
    assert tg.randint(3, (2,), dtype=tg.float32, requires_grad=True).requires_grad
    like = tg.rand_like(tg.zeros(2, 3, dtype=tg.float64), requires_grad=True)
    assert (like.shape, like.dtype, like.requires_grad) == ((2, 3), np.float64, True)
    assert tg.randn_like(tg.zeros(2, dtype=tg.int64), dtype=tg.float32).dtype == np.float32
    assert tg.randint_like(tg.zeros(100), 2, 5).unique().tolist() == [2.0, 3.0, 4.0]


def test_default_dtype():
    before = tg.get_default_dtype()
    try:
        tg.set_default_dtype(tg.float64)
        assert tg.rand(2).dtype == tg.randn(2).dtype == tg.normal(0.0, 1.0, (2,)).dtype == np.float64
    finally:
        tg.set_default_dtype(before)


def test_normal_with_tensors():
    out = tg.normal(tg.tensor([[1.0], [2.0]]), tg.tensor([0.0, 0.0, 0.0]))
    assert out.tolist() == [[1.0] * 3, [2.0] * 3]
    assert tg.normal(tg.tensor([5.0]), 0.0).tolist() == [5.0]
    assert tg.normal(5.0, tg.zeros(2, dtype=tg.float64)).dtype == np.float64
    assert not tg.normal(tg.ones(2, requires_grad=True), 1.0).requires_grad


def test_bernoulli_has_the_gradient_zero():
    p = tg.full((3,), 0.5, requires_grad=True)
    tg.bernoulli(p).sum().backward()
    assert p.grad.tolist() == [0.0, 0.0, 0.0]


def test_filling_a_leaf_needs_no_grad():
    w = tg.zeros(3, requires_grad=True)
    with pytest.raises(errors.GradError, match=r"normal_: a leaf Variable that requires grad"):
        w.normal_()
    with tg.no_grad():
        w.normal_()
    assert w.is_leaf
    assert w.abs().min().item() > 0


def test_filling_is_noticed_by_the_version_counter():
    x = tg.rand(3, requires_grad=True)
    c = tg.rand(3)
    y = (x * c).sum()
    c.uniform_()
    with pytest.raises(errors.GradError, match="modified by an inplace operation"):
        y.backward()


def test_filling_a_view_fills_the_base():
    x = tg.zeros(2, 3)
    x[:, 1].normal_()
    assert (x[:, 1] != 0).all()
    assert (x[:, 0] == 0).all()


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: tg.rand(2, dtype=tg.int64), errors.DTypeError, r"rand: there are no such numbers of dtype int64"),
        (lambda: tg.randn_like(tg.ones(2).long()), errors.DTypeError, r"randn: .* int64"),
        (lambda: tg.randint(3, 3, (2,)), errors.ArgumentError, r"low=3 is not below high=3; widen the range"),
        (lambda: tg.randint(5), errors.UsageError, r"randint: there is no size"),
        (lambda: tg.randperm(-1), errors.ArgumentError, r"randperm: n is -1"),
        (lambda: tg.normal(0.0, -1.0, (2,)), errors.ArgumentError, r"normal: the standard deviation is -1"),
        (lambda: tg.normal(tg.zeros(2), -tg.ones(2)), errors.ArgumentError, r"normal: the standard deviation is -1"),
        (lambda: tg.normal(0.0, 1.0), errors.UsageError, r"normal: there is no size"),
        (
            lambda: tg.bernoulli(tg.tensor([1.5])),
            errors.ArgumentError,
            r"bernoulli: a probability lies outside \[0, 1\]",
        ),
        (
            lambda: tg.bernoulli(tg.tensor([float("nan")])),
            errors.ArgumentError,
            r"bernoulli: a probability lies outside",
        ),
        (lambda: tg.bernoulli(tg.tensor([1])), errors.DTypeError, r"bernoulli: the probabilities have dtype int64"),
        (lambda: tg.zeros(2).bernoulli_(2), errors.ArgumentError, r"bernoulli: p is 2; use a probability from 0 to 1"),
        (
            lambda: tg.multinomial(tg.ones(3), 4),
            errors.ArgumentError,
            r"4 samples without replacement from 3 categories",
        ),
        (lambda: tg.multinomial(tg.ones(3), 0), errors.ArgumentError, r"num_samples is 0"),
        (lambda: tg.multinomial(tg.zeros(3), 1), errors.OptionError, r"the weights of a row sum to 0"),
        (
            lambda: tg.multinomial(tg.tensor([1.0, -1.0]), 1),
            errors.OptionError,
            r"negative, inf or nan: they go from -1 to 1",
        ),
        (lambda: tg.multinomial(tg.ones(2, 2, 2), 1), errors.ArgumentError, r"weights have shape \(2, 2, 2\)"),
        (lambda: tg.multinomial(tg.ones(2).long(), 1), errors.DTypeError, r"the weights have dtype int64"),
        (lambda: tg.poisson(tg.tensor([-1.0])), errors.ArgumentError, r"poisson: a rate is negative"),
        (lambda: tg.zeros(2).uniform_(2, 1), errors.ArgumentError, r"uniform_: from=2 is above to=1"),
        (lambda: tg.zeros(2).uniform_(2, 1, 3), errors.UsageError, r"uniform_: arguments \(2, 1, 3\)"),
        (
            lambda: tg.zeros(2).long().uniform_(),
            errors.DTypeError,
            r"uniform_: there are no such numbers of dtype int64",
        ),
        (lambda: tg.zeros(2).long().normal_(), errors.DTypeError, r"normal_: .* int64"),
        (lambda: tg.zeros(2).normal_(0, -1), errors.ArgumentError, r"normal_: the standard deviation is -1"),
        (lambda: tg.zeros(2).exponential_(0), errors.ArgumentError, r"exponential_: lambd is 0"),
        (lambda: tg.zeros(2).geometric_(1), errors.ArgumentError, r"geometric_: p is 1"),
        (lambda: tg.zeros(2).cauchy_(0, 0), errors.ArgumentError, r"cauchy_: sigma is 0"),
        (lambda: tg.zeros(2).random_(4, 2), errors.ArgumentError, r"low=4 is not below high=2"),
        (lambda: tg.Generator("cuda"), errors.ArgumentError, r"device: 'cuda' is not available"),
    ],
)
def test_errors(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


# -- dropout's mask -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("p", [0.0, 0.3, 0.5, 1.0])
def test_mask_keeps_the_mean(p, dtype):
    mask = _mask(p, dtype)
    assert str(mask.dtype) == dtype
    kept = 0.0 if p == 1.0 else 1 / (1 - p)
    assert set(np.unique(mask.numpy())) <= {0.0, np.dtype(dtype).type(kept)}
    assert abs((mask == 0).double().mean().item() - p) < 0.01


def _mask(p, dtype):
    from tapegrad.core import ops

    return ops.bernoulli_mask(shape=(MANY,), p=p, dtype=dtype)


def test_names_of_torch_random():
    for name in ("manual_seed", "seed", "initial_seed", "get_rng_state", "set_rng_state", "fork_rng"):
        assert callable(getattr(tgr, name))

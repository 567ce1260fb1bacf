"""Names with an underscore that libraries written for PyTorch use all the same."""

from collections import OrderedDict, namedtuple

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.errors import MissingMethodError, ShapeError, UsageError
from tapegrad.utils import _pytree as tree

Pair = namedtuple("Pair", "first second")


def lists(module):
    return [module.tensor([1.0, -4.0]), module.tensor([[9.0]])], [module.tensor([0.5, 2.0]), module.tensor([[3.0]])]


CALLS = {
    "add": lambda m, x, y: m._foreach_add(x, y, alpha=2),
    "add numbers": lambda m, x, y: m._foreach_add(x, [1.0, 2.0]),
    "add tensor": lambda m, x, y: m._foreach_add(x, m.tensor(3.0)),
    "mul": lambda m, x, y: m._foreach_mul(x, 3.0),
    "div": lambda m, x, y: m._foreach_div(x, y),
    "lerp": lambda m, x, y: m._foreach_lerp(x, y, 0.25),
    "lerp numbers": lambda m, x, y: m._foreach_lerp(x, y, [0.25, 0.5]),
    "addcmul": lambda m, x, y: m._foreach_addcmul(x, y, y, value=2.0),
    "addcdiv numbers": lambda m, x, y: m._foreach_addcdiv(x, x, y, [2.0, 3.0]),
    "addcdiv tensor": lambda m, x, y: m._foreach_addcdiv(x, x, y, m.tensor([2.0, 3.0])),
    "maximum": lambda m, x, y: m._foreach_maximum(x, y),
    "maximum number": lambda m, x, y: m._foreach_maximum(x, 0.0),
    "minimum numbers": lambda m, x, y: m._foreach_minimum(x, [0.0, 1.0]),
    "clamp_max": lambda m, x, y: m._foreach_clamp_max(x, 2.0),
    "pow": lambda m, x, y: m._foreach_pow(x, 2),
    "pow of a number": lambda m, x, y: m._foreach_pow(2.0, x),
    "neg": lambda m, x, y: m._foreach_neg(x),
    "sqrt": lambda m, x, y: m._foreach_sqrt(y),
    "clone": lambda m, x, y: m._foreach_clone(x),
    "norm": lambda m, x, y: m._foreach_norm(x),
    "norm 1": lambda m, x, y: m._foreach_norm(x, 1),
    "max": lambda m, x, y: m._foreach_max(x),
    "add_": lambda m, x, y: (m._foreach_add_(x, y), x)[1],
    "sub_": lambda m, x, y: (m._foreach_sub_(x, 1.0), x)[1],
    "mul_": lambda m, x, y: (m._foreach_mul_(x, [2.0, 3.0]), x)[1],
    "addcdiv_": lambda m, x, y: (m._foreach_addcdiv_(x, y, y, 0.5), x)[1],
    "lerp_": lambda m, x, y: (m._foreach_lerp_(x, y, weight=0.25), x)[1],
    "maximum_": lambda m, x, y: (m._foreach_maximum_(x, y), x)[1],
    "minimum_ number": lambda m, x, y: (m._foreach_minimum_(x, 0.0), x)[1],
    "sqrt_": lambda m, x, y: (m._foreach_sqrt_(y), y)[1],
    "copy_": lambda m, x, y: (m._foreach_copy_(x, y), x)[1],
    "zero_": lambda m, x, y: (m._foreach_zero_(x), x)[1],
}


@pytest.mark.parametrize("name", CALLS)
def test_functions_over_lists_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    mine, theirs = CALLS[name](tg, *lists(tg)), CALLS[name](torch, *lists(torch))
    assert type(mine) is type(theirs)
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6)


def test_lists_of_other_lengths_and_other_names():
    with pytest.raises(ShapeError, match=r"lists of \[2, 1\] values"):
        tg._foreach_add(lists(tg)[0], [1.0])
    assert not hasattr(tg, "_foreach_nothing")
    assert not hasattr(tg, "_foreach_softmax_")


NESTED = {"b": [1, (2, None)], "a": Pair(3, OrderedDict(x=4)), "empty": []}


def test_trees_are_pytorchs():
    theirs = pytest.importorskip("torch.utils._pytree")
    for module in (tree, theirs):
        leaves, spec = module.tree_flatten(NESTED)
        assert leaves == [1, 2, None, 3, 4]
        assert module.tree_unflatten("vwxyz", spec) == {
            "b": ["v", ("w", "x")],
            "a": Pair("y", OrderedDict(x="z")),
            "empty": [],
        }
        assert module.tree_map(lambda a, b: a + b, [1, (2,)], [10, (20,)]) == [11, (22,)]
        assert module.tree_map_only(int, str, [1, 2.5]) == ["1", 2.5]
        assert module.tree_leaves([(1, 2), 3], is_leaf=lambda value: isinstance(value, tuple)) == [(1, 2), 3]
        assert module.tree_structure([1, (2,)]) == module.tree_structure([3, (4,)]) != module.tree_structure([1, [2]])
        assert module.tree_any(bool, [0, [1]])
        assert not module.tree_all(bool, [0, [1]])


def test_a_tree_wants_as_many_leaves():
    with pytest.raises(UsageError, match="1 leaves for 2 places"):
        tree.tree_unflatten([1], tree.tree_structure([1, 2]))


def test_marks_for_programs_are_accepted_and_programs_refused():
    assert tg.fx.wrap(len) is len
    assert tg.fx.wrap("len") == "len"
    assert not isinstance(tg.ones(2), tg.fx.Proxy)
    assert not isinstance(tg.nn.Linear(2, 2), tg.fx.GraphModule)
    with pytest.raises(MissingMethodError, match=r"tapegrad\.trace"):
        tg.fx.symbolic_trace(tg.nn.Linear(2, 2))
    with pytest.raises(NotImplementedError, match=r"torch\.fx\.Tracer"):
        tg.fx.Tracer()

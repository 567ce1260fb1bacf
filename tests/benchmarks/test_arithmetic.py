"""Ratios, verdicts and counts of the benchmarks, on figures that are made up."""

import doctest
import math
import sys

import numpy as np
import pytest

from tests.conftest import ROOT

sys.path.insert(0, str(ROOT))
from benchmarks import agreement, clock, networks, page, targets
from benchmarks.peers import limit
from benchmarks.workloads import BY_KEY, WORKLOADS, Runner, case_of


def row(**medians):
    names = {"numpy": "tapegrad, compiled (NumPy)", "numba": "tapegrad, compiled (Numba)", "eager": "tapegrad, eager"}
    names |= {"torch": "PyTorch", "fused": "PyTorch, fused", "hand": "NumPy by hand", "jax": "JAX, jit"}
    return {"columns": {names[key]: {"median": value, "same": True} for key, value in medians.items()}}


def test_ratio_takes_the_faster_target_and_the_fastest_setting():
    found = row(numpy=10.0, numba=5.0, torch=40.0, fused=20.0)
    assert targets.ratio(found, "PyTorch") == 4
    assert targets.exactly(found, "PyTorch") == 8
    assert targets.ratio(found, "JAX") is None


def test_a_column_that_computes_something_else_counts_nowhere():
    found = row(numpy=10.0, torch=40.0, fused=1.0)
    found["columns"]["PyTorch, fused"]["same"] = False
    assert targets.ratio(found, "PyTorch") == 4


def test_verdicts_come_from_the_worst_row_and_from_the_mean():
    worst = targets.Target("", 2, {"a": 3.0, "b": 1.9})
    assert (worst.reached, worst.verdict, worst.missed) == (1.9, "missed", {"b": 1.9})
    mean = targets.Target("", 2, {"a": 4.0, "b": 1.5}, mean=True)
    assert mean.reached == pytest.approx(math.sqrt(6))
    assert mean.verdict == "hit"
    at_most = targets.Target("", 1.15, {"a": 1.1, "b": 1.2}, at_most=True)
    assert (at_most.reached, at_most.verdict) == (1.2, "missed")


def test_what_was_not_measured_is_said():
    assert targets.Target("", 2, {"a": None}).verdict == "not measured"
    assert targets.Target("", 2, {"a": 3.0, "b": None}).verdict == "hit so far"


def test_targets_of_the_issue_are_computed_from_the_rows():
    results = {"rows": {"spiral": row(numpy=10.0, eager=50.0, torch=45.0, fused=30.0, hand=8.0)}}
    found = {target.text: target for target in targets.targets(results)}
    assert found["compiled, networks up to 784-30-10, against the best of PyTorch"].reached == 3
    assert found["compiled, over the hand-written step, five networks"].verdict == "missed"
    assert found["eager, networks up to 784-30-10, against eager PyTorch"].reached == 0.9


def test_memory_is_that_of_the_faster_target_over_the_least_of_pytorch():
    peaks = {"tapegrad, compiled (NumPy)": {"peak": 30}, "tapegrad, compiled (Numba)": {"peak": 90}}
    peaks |= {"PyTorch": {"peak": 60}, "PyTorch, fused": {"peak": 40}}
    results = {"rows": {"spiral": row(numpy=1.0, numba=2.0)}, "memory": {"spiral": peaks}}
    assert targets.memory_ratios(results)[BY_KEY["spiral"].title] == 0.75


def test_differences_are_found():
    workload = BY_KEY["spiral"]
    losses = np.linspace(2.0, 1.0, 20)
    found = {"PyTorch": losses, "JAX, jit": losses * (1 + 1e-6), "autograd": losses * 1.01, "MyGrad": losses * np.nan}
    same = {name: value["same"] for name, value in agreement.compare(found, workload).items()}
    assert same == {"PyTorch": True, "JAX, jit": True, "autograd": False, "MyGrad": False}


def test_rounds_interleave_and_begin_with_another_column_each(monkeypatch):
    order = []
    monkeypatch.setattr(clock, "SETTLE", 0)
    clocks = {name: clock.Clock(Runner(lambda name=name: order.append(name), [()])) for name in "abc"}
    times = clock.measure(clocks, rounds=3, budget=60)
    assert "".join(order) == "abcbcacab"
    assert [len(values) for values in times.values()] == [3, 3, 3]


def test_every_call_of_a_block_gets_the_next_batch():
    seen = []
    once = clock.Clock(Runner(seen.append, [(1,), (2,), (3,)]))
    once.block(4)
    once.block(1)
    assert seen == [1, 2, 3, 1, 2]


def test_limit_counts_products_and_numbers():
    network = networks.mlp(784, 30, 10)
    assert limit.shapes(network, 128, False) == [(128, 784, 30), (128, 30, 10)]
    assert len(limit.shapes(network, 128, True)) == 5
    parameters = 785 * 30 + 31 * 10
    assert limit.moved(network, 128)[0] == 7 * parameters + 5 * 128 * 30 + 3 * 128 * 10


def test_convolutions_count_as_products():
    rows, inner, columns = limit.shapes(BY_KEY["mnist-cnn"].network, 64, False)[1]
    assert (rows, inner, columns) == (64 * 24 * 24, 32 * 9, 64)


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.key)
def test_networks_have_the_parameters_that_their_layers_want(workload):
    if workload.kind == "epoch":
        pytest.skip("reads MNIST")
    import tapegrad as tg

    case = case_of(workload, 1, count=1)
    shapes = [tuple(p.shape) for p in networks.build(tg.nn, workload.network).parameters()]
    assert shapes == [value.shape for value in case.weights]
    assert all(value.dtype == np.float32 for value in case.weights)


def test_page_is_written_from_nothing_and_keeps_remarks():
    results = {"rows": {"spiral": row(numpy=10.0, torch=40.0) | {"date": "now", "load": 0}}}
    for column in results["rows"]["spiral"]["columns"].values():
        column |= {"low": 1.0, "high": 2.0, "rounds": 3}
    first = page.render(results)
    kept = page.render(results, first.replace(page.BEGIN, page.BEGIN + "\nBounded by bandwidth."))
    assert "Bounded by bandwidth." in kept
    assert kept.count(page.BEGIN) == 1
    assert "| 2-64-3, batch 300 | 10.0 (NumPy) | 4.00 | 4.00 |" in first
    assert page.render({}).startswith("# ")


@pytest.mark.parametrize("module", [agreement, clock, limit, page, targets], ids=lambda module: module.__name__)
def test_examples_in_docstrings(module):
    found = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.attempted
    assert not found.failed

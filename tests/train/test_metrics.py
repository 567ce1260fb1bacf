"""Metrics: exact over all batches, equal to their formulas written out plainly, and to values known from elsewhere."""

import itertools
import json
import math

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.errors import ArgumentError, IndexRangeError, ShapeError
from tapegrad.train.metrics import (
    AUROC,
    F1,
    METRICS,
    MSE,
    R2,
    Accuracy,
    ConfusionMatrix,
    Mean,
    Precision,
    Recall,
    ScaledAccuracy,
    TopK,
    best_is_smallest,
    is_better,
    metrics_of,
)
from tapegrad.train.state import pack, unpack


def measure(metric, outputs, targets, size=None):
    """The value after the data went in in batches of ``size``."""
    size = size or len(targets)
    for i in range(0, len(targets), size):
        metric.update(tg.tensor(outputs[i : i + size]), tg.tensor(targets[i : i + size]))
    return metric.compute()


@pytest.fixture
def scores(rng):
    """Scores of 4 classes, rounded so that there are ties, class 3 wanted but never predicted, and the classes."""
    scores = rng.normal(size=(57, 4)).round(1).astype(np.float32)
    scores[:, 3] -= 20
    return scores, rng.integers(4, size=57)


@pytest.fixture
def values(rng):
    target = rng.normal(3, 2, size=(41, 3)).astype(np.float32)
    return (target + rng.normal(size=(41, 3))).astype(np.float32), target


# -- formulas -------------------------------------------------------------------------------------------------------


def counts(scores, targets, c):
    predicted = scores.argmax(axis=1)
    hits = sum(1 for p, t in zip(predicted, targets, strict=True) if p == t == c)
    return hits, sum(1 for p in predicted if p == c), sum(1 for t in targets if t == c)


def ratio(kind, hits, predicted, wanted):
    precision = hits / predicted if predicted else 0.0
    recall = hits / wanted if wanted else 0.0
    if kind is Precision:
        return precision
    if kind is Recall:
        return recall
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


@pytest.mark.parametrize("kind", [Precision, Recall, F1])
def test_ratios_by_class_are_their_formulas(kind, scores):
    outputs, targets = scores
    by_class = [counts(outputs, targets, c) for c in range(4)]
    ratios = [ratio(kind, *c) for c in by_class]
    assert measure(kind(), outputs, targets, 10) == pytest.approx(sum(ratios) / 4)
    weights = [wanted for _, _, wanted in by_class]
    weighted = sum(r * w for r, w in zip(ratios, weights, strict=True)) / sum(weights)
    assert measure(kind(average="weighted"), outputs, targets, 10) == pytest.approx(weighted)
    micro = ratio(kind, *(sum(column) for column in zip(*by_class, strict=True)))
    assert measure(kind(average="micro"), outputs, targets, 10) == pytest.approx(micro)
    two = outputs[:, :2], targets % 2
    assert measure(kind(average="binary"), *two, 10) == pytest.approx(ratio(kind, *counts(*two, 1)))


def test_ratios_known_from_scikit_learn():
    """The figures of scikit-learn's documentation of precision_recall_fscore_support and f1_score."""
    outputs, targets = np.eye(3, dtype=np.float32)[[0, 2, 1, 0, 0, 1]], np.array([0, 1, 2, 0, 1, 2])
    assert [measure(kind(), outputs, targets) for kind in (Precision, Recall, F1)] == pytest.approx(
        [2 / 9, 1 / 3, 4 / 15]
    )
    assert [measure(F1(average=average), outputs, targets) for average in ("micro", "weighted")] == pytest.approx(
        [1 / 3, 4 / 15]
    )


def test_classes_that_do_not_occur_are_no_part_of_the_mean():
    outputs, targets = np.eye(5, dtype=np.float32)[[0, 0, 1]], np.array([0, 1, 1])
    assert measure(F1(), outputs, targets) == pytest.approx((2 / 3 + 2 / 3) / 2)
    # One that is predicted and never wanted does occur.
    assert measure(F1(), np.eye(5)[[0, 0, 3]], np.array([0, 1, 1])) == pytest.approx(2 / 9)


def test_accuracy_and_top_k_are_shares_of_samples(scores):
    outputs, targets = scores
    assert measure(Accuracy(), outputs, targets, 10) == float((outputs.argmax(axis=1) == targets).mean())
    for k in (1, 2, 3, 4, 5):
        ranked = [np.argsort(-row, kind="stable")[:k] for row in outputs]
        expected = np.mean([t in row for row, t in zip(ranked, targets, strict=True)])
        assert measure(TopK(k=k), outputs, targets, 10) == pytest.approx(expected)


def test_of_equal_outputs_the_first_ranks_first():
    assert [measure(TopK(k=2), np.zeros((1, 3)), np.array([c])) for c in range(3)] == [1.0, 1.0, 0.0]


def test_the_confusion_matrix_has_a_row_for_each_class_that_was_wanted(scores):
    outputs, targets = scores
    expected = [
        [sum(1 for o, t in zip(outputs, targets, strict=True) if t == a and o.argmax() == b) for b in range(4)]
        for a in range(4)
    ]
    assert measure(ConfusionMatrix(), outputs, targets, 10) == expected


def area(scores, positive):
    """The share of pairs (one of the class, one not) that are in order; a tie is half a pair."""
    pairs = list(itertools.product(scores[positive], scores[~positive]))
    return sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs) / len(pairs)


def test_auroc_counts_the_pairs_in_order_and_ties_half(rng):
    scores, targets = rng.normal(size=60).round(1).astype(np.float32), rng.integers(2, size=60)
    expected = area(scores, targets == 1)
    assert len(set(scores.tolist())) < 50
    assert measure(AUROC(), scores, targets, 7) == pytest.approx(expected)
    assert measure(AUROC(), scores[:, None], targets[:, None].astype(np.float32), 7) == pytest.approx(expected)
    two = np.stack([np.ones_like(scores), 1 + scores], axis=1)
    assert measure(AUROC(), two, targets, 7) == pytest.approx(expected)


def test_auroc_of_two_outputs_is_that_of_the_probability(rng):
    outputs, targets = rng.normal(size=(50, 2)), rng.integers(2, size=50)
    probability = np.exp(outputs[:, 1]) / np.exp(outputs).sum(axis=1)
    assert measure(AUROC(), outputs, targets, 9) == pytest.approx(area(probability, targets == 1))


def test_auroc_of_more_classes_is_the_mean_of_each_against_the_rest(scores):
    outputs, targets = scores
    powers = np.exp(outputs.astype(np.float64))
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    expected = np.mean([area(probabilities[:, c], targets == c) for c in range(4)])
    assert measure(AUROC(), outputs, targets, 10) == pytest.approx(expected)
    assert measure(AUROC(), probabilities, targets, 10) == pytest.approx(expected)
    assert measure(AUROC(), np.log(probabilities), targets, 10) == pytest.approx(expected)
    # Scores by themselves are not comparable between samples: the probabilities matter.
    assert np.mean([area(outputs[:, c], targets == c) for c in range(4)]) != pytest.approx(expected)


def test_auroc_leaves_out_classes_without_samples():
    outputs, targets = np.eye(3)[[0, 1, 0]], np.array([0, 1, 1])
    assert measure(AUROC(), outputs, targets) == pytest.approx((0.75 + 0.75) / 2)
    assert math.isnan(measure(AUROC(), outputs, np.zeros(3, np.int64)))


def test_differences_are_their_formulas(values):
    outputs, targets = (v.astype(np.float64) for v in values)
    squares = (outputs - targets) ** 2
    spread = ((targets - targets.mean(axis=0)) ** 2).sum(axis=0)
    expected = {
        "mse": squares.mean(),
        "mae": np.abs(outputs - targets).mean(),
        "r2": (1 - squares.sum(axis=0) / spread).mean(),
    }
    found = {name: measure(METRICS[name](), *values, 10) for name in expected}
    assert found == pytest.approx(expected, rel=1e-12)


def test_r2_far_from_zero_does_not_cancel(rng):
    targets = 1e6 + rng.normal(size=500)
    outputs = targets + 0.1 * rng.normal(size=500)
    expected = 1 - ((outputs - targets) ** 2).sum() / ((targets - targets.mean()) ** 2).sum()
    assert measure(R2(), outputs, targets, 7) == pytest.approx(expected, rel=1e-7)


def test_r2_of_a_constant_target_is_1_when_hit_and_0_when_not():
    ones = np.ones(4, np.float32)
    assert measure(R2(), ones, ones) == 1.0
    assert measure(R2(), ones + 1, ones) == 0.0


def test_scaled_accuracy_compares_whole_numbers():
    outputs = np.array([[0.34], [0.36], [0.36], [-0.04], [1.2]], np.float32)
    targets = np.array([[0.3], [0.3], [0.4], [0.0], [0.9]], np.float32)
    assert measure(ScaledAccuracy(scale=10), outputs, targets) == 0.6


# -- batches and states -----------------------------------------------------------------------------------------------


def data_for(name, scores, values):
    return values if name in ("mse", "mae", "r2", "scaled_accuracy") else scores


@pytest.mark.parametrize("name", sorted(METRICS))
def test_the_size_of_the_batches_does_not_matter(name, scores, values):
    data = data_for(name, scores, values)
    whole, *others = (np.asarray(measure(METRICS[name](), *data, size)) for size in (None, 1, 13))
    for value in others:
        np.testing.assert_allclose(value, whole, rtol=1e-9)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_a_state_goes_through_json_and_arrays_and_counts_on_to_the_bit(name, scores, values):
    outputs, targets = data_for(name, scores, values)
    whole, stopped, resumed = (METRICS[name]() for _ in range(3))
    expected = measure(whole, outputs, targets, 10)
    measure(stopped, outputs[:30], targets[:30], 10)
    tensors = {}
    text = json.dumps(pack(stopped.state(), name, tensors))
    measure(stopped, outputs[30:], targets[30:], 10)  # what goes on here does not reach into the state
    resumed.load(unpack(json.loads(text), tensors))
    assert measure(resumed, outputs[30:], targets[30:], 10) == expected


@pytest.mark.parametrize("name", sorted(METRICS))
def test_reset_and_fresh_begin_anew(name, scores, values):
    data = data_for(name, scores, values)
    metric = METRICS[name]()
    nothing = metric.compute()
    assert nothing == [] or math.isnan(nothing)
    expected = measure(metric, *data)
    other = metric.fresh()
    assert measure(other, *data) == expected
    assert metric.compute() == expected
    metric.reset()
    assert measure(metric, *data) == expected


def test_fresh_keeps_the_settings():
    assert TopK(k=3).fresh().k == 3


def test_outputs_may_be_written_over_later():
    metric, outputs = AUROC(), tg.tensor([0.1, 0.9])
    metric.update(outputs, tg.tensor([0, 1]))
    outputs.zero_()
    assert metric.compute() == 1.0


def test_a_state_of_no_batches_can_be_gone_on_from(scores):
    for name in ("auroc", "f1", "confusion_matrix"):
        metric = METRICS[name]()
        metric.load(METRICS[name]().state())
        assert measure(metric, *scores) == measure(METRICS[name](), *scores)


# -- what outputs and targets may look like -----------------------------------------------------------------------------


def test_one_output_is_class_1_above_the_threshold():
    outputs, targets = np.array([-1.0, 0.2, 0.7, 0.9], np.float32), np.array([0, 0, 1, 0])
    assert measure(Accuracy(), outputs, targets) == 0.5
    assert measure(Accuracy(threshold=0.5), outputs, targets) == 0.75
    assert measure(Accuracy(), outputs[:, None], targets.astype(np.float32)[:, None]) == 0.5
    assert measure(ConfusionMatrix(), outputs[:, None], targets) == [[1, 2], [0, 1]]


def test_targets_may_be_probabilities_and_outputs_may_have_places(scores):
    outputs, targets = scores
    probabilities = np.eye(4, dtype=np.float32)[targets]
    assert measure(Accuracy(), outputs, probabilities) == measure(Accuracy(), outputs, targets)
    places = outputs[:56].reshape(8, 7, 4).transpose(0, 2, 1), targets[:56].reshape(8, 7)
    for kind in (Accuracy, F1, ConfusionMatrix):
        assert measure(kind(), *places) == measure(kind(), outputs[:56], targets[:56])


def test_a_column_and_a_row_are_the_same_values():
    assert measure(MSE(), np.array([[1.0], [3.0]]), np.array([1.0, 1.0])) == 2.0


def test_float32_is_summed_in_float64():
    assert measure(METRICS["mae"](), np.full(10**6, 0.1, np.float32), np.zeros(10**6, np.float32), 1000) == (
        pytest.approx(float(np.float32(0.1)), rel=1e-12)
    )


@pytest.mark.parametrize("name", sorted(METRICS))
def test_shapes_that_do_not_fit_are_named(name):
    with pytest.raises(ShapeError, match=rf"^{name}: an output of shape \(4, 3\) and a target of shape \(5,\)"):
        METRICS[name]().update(tg.zeros(4, 3), tg.zeros(5).long())


@pytest.mark.parametrize("name", ["f1", "precision", "recall", "confusion_matrix", "top_k"])
@pytest.mark.parametrize("wrong", [-1, 3])
def test_classes_out_of_range_are_named(name, wrong):
    with pytest.raises(IndexRangeError, match=f"{name}: a target is {wrong} with 3 classes"):
        METRICS[name]().update(tg.zeros(2, 3), tg.tensor([0, wrong]))


def test_settings_out_of_range_are_refused():
    with pytest.raises(ArgumentError, match="f1: average is 'macr'; did you mean 'macro'"):
        F1(average="macr")
    with pytest.raises(ArgumentError, match="top_k: k is 0"):
        TopK(k=0)
    with pytest.raises(ArgumentError, match="'binary' with 3 classes"):
        measure(Recall(average="binary"), np.eye(3), np.arange(3))


def test_a_score_that_is_not_a_number_is_not_found():
    outputs = np.array([[np.nan, 1.0, 0.0], [2.0, 1.0, 0.0]], np.float32)
    assert measure(TopK(k=2), outputs, np.array([0, 0])) == 0.5
    assert math.isnan(measure(AUROC(), outputs[:, 0], np.array([0, 1])))


# -- names ------------------------------------------------------------------------------------------------------------


def test_metrics_come_by_name_class_object_and_function():
    assert list(metrics_of(["accuracy", "top_k"])) == ["accuracy", "top_k"]
    found = metrics_of({"a": Accuracy, "b": TopK(k=2), "c": lambda output, target: 2.0})
    assert [type(m) for m in found.values()] == [Accuracy, TopK, Mean]
    with pytest.raises(ArgumentError, match="there is no metric 'acuracy'; did you mean 'accuracy'"):
        metrics_of(["acuracy"])


def test_a_functions_mean_weighs_batches_by_their_size():
    metric = Mean(lambda output, target: output.array.mean())
    assert measure(metric, np.array([1.0, 1.0, 1.0, 5.0]), np.zeros(4), 3) == 2.0


@pytest.mark.parametrize("name", sorted(METRICS))
def test_each_metric_but_the_matrix_tells_which_way_is_better(name):
    if name != "confusion_matrix":
        assert best_is_smallest(f"valid_{name}") == (name in ("mse", "mae"))


def test_words_in_a_name_tell_which_way_is_better():
    assert best_is_smallest("valid_l1_loss")
    assert best_is_smallest("error_at_the_ends")
    assert not best_is_smallest("accuracy_balanced")
    assert not best_is_smallest("loss", mode="max")
    with pytest.raises(ArgumentError, match="whether a small glossary is a good one is not known"):
        best_is_smallest("glossary")


def test_better_is_by_more_than_the_least_difference_and_finite():
    assert is_better(0.5, 0.6, smallest=True)
    assert not is_better(0.7, 0.6, smallest=True)
    assert is_better(0.7, 0.6, smallest=False)
    assert not is_better(0.6, 0.6, smallest=False)
    assert not is_better(0.65, 0.6, smallest=False, min_delta=0.1)
    assert not is_better(math.nan, None, smallest=True)
    assert is_better(9.0, None, smallest=True)

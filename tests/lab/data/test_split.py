"""Dividing in proportion, folds, and lists of positions to leave out."""

import json

import numpy as np
import pytest

from tapegrad.errors import ArgumentError, DataError, FileFormatError
from tapegrad.lab.data.split import divide, folds, read_exclusions, rows_without

LABELS = np.repeat([0, 1, 2], [60, 30, 10])


def test_every_class_gives_its_share():
    held, kept = divide(LABELS, 0.1, 0, "x")
    assert np.bincount(LABELS[held]).tolist() == [6, 3, 1]
    assert sorted([*held, *kept]) == list(range(100))
    assert (np.diff(held) > 0).all()
    assert (np.diff(kept) > 0).all()


@pytest.mark.parametrize(("amount", "count"), [(0.1, 10), (7, 7), (0.001, 1), (0.994, 99), (99, 99), (1, 1)])
def test_the_sum_comes_out(amount, count):
    held, kept = divide(np.tile(np.arange(10), 10), amount, 3, "x")
    assert (len(held), len(kept)) == (count, 100 - count)


def test_the_seed_decides():
    first, again, other = (divide(LABELS, 0.3, seed, "x")[0] for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_values_are_divided_without_classes():
    held, kept = divide(np.linspace(0, 1, 50)[:, None], 0.2, 0, "x")
    assert len(held) == 10
    assert (np.diff(held) > 0).all()
    assert sorted([*held, *kept]) == list(range(50))


@pytest.mark.parametrize(
    ("amount", "says"),
    [(2.5, "2.5"), (-1, "-1"), (0, "is 0"), (0.999, "100 of 100"), (100, "100 of 100"), (1000, "1,000 of 100")],
)
def test_amounts_that_cannot_be(amount, says):
    with pytest.raises(ArgumentError, match=says):
        divide(LABELS, amount, 0, "data.split.valid")


def test_folds_spread_every_class():
    fold = folds(LABELS, 5, 0)
    for number in range(5):
        assert np.bincount(LABELS[fold == number]).tolist() == [12, 6, 2]
    with pytest.raises(ArgumentError, match="1 for 100"):
        folds(LABELS, 1, 0)


def test_a_list_of_positions_as_text(tmp_path):
    path = tmp_path / "bad.txt"
    path.write_text("# by hand\n17   # 学, not 博\n\n3\n", encoding="utf-8")
    assert read_exclusions(path) == [17, 3]


@pytest.mark.parametrize(
    "data", [[4, 9], {"suspects": [{"index": 4, "score": 0.1}, {"index": 9}]}, {"suspects": [4, 9]}]
)
def test_a_list_of_positions_as_json(tmp_path, data):
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(data))
    assert read_exclusions(path) == [4, 9]


@pytest.mark.parametrize(
    ("text", "says"),
    [("1\n2.5\n", ":2: '2.5'"), ("-1\n", "'-1'"), ("[1, ", "no JSON"), ('{"a": 1}', "no list"), ("[true]", "no list")],
)
def test_what_is_no_list_of_positions(tmp_path, text, says):
    path = tmp_path / "bad.txt"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=says):
        read_exclusions(path)


def test_something_must_be_left():
    assert rows_without(np.array([5, 6, 7]), np.array([6])).tolist() == [0, 2]
    with pytest.raises(DataError, match="none of 2"):
        rows_without(np.array([5, 6]), np.array([5, 6]))

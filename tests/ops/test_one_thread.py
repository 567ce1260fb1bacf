"""Small products in one thread: the number of threads is set inside, and as before afterwards."""

import numpy as np
import pytest

from tapegrad.ops import threads


@pytest.fixture
def blas(monkeypatch):
    """A library of products that only remembers what it was told."""
    told = [2]
    monkeypatch.setattr(threads, "_openblas", lambda: (lambda: told[-1], told.append))
    monkeypatch.setattr(threads._Setting, "threads", 2)
    return told


def test_one_inside_and_as_before_afterwards(blas):
    with threads.one_thread(np):
        assert blas == [2, 1]
        with threads.one_thread(np):
            assert blas == [2, 1]
    assert blas == [2, 1, 2]
    with pytest.raises(KeyError), threads.one_thread(np):
        raise KeyError
    assert blas[-1] == 2


def test_not_where_it_is_not_wanted_or_there_is_one_anyway(blas, monkeypatch):
    with threads.one_thread(np, False):
        assert blas == [2]
    monkeypatch.setattr(threads._Setting, "threads", 1)
    with threads.one_thread(np):
        assert blas == [2]
    monkeypatch.setattr(threads, "_openblas", lambda: None)
    with threads.one_thread(np):
        assert blas == [2]


def test_halves_follow_each_other_meanwhile(blas, monkeypatch):
    monkeypatch.setattr(threads, "_blas", threads._openblas)
    with threads.one_thread(np):
        assert threads.halves(np, lambda a, b: (a, b), 4) == [(0, 2), (2, 4)]
        assert blas == [2, 1]

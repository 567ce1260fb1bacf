"""Predictions for many inputs."""

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.lab.predict import predict_all, to_probabilities


def test_batches_make_no_difference_and_the_modes_stay(rng):
    model = tg.nn.Sequential(tg.nn.Linear(4, 3), tg.nn.BatchNorm1d(3), tg.nn.Dropout(0.5))
    model[2].eval()
    inputs = rng.normal(size=(10, 4)).astype(np.float32)
    whole = predict_all(model, inputs)
    assert whole.dtype == np.float32
    np.testing.assert_array_equal(whole, predict_all(model, inputs, batch=3))
    assert [module.training for module in model] == [True, True, False]
    assert model.training


def test_an_error_leaves_the_mode_as_it_was():
    model = tg.nn.Sequential(tg.nn.Linear(4, 3))
    with pytest.raises(tg.errors.ShapeError):
        predict_all(model, np.zeros((2, 5), np.float32))
    assert model.training


def test_no_inputs_give_no_outputs():
    assert predict_all(tg.nn.Linear(4, 3), np.zeros((0, 4), np.float32)).shape == (0, 3)


def test_probabilities_of_every_kind_of_output(rng):
    logits = rng.normal(size=(5, 3)) * 50
    shares = to_probabilities(logits)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    np.testing.assert_allclose(to_probabilities(np.log(shares)), shares)
    np.testing.assert_array_equal(to_probabilities(shares), shares)
    one = to_probabilities(np.array([[-1000.0], [0.0], [1000.0]]))
    np.testing.assert_allclose(one, [[1, 0], [0.5, 0.5], [0, 1]])
    assert np.isnan(to_probabilities(np.array([[np.nan, 1.0]]))).all()
    assert predict_all(tg.nn.Linear(2, 2), np.zeros((4, 2), np.float32), probabilities=True).dtype == np.float32

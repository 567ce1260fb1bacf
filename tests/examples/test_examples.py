"""The example scripts reach what their first lines promise."""

import importlib.util
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "examples"


def load(name):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_wgan_gp_draws_points_to_the_ring():
    before, after, slope = load("wgan_gp").main(steps=150)
    assert before > 1.5
    assert after < 0.8
    assert 0.7 < slope < 1.5


def test_maml_adapts_faster_after_meta_training():
    before, after = load("maml").main(steps=120)
    assert after < 0.8 * before


def test_lbfgs_fits_a_sine():
    before, after = load("lbfgs_sine").main(steps=20)
    assert before > 0.1
    assert after < 1e-4


def test_ctc_reads_sequences():
    first, right = load("ctc_alignment").main(steps=150)
    assert first > 3
    assert right > 0.8


def test_per_sample_gradients_are_those_of_single_samples():
    difference, ratio = load("per_sample_gradients").main(steps=50)
    assert difference < 1e-5
    assert ratio > 5


def test_the_hessian_is_that_of_finite_differences():
    difference, least, largest = load("hessian").main()
    assert difference < 1e-8
    assert 0 < least < largest

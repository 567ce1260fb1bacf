"""2,000 random networks trained for 50 steps, compiled and eagerly; and random programs of views and writes.

A network's three trainings take some 0.3 seconds on a quiet core, the whole about a quarter of an hour.
"""

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from ..compiler.random_networks import check, trainings
from ..compiler.test_memory import run_twice

pytestmark = pytest.mark.slow


@settings(
    max_examples=2000,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    database=None,
    phases=[Phase.generate],
)
@given(trainings())
def test_compiled_trainings_are_eager_trainings(training):
    check(training)


@pytest.mark.parametrize("wide", [1, 12_000])
def test_random_views_and_writes(wide):
    for seed in range(3000 if wide == 1 else 300):
        run_twice(seed, wide)

"""Random networks trained for 50 steps, compiled and eagerly. The slow suite draws 2,000."""

from hypothesis import HealthCheck, Phase, given, settings

from .random_networks import check, trainings


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    database=None,
    phases=[Phase.generate],
)
@given(trainings())
def test_compiled_training_is_eager_training(training):
    check(training)

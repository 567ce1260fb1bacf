"""The names that scripts use are there: all layers, losses, optimizers, schedulers, initialisations; 98 % of the rest."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")

from .surface import reason, used  # noqa: E402
from .surface_names import GROUPS  # noqa: E402


@pytest.mark.parametrize("group", GROUPS, ids=[g[0] for g in GROUPS])
def test_the_names_that_scripts_use_are_there(group):
    absent = next(absent for title, _, _, absent, _ in used() if title == group[0])
    assert len(absent) <= (1 - group[3]) * len(group[2]), absent


def test_what_is_absent_has_a_reason():
    assert [(room, n) for _, room, _, absent, _ in used() for n in absent if not reason(room, n)] == []


def test_an_absent_name_is_seen():
    from .surface import has

    assert has("nn", "Linear")
    assert not has("nn", "Lineer")
    assert has("Tensor", "grad")
    assert not has("Tensor", "no_such_method")

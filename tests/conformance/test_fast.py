"""A few cases of every name in every run of the tests; ``make conformance`` runs all of them."""

import pathlib

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")

from .everything import subjects  # noqa: E402

# Names that are known to differ: each is an oversight that waits, so none may be added, and one that agrees must go.
WAITING = {
    line.strip()
    for line in (pathlib.Path(__file__).parent / "waiting.txt").read_text().splitlines()
    if line.strip() and not line.startswith("#")
}
PARTS = 16


@pytest.fixture(scope="module")
def all_subjects():
    return [s for s in subjects() if s.present]


@pytest.mark.parametrize("part", range(PARTS))
def test_names_agree_with_pytorch(all_subjects, part):
    from .engine import examine

    differing = {}
    for subject in all_subjects[part::PARTS]:
        record = examine(subject, fast=True)
        if record.differing and record.name not in WAITING:
            differing[record.name] = record.differing[:2]
    assert differing == {}

"""Every call that PyTorch's signatures allow is taken; deliberate differences stand in differences.py with their reason."""

import collections
import pathlib

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")

from .differences import SIGNATURES, listed  # noqa: E402
from .signatures import everything, problems  # noqa: E402
from .stubs import Argument, functions, methods  # noqa: E402

WAITING = {
    line.strip()
    for line in (pathlib.Path(__file__).parent / "waiting_signatures.txt").read_text().splitlines()
    if line.strip() and not line.startswith("#")
}


@pytest.fixture(scope="module")
def found():
    rooms = collections.defaultdict(dict)
    for name, wrong in everything():
        left = [w for w in wrong if not listed(SIGNATURES, name, w)]
        rooms[name.split(".")[0]][name] = left
    return rooms


@pytest.mark.parametrize(
    "room", ["torch", "Tensor", "nn", "optim", "linalg", "fft", "special", "autograd", "func", "utils"]
)
def test_signatures_are_pytorchs(found, room):
    assert len(found[room]) > 5
    assert {n: w for n, w in found[room].items() if w and n not in WAITING} == {}


def test_the_stubs_are_read():
    assert len(functions()) > 600
    assert len(methods()) > 400
    assert len(functions()["sum"]) >= 2


@pytest.mark.parametrize(
    ("ours", "word"),
    [
        (lambda input, *, keepdim=False: None, "no argument 'dim'"),
        (lambda dim, input, keepdim=False: None, "argument 1 is 'dim'"),
        (lambda input, dim, *, keepdim=False: None, "'keepdim' is not taken by position"),
        (lambda input, dim, keepdim=True: None, "by default"),
        (lambda input, dim, keepdim=False, *, more: None, "'more' is required"),
    ],
)
def test_another_signature_is_seen(ours, word):
    form = (Argument("input"), Argument("dim"), Argument("keepdim", "False"))
    assert any(word in p for p in problems(ours, [form]))
    assert problems(lambda input, dim, keepdim=False, *, extra=None: None, [form]) == []

"""What all tests share: where the data lies, and seeds that do not depend on the order of tests."""

import os
import pathlib
import zlib

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.array import set_default_dtype

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = pathlib.Path(os.environ.get("TAPEGRAD_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(autouse=True)
def _same_seed_for_every_test():
    getattr(tg, "manual_seed", int)(0)


@pytest.fixture(autouse=True)
def _same_default_dtype_after_every_test():
    yield
    set_default_dtype(np.float32)


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_noted_in_the_home(tmp_path_factory):
    """What commands remember for their user is not this user's, nor another test run's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAPEGRAD_STATE", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture
def rng(request):
    return np.random.default_rng(zlib.crc32(request.node.nodeid.encode()))


@pytest.fixture
def data_folder():
    """The folder of real data sets; tests that want it are skipped without it."""
    if not DATA.is_dir():
        pytest.skip(f"no data folder at {DATA}: set TAPEGRAD_DATA")
    return DATA

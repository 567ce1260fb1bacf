"""Twelve thousand damaged files: nothing runs, nothing hangs, memory stays as it was, and each is loaded or refused."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="needs limits on memory")]

COUNT = 2000


@pytest.mark.parametrize("seed", range(100, 106))
def test_mutants_are_refused_or_loaded(seed):
    run = [sys.executable, "-m", "tests.formats.hostile", str(seed), str(COUNT)]
    done = subprocess.run(run, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout)
    print(seed, done.stdout.strip())
    assert result["loaded"] + result["refused"] == COUNT
    assert result["forbidden"] == []
    assert result["slowest_s"] < 5
    assert result["grown_mib"] < 512

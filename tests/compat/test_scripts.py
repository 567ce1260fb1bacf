"""Scripts that are written for PyTorch, run unchanged by ``tapegrad run``; each asserts its own results."""

import gzip
import os
import pathlib
import struct
import subprocess
import sys

import numpy as np
import pytest

from tapegrad.compat import check_file

SCRIPTS = pathlib.Path(__file__).resolve().parents[1] / "scripts"
RUNS = [
    ("mnist_cnn.py", ["--save-model"]),
    ("mnist_cnn.py", ["--dry-run", "--epochs", "1"]),
    ("mnist_rnn.py", []),
    ("forward_forward.py", []),
    ("vae.py", []),
    ("regression.py", []),
    ("sine_lstm.py", []),
    ("language_model/main.py", ["--model", "LSTM", "--tied"]),
    ("language_model/main.py", ["--model", "GRU"]),
    ("language_model/main.py", ["--model", "RNN_TANH"]),
    ("language_model/main.py", ["--model", "Transformer"]),
    ("dcgan.py", []),
    ("siamese.py", []),
    ("vision_transformer.py", []),
    ("gcn.py", []),
]


def write_idx(path, values):
    head = struct.pack(">HBB", 0, 8, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape)
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(head + values.astype(np.uint8).tobytes())


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A folder with an MNIST of 400 and 100 pictures: bars whose place is the class, and noise."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("data") / "mnist"
    folder.mkdir()
    for part, count in (("train", 400), ("t10k", 100)):
        labels = np.arange(count) % 10
        pictures = rng.integers(0, 60, (count, 28, 28))
        for picture, label in zip(pictures, labels, strict=True):
            picture[2 + 2 * label : 6 + 2 * label, 4:24] += 180
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", pictures)
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", labels)
    return folder.parent


@pytest.mark.parametrize(("script", "arguments"), RUNS, ids=[" ".join([s, *a]) for s, a in RUNS])
def test_a_script_runs_unchanged(script, arguments, digits, tmp_path):
    folder = (SCRIPTS / script).parent
    read = [SCRIPTS / script] if folder == SCRIPTS else folder.glob("*.py")
    assert [name for path in read for name in check_file(path).missing] == []
    environment = {**os.environ, "TAPEGRAD_DATA": str(digits), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "tapegrad", "run", str(SCRIPTS / script), *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]

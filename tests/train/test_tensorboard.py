"""TensorBoard's event files, read by a parser that shares nothing with the writer."""

import math
import struct

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn, optim
from tapegrad.formats.events import EventWriter, crc32c, histogram, scalar
from tapegrad.train import TensorBoard, Trainer, load_checkpoint, save_checkpoint
from tapegrad.utils.data import DataLoader, TensorDataset

# -- an independent reader --------------------------------------------------------------------------------------------


def bitwise_crc(data):
    """CRC-32C by its definition: the remainder of polynomials over GF(2), bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82F63B78 * (crc & 1)
    return ~crc & 0xFFFFFFFF


def unmasked(value):
    rotated = (value - 0xA282EAD8) % 2**32
    return (rotated >> 17 | rotated << 15) % 2**32


def records(path):
    data = path.read_bytes()
    place = 0
    while place < len(data):
        (length,) = struct.unpack_from("<Q", data, place)
        assert unmasked(struct.unpack_from("<I", data, place + 8)[0]) == bitwise_crc(data[place : place + 8])
        content = data[place + 12 : place + 12 + length]
        assert unmasked(struct.unpack_from("<I", data, place + 12 + length)[0]) == bitwise_crc(content)
        place += 16 + length
        yield content
    assert place == len(data)


def number(data, place):
    value = shift = 0
    while True:
        value |= (data[place] & 127) << shift
        shift += 7
        place += 1
        if data[place - 1] < 128:
            return value, place


def fields(data):
    """The fields of a message: number to list of values."""
    found, place = {}, 0
    while place < len(data):
        key, place = number(data, place)
        if key & 7 == 0:
            value, place = number(data, place)
        elif key & 7 == 1:
            (value,), place = struct.unpack_from("<d", data, place), place + 8
        elif key & 7 == 5:
            (value,), place = struct.unpack_from("<f", data, place), place + 4
        else:
            assert key & 7 == 2
            size, place = number(data, place)
            value, place = data[place : place + size], place + size
            assert len(value) == size
        found.setdefault(key >> 3, []).append(value)
    return found


def events(folder):
    """(step, {tag: value's fields}) of all summaries of the folder's files, and the other events."""
    summaries, others = [], []
    for path in sorted(folder.iterdir()):
        for record in records(path):
            event = fields(record)
            assert event[1][0] > 1e9  # the wall time
            if 5 not in event:
                others.append(event)
                continue
            values = [fields(value) for value in fields(event[5][0]).get(1, [])]
            summaries.append((event.get(2, [0])[0], {value[1][0].decode(): value for value in values}))
    return summaries, others


# -- tests ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "crc"),
    [
        (b"123456789", 0xE3069283),
        (b"", 0),
        (b"a", 0xC1D04330),
        # RFC 3720, appendix B.4
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(reversed(range(32))), 0x113FDB5C),
    ],
)
def test_the_published_checksums(data, crc):
    assert crc32c(data) == crc
    assert bitwise_crc(data) == crc


def test_checksums_of_random_bytes(rng):
    for size in (1, 7, 300):
        data = rng.bytes(size)
        assert crc32c(data) == bitwise_crc(data)


def test_a_file_begins_with_its_version(tmp_path):
    writer = EventWriter(tmp_path)
    writer.add(3, scalar("loss", 0.5), scalar("手写", -2.0))
    writer.add(2**40, scalar("loss", math.inf))
    summaries, others = events(tmp_path)
    assert [event[3] for event in others] == [[b"brain.Event:2"]]
    assert [(step, {tag: v[2] for tag, v in values.items()}) for step, values in summaries] == [
        (3, {"loss": [0.5], "手写": [-2.0]}),
        (2**40, {"loss": [math.inf]}),
    ]
    assert "tfevents" in writer.path.name


def test_values_too_large_for_single_precision_become_infinite(tmp_path):
    EventWriter(tmp_path).add(1, scalar("x", 1e300), scalar("y", math.nan))
    ((_, values),) = events(tmp_path)[0]
    assert values["x"][2] == [math.inf]
    assert math.isnan(values["y"][2][0])


@pytest.mark.parametrize("size", [0, 1, 1000])
def test_a_histogram_tells_the_distribution(tmp_path, rng, size):
    data = rng.standard_normal(size).astype(np.float32)
    EventWriter(tmp_path).add(1, histogram("w", np.append(data, [np.nan, np.inf])))
    ((_, values),) = events(tmp_path)[0]
    found = fields(values["w"][5][0])
    limits, counts = (np.frombuffer(found[key][0], "<f8") for key in (6, 7))
    assert found[3] == [size]
    assert counts.sum() == size
    assert len(limits) == len(counts)
    assert (np.diff(limits) >= 0).all()
    if size:
        assert found[1] == [data.min()]
        assert found[2] == [data.max()]
        assert found[4] == [pytest.approx(data.sum(dtype=np.float64))]
        assert found[5] == [pytest.approx((data.astype(np.float64) ** 2).sum())]
        middle = int((data <= limits[len(limits) // 2]).sum())
        assert abs(counts[: len(limits) // 2 + 1].sum() - middle) <= 1


def problem(folder, **options):
    tg.manual_seed(1)
    inputs = tg.randn(16, 3)
    loader = DataLoader(TensorDataset(inputs, (inputs.sum(dim=1) > 0).long()), batch_size=8)
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    board = TensorBoard(folder, **options)
    sgd = optim.SGD(model.parameters(), lr=0.25)
    return Trainer(model, nn.CrossEntropyLoss(), sgd, callbacks=[board]), loader


def test_a_training_writes_its_reports(tmp_path):
    trainer, loader = problem(tmp_path / "tensorboard", histograms=True)
    history = trainer.fit(loader, loader, epochs=3)
    summaries, _ = events(tmp_path / "tensorboard")
    assert [step for step, _ in summaries] == [2, 4, 6]
    for (_, values), record in zip(summaries, history, strict=True):
        for name, tag in {
            "loss": "loss/train",
            "valid_loss": "loss/valid",
            "accuracy": "accuracy/train",
            "rate": "rate",
        }.items():
            assert values[tag][2] == [np.float32(record[name])]
        assert fields(values["weights/0.weight"][5][0])[3] == [12]
        assert fields(values["gradients/1.bias"][5][0])[3] == [2]


def test_a_resumed_training_takes_back_what_it_does_again(tmp_path):
    trainer, loader = problem(tmp_path / "tensorboard")
    trainer.fit(loader, epochs=2)
    save_checkpoint(tmp_path / "state.safetensors", trainer)
    trainer.fit(loader, epochs=4)
    resumed, loader = problem(tmp_path / "tensorboard")
    load_checkpoint(tmp_path / "state.safetensors", resumed)
    resumed.fit(loader, epochs=3)
    _, others = events(tmp_path / "tensorboard")
    # A session that starts (status 1) at step 5 makes TensorBoard forget the earlier files' steps 5 and later.
    sessions = [(event[2], fields(event[7][0])) for event in others if 7 in event]
    assert sessions[-1] == ([5], {1: [1]})
    assert len({path.name for path in (tmp_path / "tensorboard").iterdir()}) == 3

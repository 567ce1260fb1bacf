"""``utils.tensorboard.SummaryWriter``, read back by a parser of its own."""

import struct

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.errors import ShapeError
from tapegrad.utils.tensorboard import SummaryWriter


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def fields(data):
    """Return the fields of a message: number to list of values."""
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        else:
            size, at = {1: (8, at), 5: (4, at)}.get(key & 7) or varint(data, at)
            value, at = data[at : at + size], at + size
        found.setdefault(key >> 3, []).append(value)
    return found


def summaries(folder):
    """Return (step, tag, fields) of each value in a folder's event files."""
    for path in sorted(folder.glob("events.out.tfevents.*")):
        data, at = path.read_bytes(), 0
        while at < len(data):
            (size,) = struct.unpack_from("<Q", data, at)
            event = fields(data[at + 12 : at + 12 + size])
            at += 16 + size
            for summary in event.get(5, []):
                for value in map(fields, fields(summary)[1]):
                    yield event.get(2, [0])[0], value[1][0].decode(), value


def test_numbers(tmp_path):
    with SummaryWriter(tmp_path) as writer:
        writer.add_scalar("loss", tg.tensor(0.5), 3)
        writer.add_scalars("both", {"a": 1.0, "b": 2.0}, 4)
        writer.add_hparams({"lr": 0.1}, {"accuracy": 0.75})
        writer.flush()
    (loss, settings, accuracy) = summaries(tmp_path)
    assert loss[:2] == (3, "loss")
    assert struct.unpack("<f", loss[2][2][0]) == (0.5,)
    assert b"| lr | 0.1 |" in settings[2][8][0]
    assert struct.unpack("<f", accuracy[2][2][0]) == (0.75,)
    ((step, tag, value),) = summaries(tmp_path / "both_b")
    assert (step, tag, struct.unpack("<f", value[2][0])) == (4, "both", (2.0,))


def test_pictures_texts_and_distributions(tmp_path):
    image = pytest.importorskip("PIL.Image")
    import io

    writer = SummaryWriter(tmp_path)
    picture = tg.zeros(3, 4, 5)
    picture[0] = 1.0
    writer.add_image("red", picture, 1)
    writer.add_image("grey", np.full((4, 5), 7, np.uint8), 1, dataformats="HW")
    writer.add_images("row", tg.ones(2, 1, 4, 5), 1)
    writer.add_text("note", "**bold**", 1)
    writer.add_histogram("weights", tg.arange(10.0), 1)
    values = {tag: value for _, tag, value in summaries(tmp_path)}
    shapes = {}
    for tag in ("red", "grey", "row"):
        held = fields(values[tag][4][0])
        decoded = np.asarray(image.open(io.BytesIO(held[4][0])))
        assert decoded.shape == (held[1][0], held[2][0], held[3][0])
        shapes[tag] = decoded.shape, decoded[0, 0].tolist()
    assert shapes == {
        "red": ((4, 5, 3), [255, 0, 0]),
        "grey": ((4, 5, 3), [7, 7, 7]),
        "row": ((4, 10, 3), [255, 255, 255]),
    }
    assert b"**bold**" in values["note/text_summary"][8][0]
    assert struct.unpack("<d", fields(values["weights"][5][0])[4][0]) == (45.0,)
    with pytest.raises(ShapeError, match="name each dimension"):
        writer.add_image("red", tg.ones(3, 4, 5), dataformats="HW")


def test_the_folder_by_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    writer = SummaryWriter(comment="_tried")
    assert writer.get_logdir().startswith("runs")
    assert writer.log_dir.endswith("_tried")
    assert len(list((tmp_path / writer.log_dir).iterdir())) == 1

"""Broken configurations: each has its one message, word for word, with line, column and the nearest name."""

import pathlib
import re

import pytest

pytest.importorskip("pydantic")
pytest.importorskip("yaml")

from tapegrad.errors import ConfigError, FileFormatError
from tapegrad.lab.config import parse_config

TEXT = (pathlib.Path(__file__).parent / "broken.txt").read_text(encoding="utf-8")
CASES = {
    name: (text, message)
    for name, text, message in re.findall(r"^=== (.+)\n((?:.*\n)*?)>>> (.+)$", TEXT, flags=re.MULTILINE)
}


def test_the_table_is_read_whole():
    assert len(CASES) == TEXT.count("\n=== ") >= 140


@pytest.mark.parametrize("name", CASES)
def test_one_mistake_one_message(name):
    text, message = CASES[name]
    with pytest.raises((ConfigError, FileFormatError)) as caught:
        parse_config(text, "f.yaml", "/recipes")
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"title: \xe9t\xe9\n", "f.yaml:1:8: the byte 0xe9 is not UTF-8; save the file as UTF-8"),
        ("title: a\n".encode("utf-16"), "f.yaml:1:1: is UTF-16; save it as UTF-8"),
        (b"title: a\nseed: \x00\n", "f.yaml:2:7: the character U+0000 cannot stand in a YAML file; remove it"),
        (b"#" * 1_000_001, "f.yaml:1:1: has 1,000,001 bytes; at most 1,000,000 are read"),
        (b'a: "\\uD800"', "f.yaml:1:4: the character U+D800 in a text; remove it"),
        (b'a: "\\U99999999"', "f.yaml:1:1: is not YAML (OverflowError); look for unclosed quotes and brackets"),
    ],
)
def test_bytes_that_are_no_text(data, message):
    with pytest.raises(FileFormatError) as caught:
        parse_config(data, "f.yaml")
    assert str(caught.value) == message


def test_aliases_that_unfold_without_end():
    lines = ["a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]
    with pytest.raises(FileFormatError, match="aliases unfold to more than 100,000 values"):
        parse_config("\n".join(lines))


SEVERAL = """\
data: {set: mnits, batch_sise: 3}
model:
  layers: [784, 10]
  activaton: relu
optimizer:
  type: Adam
  lr: fast
"""


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file():
    with pytest.raises(ConfigError) as caught:
        parse_config(SEVERAL, "f.yaml", overrides=["seed=-1"])
    assert str(caught.value).splitlines() == [
        "f.yaml:1:1: the key 'training' is missing; write training: {epochs: 10}",
        "f.yaml:1:13: data.set: there is no data set 'mnits'; did you mean 'mnist'?",
        "f.yaml:1:20: data.batch_sise: unknown key; did you mean 'batch_size'?",
        "f.yaml:4:3: model.activaton: unknown key; did you mean 'activation'?",
        "f.yaml:7:7: optimizer.lr: 'fast' where a number is expected",
        "override 'seed=-1': seed: -1 is less than 0",
    ]


def test_several_mistakes_in_one_list_of_layers():
    text = """\
data: {set: mnist}
model:
  layers:
    - {type: Conv2d, in_channels: 1, out_channels: 10, kernel_size: [3, 3]}
    - {type: BatchNorm2d, num_features: 8}
    - {type: MaxPool2d, kernel_size: 2}
    - {type: Conv2d, in_channels: 8, out_channels: 10, kernel_size: [3, x]}
    - {type: Dropout, p: 2}
optimizer: Adam
training: {epochs: 1}
"""
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "f.yaml")
    assert str(caught.value).splitlines() == [
        "f.yaml:5:41: model.layers.1.num_features: 8 where layer 0 gives 10 channels; write num_features: 10",
        "f.yaml:7:56: model.layers.3.kernel_size: [3, 'x'] where a whole number or a list of whole numbers is "
        "expected (Conv2d)",
        "f.yaml:8:26: model.layers.4.p: Dropout: the probability is 2.0; use a number from 0 to 1",
    ]

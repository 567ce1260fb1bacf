"""Whatever a file holds, it is read or refused with a message."""

import math

import pytest

pytest.importorskip("pydantic")
pytest.importorskip("yaml")
pytest.importorskip("hypothesis")

import hypothesis
from hypothesis import strategies as st

from tapegrad.errors import ConfigError, FileFormatError
from tapegrad.lab.config import dump_config, load_config, parse_config
from tapegrad.lab.library import recipe_file, recipes
from tapegrad.lab.overrides import apply_overrides
from tapegrad.lab.yaml import read_yaml, write_yaml

settings = hypothesis.settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
RECIPES = [
    recipe_file(f"{name}/{variant}").read_bytes() for name, variants in recipes().items() for variant in variants
]
PIECES = [
    b"", b":", b"- ", b"[", b"]", b"{", b"}", b"'", b'"', b"\t", b"\n", b"&a ", b"*a", b"!", b"!!int ", b"<<: ", b"null", b"-1",
    b"1e999", b".nan", b"[[", b"0x", b"\xff", b"\x00", b"%", b"|", b">", b"? ", b"type", b"lr", b"\xe2\x80\xa8", b"\\u", b"9" * 20,
]  # fmt: skip


def refusal(action):
    """What an action is refused with, line by line."""
    try:
        action()
    except (ConfigError, FileFormatError) as error:
        return str(error).splitlines()
    return []


def judge(text):
    told = refusal(lambda: parse_config(text, "f.yaml", "/recipes"))
    assert all(line.startswith("f.yaml:") for line in told)
    if not told:
        config = parse_config(text, "f.yaml", "/recipes")
        assert parse_config(dump_config(config)) == config


@settings
@hypothesis.given(st.binary(max_size=200))
def test_bytes(text):
    judge(text)


@settings
@hypothesis.given(st.lists(st.sampled_from([*PIECES, b"a", b" ", b"\n  ", b"model: ", b"data: "]), max_size=30))
def test_pieces_of_yaml(pieces):
    judge(b"".join(pieces))


@settings
@hypothesis.given(st.sampled_from(RECIPES), st.data())
def test_changed_recipes(text, data):
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 8)))
        text = text[:start] + data.draw(st.sampled_from(PIECES)) + text[end:]
    judge(text)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"]) | st.sampled_from("\n\t: #'\"-"), max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcdefgh_1-.", min_size=1), inner, max_size=3),
    max_leaves=8,
)


@settings
@hypothesis.given(st.dictionaries(st.text("abcxyz_", min_size=1), values, max_size=4).filter(bool))
def test_plain_data_reads_back_equal(data):
    assert read_yaml(write_yaml(data)).data == data


KEYS = [
    ("data",), ("data", "set"), ("data", "arguments"), ("data", "split"), ("data", "transforms"), ("data", "batch_size"),
    ("model",), ("model", "layers"), ("model", "activation"), ("model", "module"), ("initial_weights",), ("freeze",), ("loss",),
    ("optimizer",), ("optimizer", "type"), ("optimizer", "lr"), ("optimizer", "betas"), ("optimizer", "groups"),
    ("optimizer", "penalties"), ("schedule",), ("training",), ("callbacks",), ("callbacks", "early_stopping"), ("metrics",),
    ("title",), ("reported",), ("evaluation",),
]  # fmt: skip


@settings
@hypothesis.given(st.sampled_from(KEYS), values)
def test_values_of_any_type_at_any_key(path, value):
    data = read_yaml(recipe_file("spiral/as-reported").read_bytes()).data
    holder = data
    for part in path[:-1]:
        holder = holder.setdefault(part, {})
    holder[path[-1]] = value
    judge(write_yaml(data))


@hypothesis.settings(settings, max_examples=40)
@hypothesis.given(
    st.text("abcl.01=[]{}:, -e", max_size=20), st.sampled_from([".".join(map(str, path)) for path in KEYS])
)
def test_overrides(text, key):
    for override in (text, f"{key}={text}", f"{key}.{text}"):
        told = refusal(lambda: load_config("spiral/as-reported", [override]))  # noqa: B023
        assert all(line.startswith("override '") for line in told)


@settings
@hypothesis.given(
    st.floats(min_value=1e-300, max_value=1e300), st.integers(0, 2**31 - 1), st.text("ab#: '\"é中\n", max_size=10)
)
def test_configurations_read_back_equal(lr, seed, title):
    data = apply_overrides(read_yaml(recipe_file("spiral").read_bytes()).data, [f"optimizer.lr={lr!r}", f"seed={seed}"])
    data["title"] = title
    config = parse_config(write_yaml(data))
    assert math.isclose(config.optimizer.lr, lr, rel_tol=0)
    assert (config.seed, config.title) == (seed, title)
    assert parse_config(dump_config(config)) == config

"""The schema for editors: current, and of one mind with the reader."""

import json
import pathlib

import pytest

pytest.importorskip("pydantic")
pytest.importorskip("yaml")

from tapegrad.lab import names
from tapegrad.lab.components import PLACES
from tapegrad.lab.editor import json_schema, schema_text
from tapegrad.lab.library import recipe_file, recipes
from tapegrad.lab.schema import Config
from tapegrad.lab.yaml import read_yaml

COMMITTED = pathlib.Path(__file__).resolve().parents[3] / "docs" / "schema" / "experiment.schema.json"
SCHEMA = json_schema()


def fits(value, schema):
    """Judge a value by the part of JSON schema that is used here."""
    if isinstance(schema, bool):
        return schema
    known = {"array": list, "object": dict, "string": str, "boolean": bool, "null": type(None)}
    kind = schema.get("type")
    if kind in ("integer", "number"):
        whole = not isinstance(value, float) or value.is_integer()
        if isinstance(value, bool) or not isinstance(value, (int, float)) or (kind == "integer" and not whole):
            return False
    elif kind is not None and not isinstance(value, known[kind]):
        return False
    if "$ref" in schema and not fits(value, SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]):
        return False
    if value not in schema.get("enum", [value]) or value != schema.get("const", value):
        return False
    if isinstance(value, dict) and not fits_mapping(value, schema):
        return False
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            return False
        if not all(fits(v, schema.get("items", True)) for v in value):
            return False
    if isinstance(value, (int, float)) and not isinstance(value, bool) and not fits_bounds(value, schema):
        return False
    return (
        all(fits(value, part) for part in schema.get("allOf", []))
        and ("anyOf" not in schema or any(fits(value, part) for part in schema["anyOf"]))
        and ("oneOf" not in schema or sum(fits(value, part) for part in schema["oneOf"]) == 1)
        and ("if" not in schema or not fits(value, schema["if"]) or fits(value, schema["then"]))
    )


def fits_mapping(value, schema):
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    return set(schema.get("required", [])) <= set(value) and all(
        fits(v, properties.get(key, others)) for key, v in value.items()
    )


def fits_bounds(value, schema):
    return (
        schema.get("minimum", value) <= value <= schema.get("maximum", value)
        and value > schema.get("exclusiveMinimum", value - 1)
        and value < schema.get("exclusiveMaximum", value + 1)
    )


def test_the_committed_schema_is_current():
    hint = "write it anew: tapegrad schema -o docs/schema/experiment.schema.json"
    assert COMMITTED.read_text(encoding="utf-8") == schema_text(), hint


def test_the_text_is_the_schema():
    assert json.loads(schema_text()) == SCHEMA


def test_every_section_and_kind_is_described():
    assert set(SCHEMA["properties"]) == set(Config.model_fields)
    kinds = {kind.replace(" ", "_") for kind, _ in PLACES.values()}
    assert kinds <= set(SCHEMA["$defs"])
    for kind in kinds:
        alone, whole = SCHEMA["$defs"][kind]["anyOf"]
        assert set(whole["properties"]["type"]["enum"]) == set(names.known(kind)) >= set(alone["enum"])
    sections = [SCHEMA, *(d for name, d in SCHEMA["$defs"].items() if name[0].isupper())]
    assert all("description" in p or "$ref" in p for section in sections for p in section["properties"].values())


@pytest.mark.parametrize("name", [f"{name}/{variant}" for name, variants in recipes().items() for variant in variants])
def test_recipes_fit_the_schema(name):
    assert fits(read_yaml(recipe_file(name).read_bytes()).data, SCHEMA)


BASE = {
    "data": {"set": "mnist"},
    "model": {"layers": [784, 10]},
    "optimizer": {"type": "Adam", "lr": 0.1},
    "training": {"epochs": 1},
}


@pytest.mark.parametrize(
    "change",
    [
        {"optimzer": {}},
        {"data": {"set": "mnits"}},
        {"data": {"set": "csv"}},
        {"data": {"set": "spiral", "arguments": {"pints": 3}}},
        {"data": {"set": "mnist", "batch_size": 0}},
        {"data": {"set": "mnist", "batch_size": "ful"}},
        {"data": {"set": "mnist", "transforms": [{"type": "RandomRotation"}]}},
        {"model": {"layers": [784, "ten"]}},
        {"model": {"layers": [{"type": "Linear", "in_features": 3}]}},
        {"model": {"layers": [{"type": "Linear", "in_features": 3, "out_features": "a"}]}},
        {"model": {"layers": [784, 10], "activation": "RleU"}},
        {"optimizer": "Adm"},
        {"optimizer": {"type": "Adam", "lr": -1}},
        {"optimizer": {"type": "Adam", "betas": [0.9]}},
        {"optimizer": {"type": "SGD", "betas": [0.9, 0.9]}},
        {"loss": {"type": "MSELoss", "reduction": "none"}},
        {"schedule": {"type": "StepLR"}},
        {"schedule": {"type": "StepLR", "step_size": 1, "every": "epochs"}},
        {"metrics": ["acuracy"]},
        {"training": {"epochs": 1.5}},
        {"callbacks": {"early_stopping": {"patience": 0}}},
        {"initial_weights": [{"type": "uniform_", "low": 0}]},
    ],
    ids=str,
)
def test_mistakes_do_not_fit_the_schema(change):
    assert fits(BASE, SCHEMA)
    assert not fits(BASE | change, SCHEMA)

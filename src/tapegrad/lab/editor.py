"""The JSON schema by which editors complete and check experiments."""

from __future__ import annotations

import copy
import enum
import functools
import inspect
import json
import math
from typing import Any

from . import names
from .arguments import CHOICES, RANGES, inner_of, options
from .components import PLACES
from .schema import Config
from .yaml import Path

__all__ = ["json_schema", "schema_text"]

_SIMPLE: dict[str, dict[str, Any]] = {
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "number": {"type": "number"},
    "bool": {"type": "boolean"},
    "str": {"type": "string"},
    "None": {"type": "null"},
}


def schema_text() -> str:
    """Return the schema as it is written into a file."""
    return _written(json_schema(), 0) + "\n"


def _written(value: Any, depth: int) -> str:
    """JSON whose outer levels stand on lines of their own, so that a change shows where it is."""
    inner = [*value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    text = json.dumps(value, ensure_ascii=False)
    if not inner or len(text) <= 110:
        return text
    pad, end = "\n" + " " * (depth + 1), "\n" + " " * depth
    if isinstance(value, dict):
        entries = [f"{json.dumps(k, ensure_ascii=False)}: {_written(v, depth + 1)}" for k, v in value.items()]
        return "{" + pad + ("," + pad).join(entries) + end + "}"
    return "[" + pad + ("," + pad).join(_written(v, depth + 1) for v in value) + end + "]"


@functools.cache
def json_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 7) of an experiment: sections, names of components, and the arguments of each."""
    schema = _without_titles(Config.model_json_schema())
    definitions = schema["$defs"]
    for place, (kind, reserved) in PLACES.items():
        holder, part = _holder(schema, place)
        kept = _kept(definitions, place, reserved)
        name = kind.replace(" ", "_")
        definitions[name] = _component(kind, kept)
        _put(holder, part, {"$ref": f"#/$defs/{name}"})
    _data_set(definitions["Data"])
    for name in ("Component", "Layer", "Initial", "Schedule", "Optimizer"):
        definitions.pop(name, None)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "tapegrad experiment",
        **schema,
        "$defs": dict(sorted(definitions.items())),
    }


def _without_titles(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_titles(v) for v in value]
    if not isinstance(value, dict):
        return value
    return {k: _without_titles(v) for k, v in value.items() if not (k == "title" and isinstance(v, str))}


def _holder(schema: dict[str, Any], place: Path) -> tuple[dict[str, Any], str]:
    """Return the properties that a place's key is among, and the key."""
    sections = {"model": "Model", "data": "Data"}
    inside = schema["$defs"][sections[str(place[0])]] if place[0] in sections else schema
    key = place[1] if place[0] in sections else place[0]
    return inside["properties"], str(key)


def _kept(definitions: dict[str, Any], place: Path, reserved: frozenset[str]) -> dict[str, Any]:
    """Return the schemas of the keys of a component that are no arguments."""
    holders = {"optimizer": "Optimizer", "schedule": "Schedule", "layers": "Layer", "initial_weights": "Initial"}
    owner = next((holders[str(part)] for part in place if part in holders), None)
    return {key: definitions[owner]["properties"][key] for key in sorted(reserved)} if owner else {}


def _put(properties: dict[str, Any], key: str, reference: dict[str, Any]) -> None:
    """Put a reference where the general component stood: alone, as an alternative, or as the items of a list."""

    def replaced(value: Any) -> Any:
        if isinstance(value, list):
            return [replaced(v) for v in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return reference
        return {k: replaced(v) for k, v in value.items()}

    old = properties[key]
    new = replaced({k: v for k, v in old.items() if k not in ("default", "description")})
    if "anyOf" in new and reference in new["anyOf"]:
        # Text alone is a component's name, which the reference knows better.
        new["anyOf"] = [v for v in new["anyOf"] if v != {"type": "string"}]
    kept = {k: old[k] for k in ("description",) if k in old}
    properties[key] = {**({"allOf": [new]} if "$ref" in new else new), **kept}


def _component(kind: str, kept: dict[str, Any]) -> dict[str, Any]:
    known = sorted(names.known(kind))
    cases = []
    for name in known:
        properties, required = _arguments(kind, name)
        case = {"properties": {"type": True, **dict.fromkeys(kept, True), **properties}, "additionalProperties": False}
        required = [key for key in required if key not in kept]
        cases.append({"if": _is("type", name), "then": case | ({"required": required} if required else {})})
    alone = [name for name in known if not _arguments(kind, name)[1]]
    whole = {"type": "object", "properties": {"type": {"enum": known}, **kept}, "required": ["type"], "allOf": cases}
    return {"anyOf": [{"enum": alone}, whole]}


def _data_set(section: dict[str, Any]) -> None:
    known = sorted(names.known("data set"))
    section["properties"]["set"] = {"enum": known, "description": section["properties"]["set"].get("description", "")}
    section["allOf"] = []
    for name in known:
        properties, required = _arguments("data set", name)
        inside: dict[str, Any] = {"properties": properties, "additionalProperties": False}
        case = {"properties": {"arguments": inside | ({"required": required} if required else {})}}
        section["allOf"].append(
            {"if": _is("set", name), "then": case | ({"required": ["arguments"]} if required else {})}
        )


def _is(key: str, name: str) -> dict[str, Any]:
    return {"properties": {key: {"const": name}}, "required": [key]}


def _arguments(kind: str, name: str) -> tuple[dict[str, Any], list[str]]:
    """Return the schemas of what a class or function takes, and which of it has to be there."""
    taken = names.parameters(kind, name)
    filled = {"T_max", "max_lr", "total_steps"}
    required = [key for key, p in taken.items() if p.default is p.empty and key not in filled]
    return {key: _value(key, p) for key, p in taken.items()}, required


def _value(name: str, parameter: inspect.Parameter) -> dict[str, Any]:
    if name in names.NESTED:
        return {"type": "array", "items": {"$ref": f"#/$defs/{names.NESTED[name]}"}}
    kinds = [_kind(kind, name) for kind in options(name, parameter)]
    schema: dict[str, Any] = copy.deepcopy(kinds[0]) if len(kinds) == 1 else {"anyOf": kinds}
    default = parameter.default
    if isinstance(default, enum.Enum):
        default = default.value
    if default is not parameter.empty and isinstance(default, (int, float, str, bool, tuple, list)):
        schema["default"] = list(default) if isinstance(default, tuple) else default
    return schema


def _kind(kind: str, name: str) -> dict[str, Any]:
    if kind == "word":
        return {"enum": ["same", "valid"] if name == "padding" else ["random"]}
    if kind.startswith("enum:"):
        return {"enum": kind[5:].split(",")}
    if kind == "str" and name in CHOICES:
        return {"enum": list(CHOICES[name])}
    if kind in _SIMPLE:
        return _SIMPLE[kind] | (_bounds(name) if kind in ("int", "float", "number") else {})
    inner = inner_of("Sequence[number]" if kind.endswith("Tensor") else kind)
    if inner is None:
        return {}
    items = [_kind(k, name) for k in inner[0]]
    schema = {"type": "array", "items": items[0] if len(items) == 1 else {"anyOf": items}}
    return schema | ({"minItems": inner[1], "maxItems": inner[1]} if inner[1] else {"minItems": 1})


def _bounds(name: str) -> dict[str, Any]:
    low, high = RANGES.get(name, (-math.inf, math.inf))
    return {key: value for key, value in (("minimum", low), ("maximum", high)) if math.isfinite(value)}

"""Configurations from recipes and YAML files, with every mistake told at once, and back to YAML."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ArgumentError, ConfigError
from .arguments import show
from .checks import check_whole
from .components import check_components
from .library import recipe_file
from .overrides import Override, apply_overrides, origin, parse_overrides
from .problems import Place, Problem, of_validation, raise_problems
from .schema import BaseModel, Component, Config, ValidationError
from .yaml import MOST_BYTES, Document, Path, read_yaml, write_yaml

__all__ = ["config_of", "dump_config", "load_config", "parse_config", "with_defaults"]

# Arguments of data sets that name files.
_FILES = ("path", "file", "folder", "test_path")


def load_config(source: str | os.PathLike, overrides: Sequence[str] = ()) -> Config:
    """Return the configuration of a recipe (``mnist``, ``mnist/as-reported``) or of a YAML file, with changes made.

    Raises ConfigError with one line for each mistake, FileFormatError for a file that is no YAML, ArgumentError when
    there is no such recipe or file, and OSError when it cannot be read.

    >>> load_config("spiral/as-reported", ["optimizer.lr=1e-3"]).optimizer.lr
    0.001
    """
    name = os.fspath(source)
    if not isinstance(name, str) or "\0" in name:
        raise ArgumentError("recipe", f"{name!r} is no name of a file", "give a recipe's name, or a path")
    if os.path.isfile(name) or name.endswith((".yaml", ".yml")):
        with open(name, "rb") as file:
            text = file.read(MOST_BYTES + 1)
        return parse_config(text, name, os.path.dirname(os.path.abspath(name)), overrides)
    found = recipe_file(name)
    return parse_config(found.read_bytes(), str(found), os.path.dirname(str(found)), overrides)


def parse_config(
    text: str | bytes, name: str = "text", folder: str | os.PathLike | None = None, overrides: Sequence[str] = ()
) -> Config:
    """Return the configuration of a YAML text; ``name`` is what messages call it, relative paths begin at ``folder``.

    Raises ConfigError and FileFormatError as :func:`load_config` does.
    """
    return _config(read_yaml(text, name), folder, overrides)


def config_of(data: Mapping[str, Any], name: str = "configuration", folder: str | os.PathLike | None = None) -> Config:
    """Return the configuration of plain data, as YAML would give them. Raises ConfigError with all mistakes.

    >>> config = config_of({"data": {"set": "mnist"}, "model": {"layers": [784, 10]}, "optimizer": "adam", "training": {"epochs": 1}})
    >>> config.optimizer.type
    'Adam'
    """
    return _config(Document(name, dict(data)), folder, ())


def _config(document: Document, folder: str | os.PathLike | None, texts: Sequence[str]) -> Config:
    data = document.data
    if not isinstance(data, dict):
        who = f"{document.name}:1:1"
        raise ConfigError(who, f"{show(data)} where a mapping is expected", "write data: ..., model: ... and so on")
    overrides = parse_overrides(texts)
    data = apply_overrides(data, overrides)
    _resolve(data, os.fspath(folder) if folder is not None else os.getcwd(), overrides)
    problems: list[Problem] = []
    data = check_components(data, problems)
    problems.extend(check_whole(data))
    config = None
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        # What is known of a value already says more than its type.
        told = {(problem.path, problem.key) for problem in problems}
        problems.extend(p for p in of_validation(error, data) if (p.path, p.key) not in told)
    raise_problems(problems, lambda path, key: _place(document, overrides, path, key))
    assert config is not None
    config._folder = None if folder is None else os.path.abspath(folder)
    return config


def _place(document: Document, overrides: Sequence[Override], path: Path, key: bool) -> Place:
    changed = origin(path, overrides)
    if changed is not None:
        return changed[0], (1, changed[1])
    if not document.values:
        return document.name, (0,)
    mark = document.mark(path, key)
    if not key and path in document.keys and isinstance(_value_at(document.data, path), (dict, list)):
        mark = document.keys[path]
    return f"{document.name}:{mark.line}:{mark.column}", (0, mark.line, mark.column)


def _value_at(data: Any, path: Path) -> Any:
    for part in path:
        data = data[part]
    return data


# -- paths ------------------------------------------------------------------------------------------------------------


def _resolve(data: dict[str, Any], folder: str, overrides: Sequence[Override]) -> None:
    """Make the paths of other files absolute, so that the configuration means the same wherever it is stored."""

    def absolute(path: Path, text: str) -> str:
        base = os.getcwd() if origin(path, overrides) is not None else folder
        return os.path.normpath(os.path.join(base, os.path.expanduser(text)))

    model, section = data.get("model"), data.get("data")
    if isinstance(model, dict) and isinstance(model.get("module"), str) and ":" in model["module"]:
        file, _, name = model["module"].rpartition(":")
        model["module"] = f"{absolute(('model', 'module'), file)}:{name}"
    weights = data.get("initial_weights")
    if isinstance(weights, str) and weights.endswith((".npz", ".safetensors")):
        data["initial_weights"] = absolute(("initial_weights",), weights)
    if not isinstance(section, dict):
        return
    arguments = section.get("arguments")
    named = [(section, key, ("data", key)) for key in ("root", "exclude")]
    if isinstance(arguments, dict):
        named += [(arguments, key, ("data", "arguments", key)) for key in _FILES]
    for holder, key, path in named:
        value = holder.get(key)
        # Left alone where it is not beside the recipe: data is looked for in other places too.
        if isinstance(value, str) and value and os.path.exists(found := absolute(path, value)):
            holder[key] = found


# -- writing ----------------------------------------------------------------------------------------------------------


def dump_config(config: Config, defaults: bool = False) -> str:
    """Return the YAML text of a configuration: what is not the default, or all of it with ``defaults``.

    :func:`parse_config` reads it back equal.
    """
    return write_yaml(_plain(config, defaults))


def with_defaults(data: Any) -> Any:
    """Return a recipe's plain data with every default written out, and the data themselves where they are no recipe.

    Neither the files that it names nor its classes are looked at: what a stranger's recipe says may be shown.

    >>> data = {"data": {"set": "mnist"}, "model": {"layers": [784, 10]}, "optimizer": "Adam", "training": {"epochs": 1}}
    >>> with_defaults(data)["data"]["batch_size"]
    128
    """
    try:
        return _plain(Config.model_validate(data), True)
    except (ValidationError, RecursionError):
        return data


def _plain(value: Any, defaults: bool) -> Any:
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        kept = {k: getattr(value, k) for k in fields if defaults or not _is_default(getattr(value, k), fields[k])}
        kept |= value.model_extra or {}
        plain = {k: _plain(v, defaults) for k, v in kept.items()}
        alone = type(value) is Component and list(plain) == ["type"]
        return plain["type"] if alone else plain
    if isinstance(value, dict):
        return {k: _plain(v, defaults) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v, defaults) for v in value]
    return value.as_posix() if isinstance(value, pathlib.PurePath) else value


def _is_default(value: Any, field: Any) -> bool:
    return not field.is_required() and type(value) is type(field.default) and value == field.default

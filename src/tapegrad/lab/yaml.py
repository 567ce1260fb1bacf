"""YAML files read by the rules of YAML 1.2, with the line and column of every key and value.

PyYAML by itself follows YAML 1.1: ``1e-3`` is text there, ``NO`` is false, of two equal keys the last one wins. Here
its pure parser gives the nodes, and the scalars are read by the core schema of YAML 1.2
(https://yaml.org/spec/1.2.2/#103-core-schema). The compiled parser is not used: deep nesting crashes it.
"""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Any

from ..errors import FileFormatError, MissingExtraError

try:
    import yaml
except ImportError:
    raise MissingExtraError("lab", "pyyaml", "lab") from None

from .yaml_messages import explain

__all__ = ["Document", "Mark", "Path", "one_line", "read_yaml", "write_yaml"]

Path = tuple[str | int, ...]

MOST_BYTES = 1_000_000
MOST_DEPTH = 40
MOST_NODES = 100_000
MOST_ALIASES = 1_000
_MOST_DIGITS = 300


@dataclasses.dataclass(frozen=True)
class Mark:
    """A place in a file; lines and columns count from 1."""

    line: int
    column: int


@dataclasses.dataclass
class Document:
    """What a YAML file says, and where: paths such as ``("optimizer", "lr")`` to the marks of keys and of values."""

    name: str
    data: Any
    keys: dict[Path, Mark] = dataclasses.field(default_factory=dict)
    values: dict[Path, Mark] = dataclasses.field(default_factory=dict)

    def mark(self, path: Path, key: bool = False) -> Mark:
        """Return where the value (or the key) of a path stands, or the nearest that holds it."""
        if key and path in self.keys:
            return self.keys[path]
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, Mark(1, 1))


def read_yaml(source: str | bytes, name: str = "text") -> Document:
    """Return the one document of a YAML text with its marks; ``name`` is what messages call it.

    The result consists of dict (with text as keys), list, str, int, float, bool and None.
    Raises FileFormatError, with line and column, for text that is not YAML and for what configurations have no use
    for: several documents, two equal keys, tags of one's own, merge keys, and nesting, aliases or sizes without measure.

    >>> read_yaml("lr: 1e-3\\ncountry: NO").data
    {'lr': 0.001, 'country': 'NO'}
    """
    if len(source) > MOST_BYTES:
        _refuse(name, 1, 1, f"has {len(source):,} bytes", f"at most {MOST_BYTES:,} are read")
    text = _decode(source, name) if isinstance(source, bytes) else source
    try:
        loader = _Loader(_printable(text, name))
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
        if node is None:
            _refuse(name, 1, 1, "is empty", "write at least data, model, optimizer and training")
        document = Document(name, None)
        document.data = _Reader(document).value(node, ())
    except FileFormatError:
        raise
    except _Refusal as error:
        _refuse(name, error.line, error.column, error.what, error.fix)
    except yaml.MarkedYAMLError as error:
        _refuse(name, *explain(error))
    except (
        yaml.YAMLError,
        ArithmeticError,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        _refuse(name, 1, 1, f"is not YAML ({type(error).__name__})", "look for unclosed quotes and brackets")
    return document


def _refuse(name: str, line: int, column: int, what: str, fix: str) -> Any:
    raise FileFormatError(f"{name}:{line}:{column}", what, fix) from None


class _Refusal(Exception):
    """A node that is not accepted, on its way to the error that names the file."""

    def __init__(self, node: Any, what: str, fix: str):
        super().__init__(what)
        mark = getattr(node, "start_mark", node)
        self.line, self.column = mark.line + 1, mark.column + 1
        self.what, self.fix = what, fix


# -- characters -----------------------------------------------------------------------------------------------------

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_UNPRINTABLE = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _decode(source: bytes, name: str) -> str:
    if source[:2] in (b"\xff\xfe", b"\xfe\xff"):
        _refuse(name, 1, 1, "is UTF-16", "save it as UTF-8")
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = source[: error.start].decode("utf-8", "replace")
        line, column = _place(before)
        return _refuse(
            name, line, column, f"the byte 0x{source[error.start]:02x} is not UTF-8", "save the file as UTF-8"
        )


def _printable(text: str, name: str) -> str:
    bad = _UNPRINTABLE.search(text)
    if bad is not None:
        line, column = _place(text[: bad.start()])
        _refuse(name, line, column, f"the character U+{ord(bad[0]):04X} cannot stand in a YAML file", "remove it")
    return text


def _place(before: str) -> tuple[int, int]:
    """Line and column of the character that follows."""
    lines = _BREAK.split(before)
    return len(lines), len(lines[-1]) + 1


# -- nodes ----------------------------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """PyYAML's pure loader with limits; all plain scalars keep the tag "plain" until they are read."""

    def __init__(self, stream: str):
        super().__init__(stream)
        self.depth = self.nodes = self.aliases = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        self.nodes += 1
        self.aliases += isinstance(event, yaml.AliasEvent)
        if self.nodes > MOST_NODES:
            raise _Refusal(event, f"more than {MOST_NODES:,} values", "use a smaller file")
        if self.aliases > MOST_ALIASES:
            raise _Refusal(event, f"more than {MOST_ALIASES:,} aliases", "write the values out")
        if self.depth >= MOST_DEPTH:
            raise _Refusal(event, f"nested deeper than {MOST_DEPTH} levels", "use fewer brackets or less indentation")
        self.depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return "plain" if implicit[0] else "text"
        return "collection"


_TAG = "tag:yaml.org,2002:"
_KINDS = {
    "map": yaml.MappingNode,
    "seq": yaml.SequenceNode,
    **dict.fromkeys(("str", "int", "float", "bool", "null"), yaml.ScalarNode),
}


class _Reader:
    """Turns nodes into values, and notes where each stands."""

    def __init__(self, document: Document):
        self.document = document
        self.open: list[Any] = []
        self.count = 0

    def value(self, node: Any, path: Path) -> Any:
        self.count += 1
        if self.count > MOST_NODES:
            raise _Refusal(node, f"aliases unfold to more than {MOST_NODES:,} values", "write fewer of them")
        if any(node is other for other in self.open):
            raise _Refusal(node, "a value that contains itself", "write the values out")
        if len(path) > MOST_DEPTH:
            raise _Refusal(node, f"nested deeper than {MOST_DEPTH} levels", "use fewer aliases")
        self._check_tag(node)
        mark = Mark(node.start_mark.line + 1, node.start_mark.column + 1)
        self.document.values.setdefault(path, mark)
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        self.open.append(node)
        try:
            return self._mapping(node, path) if isinstance(node, yaml.MappingNode) else self._sequence(node, path)
        finally:
            self.open.pop()

    def _check_tag(self, node: Any) -> None:
        tag = node.tag
        if tag in ("plain", "text", "collection"):
            return
        kind = tag.removeprefix(_TAG)
        if not tag.startswith(_TAG) or not isinstance(node, _KINDS.get(kind, ())):
            shown = f"!!{kind}" if tag.startswith(_TAG) else tag
            raise _Refusal(node, f"the tag '{shown}' is not known here", "leave it out")

    def _sequence(self, node: Any, path: Path) -> list[Any]:
        return [self.value(child, (*path, i)) for i, child in enumerate(node.value)]

    def _mapping(self, node: Any, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            here = (*path, key)
            if key in found:
                first = self.document.keys[here]
                raise _Refusal(key_node, f"the key '{key}' stands here twice, first in line {first.line}", "keep one")
            self.document.keys[here] = Mark(key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            found[key] = self.value(value_node, here)
        return found

    def _key(self, node: Any) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise _Refusal(node, "a list or a mapping as a key", "use a name as the key")
        self._check_tag(node)
        if node.tag == "plain" and node.value == "<<":
            raise _Refusal(node, "merge keys (<<) are not read", "write the keys out")
        key = _scalar(node)
        if not isinstance(key, str):
            shown = f"'{node.value}'" if node.value else "nothing"
            raise _Refusal(
                node, f"{shown} as a key is not text", f'write "{node.value}" in quotes' if node.value else "name it"
            )
        return key


# -- scalars --------------------------------------------------------------------------------------------------------

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_TRUE, _FALSE = frozenset(("true", "True", "TRUE")), frozenset(("false", "False", "FALSE"))
_INT = re.compile(r"[-+]?[0-9]+")
_BASED = {"0o": (re.compile(r"0o[0-7]+"), 8), "0x": (re.compile(r"0x[0-9a-fA-F]+"), 16)}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITY = re.compile(r"([-+]?)\.(inf|Inf|INF)")
_NAN = frozenset((".nan", ".NaN", ".NAN"))
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def _scalar(node: Any) -> Any:
    """Return a scalar by the core schema, or by the tag that is written before it."""
    text = node.value
    bad = _CONTROL.search(text)
    if bad is not None:
        raise _Refusal(node, f"the character U+{ord(bad[0]):04X} in a text", "remove it")
    if node.tag in ("text", _TAG + "str"):
        return text
    value = _plain(node, text)
    if node.tag == "plain":
        return value
    kind = node.tag.removeprefix(_TAG)
    wanted = {"int": int, "float": (int, float), "bool": bool, "null": type(None)}[kind]
    if not isinstance(value, wanted) or (kind != "bool" and isinstance(value, bool)):
        raise _Refusal(node, f"'{text}' is not of the type '!!{kind}'", "leave the tag out")
    return float(value) if kind == "float" else value


def _plain(node: Any, text: str) -> Any:
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if len(text) > _MOST_DIGITS and (_FLOAT.fullmatch(text) or text[:2] in _BASED):
        raise _Refusal(node, f"a number of {len(text)} digits", f"at most {_MOST_DIGITS} are read")
    if _INT.fullmatch(text):
        return int(text)
    pattern, base = _BASED.get(text[:2], (None, 10))
    if pattern is not None and pattern.fullmatch(text):
        return int(text, base)
    if _FLOAT.fullmatch(text):
        value = float(text)
        if math.isinf(value):
            raise _Refusal(node, f"{text} is larger than the largest number, 1.8e308", "use a smaller one, or .inf")
        return value
    infinite = _INFINITY.fullmatch(text)
    if infinite:
        return -math.inf if infinite[1] == "-" else math.inf
    return math.nan if text in _NAN else text


# -- writing --------------------------------------------------------------------------------------------------------


class _Dumper(yaml.SafeDumper):
    """Quotes text that YAML 1.1 or 1.2 would read as something else, and writes no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


for _first in "-+.0123456789":
    _Dumper.add_implicit_resolver(_TAG + "float", re.compile(f"^(?:{_FLOAT.pattern}|0o[0-7]+)$"), [_first])


def _represent_int(dumper: Any, value: int) -> Any:
    # An int would else be written with a tag where the resolver above takes it for a float.
    return dumper.represent_scalar(_TAG + "int", str(value))


def _represent_text(dumper: Any, value: str) -> Any:
    # These count as line breaks, and outside double quotes they are folded away.
    return dumper.represent_scalar(_TAG + "str", value, style='"' if re.search("[\x85\u2028\u2029]", value) else None)


_Dumper.add_representer(int, _represent_int)
_Dumper.add_representer(str, _represent_text)


def write_yaml(data: Any) -> str:
    """Return the YAML text of plain data; short lists and mappings stand on one line. It reads back equal.

    >>> print(write_yaml({"lr": 1e-3, "country": "NO", "layers": [2, 3]}), end="")
    lr: 0.001
    country: 'NO'
    layers: [2, 3]
    """
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)


def one_line(data: Any) -> str:
    """Return the YAML of a mapping on one line, however long; it reads back equal.

    >>> one_line({"model": {"layers": [2, {"type": "ReLU"}]}}), one_line({"loss": "MSELoss", "seed": 1})
    ('model: {layers: [2, {type: ReLU}]}', '{loss: MSELoss, seed: 1}')
    """
    text = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=True, width=1 << 20)
    return text.strip()[1:-1] if len(data) == 1 else text.strip()

"""Strict YAML 1.2 with positions: plain data, and for every value and key where in the text it stands.

PyYAML reads YAML 1.1 (``no`` is False, ``012`` is 10, ``12:30`` is 750), lets the last of two equal keys win, and
expands aliases without limit. Here scalars are read by the core schema of YAML 1.2, and duplicate keys, tags outside
the core schema, deep nesting and alias bombs are errors.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import yaml

MAX_BYTES = 2**20
MAX_DEPTH = 64
MAX_NODES = 50_000  # after expanding aliases

Path = tuple[str | int, ...]
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_PLAIN = "plain"
_NULL = re.compile(r"null|Null|NULL|~|")
_TRUE, _FALSE = re.compile(r"true|True|TRUE"), re.compile(r"false|False|FALSE")
_INT, _OCTAL, _HEX = re.compile(r"[-+]?[0-9]+"), re.compile(r"0o[0-7]+"), re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_LONGEST_INT = 250  # characters; longer ones do not fit into a float
_INF, _NAN = re.compile(r"[-+]?\.(inf|Inf|INF)"), re.compile(r"\.(nan|NaN|NAN)")


class Position(NamedTuple):
    """Line and column, both from 1."""

    line: int
    column: int


class YamlError(ValueError):
    """A mistake in the text; ``position`` tells where."""

    def __init__(self, position: Position, message: str) -> None:
        """Say ``message`` about ``position``."""
        super().__init__(message)
        self.position = position


class Document(NamedTuple):
    """``value``: plain data. ``values`` and ``keys``: their positions by path in the data."""

    value: Any
    values: dict[Path, Position]
    keys: dict[Path, Position]


class _Loader(_Base):
    """Composes nodes; plain scalars get a tag of their own, to tell them from those with an explicit tag."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's way to replace them


_Loader.add_implicit_resolver(_PLAIN, re.compile(""), None)


def parse(text: str) -> Document:
    """The single document in ``text``. Raises `YamlError`."""
    try:
        _check_depth(text)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        raise YamlError(_position(error.problem_mark or error.context_mark), _problem(error)) from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position] if isinstance(error.position, int) else ""
        at = Position(before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise YamlError(at, f"found a character that YAML does not allow ({error.reason}), expected text") from error
    if node is None:
        raise YamlError(Position(1, 1), "found an empty file, expected a scenario")
    reader = _Reader()
    return Document(reader.read(node, ()), reader.values, reader.keys)


def _check_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, (yaml.SequenceStartEvent, yaml.MappingStartEvent)):
            depth += 1
        elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
            depth -= 1
        if depth > MAX_DEPTH:
            raise YamlError(_position(event.start_mark), f"found nesting deeper than {MAX_DEPTH}, expected less")


def _position(mark: Any) -> Position:
    return Position(mark.line + 1, mark.column + 1) if mark is not None else Position(1, 1)


def _problem(error: yaml.MarkedYAMLError) -> str:
    problem, context = str(error.problem or error.context), ""
    if error.problem and error.context:
        since = f" that begins in line {error.context_mark.line + 1}" if error.context_mark else ""
        context = f" ({error.context}{since})"
    return f"found bad YAML: {problem}{context}, expected valid YAML 1.2"


class _Reader:
    """Turns nodes into data and remembers where everything stands."""

    def __init__(self) -> None:
        self.values: dict[Path, Position] = {}
        self.keys: dict[Path, Position] = {}
        self.count = 0

    def read(self, node: yaml.Node, path: Path) -> Any:
        at = _position(node.start_mark)
        self.values[path] = at
        self.count += 1
        if self.count > MAX_NODES:
            raise YamlError(at, f"found more than {MAX_NODES} values, aliases expanded, expected fewer")
        if len(path) > MAX_DEPTH:
            raise YamlError(at, "found an alias inside its own anchor, expected none")
        if isinstance(node, yaml.MappingNode):
            _check_tag(node, "map")
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            _check_tag(node, "seq")
            return [self.read(item, (*path, i)) for i, item in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        return _scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            at = _position(key_node.start_mark)
            if not isinstance(key_node, yaml.ScalarNode):
                raise YamlError(at, "found a list or mapping as a key, expected a word")
            key = key_node.value
            if key in result:
                first = self.keys[(*path, key)]
                raise YamlError(at, f"found key {key!r} twice, expected it once (first in line {first.line})")
            self.keys[(*path, key)] = at
            result[key] = self.read(value_node, (*path, key))
        return result


def _check_tag(node: yaml.Node, kind: str) -> None:
    if node.tag != _TAG + kind:
        tag = node.tag.replace(_TAG, "!!")
        raise YamlError(_position(node.start_mark), f"found tag {tag!r}, expected none or one of YAML's core schema")


def _scalar(node: yaml.ScalarNode) -> Any:
    text = node.value
    if node.tag == _TAG + "str":
        return text
    value = _plain(text)
    wanted = {"null": type(None), "bool": bool, "int": int, "float": float}
    if node.tag != _PLAIN:
        kind = node.tag.removeprefix(_TAG)
        if kind not in wanted:
            _check_tag(node, "str")
        if kind == "float" and type(value) is int:
            return float(value)
        if type(value) is not wanted[kind]:
            raise YamlError(
                _position(node.start_mark), f"found {text!r} tagged !!{kind}, expected a value of that kind"
            )
    return value


def _plain(text: str) -> Any:
    """The value of a plain scalar by the core schema (YAML 1.2.2, section 10.3.2)."""
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
        return text[0] in "tT"
    if len(text) <= _LONGEST_INT and _INT.fullmatch(text):
        return int(text)
    if len(text) <= _LONGEST_INT and (_OCTAL.fullmatch(text) or _HEX.fullmatch(text)):
        return int(text, 0)
    if _FLOAT.fullmatch(text) or _INF.fullmatch(text) or _NAN.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text

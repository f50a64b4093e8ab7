"""Network configs: frozen dataclasses of plain values and tuples, that go to JSON or YAML and come back strictly."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Config:
    """The base of all network configs."""

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists and numbers; every field is stated."""
        return {field.name: _plain(getattr(self, field.name)) for field in dataclasses.fields(self)}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`; a field left out has its default.

        Raises ``ValueError`` for an unknown or ill-typed field.
        """
        kinds = typing.get_type_hints(cls)
        unknown = sorted(set(row) - set(kinds))
        if unknown:
            raise ValueError(f"{cls.__name__} has no field {unknown[0]!r}, expected some of {sorted(kinds)}")
        try:
            return cls(**{name: _typed(value, kinds[name], f"{cls.__name__}.{name}") for name, value in row.items()})
        except TypeError as error:
            raise ValueError(f"{cls.__name__} got {sorted(row)}: {error}") from error


@dataclass(frozen=True)
class Site(Config):
    """A named block of an image network, after which its ``between`` hook is called.

    ``width``: channels there. ``factor``: how many times smaller than the network's input, each way.
    """

    name: str
    width: int
    factor: int


def _plain(value: Any) -> Any:
    if isinstance(value, Config):
        return value.to_dict()
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _typed(value: Any, kind: Any, where: str) -> Any:
    if isinstance(kind, type) and issubclass(kind, Config):
        return value if isinstance(value, kind) else kind.from_dict(value)
    if typing.get_origin(kind) is tuple:
        kinds = typing.get_args(kind)
        if not isinstance(value, (list, tuple)):
            raise ValueError(f"{where} is {value!r}, expected a list")
        kinds = kinds[:1] * len(value) if kinds[-1] is Ellipsis else kinds
        if len(kinds) != len(value):
            raise ValueError(f"{where} has {len(value)} items, expected {len(kinds)}")
        return tuple(_typed(item, k, where) for item, k in zip(value, kinds, strict=True))
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ValueError(f"{where} is {value!r}, expected {kind.__name__}")
    return value

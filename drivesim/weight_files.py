"""Folders of weights: a card, and a file for each part, or for those parts alone in which a set differs from another.

``card.json`` may name a shipped set as its ``base``: what the folder lacks is that one's. So a set of which only the
parts between frames were taught to be faster holds those, and the card.
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

from drivesim.errors import UserError
from drivesim.networks.registry import PARTS
from drivesim.tensor_files import check_place

_SHIPPED = Path(str(resources.files("drivesim"))) / "weights"
_CARD = "card.json"


def part_file(folder: str | Path, name: str) -> Path:
    """Where a part lies in a folder of weights. Raises ``ValueError`` for a name that is no part's."""
    if name not in PARTS:
        raise ValueError(f"part is {name!r}, expected one of {list(PARTS)}")
    return Path(folder) / f"{name}.safetensors"


def find_part(folder: str | Path, name: str) -> Path:
    """The file of a part: in the folder or, where that lacks it, in the set that its card names as base.

    The file may be missing all the same. Raises ``UserError`` for a base that is not shipped.
    """
    own = part_file(folder, name)
    if own.is_file() or not (Path(folder) / _CARD).is_file():
        return own
    base = _read_json(Path(folder) / _CARD).get("base")
    return own if base is None else part_file(_SHIPPED / base, name)


def read_card(folder: str | Path) -> dict[str, Any]:
    """card.json of a folder of weights. Raises ``UserError`` if a rollout cannot go by it."""
    file = Path(folder) / _CARD
    if not file.is_file():
        raise UserError(f"weights {folder} lack {_CARD}, which `drivesim train` writes beside the parts")
    card = _read_json(file)
    tables: dict[str, Any] = {name: card.get(name) for name in ("data", "trained_range", "conditions")}
    tables |= {name: card.get(name, {}) for name in ("parts", "obedience", "sampling")}
    for name in ("parts", "conditions"):
        if isinstance(tables[name], dict):
            tables |= {f"{name}.{key}": row for key, row in tables[name].items()}
    if isinstance(tables["obedience"], dict):
        tables["obedience.weights"] = tables["obedience"].get("weights", {})
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise UserError(f"{file}: {name} is {str(table)[:40]}, expected an object")
    origins = card["data"].get("origins")
    if not isinstance(origins, list) or not origins:
        raise UserError(f"{file}: data.origins is {str(origins)[:40]}, expected a list of where the clips are from")
    return card


def shipped_weights() -> list[str]:
    """The names of the sets of weights that the package holds.

    >>> shipped_weights()
    ['nano']
    """
    return sorted(folder.name for folder in _SHIPPED.iterdir() if folder.is_dir()) if _SHIPPED.is_dir() else []


def weights_folder(source: str | Path) -> Path:
    """The folder of the weights shipped under a name, or ``source`` itself. Raises ``UserError`` if it is neither."""
    folder = _SHIPPED / source if str(source) in shipped_weights() else Path(source)
    if not folder.is_dir():
        raise UserError(
            f"weights {str(source)!r} are neither a folder nor shipped, expected a folder or one of {shipped_weights()}"
        )
    return folder


def _read_json(file: Path) -> dict[str, Any]:
    """The object that a card holds, whose base, if it has one, is shipped."""
    check_place(file)
    try:
        card = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{file} is not JSON: {error}") from error
    if not isinstance(card, dict):
        raise UserError(f"{file} holds {type(card).__name__}, expected an object")
    base = card.get("base")
    if base is not None and base not in shipped_weights():
        raise UserError(f"{file}: base is {str(base)[:40]!r}, expected one of {shipped_weights()}")
    return card

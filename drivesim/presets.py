"""Presets: the sizes of all networks by one name, from ``configs/<preset>/networks.yaml``.

A file states only what differs from the defaults, which are nano's. A temporal part says ``at``: the names of the
blocks that it follows, or ``all``; their widths come from the image part.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from drivesim.errors import UserError
from drivesim.networks.config import Config, Site
from drivesim.networks.registry import PARTS


def configs_folder() -> Path:
    """The folder of presets: inside an installed package, else beside it in a checkout."""
    package = Path(str(resources.files("drivesim")))
    return next(folder for folder in (package / "configs", package.parent / "configs") if folder.is_dir())


def presets() -> list[str]:
    """The names of all presets."""
    return sorted(file.parent.name for file in configs_folder().glob("*/networks.yaml"))


def load_preset(name: str) -> dict[str, Config]:
    """The config of each of `PARTS` by its name. Raises ``UserError`` for an unknown preset or a bad value.

    >>> load_preset("nano")["unet.image"].size
    (16, 32)
    """
    if name not in presets():
        raise UserError(f"preset {name!r} is unknown, expected one of {presets()}")
    file = configs_folder() / name / "networks.yaml"
    rows: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    if set(rows) != set(PARTS):
        raise UserError(f"{file} has {sorted(rows)}, expected one section per part: {list(PARTS)}")
    configs: dict[str, Config] = {}
    for part, kind in PARTS.items():
        row = dict(rows[part])
        try:
            if "at" in row:
                row["sites"] = _sites(configs[str(kind.parent)], row.pop("at"))
            configs[part] = kind.config.from_dict(row)
        except ValueError as error:
            raise UserError(f"{file}, {part}: {error}") from error
    return configs


def _sites(image: Any, names: list[str] | str) -> list[Site]:
    offered = {site.name: site for site in image.sites()}
    if names == "all":
        return list(offered.values())
    unknown = [name for name in names if name not in offered]
    if unknown:
        raise ValueError(f"there is no block {unknown[0]!r}, expected some of {list(offered)}")
    return [offered[name] for name in names]

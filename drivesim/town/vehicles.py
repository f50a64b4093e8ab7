"""Bodies of vehicles: which maker shapes which category.

Every body has its front towards +x; its slots are the names of `slots.SLOTS`, which `paint.py` colours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from drivesim.town.cars import car
from drivesim.town.cycles import bicycle, motorcycle
from drivesim.town.heavy import bus, truck, van
from drivesim.town.meshes import Mesh

MAKERS: Mapping[str, Callable[[int], Mesh]] = {
    "car": car,
    "van": van,
    "truck": truck,
    "bus": bus,
    "motorcycle": motorcycle,
    "bicycle": bicycle,
}


@cache
def vehicle(category: str, variant: int) -> Mesh:
    """The body of a vehicle category, one of `MAKERS`, in one of its variants (any number >= 0), in metres."""
    return MAKERS[category](variant)

"""Bodies of vehicles: which maker shapes which category.

Every body has its front towards +x; its slots are the names of `slots.SLOTS`, which `paint.py` colours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial

from drivesim.town.cars import car
from drivesim.town.coarse_cars import coarse_car
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


# Of few triangles, for far away: of what there are many, or what has many triangles.
COARSE: Mapping[str, Callable[[int], Mesh]] = {
    "car": coarse_car,
    "motorcycle": partial(motorcycle, is_coarse=True),
    "bicycle": partial(bicycle, is_coarse=True),
}


@cache
def vehicle(category: str, variant: int, *, is_coarse: bool = False) -> Mesh:
    """The body of a vehicle category, one of `MAKERS`, in one of its variants (any number >= 0), in metres.

    ``is_coarse``: that of `COARSE`, if there is one.
    """
    maker = COARSE.get(category) if is_coarse else None
    return (maker or MAKERS[category])(variant)

"""A name for every number that networks read, in its order: by it trained weights find their inputs again.

Conditions grow: a new channel of a map or part of a token may stand anywhere in what `Conditions` stacks. A part
therefore stores these names beside its weights. What has words is named by them ("road/crossing"), the rest by its
place within its condition ("ego/2"), so that the latter may only grow at its end.
"""

from __future__ import annotations

from collections.abc import Mapping

from conditioning.conditions import MAP_GROUPS, MAPS, NAMES
from conditioning.layout import BOX_CHANNELS, ROAD_CHANNELS, TOKEN_PARTS
from conditioning.signals import ORIGINS, SIGNALS
from conditioning.surroundings import GROUND_CHANNELS, SCENERY_CHANNELS
from conditioning.texture import TEXTURE_CHANNELS
from scenarios.facts import WEATHERS, categories

WORDS: Mapping[str, tuple[str, ...]] = {
    "boxes": tuple(BOX_CHANNELS),
    "road": tuple(ROAD_CHANNELS),
    "scenery": tuple(SCENERY_CHANNELS),
    "ground": tuple(GROUND_CHANNELS),
    "texture": tuple(TEXTURE_CHANNELS),
    "weather": tuple(WEATHERS),
    "origin": tuple(ORIGINS),
    "category": tuple(categories()),
}


def _named(lengths: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(
        f"{name}/{word}" for name, length in lengths.items() for word in WORDS.get(name, tuple(map(str, range(length))))
    )


CHANNELS: Mapping[str, tuple[str, ...]] = {
    "maps": tuple(
        channel
        for group in MAP_GROUPS
        for channel in (*_named({name: MAPS[name] for name in group}), *(f"{name}/known" for name in group))
    ),
    "signals": (*_named(SIGNALS), *(f"{name}/known" for name in NAMES)),
    "tokens": _named(TOKEN_PARTS),
}
"""What networks read of maps, signals and tokens, in the order in which `Conditions` stacks it."""

UNNAMED: Mapping[str, tuple[str, ...]] = {
    "maps": tuple(
        "boxes/vehicle boxes/person boxes/two_wheeler boxes/other boxes/outline boxes/inverse_distance"
        " boxes/heading_sin boxes/heading_cos boxes/rear_light boxes/head_light boxes/red boxes/green boxes/blue"
        " road/drivable road/solid road/dashed road/yellow road/crossing boxes/known road/known".split()
    ),
    "signals": tuple(
        "daylight/0 weather/clear weather/overcast weather/rainy weather/foggy weather/snowy crowdedness/0"
        " crowdedness/1 ego/0 ego/1 ego/2 camera/0 camera/1 camera/2 interval/0 origin/town origin/real origin/rollout"
        " boxes/known road/known daylight/known weather/known crowdedness/known ego/known camera/known interval/known"
        " origin/known".split()
    ),
    "tokens": tuple(
        "box/0 box/1 box/2 box/3 category/car category/van category/truck category/bus category/motorcycle"
        " category/bicycle category/pedestrian category/animal category/obstacle category/traffic_light heading/0"
        " heading/1 heading_known/0 inverse_distance/0 distance_known/0 occlusion/0 occlusion_known/0 lights/0"
        " lights/1 lights/2 lights/3 lights_known/0 colour/0 colour/1 colour/2 colour_known/0".split()
    ),
}
"""What parts read that were stored before parts stored these names. Never changes."""

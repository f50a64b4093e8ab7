"""The commented starter scenario that ``drivesim new`` writes."""

from __future__ import annotations

import re
from pathlib import Path

from drivesim.atomic import write_text
from drivesim.errors import UserError

TEXT = """\
# A driving scenario. Check it with `drivesim validate FILE`, look at it with `drivesim preview FILE --out DIR`.
# Numbers are SI (m, s, m/s, rad); text with a unit, such as "45 km/h", is read too. Unknown keys are errors.
# `drivesim schema --out FILE` writes what editors need to complete the keys. More: docs/tutorials/author.md.
schema: drivesim.scenario/1
name: {name}
description: A van cuts in while the day turns to night.
clock: {{duration: 20.0}}

road:
  lanes: 2                    # lanes in our direction; lane 0 is the rightmost
  oncoming: 1                 # lanes of the other direction
  curvature:                  # [metres along the road, 1/radius in 1/m]; left is positive
    - [0.0, 0.0]
    - [120.0, 0.004]

environment:
  initial:
    daylight: day             # night, dawn_dusk, day, or a number from 0 (night) to 1 (day)
    weather: clear            # clear, overcast, rainy, foggy
    traffic_level: medium     # none, low, medium, high
  timeline:                   # what changes: from `at` on, within `over` seconds
    - {{at: 8.0, daylight: night, over: 8.0}}

ego:
  initial: {{speed: "45 km/h"}}

actors:                       # road users with a part to play; the rest of the traffic comes by itself
  - id: van
    class: van                # car, van, truck, bus, motorcycle, bicycle, pedestrian
    initial:
      lane: +1                # one lane to the left of ours
      ahead: -12.0            # 12 m behind us
      speed: {{relative_to: ego, delta: 4.0}}

events:                       # when something is so, an actor does something, once
  - id: cut_in
    actor: van
    when: {{headway: {{to: ego, above: 0.5}}}}   # also: time, after, distance, ttc, speed, all, any, ...
    do: {{change_lane: {{to_lane_of: ego, over: 3.0}}}}
  - id: slow_down
    actor: van
    when: {{after: cut_in, delay: 2.0}}
    do: {{brake: {{to: 6.0, rate: 3.0}}}}        # also: set_speed, stop, follow, lane_offset, cross (people), ...

expect:                       # what must have happened; `drivesim validate FILE --play` looks
  - {{id: van_is_seen, visible: {{actor: van, min_height_px: 40, share: 0.5}}}}
  - {{id: no_crash, never: {{collision: ego}}}}

seed: 1                       # another seed: other traffic, other houses
"""


def write(file: str | Path) -> Path:
    """Write the starter to a new ``file``; its stem becomes the scenario's name.

    Raises ``UserError`` if the file exists, does not end in .yaml, or its stem is no scenario name.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(folder + "/my_street.yaml").name
    'my_street.yaml'
    """
    path = Path(file)
    if path.suffix not in (".yaml", ".yml"):
        raise UserError(f"{path}: ends in {path.suffix or 'nothing'!r}, expected a file name that ends in .yaml")
    if not re.fullmatch(r"[a-z0-9_]{1,64}", path.stem):
        raise UserError(
            f"{path}: the stem is {path.stem!r}, expected up to 64 of a-z, 0-9 and _ (it names the scenario)"
        )
    if path.exists():
        raise UserError(f"{path}: already there, expected a new file")
    return write_text(path, TEXT.format(name=path.stem))

"""Small clips for the tests of training: coloured boxes that move over a grey street, with their facts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from drivesim.clips import Clip, ClipWriter
from scenarios.crowdedness import crowdedness
from scenarios.facts import Camera, EgoState, FrameFacts, LaneLine, Lights, ObjectFacts, RoadFacts, SceneryFacts

ROAD = RoadFacts(
    (LaneLine("solid", "white", ((5.0, 2.0), (60.0, 2.0))),), ((3.0, -4.0), (60.0, -4.0), (60.0, 4.0), (3.0, 4.0))
)
HOUSE = SceneryFacts("building", (30.0, 12.0, 5.0), (12.0, 8.0, 10.0), 0.0)


def write_clip(out: Path, *, number: int = 0, frames: int = 16, fps: float = 7.5, height: int = 128) -> Clip:
    """A clip whose daylight, car colour and car speed depend on its number."""
    width = 2 * height
    camera = Camera().resized(width, height)
    daylight = (number % 3) / 2
    colour = (40 + 60 * (number % 4), 200 - 50 * (number % 4), 90)
    provenance = {"origin": "town", "scenario": {"name": f"box_{number}", "sha256": "0" * 64}, "seed": number}
    with ClipWriter(out, fps=fps, width=width, height=height, provenance=provenance, lossless=True) as writer:
        for index in range(frames):
            left = (10 + number * 7 + 3 * index) % (width // 2)
            box = (float(left), height * 0.5, left + width * 0.25, height * 0.8)
            frame = np.full((height, width, 3), int(40 + 160 * daylight), np.uint8)
            frame[height // 2 :] //= 2
            frame[int(box[1]) : int(box[3]), int(box[0]) : int(box[2])] = colour
            car = ObjectFacts(
                1, "car", box, amodal_box=box, occlusion=0.0, truncation=0.0, center=(12.0, 0.0, 0.8),
                size=(4.4, 1.8, 1.5), heading=0.0, speed=8.0, depth=11.0, lights=Lights(head=daylight < 0.3),
                appearance=colour,
            )  # fmt: skip
            facts = FrameFacts(
                index, index / fps, daylight=daylight, weather="clear", crowdedness=crowdedness([car], height),
                ego=EgoState(0.0, 0.0, 0.0, 8.0, odometer=8.0 * index / fps), camera=camera, road=ROAD,
                scenery=(HOUSE,), objects=(car,),
            )  # fmt: skip
            writer.write(frame, facts)
        return writer.finish()


def write_clips(folder: Path, count: int, **shape) -> Path:
    """A folder of ``count`` clips."""
    for number in range(count):
        write_clip(folder / f"clip_{number:02d}", number=number, **shape)
    return folder

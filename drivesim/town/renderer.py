"""`Town`: draws any frame of a timeline, with its exact labels."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray

from drivesim.town.classes import MAX_OBJECTS, classes, codes, slots
from drivesim.town.engine import Canvas
from drivesim.town.geometry_pass import GeometryPass
from drivesim.town.layers import over
from drivesim.town.lights import Lights, beams, lamps
from drivesim.town.looks import look
from drivesim.town.meshes import rotation
from drivesim.town.precipitation import Precipitation
from drivesim.town.reflections import Reflections
from drivesim.town.shadows import Shadows
from drivesim.town.sky import Sky
from drivesim.town.street import Street
from drivesim.town.traffic import Seen, Traffic, in_view
from drivesim.town.view import View
from scenarios.facts import Camera, EgoState, FrameFacts
from scenarios.object_state import ObjectState
from scenarios.scenery import World
from scenarios.timeline import Timeline

PASSES = ("colour", "instance", "semantic", "depth", "flow")
COMMON_PASSES = PASSES[:3]  # what is drawn unless asked otherwise
OVERSAMPLING = 2  # the rasteriser has no antialiasing: it draws the colours larger, OpenCV averages them
DAYLIGHT_STEPS = (
    512  # daylight is rounded to this many steps, so that the light of still things is not computed anew each frame
)
_look = lru_cache(maxsize=8)(look)


@dataclass(frozen=True, slots=True)
class Passes:
    """One drawn frame.

    ``colour``: uint8 (h w 3) RGB. ``instance``: int32 (h w), track id or 0. ``semantic``: uint8 (h w), an index into
    `drivesim.town.CLASSES`. ``depth``: float32 (h w), m along the optical axis from the camera to what the ray through
    the pixel's centre meets; infinite for the sky. ``flow``: float32 (h w 2), px, x right and y down: where that point
    is in the next frame, hidden there or not, less where it is now; for the sky by the turn of the camera alone; NaN
    where there is no next frame, the road user is gone by then, or the point will be behind the camera. Both tell of
    the same thing as the label passes. A pass that was not asked for is None.
    """

    colour: NDArray[np.uint8] | None = None
    instance: NDArray[np.int32] | None = None
    semantic: NDArray[np.uint8] | None = None
    depth: NDArray[np.float32] | None = None
    flow: NDArray[np.float32] | None = None


class Town:
    """The town as one camera sees it; keeps the street around the ego between frames. A context manager."""

    def __init__(self, camera: Camera, *, width: int | None = None, height: int | None = None) -> None:
        """Open the renderer. ``width, height``: of the pictures, px; None means the camera's own."""
        self.width, self.height = width or camera.width, height or camera.height
        self._camera = camera
        self._colour = Canvas(camera, OVERSAMPLING * self.width, OVERSAMPLING * self.height)
        self._label = Canvas(camera, self.width, self.height)
        self._background = Canvas(camera, self.width, self.height)  # what has no edges needs not be drawn larger
        self._sky = Sky(self._background, self._colour, camera)
        self._street = Street(self._background, self._colour, self._label, camera)
        self._traffic = Traffic(self._colour, self._label)
        self._shadows = Shadows(self._colour)
        self._lights = Lights(self._colour)
        self._reflections = Reflections(self._colour)
        self._precipitation = Precipitation(self._colour, camera)
        self._geometry: GeometryPass | None = None  # opened when depth or flow is first asked for

    def render(self, timeline: Timeline, k: int, passes: Collection[str] = COMMON_PASSES) -> Passes:
        """Draw frame ``k`` of ``timeline``, with some of `PASSES`.

        Raises ``ValueError`` for an unknown pass or too many road users.
        """
        k = range(len(timeline))[k]
        following = None
        if "flow" in passes and k + 1 < len(timeline):
            following = timeline.ego(k + 1), timeline.track(k + 1)
        return self.draw(timeline[k], timeline.track(k), timeline.world, timeline.ego_s(k), passes, following)

    def draw(
        self,
        facts: FrameFacts,
        states: Sequence[ObjectState],
        world: World,
        s: float,
        passes: Collection[str] = COMMON_PASSES,
        following: tuple[EgoState, Sequence[ObjectState]] | None = None,
    ) -> Passes:
        """Draw a frame from its parts.

        ``facts`` give time, light and ego; ``states``: the road users; ``s``: the place on the road, m. ``following``:
        the ego and the road users of the next frame; without them flow is NaN.
        """
        if unknown := set(passes) - set(PASSES):
            raise ValueError(f"passes are {sorted(unknown)}, expected some of {PASSES}")
        if len(states) > MAX_OBJECTS:
            raise ValueError(f"frame {facts.index} has {len(states)} road users, expected at most {MAX_OBJECTS}")
        view, seen = self._view(facts, states)
        eye = view.to_ego @ view.eye
        self._sky.draw(view)
        self._street.draw(world, s, view)
        bulbs = self._street.bulbs(view)
        standing = [body for body in seen if body.state.z < 1.0]  # traffic lights hang
        shadows = [(body.x, body.y, body.heading, body.state.size) for body in standing]
        self._shadows.draw(shadows, view.look, view.heading)
        self._traffic.draw(seen, bulbs, view)
        lit = lamps(seen, bulbs, view.look, eye, view.time)
        self._lights.draw(lit, view.look, eye)
        roofs = self._street.roofs()
        self._reflections.draw(standing, lit, roofs, view)
        self._precipitation.draw(view, lit, roofs)
        colour = instance = semantic = depth = flow = None
        if "colour" in passes:
            small = cv2.resize(self._colour.draw(), (self.width, self.height), interpolation=cv2.INTER_AREA)
            whole = over(np.asarray(small, np.uint8), self._sky.picture())
            colour = np.asarray(cv2.cvtColor(cv2.flip(whole, 0), cv2.COLOR_BGRA2RGB), np.uint8)
        if {"instance", "semantic"} & set(passes):
            labels = codes(self._label.draw()[::-1])
            semantic = classes(labels) if "semantic" in passes else None
            if "instance" in passes:
                instance = np.array([0, *(state.track_id for state in states)], np.int32).take(slots(labels))
        if {"depth", "flow"} & set(passes):
            if self._geometry is None:
                self._geometry = GeometryPass(self._camera, self.width, self.height)
            depth, flow = self._geometry.draw(self._street, seen, view, following if "flow" in passes else None)
        return Passes(
            colour=colour,
            instance=instance,
            semantic=semantic,
            depth=depth if "depth" in passes else None,
            flow=flow if "flow" in passes else None,
        )

    def _view(self, facts: FrameFacts, states: Sequence[ObjectState]) -> tuple[View, list[Seen]]:
        camera, ego = self._camera, facts.ego
        if ego is None or facts.daylight is None or facts.weather is None:
            raise ValueError(f"frame {facts.index} lacks ego, daylight or weather, expected all of them to be known")
        to_ego = rotation(-ego.heading)
        now = _look(round(facts.daylight * DAYLIGHT_STEPS) / DAYLIGHT_STEPS, facts.weather)
        seen = in_view(states, ego, camera)
        view = View(
            x=ego.x,
            y=ego.y,
            heading=ego.heading,
            eye=to_ego.T @ np.array([camera.x, camera.y, camera.z], np.float32),
            to_ego=to_ego,
            look=now,
            beams=beams(seen, now),
            time=facts.time,
            speed=ego.speed,
        )
        return view, seen

    def close(self) -> None:
        """Give the engine's buffers back."""
        self._colour.close()
        self._label.close()
        self._background.close()
        self._sky.close()
        if self._geometry is not None:
            self._geometry.close()

    def __enter__(self) -> Town:
        """The town itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

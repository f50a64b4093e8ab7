"""The pass of depth and optical flow: which triangle does a pixel see, and where is that triangle in the next frame?

The rasteriser gives no depth buffer. So the street is drawn once more with every triangle in a colour of its own, its
number; what the pixels' rays meet is then computed from the corners (`depth_flow`). What is blended over the street
(shadows, halos, streaks on a wet road) is not in this pass, nor is what hangs behind it (clouds, skyline): where the
semantic pass says sky, depth is infinite.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from drivesim.town.depth_flow import depth_and_flow
from drivesim.town.engine import Batch, Canvas, Layer
from drivesim.town.meshes import Floats, Ints, Mesh
from drivesim.town.street import AHEAD, Street
from drivesim.town.stretches import LENGTH
from drivesim.town.traffic import SOLID, Seen, body_mesh, placed
from drivesim.town.view import View
from scenarios.camera import to_camera
from scenarios.facts import Camera, EgoState
from scenarios.object_state import ObjectState

Triangles = tuple[Floats, Ints]  # points (n, 3) in the ego frame, m, and faces (m, 3) into them
SKY, GROUND = 0, 1  # the numbers of two triangles that stand for all of the sky and, as it is flat, all of the ground
FAR = 1e9  # m: so far that only rotation moves the sky
BACKDROP: Triangles = (
    np.array([
        (FAR, 8 * FAR, -4 * FAR), (FAR, -8 * FAR, -4 * FAR), (FAR, 0, 8 * FAR),
        (AHEAD + LENGTH, 1000, 0), (AHEAD + LENGTH, -1000, 0), (-1000, 0, 0),
    ], np.float32),
    np.arange(6, dtype=np.int32).reshape(2, 3),
)  # fmt: skip


class GeometryPass:
    """Depth and flow of one frame after another."""

    def __init__(self, camera: Camera, width: int, height: int) -> None:
        """Open the renderer for pictures of ``width`` x ``height`` px."""
        self._camera = camera.resized(width, height)
        self._canvas = Canvas(camera, width, height)
        self._ground, self._solid = self._canvas.batch(Layer(10)), self._canvas.batch(SOLID)

    def draw(
        self,
        street: Street,
        seen: Sequence[Seen],
        view: View,
        following: tuple[EgoState, Sequence[ObjectState]] | None,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Depth and flow as in `Passes` of the ``street`` and the road users ``seen``.

        ``following``: the ego and the road users of the next frame; without them flow is NaN.
        """
        points, faces = _joined([BACKDROP, *street.triangles(view, ground=False)])
        still = len(points)
        bodies = [body_mesh(body) for body in seen]
        points, faces = _joined([(points, faces), *((mesh.points, mesh.faces) for mesh in bodies)])
        numbers = self._numbers(_joined(street.triangles(view, ground=True)), points, faces, view)
        is_seen = np.zeros(len(faces), bool)
        is_seen[numbers] = True
        faces = faces[is_seen]
        corners, after = points[faces].astype(np.float64), None
        if following is not None:
            ego, states = following
            after = np.concatenate([points[:still], *_moved(seen, bodies, states, ego)])[faces].astype(np.float64)
            stands = faces[:, 0] < still
            after[stands] = _passed(corners[stands], view, ego)
            after = self._in_camera(after)
        compact = (np.cumsum(is_seen) - 1)[numbers]
        depth, flow = depth_and_flow(compact, self._in_camera(corners), after, self._camera)
        depth[numbers == SKY] = np.inf
        return depth, np.full((*depth.shape, 2), np.nan, np.float32) if flow is None else flow

    def _numbers(self, ground: Triangles, points: Floats, faces: Ints, view: View) -> NDArray[np.integer]:
        """The number (h w) of the triangle that each pixel sees: its row in ``faces``."""
        drawn = np.flatnonzero(_is_facing(points - view.to_ego @ view.eye, faces))
        drawn = drawn[drawn > GROUND]
        _fill(self._ground, ground[0], ground[1], np.full(len(ground[1]), GROUND))
        _fill(self._solid, points, faces[drawn], drawn)
        return self._canvas.draw()[::-1].view("<u4")[..., 0] & 0xFFFFFF

    def _in_camera(self, corners: NDArray[np.float64]) -> NDArray[np.float64]:
        return to_camera(self._camera, corners).reshape(-1, 3, 3)

    def close(self) -> None:
        """Give the engine's buffer back."""
        self._canvas.close()


def _joined(things: Sequence[Triangles]) -> Triangles:
    starts = np.cumsum([0] + [len(points) for points, _ in things])
    faces = [faces + start for (_, faces), start in zip(things, starts, strict=False)]
    return np.concatenate([points for points, _ in things]), np.concatenate(faces)


def _is_facing(points: Floats, faces: Ints) -> NDArray[np.bool_]:
    """Which triangles (m,) turn their front to the origin; the rasteriser draws no others."""
    a, b, c = ([points[:, axis].take(corner) for axis in range(3)] for corner in faces.T)
    (ux, uy, uz), (vx, vy, vz) = ([q - p for p, q in zip(a, other, strict=True)] for other in (b, c))
    return a[0] * (uy * vz - uz * vy) + a[1] * (uz * vx - ux * vz) + a[2] * (ux * vy - uy * vx) < 0


def _fill(batch: Batch, points: Floats, faces: Ints, numbers: NDArray[np.int64]) -> None:
    """Triangles in colours that come back as BGRA bytes of which the lower three are the number."""
    rgba = np.stack([numbers >> 16, numbers >> 8, numbers, np.full_like(numbers, 255)], axis=-1).astype(np.uint8)
    batch.shape(points[faces].reshape(-1, 3), np.arange(faces.size).reshape(-1, 3))
    batch.colours(np.repeat(rgba, 3, axis=0))


def _passed(corners: NDArray[np.float64], view: View, ego: EgoState) -> NDArray[np.float64]:
    """Corners (f 3 3) of what stands still, in the ego frame of ``view``, seen from the ``ego`` of the next frame."""
    c, s = math.cos(ego.heading), math.sin(ego.heading)
    forward, left = view.x - ego.x, view.y - ego.y
    shift = np.array((c * forward + s * left, -s * forward + c * left, 0))
    c, s = math.cos(view.heading - ego.heading), math.sin(view.heading - ego.heading)
    return corners @ np.array([(c, s, 0), (-s, c, 0), (0, 0, 1)]) + shift


def _moved(seen: Sequence[Seen], bodies: Sequence[Mesh], states: Sequence[ObjectState], ego: EgoState) -> list[Floats]:
    """The points (n, 3) of each body in the next frame, in its ego frame; NaN if the body is gone by then.

    They are those of the detail in which it is seen now, also if it is drawn in another by then.
    """
    later = {state.track_id: state for state in states}
    return [
        body_mesh(replace(placed(later[body.state.track_id], body.slot, ego), is_coarse=body.is_coarse)).points
        if body.state.track_id in later
        else np.full_like(mesh.points, np.nan)
        for body, mesh in zip(seen, bodies, strict=True)
    ]

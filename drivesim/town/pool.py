"""The parts of one name in all stretches, drawn as one: what is out of sight is left out before it is lit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from panda3d.core import Texture

from drivesim.town import textures
from drivesim.town.classes import CLASS, label_colours
from drivesim.town.culling import Bounds, Frustum, compact
from drivesim.town.engine import Batch, Canvas, Layer
from drivesim.town.looks import HEAD_LAMP, HEAD_LIGHT_REACH, Look, glare, hazed, head_light
from drivesim.town.parts import Part
from drivesim.town.view import View
from drivesim.town.weather import mirrored

Floats = NDArray[np.floating]
HEAD_LIGHT_COLOUR = np.array([1.0, 0.95, 0.82], np.float32)
VEILED = 0.9  # distances of haze from which surfaces are drawn without grain: a picture would lie over the haze
GRAIN_REACH = 140.0  # m beyond which grain is finer than a pixel


@dataclass(frozen=True, slots=True)
class _Still:
    """Parts put together in the frame of the first, m. ``labels`` (n,): four bytes each; the rest as in `Part`."""

    points: Floats
    normals: Floats
    faces: NDArray[np.int32]
    uv: Floats | None
    labels: NDArray[np.uint32]
    bounds: Bounds

    @classmethod
    def of(cls, parts: Sequence[Part]) -> _Still:
        counts = [len(part.surface.points) for part in parts]
        starts = np.cumsum([0, *counts])
        points = np.concatenate([part.surface.points + _way(parts[0].origin, part.origin) for part in parts])
        faces = np.concatenate([part.faces + start for part, start in zip(parts, starts, strict=False)])
        uvs = [part.uv for part in parts if part.uv is not None]
        labels = np.concatenate([label_colours(CLASS[part.kind], 0, 1) for part in parts])
        return cls(
            points=points,
            normals=np.concatenate([part.surface.normals for part in parts]),
            faces=faces.astype(np.int32),
            uv=np.concatenate(uvs) if uvs else None,
            labels=np.repeat(np.ascontiguousarray(labels).view(np.uint32)[:, 0], counts),
            bounds=Bounds(points, faces),
        )


@dataclass(frozen=True, slots=True)
class _Lit:
    """The same parts by one look: see `Part`."""

    look: Look
    colour: Floats
    albedo: Floats
    film: Floats

    @classmethod
    def of(cls, parts: Sequence[Part], look: Look) -> _Lit:
        for part in parts:
            part.light(look)
        rows = ([getattr(part, name) for part in parts] for name in ("lit", "albedo", "film"))
        return cls(look, *(np.concatenate(row) for row in rows))


class Pool:
    """Draws the parts of one name onto both canvases."""

    def __init__(self, colour: Canvas, label: Canvas, layer: Layer, picture: Texture | None) -> None:
        """``layer``: how they are drawn. ``picture``: their grain, which those far away do without."""
        self._is_ground = layer.depth == "none"
        self._plain = colour.batch(layer), label.batch(layer)
        self._grained = (colour.batch(layer, picture), label.batch(layer)) if picture else None
        self._parts: list[Part] = []
        self._still: _Still | None = None
        self._lit: _Lit | None = None

    def draw(self, parts: list[Part], view: View, frustum: Frustum) -> None:
        """Show what is seen of ``parts``, lit."""
        for batch in (*self._plain, *(self._grained or ())):
            batch.show(False)
        if not parts:
            return
        is_new = parts != self._parts
        if self._still is None or is_new:
            self._parts, self._still = parts, _Still.of(parts)
        if self._lit is None or is_new or self._lit.look is not view.look:
            self._lit = _Lit.of(parts, view.look)
        still, eye = self._still, view.eye - _way((view.x, view.y), parts[0].origin)
        seen = still.bounds.seen(eye, frustum.in_world(view))
        if self._grained is None:
            self._show(self._plain, seen, view, eye, is_grained=False)
        else:
            is_near = still.bounds.far(eye, seen) < min(VEILED * view.look.haze, GRAIN_REACH)
            self._show(self._plain, seen[~is_near], view, eye, is_grained=False)
            self._show(self._grained, seen[is_near], view, eye, is_grained=True)

    def _show(
        self, batches: tuple[Batch, Batch], seen: NDArray[np.intp], view: View, eye: Floats, *, is_grained: bool
    ) -> None:
        """Fill the ``batches`` of both canvases with the triangles ``seen``."""
        still, lit = self._still, self._lit
        if still is None or lit is None or not len(seen):
            return
        rows, faces = compact(still.faces.take(seen, axis=0), len(still.points))
        points = still.points.take(rows, axis=0)
        gain = 1 / textures.MEAN if is_grained else 1.0  # a picture darkens colours
        rgba = hazed(self._colours(still, lit, rows, points - eye, view), points, view.look, eye, gain=gain)
        labels = still.labels.take(rows).view(np.uint8).reshape(-1, 4)
        uv = still.uv.take(rows, axis=0) if is_grained and still.uv is not None else None
        x, y, _ = (view.to_ego @ (view.eye - eye)).tolist()
        for batch, colours in zip(batches, (rgba, labels), strict=True):
            batch.place(x, y, -view.heading)
            batch.shape(points, faces, uv)
            batch.colours(colours)
            batch.show(True)

    def _colours(self, still: _Still, lit: _Lit, rows: NDArray[np.intp], way: Floats, view: View) -> Floats:
        """The colours (n, 3), without haze, of the points ``rows``, which lie ``way`` (n, 3) from the eye, m."""
        colour, look = lit.colour.take(rows, axis=0), view.look
        is_wet = self._is_ground and look.wet
        if not look.shine and not is_wet:
            return colour
        points = (way + view.eye) @ view.to_ego.T
        if look.shine:
            beam = np.zeros_like(points)
            near = np.flatnonzero((points[:, 0] > HEAD_LAMP[0]) & (points[:, 0] < HEAD_LAMP[0] + HEAD_LIGHT_REACH))
            normals = still.normals.take(rows[near], axis=0) @ view.to_ego.T
            beam[near] = head_light(points[near], normals)[:, None] * HEAD_LIGHT_COLOUR
            if self._is_ground:
                beam += glare(points, view.beams)
            colour += lit.albedo.take(rows, axis=0) * beam * np.float32(look.shine)
        return colour + mirrored(points, lit.film.take(rows), view) if is_wet else colour


def _way(start: tuple[float, float], end: tuple[float, float]) -> Floats:
    """The way (3,) from one world point to another, m."""
    return np.array([end[0] - start[0], end[1] - start[1], 0.0], np.float32)

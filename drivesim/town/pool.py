"""The parts of one name in all stretches, drawn as one: what is out of sight is left out before it is lit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from panda3d.core import Texture

from drivesim.town import textures
from drivesim.town.classes import CLASS, label_colour
from drivesim.town.culling import Bounds, Frustum, compact
from drivesim.town.engine import Batch, Canvas, Layer
from drivesim.town.looks import HEAD_LAMP, HEAD_LIGHT_REACH, Look, glare, hazed, head_light
from drivesim.town.parts import Part
from drivesim.town.view import View
from drivesim.town.weather import mirrored

Floats = NDArray[np.floating]
HEAD_LIGHT_COLOUR = np.array([1.0, 0.95, 0.82], np.float32)
VEILED = 0.9  # distances of haze from which surfaces are drawn without grain: a picture would lie over the haze
STEP, TURN = 2.0, math.radians(1.0)  # m and rad
HAZE_STEP = 1 / 200  # of the distance of haze: a step that changes no colour by more than half a level
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
        labels = np.array([label_colour(CLASS[part.kind], 0) for part in parts], np.uint8)
        return cls(
            points=points,
            normals=np.concatenate([part.surface.normals for part in parts]),
            faces=faces.astype(np.int32),
            uv=np.concatenate(uvs) if uvs else None,
            labels=np.repeat(labels.view(np.uint32)[:, 0], counts),
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


class _Shown:
    """The triangles of a pool that are drawn in one batch, with or without grain."""

    def __init__(self, batch: Batch, *, is_grained: bool = False) -> None:
        self.batch, self._is_grained = batch, is_grained
        self.rows: NDArray[np.intp] = np.zeros(0, np.intp)  # of the pool's points
        self.points: Floats = np.zeros((0, 3), np.float32)

    def choose(self, still: _Still, chosen: NDArray[np.intp]) -> None:
        """Show the faces ``chosen``."""
        self.rows, faces = compact(still.faces.take(chosen, axis=0), len(still.points))
        self.points = still.points.take(self.rows, axis=0)
        uv = still.uv.take(self.rows, axis=0) if self._is_grained and still.uv is not None else None
        self.batch.show(len(chosen) > 0)
        self.batch.shape(self.points, faces, uv)

    def label(self, still: _Still) -> None:
        """Paint the points in the colours of their classes."""
        self.batch.colours(still.labels.take(self.rows).view(np.uint8).reshape(-1, 4))

    def colour(self, colour: Floats, look: Look, eye: Floats) -> None:
        """Paint the points in ``colour`` (n, 3), seen from ``eye``."""
        gain = 1 / textures.MEAN if self._is_grained else 1.0  # a picture darkens colours
        self.batch.colours(hazed(colour, self.points, look, eye, gain=gain))


class Pool:
    """Draws the parts of one name onto both canvases.

    What is seen of them, and through how much haze, follows the ego in steps of `STEP` and `TURN`, so that it can be
    left as it is in most frames; where a step begins depends on the place of the ego alone.
    """

    def __init__(self, colour: Canvas, label: Canvas, layer: Layer, picture: Texture | None) -> None:
        """``layer``: how they are drawn. ``picture``: their grain, which those far away do without."""
        self._is_ground = layer.depth == "none"
        self._label, self._plain = _Shown(label.batch(layer)), _Shown(colour.batch(layer))
        self._grained = _Shown(colour.batch(layer, picture), is_grained=True) if picture else None
        self._coloured = [self._plain] if self._grained is None else [self._plain, self._grained]
        self._parts: list[Part] = []
        self._still: _Still | None = None
        self._outline: _Still | None = None
        self._lit: _Lit | None = None
        self._step: tuple[float, float, float] | None = None  # of what is shown: place in the world, m, and heading
        self._air: tuple[float, float] | None = None  # of the haze: place in the world, m

    def draw(self, parts: list[Part], view: View, frustum: Frustum) -> None:
        """Show what is seen of ``parts``, lit."""
        if not parts:
            self._parts = parts
            for shown in (self._label, *self._coloured):
                shown.batch.show(False)
            return
        look, is_new = view.look, parts != self._parts
        if self._still is None or self._outline is None or is_new:
            self._parts, self._still = parts, _Still.of(parts)
            outlines = [part.outline or part for part in parts]
            self._outline = self._still if outlines == parts else _Still.of(outlines)
        is_lit_anew = self._lit is None or is_new or self._lit.look is not look
        if self._lit is None or is_lit_anew:
            self._lit = _Lit.of(parts, look)
        step = (*_rounded(view, STEP), round(view.heading / TURN) * TURN)
        if is_new or is_lit_anew or step != self._step:
            self._step, self._air = step, None
            self._choose(self._still, self._outline, _local(parts[0], step, view), frustum.in_world(step[2]), look)
        air = _rounded(view, min(STEP, HAZE_STEP * look.haze))
        x, y, _ = (view.to_ego @ _way((view.x, view.y), parts[0].origin)).tolist()
        is_lit_by_ego = bool(look.shine) or (self._is_ground and bool(look.wet))
        place = (view.x + float(view.eye[0]), view.y + float(view.eye[1])) if is_lit_by_ego else air
        eye = _local(parts[0], place, view)
        self._label.batch.place(x, y, -view.heading)
        for shown in self._coloured:
            shown.batch.place(x, y, -view.heading)
            if len(shown.rows) and (air != self._air or is_lit_by_ego):
                colour = self._colours(self._still, self._lit, shown.rows, shown.points - eye, view)
                shown.colour(colour, look, eye)
        self._air = air

    def _choose(self, still: _Still, outline: _Still, eye: Floats, normals: Floats, look: Look) -> None:
        """Choose what is seen from anywhere within a step around ``eye``."""
        self._label.choose(outline, outline.bounds.seen(eye, normals, STEP, TURN))
        self._label.label(outline)
        seen = still.bounds.seen(eye, normals, STEP, TURN)
        far = still.bounds.far(eye, seen)
        if not self._is_ground:
            order = np.argsort(far)  # the nearer first: what is hidden is drawn faster
            seen, far = seen[order], far[order]
        is_near = far < (min(VEILED * look.haze, GRAIN_REACH) if self._grained else 0.0)
        self._plain.choose(still, seen[~is_near])
        if self._grained:
            self._grained.choose(still, seen[is_near])

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


def _rounded(view: View, size: float) -> tuple[float, float]:
    """The place of the camera in the world in steps of ``size``, m."""
    x, y = view.x + float(view.eye[0]), view.y + float(view.eye[1])
    return round(x / size) * size, round(y / size) * size


def _local(part: Part, place: tuple[float, ...], view: View) -> Floats:
    """An eye (3,) at a ``place`` in the world, as high as that of ``view``, in the frame of ``part``, m."""
    return np.array([place[0] - part.origin[0], place[1] - part.origin[1], view.eye[2]], np.float32)


def _way(start: tuple[float, float], end: tuple[float, float]) -> Floats:
    """The way (3,) from one world point to another, m."""
    return np.array([end[0] - start[0], end[1] - start[1], 0.0], np.float32)

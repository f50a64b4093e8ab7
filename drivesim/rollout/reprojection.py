"""Surfaces keep their look: each picture is mixed with the one before, moved to where its surfaces are seen now.

The scenario says where ground, houses and road users are, and so how each place of a picture moves; what networks
paint there flickers and hardly moves. Renderers do the same against jagged edges, "temporal reprojection" (Karis 2014,
"High-quality temporal supersampling"; Nehab et al. 2007, "Accelerating real-time shading with reverse reprojection
caching").
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from conditioning.surfaces import Surfaces
from conditioning.surroundings import Faces, draw_faces
from drivesim.rollout.pictures import scaled
from scenarios.camera import project_points
from scenarios.facts import Box, Camera, FrameFacts, ObjectFacts
from scenarios.surroundings import CROWN_FILLS

TELLING = ("boxes", "ego", "camera", "scenery", "ground")
"""The conditions that say how things move: without one of them no picture is mixed."""
COLOURS = 10.0  # how many times later the colours of road users are forgotten, which tell them apart
LIGHT = 0.07  # change of daylight after which half of a look is forgotten: pictures must not lag behind a nightfall
SAME = 0.15  # share by which the distance of a surface may differ from one picture to the next
SIDES = 6  # of a box
AROUND = 2  # px around road users that are left out: their colours must not stay behind on the ground
NOBODY = np.iinfo(np.int64).min
NO_NEARER = 1e-3  # 1/m: differences of nearness that are always taken for none


def steadied(
    pictures: Tensor, facts: Sequence[FrameFacts], *, share: float, last: tuple[Tensor, FrameFacts] | None
) -> Iterator[Tensor]:
    """Pictures (t 3 h w), one by one, each with a ``share`` in [0, 1) of the one before, where that shows the same.

    ``facts``: of the pictures. ``last``: the steadied picture (3 h w) before the first, and its facts; None: there is
    none. The ground keeps less as it comes nearer and is seen larger: from afar its dashes are blurred and fog lies
    over it. The colour of each height of a road user, the mean across it, keeps more, as if `COLOURS` times less time
    had gone by. The corners of trees' boxes keep nothing, or crowns would become boxes. All keep less while daylight
    changes. A picture stays as it is where its facts, or those before, do not tell all of `TELLING`.
    """
    size = (pictures.shape[-2], pictures.shape[-1])
    shown, then = (None, None) if last is None else (_rows(last[0]), _Scene.of(last[1], size))
    for picture, now in zip(pictures, (_Scene.of(frame, size) for frame in facts), strict=True):
        fresh = _rows(picture)
        if share and shown is not None and then is not None and now is not None:
            x, y, same, grown = now.seen_by(then)
            moved = cv2.remap(shown, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
            missing, light = moved - fresh, now.light_of(then)
            kept = light * share / grown * same * cv2.blur(same, (3, 3))  # less at the border of what is the same
            more = light * (share ** (1 / COLOURS) - share)
            fresh = fresh + kept[..., None] * missing + more * now.colours_of_users(missing, same)
        shown, then = fresh, now
        yield torch.from_numpy(fresh.transpose(2, 0, 1).copy())


def share_for(memory: float, interval: float) -> float:
    """The share of the picture before, ``interval`` s ago, for a look that is half forgotten after ``memory`` s.

    >>> share_for(0.5, 0.5), share_for(0.5, 0.25) ** 2, share_for(0.0, 0.1)
    (0.5, 0.5000000000000001, 0.0)
    """
    return 0.5 ** (interval / memory) if memory else 0.0


def _rows(picture: Tensor) -> np.ndarray:
    return np.ascontiguousarray(picture.numpy().transpose(1, 2, 0))


class _Scene:
    """What one picture shows: the still world, and road users by track."""

    def __init__(
        self, surfaces: Surfaces, users: dict[int, tuple[Box, Box]], corners: np.ndarray, daylight: float | None
    ) -> None:
        """``users``: their boxes and amodal boxes in px of the picture, far to near, by track; below 0: unknown.

        ``corners`` (h w, bool): of trees' boxes, where there may be no crown.
        """
        self.surfaces, self.users, self.corners, self.daylight = surfaces, users, corners, daylight
        height, width = surfaces.numbers.shape
        with np.errstate(divide="ignore"):
            self.nearness = (1 / np.maximum(surfaces.depth, 1e-3)).astype(np.float32)
        self.owners = np.full((height, width), NOBODY)  # whose box is nearest, by track
        self.near_users = np.zeros((height, width), bool)
        for track, ((x1, y1, x2, y2), _) in users.items():
            self.owners[_cells((x1, y1, x2, y2))] = track
            self.near_users[_cells((x1 - AROUND, y1 - AROUND, x2 + AROUND, y2 + AROUND))] = True

    @classmethod
    def of(cls, facts: FrameFacts, size: tuple[int, int]) -> _Scene | None:
        """From facts; None if they do not say enough."""
        if facts.camera is None or facts.ego is None or facts.scenery is None or facts.objects is None:
            return None
        facts = scaled(facts, size[1], size[0])
        assert facts.camera is not None
        assert facts.ego is not None
        assert facts.objects is not None

        def distance(thing: ObjectFacts) -> float:
            return thing.depth or 0.0

        far_to_near = sorted(facts.objects, key=distance, reverse=True)
        users = {
            thing.track_id if thing.track_id >= 0 else -1 - k: (thing.box, thing.amodal_box or thing.box)
            for k, thing in enumerate(far_to_near)
        }  # who is unknown is somebody else in each picture
        faces = draw_faces(facts.scenery or (), facts.camera, size)
        surfaces = Surfaces.seen(faces, facts.ego, facts.camera, size)
        return cls(surfaces, users, _corners_of_trees(faces, surfaces.numbers, facts.camera), facts.daylight)

    def light_of(self, then: _Scene) -> float:
        """The share of the look of the scene ``then`` that the change of daylight leaves."""
        if self.daylight is None or then.daylight is None:
            return 1.0
        return float(0.5 ** (abs(self.daylight - then.daylight) / LIGHT))

    def colours_of_users(self, picture: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """What a picture (h w 3) is on the mean across each row of a road user's box, times its weights (h w)."""
        found = np.zeros_like(picture)
        for track, (box, _) in self.users.items():
            cells = _cells(box)
            weight = np.where(self.owners[cells] == track, weights[cells], 0)[..., None]
            across = weight.sum(1, keepdims=True) + 1e-6
            found[cells] += weight * (weight * picture[cells]).sum(1, keepdims=True) / across
        return found

    def seen_by(self, then: _Scene) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Where the scene ``then`` shows what each pixel shows now: x, y and how surely it does (h w, float32).

        The last (h w, at least 1): how many times larger the ground is seen now, as an area; 1 for all else.
        """
        here, there = self.surfaces, then.surfaces
        height, width = here.numbers.shape
        is_sky = ~np.isfinite(here.depth)
        reach = np.where(is_sky, 1.0, here.depth)[..., None]
        way = np.where(is_sky[..., None], 0.0, here.eye - there.eye)  # the sky is too far away to come nearer
        x, y, depth = there.project(here.rays * reach + way)
        inside = (depth > 0) & (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
        x, y = (np.where(inside, side, 0.0).astype(np.float32) for side in (x, y))
        place = y.round().astype(int), x.round().astype(int)
        nearness = np.where(is_sky, 0.0, 1 / np.where(inside, depth, 1.0))
        alike = np.abs(then.nearness[place] - nearness) <= SAME * nearness + NO_NEARER
        same = (inside & alike & ~then.near_users[place] & ~self.corners).astype(np.float32)
        grown = np.where((here.numbers == 0) & ~is_sky & inside, depth / here.depth, 1.0).clip(1) ** 2
        for track, (box, whole) in self.users.items():  # near ones over far ones
            cells = _cells(box)
            same[cells] = 0
            grown[cells] = 1
            if track >= 0 and track in then.users and min(whole[2] - whole[0], whole[3] - whole[1]) > 0:
                _follow(cells, whole, then.users[track][1], then.owners == track, x, y, same)
        return x, y, same, grown.astype(np.float32)


def _corners_of_trees(faces: Faces, numbers: np.ndarray, camera: Camera) -> np.ndarray:
    """Where (h w, bool) a tree's box is seen, but not the ellipse that is as high as the box and as wide as its crown.

    ``numbers`` (h w): of the faces that a picture of ``camera`` shows.
    """
    found = np.zeros(numbers.shape, bool)
    is_tree = np.array([False, *(kind == "tree" for kind in faces.kinds)])
    rows, columns = np.nonzero(is_tree[numbers])
    trees, tree = np.unique((numbers[rows, columns] - 1) // SIDES, return_inverse=True)
    pixels, _ = project_points(camera, faces.corners.reshape(-1, SIDES, 4, 3)[trees].reshape(-1, 3))
    pixels = pixels.reshape(len(trees), SIDES * 4, 2)
    (left, top), (right, bottom) = pixels.min(1)[tree].T, pixels.max(1)[tree].T
    with np.errstate(divide="ignore", invalid="ignore"):
        across = CROWN_FILLS * (2 * columns + 1 - left - right) / (right - left)
        down = (2 * rows + 1 - top - bottom) / (bottom - top)
    near = (right - left > 1) & (bottom - top > 1)  # others are far away, or reach behind the camera
    found[rows, columns] = near & (across**2 + down**2 > 1)
    return found


def _cells(box: Box) -> tuple[slice, slice]:
    x1, y1, x2, y2 = box
    return slice(max(0, int(y1)), max(0, math.ceil(y2))), slice(max(0, int(x1)), max(0, math.ceil(x2)))


def _follow(
    cells: tuple[slice, slice], now: Box, then: Box, was: np.ndarray, x: np.ndarray, y: np.ndarray, same: np.ndarray
) -> None:
    """Write where a road user's pixels were, at the same place of its amodal box, less surely towards its border.

    ``was`` (h w, bool): where it was seen then; what stood before it is not a part of it.
    """
    height, width = same.shape
    rows = np.arange(cells[0].start, min(cells[0].stop, height))[:, None]
    columns = np.arange(cells[1].start, min(cells[1].stop, width))
    across, down = (columns + 0.5 - now[0]) / (now[2] - now[0]), (rows + 0.5 - now[1]) / (now[3] - now[1])
    x[cells], y[cells] = then[0] + across * (then[2] - then[0]) - 0.5, then[1] + down * (then[3] - then[1]) - 0.5
    seen = cv2.remap(was.astype(np.float32), x[cells], y[cells], cv2.INTER_LINEAR)  # 0 beyond the picture
    rim = 2 * np.maximum(np.abs(across - 0.5), np.abs(down - 0.5)).clip(0, 0.5)  # 0 in the middle, 1 at the border
    same[cells] = seen * (1 - rim**4)

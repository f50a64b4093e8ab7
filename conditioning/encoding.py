"""FrameFacts -> Conditions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from conditioning.conditions import MAPS, NAMES, Conditions
from conditioning.layout import MAX_TOKENS, TOKEN_DIM, box_maps, box_tokens, road_maps
from conditioning.signals import SIGNALS, signals
from conditioning.surfaces import Surfaces
from conditioning.surroundings import draw_faces, ground_maps, scenery_maps
from conditioning.texture import texture_maps
from scenarios.facts import FrameFacts


def encode(
    frames: Sequence[FrameFacts],
    *,
    interval: float,
    origin: str | None,
    size: tuple[int, int],
    image_size: tuple[int, int] | None = None,
) -> Conditions:
    """The conditions of one clip (b = 1). Any fact may be unknown.

    Args:
        frames: the facts, one per frame.
        interval: seconds from one frame to the next.
        origin: where pictures like those to come are from, one of `signals.ORIGINS`, or ``None`` if unknown.
        size: (h, w) of the maps in cells.
        image_size: (height, width) in pixels of the image that the boxes are in, for facts without a camera to tell it.

    Raises:
        ValueError: no frames; or a frame has boxes, but neither a camera nor ``image_size`` tells their image's size.
    """
    if not frames:
        raise ValueError("got no frames, expected at least one")
    arrays: dict[str, list] = {name: [] for name in ("tokens", "token_mask", *NAMES)}
    known: dict[str, list[bool]] = {name: [] for name in NAMES}
    for frame in frames:
        tokens, mask = np.zeros((MAX_TOKENS, TOKEN_DIM), np.float32), np.zeros(MAX_TOKENS, bool)
        values: dict[str, np.ndarray | tuple[float, ...] | None] = dict.fromkeys(MAPS)
        if frame.objects is not None:
            image = _image_size(frame, image_size)
            values["boxes"] = box_maps(frame.objects, image, size)
            tokens, mask = box_tokens(frame.objects, image)
        if frame.road is not None and frame.camera is not None:
            values["road"] = road_maps(frame.road, frame.camera, size)
        if frame.camera is not None and (frame.scenery is not None or frame.ego is not None):
            faces = draw_faces(frame.scenery or (), frame.camera, size)
            if frame.scenery is not None:
                values["scenery"] = scenery_maps(faces, size)
            if frame.ego is not None:
                values["texture"] = texture_maps(Surfaces.seen(faces, frame.ego, frame.camera, size))
        if frame.ego is not None and frame.ego.odometer is not None and frame.camera is not None:
            values["ground"] = ground_maps(frame.ego.odometer, frame.camera, size)
        values |= signals(frame, interval=interval, origin=origin)
        arrays["tokens"].append(tokens)
        arrays["token_mask"].append(mask)
        for name, value in values.items():
            shape = (MAPS[name], *size) if name in MAPS else (SIGNALS[name],)
            arrays[name].append(np.zeros(shape, np.float32) if value is None else value)
            known[name].append(value is not None)
    return Conditions(
        maps={name: _tensor(arrays[name]) for name in MAPS},
        tokens=_tensor(arrays["tokens"]),
        token_mask=torch.from_numpy(np.stack(arrays["token_mask"]))[None],
        signals={name: _tensor(arrays[name]) for name in SIGNALS},
        known={name: torch.tensor(known[name])[None] for name in NAMES},
    )


def _image_size(frame: FrameFacts, image_size: tuple[int, int] | None) -> tuple[int, int]:
    if frame.camera is not None:
        return frame.camera.height, frame.camera.width
    if image_size is None and frame.objects:
        raise ValueError(
            f"frame {frame.index} has boxes but no camera, expected image_size to say what they are pixels of"
        )
    return image_size or (1, 1)  # without boxes no size is needed


def _tensor(frames: list) -> torch.Tensor:
    return torch.from_numpy(np.stack([np.asarray(frame, np.float32) for frame in frames]))[None]

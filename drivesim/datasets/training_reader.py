"""Clips as training data: decoded once into memory maps, then read at random in windows of frames.

A cache entry is a folder named by a hash of everything it was made from, and it is whole or absent: a killed run makes
only the missing entries again, and no entry is ever stale. There are

* ``frames``: colour (t h w 3) uint8 at the networks' size;
* ``conditions``: `Conditions.to_arrays`, leading dim t;
* ``crops``: patches of k short windows at the upsampler's size, colour (k t h w 3) uint8, their place and Conditions;
* ``seen``: the range of what the clip shows;
* ``latents`` and ``decoded``: what the autoencoder makes of frames and crops (`drivesim.training.data`).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from conditioning import encode
from conditioning.conditions import MAPS
from drivesim import atomic
from drivesim.clips import Clip, read_clip, verify
from drivesim.clips.dataset import is_dataset, read_dataset
from drivesim.errors import UserError
from scenarios.randomness import generator
from scenarios.suite import evaluation_names

Size = tuple[int, int]
"""(height, width) in pixels or in cells."""
Arrays = dict[str, np.ndarray]
CACHE_VERSION = 3
"""Part of every key: raise it when what is stored changes."""
FACTS_VERSION = 5
"""Part of the key of what has conditions: raise it when how facts are encoded changes."""


def find_clips(folders: Sequence[str | Path]) -> list[Clip]:
    """All Clips below ``folders``, sorted by path: drivesim's own, or plain footage where a folder has none of those.

    A dataset gives the clips of its split "train", and so does a folder of shards (`drivesim.datasets.shards`), in the
    order of its index.

    Raises `UserError` where a folder is missing or holds no video, or a clip of an evaluation scenario
    (`scenarios.suite`): who trains on those cannot be scored on them. They are known by name, since with one value
    changed, as in a sweep, a scenario has another fingerprint and is still much the same.
    """
    from drivesim.datasets import read_footage
    from drivesim.datasets.shards import is_sharded, read_shards

    clips: list[Clip] = []
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise UserError(f"{folder}: not a folder, expected a folder of clips")
        if is_sharded(folder):
            clips += read_shards(folder)
            continue
        if is_dataset(folder):
            dataset = read_dataset(folder)
            clips += [dataset.clip(row) for row in dataset.rows if row.split == "train"]
            continue
        own = sorted(_clip_folders(folder))
        clips += [read_clip(path) for path in own] if own else read_footage(folder)
    if not clips:
        raise UserError(f"{', '.join(map(str, folders))}: no clips found, expected folders with clip.json or mp4 files")
    for clip in clips:
        name = (clip.provenance.get("scenario") or {}).get("name")
        if name in evaluation_names():
            raise UserError(
                f"{clip.path}: a clip of the scenario {name}, which models are evaluated on, with any values; expected "
                "others for training (one of your own by that name: give it another and make its clips again)"
            )
    return clips


def _clip_folders(folder: Path) -> Iterator[Path]:
    for place, inner, files in os.walk(folder, followlinks=True):
        if "clip.json" in files:
            yield Path(place)
        inner[:] = [name for name in inner if not name.startswith(".")]


def held_out(clips: Sequence[Clip], share: float) -> list[bool]:
    """Which clips are kept from training, by a hash of their names.

    Of the clips of each frame rate at least one is kept and at least one is not, so that every kind of window can be
    measured; a clip alone of its rate is trained on. Raises `UserError` if no rate has two clips.
    """
    rates: dict[float, list[int]] = {}
    for number, clip in enumerate(clips):
        rates.setdefault(clip.fps, []).append(number)
    kept: set[int] = set()
    for group in rates.values():
        count = min(max(1, round(share * len(group))), len(group) - 1)
        kept |= set(sorted(group, key=lambda number: hashlib.sha256(clips[number].name.encode()).digest())[:count])
    if not kept:
        raise UserError(f"found {len(clips)} clips, expected two of a frame rate: one is held out from training")
    return [number in kept for number in range(len(clips))]


def fingerprint(clip: Clip) -> str:
    """A hash that changes with a clip: of clip.json, which has its files' sums, or of a file's size and date."""
    if clip.sha256 is not None:
        return clip.sha256
    state = clip.path.stat()
    return hashlib.sha256(f"{clip.path.name}/{clip.name}/{state.st_size}/{state.st_mtime_ns}".encode()).hexdigest()


def cached(root: Path, kind: str, inputs: Mapping[str, Any], build: Callable[[], Mapping[str, np.ndarray]]) -> Arrays:
    """The arrays of a cache entry, memory-mapped. ``inputs``: JSON values; ``build`` makes a missing one."""
    folder = root / f"{kind}-{_key(inputs)}"
    if not folder.is_dir():
        with atomic.new_folder(folder) as partial:
            for name, array in build().items():
                np.save(partial / f"{name}.npy", array)
    return {path.stem: mapped(path) for path in sorted(folder.glob("*.npy"))}


def mapped(path: Path) -> np.ndarray:
    """The array of a file that `numpy.save` wrote, memory-mapped, read-only.

    NumPy's own maps keep their file open: two dozen for each clip, and the system allows some thousands in all.
    """
    with path.open("rb") as file:
        if (version := np.lib.format.read_magic(file)) != (1, 0):
            raise ValueError(f"{path} is of NumPy's format {version}, expected (1, 0)")
        shape, columns_first, kind = np.lib.format.read_array_header_1_0(file)
        start = file.tell()
    raw = torch.from_file(str(path), size=path.stat().st_size, dtype=torch.uint8).numpy()
    raw.flags.writeable = False
    return raw[start:].view(kind).reshape(shape, order="F" if columns_first else "C")


def _key(inputs: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class CropPlan:
    """Which patches of a clip the upsampler trains on.

    ``count``: windows per clip. ``frames``: neighbouring frames per window. ``height, width``: of a patch in pixels.
    ``factor``: how much larger the upsampler's frames are than the autoencoder's. ``grid``: of their places, px.
    """

    count: int = 2
    frames: int = 6
    height: int = 256
    width: int = 256
    factor: int = 4
    grid: int = 32


class CachedClip:
    """One clip as the networks read it: ``colour`` and ``conditions`` by frame, and `crops`."""

    def __init__(self, clip: Clip, root: Path, *, size: Size, map_size: Size) -> None:
        """``size``: of the frames in pixels; ``map_size``: of the condition maps in cells. Nothing is read yet."""
        self.clip, self.root, self.size, self.map_size = clip, root, size, map_size
        self.length, self.fps, self.fingerprint = len(clip), clip.fps, fingerprint(clip)

    @cached_property
    def colour(self) -> np.ndarray:
        """The frames (t h w 3) uint8, decoded the first time."""
        return cached(self.root, "frames", self.inputs(size=self.size), self._read_colour)["colour"]

    @cached_property
    def conditions(self) -> Arrays:
        """`Conditions.to_arrays` of the frames, encoded the first time."""
        inputs = self.inputs(map_size=self.map_size, facts=FACTS_VERSION)
        return cached(self.root, "conditions", inputs, lambda: self._encode(range(self.length), self.map_size))

    def inputs(self, **more: Any) -> dict[str, Any]:
        """What a cache entry of this clip is keyed by, with ``more`` of its own."""
        return {"clip": self.fingerprint, "version": CACHE_VERSION, **more}

    def seen(self) -> dict[str, list[Any]]:
        """What the clip shows: [least, most] of numbers, a list of names; unknown facts are left out.

        "focal_length" is in image widths, "height" in m and "pitch" in rad, of the camera; "fps" in frames/s.
        """
        folder = self.root / f"seen-{_key(self.inputs())}"
        if not folder.is_dir():
            with atomic.new_folder(folder) as partial:
                atomic.write_json(partial / "seen.json", _seen(self.clip))
        return json.loads((folder / "seen.json").read_text(encoding="utf-8"))

    def crops(self, plan: CropPlan) -> Arrays:
        """The patches of a plan.

        "colour" (k t h w 3), "place" (k 2) top and left in px, "frames" (k t) indices, and Conditions arrays (k t ...).
        """
        inputs = self.inputs(size=self.size, plan=asdict(plan), facts=FACTS_VERSION)
        return cached(self.root, "crops", inputs, lambda: self._cut(plan))

    def _read_colour(self) -> dict[str, np.ndarray]:
        if (self.clip.path / "clip.json").is_file():  # not footage, which has no sums
            verify(self.clip.path)  # here, where all of it is read anyway: most damage to a video still decodes
        return {"colour": np.stack(list(self.clip.frames(size=self.size)))}

    def _encode(self, indices: Sequence[int], map_size: Size) -> Arrays:
        """Conditions arrays (t ...) of some frames. Facts are encoded one by one, so that memory stays small."""
        clip = self.clip
        image = (clip.height, clip.width)
        rows = [
            encode(
                [clip.facts[k]], interval=1.0 / clip.fps, origin=clip.origin, size=map_size, image_size=image
            ).to_arrays()
            for k in indices
        ]
        return {name: np.concatenate([row[name][0] for row in rows]) for name in rows[0]}

    def _cut(self, plan: CropPlan) -> Arrays:
        height, width = (side * plan.factor for side in self.size)
        parts: list[Arrays] = []
        for k in range(plan.count):
            random = generator(0, f"crop/{self.fingerprint}", k)
            start = random.randrange(self.length - plan.frames + 1)
            top = random.randrange(0, height - plan.height + 1, plan.grid)
            left = random.randrange(0, width - plan.width + 1, plan.grid)
            indices = range(start, start + plan.frames)
            part = self._encode(indices, self.size)
            low = tuple(side // plan.factor for side in (top, left, plan.height, plan.width))
            for name in MAPS:
                part[name] = part[name][:, :, low[0] : low[0] + low[2], low[1] : low[1] + low[3]]
            colour = self.clip.read(indices, size=(height, width))
            part["colour"] = colour[:, top : top + plan.height, left : left + plan.width]
            part["place"], part["frames"] = np.array([top, left]), np.array(indices)
            parts.append(part)
        return {name: np.stack([part[name] for part in parts]) for name in parts[0]}


def _seen(clip: Clip) -> dict[str, list[Any]]:
    numbers: dict[str, set[float]] = {"fps": {clip.fps}}
    weathers: set[str] = set()
    for facts in clip.facts:
        if facts.daylight is not None:
            numbers.setdefault("daylight", set()).add(facts.daylight)
        if facts.weather is not None:
            weathers.add(facts.weather)
        if facts.camera is not None:
            lens = {
                "focal_length": facts.camera.fx / facts.camera.width,
                "height": facts.camera.z,
                "pitch": facts.camera.pitch,
            }
            for name, value in lens.items():
                numbers.setdefault(name, set()).add(value)
    ranges: dict[str, list[Any]] = {name: [min(values), max(values)] for name, values in numbers.items()}
    return ranges | ({"weather": sorted(weathers)} if weathers else {})


@dataclass(frozen=True)
class Window:
    """Some frames of one clip. ``clip``: its number. ``indices``: the frames. ``interval``: seconds between them."""

    clip: int
    indices: range
    interval: float


def stride_for(fps: float, rate: float) -> int | None:
    """How many frames of a clip at ``fps`` make one step at ``rate`` (frames/s); ``None`` if that is no whole number.

    >>> stride_for(7.5, 1.875), stride_for(30.0, 7.5), stride_for(10.0, 7.5)
    (4, 4, None)
    """
    stride = round(fps / rate)
    return stride if stride >= 1 and abs(fps / rate - stride) < 1e-3 else None


class Windows:
    """Draws windows of ``frames`` frames at one of ``rates`` (frames/s): a pure function of (seed, purpose, index).

    A rate is drawn first, then a clip that allows it, then a start, each evenly: clips of a rare rate come as often.
    A single frame has no neighbour, so it may stand for any rate. An empty ``rates`` means every clip's own.
    Raises `UserError` when no clip is long enough.
    """

    def __init__(self, clips: Sequence[tuple[int, float]], *, frames: int, rates: Sequence[float] = ()) -> None:
        """``clips``: (number of frames, fps) of each."""
        self.frames = frames
        self.choices: list[tuple[float | None, list[tuple[int, int]]]] = []
        for rate in rates or (None,):
            strides = [(i, self._stride(fps, rate)) for i, (_, fps) in enumerate(clips)]
            fitting = [(i, s) for i, s in strides if s is not None and (frames - 1) * s < clips[i][0]]
            if fitting:
                self.choices.append((rate, fitting))
        self.clips = list(clips)
        if not self.choices:
            raise UserError(
                f"no clip holds {frames} frames at {list(rates) or 'its own'} frames/s, expected longer clips"
            )

    def _stride(self, fps: float, rate: float | None) -> int | None:
        return 1 if rate is None or self.frames == 1 else stride_for(fps, rate)

    def draw(self, seed: int, purpose: str, index: int) -> Window:
        """Window number ``index`` of an endless sequence."""
        random = generator(seed, purpose, index)
        rate, fitting = random.choice(self.choices)
        clip, stride = random.choice(fitting)
        length, fps = self.clips[clip]
        start = random.randrange(length - (self.frames - 1) * stride)
        indices = range(start, start + (self.frames - 1) * stride + 1, stride)
        return Window(clip, indices, 1.0 / rate if rate else stride / fps)

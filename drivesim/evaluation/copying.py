"""Does a generator show its training clips again? Its windows against those of the clips that it learned from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from drivesim.clips import Clip
from drivesim.datasets.training_reader import fingerprint
from drivesim.errors import UserError
from drivesim.metrics.copies import QUANTILE, copy_threshold, least_clips, nearest
from drivesim.metrics.detection import bootstrap
from drivesim.metrics.features import Pixels

SPACE = Pixels()
SIZE = (SPACE.height, SPACE.width)  # at which windows are held: the features look at no more
APART = 0.25  # s between the starts of training windows: a copy may begin anywhere
BATCH = 2048  # training windows compared at once: 100 MB of features, at four frames each
SHOWN = 6  # pairs that are told


class Window(NamedTuple):
    """Some frames of a clip."""

    clip: Clip
    frames: range

    def picture(self, size: tuple[int, int]) -> np.ndarray:
        """The middle frame (uint8 h w 3 RGB) of ``size`` (height, width)."""
        return self.clip.read([self.frames[len(self.frames) // 2]], size=size)[0]


class Pair(NamedTuple):
    """A generated window, the training window nearest to it, and how far apart they lie in the features' space."""

    shown: Window
    training: Window
    distance: float

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        (clip, frames), (source, its) = self.shown, self.training
        return {
            "drive": clip.provenance["scenario"]["name"], "frames": list(frames), "training": source.name,
            "training_frames": list(its), "distance": self.distance,
        }  # fmt: skip


def copies(
    clips: Mapping[str, Sequence[Clip]], training: Sequence[Clip], *, film: int, seed: int, draws: int
) -> tuple[dict[str, Any], list[Pair]]:
    """How near the generated windows of ``film`` frames lie to the clips of the ``training``; the rollout's nearest.

    ``clips``: by arm, of the same drives and one frame rate; the town's, which no training sees, are the held-out ones.
    By arm ``share`` of the windows that lie nearer to a training window than ``threshold``, with its 95% interval over
    drives: at most `QUANTILE` on average if nothing is copied (`copy_threshold`). Of fewer held-out drives than
    ``needed`` there is no threshold and no share, only the nearest. Where the training clips are of another kind than
    the town, the threshold is too high, and so is the share. Training clips whose rate is no multiple of the rollouts',
    or that are too short, are ``left_out``. Raises ``UserError`` if none is left.
    """
    rate = clips["town"][0].fps
    known, known_pixels = _cut(training, rate, film, apart=APART)
    cut = {arm: _cut(made, rate, film, apart=film / rate) for arm, made in clips.items()}
    distance, number = _nearest(np.concatenate([pixels for _, pixels in cut.values()]), known_pixels)
    ends = np.cumsum([len(row) for row, _ in cut.values()])[:-1]
    split = zip(cut.items(), np.split(distance, ends), np.split(number, ends), strict=True)
    by_arm = {arm: (row, own, which) for (arm, (row, _)), own, which in split}
    windows, own, _ = by_arm.pop("town")
    drives = [str(window.clip.path) for window in windows]
    threshold = copy_threshold(own, drives, quantile=QUANTILE)
    windows, own, which = by_arm["rollout"]
    pairs = [Pair(windows[k], known[which[k]], float(own[k])) for k in np.argsort(own, kind="stable")[:SHOWN].tolist()]
    used = {window.clip.path: window.clip for window in known}
    told = {
        "features": {"name": SPACE.name, "sha256": SPACE.fingerprint},
        "window": film,
        "training": {
            "clips": len(used),
            "left_out": len(training) - len(used),
            "windows": len(known),
            "sha256": sha256("".join(map(fingerprint, used.values())).encode()).hexdigest(),
        },
        "held_out": {
            "clips": len(set(drives)),
            "needed": least_clips(QUANTILE),
            "windows": len(drives),
            "quantile": QUANTILE,
            "threshold": threshold,
        },
        "arms": {
            arm: _stand(windows, own, threshold, seed=seed, draws=draws) for arm, (windows, own, _) in by_arm.items()
        },
        "nearest": [pair.to_dict() for pair in pairs],
    }
    return told, pairs


def _cut(clips: Sequence[Clip], rate: float, film: int, *, apart: float) -> tuple[list[Window], np.ndarray]:
    """Windows of ``film`` frames at ``rate`` frames/s, that start ``apart`` s, and their pixels (n film h w 3)."""
    windows: list[Window] = []
    pixels: list[np.ndarray] = []
    for clip in clips:
        step, stride = round(clip.fps / rate), max(1, round(apart * clip.fps))
        if step < 1 or not np.isclose(step * rate, clip.fps, rtol=1e-3):
            continue
        spans = [range(k, k + film * step, step) for k in range(0, len(clip) - (film - 1) * step, stride)]
        frames = list(clip.frames(size=SIZE)) if spans else []
        windows += [Window(clip, span) for span in spans]
        pixels += [np.stack([frames[k] for k in span]) for span in spans]
    if not windows:
        raise UserError(f"found {len(clips)} clips, expected one or more of {film} frames at {rate:g} frames/s")
    return windows, np.stack(pixels)


def _nearest(shown: np.ndarray, training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distance of each window ``shown`` to its nearest training window, and which that is."""
    parts = [nearest(shown, SPACE(training[k : k + BATCH]), SPACE) for k in range(0, len(training), BATCH)]
    distances, numbers = (np.stack(column) for column in zip(*parts, strict=True))
    best = distances.argmin(0)
    return distances.min(0), BATCH * best + numbers[best, np.arange(len(shown))]


def _stand(
    windows: Sequence[Window], distance: np.ndarray, threshold: float | None, *, seed: int, draws: int
) -> dict[str, Any]:
    """One arm's share of windows below the threshold, with its interval over drives; both None without one."""
    about = {"windows": len(windows), "nearest": float(distance.min())}
    if threshold is None:
        return {**about, "share": None, "interval": None}
    drives: dict[Path, list[bool]] = {}
    for window, caught in zip(windows, (distance < threshold).tolist(), strict=True):
        drives.setdefault(window.clip.path, []).append(caught)
    groups = list(drives.values())

    def share(drawn: Sequence[int]) -> float:
        return float(np.mean([caught for k in drawn for caught in groups[k]]))

    interval = bootstrap(share, len(groups), seed=seed, draws=draws)
    return {**about, "share": share(range(len(groups))), "interval": interval}

"""The acceptance lines of the autoencoder: how well frames that no training saw come back, beside TAEF2's.

Beside PSNR stands the share of the frames' sharpness that is left: no rollout is sharper than what is decoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from chain import psnr
from lines import Line, Result, Unavailable, shared
from video import chosen, drives

SIZE = (128, 256)
EVERY = 8  # frames of real video
TOWN_FPS = 0.5
REAL = {
    "PandaSet": [("pandaset_002", f"{name}_camera.mp4") for name in ("front", "front_right", "back")],
    "Udacity": [("udacity_lanelines", "solidWhiteRight.mp4")],
}
"""Real video by source; the shipped weights have seen the last one."""


def town(folder: Path) -> Result:
    """Frames of the evaluation drives, which training refuses, as the town draws them."""
    from drivesim.town import render
    from scenarios import compile

    timelines = [compile(drive.load(), fps=TOWN_FPS, seed=drive.seed) for drive in drives()]
    clips = [render(timeline, folder / timeline.scenario.name) for timeline in timelines]
    pictures = [clip.read(range(len(clip)), size=SIZE) for clip in clips]
    figure = _round_trips(pictures)
    return Result(figure, figure["ours_dB"] >= 30)


def real(folder: Path) -> Result:
    """Real frames by source; PandaSet's, which no shipped weights have seen, are what is held to the bound."""
    figure = {}
    for name, places in REAL.items():
        figure[name] = _round_trips([_footage(shared(*place)) for place in places])
    return Result(figure, figure["PandaSet"]["ours_dB"] >= 25)


def _footage(file: Path) -> np.ndarray:
    from drivesim.datasets import read_footage

    (clip,) = read_footage(file)
    return clip.read(range(0, len(clip), EVERY), size=SIZE)


def _round_trips(clips: Sequence[np.ndarray]) -> dict[str, Any]:
    """PSNR and share of the sharpness over all frames of some clips (t h w 3), ours and TAEF2's."""
    import torch
    from taef2 import Taef2

    from drivesim.parts import load_weights

    ours, theirs = load_weights(chosen()).autoencoder, _taef2(Taef2)
    truth = torch.from_numpy(np.concatenate(clips)).permute(0, 3, 1, 2) / 255
    trips = {"ours": partial(_back, ours)} | ({} if theirs is None else {"taef2": theirs.round_trip})
    told: dict[str, float] = {}
    for name, trip in trips.items():
        back = torch.cat([trip(part) for part in truth.split(8)])
        told |= {f"{name}_dB": psnr(back, truth), f"{name}_sharpness": _sharpness(back) / _sharpness(truth)}
    return {"clips": len(clips), "frames": len(truth), **told}


def _sharpness(pictures: Any) -> float:
    """The mean over pictures (n 3 h w) in [0, 1]."""
    from drivesim.metrics.appearance import sharpness

    frames = pictures.clamp(0, 1).mul(255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()
    return float(np.mean([sharpness(frame) for frame in frames]))


def _taef2(kind: Any) -> Any:
    try:
        return kind(shared("taef2"))
    except Unavailable:
        return None


def _back(autoencoder: Any, pictures: Any) -> Any:
    import torch

    with torch.no_grad():
        return autoencoder.decode(autoencoder.encode(2 * pictures - 1).mode()).clamp(-1, 1) / 2 + 0.5


LINES = (
    Line("autoencoder on the town's evaluation drives", ">= 30 dB", town),
    Line("autoencoder on real frames", ">= 25 dB on PandaSet", real),
)

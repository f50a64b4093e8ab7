"""One training of one arm: a detector from clips, as an ONNX file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning as L

from drivesim.clips import Clip
from drivesim.generate.making import one_thread
from drivesim.trainability.protocol import TrainabilityProtocol
from drivesim.training.callbacks import Averaging
from drivesim.training.cli import quieten_lightning, trainer_defaults
from drivesim.training.codec import fast_layout
from drivesim.training.detector import DetectorStage
from drivesim.training.detector_data import DetectorData
from drivesim.training.detector_run import export
from scenarios.randomness import key

EVERY_FRAME = 1000.0  # frames/s: above the rate of any clip, so that none of its frames is passed over


def data_of(clips: Sequence[Clip], cache: Path, protocol: TrainabilityProtocol, *, seed: int) -> DetectorData:
    """Batches of all frames of ``clips``; one that is there twice is drawn twice as often.

    Raises `UserError` if fewer than two of them have labels.
    """
    data = DetectorData(
        [str(clip.path) for clip in clips],
        str(cache),
        batch_size=protocol.batch,
        size=protocol.network.size,
        rate=EVERY_FRAME,
        zoom=protocol.zoom,
        seed=seed,
        purpose="trainability",
    )
    data.prepare_caches()
    data.train_rows += data.held_out_rows  # what is held back here are the clips of the test, which are not among these
    return data


def train(
    clips: Sequence[Clip],
    path: Path,
    protocol: TrainabilityProtocol,
    *,
    seed: int,
    cache: Path,
    device: str,
    card: dict[str, Any],
) -> None:
    """Train a detector and write it to ``path``, with ``card`` inside.

    Detectors of one seed start from the same weights. On the CPU the same clips and seed give the same file.
    """
    quieten_lightning()
    with one_thread():
        data = data_of(clips, cache, protocol, seed=seed)
        L.seed_everything(key(seed, "trainability/weights") % 2**32, verbose=False)
        stage = DetectorStage(network=protocol.network, batches=protocol.steps, seed=seed, rate=protocol.rate)
        fast_layout(stage)
        averaging: Any = Averaging()
        kind, _, number = device.partition(":")  # "cuda:1" is torch's way to say what Lightning takes as two settings
        settings = {**trainer_defaults(kind), "devices": [int(number)] if number else 1, "enable_progress_bar": False}
        trainer = L.Trainer(**settings, max_steps=protocol.steps, callbacks=[averaging])
        trainer.fit(stage, data)
        averaging.copy_to(stage)
        export(stage.trained, path, card=card)

"""What happens beside the training step: averaged weights, resume points, loss curve, pictures, the step's time."""

from __future__ import annotations

import csv
import io
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
from lightning.pytorch.loggers import TensorBoardLogger
from PIL import Image
from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard import SummaryWriter

from drivesim import atomic
from drivesim.errors import UserError
from drivesim.training.ema import EMA

logger = logging.getLogger(__name__)


class Averaging(L.Callback):
    """Keeps an `EMA` of ``module.trained`` for each width, and saves them in every checkpoint."""

    def __init__(self, widths: Sequence[float] = (0.05,)) -> None:
        """``widths``: see `EMA`; the first is shown while the stage trains."""
        self.widths = tuple(widths)
        self.averages: dict[float, EMA] = {}
        self._loaded: dict[str, Any] | None = None

    @property
    def ema(self) -> EMA:
        """That of the first width."""
        return self.averages[self.widths[0]]

    @property
    def resumed(self) -> bool:
        """Whether they go on from a checkpoint."""
        return self._loaded is not None

    def on_fit_start(self, trainer: L.Trainer, pl_module: Any) -> None:
        """Start the averages, or go on with the checkpoint's."""
        self.averages = {width: EMA(pl_module.trained, width=width) for width in self.widths}
        if self._loaded is None:
            return
        if set(self._loaded) != {str(width) for width in self.widths}:
            raise UserError(
                f"the resume point of {pl_module.part} was written by another version, which kept other averages:"
                " finish it with that, or train the stage anew with a new --out"
            )
        for width, ema in self.averages.items():
            ema.load_state_dict(self._loaded[str(width)])

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: Any, *_: Any) -> None:
        """Take in the step's weights."""
        for ema in self.averages.values():
            ema.update(pl_module.trained)

    def copy_to(self, stage: Any) -> None:
        """Make the average of the first width the stage's weights."""
        self.ema.copy_to(stage.trained)

    def state_dict(self) -> dict[str, Any]:
        """Saved by Lightning in the checkpoint."""
        return {str(width): ema.state_dict() for width, ema in self.averages.items()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Called by Lightning before `on_fit_start`."""
        self._loaded = state_dict


class LossCurve(L.Callback):
    """Writes the losses of every batch to a csv file whose bytes do not depend on when a run was killed and resumed.

    A resumed run drops the rows after its checkpoint and writes them again.
    """

    def __init__(self, path: str | Path) -> None:
        """``path``: the csv file."""
        self.path = Path(path)
        self.rows: list[dict[str, Any]] = []

    def on_train_start(self, trainer: L.Trainer, pl_module: Any) -> None:
        """Keep the rows of the batches before this one."""
        first = pl_module.batches_done
        kept = []
        if self.path.exists():
            with self.path.open(encoding="utf-8", newline="") as file:
                kept = [row for row in csv.DictReader(file) if int(row["batch"]) < first]
        self.rows = list(kept)
        self.flush()

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: Any, *_: Any) -> None:
        """Note the losses of this batch."""
        self.rows.append({"batch": pl_module.batches_done - 1, **pl_module.losses})

    def on_train_end(self, trainer: L.Trainer, pl_module: Any) -> None:
        """Write the rest."""
        self.flush()

    def flush(self) -> None:
        """Write all rows."""
        text = io.StringIO()
        if self.rows:
            writer = csv.DictWriter(text, list(self.rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)
        atomic.write_text(self.path, text.getvalue())


class ResumePoints(L.Callback):
    """Saves a Lightning checkpoint every ``seconds`` and at the end, whole or not at all, after the loss curve."""

    def __init__(self, path: str | Path, curve: LossCurve, *, seconds: float) -> None:
        """``path``: the one checkpoint file, replaced each time."""
        self.path = Path(path)
        self.curve = curve
        self.seconds = seconds
        self._last = time.monotonic()

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: Any, *_: Any) -> None:
        """Save if it is time."""
        if time.monotonic() - self._last >= self.seconds:
            self.save(trainer)

    def on_train_end(self, trainer: L.Trainer, pl_module: Any) -> None:
        """Save the end, so that what follows the training can be repeated without it."""
        self.save(trainer)

    def save(self, trainer: L.Trainer) -> None:
        """Write the curve, then the checkpoint."""
        self.curve.flush()
        partial = self.path.with_name(f".{self.path.name}.partial")
        trainer.save_checkpoint(partial)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, self.path)
        atomic.sync_folder(self.path.parent)
        self._last = time.monotonic()


class Throughput(L.Callback):
    """Logs samples/s, one line every ``seconds``."""

    def __init__(self, batch_size: int, *, seconds: float = 60.0) -> None:
        """``batch_size``: samples per batch."""
        self.batch_size = batch_size
        self.seconds = seconds

    def on_train_start(self, trainer: L.Trainer, pl_module: Any) -> None:
        """Start the clock."""
        self._since = (time.monotonic(), pl_module.batches_done)

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: Any, *_: Any) -> None:
        """Say where the training stands, if it is time."""
        then, batches = self._since
        elapsed = time.monotonic() - then
        if elapsed < self.seconds:
            return
        done = pl_module.batches_done
        rate = (done - batches) * self.batch_size / elapsed
        losses = "  ".join(f"{name} {float(value):.4f}" for name, value in pl_module.losses.items())
        logger.info("%s: batch %d of %d, %.1f samples/s, %s", pl_module.part, done, pl_module.batches, rate, losses)
        self._since = (time.monotonic(), done)


class StepTimer(L.Callback):
    """Measures the seconds per batch, loading included, after ``warm_up`` batches."""

    def __init__(self, *, warm_up: int) -> None:
        """``warm_up``: batches not counted."""
        self.warm_up = warm_up
        self.ends: list[float] = []

    def on_train_batch_end(self, *_: Any) -> None:
        """Note the time."""
        self.ends.append(time.perf_counter())

    @property
    def seconds_per_batch(self) -> float:
        """The median over the counted batches."""
        return float(np.median(np.diff(self.ends[self.warm_up - 1 :])))


class Samples(L.Callback):
    """Shows what the averaged weights do, ``times`` times over the training, as images and videos in TensorBoard."""

    def __init__(self, averaging: Averaging, show: Callable[[], Mapping[str, np.ndarray]], *, times: int) -> None:
        """``show``: uint8 pictures ``(h w 3)`` and videos ``(t h w 3)`` by name."""
        self.averaging, self.show, self.times = averaging, show, times

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: Any, *_: Any) -> None:
        """Show if it is time: at even distances, the last batch included."""
        done, every = pl_module.batches_done, max(1, pl_module.batches // self.times)
        if done % every and done != pl_module.batches:
            return
        with self.averaging.ema.swapped(pl_module.trained):
            shown = self.show()
        for board in trainer.loggers:
            if isinstance(board, TensorBoardLogger):
                for name, pixels in shown.items():
                    add_pixels(board.experiment, name, pixels, done)


def add_pixels(writer: SummaryWriter, name: str, pixels: np.ndarray, position: int, *, fps: float = 7.5) -> None:
    """Write a picture ``(h w 3)`` or a video ``(t h w 3)``, uint8, to an event file.

    A video is an animated GIF in an image summary, which TensorBoard plays; torch's ``add_video`` would need moviepy.
    """
    if pixels.dtype != np.uint8 or pixels.ndim not in (3, 4) or pixels.shape[-1] != 3:
        raise ValueError(f"{name} is {pixels.dtype} {pixels.shape}, expected uint8 (h w 3) or (t h w 3)")
    file = io.BytesIO()
    if pixels.ndim == 4:
        frames = [Image.fromarray(frame).quantize(method=Image.Quantize.FASTOCTREE) for frame in pixels]
        frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=round(1000 / fps), loop=0)
    else:
        Image.fromarray(pixels).save(file, "PNG")
    height, width = pixels.shape[-3:-1]
    image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=file.getvalue())
    writer._get_file_writer().add_summary(Summary(value=[Summary.Value(tag=name, image=image)]), position)

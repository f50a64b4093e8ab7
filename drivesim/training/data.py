"""Batches for training: batch number i is a pure function of (seed, stage, i), so a resumed run sees the same ones."""

from __future__ import annotations

import hashlib
import itertools
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor

from conditioning import Conditions
from conditioning.conditions import MAPS, STEPS
from conditioning.layout import KINDS
from drivesim.clips import Clip
from drivesim.datasets.streaming import Sample, Source, Stream
from drivesim.datasets.training_reader import Arrays, CachedClip, CropPlan, Size, Windows, cached, find_clips, held_out
from drivesim.errors import UserError
from drivesim.networks.autoencoder import Autoencoder
from drivesim.training.codec import Codec

logger = logging.getLogger(__name__)

CONTENTS = ("frames", "latents", "crops")
CONDITION_ARRAYS = (*MAPS, "tokens", "token_mask", "signals", "known")
Batch = dict[str, Any]


class Batches:
    """An endless iterable of batches that starts at ``first()``; Lightning's loops take it as a loader."""

    def __init__(self, batches: Callable[[int], Iterator[Batch]], first: Callable[[], int]) -> None:
        """``batches``: from a batch's number, it and all behind. ``first``: asked each time an iteration starts."""
        self.batches, self.first = batches, first

    def __iter__(self) -> Iterator[Batch]:
        """Batch by batch, without end."""
        return self.batches(self.first())


class TrainingData(L.LightningDataModule):
    """Windows of clips as batches; which arrays a batch holds is said by ``contents``.

    * ``frames``: "colour" (b t 3 H W) in [-1, 1], and if asked for "boxes" (b t k h w), the share of each cell that
      boxes of each of `conditioning.layout.KINDS` cover;
    * ``latents``: "latents" (b t c h w) and "conditions";
    * ``crops``: "truth" (b t 3 H W) patches of the full picture, "low" (b t 3 h w) the same as the autoencoder gives
      them back, and "conditions" with maps of the patch.

    Every batch also holds its number as "number".
    """

    def __init__(
        self,
        folders: list[str],
        cache: str,
        *,
        contents: str = "frames",
        batch_size: int = 8,
        frames: int = 1,
        rates: Sequence[float] = (),
        size: Size = (128, 256),
        map_size: Size = (32, 64),
        crop: CropPlan | None = None,
        boxes: bool = False,
        stream: bool = False,
        weights: Sequence[float] = (),
        workers: int = 0,
        held_out_share: float = 0.04,
        seed: int = 0,
        purpose: str = "training",
    ) -> None:
        """Set up; nothing is read yet.

        Args:
            folders: folders of clips, or of shards of clips.
            cache: folder for the memory maps.
            contents: one of `CONTENTS`.
            batch_size: windows per batch.
            frames: frames per window.
            rates: frames per second of the windows, drawn evenly; empty: each clip's own.
            size: (height, width) of the frames in pixels.
            map_size: (height, width) of the condition maps in cells.
            crop: which patches to cut, for ``crops``.
            boxes: whether ``frames`` come with their boxes, which `AutoencoderStage.foreground` needs.
            stream: decode ``frames`` while training goes on, without a cache of them: for more clips than one machine
                holds decoded.
            weights: how often each folder's clips are streamed; empty: by how many there are.
            workers: threads that decode for a stream; 0: as many as there are cores.
            held_out_share: share of the clips kept from training to measure with.
            seed: with ``purpose``, the key of every draw.
            purpose: the stage's name.
        """
        super().__init__()
        if contents not in CONTENTS:
            raise UserError(f"contents is {contents!r}, expected one of {CONTENTS}")
        if stream and contents != "frames":
            raise UserError(f"stream is set for {contents}, which are made of a cache; expected frames")
        if boxes and (contents != "frames" or stream):
            raise UserError("boxes is set, expected it for frames that are not streamed")
        if weights and (not stream or len(weights) != len(folders)):
            raise UserError(f"{len(weights)} weights given, expected one for each of {len(folders)} streamed folders")
        self.folders, self.cache, self.contents = folders, Path(cache), contents
        self.batch_size, self.frames, self.rates = batch_size, frames, rates
        self.size, self.map_size, self.crop = size, map_size, crop or CropPlan(frames=frames)
        self.boxes, self.weights, self.workers = boxes, weights, workers
        self.stream: Stream | None = None
        self.is_streamed = stream
        self.held_out_share, self.seed, self.purpose = held_out_share, seed, purpose

    def prepare_caches(self, codec: Codec | None) -> None:
        """Read or make everything that batches are drawn from. ``codec``: needed for ``latents`` and ``crops``."""
        by_folder = [find_clips([folder]) for folder in self.folders]
        clips = list(itertools.chain(*by_folder))
        hidden = held_out(clips, self.held_out_share)
        read = [CachedClip(clip, self.cache, size=self.size, map_size=self.map_size) for clip in clips]
        if self.is_streamed:
            self.stream = self._stream(by_folder, hidden)
        else:
            self._fill(read)
        self.fingerprint = hashlib.sha256("".join(clip.fingerprint for clip in read).encode()).hexdigest()
        self.clips = read
        self.train_clips = [clip for clip, out in zip(read, hidden, strict=True) if not out]
        self.held_out_clips = [clip for clip, out in zip(read, hidden, strict=True) if out]
        self._extra: dict[str, Arrays] = {}
        if self.contents != "frames":
            assert codec is not None
            self._extra = {clip.fingerprint: self._encoded(clip, codec) for clip in read}

    def train_dataloader(self) -> Batches:
        """Batches from where the trainer stands."""
        trainer: Any = self.trainer
        return Batches(self.batches, lambda: trainer.lightning_module.batches_done)

    def batches(self, first: int) -> Iterator[Batch]:
        """Training batches ``first``, ``first + 1``, ... without end; of a stream, decoded ahead."""
        if self.stream is None:
            yield from map(self.batch, itertools.count(first))
        else:
            with closing(self.stream.samples(first * self.batch_size)) as samples:
                for number in itertools.count(first):
                    yield _streamed(number, list(itertools.islice(samples, self.batch_size)))

    def batch(self, number: int) -> Batch:
        """Training batch ``number``."""
        if self.stream is not None:
            numbers = range(number * self.batch_size, (number + 1) * self.batch_size)
            return _streamed(number, [self.stream.sample(n) for n in numbers])
        return self._draw(self.train_clips, self.purpose, number, self.batch_size)

    def held_out_batch(self, number: int, batch_size: int) -> Batch:
        """Batch ``number`` of the clips that are never trained on."""
        return self._draw(self.held_out_clips, f"{self.purpose}/held out", number, batch_size)

    def _fill(self, clips: Sequence[CachedClip]) -> None:
        """Read or make the caches of clips."""
        for number, clip in enumerate(clips):
            frames = len(clip.colour)
            reads = self.contents == "latents" or self.boxes
            assert not reads or frames == len(clip.conditions["known"])  # the others read none
            if number % 50 == 49:
                logger.info("%s: %d of %d clips read", self.purpose, number + 1, len(clips))

    def _stream(self, by_folder: Sequence[Sequence[Clip]], hidden: Sequence[bool]) -> Stream:
        """A stream of the folders' clips that are not ``hidden``, which has a flag for each clip of all."""
        flags = iter(hidden)
        seen = [[clip for clip in clips if not next(flags)] for clips in by_folder]
        weights = self.weights or [float(len(clips)) for clips in seen]
        return Stream(
            [Source(clips, weight) for clips, weight in zip(seen, weights, strict=True)],
            frames=self.frames, size=self.size, rates=self.rates, seed=self.seed, purpose=self.purpose,
            workers=self.workers,
        )  # fmt: skip

    def _draw(self, clips: list[CachedClip], purpose: str, number: int, batch_size: int) -> Batch:
        numbers = range(number * batch_size, (number + 1) * batch_size)
        if self.contents == "crops":
            return {"number": number, **self._crops(clips, purpose, numbers)}
        windows = Windows([(clip.length, clip.fps) for clip in clips], frames=self.frames, rates=self.rates)
        drawn = [windows.draw(self.seed, purpose, n) for n in numbers]
        picked = [(clips[window.clip], list(window.indices)) for window in drawn]
        if self.contents == "frames":
            colour = pictures(np.stack([clip.colour[rows] for clip, rows in picked]))
            return {"number": number, "colour": colour} | (_boxes(picked) if self.boxes else {})
        latents = np.stack([self._extra[clip.fingerprint]["latents"][rows] for clip, rows in picked])
        arrays = {name: np.stack([clip.conditions[name][rows] for clip, rows in picked]) for name in CONDITION_ARRAYS}
        conditions = Conditions.from_arrays(arrays).at_interval([window.interval for window in drawn])
        return {"number": number, "latents": torch.from_numpy(latents).float(), "conditions": conditions}

    def _crops(self, clips: list[CachedClip], purpose: str, numbers: range) -> Batch:
        starts = self.crop.frames - self.frames + 1
        windows = Windows([(self.crop.count * starts, clip.fps) for clip in clips], frames=1)
        drawn = [windows.draw(self.seed, purpose, n) for n in numbers]
        places = [(self._extra[clips[w.clip].fingerprint], *divmod(w.indices[0], starts)) for w in drawn]

        def cut(name: str) -> np.ndarray:
            return np.stack([arrays[name][k, start : start + self.frames] for arrays, k, start in places])

        conditions = Conditions.from_arrays({name: cut(name) for name in CONDITION_ARRAYS})
        return {"truth": pictures(cut("colour")), "low": pictures(cut("low")), "conditions": conditions}

    def _encoded(self, clip: CachedClip, codec: Codec) -> Arrays:
        if self.contents == "latents":
            inputs = clip.inputs(size=self.size, autoencoder=codec.latents)
            return cached(self.cache, "latents", inputs, lambda: {"latents": encode_clip(clip, codec)})
        crops = clip.crops(self.crop)
        inputs = clip.inputs(size=self.size, crop=asdict(self.crop), autoencoder=codec.fingerprints)
        return crops | cached(
            self.cache, "decoded", inputs, lambda: {"low": decode_crops(clip, crops, self.crop, codec)}
        )


def _boxes(picked: Sequence[tuple[CachedClip, list[int]]]) -> Batch:
    maps = np.stack([clip.conditions["boxes"][rows, : len(KINDS)] for clip, rows in picked])
    return {"boxes": torch.from_numpy(maps).float() / STEPS}


def _streamed(number: int, samples: Sequence[Sample]) -> Batch:
    return {"number": number, "colour": pictures(np.stack([sample.colour for sample in samples]))}


def pictures(colour: np.ndarray) -> Tensor:
    """uint8 (b t h w 3) as float (b t 3 h w) in [-1, 1]."""
    return torch.tensor(colour).permute(0, 1, 4, 2, 3).float().div_(127.5).sub_(1.0)


def pixels(picture: Tensor) -> np.ndarray:
    """Float (... 3 h w) in [-1, 1] as uint8 (... h w 3)."""
    scaled = (picture.detach().float().clamp(-1, 1) + 1.0).mul(127.5).round()
    return scaled.to(torch.uint8).movedim(-3, -1).cpu().numpy()


@torch.no_grad()
def encode_clip(clip: CachedClip, codec: Codec, *, at_once: int = 32) -> np.ndarray:
    """The latents (t c h w), float16, of a clip's frames."""
    parts = [codec.encode(pictures(clip.colour[None, k : k + at_once])[0]) for k in range(0, clip.length, at_once)]
    return torch.cat(parts).to(torch.float16).cpu().numpy()


@torch.no_grad()
def decode_crops(clip: CachedClip, crops: Arrays, plan: CropPlan, codec: Codec) -> np.ndarray:
    """Low-resolution patches (k t h w 3) uint8 of a plan's windows, encoded and decoded as whole frames."""
    top, left = crops["place"][:, 0] // plan.factor, crops["place"][:, 1] // plan.factor
    height, width = plan.height // plan.factor, plan.width // plan.factor
    patches = []
    for k, rows in enumerate(crops["frames"]):
        whole = pixels(codec.decode(codec.encode(pictures(clip.colour[None, list(rows)])[0])))
        patches.append(whole[:, top[k] : top[k] + height, left[k] : left[k] + width])
    return np.stack(patches)


@torch.no_grad()
def latent_statistics(autoencoder: Autoencoder, batches: Sequence[Batch]) -> tuple[Tensor, Tensor]:
    """Mean and deviation (c,) of the latents of batches of frames."""
    latents = torch.cat([autoencoder.encode(batch["colour"].flatten(0, 1)).mode() for batch in batches])
    return latents.mean((0, 2, 3)), latents.std((0, 2, 3))

"""Video files: H.264 (or lossless FFV1) segments, joined without encoding again; frames by number.

A segment is a closed group of pictures written by a fresh single-threaded encoder, so its bytes depend on its frames
alone. `join` copies the packets of several segments into one file. That is what makes a resumed clip equal, byte for
byte, to one that was never interrupted.
"""

from __future__ import annotations

import bisect
import errno
import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from types import TracebackType

import av
import av.error
import cv2
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation

from drivesim.clips.slices import Slice
from drivesim.errors import UserError

MAX_PIXELS = 8192 * 4320
MAX_FRAMES = 30 * 3600 * 24
SUFFIXES = {False: ".mp4", True: ".mkv"}  # by lossless
_MUXER = {".mp4": {"movflags": "faststart", "fflags": "+bitexact"}, ".mkv": {"fflags": "+bitexact"}}
_PRECISE = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
_SHRINKING = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
_BT601_TAGS = (5, 6)


def exact_rate(fps: float | Fraction) -> Fraction:
    """The frame rate as a fraction with a denominator of at most 1001, in frames per second.

    >>> exact_rate(1.875), exact_rate(30000 / 1001)
    (Fraction(15, 8), Fraction(30000, 1001))
    """
    rate = Fraction(fps).limit_denominator(1001)
    if not 0 < rate <= 1000:
        raise ValueError(f"frame rate is {fps}, expected a number of frames per second in (0, 1000]")
    return rate


def resize(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """``frame`` (h w c) as ``size`` = (height, width): the mean over areas when shrinking, linear when enlarging."""
    height, width = size
    if frame.shape[:2] == (height, width):
        return frame
    shrinks = height <= frame.shape[0] and width <= frame.shape[1]
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


class SegmentWriter:
    """Encodes frames (uint8 h w 3, RGB) to one segment file.

    H.264 High, yuv420p, crf 18, BT.709, one closed group of pictures per second and no B-frames; or FFV1 (bit-exact
    RGB) when ``lossless``. H.264 needs an even width and height; raises ``ValueError`` otherwise.
    """

    def __init__(self, path: Path, *, rate: Fraction, width: int, height: int, lossless: bool = False) -> None:
        """Open ``path`` for frames of ``width`` x ``height`` pixels at ``rate`` frames per second."""
        if not lossless and (width % 2 or height % 2):
            raise ValueError(f"video size is {width} x {height}, expected even numbers (or lossless)")
        self.path, self._shape, self._lossless = path, (height, width, 3), lossless
        self._index, self._interval = 0, 1 / rate  # frame number, seconds
        self._container = av.open(path, "w", options=_MUXER[path.suffix])
        stream = self._container.add_stream("ffv1" if lossless else "libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "bgr0" if lossless else "yuv420p"
        stream.time_base = stream.codec_context.time_base = self._interval
        stream.codec_context.thread_count = 1
        if lossless:
            stream.options = {"level": "3", "g": "1", "slicecrc": "1"}
        else:
            self._set_h264(stream, max(1, round(rate)))
        self._stream = stream

    @staticmethod
    def _set_h264(stream: av.VideoStream, group: int) -> None:
        context = stream.codec_context
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        context.colorspace, context.color_range = 1, ColorRange.MPEG  # 1: BT.709 in the numbering of the standard
        # With x264's macroblock tree 1 to 2% of small encodes gave other bytes for the same frames, without it none.
        x264 = f"keyint={group}:min-keyint={group}:scenecut=0:open-gop=0:mbtree=0"
        stream.options = {
            "crf": "18", "preset": "superfast", "profile": "high", "bf": "0", "x264-params": x264,
        }  # fmt: skip

    def write(self, frame: np.ndarray) -> None:
        """Encode the next frame. Raises ``ValueError`` if it is not uint8 of the segment's size."""
        if frame.shape != self._shape or frame.dtype != np.uint8:
            raise ValueError(f"frame is {frame.dtype} {frame.shape}, expected uint8 {self._shape}")
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
        if self._lossless:
            picture = picture.reformat(format="bgr0", threads=1)
        else:
            picture = picture.reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG,
                interpolation=_PRECISE, threads=1,
            )  # fmt: skip
        picture.pts, picture.time_base = self._index, self._interval  # the muxer changes the stream's own
        self._index += 1
        self._container.mux(self._stream.encode(picture))

    def close(self) -> None:
        """Finish the file."""
        self._container.mux(self._stream.encode(None))
        self._container.close()

    def abandon(self) -> None:
        """Close without finishing; the file is of no use."""
        self._container.close()


def join(segments: Sequence[Path], out: Path, *, rate: Fraction, comment: str = "") -> None:
    """Copy the packets of ``segments`` one after the other into ``out``, frame ``k`` at ``k / rate`` seconds."""
    index = 0
    with av.open(out, "w", options=_MUXER[out.suffix]) as target:
        target.metadata["comment"] = comment
        stream = None
        for segment in segments:
            with av.open(segment) as source:
                if stream is None:
                    stream = target.add_stream_from_template(source.streams.video[0])
                    stream.time_base = 1 / rate
                for packet in source.demux(video=0):
                    if packet.dts is None:  # the demuxer's end marker
                        continue
                    packet.stream, packet.time_base = stream, 1 / rate
                    packet.pts = packet.dts = index
                    packet.duration = 1
                    target.mux(packet)
                    index += 1


class VideoFile:
    """The frames of a video file by number. Nothing is decoded before its header has been checked.

    Raises `UserError` if the file is not a readable video, declares more than ``MAX_PIXELS`` or ``MAX_FRAMES``, or has
    another number of frames than asked for.
    """

    def __init__(self, path: str | Path | Slice, *, frames: int | None = None) -> None:
        """Open ``path`` and check its header. ``frames``: how many there must be; None: as many as there are."""
        self.path, self._frames = Path(path) if isinstance(path, str) else path, frames
        with self._open() as container:
            stream = container.streams.video[0]
            rate = stream.average_rate or stream.guessed_rate
            self.width, self.height = stream.codec_context.width, stream.codec_context.height
            if not rate or self.width * self.height == 0:
                raise UserError(f"{self.path}: the header has no frame rate or size, expected a video")
            if self.width * self.height > MAX_PIXELS or stream.frames > MAX_FRAMES:
                found = f"{self.width} x {self.height}, {stream.frames} frames"
                raise UserError(f"{self.path}: {found}, expected at most {MAX_PIXELS} pixels and {MAX_FRAMES} frames")
            try:
                self.rate = exact_rate(rate)
            except ValueError as error:
                raise UserError(f"{self.path}: {error}") from error
            # Lossless files have no count, and very short ones no rate but a guessed one.
            length = container.duration if stream.average_rate else None
            by_duration = None if length is None else round(length * self.rate / av.time_base)
            self._check_count(stream.frames or by_duration)

    def __len__(self) -> int:
        """The number of frames."""
        return len(self._times)

    def frames(self, start: int = 0, stop: int | None = None, step: int = 1) -> Iterator[np.ndarray]:
        """Frames ``start:stop:step`` as uint8 h w 3 RGB, decoded one at a time."""
        wanted = range(len(self))[start:stop:step]
        return self.pick(wanted)

    def pick(self, indices: Sequence[int], size: tuple[int, int] | None = None) -> Iterator[np.ndarray]:
        """The frames of ``indices`` (ascending, without repeats), seeking only where that skips decoding.

        With ``size`` (height, width), px, they are scaled while their colours are converted: a tenth of the work of
        `resize` behind a conversion, and frames of the town differ from its by a tenth of a level in the mean.
        """
        if not indices:
            return
        if indices[0] < 0 or indices[-1] >= len(self):
            raise IndexError(f"{self.path}: frames {indices[0]}..{indices[-1]} asked, there are {len(self)}")
        with self._open() as container:
            position = -1
            pictures: Iterator[av.VideoFrame] = iter(())
            for index in indices:
                key = self._keys[bisect.bisect_right(self._keys, index) - 1]
                if position < 0 or key > position:
                    container.seek(self._times[key], stream=container.streams.video[0])
                    pictures = container.decode(video=0)
                picture = next((p for p in pictures if p.pts is not None and p.pts >= self._times[index]), None)
                if picture is None or picture.pts != self._times[index]:
                    raise UserError(f"{self.path}: frame {index} cannot be decoded (damaged file)")
                position = index
                yield _to_rgb(picture, size)

    @cached_property
    def _index(self) -> tuple[list[int], list[int]]:
        """(presentation times in time-base units, ascending; frame numbers of the key frames), from packet heads."""
        times, keys = [], []
        with self._open() as container:
            for packet in container.demux(video=0):
                if packet.pts is not None and not packet.is_discard:
                    times.append(packet.pts)
                    if packet.is_keyframe:
                        keys.append(packet.pts)
        times.sort()
        if not times or not keys:
            raise UserError(f"{self.path}: no frame found, expected a video")
        self._check_count(len(times))
        return times, sorted(bisect.bisect_left(times, key) for key in keys)

    def _check_count(self, found: int | None) -> None:
        if None not in (found, self._frames) and found != self._frames:
            raise UserError(f"{self.path}: {found} frames, expected {self._frames}")

    @property
    def _times(self) -> list[int]:
        return self._index[0]

    @property
    def _keys(self) -> list[int]:
        return self._index[1]

    def _open(self) -> _Input:
        return _Input(self.path)


class _Input:
    """A context manager around ``av.open`` that turns FFmpeg's errors into one clear line."""

    def __init__(self, path: Path | Slice) -> None:
        self.path = path

    def __enter__(self) -> av.container.InputContainer:
        self.file = self.path.open() if isinstance(self.path, Slice) else None
        try:
            self.container = av.open(self.file or self.path, "r", metadata_errors="replace")
        except (OSError, av.error.FFmpegError) as error:
            reason = error.strerror or os.strerror(errno.EIO)  # FFmpeg has errors that the system does not know
            raise UserError(f"{self.path}: {reason}, expected a video file") from error
        if not self.container.streams.video:
            self.container.close()
            raise UserError(f"{self.path}: no video stream found, expected a video file")
        return self.container

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.container.close()
        if self.file is not None:
            self.file.close()
        if isinstance(error, av.error.InvalidDataError):
            raise UserError(f"{self.path}: damaged video ({error})") from error


def _to_rgb(picture: av.VideoFrame, size: tuple[int, int] | None = None) -> np.ndarray:
    """RGB by the picture's own tags; untagged video is BT.709 from 720 lines on and BT.601 below, limited range.

    ``size``: (height, width) to shrink to; where the picture is the smaller it is enlarged by `resize`.
    """
    smaller = size is not None and size[0] <= picture.height and size[1] <= picture.width
    if size is not None and (picture.format.is_rgb or not smaller):
        return resize(_to_rgb(picture), size)
    if picture.format.is_rgb:
        return picture.to_ndarray(format="rgb24")
    tag = int(picture.colorspace)
    old = tag in _BT601_TAGS or (tag == 2 and picture.height < 720)  # 2: unspecified
    full = picture.color_range == ColorRange.JPEG or picture.format.name.startswith("yuvj")
    height, width = size or (picture.height, picture.width)
    return picture.to_ndarray(
        format="rgb24", width=width, height=height,
        src_colorspace=Colorspace.ITU601 if old else Colorspace.ITU709,
        src_color_range=ColorRange.JPEG if full else ColorRange.MPEG, dst_color_range=ColorRange.JPEG,
        interpolation=_PRECISE if size is None else _SHRINKING,
    )  # fmt: skip

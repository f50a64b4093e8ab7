"""Clips and their store on disk: everything that is video is a `Clip`.

A clip is a folder that is whole or absent::

    video.mp4 (or video.mkv, lossless)   the frames
    facts.jsonl                          a header line, then one FrameFacts per frame
    clip.json                            provenance, size, rate, sha256 of the files, the mark "synthetic"
    run.json                             when and where it was made; outside all checksums

`ClipWriter` builds it in ``.<name>.partial`` beside its place, chunk by chunk. A killed run that starts again with the
same provenance goes on after the last whole chunk, and the clip has the bytes of an uninterrupted run.
"""

from __future__ import annotations

from drivesim.clips.clip import MAIN, Clip, FrameSource
from drivesim.clips.store import canonical, finished, read_clip, software, verify
from drivesim.clips.writer import ClipWriter

__all__ = [
    "MAIN",
    "Clip",
    "ClipWriter",
    "FrameSource",
    "canonical",
    "finished",
    "read_clip",
    "software",
    "verify",
]

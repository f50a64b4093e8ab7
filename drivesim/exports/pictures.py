"""Frames as picture files, each marked as synthetic."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

JPEG_QUALITY = 95
MARK = "synthetic: drivesim"


def write_picture(path: Path, frame: np.ndarray) -> None:
    """Write a frame as JPEG or, without loss, as PNG, by the name's end; its folder is made.

    ``frame``: uint8 (h w 3) RGB; for PNG also uint8 or uint16 (h w) of one channel.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(frame)
    if path.suffix == ".png":
        note = PngInfo()
        note.add_text("Comment", MARK)
        picture.save(path, pnginfo=note, compress_level=1)
    else:
        picture.save(path, quality=JPEG_QUALITY, comment=MARK)

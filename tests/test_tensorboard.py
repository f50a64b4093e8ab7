from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from drivesim.training.callbacks import add_pixels


def read_back(folder) -> EventAccumulator:
    events = EventAccumulator(str(folder), size_guidance={"images": 0, "scalars": 0})
    events.Reload()
    return events


def test_picture_is_read_back_pixel_by_pixel(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (8, 16, 3), np.uint8)
    with SummaryWriter(str(tmp_path)) as writer:
        add_pixels(writer, "samples/picture", picture, 7)
    (event,) = read_back(tmp_path).Images("samples/picture")
    assert (event.step, event.width, event.height) == (7, 16, 8)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(event.encoded_image_string))), picture)


def test_video_is_read_back_with_all_its_frames(tmp_path):
    video = np.zeros((5, 8, 16, 3), np.uint8)
    for index in range(5):
        video[index, :, index * 3 :] = 40 + 50 * index
    with SummaryWriter(str(tmp_path)) as writer:
        add_pixels(writer, "samples/video", video, 3, fps=7.5)
    (event,) = read_back(tmp_path).Images("samples/video")
    gif = Image.open(io.BytesIO(event.encoded_image_string))
    assert (gif.format, gif.n_frames) == ("GIF", 5)
    for index in range(5):
        gif.seek(index)
        assert np.abs(np.asarray(gif.convert("RGB")).astype(int) - video[index]).max() <= 4
    assert gif.info["duration"] == 130  # 1 / 7.5 s, to the 10 ms that a GIF can say


def test_pixels_of_another_type_or_shape_are_refused(tmp_path):
    with SummaryWriter(str(tmp_path)) as writer, pytest.raises(ValueError, match="expected uint8"):
        add_pixels(writer, "x", np.zeros((8, 8, 3), np.float32), 0)

"""Video files: exact colours and rates, frames by number, segments joined without encoding again."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.frame import PictureType

from drivesim.clips import video
from drivesim.clips.video import SegmentWriter, VideoFile, exact_rate, join, resize
from drivesim.errors import UserError

RATE = Fraction(30)


def write(path: Path, frames, rate=RATE, lossless=False) -> Path:
    height, width = frames[0].shape[:2]
    segment = SegmentWriter(path, rate=rate, width=width, height=height, lossless=lossless)
    for frame in frames:
        segment.write(frame)
    segment.close()
    return path


def greys(count: int, first: int = 0) -> list[np.ndarray]:
    """Frames that tell their own number: frame k is grey 4 k."""
    return [np.full((32, 64, 3), 4 * (first + k), np.uint8) for k in range(count)]


def numbers(frames) -> list[int]:
    return [round(float(frame.mean()) / 4) for frame in frames]


def noise(count: int) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (count, 32, 64, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    "colour", [(200, 30, 40), (20, 180, 60), (10, 20, 220), (128, 128, 128), (255, 255, 255), (0, 0, 0)]
)
def test_a_colour_comes_back_within_two_levels(tmp_path, colour):
    path = write(tmp_path / "a.mp4", [np.full((64, 64, 3), colour, np.uint8)] * 2)
    back = np.stack(list(VideoFile(path).frames())).reshape(-1, 3).mean(axis=0)
    assert np.abs(back - colour).max() < 2


def test_h264_is_tagged_bt709_high_profile_without_b_frames(tmp_path):
    with av.open(write(tmp_path / "a.mp4", noise(5))) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.profile, context.pix_fmt) == ("h264", "High", "yuv420p")
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)
        assert {PictureType(frame.pict_type).name for frame in container.decode(video=0)} == {"I", "P"}


def test_lossless_video_is_bit_exact(tmp_path):
    frames = noise(4)
    back = list(VideoFile(write(tmp_path / "a.mkv", frames, lossless=True)).frames())
    assert np.array_equal(np.stack(back), np.stack(frames))


def test_the_same_frames_give_the_same_bytes_every_time(tmp_path):
    white = [np.full((32, 64, 3), 255, np.uint8)] * 4  # with x264's macroblock tree 1 to 2% of these differed
    hashes = {hashlib.sha256(write(tmp_path / "a.mp4", white).read_bytes()).hexdigest() for _ in range(400)}
    assert len(hashes) == 1


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("size", [(16, 32), (20, 24), (64, 128)])
def test_frames_scaled_while_they_are_converted_are_those_scaled_afterwards(tmp_path, lossless, size):
    picture = cv2.GaussianBlur(noise(1)[0], (9, 9), 0)  # as a camera: no edge of a colour within a pixel or two
    source = VideoFile(write(tmp_path / f"a{video.SUFFIXES[lossless]}", [picture], lossless=lossless))
    expected = video.resize(next(source.pick([0])), size)
    found = next(source.pick([0], size))
    assert (found.shape, found.dtype) == (expected.shape, np.uint8)
    difference = found.astype(float) - expected
    assert np.abs(difference).mean() < 1.0
    assert np.abs(difference.mean((0, 1))).max() < 0.3  # no cast


@pytest.mark.parametrize("lossless", [False, True])
def test_joined_segments_decode_to_the_segments_frames_and_same_bytes_twice(tmp_path, lossless):
    suffix = video.SUFFIXES[lossless]
    parts = [
        write(tmp_path / f"{k}{suffix}", greys(n, first), lossless=lossless) for k, first, n in [(0, 0, 7), (1, 7, 3)]
    ]
    hashes = []
    for name in ("a", "b"):
        join(parts, tmp_path / f"{name}{suffix}", rate=RATE)
        hashes.append(hashlib.sha256((tmp_path / f"{name}{suffix}").read_bytes()).hexdigest())
    assert hashes[0] == hashes[1]
    assert numbers(VideoFile(tmp_path / f"a{suffix}").frames()) == list(range(10))


@pytest.mark.parametrize("fps", [1.875, 7.5, 30, 30000 / 1001])
def test_frame_rate_is_exact_in_the_file(tmp_path, fps):
    rate = exact_rate(fps)
    join([write(tmp_path / "s.mp4", greys(5), rate)], tmp_path / "a.mp4", rate=rate)
    with av.open(tmp_path / "a.mp4") as container:
        stream = container.streams.video[0]
        assert stream.average_rate == rate
        assert [packet.pts * stream.time_base for packet in container.demux(video=0) if packet.pts is not None] == [
            k / rate for k in range(5)
        ]


def test_faststart_puts_the_index_before_the_pictures(tmp_path):
    join([write(tmp_path / "s.mp4", noise(5))], tmp_path / "a.mp4", rate=RATE)
    content = (tmp_path / "a.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_frames_are_found_by_number_across_key_frames(tmp_path):
    source = VideoFile(write(tmp_path / "a.mp4", greys(20), Fraction(4)))  # a key frame every 4 frames
    assert len(source) == 20
    assert source._keys == [0, 4, 8, 12, 16]
    assert numbers(source.pick([1, 2, 13, 19])) == [1, 2, 13, 19]
    assert numbers(source.frames(3, 18, 5)) == [3, 8, 13]
    assert numbers(source.frames(-2)) == [18, 19]
    with pytest.raises(IndexError, match="there are 20"):
        next(source.pick([20]))


def test_real_video_with_b_frames_is_read_by_number(shared_data):
    source = VideoFile(shared_data / "udacity_lanelines" / "solidWhiteRight.mp4")
    everything = list(source.frames(0, 60))
    assert (len(source), source.rate, source.width, source.height) == (221, 25, 960, 540)
    for index, frame in zip([3, 31, 59], source.pick([3, 31, 59]), strict=True):
        assert np.array_equal(frame, everything[index])


def test_untagged_real_video_keeps_the_colours_of_its_stills(shared_data):
    still = cv2.imread(str(shared_data / "pandaset_002" / "front_camera" / "10.jpg"))[..., ::-1]
    frame = next(VideoFile(shared_data / "pandaset_002" / "front_camera.mp4").pick([10]))
    assert np.abs(still.mean((0, 1)) - frame.mean((0, 1))).max() < 2


def test_a_header_with_too_many_pixels_is_refused_before_decoding(tmp_path, monkeypatch):
    path = write(tmp_path / "a.mp4", greys(2))
    monkeypatch.setattr(video, "MAX_PIXELS", 64 * 32 - 1)
    with pytest.raises(UserError, match="64 x 32, 2 frames, expected at most 2047 pixels"):
        VideoFile(path)


def test_what_is_not_a_video_is_named_in_one_line(tmp_path):
    (tmp_path / "a.mp4").write_text("no video")
    for path in (tmp_path / "a.mp4", tmp_path / "absent.mp4"):
        with pytest.raises(UserError, match=rf"{path.name}: .*expected a video file"):
            VideoFile(path)


def test_a_cut_file_is_named_damaged(tmp_path):
    path = write(tmp_path / "a.mkv", noise(6), lossless=True)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    source = VideoFile(path)
    assert len(source) < 6
    with pytest.raises((UserError, IndexError)):
        list(source.pick(range(6)))


def test_a_frame_of_another_size_or_type_is_refused(tmp_path):
    segment = SegmentWriter(tmp_path / "a.mp4", rate=RATE, width=64, height=32)
    with pytest.raises(ValueError, match=r"float64 \(32, 64, 3\), expected uint8"):
        segment.write(np.zeros((32, 64, 3)))
    segment.abandon()
    with pytest.raises(ValueError, match="65 x 32, expected even"):
        SegmentWriter(tmp_path / "b.mp4", rate=RATE, width=65, height=32)


@pytest.mark.parametrize("fps", [0, -1, 2000])
def test_an_impossible_frame_rate_is_refused(fps):
    with pytest.raises(ValueError, match="expected a number of frames per second"):
        exact_rate(fps)


def test_resize_takes_the_mean_over_areas_when_shrinking():
    frame = np.zeros((2, 4, 3), np.uint8)
    frame[:, :2], frame[0, 2:] = 100, 200  # halves: all 100; 200 above 0
    assert resize(frame, (1, 2))[0, :, 0].tolist() == [100, 100]
    assert resize(frame, (4, 8)).shape == (4, 8, 3)

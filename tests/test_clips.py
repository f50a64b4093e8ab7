"""The clip store: what is written is read, whole or absent, in flat memory, with provenance and checksums."""

from __future__ import annotations

import json
import pickle
import tracemalloc

import av
import numpy as np
import pytest

from drivesim.clips import ClipWriter, finished, read_clip, verify
from drivesim.errors import UserError
from scenarios.facts import Crowdedness, EgoState, FrameFacts, ObjectFacts

PROVENANCE = {"origin": "town", "scenario": {"name": "s", "sha256": "00"}, "seed": 3}
SHAPE = {"fps": 7.5, "width": 64, "height": 32, "provenance": PROVENANCE, "chunk_frames": 4}


def frame(index: int) -> np.ndarray:
    return np.full((32, 64, 3), 5 * index % 256, np.uint8)


def facts(index: int) -> FrameFacts:
    car = ObjectFacts(1, "car", (1.0, 2.0, 30.0, 20.0), occlusion=0.0)
    return FrameFacts(
        index, index / 7.5, daylight=0.5, ego=EgoState(0, 0, 0, 10), crowdedness=Crowdedness(1, 0), objects=(car,)
    )


def fill(writer: ClipWriter, stop: int) -> None:
    extra = {name: 255 - frame(0) for name in writer._videos[1:]}
    for index in range(writer.done, stop):
        writer.write(frame(index), facts(index), **extra)


def make(out, frames: int = 10, **changes):
    with ClipWriter(out, **{**SHAPE, **changes}) as writer:
        fill(writer, frames)
        return writer.finish()


def checksums(clip) -> dict:
    return json.loads((clip.path / "clip.json").read_text())["files"]


@pytest.mark.parametrize("lossless", [False, True])
def test_what_is_written_is_read(tmp_path, lossless):
    made = make(tmp_path / "clip", lossless=lossless)
    clip = read_clip(made.path)
    assert (len(clip), clip.fps, clip.width, clip.height, clip.name, clip.origin) == (10, 7.5, 64, 32, "clip", "town")
    assert clip.seconds == pytest.approx(10 / 7.5)
    assert clip.provenance == PROVENANCE
    assert list(clip.facts) == [facts(k) for k in range(10)]
    assert np.abs(clip.read([7, 2, 7])[:, 0, 0, 0].astype(int) - [35, 10, 35]).max() <= (0 if lossless else 1)
    assert [f.shape for f in clip.frames(1, 9, 4, size=(16, 32))] == [(16, 32, 3)] * 2


def test_clip_json_carries_schema_sizes_checksums_and_the_synthetic_mark(tmp_path):
    card = json.loads((make(tmp_path / "clip").path / "clip.json").read_text())
    assert (card["schema"], card["synthetic"], card["fps"], card["frames"]) == ("drivesim.clip/1", True, 7.5, 10)
    assert set(card["files"]) == {"video.mp4", "facts.jsonl"}
    with av.open(tmp_path / "clip" / "video.mp4") as container:
        assert container.metadata["comment"] == "synthetic: drivesim"


def test_times_and_host_stand_only_outside_the_checksums(tmp_path):
    first, second = make(tmp_path / "a"), make(tmp_path / "b")
    for name in ("video.mp4", "facts.jsonl", "clip.json"):
        assert (first.path / name).read_bytes() == (second.path / name).read_bytes()
    assert {"host", "started", "seconds"} <= set(json.loads((first.path / "run.json").read_text()))


def test_a_clip_is_absent_until_it_is_finished(tmp_path):
    with ClipWriter(tmp_path / "clip", **SHAPE) as writer:
        fill(writer, 10)
        assert not (tmp_path / "clip").exists()
        writer.finish()
    assert [path.name for path in tmp_path.iterdir()] == ["clip"]


def test_a_stopped_run_goes_on_after_its_last_whole_chunk_to_the_same_bytes(tmp_path):
    whole = make(tmp_path / "a", extra_videos=("overlay",))
    with ClipWriter(tmp_path / "b", **SHAPE, extra_videos=("overlay",)) as writer:
        fill(writer, 9)  # two whole chunks of 4, and one frame that is lost
    with ClipWriter(tmp_path / "b", **SHAPE, extra_videos=("overlay",)) as writer:
        assert writer.done == 8
        fill(writer, 10)
        resumed = writer.finish()
    assert checksums(whole) == checksums(resumed)
    assert (resumed.read([3], video="overlay") == 255).all()


def test_a_run_without_a_whole_chunk_leaves_nothing(tmp_path):
    with (
        pytest.raises(ValueError, match="expected even"),
        ClipWriter(tmp_path / "a", **{**SHAPE, "width": 65}) as writer,
    ):
        writer.write(np.zeros((32, 65, 3), np.uint8), facts(0))
    assert list(tmp_path.iterdir()) == []


def test_another_provenance_starts_anew(tmp_path):
    with ClipWriter(tmp_path / "a", **SHAPE) as writer:
        fill(writer, 9)
    with ClipWriter(tmp_path / "a", **{**SHAPE, "provenance": {**PROVENANCE, "seed": 4}}) as writer:
        assert writer.done == 0


def test_a_torn_chunk_and_all_after_it_are_made_again(tmp_path):
    with ClipWriter(tmp_path / "a", **SHAPE) as writer:
        fill(writer, 8)
    chunk = tmp_path / ".a.partial" / "00000.video.mp4"
    chunk.write_bytes(chunk.read_bytes()[:-1])
    assert ClipWriter(tmp_path / "a", **SHAPE).done == 0


def disk_is_full(*_) -> None:
    raise OSError("disk full")


def test_a_run_stopped_while_finishing_writes_no_frame_again(tmp_path, monkeypatch):
    whole = make(tmp_path / "a")
    with monkeypatch.context() as patch, ClipWriter(tmp_path / "b", **SHAPE) as writer:
        fill(writer, 10)
        patch.setattr("drivesim.clips.writer.move_folder", disk_is_full)
        with pytest.raises(OSError, match="disk full"):
            writer.finish()
    with ClipWriter(tmp_path / "b", **SHAPE) as writer:
        assert writer.done == 10
        with pytest.raises(ValueError, match="ended at frame 10"):
            writer.write(frame(10), facts(10))
        assert checksums(writer.finish()) == checksums(whole)


def test_finished_finds_the_same_clip_and_refuses_another(tmp_path):
    assert finished(tmp_path / "a", PROVENANCE) is None
    make(tmp_path / "a")
    assert len(finished(tmp_path / "a", PROVENANCE)) == 10
    with pytest.raises(UserError, match="another provenance"):
        finished(tmp_path / "a", {**PROVENANCE, "seed": 4})
    with pytest.raises(UserError, match="already there"):
        ClipWriter(tmp_path / "a", **SHAPE)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("dear")
    with pytest.raises(UserError, match="expected a clip's folder"):
        ClipWriter(tmp_path / "other", **SHAPE)
    assert (tmp_path / "other" / "letter.txt").exists()


def test_facts_of_the_wrong_frame_or_a_missing_video_are_refused(tmp_path):
    with ClipWriter(tmp_path / "a", **SHAPE, extra_videos=("overlay",)) as writer:
        with pytest.raises(ValueError, match="frame 1, expected frame 0"):
            writer.write(frame(0), facts(1), overlay=frame(0))
        with pytest.raises(ValueError, match=r"\['video'\] given, expected \['overlay', 'video'\]"):
            writer.write(frame(0), facts(0))
        with pytest.raises(ValueError, match="no frame was written"):
            writer.finish()


def test_verify_finds_one_changed_byte_that_read_clip_cannot_see(tmp_path):
    clip = make(tmp_path / "a")
    verify(clip.path)
    content = bytearray((clip.path / "video.mp4").read_bytes())
    content[-1] ^= 1
    (clip.path / "video.mp4").write_bytes(content)
    read_clip(clip.path)
    with pytest.raises(UserError, match=r"video.mp4: sha256 is .*damaged"):
        verify(clip.path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "drivesim.clip/9"}, "expected 'drivesim.clip/1'"),
        ({"frames": "ten"}, "frames is 'ten', expected a whole number"),
        ({"width": 60}, "64 x 32, expected 60 x 32"),
        ({"files": {"../video.mp4": {}, "facts.jsonl": {}}}, "expected a video and facts.jsonl"),
        ({"files": {"video.mp4": {"bytes": 1, "sha256": ""}, "facts.jsonl": {"bytes": 1, "sha256": ""}}}, "expected 1"),
        ({"files": {"video.mp4": {"bytes": 1}, "facts.jsonl": {"bytes": 1}}}, "expected its bytes and sha256"),
        ({"files": {"facts.mp4": {}, "video.jsonl": {}}}, "expected a video and facts.jsonl"),
        ({"fps": -7.5}, "expected a number above 0"),
        ({"fps": 1e9}, "expected a number of frames per second"),
        ({"frames": 11}, "10 frames, expected 11"),
        ({"provenance": {}}, "no origin"),
    ],
)
def test_a_damaged_card_is_refused_in_one_line(tmp_path, change, message):
    path = make(tmp_path / "a").path / "clip.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(UserError, match=message):
        read_clip(tmp_path / "a")


def test_facts_are_read_on_demand_and_a_bad_line_is_named(tmp_path):
    clip = make(tmp_path / "a")
    assert clip.facts[-1] == facts(9)
    assert clip.facts[2:8:3] == [facts(2), facts(5)]
    with pytest.raises(IndexError):
        clip.facts[10]
    path = clip.path / "facts.jsonl"
    path.write_text(path.read_text().replace('"index":3,', '"indes":3,'))
    with pytest.raises(UserError, match=r"facts.jsonl:5: index .*Field required"):
        list(clip.facts)


def test_a_number_that_is_none_is_refused(tmp_path):
    clip = make(tmp_path / "a")
    path = clip.path / "facts.jsonl"
    path.write_text(path.read_text().replace('"daylight":0.5', '"daylight":NaN'))
    with pytest.raises(UserError, match=r"facts.jsonl:2: daylight is 'nan': Input should be a finite number"):
        clip.facts[0]


def test_facts_with_a_missing_line_are_refused(tmp_path):
    clip = make(tmp_path / "a")
    path = clip.path / "facts.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(UserError, match="facts of 9 frames, expected 10"):
        clip.facts[0]


def test_a_clip_travels_to_another_process(tmp_path):
    clip = pickle.loads(pickle.dumps(make(tmp_path / "a")))
    assert clip.read([1]).shape == (1, 32, 64, 3)


def test_memory_is_flat_in_the_number_of_frames(tmp_path):
    peaks = []
    for count in (40, 400):
        tracemalloc.start()
        clip = make(tmp_path / str(count), count, chunk_frames=20)
        for _ in clip.facts:
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] + 100_000  # 400 facts kept would be over 400 kB more

"""The benchmark with detectors whose answer is known, on clips made in memory, and on the real drive."""

from __future__ import annotations

import dataclasses
import json
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from drivesim.clips import MAIN, Clip
from drivesim.errors import UserError
from drivesim.evaluation import Protocol, benchmark
from drivesim.evaluation.anchors import ANCHORS
from drivesim.perception import Detections, load_detector
from scenarios.facts import FrameFacts, ObjectFacts
from tests.drawn_frames import DrawnFrames

HEIGHT, WIDTH = 64, 128


def numbered(index: int) -> np.ndarray:
    """A frame whose first pixel holds its number, so that a detector can tell which one it was given."""
    frame = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    frame[0, 0] = index
    return frame


class Torn(DrawnFrames):
    """Ends after five frames, whatever it says."""

    def pick(self, indices):
        return super().pick(indices[:5])


def table(scores, by):
    """The rows of a slice by their values."""
    return {row["value"]: row for row in scores["slices"][by]}


def make_clip(name: str, *, daylight=1.0, frames=12, labelled=True) -> Clip:
    """A car that drives to the right, a person, a traffic light, and a hidden bus in the first half of the frames."""
    facts = []
    for k in range(frames):
        objects = [
            ObjectFacts(1, "car", (10 + k, 20, 40 + k, 40), depth=12.0),
            ObjectFacts(2, "pedestrian", (100, 20, 110, 45), depth=30.0),
            ObjectFacts(4, "traffic_light", (80, 2, 86, 14), depth=40.0),
        ]
        if k < frames // 2:
            objects.append(ObjectFacts(3, "bus", (60, 10, 90, 40), occlusion=0.9))
        facts.append(FrameFacts(k, k / 30, daylight=daylight, objects=tuple(objects) if labelled else None))
    provenance = {"origin": "town", "seed": 7, "scenario": {"name": name, "sha256": "0"}}
    return Clip(Path(name), name, Fraction(30), WIDTH, HEIGHT, provenance, facts, {MAIN: DrawnFrames(frames, numbered)})


@dataclasses.dataclass
class Oracle:
    """Finds every true box of the frame it is given, hidden ones too, but for the categories it is blind to."""

    clip: Clip
    blind_to: tuple[str, ...] = ()
    name: str = "oracle"
    fingerprint: str = "f" * 64

    def __call__(self, frames):
        found = []
        for frame in frames:
            things = [
                item for item in self.clip.facts[int(frame[0, 0, 0])].objects if item.category not in self.blind_to
            ]
            found.append(Detections([t.box for t in things], [0.9] * len(things), [t.category for t in things]))
        return found


@dataclasses.dataclass
class Constant:
    """Finds the same car everywhere."""

    name: str = "constant"
    fingerprint: str = "c" * 64

    def __call__(self, frames):
        return [Detections([[0, 0, 20, 20]], [0.8], ["car"]) for _ in frames]


def test_an_oracle_is_perfect_and_hidden_boxes_do_not_count(tmp_path) -> None:
    clip = make_clip("street")
    metrics = benchmark([clip], Oracle(clip), tmp_path / "out", every=1)
    total = metrics["scores"]["vehicle"]["total"]
    assert (total["frames"], total["boxes"], total["recall"], total["false_per_frame"]) == (12, 12, 1.0, 0.0)
    assert total["AP"] == pytest.approx(1.0)
    assert metrics["crowdedness"]["vehicles"] == {"true": 1.0, "seen": 1.0, "error": 0.0}


def test_a_detector_that_sees_no_people_loses_only_people(tmp_path) -> None:
    clip = make_clip("street")
    metrics = benchmark([clip], Oracle(clip, blind_to=("pedestrian",)), tmp_path / "out", every=1)
    assert metrics["scores"]["vehicle"]["total"]["AP50"] == pytest.approx(1.0)
    assert metrics["scores"]["person"]["total"]["AP50"] == 0.0
    assert metrics["crowdedness"]["people"]["error"] == 1.0


def test_a_detector_of_nothing_real_is_all_false(tmp_path) -> None:
    metrics = benchmark([make_clip("street")], Constant(), tmp_path / "out", every=1)
    total = metrics["scores"]["vehicle"]["total"]
    assert (total["AP50"], total["recall"], total["false_per_frame"]) == (0.0, 0.0, 1.0)


def test_slices_have_their_own_frames_boxes_and_clips(tmp_path) -> None:
    clips = [make_clip("a", daylight=1.0), make_clip("b", daylight=0.0), make_clip("b", daylight=None)]
    scores = benchmark(clips, Constant(), tmp_path / "out", every=3)["scores"]["vehicle"]
    times, scenarios = table(scores, "time_of_day"), table(scores, "scenario")
    assert {name: row["frames"] for name, row in times.items()} == {"night": 4, "day": 4, "unknown": 4}
    assert list(times) == ["night", "day", "unknown"]
    assert {name: row["clips"] for name, row in scenarios.items()} == {"a": 1, "b": 2}
    assert scenarios["b"]["boxes"] == 8
    assert scores["total"]["frames"] == 12


def test_an_interval_needs_more_than_one_clip(tmp_path) -> None:
    clip = make_clip("a")
    one = benchmark([clip], Oracle(clip), tmp_path / "one")["scores"]["vehicle"]["total"]
    two = benchmark([clip, clip], Oracle(clip), tmp_path / "two")["scores"]["vehicle"]["total"]
    assert one["AP50_interval"] is None
    assert two["AP50_interval"] == pytest.approx((1.0, 1.0))


def test_scores_by_category_are_possible(tmp_path) -> None:
    clip = make_clip("a")
    scores = benchmark([clip], Oracle(clip), tmp_path / "out", by="category")["scores"]
    assert scores["car"]["total"]["AP50"] == pytest.approx(1.0)
    assert scores["bus"]["total"]["AP50"] is None  # always hidden
    assert scores["truck"]["total"]["boxes"] == 0


def test_other_things_are_scored_by_category_and_only_for_a_detector_that_can_find_them(tmp_path) -> None:
    clip = make_clip("a")
    blind, sees = Oracle(clip), Oracle(clip)
    sees.categories = ("car", "traffic_light")
    tables = {
        (name, by): benchmark([clip], detector, tmp_path / f"{name} {by}", by=by)["scores"]
        for name, detector in (("blind", blind), ("sees", sees))
        for by in ("group", "category")
    }
    assert list(tables["blind", "group"]) == list(tables["sees", "group"]) == ["vehicle", "person"]
    assert list(tables["blind", "category"])[-1] == "pedestrian"
    assert list(tables["sees", "category"])[-2:] == ["pedestrian", "traffic_light"]
    assert tables["sees", "category"]["traffic_light"]["total"]["AP50"] == pytest.approx(1.0)


def test_frames_without_labels_are_watched_but_not_scored(tmp_path) -> None:
    clip = make_clip("a")
    some = [facts if k % 2 else dataclasses.replace(facts, objects=None) for k, facts in enumerate(clip.facts)]
    metrics = benchmark([dataclasses.replace(clip, facts=some)], Constant(), tmp_path / "out", every=1)
    (row,) = metrics["clips"]
    assert (row["scored_frames"], row["watched_frames"]) == (6, 12)
    assert metrics["scores"]["vehicle"]["total"]["frames"] == 6
    assert row["looks"]["brightness"][0]["mean"] == pytest.approx(90, abs=0.1)
    first = json.loads((tmp_path / "out" / "frames.jsonl").read_text().splitlines()[0])
    assert (first["truth"], first["crowdedness"], first["scores"]) == (None, "unknown", {})
    assert [box["outcome"] for box in first["found"]] == ["unscored"]


def test_where_nobody_is_nothing_can_be_scored(tmp_path) -> None:
    clip = make_clip("a")
    empty = [dataclasses.replace(facts, objects=()) for facts in clip.facts]
    metrics = benchmark([dataclasses.replace(clip, facts=empty)], Constant(), tmp_path / "out", every=1)
    assert metrics["scores"]["vehicle"]["total"]["AP50"] is None
    assert "Nothing could be scored" in (tmp_path / "out" / "report.html").read_text()


def test_every_nth_frame_is_scored_and_progress_reaches_its_total(tmp_path) -> None:
    calls = []
    clips = [make_clip("a", frames=10), make_clip("b", frames=5)]
    benchmark(clips, Constant(), tmp_path / "out", every=4, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


def test_the_same_input_gives_the_same_bytes(tmp_path) -> None:
    clips = [make_clip("a"), make_clip("b", daylight=0.0)]
    for name in ("one", "two"):
        benchmark(clips, Constant(), tmp_path / name, every=2)
    for file in ("metrics.json", "metrics.csv", "frames.jsonl", "report.html"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_metrics_on_disk_are_those_returned_and_name_what_they_depend_on(tmp_path) -> None:
    metrics = benchmark([make_clip("a")], Constant(), tmp_path / "out", every=2)
    written = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert written == json.loads(json.dumps(metrics))
    assert written["protocol"]["name"] == "drivesim.detection/2"
    assert written["protocol_sha256"] == Protocol(every=2).sha256()
    assert written["detector"] == {"name": "constant", "sha256": "c" * 64}
    assert written["clips"][0]["provenance"]["seed"] == 7


def test_nothing_is_left_when_the_detector_fails_midway(tmp_path) -> None:
    def broken(frames):
        raise RuntimeError("no memory")

    broken.name, broken.fingerprint = "broken", "b" * 64
    with pytest.raises(RuntimeError, match="no memory"):
        benchmark([make_clip("a")], broken, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_occupied_folder_and_an_empty_list_of_clips_are_refused(tmp_path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="already there"):
        benchmark([make_clip("a")], Constant(), tmp_path)
    with pytest.raises(UserError, match="no clip"):
        benchmark([], Constant(), tmp_path / "out")


@pytest.mark.parametrize(
    ("clip", "says"),
    [
        (make_clip("a", frames=0), "clip 'a': no frame in it, expected one or more"),
        (make_clip("a", labelled=False), "clip 'a': no label in any frame to be scored"),
        (
            dataclasses.replace(make_clip("a"), videos={MAIN: DrawnFrames(7, numbered)}),
            "clip 'a': 7 frames in the video, expected 12",
        ),
        (
            dataclasses.replace(make_clip("a"), videos={MAIN: Torn(12, numbered)}),
            "clip 'a': 5 frames to score, expected 12",
        ),
    ],
    ids=["empty", "unlabelled", "short", "torn"],
)
def test_a_clip_that_cannot_be_scored_is_told_in_one_line(clip, says, tmp_path) -> None:
    with pytest.raises(UserError, match=re.escape(says)) as error:
        benchmark([clip], Constant(), tmp_path / "out", every=1)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_score_that_is_no_number_is_told_with_detector_clip_and_frame(tmp_path) -> None:
    class Broken(Constant):
        def __call__(self, frames):
            return [Detections([[0, 0, 20, 20]], [float("nan")], ["car"]) for _ in frames]

    says = "detector 'broken', clip 'a', frame 0: found a score that is NaN, expected numbers in [0, 1]"
    with pytest.raises(UserError, match=re.escape(says)):
        benchmark([make_clip("a")], Broken("broken"), tmp_path / "out")


def test_the_anchor_on_real_video_is_what_the_benchmark_measures(tmp_path, shared_data) -> None:
    from drivesim.datasets import read_footage

    folder = shared_data / "pandaset_002"
    (clip,) = read_footage(folder / "front_camera", fps=10)
    detector = load_detector(f"onnx:{shared_data / 'yolox_nano' / 'yolox_nano.onnx'}")
    metrics = benchmark([clip], detector, tmp_path / "out", every=1)
    anchor, total = ANCHORS[detector.fingerprint], metrics["scores"]["vehicle"]["total"]
    assert metrics["anchor"] == anchor
    assert total["boxes"] == anchor["boxes"]
    assert total["AP50"] == pytest.approx(anchor["AP50"], abs=0.005)

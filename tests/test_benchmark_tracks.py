"""The benchmark's tracking: scores worked by hand with a tracker whose answers are known, rules, refusals, the page."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
from fractions import Fraction
from typing import ClassVar

import numpy as np
import pytest

from drivesim import cli
from drivesim.clips import MAIN, ClipWriter
from drivesim.errors import UserError
from drivesim.evaluation import Protocol, benchmark
from drivesim.evaluation.frames import read_frames
from drivesim.evaluation.protocol import rules_hash
from drivesim.evaluation.tracks import tracked_frames, tracking_rules
from drivesim.metrics.tracking import tracking_scores
from drivesim.perception import Detections, NamedTracker, byte_tracker, load_tracker
from scenarios.facts import FrameFacts, ObjectFacts
from tests.drawn_frames import DrawnFrames
from tests.test_benchmark import Constant, Oracle, make_clip, numbered

IDS = {"car": 7, "pedestrian": 1, "bus": 2, "traffic_light": 3}


class Scripted:
    """Knows everybody by category; the car is 7, and 8 from a second on. ``seen``: the seconds of all frames."""

    seen: ClassVar[list[float]] = []

    def __init__(self, second: float) -> None:
        self.second = second

    def update(self, found, at):
        self.seen.append(at)
        car = 7 if at < self.second else 8
        return np.array([car if name == "car" else IDS[name] for name in found.categories], int)


def scripted(second: float) -> NamedTracker:
    return NamedTracker("scripted", lambda: Scripted(second), {"second": second})


SWITCH = scripted(0.09)  # at 30 frames/s: in frame 3
ASSOCIATION = (3 * 3 / 4 + 1 / 4) / 4  # of 4 frames, 3 under one id and 1 under another: TPA 3, FNA 1 and TPA 1, FNA 3


def run(clips, out, tracker=SWITCH, **settings):
    return benchmark(clips, Oracle(clips[0]), out, **{"every": 1, "tracker": tracker} | settings)


def test_a_switch_costs_what_it_does_by_hand_and_hidden_boxes_do_not_count(tmp_path) -> None:
    tracking = run([make_clip("a", frames=4)], tmp_path / "out")["tracking"]
    row = tracking["scores"]["vehicle"]["total"]  # the hidden bus is tracked, too, and is no false track
    counts = {"clips": 1, "frames": 4, "boxes": 4, "tracks": 1, "found_tracks": 2, "switches": 1, "false": 0}
    assert {name: row[name] for name in counts} == counts
    assert row["DetA"] == 1.0
    assert row["AssA"] == pytest.approx(ASSOCIATION)
    assert row["HOTA"] == pytest.approx(ASSOCIATION**0.5)
    assert (row["MOTA"], row["IDF1"]) == (pytest.approx(1 - 1 / 4), pytest.approx(2 * 3 / (4 + 4)))
    assert row["intervals"] == dict.fromkeys(("HOTA", "DetA", "AssA", "MOTA", "IDF1"))  # one clip
    person = tracking["scores"]["person"]["total"]
    assert (person["HOTA"], person["MOTA"], person["switches"]) == (1.0, 1.0, 0)
    (clip,) = tracking["clips"]
    assert (clip["id"], clip["fps"], clip["scored_frames"]) == ("a", 30.0, 4)
    assert clip["scores"]["vehicle"]["HOTA"] == row["HOTA"]


def test_a_slice_is_made_of_its_frames_and_ids_of_the_whole_clip(tmp_path) -> None:
    clip = make_clip("a", frames=4)
    night = [dataclasses.replace(facts, daylight=float(k < 3)) for k, facts in enumerate(clip.facts)]
    scores = run([dataclasses.replace(clip, facts=night)], tmp_path / "out")["tracking"]["scores"]["vehicle"]
    rows = {row["value"]: row for row in scores["slices"]["time_of_day"]}
    assert {value: (row["frames"], row["HOTA"], row["switches"]) for value, row in rows.items()} == {
        "night": (1, 1.0, 0), "day": (3, 1.0, 0),
    }  # fmt: skip
    assert list(scores["slices"]) == ["time_of_day", "weather", "scenario"]
    assert scores["slices"]["scenario"] == [{"value": "a", **scores["total"]}]


def test_frames_without_labels_are_followed_but_not_scored(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(Scripted, "seen", [])
    clip = make_clip("a", frames=4)
    some = [dataclasses.replace(facts, objects=None) if k == 3 else facts for k, facts in enumerate(clip.facts)]
    run_clip = dataclasses.replace(clip, facts=some)
    tracking = benchmark([run_clip], Oracle(clip), tmp_path / "out", every=1, tracker=SWITCH)["tracking"]
    assert Scripted.seen == pytest.approx([0, 1 / 30, 2 / 30, 3 / 30])
    row = tracking["scores"]["vehicle"]["total"]
    assert (row["frames"], row["found_tracks"], row["switches"], tracking["clips"][0]["scored_frames"]) == (3, 1, 0, 3)


def test_intervals_are_over_clips(tmp_path) -> None:
    longer = make_clip("a", frames=4)
    shorter = dataclasses.replace(
        longer, facts=longer.facts[:3], videos={MAIN: DrawnFrames(3, numbered)}
    )  # ends before the switch
    clips = [longer, shorter]
    row = run(clips, tmp_path / "out")["tracking"]["scores"]["vehicle"]["total"]
    assert row["intervals"]["MOTA"] == pytest.approx((0.75, 1.0))  # a draw in four has the first clip only
    assert row["intervals"]["AssA"] == pytest.approx((ASSOCIATION, 1.0))
    assert row["intervals"]["IDF1"] == pytest.approx((0.75, 1.0))
    assert row["MOTA"] == pytest.approx(1 - 1 / 7)


def test_the_rules_hold_rate_tracker_and_settings_and_so_does_their_hash(tmp_path) -> None:
    clip = make_clip("a")
    metrics = run([clip], tmp_path / "out", byte_tracker(), every=4)
    rules = metrics["tracking"]["protocol"]
    assert (rules["name"], rules["every"], rules["rates"]) == ("drivesim.tracking/1", 4, [7.5])
    assert (rules["tracker"]["name"], rules["tracker"]["parameters"]["patience"]) == ("byte/1", 1.0)
    assert rules["tracker"]["sha256"] == byte_tracker().fingerprint
    assert metrics["tracking"]["protocol_sha256"] == rules_hash(rules)
    assert metrics["tracking"]["clips"][0]["fps"] == 7.5
    slower = dataclasses.replace(clip, rate=Fraction(15))
    others = [
        tracking_rules(Protocol(every=4), byte_tracker(patience=2.0), [clip]),
        tracking_rules(Protocol(every=2), byte_tracker(), [clip]),
        tracking_rules(Protocol(every=4), byte_tracker(), [slower]),
        tracking_rules(Protocol(every=2), byte_tracker(), [slower]),  # as many a second, but other frames
        tracking_rules(Protocol(every=4), byte_tracker(), [clip, slower]),
        tracking_rules(Protocol(every=4), dataclasses.replace(byte_tracker(), weights="1" * 64), [clip]),
    ]  # fmt: skip
    assert len({rules_hash(other) for other in [rules, *others]}) == 7
    assert metrics["protocol_sha256"] == Protocol(every=4).sha256()


def test_without_a_tracker_nothing_speaks_of_tracks(tmp_path) -> None:
    assert "tracking" not in run([make_clip("a")], tmp_path / "out", None)
    row = json.loads((tmp_path / "out" / "frames.jsonl").read_text().splitlines()[0])
    assert [set(box) for box in row["found"]] == [{"kind", "category", "box", "score", "outcome"}] * 3
    assert "HOTA" not in (tmp_path / "out" / "report.html").read_text()
    assert "HOTA" not in (tmp_path / "out" / "metrics.csv").read_text()


def test_the_same_input_gives_the_same_bytes(tmp_path) -> None:
    for name in ("one", "two"):
        metrics = run([make_clip("a"), make_clip("b", daylight=0.0)], tmp_path / name, byte_tracker(), every=2)
    for scores in metrics["tracking"]["scores"].values():  # an oracle's boxes, by the real tracker
        assert [scores["total"][name] for name in ("boxes", "HOTA", "DetA", "MOTA")] == [12, 1.0, 1.0, 1.0]
    for file in ("metrics.json", "metrics.csv", "frames.jsonl", "report.html"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_frames_hold_the_found_tracks_and_the_scores_can_be_taken_again(tmp_path) -> None:
    metrics = run([make_clip("a", frames=4)], tmp_path / "out")
    rows = [json.loads(line) for line in (tmp_path / "out" / "frames.jsonl").open()]
    assert [[(box["category"], box["track"]) for box in row["found"]] for row in rows[1:]] == [
        [("car", 7), ("bus", 2), ("pedestrian", 1)], [("car", 7), ("pedestrian", 1)], [("car", 8), ("pedestrian", 1)],
    ]  # fmt: skip
    (seen,) = read_frames(tmp_path / "out" / "frames.jsonl", {"a": 64})
    for kind, scores in metrics["tracking"]["scores"].items():
        again = tracking_scores([tracked_frames(seen, kind, Protocol(every=1))])
        assert again == {name: scores["total"][name] for name in again}


def test_a_detection_without_a_track_is_not_found(tmp_path) -> None:
    class Nobody:
        def update(self, found, at):
            return [-1] * len(found)

    metrics = run([make_clip("a")], tmp_path / "out", NamedTracker("nobody", Nobody, {}))
    row = metrics["tracking"]["scores"]["vehicle"]["total"]
    assert (row["HOTA"], row["found_tracks"], row["misses"]) == (0.0, 0, 12)
    assert json.loads((tmp_path / "out" / "frames.jsonl").read_text().splitlines()[0])["found"][0]["track"] is None


def test_the_table_has_the_scores_of_tracks_beside_those_of_boxes(tmp_path) -> None:
    metrics = run([make_clip("a", frames=4), make_clip("b", frames=4, daylight=0.0)], tmp_path / "out")
    rows = {(r["kind"], r["slice"], r["value"]): r for r in csv.DictReader((tmp_path / "out" / "metrics.csv").open())}
    for kind, scores in metrics["tracking"]["scores"].items():
        named = [("total", {"value": "all", **scores["total"]})]
        named += [(by, row) for by, part in scores["slices"].items() for row in part]
        for by, row in named:
            cells = rows[kind, by, row["value"]]
            for name in ("clips", "frames", "boxes", "tracks", "found_tracks", "HOTA", "AssA", "MOTA", "switches"):
                assert cells[name] == str(row[name])
            low = "" if row["intervals"]["HOTA"] is None else str(row["intervals"]["HOTA"][0])
            assert (cells["tracked_fps"], cells["HOTA_low"]) == ("30", low)
    assert rows["vehicle", "size", "0.1 to 0.2"]["HOTA"] == ""


# ---- what is refused


def changed(frames, change):
    clip = make_clip("a", frames=frames)
    return dataclasses.replace(clip, facts=[change(k, facts) for k, facts in enumerate(clip.facts)])


def with_ids(*ids):
    """The objects of a frame, its car, person and light under other ids."""
    return lambda k, facts: dataclasses.replace(
        facts,
        objects=tuple(
            dataclasses.replace(thing, track_id=number) for thing, number in zip(facts.objects, ids, strict=False)
        ),
    )


@pytest.mark.parametrize(
    ("clip", "says"),
    [
        (changed(4, with_ids(-1, 2)), "frame 0: a box without a track id, expected one for each"),
        (changed(4, with_ids(5, 5)), "frame 0: found the track ids [5, 5], expected each at most once"),
        (changed(1, with_ids(1, 2)), "1 labelled frame to track in, expected two or more"),
    ],
    ids=["unknown", "twice", "single"],
)
def test_a_clip_whose_true_tracks_are_unknown_is_refused_in_one_line(clip, says, tmp_path) -> None:
    with pytest.raises(UserError, match=re.escape(says)) as error:
        run([clip], tmp_path / "out")
    assert str(error.value).startswith("clip 'a'")
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []
    benchmark([clip], Oracle(clip), tmp_path / "out", every=1)  # without a tracker it can be scored


def test_things_that_are_not_scored_need_no_track(tmp_path) -> None:
    assert run([changed(4, with_ids(1, 2, -3))], tmp_path / "out")["tracking"]["clips"][0]["scored_frames"] == 4


@pytest.mark.parametrize("answer", [[1, 1, 2, 3], [1], [0.5, 1.5, 2.5, 3.5]], ids=["twice", "few", "fractions"])
def test_a_tracker_that_gives_no_ids_is_told_with_clip_and_frame(answer, tmp_path) -> None:
    class Wrong:
        def update(self, found, at):
            return answer

    says = f"tracker 'wrong', clip 'a', frame 0: found the ids {answer}, expected 4 whole numbers, each at most once"
    with pytest.raises(UserError, match=re.escape(says)):
        run([make_clip("a")], tmp_path / "out", NamedTracker("wrong", Wrong, {}))


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("kalman", "tracker 'kalman', expected byte or an installed plug-in (there is none)"),
        ("byte:speed=3", "tracker 'byte': found the settings ['speed'], expected some of ['new', 'overlap', "),
        ("byte:patience=long", "tracker 'byte': found 'patience=long', expected SETTING=NUMBER"),
        ("byte:overlap=nan", "tracker 'byte': found 'overlap=nan', expected SETTING=NUMBER"),
        ("byte:new=0.1", "tracker 'byte': found unsure 0.1, sure 0.6, new 0.1, patience 1.0, expected 0 <= unsure"),
    ],
)
def test_a_tracker_that_is_not_there_is_told_in_one_line(source, says) -> None:
    with pytest.raises(UserError, match=re.escape(says)):
        load_tracker(source)


PLUG_IN = """
from drivesim.perception import ByteTracker, NamedTracker

class Broken:
    def update(self, found, at):
        raise RuntimeError("no memory")

def fine(argument):
    return NamedTracker("mine", lambda: ByteTracker(patience=float(argument)), {"patience": float(argument)})

def broken(argument):
    return NamedTracker("broken", Broken, {})

def number(argument):
    return 3

def unready(argument):
    return NamedTracker("unready", Broken, {"device": object()})
"""


def test_plug_ins_bring_trackers(tmp_path, monkeypatch) -> None:
    (tmp_path / "street_tracks.py").write_text(PLUG_IN)
    about = tmp_path / "street_tracks-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: street_tracks\nVersion: 1.0\n")
    names = ("fine", "broken", "number", "unready")
    rows = "\n".join(f"{name} = street_tracks:{name}" for name in names)
    (about / "entry_points.txt").write_text(f"[drivesim.trackers]\n{rows}\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert load_tracker("fine:3").parameters == {"patience": 3.0}
    found = Detections([[0, 0, 9, 9]], [0.9], ["car"])
    assert load_tracker("fine:3").make().update(found, at=0.0).tolist() == [1]
    with pytest.raises(UserError, match=r"^plug-in 'broken' \(street_tracks:broken\): failed with RuntimeError: no"):
        load_tracker("broken").make().update(found, at=0.0)
    with pytest.raises(UserError, match=r"'number' .*: made a int, expected a drivesim.perception.NamedTracker"):
        load_tracker("number")
    with pytest.raises(UserError, match=r"'unready' .*: failed with TypeError"):
        load_tracker("unready")


# ---- the command, comparisons, the page


def test_the_command_tracks_and_writes_tensorboard(tmp_path, capsys, monkeypatch) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with ClipWriter(tmp_path / "clip", fps=10, width=128, height=64, provenance={"origin": "town"}) as writer:
        for k in range(4):
            car = ObjectFacts(1, "car", (0, 0, 20, 20))
            writer.write(np.zeros((64, 128, 3), np.uint8), FrameFacts(k, k / 10, 1.0, "clear", objects=(car,)))
        writer.finish()
    monkeypatch.setattr("drivesim.perception.load_detector", lambda source: Constant(source))
    words = ["benchmark", str(tmp_path / "clip"), "--every", "2", "--tracker", "byte:patience=2", "--tensorboard"]
    assert cli.main([*words, str(tmp_path / "board"), "--out", str(tmp_path / "out")]) == 0
    tracking = json.loads((tmp_path / "out" / "metrics.json").read_text())["tracking"]
    assert (tracking["protocol"]["tracker"]["parameters"]["patience"], tracking["protocol"]["rates"]) == (2.0, [5.0])
    events = EventAccumulator(str(tmp_path / "board"))
    events.Reload()
    assert [events.Scalars(f"vehicle/total/all/{name}")[0].value for name in ("HOTA", "tracks")] == [1.0, 1.0]
    assert cli.main(["benchmark", str(tmp_path / "clip"), "--tracker", "bite", "--out", str(tmp_path / "no")]) == 2
    assert capsys.readouterr().err.startswith("drivesim: tracker 'bite', expected byte or an installed plug-in")

"""frames.jsonl and the frames of a page: what a row says, scores taken again from rows, what is left out."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from drivesim.clips import MAIN, Clip
from drivesim.errors import UserError
from drivesim.evaluation import gallery as gallery_module
from drivesim.evaluation.frames import frame_rows, frames_text, read_frames
from drivesim.evaluation.gallery import LOWEST_SCORE, examples, gallery
from drivesim.evaluation.protocol import Protocol
from drivesim.evaluation.slices import score_kind
from drivesim.evaluation.watching import SeenClip, SeenFrame
from drivesim.perception import Detections
from scenarios.facts import EgoState, FrameFacts, ObjectFacts
from tests.drawn_frames import DrawnFrames

KINDS = ("vehicle", "person")


def frame(number: int, objects, found, **known) -> SeenFrame:
    """``found``: (box, score, category)."""
    boxes, scores, names = zip(*found, strict=True) if found else ((), (), ())
    facts = FrameFacts(number, number / 2, objects=objects, **known)
    return SeenFrame(number, facts, Detections(boxes, scores, names))


CAR = ObjectFacts(1, "car", (0, 0, 40, 40), occlusion=0.1, truncation=0.0, depth=9.5)
BICYCLE = ObjectFacts(2, "bicycle", (100, 0, 120, 40))
WALKER = ObjectFacts(3, "pedestrian", (200, 0, 210, 40))
HIDDEN = ObjectFacts(4, "bus", (300, 0, 390, 80), occlusion=0.9)


def test_a_row_holds_conditions_boxes_and_what_became_of_them() -> None:
    found = [((0, 0, 40, 38), 0.2, "van"), ((202, 0, 212, 40), 0.7, "pedestrian"), ((500, 0, 540, 40), 0.6, "car")]
    seen = frame(4, (CAR, BICYCLE, WALKER, HIDDEN), found, daylight=0.5, ego=EgoState(0, 0, 0, 12.5))
    (row,) = frame_rows(SeenClip("street", "dusk", 200, (seen,)), KINDS, Protocol())
    assert {name: row[name] for name in row if name not in ("truth", "found", "scores")} == {
        "clip": "street", "frame": 4, "time": 2.0, "scenario": "dusk", "daylight": 0.5, "time_of_day": "dawn_dusk",
        "weather": "unknown", "crowdedness": "low", "vehicles": 2, "people": 1, "ego_speed": 12.5,
    }  # fmt: skip
    assert [(box["track"], box["kind"], box["outcome"], box["hit_at"]) for box in row["truth"]] == [
        (1, "vehicle", "missed", 0.2),  # hit, but not at the protocol's score
        (2, "vehicle", "missed", None),
        (4, "vehicle", "ignored", None),
        (3, "person", "hit", 0.7),
    ]
    assert [(box["category"], box["score"], box["outcome"]) for box in row["found"]] == [
        ("car", 0.6, "false"), ("van", 0.2, "hit"), ("pedestrian", 0.7, "hit"),
    ]  # fmt: skip
    assert row["scores"] == {
        "vehicle": {"boxes": 2, "hits": 0, "false": 1}, "person": {"boxes": 1, "hits": 1, "false": 0}
    }  # fmt: skip
    assert row["truth"][0]["box"] == [0, 0, 40, 40]
    assert (row["truth"][0]["occlusion"], row["truth"][0]["truncation"], row["truth"][0]["depth"]) == (0.1, 0.0, 9.5)


def noisy(name: str, seed: int) -> SeenClip:
    random, frames = np.random.default_rng(seed), []
    for number in range(10):
        objects, found = [], []
        for track in range(7):
            x, y, height = random.uniform(0, 300), random.uniform(0, 100), random.uniform(5, 90)
            category = str(random.choice(["car", "bicycle", "pedestrian"]))
            occlusion = float(random.choice([0.0, 0.2, 0.9]))
            depth = None if track == 3 else float(random.uniform(2, 60))
            objects.append(ObjectFacts(track, category, (x, y, x + 40, y + height), occlusion=occlusion, depth=depth))
            moved = tuple(np.array([x, y, x + 40, y + height]) + random.normal(0, 3))
            found.append((moved, round(random.random(), 6), str(random.choice([category, "car"]))))
        known = None if number == 5 else tuple(objects)
        frames.append(frame(number, known, found, daylight=number / 9, weather="rainy" if number % 2 else None))
    return SeenClip(name, "street", 200, tuple(frames))


@pytest.mark.parametrize("by", ["group", "category"])
def test_scores_taken_again_from_the_file_are_the_same(by, tmp_path) -> None:
    protocol = Protocol(by=by, draws=50)
    kinds, clips = protocol.kinds(), [noisy("a", 1), noisy("b", 2)]
    text = frames_text([row for clip in clips for row in frame_rows(clip, kinds, protocol)])
    (tmp_path / "frames.jsonl").write_text(text)
    again = read_frames(tmp_path / "frames.jsonl", {"a": 200, "b": 200})
    for kind in kinds:
        assert score_kind(again, kind, protocol) == score_kind(clips, kind, protocol)
    assert score_kind(clips, kinds[0], protocol)["total"]["recall"] > 0


def test_a_file_that_is_damaged_or_missing_is_told_with_its_line(tmp_path) -> None:
    file = tmp_path / "frames.jsonl"
    with pytest.raises(UserError, match="No such file"):
        read_frames(file, {"a": 200})
    rows = frames_text(list(frame_rows(noisy("a", 1), KINDS, Protocol())))
    file.write_text(rows + rows[:100])
    with pytest.raises(UserError, match=r"frames.jsonl:11: no row of a scored frame"):
        read_frames(file, {"a": 200})
    with pytest.raises(UserError, match=r"frames.jsonl:1: no row of a scored frame \('a'\)"):
        read_frames(file, {"b": 200})


def row(clip: str, second: float, boxes: int, hits: int, false: int) -> dict:
    scores = {"vehicle": {"boxes": boxes, "hits": hits, "false": false}}
    return {"clip": clip, "time": second, "frame": int(second * 10), "scores": scores, "found": []}


def test_examples_are_apart_and_go_from_one_end_to_the_other() -> None:
    rows = [row("a", 0.0, 4, 4, 0), row("a", 0.5, 4, 4, 0), row("a", 3.0, 9, 9, 0), row("a", 6.0, 0, 0, 0)]
    rows += [row("b", 0.0, 4, 0, 0), row("b", 1.0, 9, 0, 3), row("b", 5.0, 4, 2, 0)]
    best, worst = examples(rows)
    assert worst == [5, 6]  # most errors first; its neighbour of second 0 is left out
    assert best == [2, 0]  # most boxes first; neither a neighbour, nor an empty street, nor one of the worst


def test_one_clip_of_many_gives_two_examples_at_most() -> None:
    rows = [row("a", 10.0 * k, 4, 1, 0) for k in range(9)] + [row(f"c{k}", 0.0, 4, 2, 0) for k in range(9)]
    _, worst = examples(rows)
    assert len(worst) == 6
    assert sum(rows[place]["clip"] == "a" for place in worst) == 2


def noise(index: int) -> np.ndarray:
    return np.random.default_rng(index).integers(0, 256, (64, 128, 3), np.uint8)


def shown(frames: int) -> tuple[dict[str, Clip], list[dict]]:
    clip = Clip(Path("a"), "a", Fraction(10), 128, 64, {"origin": "town"}, [], {MAIN: DrawnFrames(frames, noise)})
    rows = [row("a", number / 10, 4, 4 if number == 7 else 2, 0) for number in range(frames)]
    found = [{"score": 0.9}, {"score": LOWEST_SCORE / 2}]
    return {"a": clip}, [{**one, "frame": number, "found": found} for number, one in enumerate(rows)]


def test_a_page_has_all_frames_of_a_short_benchmark_and_few_of_a_long_one() -> None:
    for frames, kept in ((30, 30), (600, 240)):
        page = gallery(*shown(frames))
        numbers = [frame["frame"] for frame in page.frames]
        assert kept <= len(numbers) <= kept + 12
        assert numbers == sorted(set(numbers))
        assert (numbers[0], numbers[-1]) == (0, frames - 1)
        assert page.frames[page.best[0]]["frame"] == 7
        assert page.frames[0]["found"] == [{"score": 0.9}]


def test_frames_are_thinned_until_the_page_is_small_and_examples_stay(monkeypatch) -> None:
    clips, rows = shown(100)
    monkeypatch.setattr(gallery_module, "MOST_BYTES", 400_000)
    page = gallery(clips, rows)
    assert sum(len(json.dumps(frame)) for frame in page.frames) <= 400_000
    assert 20 < len(page.frames) < 60
    assert page.frames[page.best[0]]["frame"] == 7
    monkeypatch.setattr(gallery_module, "MOST_BYTES", 1)
    assert len(gallery(clips, rows).frames) == len({*page.best, *page.worst})

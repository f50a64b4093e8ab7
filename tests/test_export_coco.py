import json

import numpy as np
import pytest
from faster_coco_eval import COCO as FasterCOCO
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from drivesim.datasets.coco import read_coco
from drivesim.errors import UserError
from drivesim.exports import export
from drivesim.exports.labels import LabelRule
from tests.dataset_fixtures import CLIPS, FPS, FRAMES, HEIGHT, WIDTH, write_dataset

WRITTEN = {1: "car", 2: "person", 4: "bicycle", 5: "car", 7: "bus"}  # track: COCO's class


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("native"))


@pytest.fixture(scope="module")
def out(dataset, tmp_path_factory):
    return export(dataset, "coco", tmp_path_factory.mktemp("coco") / "out")


@pytest.fixture(scope="module", params=[COCO, FasterCOCO], ids=["pycocotools", "faster_coco_eval"])
def read(request, out):
    return lambda split: request.param(str(out / "annotations" / f"instances_{split}.json"))


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_readers_find_the_clips_of_a_split(read, out, split):
    coco = read(split)
    names = [name for name, _, of in CLIPS if of == split]
    assert [video["name"] for video in coco.dataset["videos"]] == names
    assert len(coco.getImgIds()) == len(names) * FRAMES
    assert len(coco.getAnnIds()) == len(names) * FRAMES * len(WRITTEN)
    for image in coco.loadImgs(coco.getImgIds()):
        assert (out / split / image["file_name"]).is_file()
        assert (image["width"], image["height"]) == (WIDTH, HEIGHT)


def test_readers_find_the_boxes_classes_and_tracks(read):
    coco = read("train")
    names = {row["id"]: row["name"] for row in coco.loadCats(coco.getCatIds())}
    tracks = {row["id"]: row for row in coco.dataset["tracks"]}
    assert (len(names), names[10], names[90]) == (80, "traffic light", "toothbrush")
    assert len(tracks) == 2 * len(WRITTEN)  # no track of one video is one of the other
    for image in coco.loadImgs(coco.getImgIds()):
        found = {}
        for row in coco.loadAnns(coco.getAnnIds(imgIds=[image["id"]])):
            track = tracks[row["track_id"]]
            assert row["instance_id"] == row["track_id"]
            assert (track["video_id"], track["category_id"]) == (image["video_id"], row["category_id"])
            found[int(track["name"])] = (names[row["category_id"]], *row["bbox"], row["area"])
        index = float(image["frame_id"])
        assert found == {
            1: ("car", 10.25 + index, 30.5, 20.5, 14.5, 297.25),
            2: ("person", 60, 20, 8, 24, 192),
            4: ("bicycle", 80 - index, 24, 10.5, 26, 273),
            5: ("car", 100, 10, 28, 54, 1512),
            7: ("bus", 40, 25, 8, 8, 64),
        }


def test_flagged_box_is_a_crowd_that_counts_neither_way(read, out):
    coco = read("train")
    assert [row["iscrowd"] for row in coco.loadAnns(coco.getAnnIds())].count(1) == 1
    truth = COCO(str(out / "annotations" / "instances_train.json"))
    (flagged,) = truth.loadAnns(truth.getAnnIds(iscrowd=True))
    assert (flagged["category_id"], flagged["attributes"]["flagged"]) == (1, True)
    rest = [row for row in truth.loadAnns(truth.getAnnIds()) if not row["iscrowd"]]
    for rows in (rest, [*rest, flagged]):  # whether the flagged one is found or not
        results = [{key: row[key] for key in ("image_id", "category_id", "bbox")} | {"score": 0.9} for row in rows]
        scored = COCOeval(truth, truth.loadRes(results), "bbox")
        scored.evaluate()
        scored.accumulate()
        scored.summarize()
        assert scored.stats[0] == pytest.approx(1.0)


def test_export_then_import_gives_the_facts_back(dataset, out):
    clips = {clip.name: clip for clip in read_coco(out)}
    assert sorted(clips) == [name for name, _, _ in CLIPS]
    for row, clip in dataset.clips():
        found = clips[row.id]
        assert (found.rate, found.origin, len(found)) == (clip.rate, row.source, FRAMES)
        assert found.provenance["split"] == row.split
        assert np.abs(found.read([1]).astype(int) - clip.read([1])).mean() < 4  # JPEG
        for facts, wanted in zip(found.facts, clip.facts, strict=True):
            assert (facts.index, facts.time) == (wanted.index, pytest.approx(wanted.index / FPS))
            same = ("daylight", "weather", "crowdedness")
            assert [getattr(facts, key) for key in same] == [getattr(wanted, key) for key in same]
            assert (facts.camera, facts.ego) == (None, None)
            known = [
                (thing.track_id, "car" if thing.category == "van" else thing.category, thing.box, thing.occlusion,
                 thing.truncation)
                for thing in wanted.objects if thing.track_id in WRITTEN
            ]  # fmt: skip
            assert [(t.track_id, t.category, t.box, t.occlusion, t.truncation) for t in facts.objects] == known


def test_what_is_dropped_is_not_there(dataset, tmp_path):
    (clip,) = (clip for clip in read_coco(export(dataset, "coco", tmp_path / "out", rule=LabelRule("drop")))
               if clip.name == "b-rollout")  # fmt: skip
    assert [[thing.track_id for thing in facts.objects] for facts in clip.facts] == [
        [1, 2, 4, 5, 7], [1, 4, 5, 7], [1, 2, 4, 5, 7]
    ]  # fmt: skip


def foreign(folder, **changes):
    """A COCO folder of others: one picture, two boxes of which one is a crowd, no videos."""
    import cv2

    folder.mkdir(exist_ok=True)
    cv2.imwrite(str(folder / "street.png"), np.zeros((20, 40, 3), np.uint8))
    box = {"image_id": 5, "category_id": 1, "bbox": [1, 2, 3, 4], "iscrowd": 0}
    document = {
        "categories": [{"id": 1, "name": "person"}, {"id": 9, "name": "kite"}],
        "images": [{"id": 5, "file_name": "street.png"}],
        "annotations": [box, {**box, "iscrowd": 1}, {**box, "category_id": 9}],
        **changes,
    }
    (folder / "labels.json").write_text(json.dumps(document))
    return folder / "labels.json"


def test_foreign_image_is_a_clip_of_a_frame(tmp_path):
    (clip,) = read_coco(foreign(tmp_path / "theirs"))
    assert (clip.name, clip.origin, len(clip), clip.facts[0].daylight) == ("street", "real", 1, None)
    (thing,) = clip.facts[0].objects
    assert (thing.category, thing.box, thing.occlusion) == ("pedestrian", (1.0, 2.0, 4.0, 6.0), None)
    assert thing.track_id < 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": [{"id": 5, "file_name": "../street.png"}]}, "leads outside"),
        ({"images": [{"id": 5, "file_name": "/etc/hostname"}]}, "leads outside"),
        ({"images": [{"id": 5}]}, "'file_name' not found"),
        ({"images": 7}, "not iterable"),
        ({"images": [{"id": 5, "file_name": "nobody.png"}]}, "nobody.png' not found"),
        ({"annotations": [{"image_id": 5, "category_id": 1, "bbox": [1, 2, 3, float("inf")]}]}, "Infinity found"),
        ({"annotations": [{"image_id": 5, "category_id": 1, "bbox": [1, 2, -3, 4]}]}, "expected x1 <= x2"),
        ({"annotations": [{"image_id": 5, "category_id": 77, "bbox": [1, 2, 3, 4]}]}, "77 not found"),
        ({"videos": [{"id": 1, "name": "v"}], "images": [{"id": 5, "file_name": "street.png", "video_id": 1,
          "frame_id": 0}]}, "no frame rate"),
    ],
)  # fmt: skip
def test_malformed_foreign_file_is_told_in_one_line(tmp_path, changes, message):
    with pytest.raises(UserError, match=message) as error:
        read_coco(foreign(tmp_path / "theirs", **changes))
    assert "\n" not in str(error.value)


def test_number_too_large_is_no_box(tmp_path):
    file = foreign(tmp_path / "theirs")
    file.write_text(file.read_text().replace("[1, 2, 3, 4]", "[1, 2, 1e999, 4]"))
    with pytest.raises(UserError, match="1e999 found, expected a finite number"):
        read_coco(file)

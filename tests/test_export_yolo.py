import json

import pytest
import yaml

from drivesim.exports import export
from tests.dataset_fixtures import CLIPS, FRAMES, HEIGHT, WIDTH, write_dataset


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    dataset = write_dataset(tmp_path_factory.mktemp("native"))
    return export(dataset, "yolo", tmp_path_factory.mktemp("yolo") / "out")


def test_every_picture_of_a_split_has_its_labels(out):
    card = yaml.safe_load((out / "data.yaml").read_text())
    assert [card["names"][k] for k in (0, 6, 9)] == ["car", "pedestrian", "traffic_light"]
    for split in ("train", "val", "test"):
        assert card[split] == f"images/{split}"
        stems = [f"{name}_{index:06d}" for name, _, of in CLIPS if of == split for index in range(FRAMES)]
        assert sorted(file.stem for file in (out / card[split]).iterdir()) == stems
        assert sorted(file.stem for file in (out / "labels" / split).iterdir()) == stems


def test_boxes_are_shares_of_the_picture(out):
    rows = [
        [float(value) for value in row.split()]
        for row in (out / "labels" / "train" / "a-town_000001.txt").read_text().splitlines()
    ]
    boxes = [
        (row[0], (row[1] - row[3] / 2) * WIDTH, (row[2] - row[4] / 2) * HEIGHT, row[3] * WIDTH, row[4] * HEIGHT)
        for row in rows
    ]
    expected = [
        (0, 11.25, 30.5, 20.5, 14.5), (6, 60, 20, 8, 24), (5, 79, 24, 10.5, 26), (1, 100, 10, 28, 54), (3, 40, 25, 8, 8)
    ]  # fmt: skip
    assert boxes == [pytest.approx(box, abs=2e-4) for box in expected]


def test_sidecar_names_tracks_and_the_flagged_box_that_is_left_out(out):
    rows = [json.loads(line) for line in (out / "conditions.jsonl").read_text().splitlines()]
    flagged = [row for row in rows if row["flagged"]]
    assert [(row["clip"], row["frame"], row["tracks"]) for row in flagged] == [("b-rollout", 1, [1, 4, 5, 7])]
    assert flagged[0]["flagged"] == [{"track": 2, "class": "pedestrian", "box": [60.0, 20.0, 68.0, 44.0]}]
    for row in rows:
        labels = (out / row["file"].replace("images", "labels")).with_suffix(".txt").read_text().splitlines()
        assert len(labels) == len(row["tracks"])

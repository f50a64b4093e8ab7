import configparser

import pytest
from trackeval.datasets import MotChallenge2DBox

from drivesim.exports import export
from tests.dataset_fixtures import CLIPS, FRAMES, write_dataset


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    dataset = write_dataset(tmp_path_factory.mktemp("native"))
    return export(dataset, "mot", tmp_path_factory.mktemp("mot") / "out")


def test_rows_are_as_worked_out_by_hand(out):
    rows = (out / "train" / "a-town" / "gt" / "gt.txt").read_text().splitlines()
    assert rows[:5] == [
        "1,1,11.250,31.500,20.500,14.500,1,3,1.000",
        "1,2,61.000,21.000,8.000,24.000,1,1,1.000",
        "1,4,81.000,25.000,10.500,26.000,1,4,0.667",
        "1,5,101.000,11.000,28.000,54.000,1,3,0.600",
        "1,7,41.000,26.000,8.000,8.000,1,3,0.300",
    ]
    flagged = [
        row for row in (out / "train" / "b-rollout" / "gt" / "gt.txt").read_text().splitlines() if ",0,1," in row
    ]
    assert flagged == ["2,2,61.000,21.000,8.000,24.000,0,1,1.000"]


def test_sequence_is_described(out):
    told = configparser.ConfigParser()
    told.read(out / "val" / "c-town" / "seqinfo.ini")
    assert dict(told["Sequence"]) == {
        "name": "c-town", "imdir": "img1", "framerate": "7.5", "seqlength": "3", "imwidth": "128", "imheight": "64",
        "imext": ".jpg",
    }  # fmt: skip
    assert sorted(file.name for file in (out / "val" / "c-town" / "img1").iterdir()) == [
        "000001.jpg", "000002.jpg", "000003.jpg"
    ]  # fmt: skip


def test_trackeval_finds_boxes_tracks_splits_and_what_is_not_considered(out, tmp_path):
    for split in ("train", "val", "test"):
        names = [name for name, _, of in CLIPS if of == split]
        for name in names:
            data = tmp_path / split / "same" / "data" / f"{name}.txt"
            data.parent.mkdir(parents=True, exist_ok=True)
            people = [
                row for row in (out / split / name / "gt" / "gt.txt").read_text().splitlines() if row[2:4] == "2,"
            ]
            data.write_text("".join(f"{row}\n" for row in people))
        reader = MotChallenge2DBox(
            {"GT_FOLDER": str(out / split), "TRACKERS_FOLDER": str(tmp_path / split), "SKIP_SPLIT_FOL": True,
             "SEQMAP_FILE": str(out / "seqmaps" / f"drivesim-{split}.txt"), "PRINT_CONFIG": False}
        )  # fmt: skip
        assert reader.seq_list == names
        assert set(reader.seq_lengths.values()) == {FRAMES}
        for name in names:
            raw = reader.get_raw_seq_data("same", name)
            for index in range(FRAMES):
                assert raw["gt_ids"][index].tolist() == [1, 2, 4, 5, 7]
                assert raw["gt_dets"][index][0].tolist() == [11.25 + index, 31.5, 20.5, 14.5]
            kept = reader.get_preprocessed_seq_data(raw, "pedestrian")
            assert kept["num_gt_dets"] == FRAMES - (name == "b-rollout")  # the flagged one is not considered

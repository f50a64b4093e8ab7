"""What detectors find of a rollout's boxes; a dataset in numbers; its card."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from small_dataset import JUDGES, write_dataset, write_one, write_rows
from test_plug_ins import install

from drivesim import cli
from drivesim.atomic import write_json
from drivesim.clips.agreement import Agreement, write_agreement
from drivesim.clips.checking import check_dataset
from drivesim.clips.dataset import Dataset, read_dataset
from drivesim.errors import UserError
from drivesim.generate.agreeing import agree, judge_dataset
from drivesim.generate.card import card
from drivesim.generate.inspecting import describe, inspect
from drivesim.perception import Detections

CAR, PERSON, LIGHT = [4.0, 8.0, 24.0, 24.0], [40.0, 10.0, 44.0, 22.0], [50.0, 0.0, 52.0, 6.0]
PLUG_IN = """
from drivesim.perception import Detections

class Judge:
    name, fingerprint = "mine", "5" * 64
    def __call__(self, frames):
        return [Detections([[4, 8, 24, 24]], [0.9], ["van"]) for _ in frames]

def make(argument):
    return Judge()
"""


class Fixed:
    """A detector that finds the same in every frame, and counts how many it has seen."""

    def __init__(self, *found, categories=(), fingerprint="5" * 64):
        self.found = Detections(*zip(*found, strict=True)) if found else Detections([], [], [])
        self.name, self.fingerprint, self.categories, self.seen = "fixed", fingerprint, categories, 0

    def __call__(self, frames):
        self.seen += len(frames)
        return [self.found for _ in frames]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("whole") / "set")


@pytest.fixture
def dataset(whole, tmp_path, monkeypatch) -> Dataset:
    monkeypatch.setattr("os.fsync", lambda handle: None)
    return read_dataset(shutil.copytree(whole, tmp_path / "set"))


def overlaps(dataset: Dataset, *detectors, track: int) -> list[tuple[float, ...] | None]:
    """What the detectors find of a track of clip c, frame by frame."""
    found = agree(dataset.clip(dataset.rows[2]), detectors).overlaps
    return [found.get((frame, track)) for frame in range(3)]


def test_agreement_is_the_overlap_of_box_and_match_worked_by_hand(dataset):
    # The car is 20 x 16 px and moves by 1 px a frame; what is found stands still. Frame 1: 19 x 16 of both are common,
    # 304 / (2 * 320 - 304); frame 2: 18 x 16, 288 / (640 - 288).
    assert overlaps(dataset, Fixed((CAR, 0.9, "van")), track=1) == [
        pytest.approx((value,)) for value in (1.0, 304 / 336, 288 / 352)
    ]


def test_each_judge_has_its_own_number_and_zero_for_what_it_does_not_find(dataset):
    half = Fixed(([40.0, 10.0, 44.0, 16.0], 0.9, "pedestrian"))  # the upper 6 of 12 px
    assert overlaps(dataset, Fixed(), half, track=2) == [(0.0, 0.5)] * 3


@pytest.mark.parametrize(
    "found",
    [(PERSON, 0.9, "bicycle"), (PERSON, 0.2, "pedestrian"), ([42.0, 10.0, 90.0, 22.0], 0.9, "pedestrian")],
    ids=["another group", "too low a score", "too little overlap"],
)
def test_what_does_not_match_finds_nothing(dataset, found):
    assert overlaps(dataset, Fixed(found), track=2) == [(0.0,)] * 3


def test_a_surer_detection_beside_the_box_does_not_take_it_from_the_right_one(dataset):
    beside = ([4.0, 8.0, 9.0, 24.0], 0.95, "car")  # a quarter of the car
    assert overlaps(dataset, Fixed(beside, (CAR, 0.5, "car")), track=1)[0] == (1.0,)
    assert overlaps(dataset, Fixed(beside), track=1)[0] == (0.25,)


def test_hidden_things_are_not_looked_for_and_other_things_only_by_who_knows_them(dataset):
    light = (LIGHT, 0.9, "traffic_light")
    assert overlaps(dataset, Fixed(light), track=4) == [None] * 3
    assert overlaps(dataset, Fixed(light, categories=("traffic_light",)), track=4) == [(1.0,)] * 3
    assert overlaps(dataset, Fixed(light, categories=("traffic_light",)), track=3) == [None] * 3


def test_only_rollouts_that_these_judges_have_not_seen_are_judged(dataset):
    one = Fixed((CAR, 0.9, "car"))
    assert (judge_dataset(dataset, [one]), one.seen) == (1, 3)
    assert (judge_dataset(dataset, [one]), one.seen) == (0, 3)
    assert judge_dataset(dataset, [one, Fixed(fingerprint="6" * 64)]) == 1
    assert check_dataset(dataset.path) == []
    assert sorted(path.name for path in (dataset.path / "agreement").iterdir()) == ["c.json"]
    town = Dataset(dataset.path, dataset.card, dataset.rows[:2])
    with pytest.raises(UserError, match="no rollout in it"):
        judge_dataset(town, [one])


def test_the_command_judges_by_a_plug_in_and_writes_the_card(dataset, tmp_path, monkeypatch, capsys):
    install(tmp_path, "judge_package", PLUG_IN, {"mine": "make"})
    monkeypatch.syspath_prepend(str(tmp_path))
    assert cli.main(["dataset", "judge", str(dataset.path), "--judge", "mine"]) == 0
    assert "1 rollouts judged now" in capsys.readouterr().out
    found = dataset.agreement(dataset.rows[2])
    assert [found.best(frame, 1) for frame in range(3)] == [1.0, 0.905, 0.818]
    assert "| mine  | 555555555555 | 1     | 6     | 0.500 |" in (dataset.path / "README.md").read_text()


def two_rollouts(dataset: Dataset) -> Dataset:
    """With a second rollout, of which judge one finds nothing and judge two all."""
    row = write_one(dataset.path, "d", source="rollout", split="train", frames=1, seed=3)
    write_rows(dataset.path, [*dataset.rows, row])
    found = Agreement(JUDGES, {(0, 1): (0.0, 1.0), (0, 2): (0.0, 1.0)})
    write_agreement(dataset.agreement_file(row), found)
    return read_dataset(dataset.path)


def test_a_dataset_in_numbers(dataset):
    dataset = two_rollouts(dataset)
    found = inspect(dataset)
    assert (found["clips"], found["frames"], found["minutes"]) == (4, 10, round(10 / 7.5 / 60, 3))
    assert found["gigabytes"] == pytest.approx(sum(row.bytes for row in dataset.rows) / 1e9, abs=1e-6)
    assert [tuple(row.values()) for row in found["parts"]] == [
        ("train", "town", 1, 3), ("train", "rollout", 2, 4), ("val", "town", 1, 3)
    ]  # fmt: skip
    assert len(found["coverage"]) == 3 * 5 * 4
    assert not any(cell["frames"] for cell in found["coverage"][:57])
    # A car and a person are seen: "low". Seeds 0 and 3 are by night, 1 at dusk, 2 by day.
    assert found["coverage"][57:] == [
        {"time_of_day": "night", "weather": "clear", "crowdedness": "low", "frames": 4, "clips": 2},
        {"time_of_day": "dawn_dusk", "weather": "clear", "crowdedness": "low", "frames": 3, "clips": 1},
        {"time_of_day": "day", "weather": "clear", "crowdedness": "low", "frames": 3, "clips": 1},
    ]
    assert found["boxes"]["car"] == {"small": 10, "medium": 0, "large": 0}  # 320 px^2
    assert found["boxes"]["bus"] == {"small": 0, "medium": 0, "large": 0}


def test_agreement_in_numbers_worked_by_hand(dataset):
    found = inspect(two_rollouts(dataset))["agreement"]
    # Clip c: 6 boxes, judge one finds the 3 of the car, judge two none at 0.5. Clip d: 2 boxes, judge two finds both.
    assert [(row["name"], row["recall"]) for row in found["judges"]] == [("one", 3 / 8), ("two", 2 / 8)]
    assert found["judges"][0]["interval"] == (0.0, 0.5)  # two of clip d, or two of clip c
    assert (found["boxes"], found["doubted"]) == (8, 3)


def test_the_rule_of_the_suite_counts_and_empty_cells_come_first(dataset):
    write_json(dataset.path / "dataset.json", {**dataset.card, "recipe": {"suite": {"labels": {"overlap": 0.2}}}})
    found = inspect(read_dataset(dataset.path))
    assert found["policies"]["drop"] == {"flagged": 0, "dropped": 0}  # 0.25 is enough
    table = [line for line in describe(found).splitlines() if line.count("EMPTY") > 0]
    assert [line.count("EMPTY") for line in table] == [4] * 12 + [3] * 3


def test_frames_of_unknown_conditions_are_in_no_cell(dataset):
    row = write_one(dataset.path, "d", source="town", split="val", frames=2, weather=None)
    write_rows(dataset.path, [row])
    found = inspect(read_dataset(dataset.path))
    assert (found["uncovered_frames"], sum(cell["frames"] for cell in found["coverage"])) == (2, 0)
    assert "60 of 60 cells are empty; 2 frames of unknown conditions" in describe(found)


def test_inspect_prints_json(dataset, capsys):
    assert cli.main(["dataset", "inspect", str(dataset.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["policies"]["flag"]["flagged"] == 3
    assert cli.main(["dataset", "inspect", str(dataset.path)]) == 0
    assert "No judge finds 3 of 6 boxes" in capsys.readouterr().out


RECIPE = {
    "suite": {"name": "streets", "description": "Streets *at night*.", "labels": {"policy": "drop"}},
    "weights": {"unet.image": "a" * 64},
    "weights_card": {"licence": "Apache-2.0", "conditions": {"boxes": "obeyed", "camera": "weak"}},
    "software": {"drivesim": "1.0"},
}  # fmt: skip


def test_the_card_says_what_its_user_must_know(dataset):
    write_json(dataset.path / "dataset.json", {**dataset.card, "name": 'a "b": c', "recipe": RECIPE})
    (dataset.path / "failures.jsonl").write_text(
        "".join(json.dumps({"id": name, "reason": "no <memory>"}) + "\n" for name in "ef")
    )
    told = card(read_dataset(dataset.path))
    header = yaml.safe_load(told.split("---\n")[1])
    assert (header["license"], header["pretty_name"]) == ("apache-2.0", 'a "b": c')
    assert header["size_categories"] == ["n<1K"]
    assert "synthetic" in header["tags"]
    for words in (
        r"Streets \*at night\*.", "weights: Apache-2.0", "57 of 60 cells are empty", "flag 3 with flag",
        "policy for boxes that no judge finds: drop, IoU 0.5", "- The model's camera: weak",
        r"- 2 clips could not be made: no \<memory\>", f"- weights unet.image: {'a' * 64}", "- drivesim 1.0",
    ):  # fmt: skip
        assert words in told
    assert "boxes: obeyed" not in told
    assert told == card(read_dataset(dataset.path))


def test_the_card_hides_no_unknown_licence(dataset):
    told = card(dataset)
    assert yaml.safe_load(told.split("---\n")[1])["license"] == "other"
    assert "of unknown licence" in told
    town = Dataset(dataset.path, dataset.card, dataset.rows[:2])
    assert yaml.safe_load(card(town).split("---\n")[1])["license"] == "apache-2.0"
    assert "model" not in card(town)

"""Rollouts in a dataset: the weights are loaded once, detectors judge the boxes, the recipe names all of them."""

from __future__ import annotations

import numpy as np
import pytest

from drivesim.clips.agreement import Agreement, Judge
from drivesim.clips.dataset import read_dataset
from drivesim.generate import generate, making, suite_of
from drivesim.generate.agreeing import agree
from drivesim.perception import Detections
from scenarios.facts import FrameFacts, ObjectFacts
from tests.tiny_weights import write_tiny_weights

SUITE = {"name": "rolled", "source": "rollout", "fps": 7.5, "frames": 2, "clips": [{"scenario": "dawn", "count": 2}]}
CAR, HIDDEN, DOG, WALKER = (
    ObjectFacts(1, "car", (10.0, 10.0, 30.0, 30.0)),
    ObjectFacts(2, "car", (40.0, 10.0, 60.0, 30.0), occlusion=0.9),
    ObjectFacts(3, "animal", (0.0, 30.0, 10.0, 40.0)),
    ObjectFacts(4, "pedestrian", (60.0, 10.0, 70.0, 40.0)),
)


class Told:
    """A detector that finds what it is told."""

    def __init__(self, name: str, found: Detections) -> None:
        self.name, self.fingerprint, self.found = name, name, found

    def __call__(self, frames):
        return [self.found for _ in frames]


class Drive:
    """A clip of one frame."""

    height = 64
    facts = (FrameFacts(0, 0.0, objects=(CAR, HIDDEN, DOG, WALKER)),)

    def frames(self):
        return iter([np.zeros((64, 128, 3), np.uint8)])


def test_each_judge_has_its_overlap_with_every_visible_box_it_could_know():
    # The box of the first judge is 20 x 20 px, moved by 10: they share 10 x 20 of 30 x 20 px.
    moved = Told("moved", Detections([[20, 10, 40, 30], [60, 10, 70, 40]], [0.9, 0.2], ["van", "pedestrian"]))
    found = agree(Drive(), [moved, Told("blind", Detections([], [], []))])
    judges = (Judge("moved", "moved"), Judge("blind", "blind"))
    assert found == Agreement(judges, {(0, 1): (pytest.approx(1 / 3), 0.0), (0, 4): (0.0, 0.0)})


def test_a_detector_that_knows_animals_looks_for_them():
    seer = Told("seer", Detections([[0, 30, 10, 40]], [0.9], ["animal"]))
    seer.categories = ("car", "animal")
    assert agree(Drive(), [seer]).overlaps[0, 3] == (1.0,)


def test_rollouts_are_made_with_weights_that_are_loaded_once_and_judged(tmp_path, monkeypatch):
    weights = write_tiny_weights(tmp_path / "weights")
    loaded = []
    import drivesim.parts as parts

    def load(folder, original=parts.load_weights):
        loaded.append(folder)
        return original(folder)

    monkeypatch.setattr(parts, "load_weights", load)
    making._weights.cache_clear()
    made = generate(suite_of(SUITE), tmp_path / "data", weights=weights, device="cpu", workers=1, engine="inline")
    making._weights.cache_clear()
    assert made.failures == {}
    assert len(loaded) == 2  # for the recipe, and for the clips
    dataset = read_dataset(tmp_path / "data")
    assert set(dataset.card["recipe"]["weights"]) >= {"unet.image", "up.image"}
    assert [judge["name"] for judge in dataset.card["recipe"]["judges"]] == ["reference"]
    for row, clip in dataset.clips():
        assert (row.source, row.frames, clip.origin) == ("rollout", 2, "rollout")
        agreement = dataset.agreement(row)
        assert agreement is not None
        assert [judge.name for judge in agreement.judges] == ["reference"]

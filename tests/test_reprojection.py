"""Surfaces keep their look: where what a picture shows was in the picture before, and what is made of it."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest
import torch

from drivesim import render
from drivesim.errors import UserError
from drivesim.parts import load_weights
from drivesim.rollout.reprojection import NOBODY, TELLING, _Scene, share_for, steadied
from drivesim.rollout.session import Session
from drivesim.rollout.stages import Sampling
from drivesim.rollout.stream import plan_for
from scenarios import compile, load
from scenarios.still_facts import SceneryFacts
from tests.tiny_weights import CARD, write_tiny_weights

SIZE = (128, 256)


@pytest.fixture(scope="module")
def frames():
    return compile(load("cut_in"), fps=7.5).first(12)


def users_at(scene: _Scene) -> np.ndarray:
    return scene.owners != NOBODY


def test_the_picture_before_moved_by_what_is_known_is_the_picture_now(frames, tmp_path):
    """The town's own pictures: most of what changes from one to the next is explained."""
    clip = render(frames, tmp_path / "clip", size=SIZE)
    pictures = [picture.astype(np.float32) for picture in clip.frames()]
    scenes = [_Scene.of(facts, SIZE) for facts in frames]
    for k in (3, 7, 11):
        x, y, same, _ = scenes[k].seen_by(scenes[k - 1])
        moved = cv2.remap(pictures[k - 1], x, y, cv2.INTER_LINEAR)
        error, change = (np.abs(picture - pictures[k]).mean(-1) for picture in (moved, pictures[k - 1]))
        assert same.mean() > 0.6
        assert error[same > 0].mean() < 0.5 * change[same > 0].mean()
        users = users_at(scenes[k]) & (same > 0)
        assert users.any()
        assert error[users].mean() < 0.9 * change[users].mean()


def test_what_flickers_is_evened_out_and_what_stays_is_kept(frames):
    generator = torch.Generator().manual_seed(0)
    plain = torch.zeros(12, 3, *SIZE)
    noise = 0.1 * torch.randn(plain.shape, generator=generator)
    made = torch.stack(list(steadied(plain + noise, list(frames), share=0.7, last=None)))
    assert torch.equal(made[0], noise[0])
    assert made[6:].std() < 0.75 * noise.std()
    constant = torch.stack(list(steadied(plain + 0.3, list(frames), share=0.7, last=None)))
    assert (constant - 0.3).abs().max() < 1e-5


def test_colours_of_road_users_do_not_stay_behind_on_the_ground(frames):
    scenes = [_Scene.of(facts, SIZE) for facts in frames]
    pictures = torch.zeros(12, 3, *SIZE)
    for picture, scene in zip(pictures, scenes, strict=True):
        blot = cv2.dilate(users_at(scene).astype(np.uint8), np.ones((3, 3)))  # they reach a pixel beyond their boxes
        picture[:, torch.from_numpy(blot > 0)] = 1.0
    made = torch.stack(list(steadied(pictures, list(frames), share=0.9, last=None)))
    away = torch.from_numpy(~cv2.dilate(users_at(scenes[11]).astype(np.uint8), np.ones((9, 9))).astype(bool))
    assert made[11][:, away].abs().max() < 0.05


def test_the_middle_of_a_road_user_is_surely_the_same_its_rim_hardly(frames):
    scenes = [_Scene.of(facts, SIZE) for facts in frames]
    _, _, same, _ = scenes[3].seen_by(scenes[2])
    boxes = [
        box for box, whole in scenes[3].users.values() if box == whole and min(box[2] - box[0], box[3] - box[1]) > 7
    ]
    assert boxes
    x1, y1, x2, y2 = boxes[-1]  # the nearest: nothing is in front of it
    row = int((y1 + y2) / 2)
    assert same[row, int((x1 + x2) / 2)] > 0.9
    assert same[row, int(x1) + 1] < 0.6
    assert same[int(y1) + 1, int((x1 + x2) / 2)] < 0.7


def test_a_road_user_keeps_its_colour_longer_than_its_details(frames):
    """One that is red in the first picture and blue in all others, where a white stripe comes with the blue."""
    scenes = [_Scene.of(facts, SIZE) for facts in frames]
    track = max(scenes[11].users, key=lambda track: (scenes[11].users[track][0][0] > 0, scenes[11].users[track][0][3]))
    pictures = torch.zeros(12, 3, *SIZE)
    for k, (picture, scene) in enumerate(zip(pictures, scenes, strict=True)):
        x1, y1, x2, y2 = (round(side) for side in scene.users[track][0])
        picture[2 if k else 0, y1:y2, x1:x2] = 1.0
        if k:
            picture[:, y1:y2, (x1 + x2) // 2] = 1.0
    x1, y1, x2, y2 = (round(side) for side in scenes[11].users[track][0])
    middle = slice(y1 + (y2 - y1) // 3, y2 - (y2 - y1) // 3), slice(x1 + (x2 - x1) // 3, x2 - (x2 - x1) // 3)
    made = list(steadied(pictures, list(frames), share=0.6, last=None))[11][:, middle[0], middle[1]]
    red, stripe, _ = made.mean((1, 2))
    assert red - stripe > 0.1  # a share of 0.6 for all of it leaves 0.6 ** 11, less than 0.004
    assert made[1].max() - made[1].min() > 0.5  # and the stripe is seen


def test_what_stood_before_a_road_user_does_not_become_a_part_of_it(frames):
    """A car behind a red one, which is not there in the next picture."""
    facts = frames[0]
    far, near = facts.objects[0], dataclasses.replace(facts.objects[0], track_id=99)
    far = dataclasses.replace(far, box=(400, 200, 600, 300), amodal_box=(400, 200, 600, 300), depth=20.0)
    near = dataclasses.replace(near, box=(380, 180, 500, 320), amodal_box=(380, 180, 500, 320), depth=10.0)
    both, alone = (dataclasses.replace(facts, objects=objects) for objects in ((far, near), (far,)))
    pictures = torch.zeros(2, 3, *SIZE)
    pictures[0, :, 45:80, 95:125] = 1.0  # the near one
    made = list(steadied(pictures, [both, alone], share=0.9, last=None))[1]
    assert made[:, 50:75, 100:].abs().max() < 0.05
    still = dataclasses.replace(both, objects=(far, dataclasses.replace(near, track_id=-1)))
    unknown = list(steadied(pictures, [still, still], share=0.9, last=None))[1]
    assert unknown[:, 46:79, 96:124].abs().max() == 0


def test_ground_forgets_how_it_looked_from_afar_the_sooner_the_nearer_it_comes(frames):
    """A street under fog that makes it the lighter the farther away it is, by 1 in 60 m."""
    scenes = [_Scene.of(facts, SIZE) for facts in frames]
    depth = scenes[11].surfaces.depth
    pictures = torch.stack(
        [torch.from_numpy(np.minimum(scene.surfaces.depth / 60, 1)).float().expand(3, -1, -1) for scene in scenes]
    )
    made = list(steadied(pictures, list(frames), share=0.95, last=None))[11]
    lag = (made - pictures[11]).mean(0).numpy()
    street = (scenes[11].surfaces.numbers == 0) & np.isfinite(depth) & ~users_at(scenes[11])
    near, far = lag[street & (depth < 12)], lag[street & (depth > 25) & (depth < 40)]
    assert 0 < near.mean() < 0.1  # 6 m of fog; it would be 14 m were all remembered alike
    assert far.mean() > 0.07  # more than 4 m


def test_the_corners_of_a_trees_box_keep_nothing_and_its_middle_does(frames):
    facts = frames[0]
    tree = SceneryFacts("tree", (20.0, 4.0, 4.0), (4.0, 4.0, 6.0), 0.0)
    pole = dataclasses.replace(tree, kind="pole", center=(20.0, -4.0, 4.0))
    still = [dataclasses.replace(facts, objects=(), scenery=(tree, pole))] * 2
    noise = torch.randn(2, 3, *SIZE, generator=torch.Generator().manual_seed(3))
    made = list(steadied(noise, still, share=0.9, last=None))[1]
    fresh = (made == noise[1]).all(0).numpy()
    scene = _Scene.of(still[0], SIZE)
    kept = {}
    for name, first in (("tree", 0), ("pole", 6)):
        rows, columns = np.nonzero((scene.surfaces.numbers > first) & (scene.surfaces.numbers <= first + 6))
        assert len(rows) > 300
        corner = rows.min() + 1, columns.min() + 1
        middle = round(rows.mean()), round(columns.mean())
        kept[name] = [not fresh[corner], not fresh[middle]]
    assert kept == {"tree": [False, True], "pole": [True, True]}


def test_the_look_before_is_forgotten_while_daylight_changes(frames):
    """A world that is white by day and black by night, whose daylight falls by 0.07 from picture to picture."""
    evening = [dataclasses.replace(facts, daylight=1.0 - 0.07 * k) for k, facts in enumerate(frames)]
    pictures = torch.stack([torch.full((3, *SIZE), facts.daylight) for facts in evening])
    lag, usual = (
        (torch.stack(list(steadied(pictures, facts, share=0.9, last=None))) - pictures)[11].mean()
        for facts in (evening, list(frames))
    )
    assert usual > 0.2
    assert lag < 0.07  # a share of 0.9 / 2 is 0.82 pictures late, which is less than one


def test_without_a_share_or_facts_pictures_stay_as_they_are(frames):
    noise = torch.randn(12, 3, *SIZE, generator=torch.Generator().manual_seed(1))
    for facts, share in (
        (list(frames), 0.0),
        ([dataclasses.replace(frame, scenery=None) for frame in frames], 0.7),
        ([dataclasses.replace(frame, ego=None) for frame in frames], 0.7),
        ([dataclasses.replace(frame, objects=None) for frame in frames], 0.7),
        ([dataclasses.replace(frame, camera=None) for frame in frames], 0.7),
    ):
        assert torch.equal(torch.stack(list(steadied(noise, facts, share=share, last=None))), noise)


def test_in_two_pieces_it_is_the_same(frames):
    noise = torch.randn(12, 3, *SIZE, generator=torch.Generator().manual_seed(2))
    whole = torch.stack(list(steadied(noise, list(frames), share=0.6, last=None)))
    head, tail = list(frames)[:5], list(frames)[5:]
    first = torch.stack(list(steadied(noise[:5], head, share=0.6, last=None)))
    rest = torch.stack(list(steadied(noise[5:], tail, share=0.6, last=(first[-1], head[-1]))))
    assert torch.equal(torch.cat([first, rest]), whole)


def test_the_share_halves_in_the_time_of_memory():
    assert share_for(0.4, 0.4) == pytest.approx(0.5)
    assert share_for(0.4, 1 / 30) ** 4 == pytest.approx(share_for(0.4, 4 / 30))
    with pytest.raises(UserError, match=r"memory of looks is -1 s, expected 0 or more"):
        Sampling(memory=-1)


def test_a_session_that_is_told_less_mixes_nothing(tmp_path):
    weights = load_weights(write_tiny_weights(tmp_path))
    asked = {"plan": plan_for(weights, 7.5), "sampling": Sampling.of({**CARD["sampling"], "memory": 0.3}), "seed": 1}
    assert Session(weights, **asked).share > 0.5
    for name in TELLING:
        assert Session(weights, **asked, withheld=(name,)).share == 0
    assert Session(weights, **asked, withheld=("weather",)).share > 0.5

import dataclasses
import json

import cv2
import numpy as np
import pytest
import torch

from drivesim.clips import read_clip, verify
from drivesim.errors import UserError
from drivesim.parts import load_weights
from drivesim.rollout import Sampling, Session, State, rollout
from drivesim.rollout.pictures import read_picture
from drivesim.rollout.pipeline import _resume
from drivesim.rollout.session import origin_of
from drivesim.rollout.stream import plan_for
from scenarios import compile, loads
from tests.tiny_weights import CARD, STREET, write_tiny_weights

FPS = 7.5  # 30 frames: a step of 24 and one of 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny_weights(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def weights(folder):
    return load_weights(folder)


@pytest.fixture(scope="module")
def timeline():
    return compile(loads(STREET), fps=FPS)


@pytest.fixture(scope="module")
def clip(folder, timeline, tmp_path_factory):
    return rollout(timeline, tmp_path_factory.mktemp("out") / "clip", weights=folder, fps=FPS)


def session_for(weights, **changes):
    arguments = {"seed": 1, "plan": plan_for(weights, FPS), "sampling": Sampling.of(CARD["sampling"]), **changes}
    return Session(weights, **arguments)


def told(session, timeline):
    start = session.state.frame
    return session.told([timeline[min(start + k, len(timeline) - 1)] for k in range(session.plan.horizon)])


# --- session


def test_the_same_seed_gives_the_same_pictures_and_another_seed_others(weights, timeline):
    first, again, other = (session_for(weights, seed=seed) for seed in (1, 1, 2))
    pictures = first.step(told(first, timeline))
    assert pictures.shape == (24, 3, 64, 128)
    assert torch.equal(pictures, again.step(told(again, timeline)))
    assert not torch.equal(pictures, other.step(told(other, timeline)))


def test_windows_hold_the_pictures_of_a_step_as_soon_as_they_are_made(weights, timeline):
    whole, session = session_for(weights), session_for(weights)
    expected = whole.step(told(whole, timeline), 22)
    pieces, ends = [], []
    for window in session.windows(told(session, timeline), 22):
        pieces.append(session.decode(window))
        ends.append(session.state.frame)
    assert [len(piece) for piece in pieces] == [4, 4, 4, 4, 4, 2]
    assert ends == [0, 0, 0, 0, 0, 22]
    assert torch.equal(torch.cat(pieces), expected)


def test_first_windows_do_not_wait_for_the_frames_between_later_keys(weights):
    timeline = compile(loads(STREET), fps=30.0)
    session = session_for(weights, plan=plan_for(weights, 30.0))
    filled = []
    between = session.stages.between
    session.stages.between = lambda *given: filled.append(len(given[2])) or between(*given)
    windows = session.windows(told(session, timeline))
    next(windows)
    assert filled == [6, 8]  # windows of 7.5 frames/s, then the first of 24 of 30 frames/s
    assert 1 + len(list(windows)) == 24
    assert filled == [6, 8, 8, 8]


def test_a_session_goes_on_from_its_saved_state_bit_for_bit(weights, timeline, tmp_path):
    whole = session_for(weights)
    whole.step(told(whole, timeline))
    whole.state.save(tmp_path / "state.safetensors", whole.picture)
    expected = whole.step(told(whole, timeline))
    later = session_for(weights)
    later.state, later.picture = State.load(tmp_path / "state.safetensors")
    assert later.state.frame == 24
    assert len(later.state.keys) == 2
    assert torch.equal(later.step(told(later, timeline)), expected)


def test_a_short_clip_is_the_beginning_of_a_long_one(weights, timeline):
    long, short = session_for(weights), session_for(weights)
    expected = long.step(told(long, timeline))[:7]
    pictures = short.step(told(short, timeline), 7)
    torch.testing.assert_close(pictures, expected, atol=0.05, rtol=0)
    with pytest.raises(ValueError, match="whole steps"):
        short.step(told(short, timeline))


def test_what_is_told_changes_the_pictures(weights, timeline):
    day, night = session_for(weights), session_for(weights)
    conditions = told(day, timeline)
    signals = {**conditions.signals, "daylight": -conditions.signals["daylight"]}
    dark = night.step(dataclasses.replace(conditions, signals=signals))
    assert not torch.equal(day.step(conditions), dark)


def test_a_first_frame_is_where_the_session_starts(weights, timeline, tmp_path):
    file = tmp_path / "photo.png"
    cv2.imwrite(str(file), np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8))
    picture = read_picture(file, (64, 128))
    session = session_for(weights, picture=picture)
    assert torch.equal(session.state.keys, session.stages.encode(picture.colour))
    start = session.state.keys.clone()
    kept = session._keys(told(session, timeline))[0]
    assert torch.equal(kept, start[0])


def test_conditions_of_the_wrong_frames_are_an_error(weights, timeline):
    session = session_for(weights)
    with pytest.raises(ValueError, match="expected 1 x 29"):
        session.step(told(session, timeline).frames(slice(0, 5)))


# --- pictures


def test_the_middle_of_a_picture_is_kept_whatever_its_shape(tmp_path):
    tall = np.zeros((400, 200, 3), np.uint8)
    tall[150:250] = (0, 0, 255)  # red, as OpenCV has it; the middle 200 x 100
    cv2.imwrite(str(tmp_path / "tall.png"), tall)
    colour = read_picture(tmp_path / "tall.png", (64, 128)).colour
    assert colour.shape == (3, 64, 128)
    assert colour[0].min() == 1.0
    assert colour[1:].max() == -1.0


def test_a_file_without_a_picture_is_an_error(tmp_path):
    (tmp_path / "text.png").write_text("not a picture")
    with pytest.raises(UserError, match="not a readable picture"):
        read_picture(tmp_path / "text.png", (64, 128))
    with pytest.raises(UserError, match="no such file"):
        read_picture(tmp_path / "none.png", (64, 128))


# --- rollout


def test_a_rollout_is_a_whole_clip_with_its_facts_an_overlay_and_where_it_is_from(clip, timeline, weights):
    assert (len(clip), clip.fps, clip.width, clip.height) == (30, FPS, 512, 256)
    assert clip.origin == "rollout"
    assert clip.provenance["weights"] == weights.fingerprints
    assert clip.provenance["scenario"]["sha256"] == timeline.scenario.fingerprint
    assert set(clip.videos) == {"video", "overlay"}
    assert not np.array_equal(clip.read([0]), clip.read([0], video="overlay"))
    assert not list(clip.path.parent.glob(".*"))  # nothing half-written is left


def test_labels_are_those_of_the_scenario_in_the_clips_own_pixels(clip, timeline):
    found, asked = clip.facts[20], timeline[20]  # the scenario's camera is twice as large
    assert (found.camera.width, found.camera.fx) == (512, asked.camera.fx / 2)
    assert found.objects[0].box == pytest.approx([edge / 2 for edge in asked.objects[0].box])
    assert found.objects[0].center == asked.objects[0].center


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(clip, folder, timeline, tmp_path):
    sums = {}
    for name, seed in (("again", None), ("other", 5)):
        made = rollout(timeline, tmp_path / name, weights=folder, fps=FPS, seed=seed)
        sums[name] = json.loads((made.path / "clip.json").read_text())["files"]
    expected = json.loads((clip.path / "clip.json").read_text())["files"]
    assert sums["again"] == expected
    assert sums["other"]["video.mp4"] != expected["video.mp4"]


def test_sampler_is_part_of_where_a_clip_is_from(clip, folder, tmp_path):
    short = compile(loads(STREET.replace("4.0", "1.0")), fps=1.875)
    made = rollout(short, tmp_path / "clip", weights=folder, fps=1.875, sampler="dpm")
    assert (made.provenance["sampling"]["sampler"], made.provenance["sampling"]["eta"]) == ("dpm", 0.0)
    assert clip.provenance["sampling"]["sampler"] == "ddim"
    with pytest.raises(UserError, match="clip"):
        rollout(short, tmp_path / "clip", weights=folder, fps=1.875, sampler="heun")
    with pytest.raises(UserError, match="'euler'"):
        rollout(short, tmp_path / "other", weights=folder, fps=1.875, sampler="euler")


def test_context_asked_for_is_part_of_where_a_clip_is_from(clip, folder, tmp_path):
    assert (clip.provenance["plan"]["context"], clip.provenance["sampling"]["context_level"]) == (2, 0.0)
    short = compile(loads(STREET.replace("4.0", "1.0")), fps=1.875)
    made = rollout(short, tmp_path / "clip", weights=folder, fps=1.875, context=1, context_level=0.3)
    assert (made.provenance["plan"]["context"], made.provenance["sampling"]["context_level"]) == (1, 0.3)


def test_asking_again_gives_the_clip_that_is_there(clip, folder, timeline):
    before = (clip.path / "run.json").read_bytes()
    again = rollout(timeline, clip.path, weights=folder, fps=FPS)
    assert (again.path / "run.json").read_bytes() == before


def test_what_is_withheld_is_not_told_but_stays_a_fact(clip, weights, folder, timeline, tmp_path):
    session = session_for(weights, withheld=["boxes"])
    facts = [timeline[k] for k in range(session.plan.horizon)]
    assert not session.told(facts).known["boxes"].any()
    assert session.told(facts).known["daylight"].all()
    made = rollout(timeline, tmp_path / "clip", weights=folder, fps=FPS, withheld=["boxes"])
    assert made.provenance["withheld"] == ["boxes"]
    assert made.facts[20].objects == clip.facts[20].objects
    assert not np.array_equal(made.read([20]), clip.read([20]))


def test_only_conditions_can_be_withheld_and_the_interval_cannot(folder, timeline, tmp_path):
    for name in ("colour of the sky", "interval"):
        with pytest.raises(UserError, match=rf"withhold '{name}', expected some of boxes, road"):
            rollout(timeline, tmp_path / "a", weights=folder, fps=FPS, withheld=[name])


def test_a_rollout_starts_from_a_real_frame(folder, shared_data, tmp_path):
    frame = sorted((shared_data / "pandaset_002" / "front_camera").glob("*.jpg"))[0]
    short = compile(loads(STREET.replace("4.0", "1.0")), fps=1.875)
    clip = rollout(short, tmp_path / "clip", weights=folder, fps=1.875, first_frame=frame)
    assert clip.provenance["first_frame"] is not None
    assert verify(clip.path).provenance == read_clip(clip.path).provenance


def test_a_rate_a_device_or_a_timeline_that_will_not_do_is_one_clear_error(folder, timeline, tmp_path):
    with pytest.raises(UserError, match="15 frames/s"):
        rollout(loads(STREET), tmp_path / "a", weights=folder, fps=15.0)
    with pytest.raises(UserError, match=r"7\.5 frames/s, expected 30"):
        rollout(timeline, tmp_path / "a", weights=folder, fps=30.0)
    with pytest.raises(UserError, match="device 'abacus'"):
        rollout(timeline, tmp_path / "a", weights=folder, fps=FPS, device="abacus")
    assert not list(tmp_path.iterdir())


def test_an_untrained_camera_is_refused_unless_allowed(folder, tmp_path):
    camera = "{width: 1024, height: 512, intrinsics: {fx: 780.0, fy: 780.0, cx: 512.0, cy: 256.0}, mount: {z: 3.0}}"
    high = STREET + f"camera: {camera}\n"
    timeline = compile(loads(high.replace("4.0", "0.6")), fps=1.875)
    with pytest.raises(UserError, match=r"height is 3 m, expected 1\.4 to 1\.6"):
        rollout(timeline, tmp_path / "a", weights=folder, fps=1.875)
    assert len(rollout(timeline, tmp_path / "a", weights=folder, fps=1.875, allow_untrained_camera=True)) == 1


def test_a_rollout_looks_like_the_town_if_the_weights_know_it():
    assert origin_of({"data": {"origins": ["real", "town"]}}) == "town"
    assert origin_of({"data": {"origins": ["real"]}}) == "real"


def test_a_run_goes_on_from_the_newest_state_that_its_chunks_allow(weights, tmp_path):
    for frame in (24, 48):
        nothing = torch.zeros(2, 8, 8, 16), torch.zeros(1, 8, 8, 16)
        State(frame, *nothing).save(tmp_path / f"{frame}.safetensors", torch.zeros(0, 3, 64, 128))
    session = session_for(weights)
    _resume(session, tmp_path, 24)
    assert session.state.frame == 24
    assert [path.name for path in tmp_path.iterdir()] == ["24.safetensors"]
    anew = session_for(weights)
    _resume(anew, tmp_path, 0)  # no chunk is done: what lies here is another run's
    assert anew.state.frame == 0
    assert not list(tmp_path.iterdir())

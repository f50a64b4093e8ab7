from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from training_clips import write_clips

from conditioning import Conditions
from conditioning.signals import interval_signal
from drivesim.clips import ClipWriter, read_clip
from drivesim.datasets.training_reader import CachedClip, CropPlan, Windows, cached, find_clips, held_out, stride_for
from drivesim.errors import UserError
from drivesim.training.data import CONDITION_ARRAYS, TrainingData
from scenarios import load
from scenarios.facts import FrameFacts

SIZES = {"size": (64, 128), "map_size": (16, 32)}


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return write_clips(tmp_path_factory.mktemp("clips"), 4, frames=33, height=128)


# --- windows


def test_window_takes_every_fourth_frame_of_7_5_fps_for_1_875():
    window = Windows([(60, 7.5)], frames=8, rates=[1.875]).draw(0, "test", 0)
    assert np.diff(window.indices).tolist() == [4] * 7
    assert window.interval == pytest.approx(8 / 15)


def test_rate_that_is_no_whole_part_of_a_clips_own_is_not_used():
    assert stride_for(10.0, 7.5) is None
    windows = Windows([(60, 10.0), (60, 7.5)], frames=5, rates=[7.5])
    assert {windows.draw(0, "test", n).clip for n in range(20)} == {1}


def test_clip_too_short_for_a_rate_gives_windows_of_the_others_only():
    windows = Windows([(8, 7.5), (60, 30.0)], frames=5, rates=[7.5, 30])
    drawn = [windows.draw(0, "test", n) for n in range(40)]
    assert {(w.clip, round(1 / w.interval, 3)) for w in drawn} == {(0, 7.5), (1, 7.5), (1, 30.0)}


def test_window_reaches_the_last_frame_and_not_beyond():
    windows = Windows([(9, 7.5)], frames=8)
    assert {windows.draw(0, "test", n).indices[-1] for n in range(30)} == {7, 8}


def test_window_is_a_pure_function_of_seed_purpose_and_number():
    windows = Windows([(60, 7.5)] * 5, frames=8)
    assert windows.draw(1, "a", 7) == windows.draw(1, "a", 7)
    others = [windows.draw(2, "a", 7), windows.draw(1, "b", 7), windows.draw(1, "a", 8)]
    assert all(other != windows.draw(1, "a", 7) for other in others)


def test_clips_that_are_all_too_short_are_refused():
    with pytest.raises(UserError, match="no clip holds 8 frames at"):
        Windows([(20, 7.5)], frames=8, rates=[1.875])


# --- caches


def test_clip_is_decoded_once(clips, tmp_path, monkeypatch):
    clip = read_clip(clips / "clip_00")
    first = CachedClip(clip, tmp_path, **SIZES)
    assert first.colour.shape == (33, 64, 128, 3)
    monkeypatch.setattr(
        "drivesim.datasets.training_reader.CachedClip._read_colour", lambda self: pytest.fail("decoded")
    )
    again = CachedClip(clip, tmp_path, **SIZES)
    assert np.array_equal(again.colour, first.colour)


def test_other_size_or_other_clip_has_its_own_cache(clips, tmp_path):
    small = {"size": (32, 64), "map_size": (16, 32)}
    for name, sizes in (("clip_00", SIZES), ("clip_00", small), ("clip_01", SIZES)):
        clip = CachedClip(read_clip(clips / name), tmp_path, **sizes)
        assert len(clip.colour) == len(clip.conditions["known"]) == clip.length
    assert len(list(tmp_path.glob("frames-*"))) == 3
    assert len(list(tmp_path.glob("conditions-*"))) == 2


def test_cache_that_fails_half_way_leaves_nothing(tmp_path):
    def fail():
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        cached(tmp_path, "frames", {"a": 1}, fail)
    assert not list(tmp_path.glob("*"))


def test_many_entries_are_open_at_once_and_keep_no_file_open(tmp_path):
    resource = pytest.importorskip("resource", reason="limits of open files are Unix's")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    entry = {"a": np.arange(24, dtype=np.float32).reshape(2, 3, 4), "none": np.zeros((0, 3), bool)}
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
        entries = [cached(tmp_path, "frames", {"number": number}, lambda: entry) for number in range(64)]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    for found in entries:
        for name, array in entry.items():
            assert found[name].dtype == array.dtype
            np.testing.assert_array_equal(found[name], array)
            assert not found[name].flags.writeable


def test_cached_conditions_are_those_of_the_facts(clips, tmp_path):
    from conditioning import encode

    clip = read_clip(clips / "clip_01")
    stored = CachedClip(clip, tmp_path, **SIZES).conditions
    found = Conditions.from_arrays({name: stored[name][None] for name in CONDITION_ARRAYS})
    expected = encode(list(clip.facts), interval=1 / 7.5, origin="town", size=(16, 32))
    assert torch.allclose(found.map_stack(), expected.map_stack(), atol=0.005)
    assert torch.allclose(found.signal_stack(), expected.signal_stack(), atol=1e-6)


def test_crop_is_the_same_place_in_picture_and_maps(clips, tmp_path):
    clip = CachedClip(read_clip(clips / "clip_00"), tmp_path, **SIZES)
    plan = CropPlan(count=3, frames=2, height=128, width=128, factor=4, grid=32)
    crops = clip.crops(plan)
    assert crops["colour"].shape == (3, 2, 128, 128, 3)
    assert crops["boxes"].shape[-2:] == (32, 32)
    whole = read_clip(clips / "clip_00").read(list(crops["frames"][2]), size=(256, 512))
    top, left = crops["place"][2]
    assert np.array_equal(crops["colour"][2], whole[:, top : top + 128, left : left + 128])
    car = crops["colour"][2][..., 1] > crops["colour"][2][..., 0] + 60  # clip 0's car is green, all else is grey
    inside = crops["boxes"][2][:, 0].repeat(4, axis=1).repeat(4, axis=2) > 64
    assert (car == inside).mean() > 0.95


def test_footage_without_facts_gives_unknown_conditions(clips, tmp_path):
    import shutil

    (tmp_path / "real").mkdir()
    for name in ("clip_00", "clip_01"):
        (video,) = (clips / name).glob("video.*")
        shutil.copy(video, tmp_path / "real" / f"{name}{video.suffix}")
    data = TrainingData(
        [str(tmp_path / "real")], str(tmp_path / "cache"), contents="frames", frames=2, batch_size=2, **SIZES
    )
    data.prepare_caches(None)
    known = data.train_clips[0].conditions["known"]
    from conditioning import NAMES

    assert {name for name, flag in zip(NAMES, known[0], strict=True) if flag} == {"interval", "origin"}


def test_folder_without_video_is_refused(tmp_path):
    with pytest.raises(UserError, match="expected"):
        find_clips([tmp_path])
    with pytest.raises(UserError, match="not a folder"):
        find_clips([tmp_path / "absent"])


# --- batches


class Doubler:
    """A stand-in for the autoencoder: latents are the picture's 8 x 8 means."""

    fingerprints = {"ae.image": "doubler"}  # noqa: RUF012
    latents = "doubler"

    def encode(self, colour):
        return torch.nn.functional.avg_pool2d(colour, 8)

    def decode(self, latents):
        return torch.nn.functional.interpolate(latents, scale_factor=8)


def batches_of(clips, tmp_path, **settings) -> TrainingData:
    data = TrainingData(
        [str(clips)], str(tmp_path / "cache"), batch_size=3, seed=1, purpose="test", **SIZES, **settings
    )
    data.prepare_caches(Doubler())
    return data


def test_batch_of_latents_fits_its_conditions(clips, tmp_path):
    data = batches_of(clips, tmp_path, contents="latents", frames=5, rates=[1.875])
    batch = data.batch(4)
    assert batch["number"] == 4
    assert batch["latents"].shape == (3, 5, 3, 8, 16)
    conditions = batch["conditions"].validate()
    assert (conditions.b, conditions.t, conditions.size) == (3, 5, (16, 32))
    assert conditions.signals["interval"].unique().item() == pytest.approx(interval_signal(1 / 1.875))
    # the sky is as bright as the daylight: both come from the same clip and frames
    sky = batch["latents"][:, :, :, 0].mean((2, 3))
    day = (conditions.signals["daylight"][..., 0] + 1) / 2
    assert torch.allclose((sky + 1) * 127.5, 40 + 160 * day, atol=2.0)


def test_frames_come_with_the_boxes_of_their_conditions_if_asked(clips, tmp_path):
    plain, told = (batches_of(clips, tmp_path, contents="frames", frames=2, boxes=boxes) for boxes in (False, True))
    latents = batches_of(clips, tmp_path, contents="latents", frames=2)  # the same draws
    assert "boxes" not in plain.batch(0)
    boxes = torch.cat([told.batch(n)["boxes"] for n in range(4)])
    assert boxes.shape == (12, 2, 4, 16, 32)
    assert boxes.max() > 0
    maps = torch.cat([latents.batch(n)["conditions"].maps["boxes"] for n in range(4)])
    assert torch.equal(boxes, maps[:, :, :4])
    assert torch.equal(plain.batch(3)["colour"], told.batch(3)["colour"])


def test_batches_are_the_same_in_any_order(clips, tmp_path):
    data = batches_of(clips, tmp_path, contents="latents", frames=2)
    forth = [data.batch(n)["latents"] for n in range(4)]
    back = [data.batch(n)["latents"] for n in reversed(range(4))]
    assert all(torch.equal(a, b) for a, b in zip(forth, reversed(back), strict=True))
    assert not torch.equal(forth[0], forth[1])


def test_held_out_clips_are_never_trained_on(clips, tmp_path):
    data = batches_of(clips, tmp_path, contents="frames")
    trained, hidden = ({clip.fingerprint for clip in group} for group in (data.train_clips, data.held_out_clips))
    assert not trained & hidden
    assert (len(trained), len(hidden)) == (3, 1)


def names_held_out(rates: dict[str, float]) -> list[str]:
    clips = [SimpleNamespace(name=name, fps=fps) for name, fps in rates.items()]
    return [clip.name for clip, out in zip(clips, held_out(clips, 0.2), strict=True) if out]


def test_clips_of_every_rate_are_held_out():
    rates = {f"slow_{n}": 7.5 for n in range(10)} | {"fast_0": 30.0, "fast_1": 30.0, "alone": 10.0}
    kept = names_held_out(rates)
    assert sorted(rates[name] for name in kept) == [7.5, 7.5, 30.0]


def test_one_clip_is_too_few():
    with pytest.raises(UserError, match="expected two of a frame rate"):
        names_held_out({"clip": 7.5})


def test_held_out_choice_hardly_changes_when_clips_are_added():
    few, many = (set(names_held_out({f"clip_{n}": 7.5 for n in range(count)})) for count in (25, 50))
    assert len(few) == 5
    assert len(many) == 10
    assert len(few & many) >= 3


def test_crops_show_the_autoencoders_picture_of_the_same_place(clips, tmp_path):
    data = batches_of(
        clips, tmp_path, contents="crops", frames=2, crop=CropPlan(count=2, frames=4, height=128, width=128)
    )
    batch = data.batch(0)
    assert batch["truth"].shape == (3, 2, 3, 128, 128)
    assert batch["low"].shape == (3, 2, 3, 32, 32)
    assert batch["conditions"].size == (32, 32)
    small = torch.nn.functional.avg_pool2d(batch["truth"].flatten(0, 1), 32)
    blurred = torch.nn.functional.avg_pool2d(batch["low"].flatten(0, 1), 8)
    assert (small - blurred).abs().mean() < 0.02


def write_clip_of(folder, scenario) -> None:
    about = {"name": scenario.name, "sha256": scenario.fingerprint, "seed": 3}
    with ClipWriter(folder, fps=10, width=64, height=32, provenance={"origin": "town", "scenario": about}) as writer:
        writer.write(np.zeros((32, 64, 3), np.uint8), FrameFacts(0, 0.0))
        writer.finish()


@pytest.mark.parametrize("values", [{}, {"environment.initial.weather": "foggy"}], ids=["shipped", "one value changed"])
def test_clips_of_evaluation_scenarios_are_refused(tmp_path, values):
    write_clip_of(tmp_path / "clip", load("cut_in", values))
    with pytest.raises(UserError, match="cut_in, which models are evaluated on") as refused:
        find_clips([tmp_path])
    assert "give it another" in str(refused.value)  # someone's own scenario may have that name


def test_clips_of_other_scenarios_are_taken(tmp_path):
    write_clip_of(tmp_path / "clip", load("cut_in_motorcycle"))
    assert [clip.name for clip in find_clips([tmp_path])] == ["clip"]

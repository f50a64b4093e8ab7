from __future__ import annotations

import itertools
import multiprocessing
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from shard_files import write_clips_of, write_shards

from drivesim.datasets.order import Mix, Order, quotas
from drivesim.datasets.shards import read_shards
from drivesim.datasets.streaming import Source, Stream
from drivesim.datasets.training_reader import find_clips
from drivesim.errors import UserError
from drivesim.training.data import TrainingData

SIZE = (16, 32)


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return write_clips_of(tmp_path_factory.mktemp("clips"), 5, frames=6, height=32)


@pytest.fixture(scope="module")
def shards(clips, tmp_path_factory):
    return write_shards(tmp_path_factory.mktemp("shards"), clips, [2, 3])


def stream_of(*sources, **settings):
    given = {"frames": 2, "size": SIZE, "windows": 3, "pool": 2, "seed": 1, "purpose": "test", "workers": 2}
    return Stream(sources, **given | settings)


def taken(stream, start, count):
    with closing(stream.samples(start)) as samples:
        return list(itertools.islice(samples, count))


def equal(one, other):
    return all(
        (a.clip.path, a.indices, a.interval) == (b.clip.path, b.indices, b.interval)
        and np.array_equal(a.colour, b.colour)
        for a, b in zip(one, other, strict=True)
    )


# --- order


def test_weights_are_kept_exactly_in_every_thousand_samples():
    mix = Mix([3, 1], seed=0, purpose="test")  # 1000 * 3/4 and 1000 * 1/4
    for start in (0, 5000):
        assert Counter(mix.source(k)[0] for k in range(start, start + 1000)) == {0: 750, 1: 250}
    halves = [sum(mix.source(k)[0] == 1 for k in range(start, start + 100)) for start in range(0, 1000, 100)]
    assert 10 < min(halves) < 25 < max(halves) < 40  # spread: 25 of 100, give or take 3 deviations of 4.1


def test_largest_remainder_is_given_the_sample_that_is_left():
    assert quotas([1, 2, 4]) == (143, 286, 571)  # 142.857, 285.714, 571.429: the two largest remainders are rounded up


def test_sources_samples_are_numbered_without_a_gap():
    mix = Mix([2, 1, 1], seed=3, purpose="test")
    by_source = {k: [n for source, n in map(mix.source, range(2500)) if source == k] for k in range(3)}
    assert all(numbers == list(range(len(numbers))) for numbers in by_source.values())
    assert len(by_source[0]) == pytest.approx(1250, abs=100)


@pytest.mark.parametrize("weights", [[0.0, 1.0], [-1.0, 2.0], [1.0, float("nan")], [1.0, 5000.0]])
def test_weights_that_give_no_samples_are_refused(weights):
    with pytest.raises(ValueError, match="weights are"):
        quotas(weights)


def test_epoch_visits_every_clip_once_and_shard_after_shard():
    order = Order([3, 4, 5], windows=2, pool=4, seed=0, purpose="test")
    epochs = [[order.clip(12 * epoch + k) for k in range(12)] for epoch in range(3)]
    assert all(sorted(epoch) == list(range(12)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    shard_of = [0] * 3 + [1] * 4 + [2] * 5
    for epoch in epochs:
        assert len(list(itertools.groupby(shard_of[clip] for clip in epoch))) == 3


def test_pool_of_visits_gives_each_of_its_windows_once():
    order = Order([7], windows=5, pool=3, seed=0, purpose="test")
    places = [order.place(k) for k in range(45)]
    for pool in range(3):
        some = places[15 * pool : 15 * pool + 15]
        assert sorted(some) == [(visit, k) for visit in range(3 * pool, 3 * pool + 3) for k in range(5)]
        assert some != sorted(some)


def test_order_is_the_same_wherever_it_is_asked_first():
    forth, back = (Order([5, 6], windows=4, pool=3, seed=2, purpose="test") for _ in range(2))
    expected = [forth.place(k) for k in range(60)]
    visited = [forth.clip(visit) for visit in range(30)]
    assert [back.place(k) for k in reversed(range(60))] == expected[::-1]
    assert [back.clip(visit) for visit in reversed(range(30))] == visited[::-1]


# --- streams


def test_stream_begun_at_a_sample_goes_on_as_the_uninterrupted_one(shards):
    source = Source(read_shards(shards))
    whole = taken(stream_of(source), 0, 20)
    assert equal(taken(stream_of(source), 13, 7), whole[13:])
    assert equal([stream_of(source).sample(k) for k in (19, 4, 7)], [whole[k] for k in (19, 4, 7)])


def test_number_of_workers_changes_nothing(shards):
    source = Source(read_shards(shards))
    assert equal(taken(stream_of(source, workers=1), 3, 15), taken(stream_of(source, workers=3), 3, 15))


def test_other_seed_or_purpose_is_another_order(shards):
    source = Source(read_shards(shards))
    base, *others = (
        [(s.clip.name, s.indices) for s in taken(stream_of(source, **settings), 0, 12)]
        for settings in ({}, {"seed": 2}, {"purpose": "other"})
    )
    assert base not in others


def test_sample_holds_the_frames_and_facts_that_it_names(shards, clips):
    by_name = {clip.name: clip for clip in find_clips([clips])}
    for sample in taken(stream_of(Source(read_shards(shards)), size=(32, 64)), 0, 8):
        there = by_name[sample.clip.name]
        assert np.array_equal(sample.colour, there.read(list(sample.indices)))  # at its own size, so to the bit
        assert sample.facts == [there.facts[k] for k in sample.indices]
        assert (len(sample.indices), sample.interval) == (2, pytest.approx(1 / 7.5))


def test_samples_of_an_epoch_show_every_clip_equally_often(shards):
    samples = taken(stream_of(Source(read_shards(shards)), pool=5), 0, 5 * 3)
    assert set(Counter(sample.clip.name for sample in samples).values()) == {3}


def test_sources_are_mixed_by_weight(shards, clips):
    two = Source(read_shards(shards)[:2], 1.0), Source(find_clips([clips])[2:], 3.0)
    stream = stream_of(*two)
    places = Counter(stream._place(k)[0] for k in range(1000))
    assert places == {0: 250, 1: 750}
    names = {sample.clip.name for sample in taken(stream, 0, 30)}
    assert names & {"clip_00", "clip_01"}
    assert names & {"clip_02", "clip_03", "clip_04"}


def test_damaged_clip_is_told_by_the_thread_that_trains(clips, tmp_path):
    folder = write_shards(tmp_path, clips, [3])
    path = folder / "t-train-000000.tar"
    clip = read_shards(folder)[1]
    content = bytearray(path.read_bytes())
    content[clip.videos["video"].file.offset + 700] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"t-train-000000.tar/clip_01.video.mkv: sha256 is .* \(damaged\)"):
        taken(stream_of(Source(read_shards(folder))), 0, 20)
    assert not readers()


def readers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("reader ")]


def test_threads_end_with_the_iterator(shards):
    samples = stream_of(Source(read_shards(shards))).samples()
    next(samples)
    assert len(readers()) == 2
    samples.close()
    assert not readers()


class Slow:
    """A video that takes its time."""

    def __len__(self):
        return 9

    def pick(self, indices, size):
        for _ in indices:
            time.sleep(0.02)
            yield np.zeros((*size, 3), np.uint8)


class Stub(SimpleNamespace):
    """A clip of so many frames."""

    def __len__(self):
        return self.length


def begin_and_stop():
    clips = [Stub(path=Path(f"a/{k}"), fps=10.0, length=9, videos={"video": Slow()}) for k in range(500)]
    samples = stream_of(Source(clips), pool=250, workers=1).samples()
    next(samples)
    raise SystemExit(3)  # 250 visits of 6 frames are left to decode: 30 s


def test_process_ends_at_once_though_much_is_left_to_decode():
    child = multiprocessing.get_context("fork").Process(target=begin_and_stop)
    child.start()
    child.join(timeout=20)
    assert child.exitcode == 3


def test_clip_that_is_too_short_is_left_out_and_none_is_refused():
    clips = [Stub(path=SimpleNamespace(parent="a"), fps=7.5, length=length, name=str(length)) for length in (3, 9)]
    stream = stream_of(Source(clips), frames=5)
    assert {stream._visit(0, visit).clip.name for visit in range(10)} == {"9"}
    with pytest.raises(UserError, match="no clip holds 10 frames"):
        stream_of(Source(clips), frames=10)
    with pytest.raises(UserError, match="expected one or more"):
        Source([])


# --- training


def data_of(folders, tmp_path, **settings):
    data = TrainingData(
        list(map(str, folders)), str(tmp_path / "cache"), batch_size=3, frames=2, size=SIZE, map_size=(4, 8),
        held_out_share=0.2, seed=1, purpose="test", **settings,
    )  # fmt: skip
    data.prepare_caches(None)
    return data


def test_streamed_batches_go_on_from_any_batch_and_fill_no_cache(shards, tmp_path):
    data = data_of([shards], tmp_path, stream=True)
    with closing(data.batches(0)) as batches:
        whole = list(itertools.islice(batches, 5))
    with closing(data.batches(3)) as batches:
        rest = list(itertools.islice(batches, 2))
    assert [batch["number"] for batch in rest] == [3, 4]
    assert whole[0]["colour"].shape == (3, 2, 3, *SIZE)
    for one, other in zip((*rest, data.batch(1)), (whole[3], whole[4], whole[1]), strict=True):
        assert one["colour"].equal(other["colour"])
    assert not (tmp_path / "cache").exists()
    assert data.held_out_batch(0, 2)["colour"].shape == (2, 2, 3, *SIZE)
    assert len(list((tmp_path / "cache").glob("frames-*"))) == 1  # of the clip that is held out


def test_clips_that_are_held_out_are_not_streamed(shards, tmp_path):
    data = data_of([shards], tmp_path, stream=True)
    hidden = {clip.clip.name for clip in data.held_out_clips}
    assert len(hidden) == 1
    assert not hidden & {clip.name for clip, _ in data.stream._clips[0]}


def test_streamed_and_cached_training_have_the_same_fingerprint(shards, clips, tmp_path):
    assert data_of([shards], tmp_path, stream=True).fingerprint == data_of([clips], tmp_path).fingerprint


def test_streams_of_other_than_frames_and_stray_weights_are_refused(shards, tmp_path):
    with pytest.raises(UserError, match="expected frames"):
        data_of([shards], tmp_path, stream=True, contents="latents")
    for settings in ({"weights": [1.0]}, {"stream": True, "weights": [1.0, 2.0]}):
        with pytest.raises(UserError, match="expected one for each"):
            data_of([shards], tmp_path, **settings)

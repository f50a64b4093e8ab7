"""The checks of pictures: clips of the town spoiled in known ways, looked at by the measures of the benchmark."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from drivesim.clips import MAIN, Clip
from drivesim.clips.video import resize
from drivesim.evaluation import defects
from drivesim.evaluation.generator import others
from drivesim.evaluation.looks import Look, look_at, measures
from drivesim.evaluation.requests import WET
from drivesim.evaluation.sanity_rules import SanityProtocol, trained_on
from drivesim.metrics.appearance import brightness, sharpness
from drivesim.metrics.copies import find_copies
from drivesim.metrics.detection import bootstrap
from drivesim.metrics.ego_motion import ego_motion
from drivesim.metrics.features import Texture
from drivesim.metrics.flicker import warped_error
from drivesim.metrics.frechet import Distance, frechet_distance, kernel_distance
from drivesim.metrics.motion import nearest_return, picture_speed
from drivesim.overlay import draw
from drivesim.perception.scene import SceneDetector
from scenarios.facts import FrameFacts, time_of_day

SMALL = (128, 256)  # rows and columns at which pictures are compared, as the drift protocol does
JUDGE = "reference"

Spoil = Callable[[np.ndarray], np.ndarray]
Shown = tuple[np.ndarray, np.ndarray]  # a clean frame and a spoiled one


@dataclass(frozen=True)
class Found:
    """What a measure says: its value, the 95% interval over clips, how many clips and frames; by clip where it can."""

    value: float | None
    interval: tuple[float, float] | None
    clips: int
    frames: int
    by_clip: tuple[float | None, ...] | None = None


Both = tuple[Found, Found]  # of clean clips and of spoiled ones


class HeldFrames:
    """Frames in memory (t h w 3) as the video of a clip."""

    def __init__(self, frames: np.ndarray) -> None:
        """Hold them."""
        self.frames = frames

    def __len__(self) -> int:
        """The number of frames."""
        return len(self.frames)

    def pick(self, indices: Sequence[int], size: tuple[int, int] | None = None) -> Iterator[np.ndarray]:
        """The frames of ``indices``, scaled to ``size`` if given."""
        return (frame if size is None else resize(frame, size) for frame in self.frames[list(indices)])


def spoiled(clip: Clip, spoil: Spoil) -> Clip:
    """The clip with the pictures that ``spoil`` makes of its own, its facts untouched."""
    return dataclasses.replace(clip, videos={MAIN: HeldFrames(spoil(clip.read(range(len(clip)))))})


# --- what is measured of one clip


def speed(clip: Clip) -> float | None:
    """The mean speed of the picture, in widths per metre that the ego drives by its facts."""
    pairs = pairwise(clip.frames(size=SMALL))
    widths = [picture_speed(first, second, seconds=1 / clip.fps).widths for first, second in pairs]
    driven = _driven(clip.facts)
    return float(np.mean(widths)) / driven if driven else None


def returned(clip: Clip) -> float | None:
    """How near the clip comes back to a picture of its own, in usual frame differences."""
    back = nearest_return(clip.frames(size=SMALL), fps=clip.fps)
    return None if back is None else back.distance


def kept(clip: Clip, *, look: Callable[[np.ndarray], float]) -> float | None:
    """The mean look of the second half of the frames, as a share of that of the first half."""
    values = [look(frame) for frame in clip.frames(size=SMALL)]
    half = len(values) // 2
    first = float(np.mean(values[:half]))
    return float(np.mean(values[half:])) / first if first else None


def kept_flicker(clip: Clip) -> float | None:
    """The mean warped-frame error within the second half of the frames, as a share of that within the first half."""
    errors = [warped_error(*pair) for pair in pairwise(clip.frames(size=SMALL))]
    half = len(clip) // 2  # the pair across the middle is in neither half
    first, second = ([error for error in part if error is not None] for part in (errors[: half - 1], errors[half:]))
    return float(np.mean(second)) / float(np.mean(first)) if second and any(first) else None


def read_speed(clip: Clip, *, pairs: int, hurry: int = 1) -> float | None:
    """The ego's speed as read from the road in some pairs of frames, as a share of what the facts say.

    ``hurry``: the clip's frames are every ``hurry``-th ones of what the facts tell.
    """
    frames, last = clip.read(range(len(clip))), len(clip) - 2
    found, told = [], []
    for k in sorted({round(place) for place in np.linspace(0, last, pairs)}):
        facts = clip.facts[k * hurry]
        assert facts.camera is not None
        assert facts.objects is not None
        boxes = [thing.box for thing in facts.objects]
        motion = ego_motion(frames[k], frames[k + 1], facts.camera, seconds=1 / clip.fps, boxes=boxes)
        if motion is not None:
            found.append(motion.speed)
            told.append(_driven(clip.facts[k * hurry : k * hurry + 2]))
    return float(np.mean(found)) / float(np.mean(told)) if found and any(told) else None


def _driven(facts: Sequence[FrameFacts]) -> float:
    """The mean speed of the ego by its facts, m/s; those of the town always know it."""
    speeds = [row.ego.speed for row in facts if row.ego is not None]
    assert len(speeds) == len(facts)
    return float(np.mean(speeds))


# --- the checks


@dataclass(frozen=True)
class Pictures:
    """Clean clips of the protocol, all of one length, and the judge of boxes and scene."""

    clips: Sequence[Clip]
    scenes: SceneDetector
    rules: SanityProtocol

    def noisy(self, frames: np.ndarray) -> np.ndarray:
        """With the protocol's noise."""
        return defects.noisy(frames, sigma=self.rules.noise, seed=self.rules.seed)

    def flickering(self, frames: np.ndarray) -> np.ndarray:
        """With the protocol's flicker."""
        return defects.flickering(frames, share=self.rules.flicker)

    def blurred(self, frames: np.ndarray) -> np.ndarray:
        """With the protocol's blur."""
        return defects.blurred(frames, sigma=self.rules.blur)

    def darkened(self, frames: np.ndarray) -> np.ndarray:
        """As dark as the protocol says."""
        return defects.darkened(frames, share=self.rules.dark)

    def copied(self, frames: np.ndarray) -> np.ndarray:
        """As a model shows what it copies: mirrored, a little darker, with a little noise."""
        dark = defects.darkened(defects.mirrored(frames), share=self.rules.copy_dark)
        return defects.noisy(dark, sigma=self.rules.copy_noise, seed=self.rules.seed)

    def measured(self, measure: Callable[[Clip], float | None], spoil: Spoil) -> Both:
        """A measure of each clip alone."""
        bad = [spoiled(clip, spoil) for clip in self.clips]
        found = [self._mean([measure(clip) for clip in clips], _frames(clips)) for clips in (self.clips, bad)]
        return found[0], found[1]

    def drifting(self, look: Callable[[np.ndarray], float], spoil: Spoil) -> Both:
        """What is kept of a look by clips that are spoiled from their middle on."""
        return self.measured(partial(kept, look=look), lambda frames: defects.from_half(frames, spoil(frames)))

    def flickers(self, spoil: Spoil) -> Both:
        """What is kept of the flicker by clips that are spoiled from their middle on."""
        return self.measured(kept_flicker, lambda frames: defects.from_half(frames, spoil(frames)))

    def motions(self, spoil: Spoil, *, hurry: int = 1) -> Both:
        """The speed that is read from dry roads."""
        pairs, frames = self.rules.pairs, 2 * self.rules.pairs * len(self._dry)
        bad = [read_speed(spoiled(clip, spoil), pairs=pairs, hurry=hurry) for clip in self._dry]
        return self._mean(self._speeds, frames), self._mean(bad, frames)

    @cached_property
    def _dry(self) -> list[Clip]:
        return [clip for clip in self.clips if clip.facts[0].weather not in WET]

    @cached_property
    def _speeds(self) -> list[float | None]:
        return [read_speed(clip, pairs=self.rules.pairs) for clip in self._dry]

    def dark_time(self) -> Both:
        """Whether the time of day is still told in the dark, of drives that are not by night."""
        times = [time_of_day(clip.facts[0].daylight or 0.0) for clip in self.clips]
        chosen = [number for number, time in enumerate(times) if time != "night"]
        facts = [self.clips[number].facts for number in chosen]
        clean = [self.looks[number] for number in chosen]
        dark = self._look([spoiled(self.clips[number], self.darkened) for number in chosen])
        return self._told("time of day", clean, facts), self._told("time of day", dark, facts)

    def shuffled(self, name: str) -> Both:
        """What the judge sees against the own facts and against another drive's."""
        facts = [clip.facts for clip in self.clips]
        wrong = [facts[k] for k in others(len(facts))]
        return self._told(name, self.looks, facts), self._told(name, self.looks, wrong)

    def copies(self) -> Both:
        """Each drive in turn as the rollout, the next half of the others as training, the rest as held out."""
        count = len(self.clips)
        windows = [self._windows(clip.read(range(len(clip)), size=SMALL)) for clip in self.clips]
        clean: list[float | None] = []
        bad: list[float | None] = []
        for k in range(count):
            rest = [windows[(k + step) % count] for step in range(1, count)]
            training, held_out = rest[: trained_on(count)], rest[trained_on(count) :]
            of_clips = np.repeat(range(len(held_out)), [len(own) for own in held_out]).tolist()
            copied = np.stack([self.copied(window) for window in training[0]])
            for shown, shares in ((windows[k], clean), (copied, bad)):
                found = find_copies(
                    shown, np.concatenate(training), np.concatenate(held_out), clips=of_clips,
                    quantile=1 / (len(held_out) + 1),
                )  # fmt: skip
                shares.append(found.share)
        return self._mean(clean, _frames(self.clips)), self._mean(bad, _frames(self.clips))

    def distance(self, measure: Callable[[np.ndarray, np.ndarray], Distance], *, blur: bool) -> Both:
        """The distance of two halves of all frames, over the highest of random halvings of the same frames."""
        frames = np.concatenate([clip.read(range(len(clip)), size=SMALL) for clip in self.clips])
        features, every = Texture()(frames), np.arange(len(frames)) % 2 == 0
        clean = self._against_chance(features, every, measure)
        if blur:
            changed = features.copy()
            changed[~every] = Texture()(self.blurred(frames[~every]))
            return clean, self._against_chance(changed, every, measure)
        return clean, self._against_chance(features, np.arange(len(frames)) < len(frames) / 2, measure)

    def _against_chance(
        self, features: np.ndarray, first: np.ndarray, measure: Callable[[np.ndarray, np.ndarray], Distance]
    ) -> Found:
        """A permutation test: how far the ``first`` rows (bool (n,)) are from the rest, over the farthest by chance."""
        random = np.random.default_rng(self.rules.seed)
        chance = []
        for _ in range(self.rules.halvings):
            drawn = random.permutation(first)
            chance.append(measure(features[drawn], features[~drawn]).value)
        highest, value = max(chance), measure(features[first], features[~first]).value
        return Found(value / highest if highest > 0 else None, None, len(self.clips), len(features))

    def _windows(self, frames: np.ndarray) -> np.ndarray:
        """The frames (t h w 3) as windows (n window h w 3), a rest left out."""
        count = len(frames) // self.rules.window
        return frames[: count * self.rules.window].reshape(count, self.rules.window, *frames.shape[1:])

    @cached_property
    def looks(self) -> list[dict[int, Look]]:
        """What the judge sees of the clean clips."""
        return self._look(self.clips)

    def _look(self, clips: Sequence[Clip]) -> list[dict[int, Look]]:
        return [look_at(clip, {JUDGE: self.scenes}, self.scenes, every=self.rules.every) for clip in clips]

    def _told(self, name: str, looks: Sequence[dict[int, Look]], facts: Sequence[Sequence[FrameFacts]]) -> Found:
        """One of `looks.measures` over all clips."""
        measure = measures((JUDGE,))[name]
        clips = [
            [said for k, look in seen.items() if (said := measure.see(look, told[k])) is not None]
            for seen, told in zip(looks, facts, strict=True)
        ]

        def score(drawn: Sequence[int]) -> float | None:
            return measure.score([said for number in drawn for said in clips[number]])

        interval = bootstrap(score, len(clips), seed=self.rules.seed, draws=self.rules.draws)
        return Found(score(range(len(clips))), interval, len(clips), sum(map(len, clips)))

    def _mean(self, values: Sequence[float | None], frames: int) -> Found:
        """The mean over clips; None if one is not known: then the measure said nothing where it should."""
        known = [value for value in values if value is not None]
        if len(known) < len(values) or not known:
            return Found(None, None, len(values), frames, tuple(values))
        interval = bootstrap(
            lambda drawn: float(np.mean([known[number] for number in drawn])), len(known),
            seed=self.rules.seed, draws=self.rules.draws,
        )  # fmt: skip
        return Found(float(np.mean(known)), interval, len(known), frames, tuple(known))


def _frames(clips: Sequence[Clip]) -> int:
    return sum(map(len, clips))


# --- what the page shows


def last_frames(pictures: Pictures, spoil: Spoil) -> Shown:
    """The last frame of the first clip when spoiled, and the clean frame of that number."""
    frames = pictures.clips[0].read(range(len(pictures.clips[0])))
    bad = spoil(frames)
    return frames[len(bad) - 1], bad[-1]


def told_wrongly(pictures: Pictures) -> Shown:
    """A frame with its own facts drawn in, and with those of another drive."""
    clip, other = pictures.clips[0], pictures.clips[others(len(pictures.clips))[0]]
    (frame,) = clip.read([0])
    return draw(frame, clip.facts[0]), draw(frame, other.facts[0])


def two_drives(pictures: Pictures) -> Shown:
    """The first frames of the first and of the last drive."""
    return pictures.clips[0].read([0])[0], pictures.clips[-1].read([0])[0]


class Way(NamedTuple):
    """How a check is done, and the two frames that show it."""

    run: Callable[[Pictures], Both]
    show: Callable[[Pictures], Shown]


CHECKS = {
    "frozen_speed": Way(lambda p: p.measured(speed, defects.frozen), lambda p: last_frames(p, defects.frozen)),
    "looped_return": Way(lambda p: p.measured(returned, defects.looped), lambda p: last_frames(p, defects.looped)),
    "frozen_ego_motion": Way(lambda p: p.motions(defects.frozen), lambda p: last_frames(p, defects.frozen)),
    "hurried_ego_motion": Way(lambda p: p.motions(defects.hurried, hurry=2), lambda p: last_frames(p, defects.hurried)),
    "blurred_sharpness": Way(lambda p: p.drifting(sharpness, p.blurred), lambda p: last_frames(p, p.blurred)),
    "darkened_brightness": Way(lambda p: p.drifting(brightness, p.darkened), lambda p: last_frames(p, p.darkened)),
    "darkened_time": Way(lambda p: p.dark_time(), lambda p: last_frames(p, p.darkened)),
    "noisy_flicker": Way(lambda p: p.flickers(p.noisy), lambda p: last_frames(p, p.noisy)),
    "flickering_flicker": Way(lambda p: p.flickers(p.flickering), lambda p: last_frames(p, p.flickering)),
    "shuffled_precision": Way(lambda p: p.shuffled(f"AP50 of vehicles by {JUDGE}"), told_wrongly),
    "shuffled_recall": Way(lambda p: p.shuffled(f"recall of vehicles by {JUDGE}"), told_wrongly),
    "shuffled_time": Way(lambda p: p.shuffled("time of day"), told_wrongly),
    "shuffled_weather": Way(lambda p: p.shuffled("weather"), told_wrongly),
    "copied_windows": Way(lambda p: p.copies(), lambda p: last_frames(p, p.copied)),
    "blurred_frechet": Way(lambda p: p.distance(frechet_distance, blur=True), lambda p: last_frames(p, p.blurred)),
    "blurred_kernel": Way(lambda p: p.distance(kernel_distance, blur=True), lambda p: last_frames(p, p.blurred)),
    "other_frechet": Way(lambda p: p.distance(frechet_distance, blur=False), two_drives),
    "other_kernel": Way(lambda p: p.distance(kernel_distance, blur=False), two_drives),
}
"""The checks of pictures, by name."""

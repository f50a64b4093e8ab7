"""`rollout`: a scenario in, a clip out, by chunks on disk and in flat memory; a killed rollout goes on where it was.

`futures` makes several clips of one scenario that start from the same frame.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from conditioning import NAMES
from conditioning.context import PREDICT_FROM
from drivesim.clips import Clip, finished, software
from drivesim.errors import UserError
from drivesim.parts import Weights, load_weights
from drivesim.rollout.obeyed import check_camera, obeyed
from drivesim.rollout.pictures import Picture, read_picture
from drivesim.rollout.pipeline import Progress, stream
from drivesim.rollout.plan import Plan
from drivesim.rollout.session import Session
from drivesim.rollout.stages import IMAGE_ONLY, Sampling
from scenarios import Scenario, Timeline, compile, load
from scenarios.randomness import key

logger = logging.getLogger(__name__)


def rollout(
    source: str | Path | Scenario | Timeline,
    out: str | Path,
    *,
    weights: str | Path | Weights = "nano",
    fps: float | None = None,
    steps: int | None = None,
    sampler: str | None = None,
    context: int | None = None,
    context_level: float | None = None,
    seed: int | None = None,
    first_frame: str | Path | None = None,
    device: str = "auto",
    allow_untrained_camera: bool = False,
    withheld: Sequence[str] = (),
    image_only: Sequence[str] = (),
    progress: Progress | None = None,
) -> Clip:
    """Let the video model drive through a scenario; the clip has a second video, "overlay", with its boxes drawn in.

    What the weights have learned to obey is logged, a line per field of the scenario. A rollout that was killed
    goes on where it was when it is asked for again; one that is there already is returned.

    Args:
        source: a scenario, its file or shipped name, or a timeline.
        out: folder to make.
        weights: folder of parts, or a shipped name; or what `load_weights` made of one.
        fps: of the clip, frames/s: a rate of the ladder (`Plan`). None: the timeline's or the scenario's own.
        steps: denoiser steps. None: those the scenario asks for, or else the weights' card.
        sampler: what makes them, a name in `drivesim.diffusion.SAMPLERS`: "ddim", "dpm" (more exact at the same cost)
            or "heun" (more exact, up to twice the cost). None: the card's, or else "ddim".
        context: key frames that each step continues from, at most as many as the weights were trained with. None: so
            many.
        context_level: share of noise on them, as the key network sees them. None: the card's, or else 0.
        seed: of all noise, and of the scenario where no timeline is given. None: the scenario's own.
        first_frame: picture to start from; its middle is cut to the shape of the networks' pictures.
        device: "auto", "cpu", "cuda", ...
        allow_untrained_camera: roll out also with a camera outside the weights' trained range.
        withheld: conditions that the networks are not told, of `conditioning.NAMES` but the interval: what they make
            up on their own. The clip's facts stay those of the scenario.
        image_only: what works frame by frame, without its temporal layers: "decoder", "upsampler" or both.
        progress: called with (frames done, frames in all).

    Raises:
        UserError: the weights, the rate, the sampler, the context, the picture, the device, the camera, a condition or
        what is image-only will not do, or something else is at ``out``.

    >>> import tempfile
    >>> from scenarios import load
    >>> scenario = load("night_city", {"clock.duration": 3.0})
    >>> clip = rollout(scenario, tempfile.mkdtemp() + "/clip", fps=1.875, steps=1)
    >>> len(clip), clip.origin, sorted(clip.videos)
    (5, 'rollout', ['overlay', 'video'])
    """
    drive = _Drive.of(
        source, weights=weights, fps=fps, steps=steps, sampler=sampler, context=context, context_level=context_level,
        seed=seed, first_frame=first_frame, device=device, allow_untrained_camera=allow_untrained_camera,
        withheld=withheld, image_only=image_only,
    )  # fmt: skip
    return drive.future(1, Path(out), progress)


def futures(
    source: str | Path | Scenario | Timeline,
    out: str | Path,
    *,
    samples: int,
    progress: Progress | None = None,
    **asked: Any,
) -> list[Clip]:
    """Several futures of one scenario from one first frame (Video LDM, Sec. 4.1.2 and App. H.1), in ``out``/01, 02, ...

    Future 1 is the clip that `rollout` makes of the seed. All others share its first frame, ``first_frame`` or the one
    that the image network makes of the seed's noise; the noise of all later frames has a seed of its own, keyed
    (seed, "future", number), which the clip's provenance names. No future depends on how many are asked for. What is
    shared is the latent: the video decoder sees the frames that follow too, so that its picture differs a little.

    A killed run goes on where it was, and passes over what is finished. ``progress`` is called with (frames done,
    frames in all) of the ``samples`` futures together; ``asked``: more arguments of `rollout`. Raises `UserError` as
    that does, for ``samples`` below 1, and if a clip is at ``out``.

    >>> import tempfile
    >>> from scenarios import load
    >>> scenario = load("night_city", {"clock.duration": 1.0})
    >>> clips = futures(scenario, tempfile.mkdtemp(), samples=2, fps=1.875, steps=1)
    >>> [clip.path.name for clip in clips], clips[0].provenance["seed"] != clips[1].provenance["seed"]
    (['01', '02'], True)
    """
    out = Path(out)
    if samples < 1:
        raise UserError(f"asked for {samples} futures, expected 1 or more")
    if (out / "clip.json").exists():
        raise UserError(f"{out}: a clip is there, expected a new folder, or one of futures")
    drive = _Drive.of(source, **asked)
    each = len(drive.timeline)
    clips = []
    for number in range(1, samples + 1):

        def so_far(done: int, total: int, before: int = each * (number - 1)) -> None:
            if progress is not None:
                progress(before + done, each * samples)

        clips.append(drive.future(number, out / f"{number:02d}", so_far))
        so_far(each, each)
    return clips


@dataclasses.dataclass(frozen=True)
class _Drive:
    """All that a rollout is asked for, checked: what every future of it has in common."""

    timeline: Timeline
    weights: Weights
    plan: Plan
    sampling: Sampling
    seed: int
    device: torch.device
    picture: Picture | None
    withheld: tuple[str, ...]
    image_only: tuple[str, ...]

    @classmethod
    def of(
        cls,
        source: str | Path | Scenario | Timeline,
        *,
        weights: str | Path | Weights = "nano",
        fps: float | None = None,
        steps: int | None = None,
        sampler: str | None = None,
        context: int | None = None,
        context_level: float | None = None,
        seed: int | None = None,
        first_frame: str | Path | None = None,
        device: str = "auto",
        allow_untrained_camera: bool = False,
        withheld: Sequence[str] = (),
        image_only: Sequence[str] = (),
    ) -> _Drive:
        """Check what is asked for, as `rollout` says, and log what the weights obey."""
        hideable = [name for name in NAMES if name != "interval"]
        if unknown := [name for name in withheld if name not in hideable]:
            raise UserError(f"asked to withhold {unknown[0]!r}, expected some of {', '.join(hideable)}")
        if unknown := [name for name in image_only if name not in IMAGE_ONLY]:
            text = f"asked for {unknown[0]!r} without temporal layers, expected some of {', '.join(IMAGE_ONLY)}"
            raise UserError(text)
        timeline = _timeline(source, fps=fps, seed=seed)
        built = weights if isinstance(weights, Weights) else load_weights(weights)
        if not allow_untrained_camera:
            check_camera(timeline.camera, built.card)
        wanted = timeline.scenario.generation
        if seed is None:
            seed = timeline.seed if wanted.seed is None else wanted.seed
        steps = wanted.steps if steps is None else steps
        card = built.card.get("sampling", {})
        sampling = Sampling.of(card, steps=steps, sampler=sampler, context_level=context_level)
        plan = plan_for(built, timeline.fps, context=context)
        picture = None if first_frame is None else read_picture(first_frame, built.autoencoder.config.size)
        place = device_of(device)
        for row in obeyed(timeline.scenario, built.card):
            logger.info("%s", row)
        names = [tuple(sorted(set(some))) for some in (withheld, image_only)]
        return cls(timeline, built, plan, sampling, seed, place, picture, *names)

    def future(self, number: int, out: Path, progress: Progress | None) -> Clip:
        """The clip of one future, made at ``out`` or found there; number 1 is of the seed itself."""
        seed = self.seed if number == 1 else key(self.seed, "future", number)
        provenance = self._provenance(seed)
        if self.image_only:  # unasked it is not told, so that clips made before are taken as they are
            provenance["image_only"] = list(self.image_only)
        if self.timeline.begins:
            provenance["begins"] = self.timeline.begins
        if number > 1:
            provenance["future"] = {"number": number, "of_seed": self.seed}
        if (clip := finished(out, provenance)) is not None:
            return clip
        session = Session(
            self.weights, seed=seed, plan=self.plan, sampling=self.sampling, device=self.device, picture=self.picture,
            withheld=self.withheld, first_seed=self.seed, image_only=self.image_only,
        )  # fmt: skip
        return stream(session, self.timeline, out, provenance, progress)

    def _provenance(self, seed: int) -> dict[str, Any]:
        """Everything that the frames of a future with this ``seed`` depend on, but for its first frame."""
        scenario = self.timeline.scenario
        return {
            "origin": "rollout",
            "scenario": {"name": scenario.name, "sha256": scenario.fingerprint, "seed": self.timeline.seed},
            "seed": seed,
            "fps": self.plan.fps,
            "software": software("torch"),
            "device": self.device.type,
            "weights": self.weights.fingerprints,
            "transfers": self.weights.transfers,
            "sampling": dataclasses.asdict(self.sampling),
            "plan": dataclasses.asdict(self.plan),
            "first_frame": None if self.picture is None else self.picture.sha256,
            "withheld": list(self.withheld),
        }


def plan_for(weights: Weights, fps: float, *, context: int | None = None) -> Plan:
    """The plan at ``fps`` frames/s that these weights' windows are made for.

    ``context``: key frames that a step continues from. None: as many as the card's ``plan`` says the weights were
    trained with, 2 if it does not. Raises `UserError` for more than that, or a plan of other things.
    """
    asked = weights.card.get("plan", {})
    if unknown := sorted(set(asked) - {"context"}):
        raise UserError(f"the card's plan has {unknown[0]!r}, expected context alone")
    trained = asked.get("context", PREDICT_FROM)
    if context is not None and context > trained:
        raise UserError(f"context is {context} key frames, expected 1 to {trained}: the weights know no more")
    window = weights.key.temporal.config.alphas  # one alpha per frame of the window; 1: any length
    given = trained if context is None else context
    return Plan(fps, context=given) if window == 1 else Plan(fps, context=given, window=window)


def _timeline(source: str | Path | Scenario | Timeline, *, fps: float | None, seed: int | None) -> Timeline:
    if not isinstance(source, Timeline):
        scenario = source if isinstance(source, Scenario) else load(source)
        return compile(scenario, fps=scenario.generation.fps if fps is None else fps, seed=seed)
    if fps is not None and source.fps != fps:
        raise UserError(f"the timeline has {source.fps:g} frames/s, expected {fps:g}")
    return source


def device_of(name: str) -> torch.device:
    """The device of a name: "auto", "cpu", "cuda", ... Raises `UserError` for one that cannot be used."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:  # torch says "not compiled with CUDA" by an AssertionError
        raise UserError(f"device {name!r} cannot be used, expected auto, cpu, cuda, ...: {error}") from error
    return device

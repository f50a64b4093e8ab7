"""``drivesim render`` and ``rollout``: from a scenario to video."""

from __future__ import annotations

import argparse
from typing import Any

from drivesim.commands.common import add_out, add_scenario, add_set, command, count, positive, progress_bar, seed


def add(groups: Any) -> None:
    """Declare the commands."""
    render = command(
        groups,
        "render",
        run_render,
        about="render the town's video of a scenario, 512 x 1024, with exact labels and an overlay of them",
        example="drivesim render cut_in --out out/render --fps 30",
    )
    _common(render)
    render.add_argument("--lossless", action="store_true", help="store FFV1 (video.mkv) instead of H.264")
    render.add_argument(
        "--pass", dest="passes", action="append", default=[], metavar="PASS",
        help="store as well what stands at every pixel: semantic, instance or depth; may be given again",
    )  # fmt: skip

    rollout = command(
        groups,
        "rollout",
        run_rollout,
        about="let the video model drive through a scenario",
        example="drivesim rollout cut_in --out out/rollout --weights nano --samples 4",
    )
    _common(rollout)
    rollout.add_argument("--weights", default="nano", metavar="nano|DIR", help="shipped weights or a folder of parts")
    rollout.add_argument("--steps", type=count, metavar="N", help="denoiser steps per window")
    rollout.add_argument(
        "--sampler",
        metavar="ddim|dpm|heun",
        help="what makes the steps; dpm and heun are of second order, heun at up to twice the cost (default: ddim)",
    )
    rollout.add_argument(
        "--context", type=count, metavar="N",
        help="key frames that each step continues from (default: as many as the weights were trained with)",
    )  # fmt: skip
    rollout.add_argument(
        "--context-level", type=float, metavar="S",
        help="share of noise on them, as the networks see them, 0 to below 1 (default: 0)",
    )  # fmt: skip
    rollout.add_argument("--first-frame", metavar="IMG", help="start from this picture")
    rollout.add_argument(
        "--samples", type=count, default=1, metavar="K",
        help="so many futures from one first frame, in DIR/01, DIR/02, ...; 01 is the clip made without (default: 1)",
    )  # fmt: skip
    rollout.add_argument(
        "--allow-untrained-camera", action="store_true", help="also with a camera that the weights were never shown"
    )
    rollout.add_argument(
        "--withhold",
        action="append",
        default=[],
        metavar="CONDITION",
        help="do not tell the networks this condition, such as boxes; may be given again",
    )
    rollout.add_argument(
        "--image-only",
        action="append",
        default=[],
        metavar="decoder|upsampler",
        help="without the temporal layers of this, frame by frame; may be given again",
    )
    rollout.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1, ... (default: auto)")


def _common(made: argparse.ArgumentParser) -> None:
    add_scenario(made)
    add_set(made)
    add_out(made)
    made.add_argument("--fps", type=positive, metavar="F", help="frames per second (default: the scenario's, 30)")
    made.add_argument("--seed", type=seed, metavar="N", help="instead of the scenario's own seed")


def run_render(arguments: argparse.Namespace) -> int:
    """Render one scenario."""
    from scenarios import compile, load

    scenario = load(arguments.scenario, dict(arguments.set))
    timeline = compile(scenario, fps=arguments.fps or scenario.generation.fps, seed=arguments.seed)
    from drivesim.town import render

    with progress_bar("render") as progress:
        clip = render(
            timeline, arguments.out, lossless=arguments.lossless, overlay=True, passes=arguments.passes,
            progress=progress,
        )  # fmt: skip
    print(clip.path)
    return 0


def run_rollout(arguments: argparse.Namespace) -> int:
    """Roll one scenario out."""
    from scenarios import compile, load

    scenario = load(arguments.scenario, dict(arguments.set))
    timeline = compile(scenario, fps=arguments.fps or scenario.generation.fps, seed=arguments.seed)
    from drivesim.rollout import futures, rollout

    asked: dict[str, Any] = {
        "weights": arguments.weights,
        "steps": arguments.steps,
        "sampler": arguments.sampler,
        "context": arguments.context,
        "context_level": arguments.context_level,
        "seed": arguments.seed,
        "first_frame": arguments.first_frame,
        "device": arguments.device,
        "allow_untrained_camera": arguments.allow_untrained_camera,
        "withheld": arguments.withhold,
        "image_only": arguments.image_only,
    }
    with progress_bar("rollout") as progress:
        if arguments.samples == 1:
            clips = [rollout(timeline, arguments.out, progress=progress, **asked)]
        else:
            clips = futures(timeline, arguments.out, samples=arguments.samples, progress=progress, **asked)
    for clip in clips:
        print(clip.path)
    return 0

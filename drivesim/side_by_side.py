"""Our networks beside those of diffusers, another library of diffusion models: how long each takes, pair by pair.

Two networks do equal work if they have the same channels and levels, and multiply and add about equally often. All
weights but those of nano's own denoiser are random, which makes no difference to time. The calls of a pair take turns
in one process, so that whatever else the machine does meets both.
"""

from __future__ import annotations

import copy
import dataclasses
import statistics
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import nn

from conditioning import Conditions, encode
from drivesim.clips import software
from drivesim.errors import UserError
from drivesim.networks.autoencoder import Autoencoder, AutoencoderConfig
from drivesim.networks.blocks import channels_last
from drivesim.networks.temporal import TemporalBlocks
from drivesim.networks.unet import UNet
from drivesim.networks.upsampler import Upsampler, UpsamplerConfig
from drivesim.networks.video import VideoNet
from drivesim.operations import PRECISIONS, Operations, now
from drivesim.parts import Weights, load_weights
from drivesim.rollout import Sampling
from drivesim.rollout.plan import Plan
from drivesim.rollout.stages import works_in_bf16
from drivesim.rollout.stream import device_of
from scenarios import compile, load

SCHEMA = "drivesim.side_by_side/1"
TURNS = 7
EQUAL = 0.1  # share by which the operations of equal work may differ
FRAMES = 8  # of a call of a denoiser
Progress = Callable[[int, int], None]
THEIR_STEPS = 50  # `num_inference_steps` of diffusers' AnimateDiffPipeline, if nothing else is asked for
WORK = ("denoiser", "decoder", "upscaler")
"""The pairs of equal work. A fourth, "denoiser of nano", is of equal output."""


@dataclass(frozen=True)
class Side:
    """What one library does in a call: a ``network`` of ``inputs`` and ``keywords``, for so many ``frames``."""

    network: nn.Module
    inputs: tuple[Any, ...]
    frames: int
    keywords: Mapping[str, Any] = field(default_factory=dict)


def side_by_side(*, device: str = "auto", turns: int = TURNS, progress: Progress | None = None) -> dict[str, Any]:
    """Time our networks and those of diffusers in turn.

    Args:
        device: "auto", "cpu", "cuda", ...
        turns: how often each network is timed, after once that does not count.
        progress: called with (calls done, calls in all).

    Returns:
        JSON-ready: ``pairs``, by name the ``gigaoperations`` per frame and call of ``ours`` and of ``theirs`` (a
        multiplication and an addition are two), ``milliseconds`` per frame and call of each way to run them, and how
        many times as long as ours theirs takes: ``times_default`` as it comes (fp32), ``times_best`` in its fastest
        way, medians over the turns. ``per_frame``: of "denoiser of nano", calls per frame of 30 frames/s video by our
        ladder of rates, and the same ratios for whole frames if theirs takes our number of steps, or its own.

    Raises:
        UserError: diffusers is not installed.
    """
    try:
        import diffusers
    except ImportError as error:
        raise UserError(f"diffusers does not import ({error}), expected it: pip install 'drivesim[compare]'") from error
    diffusers.utils.logging.set_verbosity_error()  # it warns of each change of precision
    place, nano = device_of(device), load_weights("nano")
    told = _conditions(nano)
    pairs = {name: (_ours(name, nano, told), _theirs(name, diffusers)) for name in (*WORK, "denoiser of nano")}
    rows, done = {}, 0
    for name, (ours, theirs) in pairs.items():
        ways = {("ours", way): call for way, call in _our_ways(ours, place).items()}
        ways |= {("theirs", way): call for way, call in _their_ways(theirs, place).items()}
        seconds: dict[tuple[str, str], list[float]] = {way: [] for way in ways}
        for turn in range(1 + turns):
            for way, call in ways.items():
                started = now(place)
                with torch.inference_mode():
                    call()
                if turn:
                    seconds[way].append(now(place) - started)
            done += 1
            if progress is not None:
                progress(done, len(pairs) * (1 + turns))
        rows[name] = _row(seconds, ours, theirs)
    per_frame = _per_frame(rows["denoiser of nano"], Sampling.of(nano.card["sampling"]))
    return {
        "schema": SCHEMA, "device": place.type, "threads": torch.get_num_threads(), "turns": turns,
        "software": software("torch", "diffusers"), "weights": nano.fingerprints, "pairs": rows, "per_frame": per_frame,
    }  # fmt: skip


def _conditions(nano: Weights) -> Conditions:
    """Of `FRAMES` frames of dense traffic, as the denoiser is told them."""
    timeline = compile(load("dense_traffic"), fps=7.5)
    unet = nano.unet.config
    cells = unet.conditions.map_factor
    size = (unet.size[0] * cells, unet.size[1] * cells)
    return encode([timeline[k] for k in range(FRAMES)], interval=1 / timeline.fps, origin="town", size=size)


def _ours(name: str, nano: Weights, told: Conditions) -> Side:
    unet, up = nano.unet.config, nano.up.config.unet
    latents = torch.randn(1, FRAMES, unet.channels, *unet.size)
    if name == "denoiser of nano":
        return Side(nano.key, (latents, torch.ones(1), told), FRAMES)
    if name == "denoiser":
        config = dataclasses.replace(unet, depth=3)
        temporal = dataclasses.replace(nano.key.temporal.config, sites=config.sites())
        return Side(VideoNet(UNet(config), TemporalBlocks(temporal)), (latents, torch.ones(1), told), FRAMES)
    if name == "decoder":
        sizes = AutoencoderConfig(patch=1, encoder_depth=(1, 1, 1), decoder_depth=(4, 4, 4), norm=(True, True, True))
        return Side(_Decode(Autoencoder(sizes)), (torch.randn(1, sizes.channels, 32, 64),), 1)
    upsampler = Upsampler(UpsamplerConfig(dataclasses.replace(up, depth=2)))
    small = {"low": torch.randn(1, 3, 128, 256), "level": torch.zeros(1)}
    return Side(upsampler, (torch.zeros(1, 3, 512, 1024), torch.ones(1)), 1, small)


def _theirs(name: str, diffusers: Any) -> Side:
    """Networks of the same channels and levels. Of what they are told, only the number of tokens matters here."""
    blocks = ("CrossAttn{}BlockMotion", "CrossAttn{}BlockMotion", "{}BlockMotion")  # its default, for three levels
    if name == "denoiser":
        blocks = ("{}BlockMotion", "{}BlockMotion", "CrossAttn{}BlockMotion")  # as ours, which attends at the lowest
    if name.startswith("denoiser"):
        network = diffusers.UNetMotionModel(
            in_channels=8, out_channels=8, block_out_channels=(64, 96, 160), layers_per_block=2,
            down_block_types=tuple(block.format("Down") for block in blocks),
            up_block_types=tuple(block.format("Up") for block in reversed(blocks)),
            cross_attention_dim=128, num_attention_heads=(2, 3, 5), motion_num_attention_heads=(2, 3, 5),
        )  # fmt: skip
        return Side(network, (torch.randn(1, 8, FRAMES, 16, 32), torch.ones(1), torch.randn(FRAMES, 33, 128)), FRAMES)
    if name == "decoder":
        autoencoder = diffusers.AutoencoderKL(
            block_out_channels=(32, 64, 128), layers_per_block=1, latent_channels=8, norm_num_groups=16,
            down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
            mid_block_add_attention=False,
        )  # fmt: skip
        return Side(_Decode(autoencoder), (torch.randn(1, 8, 32, 64),), 1)
    network = diffusers.UNet2DConditionModel(  # as that of stabilityai/stable-diffusion-x4-upscaler
        in_channels=7, out_channels=4, block_out_channels=(32, 48, 96), layers_per_block=1, norm_num_groups=16,
        down_block_types=("DownBlock2D",) * 3, up_block_types=("UpBlock2D",) * 3, mid_block_type=None,
        num_class_embeds=1000, cross_attention_dim=32,
    )  # fmt: skip
    level = {"class_labels": torch.zeros(1, dtype=torch.long)}
    return Side(network, (torch.randn(1, 7, 128, 256), torch.ones(1), torch.zeros(1, 1, 32)), 1, level)


class _Decode(nn.Module):
    """Only the decoder of an autoencoder."""

    def __init__(self, autoencoder: Any) -> None:
        super().__init__()
        self.autoencoder: Any = autoencoder

    def forward(self, z: torch.Tensor) -> Any:
        return self.autoencoder.decode(z)


def _our_ways(side: Side, place: torch.device) -> dict[str, Callable[[], object]]:
    """As in a rollout: channels last, bf16 by autocast where the processor has it."""
    network = channels_last(side.network.to(place).eval())
    inputs, keywords = _moved(side, place, None)

    def call(precision: torch.dtype) -> object:
        half = precision != torch.float32
        with torch.autocast(place.type, precision) if half else nullcontext():
            return network(*inputs, **keywords)

    return {name: partial(call, kind) for name, kind in _precisions(place).items()}


def _their_ways(side: Side, place: torch.device) -> dict[str, Callable[[], object]]:
    """As it comes, fp32; and all that its documents advise without other packages: bf16, channels last."""
    ways: dict[str, Callable[[], object]] = {}
    for name, kind in _precisions(place).items():
        inputs, keywords = _moved(side, place, kind)
        for layout in ("", ", channels last"):
            network = copy.deepcopy(side.network).to(place, kind).eval()
            if layout:
                channels_last(network)
            ways[name + layout] = partial(network, *inputs, **keywords)
    return ways


def _precisions(place: torch.device) -> dict[str, torch.dtype]:
    return PRECISIONS if works_in_bf16(place) else {"fp32": torch.float32}


def _moved(side: Side, place: torch.device, kind: torch.dtype | None) -> tuple[list[Any], dict[str, Any]]:
    def moved(value: Any) -> Any:
        floats = isinstance(value, torch.Tensor) and value.is_floating_point()
        return value.to(place, kind) if kind is not None and floats else value.to(place)

    return [moved(value) for value in side.inputs], {name: moved(value) for name, value in side.keywords.items()}


def _row(seconds: Mapping[tuple[str, str], list[float]], ours: Side, theirs: Side) -> dict[str, Any]:
    frames = {"ours": ours.frames, "theirs": theirs.frames}
    medians = {way: 1e3 * statistics.median(times) / frames[way[0]] for way, times in seconds.items()}
    mine, best = (min((w for w in medians if w[0] == side), key=medians.__getitem__) for side in frames)

    def times(way: tuple[str, str]) -> float:
        pairs = zip(seconds[way], seconds[mine], strict=True)
        return statistics.median(a / b for a, b in pairs) * ours.frames / theirs.frames

    operations = {"ours": _operations(ours), "theirs": _operations(theirs)}
    return {
        "gigaoperations": operations,
        "equal": abs(operations["theirs"] / operations["ours"] - 1) <= EQUAL,
        "milliseconds": {side: {w: ms for (s, w), ms in medians.items() if s == side} for side in frames},
        "ours": mine[1],
        "best": best[1],
        "times_default": times(("theirs", "fp32")),
        "times_best": times(best),
    }


def _operations(side: Side) -> float:
    """10^9 per frame, of a call in fp32 on the CPU."""
    network = copy.deepcopy(side.network).cpu()
    inputs, keywords = _moved(side, torch.device("cpu"), None)
    with torch.inference_mode(), Operations() as counted:
        network(*inputs, **keywords)
    return counted.total / side.frames / 1e9


def _per_frame(row: Mapping[str, Any], sampling: Sampling) -> dict[str, float]:
    """Of a frame at the plan's usual rate. Theirs makes every frame by all steps, with guidance: two calls a step."""
    plan = Plan()
    guided = 1 + len([scale for scale in sampling.guidance_of("key").values() if scale != 1])
    keys = plan.window * sampling.key_steps * guided
    between = sum(len(gap) for rate in plan.rates for gap in plan.gaps(rate, plan.step)) * sampling.between_steps
    ours, theirs, default = (keys + between) / plan.step, 2.0 * sampling.key_steps, 2.0 * THEIR_STEPS
    found = {"calls": ours, "their_calls": theirs, "their_default_calls": default}
    return found | {
        "times_default": row["times_default"] * theirs / ours, "times_best": row["times_best"] * theirs / ours,
        "times_best_at_its_steps": row["times_best"] * default / ours,
    }  # fmt: skip


def table(found: Mapping[str, Any]) -> str:
    """What `side_by_side` found, as lines for a terminal."""
    rows = [f"{'':18}{'Gop/frame':>16}{'ms per frame and call':>48}{'theirs / ours':>20}"]
    rows += [f"{'':18}{'ours':>8}{'theirs':>8}{'ours':>16}{'as it comes':>16}{'its best':>16}{'':>20}"]
    for name, row in found["pairs"].items():
        ours, theirs = row["milliseconds"]["ours"], row["milliseconds"]["theirs"]
        work = "".join(f"{row['gigaoperations'][side]:8.2f}" for side in ("ours", "theirs"))
        times = f"{ours[row['ours']]:8.2f} ({row['ours']}){theirs['fp32']:9.2f} (fp32){theirs[row['best']]:9.2f}"
        ratios = f"{row['times_default']:.2f}, {row['times_best']:.2f}"
        rows.append(
            f"{name:18}{work}  {times} ({row['best']})  {ratios}" + ("" if row["equal"] else "  not equal work")
        )
    frame = found["per_frame"]
    rows += [
        f"a frame of video: {frame['calls']:.2f} calls by our ladder of rates, {frame['their_calls']:g} if every frame "
        f"is denoised as our key frames are: theirs / ours {frame['times_default']:.1f} as it comes, "
        f"{frame['times_best']:.1f} at its best ({frame['times_best_at_its_steps']:.0f} with its {THEIR_STEPS} steps)",
        f"medians of {found['turns']} turns on {found['device']}, {found['threads']} threads; diffusers "
        f"{found['software']['diffusers']}, torch {found['software']['torch']}",
    ]
    return "\n".join(rows)

"""Remake docs/gallery.md and its pictures from weights: the town above, the model below, at the same moments.

    python tools/gallery.py [--weights nano|DIR] [--work DIR] [--out DIR]

Below --out (docs) it writes gallery.md with pictures/gallery/, together below 3 MB, and for the README
pictures/storyboard.jpg and the looping pictures/drive.webp. Rollouts stay in --work (out/gallery), in a folder for each
set of weights, so that a killed run goes on where it was. Whoever has looked at the pictures writes what is wrong in
them into gallery_failures.yaml beside this file, and calls it again.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

import drivesim
from drivesim import atomic
from drivesim.clips.video import resize
from drivesim.errors import UserError
from drivesim.overlay import draw, labels, storyboard
from drivesim.parts import Weights, load_weights
from drivesim.town import Town
from scenarios import Timeline
from scenarios.facts import FrameFacts, time_of_day

FPS, LOOP_FPS = 7.5, 30.0
SIZE, LOOP_SIZE = (216, 432), (256, 512)  # of a frame, (height, width) px
LOOP_EVERY = 2  # frames of the rollout from one of the loop to the next
MOST_BYTES, MOST_BOARD_BYTES, MOST_LOOP_BYTES = 2_900_000, 1_200_000, 1_500_000
QUALITIES = range(90, 20, -5)
FAILURES = Path(__file__).with_name("gallery_failures.yaml")
DUSK = {"environment.initial.daylight": 0.5}


@dataclass(frozen=True)
class Scene:
    """A picture of the gallery: ``scenario`` with ``values`` set, at ``moments``, s.

    ``futures``: seeds of rollouts that all start from the town's first frame and are not told the boxes; without any
    there is one rollout, at the scenario's own seed and told everything.
    """

    name: str
    title: str
    scenario: str
    moments: tuple[float, ...]
    values: Mapping[str, Any] = field(default_factory=dict)
    futures: tuple[int, ...] = ()


SCENES = (
    Scene("zebra_crossing", "People on a zebra crossing by day", "zebra_crossing", (2.0, 5.2, 8.0)),
    Scene("dense_street", "A dense street by day", "dense_traffic", (2.0, 5.2, 9.6)),
    Scene("cut_in", "A truck cuts in on a rainy day", "cut_in_truck_rain", (3.2, 5.2, 8.0)),
    Scene("fog", "A bend in thick fog", "fog_drive", (2.0, 5.2, 9.6), {"environment.initial.daylight": 1.0}),
    Scene("snow", "Snow by day", "snowfall_day", (2.0, 5.2, 9.6)),
    Scene("curve", "A winding road at dusk", "curved_road", (3.2, 6.8, 12.0)),
    Scene("junction", "A busy junction at dusk", "busy_junction", (3.2, 8.0, 14.0), DUSK),
    Scene(
        "crossing", "Somebody crosses in the fog at dusk", "ped_crossing_near", (2.0, 3.2, 4.8),
        {**DUSK, "environment.initial.weather": "foggy"},
    ),
    Scene("night", "A city at night", "night_city", (2.0, 8.0, 16.0)),
    Scene("rain_at_night", "A bus in a rainy night", "rain_at_night", (2.0, 5.2, 9.6)),
    Scene("snow_at_night", "Snow at night", "snow_night", (2.0, 5.2, 9.6)),
    Scene("nightfall", "Night falls during the drive", "day_to_night", (2.0, 9.6, 18.0)),
    Scene("long_drive", "One drive: minute 1 and minute 5", "five_minutes", (20.0, 50.0, 250.0, 290.0)),
    Scene("futures", "Three futures of one first frame", "lead_turns_off", (0.0, 1.6, 3.2, 6.4), futures=(1, 2, 3)),
)  # fmt: skip
BOARD = SCENES[:12]
LOOP = Scene("loop", "", "cut_in", (4.0,), {"faster": "8 m/s", "headway": "0.4 s"})


@dataclass(frozen=True, eq=False)
class Shown:
    """What a scene shows: by moment a column of pictures, from top to bottom, and a note below it; and a caption."""

    scenario: str
    columns: list[list[np.ndarray]]
    notes: list[str]
    caption: str

    def sheet(self) -> np.ndarray:
        """The columns side by side, uint8 (h w 3)."""
        cells = [np.concatenate(column) for column in self.columns]
        return storyboard(cells, self.notes, columns=len(cells), width=SIZE[1])


def make_gallery(
    weights: Weights,
    *,
    work: Path,
    out: Path,
    scenes: Sequence[Scene] = SCENES,
    board: Sequence[Scene] = BOARD,
    loop: Scene = LOOP,
    failures: Path = FAILURES,
) -> None:
    """Write the page and all pictures below ``out``, once all rollouts are there. ``board``: for the storyboard."""
    mark = fingerprint(weights)
    known = known_failures(failures, mark, [scene.name for scene in scenes])
    work = work / mark
    shown = {}
    for scene in scenes:
        print(scene.name, flush=True)
        shown[scene.name] = show(scene, weights, work)
    print("loop", flush=True)
    film = webp(list(loop_frames(loop, weights, work)))
    sheets = jpegs({name: one.sheet() for name, one in shown.items()}, most=MOST_BYTES)
    (overview,) = jpegs(
        {"storyboard": overview_of([shown[scene.name] for scene in board])}, most=MOST_BOARD_BYTES
    ).values()
    folder = out / "pictures" / "gallery"
    for old in folder.glob("*.jpg"):
        old.unlink()
    for name, data in sheets.items():
        atomic.write_bytes(folder / f"{name}.jpg", data)
    atomic.write_bytes(folder.parent / "storyboard.jpg", overview)
    atomic.write_bytes(folder.parent / "drive.webp", film)
    atomic.write_text(out / "gallery.md", page(scenes, shown, mark, known))


def fingerprint(weights: Weights) -> str:
    """Twelve digits for all parts of ``weights`` together."""
    return hashlib.sha256(json.dumps(weights.fingerprints, sort_keys=True).encode()).hexdigest()[:12]


def known_failures(path: Path, mark: str, names: Sequence[str]) -> dict[str, str] | None:
    """The sentences of a file by picture; None if it was written about weights of another ``mark``.

    Raises `UserError` for a picture that is not one of ``names``.
    """
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    if unknown := sorted(set(told["pictures"]) - set(names)):
        raise UserError(f"{path.name}: there is no picture {unknown[0]!r}, expected some of {', '.join(names)}")
    return {name: told["pictures"].get(name, "") for name in names} if told["weights"] == mark else None


def show(scene: Scene, weights: Weights, work: Path) -> Shown:
    """Draw a scene: the town, the model, and the model with the boxes that it was told; or the town and its futures."""
    timeline, numbers = timeline_of(scene, FPS)
    start, *town = town_frames(timeline, [0, *numbers])
    facts = [timeline[number] for number in numbers]
    place = work / f"{scene.name}_{len(timeline)}"
    if scene.futures:
        first = place / "first.png"
        atomic.write_bytes(first, encoded(start, "PNG"))
        clips = [
            drivesim.rollout(
                timeline, place / f"seed_{seed}", weights=weights, seed=seed, first_frame=first, withheld=["boxes"]
            )
            for seed in scene.futures
        ]  # fmt: skip
        rows = [town, *(list(clip.read(numbers)) for clip in clips)]
    else:
        clips = [drivesim.rollout(timeline, place, weights=weights)]
        dreamt = list(clips[0].read(numbers, size=SIZE))
        told = labels(timeline.scenario)
        rows = [town, dreamt, [draw(*pair, strip=False, labels=told) for pair in zip(dreamt, facts, strict=True)]]
    columns = [[resize(picture, SIZE) for picture in column] for column in zip(*rows, strict=True)]
    notes = [f"{row.time:.1f} s   {time_of_day(row.daylight)}   {row.weather}" for row in facts]
    return Shown(
        scene.scenario,
        columns,
        notes,
        caption(scene, facts, [clip.provenance["seed"] for clip in clips], len(timeline)),
    )


def timeline_of(scene: Scene, fps: float) -> tuple[Timeline, list[int]]:
    """The scene's drive up to its last moment, and the numbers of the frames at its moments."""
    timeline = drivesim.compile(drivesim.load(scene.scenario, dict(scene.values)), fps=fps)
    numbers = [round(second * fps) for second in scene.moments]
    return timeline.first(numbers[-1] + 1), numbers


def town_frames(timeline: Timeline, numbers: Sequence[int]) -> list[np.ndarray]:
    """Frames of the town, uint8 (h w 3)."""
    with Town(timeline.camera) as town:
        return [town.render(timeline, number, ("colour",)).colour for number in numbers]


def caption(scene: Scene, facts: Sequence[FrameFacts], seeds: Sequence[int], frames: int) -> str:
    """Scenario, what was set in it, seeds and seconds, in a line of Markdown."""
    values = "".join(f", {name.split('.')[-1]} {value}" for name, value in scene.values.items())
    moments = ", ".join(f"{row.time:.1f}" for row in facts)
    seed = f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"
    return f"`{scene.scenario}`{values}; {seed}; at {moments} s of {frames / FPS:.1f} s"


def loop_frames(scene: Scene, weights: Weights, work: Path) -> Iterator[np.ndarray]:
    """The frames of a looping picture: every moment of a scene up to its last one, the town above the model."""
    timeline, _ = timeline_of(scene, LOOP_FPS)
    clip = drivesim.rollout(timeline, work / f"{scene.name}_{len(timeline)}", weights=weights)
    numbers = range(0, len(timeline), LOOP_EVERY)
    dreamt = clip.frames(step=LOOP_EVERY, size=LOOP_SIZE)
    for above, below in zip(town_frames(timeline, numbers), dreamt, strict=True):
        yield np.concatenate([resize(above, LOOP_SIZE), below])


def overview_of(board: Sequence[Shown]) -> np.ndarray:
    """The storyboard, uint8 (h w 3): the first and the last moment of each, the town above the model."""
    ends = [(one, which) for one in board for which in (0, -1)]
    cells = [np.concatenate(one.columns[which][:2]) for one, which in ends]
    return storyboard(cells, [f"{one.scenario}   {one.notes[which]}" for one, which in ends], columns=4, width=SIZE[1])


def page(scenes: Sequence[Scene], shown: Mapping[str, Shown], mark: str, known: Mapping[str, str] | None) -> str:
    """The page, in Markdown. ``known``: what is wrong, by picture; None: nobody has looked yet."""
    lines = [
        "# Gallery",
        "",
        "Each picture shows the same moments from top to bottom: as the embedded town draws them, as the video model "
        "does, and the model's frames once more with the boxes and lines that it was told. Seeds are the scenarios' "
        "own; no picture was chosen among several.",
        "",
        f"All of the model's frames are of the weights `{mark}`. The page is remade by `make gallery`. It shows what "
        "the model draws, and is no evidence of vehicle safety.",
        "",
    ]
    if known is None:
        lines += ["Nobody has written down yet what is wrong in the pictures of these weights.", ""]
    for scene in scenes:
        one = shown[scene.name]
        lines += [f"## {scene.title}", "", f"![{scene.title}](pictures/gallery/{scene.name}.jpg)", ""]
        lines += [f"{one.caption}; weights `{mark}`.", ""]
        if scene.futures:
            lines += ["Below the town: rollouts from its first frame that were not told the boxes, by seed.", ""]
        if known is not None and known[scene.name]:
            lines += [f"**Known to be wrong:** {known[scene.name]}", ""]
    return "\n".join(lines)


def jpegs(pictures: Mapping[str, np.ndarray], *, most: int) -> dict[str, bytes]:
    """Pictures (h w 3) as JPEGs of one quality, the highest of `QUALITIES` with at most so many bytes together."""
    for quality in QUALITIES:
        found = {name: encoded(picture, "JPEG", quality=quality) for name, picture in pictures.items()}
        if sum(map(len, found.values())) <= most:
            return found
    raise UserError(f"{len(pictures)} pictures take more than {most} bytes at any quality, expected fewer pictures")


def webp(frames: Sequence[np.ndarray]) -> bytes:
    """Frames (h w 3) as a picture that moves for ever, the best of `QUALITIES` with at most `MOST_LOOP_BYTES`."""
    rest = [Image.fromarray(frame) for frame in frames[1:]]
    milliseconds = round(1000 * LOOP_EVERY / LOOP_FPS)
    for quality in QUALITIES:
        moving = {"save_all": True, "append_images": rest, "duration": milliseconds, "loop": 0}
        found = encoded(frames[0], "WEBP", quality=quality, **moving)
        if len(found) <= MOST_LOOP_BYTES:
            return found
    raise UserError(f"{len(frames)} frames take more than {MOST_LOOP_BYTES} bytes at any quality, expected fewer")


def encoded(picture: np.ndarray, form: str, **settings: Any) -> bytes:
    """A picture (h w 3) in one of Pillow's formats."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, form, **settings)
    return buffer.getvalue()


def main() -> None:
    """Read the arguments and make the gallery."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="nano", metavar="nano|DIR", help="shipped weights or a folder of parts")
    parser.add_argument(
        "--work", type=Path, default=Path("out/gallery"), metavar="DIR", help="for rollouts (out/gallery)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parents[1] / "docs", metavar="DIR", help="for the page (docs)"
    )
    arguments = parser.parse_args()
    try:
        make_gallery(load_weights(arguments.weights), work=arguments.work, out=arguments.out)
    except UserError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()

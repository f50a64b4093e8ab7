"""The acceptance lines of the town: its labels against its meshes and boxes, depth, flow, speed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from lines import CHECKOUT, Line, Result, shared

import drivesim
from drivesim.perception import load_detector
from drivesim.town import Town
from drivesim.town.traffic import body_mesh, in_view
from scenarios import compile, load, shipped
from scenarios.camera import NEAR, to_camera
from scenarios.facts import Camera

LEAST = 25  # px of height
FINER = 3  # times the size at which meshes are compared: a person of 25 px is 9 px wide, so that one pixel is 10 %
WHOLE = 0.985  # share of its silhouette that an object shows if nothing hides it
FRAMES = 6  # of each scenario
SPEED_FRAMES = 60
STREETS = ("dense_traffic", "busy_junction", "oncoming_pass", "cut_in", "stop_and_go", "parked_rows", "zebra_crossing")


def labels(folder: Path) -> Result:
    """Instance boxes of every third library scenario, in the geometric boxes and beside the projected meshes."""
    outside, overlaps = [], []
    for name in sorted(shipped())[::3]:
        for out, overlap in _boxes(name):
            outside.append(out)
            overlaps += [overlap] if overlap is not None else []
    figure = {
        "boxes": len(outside),
        "worst_px_outside": round(max(outside), 2),
        "unoccluded": len(overlaps),
        "worst_iou": round(min(overlaps), 4),
    }
    return Result(figure, max(outside) <= 2.0 and min(overlaps) >= 0.95 and len(overlaps) >= 100)


def _boxes(name: str) -> Iterator[tuple[float, float | None]]:
    """Per object of at least `LEAST` px: px outside its geometric box; IoU with its projected mesh if unoccluded."""
    timeline = compile(load(name), fps=1.0)
    camera = timeline.camera.resized(FINER * timeline.camera.width, FINER * timeline.camera.height)
    with Town(timeline.camera) as town, Town(timeline.camera, width=camera.width, height=camera.height) as fine:
        for k in np.linspace(0, len(timeline) - 1, FRAMES).astype(int).tolist():
            facts = timeline[k]
            instance = town.render(timeline, k, ("instance",)).instance
            large = fine.render(timeline, k, ("instance",)).instance
            assert instance is not None
            assert large is not None
            assert facts.ego is not None
            boxes = {thing.track_id: thing.box for thing in facts.objects or ()}
            for body in in_view(timeline.track(k), facts.ego, timeline.camera):
                seen = _bounds(instance == body.state.track_id)
                if seen is None or seen[3] - seen[1] < LEAST or body.state.track_id not in boxes:
                    continue
                told = np.array(boxes[body.state.track_id])
                outside = max(*(told[:2] - seen[:2]), *(seen[2:] - told[2:]), 0.0)
                mesh = body_mesh(body)
                yield outside, _overlap(camera, mesh.points, mesh.faces, large == body.state.track_id)


def _bounds(mask: np.ndarray) -> np.ndarray | None:
    """The box (x1, y1, x2, y2) of a mask (h w), px."""
    rows, columns = np.nonzero(mask)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], float) if len(rows) else None


def _overlap(camera: Camera, points: np.ndarray, faces: np.ndarray, mask: np.ndarray) -> float | None:
    """IoU of a mask's box with that of the projected mesh; None where something hides part of it, or the border."""
    local = to_camera(camera, points.astype(float))
    if local[:, 2].min() < NEAR:
        return None
    flat = np.stack(
        [camera.cx + camera.fx * local[:, 0] / local[:, 2], camera.cy + camera.fy * local[:, 1] / local[:, 2]], 1
    )
    low, high = flat.min(0), flat.max(0)
    if (low < 0).any() or (high > (camera.width, camera.height)).any():
        return None
    canvas = np.zeros((camera.height, camera.width), np.uint8)
    for triangle in np.round((flat[faces] - 0.5) * 16).astype(np.int32):
        cv2.fillConvexPoly(canvas, triangle, 1, cv2.LINE_8, 4)
    seen = _bounds(mask)
    if seen is None or mask.sum() < WHOLE * canvas.sum():
        return None
    box = np.array([*np.floor(low), *np.ceil(high)])  # the pixels that it touches
    inner = np.clip(np.minimum(box[2:], seen[2:]) - np.maximum(box[:2], seen[:2]), 0, None).prod()
    return float(inner / ((box[2:] - box[:2]).prod() + (seen[2:] - seen[:2]).prod() - inner))


def depth_and_flow(folder: Path) -> Result:
    """The tests that cast rays and reproject points, three frames with 250 rays each."""
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_town_depth.py"]
    done = subprocess.run(words, cwd=CHECKOUT, capture_output=True, text=True)
    return Result({"pytest": done.stdout.strip().splitlines()[-1]}, done.returncode == 0)


def speed(folder: Path) -> Result:
    """CPU time per frame of a dense street, colours and instances; facts and encoding apart."""
    timeline = compile(load("dense_traffic"), fps=30.0)
    first = len(timeline) // 2
    frames = [(timeline[k], timeline.track(k), timeline.ego_s(k)) for k in range(first, first + 1 + SPEED_FRAMES)]
    with Town(timeline.camera) as town:
        facts, track, s = frames[0]
        town.draw(facts, track, timeline.world, s, ("colour", "instance"))
        started = time.process_time()
        for facts, track, s in frames[1:]:
            town.draw(facts, track, timeline.world, s, ("colour", "instance"))
        spent = (time.process_time() - started) / SPEED_FRAMES
    bodies = len(in_view(timeline.track(first), timeline.ego(first), timeline.camera))
    figure = {
        "cpu_ms_per_frame": round(1000 * spent, 1),
        "frames_per_cpu_second": round(1 / spent, 1),
        "bodies": bodies,
    }
    return Result(figure, spent <= 0.05)


def course_of_conditions(folder: Path) -> Result:
    """Mean brightness of one frame by weather and time of day: night < dusk < day in every weather."""
    means: dict[str, list[float]] = {}
    for weather in ("clear", "overcast", "rainy", "foggy", "snowy"):
        means[weather] = []
        for daylight in (0.0, 0.5, 1.0):
            values = {"environment.initial.weather": weather, "environment.initial.daylight": daylight}
            timeline = compile(load("day_free_ride", values), fps=1.0)
            with Town(timeline.camera) as town:
                picture = town.render(timeline, 3, ("colour",)).colour
            assert picture is not None
            means[weather].append(round(float(picture.mean()), 1))
    ordered = all(row[0] < row[1] < row[2] for row in means.values())
    return Result({"means": json.dumps(means)}, ordered)


def seen_by_a_stranger(folder: Path) -> Result:
    """YOLOX-nano, which was trained on photographs only, on the same streets by day and by night, and real video."""
    detector = load_detector(f"onnx:{shared('yolox_nano', 'yolox_nano.onnx')}")
    figure: dict[str, Any] = {}
    for name, daylight in (("day", 1.0), ("night", 0.0)):
        clips = []
        for street in STREETS:
            timeline = compile(load(street, {"environment.initial.daylight": daylight}), fps=1.0)
            clips.append(drivesim.render(timeline, folder / name / street))
        scores = drivesim.benchmark(clips, detector, folder / f"{name}-scores", every=1)["scores"]
        for kind in ("vehicle", "person"):
            total = scores[kind]["total"]
            figure[f"{name}_{kind}"] = {
                key: total[key] for key in ("AP50", "AP50_interval", "boxes", "clips", "frames")
            }
    by_day, by_night = figure["day_vehicle"]["AP50"], figure["night_vehicle"]["AP50"]
    return Result(figure, by_day >= 0.3 and by_night >= 0.5 * by_day)


LINES = (
    Line("instance boxes of the town", "<= 2 px outside the geometric box, IoU >= 0.95 with the mesh", labels),
    Line("depth and flow of the town", "1% of ray casting; 0.5 px of reprojected points", depth_and_flow),
    Line("speed of the town", ">= 20 frames per second of one core", speed),
    Line("vehicles found by YOLOX-nano", "AP50 >= 0.3 by day, by night at least half of that", seen_by_a_stranger),
    Line("brightness by weather and time of day", "night < dusk < day in every weather", course_of_conditions),
)

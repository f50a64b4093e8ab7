"""Depth and flow agree with a ray caster and with reprojected world poses, which know nothing of the pass.

The rasteriser fills every pixel that a triangle touches. So where two surfaces meet within a pixel either may have it,
and such pixels are left out: those where a surface met one pixel aside, followed to the pixel's own ray, lies more than
1 % nearer or farther. Among the others one in a hundred may differ: the rasteriser leaves cracks a pixel wide between
pieces of some walls, and draws posts thinner than a pixel, which rays miss.
"""

from __future__ import annotations

import dataclasses
import functools
import math

import numpy as np
import pytest

from drivesim.town import CLASSES, Passes, Town
from drivesim.town.depth_flow import depth_and_flow
from drivesim.town.people import POSES, pedestrian
from drivesim.town.traffic import body_mesh, in_view, placed
from scenarios import Timeline, compile, load
from scenarios.camera import project_points, to_camera
from scenarios.facts import Camera, EgoState

FRAMES = [("dense_traffic", 180), ("night_crossing", 135), ("curved_road", 90)]  # day; night, people walking; a bend
WIDTH, HEIGHT = 512, 256
RAYS = 250
AROUND = [(0, 0), (-1, -1), (-1, 1), (1, -1), (1, 1)]


@dataclasses.dataclass(frozen=True)
class Hits:
    """What the rays through some pixels meet (n,): depth, m; point (n 3), ego frame, m; triangle; its track or 0."""

    columns: np.ndarray
    rows: np.ndarray
    depth: np.ndarray
    points: np.ndarray
    triangle: np.ndarray
    track: np.ndarray
    clear: np.ndarray


@functools.cache
def timeline_of(name: str) -> Timeline:
    return compile(load(name), fps=30.0)


@functools.cache
def drawn(name: str, k: int) -> tuple[Passes, np.ndarray, np.ndarray]:
    """The passes of a frame, its triangles (f 3 3) in the ego frame, m, and the track of each or 0."""
    timeline = timeline_of(name)
    ego, triangles, tracks = timeline.ego(k), [], []
    with Town(timeline.camera, width=WIDTH, height=HEIGHT) as town:
        passes = town.render(timeline, k, ("instance", "semantic", "depth", "flow"))
        for stretch in town._street._stretches.values():
            for part in stretch.parts:
                world = np.add(part.surface.points.astype(float), (*stretch.origin, 0))
                triangles.append(turned(world - (ego.x, ego.y, 0), -ego.heading)[part.faces])
                tracks.append(np.zeros(len(part.faces), int))
    for body in in_view(timeline.track(k), ego, timeline.camera):
        mesh = body_mesh(body)
        triangles.append(mesh.points.astype(float)[mesh.faces])
        tracks.append(np.full(len(mesh.faces), body.state.track_id))
    return passes, np.concatenate(triangles), np.concatenate(tracks)


@functools.cache
def hits(name: str, k: int) -> Hits:
    """What the rays through random pixels meet."""
    _, triangles, tracks = drawn(name, k)
    camera = timeline_of(name).camera.resized(WIDTH, HEIGHT)
    dice = np.random.default_rng(k)
    columns, rows = dice.integers(1, WIDTH - 1, RAYS), dice.integers(1, HEIGHT - 1, RAYS)
    eye, rays = np.array([camera.x, camera.y, camera.z]), pixel_rays(camera, columns, rows)
    met = np.array([cast(triangles, eye, pixel_rays(camera, columns + i, rows + j)) for i, j in AROUND])
    a, b, c = (triangles[met, corner] for corner in range(3))
    normal = np.cross(b - a, c - a)
    depths = np.einsum("knc,knc->kn", normal, a - eye) / np.einsum("knc,nc->kn", normal, rays)
    depths[met < 0] = np.inf
    points = eye + np.where(met[0] < 0, np.nan, depths[0])[:, None] * rays
    clear = (share_off(depths, depths[0]) < 0.01).all(axis=0)
    return Hits(columns, rows, depths[0], points, met[0], np.where(met[0] < 0, 0, tracks[met[0]]), clear)


def cast(triangles: np.ndarray, eye: np.ndarray, rays: np.ndarray) -> np.ndarray:
    """The nearest triangle (n,) whose front each ray meets, after Moller and Trumbore; -1 for none."""
    a, first, second = triangles[:, 0], triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    way = eye - a
    far = np.einsum("fc,fc->f", second, np.cross(way, first))
    fronts = np.flatnonzero(far > 0)
    across, u_normal, v_normal = (
        np.ascontiguousarray(np.cross(p[fronts], q[fronts]).T)
        for p, q in ((second, first), (second, way), (way, first))
    )
    found = np.full(len(rays), -1)
    for index, ray in enumerate(rays):
        scale = ray @ across
        u, v = ray @ u_normal, ray @ v_normal  # times scale, which is above 0 where a front is met
        met = np.flatnonzero((scale > 0) & (u >= 0) & (v >= 0) & (u + v <= scale))
        if len(met):
            found[index] = fronts[met[np.argmin(far[fronts[met]] / scale[met])]]
    return found


def pixel_rays(camera: Camera, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Directions (n 3), ego frame, of the pixels' centres; one unit goes 1 m along the optical axis."""
    c, s = math.cos(camera.pitch), math.sin(camera.pitch)
    right = (columns + 0.5 - camera.cx) / camera.fx
    down = (rows + 0.5 - camera.cy) / camera.fy
    return np.stack([c - s * down, -right, -s - c * down], axis=-1)


def turned(points: np.ndarray, angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return points @ np.array([(c, s, 0), (-s, c, 0), (0, 0, 1)])


def share_off(depth: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """By which share depths differ; infinite where only one is infinite."""
    both = np.isinf(depth) & np.isinf(expected)
    with np.errstate(invalid="ignore"):
        return np.where(both, 0.0, np.where(np.isinf(expected), np.inf, np.abs(depth / expected - 1)))


def next_points(timeline: Timeline, k: int, points: np.ndarray, tracks: np.ndarray) -> np.ndarray:
    """Points (n 3) of rigid bodies, ego frame of frame k, in that of frame k + 1: by way of the poses in the world."""
    ego, after = timeline.ego(k), timeline.ego(k + 1)
    world = np.add(turned(points, ego.heading), (ego.x, ego.y, 0))
    later = {state.track_id: state for state in timeline.track(k + 1)}
    for state in timeline.track(k):
        own, then = tracks == state.track_id, later[state.track_id]
        local = turned(world[own] - (state.x, state.y, 0), -state.heading)
        world[own] = np.add(turned(local, then.heading), (then.x, then.y, 0))
    return turned(world - (after.x, after.y, 0), -after.heading)


def walkers(timeline: Timeline, k: int) -> list[int]:
    return [state.track_id for state in timeline.track(k) if state.category == "pedestrian"]


@pytest.mark.parametrize(("name", "k"), FRAMES)
def test_depth_agrees_with_ray_casting(name: str, k: int) -> None:
    found = hits(name, k)
    off = share_off(drawn(name, k)[0].depth[found.rows, found.columns], found.depth)
    assert found.clear.mean() > 0.85
    assert (off[found.clear] > 0.01).mean() <= 0.01
    assert np.median(off[found.clear]) < 1e-6


@pytest.mark.parametrize(("name", "k"), FRAMES)
def test_flow_of_rigid_things_agrees_with_reprojected_points(name: str, k: int) -> None:
    timeline, found = timeline_of(name), hits(name, k)
    rigid = found.clear & (found.triangle >= 0) & ~np.isin(found.track, walkers(timeline, k))
    camera = timeline.camera.resized(WIDTH, HEIGHT)
    pixels, _ = project_points(camera, next_points(timeline, k, found.points[rigid], found.track[rigid]))
    expected = pixels - np.stack([found.columns[rigid], found.rows[rigid]], axis=-1) - 0.5
    off = np.abs(drawn(name, k)[0].flow[found.rows[rigid], found.columns[rigid]] - expected).max(axis=-1)
    assert np.nanmax(np.abs(expected)) > 3
    assert (off > 0.5).mean() <= 0.01
    assert np.median(off) < 1e-3


def test_flow_follows_the_limbs_of_people_who_walk() -> None:
    timeline, k, later = timeline_of("night_crossing"), 225, 230
    ego, after, camera = timeline.ego(k), timeline.ego(later), timeline.camera.resized(WIDTH, HEIGHT)
    following = after, timeline.track(later)
    with Town(timeline.camera, width=WIDTH, height=HEIGHT) as town:
        wanted = ("instance", "flow")
        passes = town.draw(timeline[k], timeline.track(k), timeline.world, timeline.ego_s(k), wanted, following)
    state = max(timeline.track(k), key=lambda s: (s.category == "pedestrian") * (passes.instance == s.track_id).sum())
    (then,) = (other for other in timeline.track(later) if other.track_id == state.track_id)
    mesh, moved_points = body_mesh(placed(state, 1, ego)), body_mesh(placed(then, 1, after)).points
    rows, columns = np.nonzero(passes.instance == state.track_id)
    eye, rays = np.array([camera.x, camera.y, camera.z]), pixel_rays(camera, columns, rows)
    met = cast(mesh.points.astype(float)[mesh.faces], eye, rays)
    rows, columns, rays, faces = rows[met >= 0], columns[met >= 0], rays[met >= 0], mesh.faces[met[met >= 0]]
    shares = np.linalg.solve((mesh.points[faces] - eye).transpose(0, 2, 1), rays[..., None])[..., 0]
    places = np.einsum("nc,ncx->nx", shares / shares.sum(axis=1, keepdims=True), moved_points[faces])
    expected = project_points(camera, places)[0] - np.stack([columns, rows], axis=-1) - 0.5
    off = np.abs(passes.flow[rows, columns] - expected).max(axis=-1)
    assert len(rows) > 200
    assert np.ptp(expected[:, 0]) > 3  # legs and trunk go different ways
    assert np.percentile(off, 90) < 0.5
    assert np.median(off) < 1e-3


def test_a_point_of_a_walking_person_keeps_its_number() -> None:
    poses = [pedestrian(0, pose).points for pose in range(POSES)]
    steps = [np.abs(poses[pose - 1] - points).max() for pose, points in enumerate(poses)]
    assert max(steps) < 0.2  # of the box; half a turn of the shank about itself would be more


@pytest.mark.parametrize(("name", "k"), FRAMES)
def test_the_road_is_as_deep_as_a_plane(name: str, k: int) -> None:
    passes, camera = drawn(name, k)[0], timeline_of(name).camera.resized(WIDTH, HEIGHT)
    assert camera.pitch == 0
    rows, columns = np.nonzero(np.isin(passes.semantic, [CLASSES.index(c) for c in ("road", "marking", "terrain")]))
    below = rows + 0.5 - camera.cy
    far = below > camera.fy * camera.z / 200  # beyond, edges of other things decide
    depth, expected = passes.depth[rows[far], columns[far]], camera.fy * camera.z / below[far]
    assert far.sum() > 10_000
    assert (share_off(depth, expected) > 1e-5).mean() < 1e-3


@pytest.mark.parametrize(("name", "k"), FRAMES)
def test_depth_is_infinite_where_the_sky_is_and_within_its_box_on_a_road_user(name: str, k: int) -> None:
    passes, timeline = drawn(name, k)[0], timeline_of(name)
    is_sky = passes.semantic == CLASSES.index("sky")
    assert (np.isinf(passes.depth) != is_sky).mean() < 1e-4
    checked = 0
    for thing in timeline[k].objects:
        own = passes.depth[passes.instance == thing.track_id]
        if len(own) > 20:
            reach = 0.5 * math.hypot(*thing.size)
            assert (np.abs(own - thing.depth) <= reach + 0.05 * thing.depth).mean() > 0.99
            checked += 1
    assert checked >= 2


def moved(name: str, k: int, **changes: float) -> tuple[Passes, EgoState]:
    """Frame ``k`` as if the ego were moved until the next frame and all others stood still."""
    timeline = timeline_of(name)
    facts, states = timeline[k], timeline.track(k)
    after = dataclasses.replace(facts.ego, **{key: getattr(facts.ego, key) + by for key, by in changes.items()})
    with Town(timeline.camera, width=WIDTH, height=HEIGHT) as town:
        passes = ("semantic", "instance", "depth", "flow")
        return town.draw(facts, states, timeline.world, timeline.ego_s(k), passes, (after, states[1:])), after


def test_nothing_flows_where_nothing_moves_and_nothing_is_known_of_who_is_gone() -> None:
    name, k = FRAMES[2]
    passes, _ = moved(name, k)
    gone = passes.instance == timeline_of(name).track(k)[0].track_id
    unknown = np.isnan(passes.flow).any(axis=-1)
    assert not passes.flow[~unknown].any()
    assert np.mean(unknown != gone) < 1e-4


def test_the_sky_flows_as_the_camera_turns_and_not_as_it_drives() -> None:
    name, k = FRAMES[0]
    passes, _ = moved(name, k, heading=0.02, x=1.5)
    camera = timeline_of(name).camera.resized(WIDTH, HEIGHT)
    rows, columns = np.nonzero(np.isinf(passes.depth))
    far = 1e7 * turned(pixel_rays(camera, columns, rows), -0.02)
    expected = project_points(camera, far)[0] - np.stack([columns, rows], axis=-1) - 0.5
    np.testing.assert_allclose(passes.flow[rows, columns], expected, atol=1e-3)


def test_flow_is_unknown_for_what_will_be_behind_the_camera() -> None:
    name, k = FRAMES[0]
    timeline = timeline_of(name)
    heading = timeline.ego(k).heading
    passes, _ = moved(name, k, x=10 * math.cos(heading), y=10 * math.sin(heading))
    still = (passes.instance == 0) & np.isfinite(passes.depth)
    assert np.isnan(passes.flow[still & (passes.depth < 10)]).all()
    assert not np.isnan(passes.flow[still & (passes.depth > 10.2)]).any()


def test_flow_is_unknown_without_a_next_frame_and_other_passes_are_the_same() -> None:
    timeline = compile(load("cut_in"), fps=0.2)
    with Town(timeline.camera, width=128, height=64) as town:
        plain = town.render(timeline, len(timeline) - 1)
        passes = town.render(timeline, -1, ("colour", "instance", "semantic", "depth", "flow"))
        assert town.render(timeline, 0, ("depth",)).flow is None
    assert plain.depth is None
    assert np.isnan(passes.flow).all()
    assert passes.depth.dtype == passes.flow.dtype == np.float32
    for name in ("colour", "instance", "semantic"):
        assert np.array_equal(getattr(plain, name), getattr(passes, name))


def test_a_pixel_that_a_steep_triangle_just_misses_gets_a_depth_of_the_triangle() -> None:
    camera = Camera(width=8, height=4, fx=4.0, fy=4.0, cx=4.0, cy=2.0)
    wall = np.array([[(0.1, -9.0, 5.0), (0.1, 9.0, 5.0), (0.2, 0.0, 9.0)]])
    depth, flow = depth_and_flow(np.zeros((4, 8), np.intp), wall, np.add(wall, (0, 0, 1)), camera)
    assert depth.min() >= 5 * 0.94
    assert depth.max() <= 9 * 1.06
    assert np.isfinite(flow).all()


def test_depth_holds_for_a_camera_that_looks_down() -> None:
    camera = Camera(width=64, height=32, fx=40.0, fy=50.0, cx=30.0, cy=15.0, x=1.0, y=0.2, z=2.0, pitch=0.3)
    ground = to_camera(camera, np.array([(-50.0, -300, 0), (300, 0, 0), (-50, 300, 0)]))[None]
    depth, _ = depth_and_flow(np.zeros((32, 64), np.intp), ground, None, camera)
    rows, columns = np.indices((32, 64)).reshape(2, -1)
    rays = pixel_rays(camera, columns, rows)
    below = rays[:, 2] < -0.05
    np.testing.assert_allclose(depth.reshape(-1)[below], 2.0 / -rays[below, 2], rtol=1e-5)

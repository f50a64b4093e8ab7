"""How far a generator's frames and windows of video lie from the town's of the same drives, as sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np

from drivesim.clips import Clip
from drivesim.metrics.detection import bootstrap
from drivesim.metrics.features import Features
from drivesim.metrics.frechet import Distance, frechet_distance, kernel_distance

KINDS = {"frechet": frechet_distance, "kernel": kernel_distance}
SPLITS = 40  # random halves of the drives

Rows = Sequence[Sequence[np.ndarray]]
"""By clip the features (d,) of its samples."""


def distances(
    clips: Mapping[str, Sequence[Clip]], features: Features, *, every: int, film: int, seed: int, draws: int
) -> dict[str, Any]:
    """The distances of every arm's frames and windows to the town's; ``clips``: by arm, of the same drives in order.

    ``every``: every how many-th frame counts. ``film``: frames of a window, unless the features want another number;
    windows do not overlap. The features decide what the distances are and stand beside them; frames or windows that
    they do not take have None.
    """
    length = features.length or film
    found: dict[str, Any] = {"features": {"name": features.name, "sha256": features.fingerprint}, "window": length}
    for kind, step, size in (("frames", every, None), ("windows", 1, length)):
        if kind not in features.takes:
            found[kind] = None
            continue
        rows = {arm: [_rows(clip, features, step, size) for clip in made] for arm, made in clips.items()}
        found[kind] = {
            name: {arm: _stand(distance, rows, arm, seed=seed, draws=draws) for arm in rows}
            for name, distance in KINDS.items()
        }
    return found


def _rows(clip: Clip, features: Features, step: int, length: int | None) -> list[np.ndarray]:
    """Features (d,) of every ``step``-th frame, or of the windows of ``length`` of them, a shorter rest left out.

    One sample after the other: a drive of full-size frames is too large to hold.
    """
    frames = clip.frames(step=step)
    if length is None:
        return [features(frame[None])[0] for frame in frames]
    windows = iter(lambda: list(islice(frames, length)), [])
    return [features(np.stack(window)[None])[0] for window in windows if len(window) == length]


def _stand(
    distance: Callable[[np.ndarray, np.ndarray], Distance],
    rows: Mapping[str, Rows],
    arm: str,
    *,
    seed: int,
    draws: int,
) -> dict[str, Any]:
    """One arm's distance to the town: of all drives, and of halves of them. None of fewer than two samples.

    ``value``: of all samples, both sets of the same drives; ``interval``: 95%, over drives, each drawn for both. A set
    in which drives stand twice lies farther from any other, so the interval lies high: read its width. ``halves``: of
    one half of the arm's drives to the other half of the town's, the mean over `SPLITS` random halves and the middle
    95% of them. The town's own is what two sets of one source get at that size, the floor that the arm's stands
    against. ``enough``: see `Distance.enough`; a Fréchet distance of too few samples has neither interval nor halves.
    """
    town, made = rows["town"], rows[arm]

    def among(first: Sequence[int], second: Sequence[int]) -> Distance | None:
        one, two = [row for k in first for row in made[k]], [row for k in second for row in town[k]]
        return distance(np.stack(one), np.stack(two)) if min(len(one), len(two)) > 1 else None

    def value(first: Sequence[int], second: Sequence[int]) -> float | None:
        found = among(first, second)
        return None if found is None else found.value

    count = len(town)
    whole = among(range(count), range(count))
    cell: dict[str, Any] = {"value": None, "interval": None, "halves": None, "samples": sum(map(len, made))}
    if whole is None:
        return cell | {"dimensions": None, "enough": None}
    sound = whole.enough or distance is kernel_distance
    if arm != "town":
        cell["value"] = whole.value
        cell["interval"] = bootstrap(lambda k: value(k, k), count, seed=seed, draws=draws) if sound else None
    cell["halves"] = _halves(value, count, seed) if sound else None
    return cell | {"dimensions": whole.dimensions, "enough": whole.enough}


def _halves(
    value: Callable[[Sequence[int], Sequence[int]], float | None], count: int, seed: int
) -> dict[str, float | list[float]] | None:
    """The mean of ``value`` over random halves of ``count`` drives, and the middle 95%; None of too few."""
    random = np.random.default_rng(seed)
    orders = [random.permutation(count).tolist() for _ in range(SPLITS)]
    values = [found for order in orders if (found := value(order[: count // 2], order[count // 2 :])) is not None]
    if not values:
        return None
    return {"value": float(np.mean(values)), "interval": np.quantile(values, [0.025, 0.975]).tolist()}

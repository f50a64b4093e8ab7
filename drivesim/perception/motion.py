"""How a box goes on: a Kalman filter of constant velocity per coordinate, in seconds."""

from __future__ import annotations

import numpy as np

# Standard deviations in shares of the box's height. SORT and ByteTrack state them per frame of 30 a second (position
# 1/20, velocity 1/160 px/frame); here they are rates, so that one second is the same in one step or in thirty.
MEASURED = 1 / 20  # of a detection's centre and size
WANDERING = 1 / 20 * 30**0.5  # of the position after 1 s
SWERVING = 30 / 160 * 30**0.5  # of the velocity after 1 s, 1/s
FIRST_PLACE, FIRST_VELOCITY = 2 / 20, 10 * 30 / 160  # of a new box; 1, 1/s


class BoxMotion:
    """Centre, width and height of one box with their rates of change: ``mean`` (4 2), ``spread`` (4 2 2); px and px/s.

    The coordinates are independent of each other, as in SORT (Bewley et al. 2016).

    >>> motion = BoxMotion(np.array([0.0, 0.0, 10.0, 20.0]))
    >>> motion.predict(1.0)
    >>> motion.correct(np.array([20.0, 0.0, 30.0, 20.0]))
    >>> motion.predict(1.0)
    >>> motion.box.round().tolist()
    [40.0, 0.0, 50.0, 20.0]
    """

    def __init__(self, box: np.ndarray) -> None:
        """Start at a box (x1 y1 x2 y2, px) of unknown velocity."""
        self.mean = np.stack([_centred(box), np.zeros(4)], 1)
        self._height = max(float(self.mean[3, 0]), 1.0)  # when last seen: what all noise is a share of
        self.spread = np.tile(np.diag([FIRST_PLACE**2, FIRST_VELOCITY**2]), (4, 1, 1)) * self._height**2

    @property
    def box(self) -> np.ndarray:
        """Where it is now: x1 y1 x2 y2, px."""
        centre, half = self.mean[:2, 0], np.maximum(self.mean[2:, 0], 0) / 2
        return np.concatenate([centre - half, centre + half])

    @property
    def reach(self) -> np.ndarray:
        """How far the centre may be from where it should be: two standard deviations in x and in y, px."""
        return 2 * np.sqrt(self.spread[:2, 0, 0])

    def predict(self, seconds: float) -> None:
        """Go on for so long; the noise is white acceleration and a wandering place (Bar-Shalom et al. 2001, 6.2.2)."""
        step = np.array([[1, seconds], [0, 1]])
        swerve = SWERVING**2 * np.array([[seconds**3 / 3, seconds**2 / 2], [seconds**2 / 2, seconds]])
        wander = WANDERING**2 * np.array([[seconds, 0], [0, 0]])
        self.mean = self.mean @ step.T
        self.spread = step @ self.spread @ step.T + (swerve + wander) * self._height**2

    def correct(self, box: np.ndarray) -> None:
        """Take in a detected box (x1 y1 x2 y2, px)."""
        total = self.spread[:, 0, 0] + (MEASURED * self._height) ** 2
        gain = self.spread[:, :, 0] / total[:, None]  # (4 2)
        self.mean = self.mean + gain * (_centred(box) - self.mean[:, 0])[:, None]
        self.spread = self.spread - gain[:, :, None] * gain[:, None, :] * total[:, None, None]
        self._height = max(float(self.mean[3, 0]), 1.0)


def _centred(box: np.ndarray) -> np.ndarray:
    return np.concatenate([(box[:2] + box[2:]) / 2, box[2:] - box[:2]])

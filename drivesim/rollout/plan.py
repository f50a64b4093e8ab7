"""Which frames are made together: the windows of every stage, as pure functions of frame numbers. No torch.

A rollout is a row of equal steps. In each the key network makes ``window`` key frames, the first ``context`` of
them given by the step before (by the first frame, in the first step). The step then fills in and shows the
frames up to the key where the next step begins, whose context it has made already::

    key       0   1   2   3   4   5   6   7   8   9   (window 8, context 2)
    step 0    | shown                 | made  |
    step 1                            | given | made ...

Frame numbers here count from the start of a step, at the rate of the output; no window depends on how long the
clip is.
"""

from __future__ import annotations

from dataclasses import dataclass

from drivesim.errors import UserError


@dataclass(frozen=True)
class Plan:
    """The windows of a rollout.

    ``fps``: of the output, frames/s. ``key_fps``: of key frames. ``rung``: how many times faster each rung of
    the ladder of rates is than the one below (Video LDM: 1.875 -> 7.5 -> 30, so 4). ``window``: key frames made
    together. ``context``: how many of them are given. ``decode``: frames decoded together. ``margin``: how many
    at either end of a decoded window are shown from its neighbour instead. ``enlarge``: frames enlarged
    together. ``together``: windows of interpolation made together; more need more memory and are not faster.

    Raises `UserError` for a rate that is not on the ladder and for a context that leaves nothing to make,
    ``ValueError`` for other windows that will not do.

    >>> plan = Plan(7.5)
    >>> plan.step, list(plan.keys), plan.gaps(7.5, frames=8)
    (24, [0, 4, 8, 12, 16, 20, 24, 28], [range(0, 5), range(4, 9)])
    """

    fps: float = 30.0
    key_fps: float = 1.875
    rung: int = 4
    window: int = 8
    context: int = 2
    decode: int = 6
    margin: int = 1
    enlarge: int = 4
    together: int = 8

    def __post_init__(self) -> None:
        """Check the windows."""
        if not 1 <= self.context < self.window:
            raise UserError(f"{self.context} of {self.window} key frames are given, expected 1 to {self.window - 1}")
        if not 0 <= 2 * self.margin < self.decode:
            raise ValueError(f"margin is {self.margin} of {self.decode} decoded frames, expected less than half")
        ladder = [self.key_fps * self.rung**n for n in range(3)]
        if self.fps not in ladder:
            rates = ", ".join(f"{rate:g}" for rate in ladder)
            raise UserError(f"cannot roll out at {self.fps:g} frames/s, expected a rate of the ladder: {rates}")

    @property
    def stride(self) -> int:
        """Output frames from one key frame to the next."""
        return round(self.fps / self.key_fps)

    @property
    def step(self) -> int:
        """Frames that a step shows."""
        return self.stride * (self.window - self.context)

    @property
    def keys(self) -> range:
        """The key frames of a step."""
        return range(0, self.stride * self.window, self.stride)

    @property
    def horizon(self) -> int:
        """Frames, from the start of a step, whose conditions it needs: up to its last key frame."""
        return self.keys[-1] + 1

    @property
    def rates(self) -> tuple[float, ...]:
        """The rates that interpolation brings the frames to, one after the other, frames/s."""
        rungs = range(1, 3)
        return tuple(rate for n in rungs if (rate := self.key_fps * self.rung**n) <= self.fps)

    def gaps(self, rate: float, frames: int) -> list[range]:
        """The windows of interpolation to ``rate`` that give frames 0 to ``frames``: both ends and those between."""
        near = round(self.fps / rate)
        return [range(a, a + near * self.rung + 1, near) for a in range(0, frames, near * self.rung)]

    def windows(self, frames: int, *, first: int) -> list[tuple[range, range]]:
        """The decoder's windows that show frames 0 to ``frames`` - 1: (frames read, frames shown) of each.

        Latents are read from frame ``first`` (0, or less where the step before left some) up to frame
        ``frames``, the key frame that follows. The windows of a shorter clip are the first ones of a longer
        clip.
        """
        shown = self.decode - 2 * self.margin
        end = frames + 1
        found = []
        for a in range(0, frames, shown):
            start = max(first, min(a - self.margin, end - self.decode))
            found.append((range(start, min(start + self.decode, end)), range(a, min(a + shown, frames))))
        return found

    def chunks(self, frames: int) -> list[range]:
        """The frames 0 to ``frames`` - 1 that are enlarged together."""
        return [range(a, min(a + self.enlarge, frames)) for a in range(0, frames, self.enlarge)]

    def filled(self, frames: int) -> int:
        """``frames`` rounded up to whole key intervals: what a step must fill in to show so many."""
        return -(-frames // self.stride) * self.stride

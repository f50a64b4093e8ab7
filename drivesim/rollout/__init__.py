"""Rollouts: a timeline and the parts of the video model in, a clip out; or a session, driven step by step."""

from drivesim.rollout.obeyed import Obedience, check_camera, obeyed
from drivesim.rollout.plan import Plan
from drivesim.rollout.session import Session, State
from drivesim.rollout.stages import Sampling
from drivesim.rollout.stream import futures, rollout

__all__ = ["Obedience", "Plan", "Sampling", "Session", "State", "check_camera", "futures", "obeyed", "rollout"]

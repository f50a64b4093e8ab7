"""Trainability: does training a detector on the model's rollouts help? Only the command line calls this room."""

from drivesim.trainability.protocol import ARMS, TrainabilityProtocol
from drivesim.trainability.run import trainability

__all__ = ["ARMS", "TrainabilityProtocol", "trainability"]

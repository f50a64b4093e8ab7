"""Training: stages by Lightning, in a run folder from which a killed run goes on."""

from drivesim.training.run import STAGES, train_all, train_stage

__all__ = ["STAGES", "train_all", "train_stage"]

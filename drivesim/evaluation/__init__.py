"""Evaluation: the named protocols, and what is run to score by them."""

from drivesim.evaluation.benchmark import benchmark
from drivesim.evaluation.comparing import compare
from drivesim.evaluation.protocol import Protocol

__all__ = ["Protocol", "benchmark", "compare"]

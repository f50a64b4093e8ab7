"""Classifier-free guidance of a network that is asked with `Conditions`, for rollouts and for training on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from conditioning import Conditions
from drivesim.diffusion import classifier_free
from drivesim.diffusion.denoiser import Predict


def guided(ask: Callable[[Conditions], Predict], told: Conditions, guidance: Mapping[str, float]) -> Predict:
    """A prediction pushed, set by set, away from what the network predicts where that set of conditions is unknown.

    ``ask`` makes a prediction of conditions. ``guidance``: "all", or names of conditions joined by "+", -> scale.
    """
    predict = ask(told)
    for names, scale in guidance.items():
        without = told.without_all() if names == "all" else told.without(*names.split("+"))
        predict = classifier_free(predict, ask(without), scale)
    return predict

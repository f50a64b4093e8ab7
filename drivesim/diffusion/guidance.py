"""Guidance: combinators on predictions, ``f' = f(x) + s (f(x; c) - f(x))``. They nest and know no network."""

from __future__ import annotations

from torch import Tensor

from drivesim.diffusion.denoiser import Predict


def classifier_free(predict_with: Predict, predict_without: Predict, scale: float) -> Predict:
    """A prediction pushed ``scale`` times the way from ``predict_without`` the conditions to ``predict_with`` them.

    Ho & Salimans 2022, Eq. 6 with ``scale = 1 + w``. Scale 1 is no guidance and costs one call instead of two.

    >>> import torch
    >>> predict = classifier_free(lambda x, u: x + 3, lambda x, u: x + 1, 2.0)
    >>> predict(torch.zeros(1), torch.zeros(1))
    tensor([5.])
    """
    if scale == 1.0:
        return predict_with

    def predict(x: Tensor, u: Tensor) -> Tensor:
        without = predict_without(x, u)
        return without + scale * (predict_with(x, u) - without)

    return predict


def context_guidance(predict_with: Predict, predict_without: Predict, scale: float) -> Predict:
    """The same for context frames: ``f' = f(z) + s (f(z; c_S) - f(z))``, ``s >= 1`` (Video LDM Eq. 4).

    ``predict_with`` sees the context ``c_S``, ``predict_without`` an empty one.
    Raises ``ValueError`` for a scale below 1.
    """
    if scale < 1.0:
        raise ValueError(f"context guidance scale is {scale}, expected 1 or more")
    return classifier_free(predict_with, predict_without, scale)

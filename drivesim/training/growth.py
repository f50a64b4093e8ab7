"""Going on from stored weights in a network that may read more conditions by now: it computes the same at first."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from conditioning.channels import CHANNELS
from drivesim.errors import UserError
from drivesim.networks.conditioner import condition_weights
from drivesim.networks.config import Config

logger = logging.getLogger(__name__)

Names = Mapping[str, tuple[str, ...]]
SIZES = ("map_channels", "signal_dim", "token_dim")  # fields of configs that grow with the conditions


@torch.no_grad()
def take_over(
    network: nn.Module, stored: Mapping[str, Tensor], stored_inputs: Names, *, source: str, inputs: Names = CHANNELS
) -> None:
    """Load stored weights; a weight that reads conditions finds its inputs again by name, and new ones are zero.

    Args:
        network: that is to go on.
        stored: its state, before there were more conditions.
        stored_inputs: names of the conditions that it read then.
        source: where it comes from, for messages.
        inputs: names of the conditions that the network reads.

    Raises:
        UserError: anything else has another shape, or there is a condition no more.
    """
    wanted, reads = network.state_dict(), condition_weights(network)
    odd = sorted(set(stored) ^ set(wanted))
    if odd:
        found, expected = (list(s[odd[0]].shape) if odd[0] in s else "not there" for s in (stored, wanted))
        raise UserError(f"{source}: {odd[0]} is {found}, expected {expected}")
    fitting = dict(stored)
    for name, kind in reads.items():
        fitting[name] = _grown(stored[name], stored_inputs[kind], inputs[kind], f"{source}: {name}")
    for name, tensor in wanted.items():
        if fitting[name].shape != tensor.shape:
            raise UserError(f"{source}: {name} is {list(stored[name].shape)}, expected {list(tensor.shape)}")
    network.load_state_dict(fitting)


def same_but_for_growth(config: Config, other: Config) -> bool:
    """Whether two configs differ in nothing but the number of conditions that are read."""
    return _without_sizes(config.to_dict()) == _without_sizes(other.to_dict())


def _grown(weight: Tensor, old: tuple[str, ...], new: tuple[str, ...], where: str) -> Tensor:
    """A weight (out, old inputs, ...) that reads the new inputs: those of old names as before, the others by zero."""
    if weight.ndim < 2 or weight.shape[1] != len(old):
        raise UserError(f"{where} is {list(weight.shape)}, expected {len(old)} inputs, as many as are named")
    gone = [name for name in old if name not in new]
    if gone:
        raise UserError(f"{where} reads {gone[0]}, expected only conditions that there are")
    if old == new:
        return weight
    grown = weight.new_zeros(len(weight), len(new), *weight.shape[2:])
    grown[:, [new.index(name) for name in old]] = weight
    more = ", ".join(name for name in new if name not in old) or "none"
    logger.info("%s is %s, grown to %s; new inputs, at zero: %s", where, [*weight.shape], [*grown.shape], more)
    return grown


def _without_sizes(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: _without_sizes(entry) for name, entry in value.items() if name not in SIZES}

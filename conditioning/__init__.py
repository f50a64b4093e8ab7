"""How the networks are told what happens: FrameFacts -> Conditions. Torch and `scenarios`; no weights, no video."""

from conditioning.conditions import MAP_CHANNELS, NAMES, SIGNAL_DIM, Conditions
from conditioning.context import Context
from conditioning.encoding import encode
from conditioning.layout import MAX_TOKENS, TOKEN_DIM

__all__ = ["MAP_CHANNELS", "MAX_TOKENS", "NAMES", "SIGNAL_DIM", "TOKEN_DIM", "Conditions", "Context", "encode"]

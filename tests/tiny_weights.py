"""Random weights of the preset ``tiny``: they draw nothing, but run the whole chain."""

from __future__ import annotations

from pathlib import Path

import torch

from conditioning import NAMES
from drivesim import atomic
from drivesim.parts import PARTS, save_part
from drivesim.presets import load_preset

CARD = {
    "data": {"origins": ["town"]},
    "trained_range": {
        "focal_length": [0.7, 0.8],
        "height": [1.4, 1.6],
        "pitch": [-0.02, 0.02],
        "weather": ["clear", "rainy"],
    },
    "conditions": {name: {"status": "weak", "evidence": "gain 0.25"} for name in NAMES},
    "sampling": {"first_steps": 1, "key_steps": 2, "between_steps": 1, "enlarge_steps": 1, "memory": 0.2},
}

STREET = """
schema: drivesim.scenario/1
name: street
clock: {duration: 4.0}
environment: {initial: {daylight: day, weather: rainy}}
ego: {initial: {speed: 12.0}}
actors:
  - {id: lead, class: car, initial: {lane: 0, ahead: 15.0}}
"""


def write_tiny_weights(folder: Path) -> Path:
    """All parts, their zero-initialised layers made random too, so that every input reaches the output."""
    torch.manual_seed(0)
    marks: dict[str, str] = {}
    for name, config in load_preset("tiny").items():
        kind = PARTS[name]
        network = kind.build(config)
        with torch.no_grad():
            for parameter in network.parameters():
                if not parameter.any():
                    parameter.normal_(std=0.05)
        marks[name] = save_part(folder, name, network, config, {kind.parent: marks[kind.parent]} if kind.parent else {})
    atomic.write_json(folder / "card.json", CARD)
    return folder

"""The slots of the palette of everything that moves: what a point of a body is made of."""

from __future__ import annotations

SLOTS = (
    "body", "accent", "trim", "glass", "tyre", "hub", "plate", "head", "tail", "brake", "left", "right", "dark",
    "skin", "hair", "shirt", "trousers", "shoes", "bag", "hat", "cargo", "taxi", "fur", "paws", "white", "orange",
    "red lamp", "amber lamp", "green lamp",
)  # fmt: skip
SLOT = {name: index for index, name in enumerate(SLOTS)}
BODY, ACCENT, TRIM, GLASS, DARK = (SLOT[name] for name in ("body", "accent", "trim", "glass", "dark"))

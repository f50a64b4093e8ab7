"""The acceptance line of the tutorial of datasets: its commands, as they stand there, and what its detector scores."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

from lines import CHECKOUT, Line, Result, command, read_json, shared

TUTORIAL = CHECKOUT / "docs" / "tutorials" / "dataset.md"
AP50 = 0.6
DETECTOR = "onnx:mine/weights/detector.onnx"


def detector(folder: Path) -> Result:
    """Vehicles found by the tutorial's detector in the town's split test and in PandaSet's front camera."""
    real = shared("pandaset_002", "front_camera.mp4")
    text = TUTORIAL.read_text(encoding="utf-8")
    (suite,) = re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (folder / "streets.yaml").write_text(suite, encoding="utf-8")
    for words in re.findall(r"^\$ drivesim (.*)$", text, re.MULTILINE):
        _run(folder, *shlex.split(words))
    _run(folder, "benchmark", str(real), "--detector", DETECTOR, "--out", "real")
    figure = {name: _vehicles(folder / out) for name, out in (("town", "scores"), ("PandaSet", "real"))}
    return Result(figure, figure["town"]["AP50"] >= AP50)


def _run(folder: Path, *words: str) -> None:
    subprocess.run(command(*words), cwd=folder, check=True, capture_output=True, text=True)


def _vehicles(out: Path) -> dict[str, Any]:
    """AP50 of vehicles with its interval, and the protocol, boxes, clips, frames and rates it was measured on."""
    metrics = read_json(out / "metrics.json")
    rates = sorted({clip["fps"] for clip in metrics["clips"]})
    return metrics["scores"]["vehicle"]["total"] | {"fps": rates, "protocol": metrics["protocol_sha256"][:12]}


LINES = (Line("detector of the tutorial of datasets", f"AP50 of the town's vehicles >= {AP50}", detector),)

"""`drivesim train detector`: the run of the detector's stage. Its results: an ONNX file, and weights to go on from."""

from __future__ import annotations

import hashlib
import io
import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import onnx
import safetensors.torch
import torch
import yaml
from safetensors import SafetensorError
from torch import Tensor, nn

from drivesim import atomic
from drivesim.errors import UserError
from drivesim.networks.detector import Detector
from drivesim.training.card import portable
from drivesim.training.cli import Built, build
from drivesim.training.growth import take_over
from drivesim.training.plan import StagePlan
from drivesim.training.run import DETECTOR, Run
from scenarios.facts import WEATHERS, categories
from scenarios.randomness import key

MINUTES = 15.0  # the budget where none is given
OPSET = 17
LAYOUT_KEY = (
    "drivesim.detector"  # metadata that tells the adapter (drivesim.perception) how to feed and to read the model
)
SCENE_KEY = "drivesim.scene"  # metadata that names the weathers of the scene, in their order
CARD_KEY = "drivesim.card"  # metadata that tells people what it was trained on


class DetectorRun(Run):
    """A run folder of the detector; ``OUT/weights`` has ``detector.onnx``, and a ``.safetensors`` to go on from."""

    def share(self, stage: str, budget_minutes: float | None) -> float:
        """The budget in minutes: the detector is trained on its own, so all of it."""
        return budget_minutes or MINUTES

    def _build(self, stage: str, batches: int, overrides: Any, init_from: Any) -> Built:
        given: dict[str, Any] = {
            "seed_everything": key(self.seed, f"{stage}/weights") % 2**32,
            "model.part": stage,
            "model.batches": batches,
            "model.seed": self.seed,
            "data.folders": self.data,
            "data.cache": str(self.out / "cache"),
            "data.seed": self.seed,
            "data.purpose": stage,
            "trainer.max_steps": batches,
        }
        built: Any = build(stage, self.preset, given=given, device=self.device, overrides=overrides)
        expected = built.stage.trained.config.size
        if built.data.size != expected:
            raise UserError(f"{stage}: data.size is {built.data.size}, expected {expected} as in model.network")
        built.data.prepare_caches(None)
        return built

    def _start_from(self, stage: str, built: Built, init_from: str | Path) -> str:
        path = Path(init_from) / f"{DETECTOR}.safetensors"
        try:
            data = path.read_bytes()
            stored = safetensors.torch.load(data)
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror}), expected weights of a detector") from error
        except SafetensorError as error:
            raise UserError(f"{path}: not weights of a detector ({error})") from error
        take_over(built.stage.trained, stored, {}, source=str(path))
        return hashlib.sha256(data).hexdigest()

    def _save(
        self,
        stage: str,
        built: Any,
        planned: StagePlan,
        measured: Mapping[str, float],
        average: Mapping[str, Any],
        origin: str | None,
    ) -> None:
        card = {
            "licence": "Apache-2.0",
            "preset": self.preset,
            "seed": self.seed,
            **asdict(planned),
            "samples": planned.samples,
            "init_from": origin,
            "clips": len(built.data.clips),
            "origins": sorted({clip.origin for clip in built.data.clips}),
            "measured": {name: round(value, 4) for name, value in measured.items()},
            "average": dict(average),
            "config": portable(yaml.safe_load(built.config)),
        }
        weights = {name: tensor.cpu().contiguous() for name, tensor in built.stage.trained.state_dict().items()}
        atomic.write_bytes(self.weights / f"{DETECTOR}.safetensors", safetensors.torch.save(weights))
        self.plan.finish(stage, export(built.stage.trained, self.weights / f"{DETECTOR}.onnx", card=card))


class Exported(nn.Module):
    """The detector as its users meet it: bytes 0..255 in, shares and final scores out."""

    def __init__(self, network: Detector) -> None:
        """Wrap a network."""
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """``images`` (1 3 h w) RGB in 0..255 -> boxes, scene, lanes.

        Boxes (1 cells 4 + k): x1 y1 x2 y2 in input px, a score per category. Scene (1 1 + weathers): the daylight,
        then the share of belief in each weather. Lanes (1 2 h/8 w/8): the score of a line that crosses a cell's
        middle row, and the share of the cell's width at which it does.
        """
        seen = self.network(images / 127.5 - 1)
        scene = torch.cat([seen.daylight[:, None], seen.weather.softmax(1)], dim=1)
        return torch.cat([seen.boxes, seen.logits.sigmoid()], dim=-1), scene, seen.lanes.sigmoid()


def export(network: Detector, path: Path, *, card: dict[str, Any]) -> str:
    """Write the network as ONNX with its layout and ``card`` as metadata; returns the file's sha256.

    PyTorch's older exporter is used, since the newer one needs a further package (onnxscript).
    """
    wrapped = Exported(network).to("cpu", torch.float32).eval()
    memory = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            wrapped,
            (torch.zeros(1, 3, *network.config.size),),
            memory,  # type: ignore[arg-type]  # the older exporter writes to a file object as well
            input_names=["images"],
            output_names=["boxes", "scene", "lanes"],
            opset_version=OPSET,
            dynamo=False,
        )
    model = onnx.load_from_string(memory.getvalue())
    layout = {"output": "boxes", "colour": "rgb", "scale": 1.0, "classes": dict(enumerate(categories()))}
    scene = {"weathers": WEATHERS}
    about = {LAYOUT_KEY: layout, SCENE_KEY: scene, CARD_KEY: card}
    onnx.helper.set_model_props(model, {name: json.dumps(value, sort_keys=True) for name, value in about.items()})
    onnx.checker.check_model(model)
    data = model.SerializeToString(deterministic=True)
    atomic.write_bytes(path, data)
    return hashlib.sha256(data).hexdigest()

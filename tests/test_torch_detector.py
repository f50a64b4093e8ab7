"""A PyTorch module as a detector: the same as its ONNX export, and clear about what it cannot read."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
import yaml
from torch import nn

from drivesim.errors import UserError
from drivesim.perception import Layout, TorchDetector, load_detector

SIZE = (32, 64)
CLASSES = {0: "car", 1: "pedestrian"}


class Dense(nn.Module):
    """A map per stride, as YOLOX has it; dropout tells whether it is in evaluation mode."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.ModuleList(nn.Conv2d(3, 5 + len(CLASSES), stride, stride=stride) for stride in (8, 16, 32))
        self.drop = nn.Dropout(0.5)

    def forward(self, picture):
        raw = torch.cat([self.drop(m(picture)).flatten(2) for m in self.maps], dim=2).transpose(1, 2)
        return torch.cat([raw[..., :4], raw[..., 4:].sigmoid()], dim=2)


class Queries(nn.Module):
    """Logits and boxes of a few queries, as RT-DETR has them."""

    def __init__(self) -> None:
        super().__init__()
        self.read = nn.Conv2d(3, len(CLASSES) + 4, 16, stride=16)

    def forward(self, picture):
        found = self.read(picture).flatten(2).transpose(1, 2)
        return found[..., : len(CLASSES)], found[..., len(CLASSES) :].sigmoid()


def seeded(kind):
    torch.manual_seed(0)
    return kind()


def export(module, path):
    """Write the module as ONNX, by the older exporter as the project's own detector is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(module.eval(), (torch.zeros(1, 3, *SIZE),), path, opset_version=17, dynamo=False)
    return path


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (Dense, {"output": "yolox", "colour": "bgr", "scale": 1 / 255}),
        (Queries, {"output": "rtdetr", "scale": 1 / 255, "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.2, 0.3]}),
        (Queries, {"output": "rtdetr", "scale": 1 / 255, "resize": "stretch"}),
    ],
)
def test_a_module_finds_the_same_as_its_export(kind, settings, tmp_path) -> None:
    path = export(seeded(kind), tmp_path / "net.onnx")
    path.with_suffix(".yaml").write_text(yaml.safe_dump({**settings, "classes": CLASSES}))
    frames = list(np.random.default_rng(0).integers(0, 256, (2, 48, 80, 3), dtype=np.uint8))
    one = TorchDetector(seeded(kind), size=SIZE, layout=Layout(**settings, classes=CLASSES), name="net")(frames)
    other = load_detector(f"onnx:{path}")(frames)
    for mine, theirs in zip(one, other, strict=True):
        assert len(mine) >= 2
        assert mine.categories == theirs.categories
        assert mine.boxes == pytest.approx(theirs.boxes, abs=1e-3)
        assert mine.scores == pytest.approx(theirs.scores, abs=1e-5)


def detector(module, output="boxes"):
    return TorchDetector(module, size=SIZE, layout=Layout(output, classes=CLASSES), name="mine")


def test_a_module_runs_in_evaluation_mode_and_without_gradients() -> None:
    module = seeded(Dense).train()
    frame = np.full((32, 64, 3), 90, np.uint8)
    first, second = detector(module, "yolox")([frame, frame])
    assert first.boxes.tolist() == second.boxes.tolist()
    assert module.maps[0].weight.requires_grad


def test_the_fingerprint_is_that_of_the_weights() -> None:
    module, twin = seeded(Dense), seeded(Dense)
    before = detector(module).fingerprint
    assert detector(twin).fingerprint == before
    with torch.no_grad():
        twin.maps[2].bias[0] += 1e-6
    assert detector(twin).fingerprint != before


def test_the_threads_of_the_process_are_left_as_they_were() -> None:
    inside = []

    class Counts(nn.Module):
        def forward(self, picture):
            inside.append(torch.get_num_threads())
            return torch.zeros(1, 1, 6)

    before = torch.get_num_threads()
    TorchDetector(Counts(), size=SIZE, layout=Layout("boxes", classes=CLASSES), name="mine", threads=before + 1)(
        [np.zeros((32, 64, 3), np.uint8)]
    )
    assert (inside, torch.get_num_threads()) == ([before + 1], before)


class Answers(nn.Module):
    """Answers the same always."""

    def __init__(self, answer) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, picture):
        return self.answer


@pytest.mark.parametrize(
    ("answer", "output", "complaint"),
    [
        (
            torch.zeros(1, 4, 4),
            "boxes",
            r"found outputs \(1, 4, 4\), expected \(1, n, 4 \+ classes\) by the .* 'boxes'",
        ),
        (torch.zeros(4, 6), "boxes", r"found outputs \(4, 6\), expected"),
        (torch.zeros(1, 41, 7), "yolox", r"found outputs \(1, 41, 7\), expected \(1, 42, 5 \+ classes\)"),
        ((torch.zeros(1, 4, 2),), "rtdetr", r"found outputs \(1, 4, 2\), expected .* and \(1, n, 4\)"),
        ((), "boxes", r"found outputs none, expected"),
        (torch.zeros(1, 4, 5), "boxes", r"found 1 classes, expected class 1"),
        (torch.full((1, 4, 6), torch.nan), "boxes", r"found scores that are not finite"),
        ({"boxes": torch.zeros(1, 4, 6)}, "boxes", r"its module returned dict, expected a tensor or several"),
        (None, "boxes", r"its module returned NoneType, expected a tensor or several"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(answer, output, complaint) -> None:
    with pytest.raises(UserError, match=rf"^mine: {complaint}") as caught:
        detector(Answers(answer), output)([np.zeros((32, 64, 3), np.uint8)])
    assert "\n" not in str(caught.value)


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(ValueError, match=r"found a frame float64 \(32, 64, 3\), expected uint8"):
        detector(Answers(torch.zeros(1, 1, 6)))([np.zeros((32, 64, 3))])

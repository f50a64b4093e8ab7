"""Bad input to `drivesim benchmark`, as a person meets it: exit code 2, one line with where and what, no result."""

from __future__ import annotations

import re

import numpy as np
import pytest

from drivesim import cli
from drivesim.clips import ClipWriter
from scenarios.facts import FrameFacts, ObjectFacts
from tests.constant_model import constant_model

CAR = ObjectFacts(1, "car", (20, 10, 60, 40))
ANSWER = np.array([[[2.0, 1.0, 6.0, 4.0, 0.9], [0.0, 0.0, 9.0, 9.0, 0.2]]])  # two boxes of one class
LAYOUT = {"output": "boxes", "colour": "rgb", "scale": 1.0, "classes": {"0": "car"}}


def clip(folder, *, objects=(CAR,)):
    with ClipWriter(folder, fps=2, width=64, height=32, provenance={"origin": "town"}) as writer:
        for k in range(2):
            writer.write(np.zeros((32, 64, 3), np.uint8), FrameFacts(k, k / 2, objects=objects))
        writer.finish()
    return folder


def model(folder, answer=ANSWER, layout=LAYOUT):
    return "onnx:" + str(constant_model(folder / "model.onnx", answer, metadata=layout))


def no_frames(folder):
    (folder / "video.mp4").write_bytes(b"")
    return folder / "video.mp4", model(folder), "video.mp4: Invalid data found"


def no_labels(folder):
    return clip(folder / "street", objects=None), model(folder), "no label in any frame"


def wrong_shape(folder):
    return clip(folder / "street"), model(folder, np.zeros((1, 2, 3))), r"found outputs \(1, 2, 3\)"


def wrong_classes(folder):
    layout = LAYOUT | {"classes": {"0": "spaceship"}}
    return clip(folder / "street"), model(folder, layout=layout), "spaceship"


def too_few_classes(folder):
    return clip(folder / "street"), model(folder, layout=LAYOUT | {"classes": {"7": "car"}}), "expected class 7"


def scores_without_a_number(folder):
    answer = ANSWER.copy()
    answer[0, 0, 4] = np.nan
    return clip(folder / "street"), model(folder, answer), "frame 0: .*not finite"


CASES = [no_frames, no_labels, wrong_shape, wrong_classes, too_few_classes, scores_without_a_number]


@pytest.mark.parametrize("case", CASES)
def test_bad_input_gets_one_clear_line(case, tmp_path, capsys) -> None:
    where, detector, expected = case(tmp_path)
    words = ["--detector", detector, "--out", str(tmp_path / "out"), "--every", "1"]
    assert cli.main(["benchmark", str(where), *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(expected, line)
    assert not (tmp_path / "out").exists()


def test_what_the_others_spoil_is_fine_as_it_is(tmp_path, capsys) -> None:
    words = ["--detector", model(tmp_path), "--out", str(tmp_path / "out"), "--every", "1"]
    assert cli.main(["benchmark", str(clip(tmp_path / "street")), *words]) == 0, capsys.readouterr().err
    assert (tmp_path / "out" / "report.html").stat().st_size > 0

"""Detectors of transformers: tiny untrained ones from a local folder, without torchvision and without the hub."""

from __future__ import annotations

import json
import logging
import math
import shutil
import sys

import numpy as np
import pytest
import torch

from drivesim.errors import UserError
from drivesim.perception import load_detector
from drivesim.perception.detectors.decoders import DECODERS
from drivesim.perception.detectors.layouts import class_names
from drivesim.perception.detectors.reading import suppress, within

transformers = pytest.importorskip("transformers", reason="transformers is not installed: pip install 'drivesim[hf]'")

NAMES = {0: "person", 1: "Car", 2: "traffic light", 3: "toaster"}
LABELS = {"id2label": NAMES, "label2id": {name: number for number, name in NAMES.items()}}
QUERIES = 8
SMALL = {"d_model": 16, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "encoder_attention_heads": 2}
SMALL |= {"decoder_attention_heads": 2, "encoder_layers": 1, "num_queries": QUERIES, **LABELS}
PYRAMID = {"encoder_hidden_dim": 16, "encoder_in_channels": [8, 16, 16], "decoder_in_channels": [16, 16, 16]}
PYRAMID |= {"decoder_layers": 2, "num_denoising": 0}
STAGES = {"embedding_size": 8, "hidden_sizes": [8, 8, 16, 16], "depths": [1, 1, 1, 1]}
FRAME = np.random.default_rng(0).integers(0, 256, (48, 96, 3), dtype=np.uint8)


def rt_detr():
    backbone = transformers.RTDetrResNetConfig(
        **STAGES, layer_type="basic", out_features=["stage2", "stage3", "stage4"]
    )
    config = transformers.RTDetrConfig(backbone_config=backbone, **SMALL, **PYRAMID)
    return transformers.RTDetrForObjectDetection(config), transformers.RTDetrImageProcessorPil


def d_fine():
    backbone = transformers.HGNetV2Config(
        **STAGES, stem_channels=[3, 4, 8], stage_in_channels=[8, 8, 8, 16], stage_mid_channels=[4] * 4,
        stage_out_channels=[8, 8, 16, 16], stage_num_blocks=[1] * 4, stage_numb_of_layers=[1] * 4,
        out_features=["stage2", "stage3", "stage4"],
    )  # fmt: skip
    config = transformers.DFineConfig(backbone_config=backbone, **SMALL, **PYRAMID)
    return transformers.DFineForObjectDetection(config), transformers.RTDetrImageProcessorPil


def yolos():
    config = transformers.YolosConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=[64, 64],
        num_detection_tokens=QUERIES, use_mid_position_embeddings=False, **LABELS,
    )  # fmt: skip
    return transformers.YolosForObjectDetection(config), transformers.YolosImageProcessorPil


def detr():
    backbone = transformers.ResNetConfig(**STAGES, layer_type="basic", out_features=["stage4"])
    config = transformers.DetrConfig(backbone_config=backbone, decoder_layers=1, **SMALL)
    return transformers.DetrForObjectDetection(config), transformers.DetrImageProcessorPil


def save(make, folder, *, change=lambda model: None):
    """An untrained model in a folder; its weights are drawn from the seed 0, then changed."""
    torch.manual_seed(0)
    model, processor = make()
    with torch.no_grad():
        for weights in model.parameters():
            if weights.ndim > 1:  # as they are made, all queries are nearly alike
                weights.normal_(std=0.3)
        change(model)
    model.save_pretrained(folder)
    processor(size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(("make", "family"), [(rt_detr, "rtdetr"), (d_fine, "rtdetr"), (yolos, "detr"), (detr, "detr")])
def test_a_saved_model_finds_what_its_own_numbers_say(make, family, tmp_path) -> None:
    detector = load_detector(f"hf:{save(make, tmp_path / 'tiny')}")
    (found,) = detector([FRAME])
    assert detector.name == "tiny"
    assert detector.categories == {"pedestrian", "car", "traffic_light"}

    # the same by other means: the model itself, and the project's own reading of its family
    kind = transformers.AutoModelForObjectDetection.from_pretrained(tmp_path / "tiny").eval()
    processor = transformers.AutoImageProcessor.from_pretrained(tmp_path / "tiny", backend="pil")
    with torch.inference_mode():
        outputs = kind(**processor(images=FRAME, return_tensors="pt"))
    boxes, scores = DECODERS[family].decode([outputs.logits.numpy(), outputs.pred_boxes.numpy()], FRAME.shape[:2])
    if family == "detr":  # one class a query
        pairs = [(row, int(scores[row].argmax())) for row in range(QUERIES)]
    else:  # the best of all pairs of query and class
        order = np.argsort(-scores, axis=None, kind="stable")[:QUERIES]
        pairs = [tuple(map(int, np.unravel_index(place, scores.shape))) for place in order]
    rows = [(row, number) for row, number in pairs if number != 3 and scores[row][number] >= 0.01]
    names = tuple(class_names()[NAMES[number].lower()] for _, number in rows)
    expected = suppress(
        within(FRAME, boxes[[row for row, _ in rows]], np.array([scores[row] for row in rows]), names, "here")
    )
    assert len(found) >= 1
    assert found.categories == expected.categories
    assert found.boxes == pytest.approx(expected.boxes, abs=1e-3)
    assert found.scores == pytest.approx(expected.scores, abs=1e-5)


def fixed(model):
    """Every query says: a car with 4 parts of 8, half the picture's width, a quarter of its height."""
    for part in (model.class_labels_classifier, model.bbox_predictor.layers[-1]):
        part.weight.zero_()
        part.bias.zero_()
    model.class_labels_classifier.bias[1] = math.log(4)  # of 1 + 4 + 1 + 1 + 1 = 8 parts
    model.bbox_predictor.layers[-1].bias[3] = -math.log(3)  # sigmoid: 1 / 4; the others 1 / 2


def test_numbers_worked_by_hand_come_back_in_pixels_of_the_frame(tmp_path) -> None:
    (found,) = load_detector(f"hf:{save(detr, tmp_path / 'fixed', change=fixed)}")([FRAME])
    assert found.categories == ("car",)
    assert found.scores == pytest.approx([4 / 8])
    assert found.boxes[0] == pytest.approx([48 - 24, 24 - 6, 48 + 24, 24 + 6], abs=1e-4)  # of a frame of 96 x 48


def test_the_fingerprint_is_that_of_the_model_and_not_of_its_place_or_of_the_library(tmp_path, monkeypatch) -> None:
    here = save(yolos, tmp_path / "here")
    shutil.copytree(here, tmp_path / "there")
    other = save(yolos, tmp_path / "other", change=lambda model: model.vit.embeddings.cls_token.add_(1e-3))
    marks = [load_detector(f"hf:{folder}").fingerprint for folder in (here, tmp_path / "there", other)]
    assert marks[0] == marks[1] != marks[2]
    monkeypatch.setattr(transformers.configuration_utils, "__version__", "99.0")
    assert load_detector(f"hf:{here}").fingerprint == marks[0]
    settings = here / "preprocessor_config.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "do_normalize": False}))
    assert load_detector(f"hf:{here}").fingerprint != marks[0]


@pytest.mark.parametrize(
    "kind", [{"image_processor_type": "YolosImageProcessorFast"}, {"feature_extractor_type": "YolosFeatureExtractor"}]
)
def test_other_names_of_an_image_processor_mean_the_same(kind, tmp_path) -> None:
    folder = save(yolos, tmp_path / "tiny")
    (before,) = load_detector(f"hf:{folder}")([FRAME])
    settings = folder / "preprocessor_config.json"
    row = json.loads(settings.read_text())
    del row["image_processor_type"]
    settings.write_text(json.dumps({**row, **kind}))
    (after,) = load_detector(f"hf:{folder}")([FRAME])
    assert after.boxes.tolist() == before.boxes.tolist()


def test_half_precision_weights_run_in_float32(tmp_path) -> None:
    folder = save(yolos, tmp_path / "tiny")
    transformers.YolosForObjectDetection.from_pretrained(folder).half().save_pretrained(folder)
    assert json.loads((folder / "config.json").read_text())["dtype"] == "float16"
    assert len(load_detector(f"hf:{folder}")([FRAME])[0]) >= 1


def test_loading_says_nothing_and_leaves_the_library_as_it_was(tmp_path, capfd) -> None:
    folder, theirs = save(yolos, tmp_path / "tiny"), transformers.utils.logging
    usual = theirs.get_verbosity()
    for level in (logging.INFO, usual):
        theirs.set_verbosity(level)
        capfd.readouterr()
        load_detector(f"hf:{folder}")([FRAME])
        assert tuple(capfd.readouterr()) == ("", "")
        assert (theirs.get_verbosity(), theirs.is_progress_bar_enabled()) == (level, True)


@pytest.fixture
def warnings():
    """What the library logs meanwhile."""
    records = []

    class Keeper(logging.Handler):
        def emit(self, record):
            records.append(record.getMessage())

    keeper = Keeper()
    transformers.utils.logging.add_handler(keeper)
    yield records
    transformers.utils.logging.remove_handler(keeper)


def refused(source):
    """The one line with which a source is refused."""
    with pytest.raises(UserError) as caught:
        load_detector(source)([FRAME])
    text = str(caught.value)
    assert text.startswith(f"{source}: ")
    assert "\n" not in text
    return text


def test_what_is_no_model_is_told_in_one_line(tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    text = refused(f"hf:{tmp_path / 'empty'}")
    assert text.endswith(
        f"not a detection model that transformers can load (Can't load image processor for '{tmp_path / 'empty'}')"
    )
    assert "no such folder, and not a detection model of the hub" in refused(f"hf:{tmp_path / 'absent'}")
    assert "no such folder, and not a detection model of the hub" in refused("hf:nobody/nothing")
    assert "expected a folder or a name on the hub" in refused("hf:")


def test_weights_that_are_missing_are_not_drawn_at_random(tmp_path, warnings) -> None:
    folder = save(yolos, tmp_path / "tiny")
    transformers.YolosForObjectDetection.from_pretrained(folder).vit.save_pretrained(folder)  # no heads
    warnings.clear()
    text = refused(f"hf:{folder}")
    assert warnings == []  # the library would log a table of them
    assert "found no fitting weights for ['bbox_predictor" in text
    assert "expected all" in text


def test_pickled_weights_are_not_read(tmp_path) -> None:
    folder = save(yolos, tmp_path / "tiny")
    torch.save(transformers.YolosForObjectDetection.from_pretrained(folder).state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    assert "safetensors" in refused(f"hf:{folder}")


def test_a_model_of_other_things_is_refused(tmp_path) -> None:
    def rename(model):
        model.config.id2label = {0: "apple", 1: "toaster", 2: "LABEL_2", 3: "chair"}

    text = refused(f"hf:{save(yolos, tmp_path / 'tiny', change=rename)}")
    assert "found classes such as ['apple', 'toaster', 'LABEL_2', 'chair'], expected some of ['animal', 'bear'," in text


def test_scores_and_boxes_that_are_not_finite_are_refused(tmp_path) -> None:
    def spoil(part):
        return lambda model: getattr(model, part).layers[-1].bias.fill_(torch.nan)

    scores = save(yolos, tmp_path / "scores", change=spoil("class_labels_classifier"))
    boxes = save(yolos, tmp_path / "boxes", change=spoil("bbox_predictor"))
    assert refused(f"hf:{scores}").endswith("found scores that are not finite, expected numbers in [0, 1]")
    assert refused(f"hf:{boxes}").endswith("found boxes that are not finite, expected pixels")


def test_the_remedy_is_named_where_transformers_is_missing(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    assert "pip install 'drivesim[hf]'" in refused("hf:somewhere")

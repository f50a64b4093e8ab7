"""Object detectors of transformers (DETR, YOLOS, RT-DETR, D-FINE, ...) from a local folder or from the hub."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from drivesim.errors import UserError
from drivesim.perception.detections import Detections
from drivesim.perception.detectors.layouts import class_names
from drivesim.perception.detectors.reading import LOWEST_SCORE, check_frame, suppress, within
from drivesim.perception.detectors.torch_module import inference, tensors_sha256


class HuggingFaceDetector:
    """A model with its image processor. Only safetensors are read, and no code that comes with the weights is run.

    Its class names are mapped to categories by `class_names`; others are dropped. Raises ``UserError`` if transformers
    is not installed, if there is no such model, if weights are missing, or if none of its classes is a category.
    """

    def __init__(self, source: str, *, threads: int = 1) -> None:
        """Load ``source``: a folder, or a name on the hub (``owner/name``), which is then downloaded."""
        if not source:
            raise UserError("hf:: found nothing, expected a folder or a name on the hub")
        try:
            import transformers
        except ImportError as error:
            raise UserError(
                f"hf:{source}: transformers can not be imported ({error}); pip install 'drivesim[hf]'"
            ) from error
        self._where, self._threads = f"hf:{source}", threads
        with _quietly(transformers):
            self._processor, self._model = _load(transformers, source, self._where)
        labels: dict[int, str] = {int(number): str(name) for number, name in self._model.config.id2label.items()}
        known = class_names()
        self._classes = {number: known[name.lower()] for number, name in labels.items() if name.lower() in known}
        if not self._classes:
            found, expected = list(labels.values())[:5], sorted(known)
            raise UserError(f"{self._where}: found classes such as {found}, expected some of {expected}")
        self.name, self.categories = Path(source).resolve().name, frozenset(self._classes.values())
        about = (_described(self._model.config.to_diff_dict()), _described(self._processor.to_dict()))
        self.fingerprint = tensors_sha256(self._model.state_dict(), *about)

    def __call__(self, frames: Sequence[np.ndarray]) -> list[Detections]:
        """What is in each frame (uint8 (h, w, 3) RGB)."""
        with inference(self._threads):
            return [self._detect(frame) for frame in frames]

    def _detect(self, frame: np.ndarray) -> Detections:
        check_frame(frame)
        outputs = self._model(**self._processor(images=frame, return_tensors="pt", input_data_format="channels_last"))
        if not outputs.logits.isfinite().all():  # what comes next would drop such scores without a word
            raise UserError(f"{self._where}: found scores that are not finite, expected numbers in [0, 1]")
        (found,) = self._processor.post_process_object_detection(
            outputs, threshold=LOWEST_SCORE, target_sizes=[frame.shape[:2]]
        )
        boxes, scores, labels = (found[key].double().numpy() for key in ("boxes", "scores", "labels"))
        keep = np.array([int(label) in self._classes for label in labels], bool)
        names = tuple(self._classes[int(label)] for label in labels[keep])
        return suppress(within(frame, boxes[keep], scores[keep], names, self._where))


def _load(transformers: Any, source: str, where: str) -> tuple[Any, Any]:
    """The image processor and the model, in evaluation mode and in float32."""
    local = Path(source).is_dir()
    given: dict[str, Any] = {"trust_remote_code": False, "local_files_only": local}
    try:
        # The backend is fixed, since that of torchvision resizes differently where it happens to be installed.
        processor = transformers.AutoImageProcessor.from_pretrained(source, backend="pil", **given)
        model, report = transformers.AutoModelForObjectDetection.from_pretrained(
            source, use_safetensors=True, dtype="float32", output_loading_info=True, **given
        )
    except Exception as error:  # the library's own errors share no narrower base class
        kind = "not a detection model" if local else "no such folder, and not a detection model of the hub"
        reason = " ".join(str(error).split()).split(". ")[0]  # general advice follows
        raise UserError(f"{where}: {kind} that transformers can load ({reason})") from error
    lacking = sorted(map(str, [*report["missing_keys"], *report["mismatched_keys"]]))
    if lacking:
        raise UserError(f"{where}: found no fitting weights for {lacking[:3]} ({len(lacking)} in all), expected all")
    if not hasattr(processor, "post_process_object_detection"):
        raise UserError(f"{where}: found the processor {type(processor).__name__}, expected one of object detection")
    return processor, model.eval()


def _described(row: dict[str, Any]) -> str:
    """A configuration as canonical JSON, without who wrote it."""
    return json.dumps({key: row[key] for key in row if key != "transformers_version"}, sort_keys=True, default=str)


@contextmanager
def _quietly(transformers: Any) -> Iterator[None]:
    """No progress bars and no warnings of the library inside: what matters of them is raised as an error."""
    logging = transformers.utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()

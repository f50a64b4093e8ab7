"""Datasets in other people's formats: each export is a pure function of the native dataset.

A format is a module with ``write(dataset, rows, folder, *, rule, progress)``, which fills an empty folder with the
clips of ``rows``, and a class map beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from drivesim import atomic
from drivesim.clips.dataset import SPLITS, Dataset
from drivesim.errors import UserError
from drivesim.exports.card import write_card
from drivesim.exports.labels import LabelRule

FORMATS = {
    "coco": "drivesim.exports.coco",
    "yolo": "drivesim.exports.yolo",
    "kitti": "drivesim.exports.kitti",
    "mot": "drivesim.exports.mot",
    "bdd100k": "drivesim.exports.bdd100k",
    "nuscenes": "drivesim.exports.nuscenes",
    "webdataset": "drivesim.exports.webdataset",
    "hf": "drivesim.exports.hf",
}
"""The module of each format, imported when it is asked for."""


def export(
    dataset: Dataset, form: str, out: str | Path, *, rule: LabelRule | None = None, splits: Sequence[str] = SPLITS,
    progress: Callable[[int, int], object] | None = None,
) -> Path:  # fmt: skip
    """Write the clips of ``splits`` to the new folder ``out``, whole or not at all; returns it.

    ``progress(done, total)``: called after every clip. Raises `UserError` on an unknown format or split, where there is
    no clip to write, or a clip is not whole or has no labels.
    """
    if form not in FORMATS:
        raise UserError(f"format is {form!r}, expected one of {', '.join(FORMATS)}")
    if unknown := set(splits) - set(SPLITS):
        raise UserError(f"split is {sorted(unknown)[0]!r}, expected one of {', '.join(SPLITS)}")
    rows = [row for row in dataset.rows if row.split in splits]
    if not rows:
        raise UserError(f"{dataset.path}: no clip in {', '.join(splits)} found, expected at least 1")
    rule = rule or LabelRule()
    with atomic.new_folder(out) as folder:
        import_module(FORMATS[form]).write(dataset, rows, folder, rule=rule, progress=progress)
        write_card(folder, dataset, form, rows, rule)
    return Path(out)

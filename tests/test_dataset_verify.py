"""`drivesim dataset verify`: each broken dataset is named in one line, and readers never half-read one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_dataset import write_dataset

from drivesim import cli
from drivesim.clips.checking import check_dataset
from drivesim.clips.dataset import read_dataset
from drivesim.clips.store import sha256
from drivesim.datasets.training_reader import CachedClip, find_clips
from drivesim.errors import UserError
from scenarios.suite import evaluation_suite

Break = Callable[[Path], object]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("whole") / "set")


@pytest.fixture
def folder(whole, tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr("os.fsync", lambda handle: None)  # power cuts are tested elsewhere
    return Path(shutil.copytree(whole, tmp_path / "set"))


def edit(path: Path, change: Callable[[Any], object]) -> None:
    """Change a JSON file in place."""
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def edit_row(folder: Path, name: str, **values: Any) -> None:
    """Change a row of the manifest."""
    path = folder / "manifest.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows = [row | values if row["id"] == name else row for row in rows]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def seal(folder: Path, name: str) -> None:
    """Make all sums of a clip right again, so that only its contents are wrong."""
    place = folder / "clips" / name
    files = {
        file.name: {"bytes": file.stat().st_size, "sha256": sha256(file)}
        for file in (place / "facts.jsonl", place / "video.mp4")
    }
    edit(place / "clip.json", lambda card: card.update(files=files))
    edit_row(
        folder, name, sha256=sha256(place / "clip.json"), bytes=sum(entry["bytes"] for entry in files.values())
    )  # fmt: skip


def facts(change: Callable[[list[str]], object]) -> Break:
    """Change the lines of the facts of clip c, and make its sums right again."""

    def apply(folder: Path) -> None:
        path = folder / "clips/c/facts.jsonl"
        lines = path.read_text().splitlines()
        change(lines)
        path.write_text("\n".join(lines) + "\n")
        seal(folder, "c")

    return apply


def frame(number: int, old: str, new: str) -> Break:
    """Put ``new`` in place of ``old`` in the facts of a frame of clip c."""

    def change(lines: list[str]) -> None:
        assert old in lines[number + 1]
        lines[number + 1] = lines[number + 1].replace(old, new, 1)

    return facts(change)


def card(**values: Any) -> Break:
    """Change clip.json of clip c, and the sum of it in the manifest."""

    def apply(folder: Path) -> None:
        edit(folder / "clips/c/clip.json", lambda card: card.update(values))
        edit_row(folder, "c", sha256=sha256(folder / "clips/c/clip.json"))

    return apply


def row(**values: Any) -> Break:
    """Change the row of clip c."""
    return lambda folder: edit_row(folder, "c", **values)


def lines(change: Callable[[list[str]], list[str]]) -> Break:
    """Change the lines of the manifest."""

    def apply(folder: Path) -> None:
        path = folder / "manifest.jsonl"
        path.write_text("".join(line + "\n" for line in change(path.read_text().splitlines())))

    return apply


def changed_byte(folder: Path) -> None:
    path = folder / "clips/c/video.mp4"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


def truncated(folder: Path) -> None:
    path = folder / "clips/c/video.mp4"
    path.write_bytes(path.read_bytes()[:-100])


def truncated_and_sealed(folder: Path) -> None:
    truncated(folder)
    seal(folder, "c")


def clip_outside(folder: Path) -> None:
    shutil.move(folder / "clips/c", folder.parent / "elsewhere")
    (folder / "clips/c").symlink_to(folder.parent / "elsewhere")


def file_outside(folder: Path) -> None:
    shutil.move(folder / "clips/c/facts.jsonl", folder.parent / "facts.jsonl")
    (folder / "clips/c/facts.jsonl").symlink_to("../../../facts.jsonl")


def agreement(change: Callable[[Any], object]) -> Break:
    """Change what detectors found of clip c."""
    return lambda folder: edit(folder / "agreement/c.json", change)


def scored(folder: Path) -> None:
    """Clip c, which is in the split train, is of an evaluation scenario."""
    scenario = evaluation_suite()[0].load()
    place = {"name": scenario.name, "sha256": scenario.fingerprint}
    edit(folder / "clips/c/clip.json", lambda card: card["provenance"].update(scenario=place))
    edit_row(folder, "c", scenario=place, sha256=sha256(folder / "clips/c/clip.json"))


CARD, FACTS, VIDEO = (f"clips/c/{name}" for name in ("clip.json", "facts.jsonl", "video.mp4"))
ROWS, FOUND = "manifest.jsonl", "agreement/c.json"
HUGE = '{"index":' + " " * 16 * 2**20 + "0}"

# What is broken -> how; the file and words that verify says; which of `READERS` refuse it. To the others it does not
# matter: training, say, reads clips whatever a manifest says of them.
BROKEN: dict[str, tuple[Break, str, str, str]] = {
    "truncated video": (truncated, VIDEO, "bytes, expected", "native find train"),
    "truncated, sums right": (truncated_and_sealed, VIDEO, "expected", "native train"),
    "changed byte": (changed_byte, VIDEO, "sha256 is", "train"),
    "missing video": (lambda f: (f / VIDEO).unlink(), VIDEO, "None bytes", "native find train"),
    "missing clip.json": (lambda f: (f / CARD).unlink(), "clips/c", "no readable clip.json", "native find train"),
    "missing dataset.json": (lambda f: (f / "dataset.json").unlink(), "", "no readable dataset.json", "native"),
    "NaN box": (frame(1, "[5.0,8.0", "[NaN,8.0"), f"{FACTS}:3", "box.0 is 'nan'", "native train"),
    "infinite box": (frame(1, "25.0,24.0]", "1e999,24.0]"), f"{FACTS}:3", "box.2 is 'inf'", "native train"),
    "box inside out": (frame(1, "[5.0,8.0,25", "[25.0,8.0,5"), f"{FACTS}:3", "expected x1 <= x2", "native train"),
    "box outside": (frame(1, "25.0,24.0]", "65.0,24.0]"), f"{FACTS}:3", "within 64 x 32 px", ""),
    "box of words": (frame(1, "[40.0,10.0,44.0", '["a",10.0,"b"'), f"{FACTS}:3", "valid number", "native train"),
    "unknown category": (frame(0, '"car"', '"tank"'), f"{FACTS}:2", "category is 'tank'", "native train"),
    "track twice": (frame(0, '"track_id":2', '"track_id":1'), f"{FACTS}:2", "there twice", ""),
    "frame out of place": (frame(1, '"index":1', '"index":2'), f"{FACTS}:3", "expected frame 1", "native train"),
    "time out of place": (frame(1, '"time":0.1333', '"time":0.2'), f"{FACTS}:3", "expected 0.1333 s", ""),
    "camera of another size": (frame(2, '"width":64', '"width":32'), f"{FACTS}:4", "expected 64 x 32", ""),
    "facts cut": (facts(lambda rows: rows.pop()), FACTS, "2 frames, expected 3", "native train"),
    "facts not JSON": (frame(0, "{", "{{"), f"{FACTS}:2", "Invalid JSON", "native train"),
    "facts without end": (facts(lambda r: r.__setitem__(1, "[" * 10**5)), f"{FACTS}:2", "recursion", "native train"),
    "huge line": (facts(lambda rows: rows.__setitem__(1, HUGE)), f"{FACTS}:2", "up to 16777216", "native train"),
    "schema of facts": (
        facts(lambda r: r.__setitem__(0, '{"schema":"drivesim.facts/9"}')), f"{FACTS}:1", "facts/9", "native train"
    ),
    "schema of clip": (card(schema="drivesim.clip/9"), CARD, "'drivesim.clip/9'", "native find train"),
    "schema of dataset": (
        lambda f: edit(f / "dataset.json", lambda c: c.update(schema="drivesim.dataset/9")),
        "dataset.json", "'drivesim.dataset/9'", "native",
    ),
    "frames differ": (card(frames=4), VIDEO, "3 frames, expected 4", "native find train"),
    "video of another size": (card(width=32, height=64), VIDEO, "64 x 32, expected 32 x 64", "native find train"),
    "frames by the manifest": (row(frames=5), "clips/c", "expected (7.5, 5, 'rollout')", "native find train"),
    "bytes by the manifest": (row(bytes=5), "clips/c", "expected 5 by the manifest", ""),
    "scenario by the manifest": (
        row(scenario={"name": "street_2", "sha256": "e" * 64}), CARD, f"expected '{'e' * 64}'", ""
    ),
    "not synthetic": (card(synthetic=False), CARD, "synthetic is False, expected True", ""),
    "clip outside": (clip_outside, "clips/c", "a link to", "native find train"),
    "file outside": (file_outside, FACTS, "a link to", "native find train"),
    "id twice": (lines(lambda rows: [*rows, rows[2]]), f"{ROWS}:4", "c is there twice", "native find train"),
    "ids out of order": (lines(lambda rows: rows[::-1]), f"{ROWS}:2", "b comes after c", "native find train"),
    "row not JSON": (lines(lambda rows: [*rows[:2], "{"]), f"{ROWS}:3", "expected a clip's row", "native find train"),
    "huge row": (lines(lambda rows: [*rows, HUGE]), f"{ROWS}:4", "16777216 bytes", "native find train"),
    "path as id": (row(id="../c"), f"{ROWS}:3", "id is '../c'", "native find train"),
    "number as id": (row(id=7), f"{ROWS}:3", "expected texts", "native find train"),
    "unknown split": (row(split="training"), f"{ROWS}:3", "split is 'training'", "native find train"),
    "row without a clip": (
        lambda f: shutil.rmtree(f / "clips/c"), "clips/c", "no readable clip.json", "native find train"
    ),
    "clip without a row": (lines(lambda rows: rows[:2]), "clips/c", "without a row", ""),
    "group in two splits": (row(group="street_1"), ROWS, "'street_1' is in the splits val (b) and train (c)", ""),
    "evaluation scenario": (scored, ROWS, "models are evaluated on", "find train"),
    "agreement without a number": (
        agreement(lambda a: a["boxes"][0].pop()), FOUND, "each of 2 judges", "native"
    ),
    "agreement of nobody": (
        agreement(lambda a: a["boxes"].append([0, 9, 0.5, 0.5])), FOUND, "track 9 in frame 0", ""
    ),
    "agreement cut": (agreement(lambda a: a["boxes"].pop()), FOUND, "no number for track 2 in frame 2", ""),
    "agreement not JSON": (
        lambda f: (f / FOUND).write_text("{"), FOUND, "expected 'drivesim.agreement/1'", "native"
    ),
    "judge without a name": (
        agreement(lambda a: a["judges"][0].update(name=[1])), FOUND, "judges are", "native"
    ),
    "half a character": (
        lambda f: edit(f / "dataset.json", lambda c: c.update(name="\ud800")), "", "no readable dataset.json", "native"
    ),
    "agreement of no clip": (
        lambda f: shutil.copy(f / FOUND, f / "agreement/e.json"), "agreement/e.json", "without a row", ""
    ),
    "failure not JSON": (lambda f: (f / "failures.jsonl").write_text("x\n"), "failures.jsonl:1", "a reason", ""),
}  # fmt: skip


def test_a_whole_dataset_is_fine(folder, capsys):
    (folder / "clips/.e.partial").mkdir()  # left by a killed run
    (folder / "README.md").write_text("Streets.")
    (folder / "failures.jsonl").write_text('{"id": "e", "reason": "no memory"}\n')
    calls = []
    assert check_dataset(folder, lambda done, total: calls.append((done, total))) == []
    assert calls == [(1, 3), (2, 3), (3, 3)]
    assert cli.main(["dataset", "verify", str(folder)]) == 0
    assert capsys.readouterr().out == f"{folder}: 3 clips, 9 frames: fine\n"


@pytest.mark.parametrize("name", BROKEN)
def test_each_broken_dataset_is_named_in_one_line_and_never_half_read(folder, name):
    breaks, file, words, readers = BROKEN[name]
    breaks(folder)
    found = check_dataset(folder)
    fitting = [line for line in found if line.startswith(str(folder / file)) and words in line]
    assert len(fitting) == 1, found
    assert "expected" in fitting[0]
    assert all("\n" not in line and len(line) < 500 for line in found)
    assert " ".join(reader for reader, read in READERS.items() if refuses(read, folder)) == readers


def read_native(folder: Path) -> None:
    dataset = read_dataset(folder)
    for row, clip in dataset.clips():
        dataset.agreement(row)
        assert len(list(clip.facts)) == len(list(clip.frames())) == row.frames


def read_cached(folder: Path) -> None:
    for clip in find_clips([folder])[-1:]:  # the one that is broken
        cached = CachedClip(clip, folder.parent / "cache", size=(16, 32), map_size=(4, 8))
        assert {len(array) for array in cached.conditions.values()} == {len(cached.colour)}


READERS: dict[str, Callable[[Path], object]] = {
    "native": read_native, "find": lambda folder: find_clips([folder]), "train": read_cached,
}  # fmt: skip


def refuses(read: Callable[[Path], object], folder: Path) -> bool:
    """Whether a reader refuses, in one line; any other error goes through."""
    try:
        read(folder)
    except UserError as error:
        return "\n" not in str(error)
    return False

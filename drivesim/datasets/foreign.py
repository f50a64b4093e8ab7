"""What the readers of other people's datasets share. All their files are untrusted: every error is a `UserError`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivesim.clips.facts_file import strict_json
from drivesim.errors import UserError
from drivesim.exports.card import CARD, EXPORT_SCHEMA
from drivesim.exports.labels import class_map
from scenarios.crowdedness import crowdedness
from scenarios.facts import Crowdedness, FrameFacts, ObjectFacts

MAX_BYTES = 512 * 2**20
ORIGINS = ("town", "rollout")


@dataclass(frozen=True)
class Origin:
    """Where a clip of an export of ours comes from. ``source``: "town" or "rollout"; ``fps``: frames/s."""

    source: str
    split: str
    fps: float


@contextmanager
def told_in_one_line(path: Path) -> Iterator[None]:
    """Turn what malformed content raises into a `UserError` that names the file."""
    try:
        yield
    except UserError:
        raise
    except KeyError as error:
        raise UserError(f"{path}: {error.args[0]!r} not found, expected it") from error
    except (TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        raise UserError(f"{path}: {error}") from error


def read_text(path: Path) -> str:
    """A text file that is not too large."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path}: {path.stat().st_size} bytes, expected at most {MAX_BYTES}")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}, expected a file") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: {error}, expected text") from error


def read_document(path: Path) -> dict[str, Any]:
    """A file with a JSON object; NaN and infinity are none."""
    try:
        document = strict_json(read_text(path).encode())
    except UserError:
        raise
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: {error}, expected JSON") from error
    if not isinstance(document, dict):
        raise UserError(f"{path}: {type(document).__name__} found, expected an object")
    return document


def inside(root: Path, name: object) -> Path:
    """The file of that name below ``root``. Raises `UserError` where it leads outside, also by a link."""
    path = root / str(name)
    if not path.resolve().is_relative_to(root.resolve()):
        raise UserError(f"{root}: {str(name)[:200]!r} leads outside, expected a file of the folder")
    return path


def origins(folder: Path) -> dict[str, Origin]:
    """The clips of an export of ours by their names; none in a folder that is no such export."""
    path = folder / CARD
    if not path.exists():
        return {}
    document = read_document(path)
    if document.get("schema") != EXPORT_SCHEMA:
        raise UserError(f"{path}: schema is {document.get('schema')!r}, expected {EXPORT_SCHEMA!r}")
    with told_in_one_line(path):
        rows = {str(row["clip"]): Origin(row["source"], row["split"], float(row["fps"])) for row in document["clips"]}
        if unknown := {row.source for row in rows.values()} - set(ORIGINS):
            raise ValueError(f"source is {sorted(unknown)[0]!r}, expected one of {ORIGINS}")
    return rows


def categories_of(form: str) -> dict[str, str]:
    """Our category by a format's class: the first of those that map to it."""
    found: dict[str, str] = {}
    for category, name in class_map(form).items():
        if name is not None:
            found.setdefault(name, category)
    return found


def frame_facts(
    index: int, time: float, height: int, things: list[ObjectFacts] | None, told: Mapping[str, Any] | None, **known: Any
) -> FrameFacts:
    """The facts of a frame. ``told``: its conditions as an export of ours tells them; None: it is none.

    ``height``: of the picture, px. ``known``: further fields of FrameFacts.
    """
    objects = None if things is None else tuple(sorted(things, key=lambda thing: thing.track_id))
    if told is None:
        seen = None if objects is None else crowdedness(objects, height)
        return FrameFacts(index, time, crowdedness=seen, objects=objects, **known)
    counts = told["crowdedness"]
    seen = None if counts is None else Crowdedness(int(counts["vehicles"]), int(counts["people"]))
    return FrameFacts(
        index, time, daylight=told["daylight"], weather=told["weather"], crowdedness=seen, objects=objects, **known
    )

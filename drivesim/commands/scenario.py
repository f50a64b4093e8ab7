"""``drivesim list``, ``new``, ``validate`` and ``preview``: writing a scenario and looking at it."""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivesim.commands.common import add_out, add_scenario, add_set, command, positive, progress_bar, seed

if TYPE_CHECKING:
    from scenarios import Finding


def add(groups: Any) -> None:
    """Declare the commands."""
    listed = command(
        groups,
        "list",
        run_list,
        about="list the shipped scenarios, a line each",
        example="drivesim list --page out/library",
    )
    listed.add_argument("--page", metavar="DIR", help="draw them too: a page of pictures, in a new folder")

    new = command(
        groups, "new", run_new, about="write a commented starter scenario", example="drivesim new my_street.yaml"
    )
    new.add_argument("file", metavar="FILE", help="the file to write; its stem becomes the scenario's name")

    validate = command(
        groups,
        "validate",
        run_validate,
        about="check scenario files and print every finding as file:line:column: message",
        example="drivesim validate my_street.yaml scenarios/",
    )
    validate.add_argument("scenarios", nargs="+", metavar="SCENARIO|DIR", help="files, folders of files, shipped names")
    validate.add_argument(
        "--play", action="store_true", help="also simulate them: are expectations met, do events and actors show up?"
    )
    validate.add_argument("--format", choices=("text", "json", "github"), default="text", help="how findings are told")

    plan = command(
        groups,
        "plan",
        run_plan,
        about="tell what the sweep of a scenario comes to: points, frames, minutes, size, time, coverage",
        example="drivesim plan my_street.yaml --fps 7.5",
    )
    add_scenario(plan)
    plan.add_argument("--fps", type=positive, metavar="F", help="frames per second (default: the scenario's, 30)")
    plan.add_argument(
        "--pace", type=positive, metavar="S", help="seconds that a frame takes (default: nano on two CPU cores)"
    )
    plan.add_argument("--shard", type=shard_of, default=(1, 1), metavar="I/N", help="only the I-th of N parts")
    plan.add_argument("--json", action="store_true", help="print the plan with all its points as JSON")

    schema = command(
        groups,
        "schema",
        run_schema,
        about="write the JSON Schema of scenario files, for completion in editors",
        example="drivesim schema --out drivesim-scenario.schema.json",
    )
    schema.add_argument("--out", metavar="FILE", help="the file to write (default: print it)")

    preview = command(
        groups,
        "preview",
        run_preview,
        about="draw a storyboard and a bird's-eye video with projected boxes, in seconds; over 20 s as a time lapse",
        example="drivesim preview cut_in --out out/preview",
    )
    add_scenario(preview)
    add_set(preview)
    add_out(preview)
    preview.add_argument("--seed", type=seed, metavar="N", help="instead of the scenario's own seed")


def shard_of(text: str) -> tuple[int, int]:
    """The I-th of N parts.

    >>> shard_of("2/4")
    (2, 4)
    """
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise argparse.ArgumentTypeError(f"{text!r} is not I/N with I from 1 to N")
    return int(match[1]), int(match[2])


def run_list(arguments: argparse.Namespace) -> int:
    """Print name, length and description of each shipped scenario, or draw their page."""
    from scenarios import load, shipped

    if arguments.page is not None:
        from drivesim.library_page import library_page

        with progress_bar("page") as progress:
            print(library_page(shipped(), arguments.page, progress=progress))
        return 0
    names = sorted(shipped())
    width = max(map(len, names))
    for name in names:
        scenario = load(name)
        print(f"{name:{width}}  {scenario.clock.duration:5.0f} s  {' '.join(scenario.description.split())}")
    return 0


def run_new(arguments: argparse.Namespace) -> int:
    """Write the starter file."""
    from drivesim.starter import write

    path = write(arguments.file)
    print(f"{path}: written. Next: drivesim validate {path}; drivesim preview {path} --out out/preview")
    return 0


def run_validate(arguments: argparse.Namespace) -> int:
    """Print all findings; 0 none, 1 some, 2 when something cannot be read."""
    from scenarios import validate

    files = [file for given in arguments.scenarios for file in scenario_files(given)]
    found = []
    with progress_bar("validate") as progress:
        for done, file in enumerate(files, start=1):
            found += validate(file, play=arguments.play)
            progress(done, len(files))
    if arguments.format == "json":
        print(json.dumps([dataclasses.asdict(finding) for finding in found], indent=1))
    for finding in found if arguments.format != "json" else ():
        print(finding if arguments.format == "text" else _for_github(finding))
    if not found and arguments.format == "text":
        print(f"{len(files)} scenario{'s' if len(files) != 1 else ''}: fine")
    return 1 if found else 0


def _for_github(finding: Finding) -> str:
    """A finding as an annotation of GitHub's workflows."""
    message = finding.message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    file = finding.file.replace("%", "%25").replace(",", "%2C").replace(":", "%3A")
    return f"::{finding.severity} file={file},line={finding.line},col={finding.column}::{message}"


def run_plan(arguments: argparse.Namespace) -> int:
    """Print the plan of a sweep."""
    from drivesim.planning import PACE, plan
    from scenarios import template
    from scenarios.coverage import table

    opened = template(arguments.scenario)
    with progress_bar("plan") as progress:
        made = plan(
            opened, fps=arguments.fps, pace=arguments.pace or PACE, part=arguments.shard, progress=progress
        )  # fmt: skip
    if arguments.json:
        print(json.dumps({**made.summary(), "list": made.rows()}, indent=1))
        return 0
    row = made.summary()
    print(f"{row['scenario']}: {row['points']} point{'s' if row['points'] != 1 else ''}, {row['frames']} frames")
    print(f"  video      {row['video_minutes']:g} minutes at {row['fps']:g} frames/s")
    print(f"  size       about {row['estimated_gigabytes']:g} GB")
    print(f"  time       about {row['estimated_hours']:g} hours at {made.pace:g} s a frame")
    if made.covered is None:
        print("  no variations: the scenario as it is written")
    else:
        print(table(made.covered))
    return 0


def run_schema(arguments: argparse.Namespace) -> int:
    """Print or write the JSON Schema."""
    from drivesim.atomic import write_text
    from scenarios.json_schema import text

    if arguments.out is None:
        print(text(), end="")
    else:
        print(write_text(arguments.out, text()))
    return 0


def scenario_files(given: str) -> list[Path]:
    """The files that one argument of ``validate`` names. Raises ``UserError`` if there are none."""
    from drivesim.errors import UserError
    from scenarios import shipped

    path = Path(given)
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix in (".yaml", ".yml"))
        if not files:
            raise UserError(f"{given}: a folder without a .yaml file, expected scenario files")
        return files
    if path.exists():
        return [path]
    if given in shipped():
        return [shipped()[given]]
    raise UserError(f"{given}: neither a file nor a shipped scenario, expected a path or one of {sorted(shipped())}")


def run_preview(arguments: argparse.Namespace) -> int:
    """Write storyboard.png and preview.mp4."""
    from scenarios import load

    scenario = load(arguments.scenario, dict(arguments.set))
    from drivesim.preview import preview

    with progress_bar("preview") as progress:
        preview(scenario, arguments.out, seed=arguments.seed, progress=progress)
    print(Path(arguments.out) / "storyboard.png")
    print(Path(arguments.out) / "preview.mp4")
    return 0

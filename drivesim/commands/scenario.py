"""``drivesim list``, ``new``, ``validate`` and ``preview``: writing a scenario and looking at it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from drivesim.commands.common import add_out, add_scenario, command, progress_bar, seed


def add(groups: Any) -> None:
    """Declare the commands."""
    command(groups, "list", run_list, about="list the shipped scenarios, a line each", example="drivesim list")

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

    preview = command(
        groups,
        "preview",
        run_preview,
        about="draw a storyboard and a bird's-eye video with projected boxes, in seconds",
        example="drivesim preview cut_in --out out/preview",
    )
    add_scenario(preview)
    add_out(preview)
    preview.add_argument("--seed", type=seed, metavar="N", help="instead of the scenario's own seed")


def run_list(arguments: argparse.Namespace) -> int:
    """Print name, length and description of each shipped scenario."""
    from scenarios import load, shipped

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
    found = [finding for file in files for finding in validate(file)]
    for finding in found:
        print(finding)
    if not found:
        print(f"{len(files)} scenario{'s' if len(files) != 1 else ''}: fine")
    return 1 if found else 0


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

    scenario = load(arguments.scenario)
    from drivesim.preview import preview

    with progress_bar("preview") as progress:
        preview(scenario, arguments.out, seed=arguments.seed, progress=progress)
    print(Path(arguments.out) / "storyboard.png")
    print(Path(arguments.out) / "preview.mp4")
    return 0

"""What several commands share: how a command is declared, number types, the progress bar."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Run = Callable[[argparse.Namespace], int]
Report = Callable[[int, int], None]


def command(groups: Any, name: str, run: Run, *, about: str, example: str) -> argparse.ArgumentParser:
    """Declare one command; ``about`` is its line in the overview, ``example`` closes its help."""
    made = groups.add_parser(
        name, help=about, description=about[0].upper() + about[1:] + ".", epilog=f"Example: {example}"
    )
    made.set_defaults(run=run)
    return made


def add_scenario(made: argparse.ArgumentParser) -> None:
    """Add the argument SCENARIO."""
    made.add_argument(
        "scenario", metavar="SCENARIO", help="a scenario file or the name of a shipped one (drivesim list)"
    )


def add_set(made: argparse.ArgumentParser) -> None:
    """Add ``--set NAME=VALUE``."""
    made.add_argument(
        "--set",
        action="append",
        default=[],
        type=setting,
        metavar="NAME=VALUE",
        help="a parameter, or a place of the file such as environment.initial.daylight, instead of what the file says",
    )


def setting(text: str) -> tuple[str, Any]:
    """A name and a value in YAML.

    >>> setting("ego_speed=80 km/h"), setting("road.lanes=3")
    (('ego_speed', '80 km/h'), ('road.lanes', 3))
    """
    from scenarios.yaml12 import YamlError, parse

    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    try:
        return name.strip(), parse(value).value
    except YamlError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from error


def add_out(made: argparse.ArgumentParser) -> None:
    """Add ``--out DIR``."""
    made.add_argument("--out", required=True, metavar="DIR", help="a new folder for the result")


def positive(text: str) -> float:
    """A number above zero.

    >>> positive("7.5")
    7.5
    """
    number = _number(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not above 0")
    return number


def count(text: str) -> int:
    """A whole number from 1."""
    if not re.fullmatch(r"\d+", text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def seed(text: str) -> int:
    """A whole number from 0 to 2**63 - 1."""
    if not re.fullmatch(r"\d+", text) or int(text) >= 2**63:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 2**63 - 1")
    return int(text)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from error


@contextmanager
def progress_bar(title: str) -> Iterator[Report]:
    """A progress bar on stderr, driven by ``progress(done, total)``; nothing is drawn where stderr is a file."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)

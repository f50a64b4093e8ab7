"""The command line. Each group of commands has a file in `drivesim.commands`; nothing imports this module.

Exit codes: 0 fine; 1 findings, something missing, or a failure that is not the input's; 2 usage or bad input;
3 some clips could not be made; 130 and 143 stopped by SIGINT and SIGTERM.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from drivesim import __version__
from drivesim.commands import dataset, evaluate, generate, machine, scenario, score, train, video, weights
from drivesim.errors import UserError

PACKAGES = tuple(
    str(Path(__file__).resolve().parent.parent / name) for name in ("drivesim", "scenarios", "conditioning")
)


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line on stderr (argparse prints the usage as well)."""

    def error(self, message: str) -> NoReturn:
        """Exit with code 2 and one line."""
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def parser() -> argparse.ArgumentParser:
    """The whole command line as one parser; every command sets ``run``, a function from arguments to an exit code."""
    top = Parser(
        prog="drivesim",
        description="From a scenario file to a labelled driving video and perception scores.",
        epilog="SCENARIO is a file or the name of a shipped scenario. Example: drivesim preview cut_in --out out/p",
    )
    top.add_argument("--version", action="version", version=f"drivesim {__version__}")
    groups = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in (scenario, video, generate, dataset, train, weights, score, evaluate, machine):
        module.add(groups)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; a failure is one line on stderr, never a traceback."""
    arguments = parser().parse_args(argv)
    logging.basicConfig(format="%(message)s", level=logging.WARNING, handlers=[_ToStderr()])
    logging.getLogger("drivesim").setLevel(logging.INFO)
    try:
        with _stopping_cleanly_on_sigterm():
            return arguments.run(arguments)
    except KeyboardInterrupt:
        return _say("stopped", 130)
    except BrokenPipeError:  # the reader of our output went away (drivesim list | head): nothing is left to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except ImportError as error:
        return _say(f"{error}; `drivesim doctor` names what is missing and its remedy", 1)
    except OSError as error:
        return _say(f"{error.filename}: {error.strerror}" if error.filename else str(error), 2)
    except Exception as error:
        if isinstance(error, UserError) or (isinstance(error, ValueError) and _raised_by_us(error)):
            return _say(str(error), 2)
        return _say(f"unexpected {type(error).__name__}: {error}; please report it with {_log(error)}", 1)


class _ToStderr(logging.Handler):
    """Writes to what ``sys.stderr`` is at the moment: while it is drawn, a progress bar takes that place."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record as a line."""
        print(self.format(record), file=sys.stderr)


@contextmanager
def _stopping_cleanly_on_sigterm() -> Iterator[None]:
    """Turn SIGTERM into an exit that closes what is open, and put the old handler back."""

    def stop(signum: int, frame: object) -> NoReturn:
        raise SystemExit(143)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _raised_by_us(error: BaseException) -> bool:
    """Whether our own code raised it, so that it speaks of the input; a ``ValueError`` of a library is a bug."""
    return traceback.extract_tb(error.__traceback__)[-1].filename.startswith(PACKAGES)


def _say(message: str, code: int) -> int:
    print("drivesim:", " ".join(message.split()), file=sys.stderr)
    return code


def _log(error: BaseException) -> str:
    """Write the traceback to a new file; returns its path."""
    handle, path = tempfile.mkstemp(prefix="drivesim-", suffix=".log")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"drivesim {__version__}, Python {sys.version}\narguments: {sys.argv[1:]}\n\n")
        traceback.print_exception(error, file=file)
    return path


if __name__ == "__main__":
    sys.exit(main())

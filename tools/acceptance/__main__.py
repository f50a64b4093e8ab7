"""The heavy acceptance lines of an area: ``python tools/acceptance chain``.

Prints a JSON object per line of the area, as it is measured: line, bound, figure, passed (null where it cannot be
measured here), seconds. Exits with 1 if a line failed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import authoring
import autoencoding
import chain
import generation
import perception
import protocols
import reading
import realtime
import town
import tutorials
import video

AREAS = {
    "chain": chain.LINES,
    "scenarios": authoring.LINES,
    "town": town.LINES,
    "generate": generation.LINES + reading.LINES + tutorials.LINES,
    "benchmark": perception.LINES + protocols.LINES,
    "speed": realtime.LINES,
    "video": (*video.LINES, *autoencoding.LINES, chain.KILLED_TRAINING),
}


def main() -> int:
    """Measure the lines of one area."""
    parser = argparse.ArgumentParser(prog="make acceptance", description=__doc__.splitlines()[0])
    parser.add_argument("area", choices=list(AREAS))
    parser.add_argument("--only", metavar="TEXT", default="", help="only the lines whose name contains TEXT")
    parser.add_argument("--list", action="store_true", help="print the lines without measuring them")
    arguments = parser.parse_args()
    failed = False
    for line in (line for line in AREAS[arguments.area] if arguments.only in line.name):
        if arguments.list:
            print(json.dumps({"line": line.name, "bound": line.bound}))
            continue
        with tempfile.TemporaryDirectory(prefix="drivesim-acceptance-") as folder:
            row = line.run(Path(folder))
        failed |= row["passed"] is False
        print(json.dumps(row), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

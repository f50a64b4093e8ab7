"""``make demo``: from a shipped scenario to a storyboard, a labelled video and a report page, in a few minutes.

The video is a rollout of the shipped weights; where none are shipped, the town's render of the same scenario.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

from drivesim.doctor import shipped_parts

SCENARIO = "day_to_night"
MINUTES = {"render": 3, "rollout": 5}
"""What each kind of video takes altogether on 2 cores, measured and rounded up."""


def demo(out: str | Path, scenario: str = SCENARIO) -> int:
    """Run the three commands a newcomer would run, into ``out``; returns the first exit code that is not 0.

    An earlier demo in ``out`` is replaced; a killed one goes on where its video was.
    """
    out = Path(out)
    kind = "rollout" if shipped_parts() else "render"
    why = "the shipped nano weights drive it" if kind == "rollout" else "no weights are shipped, so the town draws it"
    print(f"Demo: {scenario} as a {kind} ({why}). About {MINUTES[kind]} minutes on 2 cores.", flush=True)
    for old in ("preview", "video", "scores"):
        shutil.rmtree(out / old, ignore_errors=True)
    video = out / "video"
    started = time.monotonic()
    for argv in (
        ["preview", scenario, "--out", str(out / "preview")],
        [kind, scenario, "--out", str(video), "--fps", "30"],
        ["benchmark", str(video), "--detector", "reference", "--out", str(out / "scores")],
    ):
        print(f"\n$ drivesim {' '.join(argv)}", flush=True)
        if code := subprocess.call([sys.executable, "-m", "drivesim", *argv]):
            return code
    print(f"\nDone in {(time.monotonic() - started) / 60:.1f} minutes. Look at {out / 'scores' / 'report.html'}")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("out", help="the folder of the result")
    parser.add_argument("--scenario", default=SCENARIO, help="a scenario file or a shipped name")
    arguments = parser.parse_args()
    sys.exit(demo(arguments.out, arguments.scenario))

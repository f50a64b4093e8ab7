"""The acceptance lines of the chain: from a scenario file to a scored video."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import malformed
import yaml
from lines import (
    CHECKOUT,
    KILLS,
    Line,
    Result,
    Unavailable,
    command,
    drivesim,
    hashes,
    killed_at_random,
    measured,
    read_json,
    shared,
)

from drivesim.doctor import shipped_parts
from scenarios import shipped

if TYPE_CHECKING:
    from torch import Tensor

SCENARIO = """schema: drivesim.scenario/1
name: acceptance
clock: {{duration: {seconds}}}
environment:
  initial: {{daylight: {daylight}, weather: clear, traffic_level: medium}}
seed: 3
"""
FIRST_FRAME = ("pandaset_002", "front_camera", "00.jpg")


def scenario(folder: Path, *, seconds: float, daylight: float = 1.0) -> Path:
    """A street with medium traffic, ``seconds`` long."""
    file = folder / f"street_{seconds:g}_{daylight:g}.yaml"
    file.write_text(SCENARIO.format(seconds=seconds, daylight=daylight))
    return file


def weights() -> str:
    """The name of the shipped weights."""
    if not shipped_parts():
        raise Unavailable("no nano weights are shipped")
    return "nano"


def demo(folder: Path) -> Result:
    """``make demo`` after the installs, then its page in headless Chromium."""
    subprocess.run(["make", "setup"], cwd=CHECKOUT, check=True, capture_output=True, text=True)
    done = measured(["make", "-C", str(CHECKOUT), "demo", f"OUT={folder / 'demo'}"])
    card = read_json(folder / "demo" / "video" / "clip.json")
    seconds = card["frames"] / card["fps"]
    files = {file.name for file in (folder / "demo" / "video").iterdir()}
    stills, errors = page(folder / "demo" / "scores" / "report.html")
    figure = {
        "minutes": round(done.seconds / 60, 2),
        "clip_seconds": seconds,
        "size": [card["height"], card["width"]],
        "fps": card["fps"],
        "files": sorted(files),
        "stills": stills,
        "page_errors": errors,
    }
    whole = {"video.mp4", "overlay.mp4", "facts.jsonl"} <= files and stills > 0 and not errors
    form = seconds >= 20 and figure["size"] == [512, 1024] and card["fps"] == 30
    return Result(figure, done.seconds <= 600 and form and whole)


def page(file: Path) -> tuple[int, list[str]]:
    """How many pictures a page has in headless Chromium, and what its console says."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        raise Unavailable("no chromium (Debian: apt-get install chromium)")
    options = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --dump-dom".split()
    profile = f"--user-data-dir={file.parent / 'browser'}"
    argv = [browser, *options, "--enable-logging=stderr", profile, file.resolve().as_uri()]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=120)
    said = [row for row in done.stderr.splitlines() if ":CONSOLE" in row]
    return len(re.findall(r"<img[^>]+src=\"data:image", done.stdout)), said


def suite(folder: Path) -> Result:
    """The test suite after the installs."""
    done = measured(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(CHECKOUT), str(CHECKOUT)]
    )
    return Result(
        {"seconds": round(done.seconds), "closing_line": done.out.strip().splitlines()[-1]}, done.seconds < 600
    )


def beginning(folder: Path, name: str, *, seconds: float) -> Path:
    """The first ``seconds`` of a shipped scenario, without what its timeline does later."""
    text = yaml.safe_load(shipped()[name].read_text())
    text["clock"]["duration"] = seconds
    text["environment"]["timeline"] = [
        row for row in text["environment"]["timeline"] if float(row["at"].removesuffix(" s")) < seconds
    ]
    text = {key: value for key, value in text.items() if key not in ("expect", "variations")}
    file = folder / f"{name}_{seconds:g}.yaml"
    file.write_text(yaml.safe_dump(text))
    return file


def memory(folder: Path) -> Result:
    """Peak memory of a rollout of the shipped 2 minutes over that of their first 20 s."""
    peaks = {}
    for seconds in (20, 120):
        file = "two_minutes" if seconds == 120 else beginning(folder, "two_minutes", seconds=seconds)
        peaks[seconds] = drivesim("rollout", file, "--out", folder / f"{seconds}", "--weights", weights()).peak
    ratio = peaks[120] / peaks[20]
    return Result({"MiB": {key: round(value) for key, value in peaks.items()}, "ratio": round(ratio, 3)}, ratio <= 1.15)


def same_seed(folder: Path) -> Result:
    """Two rollouts of one seed."""
    file = scenario(folder, seconds=4)
    for name in ("a", "b"):
        drivesim("rollout", file, "--out", folder / name, "--weights", weights(), "--seed", 5)
    first, second = hashes(folder / "a"), hashes(folder / "b")
    return Result({"files": len(first), "equal": sum(second.get(k) == v for k, v in first.items())}, first == second)


def rollout_kills(folder: Path) -> Result:
    """A rollout killed at random moments against an uninterrupted one."""
    words = ["rollout", scenario(folder, seconds=20), "--weights", weights(), "--out"]
    return _kills(folder, words)


def dataset_kills(folder: Path) -> Result:
    """Town clips, likewise."""
    return _kills(folder, ["dataset", "town", "--clips", "12", "--out"])


def _kills(folder: Path, words: list) -> Result:
    (folder / "whole").mkdir()
    (folder / "killed").mkdir()
    whole = drivesim(*words, folder / "whole" / "out")
    hits, last = killed_at_random(command(*words, folder / "killed" / "out"), seconds=whole.seconds, seed=0, cwd=folder)
    same = hashes(folder / "whole") == hashes(folder / "killed")
    files = list((folder / "killed").rglob("run.json"))
    frames = max((read_json(file).get("frames_from_earlier_run", 0) for file in files), default=0)
    clips = sum(file.stat().st_mtime < last for file in files)
    figure = {"kills": hits, "same_bytes": same, "clips_kept": clips, "frames_kept": frames}
    return Result(figure, same and hits == KILLS and clips + frames > 0)


def training_kills(folder: Path) -> Result:
    """``train all --preset tiny`` killed at random moments; then an uninterrupted run of the same plan."""
    data = folder / "data"
    drivesim("dataset", "town", "--clips", 4, "--out", data)
    words = ["train", "all", "--preset", "tiny", "--data", data, "--out"]
    warm = drivesim(*words, folder / "timed")
    hits, _ = killed_at_random(command(*words, folder / "killed"), seconds=warm.seconds, seed=0, cwd=folder)
    (folder / "whole").mkdir()
    plan = (folder / "killed" / "plan.json").read_text()
    (folder / "whole" / "plan.json").write_text(re.sub(r'"finished": \{[^}]*\}', '"finished": {}', plan))
    drivesim(*words, folder / "whole")
    curves = [
        {str(file.relative_to(run)): file.read_text() for file in sorted((run / "stages").rglob("loss.csv"))}
        for run in (folder / "whole", folder / "killed")
    ]
    same = curves[0] == curves[1] and len(curves[0]) >= 7
    return Result({"kills": hits, "stages": len(curves[0]), "same_loss_curves": same}, same and hits == KILLS)


def real_clips(folder: Path) -> Result:
    """The real footage reads as clips, with every frame."""
    from drivesim.datasets import read_footage

    videos = sorted(file for name in ("pandaset_002", "udacity_lanelines") for file in shared(name).glob("*.mp4"))
    counts = {clip.name: sum(1 for _ in clip.frames()) for video in videos for clip in read_footage(video)}
    wanted = {"front_camera": 80, "front_right_camera": 80, "back_camera": 80}
    return Result(counts, len(counts) >= 4 and counts.items() >= wanted.items())


def autoencoder_psnr(folder: Path) -> Result:
    """PSNR of our autoencoder and of TAEF2 at 128 x 256 on frames that no training saw: a whole camera of PandaSet."""
    import torch
    from taef2 import Taef2

    from drivesim.datasets import read_footage
    from drivesim.parts import load_weights

    (clip,) = read_footage(shared("pandaset_002", "front_right_camera.mp4"))
    truth = torch.from_numpy(clip.read(range(0, 80, 4), size=(128, 256))).permute(0, 3, 1, 2) / 255
    theirs = Taef2(shared("taef2")).round_trip(truth)
    figure = {"frames": len(truth), "taef2_dB": psnr(theirs, truth)}
    if shipped_parts():
        ours = load_weights("nano").autoencoder
        with torch.no_grad():
            figure["ours_dB"] = psnr(ours.decode(ours.encode(2 * truth - 1).mode()).clamp(-1, 1) / 2 + 0.5, truth)
    return Result(figure, "ours_dB" in figure)


def psnr(found: Tensor, truth: Tensor) -> float:
    """Mean over the pictures (n 3 h w in [0, 1]) of the peak signal-to-noise ratio, dB."""
    return round(float((-10 * (found - truth).square().mean((1, 2, 3)).log10()).mean()), 2)


def first_frame(folder: Path) -> Result:
    """A rollout that starts from a real picture."""
    picture = shared(*FIRST_FRAME[:2]) / sorted(file.name for file in shared(*FIRST_FRAME[:2]).iterdir())[0]
    words = ["--out", folder / "out", "--weights", weights(), "--first-frame", picture]
    done = drivesim("rollout", scenario(folder, seconds=2), *words)
    return Result({"seconds": round(done.seconds, 1)}, (folder / "out" / "video.mp4").exists())


def yolox_on_real(folder: Path) -> Result:
    """Vehicle AP50 of YOLOX-nano on the PandaSet front camera, by the rule of its first measurement: 40 of 1080 px."""
    from drivesim.datasets import read_footage
    from drivesim.evaluation import benchmark
    from drivesim.perception import load_detector
    from scenarios.crowdedness import VisibleRule

    rule = VisibleRule(min_height=40 / 1080, max_occlusion=0.5, max_truncation=0.6)
    clips = read_footage(shared("pandaset_002", "front_camera.mp4"))
    metrics = benchmark(clips, load_detector(yolox()), folder / "scores", every=1, visible=rule)
    value = metrics["scores"]["vehicle"]["total"]["AP50"]
    return Result({"vehicle_AP50": value}, abs(value - 0.82) <= 0.03)


def detectors_in_town(folder: Path) -> Result:
    """Both detectors on town renders by day and by night: vehicle AP50."""
    figure = {}
    for name, daylight in (("day", 1.0), ("night", 0.0)):
        drivesim("render", scenario(folder, seconds=10, daylight=daylight), "--out", folder / name, "--fps", 7.5)
        for detector in ("reference", yolox()):
            key = f"{Path(detector).stem} {name}"
            out = folder / key.replace(" ", "_")
            drivesim("benchmark", folder / name, "--detector", detector, "--out", out)
            figure[key] = read_json(out / "metrics.json")["scores"]["vehicle"]["total"]["AP50"]
    return Result(figure, all(value is not None for value in figure.values()))


def yolox() -> str:
    """YOLOX-nano as the command line names it."""
    return f"onnx:{shared('yolox_nano', 'yolox_nano.onnx')}"


def malformed_scenarios(folder: Path) -> Result:
    """Ten broken files, each validated on its own: one line, a place, no traceback."""
    said = {}
    for name, text in malformed.FILES.items():
        file = folder / f"{name}.yaml"
        file.write_bytes(text)
        done = subprocess.run(command("validate", file), capture_output=True, text=True, check=False)
        said[name] = (done.stdout + done.stderr).strip().replace(str(folder) + "/", "")
    good = {name: bool(re.fullmatch(rf"{name}\.yaml:\d+:\d+: [^\n]+", text)) for name, text in said.items()}
    return Result(said, all(good.values()) and len(said) >= 10)


KILLED_TRAINING = Line("train all killed 10 times", "the loss curves of an uninterrupted run", training_kills)
LINES = (
    Line("make demo", "<= 600 s; >= 20 s of 512 x 1024 at 30 frames/s, labels, overlay, page without an error", demo),
    Line("make test", "< 600 s", suite),
    Line("rollout memory, 2 min over 20 s", "<= 1.15", memory),
    Line("rollout, same seed twice", "identical hashes", same_seed),
    Line("rollout killed 10 times", "the bytes of an uninterrupted run", rollout_kills),
    Line("dataset town killed 10 times", "the bytes of an uninterrupted run", dataset_kills),
    KILLED_TRAINING,
    Line("real clips load", "every frame of the real clips", real_clips),
    Line("autoencoder on held-out real frames", "PSNR reported beside TAEF2's", autoencoder_psnr),
    Line("rollout from a real first frame", "runs", first_frame),
    Line("YOLOX-nano on real frames", "vehicle AP50 0.82 +- 0.03", yolox_on_real),
    Line("detectors in the town, day and night", "reported", detectors_in_town),
    Line("malformed scenarios", "10 files, one line file:line:column each", malformed_scenarios),
)

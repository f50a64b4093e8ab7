"""What this machine can do: one check per line, each with its remedy. Runs also where libraries are missing."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

# Distribution -> what it is imported as, where the two differ.
IMPORT_NAMES = {
    "faster-coco-eval": "faster_coco_eval",
    "opencv-python": "cv2",
    "panda3d": "panda3d.core",
    "pillow": "PIL",
    "pyyaml": "yaml",
}
WEIGHTS = Path(__file__).parent / "weights" / "nano"
# Shared library that an import misses -> the Debian package that has it.
SYSTEM_PACKAGES = {
    "libEGL": "libegl1",
    "libGL": "libgl1",
    "libGLdispatch": "libgl1",
    "libX11": "libx11-6",
    "libgomp": "libgomp1",
    "libgthread-2": "libglib2.0-0",
    "libglib-2": "libglib2.0-0",
    "libstdc++": "libstdc++6",
}
OFF_SCREEN = """
from panda3d.core import FrameBufferProperties, GraphicsEngine, GraphicsPipe, GraphicsPipeSelection, WindowProperties
from panda3d.core import loadPrcFileData
loadPrcFileData("", "load-display p3tinydisplay\\nwindow-type offscreen\\nnotify-level fatal")
pipe = GraphicsPipeSelection.get_global_ptr().make_module_pipe("p3tinydisplay")
engine = GraphicsEngine(pipe)
flags = GraphicsPipe.BF_refuse_window
window = engine.make_output(pipe, "check", 0, FrameBufferProperties(), WindowProperties(size=(64, 32)), flags)
engine.render_frame()
assert window is not None and window.has_size(), "no off-screen buffer"
"""


@dataclass(frozen=True)
class Check:
    """One finding. ``needed``: drivesim cannot work without it. ``remedy``: what to do if it is not ``fine``."""

    name: str
    fine: bool
    detail: str
    remedy: str = ""
    needed: bool = True

    def __str__(self) -> str:
        """One line.

        >>> print(Check("cv2", False, "libGL.so.1 is missing", "apt-get install libgl1"))
        MISSING  cv2: libGL.so.1 is missing -> apt-get install libgl1
        """
        mark = "ok" if self.fine else "MISSING" if self.needed else "absent"
        return f"{mark:8} {self.name}: {self.detail}" + (f" -> {self.remedy}" if not self.fine and self.remedy else "")


def examine() -> list[Check]:
    """All checks, in the order in which a person would mend them.

    >>> examine()[0].name
    'python'
    """
    checks = [*_machine(), *_libraries(), _one_opencv()]
    abilities = (("h264", _h264), ("off-screen", _off_screen), ("bf16", _bf16), ("gpu", _gpu))
    return [*checks, *(_attempt(name, check) for name, check in abilities), _weights(), _detector()]


def _machine() -> Iterator[Check]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Check("python", sys.version_info >= (3, 11), version, "install Python 3.11 or later")
    yield Check("cores", True, str(os.cpu_count()))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    yield Check("memory", memory >= 4, f"{memory:.1f} GiB", "4 GiB are needed", needed=False)
    free = shutil.disk_usage(".").free / 2**30
    yield Check("disk", free >= 2, f"{free:.1f} GiB free here", "2 GiB are needed", needed=False)


def _libraries() -> Iterator[Check]:
    try:
        lines = importlib.metadata.requires("drivesim") or []
    except importlib.metadata.PackageNotFoundError:
        yield Check("drivesim", False, "runs from a folder, not installed", "pip install -e . (or: make setup)")
        return
    for line in lines:
        if "extra ==" not in line:
            yield _library(line)


def _library(requirement: str) -> Check:
    """Import one requirement, such as ``"numpy>=2"``, and compare its version with the range."""
    name = re.split(r"[^A-Za-z0-9_.-]", requirement, maxsplit=1)[0]
    module = IMPORT_NAMES.get(name, name)
    remedy = "pip install -r requirements.lock"
    try:
        version = importlib.metadata.version(name)
        importlib.import_module(module)
        from packaging.requirements import Requirement

        fits = Requirement(requirement).specifier.contains(version, prereleases=True)
    except importlib.metadata.PackageNotFoundError:
        return Check(name, False, "not installed", remedy)
    except Exception as error:  # whatever a broken install raises is the finding
        return Check(name, False, f"{type(error).__name__}: {' '.join(str(error).split())}", _remedy(error) or remedy)
    return Check(name, fits, version if fits else f"{version}, expected {requirement}", remedy)


def _remedy(error: Exception) -> str:
    """The command that installs the shared library an import misses, or nothing if that is not what the error says.

    >>> _remedy(ImportError("libGL.so.1: cannot open shared object file: No such file or directory"))
    'apt-get install libgl1'
    """
    found = re.search(r"(lib[\w+-]+(?:\.\d+)?)(?:\.\d+)*\.so[.\d]*: cannot open shared object", str(error))
    if not found:
        return ""
    stem = found.group(1).split(".")[0]
    package = SYSTEM_PACKAGES.get(stem)
    return f"apt-get install {package}" if package else f"install the system package that has {stem}.so"


def _one_opencv() -> Check:
    wheels = sorted(
        {name for d in importlib.metadata.distributions() if (name := d.metadata["Name"] or "").startswith("opencv")}
    )
    remedy = f"pip uninstall {' '.join(wheels)}; pip install -r requirements.lock"
    return Check("one opencv", len(wheels) == 1, ", ".join(wheels) or "none", remedy)


def _attempt(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except Exception as error:  # a missing library was named above; here it means that the ability is missing
        return Check(name, False, f"{type(error).__name__}: {' '.join(str(error).split())}", _remedy(error))


def _h264() -> Check:
    import av

    try:
        av.Codec("libx264", "w")
    except ValueError:  # PyAV's UnknownCodecError is one
        return Check("h264", False, "this PyAV has no libx264 encoder", "pip install -r requirements.lock")
    return Check("h264", True, "PyAV encodes with libx264")


def _off_screen() -> Check:
    done = subprocess.run(
        [sys.executable, "-c", OFF_SCREEN], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )
    if done.returncode == 0:
        return Check("off-screen", True, "Panda3D draws without a display")
    last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    return Check("off-screen", False, last, _remedy(ImportError(last)) or "pip install -r requirements.lock")


def _bf16() -> Check:
    import torch

    fine = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return Check("bf16", fine, "the processor has it" if fine else "not in this processor: float32", needed=False)


def _gpu() -> Check:
    import torch

    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return Check("gpu", bool(names), ", ".join(names) or "none: the processor does it", needed=False)


def _weights() -> Check:
    parts = shipped_parts()
    return Check("weights", bool(parts), ", ".join(parts) or "no nano weights are shipped", needed=False)


def _detector() -> Check:
    shipped = (WEIGHTS / "detector.onnx").is_file()
    return Check(
        "detector", shipped, "the reference detector is" + ("" if shipped else " not") + " shipped", needed=False
    )


def shipped_parts() -> list[str]:
    """The names of the generating parts whose nano weights are shipped in the package; the detector is not one.

    >>> "detector" in shipped_parts()
    False
    """
    return sorted(path.stem for path in WEIGHTS.glob("*.safetensors") if path.stem != "detector")

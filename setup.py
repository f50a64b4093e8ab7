"""Packaging of drivesim: three import packages and the presets of ``configs/`` in one distribution."""

import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent

CORE = [
    "av>=14,<20",
    "einops>=0.8",
    "faster-coco-eval>=1.8",
    "jinja2>=3.1",
    "jsonargparse[signatures]>=4.40",
    "lightning>=2.6.6",  # 2.6.2 and 2.6.3 were malicious uploads (GHSA-w37p-236h-pfx3)
    "markupsafe>=2.1",
    "numpy>=2",
    "onnx>=1.19",
    "onnxruntime>=1.23",
    "opencv-python>=4.10,<5",  # 5 dropped the classic detectors; one OpenCV wheel only, two overwrite each other
    "packaging>=23",
    "panda3d>=1.10.15,<1.11",
    "pillow>=11",
    "pydantic>=2.10,<3",
    "pyyaml>=6.0.2",
    "rich>=14",
    "safetensors>=0.5",
    "shapely>=2.1",
    "tensorboard>=2.20",
    "torch>=2.10",  # older releases have holes in torch.load (CVE-2026-24747)
]
COMPARE = ["diffusers>=0.36"]
HF = ["transformers>=5.24"]
RAY = ["ray>=2.40"]
DEV = [
    *COMPARE,
    *HF,
    *RAY,
    "hypothesis>=6.100",
    "jsonschema>=4.20",
    "mypy>=1.18",
    "pycocotools>=2.0.10",  # the metrics are checked against this, scipy and trackeval
    "pytest>=8.4",
    "pytest-timeout>=2.4",
    "pytest-xdist>=3.8",
    "ruff>=0.15",
    "scipy>=1.16.1",
    "setuptools>=77.0.3",
    "trackeval>=1.3",
    "types-PyYAML>=6.0.12",
]


class BuildWithPresets(build_py):
    """Puts ``configs/`` into the wheel as ``drivesim/configs``; a checkout reads the folder where it lies."""

    def run(self) -> None:
        """Build as usual, then copy the presets (an editable install needs no copy)."""
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / "drivesim" / "configs"
            shutil.copytree(HERE / "configs", target, dirs_exist_ok=True)


setup(
    name="drivesim",
    version="0.1.0",
    description="Driving videos from scenario files: labelled renders, a conditional video LDM, perception scores",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE", "THIRD_PARTY_NOTICES"],
    python_requires=">=3.11",
    packages=find_packages(include=["drivesim*", "scenarios*", "conditioning*"]),
    package_data={
        "conditioning": ["py.typed"],
        "scenarios": ["py.typed", "data/*.yaml", "data/*.json", "library/**/*.yaml"],
        "drivesim": ["py.typed", "**/*.yaml", "weights/**/*", "report/templates/*"],
    },
    install_requires=CORE,
    extras_require={"compare": COMPARE, "dev": DEV, "hf": HF, "ray": RAY},
    entry_points={"console_scripts": ["drivesim=drivesim.cli:main"]},
    cmdclass={"build_py": BuildWithPresets},
    zip_safe=False,
)

"""The import rules of the house ("who may import whom"), kept by walking every module's imports."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

CHECKOUT = Path(__file__).resolve().parent.parent
PACKAGES = ("scenarios", "conditioning", "drivesim")

# Room -> what of ours it may import (itself always). A module's room is the longest prefix of its name found here.
# The small helpers (errors, atomic, lock, randomness) belong to everybody in drivesim.
HELPERS = {
    "drivesim.errors",
    "drivesim.atomic",
    "drivesim.lock",
    "drivesim.randomness",
    "drivesim.progress",
    "drivesim._version",
}
MAY_IMPORT: dict[str, set[str]] = {
    "scenarios": set(),
    "conditioning": {"scenarios"},
    "drivesim.diffusion": set(),
    "drivesim.networks": {"conditioning", "drivesim.diffusion"},
    "drivesim.tensor_files": set(),
    "drivesim.weight_files": {"drivesim.networks", "drivesim.tensor_files"},
    "drivesim.parts": {"conditioning", "drivesim.networks", "drivesim.weight_files", "drivesim.tensor_files"},
    "drivesim.presets": {"drivesim.networks", "drivesim.diffusion"},
    "drivesim.weight_sets": {"drivesim.parts", "drivesim.weight_files", "drivesim.perception", "drivesim.tensor_files"},
    "drivesim.model_card": {"drivesim.weight_sets", "drivesim.evaluation"},
    "drivesim.clips": {"scenarios"},
    "drivesim.town": {"scenarios", "drivesim.clips", "drivesim.overlay"},
    "drivesim.datasets": {"scenarios", "conditioning", "drivesim.clips", "drivesim.town", "drivesim.exports"},
    "drivesim.exports": {"scenarios", "drivesim.clips"},
    "drivesim.overlay": {"scenarios", "drivesim.clips"},
    "drivesim.preview": {"scenarios", "drivesim.clips", "drivesim.overlay"},
    "drivesim.training": {
        "scenarios", "conditioning", "drivesim.networks", "drivesim.diffusion", "drivesim.parts", "drivesim.presets",
        "drivesim.clips", "drivesim.datasets", "drivesim.operations", "drivesim.weight_files",
    },
    "drivesim.rollout": {
        "scenarios", "conditioning", "drivesim.networks", "drivesim.diffusion", "drivesim.parts", "drivesim.presets",
        "drivesim.clips", "drivesim.overlay",
    },
    "drivesim.operations": set(),
    "drivesim.speed": {"scenarios", "drivesim.parts", "drivesim.clips", "drivesim.rollout", "drivesim.operations"},
    "drivesim.side_by_side": {
        "scenarios", "conditioning", "drivesim.networks", "drivesim.parts", "drivesim.clips", "drivesim.rollout",
        "drivesim.operations",
    },
    "drivesim.perception": {"scenarios", "drivesim.clips"},
    "drivesim.metrics": {"scenarios", "drivesim.clips", "drivesim.perception"},
    "drivesim.report": {"scenarios", "drivesim.clips", "drivesim.metrics", "drivesim.overlay"},
    "drivesim.evaluation": {
        "scenarios", "conditioning", "drivesim.parts", "drivesim.clips", "drivesim.datasets", "drivesim.town",
        "drivesim.rollout", "drivesim.perception", "drivesim.metrics", "drivesim.report", "drivesim.overlay",
    },
    "drivesim.generate": {
        "scenarios", "drivesim.parts", "drivesim.clips", "drivesim.town", "drivesim.rollout", "drivesim.perception",
        "drivesim.exports", "drivesim.metrics",
    },
    "drivesim.trainability": {
        "scenarios", "drivesim.networks", "drivesim.parts", "drivesim.clips", "drivesim.datasets", "drivesim.town",
        "drivesim.overlay", "drivesim.training", "drivesim.rollout", "drivesim.generate", "drivesim.perception",
        "drivesim.metrics", "drivesim.evaluation", "drivesim.report",
    },
    # The top: the command line and what only it calls may import anything of ours but the command line itself.
    "drivesim.cli": {"*"},
    "drivesim.commands": {"*"},
    "drivesim.__main__": {"*"},
    "drivesim.demo": {"drivesim.doctor"},
    "drivesim.starter": {"scenarios"},
    "drivesim.doctor": {"drivesim.town", "drivesim.clips", "drivesim.parts"},
    "drivesim": {"*"},
}  # fmt: skip
ONLY_IMPORTED_BY = {"drivesim.cli": {"drivesim.__main__"}, "drivesim.commands": {"drivesim.cli"}}
NO_TORCH = (
    "scenarios", "drivesim", "drivesim.town", "drivesim.clips", "drivesim.overlay", "drivesim.preview",
    "drivesim.perception", "drivesim.report", "drivesim.exports", "drivesim.cli", "drivesim.commands",
    "drivesim.doctor", "drivesim.starter", "drivesim.demo",
)  # fmt: skip

# The user's packages, and the room each is named for.
WORK_OF = {
    "einops": ["drivesim.networks"],
    "shapely": ["scenarios.road", "scenarios.camera"],
    "cv2": ["drivesim.overlay", "drivesim.metrics"],
    "yaml": ["scenarios.yaml12", "drivesim.presets"],
    "lightning": ["drivesim.training"],
    "tensorboard": ["drivesim.training"],
}


def modules() -> dict[str, Path]:
    """Every module of the three packages by its dotted name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((CHECKOUT / package).rglob("*.py")):
            parts = path.relative_to(CHECKOUT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(path: Path, module: str, *, lazy: bool = True) -> Iterator[str]:
    """The dotted names that a file imports, also inside functions if ``lazy``; never those under ``TYPE_CHECKING``."""

    def visit(node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and not lazy:
            return
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
                base = ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield full if full in MODULES else base
        for child in ast.iter_child_nodes(node):
            yield from visit(child)

    yield from visit(ast.parse(path.read_text(encoding="utf-8")))


def room(module: str) -> str:
    """The room a module stands in: the longest known prefix of its name."""
    names = [name for name in MAY_IMPORT if module == name or module.startswith(name + ".")]
    return max(names, key=len)


def broken_rules(module: str, path: Path) -> list[str]:
    """The imports of one module that the rules forbid, as sentences."""
    own = room(module)
    wrong = []
    for name in imports(path, module):
        if name.split(".")[0] not in PACKAGES or name == "drivesim" or name in HELPERS:
            continue
        target = room(name)
        if target != own and "*" not in MAY_IMPORT[own] and target not in MAY_IMPORT[own]:
            wrong.append(f"{module} imports {name}: {own} may import {sorted(MAY_IMPORT[own]) or 'nothing of ours'}")
        if target != own and own not in ONLY_IMPORTED_BY.get(target, {own}):
            wrong.append(f"{module} imports {name}: nothing imports the command line")
    return wrong


@pytest.mark.parametrize("module", MODULES)
def test_module_imports_only_what_its_room_may(module):
    assert broken_rules(module, MODULES[module]) == []


def test_a_forbidden_import_is_noticed(tmp_path):
    file = tmp_path / "bad.py"
    file.write_text("from drivesim.rollout import session\ndef f():\n    import drivesim.cli\n")
    assert len(broken_rules("drivesim.perception.bad", file)) == 3


@pytest.mark.parametrize("module", MODULES)
def test_every_module_of_drivesim_stands_in_a_named_room(module):
    top_level_file = MODULES[module].parent == CHECKOUT / "drivesim"
    assert room(module) != "drivesim" or top_level_file, f"{module}: name its room in MAY_IMPORT"


@pytest.mark.parametrize("module", [name for name in MODULES if room(name) in NO_TORCH])
def test_module_without_networks_never_imports_torch_at_its_top(module):
    heavy = {name.split(".")[0] for name in imports(MODULES[module], module, lazy=False)}
    assert not heavy & {"torch", "lightning", "tensorboard", "conditioning"}


def test_scenarios_import_no_torch_even_inside_functions():
    for module, path in MODULES.items():
        if room(module) == "scenarios":
            assert "torch" not in {name.split(".")[0] for name in imports(path, module)}, module


def test_diffusion_knows_torch_only():
    for module, path in MODULES.items():
        if room(module) == "drivesim.diffusion":
            foreign = {name.split(".")[0] for name in imports(path, module)} - sys.stdlib_module_names
            assert foreign <= {"torch", "drivesim"}, module


@pytest.mark.parametrize(("package", "wanted"), WORK_OF.items())
def test_users_package_does_its_work_in_the_room_named_for_it(package, wanted):
    for name in wanted:
        inside = [m for m in MODULES if m == name or m.startswith(name + ".")]
        assert inside, f"{name} does not exist"
        used = {top.split(".")[0] for m in inside for top in imports(MODULES[m], m)}
        assert package in used or (package == "tensorboard" and imports_tensorboard(inside)), f"{name}: no {package}"


def imports_tensorboard(inside: list[str]) -> bool:
    """Whether a module imports TensorBoard through torch's or Lightning's own writer."""
    names = {name for m in inside for name in imports(MODULES[m], m)}
    return any("tensorboard" in name for name in names) or any(
        "TensorBoardLogger" in MODULES[m].read_text(encoding="utf-8") for m in inside
    )


@pytest.mark.parametrize(
    "argv",
    [
        ["--help"],
        ["list"],
        ["validate", "street.yaml"],
        ["preview", "street.yaml", "--out", "preview"],
        ["render", "street.yaml", "--out", "render", "--fps", "4"],
    ],
    ids=lambda argv: argv[0],
)
def test_command_without_networks_imports_no_torch(argv, tmp_path):
    (tmp_path / "street.yaml").write_text("schema: drivesim.scenario/1\nname: street\nclock: {duration: 0.5}\n")
    code = (
        "import sys\nfrom drivesim.cli import main\n"
        f"try:\n    status = main({argv!r})\nexcept SystemExit as stop:\n    status = stop.code\n"
        "print(status or 0, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.stdout.splitlines()[-1:] == ["0 False"], done.stdout + done.stderr


def test_public_packages_import_no_torch():
    code = "import sys, drivesim, drivesim.cli, scenarios; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_room_named_like_a_public_function_does_not_hide_it():
    code = (
        "import drivesim.preview, drivesim.rollout, drivesim\nfrom types import ModuleType\n"
        "print([isinstance(thing, ModuleType) for thing in (drivesim.preview, drivesim.rollout)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[False, False]"


def test_requirements_are_what_is_imported():
    from drivesim.doctor import IMPORT_NAMES as names

    wanted = {Requirement(line) for line in metadata.requires("drivesim") if not re.search("extra == .dev", line)}
    declared = {names.get(need.name, need.name).split(".")[0] for need in wanted}
    used = {name.split(".")[0] for module, path in MODULES.items() for name in imports(path, module)}
    foreign = used - sys.stdlib_module_names - set(PACKAGES) - {"__future__"}
    assert foreign - declared == set(), "imported, not declared in setup.py"
    assert declared - foreign == set(), "declared in setup.py, never imported"

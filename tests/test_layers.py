"""The house keeps its order: each layer imports only from later ones, and the host's side never imports jax."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import jaxpose

PACKAGE = Path(jaxpose.__file__).parent

LAYERS = (
    {"cli"},
    {"configs"},
    {"recipes"},
    {"models"},
    {"architectures"},
    {"training", "evaluation"},
    {"systems"},
    {"inference", "task", "topdown"},
    {"tracking", "detection", "onnx_detector", "data"},
    {"video", "weights"},
    {"estimation", "formats", "fields", "ops", "nets", "association"},
    {"records", "skeletons", "geometry", "errors"},
)
RANK = {unit: rank for rank, layer in enumerate(LAYERS) for unit in layer}

MODULES = {
    ".".join(("jaxpose", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
INSIDE = [name for name in MODULES if name not in ("jaxpose", "jaxpose.__main__")]  # those two stand above all layers


def imports(name: str) -> set[str]:
    """Every module that a module names in an import, at its top or within a function."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} has a relative import"
            found |= {
                whole if (whole := f"{node.module}.{alias.name}") in MODULES else str(node.module)
                for alias in node.names
            }
    return found


def unit(name: str) -> str:
    """What may import freely within itself: a module or package right below jaxpose, or one system."""
    parts = name.split(".")[1:]
    return ".".join(parts[:2]) if parts[0] == "systems" else parts[0]


def test_all_modules_belong_to_a_layer():
    assert {unit(name).split(".")[0] for name in INSIDE} <= set(RANK)


@pytest.mark.parametrize("name", INSIDE)
def test_each_layer_imports_only_from_later_ones(name):
    for other in imports(name):
        if other == "jaxpose":
            assert unit(name) == "cli", f"{name} imports the package's own top"
        elif other.startswith("jaxpose."):
            assert other in MODULES, f"{name} imports {other}, which does not exist"
            down = RANK[unit(other).split(".")[0]] > RANK[unit(name).split(".")[0]]
            assert down or unit(other) == unit(name), f"{name} must not import {other}"


def test_the_walk_sees_imports_of_every_kind():
    assert {"jaxpose.cli.outputs", "jaxpose.records", "jaxpose.cli.sink"} <= imports("jaxpose.cli.running")


def loaded_by(*names: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after importing some."""
    code = f"import importlib, sys\nfor name in {names}: importlib.import_module(name)\nprint(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())


def test_the_host_s_side_never_imports_jax():
    units = ("association", "data", "evaluation", "formats", "video", *LAYERS[-1])
    host = [name for name in INSIDE if unit(name) in units and not name.startswith("jaxpose.data.device")]
    assert len(host) > 8
    assert not {"jax", "flax"} & loaded_by(*host)


def test_configs_and_the_command_line_import_nothing_heavy():
    light = [
        name for name in INSIDE if name.endswith((".config", ".default")) or unit(name) in ("cli", "configs", "errors")
    ]
    assert len(light) > 4
    assert not {"jax", "flax", "numpy", "scipy", "cv2", "av"} & loaded_by("jaxpose", *light)

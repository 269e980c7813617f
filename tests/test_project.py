"""What the project promises about itself: the README's commands, its dependencies, its licence."""

import hashlib
import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import jaxpose
from jaxpose import models
from jaxpose.architectures import ARCHITECTURES
from jaxpose.records import People, make_people
from jaxpose.skeletons import COCO_17
from jaxpose.weights import store

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_ci_runs_exactly_the_test_command_of_the_readme() -> None:
    command = "pip install -e '.[test]' && pytest"
    assert f"```\n{command}\n```" in (ROOT / "README.md").read_text()
    assert command in (ROOT / ".ci" / "run").read_text().splitlines()


def test_the_readmes_jitted_step_runs() -> None:
    (block,) = re.findall(r"```python\n([^`]*make_step[^`]*)```", (ROOT / "README.md").read_text())
    names: dict[str, Any] = {}
    exec(block, names)
    assert names["raised_hands"](names["params"], np.zeros((2, 64, 96, 3), np.uint8)).tolist() == [0, 0]


def test_the_readmes_evaluation_runs(tmp_path: Path) -> None:
    class Standing:
        skeleton = COCO_17

        def track(self, frames: object) -> list[People]:
            pose = np.array([[50, 20 + 10 * joint, 1] for joint in range(17)], np.float32)
            return [make_people(pose[None], np.ones(1), np.ones(1), frame=frame) for frame in range(2)]

    (tmp_path / "gt.txt").write_text("1,7,45,0,10,200,1\n2,7,45,0,10,200,1\n3,7,45,0,10,200,1\n")
    (block,) = re.findall(r"```python\n([^`]*Tracking.empty[^`]*)```", (ROOT / "README.md").read_text())
    clip = ROOT / "jaxpose" / "demo" / "clip.mp4"
    names: dict[str, Any] = {"pairs": [(clip, tmp_path / "gt.txt")], "tracker": Standing(), "jaxpose": jaxpose}
    exec(block, names)
    assert names["scores"].clear.mota[-1] == pytest.approx(200 / 3)


def test_dependencies_have_floors_and_no_caps() -> None:
    extras = PROJECT["optional-dependencies"]
    assert {"test", "eval", "onnx", "log", "ray", "dev"} <= set(extras)
    told = [*PROJECT["dependencies"], *extras["test"], *extras["eval"], PROJECT["requires-python"]]
    for requirement in [one for one in told if not one.startswith("jaxpose[")]:
        assert ">=" in requirement
        assert "<" not in requirement
        assert "==" not in requirement
    assert PROJECT["requires-python"] == ">=3.11"
    assert not any("opencv-python-headless" in requirement for requirement in PROJECT["dependencies"])


def model_table() -> ModuleType:
    spec = importlib.util.spec_from_file_location("model_table", ROOT / "experiments" / "model_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def digest(name: str) -> str:
    return hashlib.sha256(store.path_of(name).read_bytes()).hexdigest()[:12]


def test_every_packaged_model_has_a_card_and_the_best_is_the_default() -> None:
    """But those that look at one person whom another finds have none: they are told of with who finds."""
    module = model_table()
    finders = {name for name in store.packaged() if ARCHITECTURES[models.card(name).architecture].estimator is not None}
    assert set(module.cards()) == finders
    for name, card in module.cards().items():
        assert card["model"]["bytes"] == store.path_of(name).stat().st_size
        shown = (ROOT / "experiments" / "models" / f"{name}.md").read_text()
        assert all((ROOT / "experiments" / "models" / row["picture"]).exists() for row in card.get("failures", []))
        assert all(row["picture"] in shown for row in card.get("failures", []))
    for row in module.results()["refined"].values():
        assert row["weights"] == {name: digest(name) for name in row["weights"]}
    assert module.README.read_text() == module.readme_with_table()
    assert module.DEFAULT.read_text() == module.default_with_best()


def test_packaged_weights_have_their_licence() -> None:
    notice = (store.PACKAGED / "NOTICE.md").read_text()
    assert all(name in notice for name in store.packaged())
    assert "Apache License" in (store.PACKAGED / "LICENSE-2.0.txt").read_text()[:200]
    assert "Apache" in (ROOT / "jaxpose" / "demo" / "ORIGIN.txt").read_text()


def test_licence() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()[:200]

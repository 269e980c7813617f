"""What the project promises about itself: the README's commands, its dependencies, its licence."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_ci_runs_exactly_the_test_command_of_the_readme() -> None:
    command = "pip install -e '.[test]' && pytest"
    assert f"```\n{command}\n```" in (ROOT / "README.md").read_text()
    assert command in (ROOT / ".ci" / "run").read_text().splitlines()


def test_dependencies_have_floors_and_no_caps() -> None:
    extras = PROJECT["optional-dependencies"]
    assert {"test", "eval", "onnx", "log", "ray", "dev"} <= set(extras)
    for requirement in [*PROJECT["dependencies"], *extras["test"], *extras["eval"], PROJECT["requires-python"]]:
        assert ">=" in requirement
        assert "<" not in requirement
        assert "==" not in requirement
    assert PROJECT["requires-python"] == ">=3.11"
    assert not any("opencv-python-headless" in requirement for requirement in PROJECT["dependencies"])


def test_licence() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()[:200]

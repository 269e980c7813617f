"""Fixtures of the whole suite."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real pictures, videos and labels, which the project does not contain."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("JAXPOSE_TEST_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"needs the shared test data, and {folder} is no folder (set JAXPOSE_TEST_DATA)")
    return folder


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for models and compilations, one for all tests of a file, so that each network is compiled once."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def in_shared_home(shared_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line and `jaxpose.load` find models in `shared_home`."""
    monkeypatch.setenv("JAXPOSE_HOME", str(shared_home))

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

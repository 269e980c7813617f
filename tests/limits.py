"""Runs a piece of Python under limits that root has too: files of a bounded size, folders that cannot be written."""

import os
import subprocess
import sys
from pathlib import Path

START = """
import ctypes, os, resource, sys
largest, *command = sys.argv[1:]
if os.geteuid() == 0:
    for power in 1, 2:  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, by which root passes over permissions
        ctypes.CDLL(None).prctl(24, power, 0, 0, 0)  # PR_CAPBSET_DROP
if largest:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(largest), int(largest)))
os.execv(sys.executable, [sys.executable, "-B", "-c", *command])
"""
"""Linux: gives up powers, then becomes the program. (JAX, in the tests' own process, does not like `preexec_fn`.)"""

FAKE = """
import sys
import conftest, jaxpose.models
jaxpose.models.load = lambda name, **options: conftest.FakeTracker(delay=2)
from jaxpose.cli import main
sys.exit(main(sys.argv[1:]))
"""
"""The command line with a model that needs no network, of cli/conftest.py."""


def run_limited(
    code: str, *arguments: object, largest_file: int | None = None, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """What `code` prints, and its exit code, run by a person for whom permissions hold.

    Only `largest_file` bytes can be written into a file; more fails as on a full disk, but for the reason told.
    """
    here = Path(__file__).parent
    return subprocess.run(
        [sys.executable, "-c", START, str(largest_file or ""), code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (here / "cli", here))), **environment},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

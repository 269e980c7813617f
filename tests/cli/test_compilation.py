"""What was compiled is kept, and nothing that happens to it stops a run: each run is a process, as a user's."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import jax
import platformdirs
import pytest
from limits import run_limited

from jaxpose.cli import compilation

linux = pytest.mark.skipif(sys.platform != "linux", reason="its limits are Linux's")

RUN = """
import sys
from jaxpose.cli import main
from jaxpose.cli.compilation import kept_compilations
from jaxpose.cli.models import Models
from jaxpose.errors import JaxposeError
def run(self):
    with kept_compilations():
        import jax
        hits = []
        jax.monitoring.register_event_listener(lambda event, **_: hits.append(event.endswith("/cache_hits")))
        def work(x):
            return x * 2 + 1
        print(float(jax.jit(work)(3.0)), sum(hits))
        if sys.argv[1:] == ["fail"]:
            raise JaxposeError("failed")
Models.run = run
sys.exit(main(["models"]))
"""
"""Compiles; prints the result and how much of it was found compiled."""


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXPOSE_HOME", str(tmp_path / "home"))
    for name in ("JAX_COMPILATION_CACHE_DIR", "JAX_ENABLE_COMPILATION_CACHE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


def run(**options) -> int:
    """A run that has no trouble; returns how often it found something compiled."""
    done = run_limited(RUN, **options)
    assert (done.returncode, done.stderr) == (0, "")
    result, hits = done.stdout.split()
    assert float(result) == 7
    return int(hits)


def entries(home: Path) -> list[Path]:
    return sorted(path for path in home.glob("compiled/*/*") if path.name.startswith("jit_work-"))


def test_the_second_run_finds_what_the_first_compiled(home):
    assert run() == 0
    (entry,) = entries(home)
    assert entry.stat().st_size < 100_000
    assert run() >= 1
    assert entries(home) == [entry]


@pytest.mark.parametrize("damage", [lambda content: content[: len(content) // 2], lambda content: b"",
                                    lambda content: bytes(len(content)),
                                    lambda content: content[:200] + bytes(100) + content[300:]],
                         ids=["cut", "empty", "zeros", "hole"])  # fmt: skip
def test_a_damaged_file_is_replaced(home, damage):
    assert run() == 0
    (entry,) = entries(home)
    whole = entry.read_bytes()
    entry.write_bytes(damage(whole))
    others = run()
    assert entries(home) == [entry]
    assert len(entry.read_bytes()) == pytest.approx(len(whole), rel=0.1)
    assert run() == others + 1


def test_runs_at_the_same_time(home):
    runs = [
        subprocess.Popen([sys.executable, "-c", RUN], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    told = [process.communicate(timeout=120) for process in runs]
    assert [process.returncode for process in runs] == [0, 0, 0]
    assert [error for _, error in told] == ["", "", ""]
    assert run() >= 1


def test_no_folder_can_be_made(home):
    home.write_text("a file")
    done = run_limited(RUN)
    assert (done.returncode, done.stdout) == (0, "7.0 0\n")
    assert done.stderr.startswith(f"jaxpose: warning: {home}/compiled/")
    assert "cannot be kept there (Not a directory), so each run compiles anew" in done.stderr
    assert done.stderr.count("\n") == 1


@linux
def test_a_folder_that_cannot_be_written_is_still_read(home):
    folder = compilation.folder()
    folder.mkdir(parents=True)
    folder.chmod(0o555)
    done = run_limited(RUN)
    assert (done.returncode, done.stdout) == (0, "7.0 0\n")
    assert "Permission denied" in done.stderr
    assert done.stderr.count("\n") == 1
    folder.chmod(0o755)
    assert run() == 0
    folder.chmod(0o555)
    assert run() >= 1


@linux
def test_a_full_disk_leaves_nothing_that_does_harm(home):
    done = run_limited(RUN, largest_file=500)
    assert (done.returncode, done.stdout) == (0, "7.0 0\n")
    assert "File too large" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not entries(home)
    assert run() == 0
    assert run() >= 1


def test_a_failed_run_tells_only_its_own_failure(home):
    home.write_text("a file")
    done = run_limited(RUN, "fail")
    assert (done.returncode, done.stderr) == (2, "jaxpose: failed\n")


def test_the_user_s_own_folder_is_left_to_jax(home, tmp_path):
    own = {"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "own"), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    assert run(**own) == 0
    assert run(**own) >= 1
    assert list((tmp_path / "own").iterdir())
    assert not home.exists()


def test_a_user_who_wants_none_gets_none(home):
    assert run(JAX_ENABLE_COMPILATION_CACHE="false") == 0
    assert not home.exists()


def test_the_process_is_as_before(home):
    def settings():
        return jax.config.jax_compilation_cache_dir, jax.config.jax_persistent_cache_min_compile_time_secs

    before = settings()
    with compilation.kept_compilations():
        assert settings() != before
        jax.block_until_ready(jax.jit(lambda x: x * 3 - 1)(2.0))
    kept = sorted(home.rglob("*"))
    assert any(path.is_file() for path in kept)
    assert settings() == before
    jax.block_until_ready(jax.jit(lambda x: x * 5 - 1)(2.0))
    assert sorted(home.rglob("*")) == kept


def test_the_oldest_files_go_first(home, monkeypatch):
    other = home / "compiled" / "another machine"
    for folder in (compilation.folder(), other):
        folder.mkdir(parents=True)
    for age, path in enumerate([compilation.folder() / "b", other / "c", compilation.folder() / "a"]):
        path.write_bytes(bytes(1000))
        os.utime(path, (10**9 - age, 10**9 - age))
    monkeypatch.setattr(compilation, "LIMIT", 2000)
    with compilation.kept_compilations():
        pass
    assert sorted(path.name for path in home.rglob("*") if path.is_file()) == ["b", "c"]


def test_where_it_is_kept(home, tmp_path, monkeypatch):
    assert compilation.folder().parent == home / "compiled"
    monkeypatch.delenv("JAXPOSE_HOME")
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda name, **_: str(tmp_path / "cache" / name))
    here = compilation.folder()
    assert here.parent == tmp_path / "cache" / "jaxpose" / "compiled"
    monkeypatch.setattr(platform, "processor", lambda: "another")
    assert compilation.folder().parent == here.parent
    assert compilation.folder() != here

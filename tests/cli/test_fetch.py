"""`jaxpose fetch` from a local server: a model in the end, or one line that says why not."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import web

from jaxpose import cli, models
from jaxpose.weights import fetching, registry, store
from jaxpose.weights.registry import Published, PublishedFile

FAKE = """
import sys
from jaxpose.weights import registry
from jaxpose.weights.registry import Published, PublishedFile
url, digest = sys.argv[1:]
file = PublishedFile(url, digest, None)
registry.PUBLISHED = (Published("slow", "lightweight-openpose", "coco_18", "free", (file,)),)
from jaxpose.cli import main
sys.exit(main(["fetch", "slow"]))
"""


@pytest.fixture(autouse=True)
def here_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(fetching, "DELAYS", ())


@pytest.fixture
def site() -> Iterator[web.Site]:
    with web.serving() as site:
        yield site


@pytest.fixture
def network(site: web.Site, shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> Published:
    """A network that is really published, at a server that is really there."""
    there = registry.find("human-pose-estimation-0001-fp16-int8")
    files = []
    for file in there.files:
        site.files[f"/{file.name}"] = (shared_data / "teachers" / file.name).read_bytes()
        files.append(PublishedFile(f"{site.url}/{file.name}", file.digest, file.size))
    published = Published("toy", there.architecture, there.skeleton, "free for all", tuple(files), "No other server.")
    foreign = Published("vgg", "vgg19", "coco_17", "free", (PublishedFile(f"{site.url}/v.pth", "0" * 64),))
    packaged = registry.find("movenet-multipose")
    monkeypatch.setattr(registry, "PUBLISHED", (packaged, published, foreign))
    monkeypatch.setattr("jaxpose.cli.models.PUBLISHED", (packaged, published, foreign))
    return published


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line of a `fetch` that fails."""
    assert cli.main(["fetch", *arguments]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("jaxpose: ")
    return error.removeprefix("jaxpose: ")


def test_a_fetched_model_is_a_model(
    site: web.Site, network: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["models"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert listed[len(store.packaged()) :] == [
        "published, for `jaxpose fetch NAME`:",
        "  toy: skeleton coco_18; 4.6 MB; licence free for all",
    ]
    assert cli.main(["fetch", "toy"]) == 0
    shown = capsys.readouterr()
    path = tmp_path / "home" / "models" / "toy.safetensors"
    assert shown.out == f"licence of toy: free for all\ntoy: {path}\n"
    assert shown.err == ""  # no bars, since that is no terminal
    assert models.load("toy", size=64).skeleton.name == "coco_18"
    assert not (tmp_path / "home" / "downloads" / "toy").exists()
    assert cli.main(["models"]) == 0
    listed = capsys.readouterr().out
    assert "toy: lightweight-openpose (skeleton coco_18, " in listed
    assert "published, for" not in listed


def test_under_another_name_and_kept(
    site: web.Site, network: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["fetch", "toy", "--as", "mine", "--keep"]) == 0
    assert models.names() == [*store.packaged(), "mine"]
    kept = tmp_path / "home" / "downloads" / "toy"
    assert sorted(path.name for path in kept.iterdir()) == [
        "human-pose-estimation-0001.bin", "human-pose-estimation-0001.xml"
    ]  # fmt: skip
    asked = len(site.asked)
    assert cli.main(["fetch", "toy"]) == 0  # from what was kept
    assert len(site.asked) == asked
    assert not kept.exists()


def test_what_is_refused_before_anything_is_downloaded(
    site: web.Site, network: Published, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["fetch", "toy", "--as", "mine"]) == 0
    site.asked.clear()
    assert told(capsys, "toi") == "no published weights named 'toi' are known: did you mean 'toy'?"
    assert "a model named mine exists already" in told(capsys, "toy", "--as", "mine")
    assert "choose another name with --as" in told(capsys, "toy", "--as", "movenet-multipose")
    assert "a model's name consists of" in told(capsys, "toy", "--as", "../x")
    assert "comes with the package: there is nothing to fetch" in told(capsys, "movenet-multipose")
    assert "vgg is a vgg19, which this version cannot import: it knows" in told(capsys, "vgg")
    assert site.asked == []


def test_what_goes_wrong_is_one_line(
    site: web.Site, network: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    constants = site.files.pop("/human-pose-estimation-0001.bin")
    error = told(capsys, "toy")
    assert error.startswith(f"{site.url}/human-pose-estimation-0001.bin: the server answers 404 Not Found. No other")
    assert f"Or get {site.url}/human-pose-estimation-0001.xml and {site.url}/human-pose-estimation-0001.bin" in error
    assert error.endswith("`jaxpose import human-pose-estimation-0001.xml --as NAME --arch lightweight-openpose`")
    site.files["/human-pose-estimation-0001.bin"] = constants[:-1] + bytes([constants[-1] ^ 1])
    assert "is not the expected file: its sha256 is" in told(capsys, "toy")
    folder = tmp_path / "home" / "downloads" / "toy"
    assert [path.name for path in folder.iterdir()] == ["human-pose-estimation-0001.xml"]
    site.files["/human-pose-estimation-0001.bin"] = constants
    assert cli.main(["fetch", "toy"]) == 0
    assert [path for path, _ in site.asked].count("/human-pose-estimation-0001.xml") == 1


def test_ctrl_c_ends_with_130_and_can_go_on(site: web.Site, tmp_path: Path) -> None:
    content = bytes(3_000_000)
    site.files["/slow.xml"] = content
    site.pause = 0.1  # after each 64 KiB: five seconds in all
    part = tmp_path / "home" / "downloads" / "slow" / "slow.xml.part"
    command = [sys.executable, "-c", FAKE, f"{site.url}/slow.xml", hashlib.sha256(content).hexdigest()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ) as run:
        deadline = time.monotonic() + 120
        while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.01)
        run.send_signal(signal.SIGINT)
        out, error = run.communicate(timeout=120)
    assert (run.returncode, error) == (130, "jaxpose: stopped; the same command goes on from here\n")
    assert out == "licence of slow: free\n"
    have = part.stat().st_size
    assert 0 < have < len(content)
    site.pause = 0.0
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert site.started_at() == [0, have]
    assert done.returncode == 2  # all of it came, and is no network
    assert "is not an OpenVINO IR" in done.stderr

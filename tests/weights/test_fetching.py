"""Downloads from a server that misbehaves: what arrives is the published file or nothing, and what came is not lost."""

import dataclasses
import hashlib
import json
import shutil
import signal
import socket
import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import web
from limits import run_limited

from jaxpose.errors import FetchError
from jaxpose.weights import fetching, transfer
from jaxpose.weights.registry import Published

CONTENT = np.random.default_rng(0).bytes(300_000)
OTHER = np.random.default_rng(1).bytes(300_000)


@pytest.fixture(autouse=True)
def here_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxies of the machine, no waiting."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(fetching, "DELAYS", (0.0, 0.0, 0.0))


@pytest.fixture
def site() -> Iterator[web.Site]:
    with web.serving() as site:
        yield site


def fetch(published: Published, folder: Path) -> Path:
    return fetching.fetch(published, folder, lambda *_: None)


def refused(published: Published, folder: Path) -> str:
    with pytest.raises(FetchError) as error:
        fetch(published, folder)
    assert "\n" not in str(error.value)
    return str(error.value)


def begun(site: web.Site, published: Published, folder: Path, count: int) -> Path:
    """A download that all attempts together have brought to `count` bytes."""
    site.drops, site.answers = [count], []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fetching, "DELAYS", ())
        refused(published, folder)
    site.asked.clear()
    part = folder / "a.bin.part"
    assert part.stat().st_size == count
    return part


def test_files_arrive_whole_and_are_not_asked_for_again(site: web.Site, tmp_path: Path) -> None:
    a, b = (site.publish(name, content).files[0] for name, content in (("a.bin", CONTENT), ("b.bin", OTHER)))
    published = Published("toy", "toy-net", None, "free", (a, b))
    seen = []
    folder = tmp_path / "deep" / "down"
    path = fetching.fetch(published, folder, lambda *news: seen.append(news))
    assert path == folder / "a.bin"
    assert sorted(p.name for p in folder.iterdir()) == ["a.bin", "b.bin"]
    assert path.read_bytes() == CONTENT
    for name in ("a.bin", "b.bin"):
        steps = [done for file, done, total in seen if file == name and total == 300_000]
        assert steps == sorted(steps)
        assert (steps[0], steps[-1]) == (0, 300_000)
        assert len(steps) > 3
    assert [agent["User-Agent"] for _, agent in site.asked] == ["jaxpose"] * 2
    assert fetch(published, folder) == path
    assert len(site.asked) == 2
    path.write_bytes(CONTENT[:-1])  # damaged later
    assert fetch(published, folder).read_bytes() == CONTENT
    fetching.remove(published, folder)
    assert not folder.exists()


def test_digests_of_both_kinds(site: web.Site, tmp_path: Path) -> None:
    sha384 = hashlib.sha384(CONTENT).hexdigest()
    assert fetch(site.publish("a.bin", CONTENT, digest=sha384), tmp_path).exists()
    error = refused(site.publish("b.bin", OTHER, digest=sha384), tmp_path)
    assert f"its sha384 is {hashlib.sha384(OTHER).hexdigest()}, not {sha384}. It was removed" in error
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


@pytest.mark.parametrize("etag", ['"1"', 'W/"1"', None])
@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_a_later_call_continues(site: web.Site, tmp_path: Path, etag: str | None, size: int | None) -> None:
    site.etag = etag
    published = site.publish("a.bin", CONTENT, size=size)
    begun(site, published, tmp_path, 100_000)
    assert fetch(published, tmp_path).read_bytes() == CONTENT
    assert site.started_at() == [100_000]
    assert site.asked[0][1].get("If-Range") == ('"1"' if etag == '"1"' else None)
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_dropped_connections_are_taken_up_again(site: web.Site, tmp_path: Path) -> None:
    published = site.publish("a.bin", CONTENT)
    site.drops = [70_000, 0, 1, 80_000, 0, 0]  # six failures, but not four without progress
    assert fetch(published, tmp_path).read_bytes() == CONTENT
    assert site.started_at() == [0, 70_000, 70_000, 70_001, 150_001, 150_001, 150_001]


def test_a_connection_that_is_reset_is_taken_up_again(site: web.Site, tmp_path: Path) -> None:
    site.drops, site.reset = [150_000], True
    assert fetch(site.publish("a.bin", CONTENT), tmp_path).read_bytes() == CONTENT
    assert len(site.asked) == 2


def test_a_server_without_ranges_starts_anew(site: web.Site, tmp_path: Path) -> None:
    site.ranges = False
    published = site.publish("a.bin", CONTENT)
    begun(site, published, tmp_path, 100_000)
    assert fetch(published, tmp_path).read_bytes() == CONTENT
    site.drops = [100_000] * 9  # never further than before: given up
    error = refused(site.publish("b.bin", OTHER), tmp_path)
    assert "the connection ended after 100,000 of 300,000 bytes, 4 times in a row" in error
    assert len(site.drops) == 5


@pytest.mark.parametrize("obeys", [True, False])
def test_a_file_that_changed_meanwhile_starts_anew(site: web.Site, tmp_path: Path, obeys: bool) -> None:
    begun(site, site.publish("a.bin", OTHER, size=None), tmp_path, 100_000)
    published = site.publish("a.bin", CONTENT, size=None)
    site.etag, site.obeys_if_range = '"2"', obeys
    assert fetch(published, tmp_path).read_bytes() == CONTENT
    assert site.started_at() == ([100_000] if obeys else [100_000, 0])


def test_a_file_that_changed_its_size_starts_anew(site: web.Site, tmp_path: Path) -> None:
    site.etag = None
    begun(site, site.publish("a.bin", OTHER, size=None), tmp_path, 100_000)
    assert fetch(site.publish("a.bin", CONTENT[:-1], size=None), tmp_path).read_bytes() == CONTENT[:-1]
    assert site.started_at() == [100_000, 0]
    begun(site, site.publish("a.bin", OTHER, size=None), tmp_path, 100_000)
    assert fetch(site.publish("a.bin", CONTENT[:500], size=None), tmp_path).read_bytes() == CONTENT[:500]  # by a 416
    assert site.started_at() == [100_000, 0]


@pytest.mark.parametrize("told", ["bytes 99999-299999/300000", "bytes */300000", "lines 100000-2/300000", "nonsense"])
def test_a_server_that_sends_another_part_is_not_believed(site: web.Site, tmp_path: Path, told: str) -> None:
    published = site.publish("a.bin", CONTENT)
    begun(site, published, tmp_path, 100_000)
    site.content_range = told
    assert fetch(published, tmp_path).read_bytes() == CONTENT
    assert site.started_at() == [100_000, 0]


def test_a_change_that_nobody_told_is_found_by_the_digest(site: web.Site, tmp_path: Path) -> None:
    begun(site, site.publish("a.bin", OTHER), tmp_path, 100_000)
    published = site.publish("a.bin", CONTENT)
    assert "its sha256 is" in refused(published, tmp_path)
    assert not [*tmp_path.iterdir()]
    assert fetch(published, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("said", ["", "[1]", "{}", '{"url": "http://elsewhere/a.bin", "validator": null, "total": 9}'])
def test_a_part_of_unknown_origin_starts_anew(site: web.Site, tmp_path: Path, said: str) -> None:
    published = site.publish("a.bin", CONTENT)
    part = begun(site, published, tmp_path, 100_000)
    assert json.loads(part.with_suffix(".part.json").read_text())["total"] == 300_000
    part.with_suffix(".part.json").write_text(said)
    assert fetch(published, tmp_path).read_bytes() == CONTENT
    assert site.started_at() == [0]


def test_a_part_that_is_whole_needs_no_server(site: web.Site, tmp_path: Path) -> None:
    published = site.publish("a.bin", CONTENT)
    part = begun(site, published, tmp_path, 100_000)
    part.write_bytes(CONTENT)
    assert fetch(published, tmp_path).read_bytes() == CONTENT
    assert site.asked == []


def test_files_of_another_size_are_refused_before_they_come(site: web.Site, tmp_path: Path) -> None:
    for size in (299_999, 300_001):
        error = refused(site.publish("a.bin", CONTENT, size=size), tmp_path)
        assert f"is not the expected file: it has 300,000 bytes, not {size:,}; nothing was kept" in error
        assert not [*tmp_path.iterdir()]
    assert len(site.asked) == 2


def test_files_whose_size_the_server_does_not_tell(site: web.Site, tmp_path: Path) -> None:
    site.lengths = False
    assert fetch(site.publish("a.bin", CONTENT), tmp_path).read_bytes() == CONTENT
    assert fetch(site.publish("b.bin", CONTENT, size=None), tmp_path).read_bytes() == CONTENT
    assert "more than 200,000 bytes" in refused(site.publish("c.bin", CONTENT, size=200_000), tmp_path)
    site.drops = [100_000]
    assert fetch(site.publish("d.bin", CONTENT), tmp_path).read_bytes() == CONTENT
    site.drops = [100_000]
    assert "its sha256 is" in refused(site.publish("e.bin", CONTENT, size=None), tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.bin", "b.bin", "d.bin"]


def test_a_server_in_trouble_is_asked_again(site: web.Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited = []
    monkeypatch.setattr(fetching, "DELAYS", (1.0, 3.0, 9.0))
    monkeypatch.setattr(fetching, "time", types.SimpleNamespace(sleep=waited.append))
    site.answers = [503, 500, 429]
    assert fetch(site.publish("a.bin", CONTENT), tmp_path).exists()
    assert waited == [1.0, 3.0, 9.0]
    site.answers = [503] * 9
    assert "the server answers 503 Service Unavailable, 4 times in a row" in refused(
        site.publish("b.bin", CONTENT), tmp_path
    )
    assert len(site.answers) == 5


def test_a_silent_server(site: web.Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "TIMEOUT", 0.05)
    site.stall = 0.2
    assert "127.0.0.1: timed out, 4 times in a row" in refused(site.publish("a.bin", CONTENT), tmp_path)


@pytest.mark.parametrize("status", [403, 404, 416])
def test_addresses_that_have_no_such_file(site: web.Site, tmp_path: Path, status: int) -> None:
    published = dataclasses.replace(site.publish("a.bin", CONTENT), note="The first server is dead")
    site.answers = [status]
    error = refused(published, tmp_path)
    assert f"{site.url}/a.bin: the server answers {status} " in error
    assert ". The first server is dead. Or get " in error
    assert error.endswith(
        f"Or get {site.url}/a.bin by other means, then `jaxpose import a.bin --as NAME --arch toy-net`"
    )
    assert len(site.asked) == 1


def test_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    site = web.Site()
    site.url = "https://weights.example"
    error = refused(site.publish("a.bin", CONTENT), tmp_path)
    assert error.startswith(
        "no network: weights.example cannot be found (Temporary failure in name resolution). "
        "Or get https://weights.example/a.bin by other means"
    )


def test_nobody_answers(site: web.Site, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # taken, and nobody listens
        site.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        assert refused(site.publish("a.bin", CONTENT), tmp_path).startswith("127.0.0.1 refuses the connection. Or get")


def test_the_proxy_of_the_environment(site: web.Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", site.url)
    site.url = "http://weights.invalid"  # a name that no server has
    published = site.publish("a.bin", CONTENT)
    site.files["http://weights.invalid/a.bin"] = CONTENT  # what a proxy is asked for
    assert fetch(published, tmp_path).read_bytes() == CONTENT


def test_ctrl_c_leaves_a_part(site: web.Site, tmp_path: Path) -> None:
    published = site.publish("a.bin", CONTENT)

    def stop(file: str, done: int, total: int | None) -> None:
        if done > 100_000:
            signal.raise_signal(signal.SIGINT)

    assert threading.current_thread() is threading.main_thread()
    with pytest.raises(KeyboardInterrupt):
        fetching.fetch(published, tmp_path, stop)
    have = (tmp_path / "a.bin.part").stat().st_size
    assert 100_000 < have < 300_000
    assert fetch(published, tmp_path).read_bytes() == CONTENT
    assert site.started_at() == [0, have]


def test_a_disk_that_is_too_full(site: web.Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published = site.publish("a.bin", CONTENT)
    begun(site, published, tmp_path, 100_000)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=199_999))
    error = refused(published, tmp_path)
    assert error == f"the disk is too full: 200,000 bytes are still to come, 199,999 are free at {tmp_path}"
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=200_000))
    assert fetch(published, tmp_path).read_bytes() == CONTENT


@pytest.mark.skipif(sys.platform != "linux", reason="its limits are Linux's")
def test_a_disk_that_fills_meanwhile_or_cannot_be_written(site: web.Site, tmp_path: Path) -> None:
    published = site.publish("a.bin", CONTENT)
    code = (
        "import sys, pathlib\n"
        "from jaxpose.weights import fetching, registry\n"
        "from jaxpose.errors import FetchError\n"
        f"file = registry.PublishedFile({published.files[0].url!r}, {published.files[0].digest!r})\n"
        "published = registry.Published('toy', 'toy-net', None, 'free', (file,))\n"
        "try: fetching.fetch(published, pathlib.Path(sys.argv[1]), lambda *_: None)\n"
        "except FetchError as error: print(error)\n"
    )
    told = run_limited(code, tmp_path, largest_file=100_000).stdout
    assert told == f"cannot write {tmp_path / 'a.bin.part'}: File too large; what has come is kept\n"
    assert (tmp_path / "a.bin.part").stat().st_size == 100_000
    assert fetch(published, tmp_path).read_bytes() == CONTENT
    assert site.started_at() == [0, 100_000]
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    assert "Permission denied" in run_limited(code, locked / "inside").stdout

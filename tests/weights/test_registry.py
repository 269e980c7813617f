"""The list of published weights: its entries are well-formed, and agree with what is known elsewhere."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from jaxpose.errors import FetchError
from jaxpose.skeletons import SKELETONS
from jaxpose.weights import store
from jaxpose.weights.registry import PUBLISHED, find

FILES = [(published, file) for published in PUBLISHED for file in published.files]


def test_names_are_unique_and_can_be_names_of_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAXPOSE_HOME", str(tmp_path))
    names = [published.name for published in PUBLISHED]
    assert len({*names}) == len(names)
    assert {"movenet-multipose", "human-pose-estimation-0001", "openpose-body25"} <= {*names}
    assert [store.path_of(name).stem for name in names] == names


def test_exactly_the_packaged_ones_have_no_files() -> None:
    assert [published.name for published in PUBLISHED if not published.files] == store.packaged()


def test_every_entry_tells_skeleton_and_licence() -> None:
    assert {published.skeleton for published in PUBLISHED} <= {*SKELETONS}
    assert all(published.licence for published in PUBLISHED)
    openpose = [published for published in PUBLISHED if published.name.startswith("openpose") and published.files]
    assert len(openpose) == 6
    assert all("non-commercial research only" in published.licence for published in openpose)


@pytest.mark.parametrize(("published", "file"), FILES, ids=[f"{p.name}: {f.name}" for p, f in FILES])
def test_each_file_can_be_checked(published, file) -> None:
    assert re.fullmatch(r"https?://[\w.]+(/[\w.-]+)+", file.url)
    assert re.fullmatch(r"[0-9a-f]{64}|[0-9a-f]{96}", file.digest)
    assert file.size is None or file.size > 1e5


def test_sizes_of_openpose_are_those_of_their_parameters() -> None:
    """Four bytes each, and few more for the names of some hundred layers."""
    counts = {
        "openpose-body25": 26_166_084, "openpose-coco": 52_311_446, "openpose-mpi": 51_481_032,
        "openpose-hand": 36_832_324,
    }  # fmt: skip
    for name, count in counts.items():
        assert 0 < find(name).size_bytes - 4 * count < 60_000
    assert find("openpose-mpi4").files == find("openpose-mpi").files
    assert find("openpose-face").size_bytes is None


def test_the_quantized_network_is_the_one_that_is_tested_with(shared_data: Path) -> None:
    published = find("human-pose-estimation-0001-fp16-int8")
    assert published.size_bytes == 426_156 + 4_170_034
    for file in published.files:
        content = (shared_data / "teachers" / file.name).read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (file.digest, file.size)


def test_unknown_names_suggest_the_nearest() -> None:
    with pytest.raises(FetchError, match="named 'openpose-body_25' are known: did you mean 'openpose-body25'"):
        find("openpose-body_25")
    with pytest.raises(FetchError, match="`jaxpose models` lists them"):
        find("xyzzy")


def test_it_needs_nothing_heavy() -> None:
    code = "import sys, jaxpose.weights.registry, jaxpose.weights.fetching; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert "jaxpose.weights.registry" in loaded
    assert not {"numpy", "jax", "safetensors", "tqdm"} & {*loaded}

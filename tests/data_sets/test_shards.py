"""Plain shards give back what was written, from a process that has neither tensorflow-datasets nor jax."""

import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxpose.data.examples import Example
from jaxpose.data.shards import FIELDS, ShardSource, write_shards
from jaxpose.data.sources import open_data
from jaxpose.errors import DataError, OutputError
from jaxpose.records import NO_ID
from jaxpose.skeletons import LSP_14


class Made:
    """A source with examples of every kind: nobody, many, regions of several sizes, names beyond ASCII."""

    skeleton = LSP_14
    labels = frozenset(LSP_14.joints[:5])

    def __init__(self, seed: int = 0, length: int = 11) -> None:
        rng = np.random.default_rng(seed)
        self.examples = []
        for row in range(length):
            people, regions = int(rng.integers(0, 4)), int(rng.integers(0, 3))
            self.examples.append(
                Example(
                    image=rng.bytes(int(rng.integers(1, 2000))),
                    keypoints=rng.uniform(0, 9, (people, 14, 3)).astype(np.float32),
                    boxes=rng.uniform(0, 9, (people, 4)).astype(np.float32),
                    ids=rng.integers(NO_ID, 9, people),
                    regions=tuple(rng.uniform(0, 9, (n, 2)).astype(np.float32) for n in rng.integers(3, 7, regions)),
                    sequence=f"straße/{row}",
                    frame=row,
                )
            )

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> Example:
        return self.examples[index]


def check(found: Example, expected: Example) -> None:
    assert (found.image, found.sequence, found.frame) == (expected.image, expected.sequence, expected.frame)
    for name in ("keypoints", "boxes", "ids"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
        assert getattr(found, name).dtype == getattr(expected, name).dtype
    assert len(found.regions) == len(expected.regions)
    for ours, theirs in zip(found.regions, expected.regions, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.0005, 0.003, 64]))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, seed: int, megabytes: float) -> None:
    folder = tmp_path_factory.mktemp("shards") / "s"
    made = Made(seed)
    write_shards(made, folder, megabytes)
    source = ShardSource(folder)
    assert (len(source), source.labels, source.skeleton) == (len(made), made.labels, LSP_14)
    for row in np.random.default_rng(seed).permutation(len(made)).tolist():
        check(source[row], made[row])
    check(source[-1], made[len(made) - 1])
    with pytest.raises(IndexError):
        source[len(made)]


def test_shards_are_as_large_as_asked_for_and_have_the_fields_that_are_told(tmp_path: Path) -> None:
    write_shards(Made(), tmp_path / "s", 0.003)
    files = sorted((tmp_path / "s").glob("*.npz"))
    assert len(files) > 2
    for file in files:
        with np.load(file) as shard:
            assert {*shard.files} == {*FIELDS}
            assert len(shard["picture_bytes"]) <= 3000
            assert shard["keypoints"].shape[1] == shard["people"].max(initial=0)


def test_a_source_of_shards_travels_and_opens_by_folder(tmp_path: Path) -> None:
    made = Made()
    write_shards(made, tmp_path / "s")
    source = open_data(tmp_path / "s", "train")
    check(source[3], made[3])
    check(pickle.loads(pickle.dumps(source))[3], made[3])


def test_shards_need_numpy_and_opencv_alone(tmp_path: Path) -> None:
    write_shards(Made(), tmp_path / "s")
    code = f"""
import sys
from jaxpose.data.shards import ShardSource
print(len(ShardSource({str(tmp_path / "s")!r})[2].image))
print(*sorted({{"jax", "flax", "grain", "scipy", "tensorflow_datasets", "array_record", "av"}} & {{*sys.modules}}))
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == f"{len(Made()[2].image)}\n\n"


def test_what_is_not_whole_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    write_shards(Made(), folder, 0.003)
    with pytest.raises(OutputError, match="s: is not empty; choose another folder"):
        write_shards(Made(), folder)
    first = folder / "00000.npz"
    content = first.read_bytes()
    first.write_bytes(content[:1000])
    with pytest.raises(DataError, match=r"00000.npz: no shard that can be read"):
        ShardSource(folder)[0]
    np.savez(first, people=np.zeros(3))
    with pytest.raises(DataError, match=r"00000.npz: no shard, boxes, frame, ids, .* missing"):
        ShardSource(folder)[0]
    np.savez_compressed(first, people=np.zeros(3))
    with pytest.raises(DataError, match=r"people.npy is compressed"):
        ShardSource(folder)[0]
    first.unlink()
    with pytest.raises(DataError, match=r"00000.npz: is missing; copy it again"):
        ShardSource(folder)
    index = json.loads((folder / "index.json").read_text())
    (folder / "index.json").write_text(json.dumps(index | {"joints": ["tail"]}))
    with pytest.raises(DataError, match="no folder of shards that can be read"):
        ShardSource(folder)
    put = tmp_path / "file"
    put.write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_shards(Made(), put / "s")

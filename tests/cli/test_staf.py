"""STAF from end to end: its packaged recipe trains, saves, goes on and becomes a model that tracks."""

import json

import clips
import numpy as np
import pytest

from jaxpose.cli import main
from jaxpose.formats import jsonl, posetrack
from jaxpose.systems.staf.config import StafLiteConfig
from jaxpose.training.checkpoints import read
from jaxpose.weights import store

NETWORK = {
    "coarse": "block_6", "fine": "block_2", "context-width": "8", "dilations": "1", "width": "8", "paf-blocks": "1",
    "heatmap-blocks": "1", "taf-dilations": "1",
}  # fmt: skip
CHANGES = {
    **{f"network.{name}": value for name, value in NETWORK.items()},
    "data.1.data": "procedural", "data.2.data": "procedural", "data.2.split": "train",
    "procedural.pictures": "6", "procedural.held-out": "2", "procedural.size": "64", "procedural.people": "1 2",
    "crops.place.crop": "64", "crops.clip.frames": "2", "batch": "2",
    "training.log-every": "1", "training.evaluate-every": "2", "training.optimizer.schedule.warmup": "1",
    "evaluation.data.0.data": "procedural", "evaluation.pictures": "2", "evaluation.size": "64",
}  # fmt: skip
TINY = [word for name, value in CHANGES.items() for word in (f"--{name}", *value.split())]
"""A network that trains in a moment, on made-up people alone."""


pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("in_shared_home")]


@pytest.fixture(scope="module")
def trained(shared_home, tmp_path_factory):
    """The folder of two steps that went on to three."""
    folder = tmp_path_factory.mktemp("runs") / "staf"
    arguments = ["train", "staf_lite", "--out", str(folder), *TINY]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXPOSE_HOME", str(shared_home))
        assert main([*arguments, "--training.steps", "2"]) == 0
        assert main([*arguments, "--training.steps", "3", "--resume"]) == 0
        assert main(["export-weights", str(folder), "--as", "staf-tiny", "--step", "3"]) == 0
    return folder


def track(clip, out, *arguments):
    return main(["track", str(clip), "--out", str(out), "--model", "staf-tiny", "--size", "96", *arguments])


def test_training_learns_all_three_fields_and_goes_on(trained):
    told = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    losses = {line["step"]: line["terms"] for line in told if "loss" in line}
    assert sorted(losses) == [1, 2, 3]
    assert all({*terms} == {"pafs_0", "heatmaps_1", "tafs_2"} for terms in losses.values())
    assert all(term > 0 for terms in losses.values() for term in terms.values())
    second, third = (read(trained, step).arrays for step in (2, 3))
    moved = {name for name in third if name.startswith("params/") and not np.array_equal(second[name], third[name])}
    assert any(name.startswith("params/tafs/") for name in moved)
    assert any(name.startswith("params/recall_pafs/") for name in moved)
    assert not any(name.startswith("params/trunk/") for name in moved)


def test_the_export_is_a_model_that_tracks(trained, tmp_path):
    card = store.read_card(store.path_of("staf-tiny"))
    assert card.architecture == "staf-lite"
    assert StafLiteConfig(**card.config).taf_dilations == (1,)
    clip = clips.make_clip(tmp_path / "clip.mp4", 6, width=96, height=64)
    assert track(clip, tmp_path / "people.jsonl") == 0
    header, frames = jsonl.read(tmp_path / "people.jsonl")
    assert header.skeleton == "body_21a"
    assert [people.frame for people in frames] == list(range(6))


def test_its_people_go_out_as_posetrack(trained, tmp_path):
    clip = clips.make_clip(tmp_path / "clip.mp4", 3, width=96, height=64)
    for form in ("posetrack17", "posetrack18"):
        out = tmp_path / f"{form}.json"
        assert track(clip, out, "--format", form) == 0
        assert len(posetrack.read_poses(out).numbers) == 3

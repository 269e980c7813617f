"""From BODY_21A to PoseTrack's joints, as the paper's results were sent in: without those that score below 0.05."""

import inspect
from pathlib import Path

import jax
import numpy as np
import pytest
import scenes
from staf_scenes import STRIDE, H, W

from jaxpose.architectures import ARCHITECTURES
from jaxpose.fields.config import DecodeConfig
from jaxpose.formats.annolist import PoseTrack17Writer
from jaxpose.formats.annotating import PoseTrack18Writer
from jaxpose.formats.posetrack import read_poses
from jaxpose.geometry import Fit
from jaxpose.skeletons import BODY_21A
from jaxpose.systems.staf.decoding import decode_fields
from jaxpose.systems.staf.fields import StafFields
from jaxpose.systems.staf.tracker import PeopleTracker

WEAK, STRONG = "left_wrist", "right_wrist"
PUBLISHED_15 = (11, 10, 9, 12, 13, 14, 4, 3, 2, 5, 6, 7, 19, 0, 20)
"""Of BODY_21A, in the order of PoseTrack 2017's joints."""


@pytest.mark.parametrize("writer", [PoseTrack17Writer, PoseTrack18Writer])
def test_fifteen_joints_and_none_below_a_twentieth(writer: type[PoseTrack17Writer], tmp_path: Path) -> None:
    links = BODY_21A.temporal_links("B")
    poses = scenes.standing_people(np.random.default_rng(0), 2, BODY_21A, W * STRIDE, H * STRIDE)
    heat, pafs = scenes.render(poses, BODY_21A, H, W)
    for joint, share in ((WEAK, 0.045), (STRONG, 0.07)):
        own = heat[..., BODY_21A.index(joint)]
        own *= share / own.max()
    fields = StafFields(*(np.float32(field)[None] for field in (heat, pafs, np.zeros((H, W, 2 * len(links))))))
    config, nobody = DecodeConfig(), np.zeros((1, 21), np.int32)
    decode = jax.jit(lambda fields, xy: decode_fields(fields, xy, nobody, BODY_21A, links, STRIDE, config))
    found = jax.device_get(decode(fields, np.zeros((1, 21, config.candidates, 2), np.float32)))
    tracker = PeopleTracker(BODY_21A, links)
    people = [
        *tracker.push(jax.tree.map(lambda leaf: leaf[0], found), Fit(W * STRIDE, H * STRIDE, 1.0), 0, 0.0),
        *tracker.flush(),
    ]
    with writer(tmp_path / "found.json", BODY_21A, source="memory", config={}) as file:
        for each in people:
            file.write(each)
    told = read_poses(tmp_path / "found.json")
    assert sorted(told.ids.tolist()) == [1, 2]
    assert told.there[:, told.skeleton.index(STRONG)].all()
    assert not told.there[:, told.skeleton.index(WEAK)].any()
    assert np.nanmin(told.joint_scores[told.there]) >= 0.05
    for row, own in enumerate(told.xy):
        (person,) = [pose for pose in poses if np.abs(pose[0, :2] - own[told.skeleton.index("nose")]).max() < 6]
        joints = [i for i in range(15) if BODY_21A.joints[PUBLISHED_15[i]] != WEAK]
        order = [told.skeleton.index(BODY_21A.joints[PUBLISHED_15[i]]) for i in joints]
        assert told.there[row, order].all()
        np.testing.assert_allclose(own[order], person[[PUBLISHED_15[i] for i in joints], :2], atol=4)


@pytest.mark.parametrize("name", [name for name, kind in ARCHITECTURES.items() if kind.tracker])
def test_every_network_of_the_system_leaves_out_what_the_paper_does(name: str) -> None:
    tracker = ARCHITECTURES[name].tracker
    assert tracker is not None
    assert inspect.signature(tracker).parameters["decode"].default.peak_threshold >= 0.05

"""What the fields of a clip should be, whose motion is known, and how errors add up."""

import jax
import numpy as np
import pytest
import scenes
from tiny_staf import clip_batch

from jaxpose.records import NO_ID
from jaxpose.skeletons import MPI_15, Skeleton
from jaxpose.systems.staf.config import StafConfig, StafLossConfig
from jaxpose.systems.staf.fields import StafFields
from jaxpose.systems.staf.losses import targets, terms

draw = jax.jit(targets, static_argnums=(1, 2, 3, 4))
BATCH = clip_batch(2, 3, 2)
CONFIG = StafLossConfig()
PAIRS = MPI_15.temporal_links("B")


def tafs_by_loop(now, before):
    """Of one frame, from a pose of both frames' joints: [h, w, 2 * k]."""
    both = tuple(f"{joint}_{frame}" for frame in ("now", "before") for joint in MPI_15.joints)
    joined = Skeleton("both", both, tuple((15 + b, a) for a, b in PAIRS), (0.1,) * 30)
    return scenes.render(np.concatenate([now, before], axis=1).astype(float), joined, 4, 5)[1]


def test_targets_of_every_frame():
    aims = draw(BATCH, MPI_15, "B", 8, CONFIG)
    assert [field.shape for field in aims.fields] == [(2, 3, 4, 5, c) for c in (16, 28, 56)]
    for clip, people in enumerate(BATCH.keypoints):
        for frame, now in enumerate(people):
            heat, paf = scenes.render(now.astype(float), MPI_15, 4, 5)
            np.testing.assert_allclose(aims.fields.heatmaps[clip, frame], heat, atol=2e-5)
            np.testing.assert_allclose(aims.fields.pafs[clip, frame], paf, atol=2e-5)
            truth = tafs_by_loop(now, people[max(frame - 1, 0)])
            np.testing.assert_allclose(aims.fields.tafs[clip, frame], truth, atol=2e-5)
    assert np.abs(aims.fields.tafs).max() > 0.9
    assert all(np.asarray(known).all() for known in aims.known)


def test_in_the_first_frame_people_come_from_where_they_are():
    pafs, tafs = (np.asarray(field)[:, 0] for field in draw(BATCH, MPI_15, "B", 8, CONFIG).fields[1:])
    np.testing.assert_allclose(tafs, np.concatenate([-pafs, pafs], axis=-1), atol=1e-6)


def test_of_people_who_are_not_told_apart_nothing_is_known():
    ids, keypoints = BATCH.ids.copy(), np.zeros_like(BATCH.keypoints)
    ids[0, :, 1] = NO_ID
    left, right = np.array([[2.0, 2.0, 1]] * 15), np.array([[30.0, 25.0, 1]] * 15)
    left[:, 1] += np.arange(15) % 2 * 4
    right[:, 1] += np.arange(15) % 2 * 4
    keypoints[0, :, 0], keypoints[0, :, 1] = left, right  # the second is a stranger, another one in each frame
    aims = draw(BATCH._replace(ids=ids, keypoints=keypoints), MPI_15, "B", 8, CONFIG)
    known = np.asarray(aims.known.tafs).all(-1)
    assert known[0, 0].all()  # in the first frame people are themselves
    expected = np.ones((4, 5), bool)
    expected[2:, 3:] = False  # up to a cell around (30, 25) to (30, 29)
    np.testing.assert_array_equal(known[0, 1], expected)
    assert known[1].all()
    assert np.asarray(aims.known.pafs).all()
    tafs = np.abs(aims.fields.tafs).max(-1)
    assert tafs[0, 1, 0, 0] > 0.9
    assert not tafs[0, 1, 2:, 3:].any()
    assert tafs[0, 0, 3, 3] > 0.9


def test_tafs_are_known_where_both_frames_are_and_both_joints():
    known, valid = BATCH.known.copy(), BATCH.valid.copy()
    joint = MPI_15.index("head_bottom")
    known[0, :, joint] = False
    valid[1, 1, 0, 0] = 0
    masks = draw(BATCH._replace(known=known, valid=valid), MPI_15, "B", 8, CONFIG).known
    assert [bool(x) for x in masks.tafs[0, 1, 0, 0, ::2]] == [joint not in pair for pair in PAIRS]
    lost = ~np.asarray(masks.tafs)[1, :, :, :, 0]
    assert [tuple(place) for place in np.argwhere(lost)] == [(1, 0, 0), (2, 0, 0)]  # and in the frame after
    assert [tuple(place) for place in np.argwhere(~np.asarray(masks.pafs)[1, ..., 0])] == [(1, 0, 0)]


@pytest.mark.parametrize(
    "config", [CONFIG, StafLossConfig(reduction="mean", positive=3.0, background=0.5, tafs=0.25)], ids=["sum", "mean"]
)
def test_terms_are_sums_over_all_frames(config):
    rng = np.random.default_rng(0)
    valid = BATCH.valid.copy()
    valid[0, 1, 2:] = 0
    aims = draw(BATCH._replace(valid=valid), MPI_15, "B", 8, config)
    stages = tuple(
        StafFields(*(rng.normal(size=field.shape).astype(np.float32) for field in aims.fields)) for _ in range(3)
    )
    schedule = StafConfig("mpi_15", tafs="after").schedule
    found = terms(stages, schedule, aims, config)
    assert list(found) == ["pafs_0", "heatmaps_1", "tafs_2"]
    for number, (name, term) in enumerate(found.items()):
        field = name.partition("_")[0]
        said, aim, known = (
            np.asarray(getattr(fields, field), np.float64) for fields in (stages[number], aims.fields, aims.known)
        )
        weight = known * (1 + config.positive * np.abs(aim))
        if field == "heatmaps":
            weight[..., -1] *= config.background
        assert term.total == pytest.approx((weight * (said - aim) ** 2).sum(), rel=1e-5)
        assert term.divisor == (6 if config.reduction == "sum" else known.sum())
        own = config.tafs if field == "tafs" else 1
        assert term.weight == own * (0.5 if config.reduction == "sum" else 1)

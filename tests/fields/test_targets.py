import functools

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
import scenes

from jaxpose.fields.targets import (
    affinities,
    affinity_mask,
    around,
    heatmap_mask,
    heatmaps,
    links,
    offsets,
    tags,
    temporal_affinities,
)
from jaxpose.skeletons import BODY_21A, BODY_25, COCO_18, MPI_15, Skeleton

SIZE = (20, 26)
draw_heatmaps = jax.jit(heatmaps, static_argnums=(1, 2, 3))
draw_affinities = jax.jit(affinities, static_argnums=(1, 2, 3, 4))
draw_temporal = jax.jit(temporal_affinities, static_argnums=(2, 3, 4, 5))


def batch_of(counts, skeleton=BODY_25, padded=6, size=SIZE, stride=8, seed=0):
    """Crowds of so many people, padded: [b, padded, j, 3]."""
    rng = np.random.default_rng(seed)
    people = np.zeros((len(counts), padded, len(skeleton.joints), 3))
    for i, n in enumerate(counts):
        people[i, :n] = scenes.crowd(rng, n, skeleton, size[1] * stride, size[0] * stride)
    return people


def offsets_by_loop(people, size, stride, radius):
    """[h, w, j, 2] and [h, w, j], cell by cell in float64."""
    h, w = size
    way = np.zeros((h, w, people.shape[1], 2))
    near = np.zeros((h, w, people.shape[1]), bool)
    for row, column, joint in np.ndindex(near.shape):
        cell = stride / 2 - 0.5 + stride * np.array([column, row])
        ways = [(person[joint, :2] - cell) / stride for person in people if person[joint, 2] > 0]
        nearest = min(ways, key=lambda each: float(np.hypot(*each)), default=None)
        if nearest is not None and np.hypot(*nearest) <= radius:
            way[row, column, joint], near[row, column, joint] = nearest, True
    return way, near


@pytest.mark.parametrize("skeleton", [BODY_25, COCO_18, MPI_15], ids=lambda skeleton: skeleton.name)
@pytest.mark.parametrize(("stride", "sigma", "width"), [(8, 7.0, 1.0), (4, 7.0, 2.0), (16, 9.5, 0.5)])
def test_heatmaps_and_affinities_as_a_loop_over_people(skeleton, stride, sigma, width):
    people = batch_of((0, 1, 3, 6), skeleton, stride=stride)
    heat = draw_heatmaps(people.astype(np.float32), SIZE, stride, sigma)
    paf = draw_affinities(people.astype(np.float32), skeleton.limbs, SIZE, stride, width)
    for i, each in enumerate(people.astype(np.float32).astype(float)):
        truth, _ = scenes.render(each, skeleton, *SIZE, stride, sigma)
        np.testing.assert_allclose(heat[i], truth, atol=2e-5)
        np.testing.assert_allclose(paf[i], scenes.render(each, skeleton, *SIZE, stride, width=width)[1], atol=2e-5)
    assert (np.asarray(heat)[1:, ..., :-1].max((1, 2, 3)) > 0.5).all()
    assert (np.abs(paf)[1:].max((1, 2, 3)) > 0.5).all()
    assert (np.asarray(heat)[0, ..., -1] == 1).all()
    assert not np.asarray(paf)[0].any()


def test_published_constants():
    people = np.zeros((1, 2, 3), np.float32)
    people[0, :, :] = (83.5, 83.5, 1), (147.5, 83.5, 1)  # cells (10, 10) and (18, 10) of stride 8
    heat = np.asarray(draw_heatmaps(people, (21, 21)))
    assert heat[10, 10, 0] == heat[10, 18, 1] == 1
    assert heat[10, 10, 2] == 0
    assert heat[10, 11, 0] == pytest.approx(np.exp(-64 / 98))
    assert heat[12, 11, 0] == pytest.approx(np.exp(-320 / 98))  # 17.9 px away; 21.2 px is 1 %
    assert heat[12, 12, 0] == 0
    assert heat[10, 13, 0] == 0
    paf = np.asarray(draw_affinities(people, ((0, 1),), (21, 21)))
    expected = np.zeros((21, 21))
    expected[9:12, 9:20] = 1
    np.testing.assert_array_equal(paf[..., 0], expected)
    assert not paf[..., 1].any()


def test_where_people_overlap_the_field_is_their_mean():
    people = np.zeros((2, 2, 3), np.float32)
    people[0] = (3.5, 43.5, 1), (83.5, 43.5, 1)  # to the right
    people[1] = (43.5, 3.5, 1), (43.5, 83.5, 1)  # down
    paf = np.asarray(draw_affinities(people, ((0, 1),), (11, 11)))
    assert paf[5, 5].tolist() == [0.5, 0.5]
    assert paf[5, 2].tolist() == [1, 0]
    assert paf[2, 5].tolist() == [0, 1]


def test_limbs_without_length_or_without_a_joint_have_no_field():
    people = np.zeros((3, 2, 3), np.float32)
    people[0] = (40, 40, 1), (40, 40, 1)
    people[1] = (40, 40, 1), (80, 40, 0)
    people[2] = (40, 40, 0), (80, 40, 1)
    assert not np.asarray(draw_affinities(people, ((0, 1),), (12, 12))).any()


def test_limbs_that_reach_out_of_the_crop_keep_their_inner_part():
    people = np.array([[[-500, 43.5, 1], [2000, 43.5, 1]]], np.float32)
    paf = np.asarray(draw_affinities(people, ((0, 1),), (11, 11)))
    assert (paf[4:7, :, 0] == 1).all()
    assert not np.asarray(draw_heatmaps(people, (11, 11)))[..., :-1].any()


def test_links_go_from_one_frame_to_the_next():
    rng = np.random.default_rng(3)
    before, after = (scenes.crowd(rng, 3, MPI_15, 160, 120).astype(np.float32) for _ in range(2))
    swapped = np.concatenate([before, after], axis=1)  # one pose of both frames' joints
    own = np.asarray(jax.jit(links, static_argnums=2)(before, after, (15, 20)))
    j = len(MPI_15.joints)
    np.testing.assert_array_equal(own, draw_affinities(swapped, tuple((i, j + i) for i in range(j)), (15, 20)))
    assert own.any()


@pytest.mark.parametrize("topology", ["A", "B", "C"])
@pytest.mark.parametrize(("stride", "width"), [(8, 1.0), (4, 2.0)])
def test_temporal_affinities_as_a_loop_over_people(topology, stride, width):
    before = batch_of((0, 1, 3, 6), MPI_15, stride=stride, seed=1)
    rng = np.random.default_rng(2)
    now = before + np.append(rng.uniform(-40, 40, (4, 6, 1, 2)), np.zeros((4, 6, 1, 1)), -1) * (before[..., 2:] > 0)
    now *= rng.uniform(0, 1, (4, 6, 15, 1)) > 0.1  # some joints are not labelled
    pairs = MPI_15.temporal_links(topology)
    now, before = now.astype(np.float32), before.astype(np.float32)
    found = draw_temporal(now, before, pairs, SIZE, stride, width)
    both = tuple(f"{joint}_{frame}" for frame in ("now", "before") for joint in MPI_15.joints)
    joined = Skeleton(
        "both", both, tuple((15 + b, a) for a, b in pairs), (0.1,) * 30
    )  # one pose of both frames' joints
    for i, people in enumerate(np.concatenate([now, before], axis=2).astype(float)):
        np.testing.assert_allclose(found[i], scenes.render(people, joined, *SIZE, stride, width=width)[1], atol=2e-5)
    assert (np.abs(found)[1:].max((1, 2, 3)) > 0.5).all()


def test_temporal_affinities_point_from_the_joint_before_to_the_joint_now():
    now, before = np.zeros((2, 1, 2, 3), np.float32)
    before[0] = (3.5, 43.5, 1), (43.5, 83.5, 1)
    now[0] = (43.5, 3.5, 1), (83.5, 43.5, 1)
    found = np.asarray(draw_temporal(now, before, ((1, 0), (0, 1)), (11, 11)))
    assert found[5, 4].tolist() == [1, 0, 0, -1]  # right: of joint 1 from where joint 0 was; up: the other way round


def test_without_motion_temporal_affinities_are_those_of_the_limbs():
    people = batch_of((1, 3), BODY_21A).astype(np.float32)
    paf = np.asarray(draw_affinities(people, BODY_21A.limbs, SIZE))
    taf = np.asarray(draw_temporal(people, people, BODY_21A.temporal_links("B"), SIZE))
    np.testing.assert_allclose(taf, np.concatenate([-paf, paf], axis=-1), atol=1e-6)
    assert np.abs(paf).max() > 0.5
    assert not np.asarray(draw_temporal(people, people, BODY_21A.temporal_links("A"), SIZE)).any()


def test_cells_around_people():
    people = np.zeros((2, 3, 2, 3), np.float32)
    people[0, 0] = (19.5, 27.5, 1), (35.5, 43.5, 1)  # cells (2, 3) and (4, 5)
    people[0, 2, 1] = (83.5, 3.5, 1)  # cell (10, 0); the other joint is not labelled
    expected = np.zeros((2, 9, 12), bool)
    expected[0, 2:7, 1:6] = expected[0, :2, 9:12] = True
    np.testing.assert_array_equal(jax.jit(around, static_argnums=1)(people, (9, 12)), expected)


@pytest.mark.parametrize(("stride", "radius"), [(8, 2.0), (4, 3.5)])
def test_offsets_as_a_loop_over_cells(stride, radius):
    people = batch_of((0, 2, 5), COCO_18, stride=stride).astype(np.float32)
    way, near = jax.jit(offsets, static_argnums=(1, 2, 3))(people, SIZE, stride, radius)
    way = np.asarray(way).reshape(*near.shape, 2)
    for i, each in enumerate(people.astype(float)):
        truth, there = offsets_by_loop(each, SIZE, stride, radius)
        np.testing.assert_array_equal(near[i], there)
        np.testing.assert_allclose(way[i], truth, atol=2e-5)
    assert 0 < near[2].mean() < 0.5


def test_tags_read_the_cell_under_each_joint():
    people = batch_of((0, 2, 5), COCO_18).astype(np.float32)
    people[1, 0, 0] = (-0.6, 5, 1)  # just left of the first cell
    people[1, 0, 1] = (-0.4, 5, 1)
    people[1, 0, 2] = (26 * 8 - 0.6, 20 * 8 - 0.6, 1)  # within the last cell
    people[1, 0, 3] = (26 * 8 - 0.4, 5, 1)
    cells, there = (np.asarray(each) for each in jax.jit(tags, static_argnums=1)(people, SIZE))
    assert there[1, 0, :4].tolist() == [False, True, True, False]
    assert cells[1, 0, :4].tolist() == [0, 0, 26 * 20 - 1, 0]
    x, y = (3.5 + 8 * np.arange(n) for n in (26, 20))
    for i, person, joint in zip(*np.nonzero(there), strict=True):
        nearest = [np.abs(axis - at).argmin() for axis, at in zip((y, x), people[i, person, joint, 1::-1], strict=True)]
        assert divmod(cells[i, person, joint], 26) == tuple(nearest)
    inside = ((people[..., :2] > -0.5) & (people[..., :2] < (207.5, 159.5))).all(-1) & (people[..., 2] > 0)
    np.testing.assert_array_equal(there, inside)


def test_masks_hold_what_is_known_in_valid_cells():
    limbs = ((0, 1), (1, 2))
    known = np.array([[True, True, True], [True, False, False], [False, True, True]])
    valid = np.ones((3, 4, 5), np.uint8)
    valid[:, 1, 2] = 0
    heat, paf = np.asarray(heatmap_mask(known, valid)), np.asarray(affinity_mask(known, valid, limbs))
    assert heat.shape == (3, 4, 5, 4)
    assert heat[:, 0, 0].tolist() == [[True] * 4, [True, False, False, False], [False, True, True, True]]
    assert paf[:, 0, 0].tolist() == [[True] * 4, [False] * 4, [False, False, True, True]]
    assert not heat[:, 1, 2].any()
    assert not paf[:, 1, 2].any()
    for mask in (heat, paf):
        np.testing.assert_array_equal(mask.any((1, 2)), mask[:, 0, 0])


def every_target(people):
    return (
        heatmaps(people, SIZE),
        affinities(people, COCO_18.limbs, SIZE),
        *offsets(people, SIZE),
        *tags(people, SIZE),
    )


def test_clips_vmap_and_no_jit_agree():
    people = batch_of((2, 0, 4, 1), COCO_18).astype(np.float32)
    whole = jax.jit(every_target)(people)
    clips = jax.jit(every_target)(people.reshape(2, 2, *people.shape[1:]))
    for each, as_clip, mapped in zip(whole, clips, jax.jit(jax.vmap(every_target))(people), strict=True):
        np.testing.assert_array_equal(as_clip.reshape(each.shape), each)
        np.testing.assert_allclose(mapped, each, atol=1e-6)
    np.testing.assert_allclose(affinities(people, COCO_18.limbs, SIZE), whole[1], atol=1e-6)


def test_nobody_and_no_room_for_anybody():
    for padded in (3, 1):
        heat, paf, way, near, _, there = jax.jit(every_target)(np.zeros((padded, 18, 3), np.float32))
        assert (np.asarray(heat[..., -1]) == 1).all()
        assert not any(np.asarray(each).any() for each in (heat[..., :-1], paf, way, near, there))


def test_a_loss_on_targets_has_its_gradient():
    people = batch_of((2, 3), COCO_18).astype(np.float32)

    @jax.jit
    @jax.grad
    def slope(level, people):
        return jnp.mean(jnp.square(level - heatmaps(people, SIZE)))

    expected = 2 * (0.3 - np.asarray(draw_heatmaps(people, SIZE)).mean())
    assert slope(0.3, people) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("platform", ["cpu", "cuda", "rocm", "tpu"])
def test_lowers_for_every_platform(platform):
    shape = jax.ShapeDtypeStruct((10, 32, 25, 3), jnp.float32)
    draw = functools.partial(affinities, limbs=BODY_25.limbs, size=(46, 46))
    exported = jax.export.export(jax.jit(lambda k: (heatmaps(k, (46, 46)), draw(k))), platforms=[platform])(shape)
    assert [aval.shape for aval in exported.out_avals] == [(10, 46, 46, 26), (10, 46, 46, 52)]


def test_a_person_adds_rows_and_columns_to_the_memory_not_maps():
    def temporary(people):
        shape = jax.ShapeDtypeStruct((10, people, 25, 3), jnp.float32)
        both = jax.jit(lambda k: (heatmaps(k, (46, 46)), affinities(k, BODY_25.limbs, (46, 46))))
        return both.lower(shape).compile().memory_analysis().temp_size_in_bytes

    maps = 4 * 10 * 46 * 46 * (26 + 52)
    assert temporary(32) < 3 * maps
    row_and_column = 4 * 10 * (46 + 46) * (25 + 26)
    assert temporary(256) - temporary(32) < 1.5 * 224 * row_and_column

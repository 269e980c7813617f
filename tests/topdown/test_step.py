"""The device's step with a stand-in for the network: slots, groups, and places in the frames."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dots import SIZE, boxes_around, paint, read, row

from jaxpose.geometry import crop_maps, fit_aspect
from jaxpose.topdown.step import PersonPoses, make_step

PARAMS = {"gain": np.float32(1)}


def slots_for(boxes: np.ndarray, index: list[int], slots: int) -> tuple[np.ndarray, np.ndarray, np.int32]:
    maps = np.zeros((slots, 2, 3), np.float32)
    maps[: len(boxes)] = crop_maps(fit_aspect(boxes, SIZE[1] / SIZE[0]), SIZE[1], SIZE[0])
    where = np.zeros(slots, np.int32)
    where[: len(index)] = index
    return where, maps, np.int32(len(boxes))


@pytest.mark.parametrize("group", [1, 4])
def test_everybody_is_found_whatever_their_number(group: int) -> None:
    step = jax.jit(make_step(read, SIZE, fill=0, group=group))
    for count in (0, 1, 3, 4, 9, 12):
        people = [row(count), row(2, 31, 25)]
        frames = np.stack([paint(60, 640, each) for each in people])
        boxes = np.concatenate([boxes_around(each).boxes for each in people])
        found: PersonPoses = step(PARAMS, frames, *slots_for(boxes, [0] * count + [1] * 2, 16))
        expected = np.concatenate(people)
        np.testing.assert_allclose(found.keypoints[: count + 2, :, :2], expected, atol=0.15)
        assert (found.keypoints[: count + 2, :, 2] > 0.6).all()
        assert not np.any(found.keypoints[count + 2 :])
        assert np.all(found.finite)
    assert step._cache_size() == 1


def test_who_is_not_finite_is_told_by_slot() -> None:
    def spoiled(params: dict, crops: jnp.ndarray) -> tuple[jnp.ndarray, jnp.ndarray]:
        keypoints, finite = read(params, crops)
        return keypoints, finite & (crops.max((1, 2, 3)) < 240)

    frames = np.stack([paint(60, 640, row(2)), paint(60, 640, row(0))])
    index, maps, count = slots_for(np.concatenate([boxes_around(row(2)).boxes] * 2), [0, 1, 1, 0], 8)
    found = jax.jit(make_step(spoiled, SIZE, fill=0, group=2))(PARAMS, frames, index, maps, count)
    assert found.finite.tolist() == [False, True, True, False, True, True, True, True]


def test_slots_are_a_multiple_of_the_group() -> None:
    with pytest.raises(ValueError, match="multiple of 4, got 6"):
        make_step(read, SIZE, fill=0, group=4)(
            PARAMS, paint(60, 640, row(1))[None], *slots_for(np.zeros((0, 4)), [], 6)
        )


@pytest.mark.parametrize("platform", ["cpu", "cuda", "rocm", "tpu"])
def test_lowers_for_every_platform(platform: str) -> None:
    shapes = (
        {"gain": jax.ShapeDtypeStruct((), jnp.float32)},
        jax.ShapeDtypeStruct((2, 60, 80, 3), jnp.uint8),
        jax.ShapeDtypeStruct((8,), jnp.int32),
        jax.ShapeDtypeStruct((8, 2, 3), jnp.float32),
        jax.ShapeDtypeStruct((), jnp.int32),
    )
    exported = jax.export.export(jax.jit(make_step(read, SIZE, fill=0, group=4)), platforms=[platform])(*shapes)
    assert exported.out_avals[0].shape == (8, 3, 3)

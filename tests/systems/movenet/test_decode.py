"""Poses from maps, against the published graph's six people and against a plain loop over whole maps."""

from pathlib import Path

import jax
import numpy as np
import pytest

from jaxpose.systems.movenet.config import PoseConfig
from jaxpose.systems.movenet.decode import Poses, find_poses
from jaxpose.systems.movenet.network import Maps

JOINTS = 17
PUBLISHED = PoseConfig(centre_threshold=0.01, joint_threshold=1e-4, person_spread=0.0)

decode = jax.jit(find_poses, static_argnums=1)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def random_maps(people: int, seed: int = 0, height: int = 40, width: int = 56) -> Maps:
    """Maps as noise, with so many centres that no other cell comes near them; float64."""
    rng = np.random.default_rng(seed)
    shape = (1, height, width)
    centres = rng.normal(-9, 1, (*shape, 1))
    places = [(y, x) for y in range(1, height, 4) for x in range(2, width, 5)]
    for i in rng.permutation(len(places))[:people]:
        centres[0, *places[i], 0] = rng.uniform(-1, 3)
    return Maps(
        centres=centres,
        box_sizes=rng.uniform(5, 30, (*shape, 2)),
        box_offsets=rng.uniform(0, 1, (*shape, 2)),
        heatmaps=rng.normal(-3, 2, (*shape, JOINTS)),
        displacements=rng.normal(0, 5, (*shape, 2 * JOINTS)),
        offsets=rng.uniform(0, 1, (*shape, 2 * JOINTS)),
    )


def plainly(maps: Maps, config: PoseConfig) -> tuple[np.ndarray, np.ndarray]:
    """The same, person by person and joint by joint over whole maps, in float64: keypoints and scores."""
    maps = Maps(*(np.asarray(field[0], np.float64) for field in maps))
    height, width = maps.centres.shape[:2]
    heat = sigmoid(maps.centres[..., 0])
    people = []
    for y in range(height):
        for x in range(width):
            around = heat[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3]
            if heat[y, x] > config.centre_threshold and heat[y, x] == around.max():
                people.append((heat[y, x], y, x))
    rows, columns = np.mgrid[:height, :width]
    keypoints, scores = [], []
    for score, y, x in sorted(people, reverse=True):
        size = np.maximum(maps.box_sizes[y, x], 0)
        middle = np.array([x, y]) + maps.box_offsets[y, x]
        (left, top), (right, bottom) = middle - size / 2, middle + size / 2
        box = (columns >= left) & (columns < right) & (rows >= top) & (rows < bottom)
        spread = max(0.3 * min(height, width), config.person_spread**2 * size.prod())
        pose = np.zeros((JOINTS, 3))
        for j in range(JOINTS):
            rough_x, rough_y = np.array([x, y]) + maps.displacements[y, x, 2 * j : 2 * j + 2]
            near = np.exp(-((columns - rough_x) ** 2 + (rows - rough_y) ** 2) / spread)
            weighted = sigmoid(maps.heatmaps[..., j]) * near * box
            v, u = np.unravel_index(weighted.argmax(), weighted.shape)
            if weighted[v, u] > config.joint_threshold:
                place = (np.array([u, v]) + maps.offsets[v, u, 2 * j : 2 * j + 2]) * 4 - 0.5
                pose[j] = *place, sigmoid(maps.heatmaps[v, u, j])
        counted = pose[pose[:, 2] > 0.126953125, 2]
        keypoints.append(pose)
        scores.append(score * (counted.mean() if len(counted) else 0))
    return np.array(keypoints).reshape(-1, JOINTS, 3), np.array(scores)


def ours(field: np.ndarray) -> np.ndarray:
    """A map of the published graph, whose pairs are (y, x)."""
    pairs = field.shape[-1] % 2 == 0
    return field.reshape(*field.shape[:-1], -1, 2)[..., ::-1].reshape(field.shape) if pairs else field


def as_float32(maps: Maps) -> Maps:
    return Maps(*(np.asarray(field, np.float32) for field in maps))


@pytest.mark.parametrize("people", [0, 1, 8, 9, 30, 64])
def test_as_a_plain_loop_finds_them(people: int) -> None:
    maps, config = random_maps(people, seed=people), PoseConfig(person_spread=0.0)
    poses: Poses = jax.device_get(decode(as_float32(maps), config))
    keypoints, scores = plainly(maps, config)
    assert poses.found[0] == people == len(scores)
    assert (poses.keypoints[0, people:] == 0).all()
    assert (poses.score[0, people:] == 0).all()
    np.testing.assert_allclose(poses.keypoints[0, :people], keypoints, atol=2e-3)
    np.testing.assert_allclose(poses.score[0, :people], scores, atol=1e-5)
    if people > 8:
        assert 0.2 < (keypoints[..., 2] > 0).mean() < 0.9999  # some joints are missing, not all


def test_large_people_are_searched_farther() -> None:
    maps, near, far = random_maps(9), PoseConfig(person_spread=0.0), PoseConfig(person_spread=0.2)
    maps.box_sizes[:] = 30  # cells; the window still ends where the published Gaussian does
    poses = jax.device_get(decode(as_float32(maps), far))
    keypoints, _ = plainly(maps, far)
    same = np.abs(poses.keypoints[0, :9] - keypoints).max(-1) < 2e-3
    assert same.mean() > 0.9
    narrow = jax.device_get(decode(as_float32(maps), near))
    assert (np.abs(poses.keypoints - narrow.keypoints)[0, :9].max(-1) > 1).mean() > 0.1


def test_more_people_than_slots_are_counted() -> None:
    poses = jax.device_get(decode(as_float32(random_maps(80)), PoseConfig()))
    assert poses.found[0] == 80
    assert poses.keypoints.shape == (1, 64, JOINTS, 3)
    few = jax.device_get(decode(as_float32(random_maps(80)), PoseConfig(people=5)))
    assert few.found[0] == 80
    np.testing.assert_allclose(few.keypoints[0], poses.keypoints[0, :5], atol=1e-4)


def test_a_picture_does_not_depend_on_the_others_of_its_batch() -> None:
    alone, crowd = as_float32(random_maps(3)), as_float32(random_maps(50, seed=1))
    both = Maps(*(np.concatenate(pair) for pair in zip(alone, crowd, strict=True)))
    one, two = (jax.device_get(decode(maps, PoseConfig())) for maps in (alone, both))
    for field, same in zip(one, two, strict=True):
        np.testing.assert_allclose(field[0], same[0], atol=1e-5)


def test_maps_smaller_than_the_slots() -> None:
    maps, config = random_maps(2, height=8, width=8), PoseConfig(person_spread=0.0)
    keypoints, _ = plainly(maps, config)
    poses = jax.device_get(decode(as_float32(maps), config))
    np.testing.assert_allclose(poses.keypoints[0, : len(keypoints)], keypoints, atol=2e-3)


@pytest.mark.parametrize("field", Maps._fields)
def test_nan_is_told(field: str) -> None:
    maps = as_float32(random_maps(2))
    getattr(maps, field)[0, 3, 3, 0] = np.nan
    assert not jax.device_get(decode(maps, PoseConfig())).finite[0]
    assert jax.device_get(decode(as_float32(random_maps(2)), PoseConfig())).finite[0]


@pytest.mark.parametrize("picture", [0, 1])
def test_equal_to_the_published_graphs_six(picture: int) -> None:
    stored = np.load(Path(__file__).with_name("reference.npz"))
    maps = Maps(*(ours(stored[f"{field}_{picture}"])[None] for field in Maps._fields))
    height, width = 4 * maps.centres.shape[1], 4 * maps.centres.shape[2]
    poses = jax.device_get(decode(maps, PUBLISHED))
    compared = 0
    for row in stored[f"people_{picture}"].reshape(6, 56):
        if row[55] < 0.05:
            continue
        y, x, _ = row[:51].reshape(JOINTS, 3).T
        graph = np.stack([x * width, y * height], axis=1) - 0.5
        found = poses.keypoints[0, : poses.found[0]]
        there = found[..., 2] > 0  # the others' weighted heat is below 1e-4
        best = (np.abs(found[..., :2] - graph).max(-1) < 0.5).sum(-1).argmax()
        assert there[best].sum() >= 12
        assert np.abs(found[best, :, :2] - graph)[there[best]].max() < 0.5
        compared += there[best].sum()
    assert compared >= 24


@pytest.mark.parametrize(
    ("name", "value"),
    [("people", 0), ("people", 65), ("centre_threshold", 0.0), ("joint_threshold", 1.0), ("person_spread", -0.1)],
)
def test_settings_out_of_range(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        PoseConfig(**{name: value})

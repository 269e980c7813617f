"""The packaged Thunder against onnxruntime running the published graph; its decoding and flip test by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from jaxpose import models
from jaxpose.skeletons import COCO_17
from jaxpose.systems.movenet.network import STRIDE
from jaxpose.systems.movenet.person import make_read
from jaxpose.systems.movenet.thunder import SIDE, PersonMaps, Thunder, find_pose, mirror
from jaxpose.topdown.config import TopDownConfig
from jaxpose.weights import store

REFERENCE = Path(__file__).parent / "thunder_reference.npz"  # written by experiments/movenet_reference.py


@pytest.fixture(scope="module")
def params() -> store.Params:
    return store.load(store.path_of("movenet-thunder"))[0]


@pytest.fixture(scope="module")
def reference() -> dict[str, np.ndarray]:
    return dict(np.load(REFERENCE))


@pytest.fixture(scope="module")
def maps(params: store.Params, reference: dict[str, np.ndarray]) -> PersonMaps:
    return jax.jit(Thunder().apply)({"params": params}, reference["image"][None])


def theirs(reference: dict[str, np.ndarray]) -> np.ndarray:
    """The graph's joints in pixels."""
    y, x, score = reference["person"].T
    return np.stack([x * SIDE - 0.5, y * SIDE - 0.5, score], axis=1)


def test_every_map_agrees_with_onnxruntime(maps: PersonMaps, reference: dict[str, np.ndarray]) -> None:
    for name, field in maps._asdict().items():
        expected = reference[name]
        if name not in ("centres", "heatmaps"):  # published as (y, x)
            expected = expected.reshape(*expected.shape[:2], -1, 2)[..., ::-1].reshape(expected.shape)
        np.testing.assert_allclose(field[0, ::8], expected, rtol=0, atol=1e-3, err_msg=name)


def test_joints_are_the_graph_s(maps: PersonMaps, reference: dict[str, np.ndarray]) -> None:
    found = jax.jit(find_pose)(maps)[0]
    expected = theirs(reference)
    assert (expected[:, 2] > 0.3).sum() > 10  # somebody is there
    np.testing.assert_allclose(found[:, :2], expected[:, :2], atol=1e-2)
    np.testing.assert_allclose(found[:, 2], expected[:, 2], atol=1e-4)


def decoded(maps: PersonMaps) -> np.ndarray:
    """The joints of one crop, in plain loops and float64."""
    centres, heatmaps, displacements, offsets = (np.float64(field) for field in maps)
    h, w, joints = heatmaps.shape

    def sigmoid(x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-x))

    best, cy, cx = max(
        (sigmoid(centres[y, x, 0]) / (np.hypot(x - w / 2, y - h / 2) + 1.8), y, x) for y in range(h) for x in range(w)
    )
    assert best > 0
    result = []
    for j in range(joints):
        x0, y0 = cx + displacements[cy, cx, 2 * j], cy + displacements[cy, cx, 2 * j + 1]
        heat = sigmoid(heatmaps[..., j])
        _, y, x = max((heat[y, x] / (np.hypot(x - x0, y - y0) + 1.8), y, x) for y in range(h) for x in range(w))
        dx, dy = offsets[y, x, 2 * j : 2 * j + 2]
        result.append(((x + dx) * STRIDE - 0.5, (y + dy) * STRIDE - 0.5, heat[y, x]))
    return np.array(result)


def test_decoding_against_plain_loops() -> None:
    rng = np.random.default_rng(0)
    shapes = {"centres": 1, "heatmaps": 3, "displacements": 6, "offsets": 6}
    maps = PersonMaps(*(rng.normal(0, 3, (4, 12, 8, c)).astype(np.float32) for c in shapes.values()))
    found = jax.jit(find_pose)(maps)
    for i in range(4):
        np.testing.assert_allclose(found[i], decoded(PersonMaps(*(field[i] for field in maps))), rtol=1e-4, atol=1e-3)


def test_mirrored_maps_say_the_mirrored_joints() -> None:
    rng = np.random.default_rng(1)
    maps = PersonMaps(*(rng.normal(0, 3, (2, 12, 8, c)).astype(np.float32) for c in (1, 3, 6, 6)))
    maps.centres[:] = -9
    maps.centres[:, 5, 2] = 9  # the middle lies between no two cells alike, so let nobody doubt who is meant
    plain, turned = (np.array(find_pose(each)) for each in (maps, mirror(maps, (0, 2, 1))))
    plain[..., 0] = 8 * STRIDE - 1 - plain[..., 0]
    np.testing.assert_allclose(turned, plain[:, [0, 2, 1]], atol=1e-4)


@pytest.fixture(scope="module")
def look() -> Callable[..., Any]:
    """The network on two crops at a time."""
    return jax.jit(make_read(Thunder(), COCO_17))


def test_the_flip_test_is_the_mean_of_both_looks(
    params: store.Params, reference: dict[str, np.ndarray], maps: PersonMaps
) -> None:
    crop = reference["image"][None].astype(np.float32)
    (both,), finite = jax.jit(make_read(Thunder(), COCO_17, flip=True))(params, crop)
    mirrored = jax.jit(Thunder().apply)({"params": params}, crop[:, :, ::-1])
    mean = PersonMaps(*(np.float64(a + b) / 2 for a, b in zip(maps, mirror(mirrored, COCO_17.flip), strict=True)))
    np.testing.assert_allclose(both, decoded(PersonMaps(*(field[0] for field in mean))), rtol=1e-4, atol=1e-2)
    assert finite.tolist() == [True]
    (plain,), (other,) = find_pose(maps), find_pose(mirror(mirrored, COCO_17.flip))
    seen = np.array(plain[:, 2]) > 0.4
    assert np.abs(other[seen, :2] - plain[seen, :2]).max() < 12  # the same person, seen from the other side


def test_maps_that_are_not_finite_are_told(params: store.Params, look: Callable[..., Any]) -> None:
    crops = np.zeros((2, SIDE, SIDE, 3), np.float32)
    crops[1, 5, 5] = np.nan
    assert look(params, crops)[1].tolist() == [True, False]


def test_options_reach_the_estimator() -> None:
    people = models.person("movenet-thunder", flip=True, config=TopDownConfig(grow=1.5))
    assert (people.size, people.config.grow) == ((SIDE, SIDE), 1.5)

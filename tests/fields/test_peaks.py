import functools
import itertools

import jax
import numpy as np
import pytest

from jaxpose.fields.peaks import find_peaks

find = jax.jit(find_peaks, static_argnums=(1, 2))


def peaks_by_loop(heatmap, threshold, floor=1e-2):
    """Places and scores [n, 3] of one map, strongest cell first, cell by cell in float64."""
    h, w = heatmap.shape
    value = {(x, y): float(heatmap[y, x]) for y in range(h) for x in range(w)}
    found = []
    for (x, y), middle in value.items():
        around = [(x + dx, y + dy) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dx, dy) != (0, 0)]
        earlier = [value[n] for n in around[:4] if n in value]
        later = [value[n] for n in around[4:] if n in value]
        if middle <= threshold or any(v >= middle for v in earlier) or any(v > middle for v in later):
            continue
        place, score = [], middle
        sums = [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
        for dx, dy in itertools.product((-1, 0, 1), repeat=2):
            for axis, step in enumerate((dx, dy)):
                sums[axis][step + 1] += max(value.get((x + dx, y + dy), 0), 0)
        pairs = [((x - 1, y), (x + 1, y)), ((x, y - 1), (x, y + 1))]
        logs = [
            [np.log(max(total, floor)) if n in value else None for n, total in zip(pair, sums[axis][::2], strict=True)]
            for axis, pair in enumerate(pairs)
        ]
        tops = [np.log(max(sums[axis][1], floor)) for axis in (0, 1)]
        curves = [None if None in pair else 2 * top - sum(pair) for pair, top in zip(logs, tops, strict=True)]
        for axis, (low, high) in enumerate(logs):
            top = tops[axis]
            curve = curves[axis] if curves[axis] is not None else curves[1 - axis]
            offset = 0.0
            if curve is not None and curve > 1e-6 and not (low is None and high is None):
                if low is not None and high is not None:
                    offset = (high - low) / (2 * curve)
                elif low is None:
                    offset = 0.5 - (top - high) / curve
                else:
                    offset = (top - low) / curve - 0.5
                offset = min(max(offset, -0.5), 0.5)
                score *= np.exp(curve * offset**2 / 2)
            place.append((x, y)[axis] + offset)
        found.append((middle, *place, score))
    return np.array(sorted(found, key=lambda peak: -peak[0])).reshape(-1, 4)[:, 1:]


def gaussian(h, w, x, y, sigma=7 / 8):
    column, row = np.meshgrid(np.arange(w), np.arange(h))
    return np.exp(-((column - x) ** 2 + (row - y) ** 2) / (2 * sigma**2))


@pytest.mark.parametrize(("h", "w"), [(1, 1), (1, 6), (5, 1), (2, 3), (9, 8), (16, 21)])
def test_as_a_loop_over_cells(h, w):
    maps = np.random.default_rng(h).normal(0.3, 0.3, (2, h, w, 3)).astype(np.float32)
    xy, score, count = jax.device_get(find(maps, 0.1, 64))
    for frame in range(2):
        for joint in range(3):
            truth = peaks_by_loop(maps[frame, :, :, joint], 0.1)
            n = count[frame, joint]
            assert n == len(truth)
            np.testing.assert_allclose(xy[frame, joint, :n], truth[:, :2], atol=2e-5)
            np.testing.assert_allclose(score[frame, joint, :n], truth[:, 2], rtol=2e-5)
            assert not xy[frame, joint, n:].any()
            assert not score[frame, joint, n:].any()


def test_a_gaussian_is_found_exactly_wherever_it_lies():
    rng = np.random.default_rng(0)
    inside, left, below = ((0.5, 18.5), (0.5, 10.5)), ((-0.45, 0.4), (1, 10)), ((1, 18), (10.6, 11.45))
    places = np.concatenate([rng.uniform(*np.transpose(area), (40, 2)) for area in (inside, left, below)])
    maps = np.stack([gaussian(12, 20, x, y) for x, y in places], axis=-1)[None].astype(np.float32)
    xy, score, count = jax.device_get(find(maps, 0.1, 8))
    assert (count == 1).all()
    np.testing.assert_allclose(xy[0, :, 0], places, atol=1e-3)
    np.testing.assert_allclose(score[0, :, 0], 1, atol=1e-3)


def test_noise_costs_a_twentieth_of_a_cell():
    rng = np.random.default_rng(1)
    places = rng.uniform(2, (17, 9), (200, 2))
    maps = np.stack([gaussian(12, 20, x, y) for x, y in places], axis=-1)
    maps += rng.normal(0, 0.02, maps.shape)
    xy, _, _ = jax.device_get(find(maps[None].astype(np.float32), 0.3, 8))
    error = np.hypot(*(xy[0, :, 0] - places).T)
    assert np.sqrt(np.mean(error**2)) < 0.05
    assert error.max() < 0.2


@pytest.mark.parametrize(("dx", "dy"), [(1, 0), (0, 1), (1, 1), (-1, 1)])
@pytest.mark.parametrize(("x", "y"), [(4, 4), (5, 4), (4, 5), (5, 5)])
def test_two_equal_neighbours_are_one_peak(x, y, dx, dy):
    heatmap = np.zeros((10, 11), np.float32)
    heatmap[y, x] = heatmap[y + dy, x + dx] = 0.8
    xy, _, count = jax.device_get(find(heatmap[None, :, :, None], 0.1, 4))
    assert count[0, 0] == 1
    np.testing.assert_allclose(xy[0, 0, 0], (x + dx / 2, y + dy / 2), atol=1e-6)


def test_a_plateau_of_four_is_one_peak_and_a_flat_map_has_one():
    heatmap = np.zeros((2, 9, 9, 1), np.float32)
    heatmap[0, 3:5, 4:6] = 0.5
    heatmap[1] = 0.5
    assert jax.device_get(find(heatmap, 0.1, 4))[2].ravel().tolist() == [1, 1]


@pytest.mark.parametrize("size", [(16, 21), (17, 20)])
def test_mirrored_maps_have_mirrored_peaks(size):
    h, w = size
    maps = np.random.default_rng(3).random((1, h, w, 2), np.float32)
    maps[0, 4:7, 8:12] = 0
    maps[0, 5, 9:11] = 2  # a tie
    for flipped, axis, length in ((maps[:, :, ::-1], 0, w), (maps[:, ::-1], 1, h)):
        xy, score, count = jax.device_get(find(maps, 0.1, 64))
        other_xy, other_score, other_count = jax.device_get(find(flipped, 0.1, 64))
        np.testing.assert_array_equal(count, other_count)
        other_xy = np.array(other_xy)
        other_xy[..., axis] = np.where(other_score > 0, length - 1 - other_xy[..., axis], 0)
        np.testing.assert_allclose(xy, other_xy, atol=1e-5)
        np.testing.assert_allclose(score, other_score, rtol=1e-5)


def test_more_peaks_than_slots_are_counted_and_the_strongest_kept():
    heatmap = np.zeros((40, 40), np.float32)
    heatmap[::2, ::2] = np.random.default_rng(4).permutation(400).reshape(20, 20) / 400 + 0.2
    xy, score, count = jax.device_get(find(heatmap[None, :, :, None], 0.1, 64))
    assert count[0, 0] == 400
    truth = peaks_by_loop(heatmap, 0.1)[:64]
    np.testing.assert_allclose(xy[0, 0], truth[:, :2], atol=1e-5)
    np.testing.assert_allclose(score[0, 0], truth[:, 2], rtol=1e-5)


def test_jit_changes_nothing():
    maps = np.random.default_rng(5).random((1, 12, 13, 3), np.float32)
    for a, b in zip(find(maps, 0.1, 16), functools.partial(find_peaks, threshold=0.1, slots=16)(maps), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpose.fields.integrals import line_scores, nearest

score = jax.jit(functools.partial(line_scores, samples=10, threshold=0.05, share=0.8))


def score_by_loop(paf, start, stop, samples=10, threshold=0.05, share=0.8):
    """One line through one field [h, w, 2], point by point in float64."""
    h, w, _ = paf.shape
    way = np.subtract(stop, start, dtype=float)
    length = np.hypot(*way)
    if length < 1e-6:
        return 0.0
    kept = []
    for step in range(samples):
        x, y = np.clip(start + way * step / samples, 0, (w - 1, h - 1))
        value = np.zeros(2)
        for row in range(h):
            for column in range(w):
                weight = max(0.0, 1 - abs(x - column)) * max(0.0, 1 - abs(y - row))
                value += weight * paf[row, column]
        along = value @ way / length
        if along > threshold:
            kept.append(along)
    return float(np.mean(kept)) if kept and len(kept) >= share * samples else 0.0


@pytest.mark.parametrize(("h", "w"), [(7, 9), (1, 9), (6, 1), (1, 1)])
def test_as_a_loop_over_points(h, w):
    rng = np.random.default_rng(h * w)
    pafs = rng.normal(0.3, 0.3, (2, h, w, 6)).astype(np.float32)
    start = rng.uniform(-0.5, (w - 0.5, h - 0.5), (2, 3, 5, 2)).astype(np.float32)
    stop = rng.uniform(-0.5, (w - 0.5, h - 0.5), (2, 3, 5, 4, 2)).astype(np.float32)
    found = np.asarray(score(pafs, start, stop))
    assert (found > 0).mean() > 0.1
    for b, limb, k, m in np.ndindex(found.shape):
        truth = score_by_loop(pafs[b, :, :, 2 * limb : 2 * limb + 2], start[b, limb, k], stop[b, limb, k, m])
        assert found[b, limb, k, m] == pytest.approx(truth, abs=2e-5)


def test_a_uniform_field_gives_the_cosine():
    angle = 0.3
    pafs = np.broadcast_to(np.array([np.cos(angle), np.sin(angle)], np.float32), (1, 20, 20, 2))
    ways = np.linspace(0, 2 * np.pi, 16)
    start = np.full((1, 1, 1, 2), 10, np.float32)
    stop = (10 + 6 * np.stack([np.cos(ways), np.sin(ways)], -1))[None, None, None].astype(np.float32)
    cosine = np.cos(ways - angle)
    np.testing.assert_allclose(score(pafs, start, stop)[0, 0, 0], np.where(cosine > 0.05, cosine, 0), atol=1e-5)


@pytest.mark.parametrize(("length", "expected"), [(7, 0), (8, 1), (9, 1)])
def test_enough_of_the_points_must_be_above_the_threshold(length, expected):
    pafs = np.zeros((1, 3, 20, 2), np.float32)
    pafs[:, :, :length, 0] = 1  # points lie at 0, 1, ... 9; bilinear reading keeps whole cells whole
    found = score(pafs, np.array([[[[0, 1]]]], np.float32), np.array([[[[[10, 1]]]]], np.float32))
    assert found.item() == pytest.approx(expected)


def test_a_line_without_length_and_a_field_of_nan_give_nothing():
    start, there = np.full((1, 1, 1, 2), 2, np.float32), np.full((1, 1, 1, 1, 2), 2, np.float32)
    assert score(np.ones((1, 5, 5, 2), np.float32), start, there).item() == 0
    assert score(np.full((1, 5, 5, 2), np.nan, np.float32), start, there + 2).item() == 0


@pytest.mark.parametrize(("k", "m"), [(1, 1), (8, 8), (16, 16), (64, 16), (20, 3)])
def test_nearest_as_by_sorting(k, m):
    rng = np.random.default_rng(k)
    points, others = rng.uniform(0, 80, (2, 2, 3, k, 2)).astype(np.float32)
    there = rng.random((2, 3, k)) < 0.7
    found = np.asarray(jax.jit(nearest, static_argnums=3)(points, others, there, m))
    assert found.shape == (2, 3, k, m)
    for n in np.ndindex(2, 3):
        for i in range(k):
            apart = np.where(there[n], np.hypot(*(others[n] - points[n][i]).T.astype(float)), np.inf)
            order = np.argsort(apart)[: min(m, there[n].sum())]
            assert found[n][i, : len(order)].tolist() == order.tolist()
            assert (found[n][i, len(order) :] == -1).all()


def test_nearest_counts_a_coincident_point_and_breaks_ties_by_index():
    points = jnp.zeros((1, 1, 2))
    others = jnp.array([[[3.0, 0], [0, 3], [0, 0], [-3, 0]]])
    assert nearest(points, others, jnp.ones((1, 4), bool), 4).ravel().tolist() == [2, 0, 1, 3]

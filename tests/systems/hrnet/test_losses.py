"""HRNet's squared error against sums in float64."""

import dataclasses

import jax
import numpy as np
import pytest

from jaxpose.systems.hrnet.config import HeatmapLossConfig
from jaxpose.systems.hrnet.losses import terms

STRIDE, SIZE = 4, (12, 8)

LABELLED = np.array(
    [
        [[10.0, 20.0, 1], [0, 0, 0], [31.0, 3.0, 1]],
        [[200.0, 20.0, 1], [5.5, 40.0, 1], [0, 0, 0]],  # the first lies outside of the crop
    ]
)
TAUGHT = np.array(
    [
        [[12.0, 21.0, 0.9], [20.0, 30.0, 0.8], [0, 0, 0]],  # the first is labelled
        [[0, 0, 0], [0, 0, 0], [9.0, 9.0, 0.2]],  # the last has too low a score
    ]
)
SLOTS = np.stack([LABELLED, TAUGHT], axis=1).astype(np.float32)


TERMS = jax.jit(terms, static_argnums=(2, 3))


def found():
    return np.random.default_rng(0).normal(0, 0.3, (2, *SIZE, 3)).astype(np.float32)


def by_hand(joints, config):
    """The sum over cells of some joints (crop, joint, x, y), and how many cells these are."""
    y, x = (STRIDE * np.arange(side) + (STRIDE - 1) / 2 for side in SIZE)
    total = 0.0
    for crop, joint, px, py in joints:
        aim = np.exp(-((x - px) ** 2 + (y[:, None] - py) ** 2) / (2 * config.sigma**2))
        total += ((1 + config.positive * aim) * (found()[crop, ..., joint].astype(float) - aim) ** 2).sum()
    return total, len(joints) * SIZE[0] * SIZE[1]


@pytest.mark.parametrize("config", [HeatmapLossConfig(), HeatmapLossConfig(sigma=6.0, positive=3.0, taught=0.5)])
def test_labelled_joints_and_what_a_teacher_says_of_the_others(config):
    result = TERMS(found(), SLOTS, STRIDE, config)
    expected = {
        "labelled": ([(0, 0, 10, 20), (0, 2, 31, 3), (1, 0, 200, 20), (1, 1, 5.5, 40)], 1.0),
        "taught": ([(0, 1, 20, 30)], config.taught),
    }
    assert result.keys() == expected.keys()
    for name, (joints, weight) in expected.items():
        total, count = by_hand(joints, config)
        np.testing.assert_allclose(result[name].total, total, rtol=1e-3)
        assert (float(result[name].divisor), float(result[name].weight)) == (count, weight)


def test_a_lower_score_is_believed_where_the_config_says_so():
    config = HeatmapLossConfig(taught_score=0.1)
    assert TERMS(found(), SLOTS, STRIDE, config)["taught"].divisor == 2 * SIZE[0] * SIZE[1]


def test_nobody_says_nothing():
    for term in TERMS(found(), np.zeros_like(SLOTS), STRIDE, HeatmapLossConfig(taught_score=0)).values():
        assert (float(term.total), float(term.divisor)) == (0, 0)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"sigma": 0}, "`sigma` must be above 0, got 0"),
        ({"positive": -1}, "`positive` must be 0 or more, got -1"),
        ({"taught": -1}, "`taught` must be 0 or more, got -1"),
        ({"taught_score": 2}, "`taught_score` must be from 0 to 1, got 2"),
    ],
)
def test_impossible_losses_are_refused(change, told):
    with pytest.raises(ValueError, match=told):
        dataclasses.replace(HeatmapLossConfig(), **change)

import math

import jax
import numpy as np
import pytest

from jaxpose.training.config import Constant, Multistep, WarmupCosine
from jaxpose.training.schedules import make_schedule


def rates(config, steps, of):
    schedule = jax.jit(make_schedule(config, steps))
    return [float(schedule(step)) for step in of]


def test_constant():
    assert rates(Constant(0.25), 10, [0, 9]) == [0.25, 0.25]


def test_multistep_falls_at_its_steps_as_caffe_does():
    config = Multistep(0.8, 0.5, (3, 4, 10))
    expected = [0.8 * 0.5 ** sum(step >= fall for fall in config.falls) for step in range(12)]
    np.testing.assert_allclose(rates(config, 12, range(12)), expected, rtol=1e-6)


@pytest.mark.parametrize("warmup", [0, 1, 4])
def test_warm_up_and_cosine(warmup):
    config, steps = WarmupCosine(0.5, warmup, 0.1), 20

    def closed_form(step):
        if step < warmup:
            return 0.5 * (step + 1) / warmup
        return 0.1 + 0.4 * (1 + math.cos(math.pi * min(1, (step - warmup) / (steps - warmup)))) / 2

    found = rates(config, steps, range(25))
    np.testing.assert_allclose(found, [closed_form(step) for step in range(25)], rtol=1e-5)
    assert max(found) == found[warmup] == 0.5
    assert found[20] == pytest.approx(0.1)

import jax.numpy as jnp
import numpy as np
import pytest

from jaxpose.errors import NonFiniteError
from jaxpose.training import parallel
from jaxpose.training.guard import Guard
from jaxpose.training.step import Metrics


def told(loss=1.0, maps=1.0, norm=1.0):
    metrics = Metrics(
        jnp.float32(loss), {"fine": jnp.float32(2), "maps": jnp.float32(maps)}, jnp.float32(norm), jnp.float32(3)
    )
    return parallel.replicate(metrics)


def test_means_since_the_last_look():
    guard = Guard(10)
    guard.add(told(loss=100))
    guard.look()
    for loss in (1, 2, 6):
        guard.add(told(loss=loss, maps=2 * loss))
    assert len(guard) == 3
    assert guard.look() == {"loss": 3.0, "terms": {"fine": 2.0, "maps": 6.0}, "gradient_norm": 1.0, "rate": 3.0}
    assert len(guard) == 0


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"maps": np.nan, "loss": np.nan, "norm": np.nan}, "the term `maps` of the loss is nan"),
        ({"loss": np.inf}, "the loss is inf"),
        ({"norm": np.nan}, "the gradient is nan"),
    ],
)
def test_the_first_number_that_is_not_finite_is_named(wrong, name):
    guard = Guard(10)
    guard.add(told())
    guard.look()
    for metrics in ({}, wrong, {"maps": np.nan}, {}):
        guard.add(told(**metrics))
    with pytest.raises(NonFiniteError, match=rf"{name} at step 13 \(of the steps 12 to 15; all before were finite\)"):
        guard.look()

"""[device] What heatmaps of one person should say, and how far they are from it: HRNet's mean squared error.

Sun et al., CVPR 2019, section 3 ("Heatmap estimation"). A joint that is not labelled has no say. One that is labelled
and lies outside of the crop has a heatmap without a peak (HRNet leaves those out): what is cut off should score low.
Other people in the crop are background. What a teacher says counts for joints that nobody labelled.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxpose.fields.config import SquaredErrorConfig
from jaxpose.fields.losses import squared_error
from jaxpose.fields.targets import heatmaps
from jaxpose.systems.hrnet.config import HeatmapLossConfig
from jaxpose.task import Term


def terms(
    found: Float[Array, "b h w j"], slots: Float[Array, "b 2 j 3"], stride: int, config: HeatmapLossConfig
) -> dict[str, Term]:
    """The loss of some crops: `labelled`, and `taught`.

    `slots` has for each joint x, y in pixels of the crop, first as labelled, with 1 or 0, then as a teacher says, with
    its score; (0, 0, 0) for what is not there.
    """
    labelled, taught = slots[:, 0], slots[:, 1]
    counts = (taught[..., 2] >= config.taught_score) & (taught[..., 2] > 0) & (labelled[..., 2] == 0)
    return {
        "labelled": _term(found, labelled, labelled[..., 2] > 0, stride, config),
        "taught": _term(found, taught, counts, stride, config)._replace(weight=config.taught),
    }


def _term(
    found: Float[Array, "b h w j"], joints: Float[Array, "b j 3"], counts: Array, stride: int, config: HeatmapLossConfig
) -> Term:
    aim = heatmaps(joints[:, None], (found.shape[1], found.shape[2]), stride, config.sigma)[..., :-1]
    known = jnp.broadcast_to(counts[:, None, None], found.shape)
    error = SquaredErrorConfig(reduction="mean", positive=config.positive)
    return Term(*squared_error(found, aim, known, error, background=False))

"""[device] What another network says of the people in crops, for HRNet's networks to learn from: distillation.

The teacher looks at the very crop that is trained on, turned and mirrored as it is, so that nothing of a data set must
be labelled beforehand. It teaches the joints that both skeletons have, by name. Where it contradicts what is labelled
of a person, none of it is believed.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from jaxpose.geometry import AREA_SHARE, crop_maps, fit_aspect
from jaxpose.ops.crops import to_frames, warp_crops
from jaxpose.skeletons import Skeleton
from jaxpose.systems.hrnet.person import CROPS
from jaxpose.topdown.estimator import CropEstimator

LEAST_SHARED = 3
"""So many joints must be labelled and seen by the teacher,"""

LEAST_OKS = 0.5
"""and so alike they must be, that the teacher is believed."""


class Teacher:
    """A network for one person, whose parameters stay as they are, and which of its joints are the student's.

    `ValueError` for one that shares no joint with the student.
    """

    def __init__(self, people: CropEstimator, student: Skeleton) -> None:
        own = people.skeleton.joints
        self._places = np.array([own.index(joint) if joint in own else -1 for joint in student.joints])
        if not (self._places >= 0).any():
            raise ValueError(f"a teacher of {people.skeleton.name} has no joint of {student.name}")
        self._people, self._student = people, student

    def joints(self, images: UInt8[Array, "b h w 3"], labelled: Float[Array, "b j 3"]) -> Float[Array, "b j 3"]:
        """x, y and score of the student's joints in pixels of the crops; zeros for what is not taught.

        `labelled` is x, y, and 0 for what is not. The person is taken to be as large for the crop as its box is told.
        """
        high, wide = self._people.size
        height, width = images.shape[1:3]
        whole = fit_aspect(np.array([[-0.5, -0.5, width, height]]), wide / high)
        maps = jnp.tile(jnp.asarray(crop_maps(whole, wide, high), jnp.float32), (len(images), 1, 1))
        views = warp_crops(images, jnp.arange(len(images)), maps, self._people.size, fill=self._people.config.fill)
        found = to_frames(self._people.read(self._people.params, views)[0], maps)
        inside = ((found[..., :2] > -0.5) & (found[..., :2] < jnp.array([width, height]) - 0.5)).all(-1)
        has = inside[:, self._places] & (self._places >= 0)
        taught = jnp.where(has[..., None], found[:, self._places], 0)
        area = AREA_SHARE * height * width / CROPS.grow**2
        return jax.lax.stop_gradient(jnp.where(agrees(taught, labelled, self._student, area)[:, None, None], taught, 0))


def agrees(taught: Float[Array, "b j 3"], labelled: Float[Array, "b j 3"], skeleton: Skeleton, area: float) -> Array:
    """Whose taught joints are like those that are labelled, by OKS; the third numbers are 0 for what is not there."""
    shared = (taught[..., 2] > 0) & (labelled[..., 2] > 0)
    squared = jnp.square(taught[..., :2] - labelled[..., :2]).sum(-1)
    each = jnp.exp(-squared / (2 * area * jnp.square(2 * jnp.array(skeleton.sigmas))))
    count = shared.sum(-1)
    oks = jnp.where(shared, each, 0).sum(-1) / jnp.maximum(count, 1)
    return (count >= LEAST_SHARED) & (oks >= LEAST_OKS)

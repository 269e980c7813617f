"""[device] People of known boxes to poses: crops, a network on some of them at a time, and back to the frames' pixels.

The number of people changes from frame to frame, shapes must not: boxes come in a fixed number of slots, of which the
first `count` are filled, and a loop runs the network on a few crops at a time until these are done. So a video is
compiled once, and slots that stay empty cost nothing.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Float32, Int, UInt8

from jaxpose.ops.crops import copy_smaller, cut_crops, to_frames

Reading = tuple[Float[Array, "n j 3"], Bool[Array, "n"]]

Read = Callable[[Any, Float[Array, "n h w 3"]], Reading]
"""Parameters and crops (RGB, 0 to 255) to the joints of each crop's person (x, y, score, in the crop's pixels), and
whether all that the network said of that crop is finite. Pure; a system brings it: network, decoding, flip test."""


class PersonPoses(NamedTuple):
    """The poses of a call's people, fixed in shape; zeros in the slots that were not filled."""

    keypoints: Float32[Any, "n j 3"]  # x, y, score in the frames' pixels
    finite: Bool[Any, "n"]  # no NaN or infinity in what the network said of this person


Step = Callable[[Any, Any, Any, Any, Any], PersonPoses]


def make_step(read: Read, size: tuple[int, int], *, fill: float, group: int) -> Step:
    """The pure function `(params, frames, index, maps, count) -> PersonPoses`, to be jitted.

    `frames` are RGB uint8 `[t, h, w, 3]`; slot i is cut from `frames[index[i]]` by `maps[i]` (`[2, 3]`, from pixels of
    a crop of `size`, height and width, to the frame's, see `ops.crops`). The first `count` slots are filled; the number
    of slots is a multiple of `group`, how many crops the network looks at together.
    """

    def step(
        params: Any,
        frames: UInt8[Array, "t H W 3"],
        index: Int[Array, "n"],
        maps: Float[Array, "n 2 3"],
        count: Int[Array, ""],
    ) -> PersonPoses:
        if len(index) % group:
            raise ValueError(f"the number of slots must be a multiple of {group}, got {len(index)}")
        copies = copy_smaller(frames, size, fill)

        def look(first: Array, found: PersonPoses) -> PersonPoses:
            own, by = (lax.dynamic_slice_in_dim(field, first, group) for field in (index, maps))
            keypoints, finite = read(params, cut_crops(copies, own, by, size))
            new = PersonPoses(to_frames(keypoints, by), finite)
            return jax.tree.map(lambda all, some: lax.dynamic_update_slice_in_dim(all, some, first, 0), found, new)

        crop = jax.ShapeDtypeStruct((group, *size, 3), jnp.float32)
        joints = jax.eval_shape(read, params, crop)[0].shape[1]
        nobody = PersonPoses(jnp.zeros((len(index), joints, 3)), jnp.ones(len(index), bool))
        groups = (count + group - 1) // group
        found: PersonPoses = lax.fori_loop(0, groups, lambda i, found: look(i * group, found), nobody)
        there = jnp.arange(len(index)) < count
        return PersonPoses(jnp.where(there[:, None, None], found.keypoints, 0), found.finite | ~there)

    return step

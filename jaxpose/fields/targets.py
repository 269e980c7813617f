"""What a network should have said: heatmaps, affinity fields, offsets and joints' cells, rendered from keypoints.

The training side of `fields`: a batch brings the people's joints (`data.examples.Batch`), and a system's loss renders
its targets from them on the device, inside the jitted step. The maps are those of OpenPose (section 3.1 for heatmaps,
3.2, equations 8 and 9, for affinity fields) with the published program's constants; offsets and cells are for systems
that refine a joint within its cell, or group joints by a tag.

Keypoints are x, y in pixels of the crop, and 1 (or anything above 0) where the joint is labelled; people who are only
padding have zeros. Labelled joints may lie outside the crop. `size` is the maps' height and width in cells; cell (x, y)
stands at stride / 2 - 0.5 + stride * (x, y). Any axes may lead, one for a batch or two for clips. People are taken one
after the other, up to the last who is there, so that each adds rows and columns to the memory but no maps, and padding
costs no time (and so that no gradient goes back to the keypoints).
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from jaxpose.skeletons import Limb, Link

CUT = 4.6052
"""A heatmap's Gaussian ends where its exponent is above this, at 1 % of its height."""
FAR = 1e9
"""Farther away, in pixels, than anything in a picture; its square is still a float32."""

State = TypeVar("State")


def heatmaps(
    keypoints: Float[Array, "*n p j 3"], size: tuple[int, int], stride: int = 8, sigma: float = 7.0
) -> Float[Array, "*n h w j+1"]:
    """For each joint the highest of the people's Gaussians of `sigma` pixels; last the background, 1 - the highest."""
    x, y = _cells(size, stride)
    people, there, last = _people(keypoints)
    column = jnp.square(x[:, None] - jnp.where(there, people[..., 0], FAR)[..., None, :])
    row = jnp.square(y[:, None] - jnp.where(there, people[..., 1], FAR)[..., None, :])

    def nearer(person: Int[Array, ""], nearest: Float[Array, "*n h w j"]) -> Float[Array, "*n h w j"]:
        return jnp.minimum(nearest, row[person][..., :, None, :] + column[person][..., None, :, :])

    squared = _each(last, nearer, jnp.full((*keypoints.shape[:-3], *size, keypoints.shape[-2]), jnp.inf))
    exponent = squared / (2 * sigma**2)
    joints = jnp.where(exponent > CUT, 0, jnp.exp(-exponent))
    return jnp.concatenate([joints, 1 - joints.max(-1, keepdims=True)], axis=-1)


def affinities(
    keypoints: Float[Array, "*n p j 3"],
    limbs: Sequence[Limb],
    size: tuple[int, int],
    stride: int = 8,
    width: float = 1.0,
) -> Float[Array, "*n h w 2*l"]:
    """For each limb the unit vector from its first joint to its second, on the cells along it; 0 elsewhere.

    A cell belongs to a limb that passes within `width` cells of it, and lies in the box around the limb's two joints
    and `width` cells more. Where limbs of several people overlap, the field is the mean of theirs. Limb i has x in
    channel 2i and y in 2i + 1. A limb without length has no field.
    """
    starts, ends = (np.array([limb[end] for limb in limbs], np.int32) for end in (0, 1))
    return links(keypoints[..., starts, :], keypoints[..., ends, :], size, stride, width)


def links(
    starts: Float[Array, "*n p l 3"],
    ends: Float[Array, "*n p l 3"],
    size: tuple[int, int],
    stride: int = 8,
    width: float = 1.0,
) -> Float[Array, "*n h w 2*l"]:
    """The same for any pairs of joints, of one frame or of two: link i of a person goes from start i to end i."""
    x, y = _cells(size, stride)
    reach = width * stride
    start, start_there, last = _people(starts)
    end, end_there, last_end = _people(ends)
    way = end[..., :2] - start[..., :2]
    length = jnp.sqrt(jnp.square(way).sum(-1))
    drawn = start_there & end_there & (length > 0)
    unit = way / jnp.where(length > 0, length, 1)[..., None]
    low, high = (pick(start[..., :2], end[..., :2]) for pick in (jnp.minimum, jnp.maximum))

    def beside(cells: Float[Array, "m"], axis: int) -> Float[Array, "p *n m l"]:
        """This axis's part of the distance from the limb's line; far away outside the limb's box."""
        at = cells[:, None]
        inside = (at >= low[..., None, :, axis] - reach) & (at <= high[..., None, :, axis] + reach)
        part = (at - start[..., None, :, axis]) * unit[..., None, :, 1 - axis]
        return jnp.where(inside & drawn[..., None, :], part, FAR if axis == 0 else -FAR)

    column, row = beside(x, 0), beside(y, 1)

    def add(person: Int[Array, ""], sums: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        near = jnp.abs(column[person][..., None, :, :] - row[person][..., :, None, :]) <= reach
        across, down = (unit[person][..., None, None, :, axis] for axis in (0, 1))
        return sums[0] + jnp.where(near, across, 0), sums[1] + jnp.where(near, down, 0), sums[2] + near

    empty = jnp.zeros((*starts.shape[:-3], *size, starts.shape[-2]))
    across, down, count = _each(jnp.minimum(last, last_end), add, (empty, empty, empty))
    mean = jnp.stack([across, down], axis=-1) / jnp.maximum(count, 1)[..., None]
    return mean.reshape(*mean.shape[:-2], -1)


def temporal_affinities(
    now: Float[Array, "*n p j 3"],
    before: Float[Array, "*n p j 3"],
    pairs: Sequence[Link],
    size: tuple[int, int],
    stride: int = 8,
    width: float = 1.0,
) -> Float[Array, "*n h w 2*k"]:
    """Temporal affinity fields: for each link the unit vector from its joint before to its joint now, along the way.

    `pairs` are `Skeleton.temporal_links`: (joint now, joint before). A person stands at the same place of the `p` axis
    in both frames. The rest is as in `affinities`: without motion, the field of a link (a, b) is that of the limb
    (b, a), and a link of a joint that stays where it is has none. Raaj et al., "Efficient Online Multi-Person 2D Pose
    Tracking with Recurrent Spatio-Temporal Affinity Fields", CVPR 2019.
    """
    at, came_from = (np.array([pair[end] for pair in pairs], np.int32) for end in (0, 1))
    return links(before[..., came_from, :], now[..., at, :], size, stride, width)


def offsets(
    keypoints: Float[Array, "*n p j 3"], size: tuple[int, int], stride: int = 8, radius: float = 2.0
) -> tuple[Float[Array, "*n h w 2*j"], Bool[Array, "*n h w j"]]:
    """The way from each cell to the nearest joint of its kind, in cells, and whether one is within `radius` cells.

    Joint i has x in channel 2i and y in 2i + 1; beyond the radius there are zeros. Of two people's joints equally near
    the first one's is taken.
    """
    x, y = _cells(size, stride)
    people, there, last = _people(keypoints)
    column = (jnp.where(there, people[..., 0], FAR)[..., None, :] - x[:, None]) / stride
    row = (jnp.where(there, people[..., 1], FAR)[..., None, :] - y[:, None]) / stride

    def nearer(person: Int[Array, ""], best: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        across, down = column[person][..., None, :, :], row[person][..., :, None, :]
        squared = jnp.square(across) + jnp.square(down)
        closer = squared < best[0]
        return jnp.minimum(squared, best[0]), jnp.where(closer, across, best[1]), jnp.where(closer, down, best[2])

    shape = (*keypoints.shape[:-3], *size, keypoints.shape[-2])
    squared, across, down = _each(last, nearer, (jnp.full(shape, jnp.inf), jnp.zeros(shape), jnp.zeros(shape)))
    near = squared <= radius**2
    way = jnp.where(near[..., None], jnp.stack([across, down], axis=-1), 0)
    return way.reshape(*way.shape[:-2], -1), near


def tags(
    keypoints: Float[Array, "*n p j 3"], size: tuple[int, int], stride: int = 8
) -> tuple[Int[Array, "*n p j"], Bool[Array, "*n p j"]]:
    """Where each person's joints read their tag: the number of the cell, counted row by row, and whether it is there.

    The cell is the one whose centre is nearest. A joint outside the map, or not labelled, has cell 0 and False. The
    person is the place on the `p` axis: associative embedding pulls one person's tags together and people's apart.
    """
    h, w = size
    place = jnp.floor((keypoints[..., :2] + 0.5) / stride)
    there = (keypoints[..., 2] > 0) & (place >= 0).all(-1) & (place < jnp.array([w, h])).all(-1)
    place = jnp.where(there[..., None], place, 0).astype(jnp.int32)
    return place[..., 1] * w + place[..., 0], there


def heatmap_mask(known: Bool[Array, "*n j"], valid: Int[Array, "*n h w"]) -> Bool[Array, "*n h w j+1"]:
    """What of `heatmaps` is true: in valid cells, the joints that are known.

    The background, which is what no joint is, is known where most joints are: the few that a data set lacks (COCO's
    feet) change few of its cells.
    """
    most = known.mean(-1, keepdims=True) > 0.5
    channels = jnp.concatenate([known, most], axis=-1)
    return (valid > 0)[..., None] & channels[..., None, None, :]


def affinity_mask(
    known: Bool[Array, "*n j"], valid: Int[Array, "*n h w"], limbs: Sequence[Limb]
) -> Bool[Array, "*n h w 2*l"]:
    """What of `affinities` is true: in valid cells, the limbs of which both joints are known."""
    starts, ends = (np.array([limb[end] for limb in limbs], np.int32) for end in (0, 1))
    both = jnp.repeat(known[..., starts] & known[..., ends], 2, axis=-1)
    return (valid > 0)[..., None] & both[..., None, None, :]


def around(keypoints: Float[Array, "*n p j 3"], size: tuple[int, int], stride: int = 8) -> Bool[Array, "*n h w"]:
    """Which cells lie in the box around somebody's labelled joints, or within a cell of it."""
    x, y = _cells(size, stride)
    there = keypoints[..., 2:] > 0
    low = jnp.where(there, keypoints[..., :2], FAR).min(-2) - stride
    high = jnp.where(there, keypoints[..., :2], -FAR).max(-2) + stride
    columns, rows = (
        (cells >= low[..., axis, None]) & (cells <= high[..., axis, None]) for axis, cells in enumerate((x, y))
    )
    inside: Array = (rows[..., :, None] & columns[..., None, :]).any(-3)
    return inside


def _cells(size: tuple[int, int], stride: int) -> tuple[Float[Array, "w"], Float[Array, "h"]]:
    """Where the columns and the rows of cells stand, in pixels."""
    y, x = ((stride - 1) / 2 + stride * jnp.arange(n, dtype=jnp.float32) for n in size)
    return x, y


def _people(
    keypoints: Float[Array, "*n p j 3"],
) -> tuple[Float[Array, "p *n j 3"], Bool[Array, "p *n j"], Int[Array, ""]]:
    """The people first, which of their joints are labelled, and how many people to go through."""
    people = jnp.moveaxis(keypoints, -3, 0)
    there = people[..., 2] > 0
    anybody = there.reshape(len(there), -1).any(-1)
    return people, there, jnp.max(jnp.where(anybody, jnp.arange(1, len(there) + 1), 0), initial=0)


def _each(last: Int[Array, ""], visit: Callable[[Int[Array, ""], State], State], state: State) -> State:
    """The state after visiting people 0 to `last` - 1."""
    return lax.fori_loop(0, last, visit, state)

"""[device] Things drawn over joints, as `data.occluders` draws them: of one colour, or a piece of another picture.

A piece is a part of the crop like a mosaic's tiles (`sampling.Parts`); one that would show somebody is of one colour.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxpose.data.config import OccluderConfig
from jaxpose.data.device.pictures import DevicePictures
from jaxpose.data.device.placing import apply, below, between, pick
from jaxpose.data.device.sampling import Parts, grid, unlabelled

PROBES = 8
"""Places along each side of a piece that are looked at for regions."""


CHANCES = 12
"""How many numbers `draw_occluder` needs (`placing` tells of what kind)."""


class Occluder(NamedTuple):
    """One thing that may cover a joint."""

    covers: Bool[Array, "h w"]
    piece: Parts  # one part: what of `covers` shows a piece of a picture
    color: Float[Array, "3"]  # of the rest


def draw_occluder(
    chances: Float[Array, "12"],
    there: Bool[Array, ""],
    keypoints: Float[Array, "p j 3"],
    tall: Float[Array, "p"],
    pictures: DevicePictures,
    points: Float[Array, "h w 2"],
    config: OccluderConfig,
) -> Occluder:
    """Over a labelled joint of the crop's people, who are `tall` pixels; nothing is covered unless it is `there`."""
    side = points.shape[0]
    inside = ((keypoints[..., :2] > -0.5) & (keypoints[..., :2] < side - 0.5)).all(-1) & (keypoints[..., 2] > 0)
    chosen = pick(chances[0], inside.ravel())
    person, joint = jnp.unravel_index(chosen, inside.shape)
    middle = keypoints[person, joint, :2]
    size = jnp.clip(between(chances[1:3], *config.size) * tall[person], 4, side / 2)
    angle, ellipse = jnp.pi * chances[3], chances[4] < 0.5
    away = points - middle
    along = jnp.cos(angle) * away[..., 0] + jnp.sin(angle) * away[..., 1]
    across = jnp.cos(angle) * away[..., 1] - jnp.sin(angle) * away[..., 0]
    u, v = 2 * along / size[0], 2 * across / size[1]
    covers = jnp.where(ellipse, u**2 + v**2 <= 1, jnp.maximum(jnp.abs(u), jnp.abs(v)) <= 1) & there & inside.any()
    color = below(chances[5:8], 256).astype(jnp.float32)
    part, clear = draw_piece(chances[9:], middle, jnp.hypot(size[0], size[1]), pictures)
    shows = (chances[8] < config.patches) & clear
    return Occluder(covers, part._replace(has=(covers & shows)[None]), color)


def draw_piece(
    chances: Float[Array, "3"], middle: Float[Array, "2"], side: Float[Array, ""], pictures: DevicePictures
) -> tuple[Parts, Bool[Array, ""]]:
    """A square of another picture at half its size, put around a point; and whether nobody is or may be in it."""
    picture = below(chances[0], len(pictures.sizes))
    room = pictures.stored[picture] - 2 * side
    start = chances[1:] * room
    linear = 0.5 * jnp.eye(2)
    by = jnp.concatenate([linear, (middle - side / 2 - apply(linear, start))[:, None]], axis=1)
    people = pictures.keypoints[picture]
    low, high = spans(people)
    meets = ((low < start + 2 * side) & (high > start)).all(-1) & (people[..., 2] > 0).any(-1)
    probes = middle - side / 2 + side / (PROBES - 1) * grid(PROBES, 0, 1)
    part = Parts(picture[None], by[None], jnp.ones((1, PROBES, PROBES), bool))
    return part, (room > 0).all() & ~meets.any() & ~unlabelled(pictures, part, probes).any()


def spans(keypoints: Float[Array, "*n j 3"]) -> tuple[Float[Array, "*n 2"], Float[Array, "*n 2"]]:
    """The corners of the boxes around people's labelled joints; of people without any, infinite ones inside out."""
    there = keypoints[..., 2:] > 0
    low = jnp.min(jnp.where(there, keypoints[..., :2], jnp.inf), axis=-2)
    return low, jnp.max(jnp.where(there, keypoints[..., :2], -jnp.inf), axis=-2)

"""[device] Crops of one person each, drawn from pictures in the device's memory: what top-down networks train on.

    people = load_people(((coco, 0.8), (mpii, 0.2)), skeleton, 448)
    batch = draw_people(key, people, config, skeleton, 128)

For each crop: a person, the map that puts the box there (turned, scaled, cut at the hips, mirrored), the pixels
(`sampling`), things that hide joints, colours. The person's joints alone are told; others in the crop are background.
A batch's axis of people has two places for the one person: joints as they were labelled, and as a teacher has them
(`taught`; its third number is the teacher's score).
"""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtri
from jaxtyping import Array, Float, Float32, Int, Int32

from jaxpose.data.config import PersonCropConfig
from jaxpose.data.device.batches import move_people
from jaxpose.data.device.colors import recolor
from jaxpose.data.device.occluders import CHANCES, draw_occluder, spans
from jaxpose.data.device.pictures import DevicePictures, load_pictures
from jaxpose.data.device.placing import below, between, invert, matrix
from jaxpose.data.device.sampling import Parts, draw
from jaxpose.data.examples import Batch, Source
from jaxpose.data.people import (
    HALF_BODY_JOINTS,
    HALF_BODY_PADDING,
    LEAST_JOINTS,
    LEAST_SIDE,
    LOWER,
    PLACE_CHANCES,
)
from jaxpose.errors import DataError
from jaxpose.skeletons import Skeleton


class DevicePeople(NamedTuple):
    """People of some data sets. The arrays are NumPy's, and JAX's once they are on the device."""

    pictures: DevicePictures  # of all data sets, one behind the other
    picture: Int32[Any, "m"]  # the place of each person's picture
    boxes: Float32[Any, "m 4"]  # x, y, w, h in the stored picture's pixels
    labelled: Float32[Any, "m j 3"]  # x, y in the same, and 1 or 0
    taught: Float32[Any, "m j 3"]  # what a teacher says of them: x, y, score; zeros where there is none
    until: Float32[Any, "m"]  # rising to 1: somebody is drawn by the first place above an even number


def load_people(shares: Sequence[tuple[Source, float]], skeleton: Skeleton, longest: int) -> DevicePeople:
    """The people of some data sets, each drawn as often as its share of all says, within a set all alike.

    For pictures see `pictures.load_pictures`. `DataError` for a set that has nobody.
    """
    loaded = [load_pictures(source, skeleton, longest) for source, _ in shares]
    most = max(each.keypoints.shape[1] for each in loaded)

    def padded(rows: np.ndarray) -> np.ndarray:
        return np.pad(rows, ((0, 0), (0, most - rows.shape[1]), *((0, 0),) * (rows.ndim - 2)))

    pictures = DevicePictures(
        np.concatenate([each.pixels for each in loaded]),
        np.concatenate([each.sizes for each in loaded]),
        np.concatenate([each.stored for each in loaded]),
        np.concatenate([padded(each.keypoints) for each in loaded]),
        np.concatenate([padded(each.boxes) for each in loaded]),
        np.any([each.known for each in loaded], axis=0),
    )
    rows, weights, first = [], [], 0
    whole = sum(share for _, share in shares)
    for number, (each, (_, share)) in enumerate(zip(loaded, shares, strict=True)):
        fit = ((each.keypoints[..., 2] > 0).sum(-1) >= LEAST_JOINTS) & (each.boxes[..., 2:] > 0).all(-1)
        picture, person = np.nonzero(fit & (each.boxes[..., 2:].max(-1) >= LEAST_SIDE))
        if not len(picture):
            raise DataError(f"data set {number + 1} of {len(shares)} has nobody with {LEAST_JOINTS} joints")
        rows.append(np.stack([picture + first, person]))
        weights.append(np.full(len(picture), share / whole / len(picture)))
        first += len(each.sizes)
    picture, person = np.concatenate(rows, axis=1)
    until = np.cumsum(np.concatenate(weights))
    labelled = pictures.keypoints[picture, person]
    return DevicePeople(
        pictures,
        picture.astype(np.int32),
        pictures.boxes[picture, person],
        labelled,
        np.zeros_like(labelled),
        (until / until[-1]).astype(np.float32),
    )


def draw_people(key: Array, people: DevicePeople, config: PersonCropConfig, skeleton: Skeleton, batch: int) -> Batch:
    """So many crops; a pure function of the key, to be jitted. JPEG's traces (`color.jpeg`) are not made."""

    def one_by_one(keys: Array, people: DevicePeople) -> Batch:  # what is worked on stays in a CPU's caches
        return jax.lax.map(lambda key: draw_person(key, people, config, skeleton), keys)

    def at_once(keys: Array, people: DevicePeople) -> Batch:
        return jax.vmap(lambda key, people: draw_person(key, people, config, skeleton), (0, None))(keys, people)

    keys = jax.random.split(key, batch)
    drawn: Batch = jax.lax.platform_dependent(keys, people, cpu=one_by_one, default=at_once)
    return drawn


def draw_person(key: Array, people: DevicePeople, config: PersonCropConfig, skeleton: Skeleton) -> Batch:
    """One crop, without the batch's axis."""
    looking, drawing = jax.random.split(key)
    sizes = (1, 1, PLACE_CHANCES, 1 + CHANCES * config.occluders.most)
    some = jnp.split(jax.random.uniform(drawing, (sum(sizes),)), list(itertools.accumulate(sizes))[:-1])
    row = jnp.minimum(jnp.searchsorted(people.until, some[0][0], side="right"), len(people.until) - 1)
    flip = some[1][0] < config.flip
    by = draw_matrix(some[2], people.boxes[row], people.labelled[row], flip, config, skeleton)
    slots = move_people(jnp.stack([people.labelled[row], people.taught[row]]), by)
    slots = jnp.where(flip, slots[:, jnp.array(skeleton.flip)], slots)
    image = _paint(some[3], people, row, by, slots[:1], config)
    height, width = config.crop
    return Batch(
        jnp.round(recolor(looking, image, config.color)).astype(jnp.uint8),
        slots,
        jnp.zeros(2, jnp.int32),
        slots[0, :, 2] > 0,
        jnp.ones((height // config.stride, width // config.stride), jnp.uint8),
    )


def draw_matrix(
    chances: Float[Array, "8"],
    box: Float[Array, "4"],
    joints: Float[Array, "j 3"],
    flip: Array,
    config: PersonCropConfig,
    skeleton: Skeleton,
) -> Float[Array, "2 3"]:
    """A drawn map from the picture's pixels to the crop's, which puts the person into its middle."""
    middle, side = box[:2] + box[2:] / 2, box[2:] * config.padding
    half_middle, half_side, halved = _half(chances[0], joints, skeleton)
    half = halved & (chances[1] < config.half_body)
    middle, side = jnp.where(half, half_middle, middle), jnp.where(half, half_side * HALF_BODY_PADDING, side)
    height, width = config.crop
    wide = jnp.maximum(side[0], side[1] * width / height)  # of the smallest box of the crop's shape that holds this one
    shift = between(chances[2:4], -config.shift, config.shift) * wide * jnp.array([1.0, height / width])
    normal = ndtri(jnp.clip(chances[4:6], 1e-6, 1 - 1e-6))
    factor = 1 + config.scale * jnp.clip(normal[0], -1, 1)
    angle = jnp.where(chances[6] < config.turned, config.rotation * jnp.clip(normal[1], -2, 2), 0.0)
    to = (jnp.array([width, height]) - 1) / 2
    return matrix(middle + shift, to, width / (wide * factor), angle, flip)


def _half(
    chance: Array, joints: Float[Array, "j 3"], skeleton: Skeleton
) -> tuple[Float[Array, "2"], Float[Array, "2"], Array]:
    """Middle and sides of the box around the joints of one half of the body, and whether that may be shown."""
    lower = np.array([joint.endswith(LOWER) for joint in skeleton.joints])
    there = joints[:, 2] > 0
    counts = (there & ~lower).sum(), (there & lower).sum()
    downwards = jnp.where(chance < 0.5, counts[0] <= 2, counts[1] > 2)  # HRNet's choice between the two
    chosen = there & (lower == downwards)
    low, high = spans(jnp.where(chosen[:, None], joints, 0))
    count = chosen.sum()
    middle = jnp.where(chosen[:, None], joints[:, :2], 0).sum(0) / jnp.maximum(count, 1)
    fit = (there.sum() > HALF_BODY_JOINTS) & (count >= 2)
    side = jnp.where(fit, high - low, 1.0)
    return middle, side, fit & (side.max() >= LEAST_SIDE / 2)


def _paint(
    chances: Float[Array, "1+12*n"],
    people: DevicePeople,
    row: Int[Array, ""],
    by: Float[Array, "2 3"],
    person: Float[Array, "1 j 3"],
    config: PersonCropConfig,
) -> Float[Array, "h w 3"]:
    """The crop's pixels: the picture, and what hides joints."""
    points = cells_of(config.crop)
    parts = Parts(people.picture[row][None], by[None], jnp.ones((1, *config.crop), bool))
    low, high = spans(person)
    tall = jnp.where((person[..., 2] > 0).any(-1), (high - low).max(-1), 0)
    count = below(chances[0], config.occluders.most + 1)
    things = []
    for number, own in enumerate(chances[1:].reshape(config.occluders.most, CHANCES)):
        thing = draw_occluder(own, number < count, person, tall, people.pictures, points, config.occluders)
        things.append(thing)
        parts = jax.tree.map(lambda some, more: jnp.concatenate([some, more]), parts, thing.piece)
    image = draw(people.pictures, parts, points)
    for thing in things:
        plain = thing.covers & ~thing.piece.has[0]
        image = jnp.where(plain[..., None], thing.color, image)
    return image


def cells_of(crop: tuple[int, int]) -> Float[Array, "h w 2"]:
    """The points x, y of all pixels of a crop (height, width)."""
    columns, rows = (jnp.arange(side, dtype=jnp.float32) for side in crop[::-1])
    return jnp.stack(jnp.meshgrid(columns, rows), axis=-1)


def show(
    people: DevicePeople, rows: Int[Array, "n"], crop: tuple[int, int], padding: float
) -> tuple[Float[Array, "n h w 3"], Float[Array, "n 2 3"]]:
    """Some people as they are, in crops of that height and width, and the maps back to the stored pictures' pixels.

    For a teacher to look at. Nothing is drawn at random.
    """
    height, width = crop

    def one(row: Array) -> tuple[Array, Array]:
        box = people.boxes[row]
        wide = jnp.maximum(box[2], box[3] * width / height) * padding
        to = (jnp.array([width, height]) - 1) / 2
        by = matrix(box[:2] + box[2:] / 2, to, width / wide, jnp.array(0.0), jnp.array(False))
        parts = Parts(people.picture[row][None], by[None], jnp.ones((1, *crop), bool))
        return draw(people.pictures, parts, cells_of(crop)), invert(by)

    images: tuple[Array, Array] = jax.vmap(one)(rows)
    return images

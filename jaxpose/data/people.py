"""A sample of one person: an example drawn at random into a crop around one of its people, for top-down networks.

What `samples` is to networks that find everybody. In this order: a person of the picture, the placement that puts the
box there (turned, scaled, cut at the hips, mirrored), the pixels, things that hide joints, colours. That person's
joints alone are told; others in the crop are background.

Within a data set pictures are drawn alike, and within a picture its people; HRNet's program draws all people alike, but
to know all people beforehand every picture's record would have to be read.
"""

import statistics

import numpy as np
from jaxtyping import Float, Float32

from jaxpose.data import colors, occluders
from jaxpose.data.config import PersonCropConfig
from jaxpose.data.crops import Scene, cut
from jaxpose.data.examples import Example
from jaxpose.data.placement import Placement
from jaxpose.data.samples import Feed, Sample, decoded, draw_other
from jaxpose.records import NO_ID
from jaxpose.skeletons import Skeleton

LEAST_JOINTS = 3
"""Who has fewer labelled joints is not drawn."""

LEAST_SIDE = 24.0
"""Nor whose box has no side of so many pixels."""

HALF_BODY_JOINTS = 8
"""Of a person with more labelled joints a half may be shown (HRNet's)."""

HALF_BODY_PADDING = 1.5
"""Sides of the crop, in those of the box around the joints of a half (HRNet's)."""

LOWER = ("hip", "knee", "ankle", "toe", "heel")
"""How the names of the lower half's joints end."""

PLACE_CHANCES = 8
"""How many numbers from 0 to 1 `place_person` needs."""

NORMAL = statistics.NormalDist()


class NobodyError(Exception):
    """An example has nobody to draw a crop around; carries its sequence and frame."""

    def __init__(self, example: Example) -> None:
        super().__init__(f"{example.sequence}, frame {example.frame}")


def make_person_sample(rng: np.random.Generator, feed: Feed, index: int, config: PersonCropConfig) -> Sample:
    """The sample of a person of the example with that index; `UnreadableError` or `NobodyError` if there is none.

    Of the two slots for people the first has the joints as they are labelled, the second is a teacher's, and empty.
    """
    example = feed.source[index]
    keypoints = feed.joints.apply(example.keypoints)
    fit = ((keypoints[..., 2] > 0).sum(axis=1) >= LEAST_JOINTS) & (example.boxes[:, 2:] > 0).all(axis=1)
    among = np.flatnonzero(fit & (example.boxes[:, 2:].max(axis=1, initial=0) >= LEAST_SIDE))
    if not len(among):
        raise NobodyError(example)
    person = int(rng.choice(among))
    flip = bool(rng.random() < config.flip)
    chances = rng.random(PLACE_CHANCES)
    placement = place_person(chances, example.boxes[person], keypoints[person], flip, config, feed.skeleton)
    picture = decoded(example, placement.scale)
    height, width = config.crop
    scene = Scene(keypoints[person][None], np.array([NO_ID]), ())
    crop = cut(picture, scene, placement, feed.skeleton, width, height, config.stride)
    things = occluders.draw_occluders(rng, crop.keypoints, config.crop, lambda: draw_other(rng, feed), config.occluders)
    look = colors.draw_look(rng, config.color)
    occluders.cover(crop.image, crop.keypoints, things)
    image = colors.apply(look, crop.image, rng)
    slots = np.concatenate([crop.keypoints, np.zeros_like(crop.keypoints)])
    cells = np.ones((height // config.stride, width // config.stride), np.uint8)
    parts = image, slots, np.zeros(2, np.int64), slots[0, :, 2] > 0, cells
    return Sample(*(part[None] for part in parts))


def place_person(
    chances: Float[np.ndarray, "8"],
    box: Float32[np.ndarray, "4"],
    joints: Float32[np.ndarray, "j 3"],
    flip: bool,
    config: PersonCropConfig,
    skeleton: Skeleton,
) -> Placement:
    """A placement that puts a person into the crop's middle, drawn by numbers that are even from 0 to 1.

    `box` is x, y, w, h and `joints` x, y and 0 for what is not labelled, both in the picture's pixels.
    """
    middle, side = box[:2] + box[2:] / 2, box[2:] * config.padding
    half = _half(float(chances[0]), joints, skeleton)
    if half is not None and chances[1] < config.half_body:
        middle, side = half[0], half[1] * HALF_BODY_PADDING
    height, width = config.crop
    wide = max(float(side[0]), float(side[1]) * width / height)  # the smallest box of the crop's shape that holds it
    shift = (2 * chances[2:4] - 1) * config.shift * wide * (1, height / width)
    normal = [NORMAL.inv_cdf(chance) for chance in np.clip(chances[4:6], 1e-6, 1 - 1e-6).tolist()]
    factor = 1 + config.scale * min(max(normal[0], -1.0), 1.0)
    turned = chances[6] < config.turned
    return Placement(
        x=float(middle[0] + shift[0]),
        y=float(middle[1] + shift[1]),
        to_x=(width - 1) / 2,
        to_y=(height - 1) / 2,
        scale=width / (wide * factor),
        angle=config.rotation * min(max(normal[1], -2.0), 2.0) if turned else 0.0,
        flip=flip,
    )


def _half(
    chance: float, joints: Float32[np.ndarray, "j 3"], skeleton: Skeleton
) -> tuple[Float[np.ndarray, "2"], Float[np.ndarray, "2"]] | None:
    """Middle and sides of the box around the joints of one half of the body; None if it may not be shown."""
    lower = np.array([joint.endswith(LOWER) for joint in skeleton.joints])
    there = joints[:, 2] > 0
    above, below = int((there & ~lower).sum()), int((there & lower).sum())
    downwards = above <= 2 if chance < 0.5 else below > 2  # HRNet's choice between the two
    points = joints[there & (lower == downwards), :2]
    if there.sum() <= HALF_BODY_JOINTS or len(points) < 2:
        return None
    side = np.ptp(points, axis=0)
    return (points.mean(axis=0), side) if side.max() >= LEAST_SIDE / 2 else None

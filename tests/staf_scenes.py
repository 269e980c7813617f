"""Moving people whose identities are known, the perfect fields that belong to them, and a network that gives those.

A scene is a list of frames; a frame has the pose [j, 3] of each person by a number that is theirs alone. The fields are
rendered in NumPy, straight from the definitions, and so are independent of the project's own code.
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scenes

from jaxpose.fields import targets
from jaxpose.fields.config import DecodeConfig
from jaxpose.geometry import Fit
from jaxpose.records import Candidates, Frame, People
from jaxpose.skeletons import COCO_18, Link, Skeleton
from jaxpose.systems.staf.candidates import StafCandidates
from jaxpose.systems.staf.config import StafConfig
from jaxpose.systems.staf.decoding import decode_fields
from jaxpose.systems.staf.fields import StafFields
from jaxpose.systems.staf.tracker import PeopleTracker
from jaxpose.systems.staf.tracker_config import TrackerConfig

STRIDE, H, W = 8, 32, 56
SAME_SIZE = Fit(W * STRIDE, H * STRIDE, 1.0)
Scene = list[dict[int, np.ndarray]]
Way = Callable[[int], tuple[float, float] | None]
"""Where a person's feet are in frame t; None where nobody sees them."""


def pose(place: tuple[float, float], tall: float, phase: float, skeleton: Skeleton = COCO_18) -> np.ndarray:
    """A person walking: the arms and legs swing with the phase. Joints outside of the picture are missing."""
    xy = tall * scenes.figure(skeleton)
    swing = 0.06 * tall * np.sin(phase)
    for joint, name in enumerate(skeleton.joints):
        if name.endswith(("wrist", "ankle")):
            xy[joint, 0] += swing if name.startswith("left") else -swing
    xy += place
    inside = ((xy >= 0) & (xy <= (W * STRIDE - 1, H * STRIDE - 1))).all(1)
    return np.where(inside[:, None], np.column_stack([xy, np.ones(len(xy))]), 0)


def scene(frames: int, ways: dict[int, tuple[Way, float]], swing: float = 0.7) -> Scene:
    """People by their ways and heights."""
    return [
        {
            person: found
            for person, (way, tall) in ways.items()
            if (place := way(t)) is not None and (found := pose(place, tall, swing * t))[:, 2].any()
        }
        for t in range(frames)
    ]


def line(x: float, y: float, dx: float = 0, dy: float = 0, gone: Iterable[int] = ()) -> Way:
    """A straight way, out of sight in some frames."""
    away = set(gone)
    return lambda t: None if t in away else (x + dx * t, y + dy * t)


def tafs(before: dict[int, np.ndarray], now: dict[int, np.ndarray], links: tuple[Link, ...], h: int, w: int) -> Any:
    """The perfect temporal fields [h, w, 2 * r]: unit vectors from the joint before to the joint now, on the way."""
    x, y = np.meshgrid(*((STRIDE - 1) / 2 + STRIDE * np.arange(size, dtype=float) for size in (w, h)))
    field = np.zeros((h, w, len(links), 2))
    for r, (this, last) in enumerate(links):
        count = np.zeros((h, w))
        for person in before.keys() & now.keys():
            (ax, ay, a_score), (bx, by, b_score) = before[person][last], now[person][this]
            length = np.hypot(bx - ax, by - ay)
            if min(a_score, b_score) <= 0 or length == 0:
                continue
            ux, uy = (bx - ax) / length, (by - ay) / length
            near = abs((x - ax) * uy - (y - ay) * ux) <= STRIDE
            near &= (x >= min(ax, bx) - STRIDE) & (x <= max(ax, bx) + STRIDE)
            near &= (y >= min(ay, by) - STRIDE) & (y <= max(ay, by) + STRIDE)
            field[near, r] += (ux, uy)
            count += near
        field[:, :, r] /= np.maximum(count, 1)[..., None]
    return field.reshape(h, w, -1)


def render(
    before: dict[int, np.ndarray], now: dict[int, np.ndarray], links: tuple[Link, ...], h: int = H, w: int = W
) -> StafFields:
    """The perfect fields of one frame."""
    people = np.array(list(now.values())).reshape(-1, len(COCO_18.joints), 3)
    heat, paf = scenes.render(people, COCO_18, h, w)
    return StafFields(*(np.float32(f)[None] for f in (heat, paf, tafs(before, now, links, h, w))))


FEW = DecodeConfig(candidates=8)
"""Enough slots for these scenes, and soon compiled."""


@functools.cache
def decoder(links: tuple[Link, ...], config: DecodeConfig) -> Callable[..., StafCandidates]:
    """The device's half behind the network, compiled."""
    return jax.jit(lambda fields, xy, found: decode_fields(fields, xy, found, COCO_18, links, STRIDE, config))


def decode(
    frames: Scene, links: tuple[Link, ...], cuts: Iterable[int] = (), config: DecodeConfig = FEW
) -> list[StafCandidates]:
    """What the device makes of a scene's perfect fields, frame by frame, without the axis b."""
    xy = np.zeros((1, len(COCO_18.joints), config.candidates, 2), np.float32)
    found, before, result = np.zeros((1, len(COCO_18.joints)), np.int32), {}, []
    for t, now in enumerate(frames):
        if t in set(cuts):
            found, before = np.zeros_like(found), {}
        each = decoder(links, config)(render(before, now, links), xy, found)
        xy, found, before = each.now.xy, each.now.found, now
        result.append(jax.tree.map(lambda leaf: leaf[0], jax.device_get(each)))
    return result


def track(
    frames: Scene,
    links: tuple[Link, ...],
    config: TrackerConfig = TrackerConfig(),
    cuts: Iterable[int] = (),
    times: Callable[[int], float] = float,
) -> list[People]:
    """The people that the tracker finds in a scene."""
    return follow(decode(frames, links, cuts), links, config, cuts, times)


def follow(
    candidates: list[StafCandidates],
    links: tuple[Link, ...],
    config: TrackerConfig = TrackerConfig(),
    cuts: Iterable[int] = (),
    times: Callable[[int], float] = float,
) -> list[People]:
    """The people that the tracker finds in the candidates of each frame."""
    tracker = PeopleTracker(COCO_18, links, config)
    cuts, done = set(cuts), []
    for t, found in enumerate(candidates):
        done += tracker.push(found, SAME_SIZE, t, times(t), cut=t in cuts)
    return done + tracker.flush()


def ids_of(people: list[People], frames: Scene, near: float = 6.0) -> dict[int, list[int]]:
    """For each person of the scene the ids under which the tracker tells of them, in order; each found at most once."""
    result: dict[int, list[int]] = {}
    for found, truth in zip(people, frames, strict=True):
        taken: set[int] = set()
        for person, own in truth.items():
            both = (found.keypoints[..., 2] > 0) & (own[:, 2] > 0)
            apart = np.linalg.norm(found.keypoints[..., :2] - own[:, :2], axis=-1)
            mean = np.where(both.sum(1) >= 5, (apart * both).sum(1) / np.maximum(both.sum(1), 1), np.inf)
            if len(mean) and mean.min() < near and (row := int(mean.argmin())) not in taken:
                taken.add(row)
                result.setdefault(person, []).append(int(found.ids[row]))
    return result


def true_candidates(
    before: dict[int, np.ndarray],
    now: dict[int, np.ndarray],
    links: tuple[Link, ...],
    skeleton: Skeleton = COCO_18,
    slots: int = 64,
    partners: int = 8,
) -> StafCandidates:
    """What perfect fields would give, without rendering any: person n of a frame has slot n of each joint."""
    joints = len(skeleton.joints)
    xy, score = np.zeros((joints, slots, 2), np.float32), np.zeros((joints, slots), np.float32)
    poses = np.array(list(now.values())).reshape(-1, joints, 3)
    xy[:, : len(poses)], score[:, : len(poses)] = poses[..., :2].swapaxes(0, 1), poses[..., 2].T
    partner = np.zeros((len(skeleton.limbs), slots, partners), np.int32)
    affinity = np.zeros(partner.shape, np.float32)
    a, b = np.array(skeleton.limbs).T
    partner[..., 0] = np.arange(slots)
    affinity[:, : len(poses), 0] = (poses[:, a, 2] * poses[:, b, 2]).T
    late, continuity = np.zeros((len(links), slots, partners), np.int32), np.zeros((len(links), slots, partners))
    this, last = np.array(links).T
    order = {person: slot for slot, person in enumerate(now)}
    for slot, (person, own) in enumerate(before.items()):
        if person in order:
            late[:, slot, 0] = order[person]
            continuity[:, slot, 0] = own[last, 2] * now[person][this, 2]
    count = np.full(joints, len(poses), np.int32)
    spatial = Candidates(xy, score, count, partner, affinity, np.bool_(True))
    return StafCandidates(spatial, late, continuity.astype(np.float32))


# -- a network that knows --------------------------------------------------------------------------------------------

PEOPLE = 4
"""The most people whom a picture can tell of."""


def picture(people: dict[int, np.ndarray], background: int = 0) -> np.ndarray:
    """A picture [H, W, 3] that tells of its people: x, y and whether it is there for each joint, in its first rows."""
    result = np.full((128, 256, 3), background, np.uint8)
    result[:PEOPLE, : len(COCO_18.joints)] = 0
    for slot, (person, own) in enumerate(people.items()):
        result[slot, : len(own)] = np.column_stack([np.rint(own[:, :2]), np.full(len(own), person)]) * (own[:, 2:] > 0)
    return result


def frames_of(frames: Scene, backgrounds: Callable[[int], int] = lambda t: 0) -> list[Frame]:
    """The pictures of a scene, at 10 frames a second."""
    return [Frame(t, t / 10, picture(people, backgrounds(t))) for t, people in enumerate(frames)]


class KnowingNetwork:
    """A `Recurrent` that reads the truth from its pictures: the fields are perfect. Person n has the number n, 1 up."""

    config = StafConfig(skeleton="coco_18", topology="B")

    def apply(self, variables: Any, *args: Any, method: str) -> Any:
        """As Flax has it."""
        return getattr(self, method)(*args)

    def encode(self, images: jax.Array) -> jax.Array:
        """The pictures themselves, cell by cell."""
        b, height, width, _ = images.shape
        cells = images.reshape(b, height // STRIDE, STRIDE, width // STRIDE, STRIDE, 3).swapaxes(2, 3)
        return cells.reshape(*cells.shape[:3], -1).astype(jnp.float32)

    def predict(self, features: jax.Array, previous: jax.Array, last: StafFields) -> tuple[StafFields, ...]:
        """The perfect fields of what both pictures tell."""
        now, before = self._people(features), self._people(previous)
        links = np.array(COCO_18.temporal_links(self.config.topology)).T
        size = features.shape[1:3]
        return (
            StafFields(
                targets.heatmaps(now, size),
                targets.affinities(now, COCO_18.limbs, size),
                targets.links(before[:, :, links[1]], now[:, :, links[0]], size),
            ),
        )

    def _people(self, features: jax.Array) -> jax.Array:
        """The poses [b, PEOPLE, j, 3], each person in the slot of their number."""
        b, h, w, _ = features.shape
        images = features.reshape(b, h, w, STRIDE, STRIDE, 3).swapaxes(2, 3).reshape(b, h * STRIDE, w * STRIDE, 3)
        code = images[:, :PEOPLE, : len(COCO_18.joints)]
        number = code[..., 2].max(-1)
        mine = number[:, None, :] == jnp.arange(1, PEOPLE + 1)[:, None]
        people = jnp.einsum("bps,bsjc->bpjc", mine.astype(jnp.float32), code, precision="highest")
        return people.at[..., 2].set(jnp.minimum(people[..., 2], 1))

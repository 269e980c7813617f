"""The bodies of the procedural people: their proportions, and where every joint is in a pose.

A pose is a set of angles (`Pose`, chosen by `acts` and moved by `motion`); `stand` turns it into joints in the world,
in metres with y up and the ground at 0, and puts the body's lowest point on the ground. `flesh` makes it solid.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxpose.data.procedural.faces import EARS, EYES, NOSE, landmarks
from jaxpose.data.procedural.hands import SIDES, fingers
from jaxpose.data.procedural.rotations import Turns, about, turned
from jaxpose.skeletons import WHOLE_135

JOINTS = (*WHOLE_135.joints, "head_bottom", "head_top", "chest")
"""All joints that a procedural person has; those of every skeleton are among them (`HAND_21`'s and `FACE_70`'s too)."""

AT = {name: place for place, name in enumerate(JOINTS)}

# the rows of `Pose.angles`
ROOT, SPINE, HEAD = 0, 1, 2
SHOULDER, ELBOW, HAND, HIP, KNEE, ANKLE = (slice(row, row + 2) for row in (3, 5, 7, 9, 11, 13))  # left, right
ROWS = 15
_FORWARD = np.array([1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1, 1, 1, 1, 1.0])  # the sense of x in which a joint bends
_SIDE = np.array([1, 1, 1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1.0])

_LENGTHS = {
    "thigh": 0.245, "shank": 0.242, "ankle": 0.040, "heel": 0.028, "toe": 0.108, "hip": 0.052,
    "waist": 0.130, "chest": 0.160, "neck": 0.045, "shoulder": 0.106, "arm": 0.172, "forearm": 0.150, "hand": 0.105,
    "head": 0.066,
}  # fmt: skip
"""Of each bone, as a share of the height (anthropometric tables, rounded); `head` is half of it, `hip` and `shoulder`
are half of the width between the joints."""
_SKULL = np.array([0.70, 1.0, 0.86])  # the head's half width and half depth, as shares of its half height

_BEHIND = np.array([[0, 0, -1.0]])


class Bodies(NamedTuple):
    """What `p` people are for life. Lengths are in metres."""

    height: Float[np.ndarray, "p"]
    girth: Float[np.ndarray, "p"]  # 1 is ordinary
    lengths: dict[str, Float[np.ndarray, "p"]]
    features: Float[np.ndarray, "p 4"]  # of the face, see `faces.landmarks`


class Pose(NamedTuple):
    """How `p` people hold themselves, in radians.

    Each row of `angles` has three: how far the joint bends in its natural sense (root and spine forward, head down,
    shoulder and hip forward and up, elbow, knee, foot stretched), how far it is twisted, and how far it goes sideways
    (limbs away from the body; root and spine to the right). Limbs stand as left, right.
    """

    angles: Float[np.ndarray, "p 15 3"]
    curls: Float[np.ndarray, "p 2 5"]  # of each finger, 0 flat to 1
    spread: Float[np.ndarray, "p 2"]  # of the fingers
    mood: Float[np.ndarray, "p 4"]  # of the face, see `faces.landmarks`
    lift: Float[np.ndarray, "p"]  # metres above the ground


class Placed(NamedTuple):
    """People in the world: their joints (in the order of `JOINTS`) and how their parts are turned. In metres."""

    joints: Float[np.ndarray, "p 138 3"]
    pelvis: Turns
    chest: Turns
    head: Turns
    skull: Float[np.ndarray, "p 3"]  # the middle of the head
    radii: Float[np.ndarray, "p 3"]  # of the head along its own x, y, z


def draw_bodies(rng: np.random.Generator, count: int) -> Bodies:
    """Random people: mostly grown-ups, some children, who have larger heads and shorter limbs for their height."""
    child = rng.random(count) < 0.15
    height = np.where(child, rng.uniform(1.05, 1.5, count), np.clip(rng.normal(1.71, 0.1, count), 1.5, 2.0))
    jitter = np.clip(rng.normal(1, 0.04, (len(_LENGTHS), count)), 0.88, 1.12)
    lengths = {name: share * height * jitter[row] for row, (name, share) in enumerate(_LENGTHS.items())}
    lengths["head"] = lengths["head"] * np.where(child, 1.6 / height, 1.0)
    girth = np.clip(rng.normal(1.0, 0.16, count), 0.75, 1.5)
    return Bodies(height, girth, lengths, np.clip(rng.normal(1, 0.08, (count, 4)), 0.8, 1.2))


def stand(bodies: Bodies, pose: Pose, ground: Float[np.ndarray, "p 2"], heading: Float[np.ndarray, "p"]) -> Placed:
    """The people in their poses above the points `ground` (x, z), looking along `heading` (0 is +z, pi/2 is +x)."""
    bone = bodies.lengths
    angles = pose.angles
    bends = about(0, angles[..., 0] * _FORWARD)
    twists = about(1, angles[..., 1] * _SIDE)
    asides = about(2, angles[..., 2] * _SIDE)
    trunk = twists[:, :3] @ bends[:, :3] @ asides[:, :3]
    limbs = asides[:, 3:] @ bends[:, 3:] @ twists[:, 3:]  # going sideways comes last: arms rise over the side
    shoulder, elbow, hand, hip, knee, ankle = (limbs[:, 2 * i : 2 * i + 2] for i in range(6))

    pelvis = about(1, heading) @ trunk[:, ROOT]
    chest = pelvis @ trunk[:, SPINE]
    head = chest @ trunk[:, HEAD]

    joints = np.zeros((len(heading), len(JOINTS), 3))
    waist = turned(pelvis, y=bone["waist"])
    neck = waist + turned(chest, y=bone["chest"])
    base = neck + turned(chest, y=bone["neck"])
    radii = bone["head"][:, None] * _SKULL
    skull = base + turned(head, y=0.72 * radii[:, 1], z=0.35 * radii[:, 2])
    joints[:, AT["chest"]], joints[:, AT["neck"]], joints[:, AT["head_bottom"]] = waist, neck, base

    def sides(name: str) -> list[int]:
        return [AT[f"left_{name}"], AT[f"right_{name}"]]

    upper, lower, thigh = chest[:, None] @ shoulder, None, pelvis[:, None] @ hip
    lower, shank = upper @ elbow, thigh @ knee
    palm, foot = lower @ hand, shank @ ankle
    wide = {name: np.stack([bone[name], -bone[name]], axis=1) for name in ("shoulder", "hip")}
    two = {name: bone[name][:, None] for name in ("arm", "forearm", "thigh", "shank", "ankle", "heel", "toe", "hand")}
    shoulders = neck[:, None] + turned(chest[:, None], x=wide["shoulder"])
    elbows = shoulders + turned(upper, y=-two["arm"])
    wrists = elbows + turned(lower, y=-two["forearm"])
    hips = turned(pelvis[:, None], x=wide["hip"])
    knees = hips + turned(thigh, y=-two["thigh"])
    ankles = knees + turned(shank, y=-two["shank"])
    sole = 0.75 * two["ankle"]
    for name, found in (
        ("shoulder", shoulders), ("elbow", elbows), ("wrist", wrists), ("hip", hips), ("knee", knees),
        ("ankle", ankles),
        ("heel", ankles + turned(foot, y=-sole, z=-two["heel"])),
        ("big_toe", ankles + turned(foot, x=-0.12 * SIDES * two["toe"], y=-sole, z=two["toe"])),
        ("small_toe", ankles + turned(foot, x=0.28 * SIDES * two["toe"], y=-sole, z=0.82 * two["toe"])),
    ):  # fmt: skip
        joints[:, sides(name)] = found

    flat = fingers(pose.curls, pose.spread) * two["hand"][..., None, None]
    tips = wrists[:, :, None] + np.einsum("psij,psfj->psfi", palm, flat)
    joints[:, 25:65] = tips.reshape(len(joints), 40, 3)

    face = landmarks(bodies.features, pose.mood)
    joints[:, 65:135] = on_head(face, head, skull, radii)
    joints[:, AT["nose"]] = joints[:, 65 + NOSE]
    joints[:, sides("eye")] = joints[:, [65 + eye for eye in EYES]]
    joints[:, sides("ear")] = on_head(EARS, head, skull, radii)
    joints[:, AT["head_top"]] = on_head(np.array([[0, 1.0, 0]]), head, skull, radii)[:, 0]

    up = pose.lift - _lowest(joints, bodies, on_head(_BEHIND, head, skull, radii)[:, 0])
    move = np.stack([ground[:, 0], up, ground[:, 1]], axis=1)
    return Placed(joints + move[:, None], pelvis, chest, head, skull + move, radii)


def on_head(
    points: Float[np.ndarray, "*p n 3"], head: Turns, skull: Float[np.ndarray, "p 3"], radii: Float[np.ndarray, "p 3"]
) -> Float[np.ndarray, "p n 3"]:
    """Points of the unit head in the world: stretched, narrower towards the chin, turned, moved."""
    jaw = 1 + 0.22 * np.minimum(points[..., 1:2], 0)
    egg = np.concatenate([points[..., :1] * jaw, points[..., 1:]], axis=-1) * radii[:, None]
    return skull[:, None] + egg @ np.swapaxes(head, -1, -2)


_FLESH = {
    "shoulder": 0.032, "elbow": 0.022, "wrist": 0.015, "hip": 0.050, "knee": 0.030, "ankle": 0.012, "heel": 0.012,
    "big_toe": 0.012,
}  # fmt: skip


def _lowest(joints: Float[np.ndarray, "p 138 3"], bodies: Bodies, behind: Float[np.ndarray, "p 3"]) -> np.ndarray:
    """The height of each body's lowest point, flesh included."""
    low = [np.minimum(joints[:, 25:65, 1].min(1) - 0.005, np.minimum(joints[:, AT["head_top"], 1], behind[:, 1]))]
    for name, flesh in _FLESH.items():
        pair = joints[:, [AT[f"left_{name}"], AT[f"right_{name}"]], 1].min(1)
        low.append(pair - flesh * bodies.height)
    return np.min(low, axis=0)

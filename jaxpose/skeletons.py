"""Skeletons: which joints a pose has, which limbs join them, how precisely each can be placed; and maps between them.

A limb's place in `Skeleton.limbs` is its place among the channels of the networks trained for that skeleton: limb i has
the affinity field's x in channel 2i and y in channel 2i + 1. Joint names carry the side (`left_...`, `right_...`, the
person's own), and what has to be swapped when a picture is mirrored follows from the names alone.

`neck` is the middle of the shoulders and `mid_hip` the middle of the hips (both can be synthesized; MPII calls them
thorax and pelvis); `head_bottom` is the upper neck of MPII and PoseTrack and the neck of Leeds Sports, another place.
"""

import colorsys
import dataclasses
import functools
from typing import Literal

import numpy as np
from jaxtyping import Float

Limb = tuple[int, int]

Link = tuple[int, int]
"""A joint of a person in this frame, and a joint of the same person in the previous frame."""

Topology = Literal["A", "B", "C"]
"""Which joints a temporal affinity field links (see `Skeleton.temporal_links`)."""


@dataclasses.dataclass(frozen=True)
class Skeleton:
    """Joints and limbs of one kind of pose.

    `sigmas` are COCO's per-joint spread (OKS uses 2 sigma). `redundant` lists the limbs (by index) that close loops:
    they help to tell people apart and are not drawn.
    """

    name: str
    joints: tuple[str, ...]
    limbs: tuple[Limb, ...]
    sigmas: tuple[float, ...]
    redundant: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(set(self.joints)) != len(self.joints):
            raise ValueError(f"{self.name}: joint names must differ")
        if len(self.sigmas) != len(self.joints):
            raise ValueError(f"{self.name}: {len(self.sigmas)} sigmas for {len(self.joints)} joints")
        for a, b in self.limbs:
            if a == b or not (0 <= a < len(self.joints) and 0 <= b < len(self.joints)):
                raise ValueError(f"{self.name}: limb ({a}, {b}) does not join two of its {len(self.joints)} joints")

    def index(self, joint: str) -> int:
        """The place of a joint by its name."""
        return self.joints.index(joint)

    @functools.cached_property
    def flip(self) -> tuple[int, ...]:
        """For each joint the one that takes its place in a mirrored picture (itself for those of the middle)."""
        return tuple(self.index(mirrored(name)) for name in self.joints)

    @functools.cached_property
    def feet(self) -> tuple[int, ...]:
        """The joints of the feet: toes and heels (an ankle belongs to the leg)."""
        return tuple(i for i, name in enumerate(self.joints) if name.endswith(("_toe", "_heel")))

    @functools.cached_property
    def colors(self) -> tuple[tuple[int, int, int], ...]:
        """An RGB colour for each joint, around the colour wheel."""
        hues = np.linspace(0, 1, len(self.joints), endpoint=False)
        wheel = (colorsys.hsv_to_rgb(hue, 0.9, 1.0) for hue in hues)
        return tuple((round(255 * r), round(255 * g), round(255 * b)) for r, g, b in wheel)

    @functools.cached_property
    def drawn_limbs(self) -> tuple[Limb, ...]:
        """The limbs without the redundant ones."""
        return tuple(limb for i, limb in enumerate(self.limbs) if i not in self.redundant)

    def temporal_links(self, topology: Topology) -> tuple[Link, ...]:
        """The links of a temporal affinity field, each (joint in this frame, joint in the previous frame), in order.

        As with limbs, link i has x in channel 2i and y in channel 2i + 1. "A" links every joint to itself. "B" links
        across the limbs, in both directions: the limbs (a, b), then the same reversed. "C" has the joints with
        themselves, then the limbs in one direction, as they stand: our reading, as what is published of C names neither
        an order nor the direction (Raaj et al., "Efficient Online Multi-Person 2D Pose Tracking with Recurrent
        Spatio-Temporal Affinity Fields", CVPR 2019).
        """
        own = tuple((joint, joint) for joint in range(len(self.joints)))
        if topology == "A":
            return own
        if topology == "B":
            return self.limbs + tuple((b, a) for a, b in self.limbs)
        if topology == "C":
            return own + self.limbs
        raise ValueError(f'`topology` must be "A", "B" or "C", got {topology!r}')


def mirrored(joint: str) -> str:
    """The name of the joint on the other side: `left_x` for `right_x`, a joint of the middle itself."""
    side, _, rest = joint.partition("_")
    return {"left": f"right_{rest}", "right": f"left_{rest}"}.get(side, joint)


def convert(keypoints: Float[np.ndarray, "*n s 3"], source: Skeleton, target: Skeleton) -> Float[np.ndarray, "*n t 3"]:
    """Poses of one skeleton as poses of another, joint by joint by name.

    `neck` and `mid_hip` become the middle of the two shoulders or hips where the source lacks them and both are there
    (their score is the lower of the two). Whatever the source cannot tell is missing: (0, 0, 0).
    """
    keypoints = np.asarray(keypoints)
    if keypoints.shape[-2:] != (len(source.joints), 3):
        raise ValueError(f"`keypoints` must be [..., {len(source.joints)}, 3] for {source.name}, got {keypoints.shape}")
    result = np.zeros((*keypoints.shape[:-2], len(target.joints), 3), keypoints.dtype)
    for place, joint in enumerate(target.joints):
        if joint in source.joints:
            found = keypoints[..., source.index(joint), :]
        elif joint in MIDDLES and all(side in source.joints for side in MIDDLES[joint]):
            left, right = (keypoints[..., source.index(side), :] for side in MIDDLES[joint])
            score = np.minimum(left[..., 2:], right[..., 2:])
            found = np.concatenate([(left[..., :2] + right[..., :2]) / 2, score], axis=-1, dtype=keypoints.dtype)
        else:
            continue
        result[..., place, :] = np.where(found[..., 2:] > 0, found, 0)
    return result


MIDDLES = {"neck": ("left_shoulder", "right_shoulder"), "mid_hip": ("left_hip", "right_hip")}
"""Joints that are the middle of two others."""


def _sided(*names: str, first: str = "left") -> tuple[str, ...]:
    """Each name for both sides in turn: `shoulder` as left_shoulder, right_shoulder."""
    sides = ("left", "right") if first == "left" else ("right", "left")
    return tuple(f"{side}_{name}" for name in names for side in sides)


def _body_sigmas(joints: tuple[str, ...]) -> tuple[float, ...]:
    """COCO's and COCO-WholeBody's spread of each body joint; those that COCO lacks take their neighbour's."""
    feet = {
        "left_big_toe": 0.068, "left_small_toe": 0.066, "left_heel": 0.066,
        "right_big_toe": 0.092, "right_small_toe": 0.094, "right_heel": 0.094,
    }  # fmt: skip
    parts = {
        "nose": 0.026, "eye": 0.025, "ear": 0.035, "shoulder": 0.079, "elbow": 0.072, "wrist": 0.062,
        "hip": 0.107, "knee": 0.087, "ankle": 0.089,
        "neck": 0.079, "head_bottom": 0.079, "head_top": 0.079, "mid_hip": 0.107, "chest": 0.107,
    }  # fmt: skip
    return tuple(feet.get(j) or parts[j.removeprefix("left_").removeprefix("right_")] for j in joints)


# -- the body --------------------------------------------------------------------------------------------------------

_RIGHT_ARM = ("right_shoulder", "right_elbow", "right_wrist")
_LEFT_ARM = ("left_shoulder", "left_elbow", "left_wrist")
_RIGHT_LEG = ("right_hip", "right_knee", "right_ankle")
_LEFT_LEG = ("left_hip", "left_knee", "left_ankle")
_FACE = ("right_eye", "left_eye", "right_ear", "left_ear")
_FEET = ("left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel")


def _body(name: str, joints: tuple[str, ...], limbs: tuple[Limb, ...], redundant: tuple[Limb, ...] = ()) -> Skeleton:
    return Skeleton(name, joints, limbs, _body_sigmas(joints), tuple(limbs.index(limb) for limb in redundant))


COCO_17 = _body(
    "coco_17",
    ("nose", *_sided("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")),
    ((15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8), (7, 9), (8, 10),
     (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6)),
)  # fmt: skip
COCO_18 = _body(
    "coco_18",
    ("nose", "neck", *_RIGHT_ARM, *_LEFT_ARM, *_RIGHT_LEG, *_LEFT_LEG, *_FACE),
    ((1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13), (1, 2), (2, 3), (3, 4), (2, 16), (1, 5), (5, 6), (6, 7),
     (5, 17), (1, 0), (0, 14), (0, 15), (14, 16), (15, 17)),
    redundant=((2, 16), (5, 17)),
)  # fmt: skip
BODY_25 = _body(
    "body_25",
    ("nose", "neck", *_RIGHT_ARM, *_LEFT_ARM, "mid_hip", *_RIGHT_LEG, *_LEFT_LEG, *_FACE, *_FEET),
    ((1, 8), (9, 10), (10, 11), (8, 9), (8, 12), (12, 13), (13, 14), (1, 2), (2, 3), (3, 4), (2, 17), (1, 5), (5, 6),
     (6, 7), (5, 18), (1, 0), (0, 15), (0, 16), (15, 17), (16, 18), (14, 19), (19, 20), (14, 21), (11, 22), (22, 23),
     (11, 24)),
    redundant=((2, 17), (5, 18)),
)  # fmt: skip
BODY_21A = _body(
    "body_21a",
    ("nose", "neck", *_RIGHT_ARM, *_LEFT_ARM, "mid_hip", *_RIGHT_LEG, *_LEFT_LEG, *_FACE, "head_bottom", "head_top"),
    ((1, 8), (9, 10), (10, 11), (8, 9), (8, 12), (12, 13), (13, 14), (1, 2), (2, 3), (3, 4), (2, 17), (1, 5), (5, 6),
     (6, 7), (5, 18), (1, 0), (0, 15), (0, 16), (15, 17), (16, 18), (1, 19), (19, 20), (5, 12), (2, 9)),
    redundant=((2, 17), (5, 18), (5, 12), (2, 9)),
)  # fmt: skip
MPI_15 = _body(
    "mpi_15",
    ("head_top", "head_bottom", *_RIGHT_ARM, *_LEFT_ARM, *_RIGHT_LEG, *_LEFT_LEG, "chest"),
    ((0, 1), (1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7), (1, 14), (14, 8), (8, 9), (9, 10), (14, 11), (11, 12),
     (12, 13)),
)  # fmt: skip
POSETRACK_15 = _body(  # the joint ids of PoseTrack 2017
    "posetrack_15",
    (*reversed(_RIGHT_LEG), *_LEFT_LEG, *reversed(_RIGHT_ARM), *_LEFT_ARM, "head_bottom", "nose", "head_top"),
    ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (6, 7), (7, 8), (8, 12), (12, 9), (9, 10), (10, 11), (2, 8), (3, 9),
     (12, 13), (13, 14)),
)  # fmt: skip
POSETRACK_17 = _body(  # the order of PoseTrack 2018 and 2021, whose ears are never labelled
    "posetrack_17",
    ("nose", "head_bottom", "head_top", *_sided("ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")),
    ((15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 1), (6, 1), (5, 7), (6, 8), (7, 9),
     (8, 10), (1, 0), (0, 2), (0, 3), (0, 4)),
)  # fmt: skip
COCO_19 = _body(  # COCO's joints with upper neck and head top: those of COCO and of PoseTrack
    "coco_19",
    (*COCO_17.joints, "head_bottom", "head_top"),
    (*COCO_17.limbs, (5, 17), (6, 17), (17, 0), (0, 18)),
)
COCO_23 = _body(  # COCO's joints and those of CMU's and COCO-WholeBody's feet
    "coco_23",
    (*COCO_17.joints, *_FEET),
    (*COCO_17.limbs, (15, 17), (17, 18), (15, 19), (16, 20), (20, 21), (16, 22)),
)
MPII_16 = _body(  # the joint ids of MPII, whose pelvis and thorax are the middles of hips and shoulders
    "mpii_16",
    (*reversed(_RIGHT_LEG), *_LEFT_LEG, "mid_hip", "neck", "head_bottom", "head_top", *reversed(_RIGHT_ARM),
     *_LEFT_ARM),
    ((0, 1), (1, 2), (2, 6), (6, 3), (3, 4), (4, 5), (6, 7), (7, 8), (8, 9), (10, 11), (11, 12), (12, 7), (7, 13),
     (13, 14), (14, 15)),
)  # fmt: skip
LSP_14 = _body(  # Leeds Sports
    "lsp_14",
    (*reversed(_RIGHT_LEG), *_LEFT_LEG, *reversed(_RIGHT_ARM), *_LEFT_ARM, "head_bottom", "head_top"),
    ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (6, 7), (7, 8), (8, 12), (12, 9), (9, 10), (10, 11), (12, 13), (2, 8),
     (3, 9)),
    redundant=((2, 3),),
)  # fmt: skip

# -- vehicles --------------------------------------------------------------------------------------------------------

CAR_14 = Skeleton(  # CarFusion; sides as the driver has them, 0.05 of the size for each as openpifpaf takes it
    "car_14",
    ("right_front_wheel", "left_front_wheel", "right_back_wheel", "left_back_wheel", "right_front_light",
     "left_front_light", "right_back_light", "left_back_light", "exhaust", "right_front_top", "left_front_top",
     "right_back_top", "left_back_top", "center"),
    ((0, 2), (1, 3), (0, 1), (2, 3), (9, 11), (10, 12), (9, 10), (11, 12), (4, 0), (4, 9), (4, 5), (5, 1), (5, 10),
     (6, 2), (6, 11), (7, 3), (7, 12), (6, 7)),
    (0.05,) * 14,
)  # fmt: skip

# -- hands, face, the whole ------------------------------------------------------------------------------------------

_FINGERS = tuple(f"{finger}_{i}" for finger in ("thumb", "index", "middle", "ring", "pinky") for i in range(1, 5))
_FINGER_SIGMAS = (
    0.022, 0.035, 0.037, 0.047, 0.026, 0.025, 0.024, 0.035, 0.018, 0.024,
    0.022, 0.026, 0.017, 0.021, 0.021, 0.032, 0.020, 0.019, 0.022, 0.031,
)  # fmt: skip


def _hand_limbs(wrist: int, first: int) -> tuple[Limb, ...]:
    """Five chains of four from the wrist; the 20 finger joints start at `first`."""
    return tuple(
        (wrist if i == 0 else first + 4 * finger + i - 1, first + 4 * finger + i)
        for finger in range(5)
        for i in range(4)
    )


HAND_21 = Skeleton("hand_21", ("wrist", *_FINGERS), _hand_limbs(0, 1), (0.029, *_FINGER_SIGMAS))

_FACE_JOINTS = (
    *(f"right_contour_{i}" for i in range(1, 9)), "chin", *(f"left_contour_{i}" for i in range(8, 0, -1)),
    *(f"right_brow_{i}" for i in range(1, 6)), *(f"left_brow_{i}" for i in range(5, 0, -1)),
    *(f"nose_bridge_{i}" for i in range(1, 5)),
    "right_nostril_1", "right_nostril_2", "nose_base", "left_nostril_2", "left_nostril_1",
    *(f"right_eye_{i}" for i in range(1, 7)), *(f"left_eye_{i}" for i in (4, 3, 2, 1, 6, 5)),
    "right_mouth_1", "right_mouth_2", "right_mouth_3", "mouth_top", "left_mouth_3", "left_mouth_2", "left_mouth_1",
    "left_mouth_5", "left_mouth_4", "mouth_bottom", "right_mouth_4", "right_mouth_5",
    "right_lip_1", "right_lip_2", "lip_top", "left_lip_2", "left_lip_1", "left_lip_3", "lip_bottom", "right_lip_3",
    "right_pupil", "left_pupil",
)  # fmt: skip
_FACE_SIGMAS = (
    0.042, 0.043, 0.044, 0.043, 0.040, 0.035, 0.031, 0.025, 0.020, 0.023, 0.029, 0.032, 0.037, 0.038, 0.043, 0.041,
    0.045, 0.013, 0.012, 0.011, 0.011, 0.012, 0.012, 0.011, 0.011, 0.013, 0.015, 0.009, 0.007, 0.007, 0.007, 0.012,
    0.009, 0.008, 0.016, 0.010, 0.017, 0.011, 0.009, 0.011, 0.009, 0.007, 0.013, 0.008, 0.011, 0.012, 0.010, 0.034,
    0.008, 0.008, 0.009, 0.008, 0.008, 0.007, 0.010, 0.008, 0.009, 0.009, 0.009, 0.007, 0.007, 0.008, 0.011, 0.008,
    0.008, 0.008, 0.010, 0.008,
    0.008, 0.008,  # the pupils, which COCO-WholeBody lacks: as the points around them
)  # fmt: skip


def _face_limbs(first: int) -> tuple[Limb, ...]:
    """Contour, brows, nose, and closed rings of eyes and lips; the 70 face joints start at `first`."""
    chains = ((0, 17), (17, 22), (22, 27), (27, 31), (31, 36))
    rings = ((36, 42), (42, 48), (48, 60), (60, 68))
    open_limbs = [(i, i + 1) for start, stop in chains for i in range(start, stop - 1)]
    closed_limbs = [(i, i + 1 if i + 1 < stop else start) for start, stop in rings for i in range(start, stop)]
    return tuple((first + a, first + b) for a, b in open_limbs + closed_limbs)


FACE_70 = Skeleton("face_70", _FACE_JOINTS, _face_limbs(0), _FACE_SIGMAS)

WHOLE_135 = Skeleton(  # the body, the left and the right fingers (their wrists are the body's), the face
    "whole_135",
    (*BODY_25.joints, *(f"left_{f}" for f in _FINGERS), *(f"right_{f}" for f in _FINGERS), *_FACE_JOINTS),
    (
        *BODY_25.limbs,
        *_hand_limbs(BODY_25.index("left_wrist"), 25),
        *_hand_limbs(BODY_25.index("right_wrist"), 45),
        *_face_limbs(65),
    ),
    (*BODY_25.sigmas, *_FINGER_SIGMAS, *_FINGER_SIGMAS, *_FACE_SIGMAS),
    BODY_25.redundant,
)

SKELETONS = {
    skeleton.name: skeleton
    for skeleton in (
        BODY_25, COCO_18, COCO_17, COCO_19, COCO_23, BODY_21A, MPI_15, MPII_16, LSP_14, POSETRACK_15, POSETRACK_17,
        CAR_14, HAND_21, FACE_70, WHOLE_135,
    )
}  # fmt: skip
"""All skeletons by name."""


def by_joints(joints: tuple[str, ...]) -> Skeleton:
    """The skeleton of these joints in this order: one of `SKELETONS`, or another one of joints that they know.

    Raises `ValueError` for a joint that none of them has, as its sigma is not known, and for no joints at all.
    """
    if not joints:
        raise ValueError("a skeleton must have a joint, got none")
    for skeleton in SKELETONS.values():
        if skeleton.joints == joints:
            return skeleton
    known = {joint: sigma for s in SKELETONS.values() for joint, sigma in zip(s.joints, s.sigmas, strict=True)}
    for joint in joints:
        if joint not in known:
            raise ValueError(f"{joint!r} is none of the {len(known)} joints of jaxpose.skeletons; rename it")
    return Skeleton(f"joints_{len(joints)}", joints, (), tuple(known[joint] for joint in joints))

"""The procedural people's flesh and clothes: from joints to the patches that `paint` draws.

Limbs, fingers and feet are tapered capsules, sleeves and trouser legs wider ones over them; the trunk is spanned by
rings. The heads are in `heads`.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxpose.data.procedural.camera import NEAR, Camera, project
from jaxpose.data.procedural.crowd import Crowd
from jaxpose.data.procedural.figure import AT, JOINTS
from jaxpose.data.procedural.heads import heads
from jaxpose.data.procedural.looks import HAIR, SHIRT, SHOES, SKIN, TROUSERS, Looks
from jaxpose.data.procedural.rotations import turned
from jaxpose.data.procedural.solids import Colour, Patch, Piece, capsules, hull, shaded

_FINE = 20  # pixels of a hand from which on fingers are drawn
_ROUND = 1.3, 4.0  # pixels of a limb's radius from which on it is shaded, and from which on with a light side


class Limb(NamedTuple):
    """A capsule between two points; radii are shares of the height."""

    name: str
    start: str
    end: str
    radii: tuple[float, float]
    slot: int
    covers: int = 0  # 1 and 2: this lies on the upper or lower part of a limb, as far as the clothes reach
    hand: int = 0  # 1: drawn of small hands, 2: of large ones
    nearer: float = 0.0  # metres that it is painted before what is as far away


_EXTRA = ("left_toes", "right_toes", "hair_top", "hair_end")
_POINTS = {name: place for place, name in enumerate((*JOINTS, *_EXTRA))}


def _limbs() -> Iterator[Limb]:
    yield Limb("neck", "neck", "head_bottom", (0.034, 0.031), SKIN)
    yield Limb("hair", "hair_top", "hair_end", (0.050, 0.042), HAIR)
    for side in ("left", "right"):
        yield from (
            Limb(f"{side}_{name}", f"{side}_{start}", f"{side}_{end}", radii, slot, *more)
            for name, start, end, radii, slot, *more in (
                ("upper_arm", "shoulder", "elbow", (0.030, 0.023), SKIN),
                ("forearm", "elbow", "wrist", (0.024, 0.015), SKIN),
                ("thigh", "hip", "knee", (0.052, 0.032), SKIN),
                ("shank", "knee", "ankle", (0.034, 0.020), SKIN),
                ("instep", "ankle", "toes", (0.022, 0.013), SHOES),
                ("sole_in", "heel", "big_toe", (0.017, 0.012), SHOES),
                ("sole_out", "heel", "small_toe", (0.017, 0.011), SHOES),
                ("sleeve", "shoulder", "elbow", (0.036, 0.030), SHIRT, 1, 0, 0.02),
                ("cuff", "elbow", "wrist", (0.030, 0.022), SHIRT, 2, 0, 0.02),
                ("trouser", "hip", "knee", (0.057, 0.040), TROUSERS, 1, 0, 0.02),
                ("hem", "knee", "ankle", (0.041, 0.031), TROUSERS, 2, 0, 0.02),
                ("mitt", "wrist", "middle_2", (0.014, 0.021), SKIN, 0, 1),
                ("mitt_tip", "middle_2", "middle_4", (0.019, 0.012), SKIN, 0, 1),
                ("mitt_thumb", "thumb_1", "thumb_4", (0.009, 0.007), SKIN, 0, 1),
            )
        )
        yield Limb(f"{side}_palm", f"{side}_wrist", f"{side}_middle_1", (0.014, 0.016), SKIN, 0, 2)
        for finger in ("thumb", "index", "middle", "ring", "pinky"):
            chain = [f"{side}_wrist", *(f"{side}_{finger}_{i}" for i in range(1, 5))]
            for step, radii in enumerate(((0.011, 0.011), (0.0075, 0.0065), (0.0065, 0.0058), (0.0058, 0.0048))):
                yield Limb(f"{side}_{finger}_{step}", chain[step], chain[step + 1], radii, SKIN, 0, 2)


LIMBS = tuple(_limbs())
_START = np.array([_POINTS[limb.start] for limb in LIMBS])
_END = np.array([_POINTS[limb.end] for limb in LIMBS])
_RADII = np.array([limb.radii for limb in LIMBS])
_SLOT = np.array([limb.slot for limb in LIMBS])
_COVERS = np.array([limb.covers for limb in LIMBS])
_HANDS = np.array([limb.hand for limb in LIMBS])
_LEFT = np.array([limb.name.startswith("left") for limb in LIMBS])
_NEARER = np.array([limb.nearer for limb in LIMBS])
_HAIR_ROW = [limb.name for limb in LIMBS].index("hair")
_NO_FINGER = _HANDS == 0


def patches(crowd: Crowd, camera: Camera, light: Float[np.ndarray, "2"]) -> list[Patch]:
    """Everything that is to be drawn of the people; `light` is where it comes from in the picture."""
    return [*_limb_patches(crowd, camera, light), *_trunks(crowd, camera, light), *heads(crowd, camera, light)]


def bones(crowd: Crowd) -> tuple[Float[np.ndarray, "n 2 3"], Float[np.ndarray, "n"]]:
    """Limbs and trunks as segments with radii in metres, for shadows."""
    joints, height = crowd.placed.joints, crowd.bodies.height[:, None]
    main = [row for row in np.flatnonzero(_NO_FINGER & (_COVERS == 0)).tolist() if row != _HAIR_ROW]
    points = _points(crowd)
    ends = np.stack([points[:, _START[main]], points[:, _END[main]]], axis=2)
    trunk = np.stack([joints[:, AT["mid_hip"]], joints[:, AT["neck"]]], axis=1)[:, None]
    head = np.stack([joints[:, AT["head_bottom"]], joints[:, AT["head_top"]]], axis=1)[:, None]
    radii = np.concatenate([_RADII[main].mean(1) * height, 0.085 * height, 0.04 * height], axis=1)
    return np.concatenate([ends, trunk, head], axis=1).reshape(-1, 2, 3), radii.reshape(-1)


def _points(crowd: Crowd) -> Float[np.ndarray, "p n 3"]:
    joints, placed = crowd.placed.joints, crowd.placed
    toes = [(joints[:, AT[f"{side}_big_toe"]] + joints[:, AT[f"{side}_small_toe"]]) / 2 for side in ("left", "right")]
    back = placed.radii[:, 2]
    top = placed.skull + turned(placed.head, y=0.1 * back, z=-0.35 * back)
    end = joints[:, AT["neck"]] + turned(placed.chest, y=-0.3 * back, z=-0.75 * back)
    return np.concatenate([joints, np.stack([*toes, top, end], axis=1)], axis=1)


def _reach(looks: Looks) -> Float[np.ndarray, "p n"]:
    """How far along its limb each piece goes: 1 for flesh, less for clothes that end before, 0 for none."""
    result = np.ones((len(looks.sleeve), len(LIMBS)))
    for slot, cloth in ((SHIRT, looks.sleeve), (TROUSERS, looks.leg)):
        for part in (1, 2):
            result[:, (slot == _SLOT) & (part == _COVERS)] = np.clip(cloth - part + 1, 0, 1)[:, None]
    result[:, _HAIR_ROW] = looks.long_hair
    return result


def _limb_patches(crowd: Crowd, camera: Camera, light: Float[np.ndarray, "2"]) -> list[Patch]:
    points = _points(crowd)
    reach = _reach(crowd.looks)
    start, end = points[:, _START], points[:, _END]
    end = start + (end - start) * reach[..., None]
    girth = np.where(_HANDS[None] > 0, crowd.bodies.girth[:, None] ** 0.3, crowd.bodies.girth[:, None])
    thick = _RADII * (crowd.bodies.height[:, None] * girth)[..., None]
    thick[:, _HAIR_ROW] = crowd.placed.radii[:, :1] * [1.12, 0.85]

    flat, depth = project(np.stack([start, end], axis=2), camera)
    radius = camera.focal * thick / np.maximum(depth, NEAR)
    wrists = depth[:, [_row("left_mitt"), _row("right_mitt")], 0]
    fine = camera.focal * crowd.bodies.lengths["hand"][:, None] / np.maximum(wrists, NEAR) >= _FINE
    fine = np.where(_LEFT, fine[:, :1], fine[:, 1:])
    wanted = (
        (reach > 0) & (depth > NEAR).all(-1) & (_NO_FINGER | ((_HANDS == 2) == fine)) & _inside(flat, radius, camera)
    )

    person, row = np.nonzero(wanted)
    flat, depth, radius, thick = flat[wanted], depth[wanted], radius[wanted], thick[wanted]
    shapes, centres = capsules(flat[:, 0], flat[:, 1], radius)
    levels = shaded(shapes, centres, light, radius.min(1))
    key = depth.mean(1) - _NEARER[row]
    geometry = np.concatenate([flat.reshape(-1, 4), depth, radius, thick], axis=1)
    colours = _tuples(crowd.looks.colours[person, _SLOT[row]])
    shades = (1 + (radius.max(1) >= _ROUND[0]) + (radius.max(1) >= _ROUND[1])).tolist()
    return [
        Patch(
            far,
            [(levels[0, i], paint)],
            [Piece(LIMBS[r].name, who, LIMBS[r].slot, list(levels[: shades[i], i]), shape)],
        )
        for i, (far, paint, who, r, shape) in enumerate(
            zip(key.tolist(), colours, person.tolist(), row.tolist(), map(tuple, geometry.tolist()), strict=True)
        )
    ]


def _row(name: str) -> int:
    return [limb.name for limb in LIMBS].index(name)


def _inside(flat: Float[np.ndarray, "p n 2 2"], radius: Float[np.ndarray, "p n 2"], camera: Camera) -> np.ndarray:
    """Whether any of each capsule can be in the picture."""
    low = (flat - radius[..., None]).min(2)
    high = (flat + radius[..., None]).max(2)
    return ((high > -1) & (low < camera.size)).all(-1)


def _tuples(colours: Float[np.ndarray, "n 3"]) -> list[Colour]:
    return [tuple(colour) for colour in colours.tolist()]


_TURN = np.linspace(0, 2 * np.pi, 12, endpoint=False)


def _trunks(crowd: Crowd, camera: Camera, light: Float[np.ndarray, "2"]) -> list[Patch]:
    """Hips, belly, chest and shoulders: the hulls of neighbouring rings; and skirts."""
    placed, bodies, looks = crowd.placed, crowd.bodies, crowd.looks
    joints, height, bone = placed.joints, bodies.height, bodies.lengths
    waist, neck = joints[:, AT["chest"]], joints[:, AT["neck"]]
    wide = height * bodies.girth
    rings = [  # centre, half width, half depth, how it is turned
        (turned(placed.pelvis, y=-0.030 * height), bone["hip"] + 0.040 * wide, 0.056 * wide, placed.pelvis),
        (turned(placed.pelvis, y=0.35 * bone["waist"]), bone["hip"] + 0.034 * wide, 0.062 * wide, placed.pelvis),
        (waist - joints[:, AT["mid_hip"]], 0.080 * wide, 0.060 * wide, placed.pelvis),
        (None, 0.6 * bone["shoulder"] + 0.038 * wide, 0.066 * wide, placed.chest),
        (None, bone["shoulder"] - 0.002 * height, 0.036 * wide, placed.chest),
        (None, 0.034 * wide, 0.034 * wide, placed.chest),
    ]
    base = joints[:, AT["mid_hip"]]
    centres = [base + rings[0][0], base + rings[1][0], base + rings[2][0]]
    centres += [
        waist + turned(placed.chest, y=0.55 * bone["chest"]),
        neck,
        neck + turned(placed.chest, y=0.5 * bone["neck"]),
    ]
    middle = np.stack(centres, axis=1)
    across = np.stack([turned(turn, x=half) for _, half, _, turn in rings], axis=1)
    ahead = np.stack([turned(turn, z=deep) for _, _, deep, turn in rings], axis=1)

    around = (
        middle[:, :, None] + np.cos(_TURN)[:, None] * across[:, :, None] + np.sin(_TURN)[:, None] * ahead[:, :, None]
    )
    flat, depth = project(around, camera)
    centre, far = project(middle, camera)
    thick = np.sqrt(np.square(across @ camera.turn[2]) + np.square(ahead @ camera.turn[2]))
    radius = np.sqrt(np.square(flat - centre[:, :, None]).sum(-1)).max(-1)

    pairs = np.concatenate([flat[:, :-1], flat[:, 1:]], axis=2)  # of neighbouring rings
    cores = np.repeat(np.stack([centre[:, :-1], centre[:, 1:]], axis=2), len(_TURN), axis=2)
    levels = shaded(pairs, cores, light, (radius[:, :-1] + radius[:, 1:]) / 2)
    result = []
    for person in range(len(height)):
        if (depth[person] <= NEAR).any():
            continue
        pieces, fills = [], []
        for ring in range(5):
            pair = slice(ring, ring + 2)
            spanning = levels[:, person, ring].take(hull(pairs[person, ring]), axis=1)
            slot = TROUSERS if ring == 0 else SHIRT
            shape = (*centre[person, pair].ravel(), *far[person, pair], *radius[person, pair], *thick[person, pair])
            pieces.append(Piece("pelvis" if ring == 0 else "trunk", person, slot, list(spanning), shape))
            fills.append((spanning[0], _tuples(looks.colours[person, slot][None])[0]))
        result.append(Patch(float(far[person, 1:5].mean()), fills, pieces))
        if looks.skirt[person] > 0:
            result += _skirt(crowd, camera, light, person, around[person, 0])
    return result


def _skirt(crowd: Crowd, camera: Camera, light: np.ndarray, person: int, hips: np.ndarray) -> list[Patch]:
    """The hull of the hips' ring and of a ring around both legs."""
    joints, looks = crowd.placed.joints[person], crowd.looks
    legs = []
    for side in ("left", "right"):
        hip, knee, ankle = (joints[AT[f"{side}_{name}"]] for name in ("hip", "knee", "ankle"))
        far = looks.skirt[person]
        legs.append(hip + (knee - hip) * min(far, 1) + (ankle - knee) * max(far - 1, 0))
    apart = legs[0] - legs[1]
    around = 0.09 * crowd.bodies.height[person] * np.stack([np.cos(_TURN), 0 * _TURN, np.sin(_TURN)], axis=1)
    hem = np.concatenate([leg + around for leg in legs])
    flat, depth = project(np.concatenate([hips, hem]), camera)
    if (depth <= NEAR).any():
        return []
    ends, far = project(np.stack([hips.mean(0), hem.mean(0)]), camera)
    places = hull(flat)
    core = np.repeat(ends, [len(hips), len(hem)], axis=0)[places]
    radius = [float(np.abs(flat[:12] - ends[0]).max()), float(np.abs(flat[12:] - ends[1]).max())]
    levels = shaded(flat[places], core, light, np.array(0.5 * min(radius)))
    thick = 0.09 * crowd.bodies.height[person] + 0.5 * abs(float(apart @ camera.turn[2]))
    shape = (*ends.ravel(), *far, *radius, thick, thick)
    paint = _tuples(looks.colours[person, TROUSERS][None])[0]
    return [
        Patch(float(far.mean()) - 0.03, [(levels[0], paint)], [Piece("skirt", person, TROUSERS, list(levels), shape)])
    ]

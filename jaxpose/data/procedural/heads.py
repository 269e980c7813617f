"""The heads of procedural people as patches: hair, skin, ears, nose, eyes, brows and mouth.

The head is an egg. What lies on it is drawn where the egg faces the camera: the outline of the skin is pushed onto the
egg's rim where it would go on behind it, so that a face is whole from the front, half from the side, none from behind.
"""

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int32

from jaxpose.data.procedural import faces
from jaxpose.data.procedural.camera import NEAR, Camera, project
from jaxpose.data.procedural.crowd import Crowd
from jaxpose.data.procedural.figure import AT, JOINTS, on_head
from jaxpose.data.procedural.looks import HAIR, LIPS, SKIN
from jaxpose.data.procedural.rotations import cross, unit
from jaxpose.data.procedural.solids import Colour, Outline, Patch, Piece, hull, outline, shaded
from jaxpose.skeletons import FACE_70

_LEAST = 5.0  # pixels of half a head from which on its features are drawn
_CIRCLE = np.linspace(0, 2 * np.pi, 28, endpoint=False)
_DISC = np.stack([np.cos(_CIRCLE[::3]), np.sin(_CIRCLE[::3])], axis=1)
_LIP = FACE_70.index("lip_top")
_NOSE = slice(27, 36)
_NOSE_AHEAD, _NOSE_OUT = 0.1, 0.55  # of the line of sight along the head's z: it is on this side; it sticks out
_ON_HEAD = [AT[name] for name in ("nose", "left_eye", "right_eye", "left_ear", "right_ear", "head_top")]
_ON_HEAD += list(range(65, 135))
_LIMITS = np.array([0.3, -0.1, -0.1, 0.12, 0.12, 0.3, *[0.12] * 70])  # how far round the head each can be seen
_LIMITS[6 + 17 : 6 + 27] = _LIMITS[6 + 36 : 6 + 70] = -0.1  # brows, eyes and mouth are flat; nose and top stick out


def line_of_sight(crowd: Crowd, camera: Camera) -> Float[np.ndarray, "p 3"]:
    """The direction from the camera to each head, in the space in which the head is a unit sphere."""
    sight = crowd.placed.skull - camera.position
    return unit(np.einsum("pji,pj->pi", crowd.placed.head, sight) / crowd.placed.radii)


def turned_away(crowd: Crowd, camera: Camera) -> Bool[np.ndarray, "p j"]:
    """Which joints lie on the far side of their own head; False for those that are on no head."""
    placed = crowd.placed
    away = np.zeros((len(placed.joints), len(JOINTS)), bool)
    inside = np.einsum("pji,pnj->pni", placed.head, placed.joints[:, _ON_HEAD] - placed.skull[:, None])
    inside = unit(inside / placed.radii[:, None])
    facing = np.einsum("pni,pi->pn", inside, line_of_sight(crowd, camera))
    away[:, _ON_HEAD] = facing > _LIMITS
    return away


def heads(crowd: Crowd, camera: Camera, light: Float[np.ndarray, "2"]) -> list[Patch]:
    """One patch for each head; `light` is the direction in the picture that light comes from."""
    placed, looks = crowd.placed, crowd.looks
    count = len(placed.skull)
    look = line_of_sight(crowd, camera)
    helper = np.where(np.abs(look[:, 1:2]) < 0.9, [[0, 1.0, 0]], [[1.0, 0, 0]])
    one = unit(cross(look, helper))
    two = cross(look, one)
    rim = np.cos(_CIRCLE)[:, None] * one[:, None] + np.sin(_CIRCLE)[:, None] * two[:, None]
    skin = np.concatenate([faces.contour(np.zeros(count)), faces.hairline(looks.hairline)], axis=1)
    bare = np.concatenate([np.einsum("pnk,pk->pn", skin, look) < 0, _within(rim, skin)], axis=1)
    skin = np.concatenate([skin, rim], axis=1)
    hairy = (rim[..., 1] > -0.1) | ((rim[..., 2] < -0.1) & (rim[..., 1] > -0.65))
    points = np.concatenate(
        [rim * np.where(hairy, 1.07, 1.0)[..., None], skin, np.broadcast_to(faces.EARS, (count, 2, 3))], axis=1
    )
    flat = project(on_head(points, placed.head, placed.skull, placed.radii), camera)[0]
    face = project(placed.joints[:, 65:135], camera)[0]
    centre, far = project(placed.skull, camera)
    size = camera.focal * placed.radii.mean(1) / np.maximum(far, NEAR)
    every = shaded(flat[:, :28], centre[:, None], light, size)
    drawn = outline(face)
    hidden = turned_away(crowd, camera)[:, 65:135]
    result = []
    for person in range(count):
        margin = 2 * size[person]
        beyond = (centre[person] < -margin).any() or (centre[person] > np.array(camera.size) + margin).any()
        if far[person] <= NEAR + 0.1 or beyond:
            continue
        levels = every[:, person]
        paint = looks.colours[person]
        fills = [(levels[0], _colour(paint[SKIN], 0.95))]
        if hairy[person].sum() > 2:
            places = hull(flat[person, :28][hairy[person]])
            fills.append((levels[0][hairy[person]][places], _colour(paint[HAIR])))
        fills += _skin(flat[person, 28:-2][bare[person]], flat[person, -2:], look[person], size[person], paint)
        if size[person] >= _LEAST:
            fills += _features(face[person], drawn[person], hidden[person], look[person], size[person], paint)
        radius, thick = float(size[person]), float(placed.radii[person].mean())
        shape = (*centre[person], *centre[person], far[person], far[person], radius, radius, thick, thick)
        pieces = [Piece("head", person, SKIN, list(levels), shape)]
        if look[person, 2] < _NOSE_OUT:  # in front of the head, or behind it
            nose = drawn[person, _NOSE][hull(face[person, _NOSE])]
            place = len(pieces) if look[person, 2] < _NOSE_AHEAD else 0
            pieces.insert(place, Piece("nose", person, SKIN, [nose], shape))
            if not place:
                fills.insert(0, (nose, _colour(paint[SKIN], 0.9)))
        result.append(Patch(float(far[person]) - 0.04, fills, pieces))
    return result


def _colour(rgb: Float[np.ndarray, "3"], share: float = 1.0) -> Colour:
    red, green, blue = (rgb * share).tolist()
    return red, green, blue


def _within(points: Float[np.ndarray, "p n 3"], ring: Float[np.ndarray, "p m 3"]) -> Bool[np.ndarray, "p n"]:
    """Which points of the sphere lie on the left of every step along a convex ring."""
    steps = cross(ring, np.roll(ring, -1, axis=1))
    return (np.einsum("pnk,pmk->pnm", points, steps) > -0.02).all(-1)


def _skin(
    face: Float[np.ndarray, "n 2"],
    ears: Float[np.ndarray, "2 2"],
    look: Float[np.ndarray, "3"],
    size: float,
    paint: Float[np.ndarray, "6 3"],
) -> list[tuple[Outline, Colour]]:
    """The face, and the ears: behind it where they face sideways, over it where they face the camera."""
    under: list[tuple[Outline, Colour]] = []
    over: list[tuple[Outline, Colour]] = []
    for ear, place in zip(faces.EARS, ears, strict=True):
        facing = float(-unit(ear) @ look)
        if facing > -0.35:
            shape = (outline(place + _DISC * size * [0.2, 0.26]), _colour(paint[SKIN], 0.93))
            (over if facing > 0.25 else under).append(shape)
    bare = [(outline(face[hull(face)]), _colour(paint[SKIN]))] if len(face) > 2 else []
    return [*under, *bare, *over]


def _features(
    face: Float[np.ndarray, "70 2"],
    drawn: Int32[np.ndarray, "70 2"],
    hidden: Bool[np.ndarray, "70"],
    look: Float[np.ndarray, "3"],
    size: float,
    paint: Float[np.ndarray, "6 3"],
) -> list[tuple[Outline, Colour]]:
    """Nose, eyes, brows and mouth, as far as they face the camera; `drawn` is `face` as an outline."""
    fills = []
    if look[2] < _NOSE_AHEAD:
        fills.append((drawn[_NOSE][hull(face[_NOSE])], _colour(paint[SKIN], 0.9)))
        fills.append((drawn[faces.NOSTRILS], _colour(paint[SKIN], 0.7)))
    for ring, brow, pupil in zip(faces.EYE_RINGS, faces.BROWS, range(68, 70), strict=True):
        if not hidden[pupil]:
            thick = 0.05 * size * unit(face[pupil] - face[brow].mean(0))
            arc = np.concatenate([face[brow] - thick, face[brow][::-1] + 0.6 * thick])
            fills.append((outline(arc[hull(arc)]), _colour(np.minimum(paint[HAIR], 0.7 * paint[SKIN]))))
            fills.append((drawn[ring], (235.0, 235.0, 230.0)))
            height = float(np.sqrt(np.square(face[ring.start + 1] - face[ring.start + 5]).sum()))
            fills.append((outline(face[pupil] + _DISC * min(0.075 * size, 0.6 * height + 0.3)), (40.0, 28.0, 22.0)))
    if not hidden[_LIP]:
        fills.append((drawn[faces.LIPS], _colour(paint[LIPS])))
        gap = float(cv2.contourArea(face[faces.MOUTH].astype(np.float32)))
        if gap > 0.02 * size * size:
            fills.append((drawn[faces.MOUTH], (70.0, 25.0, 25.0)))
    return fills

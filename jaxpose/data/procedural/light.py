"""The light of a procedural scene, the shadows on its floor, and what a camera's sensor makes of a picture."""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from jaxpose.data.procedural.camera import Camera, project
from jaxpose.data.procedural.crowd import Crowd
from jaxpose.data.procedural.flesh import bones
from jaxpose.data.procedural.solids import capsules, outline


class Grade(NamedTuple):
    """The light, and what the camera does to a picture."""

    sun: Float[np.ndarray, "3"]  # where the light comes from, in the world
    shadow: float  # how dark shadows are
    contrast: float  # of the shading
    gain: Float[np.ndarray, "3"]  # of each colour
    offset: float
    slope: Float[np.ndarray, "2"]  # how much brighter the picture gets to the right and down
    blur: float  # pixels
    noise: float  # standard deviation


def draw_grade(rng: np.random.Generator) -> Grade:
    """Random light and a random camera."""
    turn, rise = rng.uniform(-np.pi, np.pi), rng.uniform(0.6, 1.4)
    sun = np.array([np.cos(rise) * np.sin(turn), np.sin(rise), np.cos(rise) * np.cos(turn)])
    contrast = float(np.exp(rng.normal(0, 0.2)))
    return Grade(
        sun, float(rng.choice([0.0, rng.uniform(0.15, 0.6)])), float(rng.uniform(0.15, 0.48)),
        gain=contrast * rng.normal(1, 0.05, 3), offset=float(128 * (1 - contrast) + rng.normal(0, 10)),
        slope=np.clip(rng.normal(0, 0.13, 2), -0.3, 0.3),
        blur=float(max(rng.normal(0, 0.7), 0)),
        noise=float(max(rng.normal(3, 4), 0)),
    )  # fmt: skip


def shadows(
    canvas: UInt8[np.ndarray, "h w 3"], floor: UInt8[np.ndarray, "h w"], crowd: Crowd, camera: Camera, grade: Grade
) -> None:
    """Darken the floor where the people's limbs keep the light away; in place."""
    if grade.shadow == 0 or not floor.any():
        return
    segments, radii = bones(crowd)
    fallen = segments - grade.sun * (segments[..., 1:2] / grade.sun[1])
    fallen[..., 1] = 0
    flat, depth = project(fallen, camera)
    keep = (depth > 0.5).all(1)
    flat, depth, radii = flat[keep] / 2, depth[keep], radii[keep]
    shapes, _ = capsules(flat[:, 0], flat[:, 1], camera.focal * radii[:, None] / depth / 2)
    mask = np.zeros((canvas.shape[0] // 2 + 1, canvas.shape[1] // 2 + 1), np.uint8)
    for shape in outline(shapes):
        cv2.fillConvexPoly(mask, shape, 255, cv2.LINE_8, 4)
    soft = cv2.resize(cv2.blur(mask, (5, 5)), (2 * mask.shape[1], 2 * mask.shape[0]))[
        : canvas.shape[0], : canvas.shape[1]
    ]
    keep_light = cv2.convertScaleAbs(cv2.bitwise_and(soft, floor), alpha=-grade.shadow, beta=255)
    cv2.multiply(canvas, cv2.merge([keep_light] * 3), dst=canvas, scale=1 / 255)


def graded(image: UInt8[np.ndarray, "h w 3"], grade: Grade, rng: np.random.Generator) -> UInt8[np.ndarray, "h w 3"]:
    """Light, blur and noise."""
    height, width = image.shape[:2]
    corner = np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]]) @ grade.slope
    field = cv2.resize((1 + corner.reshape(2, 2)).astype(np.float32), (16, 16))[..., None] * grade.gain
    field = cv2.resize((128 * np.clip(field, 0.4, 1.9)).astype(np.uint8), (width, height))
    image = cv2.multiply(image, field, scale=1 / 128)
    if grade.blur > 0.3:
        image = cv2.GaussianBlur(image, (0, 0), grade.blur)
    # uniform noise of this standard deviation, around the offset
    grain = rng.integers(0, 256, image.shape, np.uint8)
    share = grade.noise / 73.9
    return cv2.addWeighted(image, 1, grain, share, grade.offset - 127.5 * share)

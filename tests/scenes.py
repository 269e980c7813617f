"""Made-up scenes with a known answer: poses of standing people, and the perfect maps that belong to given poses.

NumPy in float64, straight from the definitions of OpenPose's training maps (sections 3.1 and 3.2, with the released
programs' constants), and so independent of the project's own code for rendering and decoding.
"""

import numpy as np

from jaxpose.skeletons import Skeleton

# Where the joints of a person facing us stand: x and y in heights of the person, from the middle of the ankles up.
FIGURE = {
    "head_top": (0, -1.0), "nose": (0, -0.88), "eye": (0.022, -0.91), "ear": (0.05, -0.895),
    "head_bottom": (0, -0.82), "neck": (0, -0.78), "chest": (0, -0.62), "mid_hip": (0, -0.46),
    "shoulder": (0.12, -0.78), "elbow": (0.16, -0.6), "wrist": (0.17, -0.43),
    "hip": (0.075, -0.46), "knee": (0.08, -0.23), "ankle": (0.085, 0.0),
    "heel": (0.08, 0.03), "big_toe": (0.09, 0.05), "small_toe": (0.11, 0.045),
}  # fmt: skip


def figure(skeleton: Skeleton) -> np.ndarray:
    """One standing person of height 1 with its ankles around (0, 0), facing us: [j, 2]. Left is on the right hand."""
    places = []
    for joint in skeleton.joints:
        side, _, part = joint.partition("_")
        x, y = FIGURE[part] if side in ("left", "right") else FIGURE[joint]
        places.append((-x if side == "right" else x, y))
    return np.array(places)


def standing_people(rng: np.random.Generator, n: int, skeleton: Skeleton, width: int, height: int) -> np.ndarray:
    """`n` people apart from each other in a picture, each a little different, all joints in it: [n, j, 3].

    They stand in the cells of a grid, as large as the cells allow.
    """
    if n == 0:
        return np.zeros((0, len(skeleton.joints), 3))
    rows = max(1, round(np.sqrt(n * height / (2.2 * width))))
    columns = -(-n // rows)
    cell_w, cell_h = width / columns, height / rows
    people = np.ones((n, len(skeleton.joints), 3))
    base = figure(skeleton)
    for person in range(n):
        row, column = divmod(person, columns)
        tall = min(cell_h / 1.25, cell_w / 0.5) * rng.uniform(0.85, 1)
        shape = base + rng.normal(0, 0.006, base.shape)
        shape[:, 0] *= rng.choice((-1, 1)) * rng.uniform(0.85, 1.1)  # facing us or turned away
        spare = np.array([cell_w, cell_h]) - tall * np.ptp(shape, axis=0)
        inset = np.clip(spare / 2, 0, 12)  # so that no two joints' Gaussians run together
        place = (cell_w * column, cell_h * row) + inset + rng.uniform(0, 1, 2) * (spare - 2 * inset)
        people[person, :, :2] = tall * (shape - shape.min(0)) + place
    return people


def crowd(rng: np.random.Generator, n: int, skeleton: Skeleton, width: int, height: int) -> np.ndarray:
    """`n` people of all sizes anywhere in a picture, who may stand before each other: [n, j, 3]; score 0 is hidden."""
    people = np.ones((n, len(skeleton.joints), 3))
    base = figure(skeleton)
    for person in range(n):
        tall = height * rng.uniform(0.2, 0.6)
        shape = (base + rng.normal(0, 0.02, base.shape)) * (rng.choice((-1, 1)) * rng.uniform(0.5, 1.1), 1)
        people[person, :, :2] = tall * shape + (rng.uniform(0, width), rng.uniform(0.8 * tall, height))
        people[person, :, 2] = rng.uniform(0, 1, len(shape)) > 0.1
    inside = (people[..., :2] >= 0).all(-1) & (people[..., :2] <= (width - 1, height - 1)).all(-1)
    people[..., 2] *= inside
    return people * people[..., 2:]


def render(
    people: np.ndarray, skeleton: Skeleton, h: int, w: int, stride: int = 8, sigma: float = 7.0, width: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """The perfect maps of people [p, j, 3] in pixels: heatmaps with the background [h, w, j + 1], PAFs [h, w, 2 * l].

    A heatmap is the highest of its people's Gaussians of `sigma` pixels, cut below 1 %. A PAF holds the mean of the
    unit vectors of those people whose limb passes within `width` cells.
    """
    x, y = np.meshgrid(*((stride - 1) / 2 + stride * np.arange(size, dtype=float) for size in (w, h)))
    heat = np.zeros((h, w, len(skeleton.joints) + 1))
    for person in people:
        for joint, (px, py, score) in enumerate(person):
            if score > 0:
                exponent = ((x - px) ** 2 + (y - py) ** 2) / (2 * sigma**2)
                heat[..., joint] = np.maximum(heat[..., joint], np.where(exponent > 4.6052, 0, np.exp(-exponent)))
    heat[..., -1] = 1 - heat[..., :-1].max(-1)
    paf = np.zeros((h, w, len(skeleton.limbs), 2))
    for limb, (a, b) in enumerate(skeleton.limbs):
        count = np.zeros((h, w))
        for person in people:
            (ax, ay, a_score), (bx, by, b_score) = person[a], person[b]
            length = np.hypot(bx - ax, by - ay)
            if min(a_score, b_score) <= 0 or length == 0:
                continue
            ux, uy = (bx - ax) / length, (by - ay) / length
            reach = width * stride
            near = abs((x - ax) * uy - (y - ay) * ux) <= reach
            near &= (x >= min(ax, bx) - reach) & (x <= max(ax, bx) + reach)
            near &= (y >= min(ay, by) - reach) & (y <= max(ay, by) + reach)
            paf[near, limb] += (ux, uy)
            count += near
        paf[:, :, limb] /= np.maximum(count, 1)[..., None]
    return heat, paf.reshape(h, w, -1)

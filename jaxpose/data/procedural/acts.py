"""What procedural people do: standing with all kinds of arms, walking, running, sitting, lying, handstands.

An `Act` is a pose that swings: angle = `base + swing * sin(phase)`, where `phase` grows with time, or for walking and
running with the way that was covered. All are radians, jittered for each person; `motion` strings acts together.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxpose.data.procedural.figure import ANKLE, ELBOW, HAND, HEAD, HIP, KNEE, ROOT, ROWS, SHOULDER, SPINE

X, Y, Z = 0, 1, 2


class Act(NamedTuple):
    """A pose that swings; see `figure.Pose` for the rows."""

    base: Float[np.ndarray, "15 3"]
    swing: Float[np.ndarray, "15 3"]
    phase: Float[np.ndarray, "15 3"]
    curls: Float[np.ndarray, "2 5"]
    lift: float = 0.0  # metres: the height of a jump


def _still(rng: np.random.Generator, stir: float = 0.03, loose: float = 0.08) -> Act:
    """Upright, arms hanging, everything a little off, swaying a little."""
    base = rng.normal(0, loose, (ROWS, 3))
    base[ROOT] *= 0.5
    base[KNEE, X] = np.abs(base[KNEE, X])
    base[ELBOW] = np.abs(base[ELBOW]) + 0.1
    base[KNEE, 1:] = base[ELBOW, Z] = 0  # hinges
    base[SHOULDER, Z] = np.abs(base[SHOULDER, Z]) + 0.12
    base[HIP, Z] = np.abs(base[HIP, Z]) + 0.02
    base[ANKLE, X] = 0
    base[HEAD] += rng.normal(0, [0.15, 0.4, 0.1])
    return Act(base, rng.normal(0, stir, (ROWS, 3)), rng.uniform(0, 2 * np.pi, (ROWS, 3)), _grip(rng))


def _grip(rng: np.random.Generator) -> Float[np.ndarray, "2 5"]:
    """How far each finger of both hands is curled: relaxed, flat, a fist, pointing, a V, anything."""
    kinds = np.array(
        [[0.3, 0.3, 0.35, 0.4, 0.45], [0, 0, 0, 0, 0], [0.8, 1, 1, 1, 1], [0.7, 0, 1, 1, 1], [0.8, 0, 0, 1, 1]]
    )
    curls = kinds[rng.choice(5, 2, p=[0.45, 0.25, 0.12, 0.1, 0.08])]
    return np.clip(curls + rng.normal(0, 0.1, (2, 5)), -0.1, 1)


_ARMS = {  # shoulder forward, twist, aside; elbow; how far the shoulder and the elbow swing
    "hang": (0.0, 0.0, 0.1, 0.15, 0.05, 0.05),
    "akimbo": (-0.35, -0.9, 0.75, 1.75, 0.0, 0.0),
    "crossed": (0.55, -1.1, 0.1, 1.75, 0.02, 0.02),
    "aside": (0.0, 0.0, 1.5, 0.1, 0.1, 0.05),
    "up": (2.9, 0.0, 0.15, 0.2, 0.15, 0.1),
    "half_up": (0.3, 1.4, 1.45, 1.5, 0.1, 0.2),
    "wave": (0.2, 1.2, 1.7, 1.0, 0.1, 0.5),
    "ahead": (1.5, 0.0, 0.05, 0.1, 0.1, 0.05),
    "phone": (0.9, -0.4, 0.25, 2.3, 0.0, 0.02),
    "head": (1.5, 0.6, 1.5, 2.3, 0.0, 0.05),
    "hold": (0.45, -0.35, 0.2, 1.4, 0.1, 0.15),
    "back": (-0.6, -0.3, 0.15, 0.4, 0.1, 0.1),
}
_LIKELY = np.array([0.22, 0.08, 0.06, 0.06, 0.08, 0.06, 0.08, 0.08, 0.07, 0.05, 0.13, 0.03])


def _with_arms(act: Act, rng: np.random.Generator, alike: float = 0.4) -> Act:
    """The same act with other arms; both do the same as often as `alike`."""
    chosen = rng.choice(len(_ARMS), 2, p=_LIKELY)
    if rng.random() < alike:
        chosen[1] = chosen[0]
    arms = np.array(list(_ARMS.values()))[chosen] * rng.normal(1, 0.1, (2, 1))
    act.base[SHOULDER] = arms[:, :3] + rng.normal(0, 0.1, (2, 3))
    act.base[ELBOW, X] = np.maximum(arms[:, 3] + rng.normal(0, 0.1, 2), 0)
    act.swing[SHOULDER, X], act.swing[ELBOW, X] = arms[:, 4], arms[:, 5]
    return act


def _level(act: Act) -> Act:
    """The same act with the soles parallel to the ground, as far as the ankles allow."""
    act.base[ANKLE, X] = np.clip(act.base[HIP, X] - act.base[KNEE, X] - act.base[ROOT, X], -0.5, 0.8)
    return act


def standing(rng: np.random.Generator) -> Act:
    """Upright on both legs or on one, leaning, turned."""
    act = _with_arms(_still(rng), rng)
    if rng.random() < 0.4:  # the weight on one leg
        side = rng.integers(2)
        act.base[HIP, X][side] += 0.3
        act.base[KNEE, X][side] += rng.uniform(0.3, 0.7)
    act.base[SPINE] += rng.normal(0, [0.1, 0.2, 0.08])
    return _level(act)


def striding(rng: np.random.Generator) -> Act:
    """A lunge, a wide stance, a kick, a knee pulled up: legs apart in some direction."""
    act = _with_arms(_still(rng), rng, alike=0.25)
    forward = rng.uniform(0.2, 1.5)
    side = rng.integers(2)
    act.base[HIP, X][side] += forward
    act.base[HIP, X][1 - side] -= rng.uniform(0, 0.5)
    act.base[KNEE, X][side] += rng.uniform(0, 1.6)
    act.base[KNEE, X][1 - side] += rng.uniform(0, 0.8)
    act.base[HIP, Z] += rng.uniform(0, 0.5, 2)
    act.base[SPINE] += rng.normal(0, [0.25, 0.25, 0.15])
    act.swing[HIP, X] += rng.normal(0, 0.15, 2)
    return _level(act)


def bending(rng: np.random.Generator) -> Act:
    """Bent forward or squatting, the hands towards the ground or the knees."""
    act = _still(rng)
    deep = rng.uniform(0.3, 1.0)
    act.base[ROOT, X] = deep * rng.uniform(0.2, 0.9)
    act.base[SPINE, X] = deep * rng.uniform(0.3, 0.8)
    act.base[HIP, X] = act.base[ROOT, X] + rng.uniform(0, 1.6)
    act.base[KNEE, X] = np.maximum(act.base[HIP, X] - act.base[ROOT, X], 0) * rng.uniform(1.0, 1.8)
    act.base[HIP, Z] += rng.uniform(0, 0.5)
    act.base[SHOULDER, X] = deep * rng.uniform(0.8, 2.0) + rng.normal(0, 0.15, 2)
    act.base[ELBOW, X] = rng.uniform(0.1, 0.9, 2)
    return _level(act)


def sitting(rng: np.random.Generator) -> Act:
    """On a seat: legs bent, crossed or stretched."""
    act = _with_arms(_still(rng), rng)
    act.base[HIP, X] = rng.uniform(1.25, 1.65) + rng.normal(0, 0.06, 2)
    act.base[KNEE, X] = rng.uniform(0.9, 1.8) + rng.normal(0, 0.15, 2)
    act.base[HIP, Z] = np.abs(rng.normal(0.12, 0.12, 2))
    act.base[SPINE, X] += rng.uniform(-0.1, 0.5)
    if rng.random() < 0.4:  # hands on the knees, or at a table
        act.base[SHOULDER] = [rng.uniform(0.4, 0.9), -0.2, 0.1]
        act.base[ELBOW, X] = rng.uniform(0.5, 1.5, 2)
    return _level(act)


def on_the_floor(rng: np.random.Generator) -> Act:
    """Lying on the back, the front or a side, kneeling, on all fours, sitting with stretched or crossed legs."""
    act = _with_arms(_still(rng), rng)
    kind = rng.choice(["back", "front", "side", "kneel", "fours", "plank", "sit", "cross"])
    base = act.base
    if kind in ("back", "front", "side"):
        base[ROOT, X] = {"back": -np.pi / 2, "front": np.pi / 2, "side": 0}[kind]
        base[ROOT, Z] = rng.choice([-1.5, 1.5]) if kind == "side" else 0
        bent = rng.uniform(0, 1.4, 2) * (kind != "front")
        base[HIP, X] = bent * rng.uniform(0.5, 1.0)
        base[KNEE, X] = bent
    elif kind == "kneel":
        base[HIP, X] = rng.uniform(0.0, 0.9)
        base[KNEE, X] = np.pi / 2 + base[HIP, X]
        base[ANKLE, X] = 1.3
    elif kind in ("fours", "plank"):
        base[ROOT, X] = 1.45 if kind == "fours" else 1.25
        base[HIP, X], base[KNEE, X] = (1.5, 1.5) if kind == "fours" else (0.0, 0.05)
        base[ANKLE, X] = 1.2 if kind == "fours" else -0.2
        base[SHOULDER] = [base[ROOT, X] + 0.1, 0, 0.1]
        base[ELBOW, X] = rng.uniform(0.05, 0.4)
        base[HEAD, X] -= 0.7
    else:
        base[ROOT, X] = rng.uniform(-0.4, 0.1)
        base[HIP] = [1.5 + base[ROOT, X], 0, 0.15] if kind == "sit" else [1.6, 0.9, 0.75]
        base[KNEE, X] = rng.uniform(0, 0.5) if kind == "sit" else 2.1
    return act


def acrobatic(rng: np.random.Generator) -> Act:
    """A handstand, a cartwheel, a jump with spread limbs, a dance."""
    act = _with_arms(_still(rng), rng)
    base, kind = act.base, rng.choice(["handstand", "cartwheel", "jump", "dance"])
    if kind in ("handstand", "cartwheel"):
        base[SHOULDER] = [3.0, 0, 0.2] if kind == "handstand" else [0, 0, 2.7]
        base[ELBOW, X] = 0.1
        base[HIP, Z] += rng.uniform(0, 0.6) if kind == "handstand" else rng.uniform(0.4, 0.9)
        base[HIP, X] += rng.normal(0, 0.3, 2)
        base[ROOT, X if kind == "handstand" else Z] = np.pi if kind == "handstand" else rng.uniform(-np.pi, np.pi)
        act.swing[ROOT, Z] += 0.4 * (kind == "cartwheel")
        act.curls[:] = 0
        return act
    base[HIP] = np.abs(rng.normal(0, [0.7, 0.2, 0.5], (2, 3)))
    base[KNEE, X] = rng.uniform(0, 1.5, 2)
    base[SPINE] += rng.normal(0, [0.3, 0.4, 0.25])
    base[SHOULDER] = rng.uniform([-0.5, -0.5, 0.2], [2.5, 1.0, 2.4], (2, 3))
    act.swing[SHOULDER] += rng.normal(0, 0.3, (2, 3))
    act.swing[HIP, X] += rng.normal(0, 0.25, 2)
    return act._replace(lift=rng.uniform(0.1, 0.6) if kind == "jump" else 0.0)


def _gait(rng: np.random.Generator, hip: float, knee: float, arm: float, elbow: float, lean: float) -> Act:
    """Walking or running: opposite arms and legs, the knee bent most when its leg comes forward."""
    act = _still(rng, stir=0.02, loose=0.05)
    both = np.array([0, np.pi])
    act.base[SPINE, X] += lean
    act.base[HIP, X] = 0.35 * hip
    act.swing[HIP, X], act.phase[HIP, X] = hip, both
    act.base[KNEE, X], act.swing[KNEE, X], act.phase[KNEE, X] = knee + 0.05, knee, both + np.pi / 2 + 0.4
    act.swing[ANKLE, X], act.phase[ANKLE, X] = 0.25 * hip, both + np.pi
    act.base[SHOULDER] = [-0.05, 0, 0.12]
    act.swing[SHOULDER, X], act.phase[SHOULDER, X] = arm, both + np.pi
    act.base[ELBOW, X], act.swing[ELBOW, X] = elbow, 0.25 * arm
    act.phase[ELBOW, X] = both + np.pi
    act.base[HAND] = 0
    act.swing[SPINE, Y], act.phase[SPINE, Y] = 0.12 * arm + 0.03, 0
    if rng.random() < 0.25:  # one arm does something else
        side = rng.integers(2)
        other = _with_arms(_still(rng), rng)
        act.base[SHOULDER][side], act.base[ELBOW][side] = other.base[SHOULDER][side], other.base[ELBOW][side]
        act.swing[SHOULDER][side] *= 0.2
    return act


def walking(rng: np.random.Generator) -> Act:
    """An ordinary walk."""
    return _gait(rng, rng.uniform(0.32, 0.48), rng.uniform(0.35, 0.5), rng.uniform(0.15, 0.55), 0.3, 0.05)


def running(rng: np.random.Generator) -> Act:
    """A run, with a flight phase."""
    act = _gait(rng, rng.uniform(0.6, 0.85), rng.uniform(0.8, 1.0), rng.uniform(0.5, 0.9), 1.5, 0.2)
    return act._replace(lift=0.06)


IN_PLACE: dict[str, tuple[Callable[[np.random.Generator], Act], ...]] = {
    "stand": (standing, standing, striding, bending),
    "sit": (sitting,),
    "floor": (on_the_floor,),
    "sport": (acrobatic, striding, standing, acrobatic),
}
"""What people who stay where they are do; one person stays with one of these."""

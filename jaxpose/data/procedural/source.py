"""The procedural data set: as many pictures or clips as one likes, of bodies, hands or faces, with exact labels.

It needs no files, so it is the data of tests, tutorials and first runs. Scene `n` of a seed is always the same; clips
are the consecutive frames of one scene.
"""

import functools

import cv2
import numpy as np
from jaxtyping import Float, Int

from jaxpose.data.examples import Example, Polygon
from jaxpose.data.procedural.figure import AT, JOINTS
from jaxpose.data.procedural.scene import SIZE, Scene, scene
from jaxpose.skeletons import FACE_70, Skeleton

_LEAST = 12.0  # pixels: smaller hands and faces are not labelled
_NEAR = (2.0, 6.0)  # how tall people are, in heights of the picture, where hands or faces are looked at


class ProceduralSource:
    """Procedural pictures as a `jaxpose.data.examples.Source`; the same index gives the same example.

    Args:
        skeleton: of the labels: any of bodies, `HAND_21` (each hand is somebody: its id is twice the person's, and one
            more for the right one), `FACE_70`.
        length: how many pictures.
        seed: another one gives other scenes.
        size: width and height of the pictures.
        people: the least and the most people of a scene.
        frames: consecutive pictures of each scene.
        rate: frames a second.

    Raises `ValueError` for joints that procedural people lack, and for sizes and counts that are not positive.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        length: int,
        seed: int = 0,
        *,
        size: tuple[int, int] = SIZE,
        people: tuple[int, int] = (1, 6),
        frames: int = 1,
        rate: float = 25.0,
    ) -> None:
        if min(size) < 16:
            raise ValueError(f"`size` must be at least 16 x 16, got {size[0]} x {size[1]}")
        if not 1 <= people[0] <= people[1]:
            raise ValueError(f"`people` must be two counts from 1 on, the smaller one first, got {people}")
        if length < 0 or frames < 1 or rate <= 0:
            raise ValueError(f"`length`, `frames` and `rate` must be positive, got {length}, {frames} and {rate}")
        self._skeleton, self._length, self._seed = skeleton, length, seed
        self._size, self._people, self._frames, self._rate = size, people, frames, rate
        self._groups, self._aims = joint_sets(skeleton)

    @property
    def skeleton(self) -> Skeleton:
        """The order of the joints."""
        return self._skeleton

    @property
    def labels(self) -> frozenset[str]:
        """All joints are labelled."""
        return frozenset(self._skeleton.joints)

    def __len__(self) -> int:
        """How many pictures there are."""
        return self._length

    def __getitem__(self, index: int) -> Example:
        """One picture (JPEG) and its people. Raises `IndexError` for an index outside of 0 to the length - 1."""
        if not 0 <= index < self._length:
            raise IndexError(f"the data set has examples 0 to {self._length - 1}, got {index}")
        number, frame = divmod(index, self._frames)
        filmed = self.scene(number)
        image, seen = filmed.frame(frame)
        quality = 75 + (7 * number) % 21
        done, coded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
        assert done, "OpenCV writes JPEG"
        keypoints = seen.keypoints[:, self._groups]  # people, sets, joints
        boxes = np.repeat(seen.boxes[:, None], len(self._groups), axis=1)
        share = 0.0
        if len(self._aims) > 1 or self._aims != ("mid_hip",):
            boxes, share = _joint_boxes(keypoints, self._size), 0.3
        told = ((keypoints[..., 2] == 2).mean(-1) > share) & (boxes[..., 2:].max(-1) >= (_LEAST if share else 0))
        there = (boxes[..., 2:] > 0).all(-1)
        ids = seen.ids[:, None] * len(self._groups) + np.arange(len(self._groups))
        return Example(
            image=coded.tobytes(),
            keypoints=keypoints[told].astype(np.float32),
            boxes=boxes[told].astype(np.float32),
            ids=ids[told].astype(np.int64),
            regions=tuple(_corners(box) for box in boxes[there & ~told]),
            sequence=f"procedural_{self._seed}_{number:06d}",
            frame=frame,
        )

    def scene(self, number: int) -> Scene:
        """The scene that the examples `number * frames` and on are of."""
        state = int(np.random.SeedSequence((self._seed, number)).generate_state(1, np.uint64)[0])
        aim = self._aims[state % len(self._aims)]
        return _scene(state, self._size, self._people, self._frames, self._rate, aim)


@functools.lru_cache(maxsize=4)
def _scene(seed: int, size: tuple[int, int], people: tuple[int, int], frames: int, rate: float, aim: str) -> Scene:
    """The last scenes are kept for the further frames of their clips."""
    if aim == "mid_hip":
        return scene(seed, size=size, people=people, frames=frames, rate=rate)
    return scene(seed, size=size, people=people, frames=frames, rate=rate, aim=aim, near=_NEAR)


def joint_sets(skeleton: Skeleton) -> tuple[Int[np.ndarray, "s j"], tuple[str, ...]]:
    """Where the joints of a skeleton are among `figure.JOINTS`, once for each time a person has them; what to look at.

    A hand's joints are there twice, without their side in the skeleton's names. Raises `ValueError` for others.
    """
    if all(joint in AT for joint in skeleton.joints):
        aim = "nose" if set(skeleton.joints) <= set(FACE_70.joints) else "mid_hip"
        return np.array([[AT[joint] for joint in skeleton.joints]]), (aim,)
    sides = [[AT.get(f"{side}_{joint}") for joint in skeleton.joints] for side in ("left", "right")]
    if any(place is None for places in sides for place in places):
        lacking = next(joint for joint in skeleton.joints if joint not in AT)
        raise ValueError(f"{lacking!r} of {skeleton.name} is no joint of the procedural people; they have {JOINTS}")
    return np.array(sides), ("left_middle_1", "right_middle_1")


def _joint_boxes(keypoints: Float[np.ndarray, "p s j 3"], size: tuple[int, int]) -> Float[np.ndarray, "p s 4"]:
    """The x, y, w, h around all joints in the picture, a tenth wider, cut at its edge; zeros where there is none."""
    there = keypoints[..., 2:] > 0
    low = np.min(keypoints[..., :2], axis=-2, where=there, initial=np.inf)
    high = np.max(keypoints[..., :2], axis=-2, where=there, initial=-np.inf)
    some = there.any(-2)
    margin = np.where(some, 0.1 * (high - low), 0)
    low, high = (np.clip(edge, -0.5, np.array(size) - 0.5) for edge in (low - margin, high + margin))
    return np.where(some, np.concatenate([low, high - low], axis=-1), 0)


def _corners(box: Float[np.ndarray, "4"]) -> Polygon:
    x, y, w, h = box.tolist()
    return np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]], np.float32)

"""Clips: several frames with one motion, of a video or made from a single picture; and slots for their people.

As STAF is trained: where a crop is cut is drawn for the start and for the end, and moves evenly between them; a video's
frames are consecutive ones, or leave some out, and may run backwards.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, Int64

from jaxpose.data.config import ClipConfig
from jaxpose.data.crops import Crop, erase
from jaxpose.data.examples import Example, Source
from jaxpose.data.placement import Placement, between
from jaxpose.records import NO_ID, joint_boxes


def choose_frames(rng: np.random.Generator, source: Source, index: int, config: ClipConfig) -> list[Example]:
    """The examples of a clip that starts at `index`; one example again and again where that belongs to no video.

    The frames of a video must stand one after the other in their source. Where a video is too short for the drawn way,
    the clip runs in the other direction, then with fewer frames left out.
    """
    first, more = source[index], config.frames - 1
    drawn = 1 + int(rng.integers(config.skip, endpoint=True))
    towards = -1 if rng.random() < config.reverse else 1
    for step in range(drawn, 0, -1) if more else ():
        for way in (towards * step, -towards * step):
            last = index + way * more
            if 0 <= last < len(source) and source[last].sequence == first.sequence:
                return [first, *(source[index + way * i] for i in range(1, more + 1))]
    return [first] * config.frames


def number(examples: Sequence[Example]) -> list[Int64[np.ndarray, "p"]]:
    """For each frame of a clip its people's numbers, from 0 and the same for one person; `NO_ID` if that is not told.

    In the only picture there is everybody is told apart from everybody else.
    """
    if all(example is examples[0] for example in examples):
        return [np.arange(len(example.ids)) for example in examples]
    told = np.unique(np.concatenate([example.ids for example in examples]))
    told = told[told != NO_ID]
    return [np.where(e.ids == NO_ID, NO_ID, np.searchsorted(told, e.ids)).astype(np.int64) for e in examples]


def moving(rng: np.random.Generator, start: Placement, end: Placement, config: ClipConfig) -> list[Placement]:
    """The placements of a clip's frames: frame i has gone i / frames of the way from `start` to `end`.

    The end lies further away by the configuration's extra motion, and is no larger or smaller than it allows; without
    motion the start stays.
    """
    shift = rng.uniform(-config.extra_shift, config.extra_shift, 2)
    turn = rng.uniform(-config.extra_rotation, config.extra_rotation)
    if not config.motion:
        return [start] * config.frames
    end = end._replace(to_x=end.to_x + shift[0], to_y=end.to_y + shift[1], angle=end.angle + turn)
    if config.zoom is not None:
        end = end._replace(scale=float(np.clip(end.scale, start.scale / config.zoom, start.scale * config.zoom)))
    return [between(start, end, i / config.frames) for i in range(config.frames)]


def settle(
    crops: Sequence[Crop], slots: int, stride: int
) -> tuple[Float32[np.ndarray, "t slots j 3"], Int64[np.ndarray, "t slots"]]:
    """The people of each frame in so many slots; one person has one slot in all frames, whose number is the id.

    People of whom nothing reaches into the crop are left out, and so are those who come after the last slot, but their
    cells become invalid. People who are not told apart fill the slots behind, with `NO_ID`.
    """
    joints = crops[0].keypoints.shape[1]
    keypoints = np.zeros((len(crops), slots, joints, 3), np.float32)
    ids = np.full((len(crops), slots), NO_ID)
    height, width = crops[0].image.shape[:2]
    seen = [reaches_into(crop.keypoints, width, height, stride) for crop in crops]
    told = [crop.ids[each][crop.ids[each] != NO_ID] for crop, each in zip(crops, seen, strict=True)]
    slot_of = {person: slot for slot, person in enumerate(dict.fromkeys(np.concatenate(told).tolist()))}
    for frame, (crop, each) in enumerate(zip(crops, seen, strict=True)):
        behind = len(slot_of)
        for person in np.flatnonzero(each):
            identity = int(crop.ids[person])
            slot = behind if identity == NO_ID else slot_of[identity]
            behind += identity == NO_ID
            if slot < slots:
                keypoints[frame, slot] = crop.keypoints[person]
                ids[frame, slot] = NO_ID if identity == NO_ID else slot
            else:
                x, y, w, h = joint_boxes(crop.keypoints[person][None])[0]
                erase(crop.valid, [np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]])], stride)
    return keypoints, ids


def reaches_into(
    keypoints: Float32[np.ndarray, "p j 3"], width: int, height: int, margin: float
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which people's joints span a box that overlaps the crop, or its surroundings of `margin` pixels."""
    boxes = joint_boxes(keypoints)
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    overlaps = (low < np.array([width, height]) + margin) & (high > -margin)
    return (keypoints[..., 2] > 0).any(axis=1) & overlaps.all(axis=1)

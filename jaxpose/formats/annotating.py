"""Writers of COCO's and PoseTrack 2018's JSON; `formats.coco` and `formats.posetrack` read it.

Files of `images` and `annotations` are written with the annotations first, as they come, and the images when the file
is closed: until then a file has annotations of images that it does not name yet. Of each frame a line is kept in memory
for that.
"""

import abc
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxpose.errors import OutputError
from jaxpose.formats.annotations import PERSON, PERSON_ID
from jaxpose.formats.growing import JsonList
from jaxpose.formats.poses import PoseFile, scored_joints, scored_people, span
from jaxpose.formats.writing import Writer
from jaxpose.records import NO_ID
from jaxpose.skeletons import COCO_17, POSETRACK_17


def picture_id(name: str | None, number: int) -> int:
    """COCO's id of a picture: the number that its file's name ends in, else that of the frame."""
    digits = re.search(r"(\d{1,15})$", Path(name).stem) if name is not None else None
    return number if digits is None else int(digits[1])


class CocoResultsWriter(Writer):
    """COCO's result list: an entry for each person; `image_id` is the frame's number. Ids are `track_id`."""

    holds = frozenset({"ids", "scores", "joint scores", "boxes"})
    skeletons = (COCO_17,)

    def _open(self, overwrite: bool, resume: bool) -> None:
        self._list = JsonList(self.path, "[", "]\n", overwrite=overwrite)
        self._ids: set[int] = set()

    def _append(self, poses: PoseFile) -> None:
        entries = []
        triples = _triples(poses, scored_joints(poses))
        scores = scored_people(poses).tolist()
        if poses.names is not None:
            for name, number in zip(poses.names, poses.numbers.tolist(), strict=True):
                if number in self._ids:
                    raise OutputError(f"{self.path}: {name} has the image id {number} of another picture; rename one")
                self._ids.add(number)
        for row, (frame, box) in enumerate(zip(poses.frame.tolist(), poses.boxes.tolist(), strict=True)):
            entry: dict[str, Any] = {
                "image_id": int(poses.numbers[frame]),
                "category_id": PERSON_ID,
                "keypoints": triples[row],
                "score": scores[row],
            }
            if not np.isnan(box[0]):
                entry["bbox"] = box
            if poses.ids[row] != NO_ID:
                entry["track_id"] = int(poses.ids[row])
            entries.append(_text(entry))
        if entries:
            self._list.add(entries)

    def close(self) -> None:
        """See `Writer.close`."""
        self._list.close()


class _AnnotatedWriter(Writer):
    """A file of `images` and `annotations`; ids of annotations count from 1."""

    least_visible = 0  # what is told of a joint that is there

    def _open(self, overwrite: bool, resume: bool) -> None:
        limbs = [[a + 1, b + 1] for a, b in self.skeleton.limbs]
        person = {"id": PERSON_ID, "name": PERSON, "keypoints": self.skeleton.joints, "skeleton": limbs}
        head = f'{{"categories":[{_text(person)}],\n"annotations":['
        self._list = JsonList(self.path, head, '],\n"images":[]}\n', overwrite=overwrite)
        self._images: list[str] = []
        self._count = 0

    def _append(self, poses: PoseFile) -> None:
        self._images += [_text(self._image(poses, frame)) for frame in range(len(poses.numbers))]
        people = [_text(person) for person in self._people(poses)]
        if people:
            self._list.add(people)

    def close(self) -> None:
        """See `Writer.close`."""
        try:
            self._list.add([], '],\n"images":[\n' + ",\n".join(self._images) + "]}\n")
        finally:
            self._list.close()

    def _image(self, poses: PoseFile, frame: int) -> dict[str, Any]:
        image: dict[str, Any] = {"id": int(poses.numbers[frame])}
        if poses.names is not None:
            image["file_name"] = poses.names[frame]
        if poses.sizes is not None:
            image["width"], image["height"] = poses.sizes[frame].tolist()
        return image

    def _people(self, poses: PoseFile) -> Iterator[dict[str, Any]]:
        visible = np.where(poses.there, 2, 0) if poses.visibility is None else poses.visibility
        visible = np.maximum(visible, self.least_visible * poses.there)
        triples = _triples(poses, visible)
        spans = span(poses.xy, poses.there)
        for row, frame in enumerate(poses.frame.tolist()):
            self._count += 1
            box = spans[row] if np.isnan(poses.boxes[row, 0]) else poses.boxes[row]
            yield {
                "id": self._count,
                "image_id": int(poses.numbers[frame]),
                "category_id": PERSON_ID,
                "keypoints": triples[row],
                "bbox": box.tolist(),
                **self._person(poses, row, box),
            }

    @abc.abstractmethod
    def _person(self, poses: PoseFile, row: int, box: np.ndarray) -> Mapping[str, Any]:
        """What the format tells of a person beside that."""


class CocoTruthWriter(_AnnotatedWriter):
    """COCO's ground truth, of any skeleton, to train on or to compare with; it knows no ids."""

    least_visible = 1

    holds = frozenset({"boxes", "areas", "crowds", "picture names", "picture sizes", "empty frames", "visibility"})

    def _person(self, poses: PoseFile, row: int, box: np.ndarray) -> Mapping[str, Any]:
        area = poses.areas[row]
        return {
            "num_keypoints": int(poses.there[row].sum()),
            "area": float(box[2] * box[3] if np.isnan(area) else area),
            "iscrowd": int(poses.crowd[row]),
        }


class PoseTrack18Writer(_AnnotatedWriter):
    """PoseTrack's JSON of 2018 and 2021, with ids; `scores` are those of the joints."""

    holds = frozenset(
        {"ids", "scores", "joint scores", "boxes", "heads", "areas", "crowds", "regions", "unlabelled frames",
         "picture names", "picture sizes", "empty frames", "visibility"}
    )  # fmt: skip
    skeletons = (POSETRACK_17,)

    def _image(self, poses: PoseFile, frame: int) -> dict[str, Any]:
        number, regions = int(poses.numbers[frame]), poses.regions[frame]
        return {
            **super()._image(poses, frame),
            "frame_id": number,
            "frame_index": number,
            "is_labeled": bool(poses.labelled[frame]),
            "ignore_regions_x": [region[:, 0].tolist() for region in regions],
            "ignore_regions_y": [region[:, 1].tolist() for region in regions],
        }

    def _person(self, poses: PoseFile, row: int, box: np.ndarray) -> Mapping[str, Any]:
        told: dict[str, Any] = {}
        if poses.ids[row] != NO_ID:
            told["track_id"] = int(poses.ids[row])
        if not np.isnan(poses.scores[row]):
            told["score"] = float(poses.scores[row])
        if not np.isnan(poses.joint_scores[row]).all():
            told["scores"] = np.nan_to_num(poses.joint_scores[row]).tolist()
        if not np.isnan(poses.heads[row, 0]):
            told["bbox_head"] = poses.heads[row].tolist()
        if not np.isnan(poses.areas[row]):
            told["area"] = float(poses.areas[row])
        if poses.crowd[row]:
            told["iscrowd"] = 1
        return told


def _triples(poses: PoseFile, third: np.ndarray) -> list[list[float]]:
    """x, y and a third number of each joint in one list a person."""
    xy = np.where(poses.there[..., None], poses.xy, 0)
    joints = np.concatenate([xy, third[..., None]], axis=-1)
    return joints.reshape(len(xy), 3 * xy.shape[1]).tolist()


def _text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, allow_nan=False, separators=(",", ":"))

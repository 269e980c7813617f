"""The frames of `vtest.avi` with the most people missed or made up.

OpenCV distributes the video under Apache-2.0, so these pictures may be shipped.
"""

from pathlib import Path
from typing import Any

import cv2
import identities
import numpy as np
from rates import found

from jaxpose import video
from jaxpose.architectures import ARCHITECTURES
from jaxpose.association.identities import IdentityTracker
from jaxpose.evaluation.people import boxes_of, compare
from jaxpose.formats.poses import collect_people
from jaxpose.records import People, make_people
from quality.people import Subject

COUNT = 4
APART = 60  # frames between two of them at least


def measure(one: Subject, folder: Path) -> list[dict[str, Any]]:
    """Draw the frames into a folder; what is wrong with each in numbers.

    The people are those that the measurement of `tracks` has kept, or that of the frame-rate study.
    """
    told = _own(one) if ARCHITECTURES[one.architecture].tracker is not None else _baseline(one)
    in_truth, missed, made_up = _errors(one, told)
    images = [frame.image for frame in video.read(identities.DATA / "videos" / "vtest.avi")]
    chosen: list[dict[str, Any]] = []
    for frame in np.argsort(-(missed + made_up), kind="stable").tolist():
        if len(chosen) == COUNT or any(abs(frame - other["frame"]) < APART for other in chosen):
            continue
        picture = f"{one.name}-{frame:03d}.jpg"
        image = video.draw(images[frame], told[frame], one.skeleton)
        cv2.imwrite(str(folder / picture), image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])
        errors = {"people": in_truth[frame], "missed": missed[frame], "made up": made_up[frame]}
        chosen.append({"frame": frame, "picture": picture, **{key: int(value) for key, value in errors.items()}})
    return chosen


def _own(one: Subject) -> list[People]:
    """The people of each frame by the tracker that the network brings along."""
    model = found.read_model(one.name)
    return found.candidates(model, "vtest", 1).track(model.skeleton, model.links, model.default("tracking"))


def _baseline(one: Subject) -> list[People]:
    """The people of each frame by the baseline tracker."""
    tracker = IdentityTracker(one.skeleton, identities.own_config(one.folder / "tracks"))
    told = []
    for index, keypoints in enumerate(identities.read_poses(one.folder / "tracks", "vtest")):
        told += tracker.push(make_people(keypoints, np.ones(len(keypoints)), frame=index))
    return told + tracker.flush()


def _errors(one: Subject, told: list[People]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How many people each frame has, how many of them are missed, and how many are made up."""
    _, judged = compare(identities.read_truth("vtest"), boxes_of(collect_people(told, one.skeleton)))
    pairing, matched = judged.pairing, judged.matches.found[:, 0] >= 0
    everybody = pairing.truth_frame
    surplus = np.delete(pairing.found_frame, judged.matches.found[matched, 0])
    counts = (
        np.bincount(judged.numbers[rows], minlength=len(told)) for rows in (everybody, everybody[~matched], surplus)
    )
    in_truth, missed, made_up = counts
    return in_truth, missed, made_up

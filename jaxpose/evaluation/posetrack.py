"""All that PoseTrack measures, of one video or of many: AP, MOTA and its companions, keypoint HOTA, joint by joint.

The order of work: `judged` says what counts, `pairing` who is near whom, then `precision`, `clear` and `hota` each make
a state of it that adds up over videos. `people` judges the same people whole (IDF1, id switches).
"""

from typing import NamedTuple

from jaxpose.evaluation.clear import Clear, clear
from jaxpose.evaluation.hota import Hota, hota, keypoint_similarity
from jaxpose.evaluation.judged import for_hota, for_joints
from jaxpose.evaluation.pairing import head_distances, near, pair_people
from jaxpose.evaluation.precision import Precision, precision
from jaxpose.evaluation.protocol import Protocol
from jaxpose.evaluation.report import Scores
from jaxpose.formats.poses import PoseFile
from jaxpose.skeletons import POSETRACK_15

JOINTS = POSETRACK_15.joints


class PoseTrack(NamedTuple):
    """What the measures add up; the tracking ones stay empty where predictions have no ids."""

    precision: Precision
    clear: Clear
    hota: Hota

    @classmethod
    def empty(cls, columns: int = len(JOINTS)) -> "PoseTrack":
        """Of no video."""
        return cls(Precision.empty(columns), Clear.empty(columns), Hota.empty(columns))

    def merge(self, other: "PoseTrack") -> "PoseTrack":
        """Both together, this one's videos first."""
        return PoseTrack(
            self.precision.merge(other.precision), self.clear.merge(other.clear), self.hota.merge(other.hota)
        )

    def compute(self, protocol: Protocol, *, tracked: bool, one: bool = False) -> Scores:
        """The scores by joint; without ids (`tracked` False) only AP. `one`: this is a single video.

        PoseTrack21's totals of HOTA are made otherwise for a single video than over several.
        """
        ap = self.precision.compute(protocol)
        tables = {"ap": ap.ap, "ap_precision": ap.precision, "ap_recall": ap.recall}
        counts = {
            "labelled": self.precision.labelled,
            "predictions": self.precision.ranked,
            "correct": self.precision.correct,
        }
        if tracked:
            found = self.hota.compute_sequence(protocol) if one else self.hota.compute(protocol)
            means = found.mean()
            tables |= self.clear.compute(protocol)._asdict()
            tables |= {name: means[name] for name in ("hota", "deta", "assa", "loca")}
            counts |= {
                name: getattr(self.clear, name)
                for name in ("objects", "misses", "switches", "false_positives", "detections")
            }
        return Scores(tables, {}, counts)


def measure(truth: PoseFile, found: PoseFile, protocol: Protocol, *, tracked: bool) -> PoseTrack:
    """The state of one video; both files have the same frames and PoseTrack's 15 joints (`checks`)."""
    left, right = for_joints(truth, found, protocol)
    pairing = pair_people(left, right)
    distance = head_distances(left, right, pairing)
    state = PoseTrack.empty()._replace(precision=precision(left, right, pairing, distance, protocol))
    if not tracked:
        return state
    counts, _ = clear(pairing, left.there, right.there, near(distance), protocol)
    left, right = for_hota(truth, found, protocol)
    pairing = pair_people(left, right)
    similarity = keypoint_similarity(head_distances(left, right, pairing))
    return state._replace(clear=counts, hota=hota(pairing, left.there, right.there, similarity, protocol))

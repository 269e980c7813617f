"""How people are counted: two protocols, and each difference between them as one named switch.

`poseval` equals the published evaluators of PoseTrack (poseval for AP and MOT, PoseTrack21's for keypoint HOTA), quirks
and all; `strict` is what a careful reader of the papers expects. Where a published evaluator crashes, the strict value
is given.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Protocol:
    """Each switch is False as the published evaluators have it, True as the papers read."""

    name: str
    labelled_frames: bool = False  # AP and MOT: judge every labelled frame, not every frame with people in the truth
    last_frame: bool = False  # MOT: the last frame of a sequence counts too
    count_people: bool = False  # MOT: people of a frame that has them on one side only all count, not 1 miss + 1 false
    latest_pair: bool = False  # MOT: who was matched last with a found id keeps it, not who comes first in the file
    order_free_ties: bool = False  # AP: neither equal scores nor equal PCK let the order in the file decide
    motp_over_matches: bool = False  # MOTP: the mean over matches, not over every row of an event table
    absent_joints: bool = False  # totals skip what no truth labels (AP, precision, HOTA) or nobody found (MOTP), not 0
    same_joints: bool = False  # HOTA: a joint is there as for AP and MOT, not only with x > 0 and y > 0
    frame_misses: bool = False  # HOTA: a frame without predictions misses its own joints, not all of the sequence
    mean_totals: bool = False  # HOTA: the total over sequences is the mean over joints, not made of pooled totals
    global_alignment: bool = False  # HOTA: people are matched with its paper's alignment score, not by similarity alone


PROTOCOLS = {
    "poseval": Protocol("poseval"),
    "strict": Protocol(
        "strict",
        **{field.name: True for field in dataclasses.fields(Protocol) if field.name != "name"},
    ),
}

"""Settings of the host's association; plain dataclasses, so that a command line can show them without NumPy."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class ParserConfig:
    """Which persons the greedy parser keeps (OpenPose, section 3.5 and its released thresholds)."""

    min_joints: int = 3  # persons with fewer joints are dropped
    min_score: float = 0.4  # persons whose score per joint is below this are dropped


@dataclasses.dataclass(frozen=True)
class IdentityConfig:
    """The baseline tracker of ids (chosen by experiments/identities.py)."""

    # which people count
    weak_joints: float = 0.2  # people with a smaller share of the skeleton's joints are dropped
    strong_joints: float = 0.4  # people with a smaller share extend tracks but start none
    weak_score: float = 0.1  # people whose joints' mean score is lower are dropped
    strong_score: float = 0.25  # people whose joints' mean score is lower extend tracks but start none
    duplicate_iou: float = 0.7  # of two people whose boxes overlap more, the lesser one is dropped

    # which person is which track's
    box_margin: float = 0.1  # boxes are widened on all sides by this share of their longer side
    min_similarity: float = 0.25  # lowest mean of OKS and IoU that joins a person to a track
    min_weak_similarity: float = 0.4  # the same for weak people
    velocity_share: float = 0.15  # weight of the newest displacement in a track's velocity

    # birth and death
    birth_hits: int = 3  # sights before a track is given its id; the frames until then wait
    max_missed: int = 45  # frames without a sight after which a track is forgotten

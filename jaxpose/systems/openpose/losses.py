"""[device] What OpenPose's networks should say, and how far each stage is from it (Cao et al., TPAMI 2019, Eq. 1-6).

Every stage is compared with the same targets (intermediate supervision), where people may be unlabelled nothing is, and
neither are the maps of joints that a data set does not label: the loss of a batch of foot pictures is about feet alone.
"""

from collections.abc import Sequence
from typing import NamedTuple

from jaxpose.data.examples import Batch
from jaxpose.fields.losses import squared_error
from jaxpose.fields.targets import affinities, affinity_mask, heatmap_mask, heatmaps
from jaxpose.skeletons import Skeleton
from jaxpose.systems.openpose.config import FieldName, LossConfig
from jaxpose.systems.openpose.fields import Fields
from jaxpose.task import Term


class Targets(NamedTuple):
    """The fields that a perfect network would give, and which of their cells are known."""

    fields: Fields
    known: Fields  # of truth values


def targets(batch: Batch, skeleton: Skeleton, stride: int, config: LossConfig) -> Targets:
    """Rendered from a batch's keypoints."""
    size = batch.valid.shape[-2:]
    fields = Fields(
        heatmaps(batch.keypoints, size, stride, config.sigma),
        affinities(batch.keypoints, skeleton.limbs, size, stride, config.limb_width),
    )
    known = Fields(heatmap_mask(batch.known, batch.valid), affinity_mask(batch.known, batch.valid, skeleton.limbs))
    return Targets(fields, known)


def terms(
    stages: Sequence[Fields], schedule: Sequence[Sequence[FieldName]], aims: Targets, config: LossConfig
) -> dict[str, Term]:
    """A term for each field that a stage predicts (`schedule`), all of the same weight."""
    result = {}
    for number, (stage, names) in enumerate(zip(stages, schedule, strict=True)):
        for name in names:
            found, aim, known = (getattr(fields, name) for fields in (stage, aims.fields, aims.known))
            error = squared_error(found, aim, known, config, background=name == "heatmaps")
            result[f"{name}_{number}"] = Term(*error)
    return result

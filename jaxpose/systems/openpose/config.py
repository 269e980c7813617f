"""What an OpenPose network looks like, as plain dataclasses that need neither JAX nor NumPy."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class LightweightConfig:
    """The lightweight network (human-pose-estimation-0001): MobileNetV1 cut at stride 8, one refinement stage."""

    skeleton: str = "coco_18"
    refinements: int = 1  # refinement stages after the initial one
    width: int = 128  # channels of the stages

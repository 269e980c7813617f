"""The options of `track` and `pose` about networks that look at one person at a time, whom another network finds."""

import dataclasses
from pathlib import Path
from typing import Any

from jaxpose.errors import OptionError


@dataclasses.dataclass(frozen=True)
class PersonOptions:
    """Who finds the people, and who looks at them once more."""

    refine: str | None = None  # a model that looks once more at everybody whom --model finds, such as movenet-thunder
    # who finds the people, where --model looks at one at a time: another model, or a yolox.onnx or rtmdet.onnx
    detector: str | None = None

    def chosen(self) -> dict[str, Any]:
        """What is given, as options of `models.load` and `models.estimator`."""
        fields = dataclasses.fields(self)
        return {field.name: value for field in fields if (value := getattr(self, field.name)) is not None}


@dataclasses.dataclass(frozen=True)
class BoxOptions(PersonOptions):
    """Who finds the people of a video, or where they are."""

    boxes: Path | None = None  # in place of a detector: a file of boxes or poses (MOT, COCO, PoseTrack, jsonl)

    def check(self, inputs: int, region: str | None) -> None:
        """`OptionError` for what does not go together."""
        if self.boxes is not None and inputs > 1:
            raise OptionError(f"--boxes is the file of one video, got {inputs} inputs; track them in runs of their own")
        if self.boxes is not None and region is not None:
            raise OptionError("--boxes are places in whole pictures; leave out --region")

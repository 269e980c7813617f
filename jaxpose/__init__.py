"""Multi-person pose estimation and tracking in video, in JAX.

    tracker = jaxpose.load()
    for people in tracker.track(jaxpose.video.read("street.mp4")):
        people.ids, people.keypoints  # [p], [p, j, 3] as x, y, score in pixels

What is named here is imported when it is first used, so that `import jaxpose` costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxpose import detection, video
    from jaxpose.formats.tables import to_dicts, to_frame
    from jaxpose.models import detector, load, names
    from jaxpose.records import Boxes, Frame, People
    from jaxpose.tracking import Tracker

    __version__: str

__all__ = [
    "Boxes", "Frame", "People", "Tracker", "__version__", "detection", "detector", "load", "names", "to_dicts",
    "to_frame", "video",
]  # fmt: skip

_HOMES = {
    "Boxes": "jaxpose.records",
    "Frame": "jaxpose.records",
    "People": "jaxpose.records",
    "Tracker": "jaxpose.tracking",
    "detector": "jaxpose.models",
    "load": "jaxpose.models",
    "names": "jaxpose.models",
    "to_dicts": "jaxpose.formats.tables",
    "to_frame": "jaxpose.formats.tables",
}

_MODULES = ("detection", "video")


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"jaxpose.{name}")
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("jaxpose")
    raise AttributeError(f"module 'jaxpose' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

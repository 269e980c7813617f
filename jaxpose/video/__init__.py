"""Video in and out: `read` a source's frames, `draw` people on them, `write` a file."""

from jaxpose.video.overlay import Trails, draw
from jaxpose.video.source import Video
from jaxpose.video.sources import read
from jaxpose.video.writer import VideoWriter, write

__all__ = ["Trails", "Video", "VideoWriter", "draw", "read", "write"]

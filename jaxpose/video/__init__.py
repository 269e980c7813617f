"""Video in and out: `read` a file's frames, `draw` people on them, `write` a file."""

from jaxpose.video.overlay import Trails, draw
from jaxpose.video.reader import Video, read
from jaxpose.video.writer import VideoWriter, write

__all__ = ["Trails", "Video", "VideoWriter", "draw", "read", "write"]

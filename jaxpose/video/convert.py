"""Pictures as FFmpeg decodes them to upright RGB."""

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from jaxtyping import UInt8


class ToRgb:
    """Converts the pictures of one reading; its tables are made once and not for each of them."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def __call__(self, picture: VideoFrame) -> UInt8[np.ndarray, "h w 3"] | None:
        """The picture upright in RGB; None if FFmpeg cannot convert it, as happens with damaged ones."""
        try:
            image = self._reformatter.reformat(picture, format="rgb24").to_ndarray()
        except (av.FFmpegError, ValueError, MemoryError):
            return None
        return np.ascontiguousarray(np.rot90(image, picture.rotation // 90))  # of an odd width its rows are padded

"""What training data is, whatever it comes from: pictures with their people, and batches of crops for the device.

A `Source` hands out `Example`s by number: a data set that was built (`builders`), the procedural one (`procedural`), or
plain shards. The pipeline makes `Batch`es of them; targets are rendered on the device from a batch's keypoints
(`fields.targets`).
"""

from typing import Any, NamedTuple, Protocol

import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8

from jaxpose.skeletons import Skeleton

Polygon = Float32[np.ndarray, "k 2"]


class Example(NamedTuple):
    """One picture and its people. Points are x, y in its pixels, the centre of the top-left pixel is (0, 0)."""

    image: bytes  # JPEG, PNG or WebP, as it was stored
    keypoints: Float32[np.ndarray, "p j 3"]  # the third number is COCO's: 0 not labelled, 1 hidden, 2 visible
    boxes: Float32[np.ndarray, "p 4"]  # x, y, w, h of each person
    ids: Int64[np.ndarray, "p"]  # `NO_ID` where nobody is told apart
    regions: tuple[Polygon, ...]  # in which people may be unlabelled: crowds, people without joints, ignore regions
    sequence: str  # the video, or the picture's own name
    frame: int  # of the video, 0 for a single picture


class Source(Protocol):
    """Examples by number; a data set."""

    @property
    def skeleton(self) -> Skeleton:
        """The order of the joints."""
        ...

    @property
    def labels(self) -> frozenset[str]:
        """The joints that this data set labels; of others it tells nothing, whatever the skeleton has."""
        ...

    def __len__(self) -> int:
        """How many examples there are."""
        ...

    def __getitem__(self, index: int) -> Example:
        """One of them; the same each time."""
        ...


class Batch(NamedTuple):
    """Crops for the device, all of one size; for clips of `t` frames every array has that axis after the first.

    The arrays are NumPy's, and JAX's once they are on the device.
    """

    images: UInt8[Any, "b h w 3"]  # RGB
    keypoints: Float32[Any, "b p j 3"]  # x, y in pixels of the crop, 1 or 0: labelled; padded with people of 0s
    ids: Int64[Any, "b p"]  # `NO_ID` for padding
    known: Bool[Any, "b j"]  # False: the data set does not label this joint, and its maps teach nothing
    valid: UInt8[Any, "b h/s w/s"]  # by cell: 0 where people may be unlabelled, or the picture has ended

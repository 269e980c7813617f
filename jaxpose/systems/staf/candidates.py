"""What the device hands to the host of each frame: its candidates, and how they continue those of the frame before.

`decoding` makes it, `voting` reads it. No JAX here: the host's side knows only this record.
"""

from typing import Any, NamedTuple

from jaxtyping import Float32, Int

from jaxpose.records import Candidates


class StafCandidates(NamedTuple):
    """The candidates of this frame, and the scored connections of the frame before with them.

    Link r of the topology joins a peak of its joint in the previous frame with peaks of its joint in this one:
    `partner` and `affinity` hold, for each slot of the previous frame's candidates, the slots of its `m` nearest peaks
    in this frame and each such connection's score (0: none). After a reset there are none.
    """

    now: Candidates  # its `finite` tells of the temporal fields too
    partner: Int[Any, "b r k m"]
    affinity: Float32[Any, "b r k m"]

    @property
    def finite(self) -> Any:
        """Whether no map of a frame has NaN or infinity."""
        return self.now.finite

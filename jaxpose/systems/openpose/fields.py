"""[device] What a network of this system predicts: the record that all its networks return, and its decoding reads."""

from typing import NamedTuple

from jaxtyping import Array, Float


class Fields(NamedTuple):
    """What one stage predicts: `heatmaps` (the joints, then the background) and `pafs` (x, y of each limb in turn).

    A network without limbs (hand, face) has `pafs` of no channels.
    """

    heatmaps: Float[Array, "b h w j+1"]
    pafs: Float[Array, "b h w 2*l"]

"""[device] From pictures to `StafCandidates`: the network's step with its decoding behind it, fixed in shape.

Peaks and limbs are found as in every bottom-up system (`fields.candidates`). New is time: the peaks of the frame before
wait in the carry, and the temporal affinity fields are integrated from them to the peaks of this frame, by the same
rules (Raaj et al., "Efficient Online Multi-Person 2D Pose Tracking with Recurrent Spatio-Temporal Affinity Fields",
CVPR 2019, section 3.3; the released program uses its line integral for both, too).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, UInt8

from jaxpose.fields.candidates import find_candidates
from jaxpose.fields.config import DecodeConfig
from jaxpose.fields.pairs import score_pairs
from jaxpose.skeletons import Link, Skeleton
from jaxpose.systems.staf.candidates import StafCandidates
from jaxpose.systems.staf.fields import StafFields
from jaxpose.systems.staf.recurrence import STRIDE, Carry, Recurrent, start
from jaxpose.systems.staf.recurrence import step as advance_network


class StafCarry(NamedTuple):
    """What goes from one frame to the next, for `b` videos side by side; all leaves have the videos first."""

    network: Carry
    xy: Float[Array, "b j k 2"]  # the peaks of the frame before, in pixels of the network's input
    found: Int[Array, "b j"]


Step = Callable[[Any, StafCarry, UInt8[Array, "b h w 3"]], tuple[StafCarry, StafCandidates]]
"""Parameters, carry and pictures to carry and candidates: pure, for `lax.scan`, a user's own jit, `jax.export`."""


def start_videos(
    network: Recurrent,
    params: Any,
    images: Any,
    skeleton: Skeleton,
    config: DecodeConfig = DecodeConfig(),
) -> StafCarry:
    """The carry before the first frames of videos of this number and size.

    `images` are pictures `[b, H, W, 3]` as the step takes them; only their shape matters (`jax.ShapeDtypeStruct`).
    """
    videos, joints = images.shape[0], len(skeleton.joints)
    return StafCarry(
        start(network, params, images),
        jnp.zeros((videos, joints, config.candidates, 2)),
        jnp.zeros((videos, joints), jnp.int32),
    )


def reset_videos(carry: StafCarry, which: Bool[Array, "b"]) -> StafCarry:
    """The carry with these videos reset: the next picture of each is a first one, after a cut or of another video."""
    return carry._replace(network=carry.network._replace(reset=carry.network.reset | which))


def make_step(network: Recurrent, skeleton: Skeleton, config: DecodeConfig = DecodeConfig()) -> Step:
    """The pure function `(params, carry, images) -> (carry, candidates)` of a network of this system.

    Images are RGB uint8 with sides that are multiples of the network's stride. Shapes are static. The results of a
    video do not depend on the others beside it.
    """
    links = skeleton.temporal_links(network.config.topology)

    def step(params: Any, carry: StafCarry, images: UInt8[Array, "b h w 3"]) -> tuple[StafCarry, StafCandidates]:
        first = carry.network.reset
        own, fields = advance_network(network, params, carry.network, images)
        before = jnp.where(first[:, None], 0, carry.found)
        found = decode_fields(fields, carry.xy, before, skeleton, links, STRIDE, config)
        return StafCarry(own, found.now.xy, found.now.found), found

    return step


def decode_fields(
    fields: StafFields,
    before_xy: Float[Array, "b j k 2"],
    before_found: Int[Array, "b j"],
    skeleton: Skeleton,
    links: tuple[Link, ...],
    stride: int,
    config: DecodeConfig,
) -> StafCandidates:
    """The candidates in a frame's fields, and their connections with the peaks of the frame before.

    Places are pixels of the network's input. The way of a connection is that of the field: from the joint in the
    previous frame to the joint in this one. Peaks nearer than about half a cell are joined even where the field says
    nothing, with the least score (a still joint's link to itself has no length, and so no field).
    """
    now = find_candidates(fields.heatmaps, fields.pafs, skeleton.limbs, len(skeleton.joints), stride, config)
    offset = (stride - 1) / 2
    cells, before_cells = ((xy - offset) / stride for xy in (now.xy, before_xy))
    this, last = np.asarray(links).T
    partner, affinity = score_pairs(
        fields.tafs,
        before_cells[:, last],
        before_found[:, last],
        cells[:, this],
        now.found[:, this],
        config,
        still=True,
    )
    finite = now.finite & jnp.isfinite(fields.tafs).all((1, 2, 3))
    return StafCandidates(now._replace(finite=finite), partner, affinity)


def scan_frames(
    step: Step, params: Any, carry: StafCarry, images: UInt8[Array, "t b h w 3"], resets: Bool[Array, "t b"]
) -> tuple[StafCarry, StafCandidates]:
    """A chunk of frames through one `lax.scan`; results have the time first.

    `resets` tells which pictures are the first of their video or behind a cut.
    """

    def body(
        carry: StafCarry, frame: tuple[UInt8[Array, "b h w 3"], Bool[Array, "b"]]
    ) -> tuple[StafCarry, StafCandidates]:
        pictures, reset = frame
        return step(params, reset_videos(carry, reset), pictures)

    return jax.lax.scan(body, carry, (images, resets))

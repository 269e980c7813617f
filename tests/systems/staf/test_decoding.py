"""The temporal connections against a plain loop in float64; scan and frame by frame; reset; every platform."""

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
import staf_scenes
from staf_scenes import FEW, STRIDE, H, KnowingNetwork, W, frames_of, line, scene

from jaxpose.skeletons import COCO_18
from jaxpose.systems.staf.candidates import StafCandidates
from jaxpose.systems.staf.decoding import make_step, reset_videos, scan_frames, start_videos

LINKS = COCO_18.temporal_links("C")  # both kinds
NETWORK = KnowingNetwork()


def integral(field: np.ndarray, start: np.ndarray, stop: np.ndarray) -> float:
    """The score of one line in cells, by the rules of the decoding: bilinear, ten points, eight of them above 0.02."""
    way = stop - start
    length = np.hypot(*way)
    values = []
    for step in range(FEW.samples):
        x, y = np.clip(start + way * step / FEW.samples, 0, (field.shape[1] - 1, field.shape[0] - 1))
        left, top = min(int(x), field.shape[1] - 2), min(int(y), field.shape[0] - 2)
        fx, fy = x - left, y - top
        corners = field[top : top + 2, left : left + 2].astype(float)
        vector = np.einsum("yxc,y,x->c", corners, (1 - fy, fy), (1 - fx, fx))
        values.append(vector @ way / max(length, 1e-9))
    above = [value for value in values if value > FEW.sample_threshold]
    if length > 1e-6 and len(above) >= FEW.sample_share * FEW.samples:
        return float(np.mean(above))
    return FEW.peak_threshold + 1e-6 if length < np.sqrt(H * W) / 150 else 0.0


def test_temporal_connections_equal_a_plain_loop() -> None:
    frames = scene(3, {1: (line(100, 230, 9, 4), 170), 2: (line(250, 235, -14), 150), 3: (line(370, 230), 180)})
    for person in (2, 3):
        frames[2][person] = frames[1][person]  # these two stand
    before, now = staf_scenes.decode(frames, LINKS)[1:]
    fields = staf_scenes.render(frames[1], frames[2], LINKS)
    tafs = fields.tafs[0].reshape(H, W, len(LINKS), 2)
    cells = [(each.now.xy.astype(float) - (STRIDE - 1) / 2) / STRIDE for each in (before, now)]
    expected = np.zeros((len(LINKS), 8, 8))
    found = np.zeros_like(expected)
    for r, (this, last) in enumerate(LINKS):
        for slot in range(before.now.found[last]):
            for other in range(now.now.found[this]):
                expected[r, slot, other] = integral(tafs[:, :, r], cells[0][last, slot], cells[1][this, other])
            for partner, affinity in zip(now.partner[r, slot], now.affinity[r, slot], strict=True):
                found[r, slot, partner] += affinity  # places without a peak have the score 0
    np.testing.assert_allclose(found, expected, atol=2e-5)
    assert (expected > 0.5).sum() > 60
    assert ((expected > 0) & (expected < 0.06)).sum() >= 2 * len(COCO_18.joints)  # those who stand, by the last rule


def test_the_first_frame_and_one_after_a_reset_have_no_connections() -> None:
    pictures = np.stack([frame.image for frame in frames_of(scene(3, {1: (line(60, 110, 5), 90)}))])[:, None]
    carry = start_videos(NETWORK, {}, pictures[0], COCO_18, FEW)
    step = jax.jit(make_step(NETWORK, COCO_18, FEW))
    carry, first = step({}, carry, pictures[0])
    _, second = step({}, carry, pictures[1])
    _, anew = step({}, reset_videos(carry, jnp.ones(1, bool)), pictures[1])
    assert not first.affinity.any()
    assert not anew.affinity.any()
    assert (second.affinity > 0.5).sum() > 20
    np.testing.assert_array_equal(second.now.xy, anew.now.xy)


def test_a_scan_of_two_videos_equals_frame_by_frame_of_each() -> None:
    scenes = [scene(5, {1: (line(60, 110, 5), 90), 2: (line(200, 110, -4), 80)}), scene(5, {3: (line(90, 112, 9), 85)})]
    pictures = np.stack([[frame.image for frame in frames_of(each)] for each in scenes], axis=1)
    resets = np.zeros((5, 2), bool)
    resets[3, 1] = True
    step = make_step(NETWORK, COCO_18, FEW)
    carry = start_videos(NETWORK, {}, pictures[0], COCO_18, FEW)
    _, scanned = jax.jit(lambda carry: scan_frames(step, {}, carry, pictures, resets))(carry)
    single = jax.jit(step)
    for own in (slice(0, 1), slice(1, 2)):
        carry = start_videos(NETWORK, {}, pictures[0, own], COCO_18, FEW)
        for t in range(5):
            carry, found = single({}, reset_videos(carry, resets[t, own]), pictures[t, own])
            assert_same(found, jax.tree.map(lambda leaf, at=(t, own): leaf[at], scanned))


def assert_same(a: StafCandidates, b: StafCandidates) -> None:
    for one, other in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("platform", ["cpu", "cuda", "rocm", "tpu"])
def test_the_step_lowers_for_every_platform(platform: str) -> None:
    images = jax.ShapeDtypeStruct((2, 64, 96, 3), jnp.uint8)
    carry = jax.eval_shape(lambda: start_videos(NETWORK, {}, images, COCO_18))
    exported = jax.export.export(jax.jit(make_step(NETWORK, COCO_18)), platforms=[platform])({}, carry, images)
    assert exported.platforms == (platform,)
    assert (2, len(COCO_18.temporal_links("B")), 64, 8) in [leaf.shape for leaf in exported.out_avals]

"""Looking more than once: fields turned and mirrored in closed form, a network that sees alike, and real pictures."""

from pathlib import Path

import cv2
import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
import scenes

from jaxpose.fields.config import ExactConfig
from jaxpose.geometry import oks
from jaxpose.records import joint_boxes
from jaxpose.skeletons import BODY_21A, BODY_25, COCO_18, MPI_15
from jaxpose.systems.openpose.config import SearchConfig
from jaxpose.systems.openpose.estimator import OpenPose
from jaxpose.systems.openpose.fields import Fields
from jaxpose.systems.openpose.importing import lightweight_params
from jaxpose.systems.openpose.lightweight import STRIDE, LightweightOpenPose
from jaxpose.systems.openpose.search import (
    SearchingOpenPose,
    make_search_step,
    mirror_fields,
    search_fields,
    turn_fields,
)
from jaxpose.weights.openvino import read_graph

H, W = 20, 33


def rendered(people, skeleton, h=H, w=W) -> Fields:
    return Fields(*(field[None].astype(np.float32) for field in scenes.render(people, skeleton, h, w)))


def some_people(skeleton, h=H, w=W):
    return scenes.standing_people(np.random.default_rng(0), 2, skeleton, 8 * w, 8 * h)


def assert_same(a: Fields, b: Fields, atol=1e-6) -> None:
    for name, one, other in zip(Fields._fields, a, b, strict=True):
        np.testing.assert_allclose(one, other, atol=atol, err_msg=name)


@pytest.mark.parametrize("skeleton", [COCO_18, BODY_25, BODY_21A, MPI_15], ids=lambda s: s.name)
def test_mirrored_fields_are_those_of_mirrored_people(skeleton):
    people = some_people(skeleton)
    mirrored = people[:, list(skeleton.flip)] * (-1, 1, 1) + (8 * W - 1, 0, 0)
    assert_same(mirror_fields(rendered(mirrored, skeleton), skeleton), rendered(people, skeleton))


@pytest.mark.parametrize("quarters", [-3, -2, -1, 0, 1, 2, 3, 4])
def test_turned_fields_are_those_of_turned_people(quarters):
    people = some_people(COCO_18)
    turned, (h, w) = people.copy(), (H, W)
    for _ in range(quarters % 4):  # counterclockwise: what was on the right is on top
        turned[..., 0], turned[..., 1] = turned[..., 1].copy(), 8 * w - 1 - turned[..., 0]
        h, w = w, h
    assert_same(turn_fields(rendered(people, COCO_18), quarters), rendered(turned, COCO_18, h, w))


def test_a_vector_to_the_right_points_up_after_a_quarter_turn():
    fields = Fields(jnp.zeros((1, 2, 3, 2)), jnp.zeros((1, 2, 3, 2)).at[0, 0, 2].set([1.0, 0.0]))
    turned = turn_fields(fields, 1).pafs
    assert turned.shape == (1, 3, 2, 2)
    assert turned[0, 0, 0].tolist() == [0, -1]
    assert jnp.abs(turned).sum() == 1


def alike(images) -> Fields:
    """Fields that a mirrored or turned picture has mirrored or turned: of every joint, red; of every limb, where to it
    gets greener."""
    b, height, width, _ = images.shape
    cells = images.reshape(b, height // 8, 8, width // 8, 8, 3).astype(jnp.float32).mean((2, 4)) / 255
    padded = jnp.pad(cells[..., 1], ((0, 0), (1, 1), (1, 1)), mode="edge")
    x, y = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2], padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    return Fields(jnp.tile(cells[..., :1], 18), jnp.tile(jnp.stack([x, y], -1), 19))


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_network_that_sees_alike_gives_identical_fields(degrees):
    images = np.random.default_rng(1).integers(0, 255, (1, 8 * H, 8 * W, 3)).astype(np.uint8)
    plain = alike(images)
    for flip in (False, True):
        assert_same(search_fields(alike, [images], COCO_18, SearchConfig(flip=flip), degrees), plain, atol=1e-5)


def test_scales_are_averaged_on_the_grid_of_the_largest():
    people = some_people(COCO_18)
    small, large = rendered(people, COCO_18), rendered(people * (1.5, 1.5, 1), COCO_18, 30, 50)
    of_width = {8 * W: small, 8 * 50: large}
    images = [np.zeros((1, 8 * h, 8 * w, 3), np.uint8) for h, w in ((H, W), (30, 50))]
    found = search_fields(
        lambda pictures: of_width[pictures.shape[2]], images, COCO_18, SearchConfig(scales=(1, 1.5)), 0
    )
    for ours, one, other in zip(found, small, large, strict=True):
        matrix = [
            cv2.resize(channel, None, fx=1.5, fy=1.5, interpolation=cv2.INTER_CUBIC)
            for channel in one[0].transpose(2, 0, 1)
        ]
        # OpenCV's 49 columns are what the smaller picture covers of the larger one's 50.
        truth = (np.stack(matrix, -1)[:, :49] + other[0][:, :49]) / 2
        np.testing.assert_allclose(ours[0][:, :49], truth, atol=1e-4)


@pytest.fixture(scope="module")
def params(shared_data: Path) -> dict:
    return lightweight_params(read_graph(shared_data / "teachers" / "human-pose-estimation-0001.xml"))


@pytest.fixture(scope="module")
def picture(shared_data: Path) -> np.ndarray:
    path = shared_data / "coco_fixtures" / "coco" / "000000196141.jpg"
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def people_of(estimator, image):
    (people,) = estimator.collect(estimator.dispatch([image], 1))
    return people


def same_people(a, b, limit=0.5) -> int:
    """How many of a's people are in b."""
    areas = np.maximum(joint_boxes(a.keypoints)[:, 2:].prod(1), 1)[:, None] * np.ones(len(b.keypoints))
    alike = oks(a.keypoints, b.keypoints, np.array(COCO_18.sigmas), areas)
    return int((alike.max(1, initial=0) > limit).sum())


def test_somebody_upside_down_is_found_by_turning(params, picture):
    options = {"size": 448}
    plain = OpenPose(LightweightOpenPose(), params, COCO_18, STRIDE, **options)
    search = SearchingOpenPose(
        LightweightOpenPose(), params, COCO_18, STRIDE, **options, search=SearchConfig(turns=(0, 180))
    )
    upright = people_of(plain, picture)
    height, width = picture.shape[:2]
    there = upright.keypoints[..., 2:] > 0
    turned = upright.keypoints * np.float32([-1, -1, 1]) + np.float32([width - 1, height - 1, 0])
    expected = upright._replace(keypoints=np.where(there, turned, 0).astype(np.float32))
    upside_down = np.ascontiguousarray(picture[::-1, ::-1])
    missed = expected.total - same_people(expected, people_of(plain, upside_down))
    still_missed = expected.total - same_people(expected, people_of(search, upside_down))
    assert expected.total >= 4
    assert missed >= expected.total / 2
    assert still_missed <= 1
    assert same_people(upright, people_of(search, picture)) == upright.total


def test_one_scale_unturned_is_the_plain_way(params, picture):
    plain = OpenPose(LightweightOpenPose(), params, COCO_18, STRIDE, size=320)
    search = SearchingOpenPose(LightweightOpenPose(), params, COCO_18, STRIDE, size=320)
    one, other = people_of(plain, picture), people_of(search, picture)
    assert same_people(other, one, 0.999) == other.total >= one.total - 1


def test_people_of_several_scales_lie_in_the_picture_s_own_pixels(params, picture):
    plain = OpenPose(LightweightOpenPose(), params, COCO_18, STRIDE, size=448)
    config = SearchConfig(scales=(0.7, 1, 1.3), flip=True)
    search = SearchingOpenPose(
        LightweightOpenPose(), params, COCO_18, STRIDE, size=448, decode=ExactConfig(), search=config
    )
    one, other = people_of(plain, picture), people_of(search, picture)
    assert same_people(one, other, 0.6) >= one.total - 1
    best = one.keypoints[0]
    nearest = other.keypoints[np.abs(other.keypoints - best)[..., :2].sum((1, 2)).argmin()]
    shared = (best[:, 2] > 0) & (nearest[:, 2] > 0)
    assert shared.sum() >= 10
    assert np.abs(np.median((best - nearest)[shared, :2], axis=0)).max() < 1.5


@pytest.mark.parametrize("platform", ["cpu", "cuda", "rocm", "tpu"])
def test_the_step_lowers_for_every_platform(platform):
    network = LightweightOpenPose()
    images = tuple(jax.ShapeDtypeStruct((1, h, w, 3), jnp.uint8) for h, w in ((32, 48), (64, 96)))
    shapes = jax.eval_shape(network.init, jax.random.key(0), images[0])["params"]
    config = SearchConfig(scales=(0.5, 1), flip=True, turns=(0, 90))
    step = jax.jit(make_search_step(network, COCO_18, STRIDE, ExactConfig(candidates=16), config))
    exported = jax.export.export(step, platforms=[platform])(shapes, (), images)
    assert exported.out_avals[0].shape == (1, 2, 18, 16, 2)


@pytest.mark.parametrize(
    "wrong",
    [{"scales": ()}, {"scales": (0.0,)}, {"turns": (45,)}, {"turns": ()}, {"turns": (0, 0)}, {"duplicate_oks": 2.0}],
)
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SearchConfig(**wrong)

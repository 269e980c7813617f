"""LiteOpenPose on the packaged trunk, its blocks at random."""

import dataclasses
import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpose import models, video
from jaxpose.cli.demo import CLIP
from jaxpose.nets.lite import STRIDE, Blocks, backbone_params, input_stride, reach
from jaxpose.nets.multipose import MAPS, stride
from jaxpose.skeletons import BODY_21A
from jaxpose.systems.movenet.network import MoveNet
from jaxpose.systems.openpose.config import LiteConfig
from jaxpose.systems.openpose.estimator import OpenPose, make_step
from jaxpose.systems.openpose.lite import LiteOpenPose
from jaxpose.weights import store

SMALL = LiteConfig(width=8, context_width=8, dilations=(1, 2), paf_blocks=1, heatmap_blocks=1)
SHALLOW = dataclasses.replace(SMALL, coarse=("expansion_10",), fine=("block_2", "expansion_6"))


@pytest.fixture(scope="module")
def published() -> store.Params:
    return store.load(store.path_of("movenet-multipose"))[0]


def initialized(config: LiteConfig, published: store.Params) -> dict[str, Any]:
    picture = np.zeros((1, 32, 32, 3), np.uint8)
    params = jax.jit(LiteOpenPose(config).init)(jax.random.key(0), picture)["params"]
    return dict(params) | backbone_params(published, config)


@pytest.fixture(scope="module")
def params(published: store.Params) -> dict[str, Any]:
    return initialized(LiteConfig(), published)


def pictures(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)


def leaves(tree: Any) -> Iterator[tuple[str, Any]]:
    for path, value in jax.tree_util.tree_leaves_with_path(tree):
        yield "/".join(key.key for key in path), value


def test_size(params: dict[str, Any]) -> None:
    counts = {name: sum(x.size for x in jax.tree.leaves(part)) for name, part in params.items()}
    assert counts["blocks"] <= 2_000_000
    assert counts == {"normalize": 6, "trunk": 4_603_624, "pyramid": 95_296, "heatmaps": 4_265, "blocks": 1_121_542}


def test_a_person_of_350_pixels_is_seen_from_each_of_its_joints() -> None:
    assert reach(LiteConfig()) == 1750 >= 2 * 350


def test_stages(params: dict[str, Any]) -> None:
    images = pictures(3, 64, 48)
    apply = jax.jit(lambda images: LiteOpenPose().apply({"params": params}, images))
    stages = apply(images)
    assert [stage.heatmaps.shape for stage in stages] == [(3, 8, 6, 0), (3, 8, 6, 22)]
    assert [stage.pafs.shape for stage in stages] == [(3, 8, 6, 48)] * 2
    np.testing.assert_array_equal(stages[0].pafs, stages[1].pafs)
    for field, alone in zip(stages[1], apply(images[1:2])[1], strict=True):
        assert 1e-3 < np.asarray(field).std() < 0.1  # training starts from fields near zero, but not from none
        np.testing.assert_allclose(field[1], alone[0], rtol=1e-3, atol=1e-5)


def test_a_picture_goes_on_in_grey_to_whole_cells_of_the_backbone(params: dict[str, Any]) -> None:
    assert (input_stride(LiteConfig()), input_stride(SHALLOW)) == (64, 16)
    images = pictures(1, 40, 56)
    whole = np.pad(images, ((0, 0), (0, 24), (0, 8), (0, 0)), constant_values=128)
    apply = jax.jit(lambda images: LiteOpenPose().apply({"params": params}, images)[-1])
    for field, expected in zip(apply(images), apply(whole), strict=True):
        assert field.shape[1:3] == (5, 7)
        np.testing.assert_allclose(field, expected[:, :5, :7], rtol=1e-3, atol=1e-5)
    with pytest.raises(ValueError, match="multiples of 8, got 56x42"):
        LiteOpenPose().apply({"params": params}, pictures(1, 42, 56))


def test_the_backbone_is_the_packaged_one(published: store.Params, params: dict[str, Any]) -> None:
    packaged = dict(leaves(published))
    for config in (LiteConfig(), SHALLOW):
        wanted = jax.eval_shape(LiteOpenPose(config).init, jax.random.key(0), pictures(1, 32, 32))["params"]
        taken = backbone_params(published, config)
        store.check(taken, {name: part for name, part in wanted.items() if name != "blocks"}, "the backbone")
        for name, value in leaves(taken):
            np.testing.assert_array_equal(value, packaged[name])
    assert set(taken) == {"normalize", "trunk"}  # it ends with what is read
    assert "block_11" not in taken["trunk"]
    assert set(taken["trunk"]["block_10"]) == {"expand"}


def test_features_are_those_of_movenet(published: store.Params) -> None:
    default = LiteConfig()
    config = dataclasses.replace(default, coarse=(*default.coarse, "pyramid_16"))
    images = pictures(2, 64, 128)

    def of_movenet(network: MoveNet, images: jax.Array) -> dict[str, jax.Array]:
        normalized = network.normalize(images)
        halved = (normalized[:, ::2] + normalized[:, 1::2]) / 2
        halved = of_size(network, (halved[:, :, ::2] + halved[:, :, 1::2]) / 2)
        names = ("expansion_6", "pyramid_8", "expansion_13", "pyramid_4", "heatmaps")
        return of_size(network, normalized) | {f"half_{name}": halved[name] for name in names}

    def of_size(network: MoveNet, normalized: jax.Array) -> dict[str, jax.Array]:
        maps = network.trunk(normalized)
        joined = network.pyramid((maps.out, maps.block_9, maps.block_5, maps.block_2))
        return {
            "expansion_13": maps.expansion_13,
            "out": maps.out,
            "expansion_6": maps.expansion_6,
            "pyramid_16": joined[1],
            "pyramid_8": joined[2],
            "pyramid_4": joined[3],
            "heatmaps": network.heatmaps(joined[3]),
        }

    def of_lite(network: LiteOpenPose, images: jax.Array) -> dict[str, jax.Array]:
        return network.features(network.normalize(images))

    expected = MoveNet().apply({"params": published}, images, method=of_movenet)
    found = LiteOpenPose(config).apply({"params": initialized(config, published)}, images, method=of_lite)
    assert set(found) == set(expected)
    for name, field in expected.items():
        np.testing.assert_allclose(found[name], field, rtol=1e-3, atol=1e-3, err_msg=name)


@pytest.mark.parametrize(
    "config",
    [
        SHALLOW,
        dataclasses.replace(SMALL, coarse=("block_6", "expansion_8"), fine=("expansion_5", "block_1"), paf_blocks=2),
        dataclasses.replace(SHALLOW, coarse=("block_13", "block_7")),
        dataclasses.replace(SHALLOW, fine=("pyramid_8",)),
        dataclasses.replace(SHALLOW, fine=("heatmaps",)),
        dataclasses.replace(SHALLOW, fine=("half_block_2",)),
        dataclasses.replace(SHALLOW, coarse=("half_expansion_10",)),
        dataclasses.replace(SHALLOW, fine=("expansion_6", "half_heatmaps")),
    ],
)
def test_a_cell_sees_so_many_pixels_and_no_more(config: LiteConfig, published: store.Params) -> None:
    params = initialized(config, published)
    network = LiteOpenPose(config)
    height = 64 * (reach(config) // 64 + 3)
    cell = height // STRIDE // 2

    @jax.jit
    def sees(row: int) -> jax.Array:
        """Whether the cell's value depends on a row: what is not a number makes all that it touches none."""
        picture = jnp.zeros((1, height, 64, 3)).at[:, row].set(jnp.nan)
        field = network.apply({"params": params}, picture, method="fields")[-1].heatmaps
        return jnp.isnan(field[0, cell]).any()

    middle, half = STRIDE * cell + STRIDE // 2, reach(config) // 2
    first, last = (range(end - 80, end + 80) for end in (middle - half, middle + half))
    above, below = ([bool(sees(row)) for row in rows] for rows in (first, last))
    assert above == sorted(above)  # from a row on all are seen
    assert below == sorted(below, reverse=True)
    top, bottom = first[above.index(True)], last[below.index(False)] - 1
    assert top > first[0]
    assert sees(middle)
    slack = 0 if input_stride(config) == 16 else 2 * input_stride(config)  # of maps that are doubled, by their place
    assert reach(config) - slack <= bottom - top + 1 <= reach(config)


def test_every_parameter_of_the_blocks_learns() -> None:
    rng = np.random.default_rng(0)
    sizes = {
        "expansion_13": (4, 864),
        "out": (2, 1280),
        "expansion_6": (8, 288),
        "pyramid_8": (8, 24),
        "pyramid_4": (16, 24),
        "heatmaps": (16, 17),
        "half_expansion_6": (4, 288),
        "half_pyramid_8": (4, 24),
        "half_expansion_13": (2, 864),
        "half_pyramid_4": (8, 24),
        "half_heatmaps": (8, 17),
    }
    maps = {name: rng.random((2, side, side, channels), np.float32) for name, (side, channels) in sizes.items()}
    blocks = Blocks(SMALL)
    params = blocks.init(jax.random.key(0), maps)["params"]

    @partial(jax.jit, static_argnums=1)
    @jax.grad
    def slopes(params: Any, stage: int) -> jax.Array:
        heatmaps, pafs = blocks.apply({"params": params}, maps)
        return sum(jnp.sum((field - 1) ** 2) for field in ((pafs,), (heatmaps, pafs))[stage])

    early, late = (dict(leaves(slopes(params, stage))) for stage in (0, 1))
    assert not [name for name, slope in late.items() if not np.abs(slope).max() > 0]
    unused = {name for name, slope in early.items() if not np.abs(slope).any()}
    assert unused == {name for name in early if re.match("refine|heatmaps", name)}


def test_bfloat16(params: dict[str, Any]) -> None:
    images = pictures(1, 64, 64)
    full, half = (
        jax.jit(LiteOpenPose(dtype=dtype).apply)({"params": params}, images)[-1]
        for dtype in (jnp.float32, jnp.bfloat16)
    )
    for expected, found in zip(full, half, strict=True):
        assert found.dtype == jnp.float32
        scale = np.abs(expected).max()
        np.testing.assert_allclose(found, expected, rtol=0, atol=0.1 * scale)
        assert not np.array_equal(found, expected)


def test_the_forms_agree(params: dict[str, Any]) -> None:
    images = pictures(1, 64, 64)
    native, shift = (
        jax.jit(LiteOpenPose(form=form).apply)({"params": params}, images)[-1] for form in ("native", "shift")
    )
    for expected, found in zip(native, shift, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("platforms", [["cpu"], ["cuda"], ["rocm"], ["tpu"], ["cpu", "cuda"]])
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_the_step_lowers_for_every_platform(platforms: list[str], dtype: Any) -> None:
    network = LiteOpenPose(dtype=dtype)
    images = jax.ShapeDtypeStruct((2, 64, 96, 3), np.uint8)
    params = jax.eval_shape(network.init, jax.random.key(0), images)["params"]
    step = jax.jit(make_step(network, BODY_21A, STRIDE))
    text = jax.export.export(step, platforms=platforms)(params, (), images).mlir_module()
    grouped = re.search(r"feature_group_count = ([2-9]|\d\d)", text) is not None
    assert grouped == (platforms != ["cpu"])  # depthwise convolutions as such, on accelerators only
    assert ("bf16" in text) == (dtype == jnp.bfloat16)


def test_openpose_runs_it(published: store.Params) -> None:
    estimator = OpenPose(LiteOpenPose(SMALL), initialized(SMALL, published), BODY_21A, STRIDE, size=72)
    people = estimator.collect(estimator.dispatch([pictures(50, 90), pictures(50, 90)], 2))
    assert len(people) == 2
    assert all(found.keypoints.shape[1:] == (21, 3) for found in people)


def test_the_packaged_weights_find_the_walkers_of_the_demo() -> None:
    frame = next(iter(video.read(CLIP)))
    estimator = models.estimator("openpose-lite", size=512)
    (people,) = estimator.collect(estimator.dispatch([frame.image], 1))
    whole = people.keypoints[(people.keypoints[..., 2] > 0).sum(1) >= 14]
    assert 4 <= len(whole) <= people.total <= 8
    reference = models.estimator("movenet-multipose", size=512)
    (theirs,) = reference.collect(reference.dispatch([frame.image], 1))
    neck, head = (estimator.skeleton.joints.index(joint) for joint in ("neck", "head_top"))
    for pose in whole:  # each stands upright where MoveNet finds somebody
        assert pose[head, 1] < pose[neck, 1]
        x, y, w, h = theirs.boxes[theirs.scores > 0.1].T
        assert ((np.abs(pose[neck, 0] - x - w / 2) < h / 4) & (np.abs(pose[neck, 1] - y - h / 5) < h / 5)).any()


def test_config_of_a_weight_file() -> None:
    config = LiteConfig(coarse=("block_12",), width=64)
    again = LiteConfig(**json.loads(json.dumps(dataclasses.asdict(config))))
    assert again == config
    assert hash(again) == hash(config)


@pytest.mark.parametrize("options", [{"coarse": ()}, {"fine": []}, {"dilations": ()}, {"paf_blocks": 0}])
def test_bad_config(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"`{next(iter(options))}` must"):
        LiteConfig(**options)


@pytest.mark.parametrize("name", ["block_2", "block_5", "pool"])
def test_a_map_that_does_not_fit_is_refused(name: str) -> None:
    told = "maps are block_1" if name not in MAPS else f"{name} has stride {stride(name)}"
    with pytest.raises(ValueError, match=told):
        jax.eval_shape(LiteOpenPose(LiteConfig(coarse=(name,))).init, jax.random.key(0), pictures(1, 32, 32))

"""The multi-stage networks: their published sizes, the flow between stages, precision, and where they lower."""

import dataclasses
import itertools

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpose.systems.openpose.config import BODY_25, COCO_18, HAND_21, PUBLISHED, TABLE_5, MultiStageConfig
from jaxpose.systems.openpose.network import MultiStageNetwork

NARROW = {"bridge": 12, "features": 8, "first_width": 4, "width": 6, "first_hidden": 8, "hidden": 10}
PICTURE = jax.ShapeDtypeStruct((1, 16, 16, 3), jnp.uint8)


def narrow(config: MultiStageConfig) -> MultiStageConfig:
    return dataclasses.replace(config, **NARROW | ({} if config.bridge else {"bridge": 0}))


def shapes(config: MultiStageConfig) -> dict:
    return jax.eval_shape(MultiStageNetwork(config).init, jax.random.key(0), PICTURE)["params"]


def parameters(config: MultiStageConfig) -> int:
    return sum(x.size for x in jax.tree.leaves(shapes(config)))


def weights(config: MultiStageConfig) -> dict:
    """Random parameters; the module's own initialization would be compiled piece by piece."""
    random = np.random.default_rng(1)
    return jax.tree.map(
        lambda x: random.normal(0, np.sqrt(2 / np.prod(x.shape[:-1])) if x.ndim > 1 else 0.1, x.shape).astype("f4"),
        shapes(config),
    )


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, 24, 32, 3), np.uint8)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("body_25", 26_166_084),
        ("coco_18", 52_311_446),
        ("mpi_15", 51_481_032),
        ("mpi_15_4", 34_240_880),
        ("hand_21", 36_832_324),
        ("face_70", 38_425_706),
    ],
)
def test_published_numbers_of_parameters(name: str, count: int) -> None:
    assert parameters(PUBLISHED[name]) == count


def test_a_dense_block_in_the_place_of_7x7_ones_is_smaller() -> None:
    wide = dataclasses.replace(BODY_25, block="7x7")
    dense, large = shapes(BODY_25)["pafs_1"], shapes(wide)["pafs_1"]
    assert large["block_1"]["kernel"].shape == (7, 7, 128, 128)
    assert dense["block_1"]["conv_1"]["kernel"].shape == (3, 3, 128, 128)
    assert dense["block_1"]["conv_0"]["kernel"].shape == (3, 3, 3 * 128, 128)


@pytest.mark.parametrize(("row", "config"), TABLE_5.items())
def test_table_5_orders(row: str, config: MultiStageConfig) -> None:
    """Each stage reads the features and the latest of each field there is, as Eq. 1-3 have it."""
    words = row.split()  # such as 4 PAF - 2 CM
    schedule = [words[1]] * int(words[0]) + [words[4]] * int(words[3])
    assert [{"pafs": "PAF", "heatmaps": "CM"}[fields[0]] for fields in config.schedule] == schedule
    params, done, known = shapes(config), {"PAF": 0, "CM": 0}, {"PAF": 0, "CM": 0}
    for kind in schedule:
        branch = params[f"{'pafs' if kind == 'PAF' else 'heatmaps'}_{done[kind]}"]
        assert branch["block_0"]["conv_0"]["kernel"].shape[2] == 128 + sum(known.values())
        assert branch["out"]["kernel"].shape[2] == (512 if done[kind] else 256)
        done[kind] += 1
        known[kind] = {"PAF": 52, "CM": 26}[kind]
        assert branch["out"]["bias"].shape == (known[kind],)


def test_fields_of_every_stage(images: np.ndarray) -> None:
    network, params = MultiStageNetwork(narrow(BODY_25)), weights(narrow(BODY_25))
    stages = jax.jit(network.apply)({"params": params}, images)
    assert [stage.pafs.shape for stage in stages] == [(2, 3, 4, 52)] * 6
    assert [stage.heatmaps.shape[-1] for stage in stages] == [0, 0, 0, 0, 26, 26]
    np.testing.assert_array_equal(stages[3].pafs, stages[5].pafs)  # kept from the last PAF stage on
    differences = [jnp.abs(a.pafs - b.pafs).max() for a, b in itertools.pairwise(stages[:4])]
    assert min(differences) > 1e-3
    assert jnp.abs(stages[4].heatmaps - stages[5].heatmaps).max() > 1e-3
    alone = jax.jit(network.apply)({"params": params}, images[1:])
    np.testing.assert_allclose(stages[-1].heatmaps[1], alone[-1].heatmaps[0], rtol=1e-4, atol=1e-5)


def test_fields_refined_together_and_hands_without_limbs(images: np.ndarray) -> None:
    for config, heatmaps, pafs in ((COCO_18, 19, 38), (HAND_21, 22, 0)):
        network = MultiStageNetwork(dataclasses.replace(narrow(config), trunk=7))
        found = jax.eval_shape(
            lambda images, network=network: network.init_with_output(jax.random.key(0), images)[0], images
        )
        assert [(stage.heatmaps.shape, stage.pafs.shape) for stage in found] == [
            ((2, 3 * 2, 4 * 2, heatmaps), (2, 3 * 2, 4 * 2, pafs))  # 7 layers end before the third pooling
        ] * 6


def test_bfloat16_computes_the_same_with_float32_parameters(images: np.ndarray) -> None:
    config = narrow(BODY_25)
    network, half = MultiStageNetwork(config), MultiStageNetwork(config, dtype=jnp.bfloat16)
    params = weights(config)
    lowered = jax.jit(half.apply).lower({"params": params}, images).as_text()
    assert "convolution" in lowered
    assert not [line for line in lowered.splitlines() if "stablehlo.convolution" in line and "bf16" not in line]
    wanted, found = (jax.jit(n.apply)({"params": params}, images)[-1] for n in (network, half))
    for w, f in zip(wanted, found, strict=True):
        assert f.dtype == jnp.float32
        assert 0 < jnp.abs(w - f).max() < 0.1 * jnp.abs(w).max()


def test_normalization_is_the_published_one() -> None:
    """A trunk of one layer whose kernel passes a channel on shows x / 256 - 0.5, and RGB in the given order."""
    config = dataclasses.replace(narrow(HAND_21), trunk=1, features=3, first_hidden=3, heatmap_stages=1)
    network = MultiStageNetwork(config)
    params = jax.tree.map(lambda x: np.zeros(x.shape, np.float32), shapes(config))
    params["trunk"]["conv1_1"]["kernel"][1, 1, range(3), range(3)] = 1
    params["trunk"]["conv1_1"]["bias"][:3] = 1
    params["features"]["kernel"][1, 1, range(3), range(3)] = 1
    for layer in ("hidden", "out"):
        params["heatmaps_0"][layer]["kernel"][0, 0, range(3), range(3)] = 1
    image = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3), np.uint8)
    (found,) = network.apply({"params": params}, image)
    np.testing.assert_allclose(found.heatmaps[..., :3], image / 256 - 0.5 + 1, atol=1e-6)


@pytest.mark.parametrize("platform", ["cpu", "cuda", "rocm", "tpu"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_forward_lowers_for_every_platform(platform: str, dtype: str) -> None:
    network = MultiStageNetwork(BODY_25, dtype=jnp.dtype(dtype))
    images = jax.ShapeDtypeStruct((1, 64, 96, 3), jnp.uint8)
    forward = jax.jit(lambda params, images: network.apply({"params": params}, images)[-1])
    exported = jax.export.export(forward, platforms=[platform])(shapes(BODY_25), images)
    assert exported.platforms == (platform,)
    assert [aval.shape for aval in exported.out_avals] == [(1, 8, 12, 26), (1, 8, 12, 52)]


def test_wrong_calls() -> None:
    with pytest.raises(ValueError, match="multiples of 8, got 24x20"):
        MultiStageNetwork().init(jax.random.key(0), np.zeros((1, 20, 24, 3), np.uint8))
    for fields, message in (
        ({"order": "both"}, "`order` must be 'pafs first', 'heatmaps first' or 'together', got 'both'"),
        ({"block": "5x5"}, "`block` must be 'dense' or '7x7', got '5x5'"),
        ({"heatmap_stages": 0}, "`heatmap_stages` at least 1, got 4 and 0"),
        ({"order": "together"}, "same number of stages, got `paf_stages` 4 and `heatmap_stages` 2"),
    ):
        with pytest.raises(ValueError, match=message):
            MultiStageConfig(**fields)

"""The paper's Models I, II and III: their sizes, and which field is found from which."""

import dataclasses
from typing import Any

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpose.systems.staf.config import MODEL_I, MODEL_II, MODEL_III, StafConfig, StafLiteConfig, StafLossConfig
from jaxpose.systems.staf.fields import StafFields, nothing
from jaxpose.systems.staf.network import StafNetwork, Stages
from jaxpose.systems.staf.recurrence import start, step

NARROW = {"skeleton": "mpi_15", "bridge": 8, "features": 6, "previous": 4, "blocks": 1, "paf_width": 4, "width": 4}
SMALL = {
    name: dataclasses.replace(model, **NARROW, hidden=8)  # type: ignore[arg-type]
    for name, model in {"I": MODEL_I, "II": MODEL_II, "III": MODEL_III}.items()
}
PICTURE = jax.ShapeDtypeStruct((1, 32, 40, 3), jnp.uint8)


def parameters(config: StafConfig) -> int:
    shapes = jax.eval_shape(StafNetwork(config).init, jax.random.key(0), PICTURE)["params"]
    return sum(leaf.size for leaf in jax.tree.leaves(shapes))


def weights(module: Any, *inputs: Any) -> Any:
    shapes = jax.eval_shape(module.init, jax.random.key(0), *inputs)["params"]
    random = np.random.default_rng(1)
    return jax.tree.map(
        lambda x: random.normal(0, np.sqrt(2 / np.prod(x.shape[:-1])) if x.ndim > 1 else 0.1, x.shape).astype("f4"),
        shapes,
    )


def test_numbers_of_parameters() -> None:
    assert parameters(MODEL_III) == 17_022_374  # as published
    assert parameters(MODEL_II) == 18_643_686
    assert parameters(MODEL_I) == 48_074_750


def stage(config: StafConfig, into: int, width: int, out: int) -> int:
    """Parameters of five dense blocks, and of two 1x1 convolutions."""
    count = 0
    for _ in range(5):
        for _ in range(3):
            count += 9 * into * width + 2 * width  # kernel, bias and slopes
            into = width
        into = 3 * width
    return count + into * config.hidden + 2 * config.hidden + config.hidden * out + out


def test_models_i_and_ii_are_the_stages_that_their_equations_have() -> None:
    trunk = (
        parameters(MODEL_III) - stage(MODEL_III, 128 + 64 + 144, 160, 144) - stage(MODEL_III, 128 + 144 + 22, 128, 22)
    )
    pafs = stage(MODEL_II, 128 + 48, 128, 48)
    heatmaps = stage(MODEL_II, 128 + 48 + 22, 128, 22)
    tafs = stage(MODEL_II, 128 + 64 + 48 + 48 + 96, 128, 96)
    assert parameters(MODEL_II) == trunk + pafs + heatmaps + tafs
    assert parameters(MODEL_I) == trunk + 5 * pafs + 5 * heatmaps + tafs


READS = {  # what each field of a frame depends on, of the features and the previous frame
    "I": {"heatmaps": "now heatmaps pafs", "pafs": "now pafs", "tafs": "now previous pafs tafs"},
    "II": {"heatmaps": "now heatmaps pafs", "pafs": "now pafs", "tafs": "now previous pafs tafs"},
    "III": {
        "heatmaps": "now previous heatmaps pafs tafs",
        "pafs": "now previous pafs tafs",
        "tafs": "now previous pafs tafs",
    },
}


@pytest.mark.parametrize("model", SMALL)
def test_each_field_reads_what_the_paper_says(model: str) -> None:
    config = SMALL[model]
    stages = Stages(config, "auto")
    features = np.random.default_rng(0).normal(size=(1, 3, 3, 6)).astype(np.float32)
    last = jax.tree.map(lambda x: x + 0.3, nothing(config, jnp.asarray(features)))
    params = weights(stages, features, features, last)

    def total(now: Any, previous: Any, last: StafFields, name: str) -> Any:
        return jnp.abs(getattr(stages.apply({"params": params}, now, previous, last)[-1], name)).sum()

    slopes = jax.jit(jax.grad(total, (0, 1, 2)), static_argnums=3)
    for name, reads in READS[model].items():
        now, previous, fields = slopes(features, features[:, ::-1], last, name)
        found = {"now": now, "previous": previous} | fields._asdict()
        assert {key for key, slope in found.items() if np.abs(slope).max() > 0} == set(reads.split())


def test_stages_refine_what_the_schedule_says() -> None:
    config = SMALL["I"]
    stages = Stages(config, "auto")
    features = np.random.default_rng(0).normal(size=(1, 3, 3, 6)).astype(np.float32)
    last = jax.tree.map(lambda x: x + 0.3, nothing(config, jnp.asarray(features)))
    params = weights(stages, features, features, last)
    found = jax.jit(stages.apply)({"params": params}, features, features, last)
    assert len(found) == len(config.schedule) == 11
    for before, after, names in zip((last, *found), found, config.schedule, strict=False):
        for name in StafFields._fields:
            assert np.array_equal(getattr(before, name), getattr(after, name)) == (name not in names)


def test_a_step_of_the_whole_network() -> None:
    network = StafNetwork(SMALL["III"])
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 40, 3), np.uint8)
    params = weights(network, PICTURE)
    carry, fields = jax.jit(lambda *given: step(network, *given))(params, start(network, params, images), images)
    assert [field.shape for field in fields] == [(2, 4, 5, c) for c in (16, 28, 56)]
    assert {field.dtype for field in fields} == {np.dtype(np.float32)}
    assert carry.features.shape == (2, 4, 5, 6)
    single = jax.jit(network.apply)({"params": params}, images[:1])[-1]
    for found, alone in zip(fields, single, strict=True):
        np.testing.assert_allclose(found[:1], alone, rtol=1e-3, atol=1e-4 * np.abs(alone).max())
    with pytest.raises(ValueError, match="multiples of 8, got 40x36"):
        network.apply({"params": params}, images[:, :28].repeat(2, 1)[:, :36])


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_bfloat16_lowers(platform: str) -> None:
    network = StafNetwork(SMALL["II"], jnp.bfloat16)
    params = jax.eval_shape(network.init, jax.random.key(0), PICTURE)["params"]
    carry = start(network, params, PICTURE)  # type: ignore[arg-type]
    assert carry.features.dtype == jnp.bfloat16
    run = jax.jit(lambda *given: step(network, *given))
    exported = jax.export.export(run, platforms=[platform])(params, carry, PICTURE)
    assert [aval.dtype for aval in exported.out_avals[-3:]] == [jnp.float32] * 3


@pytest.mark.parametrize(
    ("config", "options", "told"),
    [
        (StafConfig, {"topology": "D"}, '`topology` must be "A", "B" or "C", got \'D\''),
        (StafConfig, {"tafs": "first"}, "`tafs` must be 'with pafs' or 'after', got 'first'"),
        (StafConfig, {"paf_stages": 0}, "must be at least 1, got 0 and 1"),
        (StafLiteConfig, {"topology": ""}, "`topology` must be"),
        (StafLiteConfig, {"taf_dilations": []}, "`taf_dilations` must have at least one entry"),
        (StafLossConfig, {"tafs": -1}, "`tafs` must be 0 or more, got -1"),
        (StafLossConfig, {"sigma": 0}, "`sigma` must be above 0, got 0"),
    ],
)
def test_bad_configs(config: Any, options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        config(**options)

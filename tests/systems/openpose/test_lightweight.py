"""The lightweight network against OpenVINO running the same weights, and its importer's refusals."""

import dataclasses
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpose.errors import WeightsError
from jaxpose.systems.openpose.importing import lightweight_params, looks_lightweight
from jaxpose.systems.openpose.lightweight import LightweightOpenPose
from jaxpose.weights.openvino import Graph, read_graph

MAPS = Path(__file__).parent / "lightweight_maps.npz"  # written by experiments/openvino_reference.py


@pytest.fixture(scope="module")
def graph(shared_data: Path) -> Graph:
    return read_graph(shared_data / "teachers" / "human-pose-estimation-0001.xml")


@pytest.mark.parametrize("size", [144, 208])
@pytest.mark.parametrize("form", ["auto", "native"])
def test_every_map_agrees_with_openvino(graph: Graph, size: int, form: str) -> None:
    maps = np.load(MAPS)
    params = lightweight_params(graph)
    network = LightweightOpenPose(form=form)
    found = jax.jit(network.apply)({"params": params}, maps[f"image_{size}"][None])[-1]
    np.testing.assert_allclose(found.heatmaps[0], maps[f"heatmaps_{size}"], rtol=0, atol=0.01)
    np.testing.assert_allclose(found.pafs[0], maps[f"pafs_{size}"], rtol=0, atol=0.01)
    assert maps[f"pafs_{size}"].max() > 0.3  # there is a person to be seen


def test_parameters_are_those_of_the_module(graph: Graph) -> None:
    shapes = jax.eval_shape(LightweightOpenPose().init, jax.random.key(0), jnp.zeros((1, 8, 8, 3), jnp.uint8))
    found = lightweight_params(graph)
    assert jax.tree.map(lambda x: x.shape, shapes["params"]) == jax.tree.map(lambda x: x.shape, found)
    assert sum(x.size for x in jax.tree.leaves(found)) == 4_099_064
    assert looks_lightweight(graph)


def test_any_batch_and_size() -> None:
    network = LightweightOpenPose()
    params = network.init(jax.random.key(0), jnp.zeros((1, 16, 16, 3), jnp.uint8))
    images = np.random.default_rng(0).integers(0, 256, (3, 40, 24, 3), np.uint8)
    apply = jax.jit(network.apply)
    stages = apply(params, images)
    assert [(s.heatmaps.shape, s.pafs.shape) for s in stages] == [((3, 5, 3, 19), (3, 5, 3, 38))] * 2
    alone = apply(params, images[1:2])
    np.testing.assert_allclose(stages[-1].pafs[1], alone[-1].pafs[0], rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="multiples of 8, got 24x20"):
        network.apply(params, images[:, :20])


def test_another_network_is_refused(graph: Graph) -> None:
    with pytest.raises(WeightsError, match="has no layer conv1"):
        lightweight_params(dataclasses.replace(graph, layers=()))
    extra = dataclasses.replace(graph.layers[0], name="extra")
    with pytest.raises(WeightsError, match="lacks: extra"):
        lightweight_params(dataclasses.replace(graph, layers=(*graph.layers, extra)))
    wrong = dataclasses.replace(graph.layers[0], stride=1)
    with pytest.raises(WeightsError, match=r"layer conv1: expected .* stride 2 .* found .* stride 1"):
        lightweight_params(dataclasses.replace(graph, layers=(wrong, *graph.layers[1:])))
    assert not looks_lightweight(dataclasses.replace(graph, layers=graph.layers[:5]))

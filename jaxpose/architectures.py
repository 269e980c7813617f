"""Every kind of network that a weight file may hold: what it is made of, and whose published weights fit it.

The only module that knows all systems; `models` loads and imports by this table.
"""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxpose.association.config import ParserConfig
from jaxpose.estimation import Estimator
from jaxpose.fields.config import DecodeConfig
from jaxpose.nets.normalization import STATS
from jaxpose.skeletons import SKELETONS, Skeleton
from jaxpose.systems.hrnet.config import HrnetConfig, HrnetLiteConfig
from jaxpose.systems.hrnet.importing import backbone_params as hrnet_backbone_params
from jaxpose.systems.hrnet.importing import published_config as published_hrnet_config
from jaxpose.systems.hrnet.importing import published_params as published_hrnet_params
from jaxpose.systems.hrnet.lite import HrnetLite
from jaxpose.systems.hrnet.network import Hrnet
from jaxpose.systems.hrnet.person import HrnetPeople
from jaxpose.systems.hrnet.task import HrnetTask
from jaxpose.systems.movenet.config import MoveNetConfig
from jaxpose.systems.movenet.estimator import MoveNetPeople
from jaxpose.systems.movenet.importing import MULTIPOSE, THUNDER
from jaxpose.systems.movenet.importing import looks_published as looks_published_movenet
from jaxpose.systems.movenet.importing import published_params as published_movenet_params
from jaxpose.systems.movenet.network import MoveNet
from jaxpose.systems.movenet.person import ThunderPeople
from jaxpose.systems.movenet.thunder import Thunder
from jaxpose.systems.openpose.config import PUBLISHED, LightweightConfig, LiteConfig, MultiStageConfig, SearchConfig
from jaxpose.systems.openpose.estimator import Decoding, OpenPose
from jaxpose.systems.openpose.importing import lightweight_params, looks_lightweight
from jaxpose.systems.openpose.importing_caffe import looks_published, published_params
from jaxpose.systems.openpose.lightweight import LightweightOpenPose
from jaxpose.systems.openpose.lite import LiteOpenPose
from jaxpose.systems.openpose.network import STRIDE, MultiStageNetwork
from jaxpose.systems.openpose.search import SearchingOpenPose
from jaxpose.systems.openpose.task import OpenPoseTask
from jaxpose.systems.staf.config import MODEL_III, StafLiteConfig
from jaxpose.systems.staf.estimator import StafTracker
from jaxpose.systems.staf.importing import looks_published as looks_published_staf
from jaxpose.systems.staf.importing import published_params as published_staf_params
from jaxpose.systems.staf.lite import StafLite
from jaxpose.systems.staf.network import StafNetwork
from jaxpose.systems.staf.task import StafTask
from jaxpose.systems.staf.tracker_config import TrackerConfig
from jaxpose.task import Task
from jaxpose.topdown.estimator import CropEstimator
from jaxpose.tracking import Tracker
from jaxpose.weights.hrnet import looks_published as looks_published_hrnet
from jaxpose.weights.pytorch import read_checkpoint
from jaxpose.weights.store import Params
from jaxpose.weights.vgg import vgg19_params

OPENPOSE_LICENCE = "OpenPose's: academic or non-profit, non-commercial research use only"
"""Of the weights that OpenPose's authors published, STAF's among them."""

LITE_DECODE = DecodeConfig(peak_threshold=0.18, sample_threshold=0.1, sample_share=0.9)
STAF_PARSER = ParserConfig(min_score=0.92)
"""Thresholds as `experiments/choose_decoding.py` chose them for the packaged openpose-lite, and with its peaks for
staf-lite."""


HRNET_LITE_PEOPLE = functools.partial(HrnetPeople, refinement="dark")
"""OKS-AP by DARK is 43.6, and 42.2 by a quarter of a cell, on the 15th of COCO's training part that is left out."""


@dataclasses.dataclass(frozen=True)
class Release:
    """Weights that others published: the kinds of their file, and how they are recognised and taken over.

    `config` is there for networks of which several sizes were published: it reads from the file which one it is.
    """

    suffixes: tuple[str, ...]
    recognises: Callable[[Any], bool]
    params: Callable[[Any], Params]
    licence: str
    config: Callable[[Any], Any] | None = None


@dataclasses.dataclass(frozen=True)
class Architecture:
    """A kind of network and what it is made of.

    `estimator` takes the network, its parameters, the skeleton, `size=` and options of its own; there is none for a
    network that finds no people. `tracker` takes the same and `chunk=`, and is there for a network that keeps ids by
    itself; with the others works the baseline tracker, and `strong_score` is `IdentityConfig`'s, where that leaves it
    to the model: from this mean score of its joints on, a person is more often right than wrong. `person` is there for
    a network that looks at one person at a time, whom another network finds; it takes what `estimator`
    does but `size=`. `task` takes the network, the skeleton and `loss=` and `start=` of its own, and makes what is
    trained; there is none for a network that is not trained here. `backbone` reads a part of the parameters, to start
    training from, of a file that others published.
    """

    config: Callable[..., Any]
    network: Callable[[Any], nn.Module]
    estimator: Callable[..., Estimator] | None
    release: Release | None = None
    task: Callable[..., Task] | None = None
    backbone: Callable[[Path, Any], Params] | None = None
    strong_score: float = 0.4
    tracker: Callable[..., Tracker] | None = None
    person: Callable[..., CropEstimator] | None = None

    def skeleton(self, config: Any) -> Skeleton:
        """The skeleton that a network of this config predicts."""
        return SKELETONS[config.skeleton]

    def shapes(self, config: Any) -> Params:
        """The shapes of parameters, and of batch statistics, as in a weight file; computed without allocating any."""
        picture = jax.ShapeDtypeStruct((1, 64, 64, 3), jnp.uint8)
        variables: Any = jax.eval_shape(self.network(config).init, jax.random.key(0), picture)
        params: Params = variables["params"]
        return {**params, STATS: variables[STATS]} if STATS in variables else params


def _openpose(
    network: nn.Module,
    params: Params,
    skeleton: Skeleton,
    *,
    size: int,
    decode: Decoding = DecodeConfig(),
    parser: ParserConfig = ParserConfig(),
    search: SearchConfig | None = None,
) -> OpenPose:
    if search is None:
        return OpenPose(network, params, skeleton, STRIDE, size=size, decode=decode, parser=parser)
    return SearchingOpenPose(network, params, skeleton, STRIDE, size=size, decode=decode, parser=parser, search=search)


def _vgg19(file: Path, config: MultiStageConfig) -> Params:
    """The trunk of a multi-stage network from torchvision's VGG-19 (`weights.vgg`)."""
    return {"trunk": vgg19_params(read_checkpoint(file), config.trunk)}


def _hrnet_backbone(file: Path, config: HrnetConfig) -> Params:
    """A part of HRNet from a published one for any purpose (`systems.hrnet.importing`)."""
    return hrnet_backbone_params(read_checkpoint(file), config)


def _published(preset: str) -> Architecture:
    """One of OpenPose's own networks."""
    config = PUBLISHED[preset]
    return Architecture(
        functools.partial(dataclasses.replace, config),
        MultiStageNetwork,
        _openpose if config.paf_stages else None,
        Release(
            (".caffemodel",),
            functools.partial(looks_published, config=config),
            functools.partial(published_params, config=config),
            OPENPOSE_LICENCE,
        ),
        functools.partial(OpenPoseTask, stride=STRIDE),
        _vgg19,
    )


ARCHITECTURES = {
    "movenet-multipose": Architecture(
        MoveNetConfig,
        MoveNet,
        MoveNetPeople,
        Release(
            (".json",),
            functools.partial(looks_published_movenet, published=MULTIPOSE),
            functools.partial(published_movenet_params, published=MULTIPOSE),
            "Apache-2.0 as published (MoveNet MultiPose Lightning, Google)",
        ),
        strong_score=0.35,
    ),
    "movenet-thunder": Architecture(
        MoveNetConfig,
        Thunder,
        None,
        Release(
            (".json",),
            functools.partial(looks_published_movenet, published=THUNDER),
            functools.partial(published_movenet_params, published=THUNDER),
            "Apache-2.0 as published (MoveNet SinglePose Thunder, Google)",
        ),
        strong_score=0.33,
        person=ThunderPeople,
    ),
    "lightweight-openpose": Architecture(
        LightweightConfig,
        LightweightOpenPose,
        _openpose,
        Release(
            (".xml",),
            looks_lightweight,
            lightweight_params,
            "Apache-2.0 as published (human-pose-estimation-0001, Open Model Zoo)",
        ),
    ),
    "openpose-lite": Architecture(
        LiteConfig,
        LiteOpenPose,
        functools.partial(_openpose, decode=LITE_DECODE, parser=ParserConfig(min_score=0.82)),
        task=functools.partial(OpenPoseTask, stride=STRIDE),
        strong_score=0.45,
    ),
    "staf-lite": Architecture(
        StafLiteConfig,
        StafLite,
        functools.partial(_openpose, decode=LITE_DECODE, parser=STAF_PARSER),
        task=StafTask,
        tracker=functools.partial(
            StafTracker, decode=LITE_DECODE, tracking=TrackerConfig(parser=STAF_PARSER, strong_score=0.5)
        ),
        strong_score=0.5,
    ),
    "staf-body21a": Architecture(
        functools.partial(dataclasses.replace, MODEL_III),
        StafNetwork,
        _openpose,
        Release(
            (".caffemodel",),
            looks_published_staf,
            published_staf_params,
            OPENPOSE_LICENCE,
        ),
        StafTask,
        _vgg19,
        tracker=StafTracker,
    ),
    "hrnet-lite": Architecture(HrnetLiteConfig, HrnetLite, None, task=HrnetTask, person=HRNET_LITE_PEOPLE),
    "hrnet": Architecture(
        HrnetConfig,
        Hrnet,
        None,
        Release(
            (".pth", ".pt", ".safetensors"),
            looks_published_hrnet,
            published_hrnet_params,
            "MIT as published (HRNet, Microsoft), trained on research data",
            published_hrnet_config,
        ),
        HrnetTask,
        _hrnet_backbone,
        person=HrnetPeople,
    ),
    "openpose-body25": _published("body_25"),
    "openpose-coco": _published("coco_18"),
    "openpose-mpi": _published("mpi_15"),
    "openpose-mpi4": _published("mpi_15_4"),
    "openpose-hand": _published("hand_21"),
    "openpose-face": _published("face_70"),
}
"""Every architecture by the name that `--arch` takes and weight files carry."""

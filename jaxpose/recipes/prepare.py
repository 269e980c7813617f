"""A recipe made ready to run: its network, its batches, who judges it, and what its weight file will tell."""

import dataclasses
import functools
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from jaxpose import models
from jaxpose.architectures import ARCHITECTURES, Architecture
from jaxpose.data.config import CropConfig, PersonCropConfig
from jaxpose.data.examples import Source
from jaxpose.data.loading import Loader
from jaxpose.data.pipeline import Batches
from jaxpose.data.procedural.source import ProceduralSource
from jaxpose.data.sources import open_data
from jaxpose.data.subsets import left_out, restricted
from jaxpose.errors import OptionError
from jaxpose.inference import StepEstimator
from jaxpose.recipes.config import Procedural, Recipe, Share
from jaxpose.recipes.judging import Judge
from jaxpose.skeletons import SKELETONS, Skeleton
from jaxpose.systems.hrnet.config import HrnetConfig, HrnetLiteConfig
from jaxpose.systems.hrnet.distillation import Teacher as PersonTeacher
from jaxpose.systems.openpose.distillation import Teacher
from jaxpose.task import Params
from jaxpose.topdown.estimator import CropEstimator
from jaxpose.training import parallel
from jaxpose.training.logs import Pictures
from jaxpose.training.run import Run
from jaxpose.weights.store import Card

PROCEDURAL = "procedural"


def prepare(recipe: Recipe, folder: Path, *, workers: int = 0, threads: int = 1) -> Run:
    """What `training.loop.train` runs; each process calls it, after `parallel.start`.

    Raises `OptionError` for an architecture that cannot be trained, `DataError` for data that is not there.
    """
    architecture = ARCHITECTURES.get(recipe.architecture)
    if architecture is None or architecture.task is None or not (architecture.estimator or architecture.person):
        known = [name for name, one in ARCHITECTURES.items() if one.task and (one.estimator or one.person)]
        raise OptionError(f"`architecture` must be one of {', '.join(known)}, got {recipe.architecture!r}")
    if not isinstance(recipe.network, type(architecture.config())):
        told = f"{type(architecture.config()).__name__}, got {type(recipe.network).__name__}"
        raise OptionError(f"`network` of {recipe.architecture} must be a {told}")
    if recipe.network.skeleton not in SKELETONS:
        raise OptionError(f"`skeleton` must be one of {', '.join(SKELETONS)}, got {recipe.network.skeleton!r}")
    _check_crops(recipe, architecture)
    network, skeleton = architecture.network(recipe.network), architecture.skeleton(recipe.network)
    try:
        shapes = architecture.shapes(recipe.network)
    except ValueError as error:
        raise OptionError(f"`network`: {error}") from error
    network = network.clone(dtype=recipe.precision(jax.default_backend()))
    backbone = None
    if is_backbone(recipe.start):
        if architecture.backbone is None:
            raise OptionError(f"`start` of {recipe.architecture} cannot be a backbone's file, got {recipe.start}")
        backbone = architecture.backbone(Path(str(recipe.start)), recipe.network)
    teacher = None if recipe.teacher is None else _teacher(recipe.teacher, architecture, skeleton)
    task = architecture.task(network, skeleton, loss=recipe.loss, start=backbone, remat=recipe.remat, teacher=teacher)
    sources = [(_open(share, recipe.procedural, skeleton), share.share) for share in recipe.data]
    try:
        batches = Batches(
            sources,
            skeleton,
            recipe.crops,
            batch=recipe.batch,
            seed=recipe.training.seed,
            processes=(jax.process_index(), jax.process_count()),
        )
    except ValueError as error:
        raise OptionError(str(error)) from error
    settings = dataclasses.asdict(recipe.network)
    run = Run(
        task=task,
        batches=Loader(
            batches,
            workers=workers,
            threads=0 if workers else threads,
            yielding=jax.default_backend() == "cpu",
        ),
        folder=folder,
        card=Card(recipe.architecture, settings, dict(recipe.provenance)),
        config=recipe.as_json(),
    )
    if not recipe.evaluation.data or not parallel.is_first():
        return run
    blank = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)
    try:
        estimator = _judged(architecture, network, blank, skeleton, recipe.evaluation.size)
    except ValueError as error:
        raise OptionError(f"`evaluation`: {error}") from error
    held_out = [_open(share, recipe.procedural, skeleton, held_out=True) for share in recipe.evaluation.data]
    judge = Judge(estimator, held_out, recipe.evaluation.pictures)
    return dataclasses.replace(run, evaluate=judge.scores, draw=functools.partial(_samples, judge))


def is_backbone(start: str | None) -> bool:
    """Whether this names a file of others, of which a part of the network is taken."""
    return start is not None and start.endswith((".pth", ".pt", ".safetensors"))


def _check_crops(recipe: Recipe, architecture: Architecture) -> None:
    """`OptionError` for crops of the wrong kind, or of another size than the network's."""
    wanted = CropConfig if architecture.person is None else PersonCropConfig
    if not isinstance(recipe.crops, wanted):
        told = f"{wanted.__name__}, got {type(recipe.crops).__name__}"
        raise OptionError(f"`crops` of {recipe.architecture} must be a {told}")
    if isinstance(recipe.crops, PersonCropConfig):
        assert isinstance(recipe.network, HrnetLiteConfig | HrnetConfig)  # that one person's networks have
        if recipe.crops.crop != recipe.network.crop:
            raise OptionError(f"`crops.crop` must be `network.crop`, {recipe.network.crop}, got {recipe.crops.crop}")


def _teacher(name: str, architecture: Architecture, skeleton: Skeleton) -> Teacher | PersonTeacher:
    """The installed model of that name as a teacher of networks like this one."""
    try:
        if architecture.person is not None:
            return PersonTeacher(models.person(name), skeleton)
        return Teacher(*models.network(name), skeleton)
    except (ValueError, OptionError) as error:
        raise OptionError(f"`teacher`: {error}") from error


def _judged(
    architecture: Architecture, network: nn.Module, params: Params, skeleton: Skeleton, size: int
) -> StepEstimator[Any] | CropEstimator:
    """What finds people with the network in training; `ValueError` for a size that it cannot have."""
    if architecture.person is not None:
        people = architecture.person(network, params, skeleton)
        people.config = dataclasses.replace(people.config, joint_threshold=0, duplicate_oks=1)  # all joints, everybody
        return people
    assert architecture.estimator is not None  # one of the two is there
    estimator = architecture.estimator(network, params, skeleton, size=size)
    assert isinstance(estimator, StepEstimator)
    return estimator


def _samples(judge: Judge, params: Params, state: Params) -> Pictures:
    return judge.samples(params, state)


def _open(share: Share, procedural: Procedural, skeleton: Skeleton, held_out: bool = False) -> Source:
    if share.leave_out:
        source = _open(dataclasses.replace(share, leave_out=0), procedural, skeleton)
        return left_out(source, share.leave_out)[held_out]
    if share.joints:
        source = _open(dataclasses.replace(share, joints=""), procedural, skeleton)
        return restricted(source, share.joints, share.data)
    if share.data != PROCEDURAL:
        return open_data(share.data, share.split)
    train = share.split == "train"
    try:
        return ProceduralSource(
            skeleton,
            procedural.pictures if train else procedural.held_out,
            seed=procedural.seed if train else procedural.seed + 1_000_003,
            size=(procedural.size, procedural.size),
            people=procedural.people,
        )
    except ValueError as error:
        raise OptionError(f"the procedural data set: {error}") from error

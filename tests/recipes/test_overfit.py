"""The whole way learns: LiteOpenPose on its packaged trunk takes eight procedural pictures by heart."""

import pytest

from jaxpose.configs import tiny_synthetic
from jaxpose.data.config import CropConfig, OccluderConfig, PlaceConfig
from jaxpose.data.examples import Example
from jaxpose.data.procedural.source import ProceduralSource
from jaxpose.data.shards import write_shards
from jaxpose.errors import JaxposeWarning
from jaxpose.recipes.config import Evaluation, Recipe, Share
from jaxpose.recipes.prepare import prepare
from jaxpose.skeletons import BODY_21A
from jaxpose.systems.openpose.config import LossConfig
from jaxpose.training.checkpoints import read
from jaxpose.training.config import AdamW, Optimizer, TrainingConfig, WarmupCosine
from jaxpose.training.loop import train

SIZE, TALL, JOINTS, COUNT = 256, 200, 15, 8


class Large:
    """The first pictures whose people are all at least `TALL` pixels high, with most joints in the picture."""

    skeleton, labels = BODY_21A, frozenset(BODY_21A.joints)

    def __init__(self) -> None:
        source = ProceduralSource(BODY_21A, 2000, size=(SIZE, SIZE), people=(1, 2))
        examples = (source[i] for i in range(len(source)))
        self._chosen = [example for example, _ in zip(filter(fits, examples), range(COUNT), strict=False)]

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> Example:
        return self._chosen[index]


def fits(example: Example) -> bool:
    if not len(example.boxes) or example.regions:
        return False
    joints = (example.keypoints[..., 2] > 0).sum(axis=1)
    return bool(example.boxes[:, 3].min() >= TALL and joints.min() >= JOINTS)


@pytest.mark.slow
def test_eight_pictures_are_learned_by_heart(tmp_path):
    write_shards(Large(), tmp_path / "shards")
    share = Share(str(tmp_path / "shards"))
    recipe = Recipe(
        network=tiny_synthetic.get_config().network,
        start="movenet-multipose",
        data=(share,),
        crops=CropConfig(
            place=PlaceConfig(crop=SIZE, rotation=0, target=0.9, scale=(0.9, 1.1), shift=5, flip=0),
            occluders=OccluderConfig(most=0),
        ),
        batch=4,
        loss=LossConfig(reduction="mean", positive=10.0),
        training=TrainingConfig(
            steps=160,
            optimizer=Optimizer(
                AdamW(),
                WarmupCosine(rate=4e-3, warmup=20),
                multipliers=(("(trunk|normalize)/.*", 0.0),),
                clip_norm=1.0,
            ),
            average=0.9,
            evaluate_every=160,
            save_every=160,
        ),
        evaluation=Evaluation((share,), pictures=COUNT, size=SIZE),
    )
    with pytest.warns(JaxposeWarning, match=r"start anew \(blocks\)"):
        train(prepare(recipe, tmp_path / "run"), recipe.training, init=recipe.start)
    scores = read(tmp_path / "run").run["scores"]
    assert scores["ap50"] >= 95, scores
    assert len([*(tmp_path / "run" / "samples").iterdir()]) == 4

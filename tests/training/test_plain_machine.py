"""Training where there is little: plain shards, jax, flax, optax and OpenCV, and none of the other packages."""

import subprocess
import sys
from pathlib import Path

from jaxpose.data.procedural.source import ProceduralSource
from jaxpose.data.shards import write_shards
from jaxpose.skeletons import BODY_21A

ABSENT = (
    "tyro", "grain", "tensorflow_datasets", "array_record", "orbax", "orbax.checkpoint", "av", "tqdm", "tensorboardX",
    "pycocotools", "matplotlib", "scipy", "safetensors", "platformdirs", "tensorflow",
)  # fmt: skip

PROGRAM = """
import sys
sys.modules |= dict.fromkeys(ABSENT)

import jax, numpy as np
from jaxpose.data.config import CropConfig, PlaceConfig
from jaxpose.data.loading import Loader
from jaxpose.data.pipeline import Batches
from jaxpose.data.shards import ShardSource
from jaxpose.nets.lite import STRIDE
from jaxpose.systems.openpose.config import LiteConfig, LossConfig
from jaxpose.systems.openpose.lite import LiteOpenPose
from jaxpose.systems.openpose.task import OpenPoseTask
from jaxpose.training import parallel
from jaxpose.training.config import Adam, Constant, Optimizer
from jaxpose.training.optimizer import make_optimizer
from jaxpose.training.state import begin
from jaxpose.training.step import make_step

source = ShardSource(FOLDER)
crops = CropConfig(place=PlaceConfig(crop=64))
batches = Loader(Batches([(source, 1.0)], source.skeleton, crops, batch=2), threads=1)
config = LiteConfig(
    coarse=("block_6",), fine=("block_2",), context_width=8, dilations=(1,), width=8, paf_blocks=1, heatmap_blocks=1
)
task = OpenPoseTask(LiteOpenPose(config), source.skeleton, STRIDE, LossConfig(reduction="mean"))
params, stats = task.init(jax.random.key(0))
frozen = Optimizer(Adam(), Constant(1e-3), multipliers=(("trunk/.*", 0.0),))
optimizer = make_optimizer(frozen, params, 2)
advance = parallel.map_step(make_step(task, optimizer, 1, 0.9))
copies = parallel.replicate(begin(params, stats, optimizer, jax.random.key(1)))
losses = []
for _ in range(2):
    copies, metrics = advance(copies, parallel.shard(next(batches)))
    losses.append(float(parallel.unreplicate(metrics).loss))
batches.close()
state = parallel.unreplicate(copies)
assert state.step == 2 and np.isfinite(losses).all() and losses[0] > 0, (state.step, losses)
moved = jax.tree.map(lambda old, new: bool((np.asarray(old) != new).any()), params, state.params)
assert any(jax.tree.leaves(moved["blocks"])) and not any(jax.tree.leaves(moved["trunk"])), moved
assert not {name for name in ABSENT if sys.modules.get(name)}
print("trained")
"""


def test_a_step_needs_shards_and_four_packages(tmp_path: Path) -> None:
    write_shards(ProceduralSource(BODY_21A, 4, size=(64, 64), people=(1, 2)), tmp_path / "shards")
    program = f"ABSENT, FOLDER = {ABSENT}, {str(tmp_path / 'shards')!r}\n{PROGRAM}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "trained\n"

"""Training slices on a machine that has little: they end where an uninterrupted training ends, to the bit."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny_recipe

from jaxpose.architectures import ARCHITECTURES
from jaxpose.data.procedural.source import ProceduralSource
from jaxpose.data.shards import write_shards
from jaxpose.skeletons import BODY_21A
from jaxpose.systems.openpose.config import LiteConfig
from jaxpose.weights import store

SCRIPT = Path(__file__).parents[2] / "experiments" / "train_packaged.py"

ABSENT = (
    "tyro", "grain", "tensorflow_datasets", "array_record", "orbax", "orbax.checkpoint", "av", "tqdm", "tensorboardX",
    "pycocotools", "matplotlib", "platformdirs", "tensorflow",
)  # fmt: skip

PROGRAM = """
import runpy, sys
sys.modules |= dict.fromkeys(ABSENT)
for arguments in ARGUMENTS:
    sys.argv = ["train_packaged.py", *arguments]
    runpy.run_path(SCRIPT, run_name="__main__")
"""

RECIPE = """
import dataclasses, tiny_recipe
from jaxpose.data.config import OccluderConfig
from jaxpose.recipes.config import Share

def get_config():
    recipe = tiny_recipe.get_config()
    data = Share("people", share=0.7), Share("people", "more", share=0.3, leave_out=2)
    crops = dataclasses.replace(recipe.crops, occluders=OccluderConfig(most=0))
    return dataclasses.replace(recipe, data=data, crops=crops, teacher=TEACHER)
"""


def run(arguments: list[list[str]], cache: Path) -> subprocess.CompletedProcess[str]:
    program = f"ABSENT, SCRIPT, ARGUMENTS = {ABSENT}, {str(SCRIPT)!r}, {arguments}\n{PROGRAM}"
    environment = {
        "PYTHONPATH": ":".join(sys.path),
        "JAX_COMPILATION_CACHE_DIR": str(cache),
        "JAXPOSE_HOME": str(cache),
    }
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The arguments of a training: shards, a recipe, and a teacher with weights at random."""
    folder = tmp_path_factory.mktemp("packaged")
    for name, seed in (("people", 0), ("people-more", 1)):
        write_shards(ProceduralSource(BODY_21A, 4, seed=seed, size=(64, 64), people=(1, 2)), folder / "shards" / name)
    rng = np.random.default_rng(0)
    shapes = ARCHITECTURES["openpose-lite"].shapes(tiny_recipe.NETWORK)
    teacher = folder / "teacher.safetensors"
    store.write(teacher, _random(rng, shapes), store.Card("openpose-lite", dataclasses.asdict(tiny_recipe.NETWORK), {}))
    recipe = folder / "recipe.py"
    recipe.write_text(RECIPE.replace("TEACHER", repr(str(teacher))))
    return folder, ["--recipe", str(recipe), "--shards", str(folder / "shards"), "--longest", "64", "--dispatch", "2"]


def _random(rng, tree):
    if hasattr(tree, "items"):
        return {name: _random(rng, each) for name, each in tree.items()}
    return rng.normal(0, 0.05, tree.shape).astype(np.float16)


def test_slices_end_where_one_training_ends(made):
    folder, shared = made
    whole, slices = folder / "whole", folder / "slices"
    done = run([
        [*shared, "--out", str(whole)],
        [*shared, "--out", str(slices), "--minutes", "0"],
        [*shared, "--out", str(slices), "--minutes", "0"],
    ], folder / "compiled")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "4 of 4 steps" in done.stdout
    assert "2 of 4 steps" in done.stdout
    first, second = (np.load(each / "state.npz") for each in (whole, slices))
    assert first.files == second.files
    for name in first.files:
        np.testing.assert_array_equal(first[name], second[name])
    assert first["step"] == 4

    params, card = store.load(slices / "weights.safetensors")
    assert LiteConfig(**card.config) == tiny_recipe.NETWORK
    assert card.provenance == {"data": "procedural people", "steps": "4"}
    store.check(params, ARCHITECTURES["openpose-lite"].shapes(tiny_recipe.NETWORK), "the trained weights")
    lines = [json.loads(line) for line in (slices / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4]
    assert all(line["loss"] > 0 and any(name.startswith("taught_") for name in line) for line in lines)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (["--recipe", "nobody"], "CONFIG must be a packaged recipe or a .py file, got 'nobody'"),
        (["--shards", "/nowhere"], "people: no shards of that name in /nowhere"),
        (["--init", "nobody"], "nobody"),
    ],
)
def test_what_is_missing_is_told_in_a_line(made, tmp_path, change, told):
    folder, shared = made
    arguments = [*shared, "--out", str(tmp_path)]
    if change[0] == "--shards":
        arguments[arguments.index("--shards") + 1] = change[1]
    else:
        arguments += change
    done = run([arguments], folder / "compiled")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1

"""`jaxpose train` and `jaxpose export-weights` from end to end, with a recipe that takes a moment; and mistakes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import tiny_recipe

import jaxpose
from jaxpose.cli import main
from jaxpose.data.procedural.source import ProceduralSource
from jaxpose.data.shards import write_shards
from jaxpose.records import Frame
from jaxpose.skeletons import BODY_21A
from jaxpose.training.checkpoints import read
from jaxpose.weights import store

RECIPE = str(Path(tiny_recipe.__file__))
HEAVY = "jax", "numpy", "cv2", "av", "scipy", "flax", "optax", "orbax", "grain"


pytestmark = pytest.mark.usefixtures("in_shared_home")


@pytest.fixture(scope="module")
def trained(shared_home, tmp_path_factory):
    """The folder of a training of three steps."""
    folder = tmp_path_factory.mktemp("runs") / "one"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXPOSE_HOME", str(shared_home))
        assert main(["train", RECIPE, "--out", str(folder), "--training.steps", "3", "--batch", "3"]) == 0
    return folder


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_a_training_leaves_what_the_readme_says(trained):
    assert sorted(path.name for path in trained.iterdir()) == ["checkpoints", "metrics.jsonl", "run.json", "samples"]
    told = lines(trained)
    assert [line["step"] for line in told if "loss" in line] == [1, 2, 3]
    assert {*told[0]["terms"]} == {"pafs_0", "heatmaps_1"}
    assert [line["step"] for line in told if "scores" in line] == [2, 3]
    assert {*told[-1]["scores"]} == {"ap", "ap50", "ap75", "ar"}
    about = json.loads((trained / "run.json").read_text())
    assert about["config"]["training"]["steps"] == 3  # with what the command line has changed
    assert about["config"]["batch"] == 3
    assert about["card"]["architecture"] == "openpose-lite"
    assert {path.name for path in (trained / "samples").iterdir()} == {
        f"{step:07d}-picture_{number}.png" for step in (2, 3) for number in (0, 1)
    }
    picture = cv2.imread(str(trained / "samples/0000003-picture_0.png"))
    assert picture.shape == (64, 64, 3)
    assert [path.name for path in sorted((trained / "checkpoints").iterdir())][-1] == "3"


def test_resume_goes_on_and_init_starts_anew(trained, tmp_path, capsys):
    arguments = ["train", RECIPE, "--out", str(tmp_path / "a"), "--batch", "3", "--evaluation.data.0.split", "train"]
    assert main([*arguments, "--training.steps", "2"]) == 0
    assert "2 of 2 steps" in capsys.readouterr().out
    assert main([*arguments, "--training.steps", "3"]) == 2
    assert capsys.readouterr().err.endswith("holds checkpoints: go on from them with --resume, or name another\n")
    assert main([*arguments, "--training.steps", "3", "--resume"]) == 0
    told = capsys.readouterr()
    assert "3 of 3 steps" in told.out
    assert "going on from step 2 with another config: `training.steps` was 2, is 3" in told.err
    whole, parts = read(trained, 3), read(tmp_path / "a", 3)
    assert {*whole.arrays} == {*parts.arrays}
    for name, array in whole.arrays.items():  # the schedule does not depend on the steps
        np.testing.assert_array_equal(parts.arrays[name], array)

    begun = ["train", RECIPE, "--out", str(tmp_path / "b"), "--batch", "3", "--training.steps", "1"]
    assert main([*begun, "--init", str(trained), "--training.optimizer.schedule.rate", "1e-12"]) == 0
    start, after = read(trained).averaged(), read(tmp_path / "b").averaged()
    for name, array in start.items():
        np.testing.assert_allclose(after[name], array, rtol=1e-6, atol=1e-9)


@pytest.fixture
def small_disk(tmp_path):
    """A folder with 16 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here ({mounted.stderr.decode().strip()})")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_ends_with_one_line_and_resume_goes_on(trained, small_disk, capfd):
    folder, ballast = small_disk / "run", small_disk / "ballast"
    arguments = ["train", RECIPE, "--out", str(folder), "--batch", "3"]
    assert main([*arguments, "--training.steps", "2"]) == 0
    free = os.statvfs(small_disk)
    ballast.write_bytes(bytes(free.f_bavail * free.f_frsize - 250_000))  # a checkpoint has 700 kB, all else 100
    capfd.readouterr()
    assert main([*arguments, "--training.steps", "3", "--resume"]) == 2
    told = capfd.readouterr().err
    assert told.splitlines()[-1] == (
        f"jaxpose: {folder}/checkpoints: a checkpoint cannot be written (No space left on device); "
        "the last good one is of step 2"
    )
    assert "Traceback" not in told
    assert "absl" not in told
    ballast.unlink()
    assert main([*arguments, "--training.steps", "3", "--resume"]) == 0
    whole, parts = read(trained, 3), read(folder, 3)
    assert {*whole.arrays} == {*parts.arrays}
    for name, array in whole.arrays.items():
        np.testing.assert_array_equal(parts.arrays[name], array)


def test_an_exported_training_is_a_model(trained, capsys):
    assert main(["export-weights", str(trained), "--as", "mine", "--step", "3"]) == 0
    assert capsys.readouterr().out.startswith("mine, ")
    assert main(["export-weights", str(trained), "--as", "mine"]) == 2
    assert "a model named mine exists already" in capsys.readouterr().err
    assert main(["export-weights", str(trained), "--as", "mine", "--overwrite"]) == 0
    assert main(["models"]) == 0
    assert "mine" in capsys.readouterr().out
    card = store.read_card(store.path_of("mine"))
    assert card.architecture == "openpose-lite"
    assert card.provenance["data"] == "procedural people"
    assert card.provenance["steps"] in ("2", "3")
    tracker = jaxpose.load("mine", size=64)
    (people,) = [*tracker.push(Frame(0, 0.0, np.zeros((64, 64, 3), np.uint8))), *tracker.flush()]
    assert people.keypoints.shape[1:] == (21, 3)
    assert len(people.keypoints) == len(people.scores) == len(people.ids)


def test_shards_and_workers_train_too(tmp_path, capsys):
    write_shards(ProceduralSource(BODY_21A, 5, size=(64, 64), people=(1, 2)), tmp_path / "shards")
    shards = str(tmp_path / "shards")
    arguments = ["train", RECIPE, "--out", str(tmp_path / "run"), "--data.0.data", shards, "--training.steps", "1"]
    assert main([*arguments, "--batch", "3", "--threads", "2", "--data.0.joints", "ankle$|knee$"]) == 0
    assert "1 of 1 steps" in capsys.readouterr().out
    assert json.loads((tmp_path / "run/run.json").read_text())["config"]["data"][0]["joints"] == "ankle$|knee$"


RECIPES = {
    "syntax.py": ("def get_config(:", "its get_config fails (SyntaxError: "),
    "absent.py": ("x = 1", "get_config must return a jaxpose.recipes.config.Recipe, got None"),
    "raises.py": ("def get_config():\n    1 / 0", "its get_config fails (ZeroDivisionError: division by zero)"),
    "number.py": ("def get_config():\n    return 7", "get_config must return a jaxpose.recipes.config.Recipe, got 7"),
    "imports.py": ("import nothing_of_that_name", "its get_config fails (ModuleNotFoundError: "),
}


@pytest.mark.parametrize("name", RECIPES)
def test_a_broken_recipe_is_one_line(name, tmp_path, capsys):
    text, told = RECIPES[name]
    (tmp_path / name).write_text(text)
    assert main(["train", str(tmp_path / name), "--out", str(tmp_path / "run")]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"jaxpose: {tmp_path / name}: {told}")
    assert captured.err.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["tiny_sinthetic"], "got 'tiny_sinthetic': did you mean 'tiny_synthetic'?"),
        (
            ["xyz"],
            "there are hrnet_lite, hrnet_w48_coco, hrnet_w48_posetrack, lite_openpose, openpose_body25, ",
        ),
        (["nowhere.py"], "nowhere.py: no such file"),
        ([RECIPE, "--threads", "-1"], "--threads must be 0 or more, got -1"),
        ([RECIPE, "--data.0.data", "coco"], "coco: no data set of that name in"),
        ([RECIPE, "--data.0.joints", "tail"], "`joints` 'tail' are none of those that procedural labels"),
        ([RECIPE, "--data.0.joints", "("], "`joints` '(' is no regular expression"),
        ([RECIPE, "--data.0.share", "0"], "shares must be 0 or more and not all 0"),
        ([RECIPE, "--procedural.people", "3", "1"], "`people` must be two counts from 1 on"),
        ([RECIPE, "--procedural.size", "8"], "`size` must be at least 16 x 16, got 8 x 8"),
        ([RECIPE, "--evaluation.size", "4"], "`size` must be at least the network's stride 8, got 4"),
        ([RECIPE, "--architecture", "movenet-multipose"], "`architecture` must be one of openpose-lite, "),
        ([RECIPE, "--architecture", "openpose-coco"], "`network` of openpose-coco must be a MultiStageConfig, got "),
        ([RECIPE, "--network.skeleton", "body_99"], "`skeleton` must be one of"),
        ([RECIPE, "--network.coarse", "block_2"], "block_2 has stride 4, and maps of stride 16 or 32 are read here"),
        ([RECIPE, "--start", "vgg19.pth"], "`start` of openpose-lite cannot be a backbone's file, got vgg19.pth"),
        ([RECIPE, "--init", "movenet-multipos"], "did you mean 'movenet-multipose'?"),
        ([RECIPE, "--training.accumulate", "4"], "a batch must be a multiple of 1 devices x 4 parts (`accumulate`)"),
        ([RECIPE, "--crops.place.stride", "16"], "`crops.place.stride` must be 8, the network's, got 16"),
        ([RECIPE, "--crops.clip.frames", "2"], "`crops.clip.frames` must be 1"),
        ([RECIPE, "--processes", "2"], "several processes need a coordinator"),
    ],
    ids=lambda value: " ".join(value[-2:])[-40:] if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line(arguments, told, tmp_path, capsys):
    assert main(["train", *arguments, "--out", str(tmp_path / "run")]) == 2
    captured = capsys.readouterr()
    last = captured.err.splitlines()[-1]
    assert last.startswith("jaxpose: ")
    assert told in last
    assert "Traceback" not in captured.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([RECIPE, "--training.step", "3"], "--training.steps"),
        ([RECIPE, "--crops.place.rotatoin", "3"], "--crops.place.rotation"),
        ([RECIPE, "--training.steps", "many"], "many"),
        ([RECIPE, "--training.steps", "0"], "`steps` must be at least 1, got 0"),
        ([RECIPE, "--batch", "0"], "`batch` must be a multiple of the 1 processes, got 0"),
    ],
    ids=lambda value: value[1] if isinstance(value, list) else "",
)
def test_a_wrong_field_ends_with_2_and_names_the_nearest(arguments, told, tmp_path, capsys):
    assert main(["train", *arguments, "--out", str(tmp_path / "run")]) == 2
    captured = capsys.readouterr()
    assert told in captured.out + captured.err
    assert "Traceback" not in captured.err
    assert not (tmp_path / "run").exists()


def test_a_recipe_must_come_first_and_a_folder_must_be_named(tmp_path, capsys):
    assert main(["train", "--out", str(tmp_path), RECIPE]) == 2
    assert "CONFIG must come first: jaxpose train " in capsys.readouterr().err
    assert main(["train", RECIPE]) == 2
    captured = capsys.readouterr()
    assert "--out" in captured.out + captured.err


def test_help_shows_the_fields_of_a_recipe_and_imports_nothing_heavy():
    code = (
        "import sys; from jaxpose.cli import main; code = main(['train', 'openpose_body25', '--help']); "
        f"print('heavy:', *[name for name in {HEAVY} if name in sys.modules]); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].strip() == "heavy:"
    for option in ("--training.optimizer.schedule.falls", "--network.paf-stages", "--crops.place.rotation", "--resume"):
        assert option in done.stdout
    assert "1000000" in done.stdout.replace(",", "").replace("_", "")


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ("optax", "training needs optax: pip install 'jaxpose[train]'"),
        ("pycocotools", "COCO's OKS-AP needs pycocotools: pip install 'jaxpose[eval]'"),  # before the first step
    ],
)
def test_without_the_extra_one_line_tells_what_to_install(missing, told, tmp_path):
    code = (
        f"import sys; sys.modules[{missing!r}] = None; from jaxpose.cli import main; "
        f"sys.exit(main(['train', 'tiny_synthetic', '--out', {str(tmp_path / 'out')!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [f"jaxpose: {told}"]
    assert not (tmp_path / "out" / "metrics.jsonl").exists()

"""`jaxpose train` of a network that looks at one person at a time, and the model that comes of it; and mistakes."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import tiny_person_recipe

from jaxpose import models
from jaxpose.cli import main
from jaxpose.formats import jsonl
from jaxpose.skeletons import COCO_19
from jaxpose.training.checkpoints import read
from jaxpose.weights import store

RECIPE = str(Path(tiny_person_recipe.__file__))


pytestmark = pytest.mark.usefixtures("in_shared_home")


@pytest.fixture(scope="module")
def trained(shared_home, tmp_path_factory):
    """The folder of a training of two steps from the packaged backbone and with a teacher, exported as `mine`."""
    folder = tmp_path_factory.mktemp("runs") / "one"
    given = ["--start", "movenet-multipose", "--teacher", "movenet-thunder", "--training.steps", "2"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXPOSE_HOME", str(shared_home))
        assert main(["train", RECIPE, "--out", str(folder), *given]) == 0
        assert main(["export-weights", str(folder), "--as", "mine"]) == 0
    return folder


@pytest.fixture
def boxes(tmp_path):
    """Three people in the first frame of a video, one in the second."""
    path = tmp_path / "boxes.txt"
    path.write_text("1,1,10,10,30,60,1\n1,2,50,20,20,50,1\n1,3,90,30,30,40,0.5\n2,1,12,10,30,60,1\n")
    return path


def test_a_training_learns_from_crops_of_one_person_and_is_judged_in_true_boxes(trained):
    told = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in told if "loss" in line] == [1, 2]
    assert {*told[0]["terms"]} == {"labelled", "taught"}
    assert all(line["terms"]["labelled"] > 0 for line in told if "loss" in line)
    assert [line["step"] for line in told if "scores" in line] == [2]
    assert {*told[-1]["scores"]} == {"ap", "ap50", "ap75", "ar"}
    assert json.loads((trained / "run.json").read_text())["config"]["crops"]["padding"] == 1.25
    picture = cv2.imread(str(trained / "samples/0000002-picture_0.png"))
    assert picture.shape == (96, 96, 3)


def test_the_backbone_is_the_packaged_one_and_stays(trained):
    published = store.load(store.path_of("movenet-multipose"))[0]
    found = read(trained, 2).averaged()
    kept = [name for name in found if name.startswith("trunk/")]
    assert len(kept) > 10
    for name in kept:
        part = published
        for key in name.split("/"):
            part = part[key]
        np.testing.assert_array_equal(found[name], np.asarray(part, np.float32))


def test_an_exported_training_looks_into_the_boxes_of_a_file(trained, clip, boxes, tmp_path):
    out = tmp_path / "people.jsonl"
    assert main(["track", str(clip), "--model", "mine", "--boxes", str(boxes), "--out", str(out), "--stop", "2"]) == 0
    header, frames = jsonl.read(out)
    assert header.skeleton == "coco_19"
    assert [people.frame for people in frames] == [0, 1]


def test_an_exported_training_is_cut_as_it_was_trained(trained):
    people = models.person("mine")
    assert people.skeleton is COCO_19
    assert people.size == tiny_person_recipe.NETWORK.crop
    assert (people.config.grow, people.config.fill) == (1.25, 128)


def test_it_poses_and_refines_whom_another_model_finds(trained, tmp_path):
    image = tmp_path / "picture.png"
    cv2.imwrite(str(image), np.full((96, 96, 3), 90, np.uint8))
    for name, given in (("alone", ["--model", "mine"]), ("refined", ["--refine", "mine"])):
        out = tmp_path / f"{name}.jsonl"
        assert main(["pose", str(image), "--size", "96", "--out", str(out), *given]) == 0
        assert jsonl.read(out)[0].skeleton == "coco_19"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--crops.crop", "64", "64"], "`crops.crop` must be `network.crop`, (64, 32), got (64, 64)"),
        (["--architecture", "openpose-lite"], "`network` of openpose-lite must be a LiteConfig, got HrnetLiteConfig"),
        (["--teacher", "openpose-lite"], "`teacher`: openpose-lite does not look at one person at a time"),
        (["--teacher", "nobody"], "no model named 'nobody'"),
        (["--crops.padding", "0"], "`padding` must be above 0, got 0"),
    ],
    ids=lambda value: value[1] if isinstance(value, list) else "",
)
def test_a_mistake_is_told(arguments, told, tmp_path, capsys):
    assert main(["train", RECIPE, "--out", str(tmp_path / "run"), *arguments]) == 2
    captured = capsys.readouterr()
    assert told in captured.out + captured.err
    assert "Traceback" not in captured.err

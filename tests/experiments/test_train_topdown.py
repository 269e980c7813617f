"""The training of `hrnet-lite`: a tiny one on procedural people, and what it says of arguments that do not fit."""

import importlib.util
import json
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxpose.data.config import PersonCropConfig
from jaxpose.data.procedural.source import ProceduralSource
from jaxpose.data.shards import write_shards
from jaxpose.skeletons import COCO_17
from jaxpose.systems.hrnet.config import HrnetLiteConfig
from jaxpose.systems.hrnet.lite import HrnetLite, backbone_params
from jaxpose.weights import store

SCRIPT = Path(__file__).parents[2] / "experiments" / "train_topdown.py"
SMALL = HrnetLiteConfig(widths=(4, 4), reads=(("block_2",), ("expansion_6",)), modules=1, crop=(64, 32))


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    for name, seed in (("coco", 2), ("people", 1)):  # whose first people are large enough to judge by
        write_shards(ProceduralSource(COCO_17, 4, seed=seed, size=(128, 128), people=(1, 1)), folder / name)
    return folder


@pytest.fixture
def script(monkeypatch):
    """The script's module, with a small network and small crops."""
    spec = importlib.util.spec_from_file_location("train_topdown", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "CONFIG", SMALL)
    monkeypatch.setattr(module, "CROPS", PersonCropConfig(crop=SMALL.crop))
    return module


def run(script, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["train_topdown.py", *map(str, arguments)])
    script.main()


def test_a_small_network_is_trained_judged_and_written(script, monkeypatch, shards, tmp_path):
    few = "--batch", 2, "--dispatch", 2, "--judged", 2, "--teacher-batch", 2, "--longest", 128, "--tell-every", 1e6
    run(script, monkeypatch, "--shards", shards, "--data", "coco", "people", "--out", tmp_path, "--steps", 4, *few)
    params, card = store.load(tmp_path / "weights.safetensors")
    assert HrnetLiteConfig(**card.config) == SMALL
    assert card.provenance == {
        "data": "coco, people",
        "backbone": "movenet-multipose",
        "teacher": "none",
        "steps": "4",
    }
    crop = jax.ShapeDtypeStruct((1, 64, 32, 3), np.uint8)
    store.check(params, jax.eval_shape(HrnetLite(SMALL).init, jax.random.key(0), crop)["params"], "what was trained")
    published, _ = store.load(store.path_of("movenet-multipose"))
    jax.tree.map(
        np.testing.assert_array_equal, {**params, "blocks": {}}, {**backbone_params(published, SMALL), "blocks": {}}
    )
    told = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    trained, judged = told[-2:]  # on a slow machine there is a judgement before
    assert trained["step"] == judged["step"] == 4
    assert trained["labelled"] > 0
    assert trained["taught"] == 0
    assert 0 <= judged["oks"] <= 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (["--shards", "/nowhere"], "coco: no shards of that name in /nowhere"),
        (["--data", "people"], "`--data` must have coco, of which some are left out to judge by"),
        (["--teacher", "nobody"], "nobody"),
        (["--init", "movenet-multipose"], "the weights of movenet-multipose do not fit their network"),
        (["--batch", "0"], "`--batch` must be a multiple of 1, the number of devices, got 0"),
        (["--teacher-batch", "0"], "`--teacher-batch` must be at least 1, got 0"),
    ],
)
def test_arguments_that_do_not_fit_are_told_in_a_line(script, monkeypatch, capsys, shards, tmp_path, change, told):
    arguments = {"--shards": str(shards), "--out": str(tmp_path / "out"), **dict([change])}
    with pytest.raises(SystemExit) as ended:
        run(script, monkeypatch, *(word for pair in arguments.items() for word in pair))
    error = capsys.readouterr().err
    assert ended.value.code == 2
    assert error.startswith("error: ")
    assert told in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "out").exists()

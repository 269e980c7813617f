"""`jaxpose track --staf.together`: several inputs side by side give what they give one by one, each into its files."""

import json

import clips
import cv2
import numpy as np
import pytest
from staf_scenes import KnowingNetwork, Scene, frames_of, line, scene

from jaxpose.cli import main
from jaxpose.fields.config import DecodeConfig
from jaxpose.formats import jsonl
from jaxpose.skeletons import COCO_18
from jaxpose.systems.staf.estimator import StafTracker


def walking(frames: int, shift: float) -> Scene:
    """Two walk, a third comes from frame 4 on, one of the two is hidden for a while."""
    ways = {
        1: (line(30 + shift, 110, 5), 90),
        2: (line(220 - shift, 112, -3, gone=range(6, 9)), 80),
        3: (line(125, 115, gone=range(4)), 70),
    }
    return scene(frames, ways)


LENGTHS = {"a": 12, "b": 5, "c": 3, "d": 9, "e": 1}


@pytest.fixture
def inputs(tmp_path, monkeypatch):
    """Folders of pictures that tell a network of their people; the third has another size."""
    for number, (name, length) in enumerate(LENGTHS.items()):
        folder = tmp_path / name
        folder.mkdir()
        for frame in frames_of(walking(length, number)):
            image = np.pad(frame.image, ((0, 16), (0, 0), (0, 0))) if name == "c" else frame.image
            assert cv2.imwrite(str(folder / f"{frame.number}.png"), image[..., ::-1])

    def load(name, *, chunk, **options):
        return StafTracker(KnowingNetwork(), {}, COCO_18, size=256, chunk=chunk, decode=DecodeConfig(candidates=8))

    monkeypatch.setattr("jaxpose.models.load", load)
    return [str(tmp_path / name) for name in LENGTHS]


def track(inputs, out, *arguments):
    return main(["track", *inputs, "--out", str(out), "--model", "staf", "--chunk", "2", *arguments])


def test_several_inputs_side_by_side_are_as_one_by_one(inputs, tmp_path, capsys):
    for out, more in (("alone", []), ("together", ["--staf.together", "2"])):
        assert track(inputs, tmp_path / out, *more) == 0
        told = capsys.readouterr().out.splitlines()
        assert sorted(line.rpartition("/")[2] for line in told) == [f"{name}.jsonl" for name in LENGTHS]
        for line_ in told:
            name = line_.rpartition("/")[2].removesuffix(".jsonl")
            assert line_.startswith(f"{LENGTHS[name]} frames in ")
    for name, length in LENGTHS.items():
        alone = (tmp_path / "alone" / f"{name}.jsonl").read_text()
        _, frames = jsonl.read(tmp_path / "alone" / f"{name}.jsonl")
        assert [people.frame for people in frames] == list(range(length))
        assert same(alone, (tmp_path / "together" / f"{name}.jsonl").read_text())
    last = json.loads((tmp_path / "together" / "a.jsonl").read_text().splitlines()[-1])
    assert sorted(person["id"] for person in last["people"]) == [1, 2, 3]


def same(one: str, other: str) -> bool:
    """Whether two results tell of the same people in the same places, to a hundredth of a pixel."""
    for a, b in zip(one.splitlines(), other.splitlines(), strict=True):
        left, right = json.loads(a), json.loads(b)
        people = left.pop("people", []), right.pop("people", [])
        if left != right or [p["id"] for p in people[0]] != [p["id"] for p in people[1]]:
            return False
        for p, q in zip(*people, strict=True):
            np.testing.assert_allclose(p["keypoints"], q["keypoints"], atol=0.011)
    return True


def test_ctrl_c_leaves_what_was_written(inputs, tmp_path, monkeypatch, capsys):
    from jaxpose.cli.interrupt import Interrupt

    checks = iter(range(100))

    def check(self):
        if next(checks) == 8:
            raise KeyboardInterrupt

    monkeypatch.setattr(Interrupt, "check", check)
    assert track(inputs[:2], tmp_path / "out", "--staf.together", "2") == 130
    told = capsys.readouterr().err
    assert told.startswith("jaxpose: stopped; ")
    for name in ("a", "b"):
        _, frames = jsonl.read(tmp_path / "out" / f"{name}.jsonl")
        count = len(list(frames))
        assert f"{name}.jsonl holds {count} frames" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--staf.together", "0"], "--staf.together must be at least 1, got 0"),
        (["--staf.together", "2", "--region", "0,0,32,32"], "leave out --region, --max-people"),
        (["--staf.together", "2", "--max-people", "1"], "leave out --region, --max-people"),
        (["--staf.together", "2"], "--staf.together is for STAF's networks, such as staf-lite; leave it out"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_what_does_not_go_side_by_side_is_told(arguments, told, model, tmp_path, capsys):
    clip = clips.make_clip(tmp_path / "clip.mp4", 4, width=96, height=64)
    assert main(["track", str(clip), "--out", str(tmp_path / "people.jsonl"), *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("jaxpose: ")
    assert told in error
    assert error.count("\n") == 1
    assert not (tmp_path / "people.jsonl").exists()

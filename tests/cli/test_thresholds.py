"""`jaxpose fit-thresholds`: it learns, writes, says what that is worth, and `evaluate` gains by it."""

import json
import re

import pytest
import tracked_files
from tracked_files import write

from jaxpose import cli
from jaxpose.evaluation.inputs import read_tracked
from jaxpose.evaluation.protocol import PROTOCOLS
from jaxpose.evaluation.thresholds import fit_thresholds, read_thresholds


@pytest.fixture
def files(tmp_path):
    found = write(tmp_path / "pred" / "a.json", tracked_files.found())
    return found, write(tmp_path / "gt" / "a.json", tracked_files.truth())


def fit(found, truth, out, *options):
    return cli.main(["fit-thresholds", str(found), "--against", str(truth), "--out", str(out), *options])


def mota(found, truth, capsys, *options):
    arguments = ["evaluate", str(found), "--against", str(truth), "--output", "json", *map(str, options)]
    assert cli.main(arguments) == 0
    return json.loads(capsys.readouterr().out)["mota"]


@pytest.mark.parametrize("protocol", ["poseval", "strict"])
def test_what_is_learnt_is_what_evaluate_gains(files, tmp_path, capsys, protocol):
    out, options = tmp_path / "t.json", ("--protocol", protocol)
    before = mota(*files, capsys, *options)
    assert fit(*files, out, *options) == 0
    told = capsys.readouterr()
    assert told.err == ""
    after = mota(*files, capsys, *options, "--thresholds", out)
    assert after["total"] > before["total"] + 10
    assert all(after[joint] >= before[joint] for joint in before)
    stored = json.loads(out.read_text())
    assert stored["mota_before"] == pytest.approx(before["total"])
    assert stored["mota_after"] == pytest.approx(after["total"])
    limits = stored["thresholds"].values()
    gain = f"MOTA {before['total']:.1f} to {after['total']:.1f} on this data"
    assert told.out == f"{gain}, at thresholds from {min(limits):.2f} to {max(limits):.2f}: {out}\n"
    assert max(limits) > tracked_files.WEAK


def test_folders_and_the_protocol_reach_the_search(files, tmp_path):
    found, truth = (path.parent for path in files)
    write(found / "b.json", tracked_files.found())
    write(truth / "b.json", tracked_files.truth())
    for name, protocol in PROTOCOLS.items():
        out = tmp_path / f"{name}.json"
        assert fit(found, truth, out, "--protocol", name) == 0
        learnt = fit_thresholds(read_tracked(found, truth), protocol)
        assert list(read_thresholds(out).values()) == learnt.thresholds.tolist()
        assert json.loads(out.read_text())["mota_before"] == learnt.mota_before[-1]


def one_line(capsys):
    told = capsys.readouterr()
    assert told.out == ""
    assert re.fullmatch(r"jaxpose: [^\n]+\n", told.err)
    return told.err.removeprefix("jaxpose: ").strip()


def test_an_existing_file_is_kept(files, tmp_path, capsys):
    out = write(tmp_path / "t.json", "precious")
    assert fit(*files, out) == 2
    assert one_line(capsys) == f"{out}: exists already; choose another name, or --overwrite"
    assert out.read_text() == "precious"
    assert fit(*files, out, "--overwrite") == 0
    assert len(read_thresholds(out)) == 15


def test_bad_input(files, tmp_path, capsys):
    found, truth = files
    out = tmp_path / "t.json"
    assert fit(found, truth, tmp_path / "t.txt") == 2
    assert "t.txt" in one_line(capsys)
    assert fit(found, tmp_path / "none.json", out) == 2
    assert one_line(capsys) == f"{tmp_path / 'none.json'}: cannot be read (No such file or directory)"
    boxes = write(tmp_path / "boxes.txt", "1,1,10,10,20,20,1,-1,-1,-1\n")
    assert fit(found, boxes, out) == 2
    assert one_line(capsys).startswith(f"{boxes}: MOTChallenge text holds boxes; give one of ")
    for key, told in (("scores", "there are no joint scores to choose thresholds by"), ("track_id", f"{found}, frame")):
        tree = tracked_files.found()
        for person in tree["annotations"]:
            del person[key]
        assert fit(write(tmp_path / "pred" / "a.json", tree), truth, out) == 2
        assert one_line(capsys).startswith(told)
    tree = tracked_files.found()
    del tree["annotations"][1]["scores"]
    assert fit(write(found, tree), truth, out) == 2
    assert one_line(capsys).startswith(f"{found}, frame 000000.jpg, person 1: right_ankle has no score")
    assert not out.exists()

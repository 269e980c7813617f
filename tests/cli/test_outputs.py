import os

import pytest

from jaxpose.cli.outputs import check_distinct, check_output
from jaxpose.errors import OutputError


def test_a_new_file_in_a_folder_is_fine(tmp_path):
    check_output(tmp_path / "a.JSONL", [".jsonl"], overwrite=False)


def test_overwriting_is_asked_for(tmp_path):
    path = tmp_path / "a.jsonl"
    path.touch()
    with pytest.raises(OutputError, match="exists already; choose another name, or --overwrite"):
        check_output(path, [".jsonl"], overwrite=False)
    check_output(path, [".jsonl"], overwrite=True)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a.csv", r"the name must end in \.jsonl or \.json"),
        ("jsonl", r"the name must end in"),
        ("folder.jsonl", "a folder"),
        ("absent/a.jsonl", "absent does not exist"),
        ("file/a.jsonl", "file is not a folder"),
    ],
)
def test_refused(tmp_path, name, told):
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=told):
        check_output(tmp_path / name, [".jsonl", ".json"], overwrite=True)


def test_no_permission(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(OutputError, match="no permission"):
        check_output(tmp_path / "a.jsonl", [".jsonl"], overwrite=False)


def test_one_file_under_two_names(tmp_path):
    (tmp_path / "a.mp4").touch()
    (tmp_path / "link.mp4").symlink_to("a.mp4")
    check_distinct([tmp_path / "a.mp4", tmp_path / "b.mp4"])
    for other in (tmp_path / "link.mp4", tmp_path / ".." / tmp_path.name / "a.mp4"):
        with pytest.raises(OutputError, match="must be different files"):
            check_distinct([tmp_path / "a.mp4", other])

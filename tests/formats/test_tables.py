"""People as dictionaries and as a pandas table."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from result_files import told, write_told

import jaxpose
from jaxpose.skeletons import COCO_17


def test_dictionaries_are_plain_and_name_the_joints() -> None:
    (people,) = told(COCO_17, (2,))
    found = jaxpose.to_dicts(people, COCO_17)
    assert json.loads(json.dumps(found)) == found
    for row, person in enumerate(found):
        assert (person["frame"], person["id"]) == (0, 7 + row)
        there = people.keypoints[row, :, 2] > 0
        assert list(person["keypoints"]) == [joint for joint, yes in zip(COCO_17.joints, there, strict=True) if yes]
        np.testing.assert_array_equal(list(person["keypoints"].values()), people.keypoints[row, there])
    assert jaxpose.to_dicts(people.select(np.zeros(2, bool)), COCO_17) == []


def test_the_table_is_the_csv_s(tmp_path: Path) -> None:
    counts = (2, 0, 1)
    table = jaxpose.to_frame(told(COCO_17, counts), COCO_17)
    wanted = pd.read_csv(write_told(tmp_path, "csv", COCO_17, counts))
    assert list(table.columns) == list(wanted.columns)
    assert table[["frame", "id"]].to_numpy().tolist() == wanted[["frame", "id"]].to_numpy().tolist()
    np.testing.assert_allclose(table.to_numpy(float), wanted.to_numpy(float), atol=0.0051)
    assert len(jaxpose.to_frame([], COCO_17)) == 0


def test_without_pandas_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"^`to_frame` needs pandas: pip install pandas$"):
        jaxpose.to_frame([], COCO_17)

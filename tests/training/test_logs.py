import json
import sys

import pytest

from jaxpose.errors import OutputError
from jaxpose.training.logs import Logs


def test_a_resumed_log_goes_on_from_its_step(tmp_path):
    path = tmp_path / "metrics.jsonl"
    with Logs(tmp_path, 0, 9, tensorboard=False) as logs:
        for step in (2, 4, 6):
            logs.write(step, {"loss": step / 2})
    path.write_text(path.read_text() + '{"step": 7, "lo')  # killed
    with Logs(tmp_path, 4, 9, tensorboard=False) as logs:
        logs.write(6, {"loss": 1.5, "terms": {"maps": 2}})
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"step": 2, "loss": 1.0}, {"step": 4, "loss": 2.0}, {"step": 6, "loss": 1.5, "terms": {"maps": 2}}
    ]  # fmt: skip


def test_tensorboard_needs_its_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(OutputError, match=r"`tensorboard` needs tensorboardX: pip install 'jaxpose\[log\]'"):
        Logs(tmp_path, 0, 9, tensorboard=True)


def test_a_log_that_cannot_be_written(tmp_path):
    (tmp_path / "metrics.jsonl").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        Logs(tmp_path, 0, 9, tensorboard=False)

import json
import sys

import pytest
from limits import run_limited

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


FULL = """
import pathlib, sys
from jaxpose.errors import OutputError
from jaxpose.training.logs import Logs
try:
    with Logs(pathlib.Path(sys.argv[1]), 0, 999, tensorboard=False) as logs:
        for step in range(1, 999):
            logs.write(step, {"loss": 1.0})
except OutputError as error:
    sys.exit(str(error))
"""


def test_a_full_disk_is_one_line_and_the_log_goes_on_from_what_is_whole(tmp_path):
    result = run_limited(FULL, tmp_path, largest_file=1000)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == f"{tmp_path}/metrics.jsonl: cannot be written (File too large)"
    assert "Traceback" not in result.stderr
    whole = (tmp_path / "metrics.jsonl").read_text().count("\n")
    assert whole > 20
    with Logs(tmp_path, whole, 999, tensorboard=False) as logs:
        logs.write(whole + 1, {"loss": 2.0})
    steps = [json.loads(line)["step"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert steps == [*range(1, whole + 2)]

"""What is kept quiet, and what is not."""

import gc
import logging
import sys

import pytest
from absl import logging as absl_logging

from jaxpose.training.quiet import CLOSED, quiet_orbax


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """What an error has left quiet before is heard in these tests, and what they leave is gone after them."""
    monkeypatch.setattr(logging.getLogger("absl"), "filters", [])
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)


def test_others_are_heard_and_orbax_is_again_afterwards(caplog):
    said = compile("absl_logging.error('%s of orbax', when)", "/lib/orbax/checkpoint/manager.py", "exec")
    before = [*logging.getLogger("absl").filters], sys.unraisablehook
    with quiet_orbax():
        exec(said, {"absl_logging": absl_logging, "when": "inside"})
        absl_logging.error("of others")
        with quiet_orbax():
            pass
        exec(said, {"absl_logging": absl_logging, "when": "still inside"})
    exec(said, {"absl_logging": absl_logging, "when": "after"})
    assert [record.getMessage() for record in caplog.records] == ["of others", "after of orbax"]
    assert (logging.getLogger("absl").filters, sys.unraisablehook) == before


@pytest.mark.parametrize("text", [CLOSED, "something else"])
def test_only_the_closed_loop_is_not_shown(text, monkeypatch):
    class Dying:
        def __del__(self):
            raise RuntimeError(text)

    shown = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: shown.append(str(unraisable.exc_value)))
    with quiet_orbax():
        Dying()
        gc.collect()
    assert shown == ([] if text == CLOSED else [text])


def test_it_stays_quiet_after_an_error(monkeypatch):
    shown = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: shown.append(str(unraisable.exc_value)))
    with pytest.raises(OSError, match="full"), quiet_orbax():
        raise OSError("full")
    for text in (CLOSED, "something else"):

        class Late:
            def __del__(self, text=text):
                raise RuntimeError(text)

        Late()
        gc.collect()
    assert shown == ["something else"]

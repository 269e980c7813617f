"""What `experiments/frame_rates.py` found of a network with a tracker of its own, as a part of its card."""

import hashlib
import json
from pathlib import Path
from typing import Any

from jaxpose.weights import store
from quality.people import Subject

RESULTS = Path(__file__).parents[1] / "results" / "frame_rates.json"


def measure(one: Subject, single: str) -> dict[str, Any]:
    """By rate: all systems by their names, and of these `own` and `baseline`, the network of single pictures'."""
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"models": {}}
    if found["models"].get(one.name) != hashlib.sha256(store.path_of(one.name).read_bytes()).hexdigest():
        raise SystemExit(f"{RESULTS} is not of these weights: run `experiments/frame_rates.py --staf {one.name}` first")
    return {
        every: {"own": rows[one.name], "baseline": rows[f"{single}, baseline tracker"], "systems": rows}
        for every, rows in found["rates"].items()
    }

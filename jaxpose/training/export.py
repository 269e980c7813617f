"""The end of a training: the moving average of its parameters as a weight file under a name."""

import datetime
from pathlib import Path

import numpy as np

from jaxpose.errors import WeightsError
from jaxpose.nets.normalization import STATS
from jaxpose.training.checkpoints import read
from jaxpose.weights import store
from jaxpose.weights.store import Card

LARGEST = float(np.finfo(np.float16).max)


def export(folder: Path, name: str, *, step: int | None = None, overwrite: bool = False) -> Path:
    """Store a training's result under a name, as float16 (batch statistics float32); returns the weight file.

    The checkpoint is that of `step`, else the best evaluated one, else the newest. `WeightsError` if there is none or
    a parameter does not fit into float16; `OutputError` if the name is taken.
    """
    store.path_of(name)  # a bad name is told before the work
    saved = read(folder, step)
    flat: dict[str, np.ndarray] = {}
    for key, value in saved.averaged().items():
        if not (np.abs(value) <= LARGEST).all():
            raise WeightsError(f"{folder}: {key} has values that are not finite or beyond float16's {LARGEST:.0f}")
        flat[key] = value.astype(np.float32 if key.startswith(f"{STATS}/") else np.float16)
    card = Card(**saved.run["card"])
    scores = {f"evaluated {key}": f"{value:.4g}" for key, value in saved.run["scores"].items()}
    provenance = {
        **card.provenance, "steps": str(saved.step), **scores, "exported": datetime.date.today().isoformat()
    }  # fmt: skip
    return store.save(
        name, store.unflatten(flat), Card(card.architecture, card.config, provenance), overwrite=overwrite
    )

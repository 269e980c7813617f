"""What a training writes for people: `metrics.jsonl`, TensorBoard's files, pictures of samples, and a progress bar.

All lie in the training's folder. After a resume the log goes on from the checkpoint: lines of steps that are made again
are dropped.
"""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from jaxtyping import UInt8
from tqdm import tqdm

from jaxpose.errors import OutputError, writing
from jaxpose.video.still import write_png

Pictures = Mapping[str, UInt8[np.ndarray, "h w 3"]]
"""RGB pictures by name."""


class Logs:
    """Open for one training from `step` on, to be closed."""

    def __init__(self, folder: Path, step: int, steps: int, *, tensorboard: bool) -> None:
        self._folder = folder
        self._path = folder / "metrics.jsonl"
        self._board = _board(folder, step) if tensorboard else None
        try:
            kept = _lines_until(self._path, step)
            self._path.with_suffix(".part").write_text("".join(kept))
            self._path.with_suffix(".part").replace(self._path)
            self._file = self._path.open("a")
        except OSError as error:
            raise self._failed(self._path, error) from None
        self._bar = tqdm(total=steps, initial=step, unit="step", dynamic_ncols=True)

    def advance(self) -> None:
        """One more step is under way."""
        self._bar.update()

    def write(self, step: int, numbers: Mapping[str, Any]) -> None:
        """One line: `step`, and numbers, or groups of them by name."""
        try:
            self._file.write(json.dumps({"step": step, **numbers}) + "\n")
            self._file.flush()
        except OSError as error:
            raise self._failed(self._path, error) from None
        if "loss" in numbers:
            self._bar.set_postfix_str(f"loss {numbers['loss']:.4g}", refresh=False)
        for name, value in _flat(numbers).items():
            if self._board is not None:
                self._board.add_scalar(name, value, step)

    def draw(self, step: int, pictures: Pictures) -> None:
        """Samples, as `samples/STEP-NAME.png`."""
        for name, picture in pictures.items():
            path = self._folder / "samples" / f"{step:07d}-{name}.png"
            with writing(path):
                path.parent.mkdir(exist_ok=True)
            write_png(path, picture)
            if self._board is not None:
                self._board.add_image(name, picture, step, dataformats="HWC")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()
        with contextlib.suppress(OSError):  # of a line that could not be written, which `write` has told
            self._file.close()
        if self._board is not None:
            self._board.close()

    @staticmethod
    def _failed(path: Path, error: OSError) -> OutputError:
        return OutputError(f"{path}: cannot be written ({error.strerror})")


def _lines_until(path: Path, step: int) -> list[str]:
    """The lines of a log up to a step; a last line that a killed run has left half written is not one."""
    if not path.exists():
        return []
    lines = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return [line for line in lines if json.loads(line)["step"] <= step]


def _flat(numbers: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    flat: dict[str, float] = {}
    for name, value in numbers.items():
        flat |= _flat(value, f"{prefix}{name}/") if isinstance(value, Mapping) else {prefix + name: value}
    return flat


def _board(folder: Path, step: int) -> Any:
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        raise OutputError("`tensorboard` needs tensorboardX: pip install 'jaxpose[log]'") from None
    return SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)

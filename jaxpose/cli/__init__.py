"""The command `jaxpose`: which subcommands there are, and how whatever goes wrong becomes one line and an exit code.

Nothing here, nor at the top of a command's file, imports jax, numpy or OpenCV: `--help` answers at once.
"""

import functools
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any, TextIO

import tyro

from jaxpose.cli.convert import Convert
from jaxpose.cli.data import Data
from jaxpose.cli.demo import Demo
from jaxpose.cli.evaluate import Evaluate
from jaxpose.cli.export import ExportWeights
from jaxpose.cli.fetch import Fetch
from jaxpose.cli.importing import Import
from jaxpose.cli.models import Models
from jaxpose.cli.pose import Pose
from jaxpose.cli.thresholds import FitThresholds
from jaxpose.cli.track import Track
from jaxpose.cli.train import Train, parse
from jaxpose.errors import JaxposeError, JaxposeWarning, LostFramesWarning

COMMANDS: dict[str, Callable[..., Any]] = {
    "demo": Demo, "track": Track, "pose": Pose, "convert": Convert,
    "evaluate": Evaluate, "fit-thresholds": FitThresholds,
    "train": Train, "export-weights": ExportWeights, "data": Data,
    "import": Import, "fetch": Fetch, "models": Models,
}  # fmt: skip

DESCRIPTION = "Multi-person pose estimation and tracking in video, in JAX. `jaxpose --version` tells the version."


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line (without the program's name); returns the exit code.

    0: done; 2: a wrong option or bad input, told in one line (where only frames of a video are damaged, all others are
    done); 130: stopped by Ctrl-C; 141: nobody reads the output any more.
    """
    lost: list[Warning] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always", JaxposeWarning)
        warnings.showwarning = functools.partial(_show_warning, lost)
        try:
            _run(list(sys.argv[1:] if argv is None else argv))
            sys.stdout.flush()
        except SystemExit as stop:  # tyro has printed the help, or what is wrong
            return int(stop.code or 0)
        except JaxposeError as error:
            return _tell(str(error), 2)
        except KeyboardInterrupt as stop:
            return _tell(str(stop) or "stopped", 130)
        except BrokenPipeError:  # whoever read the output has gone, as `head` does; nothing is left to be told
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 141
    return 2 if lost else 0


def _run(arguments: list[str]) -> None:
    if arguments == ["--version"]:
        import jaxpose

        print(jaxpose.__version__)
    elif arguments[:1] == ["train"] and len(arguments) > 1 and not arguments[1].startswith("-"):
        parse(arguments[1:]).run()  # its options depend on the recipe
    else:
        tyro.extras.subcommand_cli_from_dict(COMMANDS, prog="jaxpose", description=DESCRIPTION, args=arguments).run()


def _tell(message: str, code: int) -> int:
    print("jaxpose:", " ".join(message.split()), file=sys.stderr)
    return code


_show_other = warnings.showwarning


def _show_warning(
    lost: list[Warning],
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Our own warnings as one line above a progress bar that may be open; others as ever. Collects the lost frames'."""
    if not issubclass(category, JaxposeWarning):
        _show_other(message, category, filename, lineno, file, line)
        return
    if isinstance(message, LostFramesWarning):
        lost.append(message)
    from tqdm import tqdm

    tqdm.write(f"jaxpose: warning: {' '.join(str(message).split())}", file=sys.stderr)

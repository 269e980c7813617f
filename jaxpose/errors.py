"""What can go wrong, by name: each error is one clear line, and the command line ends with it and exit code 2.

Every module raises these for bad input; a plain `ValueError` or `TypeError` stays for a wrong call in code.
"""

import contextlib
import os
from collections.abc import Iterator


class JaxposeError(Exception):
    """Base of all errors that a person can cause from outside; the message is one line."""


class OptionError(JaxposeError):
    """An option of the command line has a value that is not allowed."""


class VideoError(JaxposeError):
    """An input video or picture is missing, is none, is empty or cannot be read."""


class OutputError(JaxposeError):
    """An output exists already, or cannot be written."""


class FormatError(JaxposeError):
    """An annotation or result file is malformed."""


class EvaluationError(JaxposeError):
    """Predictions and truth do not fit together, or lack what a measure needs."""


class DataError(JaxposeError):
    """A data set is not there, does not fit what was asked for, or cannot be built or opened."""


class WeightsError(JaxposeError):
    """A weight file is missing, is damaged, or belongs to another network."""


class FetchError(JaxposeError):
    """Published weights are not known by that name, or could not be downloaded, or are not the ones expected."""


class UnknownModelError(JaxposeError):
    """No model of that name is packaged or imported."""


class NonFiniteError(JaxposeError):
    """A network's map, or a number of a training step, is NaN or infinite."""


class SceneTooLargeError(JaxposeError):
    """A picture has too many people for the way of parsing that was asked for."""


class JaxposeWarning(UserWarning):
    """Something a person should know although the work goes on; the command line prints it as one line."""


class LostFramesWarning(JaxposeWarning):
    """Frames of a video could not be decoded; all others were. The command line finishes its work, with exit code 2."""


@contextlib.contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[None]:
    """What the system refuses while a file or folder is written becomes an `OutputError` that names it."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error

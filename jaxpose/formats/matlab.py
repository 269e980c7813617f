"""MATLAB's files, in which older data sets keep their annotations."""

import os
import warnings
from typing import Any

from jaxpose.errors import FormatError
from jaxpose.formats.values import reading


def read_matlab(path: str | os.PathLike[str], name: str) -> Any:
    """One variable of a MATLAB file, structs as objects; None if the file has none of that name.

    Raises `FormatError` for a file that is not MATLAB's, or of its version 7.3, which SciPy does not read.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    with reading(path):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of odd types in what nobody asks for
                content = loadmat(path, struct_as_record=False, squeeze_me=True, variable_names=[name])
        except (MatReadError, ValueError, TypeError, NotImplementedError) as error:
            raise FormatError(f"{path}: not a MATLAB file that can be read ({error})") from error
    return content.get(name)

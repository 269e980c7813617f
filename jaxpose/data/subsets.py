"""Parts of a data set as sources of their own: some of its joints, or some of its examples.

Between the sources that are opened (`sources.py`) and the batches that are drawn from them (`pipeline.py`).
"""

import re
from collections.abc import Sequence

from jaxpose.data.examples import Example, Source
from jaxpose.errors import OptionError


class Restricted:
    """A data set of whose joints some alone teach, as in OpenPose's batches of feet."""

    def __init__(self, source: Source, labels: frozenset[str]) -> None:
        self._source, self.skeleton, self.labels = source, source.skeleton, labels

    def __len__(self) -> int:
        """As many as the data set has."""
        return len(self._source)

    def __getitem__(self, index: int) -> Example:
        """The data set's."""
        return self._source[index]


class Chosen:
    """Some examples of a data set, in the order of their places."""

    def __init__(self, source: Source, places: Sequence[int]) -> None:
        self._source, self._places = source, places
        self.skeleton, self.labels = source.skeleton, source.labels

    def __len__(self) -> int:
        """How many were chosen."""
        return len(self._places)

    def __getitem__(self, index: int) -> Example:
        """One of the chosen."""
        return self._source[self._places[index]]


def left_out(source: Source, every: int) -> tuple[Chosen, Chosen]:
    """A data set without each `every`-th example, and these alone: what is trained on, and what judges it."""
    places = range(len(source))
    return Chosen(source, [place for place in places if place % every]), Chosen(source, places[::every])


def restricted(source: Source, joints: str, name: str) -> Restricted:
    """A data set of whose joints those teach that a regular expression finds; `OptionError` if there are none."""
    try:
        labels = frozenset(joint for joint in source.labels if re.search(joints, joint))
    except re.error as error:
        raise OptionError(f"`joints` {joints!r} is no regular expression ({error})") from error
    if not labels:
        raise OptionError(f"`joints` {joints!r} are none of those that {name} labels")
    return Restricted(source, labels)

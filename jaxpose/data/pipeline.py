"""Batches to train on, by number: batch n is a pure function of the seed and n, whoever makes it and when.

So training can go on at any step, several processes make their parts of one batch, and any number of workers
(`loading`) give the same. What is in a batch: `mixing` says which examples, `samples` what becomes of each, and
`people` what becomes of one of its people, for networks that look at one person at a time.
"""

import threading
import warnings
from collections.abc import Sequence

import numpy as np

from jaxpose.data.config import CropConfig, PersonCropConfig
from jaxpose.data.examples import Batch, Source
from jaxpose.data.joints import joint_map
from jaxpose.data.mixing import Order
from jaxpose.data.people import LEAST_JOINTS, NobodyError, make_person_sample
from jaxpose.data.samples import Feed, Sample, UnreadableError, make_sample
from jaxpose.errors import DataError, JaxposeWarning
from jaxpose.skeletons import Skeleton

ATTEMPTS = 10
"""Examples tried for one place of a batch before the data set is given up."""

PEOPLE_ATTEMPTS = 200
"""Examples tried for one place where none shows somebody to draw a crop around: many show hardly labelled people."""

TELLING = threading.Lock()
"""For the count of unreadable pictures, when threads make batches side by side."""


class Batches:
    """An endless row of batches from sources, each with its share of the batches.

    `config` tells of which kind: crops with everybody in them, or of one person each. A picture that has nobody to draw
    a crop around is replaced by another example of its source; 200 in a row raise `DataError`.

    `processes` is (index, count): this process's part of `batch`, the size of the global batch, which follows on the
    part of the process before. Clips (`config.clip.frames` above 1) have the axis of time after the first. A picture
    that cannot be read is replaced by another example of its source, counted in `unreadable`, and warned of once in
    each process; ten in a row raise `DataError`. Raises `ValueError` for sizes that do not divide, and for shares
    and sources that make no row.
    """

    def __init__(
        self,
        sources: Sequence[tuple[Source, float]],
        skeleton: Skeleton,
        config: CropConfig | PersonCropConfig,
        *,
        batch: int,
        seed: int = 0,
        processes: tuple[int, int] = (0, 1),
    ) -> None:
        index, count = processes
        if batch < 1 or batch % count:
            raise ValueError(f"`batch` must be a multiple of the {count} processes, got {batch}")
        if not 0 <= index < count:
            raise ValueError(f"`processes` must be an index below a count, got {processes}")
        self._feeds = [Feed(s, joint_map(s.skeleton, s.labels, skeleton), skeleton) for s, _ in sources]
        self._order = Order([len(s) for s, _ in sources], [share for _, share in sources], batch, seed)
        self._config, self._seed = config, seed
        self._places = range(index * batch // count, (index + 1) * batch // count)
        self.unreadable = 0

    def __getitem__(self, number: int) -> Batch:
        """This process's part of batch `number`, which is 0 or more."""
        if number < 0:
            raise IndexError(f"batches are counted from 0, got {number}")
        feed, indices = self._feeds[self._order.source(number)], self._order.indices(number)
        samples = [self._sample(feed, number, place, int(indices[place])) for place in self._places]
        batch = Batch(*(np.stack(arrays) for arrays in zip(*samples, strict=True)))
        clips = isinstance(self._config, CropConfig) and self._config.clip.frames > 1
        return batch if clips else Batch(*(array[:, 0] for array in batch))

    def _sample(self, feed: Feed, number: int, place: int, index: int) -> Sample:
        """The sample at a place of a batch, of that example or of one that takes its place."""
        unreadable, empty = 0, 0
        while unreadable < ATTEMPTS and empty < PEOPLE_ATTEMPTS:
            rng = np.random.default_rng((self._seed, number, place, unreadable + empty))
            if unreadable + empty:
                index = int(rng.integers(len(feed.source)))
            try:
                if isinstance(self._config, PersonCropConfig):
                    return make_person_sample(rng, feed, index, self._config)
                return make_sample(rng, feed, index, self._config)
            except UnreadableError as error:
                unreadable, last = unreadable + 1, error
                self._tell(error)
            except NobodyError:
                empty += 1
        if empty == PEOPLE_ATTEMPTS:
            raise DataError(f"{empty} pictures in a row have nobody with {LEAST_JOINTS} joints of {feed.skeleton.name}")
        raise DataError(f"{ATTEMPTS} pictures in a row cannot be read, the last one {last}; build the data set again")

    def _tell(self, error: UnreadableError) -> None:
        with TELLING:
            self.unreadable += 1
            first = self.unreadable == 1
        if first:
            message = f"cannot read the picture of {error}; another takes its place, as for all others like it"
            warnings.warn(message, JaxposeWarning, stacklevel=4)

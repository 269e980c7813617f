"""Parts of a data set: some joints, some examples."""

import pickle

import numpy as np
import pytest

from jaxpose.data.procedural.source import ProceduralSource
from jaxpose.data.subsets import Chosen, Restricted, left_out
from jaxpose.skeletons import BODY_21A

PICTURES = 11


@pytest.fixture(scope="module")
def source() -> ProceduralSource:
    return ProceduralSource(BODY_21A, PICTURES, size=(48, 48), people=(1, 2))


@pytest.mark.parametrize("every", [2, 3, 5, PICTURES, PICTURES + 7])
def test_what_trains_and_what_judges_are_disjoint_and_together_all(source: ProceduralSource, every: int) -> None:
    training, judging = left_out(source, every)
    parts = [[part[i].image for i in range(len(part))] for part in (training, judging)]
    whole = [source[i].image for i in range(PICTURES)]
    assert len({*whole}) == PICTURES
    assert not {*parts[0]} & {*parts[1]}
    assert {*parts[0]} | {*parts[1]} == {*whole}
    assert len(training) + len(judging) == PICTURES
    assert parts[1] == whole[::every]  # spread over the whole, and in its order
    assert parts[0] == [image for image in whole if image in parts[0]]


def test_the_chosen_know_the_same_joints_and_travel(source: ProceduralSource) -> None:
    arms = Restricted(source, frozenset({"left_wrist"}))
    chosen = pickle.loads(pickle.dumps(Chosen(arms, [4, 1])))
    assert (chosen.skeleton, chosen.labels, len(chosen)) == (source.skeleton, {"left_wrist"}, 2)
    for place, original in enumerate((4, 1)):
        assert chosen[place].image == source[original].image
        np.testing.assert_array_equal(chosen[place].keypoints, source[original].keypoints)
    assert chosen[-1].image == source[1].image
    with pytest.raises(IndexError):
        chosen[2]


def test_the_restricted_have_the_same_examples_and_fewer_labels(source: ProceduralSource) -> None:
    legs = Restricted(source, frozenset({"left_knee", "right_knee"}))
    assert (len(legs), legs.skeleton, legs.labels) == (PICTURES, BODY_21A, {"left_knee", "right_knee"})
    assert legs[3].image == source[3].image

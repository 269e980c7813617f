"""What is the same for all parsers: who is kept, what a person scores, and that the methods rank as they should."""

import itertools
import typing

import numpy as np
import pytest
from toys import KEEP_ALL, candidates_of, slots_of, toy

from jaxpose.association.config import ParserConfig, ParserMethod
from jaxpose.association.connections import Connections, components, find_connections
from jaxpose.association.parsing import parse
from jaxpose.skeletons import BODY_25

METHODS = typing.get_args(ParserMethod)
LONG = 600  # seconds: the tests may run on a machine that is busy with something else
LIMBS = ((0, 1), (1, 2), (2, 3), (1, 4))
REDUNDANT = ((0, 2), (0, 4))


@pytest.mark.parametrize(
    ("joint_score", "affinity", "config", "kept"),
    [
        (0.5, 0.5, ParserConfig(min_joints=3, min_score=0.4), 1),
        (0.5, 0.5, ParserConfig(min_joints=4, min_score=0.4), 0),
        (0.2, 0.2, ParserConfig(min_joints=3, min_score=0.4), 0),  # (3 * 0.2 + 2 * 0.2) / 3 = 0.333
        (0.2, 0.2, ParserConfig(min_joints=3, min_score=0.33), 1),
    ],
)
def test_people_with_few_joints_or_a_low_score_are_dropped(joint_score, affinity, config, kept):
    limbs = ((0, 1), (1, 2))
    candidates = candidates_of([[joint_score]] * 3, {(0, 0, 0): affinity, (1, 0, 0): affinity}, limbs)
    assert len(parse(candidates, toy(limbs, 3), config)[0]) == kept


def test_joint_scores_are_clipped():
    limbs = ((0, 1), (1, 2))
    keypoints, scores = parse(
        candidates_of([[1.3]] * 3, {(0, 0, 0): 1.2, (1, 0, 0): 1.2}, limbs), toy(limbs, 3), ParserConfig()
    )
    assert keypoints[..., 2].tolist() == [[1, 1, 1]]
    assert scores.tolist() == [1]


FOOT = ("left_ankle", "left_big_toe", "left_small_toe", "left_heel")
LEG = ("mid_hip", "left_hip", "left_knee")


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        (FOOT, 0),  # one joint beside the toes and the heel
        ((*LEG, *FOOT), 0),  # four
        (("neck", *LEG, *FOOT), 1),  # five
        ((*LEG, "left_ankle"), 1),  # four, but no foot
        (LEG, 1),
        (LEG[1:], 0),
    ],
)
def test_a_foot_or_a_leg_with_a_foot_is_nobody(names, kept):
    joints = [BODY_25.index(name) for name in names]
    connections = {(i, 0, 0): 0.9 for i, limb in enumerate(BODY_25.limbs) if set(limb) <= set(joints)}
    scores = [[0.9] if joint in joints else [] for joint in range(25)]
    keypoints, _ = parse(candidates_of(scores, connections, BODY_25.limbs), BODY_25, ParserConfig())
    assert len(keypoints) == kept


def test_feet_do_not_count_but_score():
    # Five joints of 0.2 beside three of a foot of 0.5: 2.5 and connections of 0.1 over five.
    names = ("neck", *LEG, *FOOT)
    joints = [BODY_25.index(name) for name in names]
    connections = {(i, 0, 0): 0.1 for i, limb in enumerate(BODY_25.limbs) if set(limb) <= set(joints)}
    scores = [[0.5 if joint in BODY_25.feet else 0.2] if joint in joints else [] for joint in range(25)]
    candidates = candidates_of(scores, connections, BODY_25.limbs)
    total = 2.5 + 0.1 * len(connections)
    for limit, kept in ((total / 5 - 0.001, 1), (total / 5 + 0.001, 0)):
        assert len(parse(candidates, BODY_25, ParserConfig(min_score=limit))[0]) == kept


@pytest.mark.parametrize("method", METHODS)
def test_nobody(method):
    for scores in ([[]] * 5, [[0.9], [0.8], [], [0.7], []]):
        keypoints, found = parse(
            candidates_of(scores, {}, LIMBS), toy(LIMBS, 5), ParserConfig(method, max_seconds=LONG)
        )
        assert keypoints.shape == (0, 5, 3)
        assert found.shape == (0,)


@pytest.mark.parametrize("method", METHODS)
def test_one_person_scores_by_the_limbs_that_the_method_reads(method):
    limbs = (*LIMBS, *REDUNDANT)
    skeleton = toy(limbs, 5, redundant=(4, 5))
    candidates = candidates_of([[0.8]] * 5, {(limb, 0, 0): 0.5 for limb in range(6)}, limbs)
    keypoints, scores = parse(candidates, skeleton, ParserConfig(method, max_seconds=LONG))
    assert slots_of(keypoints) == [[0] * 5]
    expected = (4 + 2) / 9 if method.endswith("tree") else (4 + 3) / 11
    np.testing.assert_allclose(scores, [expected], rtol=1e-6)


def random_scene(seed, peaks=3, density=0.6):
    """Candidates with any affinities: peaks of all joints, most pairs connected."""
    rng = np.random.default_rng(seed)
    limbs = (*LIMBS, *REDUNDANT)
    scores = [rng.uniform(0.3, 1, rng.integers(1, peaks + 1)).tolist() for _ in range(5)]
    connections = {
        (limb, a, b): rng.uniform(0.05, 1)
        for limb, (first, second) in enumerate(limbs)
        for a, b in itertools.product(range(len(scores[first])), range(len(scores[second])))
        if rng.uniform() < density
    }
    return candidates_of(scores, connections, limbs), toy(limbs, 5, redundant=(4, 5))


def total(keypoints, candidates, skeleton, tree):
    """The affinities within people."""
    found = find_connections(candidates, skeleton.limbs)
    owner = {
        (joint, round(float(y) / 10)): person
        for person, joints in enumerate(keypoints)
        for joint, (_, y, score) in enumerate(joints)
        if score > 0
    }
    slots = candidates.score.shape[-1]
    return sum(
        affinity
        for limb, a, b, affinity in zip(*found, strict=True)
        if not (tree and limb in skeleton.redundant)
        and owner.get(divmod(int(a), slots), -1) == owner.get(divmod(int(b), slots), -2)
    )


@pytest.mark.parametrize("seed", range(25))
def test_each_method_reaches_what_it_promises(seed):
    candidates, skeleton = random_scene(seed)
    people = {
        method: parse(candidates, skeleton, ParserConfig(method, min_joints=1, min_score=0, max_seconds=LONG))[0]
        for method in METHODS
    }
    tree = {method: total(people[method], candidates, skeleton, tree=True) for method in METHODS}
    graph = {method: total(people[method], candidates, skeleton, tree=False) for method in METHODS}
    for method in METHODS:
        assert graph["integer-graph"] >= graph[method] - 1e-5
        assert tree["integer-tree"] >= tree[method] - 1e-5
        for person in people[method]:
            assert (person[:, 2] > 0).sum() >= 2
        # A peak belongs to one person.
        places = [tuple(place) for person in people[method] for place in person[person[:, 2] > 0, :2]]
        assert len(places) == len(set(places))
    # On a tree the matchings of single limbs fit together, so the relaxation loses nothing.
    assert tree["hungarian-tree"] == pytest.approx(tree["integer-tree"])


def test_the_greedy_way_is_not_always_the_best():
    """Two limbs share their best connection's ends: 0.9 alone is less than 0.8 and 0.7 together."""
    connections = {(0, 0, 0): 0.9, (0, 0, 1): 0.8, (0, 1, 0): 0.7}
    candidates = candidates_of([[0.5, 0.5], [0.5, 0.5]], connections, ((0, 1),))
    expected = {"greedy": [[0, 0]], "greedy-tree": [[0, 0]]}
    for method in METHODS:
        config = ParserConfig(method, min_joints=1, min_score=0, max_seconds=LONG)
        keypoints, _ = parse(candidates, toy(((0, 1),), 2), config)
        assert slots_of(keypoints) == expected.get(method, [[0, 1], [1, 0]])


def test_components():
    a, b = np.array([7, 1, 3, 9]), np.array([3, 2, 8, 9])
    assert sorted(map(sorted, components(a, b))) == [[1, 2], [3, 7, 8], [9]]
    assert components(a[:0], b[:0]) == []


def test_connections_are_those_above_the_least():
    candidates = candidates_of([[0.5, 0.4], [0.5]], {(0, 0, 0): 0.9, (0, 1, 0): 1e-6}, ((0, 1),))
    found = find_connections(candidates, ((0, 1),))
    assert isinstance(found, Connections)
    assert [field.tolist() for field in found[:3]] == [[0], [0], [6]]
    assert found.affinity == pytest.approx([0.9])


def test_options_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"`method` must be one of greedy, greedy-tree, .*, got 'best'"):
        ParserConfig("best")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="max_seconds"):
        ParserConfig(max_seconds=0)


def test_keep_all_keeps_pairs():
    keypoints, _ = parse(candidates_of([[0.1], [0.1]], {(0, 0, 0): 0.01}, ((0, 1),)), toy(((0, 1),), 2), KEEP_ALL)
    assert len(keypoints) == 1

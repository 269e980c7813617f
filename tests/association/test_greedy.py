import functools
import itertools

import jax
import numpy as np
import pytest
import scenes
from toys import KEEP_ALL, candidates_of, slots_of, toy

from jaxpose.association.config import ParserConfig
from jaxpose.association.parsing import parse
from jaxpose.fields.candidates import find_candidates
from jaxpose.fields.config import DecodeConfig
from jaxpose.records import Candidates
from jaxpose.skeletons import BODY_25, COCO_18


@functools.lru_cache(maxsize=2)
def jitted(skeleton):
    return jax.jit(
        functools.partial(
            find_candidates, limbs=skeleton.limbs, joints=len(skeleton.joints), stride=8, config=DecodeConfig()
        )
    )


def scene(skeleton, n, h=46, w=82, noise=0.0, seed=0):
    """People standing apart, and the candidates of their maps."""
    rng = np.random.default_rng(seed)
    people = scenes.standing_people(rng, n, skeleton, 8 * w, 8 * h)
    maps = scenes.render(people, skeleton, h, w)
    found = jitted(skeleton)(*((field[None] + rng.normal(0, noise, field.shape)).astype(np.float32) for field in maps))
    return people, Candidates(*(field[0] for field in jax.device_get(found)))


def in_order(keypoints: np.ndarray, people: np.ndarray) -> np.ndarray:
    """The people found, each where the true person nearest to it stands."""
    apart = np.abs(keypoints[:, None, :, :2] - people[None, :, :, :2]).max((2, 3))
    order = apart.argmin(axis=0)
    assert sorted(order) == list(range(len(people)))
    return keypoints[order]


@pytest.mark.parametrize("skeleton", [COCO_18, BODY_25], ids=lambda s: s.name)
@pytest.mark.parametrize(("n", "limit"), [(0, 0), (1, 0.001), (2, 0.001), (9, 0.001), (50, 0.2)])
def test_perfect_maps_give_everybody_whole(skeleton, n, limit):
    people, candidates = scene(skeleton, n)
    keypoints, scores = parse(candidates, skeleton, ParserConfig())
    assert keypoints.shape == (n, len(skeleton.joints), 3)
    assert scores.shape == (n,)
    assert keypoints.dtype == scores.dtype == np.float32
    if n:
        # Fifty small people's Gaussians reach into each other, which moves their peaks.
        assert np.abs(in_order(keypoints, people) - people)[..., :2].max() < limit
        assert keypoints[..., 2].min() > 0.98
        assert keypoints[..., 2].max() <= 1
        assert 0.9 < scores.min() <= scores.max() <= 1
        assert (np.diff(scores) <= 0).all()


def test_in_a_crowd_that_overlaps_a_peak_belongs_to_one_person():
    rng = np.random.default_rng(5)
    people = scenes.crowd(rng, 8, COCO_18, 656, 368)
    found = jitted(COCO_18)(*(field[None].astype(np.float32) for field in scenes.render(people, COCO_18, 46, 82)))
    one = Candidates(*(field[0] for field in jax.device_get(found)))
    keypoints, _ = parse(one, COCO_18, KEEP_ALL)
    places = [tuple(place) for person in keypoints for place in person[person[:, 2] > 0, :2]]
    assert len(places) == len(set(places))  # a peak belongs to one person
    assert len(places) >= 0.8 * (people[..., 2] > 0).sum()


def test_maximum_of_all_assignments_on_separated_scenes():
    """Against brute force: who owns which peaks such that the affinities within people sum to the most."""
    limbs = ((0, 1), (1, 2), (2, 3), (0, 2))  # the last one closes a loop
    for seed in range(60):
        rng = np.random.default_rng(seed)
        n = 2 + seed % 2
        truth = [rng.permutation(n) for _ in range(4)]  # person p owns peak truth[joint][p]
        owner = [np.argsort(slots) for slots in truth]
        connections = {}
        for limb, (first, second) in enumerate(limbs):
            for a, b in itertools.product(range(n), repeat=2):
                own = owner[first][a] == owner[second][b]
                connections[limb, a, b] = rng.uniform(0.6, 1) if own else rng.uniform(0, 0.4)
        best, best_total = None, -1.0
        for orders in itertools.product(itertools.permutations(range(n)), repeat=3):
            slots = (tuple(range(n)), *orders)
            total = sum(
                connections[limb, slots[first][p], slots[second][p]]
                for limb, (first, second) in enumerate(limbs)
                for p in range(n)
            )
            if total > best_total:
                best, best_total = sorted(map(list, zip(*slots, strict=True))), total
        scores = rng.uniform(0.5, 1, (4, n)).tolist()
        keypoints, _ = parse(candidates_of(scores, connections, limbs), toy(limbs, 4), KEEP_ALL)
        assert slots_of(keypoints) == best


@pytest.mark.parametrize(
    ("scores", "connections", "people", "totals"),
    [
        # a new person, a joint added, and a connection within the person
        ([[0.5], [0.6], [0.7]], {(0, 0, 0): 0.9, (1, 0, 0): 0.8, (2, 0, 0): 0.4}, [[0, 0, 0]], [1.8 + 2.1]),
        # the person has the joint already: the worse of two nearly equal connections is left out
        ([[0.5], [0.6, 0.6], []], {(0, 0, 0): 0.9, (0, 0, 1): 0.8}, [[0, 0, None]], [1.1 + 0.9]),
        # two persons without a common joint become one
        ([[0.5], [0.5], [0.5], [0.5]], {(0, 0, 0): 0.9, (3, 0, 0): 0.8, (1, 0, 0): 0.3}, [[0, 0, 0, 0]], [2 + 2]),
        # two persons with a common joint stay two
        (
            [[0.5, 0.5], [0.5, 0.5], [0.5]],
            {(0, 0, 0): 0.9, (0, 1, 1): 0.8, (1, 0, 0): 0.7, (1, 1, 0): 0.6},
            [[0, 0, 0], [1, 1, None]],
            [1.5 + 1.6, 1 + 0.8],
        ),
        # a tenth of the peaks' scores decides between connections
        ([[0.9], [0.2, 0.9], []], {(0, 0, 0): 0.82, (0, 0, 1): 0.8}, [[0, 1, None]], [1.8 + 0.8]),
        # what is not above 1e-6 joins nothing; a peak without a connection is nobody
        ([[0.9], [0.9], [0.9]], {(0, 0, 0): 1e-6}, [], []),
    ],
)
def test_the_cases_of_a_connection(scores, connections, people, totals):
    limbs = ((0, 1), (1, 2), (0, 2), (2, 3))
    scores = [*scores, *[[]] * (4 - len(scores))]
    keypoints, found = parse(candidates_of(scores, connections, limbs), toy(limbs, 4), KEEP_ALL)
    assert slots_of(keypoints) == [[*person, *[None] * (4 - len(person))] for person in people]
    np.testing.assert_allclose(found, np.array(totals) / 8, rtol=1e-5)


@pytest.mark.parametrize("people", [9, 50])
def test_the_order_of_the_candidates_does_not_matter(people):
    _, candidates = scene(COCO_18, people, noise=0.01)
    rng = np.random.default_rng(2)
    joints, slots = candidates.score.shape
    new = np.tile(np.arange(slots), (joints, 1))  # slot s of joint j moves to new[j, s]
    for joint, n in enumerate(candidates.found):
        new[joint, :n] = rng.permutation(n)
    xy, score = np.zeros_like(candidates.xy), np.zeros_like(candidates.score)
    partner, affinity = np.zeros_like(candidates.partner), np.zeros_like(candidates.affinity)
    for joint in range(joints):
        xy[joint, new[joint]], score[joint, new[joint]] = candidates.xy[joint], candidates.score[joint]
    for limb, (first, second) in enumerate(COCO_18.limbs):
        places = rng.permutation(partner.shape[-1])
        partner[limb, new[first]] = new[second][candidates.partner[limb]][:, places]
        affinity[limb, new[first]] = candidates.affinity[limb][:, places]
    mixed = candidates._replace(xy=xy, score=score, partner=partner, affinity=affinity)
    (one, one_scores), (other, other_scores) = (parse(found, COCO_18, ParserConfig()) for found in (candidates, mixed))
    np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(one_scores, other_scores, rtol=1e-6)


def test_a_mirrored_picture_has_the_mirrored_people():
    rng = np.random.default_rng(3)
    people = scenes.crowd(rng, 10, COCO_18, 656, 368)
    flip = list(COCO_18.flip)
    turned = people[:, flip] * (-1, 1, 1) + (655, 0, 0) * (people[:, flip, 2:] > 0)
    results = []
    for scene_people in (people, turned):
        maps = (field[None].astype(np.float32) for field in scenes.render(scene_people, COCO_18, 46, 82))
        found = Candidates(*(field[0] for field in jax.device_get(jitted(COCO_18)(*maps))))
        results.append(parse(found, COCO_18, ParserConfig()))
    (one, one_scores), (other, other_scores) = results
    assert len(one) >= 8
    back = other[:, flip] * np.float32((-1, 1, 1)) + np.float32((655, 0, 0)) * (other[:, flip, 2:] > 0)
    np.testing.assert_allclose(one_scores, other_scores, atol=1e-4)
    np.testing.assert_allclose(one, back, atol=2e-2)

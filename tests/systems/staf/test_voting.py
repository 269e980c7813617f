"""Links between people and votes, by hand."""

import numpy as np
from staf_scenes import true_candidates
from toys import toy

from jaxpose.systems.staf.candidates import StafCandidates
from jaxpose.systems.staf.tracker_config import TrackerConfig
from jaxpose.systems.staf.voting import Continuations, count_votes, elect, find_continuations

SLOTS = 4
SKELETON = toy(((0, 1), (1, 2)), 3)
LINKS = SKELETON.temporal_links("A")


def candidates_of(links: list[tuple[int, int, int, float]]) -> StafCandidates:
    """Connections of (link, slot before, slot now, affinity)."""
    nobody = true_candidates({}, {}, LINKS, SKELETON, slots=SLOTS, partners=2)
    for link, before, now, affinity in links:
        place = int((nobody.affinity[link, before] > 0).sum())
        nobody.partner[link, before, place], nobody.affinity[link, before, place] = now, affinity
    nobody.now.score[:] = 0.5
    return nobody


def test_a_pair_of_peak_and_person_has_its_best_connection_and_those_of_nobody_none() -> None:
    candidates = candidates_of([(0, 0, 1, 0.9), (1, 0, 2, 0.3), (1, 3, 2, 0.6), (1, 1, 2, 0.5), (2, 2, 0, 1.0)])
    owner = np.full(3 * SLOTS, -1)
    owner[[0, SLOTS, SLOTS + 3]], owner[SLOTS + 1] = 0, 1  # the peak (2, 2) is nobody's
    found = find_continuations(candidates, LINKS, owner, np.full(3 * SLOTS, 0.2))
    assert found.peak.tolist() == [1, SLOTS + 2, SLOTS + 2]
    assert found.person.tolist() == [0, 0, 1]
    np.testing.assert_allclose(found.affinity, [0.9, 0.6, 0.5], rtol=1e-6)
    np.testing.assert_allclose(found.queue, found.affinity + 0.1 * (0.2 + 0.5), rtol=1e-6)


def test_with_nobody_before_there_are_no_links() -> None:
    for owner in (np.zeros(0, int), np.full(3 * SLOTS, -1)):
        found = find_continuations(candidates_of([(0, 0, 1, 0.9)]), LINKS, owner, np.zeros(len(owner)))
        assert [len(column) for column in found] == [0] * 4


def test_a_joint_has_one_vote_for_its_best_link() -> None:
    peak, before = np.array([0, 0, 5, 9, 9, 10]), np.array([0, 1, 1, 0, 1, 1])
    affinity = np.array([0.4, 0.6, 0.5, 0.9, 0.2, 1.0])
    owner = np.full(12, -1)
    owner[[0, 5]], owner[9] = 0, 1  # peak 10 is nobody's
    counts, sums = count_votes(Continuations(peak, before, affinity, affinity), owner, 2, 2)
    assert counts.tolist() == [[0, 2], [1, 0]]
    np.testing.assert_allclose(sums, [[0, 1.1], [0.9, 0]])


def elected(
    counts: list[list[int]],
    sums: list[list[float]],
    alike: list[list[float]] | None = None,
    strong: list[bool] | None = None,
    **settings: float,
) -> list[int]:
    likeness = np.zeros(np.shape(counts)) if alike is None else np.array(alike)
    everybody = np.ones(len(counts), bool) if strong is None else np.array(strong)
    config = TrackerConfig(**{"motion": 0, "min_votes": 1, **settings})
    return elect(np.array(counts), np.array(sums), np.full(len(counts), 10), likeness, everybody, config).tolist()


def test_the_election() -> None:
    assert elected([[5, 2], [0, 3]], [[4, 1], [0, 2]]) == [0, 1]
    assert elected([[5, 2], [6, 0]], [[4, 1], [2, 0]]) == [1, 0]  # both want the first: the most votes in all
    assert elected([[5, 0], [6, 0]], [[4, 0], [2, 0]]) == [-1, 0]
    assert elected([[2, 2]], [[1.5, 1.6]]) == [1]  # of equal numbers, the higher sum
    assert elected([[3, 2]], [[0.1, 1.9]]) == [0]  # but the number first
    assert elected([[4, 0], [0, 5]], [[4, 0], [0, 5]], min_votes=5) == [-1, 1]
    assert elected([[0, 0]], [[0, 0]]) == [-1]
    assert elected([[4], [6]], [[4], [6]], strong=[True, False]) == [0, -1]  # whatever the weak say
    nobody = np.zeros((2, 0))
    assert elect(nobody.astype(int), nobody, np.ones(2, int), nobody, np.ones(2, bool), TrackerConfig()).tolist() == (
        [-1, -1]
    )


def test_motion_has_a_say_in_the_election() -> None:
    counts, sums = [[5, 4], [4, 5]], [[5, 4], [4, 5]]
    assert elected(counts, sums, [[0.2, 0.9], [0.9, 0.2]]) == [0, 1]
    assert elected(counts, sums, [[0.2, 0.9], [0.9, 0.2]], motion=1) == [1, 0]
    assert elected(counts, sums, [[0.50, 0.51], [0.51, 0.50]], motion=1) == [0, 1]
    assert elected([[0, 0]], [[0, 0]], [[0.5, 0.1]], motion=1, min_similarity=0.3) == [0]
    assert elected([[0, 0]], [[0, 0]], [[0.2, 0.1]], motion=1, min_similarity=0.3) == [-1]

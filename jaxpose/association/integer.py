"""The integer program: the people whose connections' affinities sum to the most there is (OpenPose, section 3.5).

The paper's matching in several dimensions, solved without a relaxation: for comparison (its table 2, figures 6b and
6c), and for small scenes. On the whole graph it is hard (NP-hard); on a tree it equals the per-limb Hungarian parser.
"""

import time
from collections import deque
from collections.abc import Iterator

import numpy as np
from scipy.optimize import LinearConstraint, milp
from scipy.sparse import csr_array

from jaxpose.association.connections import Connections, components
from jaxpose.errors import SceneTooLargeError


def group(connections: Connections, slots: int, max_seconds: float) -> list[list[int]]:
    """The peaks of each person, such that no person has a joint twice and the affinities within people sum to the most.

    A peak belongs to one person at most. `SceneTooLargeError` if it takes longer than `max_seconds`.
    """
    deadline = time.monotonic() + max_seconds
    people: list[list[int]] = []
    for island in components(connections.a, connections.b):
        if _is_person(island, slots):
            people.append(island)
            continue
        part = connections.select(np.isin(connections.a, island))
        chosen = _solve(part, slots, deadline)
        if chosen is None:
            advice = "the greedy parser takes any scene"
            size = f"{len(part.a)} connections between {len(island)} peaks"
            raise SceneTooLargeError(f"an integer program of {size} took more than {max_seconds:g} seconds: {advice}")
        people += components(part.a[chosen], part.b[chosen])
    return people


def _is_person(peaks: list[int], slots: int) -> bool:
    return len({peak // slots for peak in peaks}) == len(peaks)


def _solve(connections: Connections, slots: int, deadline: float) -> np.ndarray | None:
    """The mask of the connections to keep; None if the time ran out.

    A variable for each connection. At first it is only asked that of a limb's connections a peak keeps one. That a
    person has no joint twice would take a constraint for every path between two peaks of a joint; so those paths are
    forbidden that a solution holds, until one holds none. As only forbidden things were forbidden, it is the best.
    """
    rows: list[list[int]] = [row for row in _rivals(connections) if len(row) > 1]
    most = [1.0] * len(rows)
    while (left := deadline - time.monotonic()) > 0:
        indices = np.concatenate([np.zeros(0, int), *map(np.array, rows)])
        bounds = np.cumsum([0, *map(len, rows)])
        matrix = csr_array((np.ones(len(indices)), indices, bounds), shape=(len(rows), len(connections.a)))
        result = milp(
            -connections.affinity.astype(float),
            integrality=np.ones(len(connections.a)),
            bounds=(0, 1),
            constraints=LinearConstraint(matrix, ub=most) if rows else (),
            options={"time_limit": left, "mip_rel_gap": 0},
        )
        if not result.success:
            return None
        kept: np.ndarray = result.x > 0.5
        paths = list(_forbidden_paths(connections, np.flatnonzero(kept), slots))
        if not paths:
            return kept
        rows += paths
        most += [len(path) - 1.0 for path in paths]
    return None


def _rivals(connections: Connections) -> Iterator[list[int]]:
    """The connections that share a limb and a peak."""
    for limb in np.unique(connections.limb):
        for ends in (connections.a, connections.b):
            of_limb = np.flatnonzero(connections.limb == limb)
            for peak in np.unique(ends[of_limb]):
                yield of_limb[ends[of_limb] == peak].tolist()


def _forbidden_paths(connections: Connections, kept: np.ndarray, slots: int) -> Iterator[list[int]]:
    """For each peak that kept connections join to another one of its joint, the fewest that do, to the nearest."""
    around: dict[int, list[tuple[int, int]]] = {}
    for edge in kept.tolist():
        a, b = int(connections.a[edge]), int(connections.b[edge])
        around.setdefault(a, []).append((b, edge))
        around.setdefault(b, []).append((a, edge))
    for start in around:
        came_by: dict[int, tuple[int, int]] = {start: (start, -1)}
        queue = deque([start])
        while queue:
            peak = queue.popleft()
            if peak != start and peak // slots == start // slots:
                path = []
                while peak != start:
                    peak, edge = came_by[peak]
                    path.append(edge)
                yield path
                break
            for neighbour, edge in around[peak]:
                if neighbour not in came_by:
                    came_by[neighbour] = peak, edge
                    queue.append(neighbour)

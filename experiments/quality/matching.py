"""Who of the truth is who of those found: COCO's OKS, and the best pairs of one picture."""

import numpy as np
from scipy.optimize import linear_sum_assignment

SIGMAS_FROM = 2
"""COCO's OKS takes two sigmas."""


def truth_oks(truth: np.ndarray, found: np.ndarray, areas: np.ndarray, sigmas: tuple[float, ...]) -> np.ndarray:
    """OKS [n, m] of people of the truth [n, j, 3] with those found [m, j, 3], over the joints that the truth labels.

    A joint that was not found adds 0; `areas` [n] are the truth's, in squared pixels. Where the truth labels nothing,
    the result is 0.
    """
    labelled = truth[:, None, :, 2] > 0
    both = labelled & (found[None, :, :, 2] > 0)
    squared = np.square(truth[:, None, :, :2] - found[None, :, :, :2]).sum(-1)
    spread = 2 * np.square(SIGMAS_FROM * np.array(sigmas)) * np.maximum(areas, 1e-9)[:, None, None]
    likeness = (np.exp(-squared / spread) * both).sum(-1)
    return likeness / np.maximum(labelled.sum(-1), 1)


def best_pairs(similarity: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the one-to-one pairs of greatest total similarity, none of them below `least`."""
    rows, columns = linear_sum_assignment(np.where(similarity >= least, similarity, 0), maximize=True)
    good = similarity[rows, columns] >= least
    return rows[good], columns[good]

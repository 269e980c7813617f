"""Scene cuts: the two differences by hand, and on real videos joined to each other."""

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest

import jaxpose.video
from jaxpose.systems.staf.cuts import CutDetector, difference, look
from jaxpose.systems.staf.tracker_config import CutConfig

MOST = 240
"""Frames that are read of a video."""


def flat(*color: int) -> np.ndarray:
    return np.full((72, 128, 3), color, np.uint8)


def noise(seed: int, low: int = 0, high: int = 256) -> np.ndarray:
    """Blocks of 8 pixels."""
    blocks = np.random.default_rng(seed).integers(low, high, (9, 16, 3), np.uint8)
    return blocks.repeat(8, 0).repeat(8, 1)


def test_a_look_by_hand() -> None:
    image = flat(0, 0, 0)
    image[:, 64:] = (255, 100, 70)
    seen = look(image)
    assert seen.brightness.shape == (18, 32)
    half = (0.299 * 255 + 0.587 * 100 + 0.114 * 70) / 2
    np.testing.assert_allclose(seen.brightness[:, :15], -half, rtol=1e-5)
    np.testing.assert_allclose(seen.brightness[:, 17:], half, rtol=1e-5)
    assert seen.colors[0] == seen.colors[3 * 16 + 1 * 4 + 1] == 0.5
    assert seen.colors.sum() == 1


def test_the_difference_is_the_lesser_of_two() -> None:
    a, b = noise(1), noise(2)
    assert difference(look(a), look(a)) == pytest.approx(0, abs=1e-6)
    both = np.corrcoef(look(a).brightness.ravel(), look(b).brightness.ravel())[0, 1]
    colors = np.abs(look(a).colors - look(b).colors).sum() / 2
    assert difference(look(a), look(b)) == pytest.approx(min(1 - both, colors), abs=0.01)
    assert difference(look(a), look(a // 2)) < 0.02  # half the light: all colours are others, the pattern is the same
    assert difference(look(a), look(a[:, ::-1])) == 0  # mirrored: the colours are the same
    assert difference(look(flat(0, 0, 0)), look(flat(255, 255, 255))) == pytest.approx(0, abs=1e-6)  # no pattern
    assert difference(look(flat(0, 0, 0)), look(noise(3))) > 0.8


def test_a_cut_stands_out_from_what_is_usual() -> None:
    detector = CutDetector(CutConfig(least=0.15, ratio=3.0, memory=4))
    assert [detector.push(noise(1)) for _ in range(3)] == [False] * 3
    assert detector.push(noise(2, 100))
    assert not detector.push(noise(2, 100))
    detector.reset()
    assert [detector.push(noise(seed, 30 * seed)) for seed in range(7)] == [False] + [True] + [False] * 5
    assert not detector.push(noise(9, 100, 101))  # where all is new all the time, nothing is a cut


@pytest.fixture(scope="module")
def videos(shared_data: Path) -> dict[str, list[np.ndarray]]:
    """Videos of four cameras that stand and move, four of the colours and pictures of life."""
    return {
        name: [
            cv2.resize(frame.image, (256, 144), interpolation=cv2.INTER_AREA)
            for frame in itertools.islice(jaxpose.video.read(shared_data / "videos" / name), MOST)
        ]
        for name in ("athletes.mp4", "exercise.avi", "one_by_one.mp4", "squats.mp4", "street.mp4", "vtest.avi")
    }


@pytest.mark.parametrize("every", [1, 2, 3, 5])
def test_real_videos_without_cuts_have_none(videos: dict[str, list[np.ndarray]], every: int) -> None:
    for name, frames in videos.items():
        detector = CutDetector()
        assert [t for t, frame in enumerate(frames[::every]) if detector.push(frame)] == [], name


@pytest.mark.parametrize("every", [1, 5])
def test_where_two_videos_are_joined_is_a_cut_and_nowhere_else(videos: dict[str, list[np.ndarray]], every: int) -> None:
    rng = np.random.default_rng(0)
    for one, other in itertools.permutations(videos, 2):
        starts = [int(rng.integers(len(videos[name]) - 10 * every)) for name in (one, other)]
        joined = [
            frame
            for name, start in zip((one, other), starts, strict=True)
            for frame in videos[name][start : start + 10 * every : every]
        ]
        detector = CutDetector()
        assert [t for t, frame in enumerate(joined) if detector.push(frame)] == [10], (one, other)

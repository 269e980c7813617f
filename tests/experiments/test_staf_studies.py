"""The studies of STAF: what they keep is what the package finds, what they train is what the package trains."""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny_staf
from staf_scenes import KnowingNetwork, frames_of, line, scene

from jaxpose.data.examples import Batch
from jaxpose.fields.config import DecodeConfig
from jaxpose.formats.boxes import TrackFile
from jaxpose.records import Frame
from jaxpose.skeletons import COCO_18, MPI_15
from jaxpose.systems.staf.config import MODEL_I, MODEL_II, MODEL_III, StafConfig
from jaxpose.systems.staf.estimator import StafTracker
from jaxpose.systems.staf.task import StafTask
from jaxpose.systems.staf.tracker_config import TrackerConfig

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


@pytest.fixture(autouse=True)
def _found_as_scripts_find_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXPERIMENTS)


# -- videos ----------------------------------------------------------------------------------------------------------


def test_a_slower_camera_never_saw_the_frames_between() -> None:
    from rates.videos import slower

    frames = np.array([0, 0, 1, 2, 3, 3, 5, 6])
    rows = np.arange(8)
    everybody = TrackFile("memory", frames, np.repeat(rows[:, None], 4, 1).astype(float), 10 + rows, rows % 3 > 0, 7)
    third = slower(everybody, 3)
    assert third.frames.tolist() == [0, 0, 1, 1, 2]
    assert third.ids.tolist() == [10, 11, 14, 15, 17]
    assert third.boxes[:, 0].tolist() == [0, 1, 4, 5, 7]
    assert third.scored.tolist() == [False, True, True, True, True]
    assert third.last == 2
    assert slower(everybody, 1).ids.tolist() == everybody.ids.tolist()


def test_made_up_videos_and_their_truth_belong_together(monkeypatch: pytest.MonkeyPatch) -> None:
    from rates import videos

    monkeypatch.setattr(videos, "FRAMES", 4)
    monkeypatch.setattr(videos, "SIZE", (128, 96))
    every_other = list(videos.frames("still-1", 2))
    assert [(frame.number, frame.time) for frame in every_other] == [(0, 0.0), (1, 2 / 25)]
    whole = list(videos.frames("still-1"))
    np.testing.assert_array_equal(every_other[1].image, whole[2].image)
    videos._made_up_truth.cache_clear()
    truth = videos.truth("still-1", 2)
    videos._made_up_truth.cache_clear()
    assert truth.last == 1
    assert {*truth.frames.tolist()} <= {0, 1}
    assert truth.scored.any()
    inside = (truth.boxes[:, :2] < (128, 96)).all() and (truth.boxes[:, :2] + truth.boxes[:, 2:] > 0).all()
    assert inside


# -- what is found ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    """Three people who cross, one of them hidden for a while, then a cut to others."""
    ways: Any = {
        1: (line(30, 110, 9), 90),
        2: (line(220, 112, -7, gone=range(6, 9)), 80),
        3: (line(125, 115, gone=range(4)), 70),
    }
    return frames_of(scene(13, ways) + scene(6, ways), lambda t: 0 if t < 13 else 180)


def test_tracking_what_was_kept_is_tracking_the_video(frames: list[Frame], tmp_path: Path) -> None:
    from rates import found

    network, decode = KnowingNetwork(), DecodeConfig(candidates=8)
    links = COCO_18.temporal_links(network.config.topology)
    kept = found.look(network, {}, COCO_18, frames, 256, decode)
    assert kept.candidates[0].now.score.shape[-1] < 8  # the empty slots are gone
    assert kept.cuts == [number == 13 for number in range(19)]
    path = tmp_path / "kept.npz"
    found._keep(path, fit=np.array(kept.fit), times=kept.times, cuts=kept.cuts, **found._columns(kept.candidates))
    again = found.read_kept(path)
    for config in (TrackerConfig(), TrackerConfig(variant="released"), TrackerConfig(cuts=None)):
        tracker = StafTracker(network, {}, COCO_18, size=256, decode=decode, tracking=config)
        expected = list(tracker.track(frames))
        cuts = [False] * 19 if config.cuts is None else again.cuts
        told = again._replace(cuts=cuts).track(COCO_18, links, config)
        if config.cuts is None:  # there the network has gone on through the cut
            told, expected = told[:13], expected[:13]
        for one, other in zip(told, expected, strict=True):
            assert (one.frame, one.time) == (other.frame, other.time)
            np.testing.assert_array_equal(one.ids, other.ids)
            np.testing.assert_allclose(one.keypoints, other.keypoints, atol=1e-4)


# -- what is trained -------------------------------------------------------------------------------------------------

TINY: dict[str, Any] = {"skeleton": "mpi_15", "previous": 3, "blocks": 1, "paf_width": 4, "width": 4, "hidden": 5}


@pytest.mark.parametrize(
    "config",
    [
        dataclasses.replace(MODEL_I, paf_stages=2, heatmap_stages=1, topology="A", **TINY),
        dataclasses.replace(MODEL_III, topology="C", **TINY),
    ],
    ids=["I", "III"],
)
def test_the_loss_on_kept_features_is_that_of_the_task(config: StafConfig) -> None:
    import small_staf

    @dataclasses.dataclass(frozen=True)
    class Pooled(small_staf.SmallStaf):
        def encode(self, params: Any, images: Any) -> Any:
            cells = images.reshape(images.shape[0], images.shape[1] // 8, 8, images.shape[2] // 8, 8, 3)
            return cells.astype(jnp.float32).mean((2, 4)) / 255 - 0.5

    batch = tiny_staf.clip_batch(2, 2, 2)
    network = Pooled(config)
    maps = jnp.zeros((1, 4, 4, 3))
    stages = small_staf.random_stages(config, maps, 0)
    task = StafTask(network, MPI_15, small_staf.LOSS)  # type: ignore[arg-type]
    expected, _ = jax.jit(task.loss)({"stages": stages}, {}, batch, jax.random.key(0))
    features = jax.vmap(lambda images: network.encode({}, images))(batch.images)
    clips = small_staf.Clips(features, Batch(None, *batch[1:]))
    found = jax.jit(lambda stages: small_staf.clip_terms(config, stages, clips))(stages)
    assert {*found} == {*expected}
    for name, term in expected.items():
        np.testing.assert_allclose(found[name].total, term.total, rtol=1e-4)
        np.testing.assert_allclose(found[name].divisor, term.divisor)


def test_a_training_that_is_killed_goes_on(tmp_path: Path) -> None:
    import small_staf

    config = dataclasses.replace(MODEL_II, **TINY)
    rng = np.random.default_rng(0)
    clips = [
        small_staf.Clips(rng.normal(size=(2, 2, 4, 5, 128)).astype(np.float16), Batch(None, *batch[1:]))
        for batch in (tiny_staf.clip_batch(2, 2, 2, seed=seed) for seed in range(2))
    ]
    whole = small_staf.Training(config, clips, tmp_path / "whole.npz", steps=5, seed=0).run(save_every=2)

    class Killed(Exception):
        pass

    class Cut(small_staf.Training):
        def save(self) -> None:
            super().save()
            raise Killed

    with pytest.raises(Killed):
        Cut(config, clips, tmp_path / "cut.npz", steps=5, seed=0).run(save_every=2)
    again = small_staf.Training(config, clips, tmp_path / "cut.npz", steps=5, seed=0)
    assert again.step == 2
    for one, other in zip(jax.tree.leaves(whole), jax.tree.leaves(again.run(save_every=2)), strict=True):
        np.testing.assert_array_equal(one, other)


# -- what is told ----------------------------------------------------------------------------------------------------


def test_floors_are_judged_by_what_each_rate_asks_for() -> None:
    from frame_rates import table, verdicts

    def row(mota: float, idf1: float, hota: float, switches: int) -> dict[str, Any]:
        one = {"mota": mota, "idf1": idf1, "hota": hota, "switches": switches}
        return {"real": {"vtest": one}, "mean mota": mota, "mean idf1": idf1, "switches": switches,
                "made up": {"still-1": one}, "made up together": one}  # fmt: skip

    results = {
        "1": {"ours": row(60, 70, 50, 9), "theirs": row(60, 71, 50, 8)},
        "3": {"ours": row(60, 70, 51, 7), "theirs": row(60, 69, 50, 8)},
    }
    told = [line.rpartition(": ")[2] for line in verdicts(results, "ours", "theirs")]
    assert told == ["yes", "NO", "yes", "NO", "NO", "yes", "yes", "yes"]
    assert "| theirs | 60.0 / 71.0 / 8 | 60.0 | 71.0 | 50.0 | 60.0 | 71.0 | 8 |" in table(results)

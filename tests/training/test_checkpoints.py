"""Checkpoints by themselves; whole trainings with them are in test_loop.py."""

import jax
import numpy as np
import pytest
from toy_training import Toy, leaves, toy_run

from jaxpose.errors import JaxposeWarning, OutputError, WeightsError
from jaxpose.training.checkpoints import FOLDER, Checkpoints, read
from jaxpose.training.config import Adam, Optimizer, Sgd
from jaxpose.training.optimizer import make_optimizer
from jaxpose.training.state import averaged, begin
from jaxpose.training.trees import named

FROZEN = Optimizer(Adam(), multipliers=(("first/.*", 0.0),))


def state(number=0, config=FROZEN, task=None):
    """A state of random numbers, as NumPy arrays."""
    params, stats = (task or Toy("own")).init(jax.random.key(number))
    made = begin(params, stats, make_optimizer(config, params, 9), jax.random.key(number))
    rng = np.random.default_rng(number)
    return jax.tree.map(lambda leaf: (100 * rng.normal(size=np.shape(leaf))).astype(leaf.dtype), jax.device_get(made))


def at(folder, config=None):
    return Checkpoints(folder, toy_run(folder).card, config or {}, keep_last=2, keep_best=1)


@pytest.fixture
def checkpoints(tmp_path):
    with at(tmp_path) as opened:
        yield opened


def fill(checkpoints, scores):
    for step, score in scores.items():
        checkpoints.save(step, state(step), [{"next": step}], {} if score is None else {"ap": score, "other": -score})
    checkpoints.check(wait=True)


def test_what_was_saved_comes_back_bit_by_bit(tmp_path, checkpoints):
    assert checkpoints.restore(state()) is None
    fill(checkpoints, {3: None, 5: None})
    found, places = checkpoints.restore(state())
    assert places == [{"next": 5}]
    assert jax.tree.structure(found) == jax.tree.structure(state())
    for a, b in zip(leaves(found), leaves(state(5)), strict=True):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert (a == b).all()
    saved = read(tmp_path, 3)
    assert (saved.arrays["params/last/kernel"] == state(3).params["last"]["kernel"]).all()
    params, stats = averaged(state(3))
    expected = {**named(params), **{f"batch_stats/{name}": leaf for name, leaf in named(stats).items()}}
    assert saved.averaged().keys() == expected.keys()
    assert all((saved.averaged()[name] == expected[name]).all() for name in expected)


def test_the_last_and_the_best_are_kept(tmp_path, checkpoints):
    fill(checkpoints, {1: 0.5, 2: 0.75, 3: None, 4: 0.25, 5: 0.5, 6: None})
    assert checkpoints.steps == [2, 5, 6]
    assert read(tmp_path).step == 2
    assert read(tmp_path).run["scores"] == {"ap": 0.75, "other": -0.75}
    fill(checkpoints, {7: 1.0})
    assert checkpoints.steps == [6, 7]


def test_without_an_evaluation_the_newest_is_read(tmp_path, checkpoints):
    fill(checkpoints, {1: None, 2: None})
    assert read(tmp_path).step == 2


def test_a_half_written_checkpoint_is_never_taken(tmp_path, checkpoints):
    fill(checkpoints, {1: None, 2: None})
    half = tmp_path / FOLDER / "2.orbax-checkpoint-tmp"
    (tmp_path / FOLDER / "2").rename(half)
    (half / "state" / "manifest.ocdbt").unlink()
    assert checkpoints.steps == [1]
    with at(tmp_path) as again:
        assert again.restore(state())[1] == [{"next": 1}]
        assert not half.exists()


@pytest.mark.parametrize("harm", ["cut", "empty", "no json"])
def test_a_damaged_checkpoint_is_set_aside_and_told(tmp_path, checkpoints, harm, caplog):
    fill(checkpoints, {1: None, 2: None})
    broken = tmp_path / FOLDER / "2"
    if harm == "no json":
        (broken / "run" / "metadata").write_text("{")
    for path in broken.glob("state/**/d/*") if harm != "no json" else ():
        path.write_bytes(path.read_bytes()[: 0 if harm == "empty" else path.stat().st_size // 2])
    with pytest.raises(WeightsError, match="a checkpoint is damaged"):
        read(tmp_path, 2)
    assert not caplog.records
    with pytest.warns(JaxposeWarning, match=r"checkpoint 2 is damaged \(.*it is now .*damaged-2, and left out"):
        found, places = checkpoints.restore(state())
    assert places == [{"next": 1}]
    assert found.step == state(1).step
    fill(checkpoints, {2: None})
    assert checkpoints.restore(state())[1] == [{"next": 2}]


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"task": Toy()}, r"has \(4,\) as average/norm/bias, this training nothing"),
        ({"config": Optimizer(Sgd())}, r"has nothing as average/first/kernel, this training \(3, 3, 3, 4\)"),
    ],
)
def test_a_checkpoint_of_another_network_is_refused(checkpoints, other, told):
    fill(checkpoints, {1: None})
    with pytest.raises(WeightsError, match=f"is of another network or optimizer: it {told}"):
        checkpoints.restore(state(**other))


def test_another_config_is_told(tmp_path):
    with at(tmp_path, {"data": {"size": (3, 4), "name": "a"}, "steps": 9}) as checkpoints:
        fill(checkpoints, {1: None})
    other = at(tmp_path, {"data": {"size": (3, 5), "name": "a"}, "seed": 1, "steps": 9})
    with other, pytest.warns(JaxposeWarning) as told:
        assert other.restore(state())[1] == [{"next": 1}]
    assert str(told[0].message) == (
        "going on from step 1 with another config: `data.size` was [3, 4], is [3, 5]; `seed` was absent, is 1"
    )


def test_a_folder_without_checkpoints(tmp_path, checkpoints):
    with pytest.raises(WeightsError, match="no checkpoint: there are none; name the folder of a training"):
        read(tmp_path)
    fill(checkpoints, {1: None, 2: None})
    with pytest.raises(WeightsError, match="no checkpoint of step 7: there are 1, 2"):
        read(tmp_path, 7)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="checkpoints cannot be written there"):
        at(tmp_path / "file")

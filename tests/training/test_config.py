import dataclasses

import pytest
import tyro

from jaxpose.training.config import Adam, Multistep, Optimizer, Sgd, TrainingConfig, WarmupCosine


@pytest.mark.parametrize(
    ("kind", "wrong", "told"),
    [
        (TrainingConfig, {"accumulate": 0}, "`accumulate` must be at least 1, got 0"),
        (TrainingConfig, {"average": 1.0}, "`average` must be from 0 to below 1"),
        (TrainingConfig, {"save_minutes": 0.0}, "`save_minutes` must be above 0"),
        (TrainingConfig, {"keep_best": -1}, "`keep_best` must be 0 or more"),
        (Optimizer, {"clip_norm": 0.0}, "`clip_norm` must be above 0"),
        (Optimizer, {"multipliers": ((".*", -1.0),)}, "`multipliers` must be 0 or more, got -1.0 for"),
        (Multistep, {"falls": (3, 2)}, "`falls` must be steps in rising order"),
        (WarmupCosine, {"warmup": -1}, "`warmup` must be 0 or more"),
    ],
)
def test_refused(kind, wrong, told):
    with pytest.raises(ValueError, match=told):
        kind(**wrong)


def test_every_field_can_be_given_by_its_path():
    base = TrainingConfig(optimizer=Optimizer(Sgd(), Multistep()))
    given = ["--steps", "7", "--optimizer.method.momentum", "0.8", "--optimizer.schedule.falls", "2", "5"]
    given += ["--optimizer.multipliers", "trunk/.*", "0.25", ".*/bias", "2", "--optimizer.clip-norm", "3"]
    found = tyro.cli(TrainingConfig, default=base, args=given, config=(tyro.conf.AvoidSubcommands,))
    expected = Optimizer(
        Sgd(momentum=0.8), Multistep(falls=(2, 5)), (("trunk/.*", 0.25), (".*/bias", 2.0)), clip_norm=3.0
    )
    assert found == dataclasses.replace(base, steps=7, optimizer=expected)


def test_the_published_numbers():
    adam, rate = Adam(), Multistep()
    assert (rate.rate, rate.factor, adam.beta1, adam.beta2, adam.decay) == (1e-4, 0.5, 0.9, 0.999, 5e-4)
    assert [fall // 1000 for fall in rate.falls] == [200, 300, 360, 420, 480, 540, 600, 700, 800, 900]

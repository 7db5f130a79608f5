"""Schedules give Keras's rate at every step, before, at and beyond where they end."""

import keras
import numpy as np
import pytest
import torch

import unpad

#: class, arguments.
SCHEDULES = [
    ("ExponentialDecay", {"decay_steps": 7, "decay_rate": 0.9}),
    ("ExponentialDecay", {"decay_steps": 7, "decay_rate": 0.9, "staircase": True}),
    ("InverseTimeDecay", {"decay_steps": 7, "decay_rate": 0.5}),
    ("InverseTimeDecay", {"decay_steps": 7, "decay_rate": 0.5, "staircase": True}),
    ("PolynomialDecay", {"decay_steps": 20}),
    ("PolynomialDecay", {"decay_steps": 20, "end_learning_rate": 0.01, "power": 0.5}),
    ("PolynomialDecay", {"decay_steps": 20, "power": 2.0, "cycle": True}),
    ("CosineDecay", {"decay_steps": 30}),
    ("CosineDecay", {"decay_steps": 30, "alpha": 0.1}),
    ("CosineDecay", {"decay_steps": 30, "warmup_target": 0.9, "warmup_steps": 12}),
    ("CosineDecay", {"decay_steps": 30, "alpha": 0.2, "warmup_target": 0.9, "warmup_steps": 1}),
    ("CosineDecay", {"decay_steps": 30, "warmup_target": 0.9}),
    ("CosineDecayRestarts", {"first_decay_steps": 8}),
    ("CosineDecayRestarts", {"first_decay_steps": 8, "t_mul": 1.0, "m_mul": 0.5}),
    ("CosineDecayRestarts", {"first_decay_steps": 7, "t_mul": 1.5, "m_mul": 0.9, "alpha": 0.1}),
]


@pytest.mark.parametrize(("name", "options"), SCHEDULES, ids=str)
def test_rates(name, options):
    ours = getattr(unpad.optimizers.schedules, name)(0.3, **options)
    theirs = getattr(keras.optimizers.schedules, name)(0.3, **options)
    rates = [ours(step) for step in range(100)]
    np.testing.assert_allclose(rates, [float(theirs(s)) for s in range(100)], rtol=2e-5, atol=1e-7)
    assert len(set(rates)) > 5
    assert all(type(rate) is float for rate in rates)


def test_pieces():
    arguments = ([3, 5, 9], [1.0, 0.5, 0.25, 0.125])
    ours = unpad.optimizers.schedules.PiecewiseConstantDecay(*arguments)
    theirs = keras.optimizers.schedules.PiecewiseConstantDecay(*arguments)
    assert [ours(s) for s in range(12)] == [float(theirs(s)) for s in range(12)]
    assert ours(torch.tensor(4)) == ours(np.int64(4)) == 0.5


def test_defaults_and_configs():
    for name in unpad.optimizers.schedules.__all__:
        if name in ("LearningRateSchedule", "serialize", "deserialize"):
            continue
        options = next((o for n, o in SCHEDULES if n == name), None)
        arguments = [0.1] if options else [[1], [0.1, 0.2]]
        ours = getattr(unpad.optimizers.schedules, name)(*arguments, **(options or {}))
        theirs = getattr(keras.optimizers.schedules, name)(*arguments, **(options or {}))
        assert ours.get_config() == theirs.get_config()
        assert type(ours)(**ours.get_config()).get_config() == ours.get_config()


def test_a_restart_is_where_it_is():
    """Periods of 1, 3, 9, ... steps: Keras's logarithm of 243 to the base of 3 falls short of 5."""
    rate = unpad.optimizers.schedules.CosineDecayRestarts(1.0, 1, t_mul=3.0)
    starts = [0, 1, 4, 13, 40, 121, 364, 1093]
    assert [rate(s) for s in starts] == [1.0] * len(starts)
    assert all(rate(s - 1) < 0.9 for s in starts[3:])

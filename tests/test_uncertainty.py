"""Equal values: few of them find nothing, and what rounding leaves is no effect."""

import numpy as np
import pytest
import xarray as xr

from neuronbasis import completeness, visualisation
from neuronbasis.experiments.interpretable import settled
from neuronbasis.uncertainty import equal_reach, mean_interval, welch_interval

ROUNDED = 0.3 - (0.1 + 0.2)  # -5.6e-17


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("value", [0.5, -3.0, ROUNDED])
def test_few_equal_values_are_no_effect(count, value):
    mean, low, high = mean_interval([value] * count)
    assert mean == pytest.approx(value)
    assert low < 0 < high


def test_values_that_differ_by_rounding_are_equal():
    _, low, high = mean_interval([0.1 + 0.2, 0.3])
    assert low < 0 < high


@pytest.mark.parametrize("count", [6, 10])
def test_six_equal_values_are_their_own_interval(count):
    assert mean_interval([0.5] * count) == (0.5, 0.5, 0.5)
    assert mean_interval([0.0] * count) == (0.0, 0.0, 0.0)


def test_how_many_are_enough_depends_on_the_confidence():
    assert mean_interval([0.5] * 7, confidence=0.99)[1] < 0
    assert mean_interval([0.5] * 8, confidence=0.99)[1] == 0.5


@pytest.mark.parametrize("values", [[ROUNDED] * 10, [ROUNDED, ROUNDED, 2 * ROUNDED]])
def test_differences_that_are_rounding_count_as_zero(values):
    assert mean_interval(values, size=1.0) == (0.0, 0.0, 0.0)
    assert mean_interval(np.multiply(values, 1e-3), size=1e-3) == (0.0, 0.0, 0.0)


def test_small_differences_are_kept_to_the_bit():
    values = [1e-6, 3e-6, 2e-6]
    assert mean_interval(values, size=1.0) == mean_interval(values)
    assert mean_interval([1e-20, 3e-20, 2.5e-20])[1] < 0 < mean_interval([1e-20, 2e-20])[0]


@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_one_normal_draw_covers_its_mean_whatever_the_standard_deviation(confidence):
    rng = np.random.default_rng(0)
    shares = []
    for mean in (0.0, 0.3, 1.0, 3.0):
        draws = mean + rng.standard_normal(100_000)
        reach = np.array([equal_reach(draw, 1, confidence) for draw in draws])
        shares.append((np.abs(draws - mean) <= reach).mean())
    assert min(shares) == pytest.approx(confidence, abs=0.005)


@pytest.mark.parametrize("interval", [welch_interval, lambda *x: visualisation.difference(*x)])
def test_two_kinds_without_any_spread(interval):
    wrap = (lambda x: x) if interval is welch_interval else (lambda x: [x])
    mean, low, high = interval(wrap([0.7, 0.7]), wrap([0.2, 0.2]))
    assert mean == pytest.approx(0.5)
    assert low < 0 < high
    assert interval(wrap([0.3] * 9), wrap([0.1 + 0.2] * 9)) == (0.0, 0.0, 0.0)
    found = interval(wrap([0.7] * 6), wrap([0.2] * 6))
    assert found == pytest.approx((0.5,) * 3)
    assert found[1] == found[2]


def test_equal_rates_of_two_networks_settle_nothing():
    assert settled([ROUNDED, ROUNDED], [], []) == (0.0, 0.0, 0.0)
    assert settled([0.25, 0.25], [], [])[1] < 0


def test_two_networks_that_need_as_many_vectors_settle_nothing():
    found = completeness.estimate(xr.DataArray([[1.5], [1.5]], dims=("network", "layer")))
    assert float(found.low[0]) < 0 < float(found.high[0])


def test_equal_counts_vary_within_a_step():
    """As numbers that were rounded do, so the interval of counts is neither empty nor absurd."""
    rng = np.random.default_rng(0)
    inside = [
        low <= true <= high
        for true in rng.uniform(20, 30, 400)
        for _, low, high in [mean_interval(np.round(true + rng.normal(0, 0.2, 3)), step=1)]
    ]
    assert np.mean(inside) > 0.8
    assert mean_interval([4.0, 5.0], step=1) == mean_interval([4.0, 5.0])


def test_equal_counts_of_vectors_give_a_narrow_interval_of_their_ratio():
    counts = np.array([[47, 47, 47], [40, 40, 40]])
    needed = xr.DataArray(
        counts, {"basis": ["neurons", "principal components"]}, ("basis", "network")
    )
    logarithm, step = (of(needed, "neurons") for of in (completeness.fewer, completeness.finest))
    found = completeness.estimate(logarithm, step=step)
    assert 1.1 < 2 ** float(found.low) < 47 / 40 < 2 ** float(found.high) < 1.25

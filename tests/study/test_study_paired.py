"""Differences of few people: no more is found than there is, and what is exact is exact."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from neuronbasis.study.contrasts import _interval
from neuronbasis.study.paired import mean_difference, per_person
from neuronbasis.study.vectors import between

TINY = 1e-12  # a variance that leaves the interval to the flipped signs

# ---- the rate of findings where there is nothing to find ---------------------------------------

STUDIES = 400
MOST = stats.binom.ppf(1 - 1e-4, STUDIES, 0.05)  # in one setting of 150, by chance


def simulated(rng, people, shown, chance, spread):
    """One study: people differ, each about nothing on average; vectors of two kinds."""
    first, second = shown
    is_first = np.tile([True] * first + [False] * second, people)
    own = np.clip(chance + spread / 2**0.5 * rng.normal(size=(people, 2)), 0, 1)
    chances = np.repeat(own, [first, second], axis=1).ravel()
    right = (rng.random(len(chances)) < chances).astype(float)
    who = np.repeat(np.arange(people), first + second)
    return right, is_first, who, np.zeros(len(who))


@pytest.mark.parametrize("people", [2, 3, 4, 5, 6, 7, 9, 12, 13, 22])
@pytest.mark.parametrize("shown", [(1, 1), (3, 3), (1, 10), (20, 20)])
def test_no_more_is_found_than_in_one_of_twenty_studies(people, shown):
    """All alike; people who differ; hard to tell, easy, so easy that nearly all are right."""
    rng = np.random.default_rng([people, *shown])
    for chance, spread in ((0.5, 0.0), (0.7, 0.2), (0.9, 0.0), (0.6, 0.9), (0.98, 0.1)):
        found = 0
        for _ in range(STUDIES if people <= 12 else STUDIES // 2):
            _, differences, variance = per_person(*simulated(rng, people, shown, chance, spread))
            _, low, high, p = mean_difference(differences, variance)
            assert (p <= 0.05) == (not low <= 0 <= high)
            assert low < high
            found += p <= 0.05
        assert found <= (0 if people < 6 else MOST if people <= 12 else MOST / 2 + 5)


@pytest.mark.parametrize("people", [6, 13])
def test_people_of_two_minds_are_no_difference(people):
    """Each is always right along one kind and always wrong along the other: which, is chance."""
    rng = np.random.default_rng(people)
    signs = rng.choice([-1.0, 1.0], (STUDIES, people))
    found = sum(
        mean_difference(each, max(each.var(ddof=1) / people, TINY))[3] <= 0.05 for each in signs
    )
    assert found <= MOST


@pytest.mark.parametrize(("people", "shown"), [(8, (3, 3)), (12, (3, 12)), (20, (6, 6))])
def test_other_vectors_give_no_more_either(people, shown):
    """Vectors that differ by much, in studies of whose vectors each is a draw."""
    rng = np.random.default_rng(people)
    found = 0
    for _ in range(STUDIES // 2):
        right, is_first, who, layers = simulated(rng, people, shown, 0.7, 0.1)
        vectors = np.tile(np.arange(sum(shown)), people)
        own = np.clip(0.7 + 0.3 * rng.normal(size=sum(shown)), 0, 1)
        right = (rng.random(len(right)) < own[vectors]).astype(float)
        _, differences, variance = per_person(right, is_first, who, layers)
        shares, kinds = right.reshape(people, -1).mean(axis=0), is_first[: sum(shown)]
        _, among, freedom = between(shares, kinds, layers[: sum(shown)])
        mean = differences.mean()
        low, high = _interval(mean, variance + among, min(people - 1, freedom))
        found += not low <= 0 <= high
    assert found <= MOST / 2 + 5


# ---- what is exact -----------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-6, 6), min_size=2, max_size=9))
def test_flipping_signs_is_counting_all_ways(tenths):
    """Against a literal twin in fractions, with ties wherever integers make them."""
    exact = [Fraction(each, 10) for each in tenths]
    ways = [
        sum(sign * each for sign, each in zip(signs, exact, strict=True))
        for signs in product((1, -1), repeat=len(exact))
    ]
    rarer = min(sum(w >= sum(exact) for w in ways), sum(w <= sum(exact) for w in ways))
    differences = np.array([each / 10 for each in tenths])
    _, low, high, p = mean_difference(differences, TINY)
    expected = min(1, 2 * rarer / len(ways))
    if any(tenths):
        assert p == pytest.approx(expected)
    for edge, outwards in ((low, -1e-6), (high, 1e-6)):
        if abs(edge) < 1:  # beyond the end it is rejected, at the end it is not
            assert mean_difference(differences - edge - outwards, TINY)[3] <= 0.05
            assert mean_difference(differences - edge + outwards, TINY)[3] > 0.05


@settings(max_examples=40, deadline=None)
@given(st.integers(13, 60), st.floats(-0.3, 0.3), st.integers(0, 1000))
def test_of_many_people_it_is_students_t(people, shift, seed):
    differences = shift + 0.1 * np.random.default_rng(seed).normal(size=people)
    mean, low, high, p = mean_difference(differences, differences.var(ddof=1) / people)
    expected = stats.ttest_1samp(differences, 0)
    ends = expected.confidence_interval()
    assert mean == pytest.approx(differences.mean())
    assert low <= ends.low + 1e-12
    assert high >= ends.high - 1e-12
    assert high - low <= 1.3 * (ends.high - ends.low)
    assert p >= expected.pvalue * (1 - 1e-9)


@pytest.mark.parametrize("people", [2, 6, 12, 13, 40])
def test_what_rounding_leaves_is_no_difference(people):
    mean, low, high, p = mean_difference(np.full(people, -8e-17), 1e-4)
    assert (mean, p) == (0, 1)
    assert low < 0 < high


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_each_ones_difference_is_that_of_shares_layer_by_layer(data):
    """Against a literal twin, where everybody answers as much along both kinds in each layer."""
    people, layers, each = (data.draw(st.integers(low, 4)) for low in (2, 1, 1))
    shape = (people, layers, 2, each)
    size = people * layers * 2 * each
    right = data.draw(st.lists(st.booleans(), min_size=size, max_size=size))
    right = np.array(right, dtype=float).reshape(shape)
    index = np.indices(shape)
    who, differences, variance = per_person(
        right.ravel(), index[2].ravel() == 0, index[0].ravel() + 5, index[1].ravel()
    )
    shares = right.mean(axis=3)
    assert who.tolist() == list(range(5, people + 5))
    assert differences == pytest.approx((shares[:, :, 0] - shares[:, :, 1]).mean(axis=1))
    assert variance >= differences.var(ddof=1) / people - 1e-12
    assert variance > 0

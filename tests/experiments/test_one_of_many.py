"""The figure of one network: which one is shown, and what stands behind it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuronbasis import basis, spotlight
from neuronbasis.errors import UserError
from neuronbasis.experiments.one_of_many import resonances
from neuronbasis.uncertainty import typical


@pytest.fixture
def seen():
    rng = np.random.default_rng(0)
    pairs = [(rng.normal(size=(30, 3)), basis.thompson(6, 3, seed=seed)) for seed in range(4)]
    return {"after": pairs}


def test_the_one_is_shown_plane_by_plane_and_the_others_by_their_mean(seen):
    one, others = resonances(seen, 2, epsilon=0.7, angles=12)
    literal = [
        spotlight.resonance(*each, epsilon=0.7, angles=12).fraction for each in seen["after"]
    ]
    np.testing.assert_array_equal(one["after"].fraction, literal[2])
    means = np.stack([literal[k].mean("plane") for k in (0, 1, 3)])
    np.testing.assert_allclose(others["after"], means, atol=1e-12)


@pytest.mark.parametrize("shown", [-1, 4])
def test_a_network_that_is_not_there_is_refused(seen, shown):
    with pytest.raises(UserError, match=rf"^shown is {shown}; there are networks 0 to 3$"):
        resonances(seen, shown)


def test_a_single_network_has_no_others(seen):
    with pytest.raises(UserError, match=r"^after: 1 network; there must be others: pass"):
        resonances({"after": seen["after"][:1]}, 0)


@given(st.lists(st.floats(-9, 9), min_size=1, max_size=9))
def test_half_of_the_repetitions_lie_on_either_side_of_the_typical_one(values):
    chosen = values[typical(values)]
    assert sum(each < chosen for each in values) <= (len(values) - 1) // 2
    assert sum(each > chosen for each in values) <= len(values) // 2

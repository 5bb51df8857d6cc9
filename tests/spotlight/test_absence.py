"""Random bases as their own control, and absence judged only where something could be absent."""

import numpy as np
import pytest
import xarray as xr

from neuronbasis import basis, spotlight, uncertainty
from neuronbasis.errors import UserError

SETTINGS = {"angles": 60, "rotations": 19}


@pytest.fixture(scope="module")
def clouds():
    """Two networks whose activations lie on a basis of their own; the bases too."""
    bases = [basis.thompson(8, 4, seed=seed) for seed in (1, 2)]
    rng = np.random.default_rng(0)
    return bases, [
        b.vectors[rng.integers(0, b.m, 150)] + 0.03 * rng.normal(size=(150, b.n)) for b in bases
    ]


def test_each_network_meets_random_bases_of_its_own(clouds):
    _, activations = clouds
    found = spotlight.on_random_bases(activations, 8, 0.9, draws=3, centre=True, **SETTINGS)
    for network, draw in ((0, 2), (1, 0)):
        seed = 3 * network + draw
        alone = spotlight.survey(
            [activations[network]], [basis.random(8, 4, seed=seed)], 0.9,
            seeds=[seed], centre=True, **SETTINGS,
        )  # fmt: skip
        row = found.isel(network=network, draw=draw)
        xr.testing.assert_identical(row.null_slope, alone.null_slope.isel(network=0))
        assert row.nearest_cosine.item() == alone.nearest_cosine.item()
    assert len(np.unique(found.nearest_cosine)) == 6


def test_a_planted_basis_beats_random_ones_and_one_of_them_does_not(clouds):
    bases, activations = clouds
    random = spotlight.on_random_bases(activations, 8, 0.9, draws=19, **SETTINGS)
    planted = spotlight.survey(activations, bases, 0.9, **SETTINGS)
    for measure in ("slope", "beyond"):
        share = spotlight.as_strong(random, planted, measure)
        assert share.dims == ("network",)
        assert share.values.tolist() == [1 / 20, 1 / 20]
    # The middle one in strength of 19: ten are as strong, itself among them.
    middle = random.isel(draw=[int(abs(random.beyond[0]).argsort()[9])] * 2).isel(draw=0)
    assert spotlight.as_strong(random, middle, "beyond")[0].item() == 11 / 20


def test_a_strong_signal_of_the_other_sign_counts():
    random = xr.Dataset({"slope": (("network", "draw"), [[-0.5, 0.1, 0.0]])})
    privileged = xr.Dataset({"slope": ("network", [0.4])})
    assert spotlight.as_strong(random, privileged, "slope").item() == 0.5
    assert spotlight.as_strong(random, -privileged, "slope").item() == 0.5


@pytest.mark.parametrize(
    ("values", "positive", "verdict"),
    [
        ([0.01, -0.02, 0.0], [0.4, 0.5, 0.5], "reproduced"),
        ([0.3, 0.31, 0.32], [0.4, 0.5, 0.5], "not reproduced"),
        ([-0.3, 0.3, 0.0], [0.4, 0.5, 0.5], "mixed"),
        ([0.01, -0.02, 0.0], [0.0, 0.01, 0.0], "not testable here"),
        ([0.3, 0.31, 0.32], [-0.4, -0.5, -0.5], "not testable here"),
    ],
)
def test_absence_needs_something_that_could_be_absent(values, positive, verdict):
    mean, low, high, said = uncertainty.judged(values, positive, 0.05)
    assert said == verdict
    assert mean == pytest.approx(np.mean(values))
    assert low < mean < high


def test_mistakes_are_told(clouds):
    _, activations = clouds
    with pytest.raises(UserError, match=r"^draws is 0; "):
        spotlight.on_random_bases(activations, 8, 0.9, draws=0)
    with pytest.raises(UserError, match=r"^there are no activations; give those of at least one"):
        spotlight.on_random_bases([], 8, 0.9)
    one, two = (xr.Dataset({"slope": (("network", "draw"), np.zeros((k, 1)))}) for k in (1, 2))
    with pytest.raises(UserError, match=r"surveyed on 1 networks, the privileged on 2; pass"):
        spotlight.as_strong(one, two, "slope")

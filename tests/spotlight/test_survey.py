"""A survey is the alignment of each network, beside its own control."""

import numpy as np
import pytest

from neuronbasis import basis, spotlight
from neuronbasis.errors import UserError

SETTINGS = {"rotations": 39, "angles": 90}


def _planted(b: basis.Basis, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return b.vectors[rng.integers(0, b.m, 300)] + 0.05 * rng.normal(size=(300, b.n))


def test_every_network_is_tested_with_its_own_basis_and_seed():
    bases = [basis.thompson(10, 5, seed=seed) for seed in (1, 2, 3)]
    noise = np.random.default_rng(0).normal(size=(300, 5))
    activations = [_planted(bases[0], 0), noise, _planted(bases[2], 1) + 3]
    found = spotlight.survey(activations, bases, 0.8, seeds=[7, 8, 9], **SETTINGS)
    for k, (each, b) in enumerate(zip(activations, bases, strict=True)):
        alone = spotlight.alignment(each, b, 0.8, seed=7 + k, **SETTINGS)
        row = found.isel(network=k)
        assert {name: row[name].item() for name in ("slope", "p_value", "verdict")} == {
            name: alone.attrs[name] for name in ("slope", "p_value", "verdict")
        }
        np.testing.assert_array_equal(row.null_slope, alone.null_slope)
        gap = alone.attrs["nearest_cosine"] - alone.null_nearest_cosine.mean()
        assert row.beyond.item() == pytest.approx(gap.item())
        mean = each.mean(0) / np.linalg.norm(each.mean(0))
        assert row.mean_cosine.item() == pytest.approx((b.vectors @ mean).max())
    assert found.verdict.values[0] == "aligned"
    assert spotlight.counts(found)["aligned"] >= 1
    assert spotlight.nearer(found.isel(network=[0])) == 1
    assert spotlight.nearer(found.isel(network=[0]), sign=-1) == 0


def test_centring_is_passed_on():
    b = basis.orthoplex(5, seed=1)
    cloud = np.random.default_rng(0).normal(size=(300, 5)) + 40 * b.vectors[2]
    raw, centred = (
        spotlight.survey([cloud], [b], 0.8, centre=centre, **SETTINGS) for centre in (False, True)
    )
    assert raw.mean_cosine.item() > 0.99
    assert raw.mean_share.item() > 0.9
    assert raw.nearest_cosine.item() > 0.95 > centred.nearest_cosine.item()


@pytest.mark.parametrize(("activations", "bases", "seeds"), [(2, 1, None), (0, 0, None), (1, 1, 2)])
def test_counts_that_do_not_match_are_refused(activations, bases, seeds):
    b = basis.standard(3)
    with pytest.raises(UserError, match=r"activations, .* bases and .* seeds; give one of each"):
        spotlight.survey(
            [b.vectors] * activations,
            [b] * bases,
            0.9,
            seeds=None if seeds is None else [0] * seeds,
        )

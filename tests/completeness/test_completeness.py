"""Explained variance: a literal twin, theorems, planted ranks, halves, and what is refused."""

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronbasis import basis, completeness, decomposition
from neuronbasis.basis import Basis
from neuronbasis.errors import UserError

RNG = np.random.default_rng(0)
ROWS = RNG.standard_normal((200, 6)) @ RNG.standard_normal((6, 6)) + 3


def literal_share(rows, vectors, k):
    """Variance of the least-squares fit of the rows by the first k vectors."""
    centred, span = rows - rows.mean(axis=0), vectors[:k].T
    fitted = span @ np.linalg.lstsq(span, centred.T)[0] if k else np.zeros_like(centred.T)
    return (fitted**2).sum() / (centred**2).sum()


@settings(deadline=None, max_examples=15)
@given(m=st.integers(1, 9), seed=st.integers(0, 2**32))
def test_shares_are_those_of_least_squares(m, seed):
    b = basis.random(m, 6, seed)
    curve = completeness.explained_variance(ROWS, b).explained[0]
    known = [literal_share(ROWS, b.vectors, k) for k in range(m + 1)]
    np.testing.assert_allclose(curve, known, atol=1e-10)
    assert (curve.diff("count") >= 0).all()


def test_a_vector_in_the_span_of_those_before_adds_nothing():
    b = Basis(np.eye(6)[[2, 2, 0, 0]])
    curve = completeness.explained_variance(ROWS, b).explained[0].values
    variances = ROWS.var(axis=0) / ROWS.var(axis=0).sum()
    known = np.cumsum([0, variances[2], 0, variances[0], 0])
    np.testing.assert_allclose(curve, known, rtol=1e-12)


def test_principal_components_explain_most_where_they_were_fitted_and_less_elsewhere():
    rng = np.random.default_rng(1)
    fit, held_out = rng.standard_normal((2, 40, 20))
    bases = [decomposition.principal(fit), decomposition.neurons(fit)]
    bases += [decomposition.random(fit, seed) for seed in range(5)]
    within = completeness.explained_variance(fit, bases).explained
    assert (within[0] >= within - 1e-12).all()
    # Of pure noise no direction holds more than another in other samples: chance is k / n.
    beyond = completeness.explained_variance(held_out, bases).explained
    assert float(within[0].sel(count=5)) > 0.45
    assert abs(float(beyond[0].sel(count=5)) - 0.25) < 0.1


def test_a_planted_rank_is_counted():
    rng = np.random.default_rng(2)
    turn = basis.standard(30).rotated(3).vectors
    rows = rng.standard_normal((4000, 4)) @ turn[:4]
    fit, held_out = completeness.halves(rows + 1e-3 * rng.standard_normal((4000, 30)))
    bases = [decomposition.principal(fit), decomposition.neurons(fit)]
    needed = completeness.explained_variance(held_out, bases).needed
    assert needed.sel(basis="principal components").values.tolist() == [4, 4]
    assert needed.sel(basis="neurons", share=0.8) > 15
    # The control: where the axes carry the signal, neurons need no more.
    aligned = rows @ turn.T
    both = [decomposition.principal(aligned), decomposition.neurons(aligned)]
    assert (completeness.explained_variance(aligned, both).needed == 4).all()


def test_whole_bases_explain_all_and_partial_ones_say_what_they_do_not_reach():
    fit, held_out = completeness.halves(ROWS)
    part = Basis(decomposition.principal(fit).vectors[:1], "one")
    bases = [decomposition.neurons(fit), part, basis.random(9, 6)]
    found = completeness.explained_variance(held_out, bases, shares=[0.01, 0.8, 1.0])
    assert found.explained.dims == ("basis", "count")
    assert found.explained.shape == (3, 10)
    np.testing.assert_array_equal(found.vectors, [6, 1, 9])
    assert (found.explained[:, 0] == 0).all()
    np.testing.assert_allclose(found.explained[0, 6:], 1, rtol=1e-12)
    assert (found.explained[1, 1:] == found.explained[1, 1]).all()
    assert found.needed.sel(basis="one").values.tolist() == [1, -1, -1]
    assert found.needed.sel(basis="random(9, 6)", share=1.0) == 6
    assert found.attrs["samples"] == 100
    assert found.attrs["total_variance"] == pytest.approx(held_out.var(axis=0, ddof=1).sum())
    assert found.identical(
        completeness.explained_variance(decomposition.moments(held_out), bases, [0.01, 0.8, 1.0])
    )


@settings(deadline=None, max_examples=20)
@given(images=st.integers(4, 12), positions=st.integers(1, 4), seed=st.integers(0, 2**32))
def test_halves_part_all_samples_and_no_image(images, positions, seed):
    image = np.random.default_rng(seed).permutation(np.repeat(np.arange(images) * 7, positions))
    rows = np.stack([np.arange(len(image)), image], axis=1)
    fit, held_out = completeness.halves(rows, seed, image)
    assert sorted([*fit[:, 0], *held_out[:, 0]]) == list(range(len(rows)))
    assert not set(fit[:, 1]) & set(held_out[:, 1])
    assert len(set(fit[:, 1])) == images // 2
    assert (np.diff(fit[:, 0]) > 0).all()
    again, _ = completeness.halves(rows, seed, image)
    np.testing.assert_array_equal(again, fit)


def test_the_images_of_recorded_activations_are_known():
    image = np.repeat(np.arange(10), 3)
    coords = {"image": ("sample", image)}
    rows = xr.DataArray(np.zeros((30, 2)), dims=("sample", "unit"), coords=coords)
    fit, held_out = completeness.halves(rows)
    assert fit.sizes == held_out.sizes == {"sample": 15, "unit": 2}
    assert not set(fit.image.values) & set(held_out.image.values)
    by_sample, _ = completeness.halves(rows, images=np.arange(30))
    assert len(set(by_sample.image.values)) > 5  # what is passed goes first


def test_halves_differ_by_seed_and_keep_the_kind():
    rows = torch.arange(40.0).reshape(40, 1)
    first, other = (completeness.halves(rows, seed)[0] for seed in (0, 1))
    assert isinstance(first, torch.Tensor)
    assert not torch.equal(first, other)
    kept, _ = completeness.halves(rows.tolist(), 0)
    np.testing.assert_array_equal(kept, first)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: completeness.halves(ROWS[:3]),
            "a half of these 3 samples of 3 image(s) has 1; it takes at least 2: record more",
        ),
        (
            lambda: completeness.halves(ROWS, images=[0] * 200),
            "a half of these 200 samples of 1 image(s) has 0; it takes at least 2",
        ),
        (
            lambda: completeness.halves(ROWS, images=[0, 1]),
            "images have shape (2,) for 200 samples; pass the number of its image for each sample",
        ),
        (lambda: completeness.halves(ROWS[0]), "activations have shape (6,); it must be"),
        (lambda: completeness.halves([[1], [1, 2]]), "activations are rows of unequal lengths"),
        (lambda: completeness.halves(ROWS, seed=None), "seed is None; it must be an integer >= 0"),
        (
            lambda: completeness.explained_variance(ROWS, basis.standard(5)),
            "activations have width 6 and basis 'standard(5)' has 5; the two must be equal",
        ),
        (
            lambda: completeness.explained_variance(ROWS, [basis.standard(6)] * 2),
            "the bases are called 'standard(6)', 'standard(6)'; pass at least one, each with",
        ),
        (lambda: completeness.explained_variance(ROWS, []), "the bases are called nothing; pass"),
        (lambda: completeness.explained_variance(ROWS, 5), "basis is a int; it must be a Basis"),
        (
            lambda: completeness.explained_variance(np.ones((9, 2)), basis.standard(2)),
            "all 2 units are constant over 9 samples",
        ),
        (
            lambda: completeness.explained_variance(ROWS, basis.standard(6), [80]),
            "a share is 80; it must lie in (0, 1]: pass such as 0.8",
        ),
        (
            lambda: completeness.explained_variance([[1, np.inf]], basis.standard(2)),
            "activations hold inf at row 0, column 1; all must be finite",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(UserError) as caught:
        call()
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_halves_of_a_table_are_its_rows():
    rows = np.random.default_rng(0).normal(size=(20, 30))
    for half, same in zip(
        completeness.halves(pd.DataFrame(rows)), completeness.halves(rows), strict=True
    ):
        np.testing.assert_array_equal(half, same)

"""Streamed moments: exact twins, chunks and kinds that change nothing, and what is refused."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mapped import SMAPS, resident
from neuronbasis import decomposition
from neuronbasis.errors import UserError
from neuronbasis.utils import activations

ROWS = np.random.default_rng(0).normal([1, -2, 30], [1, 2, 3], (40, 3)).astype(np.float32)


def literal(rows):
    """Mean and covariance by their definitions, without any rounding."""
    exact = [[Fraction(float(x)) for x in row] for row in rows]
    samples, units = len(exact), range(len(exact[0]))
    mean = [sum(row[i] for row in exact) / samples for i in units]
    covariance = [
        [sum((r[i] - mean[i]) * (r[j] - mean[j]) for r in exact) / (samples - 1) for j in units]
        for i in units
    ]
    return np.array(mean, float), np.array(covariance, float)


@settings(deadline=None, max_examples=40)
@given(
    rows=hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=9),
        elements=st.floats(-1, 1, width=32),
    ),
    offset=st.sampled_from([0.0, 3.0, 1e6]),
    cuts=st.sets(st.integers(1, 8)),
)
def test_pieces_of_any_size_have_the_moments_of_the_definition(rows, offset, cuts):
    rows = rows + offset
    stream = decomposition.Stream()
    ends = [0, *sorted(cut for cut in cuts if cut < len(rows)), len(rows)]
    for start, stop in itertools.pairwise(ends):
        stream.add(rows[start:stop])
    found, (mean, covariance) = stream.moments(), literal(rows)
    # Rounding of the mean is relative to the offset, that of the covariance to the spread.
    np.testing.assert_allclose(found.mean, mean, rtol=1e-15, atol=1e-14)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-12, atol=1e-13)


def test_a_mean_far_from_zero_costs_no_digits():
    spread = np.random.default_rng(1).standard_normal((1000, 4))
    spread = (spread + 1e8) - 1e8  # what is left of it beside such a mean
    far = decomposition.moments(spread + 1e8).covariance
    known = np.cov(spread.T)
    np.testing.assert_allclose(far, known, rtol=1e-12, atol=1e-14)
    textbook = np.mean((spread + 1e8) ** 2, axis=0) - np.mean(spread + 1e8, axis=0) ** 2
    assert np.abs(textbook / known.diagonal() - 1).max() > 0.1


def test_chunks_do_not_matter(monkeypatch):
    whole = decomposition.moments(ROWS)
    monkeypatch.setattr(activations, "CHUNK", 21)  # seven rows
    assert len(list(decomposition.source(ROWS).raw())) == 6
    pieces = decomposition.moments(ROWS)
    np.testing.assert_allclose(pieces.covariance, whole.covariance, rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(pieces.mean, whole.mean, rtol=1e-15)
    assert pieces.samples == whole.samples == 40


@pytest.mark.parametrize("value", [0.0, 0.1, -1e30])
def test_a_constant_unit_has_exactly_no_variance(monkeypatch, value):
    monkeypatch.setattr(activations, "CHUNK", 21)
    rows = np.insert(ROWS, 1, value, axis=1)
    found = decomposition.moments(rows)
    assert not found.covariance[1].any()
    assert not found.covariance[:, 1].any()
    assert found.mean[1] == rows[0, 1]
    others = np.delete(np.delete(found.covariance, 1, 0), 1, 1)
    np.testing.assert_allclose(others, np.cov(ROWS.T, dtype=float), rtol=1e-12)


def test_the_result_is_symmetric_and_cannot_be_changed():
    found = decomposition.moments(np.random.default_rng(2).standard_normal((50, 30)))
    np.testing.assert_array_equal(found.covariance, found.covariance.T)
    for array in (found.mean, found.covariance, found.variances):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_variance_along_vectors_is_that_of_the_projections():
    vectors = np.random.default_rng(3).standard_normal((5, 3))
    projected = ROWS.astype(float) @ vectors.T
    np.testing.assert_allclose(
        decomposition.moments(ROWS).along(vectors), projected.var(axis=0, ddof=1), rtol=1e-12
    )


TOO_FAR = "activations are too large or too small for their variance to be a float64: divide"

KINDS = {
    "list": np.ndarray.tolist,
    "tensor": torch.tensor,
    "labelled": lambda rows: xr.DataArray(rows, dims=("sample", "unit")),
    "float64": np.float64,
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_kind_of_array_gives_the_same(kind):
    np.testing.assert_array_equal(
        decomposition.moments(kind(ROWS)).covariance, decomposition.moments(ROWS).covariance
    )


@pytest.mark.skipif(not SMAPS.exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("wrap", [np.asanyarray, KINDS["labelled"]])
def test_pages_of_a_mapped_file_are_given_back(tmp_path, wrap):
    path = tmp_path / "layer.npy"
    np.save(path, np.random.default_rng(0).standard_normal((100_000, 4)))
    mapped = np.load(path, mmap_mode="r")
    known = mapped.sum()
    assert resident(path) > 3000
    found = decomposition.moments(wrap(mapped))
    assert resident(path) < 100
    assert mapped.sum() == known
    np.testing.assert_allclose(found.mean, mapped.mean(axis=0), atol=1e-12)


def test_changes_to_a_mapped_copy_stay(tmp_path):
    np.save(tmp_path / "layer.npy", ROWS)
    mapped = np.load(tmp_path / "layer.npy", mmap_mode="c")
    mapped[0] = 5
    decomposition.moments(mapped)
    assert (mapped[0] == 5).all()


@pytest.mark.parametrize(
    ("activations", "message"),
    [
        (ROWS[:1], "activations are 1 sample(s); a variance takes at least 2: record more images"),
        ([[1.0, np.nan], [0, 0]], "activations hold nan at row 0, column 1; all must be finite"),
        ([[1.0], [-np.inf]], "activations hold -inf at row 1, column 0; all must be finite"),
        (ROWS[0], "activations have shape (3,); it must be (samples, n), neither 0: reshape them"),
        (ROWS[:0], "activations have shape (0, 3); it must be (samples, n), neither 0"),
        (3.0, "activations have shape (); it must be (samples, n)"),
        ([[1, 2], [3]], "activations are rows of unequal lengths; they must form a matrix"),
        ([["a"], ["b"]], "activations are of type <U1; they must be real numbers"),
        ([[1e200], [0]], TOO_FAR),
        ([[1e308], [-1e308]], TOO_FAR),
        ([[1e-200], [0]], TOO_FAR),
    ],
)
def test_bad_activations_are_refused(activations, message):
    with pytest.raises(UserError) as caught:
        decomposition.moments(activations)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_constant_layers_have_moments_and_are_refused_where_something_must_vary():
    constant = np.full((5, 2), 0.1)
    assert not decomposition.moments(constant).covariance.any()
    for given_ in (constant, decomposition.moments(constant)):
        with pytest.raises(UserError, match="all 2 units are constant over 5 samples"):
            decomposition.varying(given_)
    found = decomposition.moments(ROWS)
    assert decomposition.varying(found) is found

"""Bases found in activations: known answers, laws, planted sources, and what is refused."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronbasis import basis, decomposition
from neuronbasis.basis import Basis
from neuronbasis.decomposition import OrderedBasis
from neuronbasis.errors import UserError
from neuronbasis.utils import activations

RNG = np.random.default_rng(0)
ROWS = RNG.standard_normal((300, 5)) @ RNG.standard_normal((5, 5)) + [3, 0, -1, 0, 9]
SOURCES = np.random.default_rng(1).uniform(-1, 1, (4000, 3))
MIXING = np.array([[2.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0], [0.0, 1.0, 1.0, 1.0]])


def by_svd(rows):
    """Variances and directions of the textbook: singular values of the centred rows."""
    rows = np.asarray(rows, dtype=np.float64)
    _, singular, vectors = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    return singular**2 / (len(rows) - 1), vectors


MAKERS = {
    "principal": decomposition.principal,
    "neurons": decomposition.neurons,
    "random": decomposition.random,
    "independent": lambda rows: decomposition.independent(rows, k=3),
    "ordered": lambda rows: decomposition.ordered(basis.thompson(11, 5), rows),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_what_every_basis_of_activations_carries(make):
    b = make(ROWS)
    assert isinstance(b, OrderedBasis)
    np.testing.assert_allclose(b.mean, ROWS.mean(axis=0), rtol=1e-13)
    along = ((ROWS - ROWS.mean(axis=0)) @ b.vectors.T).var(axis=0, ddof=1)
    np.testing.assert_allclose(b.variances, along, rtol=1e-10)
    assert (np.diff(b.variances) <= 0).all()
    gram = b.vectors @ b.vectors.T
    assert b.orthonormal == (gram.shape == (5, 5) and np.allclose(gram, np.eye(5)))
    np.testing.assert_allclose(gram.diagonal(), 1, rtol=1e-14)
    assert b.vectors.dtype == b.variances.dtype == b.mean.dtype == np.float64
    assert make(ROWS).vectors.tobytes() == b.vectors.tobytes()
    with pytest.raises(ValueError, match="read-only"):
        b.variances[0] = 9


@pytest.mark.parametrize("name", ["principal", "neurons", "random", "ordered"])
def test_moments_can_be_taken_once_for_all(name):
    direct, reused = MAKERS[name](ROWS), MAKERS[name](decomposition.moments(ROWS))
    assert reused.vectors.tobytes() == direct.vectors.tobytes()
    assert reused.variances.tobytes() == direct.variances.tobytes()


def test_principal_components_are_those_of_the_svd():
    b, (variances, vectors) = decomposition.principal(ROWS), by_svd(ROWS)
    np.testing.assert_allclose(b.variances, variances, rtol=1e-12)
    np.testing.assert_allclose(np.abs((b.vectors * vectors).sum(axis=1)), 1, rtol=1e-12)
    assert b.labels[:2] == ("PC 1", "PC 2")


def test_all_components_of_tall_single_precision_rows_with_a_large_mean_are_right(monkeypatch):
    """Where a one-pass solver in single precision gets the later components wrong."""
    monkeypatch.setattr(activations, "CHUNK", 64 * 500)
    rng = np.random.default_rng(2)
    turn = np.linalg.qr(rng.standard_normal((64, 64)))[0]
    rows = rng.standard_normal((4000, 64)) * np.logspace(1, -1, 64) @ turn.T
    rows = (rows + 1000).astype(np.float32)
    b, (variances, vectors) = decomposition.principal(rows), by_svd(rows)
    np.testing.assert_allclose(b.variances, variances, rtol=1e-9)
    assert np.abs((b.vectors * vectors).sum(axis=1)).min() > 1 - 1e-9
    single = np.linalg.eigh(rows.T @ rows / 4000 - np.outer(rows.mean(0), rows.mean(0)))[0]
    assert np.abs(single[::-1] / variances - 1).max() > 1


@settings(deadline=None, max_examples=20)
@given(n=st.integers(1, 8), seed=st.integers(0, 2**32))
def test_components_diagonalise_turn_along_and_ignore_the_order_of_samples(n, seed):
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((20, n)) * 2.0 ** np.arange(n)
    b, covariance = decomposition.principal(rows), decomposition.moments(rows).covariance
    rebuilt = b.vectors.T * b.variances @ b.vectors
    np.testing.assert_allclose(rebuilt, covariance, atol=1e-12 * b.variances[0])
    turn = np.linalg.qr(rng.standard_normal((n, n)))[0]
    turned = decomposition.principal(rows @ turn.T + 5)
    np.testing.assert_allclose(turned.variances, b.variances, rtol=1e-9)
    cosines = (turned.vectors * (b.vectors @ turn.T)).sum(axis=1)
    np.testing.assert_allclose(np.abs(cosines), 1, rtol=1e-6)
    shuffled = decomposition.principal(rows[::-1])
    np.testing.assert_allclose(shuffled.vectors, b.vectors, atol=1e-6)  # signs too


@pytest.mark.parametrize("seed", range(6))
def test_the_first_of_equally_large_entries_is_positive(seed):
    """Which of them rounding makes largest must not decide the sign."""
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1.0, 1.0], 16)
    first = decomposition.principal(np.outer(rng.standard_normal(50), signs)).vectors[0]
    np.testing.assert_allclose(first, signs * signs[0] / 4, atol=1e-14)


def test_constant_units_have_no_part_in_components_with_variance():
    rows = np.insert(ROWS, [0, 2, 2], [7.0, 0.1, 0.0], axis=1)
    b, without = decomposition.principal(rows), decomposition.principal(ROWS)
    np.testing.assert_allclose(b.variances[:5], without.variances, rtol=1e-12)
    assert not b.variances[5:].any()
    np.testing.assert_allclose(b.vectors[:5][:, [0, 3, 4]], 0, atol=1e-12)
    assert b.orthonormal
    assert not decomposition.neurons(rows).variances[-3:].any()
    assert decomposition.neurons(rows).labels[-3:] == ("neuron 0", "neuron 3", "neuron 4")


def test_fewer_samples_than_units_give_a_whole_basis_with_zeros():
    b = decomposition.principal(np.random.default_rng(3).standard_normal((4, 9)))
    assert (b.m, np.count_nonzero(b.variances), b.orthonormal) == (9, 3, True)


def test_neurons_are_axes_by_variance():
    b = decomposition.neurons(torch.tensor(ROWS))
    order = np.argsort(-ROWS.var(axis=0))
    np.testing.assert_array_equal(b.vectors, np.eye(5)[order])
    assert b.labels == tuple(f"neuron {i}" for i in order)


def test_random_bases_hang_on_the_seed_and_not_on_the_activations():
    first, other = decomposition.random(ROWS, 1), decomposition.random(ROWS * [9, 1, 5, 1, 1], 1)
    cosines = np.abs(first.vectors @ other.vectors.T)
    np.testing.assert_allclose(cosines.max(axis=1), 1, rtol=1e-12)  # the same, in another order
    assert np.abs(first.vectors @ decomposition.random(ROWS, 2).vectors.T).max() < 0.999
    assert (first.name, decomposition.random(ROWS, 2).name) == (
        "random (seed 1)",
        "random (seed 2)",
    )
    assert decomposition.random(ROWS, np.random.default_rng(1)).name == "random"


def test_ordering_keeps_vectors_with_their_labels():
    given_ = Basis(np.eye(5)[:3], "mine", ["a", "b", "c"])
    b = decomposition.ordered(given_, ROWS)
    rank = np.argsort(-ROWS.var(axis=0)[:3])
    assert (b.name, b.labels) == ("mine", tuple("abc"[i] for i in rank))
    np.testing.assert_array_equal(b.vectors, given_.vectors[rank])


def closest(known, found):
    """For each known direction, the cosine of the one nearest to it."""
    known = known / np.linalg.norm(known, axis=1, keepdims=True)
    return np.abs(known @ found.vectors.T).max(axis=1)


@pytest.mark.parametrize("seed", [0, 1])
def test_independent_components_find_planted_sources_and_principal_ones_do_not(seed):
    rows = SOURCES @ MIXING + 5
    b = decomposition.independent(rows, 3, seed)
    assert closest(MIXING, b).min() > 0.999
    assert closest(MIXING, decomposition.principal(rows)).min() < 0.97
    assert closest(MIXING, decomposition.random(rows, seed)).min() < 0.97
    assert b.labels == ("IC 1", "IC 2", "IC 3")


def test_independent_components_span_what_as_many_principal_ones_span():
    b = decomposition.independent(ROWS, 3)
    span, known = decomposition.nested_span(b), decomposition.principal(ROWS).vectors[:3]
    np.testing.assert_allclose(span.T @ span, known.T @ known, atol=1e-10)


def literal_span(vectors):
    """Gram-Schmidt by least squares: what is left of each vector beside those before."""
    rows = []
    for i, vector in enumerate(vectors):
        before = vectors[:i].T
        left = vector - before @ np.linalg.lstsq(before, vector)[0] if i else vector
        length = np.linalg.norm(left)
        rows.append(left / length if length > 1e-8 else 0 * left)
    return np.array(rows)


@settings(deadline=None, max_examples=20)
@given(m=st.integers(1, 9), n=st.integers(1, 6), repeat=st.booleans(), seed=st.integers(0, 2**32))
def test_nested_spans_are_those_of_least_squares(m, n, repeat, seed):
    vectors = basis.random(m, n, seed).vectors
    if repeat:
        vectors = np.repeat(vectors, 2, axis=0) * np.where(np.arange(2 * m) % 2, -1, 1)[:, None]
    found = decomposition.nested_span(Basis(vectors))
    np.testing.assert_allclose(found, literal_span(vectors), atol=1e-7)
    gram = found @ found.T
    np.testing.assert_allclose(gram, np.diag(found.any(axis=1)), atol=1e-12)
    assert np.count_nonzero(found.any(axis=1)) == min(m, n)


def test_the_nested_span_of_an_orthonormal_basis_is_itself():
    b = decomposition.principal(ROWS)
    assert decomposition.nested_span(b) is b.vectors


def test_nearly_parallel_vectors_still_give_orthogonal_rows():
    vectors = np.random.default_rng(0).standard_normal((20, 30))
    found = decomposition.nested_span(Basis(vectors[0] + 1e-6 * vectors))
    np.testing.assert_allclose(found @ found.T, np.eye(20), atol=1e-14)


ONE_LESS = np.column_stack([ROWS, ROWS[:, 0]])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: decomposition.principal(ROWS[:1]), "activations are 1 sample(s); a variance"),
        (lambda: decomposition.neurons(np.ones((4, 2))), "all 2 units are constant over 4 samples"),
        (lambda: decomposition.principal([[np.nan], [1]]), "activations hold nan at row 0"),
        (
            lambda: decomposition.independent(ROWS, 6),
            "k is 6; the activations, 300 samples of width 5, vary in 5 directions: pass a k of",
        ),
        (
            lambda: decomposition.independent(ONE_LESS, 6),
            "k is 6; the activations, 300 samples of width 6, vary in 5 directions",
        ),
        (lambda: decomposition.independent(ROWS, 0), "k is 0; it must be an integer >= 1"),
        (lambda: decomposition.independent(ROWS, 2.0), "k is 2.0; it must be an integer >= 1"),
        (lambda: decomposition.independent(ROWS, 2, seed=-1), "seed is -1; it must be an integer"),
        (lambda: decomposition.independent(ROWS, 2, tolerance=0), "tolerance is 0; it must lie in"),
        (
            lambda: decomposition.independent(ROWS, 4, max_iterations=1, tolerance=1e-9),
            "no independent components within max_iterations = 1 to a tolerance of 1e-09: raise",
        ),
        (lambda: decomposition.random(ROWS, seed=1.5), "seed is 1.5; it must be an integer >= 0"),
        (
            lambda: decomposition.ordered(basis.standard(4), ROWS),
            "activations have width 5 and the basis 4; the two must be equal",
        ),
        (lambda: decomposition.ordered(np.eye(5), ROWS), "basis is a ndarray; it must be a Basis"),
        (
            lambda: OrderedBasis([[1, 0], [0, 1]], [1, 2], [0, 0]),
            "variances must be >= 0 and descending: use decomposition.ordered",
        ),
        (lambda: OrderedBasis([[1, 0]], [-1], [0, 0]), "variances must be >= 0 and descending"),
        (lambda: OrderedBasis([[1, 0]], [1, 0], [0, 0]), "variances must be 1 finite numbers"),
        (lambda: OrderedBasis([[1, 0]], [1], [0, np.nan]), "mean must be 2 finite numbers"),
        (lambda: OrderedBasis([[1, 0]], ["a"], [0, 0]), "variances must be 1 finite numbers"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(UserError) as caught:
        make()
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)

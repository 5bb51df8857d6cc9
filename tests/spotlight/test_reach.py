"""Directions that no plane's cone can hold are left out beforehand, and no others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuronbasis import basis
from neuronbasis.spotlight import _arcs, choose
from neuronbasis.spotlight._search import within_reach


def near_twins(angle):
    """Three axes, and beside the first one a vector at `angle` to it."""
    return np.vstack([np.eye(3), [np.cos(angle), np.sin(angle), 0]])


BASES = {
    "standard": np.eye(5),
    "orthoplex": basis.orthoplex(5).vectors,
    "simplex": basis.simplex(5).vectors,
    "random": basis.random(7, 5, seed=3).vectors,
    "parallel within the limit": near_twins(1e-3),
    "parallel beyond the limit": near_twins(2e-3),
    "one line": np.array([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0]]),
}


def in_a_plane(vectors, planes, rows):
    """Length of each row's shadow in each plane, by an orthonormal pair of the plane."""
    found = []
    for corners in planes.corners:
        frame, _ = np.linalg.qr(vectors[corners].T)
        found.append(np.linalg.norm(rows @ frame, axis=1))
    return np.array(found)


@pytest.mark.parametrize("name", BASES)
@given(seed=st.integers(0, 10**6), epsilon=st.floats(0.05, 1), sparse=st.integers(1, 5))
def test_what_is_left_out_is_in_no_cone(name, seed, epsilon, sparse):
    vectors, rng = BASES[name], np.random.default_rng(seed)
    planes = choose(vectors)
    rows = rng.normal(size=(40, vectors.shape[1])) ** (2 * sparse - 1)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    projections = np.ascontiguousarray(vectors @ rows.T)
    kept = within_reach(projections, planes, epsilon)
    needed = (in_a_plane(vectors, planes, rows) >= epsilon).any(axis=0)
    held = {column.tobytes() for column in kept.T.copy()}
    assert all(column.tobytes() in held for column in projections[:, needed].T.copy())
    assert held <= {column.tobytes() for column in projections.T.copy()}


def test_most_directions_are_left_out_of_an_orthoplex():
    vectors, rng = basis.orthoplex(24).vectors, np.random.default_rng(0)
    rows = rng.normal(size=(1000, 24))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    kept = within_reach(np.ascontiguousarray(vectors @ rows.T), choose(vectors), 0.7)
    assert kept.shape[1] < 100


def test_opposite_vectors_are_one_line_and_where_pairs_are_missing_none_is_left_out():
    planes = choose(basis.orthoplex(4).vectors)
    assert len(planes.lines) == 4
    assert len(planes.both_senses().lines) == 4
    assert planes[:5].lines.tolist() == np.unique(planes.corners[:5]).tolist()
    assert len(choose(basis.orthoplex(4).vectors, "permutations").lines) == 8


@pytest.mark.parametrize("b", [basis.standard(8), basis.orthoplex(6), basis.simplex(10)], ids=str)
def test_counts_are_those_of_all_directions(b, monkeypatch):
    vectors, rng = b.vectors, np.random.default_rng(1)
    rows = rng.normal(size=(500, vectors.shape[1]))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    projections, planes = np.ascontiguousarray(vectors @ rows.T), choose(vectors)

    def both():
        counts = np.zeros((len(planes), 90), np.int32)
        _arcs.count(projections, planes, 0.9, counts)
        return counts, _arcs.total(projections, planes, 0.9, 90)

    assert within_reach(projections, planes, 0.9).shape[1] < 500
    quick = both()
    monkeypatch.setattr(_arcs, "within_reach", lambda projections, *_: projections)
    for fast, slow in zip(quick, both(), strict=True):
        np.testing.assert_array_equal(fast, slow)
    assert quick[1].any()

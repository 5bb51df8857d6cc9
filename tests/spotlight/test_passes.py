"""The fast passes give the integers of the one that looks at every pair, wherever they are used."""

import math
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

import pair_by_pair
from neuronbasis import basis, spotlight
from neuronbasis.spotlight import _arcs, _device, _ends, choose

BASES = {
    "standard": basis.standard,
    "rotated": lambda n: basis.standard(n).rotated(n),
    "orthoplex": lambda n: basis.orthoplex(n, seed=n),
    "oblique": lambda n: basis.random(n + 3, n, seed=n),
    "crowded": lambda n: basis.Basis(np.eye(n) + 0.4),
    "parallel": lambda n: basis.Basis(np.repeat(np.eye(n), 2, axis=0) + 1e-9 * np.eye(2 * n, n)),
    "incomplete": lambda n: basis.Basis(np.eye(n)[: n // 2 + 1]),
}


def directions(seed, b, samples, kind):
    """Unit rows: even, near the vectors, on them and half-way between them, or in few units."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((samples, b.n))
    if kind == "near":
        rows = 4 * b.vectors[rng.integers(0, b.m, samples)] + rows
    elif kind == "tied":  # ends of arcs lie on grid angles
        rows = b.vectors[rng.integers(0, b.m, samples)] + b.vectors[rng.integers(0, b.m, samples)]
        rows[~rows.any(axis=1)] = b.vectors[0]
    elif kind == "sparse":
        rows *= rng.random(rows.shape) < 2 / b.n
        rows[~rows.any(axis=1), 0] = 1
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    kind=st.sampled_from(["even", "near", "tied", "sparse"]),
    name=st.sampled_from(sorted(BASES)),
    n=st.integers(2, 48),
    samples=st.integers(1, 700),
    epsilon=st.sampled_from(
        [1e-200, 1e-7, 0.05, 0.3, 0.8, 1.0, *(math.cos(math.radians(d)) for d in range(15, 90, 15))]
    ),
    angles=st.sampled_from([1, 2, 7, 24, 90, 360, 3600]),
    drawn=st.sampled_from([None, 5, 200]),
    form=st.sampled_from(["combinations", "permutations", "neighbours"]),
    always=st.booleans(),
)
@example(0, "even", "standard", 40, 500, 0.3, 360, None, "combinations", True)
@example(1, "tied", "standard", 40, 500, 0.5, 360, None, "combinations", True)
@example(2, "tied", "rotated", 40, 500, math.cos(math.pi / 4), 24, None, "combinations", True)
@example(3, "even", "oblique", 40, 700, 0.5, 360, None, "combinations", True)
@example(4, "near", "crowded", 40, 700, 0.8, 360, None, "combinations", True)
def test_integers_are_those_of_pair_by_pair(
    seed, kind, name, n, samples, epsilon, angles, drawn, form, always
):
    b = BASES[name](n)
    planes = choose(b.vectors, form, drawn, seed)
    projections = _arcs.project(b.vectors, directions(seed, b, samples, kind))
    counts, expected = np.zeros((2, len(planes), angles), np.int32)
    # `always`: whatever the rule says, so that dense and tiny cases are tried too.
    rule = (lambda *_: True) if always else _arcs._by_vectors
    with mock.patch.object(_arcs, "_by_vectors", rule):
        total = _arcs.total(projections, planes, epsilon, angles)
        _arcs.count(projections, planes, epsilon, counts, weight=-1)
    pair_by_pair.count(projections, planes, epsilon, expected, weight=-1)
    np.testing.assert_array_equal(counts, expected)
    expected = pair_by_pair.total(projections, planes, epsilon, angles)
    np.testing.assert_array_equal(total, expected)


@pytest.mark.parametrize("n", [31, 33, 130, 300])
def test_widths_about_the_rules_of_choice(n):
    b = basis.standard(n)
    epsilon = spotlight.epsilon_for(1e-3, n)
    projections = directions(0, b, 3000, "even").T.copy()
    projections[:, :2000:100] = np.eye(n)[:, :20]
    planes = choose(b.vectors)
    np.testing.assert_array_equal(
        _arcs.total(projections, planes, epsilon, 360),
        pair_by_pair.total(projections, planes, epsilon, 360),
    )


def test_each_pass_is_taken_somewhere_in_these_tests():
    """The rules choose what they say, or the comparisons of this file would compare nothing."""
    wide, oblique = basis.standard(40), basis.random(50, 48, seed=1)
    assert _arcs.by_rows(choose(wide.vectors), 40)
    for b, drawn in ((wide, 50), (oblique, None), (basis.standard(20), None)):
        assert not _arcs.by_rows(choose(b.vectors, max_planes=drawn), b.m)
    projections = _arcs.project(oblique.vectors, directions(0, oblique, 500, "even"))
    planes = choose(oblique.vectors)
    assert _arcs._by_vectors(projections, planes, 0.45, 360)
    assert not _arcs._by_vectors(projections, planes, 0.05, 360)  # too much is reached
    assert not _arcs._by_vectors(projections, planes, 0.95, 360)  # a look at each is cheaper
    assert not _arcs._by_vectors(projections, planes[:300], 0.45, 360)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("form", ["combinations", "permutations", "neighbours"])
def test_resonance_of_classes_is_that_of_pair_by_pair(form, signed, monkeypatch):
    b = basis.random(60, 48, seed=1)
    rows = np.random.default_rng(0).standard_normal((1500, 48))
    rows[::7] = 0
    call = {"epsilon": 0.45, "planes": form, "signed": signed, "labels": np.arange(1500) % 3}
    monkeypatch.setattr(_arcs, "_WORTH", 1)
    found = spotlight.resonance(rows, b, **call)
    summed = spotlight.summary(rows, b, 0.45, planes=form, signed=signed)
    monkeypatch.setattr(_arcs, "count", pair_by_pair.count)
    assert found.identical(spotlight.resonance(rows, b, **call))
    assert summed.identical(spotlight.summary(rows, b, 0.45, planes=form, signed=signed))


def test_polynomials_are_as_near_as_their_margin_says():
    rng = np.random.default_rng(0)
    r, turn = 0.2 * (1 + rng.exponential(2, 10**6)), rng.uniform(-np.pi, np.pi, 10**6)
    p, q = np.append(r * np.cos(turn), [1, -1, 0, 0]), np.append(r * np.sin(turn), [0, 0, 1, -1])
    cells, angles = np.empty((4, p.size), np.int32), 10**7  # cells of 6e-7 radians
    _ends._cells(p, q, np.full(p.size, 0.5 * np.pi), 0.2, angles, cells)
    half, centre = np.arccos(0.2 / np.hypot(p, q)), np.arctan2(q, p)
    for found, exact in (
        (cells[0] - angles, centre - half),
        (cells[1] - angles - 1, centre + half),
    ):
        off = np.abs(found * 2 * np.pi / angles - exact) - 2 * np.pi / angles
        assert off.max() < _ends.MARGIN / 4


# --- on a device --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["even", "near", "tied", "sparse"])
@pytest.mark.parametrize("name", ["standard", "rotated"])
@pytest.mark.parametrize(("epsilon", "angles"), [(0.3, 360), (0.5, 90), (1.0, 360), (0.05, 7)])
def test_torch_gives_the_same_integers(kind, name, epsilon, angles, monkeypatch):
    monkeypatch.setattr(_device, "_PAIRS", 5000)  # so that there are several parts
    b = BASES[name](40)
    projections, planes = _arcs.project(b.vectors, directions(0, b, 300, kind)), choose(b.vectors)
    rows = torch.tensor(projections.T.copy(), device=_device.found() or "cpu")
    steps = _device.total(rows, planes.cosines[:, 0], epsilon * (1 - _arcs.EDGE), angles)
    expected = pair_by_pair.total(projections, planes, epsilon, angles)
    np.testing.assert_array_equal(_arcs.on_one_turn(steps, angles), expected)


def test_torch_gives_the_same_integers_of_a_million_arcs():
    n = 300
    rows = directions(0, basis.standard(n), 2500, "even")
    planes, epsilon = choose(np.eye(n)), spotlight.epsilon_for(1e-3, n)
    there = torch.tensor(rows, device=_device.found() or "cpu")
    steps = _device.total(there, planes.cosines[:, 0], epsilon * (1 - _arcs.EDGE), 360)
    expected = _arcs.total(rows.T.copy(), planes, epsilon, 360)
    np.testing.assert_array_equal(_arcs.on_one_turn(steps, 360), expected)

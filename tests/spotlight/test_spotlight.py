import math
import os
import re
import subprocess
import sys

import numba
import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import binom

import slow_twin
from neuronbasis import basis, spotlight
from neuronbasis.errors import UserError


def draw(samples, n, seed=0):
    return np.random.default_rng(seed).standard_normal((samples, n))


def rotation(n, seed=0):
    return np.linalg.qr(draw(n, n, seed))[0]


def counts(activations, b, *args, **kwargs):
    return spotlight.resonance(activations, b, *args, **kwargs)["count"].values


# --- the definition ---------------------------------------------------------------------------


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    n=st.integers(2, 7),
    m=st.integers(3, 6),
    form=st.sampled_from(["permutations", "triples"]),
    samples=st.integers(1, 300),
    epsilon=st.floats(0.01, 0.999),
    angles=st.integers(1, 40),
    signed=st.booleans(),
)
def test_agrees_with_the_literal_method_to_the_last_count(
    seed, n, m, form, samples, epsilon, angles, signed
):
    rng = np.random.default_rng(seed)
    b = basis.Basis(rng.standard_normal((m, n)))
    # Half of the rows lie near basis vectors, so that narrow cones are not always empty.
    near = b.vectors[rng.integers(0, m, samples)] * rng.integers(0, 2, (samples, 1)) * 4
    activations = near + rng.standard_normal((samples, n))
    r = spotlight.resonance(
        activations, b, epsilon, angles, planes=form, signed=signed, max_planes=5
    )
    assert not {"alpha", "beta"} - set(r.coords)
    for plane in range(r.sizes["plane"]):
        corners = [int(r[name][plane]) for name in ("alpha", "beta", "gamma") if name in r.coords]
        low, high = slow_twin.bounds(activations, b.vectors, corners, epsilon, angles, signed)
        found = r["count"].values[plane]
        assert (low <= found).all()
        assert (found <= high).all()
    np.testing.assert_array_equal(r.fraction.values, r["count"].values / samples)


def test_starts_at_alpha_and_turns_toward_beta():
    angle = math.radians(30)
    row = [[math.cos(angle), math.sin(angle)]]
    r = spotlight.resonance(row, basis.standard(2), epsilon=math.cos(math.radians(5.5)))
    assert np.flatnonzero(r.fraction.values[0]).tolist() == list(range(25, 36))
    np.testing.assert_allclose(np.degrees(r.angle.values), np.arange(360), atol=1e-12)
    assert r.angle.attrs["units"] == "rad"
    oblique = basis.Basis([[1, 0], [math.cos(2), math.sin(2)]])
    assert counts(row, oblique, 0.99).argmax() < 180  # toward +beta by the shorter way


def test_edge_of_the_cone_is_inside():
    found = counts([[5.0, 0.0]], basis.standard(2), epsilon=math.cos(math.pi / 3), angles=12)
    assert found[0].tolist() == [1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_epsilon_one_counts_rows_on_the_axis_alone(dtype):
    b = basis.orthoplex(6, seed=3)
    r = spotlight.resonance((7.3 * b.vectors).astype(dtype), b, epsilon=1, angles=360)
    expected = np.zeros(360)
    expected[[0, 90, 180, 270]] = 1
    np.testing.assert_array_equal(r["count"].values, np.tile(expected, (60, 1)))


def test_every_row_is_inside_the_widest_cone_about_half_of_the_time():
    r = spotlight.resonance(draw(50, 2), basis.standard(2), epsilon=1e-9, angles=1000)
    assert abs(r.fraction.values.mean() - 0.5) < 1e-3


# --- laws -------------------------------------------------------------------------------------


@pytest.fixture
def case():
    b = basis.random(9, 5, seed=1)
    activations = np.concatenate([draw(400, 5), 3 * b.vectors[[0, 0, 4]] + 0.3 * draw(3, 5)])
    return activations, b


def test_only_directions_count(case):
    activations, b = case
    lengths = 10.0 ** np.random.default_rng(0).integers(-300, 300, (len(activations), 1))
    np.testing.assert_array_equal(
        counts(activations * lengths, b, 0.6), counts(activations, b, 0.6)
    )


def test_order_of_the_samples_does_not_matter(case):
    activations, b = case
    shuffled = np.random.default_rng(0).permutation(activations)
    np.testing.assert_array_equal(counts(shuffled, b, 0.6), counts(activations, b, 0.6))


def test_data_and_basis_turned_together_give_the_same(case):
    activations, b = case
    q = rotation(5)
    turned = basis.Basis(b.vectors @ q)
    np.testing.assert_array_equal(counts(activations @ q, turned, 0.6), counts(activations, b, 0.6))


def test_data_turned_alone_give_another_answer(case):
    activations, b = case
    assert (counts(activations @ rotation(5), b, 0.6) != counts(activations, b, 0.6)).any()


def test_samples_add_up(case):
    activations, b = case
    parts = counts(activations[:150], b, 0.6) + counts(activations[150:], b, 0.6)
    np.testing.assert_array_equal(parts, counts(activations, b, 0.6))


def test_permutations_hold_each_plane_in_both_senses():
    b = basis.Basis(rotation(4))  # orthogonal: the other sense is a mirror about 45 degrees
    r = spotlight.resonance(draw(300, 4), b, 0.7, angles=40, planes="permutations")
    table = r["count"].set_index(plane=["alpha", "beta"])
    for a in range(4):
        for c in range(a):
            mirrored = table.sel(alpha=c, beta=a).values[(10 - np.arange(40)) % 40]
            np.testing.assert_array_equal(table.sel(alpha=a, beta=c).values, mirrored)


@pytest.mark.parametrize("angles", [36, 37])
def test_signed_takes_off_the_opposite_cone(case, angles):
    activations, b = case
    signed = counts(activations, b, 0.6, angles, signed=True)
    opposite = counts(-activations, b, 0.6, angles)
    np.testing.assert_array_equal(signed, counts(activations, b, 0.6, angles) - opposite)
    assert signed.min() < 0 < signed.max()
    symmetric = np.concatenate([activations, -activations])
    assert not counts(symmetric, b, 0.6, angles, signed=True).any()


def test_number_of_threads_does_not_matter(case):
    activations, b = case
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        alone = counts(activations, b, 0.6)
    finally:
        numba.set_num_threads(before)
    np.testing.assert_array_equal(counts(activations, b, 0.6), alone)


def test_kind_of_array_does_not_matter(case):
    activations, b = case
    single = activations.astype(np.float32)
    expected = counts(single.astype(np.float64), b, 0.6)
    wide = np.zeros((2 * len(single), 10), np.float32)
    wide[::2, ::2] = single
    tensor = torch.from_numpy(single)
    frame = xr.DataArray(single, dims=("sample", "unit"))
    for same in (single, single.tolist(), wide[::2, ::2], np.asfortranarray(single), frame):
        np.testing.assert_array_equal(counts(same, b, 0.6), expected)
    for same in (tensor, tensor.double().requires_grad_(), tensor.T.contiguous().T):
        np.testing.assert_array_equal(counts(same, b, 0.6), expected)
    rough = tensor.bfloat16()
    np.testing.assert_array_equal(counts(rough, b, 0.6), counts(rough.double(), b, 0.6))


def test_whole_numbers_are_activations_too():
    rows = [[3, 4, 0], [0, -2, 1]]
    b = basis.standard(3)
    expected = counts(np.array(rows, float), b, 0.5)
    np.testing.assert_array_equal(counts(rows, b, 0.5), expected)
    np.testing.assert_array_equal(counts(np.array(rows, np.int8), b, 0.5), expected)


def test_activations_are_left_as_they_were(case):
    activations, b = case
    activations[7] = 0
    kept = activations.copy()
    spotlight.resonance(activations, b, 0.6)
    np.testing.assert_array_equal(activations, kept)


# --- what is left out -------------------------------------------------------------------------


def test_rows_of_zeros_are_left_out_of_both_sides_and_counted(case):
    activations, b = case
    with_zeros = np.insert(activations, [0, 5, 5, len(activations)], 0.0, axis=0)
    r = spotlight.resonance(with_zeros, b, 0.6)
    assert (r.attrs["zero_rows"], r.attrs["samples"]) == (4, len(activations))
    expected = spotlight.resonance(activations, b, 0.6)
    np.testing.assert_array_equal(r.fraction, expected.fraction)
    assert expected.attrs["zero_rows"] == 0


@pytest.mark.parametrize(
    ("form", "planes", "parallel"), [("combinations", 1104, 24), ("permutations", 2208, 48)]
)
def test_opposite_vectors_span_no_plane(form, planes, parallel):
    r = spotlight.resonance(draw(20, 24), basis.orthoplex(24, seed=0), angles=2, planes=form)
    assert (r.sizes["plane"], r.attrs["parallel_pairs"]) == (planes, parallel)
    assert np.isfinite(r.fraction).all()


def test_equal_and_nearly_opposite_vectors_span_none_either():
    b = basis.Basis([[1, 0, 0], [1, 0, 0], [-1, 1e-4, 0], [-1, 1e-2, 0]])
    r = spotlight.resonance(draw(9, 3), b)
    assert r.attrs["parallel_pairs"] == 3
    assert list(zip(r.alpha.values.tolist(), r.beta.values.tolist(), strict=True)) == [
        (0, 3),
        (1, 3),
        (2, 3),
    ]


# --- planes -----------------------------------------------------------------------------------


def pairs(r):
    return list(zip(r.alpha.values.tolist(), r.beta.values.tolist(), strict=True))


def test_neighbours_are_pairs_with_the_largest_cosine_of_one_of_them():
    turn = np.radians([0, 60, 120, 180, 240, 310])  # the last stands nearer to the first
    b = basis.Basis(np.stack([np.cos(turn), np.sin(turn)], axis=1))
    r = spotlight.resonance(draw(9, 2), b, planes="neighbours")
    assert pairs(r) == [(0, 1), (0, 5), (1, 2), (2, 3), (3, 4)]


def test_all_vectors_equally_near_are_neighbours():
    b = basis.simplex(4)
    assert pairs(spotlight.resonance(draw(9, 4), b, planes="neighbours")) == pairs(
        spotlight.resonance(draw(9, 4), b)
    )
    b = basis.orthoplex(3)
    assert spotlight.resonance(draw(9, 3), b, planes="neighbours").sizes["plane"] == 12


def test_explicit_pairs_keep_their_order(case):
    activations, b = case
    r = spotlight.resonance(activations, b, 0.6, planes=[(4, 1), (0, 2), (4, 1)])
    assert pairs(r) == [(4, 1), (0, 2), (4, 1)]
    every = spotlight.resonance(activations, b, 0.6, planes="permutations")
    at = pairs(every).index((4, 1))
    np.testing.assert_array_equal(r.fraction[0], every.fraction[at])
    np.testing.assert_array_equal(r.fraction[2], every.fraction[at])


def test_sampled_planes_hang_on_the_seed_alone(case):
    activations, b = case
    every = spotlight.resonance(activations, b, 0.6)
    some = [spotlight.resonance(activations, b, 0.6, max_planes=10, seed=s) for s in (1, 1, 2)]
    assert some[0].identical(some[1])
    assert pairs(some[0]) != pairs(some[2])
    assert some[0].attrs["planes_available"] == 36
    at = [pairs(every).index(pair) for pair in pairs(some[0])]
    assert len(set(at)) == 10
    np.testing.assert_array_equal(some[0].fraction, every.fraction[at])
    assert spotlight.resonance(activations, b, 0.6, max_planes=99).sizes["plane"] == 36


# --- triples, classes, the exact curve ----------------------------------------------------------


def test_a_triple_passes_its_three_vectors_in_their_order():
    b = basis.simplex(2)
    r = spotlight.self_resonance(b, epsilon=1, angles=360, planes="triples")
    assert [int(r[name].item()) for name in ("alpha", "beta", "gamma")] == [0, 1, 2]
    assert np.flatnonzero(r["count"][0]).tolist() == [0, 120, 240]
    order = spotlight.resonance(b.vectors[[1]], b, epsilon=1, planes=[(0, 1, 2), (0, 2, 1)])
    assert order["count"].values.argmax(axis=1).tolist() == [120, 240]


def test_a_triple_may_hold_a_direction_all_the_way_round():
    axis = [[1.0, 1.0, 1.0]]  # at cosine 0.577 to the whole circle
    b = basis.standard(3)
    for angles in range(1, 200):
        assert (counts(axis, b, 0.57, angles, planes="triples") == 1).all()
        assert not counts(axis, b, 0.58, angles, planes="triples").any()


def test_triples_leave_out_equal_vectors_only():
    b = basis.Basis([[1, 0, 0], [1, 0, 0], [-1, 0, 0], [0, 1, 0]])
    r = spotlight.resonance(draw(9, 3), b, planes="triples")
    assert (r.sizes["plane"], r.attrs["parallel_pairs"]) == (2, 2)


def test_each_class_is_counted_by_itself(case):
    activations, b = case
    activations[3] = 0
    labels = np.array(["cat", "dog", "eel"])[np.arange(len(activations)) % 3]
    r = spotlight.resonance(activations, b, 0.6, labels=labels, signed=True)
    assert r.fraction.dims == ("class", "plane", "angle")
    assert r["class"].values.tolist() == ["cat", "dog", "eel"]
    assert r.class_samples.sum() == 402
    for name in ("cat", "dog", "eel"):
        alone = spotlight.resonance(activations[labels == name], b, 0.6, signed=True)
        np.testing.assert_array_equal(r.fraction.sel({"class": name}), alone.fraction)
        assert r.class_samples.sel({"class": name}) == alone.attrs["samples"]
    whole = spotlight.resonance(activations, b, 0.6, signed=True)
    np.testing.assert_array_equal(r["count"].sum("class"), whole["count"])
    numbers = torch.from_numpy(np.searchsorted(["cat", "dog", "eel"], labels))
    again = spotlight.resonance(activations, b, 0.6, labels=numbers, signed=True)
    np.testing.assert_array_equal(again.fraction, r.fraction)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    corners=st.sampled_from([(0, 1), (3, 0), (0, 1, 2), (3, 1, 0)]),
    epsilon=st.floats(0.05, 0.95),
    signed=st.booleans(),
)
def test_the_exact_curve_runs_through_the_grid(seed, corners, epsilon, signed):
    rng = np.random.default_rng(seed)
    b = basis.Basis(rng.standard_normal((4, 3)))
    activations = rng.standard_normal((60, 3))
    c = spotlight.curve(activations, b, corners, epsilon, signed)
    r = spotlight.resonance(activations, b, epsilon, 500, [corners], signed)
    at = np.searchsorted(c.angle.values, r.angle.values, side="right") - 1
    np.testing.assert_array_equal(c["count"].values[at], r["count"].values[0])
    assert (c.angle[0], c.attrs["samples"]) == (0, 60)
    assert (np.diff(c.angle) > 0).all()


def test_the_exact_curve_of_one_row_is_its_arc():
    row, epsilon = np.array([[0.6, 0.6, 0.4]]), 0.5
    c = spotlight.curve(row, basis.standard(3), (0, 1), epsilon)
    r = np.hypot(0.6, 0.6) / np.linalg.norm(row)
    half = np.arccos(epsilon / r)
    np.testing.assert_allclose(c.angle, [0, np.pi / 4 + half, 2 * np.pi + np.pi / 4 - half][:3])
    assert c["count"].values.tolist() == [1, 0, 1]


# --- self-SRM and the null --------------------------------------------------------------------


def test_self_resonance_of_a_simplex_peaks_at_its_vectors():
    b = basis.simplex(2)
    r = spotlight.self_resonance(b, epsilon=0.99, angles=360, planes="permutations")
    assert r.attrs["samples"] == 3
    for curve in r["count"].values:
        width = math.degrees(math.acos(0.99))
        centres = np.array([0, 120, 240])
        away = np.abs((np.arange(360)[:, None] - centres + 180) % 360 - 180).min(axis=1)
        np.testing.assert_array_equal(curve, away <= width)


@pytest.mark.parametrize("n", [2, 3, 8, 24, 64])
def test_isotropic_data_hold_the_null_fraction(n):
    epsilon = spotlight.epsilon_for(0.05, n)
    r = spotlight.resonance(draw(40_000, n, seed=n), basis.standard(n), epsilon, 1, max_planes=1)
    expected = r.attrs["isotropic_fraction"]
    assert expected == pytest.approx(0.05)
    low, high = binom.ppf([1e-4, 1 - 1e-4], 40_000, expected)
    assert low <= r["count"].item() <= high


def test_the_isotropic_band_holds_as_many_points_as_stated():
    low, high = spotlight.isotropic_band(0.5, 3, samples=400, confidence=0.9)
    r = spotlight.resonance(
        draw(40_000, 3), basis.standard(3), 0.5, 1, labels=np.arange(40_000) % 100
    )
    inside = ((low <= r.fraction[:, 0]) & (r.fraction[:, 0] <= high)).sum()
    assert binom.ppf(1e-4, 100, 0.9) <= inside <= 100
    assert low < 0.25 < high
    assert spotlight.isotropic_band(0.9, 2000, samples=10) == (0, 0)


@settings(max_examples=30, deadline=None)
@given(epsilon=st.floats(0.001, 0.999))
def test_isotropic_fraction_has_its_closed_forms(epsilon):
    assert spotlight.isotropic_fraction(epsilon, 1) == 0.5
    assert spotlight.isotropic_fraction(epsilon, 2) == pytest.approx(math.acos(epsilon) / math.pi)
    assert spotlight.isotropic_fraction(epsilon, 3) == pytest.approx((1 - epsilon) / 2)


@pytest.mark.parametrize(("epsilon", "n"), [(0.9, 900), (0.3, 20_000), (0.99, 4096), (0.02, 10**7)])
def test_logarithm_of_the_null_holds_where_the_null_underflows(epsilon, n):
    assert spotlight.isotropic_fraction(epsilon, n) < 1e-300
    phi = math.acos(epsilon)
    # The cap's integral of sin^(n-2), scaled by its value at the rim.
    tail, _ = quad(
        lambda t: math.exp((n - 2) * math.log(math.sin(t) / math.sin(phi))) if t else 0.0,
        max(0.0, phi - 60 / (n * epsilon)),
        phi,
        epsabs=0,
        epsrel=1e-10,
    )
    log_whole = 0.5 * math.log(math.pi) + math.lgamma((n - 1) / 2) - math.lgamma(n / 2)
    expected = (math.log(tail) + (n - 2) * math.log(math.sin(phi)) - log_whole) / math.log(10)
    assert spotlight.log10_isotropic_fraction(epsilon, n) == pytest.approx(expected, rel=1e-9)


def test_logarithm_of_the_null_joins_on():
    assert spotlight.log10_isotropic_fraction(0.9, 10) == pytest.approx(
        math.log10(spotlight.isotropic_fraction(0.9, 10))
    )
    steps = np.diff([spotlight.log10_isotropic_fraction(0.9, n) for n in range(780, 820)])
    assert np.ptp(steps) < 1e-3  # the change from one formula to the other leaves no jump
    assert spotlight.log10_isotropic_fraction(1, 5) == -math.inf


@settings(max_examples=40, deadline=None)
@given(exponent=st.floats(-9, -0.31), n=st.integers(4, 100_000))
def test_epsilon_for_inverts_the_null(exponent, n):
    fraction = 10**exponent
    epsilon = spotlight.epsilon_for(fraction, n)
    assert spotlight.isotropic_fraction(epsilon, n) == pytest.approx(fraction, rel=1e-6)


# --- results can be kept, and work goes on beside other work ------------------------------------


def test_result_survives_a_file(case, tmp_path):
    r = spotlight.resonance(*case, 0.6, signed=True, max_planes=3)
    r.to_netcdf(tmp_path / "r.nc")
    with xr.open_dataset(tmp_path / "r.nc") as back:
        xr.testing.assert_equal(back.load(), r)
        assert back.attrs["epsilon"] == 0.6
        assert back.attrs["signed"] == 1


def test_works_without_a_place_for_compiled_code_after_a_fork_and_within_bounds():
    script = """
import multiprocessing, sys
import numpy as np
from neuronbasis import basis, spotlight
def once(angles):
    rows = np.random.default_rng(0).standard_normal((999, 3))
    b = basis.Basis([[1, 0, 0], [-1, 0.1, 0], [0, 1, 0], [0, 0, 1]])
    total = spotlight.resonance(rows, b, 0.01, angles)["count"].sum()
    total += spotlight.resonance(rows, b, 0.01, angles, "triples")["count"].sum()
    return float(total + spotlight.alignment(rows, b, 0.1, 19, angles=angles + 60).attrs["slope"])
if __name__ == "__main__":
    alone = [once(angles) for angles in range(1, 12)]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(alone == pool.map(once, range(1, 12)), "torch" in sys.modules)
"""
    environment = os.environ | {
        "NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator",  # and no folder is provided
        "NUMBA_NUM_THREADS": "2",
        "NUMBA_BOUNDSCHECK": "1",
    }
    environment.pop("NUMBA_CACHE_DIR", None)
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True
    )
    assert done.stdout.split() == ["True", "False"], done.stderr


# --- mistakes ---------------------------------------------------------------------------------

ROWS = np.ones((4, 3))
MISTAKES = [
    ({"activations": ROWS * [1, np.nan, 1]}, "activations hold nan at row 0, column 1"),
    ({"activations": [[1, 2, 3], [4, 5, np.inf]]}, "activations hold inf at row 1, column 2"),
    ({"activations": np.zeros((2, 3))}, "activations are 2 rows of zeros"),
    ({"activations": np.zeros((0, 3))}, "activations have shape (0, 3)"),
    ({"activations": np.ones(3)}, "activations have shape (3,)"),
    ({"activations": np.ones((4, 2))}, "activations have width 2 and the basis 3"),
    ({"activations": ROWS * 1j}, "activations are of type complex128"),
    ({"activations": torch.ones(4, 3) * 1j}, "activations are of type complex64"),
    ({"activations": ROWS.astype(object)}, "activations are of type object"),
    ({"activations": ROWS > 0}, "activations are of type bool"),
    ({"activations": [["a", "b", "c"]]}, "activations are of type <U1"),
    ({"activations": [[1, 2, 3], [1]]}, "activations are rows of unequal lengths"),
    ({"activations": None}, "activations are of type object"),
    ({"activations": np.ma.masked_equal(ROWS, 2)}, "activations are a masked array"),
    ({"basis": np.eye(3)}, "basis is a ndarray"),
    ({"epsilon": 1.5}, "epsilon is 1.5; it must lie in (0, 1]"),
    ({"epsilon": 0}, "epsilon is 0; it must lie in (0, 1]"),
    ({"epsilon": math.nan}, "epsilon is nan; it must lie in (0, 1]"),
    ({"epsilon": "0.9"}, "epsilon is '0.9'; it must lie in (0, 1]"),
    ({"epsilon": None}, "epsilon is None; it must lie in (0, 1]"),
    ({"angles": 0}, "angles is 0; it must be an integer >= 1"),
    ({"angles": 36.0}, "angles is 36.0; it must be an integer >= 1"),
    ({"planes": "all"}, "planes is 'all'; legal are combinations, permutations, neighbours"),
    ({"planes": [0, 1]}, "planes is of shape (2,)"),
    ({"planes": [(0.0, 1.0)]}, "planes is of shape (1, 2) and type float64"),
    ({"planes": np.empty((0, 2), int)}, "planes is of shape (0, 2)"),
    ({"planes": [(0, 1), (1, 3)]}, "planes holds the row (1, 3)"),
    ({"planes": [(0, 1), (-1, 2)]}, "planes holds the row (-1, 2)"),
    ({"planes": [(2, 2)]}, "planes holds the row (2, 2)"),
    ({"basis": basis.Basis([[1, 0, 0], [-2, 0, 0]])}, "none of these 2 vectors span a plane"),
    ({"basis": basis.Basis([[1, 0, 0]])}, "none of these 1 vectors span a plane"),
    ({"max_planes": 0}, "max_planes is 0; it must be a positive integer or None"),
    ({"max_planes": 1.5}, "max_planes is 1.5; it must be a positive integer or None"),
    ({"max_planes": 1, "seed": -1}, "seed is -1"),
    ({"max_planes": 1, "seed": "x"}, "seed is 'x'"),
    ({"labels": [1, 2]}, "labels have shape (2,); there are 4 activations"),
    ({"labels": [1.5] * 4}, "labels are of type float64"),
    ({"activations": [[0, 0, 0], [1, 0, 0]], "labels": "ab"}, "labels have shape ()"),
    ({"activations": [[0, 0, 0], [1, 0, 0]], "labels": ["a", "b"]}, "class 'a' of labels"),
    ({"planes": [(0, 1, 1)]}, "planes holds the row (0, 1, 1)"),
    ({"activations": torch.eye(3).to_sparse()}, "activations is a tensor of layout"),
    ({"signed": "no"}, "signed is 'no'; it must be True or False"),
]


@pytest.mark.parametrize(("mistake", "message"), MISTAKES)
def test_a_mistake_is_told_in_one_line(mistake, message):
    arguments = {"activations": ROWS, "basis": basis.standard(3)} | mistake
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        spotlight.resonance(**arguments)
    assert "\n" not in str(caught.value)
    assert ": " in str(caught.value)  # the remedy


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spotlight.isotropic_fraction(2, 3), "epsilon is 2"),
        (lambda: spotlight.isotropic_fraction(0.5, 0), "n is 0; it must be an integer >= 1"),
        (lambda: spotlight.isotropic_fraction(0.5, 2.5), "n is 2.5"),
        (lambda: spotlight.epsilon_for(0.5, 3), "fraction is 0.5; it must lie in (0, 0.5)"),
        (lambda: spotlight.epsilon_for(0.1, 1), "n is 1; it must be an integer >= 2"),
        (lambda: spotlight.epsilon_for(1e-200, 3), "fraction is 1e-200; at n=3"),
        (lambda: spotlight.isotropic_band(0.5, 3, 0), "samples is 0; it must be an integer >= 1"),
        (lambda: spotlight.isotropic_band(0.5, 3, 9, 1.0), "confidence is 1.0; it must lie in"),
        (lambda: spotlight.self_resonance(np.eye(3)), "basis is a ndarray"),
    ],
)
def test_a_mistake_about_the_null_is_told_in_one_line(call, message):
    with pytest.raises(UserError, match=re.escape(message)):
        call()

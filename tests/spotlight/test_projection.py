import re

import matplotlib.pyplot as plt
import numba
import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronbasis import basis, spotlight
from neuronbasis.errors import UserError
from neuronbasis.figures import projection as figures
from neuronbasis.spotlight import choose
from neuronbasis.utils.activations import Activations


def draw(samples, n, seed=0):
    return np.random.default_rng(seed).standard_normal((samples, n))


def rotation(n, seed=0):
    return np.linalg.qr(draw(n, n, seed))[0]


def twin(activations, vectors, pairs, edges, angles):
    """Entries, different rows and squared entries of rows, one projection after another."""
    count = np.zeros((len(edges) - 1, angles), int)
    rows, squares = np.zeros_like(count), np.zeros_like(count)
    for d in activations:
        own = np.zeros_like(count)
        for alpha, beta in pairs:
            a, b = vectors[alpha], vectors[beta]
            across = b - (b @ a) * a
            frame = np.stack([a, across / np.linalg.norm(across)])
            x, y = frame @ d / np.linalg.norm(d)
            radius, degrees = np.hypot(x, y), np.degrees(np.arctan2(y, x)) % 360
            for ring in range(len(edges) - 1):
                for sector in range(angles):
                    off = abs((degrees - 360 * sector / angles + 180) % 360 - 180)
                    own[ring, sector] += (
                        edges[ring] <= radius < edges[ring + 1] and off < 180 / angles
                    )
        count += own
        rows += own > 0
        squares += own**2
    return count, rows, squares


# --- the definition ---------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    n=st.integers(3, 6),
    m=st.integers(3, 5),
    form=st.sampled_from(["combinations", "permutations", "neighbours"]),
    samples=st.integers(1, 20),
    angles=st.integers(1, 9),
    edges=st.sampled_from([[0, 1], [0, 0.25, 0.5, 0.75, 1], [0.4, 0.6, 0.95], [0.7, 1]]),
)
def test_agrees_with_the_literal_method_to_the_last_count(seed, n, m, form, samples, angles, edges):
    rng = np.random.default_rng(seed)
    b = basis.Basis(rng.standard_normal((m, n)))
    near = b.vectors[rng.integers(0, m, samples)] * rng.integers(0, 2, (samples, 1)) * 4
    activations = near + rng.standard_normal((samples, n))
    d = spotlight.density(activations, b, edges, angles, form, least=1)
    pairs = choose(b.vectors, form).corners
    count, rows, squares = twin(activations, b.vectors, pairs, edges, angles)
    np.testing.assert_array_equal(d["count"].values, count)
    np.testing.assert_array_equal(d.rows.values, rows)
    assert d.measured.values[rows > 0].all()
    found = (d.standard_error * d.expected).values[rows > 0] ** 2
    np.testing.assert_allclose(found, (squares - count**2 / samples)[rows > 0], atol=1e-9)
    assert d.sizes == {"radius": len(edges) - 1, "angle": angles}


def test_density_and_expectation_have_the_right_mass():
    d = spotlight.density(draw(500, 5), basis.standard(5), 7, 8)
    area = np.pi * (d.outer**2 - d.inner**2) / 8
    assert (d["density"] * area).sum().item() == pytest.approx(1)
    assert d.expected.sum().item() == pytest.approx(500 * 10)
    assert d["count"].sum().item() == 500 * 10
    near = spotlight.density(draw(500, 5), basis.standard(5), [0.6, 0.8], 8)
    assert near.expected.sum().item() == pytest.approx(5000 * (0.64**1.5 - 0.36**1.5))
    np.testing.assert_allclose(d.angle, np.arange(8) * np.pi / 4)
    np.testing.assert_allclose(d.radius, (d.inner + d.outer) / 2)


# --- isotropic data ---------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "m"), [(3, 3), (4, 7), (8, 16), (24, 30), (64, 40)])
def test_isotropic_data_have_ratio_one_within_their_error(n, m):
    b = basis.random(m, n, seed=n)
    d = spotlight.density(draw(4000, n, seed=2), b, 8, 12, max_planes=300, seed=3)
    assert d.measured.sum() >= 20
    enough = d.where(d.rows >= 30)
    score = ((enough.ratio - 1) / enough.standard_error).values
    score = score[np.isfinite(score)]
    assert abs(score).max() < 4.5
    assert 0.7 < np.sqrt((score**2).mean()) < 1.3


@pytest.mark.parametrize("n", [3, 4, 10])
def test_entries_of_one_plane_are_binomial(n):
    samples = 20_000
    d = spotlight.density(draw(samples, n), basis.standard(n), 5, 6, planes=[(0, 1)])
    share = d.expected.values / samples
    deviation = d["count"].values - d.expected.values
    assert (abs(deviation) <= 4.5 * np.sqrt(samples * share * (1 - share)) + 1).all()
    np.testing.assert_array_equal(d.rows, d["count"])


def test_in_two_dimensions_every_row_lies_on_the_rim():
    d = spotlight.density(draw(6000, 2), basis.standard(2), 4, 12)
    np.testing.assert_array_equal(d.expected.values[:3], 0)
    np.testing.assert_allclose(d.expected.values[3], 500)
    np.testing.assert_array_equal(d.measured.values, [[False] * 12] * 3 + [[True] * 12])
    assert d["count"].values[3].sum() == 6000
    assert abs(d.ratio.values[3] - 1).max() < 4.5 / np.sqrt(500)
    np.testing.assert_array_equal(np.isnan(d.ratio), ~d.measured)


# --- planted truths ---------------------------------------------------------------------------


def test_mass_on_the_vectors_shows_at_their_angles():
    b = basis.simplex(4)
    planted = b.vectors[np.arange(1000) % 5] + 0.002 * draw(1000, 4)
    d = spotlight.density(planted, b, [0.9, 1], 72, planes="permutations")
    at_beta = round(np.degrees(d.attrs["beta_angle_smallest"]) / 5)
    assert at_beta == 21  # 104.5 degrees
    assert set(np.flatnonzero(d["count"][0])) == {0, 21}
    # Each of 20 planes holds the 200 rows of alpha at 0 and the 200 of beta at beta.
    assert d["count"][0, [0, 21]].values.tolist() == [4000, 4000]
    assert d.rows[0, [0, 21]].values.tolist() == [1000, 1000]
    assert d.vectors.values[[0, 21]].tolist() == [20, 20]
    assert d.vectors.sum() == 40
    assert d.ratio.values[0, 0] == pytest.approx(4000 * 72 / (20 * 1000 * 0.19))


def test_turns_from_alpha_toward_beta():
    row = [[np.cos(0.5), np.sin(0.5), 0.0]]
    for b, expected in [
        (basis.standard(3), 0.5),
        (basis.Basis([[0, 1, 0], [1, 0, 0]]), np.pi / 2 - 0.5),
        (basis.Basis([[1, 0, 0], [1, -1, 0]]), 2 * np.pi - 0.5),
    ]:
        d = spotlight.density(row, b, [0.9, 1], 360, planes=[(0, 1)])
        angle = d.angle[d["count"].values[0].argmax()].item()
        assert angle == pytest.approx(expected, abs=np.pi / 360)


def test_opposite_vectors_are_marked_but_span_no_plane():
    d = spotlight.density(draw(50, 3), basis.orthoplex(3, seed=1), 2, 8)
    assert d.vectors.values.tolist() == [12, 0, 12, 0, 12, 0, 12, 0]
    assert (d.attrs["planes_counted"], d.attrs["parallel_pairs"]) == (12, 3)


def test_angles_of_beta_are_told():
    b = basis.Basis([[1, 0, 0], [1, 1, 0], [0, 0, 1]])
    attrs = spotlight.density(draw(9, 3), b).attrs
    assert attrs["beta_angle_smallest"] == pytest.approx(np.pi / 4)
    assert attrs["beta_angle_largest"] == pytest.approx(np.pi / 2)


def test_rows_orthogonal_to_a_plane_have_no_angle_there():
    d = spotlight.density([[1, 0, 0, 0], [0, 0, 0, 5]], basis.standard(4), 4, 8)
    # Each row lies in three of six planes, on an axis, and is orthogonal to the others.
    assert d.attrs["centre_entries"] == 6
    assert d["count"].sum() == 6
    assert d["count"].values[3, [0, 2]].tolist() == [3, 3]


def test_edges_belong_to_the_ring_outside_them():
    rows = [[3.0, 0.0, 4.0], [0.0, 0.3, 0.4]] * 5
    d = spotlight.density(rows, basis.standard(3), [0.2, 0.6, 0.8], 1, planes=[(0, 1)])
    assert d["count"].values.tolist() == [[0], [10]]
    d = spotlight.density(rows, basis.standard(3), [0.2, 0.6], 1, planes=[(0, 1)])
    assert d["count"].values.tolist() == [[0]]


# --- what is measured -------------------------------------------------------------------------


def test_a_ratio_rests_on_enough_rows():
    b = basis.standard(12)
    nine, ten = np.tile(b.vectors[:1], (9, 1)), np.tile(b.vectors[:1], (10, 1))
    for rows, measured in [(nine, False), (ten, True)]:
        d = spotlight.density(rows, b, [0.9, 1], 4)
        assert d["count"].values[0, 0] == 11 * len(rows)
        assert d.measured.values.tolist() == [[measured, False, False, False]]
        np.testing.assert_array_equal(np.isnan(d.ratio), ~d.measured)
        np.testing.assert_array_equal(np.isnan(d.standard_error), ~d.measured)


def test_an_empty_bin_is_measured_where_enough_was_expected():
    upper = abs(draw(900, 3))  # of eight octants one
    d = spotlight.density(upper, basis.standard(3), 1, 8, planes=[(0, 1)], least=112)
    assert d["count"].values[0, 4] == 0
    assert d.measured.all()  # 112.5 expected in each sector
    assert d.ratio.values[0, 4] == 0
    d = spotlight.density(upper, basis.standard(3), 1, 8, planes=[(0, 1)], least=113)
    assert not d.measured[0, 4]
    assert d.ratio.isnull().values[0, 4]
    # Two planes share a vector, so one row may enter twice.
    two = spotlight.density(upper, basis.standard(3), 1, 8, planes=[(0, 1), (0, 2)], least=113)
    assert two.expected.values[0, 4] == 225
    assert not two.measured[0, 4]


def test_no_ratio_overflows_in_a_wide_layer():
    b = basis.Basis(np.eye(20, 4096))
    d = spotlight.density(b.vectors, b, [0, 0.5, 0.99, 1], 4, planes=[(0, 1)], least=1)
    assert d.expected.values[2, 0] == 0
    assert d["count"].values[2].tolist() == [1, 1, 0, 0]
    assert d.attrs["centre_entries"] == 18
    assert np.isfinite(d.ratio.values[d.measured]).all()
    assert d.ratio.values[2, 0] > 1e250


# --- laws -------------------------------------------------------------------------------------


@pytest.fixture
def case():
    b = basis.random(9, 5, seed=1)
    activations = np.concatenate([draw(400, 5), 3 * b.vectors[[0, 0, 4]] + 0.3 * draw(3, 5)])
    return activations, b


def same(activations, b, expected, **kwargs):
    found = spotlight.density(activations, b, 6, 15, **kwargs)
    for name in ("count", "rows"):
        np.testing.assert_array_equal(found[name], expected[name])
    for name in ("ratio", "standard_error", "density"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-12)


def test_data_and_basis_turned_together_give_the_same(case):
    activations, b = case
    expected, q = spotlight.density(activations, b, 6, 15), rotation(5)
    same(activations @ q, basis.Basis(b.vectors @ q), expected)
    alone = spotlight.density(activations @ q, b, 6, 15)
    assert (alone["count"] != expected["count"]).any()


def test_order_and_length_of_rows_do_not_matter(case):
    activations, b = case
    expected = spotlight.density(activations, b, 6, 15)
    rng = np.random.default_rng(0)
    same(rng.permutation(activations), b, expected)
    same(activations * 10.0 ** rng.integers(-300, 300, (403, 1)), b, expected)
    same(np.insert(activations, [0, 9, 403], 0.0, axis=0), b, expected)
    same(torch.from_numpy(activations), b, expected)


def test_chunks_and_threads_do_not_matter(case, monkeypatch):
    activations, b = case
    expected = spotlight.density(activations, b, 6, 15)
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        same(activations, b, expected)
    finally:
        numba.set_num_threads(before)
    monkeypatch.setattr("neuronbasis.utils.activations.CHUNK", 63)
    chunks = sum(1 for _ in Activations(activations, 5, 9))
    assert chunks == 58
    same(activations, b, expected)


def test_permutations_do_not_hang_on_the_order_of_the_vectors(case):
    activations, b = case
    expected = spotlight.density(activations, b, 6, 15, planes="permutations")
    turned = basis.Basis(b.vectors[::-1])
    same(activations, turned, expected, planes="permutations")


def test_planes_add_up_and_are_drawn_by_the_seed(case):
    activations, b = case
    every = choose(b.vectors).corners
    parts = [spotlight.density(activations, b, planes=p) for p in (every[:10], every[10:])]
    whole = spotlight.density(activations, b)
    for name in ("count", "vectors", "expected"):
        np.testing.assert_allclose(parts[0][name] + parts[1][name], whole[name])
    some = [spotlight.density(activations, b, max_planes=10, seed=s) for s in (1, 1, 2)]
    assert some[0].identical(some[1])
    assert (some[0]["count"] != some[2]["count"]).any()
    assert (some[0].attrs["planes_counted"], some[0].attrs["planes_available"]) == (10, 36)


def test_activations_are_left_as_they_were_and_zero_rows_counted(case):
    activations, b = case
    activations[7] = 0
    kept = activations.copy()
    d = spotlight.density(activations, b)
    np.testing.assert_array_equal(activations, kept)
    assert (d.attrs["samples"], d.attrs["zero_rows"]) == (402, 1)
    assert d["count"].sum() == 402 * 36


def test_result_survives_a_file(case, tmp_path):
    d = spotlight.density(*case, max_planes=5)
    d.to_netcdf(tmp_path / "d.nc", engine="scipy")
    with xr.open_dataset(tmp_path / "d.nc", engine="scipy") as again:
        xr.testing.assert_equal(again, d)
        assert again.attrs["seed"] == 0


# --- bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"radii": 0}, "radii is 0; it must be a number of rings or their edges, ascending in"),
        ({"radii": True}, "radii is True; it must be"),
        ({"radii": [0.5]}, "radii is [0.5]; it must be"),
        ({"radii": [0.5, 0.5]}, "radii is [0.5, 0.5]; it must be"),
        ({"radii": [0, 1.1]}, "radii is [0, 1.1]; it must be"),
        ({"radii": [-0.1, 1]}, "radii is [-0.1, 1]; it must be"),
        ({"radii": [0, float("nan"), 1]}, "radii is [0, nan, 1]; it must be"),
        ({"radii": 0.9}, "[0, 1]: pass such as 20 or [0.5, 0.9, 1]"),
        ({"radii": "many"}, "radii is 'many'; it must be"),
        ({"angles": 0}, "angles is 0; it must be an integer >= 1"),
        ({"least": 0}, "least is 0; it must be an integer >= 1: pass how many rows a ratio must"),
        ({"least": 2.5}, "least is 2.5; it must be an integer >= 1"),
        ({"planes": "triples"}, "planes are triples, whose spotlight leaves the plane through 0"),
        ({"planes": "all"}, "planes is 'all'; legal are combinations"),
        ({"max_planes": 0}, "max_planes is 0; it must be a positive integer or None"),
        ({"basis": np.eye(3)}, "basis is a ndarray; it must be a Basis"),
        ({"basis": basis.standard(4)}, "activations have width 3 and the basis 4"),
        ({"activations": [[1, 2, np.inf]]}, "activations hold inf at row 0, column 2"),
        ({"activations": [[0, 0, 0]]}, "activations are 1 rows of zeros"),
    ],
)
def test_bad_input_is_refused_in_one_line(change, message):
    good = {"activations": draw(5, 3), "basis": basis.standard(3)}
    with pytest.raises(UserError, match=re.escape(message)) as raised:
        spotlight.density(**(good | change))
    assert "\n" not in str(raised.value)


# --- the picture ------------------------------------------------------------------------------


def test_picture_shows_ratios_marks_and_what_is_not_measured():
    upper = np.concatenate([abs(draw(3000, 3)), np.tile([[1, 0.01, 0.01]], (900, 1))])
    d = spotlight.density(upper, basis.standard(3), 10, 36)  # three quarters are empty
    assert (d.ratio == 0).any()
    assert (d.ratio > 8).any()
    assert not d.measured.all()
    figure = figures.panels({"one": d, "two": d}, limit=3)
    try:
        figure.canvas.draw()
        axes = figure.axes[0]
        mesh = axes.collections[0]
        colours = mesh.get_array()
        np.testing.assert_array_equal(np.ma.getmaskarray(colours), ~d.measured)
        expected = np.clip(np.log2(d.ratio.where(d.ratio > 0, 1e-9)), -3, 3).values
        np.testing.assert_allclose(colours.compressed(), expected[d.measured.values])
        assert mesh.get_clim() == (-3, 3)
        assert mesh.cmap.get_bad().tolist() == [0.75, 0.75, 0.75, 1]  # grey, which no ratio is
        corners = mesh.get_coordinates()[0, :2, 0]  # the first sector lies on both sides of 0
        np.testing.assert_allclose(np.degrees(corners), [-5, 5])
        bars = [bar.vertices[0, 0] for bar in axes.collections[1].get_paths()]
        np.testing.assert_allclose(np.degrees(bars), [0, 90])
        assert [label.get_text() for label in axes.get_xticklabels()] == ["$b_α$", "$b_β$"]
        assert [axes.get_title() for axes in figure.axes[:2]] == ["one", "two"]
    finally:
        plt.close(figure)


def test_picture_of_unequal_angles_names_no_single_beta():
    d = spotlight.density(draw(50, 3), basis.random(4, 3), [0.5, 0.8, 1], 8)
    figure = figures.panels({"": d})
    try:
        rings = figure.axes[0].collections[0].get_coordinates()[:, 0, 1]
        np.testing.assert_allclose(rings, [0.5, 0.8, 1])
        labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
        assert labels == ["$b_α$", "90°", "180°", "270°"]
    finally:
        plt.close(figure)

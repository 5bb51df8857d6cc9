import math
import re
import tracemalloc

import numba
import numpy as np
import pytest
import torch
from scipy.stats import binom, special_ortho_group

from neuronbasis import basis, spotlight
from neuronbasis.errors import UserError
from neuronbasis.spotlight import _arcs
from neuronbasis.utils import activations
from neuronbasis.utils.threads import one_blas_thread


def isotropic(samples, n, seed=0):
    return np.random.default_rng(seed).standard_normal((samples, n))


def gathered(b, samples, noise=0.1, vectors=None, seed=0):
    rng = np.random.default_rng(seed)
    at = rng.integers(0, vectors or b.m, samples)
    return b.vectors[at] + noise * rng.standard_normal((samples, b.n))


def shunning(b, samples, cosine):
    """Isotropic rows but for those near a vector."""
    rows = isotropic(samples, b.n)
    nearest = (rows @ b.vectors.T).max(axis=1) / np.linalg.norm(rows, axis=1)
    return rows[nearest < cosine]


@pytest.fixture(scope="module")
def b():
    return basis.orthoplex(6, seed=3)


# --- planted truths -----------------------------------------------------------------------------


def test_samples_on_the_vectors_have_slope_one_shared_by_all(b):
    a = spotlight.alignment(np.tile(b.vectors, (5, 1)), b, 0.8, rotations=19)
    assert a.attrs["slope"] == pytest.approx(1)
    assert a.attrs["correlation"] == pytest.approx(1)
    assert a.attrs["effective_vectors"] == pytest.approx(12)
    assert (a.attrs["verdict"], a.attrs["p_value"]) == ("aligned", 0.05)
    assert a.attrs["nearest_cosine"] == pytest.approx(1)
    assert a.attrs["nearest_cosine_p_value"] == a.attrs["kurtosis_p_value"] == 0.1
    np.testing.assert_allclose(a.plane_slope, 1)
    np.testing.assert_allclose(a.held, 1 / 12)


def test_samples_on_one_vector_have_the_same_slope_held_by_one(b):
    a = spotlight.alignment(b.vectors[[4]], b, 0.8, rotations=19)
    assert a.attrs["slope"] == pytest.approx(1)
    assert a.attrs["effective_vectors"] == pytest.approx(1)
    in_plane = (a.alpha // 2 == 2) | (a.beta // 2 == 2)  # the opposite vector spans them too
    assert (a.plane_slope[in_plane] > 0.5).all()
    np.testing.assert_allclose(a.plane_slope[~in_plane], 0, atol=1e-12)


def test_a_diluted_signal_has_its_share_as_slope(b):
    on = np.tile(b.vectors, (50, 1))
    a = spotlight.alignment(np.concatenate([on, isotropic(1400, 6)]), b, 0.95, rotations=19)
    assert a.attrs["slope"] == pytest.approx(0.3, abs=0.02)
    assert a.attrs["verdict"] == "aligned"


def test_samples_that_shun_the_vectors_are_anti_aligned():
    b = basis.orthoplex(3, seed=3)
    a = spotlight.alignment(shunning(b, 2000, 0.85), b, 0.9, rotations=19)
    assert a.attrs["slope"] < -0.02
    assert a.attrs["correlation"] < -0.8
    assert a.attrs["verdict"] == "anti-aligned"
    assert a.attrs["effective_vectors"] == 0


def test_planes_may_align_while_others_anti_align(b):
    rows = np.concatenate([b.vectors[:2], b.vectors[4:5] + b.vectors[6:7]])
    a = spotlight.alignment(rows, b, 0.8, rotations=19)
    slopes = dict(zip(zip(a.alpha.values, a.beta.values, strict=True), a.plane_slope, strict=True))
    assert slopes[0, 2] > 0.2
    assert slopes[4, 6] < -0.2


def test_alignment_is_found_in_a_rotated_basis_and_not_in_the_axes():
    b = basis.standard(5).rotated(seed=8)
    rows = gathered(b, 400, 0.3)
    own = spotlight.alignment(rows, b, 0.8, rotations=39)
    axes = spotlight.alignment(rows, basis.standard(5).rotated(seed=9), 0.8, rotations=39)
    assert own.attrs["verdict"] == "aligned"
    assert axes.attrs["slope"] < own.attrs["slope"] / 4


def test_a_perfect_correlation_without_amplitude_is_no_signal(b):
    rows = np.tile(b.vectors[::2].sum(axis=0), (1000, 1))  # far from every plane
    rows[-1] = b.vectors[0]
    a = spotlight.alignment(rows, b, 0.999, rotations=19)
    assert a.attrs["slope"] == pytest.approx(1e-3)
    assert a.attrs["correlation"] == pytest.approx(1)
    flat = spotlight.alignment(rows[:-1], b, 0.9999, rotations=19)
    assert (flat.attrs["slope"], flat.attrs["correlation"]) == (0, 0)
    assert (flat.attrs["p_value"], flat.attrs["verdict"]) == (1, "neither")


def test_a_common_offset_is_told_from_alignment(b):
    rows = isotropic(2000, 6) + 6 * b.vectors[2]
    raw = spotlight.alignment(rows, b, 0.9, rotations=39)
    centred = spotlight.alignment(rows, b, 0.9, rotations=39, centre=True)
    assert raw.attrs["verdict"] == "aligned"
    assert centred.attrs["verdict"] == "neither"
    assert raw.attrs["effective_vectors"] == pytest.approx(1, abs=0.05)
    for a in (raw, centred):
        assert a.attrs["mean_share"] == pytest.approx(36 / 42, abs=0.01)
    by_hand = spotlight.alignment(rows - rows.mean(axis=0), b, 0.9, rotations=39)
    assert by_hand.attrs["slope"] == pytest.approx(centred.attrs["slope"])
    assert by_hand.attrs["mean_share"] == pytest.approx(0, abs=1e-12)


def test_what_chance_holds_counts_for_no_vector():
    b = basis.simplex(3)
    rows = np.concatenate([isotropic(1000, 3), np.tile(b.vectors[1], (500, 1))])
    a = spotlight.alignment(rows, b, 0.6, rotations=19)
    assert a.attrs["effective_vectors"] == pytest.approx(1, abs=0.01)
    np.testing.assert_allclose(a.held, [0.13, 0.47, 0.13, 0.13], atol=0.02)


def test_cosine_and_kurtosis_are_those_of_the_formulas():
    b = basis.simplex(6)
    rows = gathered(b, 300, 0.4)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    x = unit @ b.vectors.T
    a = spotlight.alignment(rows, b, 0.8, rotations=19)
    assert a.attrs["nearest_cosine"] == pytest.approx(x.max(axis=1).mean())
    assert a.attrs["kurtosis"] == pytest.approx((x**4).mean() / (x**2).mean() ** 2)
    far = spotlight.alignment(isotropic(4000, 6), basis.standard(6), 0.8, rotations=19)
    assert far.attrs["kurtosis"] == pytest.approx(3 * 6 / 8, abs=0.05)  # 3 n / (n + 2)


def test_isotropic_data_are_called_aligned_as_rarely_as_stated():
    b, trials = basis.simplex(3), 150
    p_values = [
        spotlight.alignment(isotropic(150, 3, s), b, 0.8, 19, seed=s, angles=24).attrs["p_value"]
        for s in range(trials)
    ]
    called = sum(p <= 0.05 for p in p_values)
    assert called <= binom.ppf(0.9999, trials, 0.05)
    assert sum(p <= 0.5 for p in p_values) >= binom.ppf(1e-4, trials, 0.5)  # nor is it timid


# --- the curves ---------------------------------------------------------------------------------


def test_mean_curves_are_those_of_resonance_over_permutations(b):
    rows = gathered(b, 200, 0.3)
    oblique = basis.random(7, 6, seed=2)
    a = spotlight.alignment(rows, oblique, 0.7, rotations=19, angles=90)
    r = spotlight.resonance(rows, oblique, 0.7, 90, planes="permutations")
    own = spotlight.self_resonance(oblique, 0.7, 90, planes="permutations")
    np.testing.assert_allclose(a["mean"], r.fraction.mean("plane"), rtol=1e-12)
    np.testing.assert_allclose(a.self_mean, own.fraction.mean("plane"), rtol=1e-12)
    x, y = own.fraction.mean("plane").values, r.fraction.mean("plane").values
    assert a.attrs["slope"] == pytest.approx(np.polyfit(x, y, 1)[0])
    assert a.attrs["correlation"] == pytest.approx(np.corrcoef(x, y)[0, 1])
    table, ours = (c["count"].set_index(plane=["alpha", "beta"]) for c in (r, own))
    first = (int(a.alpha[0]), int(a.beta[0]))
    both = [
        np.concatenate([c - c.mean() for c in (t.sel(alpha=i, beta=j).values for i, j in pair)])
        for t, pair in ((table, (first, first[::-1])), (ours, (first, first[::-1])))
    ]
    expected = (both[0] / 200) @ (both[1] / 7) / (both[1] / 7 @ both[1] / 7)
    assert a.plane_slope[0] == pytest.approx(expected)


@pytest.mark.parametrize(("form", "signed"), [("combinations", True), ("triples", False)])
def test_summary_is_that_of_resonance(form, signed):
    b = basis.random(8, 5, seed=0)
    rows = isotropic(6000, 5)
    options = {"epsilon": 0.75, "angles": 30, "planes": form, "signed": signed}
    q = [0, 0.1, 0.5, 0.9, 1]
    s = spotlight.summary(rows, b, quantiles=q, **options)
    r = spotlight.resonance(rows, b, **options)
    np.testing.assert_allclose(s["mean"], r.fraction.mean("plane"), rtol=1e-12, atol=1e-15)
    exact = np.quantile(r["count"].values, q, axis=0, method="inverted_cdf")
    got = s["quantile"].values * 6000
    assert (np.abs(got - exact) <= np.abs(exact) / 255).all()
    small = np.abs(exact) < 256
    np.testing.assert_allclose(got[small], exact[small])
    assert small.any()
    assert small.all() == signed
    assert s.attrs["planes_counted"] == r.sizes["plane"]


def test_memory_of_the_summary_does_not_grow_with_the_planes(monkeypatch):
    monkeypatch.setattr(_arcs, "BLOCK", 36_000)
    rows, wide = isotropic(50, 60), basis.standard(60)
    spotlight.summary(rows, wide, 0.3, max_planes=1)
    tracemalloc.start()
    spotlight.summary(rows, wide, 0.3)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.5e6  # all counts of the 1,770 planes would be 2.5 MB


# --- laws ---------------------------------------------------------------------------------------


def measures(rows, b, **options):
    return spotlight.alignment(rows, b, 0.7, rotations=19, seed=1, **options)


def same(a, c, **tolerance):
    for name in ("mean", "plane_slope", "held", "null_slope", "null_nearest_cosine"):
        np.testing.assert_allclose(a[name], c[name], atol=1e-12, **tolerance)
    for name in ("slope", "correlation", "kurtosis", "mean_share", "effective_vectors"):
        assert a.attrs.get(name) == pytest.approx(c.attrs.get(name), rel=1e-9, abs=1e-12)
    assert a.attrs["p_value"] == c.attrs["p_value"]


def test_seed_decides_all(b):
    rows = gathered(b, 100, 0.5)
    assert measures(rows, b).identical(measures(rows, b))
    other = spotlight.alignment(rows, b, 0.7, rotations=19, seed=2)
    assert (other.null_slope != measures(rows, b).null_slope).any()
    drawn = measures(rows, b, max_planes=10)
    assert drawn.sizes["plane"] == 10
    assert drawn.identical(measures(rows, b, max_planes=10))


def test_order_and_length_of_the_samples_do_not_matter(b):
    rows = gathered(b, 100, 0.5)
    same(measures(rows[::-1], b), measures(rows, b))
    scaled = measures(rows * np.geomspace(1e-3, 1e3, 100)[:, None], b)
    scaled.attrs["mean_share"] = measures(rows, b).attrs[
        "mean_share"
    ]  # that one is of the raw data
    same(scaled, measures(rows, b))
    same(measures(rows * 1e-100, b, centre=True), measures(rows, b, centre=True))


def test_data_and_basis_turned_together_give_the_same_signal(b):
    rows = gathered(b, 100, 0.5)
    q = special_ortho_group.rvs(6, random_state=0)
    turned = measures(rows @ q, basis.Basis(b.vectors @ q))
    expected = measures(rows, b)
    for name in ("mean", "plane_slope", "held"):
        np.testing.assert_allclose(turned[name], expected[name], atol=1e-12)
    assert turned.attrs["nearest_cosine"] == pytest.approx(expected.attrs["nearest_cosine"])


@pytest.mark.parametrize("centre", [False, True])
def test_chunks_threads_and_kind_of_source_do_not_matter(b, monkeypatch, tmp_path, centre):
    rows = gathered(b, 150, 0.5).astype(np.float32)
    rows[[0, 70, 149]] = 0
    expected = measures(rows, b, centre=centre)
    summed = spotlight.summary(rows, b, 0.7)
    counted = spotlight.resonance(rows, b, 0.7, labels=np.arange(150) % 2)
    assert summed.attrs["zero_rows"] == 3
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    before = numba.get_num_threads()
    for chunk, threads, source in ((1, 1, rows), (90, 2, mapped), (10**9, 1, torch.tensor(rows))):
        monkeypatch.setattr(activations, "CHUNK", chunk)
        monkeypatch.setattr(_arcs, "BLOCK", 360 * chunk)
        try:
            numba.set_num_threads(min(threads, before))
            same(measures(source, b, centre=centre), expected)
            assert spotlight.summary(source, b, 0.7).identical(summed)
            again = spotlight.resonance(source, b, 0.7, labels=np.arange(150) % 2)
            assert again.identical(counted)
        finally:
            numba.set_num_threads(before)


def test_a_source_is_read_by_rows_and_never_whole(b, monkeypatch):
    class Source:
        """Stands for a data set in an open file."""

        def __init__(self, rows):
            self.rows, self.shape, self.dtype = rows, rows.shape, rows.dtype

        def __getitem__(self, part):
            assert isinstance(part, slice)
            assert part.stop - part.start <= 10
            return self.rows[part]

    rows = gathered(b, 95, 0.5)
    expected = spotlight.resonance(rows, b, 0.7)
    monkeypatch.setattr(activations, "CHUNK", 120)
    assert spotlight.resonance(Source(rows), b, 0.7).identical(expected)
    rows[44, 2] = np.nan
    with pytest.raises(UserError, match="nan at row 44, column 2"):
        spotlight.resonance(Source(rows), b, 0.7)


def test_the_linear_algebra_library_gets_its_threads_back(b):
    from threadpoolctl import threadpool_info, threadpool_limits

    def threads():
        return [p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"]

    with threadpool_limits(2, "blas"):
        before = threads()
        spotlight.alignment(gathered(b, 50), b, 0.7, rotations=19)
        with one_blas_thread(), one_blas_thread():
            assert set(threads()) == {1}
        assert threads() == before
        with pytest.raises(UserError):
            spotlight.alignment(gathered(b, 50) * np.nan, b, 0.7, rotations=19)
        assert threads() == before


def test_progress_is_shown_when_asked(b, capsys):
    spotlight.alignment(gathered(b, 20), b, 0.7, rotations=19)
    spotlight.summary(gathered(b, 20), b, 0.7)
    assert capsys.readouterr().err == ""
    spotlight.alignment(gathered(b, 20), b, 0.7, rotations=19, progress=True)
    assert "19/19" in capsys.readouterr().err
    spotlight.summary(gathered(b, 20), b, 0.7, progress=True)
    assert "1.20k/1.20k" in capsys.readouterr().err


# --- mistakes -----------------------------------------------------------------------------------

MISTAKES = [
    ({"rotations": 0}, "rotations is 0; it must be an integer >= 1"),
    ({"rotations": 9.0}, "rotations is 9.0; it must be an integer >= 1"),
    ({"rotations": 18}, "pass at least 19 for level 0.05"),
    ({"level": 1}, "level is 1; it must lie in (0, 1)"),
    ({"centre": "mean"}, "centre is 'mean'; it must be True or False"),
    ({"seed": -3}, "seed is -3"),
    ({"angles": 1}, "is flat: pass an epsilon nearer to 1, or more angles"),
    ({"epsilon": 2}, "epsilon is 2; it must lie in (0, 1]"),
    ({"basis": np.eye(2)}, "basis is a ndarray; it must be a Basis"),
    ({"activations": np.full((3, 2), np.inf)}, "activations hold inf at row 0, column 0"),
    ({"activations": np.ones((3, 2)), "centre": True}, "activations are 3 rows of zeros"),
    ({"activations": np.zeros((3, 2))}, "activations are 3 rows of zeros"),
    ({"activations": np.full((3, 2), 1e200)}, "divide them by their largest value"),
    ({"activations": np.full((3, 2), 1e-200)}, "divide them by their largest value"),
]


@pytest.mark.parametrize(("mistake", "message"), MISTAKES)
def test_a_mistake_is_told_in_one_line(mistake, message):
    arguments = {"activations": isotropic(9, 2), "basis": basis.standard(2), "rotations": 19}
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        spotlight.alignment(**(arguments | mistake))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("quantiles", [[], [1.1], [math.nan], "median", 0.5])
def test_quantiles_outside_their_range_are_refused(quantiles):
    with pytest.raises(UserError, match=r"it must be numbers in \[0, 1\]"):
        spotlight.summary(isotropic(9, 2), basis.standard(2), quantiles=quantiles)


@pytest.mark.parametrize(
    ("epsilon", "verdict"), [(0.55, "ambiguous"), (0.69, "ambiguous"), (0.73, "aligned")]
)
def test_the_sign_is_not_told_where_cones_overlap_between_opposite_vectors(epsilon, verdict):
    # Every sample lies nearest to a vector, at cosine 0.9; below cos 45° the cone holds two vectors
    # half-way between them, the reference peaks there, and the slope of these samples is negative.
    b = basis.orthoplex(8)
    rng = np.random.default_rng(0)
    rest = rng.normal(size=(800, 8))
    chosen = b.vectors[rng.integers(0, 16, 800)]
    rest -= (rest * chosen).sum(axis=1, keepdims=True) * chosen
    rest /= np.linalg.norm(rest, axis=1, keepdims=True)
    a = spotlight.alignment(0.9 * chosen + math.sqrt(0.19) * rest, b, epsilon, rotations=19)
    assert a.attrs["verdict"] == verdict
    assert a.attrs["sign_is_safe"] == (verdict == "aligned")


def test_the_sign_is_safe_for_one_sided_bases_at_any_cone():
    rows = np.random.default_rng(0).normal(size=(50, 30))
    for epsilon in (0.3, 0.6, 0.9):
        a = spotlight.alignment(rows, basis.standard(30), epsilon, rotations=19)
        assert a.attrs["sign_is_safe"] == 1

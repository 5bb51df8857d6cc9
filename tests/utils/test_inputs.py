"""Whatever a user hands over: every kind of array gives the same, and every fault is one line."""

import numpy as np
import pytest
import torch
import xarray as xr

from neuronbasis import basis, completeness, decomposition, regions, spotlight, uncertainty
from neuronbasis.errors import UserError
from neuronbasis.utils.activations import Activations
from neuronbasis.utils.checks import flag, labels, matrix, number, numbers, whole_number
from neuronbasis.visualisation import coherence, rate

BASIS = basis.random(5, 4, seed=1)
# Numbers that bfloat16 holds exactly, so that every type holds the same.
ROWS = (np.random.default_rng(0).integers(-8, 9, (60, 4)) / 8).astype(np.float32)
CLASSES = np.arange(60) % 3
STRAIGHT = decomposition.principal(ROWS)
SHORT = {"rotations": 19, "angles": 24}


def _ablated(x):
    # The network is handed the same images; what differs is what the bases were found on.
    net = torch.nn.Sequential(torch.nn.Identity(), torch.nn.Linear(4, 2, bias=False)).double()
    with torch.no_grad():
        net[1].weight.copy_(torch.arange(8.0).reshape(2, 4) - 3)
    found = decomposition.principal(x)
    return completeness.ablation(net, "0", found, ROWS.astype(float), CLASSES % 2, [0, 1, 4])


CALLS = {
    "resonance": lambda x: spotlight.resonance(x, BASIS, 0.6, angles=24),
    "alignment": lambda x: spotlight.alignment(x, BASIS, 0.6, centre=True, **SHORT),
    "curve": lambda x: spotlight.curve(x, BASIS, (0, 1), 0.6),
    "survey": lambda x: spotlight.survey([x], [BASIS], 0.6, **SHORT),
    "on_random_bases": lambda x: spotlight.on_random_bases([x], 5, 0.6, draws=2, **SHORT),
    "nearest_cosine": lambda x: spotlight.nearest_cosine(x, [BASIS]),
    "by_class": lambda x: spotlight.by_class(x, CLASSES, BASIS, 0.6),
    "selectivity": lambda x: spotlight.selectivity(x, CLASSES, BASIS, 0.6, shuffles=9),
    "density": lambda x: spotlight.density(x, BASIS, angles=24),
    "moments": lambda x: decomposition.moments(x).covariance,
    "principal": lambda x: decomposition.principal(x).vectors,
    "neurons": lambda x: decomposition.neurons(x).variances,
    "random": lambda x: decomposition.random(x, seed=1).variances,
    "three": lambda x: decomposition.three(x, seed=1)[2].vectors,
    "independent": lambda x: decomposition.independent(x, 2, tolerance=1e-2).vectors,
    "sparse_autoencoder": lambda x: (
        decomposition.sparse_autoencoder(x, m=6, penalty=0.1, steps=3, batch=8).basis.vectors
    ),
    "ordered": lambda x: decomposition.ordered(BASIS, x).variances,
    "explained_variance": lambda x: completeness.explained_variance(x, STRAIGHT),
    "halves": lambda x: decomposition.moments(completeness.halves(x)[0]).covariance,
    "needed_again": lambda x: completeness.needed_again(x, [STRAIGHT], 3),
    "ablate": lambda x: completeness.ablate(x, x[:2], x[0]),
    "ablation": _ablated,
    "signs_at": lambda x: regions.signs_at(x[:3], x[3, :3], x),
    "along": lambda x: regions.along(x[:3], x[3, :3], x[4], x[5]),
    "arrangement": lambda x: regions.arrangement(x[:3, :2], x[3, :3]),
    "locate": lambda x: regions.locate(regions.arrangement(ROWS[:3, :2], ROWS[3, :3]), x[:, :2]),
    "thresholds": lambda x: regions.thresholds(x[1:4, :2], x[3, :3], 0.9),
    "coherence": lambda x: coherence(x, BASIS, 4, CLASSES, {"own": x}),
    "rate": lambda x: rate(x[:, 0], [0.0, 0.5]),
    "Basis": lambda x: basis.Basis(x[1:4]).vectors,
    "mean_interval": lambda x: uncertainty.mean_interval(x[:, 0]),
    "welch_interval": lambda x: uncertainty.welch_interval(x[:, 0], x[:, 1]),
}
KINDS = {
    "bfloat16": lambda: torch.tensor(ROWS, dtype=torch.bfloat16),
    "float16": lambda: torch.tensor(ROWS, dtype=torch.float16),
    "gradient": lambda: torch.tensor(ROWS, requires_grad=True),
    "DataArray": lambda: xr.DataArray(ROWS, dims=("sample", "unit")),
}
# These take one number a row or a part of a layer only.
SLICED = ("ablate", "signs_at", "along", "arrangement", "locate", "thresholds", "rate", "Basis",
          "mean_interval", "welch_interval")  # fmt: skip


def _same(one, other):
    if isinstance(one, xr.Dataset | xr.DataArray):
        return one.identical(other)
    return np.array_equal(one, other)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("call", CALLS)
def test_every_kind_of_array_gives_the_same(call, kind):
    assert _same(CALLS[call](KINDS[kind]()), CALLS[call](ROWS))


@pytest.mark.parametrize(
    "bad",
    [
        np.where(np.arange(4) == 2, np.nan, ROWS),
        np.where(np.arange(4) == 2, np.inf, ROWS),
        torch.full((60, 4), torch.nan, dtype=torch.bfloat16),
        "activations",
        [[1.0, 2.0], [3.0]],
        ROWS.astype(str),
        None,
    ],
    ids=["nan", "inf", "nan tensor", "word", "ragged", "strings", "none"],
)
@pytest.mark.parametrize("call", [name for name in CALLS if name not in SLICED])
def test_every_fault_is_told_in_one_line(call, bad):
    with pytest.raises(UserError) as caught:
        CALLS[call](bad)
    assert "\n" not in str(caught.value)


def test_a_mapped_file_is_read_as_an_array(tmp_path):
    np.save(tmp_path / "rows.npy", ROWS)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    for call in ("resonance", "survey", "moments", "needed_again", "coherence", "by_class"):
        assert _same(CALLS[call](mapped), CALLS[call](ROWS))


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e10, 3e-20])
def test_a_constant_less_its_mean_has_no_direction(value):
    rows = np.full((1003, 4), value, np.float32)
    with pytest.raises(UserError, match="1003 rows of zeros once their mean is off"):
        spotlight.alignment(rows, BASIS, 0.6, centre=True, **SHORT)
    rows[7, 1] *= 1.001  # one row that differs is one direction, and so is the mean's way there
    found = spotlight.alignment(rows, BASIS, 0.6, centre=True, **SHORT)
    assert found.attrs["samples"] == 1003


def test_a_small_part_beside_a_large_constant_unit_stays():
    rows = np.random.default_rng(0).normal(size=(100, 4)) * [0, 1e-4, 1, 1] + [1e12, 0, 0, 0]
    data = Activations(rows, shift=rows.mean(axis=0))
    assert sum(len(units) for units, _ in data) == 100


def test_the_mean_of_a_survey_is_summed_as_of_one_piece(monkeypatch):
    rows = np.random.default_rng(0).normal(size=(997, 4)) + 0.3
    whole = rows.mean(axis=0)
    monkeypatch.setattr("neuronbasis.utils.activations.CHUNK", 52)
    found = spotlight.survey([rows], [BASIS], 0.6, **SHORT).mean_cosine
    assert float(found[0]) == (BASIS.vectors @ whole).max() / np.linalg.norm(whole)


def test_the_nearest_cosine_is_that_of_alignment():
    found = spotlight.alignment(ROWS, BASIS, 0.6, **SHORT).attrs["nearest_cosine"]
    assert spotlight.nearest_cosine(ROWS, [BASIS, BASIS]).tolist() == [found, found]


@pytest.mark.parametrize("seed", [-1, 1.5, "a", None])
def test_a_wrong_seed_is_told_in_one_line(seed):
    for call in (
        lambda: completeness.needed_again(ROWS, [STRAIGHT], 3, seed=seed),
        lambda: completeness.areas(_curves(), resamples=2, seed=seed),
    ):
        with pytest.raises(UserError, match="seed is"):
            call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: completeness.needed_again(x, [STRAIGHT], 3), "width 3 and basis 0 4; the two"),
        (lambda x: regions.signs_at(ROWS[:3], ROWS[3, :3], x), "3 numbers each; the layer has 4"),
    ],
)
def test_another_width_is_told_in_one_line(call, message):
    with pytest.raises(UserError, match=message):
        call(ROWS[:, :3])


def _curves():
    return xr.Dataset(
        {
            "accuracy": ("step", [1.0, 0.5]),
            "count": ("step", [0, 4]),
            "right": (("step", "image"), np.eye(2)),
            "units": 4,
        }
    )


def test_welch_is_the_formula():
    rng = np.random.default_rng(0)
    a, b = rng.normal(1, 1, 9), rng.normal(0, 3, 17)
    each = np.array([a.var(ddof=1) / 9, b.var(ddof=1) / 17])
    freedom = each.sum() ** 2 / (each**2 / (8, 16)).sum()
    reach = uncertainty.stats.t.ppf(0.975, freedom) * each.sum() ** 0.5
    mean = a.mean() - b.mean()
    found = uncertainty.welch_interval(a, b)
    assert found == pytest.approx((mean, mean - reach, mean + reach), rel=1e-12)
    assert uncertainty.welch_interval([0.1] * 9, [0.3] * 6) == pytest.approx((-0.2,) * 3)
    with pytest.raises(UserError, match="1 and 2 values give no interval"):
        uncertainty.welch_interval([1], [1, 2])


def test_ablating_leaves_the_rest_and_puts_the_mean_in_the_span():
    rng = np.random.default_rng(0)
    x, vectors, mean = rng.normal(size=(20, 6)), rng.normal(size=(3, 6)), rng.normal(size=6)
    found = completeness.ablate(x, vectors, mean)
    onto = np.linalg.pinv(vectors) @ vectors
    np.testing.assert_allclose(found, x - (x - mean) @ onto, atol=1e-12)
    masked = completeness.ablate(x, np.eye(6)[:2], mean)
    assert (masked == np.concatenate([np.tile(mean[:2], (20, 1)), x[:, 2:]], axis=1)).all()
    with pytest.raises(UserError, match="have widths 6, 3 and 6"):
        completeness.ablate(x, np.eye(3), mean)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: whole_number(True, "n", 1), "n is True; it must be an integer >= 1: pass such"),
        (lambda: number("0.5", "p", "(0, 1)", "0.5"), "p is '0.5'; it must lie in .0, 1.: pass"),
        (lambda: number(np.nan, "p", "[0, 1]", "0.5"), "p is nan; it must lie in"),
        (lambda: number(1, "p", "(0, 1)", "0.5"), "p is 1; it must lie in"),
        (lambda: flag(1, "centre"), "centre is 1; it must be True or False"),
        (lambda: labels([1.0], 1), "labels are of type float64"),
        (lambda: labels([1, 2], 3), "labels are of type int64 and shape .2,."),
        (lambda: matrix([1.0], "x"), "x are of type float64 and shape .1,.; they must be real"),
        (lambda: numbers([], "bias", 1), "bias has shape .0,.; it must be .m,."),
    ],
)
def test_checks_tell_value_and_remedy(call, message):
    with pytest.raises(UserError, match=message):
        call()


def test_ends_of_an_interval_count_where_the_bracket_says():
    assert number(0, "p", "[0, 1)", "0") == 0
    assert number(np.float32(1), "p", "(0, 1]", "1") == 1


def test_masked_values_are_refused_and_a_mask_of_none_is_not():
    masked = np.ma.masked_greater(np.arange(6.0).reshape(3, 2), 4)
    with pytest.raises(UserError, match=r"vectors has masked values; drop their rows"):
        basis.Basis(masked)
    assert basis.Basis(np.ma.array([[1.0, 0.0]])).m == 1

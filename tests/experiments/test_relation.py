import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from scipy import stats

from neuronbasis.errors import UserError
from neuronbasis.experiments import both_measures as measures
from neuronbasis.experiments.relation import (
    Relation,
    among_copies,
    judged,
    mechanical,
    pooled,
    related,
    relation,
    tally,
)
from neuronbasis.figures import both_measures

COPIES = 60


def measured(beyond, saved, seed=0):
    """Results of `experiments.both_measures.measured` with given numbers (seed, layer), the copies
    random."""
    rng = np.random.default_rng(seed)
    shape = np.shape(beyond)
    form, count, kind = list(measures.FORMS), list(measures.COUNTS), list(measures.KINDS)
    at = ("seed", "layer")
    return xr.Dataset(
        {
            "beyond": ((*at, "form"), np.stack([np.zeros(shape), beyond], -1)),
            "saved": ((*at, "count"), np.stack([saved] * 3, -1)),
            "needed": ((*at, "kind", "count"), rng.uniform(1, 9, (*shape, 4, 3))),
            "width": (at, np.full(shape, 10)),
            "copy_cosine": ((*at, "form", "rotation"), rng.normal(size=(*shape, 2, COPIES))),
            "copy_needed": ((*at, "count", "rotation"), rng.uniform(1, 9, (*shape, 3, COPIES))),
        },
        coords={"form": form, "count": count, "kind": kind, "layer": list("abcdefgh")[: shape[1]]},
    )


def test_order_alone_counts_and_its_sign():
    x = np.array([[0.1, 0.2, 0.5, 0.9, 1.0]])
    assert relation(measured(x, x**3)).rho == pytest.approx(1)
    assert relation(measured(x, -np.exp(x))).rho == pytest.approx(-1)
    assert relation(measured(x.T, x.T)).rho == pytest.approx(1)  # one layer of five seeds
    assert relation(measured(x, np.ones_like(x))).rho == 0
    assert relation(measured(x, x), form="raw").rho == 0  # raw is the same everywhere here


def test_the_correlation_and_its_range_are_scipys():
    rng = np.random.default_rng(3)
    x, y = rng.integers(0, 4, (2, 3, 7)).astype(float)  # with ties
    found = measured(x, y)
    each = [stats.spearmanr(a, b).statistic for a, b in zip(x, y, strict=True)]
    got = relation(found)
    assert got.rho == pytest.approx(np.mean(each))
    assert (got.layers, got.seeds) == (7, 3)
    reach = stats.t.ppf(0.975, 2) * stats.sem(each)
    assert got.low == pytest.approx(max(-1, np.mean(each) - reach))
    assert got.high == pytest.approx(min(1, np.mean(each) + reach))
    cosine, needed = found.copy_cosine.values[:, :, 1], found.copy_needed.values[:, :, 2]
    near, saved = cosine - cosine.mean(-1, keepdims=True), -needed / needed.mean(-1, keepdims=True)
    null = [
        np.mean([stats.spearmanr(near[s, :, r], saved[s, :, r]).statistic for s in range(3)])
        for r in range(COPIES)
    ]
    assert got.copies == pytest.approx(tuple(np.quantile(null, [0.025, 0.975])))


def test_without_repetitions_the_interval_is_the_closed_one():
    x, y = np.random.default_rng(1).normal(size=(2, 1, 8))
    got = relation(measured(x, y))
    error = np.sqrt((1 + got.rho**2 / 2) / 5)
    assert np.arctanh(got.high) - np.arctanh(got.low) == pytest.approx(2 * 1.959964 * error)
    assert np.arctanh(got.high) + np.arctanh(got.low) == pytest.approx(2 * np.arctanh(got.rho))


def test_the_closed_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    truth = 6 / np.pi * np.arcsin(0.5 / 2)  # of two normal numbers that correlate by 0.5
    hits = 0
    for _ in range(120):
        x, y = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], 8).T
        got = relation(measured(x[None], y[None]).isel(rotation=slice(2)))
        hits += got.low <= truth <= got.high
    assert 0.88 < hits / 120 < 1


def test_over_copies_those_that_lie_nearer_and_need_fewer_correlate():
    found = measured(np.zeros((2, 3)), np.zeros((2, 3)))
    got = among_copies(found)
    for s in range(2):
        for i in range(3):
            twin = stats.spearmanr(
                found.copy_cosine[s, i, 1], -found.copy_needed[s, i, 2]
            ).statistic
            assert float(got[s, i]) == pytest.approx(twin)


def test_three_of_each_have_no_order():
    with pytest.raises(
        UserError, match=r"^3 layer\(s\) of 3 seed\(s\) have no order .* at least 4"
    ):
        relation(measured(np.zeros((3, 3)), np.zeros((3, 3))))


def test_the_pictures_show_every_layer_once():
    one, many = measured(np.ones((5, 1)), np.ones((5, 1))), measured(np.eye(2, 6), np.eye(2, 6))
    groups = {"latent of one": one, "many layers": many}
    scatter, rows = both_measures.scatter(groups), both_measures.side_by_side(groups)
    dots = {line.get_label(): line for line in scatter.axes[0].get_lines()}
    assert len(dots["many layers"].get_xdata()) == 12
    assert max(dots["many layers"].get_ydata()) == 100  # in percent
    labels = [text.get_text() for text in rows.axes[0].get_yticklabels()]
    assert labels == ["latent of one", *(f"many layers: {layer}" for layer in "abcdef")]
    forest = both_measures.relations(
        {"many": {form: Relation(0.5, 0, 1, 6, 2, (-0.5, 0.4)) for form in measures.FORMS}}
    )
    band = forest.axes[0].patches[0]
    assert (band.get_x(), band.get_width()) == (-0.5, 0.9)
    for figure in (scatter, rows, forest):
        plt.close(figure)


# --- several groups -----------------------------------------------------------------------------


def groups():
    """One group that saves where it lies near, one that does the reverse, one too small."""
    x = np.linspace(0.1, 1, 6)[None] + np.array([[0.0], [0.01], [0.02]])
    return {
        "near": measured(x, x**2, seed=1),
        "far": measured(x, -(x**2), seed=2).assign_coords(layer=list("uvwxyz")),
        "few": measured(x[:, :2], x[:, :2], seed=3).assign_coords(layer=["one", "two"]),
    }


def test_pooled_layers_are_means_over_seeds():
    found = pooled(groups())
    assert found.sizes["layer"] == 14
    assert found.sizes["seed"] == 1
    assert found.layer.values.tolist() == [*"abcdef", *"uvwxyz", "one", "two"]
    for each in groups().values():
        for layer in each.layer.values:
            got, own = found.beyond.sel(layer=layer)[0], each.beyond.sel(layer=layer)
            np.testing.assert_allclose(got, own.mean("seed"))


def test_each_group_with_an_order_is_related_and_all_layers_together():
    found = related(groups())
    assert list(found) == ["near", "far", "all layers"]
    centred = {title: forms["mean taken off"] for title, forms in found.items()}
    assert (centred["near"].rho, centred["far"].rho) == pytest.approx((1, -1))
    assert centred["all layers"] == relation(pooled(groups()))
    assert found["near"]["raw"].rho == 0
    assert list(related({"near": groups()["near"]})) == ["near"]
    assert related({"few": groups()["few"]}) == {}
    other = related(groups(), "80%")["near"]["mean taken off"]
    assert other == relation(groups()["near"], count="80%") != centred["near"]


def test_four_seeds_of_one_layer_are_enough_and_three_are_not():
    x = np.array([[0.1], [0.4], [0.2], [0.9]])
    assert related({"latent": measured(x, x)})["latent"]["raw"].seeds == 4
    assert related({"latent": measured(x[:3], x[:3])}) == {}


@pytest.mark.parametrize(
    ("low", "rho", "high", "says"),
    [
        (0.1, 0.5, 0.8, "fewer, beyond copies"),
        (0.1, 0.4, 0.8, "fewer, as copies do"),  # at the end of their range, not beyond it
        (0.0, 0.5, 0.8, "not significant"),
        (-0.8, -0.5, 0.0, "not significant"),
        (-0.8, -0.3, -0.1, "more, as copies do"),
        (-0.8, -0.31, -0.1, "more, beyond copies"),
    ],
)
def test_what_a_relation_says(low, rho, high, says):
    assert judged(Relation(rho, low, high, 6, 2, (-0.3, 0.4))) == says


def test_the_tally_counts_what_is_said_with_the_mean_taken_off():
    two = {title: each for title, each in groups().items() if title != "few"}
    assert tally(two) == {"comparisons": 3, "fewer": 1, "fewer_beyond": 1, "more": 1}
    flat = measured(np.ones((1, 5)), np.ones((1, 5)))
    assert tally({"flat": flat}) == {"comparisons": 1, "fewer": 0, "fewer_beyond": 0, "more": 0}
    # Copies all in one order: what they give by themselves is no privilege.
    same = groups()["near"]
    ranks = np.arange(6.0)[None, :, None, None] + np.zeros((3, 1, 2, COPIES))
    ranks += np.linspace(-6, 6, COPIES) * (np.arange(6.0) - 2.5)[:, None, None]
    cosine = same.copy_cosine.copy(data=ranks)
    needed = 100 - cosine.isel(form=1, drop=True)
    copied = same.assign(
        copy_cosine=cosine, copy_needed=needed.expand_dims(count=list(measures.COUNTS), axis=2)
    )
    assert tally({"near": copied})["fewer"] == 1
    assert tally({"near": copied})["fewer_beyond"] == 0


def test_what_needs_no_privilege_is_the_mean_over_all_layers_of_all_groups():
    several = groups()
    values = np.concatenate([among_copies(each).values.ravel() for each in several.values()])
    assert len(values) == 18 + 18 + 6
    mean, low, high = mechanical(several)
    assert (mean, low, high) == (np.mean(values), *np.quantile(values, [0.1, 0.9]))
    planted = several["near"]
    cosine = planted.copy_cosine
    needed = (20 - cosine.isel(form=1, drop=True)).expand_dims(count=list(measures.COUNTS), axis=2)
    assert mechanical({"near": planted.assign(copy_needed=needed)}) == pytest.approx((1, 1, 1))


def test_without_any_group_there_is_nothing_to_compare():
    for call in (related, tally):
        with pytest.raises(UserError, match="no group of layers to compare: measure at least one"):
            call({})

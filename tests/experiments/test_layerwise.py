"""Measures over layers and networks, and how sure they are."""

import csv

import numpy as np
import pytest
import torch
import torchvision
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from neuronbasis import basis, completeness, decomposition, recording
from neuronbasis.decomposition import nested_span
from neuronbasis.errors import UserError
from neuronbasis.experiments import layerwise
from neuronbasis.experiments.subjects import cases
from neuronbasis.uncertainty import mean_interval

LEAN = settings(deadline=None, max_examples=10)
SMALL = {"layers": "conv2, fc3", "images": 80, "width": 3}


@pytest.fixture
def two():
    return cases(seeds=2, **SMALL)


# --- cases --------------------------------------------------------------------------------------


def test_a_convnet_is_measured_on_images_that_neither_it_nor_its_bases_have_seen(two):
    from neuronbasis import datasets, training

    digits = datasets.load("digits")
    spec = training.ClassifierSpecification.of(digits)
    first, second = two
    assert torch.equal(first.fit, training.inputs(spec, digits, "train")[:80])
    assert torch.equal(first.held_out, training.inputs(spec, digits, "test")[:80])
    assert first.labels.tolist() == digits.y_test[:80].tolist()
    assert first.data == {"digits": digits.checksum}
    assert not torch.equal(first.model.conv1.weight, second.model.conv1.weight)
    assert not first.model.training
    whole = cases(seeds=1, images=50, width=2)
    assert list(whole[0].layers) == list(first.model.layers)


def test_pictures_of_a_pretrained_network_are_drawn_apart_anew_by_each_seed(tmp_path):
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "class_index", "label"])
        for k in range(9):
            Image.new("RGB", (256, 256), (25 * k, 0, 0)).save(tmp_path / f"{k}.png")
            writer.writerow([f"{k}.png", k, f"class {k}"])
    weights = tmp_path / "w.pt"
    torch.save(torchvision.models.squeezenet1_0(weights=None).state_dict(), weights)
    given_by = {"images": 4, "seeds": 2, "weights": str(weights)}
    found = cases("squeezenet1_0", str(tmp_path), **given_by)
    for case in found:
        assert (len(case.fit), len(case.held_out), len(case.labels)) == (4, 4, 4)
        reds = [float(part[i][0][0, 0, 0]) for part in (case.fit, case.held_out) for i in range(4)]
        assert len({*reds}) == 8  # no picture is in both
        # The redder a picture, the higher its class: labels go with their pictures.
        classes = dict(zip(sorted(reds), (0, 1, 2, 3, 5, 6, 7, 8), strict=True))
        assert case.labels.tolist() == [classes[red] for red in reds[4:]]
        assert list(case.layers) == [f"fire{k}" for k in range(2, 10)]
    assert found[0].labels.tolist() != found[1].labels.tolist()
    assert found[0].model is found[1].model


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "alexnett"}, r"^no network 'alexnett' in .*torchvision.*did you mean alexnet"),
        ({"layers": "conv1, conv1"}, r"^layers are 'conv1, conv1'; pass different names"),
        ({"images": 3}, r"^images is 3; it must be an integer >= 4"),
        ({"seeds": 0}, r"^seeds is 0; it must be an integer >= 1"),
    ],
)
def test_bad_parameters_are_told_in_one_line(change, message):
    with pytest.raises(UserError, match=message) as error:
        cases(**SMALL | change)
    assert "\n" not in str(error.value)


def test_an_unknown_layer_of_a_convnet_gets_the_closest_names(two):
    (case,) = cases(seeds=1, **SMALL | {"layers": "convv2"})
    with pytest.raises(UserError, match=r"conv2"):
        layerwise.bases_of(case)


# --- over layers --------------------------------------------------------------------------------


def test_the_table_holds_what_each_layer_gives_by_itself(two):
    case = two[1]
    bases = layerwise.bases_of(case, positions=2)
    table = layerwise.explained(case, bases, positions=2, resamples=3)
    fit, held_out = (
        recording.record(case.model, case.layers, images, draws=2, seed=seed, progress=False)
        for images, seed in ((case.fit, 2), (case.held_out, 3))
    )
    assert table.layer.values.tolist() == ["conv2", "fc3"]
    assert table.units.values.tolist() == [9, 10]
    for name, several in bases.items():
        np.testing.assert_allclose(several[0].mean, np.asarray(fit[name]).mean(axis=0), rtol=1e-5)
        alone = completeness.explained_variance(held_out[name], several)
        here = table.sel(layer=name)
        assert (here.needed == alone.needed).all()
        width = several[0].n
        np.testing.assert_array_equal(here.explained[:, : width + 1], alone.explained)
        assert (here.explained[:, width:] == here.explained[:, width]).all()
    assert table.needed_again.dims == ("layer", "resample", "basis", "share")


def test_an_unknown_part_of_the_images_is_told(two):
    with pytest.raises(UserError, match=r"^part is 'all'; it must be one of fit, held_out$"):
        layerwise.explained(two[0], layerwise.bases_of(two[0]), part="all")


def test_the_same_case_gives_the_same_bytes_and_another_seed_other_random_bases(two):
    first, again = (layerwise.bases_of(two[0])["conv2"][2] for _ in range(2))
    np.testing.assert_array_equal(first.vectors, again.vectors)
    assert not np.allclose(first.vectors, layerwise.bases_of(two[1])["conv2"][2].vectors)


def test_curves_are_those_of_ablation_and_their_images_add_up(two):
    case = two[0]
    bases = layerwise.bases_of(case)
    table = layerwise.ablated(case, bases, steps=4)
    assert (table.right.mean("image") == table.accuracy).all()
    assert ((table.low <= table.accuracy) & (table.accuracy <= table.high)).all()
    for name, of_bases in bases.items():
        for order in ("descending", "ascending"):
            for each in of_bases:
                here = table.sel(layer=name, order=order, basis=each.name)
                counts = here["count"].values.tolist()
                assert sorted({*counts}) == layerwise.points(each, 4, order)
                alone = completeness.ablation(
                    case.model, name, each, case.held_out, case.labels, sorted({*counts}), order
                )
                of_step = alone.sel(count=counts, order=order, basis=each.name)
                np.testing.assert_array_equal(here.accuracy, of_step.accuracy)
                np.testing.assert_array_equal(here.variance_removed, of_step.variance_removed)
    assert (table.intact == table.accuracy.isel(step=0)).all()


def test_bases_of_other_sizes_stand_in_one_table(two):
    def maker(activations, rng):
        found = decomposition.moments(activations)
        few = decomposition.ordered(basis.Basis(np.eye(found.n)[:2], "two"), found)
        return [few, decomposition.neurons(found)]

    case = two[0]
    table = layerwise.ablated(case, layerwise.bases_of(case, maker), steps=3)
    assert table.basis.values.tolist() == ["two", "neurons"]
    two_of = table.sel(layer="conv2", basis="two", order="descending")
    assert two_of["count"].values.tolist() == [0, 1, 2, 2, 2, 2, 2]
    assert (two_of.accuracy[2:] == two_of.accuracy[2]).all()


@LEAN
@given(m=st.integers(1, 500), steps=st.integers(1, 30))
def test_counts_go_from_none_to_all_with_ever_wider_steps(m, steps):
    counts = layerwise.spaced(m, steps)
    assert counts[0] == 0
    assert counts[-1] == m
    assert len(counts) <= steps + 1
    wide = np.diff(counts)
    assert (wide > 0).all()
    assert (np.diff(wide) >= -1).all()  # up to rounding


@pytest.mark.parametrize("order", ["descending", "ascending"])
def test_points_lie_close_where_much_variance_goes_and_at_equal_steps_of_it(order):
    variances = np.exp(-np.arange(60) / 7)
    made = decomposition.OrderedBasis(np.eye(60), variances, np.zeros(60), "planted")
    found = layerwise.points(made, 8, order)
    assert found == sorted({*found})
    assert (found[0], found[-1]) == (0, 60)
    assert len(found) <= 17
    gone = np.cumsum(variances if order == "descending" else variances[::-1])
    share = np.array([0, *gone])[found] / gone[-1]
    assert np.diff(share).max() <= 1 / 8 + variances[0] / gone[-1]
    large = found if order == "descending" else [60 - k for k in found]
    assert {1, 4, 8} <= {*large}  # of the vectors of largest variance


# --- how sure -----------------------------------------------------------------------------------


def test_images_drawn_again_are_samples_written_several_times():
    rng = np.random.default_rng(3)
    image = np.repeat(np.arange(12), 2)
    rows = xr.DataArray(
        rng.standard_normal((24, 4)) * [3, 2, 1, 0.5] + 5,
        dims=("sample", "unit"),
        coords={"image": ("sample", image)},
    )
    bases = [basis.standard(4).rotated(1), basis.Basis(np.eye(4)[[0, 0, 2]], "oblique")]
    again = completeness.needed_again(rows, bases, 6, (0.5, 0.9), seed=7)
    draws = np.random.default_rng(7).multinomial(12, np.full(12, 1 / 12), 6)
    for counts, found in zip(draws, again, strict=True):
        written = np.repeat(rows.values, counts[image], axis=0)
        named = [basis.Basis(b.vectors, str(k)) for k, b in enumerate(bases)]
        expected = completeness.explained_variance(written, named, (0.5, 0.9)).needed
        np.testing.assert_array_equal(found, expected)
    assert len({each.tobytes() for each in again}) > 1
    assert (again[:, 1, 1] == -1).any()


def test_an_interval_is_over_networks_or_over_resamples():
    values = xr.DataArray([[1.0, 5.0], [2.0, 5.5], [4.0, 5.0]], dims=("network", "layer"))
    found = completeness.estimate(values)
    for k in range(2):
        expected = mean_interval(values[:, k].values.tolist())
        np.testing.assert_allclose([found[e][k] for e in ("effect", "low", "high")], expected)
    anew = xr.DataArray(
        np.arange(101.0)[None, :, None] + [[[0, 100]]], dims=("network", "resample", "layer")
    )
    over_images = completeness.estimate(values[:1], anew)
    assert over_images.effect.values.tolist() == [1, 5]
    assert over_images.low.values.tolist() == [2.5, 102.5]
    assert over_images.high.values.tolist() == [97.5, 197.5]
    swapped = completeness.estimate(values.T)
    assert swapped.equals(found)
    with pytest.raises(
        UserError, match=r"^1 values give no interval; repeat with at least 2 seeds"
    ):
        completeness.estimate(values[:1])


def curves(seed, images=40):
    """Simulated ablation curves of two networks, with ends before all is ablated."""
    rng = np.random.default_rng(seed)
    counts = np.array([[0, 1, 4, 10], [0, 2, 5, 7]])
    right = rng.random((2, 2, 4, images)) < np.linspace(1, 0.3, 4)[:, None]
    removed = np.sort(rng.random((2, 2, 4)), axis=-1)
    removed[..., 0] = 0
    dims = ("network", "basis", "step")
    return xr.Dataset(
        {
            "right": ((*dims, "image"), right),
            "accuracy": (dims, right.mean(axis=-1)),
            "variance_removed": (dims, removed),
            "count": (("basis", "step"), counts),
            "units": 10,
        }
    )


@pytest.mark.parametrize("against", ["count", "variance"])
def test_a_mean_height_is_the_area_below_with_a_level_end(against):
    found = curves(0)
    heights = completeness.areas(found, against)
    for network, b in np.ndindex(2, 2):
        one = found.isel(network=network, basis=b)
        x = one["count"] / 10 if against == "count" else one.variance_removed
        x, y = [*x.values, 1.0], [*one.accuracy.values, one.accuracy.values[-1]]
        assert float(heights[network, b]) == pytest.approx(np.trapezoid(y, x))


def test_images_drawn_again_are_the_same_for_all_curves():
    found = curves(1)
    found["right"][:, 1] = found.right[:, 0]  # two bases with the same predictions,
    found["count"][1] = found["count"][0]  # at the same counts
    heights = completeness.areas(found, resamples=200, seed=4)
    assert (heights.isel(basis=0) == heights.isel(basis=1)).all()
    spread = heights.isel(network=0, basis=0)
    exact = completeness.areas(found.assign(accuracy=found.right.mean("image")))[0, 0]
    assert spread.std() > 0.01
    assert abs(float(spread.mean() - exact)) < 3 * float(spread.std()) / np.sqrt(200)
    assert heights.equals(completeness.areas(found, resamples=200, seed=4))
    assert not heights.equals(completeness.areas(found, resamples=200, seed=5))


def test_what_cannot_be_compared_is_told():
    with pytest.raises(UserError, match=r"^against is 'k'; it must be 'count' or 'variance'$"):
        completeness.areas(curves(0), "k")
    needed = xr.DataArray([3, -1], {"basis": ["neurons", "principal components"]})
    with pytest.raises(UserError, match=r"^neurons or principal components do not reach the share"):
        completeness.fewer(needed, "neurons")


# --- beyond principal components ----------------------------------------------------------------


def test_five_bases_of_the_whole_layer_at_most_and_sources_found():
    rng = np.random.default_rng(0)
    sources = rng.laplace(size=(3000, 3)) * [5, 4, 3]
    mixing = basis.random(3, 6, seed=2).vectors
    rows = sources @ mixing + 0.05 * rng.standard_normal((3000, 6))
    found = layerwise.five(rows, np.random.default_rng(1), share=0.99, steps=50)
    names = ["neurons", "principal components", "random", "independent components"]
    assert [b.name for b in found] == [*names, "sparse autoencoder"]
    assert all(b.m == 6 for b in found[:4])
    assert found[4].m <= 6
    ics = found[3]
    assert np.abs(ics.vectors[:3] @ mixing.T).max(axis=0).min() > 0.99  # each source is one of them
    assert np.count_nonzero(nested_span(ics).any(axis=1)) == 6
    np.testing.assert_allclose(ics.vectors[3:], found[1].vectors[3:])
    assert all(np.array_equal(b.mean, found[0].mean) for b in found)
    spans = completeness.explained_variance(rows, found[1:4:2]).explained
    np.testing.assert_allclose(spans[0, 3:], spans[1, 3:])
    assert (spans[1, 1:3] < spans[0, 1:3]).all()


def test_where_no_rotation_is_best_a_looser_one_is_taken_and_other_faults_are_told():
    rows = np.random.default_rng(0).standard_normal((5000, 12))
    with pytest.raises(UserError, match="no independent components"):
        decomposition.independent(rows, 12, np.random.default_rng(0), 3, 1e-4)
    tight = [1e-12, 0.5]
    assert decomposition.independent(rows, 12, np.random.default_rng(0), 300, tight).m == 12
    with pytest.raises(UserError, match=r"^k is 13; "):
        decomposition.independent(rows, 13, np.random.default_rng(0), tolerance=tight)
    for bad, message in (([], "^tolerance is .., empty"), ([1e-4, 2], "^tolerance is 2; it must")):
        with pytest.raises(UserError, match=message):
            decomposition.independent(rows, 2, 0, tolerance=bad)
    for share in (0.0, 1.0):
        with pytest.raises(UserError, match=r"^share is .*; it must lie in \(0, 1\)"):
            layerwise.five(rows[:50], np.random.default_rng(0), share=share)


def test_of_several_tolerances_the_first_that_is_reached_decides():
    rows = np.random.default_rng(0).laplace(size=(2000, 4))
    alone, first = (decomposition.independent(rows, 4, 3, 300, t) for t in (1e-4, [1e-4, 0.5]))
    np.testing.assert_array_equal(first.vectors, alone.vectors)
    # A start for each: the second search is not the first one over again.
    generator = np.random.default_rng(3)
    generator.standard_normal((4, 4))
    later = decomposition.independent(rows, 4, generator, 300, 1e-4)
    both = decomposition.independent(rows, 4, np.random.default_rng(3), 300, [1e-300, 1e-4])
    np.testing.assert_array_equal(both.vectors, later.vectors)

"""Top images: planted neurons, literal twins of what decides, bad input."""

import numpy as np
import pytest
import xarray as xr

from neuronbasis import basis
from neuronbasis.errors import UserError
from neuronbasis.experiments import interpretable, top_images
from neuronbasis.experiments.interpretable import KINDS, ahead_and_behind, settled
from neuronbasis.visualisation import coherence, difference

CLASSES, TOP, IMAGES = 5, 4, 200


def network(seed, planted=3.0, turned=False):
    """Layers of a network whose neurons each answer to one class; perhaps turned at random."""
    rng = np.random.default_rng(seed)
    labels = np.random.default_rng(99).integers(0, CLASSES, IMAGES)
    clouds = {}
    for layer in ("conv1", "conv2", "fc3"):
        cloud = rng.normal(size=(IMAGES, 10))
        cloud += planted * (np.arange(10) % CLASSES == labels[:, None])
        clouds[layer] = cloud @ (basis.standard(10).rotated(seed).vectors if turned else np.eye(10))
    return clouds, labels


def searched(seeds=3, directions=60, threshold=0.7, everything=True, **settings):
    made = [network(seed, **settings) for seed in range(seeds)]
    clouds, labels = [each for each, _ in made], made[0][1]
    pixels = np.random.default_rng(7).normal(size=(IMAGES, 6))
    rulers = [top_images.rulers(each, pixels) for each in clouds]
    floor = top_images.floors(rulers, TOP, labels)
    return top_images.search(clouds, rulers, floor, directions, labels, threshold, everything)


@pytest.fixture(scope="module")
def planted():
    return searched()


def test_planted_neurons_are_found_and_no_longer_when_the_layer_is_turned(planted):
    claims = planted.claims("purity")
    assert claims["B1.neurons"].verdict == "reproduced"
    assert claims["B1.random"].verdict == "reproduced"  # a sum of class detectors is no noise
    assert claims["B1.neurons"].interval[0] > interpretable.SMALLEST
    rates = planted.rates("purity").sel(layer=["conv1", "conv2"])
    assert float(rates.sel(kind="neurons").mean()) > 0.95
    turned = searched(turned=True)
    effect = turned.claims("purity")["B1.neurons"].effect
    assert abs(effect) < claims["B1.neurons"].effect - 0.15
    # Random directions do not notice the turn.
    drawn = [
        each.means("purity").sel(kind="random directions").mean() for each in (planted, turned)
    ]
    assert abs(float(drawn[0] - drawn[1])) < 0.1


def test_without_anything_planted_nothing_is_found():
    claims = searched(seeds=8, planted=0.0).claims("purity")
    assert claims["B1.random"].verdict == "not reproduced"
    assert claims["B1.neurons"].verdict == "not reproduced"
    assert abs(claims["B1.random"].effect) < 0.05


def test_the_output_is_a_control_and_no_part_of_the_verdict(planted):
    cells = [dict(each) for each in planted.cells]
    for each in cells:
        for kind in KINDS:
            each["fc3", kind] = each["fc3", kind] * 0
    other = interpretable.Search(cells, planted.floor, planted.threshold)
    assert other.claims("purity") == planted.claims("purity")
    assert other.floor_mean("purity") == planted.floor_mean("purity")
    assert other.strict_rate("purity") == planted.strict_rate("purity")
    assert other.widest_gap("purity") == planted.widest_gap("purity")
    assert other.rates("purity").sel(layer="fc3").max() == 0
    assert planted.hidden == ["conv1", "conv2"]


@pytest.mark.parametrize("measure", ["purity", "features"])
def test_means_rates_and_their_differences_are_the_literal_ones(planted, measure):
    means, rates = planted.means(measure), planted.rates(measure)
    gaps = []
    for k, cells in enumerate(planted.cells):
        shares = {}
        for (layer, kind), cell in cells.items():
            ground = np.sort(planted.floor[k][layer][measure].values)
            bar = 0.7 if measure == "purity" else np.quantile(ground, 0.999)
            values = cell[measure].values.tolist()
            shares[layer, kind] = sum(value >= bar for value in values) / len(values)
            at = {"network": k, "layer": planted.layers.index(layer), "kind": KINDS.index(kind)}
            assert float(rates[at]) == shares[layer, kind]
            assert float(means[at]) == pytest.approx(sum(values) / len(values))
        gaps.append(
            np.mean([shares[each, KINDS[0]] - shares[each, KINDS[1]] for each in planted.hidden])
        )
    assert planted.gaps(measure, planted.hidden).values == pytest.approx(gaps)
    assert planted.apart(measure, planted.hidden)[0] == pytest.approx(np.mean(gaps))


def test_the_claims_say_over_how_much_and_beside_what(planted):
    claims = planted.claims("purity")
    share = float(planted.rates("purity")[:, :2, 1].mean())
    ground = np.mean([[each[k].purity.mean() for k in planted.hidden] for each in planted.floor])
    assert {each.n for each in claims.values()} == {3}
    assert claims["B1.neurons"].control.endswith(f"layers: {share:.3f} interpretable")
    assert claims["B1.random"].control == f"sets of random images: {ground:.3f}"


def test_of_one_network_the_interval_is_over_directions():
    one = searched(seeds=1, threshold=0.75)  # which three of four reach exactly
    layers = one.hidden
    values = [[one.cells[0][each, kind].purity.values for each in layers] for kind in KINDS[:2]]
    passed = [[np.array(each >= 0.75, float) for each in several] for several in values]
    assert one.apart("purity", layers) == difference(*passed)
    ground = [one.floor[0][each].purity.values for each in layers]
    assert one.beyond_random_images("purity") == difference(values[1], ground)
    assert {each.n for each in one.claims("purity").values()} == {IMAGES}


def test_the_curve_passes_through_the_rates(planted):
    curve = planted.curve("purity", planted.hidden)
    assert curve.threshold.values.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert curve.kind.values.tolist() == [*KINDS, "random images"]
    at = planted.rates("purity").sel(layer=planted.hidden).mean(("network", "layer"))
    # From 0.7 on means from 0.75 on: a set of four has no purity between.
    np.testing.assert_allclose(curve.sel(threshold=0.75, kind=list(KINDS)), at)
    assert (curve.diff("threshold") <= 0).all()
    gaps = (curve[0] - curve[1]).values
    gap, threshold = planted.widest_gap("purity")
    assert abs(gap) == np.abs(gaps).max()
    assert gaps[curve.threshold.values.tolist().index(threshold)] == gap
    swapped = [
        {
            (layer, KINDS[1 - KINDS.index(kind)]): each
            for (layer, kind), each in cells.items()
            if kind in KINDS[:2]
        }
        for cells in planted.cells
    ]
    other = interpretable.Search(swapped, planted.floor, planted.threshold)
    assert other.widest_gap("purity") == (-gap, threshold)
    assert planted.curve("pixels", ["fc3"]).sizes == {"kind": 5, "threshold": 61}


def test_neurons_that_too_few_images_excite_are_left_out_and_counted():
    clouds, labels = network(0)
    clouds["conv2"][:, 3] = 0  # dead
    clouds["conv2"][:, 4] = np.arange(IMAGES) == 5  # one image
    clouds["conv2"][:, 5] = np.arange(IMAGES) < TOP  # just enough
    rulers = [top_images.rulers(clouds, np.eye(IMAGES))]
    floor = top_images.floors(rulers, TOP, labels)
    found = top_images.search([clouds], rulers, floor, 20, labels, threshold=0.25)
    assert found.left_out() == {"conv1": [0], "conv2": [2], "fc3": [0]}
    cell = found.cells[0]["conv2", "neurons"]
    assert (cell.sizes["direction"], cell.attrs["directions"]) == (8, 10)
    assert cell.direction.values.tolist() == [0, 1, 2, 5, 6, 7, 8, 9]
    # At such a threshold every direction passes, and only those left out do not.
    assert float(found.rates("purity")[0, 1, 0]) == 1
    assert found.strict_rate("purity") == pytest.approx((1 + 0.8) / 2)


def test_a_search_is_coherence_with_the_network_as_seed():
    made = [network(seed) for seed in range(2)]
    clouds, labels = [{k: np.rint(v) for k, v in each.items()} for each, _ in made], made[0][1]
    rulers = [top_images.rulers(each, np.eye(IMAGES)) for each in clouds]
    floor = top_images.floors(rulers, TOP, labels)
    assert not floor[0]["conv1"].top.equals(floor[1]["conv1"].top)
    found = top_images.search(clouds, rulers, floor, 9, labels, everything=False)
    assert list(found.cells[1]) == [(layer, kind) for layer in clouds[1] for kind in KINDS[:2]]
    features = {"pixels": np.eye(IMAGES), "features": clouds[1]["conv1"]}
    for kind, each in zip(KINDS, (basis.standard(10), basis.random(9, 10, 1)), strict=False):
        # With ties, which the seed breaks.
        twin = coherence(clouds[1]["conv2"], each, TOP, labels, features, seed=1)
        assert found.cells[1]["conv2", kind].drop_attrs().identical(twin.drop_attrs())


def test_of_components_both_ends_are_looked_at_and_none_that_carries_nothing():
    cloud = np.random.default_rng(0).normal(size=(30, 14)) * np.r_[np.ones(12), 0, 0]
    found = top_images.kinds(cloud, directions=7)
    few, every = (found[kind].vectors for kind in KINDS[2:])
    assert (len(few), len(every)) == (20, 24)
    np.testing.assert_array_equal(few[10:], -few[:10])
    np.testing.assert_array_equal(every[12:22], -few[:10])
    spread = (cloud @ few[:10].T).var(axis=0)
    assert (np.diff(spread) < 0).all()


def test_examples_are_top_images_of_neurons_that_are_excited():
    clouds, _ = network(1)
    cloud = clouds["conv1"] * (np.arange(10) < 2)  # two neurons are alive
    shown = top_images.examples(cloud, TOP, directions=9)
    assert list(shown) == [
        "neuron 0",
        "neuron 1",
        *(f"{n} {k}" for n in ("random", "PC") for k in (1, 2, 3)),
    ]
    for k in (0, 1):
        assert shown[f"neuron {k}"].tolist() == np.argsort(-cloud[:, k])[:TOP].tolist()
    second = cloud @ basis.random(9, 10, 0).vectors[1]
    assert shown["random 2"].tolist() == np.argsort(-second)[:TOP].tolist()


def test_layers_of_one_ruler_share_a_floor_and_the_last_has_its_own():
    clouds, labels = network(0)
    by = top_images.rulers(clouds, np.eye(IMAGES))
    assert by["conv1"]["features"] is by["fc3"]["features"] is clouds["conv2"]
    assert by["conv2"]["features"] is clouds["conv1"]
    (floor,) = top_images.floors([by], TOP, labels)
    assert floor["conv1"] is floor["fc3"]
    assert not floor["conv1"].features.equals(floor["conv2"].features)
    assert floor["conv1"].purity.equals(floor["conv2"].purity)


def test_the_places_of_a_network_are_before_and_after_its_relus():
    every = top_images.places("convnet")
    assert [after for _, (after,) in every.values()] == [*(f"relu{k}" for k in range(1, 8)), "fc3"]
    fires = top_images.places("squeezenet1_0", "fire9, fire2")
    assert list(fires) == ["fire9", "fire2"]
    assert fires["fire9"] == (["features.12.expand1x1", "features.12.expand3x3"], ["features.12"])


def test_an_interval_over_networks_is_students_and_zero_is_neither_side():
    assert settled([0.1, 0.3], [], [])[0] == pytest.approx(0.2)
    spans = {"a": (0.1, 0.0, 0.2), "b": (-0.1, -0.2, 0.0), "c": (-0.2, -0.3, -0.1)}
    assert ahead_and_behind(spans) == ([], ["c"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: top_images.places("alexnet"), r"^model is 'alexnet'; it must be one of"),
        (lambda: top_images.places("convnet", "conv1, fc3"), "layers are 'conv1, fc3'; name at"),
        (lambda: top_images.places("convnet", "conv1, conv9"), "at least two of conv1, .*, each"),
        (lambda: top_images.places("convnet", "conv1, fc1, fc1"), "two of .*, each once"),
        (lambda: top_images.rulers({"fc1": 0, "fc3": 0}, 0), "layers are fc1, fc3; pass at"),
        (lambda: top_images.shared([0, 1], "purity"), "share a class: pass 'features'"),
        (lambda: top_images.shared([0, 0], "sound"), "measure is 'sound'; it must be one of"),
        (lambda: searched(threshold=66), r"^threshold is 66; it must lie in \(0, 1\]"),
        (lambda: top_images.search([], [], [], 5), "0 networks, 0 rulers and 0 floors"),
    ],
)
def test_a_mistake_is_told_in_one_line(call, message):
    with pytest.raises(UserError, match=message) as error:
        call()
    assert "\n" not in str(error.value)


def test_a_layer_that_hardly_any_image_excites_is_told():
    clouds, labels = network(0)
    clouds["conv1"] = np.eye(IMAGES, 3)
    rulers = [top_images.rulers(clouds, np.eye(IMAGES))]
    rulers[0]["conv2"] = rulers[0]["fc3"]  # what is constant compares nothing
    floor = top_images.floors(rulers, TOP, labels)
    with pytest.raises(UserError, match="none of the 3 neurons of conv1 is excited by 4 images"):
        top_images.search([clouds], rulers, floor, 5, labels)


def test_activations_may_be_labelled():
    clouds, labels = network(0)
    named = {k: xr.DataArray(v, dims=("image", "unit")) for k, v in clouds.items()}
    results = []
    for each in (clouds, named):
        rulers = [top_images.rulers(each, np.eye(IMAGES))]
        floor = top_images.floors(rulers, TOP, labels)
        results.append(top_images.search([each], rulers, floor, 5, labels).means("features"))
    assert results[0].identical(results[1])

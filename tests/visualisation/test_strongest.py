"""Strongest patches: a literal twin, one of each image, patches against gradients, bad input."""

import json

import numpy as np
import pytest
import timm
import torch
import xarray as xr
from torch import nn

from neuronbasis import basis, decomposition, networks, recording, visualisation
from neuronbasis.errors import UserError
from neuronbasis.experiments import patches
from neuronbasis.recording import Field
from neuronbasis.visualisation import DATA

LAYERS = networks.layer_names("stem, expand3, expand5", "timm:tf_efficientnet_lite0")


def cloud(seed=0, images=12, each=5, n=4):
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((images * each, n)) * np.arange(1, n + 1)
    return xr.DataArray(
        rows, dims=("sample", "unit"), coords={"image": ("sample", np.repeat(range(images), each))}
    )


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return timm.create_model("tf_efficientnet_lite0").eval()


@pytest.fixture(scope="module")
def inputs():
    return torch.rand(6, 3, 96, 96, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture(scope="module")
def walks(network, inputs):
    return visualisation.walk(
        network, LAYERS, inputs, vectors=3, points=3, patches=1, draws=20, inside=True
    )


def test_literal_twin_agrees():
    rows, b = cloud(), basis.random(7, 4, seed=1)
    ordered = decomposition.ordered(b, rows)
    found = visualisation.strongest(rows, ordered, vectors=[2, 0], patches=4)
    for place, vector in enumerate((2, 0)):
        along = (rows.values - rows.values.mean(0)) @ ordered.vectors[vector]
        best = {}
        for row in np.argsort(-along):
            best.setdefault(int(rows.image[row]), int(row))
        wanted = list(best.values())[:4]
        assert found["sample"].values[place, :, 0].tolist() == wanted
        np.testing.assert_allclose(found.coordinate.values[place], along[wanted], atol=1e-12)


def test_both_ends_are_the_strongest_of_the_vector_and_of_its_opposite():
    rows = cloud()
    b = decomposition.neurons(rows)
    found = visualisation.both_ends(rows, b, vectors=2, patches=3)
    right = visualisation.strongest(rows, b, vectors=2, patches=3)
    assert (np.diff(found.coordinate.values, axis=1) > 0).all()
    assert (found["sample"].values[:, :2:-1] == right["sample"].values).all()
    turned = decomposition.OrderedBasis(-b.vectors, b.variances, b.mean)
    left = visualisation.strongest(rows, turned, vectors=2, patches=3)
    assert (found["sample"].values[:, :3] == left["sample"].values).all()


def test_too_few_images_and_activations_without_images_are_told_in_a_line():
    rows = cloud(images=3)
    b = decomposition.neurons(rows)
    with pytest.raises(UserError, match="k is 5, each of another group, and there are 3"):
        visualisation.strongest(rows, b, vectors=2, patches=5)
    with pytest.raises(UserError, match="do not say of which image"):
        visualisation.strongest(rows.drop_vars("image"), b)
    with pytest.raises(UserError, match=r"vectors are 9 of 4"):
        visualisation.strongest(rows, b, vectors=9, patches=2)


@pytest.mark.parametrize("take", [visualisation.strongest, visualisation.both_ends])
def test_plain_arrays_and_bases_without_a_mean_are_told_in_a_line(take):
    rows = cloud()
    for plain in (rows.values, torch.from_numpy(rows.values), rows.values.tolist()):
        with pytest.raises(UserError, match=r"the activations, a \w+, do not say of which image"):
            take(plain, decomposition.neurons(rows), vectors=2, patches=2)
    with pytest.raises(UserError, match=r"basis is a Basis, without a mean .* pass decomposition"):
        take(rows, basis.standard(4), vectors=2, patches=2)
    with pytest.raises(UserError, match="basis is a ndarray, without a mean"):
        take(rows, np.eye(4), vectors=2, patches=2)


def test_thumbnails_of_plain_arrays_are_told_in_a_line_and_pictures_may_be_arrays():
    rows, whole = cloud(images=1, each=1), Field((8, 8), (0, 0), (0, 0), image=(8, 8))
    picture = np.arange(64.0).reshape(1, 1, 8, 8)
    with pytest.raises(UserError, match="the activations, a ndarray, do not say of which image"):
        visualisation.thumbnails(picture, rows.values, whole)
    tensor = visualisation.thumbnails(torch.from_numpy(picture), rows, whole)
    np.testing.assert_array_equal(visualisation.thumbnails(picture, rows, whole), tensor)


def test_random_images_are_of_different_groups():
    groups = np.repeat(range(4), [1, 10, 10, 10])
    drawn = visualisation.random_images(31, k=3, sets=400, groups=groups)
    assert all(len({*groups[row]}) == 3 for row in drawn["top"].values)
    # Groups are drawn alike, however many members they have: three of four hold the first.
    assert (drawn["top"].values == 0).any(axis=1).mean() == pytest.approx(0.75, abs=0.1)
    with pytest.raises(UserError, match="groups have shape"):
        visualisation.random_images(31, k=3, groups=groups[:5])


@pytest.mark.parametrize("layer", list(LAYERS))
def test_a_patch_is_what_the_activation_depends_on(network, inputs, walks, layer):
    walk = walks[layer]
    rows = walk.activations
    chosen = [0, len(rows) // 2, len(rows) - 1]
    for number in chosen:
        image, row, col = (int(rows[name].values[number]) for name in ("image", "row", "col"))
        x = inputs[image : image + 1].clone().requires_grad_()
        read = recording.activate(network, LAYERS[layer], (row, col))(x)[0]
        np.testing.assert_allclose(
            read.detach().numpy(), rows.values[number], rtol=1e-3, atol=1e-4
        )  # fmt: skip
        (gradient,) = torch.autograd.grad((read * torch.randn(len(read))).sum(), x)
        touched = (gradient[0] != 0).any(0).numpy()
        window = walk.field.patch(row, col)
        assert touched[window].any()
        outside = touched.copy()
        outside[window] = False
        assert not outside.any()
        # None of it is cut off by the rim, which is what "inside" promises.
        assert (window[0].stop - window[0].start, window[1].stop - window[1].start) == (
            walk.field.size
        )


def test_inside_is_given_up_where_the_window_is_larger_than_the_image(network, inputs):
    head = networks.layer_names("head", "tf_efficientnet_lite0")
    found = visualisation.walk(
        network, head, inputs, vectors=2, points=2, patches=1, draws=4, inside=True
    )["head"]
    assert len(found.activations) == 24
    assert "sample" not in found.activations.coords


def test_thumbnails_of_the_windows_own_size_are_its_pixels(inputs, walks):
    walk = walks["expand3"]
    small = visualisation.thumbnails(inputs, walk.activations, walk.field, walk.field.size[0])
    for number in (0, len(small) - 1):
        at = {name: int(walk.activations[name].values[number]) for name in ("image", "row", "col")}
        picture = walk.field.cut(inputs[at["image"]].permute(1, 2, 0), at["row"], at["col"])
        wanted = np.moveaxis(np.asarray(picture), 2, 0)
        np.testing.assert_allclose(small[number].reshape(wanted.shape), wanted, atol=1e-5)


def test_thumbnails_are_means_of_parts():
    rows = cloud(images=1, each=1)
    picture = torch.arange(64.0).reshape(1, 1, 8, 8)
    whole = Field((8, 8), (0, 0), (0, 0), image=(8, 8))
    small = visualisation.thumbnails(picture, rows, whole, side=4)
    wanted = picture.reshape(4, 2, 4, 2).mean((1, 3)).numpy().ravel()
    np.testing.assert_allclose(small[0], wanted)


def test_a_gallery_of_ends_shows_each_end_and_a_whole_photograph_once(tmp_path):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 5, 7, padding=3))
    images = torch.rand(9, 3, 3, 3)
    walks = visualisation.walk(net, ["0"], images, vectors=5, points=2, patches=1, draws=6)
    page = visualisation.gallery_of(walks, tmp_path / "g", ends=4)
    text = (page.parent / DATA).read_text(encoding="utf-8").removeprefix("window.gallery = ")
    told = json.loads(text.rstrip().removesuffix(";"))
    assert (told["points"], told["patches"], told["ends"]) == (8, 1, 4)
    layer = told["layers"][0]
    shown = {tile for each in layer["bases"] for row in each["tiles"] for tile in row}
    assert shown == set(range(9))  # one a photograph, though six places of each were recorded
    assert all(len({*row[:4]}) == 4 == len({*row[4:]}) for row in layer["bases"][0]["tiles"])
    with pytest.raises(UserError, match="title is ''"):
        visualisation.gallery_of(walks, tmp_path / "other", title="")


def test_a_comparison_is_finite_counts_photographs_and_needs_two_layers(inputs, walks):
    found = patches.compare(walks, inputs, top=2, directions=9)
    assert found.layers == list(LAYERS)
    assert found.claims("features")["B1.random"].n == len(inputs)
    for measure in ("pixels", "features"):
        assert np.isfinite(found.means(measure).values).all()
    with pytest.raises(UserError, match="pass at least two, to compare"):
        patches.compare({"stem": walks["stem"]}, inputs)


def test_layers_are_compared_at_the_places_that_both_have(inputs, walks):
    own, other = patches._together(walks["stem"].activations, walks["expand5"].activations)
    assert (own.image.values == other.image.values).all()
    assert 0 < len(own) < len(walks["stem"].activations)
    # The same fraction of height and width: rows of the one are four times those of the other.
    ratio = walks["expand5"].field.stride[0] // walks["stem"].field.stride[0]
    assert (own.row.values // ratio == other.row.values).all()

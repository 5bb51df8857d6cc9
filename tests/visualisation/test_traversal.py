import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from neuronbasis import basis, datasets, decomposition, recording, visualisation
from neuronbasis.decomposition import OrderedBasis, _components
from neuronbasis.errors import UserError
from neuronbasis.figures import visualisation as figures
from neuronbasis.recording import Field
from neuronbasis.visualisation import _traversal


def draw(samples, n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((samples, n)) * np.arange(n, 0, -1) + 5 * rng.standard_normal(n)


def twin(activations, b, vector, points, patches):
    """Distances of every activation to every point, sorted."""
    v = b.vectors[vector]
    along = np.array([(a - b.mean) @ v for a in activations])
    found = []
    for share in np.arange(points) / (points - 1):
        point = b.mean + (along.min() + share * (along.max() - along.min())) * v
        distances = np.array([np.linalg.norm(a - point) for a in activations])
        order = np.argsort(distances, kind="stable")[:patches]
        found.append((order, distances[order]))
    return found


# --- the search -------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    samples=st.integers(3, 60),
    n=st.integers(2, 6),
    points=st.integers(2, 7),
    patches=st.integers(1, 3),
    kind=st.sampled_from(["principal", "neurons", "random", "oblique"]),
)
def test_agrees_with_distances_to_every_point(seed, samples, n, points, patches, kind):
    rows = draw(samples, n, seed)
    if kind == "oblique":
        b = decomposition.ordered(basis.random(n + 2, n, seed), rows)
    else:
        b = getattr(_components, kind)(rows)
    r = visualisation.nearest(rows, b, vectors=2, points=points, patches=patches)
    for vector in range(2):
        for point, (order, distances) in enumerate(twin(rows, b, vector, points, patches)):
            here = {"vector": vector, "point": point}
            np.testing.assert_array_equal(r["sample"].isel(here), order)
            np.testing.assert_allclose(r.distance.isel(here), distances, rtol=1e-6, atol=1e-6)
    centred = rows[r["sample"].values] - b.mean
    along = np.einsum("vprn,vn->vpr", centred, b.vectors[:2])
    np.testing.assert_allclose(r.along, along, atol=1e-9)
    np.testing.assert_allclose(r.off**2 + r.along**2, (centred**2).sum(-1), atol=1e-6)


def test_points_run_from_the_smallest_to_the_largest_coordinate_through_the_mean():
    rows = draw(500, 4)
    b = decomposition.principal(rows)
    r = visualisation.nearest(rows, b, vectors=[2, 0], points=5, patches=1)
    assert r["vector"].values.tolist() == [2, 0]
    assert r.label.values.tolist() == [b.labels[2], b.labels[0]]
    along = (rows - b.mean) @ b.vectors[[2, 0]].T
    np.testing.assert_allclose(r.coordinate[:, 0], along.min(0))
    np.testing.assert_allclose(r.coordinate[:, -1], along.max(0))
    np.testing.assert_allclose(np.diff(r.coordinate, 2), 0, atol=1e-12)


def test_planted_activations_are_found_where_they_were_planted():
    """Nearly on the line of one vector, among others far off it."""
    rng = np.random.default_rng(1)
    b = OrderedBasis(basis.standard(20).rotated(3).vectors, np.arange(20)[::-1], np.ones(20))
    along = np.linspace(-8, 8, 9)
    planted = b.mean + np.multiply.outer(along, b.vectors[4])
    others = 3 * rng.standard_normal((3000, 20))
    others += b.mean - 0.5 * np.multiply.outer(others @ b.vectors[4], b.vectors[4])
    rows = np.concatenate([others[:1000], planted, others[1000:]]).astype(np.float32)
    r = visualisation.nearest(rows, b, vectors=[4], points=9, patches=2)
    assert r["sample"].values[0, :, 0].tolist() == list(range(1000, 1009))
    assert float(r.distance[0, :, 0].max()) < 1e-3 < float(r.distance[0, :, 1].min())


def test_a_large_mean_costs_no_patch():
    rows = draw(300, 5)
    near = visualisation.nearest(rows, decomposition.principal(rows))
    far = visualisation.nearest(rows + 1e6, decomposition.principal(rows + 1e6))
    np.testing.assert_array_equal(near["sample"], far["sample"])
    np.testing.assert_allclose(near.distance, far.distance, atol=1e-6)


def test_of_equally_near_patches_the_earlier_come_first():
    rows = np.array([[0.0, 1.0], [4.0, 0.0], [0.0, 1.0], [0.0, -1.0], [4.0, 0.0]])
    r = visualisation.nearest(rows, OrderedBasis(np.eye(2), [2, 1], [0, 0]), 1, 2, 3)
    assert r["sample"].values.tolist() == [[[0, 2, 3], [1, 4, 0]]]


def test_chunks_files_and_tensors_give_the_same(tmp_path):
    rows = draw(3 * _traversal._ROWS + 7, 3).astype(np.float32)
    b = decomposition.neurons(rows)
    expected = visualisation.nearest(rows, b, vectors=3)
    np.save(tmp_path / "rows.npy", rows)
    for same in (torch.from_numpy(rows), np.load(tmp_path / "rows.npy", mmap_mode="r")):
        xr.testing.assert_identical(visualisation.nearest(same, b, vectors=3), expected)


# --- where patches are ------------------------------------------------------------------------


def recorded():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 6, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(6, 8, 2))
    images = torch.rand(12, 1, 9, 8, generator=torch.Generator().manual_seed(1))
    return model, images, recording.record(model, ["2"], images, positions="all")["2"]


def test_a_patch_gives_the_activation_that_it_stands_for():
    """What the network makes of a patch alone is the activation of the sample."""
    model, images, rows = recorded()
    field = recording.receptive_field(model, "2", (1, 9, 8))
    r = visualisation.nearest(rows, decomposition.principal(rows), points=3, patches=2)
    shown = visualisation.pictures(r, images[:, 0].numpy(), field)
    assert shown.picture.dims == ("vector", "point", "rank", "y", "x")
    assert shown.picture.shape[3:] == field.size
    inner = 0
    for place in np.ndindex(r["sample"].shape):
        row, col = int(r.row.values[place]), int(r.col.values[place])
        if min(row, col) and row < 3:  # whose window lies inside the image
            inner += 1
            patch = torch.from_numpy(shown.picture.values[place])[None, None]
            with torch.no_grad():  # padding the patch again would shift what it stands for
                hidden = nn.functional.conv2d(patch, model[0].weight, model[0].bias, stride=2)
                made = model[2](hidden.relu())[0, :, 0, 0]
            np.testing.assert_allclose(made, rows[int(r["sample"].values[place])], atol=1e-5)
    assert inner > 3


def test_where_patches_are_comes_from_the_recording():
    _, _, rows = recorded()
    r = visualisation.nearest(rows, decomposition.neurons(rows))
    for name in ("image", "row", "col"):
        np.testing.assert_array_equal(r[name], rows[name].values[r["sample"].values])
    assert "token" not in r.coords
    assert "image" not in visualisation.nearest(rows.values, decomposition.neurons(rows)).coords


def test_without_positions_a_patch_is_the_image():
    rows = xr.DataArray(draw(6, 3), dims=("sample", "unit"), coords={"image": ("sample", range(6))})
    images = np.random.default_rng(0).integers(0, 255, (6, 4, 5, 3), dtype=np.uint8)
    r = visualisation.nearest(rows, decomposition.neurons(rows), 2, 3, 2)
    shown = visualisation.pictures(r, images, Field((2, 2), (1, 1), (0, 0), (4, 5)))
    assert shown.picture.dims[-1] == "channel"
    np.testing.assert_array_equal(shown.picture, images[r["sample"].values])


# --- mistakes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"basis": basis.standard(3)}, "without a mean to go through: pass decomposition.ordered"),
        ({"activations": np.ones((9, 4))}, "activations have width 4 and the basis 3"),
        ({"activations": np.full((9, 3), np.nan)}, "activations hold nan at row 0, column 0"),
        ({"activations": np.array([["a"] * 3])}, "activations"),
        ({"activations": np.empty((0, 3))}, "activations"),
        ({"activations": draw(4, 3)}, "patches is 5 of 4 activations: pass at most that many"),
        ({"vectors": 4}, "vectors go up to 3; the basis has 3, counted from 0"),
        ({"vectors": [3]}, "vectors go up to 3; the basis has 3"),
        ({"vectors": []}, "vectors go up to none"),
        ({"vectors": [-1]}, "a vector is -1; it must be an integer >= 0"),
        ({"vectors": 0}, "vectors is 0; it must be an integer >= 1"),
        ({"points": 1}, "points is 1; it must be an integer >= 2"),
        ({"patches": 0}, "patches is 0; it must be an integer >= 1"),
    ],
)
def test_mistakes_are_told_in_a_line(change, message):
    rows = draw(30, 3)
    given = {"activations": rows, "basis": decomposition.neurons(rows), "vectors": 3} | change
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        visualisation.nearest(**given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e8 + 0.1])
def test_a_constant_unit_has_no_points(value):
    rows = draw(1000, 3)
    rows[:, 1] = value
    b = decomposition.neurons(rows)
    assert b.labels[2] == "neuron 1"
    with pytest.raises(UserError, match="vector 2 of 'neurons': all activations have the same"):
        visualisation.nearest(rows, b, 3)
    assert visualisation.nearest(rows, b, 2).sizes["vector"] == 2


def test_pictures_need_the_images_that_were_recorded():
    model, images, rows = recorded()
    b, field = decomposition.neurons(rows), recording.receptive_field(model, "2", (1, 9, 8))
    with pytest.raises(UserError, match="does not say which image a patch is of"):
        visualisation.pictures(visualisation.nearest(rows.values, b), images[:, 0].numpy(), field)
    with pytest.raises(UserError, match=re.escape("image has shape (8, 8); the field is that of")):
        visualisation.pictures(visualisation.nearest(rows, b), np.zeros((12, 8, 8)), field)


def test_a_walk_is_recording_bases_search_and_pictures_in_one():
    model, images, _ = recorded()
    walks = visualisation.walk(
        model, ["2"], images, limits=(0, 1), vectors=2, points=3, patches=2, seed=4
    )
    found = walks["2"]
    rows = recording.record(model, ["2"], images, seed=4)["2"]
    xr.testing.assert_identical(found.activations, rows)
    field = recording.receptive_field(model, "2", tuple(images.shape[1:]))
    made = {
        "principal components": decomposition.principal(rows),
        "neurons": decomposition.neurons(rows),
        "random directions": decomposition.random(rows, 4),
    }
    assert list(found.along) == list(found.bases) == list(made)
    shown = datasets.pictures(images, (0, 1))
    for name, b in made.items():
        np.testing.assert_array_equal(found.bases[name].vectors, b.vectors)
        expected = visualisation.nearest(rows, b, 2, 3, 2)
        xr.testing.assert_identical(found.along[name], expected)
        xr.testing.assert_identical(
            found.pictures(name), visualisation.pictures(expected, shown, field, found.beyond)
        )


def test_a_walk_takes_bases_of_ones_own_and_leaves_out_what_does_not_vary():
    model, images, _ = recorded()
    with torch.no_grad():
        model[2].weight[0] = 0
    own = visualisation.walk(
        model, {"mine": "2"}, images, lambda rows: {"axes": decomposition.neurons(rows)},
        vectors=None, points=2, patches=1,
    )["mine"]  # fmt: skip
    units = own.activations.sizes["unit"]
    assert list(own.along) == ["axes"]
    assert own.along["axes"].sizes["vector"] == units - 1
    with pytest.raises(UserError, match="vectors is 0; it must be an integer >= 1"):
        visualisation.walk(model, ["2"], images, vectors=0)


# --- figures ----------------------------------------------------------------------------------


def test_the_figure_holds_every_patch_in_its_place():
    model, images, rows = recorded()
    field = recording.receptive_field(model, "2", (1, 9, 8))
    shown = {
        name: visualisation.pictures(
            visualisation.nearest(rows, b, vectors, points=3, patches=2),
            images[:, 0].numpy(),
            field,
        )
        for name, b, vectors in (
            ("principal components", decomposition.principal(rows), 3),
            ("neurons", decomposition.neurons(rows), 2),
        )
    }
    figure = figures.walks(shown, levels=(0, 1))
    grid = np.array(figure.axes).reshape(3, 2)
    assert [axes.get_title() for axes in grid[0]] == list(shown)
    assert not grid[2, 1].images
    height, width = field.size
    for (row, column), axes in np.ndenumerate(grid[:2]):
        result = list(shown.values())[column].isel(vector=row)
        assert axes.get_ylabel() == result.label.item()
        mosaic = axes.images[0].get_array()
        for point, rank in np.ndindex(3, 2):
            top, left = rank * (height + 1), point * (width + 1)
            np.testing.assert_allclose(
                mosaic[top : top + height, left : left + width], result.picture[point, rank]
            )
        ticks = [float(label.get_text()) for label in axes.get_xticklabels()]
        np.testing.assert_allclose(ticks, result.coordinate, rtol=5e-3)
    plt.close(figure)


def test_the_figure_of_objectives_shows_results_and_targets():
    ends = [xr.Dataset({"activation": (("run", "unit"), np.array([[t, 0.5]]))}) for t in (1.0, 2.0)]
    for end, target in zip(ends, ("none", 2.0), strict=True):
        end.attrs["target"] = target
    panels = {"maximised": ends[:1], "approached": ends[1:]}
    figure = figures.objectives(draw(50, 2), panels, mean=[0, 0], vector=[1, 0])
    for axes, count, end in zip(figure.axes, (0, 1), ends, strict=True):
        lines = {line.get_label(): line for line in axes.lines}
        assert len(lines["target"].get_xdata()) == count
        np.testing.assert_array_equal(lines["result"].get_xydata(), end.activation)
    plt.close(figure)


def test_images_may_come_one_by_one():
    rows = xr.DataArray(draw(6, 3), dims=("sample", "unit"), coords={"image": ("sample", range(6))})
    read = []

    class Reader:
        def __getitem__(self, number):
            read.append(number)
            return np.full((2, 2), number)

    shown = visualisation.pictures(
        visualisation.nearest(rows, decomposition.neurons(rows), 1, 2, 1), Reader()
    )
    assert shown.picture.values[0, :, 0, 0, 0].tolist() == read

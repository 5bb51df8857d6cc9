"""Pictures of how many regions there are, and which of them data visit."""

import numpy as np
import pytest
import xarray as xr

from neuronbasis import regions
from neuronbasis.figures import visits as figures


def test_counts_stand_beside_the_most_there_can_be(line, legend, ticks):
    kinds, m = ["one input", "two inputs"], [2, 4, 8]
    formula = xr.DataArray(
        [[3, 5, 9], [4, 11, 37]], dims=("kind", "m"), coords={"kind": kinds, "m": m}
    )
    measured = xr.DataArray(
        [[[3, 2], [5, 4], [9, 8]], [[4, 3], [10, 9], [30, 20]]],
        dims=("kind", "m", "layer"),
        coords={"kind": kinds, "m": m},
    )
    (axes,) = figures.counts(measured, formula).axes
    assert line(axes, "most: two inputs").tolist() == [[2, 4], [4, 11], [8, 37]]
    counted = line(axes, "counted: one input")
    assert counted.tolist() == [[2, 3], [2, 2], [4, 5], [4, 4], [8, 9], [8, 8]]
    assert ticks(axes.xaxis) == ["2", "4", "8"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("neurons m", "regions")
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert axes.get_ylim() == (1.5, 90)
    assert legend(axes) == [
        "most: one input", "most: two inputs", "counted: one input", "counted: two inputs",
    ]  # fmt: skip


def test_cells_show_their_visits_and_images_their_class(line, legend):
    cells = regions.arrangement([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0], window=(-1, 1))
    points = np.array([[0.5, 0.5], [0.4, 0.6], [-0.5, 0.5]])
    number = np.bincount(regions.locate(cells, points), minlength=cells.sizes["cell"])
    figure = figures.latent(cells, number, points, np.array([0, 1, 1]), ["cat", "dog"])
    left, right, bar = figure.axes
    (shapes,) = left.collections
    shown = shapes.get_array()
    np.testing.assert_array_equal(np.ma.getmaskarray(shown), number == 0)
    np.testing.assert_array_equal(shown.compressed(), number[number > 0])
    assert shapes.cmap.get_bad().tolist() == [1, 1, 1, 1]  # white
    assert line(right, "cat").tolist() == [[0.5, 0.5]]
    assert line(right, "dog").tolist() == [[0.4, 0.6], [-0.5, 0.5]]
    assert len({each.get_marker() for each in right.lines}) == 2
    assert bar.get_ylabel() == "images in the region (white: none)"
    assert [left.get_title(), right.get_title()] == ["regions and visits", "the images by class"]
    assert sorted(map(np.ndarray.tolist, right.collections[0].get_segments())) == sorted(
        cells.ends.values.tolist()
    )
    for axes in (left, right):
        assert (axes.get_xlim(), axes.get_ylim()) == ((-1, 1), (-1, 1))
        assert axes.get_xlabel() == "activation $a_1$"
        assert axes.get_ylabel() == "activation $a_2$"
    assert legend(right) == ["cat", "dog"]


def test_signs_stand_above_the_mean_images():
    signs = np.sign(np.arange(12.0).reshape(3, 2, 2) - 5.5)
    means = np.linspace(-1, 1, 12).reshape(3, 2, 2)
    figure = figures.cell_pictures(signs, means, ["3 images", "2 images", "1 image"])
    above, below = np.array(figure.axes).reshape(2, 3)
    assert [axes.get_title() for axes in above] == ["3 images", "2 images", "1 image"]
    for row, pictures in ((above, signs), (below, means)):
        for axes, picture in zip(row, pictures, strict=True):
            np.testing.assert_array_equal(axes.images[0].get_array(), picture)
            assert axes.images[0].get_clim() == (-1, 1)
    assert (above[0].get_ylabel(), below[0].get_ylabel()) == ("signs", "mean image")


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_numbers_of_networks_have_a_row_a_condition(scale, ticks):
    numbers = {"untrained": [10, 20], "trained": [4, 6, 8]}
    (axes,) = figures.visits(numbers, "regions", scale).axes
    assert ticks(axes.yaxis) == list(numbers)
    assert (axes.get_xlabel(), axes.get_xscale()) == ("regions", scale)
    for row, values in enumerate(numbers.values()):
        dots, mean = axes.lines[2 * row : 2 * row + 2]
        assert dots.get_xydata().tolist() == [[x, row] for x in values]
        assert mean.get_xydata().tolist() == [[np.mean(values), row]]
    assert (axes.get_xlim()[0] == 0) == (scale == "linear")
